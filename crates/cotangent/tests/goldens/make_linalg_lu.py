"""linalg_lu.json: systems of equations, determinants and LU decompositions as library functions, with derivatives."""

from common import *

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import jax.scipy.linalg as sl
from jax import lax

la = jnp.linalg
cases = []


def numbers(shape, dtype, seed):
    """Numbers in (-1, 1), the same for each seed: tests/libraries/linalg_lu.rs has the same."""
    state, out = seed, []
    for _ in range(2 * int(np.prod(shape))):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append((state >> 33) / 2.0**30 - 1.0)
    z = np.array(out).reshape(*shape, 2)
    return (z[..., 0] + 1j * z[..., 1] if dtype[0] == "c" else z[..., 0]).astype(DTYPES[dtype])


def rounded(x):
    """An array with twelve digits, which keep the file small."""
    x = array(x)
    digits = lambda v: [digits(u) for u in v] if isinstance(v, list) else float(f"{v:.12g}") if isinstance(v, float) else v
    return None if x is None else x | {"data": digits(x["data"])}


def loss(f):
    def of(*xs):
        return sum(jnp.sum(jnp.sin(jnp.abs(y) ** 2)) for y in jax.tree.leaves(f(*xs)) if is_inexact(y))
    return of


def case(name, f, *shapes, dtypes=("f64", "c128"), grad=True, second=True):
    """The value of f at inputs of these shapes, the gradient of a loss, and the derivative of that along the inputs
    with other seeds."""
    f = jax.jit(f)
    for d in dtypes:
        xs = [jnp.asarray(numbers(s, d, i)) for i, s in enumerate(shapes)]
        out = {"fn": name, "dtype": d, "shapes": shapes, "outputs": [rounded(y) for y in jax.tree.leaves(f(*xs))]}
        if grad and d in ("f64", "c128"):
            value = jax.jit(loss(f))
            gradient = jax.jit(jax.grad(value, argnums=tuple(range(len(xs)))))
            ts = [jnp.asarray(numbers(s, d, 100 + i)) for i, s in enumerate(shapes)]
            out["grads"] = [rounded(g) for g in gradient(*xs)]
            if second:
                out["second"] = [rounded(g) for g in jax.jit(lambda *xs: jax.jvp(gradient, xs, tuple(ts))[1])(*xs)]
            for sign in (1, 1j):  # JAX's gradient is the conjugate of the direction of steepest ascent
                if sign == 1 or d == "c128":
                    h = 1e-6
                    f1, f2 = (value(*[x + s * h * sign * t for x, t in zip(xs, ts)]) for s in (1, -1))
                    want = sum(float(jnp.sum(g * sign * t).real) for g, t in zip(gradient(*xs), ts))
                    close((f1 - f2) / (2 * h), want, 1e-5, 1e-6, f"{name} {d}")
        cases.append(out)


def positive(a):
    return a @ a.mT.conj() + 3 * jnp.eye(a.shape[-1], dtype=a.dtype)


every = ("f32", "f64", "c64", "c128")
for n in (1, 2, 3, 5):
    case("solve vector", la.solve, (n, n), (n,))
case("solve matrix", la.solve, (4, 4), (4, 3), dtypes=every)
case("solve batch", la.solve, (2, 3, 3), (2, 3, 2))
case("solve one matrix", la.solve, (3, 3), (2, 3, 2))
case("solve one right side", la.solve, (2, 3, 3), (3,))
case("solve broadcast", la.solve, (2, 1, 3, 3), (3, 3, 2))
case("solve empty", la.solve, (0, 0), (0, 2), grad=False, dtypes=every)
case("inv", la.inv, (3, 3), dtypes=every)
case("inv", la.inv, (2, 2, 2))
for shape in ((1, 1), (2, 2), (3, 3), (4, 4), (2, 5, 5)):
    case("det", la.det, shape, dtypes=every if shape == (4, 4) else ("f64", "c128"))
    case("slogdet", la.slogdet, shape, dtypes=every if shape == (4, 4) else ("f64", "c128"))
case("det", la.det, (0, 0), grad=False)
case("slogdet", la.slogdet, (0, 0), grad=False)
case("cholesky", lambda a: la.cholesky(positive(a)), (3, 3))
case("cholesky upper", lambda a: la.cholesky(positive(a), upper=True), (2, 3, 3))
case("cholesky lower triangle", lambda a: la.cholesky(positive(a), symmetrize_input=False), (3, 3), grad=False)
case("tensorinv", la.tensorinv, (2, 3, 6))
case("tensorsolve", la.tensorsolve, (2, 3, 6), (2, 3))
case("tensorsolve axes", lambda a, b: la.tensorsolve(a, b, (0,)), (6, 2, 3), (2, 3))
for shape in ((3, 3), (4, 2), (2, 4)):
    case("lu", lambda a: lax.linalg.lu(a), shape)
    case("scipy lu", lambda a: sl.lu(a), shape)
    case("scipy lu permuted", lambda a: sl.lu(a, permute_l=True), shape)
for n in (40, 130):
    case("lu", lambda a: lax.linalg.lu(a)[1:], (n, n), grad=False, dtypes=every)
case("lu_factor", sl.lu_factor, (3, 3), grad=False)
for trans in (0, 1, 2):
    case(f"lu_solve {trans}", lambda a, b: sl.lu_solve(sl.lu_factor(a), b, trans), (3, 3), (3, 2))
case("lu_solve vector", lambda a, b: sl.lu_solve(sl.lu_factor(a), b), (3, 3), (3,))
for assume in ("gen", "sym", "her"):
    case(f"scipy solve {assume}", lambda a, b: sl.solve(positive(a), b, assume_a=assume), (3, 3), (3,))
# For complex matrices, JAX's transposed system lacks a conjugate: docs/differences.md.
for lower in (True, False):
    f = lambda a, b: sl.solve(positive(a), b, assume_a="pos", lower=lower)
    case(f"scipy solve pos {lower}", f, (3, 3), (3, 2), dtypes=("f64",))
    case(f"scipy solve pos {lower}", f, (3, 3), (3, 2), dtypes=("c128",), grad=False)
case("symmetric_product", lambda a, c: lax.linalg.symmetric_product(a, c, alpha=0.5, beta=2.0, symmetrize_output=True),
     (2, 3, 2), (2, 3, 3), dtypes=("f32", "f64"), grad=False)
case("cholesky_update", lambda a, w: lax.linalg.cholesky_update(la.cholesky(positive(a), upper=True), w), (4, 4), (4,),
     dtypes=("f32", "f64"), grad=False)
case("tridiagonal_solve", lax.linalg.tridiagonal_solve, (5,), (5,), (5,), (5, 2), dtypes=every)
case("tridiagonal_solve", lax.linalg.tridiagonal_solve, (2, 4), (2, 4), (2, 4), (2, 4, 2))

write(__file__, {"cases": cases})
