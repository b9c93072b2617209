"""primitives.json: the elementwise primitives, shapes, reductions, sorting and contractions."""

from primitive_cases import *

# --- unary, elementwise -------------------------------------------------------------------------

UNARY = {  # name: (function, low, high) of a stretch on which it is smooth
    "neg": (lax.neg, -3, 3), "sign": (lax.sign, 0.2, 3), "abs": (lax.abs, 0.2, 3),
    "floor": (lax.floor, 0.1, 0.9), "ceil": (lax.ceil, -1.9, -1.1),
    "exp": (lax.exp, -3, 3), "exp2": (lax.exp2, -3, 3), "expm1": (lax.expm1, -2, 2),
    "log": (lax.log, 0.1, 5), "log1p": (lax.log1p, -0.8, 3),
    "sqrt": (lax.sqrt, 0.1, 5), "rsqrt": (lax.rsqrt, 0.2, 5), "cbrt": (lax.cbrt, 0.2, 5),
    "sin": (lax.sin, -4, 4), "cos": (lax.cos, -4, 4), "tan": (lax.tan, -1.3, 1.3),
    "asin": (lax.asin, -0.9, 0.9), "acos": (lax.acos, -0.9, 0.9), "atan": (lax.atan, -3, 3),
    "sinh": (lax.sinh, -2, 2), "cosh": (lax.cosh, -2, 2), "tanh": (lax.tanh, -2, 2),
    "asinh": (lax.asinh, -3, 3), "acosh": (lax.acosh, 1.2, 4), "atanh": (lax.atanh, -0.9, 0.9),
    "logistic": (lax.logistic, -4, 4), "square": (lax.square, -3, 3),
    "erf": (lax.erf, -2, 2), "erfc": (lax.erfc, -2, 2), "erf_inv": (lax.erf_inv, -0.9, 0.9),
    "lgamma": (lax.lgamma, 0.5, 6), "digamma": (lax.digamma, 0.5, 6),
    "is_finite": (lax.is_finite, -3, 3), "copy": (lax.copy_p.bind, -3, 3),
    "stop_gradient": (lax.stop_gradient, -3, 3),
}
for p, (f, lo, hi) in UNARY.items():
    checked = p != "stop_gradient"
    case(p, "f64_2x3", f, U(lo, hi, (2, 3)), check=checked)
    case(p, "f64_scalar", f, U(lo, hi, ()), check=checked)
    case(p, "f32_4", f, U(lo, hi, (4,), dtype="f32")(rng(p)))
    case(p, "f16_3", f, U(lo, hi, (3,), dtype="f16")(rng(p)))
    case(p, "bf16_3", f, U(lo, hi, (3,), dtype="bf16")(rng(p)))
    case(p, "f64_empty", f, A("f64", np.zeros((0, 3))))
    for d in ("f64", "f32"):
        case(p, f"{d}_edge", f, A(d, FLOAT_EDGE))
        # JAX loses 400 units of the last place where an exponent is large; points.json has the truth.
        case(p, f"{d}_large", f, A(d, [v for v in LARGE[d] if p not in ("exp2", "sinh", "cosh") or not 1 < abs(v) < 1e3]))
        case(p, f"{d}_subnormal", f, A(d, SUBNORMAL[d]))
for p, at in {"abs": [0.0, -0.0], "sign": [0.0, -0.0], "floor": [1.0, -2.0], "ceil": [1.0, -2.0],
              "sqrt": [0.0], "rsqrt": [0.0], "cbrt": [0.0], "log": [0.0], "log1p": [-1.0],
              "asin": [1.0, -1.0], "acos": [1.0, -1.0], "acosh": [1.0], "atanh": [1.0, -1.0],
              "erf_inv": [1.0, -1.0, 0.0], "square": [0.0], "tanh": [0.0, 40.0], "logistic": [0.0, 800.0, -800.0],
              "exp": [710.0, -750.0]}.items():
    case(p, "f64_tie", UNARY[p][0], A("f64", at))

ROUND = {"away": lax.RoundingMethod.AWAY_FROM_ZERO, "even": lax.RoundingMethod.TO_NEAREST_EVEN}
for n, m in ROUND.items():
    f = lambda x, m=m: lax.round(x, m)
    case("round", f"{n}_f64_2x3", f, U(0.6, 1.4, (2, 3)))
    case("round", f"{n}_f64_tie", f, A("f64", [0.5, -0.5, 1.5, 2.5]))
    for d in ("f64", "f32", "f16", "bf16"):
        case("round", f"{n}_{d}_half", f, A(d, [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49, -0.49]))
    for d in ("f64", "f32"):
        case("round", f"{n}_{d}_edge", f, A(d, FLOAT_EDGE))
    case("round", f"{n}_f64_just_below_half", f, A("f64", [0.49999999999999994, 4503599627370497.5, -0.49999999999999994]))

for y in (0, 1, 2, 3, 5, -1, -2):
    f = lambda x, y=y: lax.integer_pow_p.bind(x, y=y)
    n = f"y{y}".replace("-", "_neg")
    case("integer_pow", f"{n}_f64_2x3", f, away((2, 3)))
    case("integer_pow", f"{n}_f64_zero_tie", f, A("f64", [0.0, -0.0]))
    case("integer_pow", f"{n}_c128_3", f, cplx((3,)))
    for d in ("f64", "f32"):
        case("integer_pow", f"{n}_{d}_edge", f, A(d, FLOAT_EDGE))
    case("integer_pow", f"{n}_bf16_3", f, A("bf16", [1.5, -2.0, 0.25]))
    if y >= 0:
        for d in ("s32", "u8", "s64"):
            case("integer_pow", f"{n}_{d}", f, A(d, extremes(d)))
