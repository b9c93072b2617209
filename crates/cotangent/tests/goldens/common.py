"""What the golden scripts share: dtype names, JSON encoding, seeds, comparisons.

Every script is deterministic: random inputs are seeded by the CRC-32 of the case's name, so a
second run gives the same bytes, and adding a case leaves the others alone.
"""

import json
import os
import pathlib
import zlib

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy as np

assert jax.__version__ == "0.10.2", f"the goldens are JAX 0.10.2's, this is {jax.__version__}"

bf16 = jax.numpy.bfloat16.dtype
DTYPES = {
    "pred": np.dtype(bool),
    "s8": np.dtype("int8"), "s16": np.dtype("int16"), "s32": np.dtype("int32"), "s64": np.dtype("int64"),
    "u8": np.dtype("uint8"), "u16": np.dtype("uint16"), "u32": np.dtype("uint32"), "u64": np.dtype("uint64"),
    "f16": np.dtype("float16"), "bf16": bf16, "f32": np.dtype("float32"), "f64": np.dtype("float64"),
    "c64": np.dtype("complex64"), "c128": np.dtype("complex128"),
}
NAMES = {d: n for n, d in DTYPES.items()}


# What the tests excuse: where JAX is wrong, above all.
EXCUSES = json.loads((pathlib.Path(__file__).parent / "excuses.json").read_text())["rules"]


def name_of(dtype):
    return NAMES[np.dtype(dtype)]


def rng(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def is_float(x):
    return name_of(x.dtype) in ("f16", "bf16", "f32", "f64")


def is_inexact(x):
    return is_float(x) or name_of(x.dtype) in ("c64", "c128")


def real(v):
    """A float as JSON: its exact value as a double, or the name of what JSON cannot say."""
    v = float(v)
    if v != v:
        return "NaN"
    if v in (float("inf"), float("-inf")):
        return "Infinity" if v > 0 else "-Infinity"
    return v


def scalar(v, dtype):
    kind = name_of(dtype)
    if kind == "pred":
        return bool(v)
    if kind[0] in "su":
        return int(v)
    if kind[0] == "c":
        return [real(v.real), real(v.imag)]
    return real(v)


def array(x):
    """{"dtype", "shape", "data"}: row-major. None and float0 (no tangent space) become null."""
    if x is None:
        return None
    x = np.asarray(x)
    if x.dtype == jax.dtypes.float0:
        return None
    return {
        "dtype": name_of(x.dtype),
        "shape": list(x.shape),
        "data": [scalar(v, x.dtype) for v in x.reshape(-1)],
    }


def close(a, b, rtol=1e-5, atol=1e-6, what=""):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=atol, err_msg=what)


def write(script, groups):
    """Writes `x.json` for a script `make_x.py`: an object of lists, one case a line."""
    path = pathlib.Path(script)
    path = path.with_name(path.stem.removeprefix("make_") + ".json")
    parts = ['{"jax":"%s"' % jax.__version__]
    for key, cases in groups.items():
        lines = ",\n".join(json.dumps(c, separators=(",", ":"), allow_nan=False) for c in cases)
        parts.append('"%s":[\n%s\n]' % (key, lines))
    path.write_text(",\n".join(parts) + "}\n")
    counts = ", ".join(f"{len(v)} {k}" for k, v in groups.items())
    print(f"{path.name}: {counts}, {path.stat().st_size} bytes")
