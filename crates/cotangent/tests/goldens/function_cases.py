"""What the scripts of functions share: inputs by formula, and cases with values and gradients.

Inputs are formulas, which tests/goldens_lib/functions.rs has, too. Where all inputs are f64 or c128, a case holds the
gradient of a weighted sum of the outputs as well.
"""

from functools import partial

from common import *

import jax.numpy as jnp

cases = []


def formula(size, seed):
    """Multiples of 1/16 in [-30/16, 30/16], which every float holds."""
    k = np.arange(size, dtype=np.int64)
    return ((k * k * 7 + k * 37 + seed * 101) % 61 - 30) / 16


SCALES = {"tiny": 2.0**-8, "small": 2.0**-4, "large": 8.0}


def make(dtype, shape, seed, kind="plain"):
    size = int(np.prod(shape))
    x = formula(size, seed).reshape(shape)
    if dtype[0] == "c":
        x = x + 1j * formula(size, seed + 17).reshape(shape)
    if kind == "positive":
        x = x @ np.swapaxes(x.conj(), -1, -2) + 2 * np.eye(shape[-1])
    if kind == "dominant":
        x = x + 8 * np.eye(shape[-1])
    if kind == "upper":
        x = np.triu(x)
    if kind in SCALES:
        x = x * SCALES[kind]
    if kind == "integer":
        x = np.round(16 * x)
    return x.astype(DTYPES[dtype])


def loss(f, *args):
    total = 0.0
    for i, y in enumerate(f(*args)):
        w = lambda seed: formula(y.size, seed + 5 * i).reshape(y.shape)
        total += jnp.sum(jnp.real(y) * w(40)) + jnp.sum(jnp.imag(y) * w(41))
    return total


def case(fn, how, f, *specs, grad=True, x64=True):
    """`specs` are pairs (dtype, shape), or arrays, which are stored."""
    with jax.enable_x64(x64):
        args, stored = [], []
        for seed, spec in enumerate(specs):
            if isinstance(spec, np.ndarray):
                args.append(jnp.asarray(spec)), stored.append(array(spec))
                continue
            dtype, shape, *kind = spec
            args.append(jnp.asarray(make(dtype, shape, seed, *kind)))
            stored.append({"formula": dtype, "shape": list(shape), "seed": seed, "kind": kind[0] if kind else "plain"})
        g = lambda *a: (lambda y: list(y) if isinstance(y, (list, tuple)) else [y])(f(*a))
        entry = {"fn": fn, "how": how, "args": stored, "outputs": [array(y) for y in g(*args)]}
        if grad and args and all(a.dtype in (jnp.float64, jnp.complex128) for a in args):
            entry["grads"] = [array(y) for y in jax.grad(partial(loss, g), argnums=tuple(range(len(args))))(*args)]
    cases.append(entry)


def over(fn, how, f, *shapes, dtypes=("f64", "c128", "f32", "c64"), kind=(), **kw):
    for d in dtypes:
        case(fn, how, f, *[(d, s, *kind) for s in shapes], **kw)