case("integer_pow", "y3_f64_scalar", lambda x: lax.integer_pow(x, 3), U(-2, 2, ()))

for p in ("neg", "sign", "abs", "square", "copy"):
    f = UNARY[p][0]
    for d in ("s32", "s64", "s8", "u32", "u8"):
        if p == "abs" and d[0] == "u":
            continue
        case(p, f"{d}_edge", f, A(d, extremes(d)))
    case(p, "s32_2x3", f, ints("s32", (2, 3)))
case("copy", "pred_3", UNARY["copy"][0], A("pred", [1, 0, 1]))
case("stop_gradient", "s32_3", lax.stop_gradient, A("s32", [1, 2, 3]))

for p, f in {"not": lax.bitwise_not, "population_count": lax.population_count, "clz": lax.clz}.items():
    case(p, "s32_2x3", f, ints("s32", (2, 3)))
    case(p, "s32_scalar", f, ints("s32", ()))
    for d in ("s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64"):
        case(p, f"{d}_edge", f, A(d, extremes(d)))
    case(p, "s32_empty", f, A("s32", np.zeros((0, 2))))
case("not", "pred_3", lax.bitwise_not, preds((3,)))

FAULTS = {p for e in EXCUSES if e["check"] == "jax" for p in e["primitives"]}
for p in ("neg", "sign", "abs", "exp", "exp2", "expm1", "log", "log1p", "sqrt", "rsqrt", "sin", "cos", "tan", "tanh",
          "sinh", "cosh", "asin", "acos", "atan", "asinh", "acosh", "atanh", "logistic", "square", "copy", "cbrt", "is_finite"):
    # Where JAX's derivative is wrong (excuses.json says how), numeric differences do not agree with it.
    case(p, "c128_3", UNARY[p][0], cplx((3,)), check=p not in FAULTS)
    case(p, "c64_2", UNARY[p][0], A("c64", [0.5 - 1.25j, -0.75 + 0.5j]))
case("sign", "c128_zero", lax.sign, A("c128", [0j]))
case("abs", "c128_zero_tie", lax.abs, A("c128", [0j]))

for p, f in {"real": lax.real, "imag": lax.imag, "conj": lax.conj}.items():
    case(p, "c128_2x3", f, cplx((2, 3)))
    case(p, "c128_scalar", f, cplx(()))
    case(p, "c64_3", f, A("c64", [1 + 2j, -0.5 - 1j, 3j]))
    case(p, "c128_edge", f, A("c128", [complex(nan, 1), complex(1, nan), complex(inf, -inf), complex(-0.0, 0.0), complex(0.0, -0.0)]))
case("complex", "f64_2x3", lax.complex, U(-2, 2, (2, 3), (2, 3)))
case("complex", "f64_scalar", lax.complex, U(-2, 2, (), ()))
case("complex", "f32_3", lax.complex, A("f32", [1, 2, -0.5], [0.25, -1, 3]))
case("complex", "f64_edge", lax.complex, A("f64", [nan, inf, -0.0, 0.0], [1, nan, 0.0, -0.0]))

# --- binary, elementwise ------------------------------------------------------------------------

EDGE_X = [nan, 1.0, inf, inf, -inf, 2.0, 0.0, -0.0, 0.0, 1.0, -1.0, -3.0, 5.5, -5.5, nan]
EDGE_Y = [1.0, nan, inf, -inf, 2.0, inf, 0.0, 0.0, -0.0, 0.0, 0.0, -0.0, 2.0, 2.0, nan]
def int_edge(d):
    lo, hi = np.iinfo(DTYPES[d]).min, np.iinfo(DTYPES[d]).max
    m = -1 if lo < 0 else hi - 2
    return A(d, [lo, hi, 7, (-7 if lo < 0 else 200), 7, 5, 0, hi, lo, lo, 0],
             [m, hi, (-2 if lo < 0 else 3), 2, 0, 7, 0, 1, 1, lo, m])

smooth = {"add": lax.add, "sub": lax.sub, "mul": lax.mul, "div": lax.div, "rem": lax.rem,
          "max": lax.max, "min": lax.min, "atan2": lax.atan2}
for p, f in smooth.items():
    case(p, "f64_2x3", f, away((2, 3), (2, 3)))
    case(p, "f64_scalar", f, away((), ()))
    case(p, "f64_empty", f, A("f64", np.zeros((2, 0)), np.zeros((2, 0))))
    case(p, "f32_4", f, [x.astype("float32") for x in away((4,), (4,))(rng(p))])
    for d in ("f16", "bf16"):
        case(p, f"{d}_3", f, A(d, [1.5, -2.25, 0.75], [0.5, 1.25, -3.0]))
    for d in ("f64", "f32"):
        case(p, f"{d}_edge", f, A(d, EDGE_X, EDGE_Y))
    if p != "atan2":
        case(p, "s32_2x3", f, both(ints("s32", (2, 3)), ints("s32", (2, 3), lo=1)))
        for d in ("s32", "u32", "s64", "u8", "s8", "u64"):
            case(p, f"{d}_edge", f, int_edge(d))
for p in ("add", "sub", "mul", "div", "max", "min"):
    case(p, "c128_3", smooth[p], cplx((3,), (3,)))
