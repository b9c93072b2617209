"""primitives_spread.json: elementwise primitives with sizes of one at equal rank; contractions of two dtypes."""

from primitive_cases import *

# --- sizes of one -------------------------------------------------------------------------------

SHAPES = {"2x1_1x3": ((2, 1), (1, 3)), "2x3_1x3": ((2, 3), (1, 3)), "2x1_2x3": ((2, 1), (2, 3)), "1_3": ((1,), (3,)),
          "1x1_2x2": ((1, 1), (2, 2)), "2x0_1x1": ((2, 0), (1, 1))}
REAL = ("add", "sub", "mul", "div", "rem", "max", "min", "atan2", "nextafter")
INSIDE = {"zeta": (1.5, 4), "igamma": (0.5, 3), "igammac": (0.5, 3), "igamma_grad_a": (0.5, 3),
          "polygamma": (1, 4), "pow": (0.3, 2)}
CONSTANT = {"zeta": (0,), "igamma_grad_a": (0,), "polygamma": (0,)}
BITS = ("and", "or", "xor", "shift_left", "shift_right_logical", "shift_right_arithmetic")
COMPARE = ("eq", "ne", "lt", "le", "gt", "ge", "eq_to", "lt_to", "le_to")


def primitive(name):
    from jax._src.lax import lax as l, special as s
    bind = (getattr(l, f"{name}_p", None) or getattr(s, f"{name}_p")).bind
    return (lambda x, y: bind(x, y, out_dtype=None)) if name == "mul" else bind


for p in (*REAL, *INSIDE):
    f = primitive(p)
    for n, shapes in SHAPES.items():
        if p not in REAL and n not in ("2x1_1x3", "1x1_2x2"):
            continue
        if n == "2x0_1x1":
            case(p, f"f64_{n}", f, A("f64", *[np.ones(s) for s in shapes]), vmap=False)
            continue
        made = U(*INSIDE[p], *shapes) if p in INSIDE else away(*shapes)
        case(p, f"f64_{n}", f, made, constant=CONSTANT.get(p, ()), second=not p.startswith("igamma"))
    for d in ("f32", "f16", "bf16"):
        if p == "nextafter" and d in ("f16",):
            continue
        low, high = INSIDE.get(p, (0.5, 3))
        case(p, f"{d}_2x1_1x3", f, U(low, high, (2, 1), (1, 3), dtype=d)(rng(p)))
for p in ("add", "sub", "mul", "div", "pow"):
    case(p, "c128_2x1_1x3", primitive(p), cplx((2, 1), (1, 3)))
for p in ("add", "mul", "max", "rem", *BITS):
    case(p, "s32_2x1_1x3", primitive(p), ints("s32", (2, 1), (1, 3), lo=1, hi=9))
for p in COMPARE:
    case(p, "f64_2x1_1x3", primitive(p), away((2, 1), (1, 3)))
case("pow", "f64_s32_2x1_1x3", primitive("pow"), both(U(0.4, 2, (2, 1)), ints("s32", (1, 3))))
case("complex", "f64_2x1_1x3", primitive("complex"), away((2, 1), (1, 3)))
case("add", "f64_4d", primitive("add"), away((2, 3, 1, 2), (1, 1, 1, 2)))
case("mul", "f64_scalar_and_1", primitive("mul"), away((), (1, 1)))
case("regularized_incomplete_beta", "f64_2x1_1x3_1x1", primitive("regularized_incomplete_beta"),
     both(U(0.5, 1.5, (2, 1), (1, 3)), U(0.1, 0.4, (1, 1))), constant=(0, 1))

# --- contractions of two dtypes -----------------------------------------------------------------

MATRICES = ((2, 3), (3, 2))
NUMBERS = (((1,), (0,)), ((), ()))
KINDS = ("pred", "s8", "u8", "s32", "bf16", "f16", "f32", "f64", "c64")


def numbers(d, shape, r):
    """Small whole numbers, exact in every dtype."""
    if d == "pred":
        return r.integers(0, 2, shape).astype(bool)
    lo = 0 if d[0] == "u" else -4
    x = r.integers(lo, 5, shape)
    return (x + 1j * r.integers(-4, 5, shape) if d[0] == "c" else x).astype(DTYPES[d])


for a in KINDS:
    for b in KINDS:
        for p in (None, "f32", "bf16", "s32"):
            # The other order of two dtypes where the result's dtype is theirs; and no complex sum as a real one, of which
            # JAX takes the real part.
            if a == b and p is None or p and (KINDS.index(a) > KINDS.index(b) or "c64" in (a, b)):
                continue
            name = f"{a}_{b}_to_{p}"
            f = lambda x, y, p=p: lax.dot_general(x, y, NUMBERS, preferred_element_type=p and DTYPES[p])
            r = rng(name)
            case("dot_general", name, f, [numbers(a, MATRICES[0], r), numbers(b, MATRICES[1], r)])
for a, b in (("f64", "c128"), ("c128", "f64"), ("s32", "f64")):
    f = lambda x, y: lax.dot_general(x, y, (((1,), (2,)), ((0,), (0,))), preferred_element_type=None)
    make = lambda r, a=a, b=b: [numbers(a, (2, 3, 2), r), numbers(b, (2, 2, 3), r)]
    case("dot_general", f"batched_{a}_{b}", f, make, check=False)

finish(__file__)
