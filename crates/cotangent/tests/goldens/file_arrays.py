"""The arrays of `files`: `numpy.arange(n).reshape(shape)` in a dtype, minus 2 if it is real, plus `1j` if it is complex."""

from pathlib import Path

import numpy as np

OUT = Path(__file__).parent / "files"


def array(shape, dtype):
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    if np.dtype(dtype).kind == "b":
        return x % 2 == 1
    if np.dtype(dtype).kind == "u":
        return x.astype(dtype)
    return (x + 1j).astype(dtype) if np.dtype(dtype).kind == "c" else (x - 2).astype(dtype)