case("add", "c64_2", lax.add, A("c64", [1 + 2j, 3j], [0.5, -1 - 1j]))
case("mul", "c64_2", lax.mul, A("c64", [1 + 2j, 3j], [0.5, -1 - 1j]))
for p in ("add", "mul", "max", "min"):
    case(p, "pred_4", smooth[p], A("pred", [0, 0, 1, 1], [0, 1, 0, 1]))
for p in ("max", "min"):
    case(p, "f64_tie", smooth[p], A("f64", [1.0, -2.0, 0.0, 0.0, nan, 1.0], [1.0, -2.0, 0.0, -0.0, 1.0, nan]))
case("div", "f64_by_zero_tie", lax.div, A("f64", [1.0, 0.0], [0.0, 0.0]))
case("rem", "f64_multiple_tie", lax.rem, A("f64", [4.0, -6.0, 0.0], [2.0, 3.0, 2.0]))
case("rem", "f64_signs", lax.rem, lambda r: A("f64", [5.5, -5.5, 5.5, -5.5], [2.0, 2.0, -2.0, -2.0]))
case("atan2", "f64_origin_tie", lax.atan2, A("f64", [0.0], [0.0]))
case("mul", "f64_zero_tie", lax.mul, A("f64", [0.0, 2.0], [3.0, 0.0]))

case("pow", "f64_2x3", lax.pow, both(U(0.3, 2.5, (2, 3)), U(-2, 3, (2, 3))))
case("pow", "f64_scalar", lax.pow, both(U(0.3, 2.5, ()), U(-2, 3, ())))
case("pow", "f64_s32_exponent", lax.pow, both(away((4,)), ints("s32", (4,), lo=-3, hi=5)))
case("pow", "f32_4", lax.pow, A("f32", [0.5, 1.5, 2.0, 3.25], [2.0, -1.5, 0.5, 3.0]))
case("pow", "bf16_3", lax.pow, A("bf16", [0.5, 1.5, 2.0], [2.0, -1.5, 0.5]))
case("pow", "c128_3", lax.pow, cplx((3,), (3,)))
for d in ("f64", "f32"):
    case("pow", f"{d}_edge", lax.pow, A(
        d, [0, nan, 1, -8, -2, -2, 0, -0.0, -0.0, inf, 2, -1, 0.5, -0.0, nan, -inf, -inf, 0],
        [0, 0, nan, 1 / 3, 3, 2, -1, -1, -2, 0, 1024, inf, inf, 3, 1, 3, -1, 0.5]))
# Without exponents of 0 and 1 at zero: there JAX has NaN for first or second derivatives.
case("pow", "f64_zero_base_tie", lax.pow, A("f64", [0.0, 0.0, 1.0], [2.0, 0.5, 0.0]))
case("pow", "f64_negative_base_tie", lax.pow, A("f64", [-2.0, -2.0], [3.0, 2.0]))
case("pow", "f64_s32_exponent_zero_tie", lax.pow, A("f64", [0.0, 0.0, 2.0]) + A("s32", [2, 0, 0]))
case("pow", "s32_s32", lax.pow, A("s32", [2, -3, 7, 0, 5]) + A("s32", [10, 3, 0, 0, 1]))

case("nextafter", "f64_2x3", lax.nextafter, U(-2, 2, (2, 3), (2, 3)))
for d in ("f64", "f32", "f16", "bf16"):
    case("nextafter", f"{d}_edge", lax.nextafter, A(
        d, [0, -0.0, 0, 1, 1, -1, nan, 1, inf, -inf, np.inf, 1, 0], [1, 1, -1, 2, 0, 0, 1, nan, 0, 0, inf, 1, -0.0]))

bitwise = {"and": lax.bitwise_and, "or": lax.bitwise_or, "xor": lax.bitwise_xor}
for p, f in bitwise.items():
    case(p, "s32_2x3", f, ints("s32", (2, 3), (2, 3)))
    case(p, "pred_4", f, A("pred", [0, 0, 1, 1], [0, 1, 0, 1]))
    case(p, "pred_2x2", f, preds((2, 2), (2, 2)))
    for d in ("s32", "u32", "u8", "s64"):
        case(p, f"{d}_edge", f, int_edge(d))
shifts = {"shift_left": lax.shift_left, "shift_right_logical": lax.shift_right_logical,
          "shift_right_arithmetic": lax.shift_right_arithmetic}
for p, f in shifts.items():
    case(p, "s32_2x3", f, both(ints("s32", (2, 3), lo=-99, hi=99), ints("s32", (2, 3), lo=0, hi=8)))
    for d, bits in (("s8", 8), ("u8", 8), ("s32", 32), ("u32", 32), ("s64", 64), ("u64", 64)):
        i = np.iinfo(DTYPES[d])
        case(p, f"{d}_edge", f, A(d, [1, i.max, i.min, 5, i.max, i.min, i.max, i.max - 4],
                                  [0, 1, 1, 2, bits - 1, bits - 1, bits, bits + 3]))
compare = {"eq": lax.eq, "ne": lax.ne, "lt": lax.lt, "le": lax.le, "gt": lax.gt, "ge": lax.ge}
for p, f in compare.items():
    case(p, "f64_2x3", f, lambda r: [np.round(x) for x in U(-1, 1, (2, 3), (2, 3))(r)])
    case(p, "s32_scalar", f, ints("s32", (), (), lo=-1, hi=2))
    case(p, "pred_4", f, A("pred", [0, 0, 1, 1], [0, 1, 0, 1]))
    for d in ("f64", "f32", "bf16"):
        case(p, f"{d}_edge", f, A(d, EDGE_X, EDGE_Y))
    for d in ("s32", "u32", "u8", "s64", "u64"):
        case(p, f"{d}_edge", f, int_edge(d))
    if p in ("eq", "ne"):
        case(p, "c128_3", f, A("c128", [1 + 1j, 1 + 1j, complex(nan, 0)], [1 + 1j, 1 - 1j, complex(nan, 0)]))

