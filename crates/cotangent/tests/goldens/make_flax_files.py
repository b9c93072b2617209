"""The files of Flax in `files`: `pip install jax==0.10.2 flax==0.12.8`, then `python make_flax_files.py`.

Arrays are those of make_files.py."""

import flax.linen as nn
import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np

from file_arrays import OUT, array

jax.config.update("jax_enable_x64", True)


class Perceptron(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(1)(nn.tanh(nn.Dense(4)(x)))


def main():
    variables = Perceptron().init(jax.random.key(0), jnp.ones((1, 2)))
    variables = jax.tree.map(lambda x: jnp.asarray(array(x.shape, "f4")), variables)
    (OUT / "mlp.msgpack").write_bytes(flax.serialization.to_bytes(variables))
    dtypes = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
    arrays = {np.dtype(d).name: array((2, 3), d) for d in dtypes}
    arrays["bfloat16"] = np.asarray(jnp.asarray(array((2, 3), "f4"), jnp.bfloat16))
    state = {"arrays": arrays, "list": [array((3,), "f4"), (array((), "f8"), np.float32(2.5))], "empty": array((0, 3), "f4"),
             "step": 300, "negative": -5, "rate": 0.125, "flag": True, "phase": 1.5 - 2j, "nothing": None, "text": "Adam",
             "large": 2**40, "float8": np.asarray(jnp.zeros(2, jnp.float8_e4m3fn))}
    (OUT / "state.msgpack").write_bytes(flax.serialization.to_bytes(state))
    # Flax divides arrays of more than 1 GiB.
    flax.serialization.MAX_CHUNK_SIZE = 20
    (OUT / "divided.msgpack").write_bytes(flax.serialization.to_bytes({"a": array((3, 4), "f4"), "b": array((2,), "f8")}))


if __name__ == "__main__":
    main()
