"""What make_random.py and make_samplers.py share."""

import math

from common import *

import jax.numpy as jnp
from jax import random


def bits(x):
    """The elements' raw bits as unsigned integers; a long array by its ends, sum and xor."""
    x = np.asarray(x)
    parts = x.reshape(-1).view(x.real.dtype) if x.dtype.kind == "c" else x.reshape(-1)
    raw = [int(v) for v in parts.view(f"u{parts.dtype.itemsize}")]
    out = {"dtype": name_of(x.dtype), "shape": list(x.shape)}
    if len(raw) <= 32:
        return out | {"bits": raw}
    xor = 0
    for v in raw:
        xor ^= v
    out |= {"head": raw[:8], "tail": raw[-8:], "xor": xor}
    if out["dtype"][0] in "fb":
        out["sum"] = math.fsum(x.reshape(-1).astype("float64"))
    return out


def plain(v):
    if isinstance(v, jax.Array) or isinstance(v, np.ndarray):
        return array(v)
    if isinstance(v, (np.dtype, type)):
        return name_of(v)
    if isinstance(v, float):
        return real(v)
    return list(v) if isinstance(v, tuple) else v