# --- ternary, conversion ------------------------------------------------------------------------

bounds = both(U(-1.5, -0.5, (2, 3)), away((2, 3), hi=2.5), U(0.5, 1.5, (2, 3)))
case("clamp", "f64_2x3", lax.clamp, bounds)
case("clamp", "f64_scalar_bounds", lax.clamp, both(U(-1, -0.5, ()), away((4,), hi=2.5), U(0.5, 1, ())))
case("clamp", "f64_scalar", lax.clamp, both(U(-1, -0.5, ()), away(()), U(0.5, 1, ())))
case("clamp", "f64_tie", lax.clamp, A("f64", [0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 1.0]))
case("clamp", "f64_crossed_tie", lax.clamp, A("f64", [2.0, 2.0, 2.0], [0.0, 1.5, 3.0], [1.0, 1.0, 1.0]))
for d in ("f64", "f32"):
    case("clamp", f"{d}_edge", lax.clamp, A(d, [0, nan, 0, -inf, 0, 0], [nan, 0.5, 0.5, 9, inf, -inf], [1, 1, nan, inf, 1, 1]))
for d in ("s32", "u32", "u8", "s64"):
    case("clamp", f"{d}_5", lax.clamp, A(d, [2, 2, 2, 2, 9], [0, 5, 100, 2, 5], [7, 7, 7, 7, 3]))

case("select_n", "pred_f64_2x3", lax.select_n, both(preds((2, 3)), U(-2, 2, (2, 3), (2, 3))))
case("select_n", "pred_scalar_f64_2x3", lax.select_n, both(preds(()), U(-2, 2, (2, 3), (2, 3))))
case("select_n", "pred_f64_scalar", lax.select_n, both(preds(()), U(-2, 2, (), ())))
case("select_n", "s32_f64_three", lax.select_n, both(ints("s32", (4,), lo=0, hi=3), U(-2, 2, (4,), (4,), (4,))))
case("select_n", "pred_c128_3", lax.select_n, both(preds((3,)), cplx((3,), (3,))))
case("select_n", "f64_nan_unselected_tie", lax.select_n, A("pred", [0, 1]) + A("f64", [1.0, nan], [inf, 2.0]))
for d in ("f32", "s32", "u32", "u8", "s64", "pred"):
    case("select_n", f"pred_{d}_4", lax.select_n, A("pred", [0, 1, 1, 0]) + A(d, [1, 0, 1, 0], [0, 0, 1, 1]))

FROM = {
    "f64": [0.0, -0.0, 1.5, -1.5, 2.5, 127.0, -3.99, 0.1, 65504.0, 1e10],
    "f32": [0.0, -0.0, 1.5, -1.5, 2.5, 127.0, -3.99, 0.1, 65504.0],
    "f16": [0.0, 1.5, -1.5, 100.0, 0.1], "bf16": [0.0, 1.5, -1.5, 100.0, 0.1],
    "s32": [0, 1, -1, 127, 300, -300, 2147483647, -2147483648, 16777217], "s8": [0, 1, -1, 127, -128],
    "s64": [0, 1, -1, 300, 4294967301, 9007199254740993, -9223372036854775808], "u8": [0, 1, 127, 128, 255],
    "u32": [0, 1, 300, 2147483648, 4294967295], "u64": [0, 1, 300, 18446744073709551615], "pred": [0, 1],
    "s16": [0, -1, 300, -32768], "u16": [0, 300, 65535],
}
for src, values in FROM.items():
    for dst, dt in DTYPES.items():
        if src == dst:
            continue
        keep = values
        if src[0] in "fb" and dst[0] in "su":  # out of range is its own case
            i = np.iinfo(dt)
            keep = [v for v in values if i.min <= v <= i.max]
        case("convert_element_type", f"{src}_{dst}", lambda x, dt=dt: lax.convert_element_type(x, dt),
             [np.asarray(keep, DTYPES[src])])
for dst in ("s32", "u32", "s8", "u8", "s64", "u64", "pred"):
    case("convert_element_type", f"f32_{dst}_out_of_range", lambda x, dt=DTYPES[dst]: lax.convert_element_type(x, dt),
         A("f32", [nan, inf, -inf, 3e9, -3e9, 1e20, -1e20, 300.0, -1.0, -0.5]))
for dst in ("f16", "bf16", "f32"):
    case("convert_element_type", f"f64_{dst}_rounding", lambda x, dt=DTYPES[dst]: lax.convert_element_type(x, dt),
         A("f64", [nan, inf, -inf, 1e300, 65520.0, 65519.9, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -8, 1 + 2 ** -24, 1e-8, 1e-45]))
for dst in ("f32", "bf16", "c128", "s32"):
    case("convert_element_type", f"f64_{dst}_2x3", lambda x, dt=DTYPES[dst]: lax.convert_element_type(x, dt),
         U(-3, 3, (2, 3)), check=dst == "c128", second=dst != "c128")
case("convert_element_type", "s32_f64_2x3", lambda x: lax.convert_element_type(x, np.float64), ints("s32", (2, 3)))
case("convert_element_type", "c128_c64", lambda x: lax.convert_element_type(x, np.complex64), A("c128", [1 + 2j, -0.1j]))

