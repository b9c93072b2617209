"""matrix_functions.json: powers and functions of square matrices in jax.numpy.linalg and jax.scipy.linalg."""

from function_cases import *

from jax.scipy import linalg

L = "jax.numpy.linalg."
S = "jax.scipy.linalg."
inf, nan = float("inf"), float("nan")


def named(fn, **kwargs):
    return partial(getattr(jnp.linalg, fn.removeprefix(L)), **kwargs)


for n in (0, 1, 2, 3, 5, 8):
    over(L + "matrix_power", str(n), named(L + "matrix_power", n=n), (3, 3), dtypes=("f64", "c128", "f32"))
    case(L + "matrix_power", str(n), named(L + "matrix_power", n=n), ("s32", (2, 2), "integer"))
over(L + "matrix_power", "4", named(L + "matrix_power", n=4), (2, 3, 3), dtypes=("f64", "f16"))
for n in (-1, -2, -3):
    over(L + "matrix_power", str(n), named(L + "matrix_power", n=n), (2, 3, 3), kind=("dominant",), dtypes=("f64", "c128", "f32"))
over(L + "matrix_power", "3", named(L + "matrix_power", n=3), (0, 0), dtypes=("f64",))
for kind in ("tiny", "small", "plain", "large"):
    over(S + "expm", "", linalg.expm, (3, 3), kind=(kind,))
over(S + "expm", "", linalg.expm, (2, 3, 3), dtypes=("f64", "c128"))
over(S + "expm", "", linalg.expm, (2, 2, 1, 1), dtypes=("f64",))
over(S + "expm", "", linalg.expm, (0, 0), dtypes=("f64",), grad=False)
case(S + "expm", "", linalg.expm, np.zeros((2, 2)))
case(S + "expm", "", linalg.expm, np.array([[1.0, nan], [0.0, 1.0]]), grad=False)
case(S + "expm", "", linalg.expm, np.array([[1.0, inf], [0.0, 1.0]]), grad=False)
case(S + "expm", "", linalg.expm, np.diag([1e3, -1e3]), grad=False)
case(S + "expm", "", linalg.expm, ("s32", (2, 2), "integer"), x64=False)
over(S + "expm", "max_squarings=1", partial(linalg.expm, max_squarings=1), (3, 3), kind=("large",), dtypes=("f64",), grad=False)
over(S + "expm", "upper", partial(linalg.expm, upper_triangular=True), (3, 3), kind=("upper",), dtypes=("f64", "c128"))
over(S + "expm_frechet", "", linalg.expm_frechet, (3, 3), (3, 3), dtypes=("f64", "c128", "f32"))
over(S + "expm_frechet", "", linalg.expm_frechet, (2, 2, 2), (2, 2, 2), dtypes=("f64",))

# sqrtm and funm have no derivative in JAX, and funm no batches. SciPy is the reference of singular matrices.
for d in ("f64", "c128", "f32", "c64"):
    # On the negative axis, rounding decides the sign of a root.
    for kind in ("dominant", "positive", *(["plain"] if d != "f32" else [])):
        case(S + "sqrtm", "", linalg.sqrtm, (d, (4, 4), kind), grad=False)
    for f in ("exp", "sin"):
        case(S + "funm", f, lambda a: linalg.funm(a, getattr(jnp, f)), (d, (3, 3)), grad=False)
    case(S + "funm", "exp err", lambda a: linalg.funm(a, jnp.exp, disp=False), (d, (3, 3)), grad=False)
case(S + "sqrtm", "", linalg.sqrtm, np.diag([4.0, 0.0, 0.0]), grad=False)
case(S + "sqrtm", "", linalg.sqrtm, np.eye(3), grad=False)

write(__file__, {"cases": cases})
