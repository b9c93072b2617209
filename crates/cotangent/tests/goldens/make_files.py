"""Files that other libraries write: `files/*.npy`, `.npz`, `.eqx`, `.safetensors`.

    pip install numpy==2.4.6 jax==0.10.2 equinox==0.13.8 safetensors==0.8.0
    python make_files.py

Every array is `numpy.arange(n).reshape(shape)` in its dtype, for real ones minus 2, for complex ones plus `1j`.
"""

import io

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

from file_arrays import OUT, array

jax.config.update("jax_enable_x64", True)


def main():
    OUT.mkdir(exist_ok=True)
    for dtype in ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]:
        name = np.dtype(dtype).name
        np.save(OUT / f"{name}.npy", array((2, 3), dtype))
    np.save(OUT / "bfloat16.npy", np.asarray(jnp.asarray(array((2, 3), "f4"), jnp.bfloat16)))
    np.save(OUT / "column_major.npy", np.asfortranarray(array((2, 3, 4), "f4")))
    np.save(OUT / "big_endian.npy", array((2, 3), ">c8"))
    np.save(OUT / "scalar.npy", np.float32(2.5))
    np.save(OUT / "empty.npy", np.zeros((0, 3), np.float32))
    np.save(OUT / "objects.npy", np.array([None, 1], object), allow_pickle=True)
    np.save(OUT / "texts.npy", np.array(["a", "bc"]))
    np.save(OUT / "records.npy", np.zeros(2, [("a", "i4"), ("b", "f8")]))
    np.savez(OUT / "stored.npz", array((2, 3), "f4"), b=array((3,), "i4"))
    np.savez_compressed(OUT / "compressed.npz", weight=array((2, 3), "f4"), bias=array((3,), "f8"))

    model = eqx.nn.MLP(2, 1, 4, 1, key=jax.random.key(0))
    model = jax.tree.map(lambda x: jnp.asarray(array(x.shape, "f4")) if eqx.is_array(x) else x, model)
    eqx.tree_serialise_leaves(OUT / "mlp.eqx", model)

    tensors = {
        "layers.0.weight": array((4, 2), "f4"),
        "layers.0.bias": array((4,), "f4"),
        "scale": array((), "f8"),
        "steps": array((3,), "i8"),
        "mask": array((3,), "?"),
        "half": array((2,), "f2"),
    }
    tensors = {name: np.asarray(x) for name, x in tensors.items()}
    save_file(tensors, OUT / "model.safetensors", metadata={"format": "np"})


if __name__ == "__main__":
    main()