for src, dst, x in [
    ("f32", "u32", [0, -0.0, 1, -1.5, inf, nan]), ("f32", "s32", [0, -0.0, 1, -1.5]), ("u32", "f32", [0, 1065353216, 2147483648, 1]),
    ("f64", "u64", [0, -0.0, 1, -1.5]), ("f64", "s64", [0, 1, -2]), ("s64", "f64", [0, 4607182418800017408]),
    ("bf16", "u16", [1, -1]), ("u16", "f16", [15360, 48128]), ("s8", "u8", [-1, 5, -128]), ("u32", "s32", [4294967295, 5]),
    ("f32", "u8", [1, -1.5]), ("u32", "u16", [65537, 4294901760]), ("u64", "u32", [4294967298]), ("f32", "f32", [1, nan]),
]:
    case("bitcast_convert_type", f"{src}_{dst}", lambda x, dt=DTYPES[dst]: lax.bitcast_convert_type(x, dt), A(src, x))
case("bitcast_convert_type", "u8_f32", lambda x: lax.bitcast_convert_type(x, np.float32), A("u8", [[0, 0, 128, 63], [1, 2, 3, 4]]))
case("bitcast_convert_type", "u32_u64", lambda x: lax.bitcast_convert_type(x, np.uint64), A("u32", [[1, 2], [3, 4]]))
case("bitcast_convert_type", "s32_u32_2x3", lambda x: lax.bitcast_convert_type(x, np.uint32), ints("s32", (2, 3)))
case("bitcast_convert_type", "s32_u8_2x3", lambda x: lax.bitcast_convert_type(x, np.uint8), ints("s32", (2, 3)))

for d, e, m in [("f32", 5, 10), ("f32", 8, 7), ("f32", 4, 3), ("f32", 8, 23), ("f64", 8, 23), ("f64", 11, 52), ("f16", 5, 2), ("bf16", 8, 3)]:
    case("reduce_precision", f"{d}_{e}_{m}", lambda x, e=e, m=m: lax.reduce_precision(x, e, m),
         A(d, [0, -0.0, 1.2345678, -3.1415926, 1e-6, 60000, inf, -inf, nan, 1.0625]))
case("reduce_precision", "f64_5_10_2x3", lambda x: lax.reduce_precision(x, 5, 10), U(-3, 3, (2, 3)), check=False)

# --- shapes -------------------------------------------------------------------------------------

def shaped(prim, name, fn, *shapes, **kw):
    """A structural primitive: the f64 case with derivatives, and s32, f32 and pred values."""
    case(prim, f"{name}_f64", fn, U(-3, 3, *shapes), **kw)
    for d in ("s32", "f32", "pred"):
        if d == "pred" and prim == "pad":
            continue
        n = [int(np.prod(s)) for s in shapes]
        xs = [(np.arange(k).reshape(s) % (2 if d == "pred" else 99)).astype(DTYPES[d]) for k, s in zip(n, shapes)]
        case(prim, f"{name}_{d}", fn, xs)

for n, s, to, dims in [("scalar", (), (2, 3), ()), ("row", (3,), (2, 3), (1,)), ("column", (2,), (2, 3), (0,)), ("stretch", (2, 1), (2, 3), (0, 1)),
                       ("new_middle", (2, 3), (2, 2, 3), (0, 2)), ("empty", (2,), (0, 2), (1,)), ("ones", (3,), (1, 3, 1), (1,))]:
    shaped("broadcast_in_dim", n, lambda x, to=to, dims=dims: lax.broadcast_in_dim_p.bind(x, shape=to, broadcast_dimensions=dims, sharding=None), s)
for n, s, to in [("flat", (2, 3), (6,)), ("split", (6,), (3, 2)), ("scalar", (1, 1), ()), ("from_scalar", (), (1,)), ("regroup", (2, 2, 3), (3, 4)), ("empty", (0, 2), (2, 0, 5))]:
    shaped("reshape", n, lambda x, to=to: lax.reshape(x, to), s)
for n, s, p in [("matrix", (2, 3), (1, 0)), ("cycle", (2, 3, 2), (2, 0, 1)), ("empty", (0, 3), (1, 0)), ("identity", (2, 2), (0, 1))]:
    shaped("transpose", n, lambda x, p=p: lax.transpose_p.bind(x, permutation=p), s)
for n, s, d in [("vector", (4,), (0,)), ("both", (2, 3), (0, 1)), ("last", (2, 3), (1,)), ("none", (2, 2), ())]:
    shaped("rev", n, lambda x, d=d: lax.rev_p.bind(x, dimensions=d), s)
for n, s, d in [("first", (1, 3), (0,)), ("two", (1, 2, 1), (0, 2)), ("to_scalar", (1,), (0,))]:
    shaped("squeeze", n, lambda x, d=d: lax.squeeze(x, d), s)
for n, ss, d in [("rows", [(2, 3), (1, 3)], 0), ("columns", [(2, 1), (2, 3)], 1), ("three", [(2,), (1,), (3,)], 0), ("with_empty", [(2,), (0,)], 0), ("one", [(3,)], 0)]:
    shaped("concatenate", n, lambda *xs, d=d: lax.concatenate_p.bind(*xs, dimension=d), *ss)
for n, s, c in [("edges", (3,), [(1, 2, 0)]), ("interior", (3,), [(0, 0, 2)]), ("negative", (5,), [(-1, -2, 0)]), ("all", (2, 3), [(1, 0, 1), (-1, 2, 1)]),
                ("scalar", (), []), ("empty", (0, 2), [(1, 1, 3), (0, 0, 0)]), ("negative_interior", (3,), [(-2, 1, 1)]), ("none", (2, 2), [(0, 0, 0), (0, 0, 0)]),
                ("interior_one", (1,), [(0, 0, 2)]), ("negative_to_empty", (3,), [(-2, -1, 0)])]:
    shaped("pad", n, lambda x, v, c=c: lax.pad(x, v, c), s, ())
