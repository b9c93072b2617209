"""linalg_half.json: the linear algebra that JAX does in float16 and bfloat16. It raises an error for all decompositions."""

from function_cases import *

import jax.scipy.linalg as sl
from jax import lax

HALF = ("f16", "bf16")
S, N, L = "jax.scipy.linalg.", "jax.numpy.linalg.", "jax.lax.linalg."
pivots = np.array([1, 1, 2, 3], "int32")


def half(fn, how, f, *specs):
    """`specs` are pairs of a shape and a kind, or arrays."""
    for d in HALF:
        case(fn, how, f, *[s if isinstance(s, np.ndarray) else (d, *s) for s in specs], grad=False)


square, columns, vector = ((4, 4), "dominant"), ((4, 2), "plain"), ((4,), "plain")
for how, options in {"": {}, "lower": {"lower": True}, "trans": {"trans": 1}, "unit": {"unit_diagonal": True}}.items():
    small = ((4, 4), "small") if how == "unit" else square
    half(S + "solve_triangular", how, lambda a, b: sl.solve_triangular(a, b, **options), small, columns)
half(S + "solve_triangular", "", sl.solve_triangular, square, vector)
half(S + "solve_triangular", "", sl.solve_triangular, ((2, 4, 4), "dominant"), ((2, 4, 3), "plain"))
half(S + "solve_triangular", "", sl.solve_triangular, ((0, 0), "plain"), ((0, 2), "plain"))
half(S + "solve_triangular", "", sl.solve_triangular, ((1, 1), "dominant"), ((1, 2), "plain"))
half(L + "triangular_solve", "", lambda a, b: lax.linalg.triangular_solve(a, b, lower=True), square, ((3, 4), "plain"))
for lower in (True, False):
    half(S + "cho_solve", str(lower), lambda c, b: sl.cho_solve((c, lower), b), square, columns)
for trans in (0, 1, 2):
    half(S + "lu_solve", str(trans), lambda lu, p, b: sl.lu_solve((lu, p), b, trans), ((4, 4), "dominant"), pivots, columns)
half(L + "cholesky_update", "", lambda r, w: lax.linalg.cholesky_update(jnp.triu(r), w), square, vector)
half(L + "symmetric_product", "", lambda a, c: lax.linalg.symmetric_product(a, c, alpha=0.5, beta=2.0, symmetrize_output=True), ((3, 2), "plain"), ((3, 3), "positive"))
for n in (2, 3):
    half(N + "det", "", jnp.linalg.det, ((n, n), "dominant"))
for n in (1, 2):
    half(N + "slogdet", "", jnp.linalg.slogdet, ((n, n), "dominant"))
half(N + "matrix_power", "3", lambda a: jnp.linalg.matrix_power(a, 3), ((2, 2), "plain"))
half(N + "matrix_rank", "", jnp.linalg.matrix_rank, vector)
nan = float("nan")
for d in HALF:
    case(S + "solve_triangular", "", sl.solve_triangular, np.array([[nan, 1.0], [0.0, 1.0]], DTYPES[d]), np.array([1.0, 0.5], DTYPES[d]), grad=False)

write(__file__, {"cases": cases})
