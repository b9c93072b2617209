"""primitives_special.json: special functions of several arguments, and the rest of the elementwise primitives."""

from primitive_cases import *

from jax._src import lax as internal
from jax.interpreters import batching

# --- the Bessel functions -----------------------------------------------------------------------

for p, f in {"bessel_i0e": lax.bessel_i0e, "bessel_i1e": lax.bessel_i1e}.items():
    case(p, "f64_2x3", f, away((2, 3), lo=0.3, hi=7.0))
    case(p, "f64_far", f, U(8.5, 40, (3,)))
    case(p, "f64_scalar", f, U(0.5, 3, ()))
    # Not at zero, where JAX's second derivatives are those of no side: tests/edges has them.
    for d in ("f64", "f32", "f16", "bf16"):
        case(p, f"{d}_values", f, A(d, [-20, -8, -3.5, -1e-2, 0.1, 1, 7.5, 8, 8.25, 100, 300]))
        case(p, f"{d}_edge", f, A(d, FLOAT_EDGE))
    case(p, "f64_empty", f, A("f64", np.zeros((0, 3))))

# --- the incomplete gamma functions -------------------------------------------------------------

# random_gamma_grad is a function of many equations in JAX; here it is given a name of its own.
random_gamma_grad = jax.extend.core.Primitive("random_gamma_grad")
random_gamma_grad.def_impl(lax.random_gamma_grad)
random_gamma_grad.def_abstract_eval(lambda a, x: a)
internal.lax.batching.defbroadcasting(random_gamma_grad)

# Not at an infinite shape, where JAX has NaN and not the limit: tests/edges has it.
EDGE_A = [0.5, 2, 0, 0, 1, -1, 2, nan, 2, 2, 1e-3, 150, 150, 0.1, 1000]
EDGE_AX = [0, inf, 0, 2, -1, 1, 0, 1, nan, 1e3, 1e-3, 150.5, 100, 30, 10]
for p, f in {"igamma": lax.igamma, "igammac": lax.igammac, "igamma_grad_a": lax.igamma_grad_a,
             "random_gamma_grad": random_gamma_grad.bind}.items():
    main = p in ("igamma", "igammac")
    for n, lo, hi in [("series", (2, 6), (0.5, 1.8)), ("fraction", (0.6, 3), (4, 9))]:
        inputs = both(U(*lo, (3,)), U(*hi, (3,)))
        case(p, f"f64_{n}", f, inputs, second=False)
        if main:
            case(p, f"f64_{n}_in_x", f, inputs, constant=(0,))
    case(p, "f64_2x3", f, U(0.5, 9, (2, 3), (2, 3)), second=False)
    case(p, "f64_scalar", f, U(0.5, 9, (), ()), second=False)
    for d in ("f64", "f32", "f16", "bf16"):
        case(p, f"{d}_values", f, A(d, [0.5, 0.5, 3, 3, 10, 10, 40, 1, 1], [0.25, 4, 1, 7, 4, 20, 41, 1, 0.5]))
    for d in ("f64", "f32"):
        case(p, f"{d}_edge", f, A(d, EDGE_A, EDGE_AX))
    case(p, "f64_empty", f, A("f64", np.zeros((0, 3)), np.zeros((0, 3))))

# --- the incomplete beta function ---------------------------------------------------------------

# (With larger a and b JAX's fraction goes on after it has converged and loses digits: two at 8 and 6, three at 30 and 20.
# The tests compare with exact sums there.)
p, f = "regularized_incomplete_beta", lax.betainc
case(p, "f64_2x3", f, both(U(0.5, 6, (2, 3), (2, 3)), U(0.05, 0.95, (2, 3))), constant=(0, 1))
case(p, "f64_scalar", f, both(U(0.5, 6, (), ()), U(0.05, 0.95, ())), constant=(0, 1))
EDGE_B = [[0, 2, 2, 0, inf, 2, 2, 2, -1, 2, nan, 2, 0, 0, 2, 2, 1e-300],
          [2, 0, 2, 0, 2, inf, 2, 2, 2, -1, 2, 2, 2, 2, 2, 2, 2],
          [.5, .5, 0, .5, .5, .5, 1, 1.5, .5, .5, .5, nan, 0, 1, -0.5, 1e-9, .5]]
for d in ("f64", "f32"):
    case(p, f"{d}_edge", f, A(d, *EDGE_B))
case(p, "f64_values", f, A("f64", [0.5, 1, 2, 5], [0.5, 3, 2, 1], [0.25, 0.5, 0.75, 0.9]))
for d in ("f32", "f16", "bf16"):
    case(p, f"{d}_values", f, A(d, [0.5, 1, 2, 5, 8], [0.5, 3, 2, 1, 6], [0.25, 0.5, 0.75, 0.9, 0.6]))
case(p, "f64_empty", f, A("f64", np.zeros((0,)), np.zeros((0,)), np.zeros((0,))))

# --- zeta ---------------------------------------------------------------------------------------

case("zeta", "f64_2x3", lax.zeta, both(U(1.5, 6, (2, 3)), U(0.5, 9, (2, 3))))
case("zeta", "f64_scalar", lax.zeta, both(U(1.5, 6, ()), U(0.5, 9, ())))
for d in ("f64", "f32", "f16", "bf16"):
    case("zeta", f"{d}_values", lax.zeta, A(d, [2, 3, 1.5, 10, 2, 1, 0.5, 2, 2], [1, 0.5, 4, 1, 30, 2, 2, -0.5, 0]))
case("zeta", "f64_empty", lax.zeta, A("f64", np.zeros((2, 0)), np.zeros((2, 0))))

# --- integers -----------------------------------------------------------------------------------

for d in ("s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64"):
    x, y = (v.reshape(-1) for v in np.meshgrid(*[np.asarray(extremes(d), DTYPES[d])] * 2))
    case("mulhi", f"{d}_edge", lax.mulhi, [x, y])
    i = np.iinfo(DTYPES[d])
    case("mulhi", f"{d}_6", lax.mulhi, ints(d, (6,), (6,), lo=i.min, hi=min(i.max, 2 ** 63 - 1)))
case("mulhi", "s32_2x3", lax.mulhi, ints("s32", (2, 3), (2, 3), lo=-2 ** 31, hi=2 ** 31))

# --- the total order ----------------------------------------------------------------------------

TOTAL = [-inf, -1.0, -0.0, 0.0, 1.0, inf, nan]
X, Y = (v.reshape(-1) for v in np.meshgrid(TOTAL, TOTAL))
for p in ("eq_to", "lt_to", "le_to"):
    f = getattr(internal.lax, p + "_p").bind
    case(p, "f64_2x3", f, U(-2, 2, (2, 3), (2, 3)))
    for d in ("f64", "f32", "f16", "bf16"):
        case(p, f"{d}_edge", f, A(d, X, Y))
    for d in ("s32", "u8", "s64"):
        case(p, f"{d}_edge", f, [v.reshape(-1) for v in np.meshgrid(*[np.asarray(extremes(d), DTYPES[d])] * 2)])

finish(__file__)