for n, s, a, b, st in [("vector", (5,), [1], [4], None), ("strided", (7,), [1], [6], [2]), ("matrix", (3, 4), [1, 0], [3, 4], [1, 3]), ("empty", (3,), [1], [1], None),
                       ("whole", (2, 2), [0, 0], [2, 2], None), ("stride_past_end", (5,), [0], [5], [3])]:
    shaped("slice", n, lambda x, a=a, b=b, st=st: lax.slice_p.bind(x, start_indices=tuple(a), limit_indices=tuple(b), strides=tuple(st) if st else None), s)
for d in ("s32", "u8", "s64", "f32", "f64", "bf16"):
    case("iota", f"{d}_4", lambda d=d: lax.iota_p.bind(dtype=DTYPES[d], shape=(4,), dimension=0, sharding=None), [])
for n, s, dim in [("rows", (2, 3), 0), ("columns", (2, 3), 1), ("empty", (0, 3), 1)]:
    case("iota", f"{n}_s32", lambda s=s, dim=dim: lax.iota_p.bind(dtype=np.dtype("int32"), shape=s, dimension=dim, sharding=None), [])

dslice = lambda sizes: lambda x, *i: lax.dynamic_slice_p.bind(x, *i, slice_sizes=sizes)
case("dynamic_slice", "f64_vector", dslice((2,)), both(U(-3, 3, (5,)), ints("s32", (), lo=0, hi=4)))
case("dynamic_slice", "f64_matrix", dslice((2, 2)), both(U(-3, 3, (3, 4)), ints("s32", (), (), lo=0, hi=3)))
for n, i in [("low", -2), ("high", 9), ("exact", 3)]:
    case("dynamic_slice", f"f64_{n}_tie", dslice((2,)), A("f64", [1, 2, 3, 4, 5]) + A("s32", i))
    case("dynamic_update_slice", f"f64_{n}_tie", lax.dynamic_update_slice_p.bind, A("f64", [1, 2, 3, 4, 5], [8, 9]) + A("s32", i))
for d in ("s32", "f32", "pred", "u8"):
    case("dynamic_slice", f"{d}_s64_index", dslice((2,)), A(d, [1, 0, 3, 4]) + A("s64", 1))
    case("dynamic_update_slice", f"{d}_s64_index", lax.dynamic_update_slice_p.bind, A(d, [1, 0, 3, 4], [0, 1]) + A("s64", 1))
case("dynamic_slice", "f64_empty", dslice((0,)), A("f64", [1, 2]) + A("s32", 1))
case("dynamic_slice", "f64_u32_index", dslice((2,)), A("f64", [1, 2, 3]) + A("u32", 4294967295))
case("dynamic_update_slice", "f64_vector", lax.dynamic_update_slice_p.bind, both(U(-3, 3, (5,), (2,)), ints("s32", (), lo=0, hi=4)))
case("dynamic_update_slice", "f64_matrix", lax.dynamic_update_slice_p.bind, both(U(-3, 3, (3, 4), (2, 2)), ints("s32", (), (), lo=0, hi=3)))
case("dynamic_update_slice", "f64_empty", lax.dynamic_update_slice_p.bind, A("f64", [1, 2], []) + A("s32", 1))

# --- reductions ---------------------------------------------------------------------------------

REDUCE = {"reduce_sum": lambda x, a: lax.reduce_sum_p.bind(x, axes=a, out_sharding=None)} | {
    f"reduce_{k}": (lambda x, a, p=getattr(lax, f"reduce_{k}_p"): p.bind(x, axes=a)) for k in ("prod", "max", "min", "and", "or", "xor")}
for p, f in REDUCE.items():
    shapes = [("vector", (4,), (0,)), ("rows", (2, 3), (0,)), ("columns", (2, 3), (1,)), ("all", (2, 3), (0, 1)), ("outer", (2, 2, 3), (0, 2)), ("none", (2, 2), ())]
    for n, s, a in shapes:
        g = lambda x, f=f, a=a: f(x, a)
        if p not in ("reduce_and", "reduce_or", "reduce_xor"):
            case(p, f"{n}_f64", g, away(s))
            case(p, f"{n}_f32", g, [x.astype("float32") for x in away(s)(rng(p + n))])
            case(p, f"{n}_s32", g, A("s32", (np.arange(np.prod(s)) * 7 % 11 - 5).reshape(s)))
        else:
            if s != (4,):  # JAX's batching of these needs no more shapes than two
                case(p, f"{n}_pred", g, preds(s))
            case(p, f"{n}_s32", g, ints("s32", s))
    g = lambda x, f=f: f(x, (0,))
    for d in ("u32", "s64", "u8", "s8"):
        case(p, f"{d}_edge", g, A(d, [np.iinfo(DTYPES[d]).max, 3, np.iinfo(DTYPES[d]).max]))
    if p in ("reduce_sum", "reduce_prod", "reduce_max", "reduce_min"):
        for d in ("f64", "f32"):
            case(p, f"{d}_nan", g, A(d, [1, nan, 2]))
            case(p, f"{d}_inf", g, A(d, [1, inf, -inf]))
            case(p, f"{d}_empty", g, A(d, np.zeros((0, 2))))
            case(p, f"{d}_signed_zero", g, A(d, [[0.0, -0.0, -0.0], [-0.0, 0.0, -0.0]]))
        for d in ("f16", "bf16"):
            case(p, f"{d}_4", g, A(d, [1.5, -2.0, 0.1, 3.0]))
        case(p, "s32_empty", g, A("s32", np.zeros((0, 2))))
    else:
        case(p, "pred_empty", g, A("pred", np.zeros((0, 2))))
    if p in ("reduce_max", "reduce_min"):
        case(p, "pred_3", g, A("pred", [0, 1, 1]))
        case(p, "f64_tie", g, A("f64", [2.0, 1.0, 2.0, 1.0, 1.5]))
        case(p, "f64_rows_tie", g, A("f64", [[1.0, 2.0, 0.0], [1.0, 3.0, -0.0]]))
