"""lax.json: convolutions, windows, reductions, Fourier transforms and linear algebra as library functions."""

from common import *

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import jax.scipy.linalg
from jax import lax

cases = []


def case(name, f, *shapes, grad=True, dtype="f64"):
    """The value of f at inputs of these shapes, and the gradient of a weighted sum of it."""
    r = rng(name)
    one = lambda s: np.round(r.uniform(-1, 1, s), 3)
    xs = [(one(s) + (1j * one(s) if dtype == "c128" else 0)).astype(DTYPES[dtype]) for s in shapes]
    out = {"fn": name, "args": [array(x) for x in xs], "outputs": [array(y) for y in jax.tree.leaves(f(*xs))]}
    if grad:
        loss = lambda *xs: sum(jnp.sum(jnp.sin(jnp.abs(y) ** 2)) for y in jax.tree.leaves(f(*xs)))
        out["grads"] = [array(g) for g in jax.grad(loss, argnums=tuple(range(len(xs))))(*xs)]
    cases.append(out)


nhwc = ("NHWC", "HWIO", "NHWC")
conv = lax.conv_general_dilated
case("conv same_lower", lambda x, k: conv(x, k, (2,), "SAME_LOWER"), (1, 2, 5), (3, 2, 4))
case("conv same nhwc", lambda x, k: conv(x, k, (2, 1), "SAME", dimension_numbers=nhwc), (1, 4, 3, 2), (3, 2, 2, 3))
case("conv same dilated", lambda x, k: conv(x, k, (1,), "SAME", rhs_dilation=(2,)), (1, 2, 6), (3, 2, 3))
case("conv", lambda x, k: lax.conv(x, k, (1, 2), "VALID"), (1, 2, 3, 4), (2, 2, 2, 2))
case("conv_with_general_padding", lambda x, k: lax.conv_with_general_padding(x, k, (1,), [(2, 1)], (2,), (2,)), (1, 2, 3), (2, 2, 2))
for p in ("SAME", "VALID"):
    for s in (1, 2, 4):
        case(f"conv_transpose {p} {s}", lambda x, k: lax.conv_transpose(x, k, (s,), p), (1, 3, 2), (3, 2, 2), grad=s == 2)
case("conv_transpose explicit", lambda x, k: lax.conv_transpose(x, k, (2,), [(1, 2)], rhs_dilation=(2,)), (1, 3, 2), (2, 2, 2))
case("conv_transpose kernel", lambda x, k: lax.conv_transpose(x, k, (2, 1), "SAME", transpose_kernel=True), (1, 2, 3, 2), (3, 2, 3, 2))

case("reduce hypot", lambda x: lax.reduce(x, np.float64(0), lambda a, b: a * b + a + b, (0, 2)), (2, 3, 5))
case("reduce pair", lambda x, y: lax.reduce((x, y), (np.float64(0), np.float64(0)), lambda a, b: (a[0] + b[0], a[1] * b[1] + a[1] + b[1]), (1,)), (2, 3), (2, 3))
case("reduce_window general", lambda x: lax.reduce_window(x, np.float64(0), lambda a, b: a * b + a + b, (2, 3), (1, 2), "SAME"), (3, 5), grad=False)
case("reduce_window general jvp", lambda x, t: jax.jvp(lambda x: lax.reduce_window(x, np.float64(0), lambda a, b: a * b + a + b, (2, 3), (1, 2), "SAME"), (x,), (t,))[1], (3, 5), (3, 5), grad=False)
case("max_pool", lambda x: lax.reduce_window(x, -np.inf, lax.max, (1, 2, 3, 1), (1, 2, 1, 1), "SAME"), (1, 5, 4, 2))
case("avg_pool", lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 2, 3, 1), (1, 2, 1, 1), ((0, 0), (0, 1), (1, 0), (0, 0))) / 6, (1, 5, 4, 2))

F = jnp.fft
for n in ("fft", "ifft", "rfft", "irfft"):
    d = "f64" if n == "rfft" else "c128"
    for norm in (None, "ortho", "forward"):
        case(f"{n} {norm}", lambda x: getattr(F, n)(x, norm=norm), (2, 5), dtype=d, grad=False)
    case(f"{n} n=7 axis=0", lambda x: getattr(F, n)(x, 7, 0), (4, 2), dtype=d, grad=d == "f64")
    case(f"{n} n=3", lambda x: getattr(F, n)(x, 3), (2, 6), dtype=d, grad=d == "f64")
    case(f"{n}2 axes", lambda x: getattr(F, n + "2")(x, (3, 4), (1, 0)), (4, 5), dtype=d, grad=False)
    case(f"{n}n", lambda x: getattr(F, n + "n")(x), (2, 2, 3, 4), dtype=d, grad=False)
    case(f"{n}n s", lambda x: getattr(F, n + "n")(x, (2, 3)), (2, 3, 4), dtype=d, grad=False)

def spd(a):
    return a @ a.T + 3 * jnp.eye(a.shape[0])
case("cholesky", lambda a: lax.linalg.cholesky(spd(a)), (3, 3))
case("cho_solve lower", lambda a, b: jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(spd(a), True), b), (3, 3), (3, 2))
case("cho_solve upper", lambda a, b: jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(spd(a)), b), (3, 3), (3,))
for t in (0, 1):
    case(f"solve_triangular {t}", lambda a, b: jax.scipy.linalg.solve_triangular(a + 3 * jnp.eye(3), b, trans=t, lower=True), (3, 3), (3, 2))

write(__file__, {"cases": cases})
