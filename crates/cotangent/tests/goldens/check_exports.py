"""Runs functions that this library exported for JAX, and compares them with what they computed in Rust.

    python check_exports.py FOLDER

Each function is two files: NAME.jax, which `jax.export.deserialize` reads, and NAME.txt with a line for each array: `in`,
`out`, `ct` or `grad`, its path in the Rust value, dtype, shape and elements. The tests `export`, `programs` and `rules` make
such folders, and call this script if COTANGENT_JAX_PYTHON names a Python with JAX 0.10.2 and
`flatbuffers`.
"""

import os
import re
import sys
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.export
import jax.numpy as jnp
import ml_dtypes
import numpy as np

jax.config.update("jax_enable_x64", True)

DTYPES = {
    "bool": np.bool_, "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64, "u8": np.uint8,
    "u16": np.uint16, "u32": np.uint32, "u64": np.uint64, "f16": np.float16, "bf16": ml_dtypes.bfloat16,
    "f32": np.float32, "f64": np.float64, "c64": np.complex64, "c128": np.complex128,
}  # fmt: skip

# Relative to the largest element: jaxlib has another build of XLA than the plugin.
TOLERANCES = {"f16": 5e-3, "bf16": 4e-2, "f32": 1e-5, "c64": 1e-5, "f64": 1e-12, "c128": 1e-12}


def words(path):
    """The parts of a path in Rust or in Python."""
    if not isinstance(path, str):
        path = jax.tree_util.keystr(path)
    return tuple(re.findall(r"\w+", path))


def read(file):
    groups = {"in": {}, "out": {}, "ct": {}, "grad": {}}
    for line in file.read_text().splitlines():
        what, path, dtype, shape, data = line.split("\t")
        shape = tuple(int(n) for n in shape.split(",") if n)
        value = np.frombuffer(bytes.fromhex(data), DTYPES[dtype]).reshape(shape)
        groups[what][words(path)] = (dtype, value)
    return groups


def is_key(aval):
    return jnp.issubdtype(aval.dtype, jax.dtypes.prng_key)


def tree(treedef, avals, values, skip=0):
    """The arrays of Rust in the containers of Python. The first parts of the paths may be Python's own."""
    template = jax.tree_util.tree_unflatten(treedef, range(treedef.num_leaves))
    leaves = []
    for (path, _), aval in zip(jax.tree_util.tree_flatten_with_path(template)[0], avals):
        place = words(path)[skip:]
        if is_key(aval):
            # One leaf, the words, is inside a key.
            data = values[place + ("words",)][1]
            leaves.append(jax.random.wrap_key_data(data, impl=aval.dtype._impl.name))
        else:
            leaves.append(values[place][1])
    return jax.tree_util.tree_unflatten(treedef, leaves)


def worst(got, values, tolerances):
    """The largest difference of a tree from the arrays of Rust, over what is allowed."""
    found = jax.tree_util.tree_flatten_with_path(got)[0]
    assert len(found) == len(values), f"{len(found)} arrays instead of {len(values)}"
    worst = (0.0, "")
    for path, x in found:
        if x.dtype == jax.dtypes.float0:
            continue
        place = words(path)
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            place, x = place + ("words",), jax.random.key_data(x)
        dtype, expected = values[place]
        x = np.asarray(x)
        assert (x.shape, x.dtype) == (expected.shape, expected.dtype), f"{place}: {x.dtype}{x.shape}"
        if dtype not in tolerances:
            ratio = 0.0 if np.array_equal(x, expected) else np.inf
        else:
            wide = np.complex128 if dtype.startswith("c") else np.float64
            x, expected = x.astype(wide), expected.astype(wide)
            same = (x == expected) | (np.isnan(x) & np.isnan(expected))
            finite = np.abs(expected[np.isfinite(expected)])
            scale = max(finite.max(initial=0.0), 1e-3)
            with np.errstate(all="ignore"):
                off = np.where(same, 0.0, np.abs(x - expected) / (tolerances[dtype] * scale))
            ratio = np.nan_to_num(off, nan=np.inf).max(initial=0.0)
        if ratio > worst[0]:
            worst = (ratio, f"{place}: {x} instead of {expected}, {ratio:.3g} times what is allowed")
    return worst


def check(file):
    exported = jax.export.deserialize(bytearray(file.read_bytes()))
    groups = read(file.with_suffix(".txt"))
    args, kwargs = tree(exported.in_tree, exported.in_avals, groups["in"], skip=1)
    assert not kwargs
    loose = 100 if "loose" in file.stem else 1
    tolerances = {dtype: loose * tolerance for dtype, tolerance in TOLERANCES.items()}
    results = [("value", worst(jax.jit(exported.call)(*args), groups["out"], tolerances))]
    if groups["grad"]:
        cts = tree(exported.out_tree, exported.out_avals, groups["ct"])
        cts = jax.tree_util.tree_map(
            lambda ct, aval: ct if jnp.issubdtype(aval.dtype, jnp.inexact) else np.zeros(aval.shape, jax.dtypes.float0),
            cts, jax.tree_util.tree_unflatten(exported.out_tree, exported.out_avals),
        )  # fmt: skip

        @jax.jit
        def pull(args, cts):
            return jax.vjp(exported.call, *args)[1](cts)

        grads = pull(args, cts)
        results.append(("vjp", worst(grads, groups["grad"], {d: 20 * t for d, t in tolerances.items()})))
        if "second" in file.stem:
            # The derivative of the derivative, which the file has as well: its value is checked in Rust.
            scalar = lambda *args: sum(jnp.sum(jnp.real(g) ** 2) for g in jax.tree_util.tree_leaves(pull(args, cts)))
            second = jax.grad(scalar)(*args)
            assert all(np.isfinite(x).all() for x in jax.tree_util.tree_leaves(second))
    return [f"{file.stem} {what}: {said}" for what, (ratio, said) in results if ratio > 1]


def main(folder):
    files = sorted(Path(folder).glob("*.jax"))
    failures = []
    for file in files:
        try:
            failures += check(file)
        except Exception as error:
            failures.append(f"{file.stem}: {type(error).__name__}: {str(error)[:600]}")
    print(f"{len(files)} functions in JAX {jax.__version__}, {len(failures)} failures")
    for failure in failures:
        print("FAILED", failure)
    sys.exit(bool(failures))


main(sys.argv[1])