for n, x in [("one_zero", [2.0, 0.0, 3.0]), ("two_zeros", [0.0, 0.0, 3.0])]:
    case("reduce_prod", f"{n}_tie", lambda x: lax.reduce_prod_p.bind(x, axes=(0,)), A("f64", x))
case("reduce_sum", "c128_2x3", lambda x: lax.reduce_sum_p.bind(x, axes=(1,), out_sharding=None), cplx((2, 3)))
case("reduce_prod", "c128_3", lambda x: lax.reduce_prod_p.bind(x, axes=(0,)), cplx((3,)))

for p, f in {"argmax": lax.argmax, "argmin": lax.argmin}.items():
    for n, s, a in [("vector", (4,), 0), ("rows", (2, 3), 0), ("columns", (2, 3), 1)]:
        case(p, f"{n}_f64_s32", lambda x, f=f, a=a: f(x, a, np.int32), away(s))
    g = lambda x, f=f: f(x, 0, np.int32)
    case(p, "vector_f64_s64", lambda x, f=f: f(x, 0, np.int64), away((4,)))
    case(p, "vector_f64_u8", lambda x, f=f: f(x, 0, np.uint8), away((4,)))
    case(p, "f64_first_of_equals", g, A("f64", [1, 3, 0, 3, 0]))
    case(p, "f64_nan", g, A("f64", [1, nan, 0, nan]))
    case(p, "f32_nan", g, A("f32", [-inf, nan, inf, nan]))
    case(p, "f64_signed_zero", g, A("f64", [[0.0, -0.0], [-0.0, 0.0]]))
    for d in ("f32", "bf16", "s32", "u32", "u8", "s64", "pred"):
        case(p, f"{d}_4", g, A(d, [1, 0, 1, 0]))

CUM = {"cumsum": lax.cumsum, "cumprod": lax.cumprod, "cummax": lax.cummax, "cummin": lax.cummin, "cumlogsumexp": lax.cumlogsumexp}
for p, f in CUM.items():
    for rev in (False, True):
        t = "_reverse" if rev else ""
        for n, s, a in [("vector", (4,), 0), ("rows", (3, 2), 0), ("columns", (2, 3), 1)]:
            case(p, f"{n}{t}_f64", lambda x, f=f, a=a, rev=rev: f(x, a, rev), away(s))
        g = lambda x, f=f, rev=rev: f(x, 0, rev)
        for d in ("f32", "bf16") + (() if p == "cumlogsumexp" else ("s32", "u8", "s64")):
            case(p, f"{d}_5{t}", g, A(d, [3, 1, 2, 5, 4]))
        for d in ("f64", "f32"):
            case(p, f"{d}_edge{t}", g, A(d, [1, -inf, 2, inf, -1, nan, 0]))
            case(p, f"{d}_neg_inf{t}", g, A(d, [-inf, -inf, 1]))
        case(p, f"f64_empty{t}", g, A("f64", np.zeros((0, 2))))
        case(p, f"f64_one{t}", g, U(-1, 1, (1,)))
        case(p, f"f64_seven{t}", g, away((7,)))
for p in ("cummax", "cummin"):
    case(p, "f64_tie", lambda x, f=CUM[p]: f(x, 0), A("f64", [1.0, 1.0, 2.0, 0.0, 2.0, 0.0]))
case("cumprod", "f64_zero_tie", lambda x: lax.cumprod(x, 0), A("f64", [2.0, 0.0, 3.0]))
# The derivative there is NaN or not as the order goes in which terms are combined.
case("cumlogsumexp", "f64_neg_inf", lambda x: lax.cumlogsumexp(x, 0), A("f64", [-inf, -inf, 1.0]))

# --- sort, dot, threefry ------------------------------------------------------------------------

def sorter(dim=0, keys=1, stable=True):
    return lambda *xs: lax.sort_p.bind(*xs, dimension=dim, is_stable=stable, num_keys=keys)
case("sort", "f64_vector", sorter(), away((5,)))
case("sort", "f64_rows", sorter(0), away((3, 2)))
case("sort", "f64_columns", sorter(1), away((2, 4)))
case("sort", "f64_two_operands", sorter(), away((4,), (4,)))
case("sort", "f64_s32_operand", sorter(), both(away((4,)), lambda r: A("s32", [0, 1, 2, 3])))
case("sort", "s32_key_f64_value", sorter(), both(lambda r: A("s32", [2, 1, 2, 1]), away((4,))))
case("sort", "two_keys", sorter(keys=2), both(lambda r: A("s32", [2, 1, 2, 1]), away((4,), (4,))))
case("sort", "two_keys_columns", sorter(1, 2), both(lambda r: A("s32", [[2, 1, 1], [0, 1, 0]]), away((2, 3))))
case("sort", "f64_tie", sorter(), A("f64", [2, 1, 2, 1], [1, 2, 3, 4]))
case("sort", "f64_key_ties_stable", sorter(), A("f64", [1, 0, 1, 0, 1]) + A("s32", [0, 1, 2, 3, 4]))
case("sort", "f64_signed_zero_stable", sorter(), A("f64", [0.0, -0.0, 0.0, -0.0]) + A("s32", [0, 1, 2, 3]))
case("sort", "f64_not_stable", sorter(stable=False), A("f64", [3, 1, 2, 0]))
for d in ("f64", "f32", "bf16"):
    case("sort", f"{d}_edge", sorter(), A(d, [nan, 1, -inf, inf, 0.0, -0.0, -nan, -1]))
for d in ("s32", "u32", "u8", "s64", "pred"):
    case("sort", f"{d}_5", sorter(), A(d, [1, 0, 1, 0, 1]) if d == "pred" else A(d, extremes(d)))
case("sort", "f64_empty", sorter(), A("f64", np.zeros((0,))))

def dg(lc, rc, lb=(), rb=(), pet=None):
    return lambda x, y: lax.dot_general(x, y, ((lc, rc), (lb, rb)), preferred_element_type=pet and DTYPES[pet])
for n, s, t, dims in [
    ("vector_vector", (3,), (3,), ((0,), (0,))), ("matrix_matrix", (2, 3), (3, 2), ((1,), (0,))), ("matrix_vector", (2, 3), (3,), ((1,), (0,))),
    ("vector_matrix", (3,), (3, 2), ((0,), (0,))), ("matrix_matrix_t", (2, 3), (2, 3), ((1,), (1,))), ("batch", (2, 2, 3), (2, 3, 2), ((2,), (1,), (0,), (0,))),
    ("batch_inner", (3, 2, 2), (2, 3), ((0,), (1,), (1,), (0,))), ("two_contracted", (2, 3, 2), (3, 2), ((1, 0), (0, 1))), ("outer", (2,), (3,), ((), ())),
    ("batch_only", (2, 3), (2, 3), ((), (), (0, 1), (0, 1))), ("two_batch", (2, 1, 3), (1, 2, 3), ((2,), (2,), (0, 1), (1, 0))), ("scalar_scalar", (), (), ((), ())),
]:
    case("dot_general", f"{n}_f64", dg(*dims), U(-2, 2, s, t))
    case("dot_general", f"{n}_f32", dg(*dims), U(-2, 2, s, t, dtype="f32")(rng(n)))
    case("dot_general", f"{n}_s32", dg(*dims), ints("s32", s, t)(rng(n)))
case("dot_general", "empty_contraction_f64", dg((1,), (0,)), A("f64", np.zeros((2, 0)), np.zeros((0, 2))))
case("dot_general", "empty_output_f64", dg((1,), (0,)), A("f64", np.zeros((0, 2)), np.ones((2, 2))))
case("dot_general", "nan_f64", dg((1,), (0,)), A("f64", [[0, nan], [inf, 1]], [[1, 0], [0, 1]]))
case("dot_general", "c128", dg((1,), (0,)), cplx((2, 2), (2, 2)))
for d, pet in [("bf16", None), ("bf16", "f32"), ("f16", None), ("f16", "f32"), ("f32", "f64"), ("s8", "s32"), ("u8", "u32"), ("u8", None), ("s64", None), ("u32", None), ("pred", None)]:
    case("dot_general", f"{d}_to_{pet or d}", dg((1,), (0,), pet=pet), A(d, [[1, 2, 3], [4, 5, 60]], [[7, 1], [0, 2], [50, 3]]))

tf = jax.extend.random.threefry2x32_p.bind
u32s = lambda *shapes: ints("u32", *shapes, lo=0, hi=2 ** 32)
case("threefry2x32", "scalar", tf, u32s((), (), (), ()))
case("threefry2x32", "vector", tf, u32s((4,), (4,), (4,), (4,)))
case("threefry2x32", "zero", tf, A("u32", [0], [0], [0], [0]))
case("threefry2x32", "ones", tf, A("u32", *[[2 ** 32 - 1]] * 4))
case("threefry2x32", "random123", tf, A("u32", [0x13198A2E], [0x03707344], [0x243F6A88], [0x85A308D3]))
case("threefry2x32", "matrix", tf, u32s((2, 3), (2, 3), (2, 3), (2, 3))(rng("threefry")))
case("threefry2x32", "scalar_key", tf, u32s((), (), (3,), (3,))(rng("threefry")))
case("threefry2x32", "empty", tf, A("u32", [], [], [], []))

for n in (1, 2, 3):
    order = (lambda n: lambda r: [np.full((2, 3), float(n))])(n)
    case("polygamma", f"n{n}_f64_2x3", lax.polygamma, both(order, U(0.5, 6, (2, 3))), constant=(0,))
case("polygamma", "mixed_f64_scalar", lax.polygamma, both(lambda r: [np.asarray(2.0)], U(0.5, 6, ())), constant=(0,))
case("polygamma", "f64_orders", lax.polygamma, A("f64", [0, 1, 2, 5, 10, 1, 2, 1], [2.5, 2.5, 2.5, 2.5, 2.5, 30, 0.01, -1.5]))
case("polygamma", "f32_orders", lax.polygamma, A("f32", [0, 1, 2, 5, 10, 1, 2], [2.5, 2.5, 2.5, 2.5, 2.5, 30, 0.01]))

finish(__file__)
