"""numpy.json: jax.numpy's type promotion and the values and dtypes of its functions.

"promotion" is made with 64-bit types on, "cases" with JAX's default (they are off).
"""

import warnings

from common import *

warnings.simplefilter("ignore")

import jax.numpy as jnp

SCALARS = {"bool": True, "int": 1, "float": 1.0, "complex": 1j}
promotion = []
with jax.enable_x64(True):
    sides = {n: jnp.ones((), d) for n, d in DTYPES.items()} | SCALARS
    for lhs, a in sides.items():
        for rhs, b in sides.items():
            y = jnp.add(a, b)
            promotion.append({"lhs": lhs, "rhs": rhs, "result": name_of(y.dtype), "weak": y.weak_type})

cases, failed = [], []


def plain(v):
    if isinstance(v, (jax.Array, np.ndarray)):
        return array(v)
    if isinstance(v, (list, tuple)):
        return [plain(u) for u in v]
    if isinstance(v, (np.dtype, type)):
        return name_of(v)
    return real(v) if isinstance(v, float) else v


def live(v):
    if isinstance(v, np.ndarray):
        return jnp.asarray(v)
    return type(v)(live(u) for u in v) if isinstance(v, (list, tuple)) else v


def case(fn, *args, **kwargs):
    args = [live(a) for a in args]
    kwargs = {k: live(v) for k, v in kwargs.items()}
    try:
        ys = getattr(jnp, fn)(*args, **kwargs)
    except Exception as e:
        failed.append(f"{fn}: {type(e).__name__}: {e}")
        return
    ys = list(ys) if isinstance(ys, (list, tuple)) else [ys]
    ys = [jnp.asarray(y) for y in ys]
    cases.append({"fn": fn, "args": plain(args), "kwargs": {k: plain(v) for k, v in kwargs.items()},
                  "outputs": [array(y) for y in ys], "weak": [bool(y.weak_type) for y in ys]})


def F(*v, d="f32"):
    return np.asarray(v[0] if len(v) == 1 else v, DTYPES[d])


def I(*v, d="s32"):
    return np.asarray(v[0] if len(v) == 1 else v, DTYPES[d])


nan, inf = float("nan"), float("inf")
V = F(1.5, -2.0, 0.25, 3.0)
M = F([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])
N = F([[2.0, 0.5], [-1.0, 1.0], [0.25, 4.0]])
T = F([[[1, 2], [3, 4], [5, 6]], [[-1, 0], [2, -3], [0.5, 8]]])
K = I([[3, -1, 2], [0, 5, 3]])
B = np.array([[True, False, True], [True, True, True]])

for f in ("sum", "prod", "max", "min", "mean", "std", "var"):
    case(f, M), case(f, M, axis=0), case(f, M, axis=-1, keepdims=True), case(f, T, axis=(0, 2)), case(f, K), case(f, B)
    case(f, F(1, 2, 3, d="bf16")), case(f, I(100, 200, 50, d="u8")), case(f, F(1, nan, 2)), case(f, F(2.5))
    if f in ("sum", "prod", "mean"):
        case(f, K, dtype=DTYPES["f32"]), case(f, np.zeros((0, 2), "float32"), axis=0), case(f, I(100, 50, 3, d="s8"))
    if f in ("std", "var"):
        case(f, M, ddof=1), case(f, M, axis=1, ddof=1)
    if f in ("max", "min"):
        case(f, M, initial=0.75), case(f, M, axis=1, where=B, initial=0.0)
    case(f, M, where=B, **({"initial": 0.0} if f in ("max", "min") else {}))
for f in ("argmax", "argmin"):
    case(f, M), case(f, M, axis=0), case(f, M, axis=1, keepdims=True), case(f, I(3, 1, 3, 1)), case(f, F(1, nan, 2)), case(f, B, axis=1)
for f in ("any", "all"):
    case(f, B), case(f, B, axis=0), case(f, K, axis=1), case(f, F(0, 0.5, nan)), case(f, np.zeros((0,), "float32"))
for f in ("cumsum", "cumprod"):
    case(f, V), case(f, M), case(f, M, axis=1), case(f, K, axis=0), case(f, B, axis=1), case(f, I(100, 100, 100, d="u8")), case(f, K, dtype=DTYPES["f32"])

case("arange", 5), case("arange", 2, 7), case("arange", 1, 8, 3), case("arange", 0.0, 1.0, 0.25), case("arange", 5, 0, -2), case("arange", 3.5), case("arange", 4, dtype=DTYPES["f32"]), case("arange", 0), case("arange", 0.0, 1.0, 0.3)
case("linspace", 0.0, 1.0, 5), case("linspace", 0, 10, 4), case("linspace", 0.0, 1.0, 5, endpoint=False), case("linspace", 2.0, 2.0, 1), case("linspace", 0.0, 10.0, 4, dtype=DTYPES["s32"]), case("linspace", -3.0, 7.0, 11), case("linspace", F(0, 1), F(1, 3), 3), case("linspace", 0.0, 1.0, 3, retstep=True), case("linspace", 0.0, 1.0, 0)
case("logspace", 0.0, 2.0, 3), case("logspace", 0.0, 3.0, 4, base=2.0), case("logspace", 0.0, 1.0, 4, endpoint=False)
case("geomspace", 1.0, 100.0, 3)
case("eye", 3), case("eye", 2, 3), case("eye", 3, k=1), case("eye", 3, k=-1, dtype=DTYPES["s32"]), case("identity", 2)
for f in ("zeros", "ones"):
    case(f, (2, 3)), case(f, 2), case(f, (), dtype=DTYPES["s32"]), case(f, (2,), dtype=DTYPES["pred"]), case(f, (0, 2))
    case(f + "_like", K), case(f + "_like", M, dtype=DTYPES["s32"])
case("full", (2, 2), 3), case("full", (2,), 1.5), case("full", (2,), 7, dtype=DTYPES["f32"]), case("full", (2, 2), F(1, 2)), case("full_like", K, 2.7), case("full", (2,), True)
case("meshgrid", V[:2], F(1, 2, 3)), case("meshgrid", V[:2], F(1, 2, 3), indexing="ij"), case("meshgrid", V[:2], I(1, 2), F(5.0).reshape(1), indexing="xy")
case("where", B, M, K), case("where", B, M, 0.0), case("where", B, 1, 2), case("where", M > 0, M, nan), case("where", B, K, 1.5), case("where", B[0], M, F([[1], [2]])), case("where", True, K, 3)
case("clip", M, -1.0, 1.0), case("clip", K, 0, 3), case("clip", M, None, 0.5), case("clip", M, 0, None), case("clip", K, 0.5, 2.5), case("clip", F(nan, 1, inf), 0, 2), case("clip", M, F(0, -1, 0), 2.0)

case("concatenate", [M, M]), case("concatenate", [M, K], axis=1), case("concatenate", [V, I(1, 2)]), case("concatenate", [M, N], axis=None), case("concatenate", [I(1, d="u8").reshape(1), I(1, d="s8").reshape(1)])
case("stack", [V, V]), case("stack", [V, V], axis=1), case("stack", [V, I(1, 2, 3, 4)], axis=-1), case("stack", [1.0, 2, 3])
for f in ("hstack", "vstack", "dstack", "column_stack"):
    case(f, [V, V]), case(f, [M, K])
case("split", V, 2), case("split", M, 3, axis=1), case("split", V, [1, 3]), case("split", M, [1], axis=0), case("array_split", V, 3), case("hsplit", M, 3), case("vsplit", M, 2)
case("reshape", M, (3, 2)), case("reshape", M, (-1,)), case("reshape", M, (3, -1)), case("reshape", M, (3, 2), order="F"), case("reshape", V, (2, 1, 2))
case("ravel", M), case("ravel", M, order="F"), case("ravel", F(1.0))
case("transpose", M), case("transpose", T), case("transpose", T, (1, 0, 2)), case("transpose", V), case("transpose", T, (-1, 0, 1))
case("swapaxes", T, 0, 2), case("swapaxes", M, 0, -1), case("moveaxis", T, 0, -1), case("moveaxis", T, (0, 1), (-1, 0)), case("rollaxis", T, 2)
case("expand_dims", V, 0), case("expand_dims", V, -1), case("expand_dims", M, (0, 2)), case("squeeze", F([[1.0], [2.0]])), case("squeeze", F([[[1.0], [2.0]]]), axis=0), case("squeeze", F([[1.0]])), case("squeeze", F([[[1.0], [2.0]]]), axis=(0, -1))
case("tile", V, 2), case("tile", M, (2, 1)), case("tile", V, (2, 2)), case("repeat", V, 2), case("repeat", M, 2, axis=0), case("repeat", M, 2, axis=1), case("repeat", V, I(1, 0, 2, 1)), case("repeat", M, 3)
case("roll", V, 1), case("roll", M, 1), case("roll", M, -1, axis=1), case("roll", M, (1, 2), axis=(0, 1)), case("roll", V, 7), case("flip", M), case("flip", M, axis=1), case("flip", M, axis=(0, 1)), case("fliplr", M), case("flipud", M), case("rot90", M), case("rot90", M, k=2)
case("broadcast_to", V, (2, 4)), case("broadcast_to", F(1.0), (2, 2)), case("broadcast_to", M[:, :1], (2, 3)), case("broadcast_arrays", V[:3], M)
case("atleast_1d", F(1.0)), case("atleast_2d", V), case("atleast_3d", M)
case("pad", V, 1), case("pad", M, ((0, 1), (2, 0))), case("pad", V, (1, 2), constant_values=9), case("pad", V, 2, mode="edge"), case("pad", V, 2, mode="reflect"), case("pad", V, 2, mode="wrap"), case("pad", V, 2, mode="symmetric")

case("dot", V, V), case("dot", M, N), case("dot", M, V[:3]), case("dot", K, I(1, 2, 3)), case("dot", F(2.0), M), case("dot", T, F(1, 2)), case("dot", K, V[:3])
case("matmul", M, N), case("matmul", T, F([[1, 0], [2, 1]])), case("matmul", V, V), case("matmul", M, V[:3]), case("matmul", V[:2], M), case("matmul", T, np.swapaxes(T, 1, 2)), case("matmul", K, K.T), case("matmul", K, N), case("matmul", F([[1, 2]], d="bf16"), F([[3], [4]], d="bf16"))
case("vdot", V, V), case("vdot", M, M), case("vdot", np.array([1 + 2j, 3j], "complex64"), np.array([2 - 1j, 1], "complex64")), case("inner", V, V), case("inner", M, M), case("inner", M, V[:3]), case("outer", V, F(1, 2)), case("outer", I(1, 2), I(3, 4)), case("outer", M, V[:2])
case("tensordot", M, N, axes=1), case("tensordot", M, M, axes=2), case("tensordot", V[:2], V[:2], axes=0), case("tensordot", T, M, axes=((0, 1), (0, 1))), case("tensordot", T, M, axes=((1,), (1,)))
case("einsum", "ij,jk->ik", M, N), case("einsum", "ij->ji", M), case("einsum", "ij->", M), case("einsum", "ii", F([[1, 2], [3, 4]])), case("einsum", "ii->i", F([[1, 2], [3, 4]])), case("einsum", "i,j->ij", V, V[:2]), case("einsum", "bij,bjk->bik", T, np.swapaxes(T, 1, 2)), case("einsum", "ij,jk", M, N), case("einsum", "...i,i->...", T, F(1, -1)), case("einsum", "ij,ij->i", K, K), case("einsum", "ij,j,jk->ik", M, V[:3], N)
case("kron", V[:2], F(1, 2)), case("kron", M, I([[1, 0], [0, 1]])), case("cross", V[:3], F(1, 2, 3)), case("cross", M, M[::-1]), case("cross", F(1, 2), F(3, 4)), case("trace", M), case("trace", M, offset=1), case("trace", K), case("trace", T, axis1=1, axis2=2)
case("diag", V[:3]), case("diag", M), case("diag", V[:2], k=1), case("diag", M, k=-1), case("diagonal", M), case("diagonal", T, offset=0, axis1=0, axis2=1)
for f in ("tril", "triu"):
    case(f, M), case(f, M, k=1), case(f, K, k=-1), case(f, T)

case("sort", V), case("sort", M), case("sort", M, axis=0), case("sort", M, axis=None), case("sort", F(1, nan, -inf, 0)), case("sort", K, axis=1, descending=True), case("sort", B)
case("argsort", V), case("argsort", M, axis=0), case("argsort", I(2, 1, 2, 1)), case("argsort", I(2, 1, 2, 1), descending=True), case("argsort", F(1, nan, 0)), case("argsort", M, axis=None)
case("take", V, I(0, 2)), case("take", M, I(1, 0), axis=1), case("take", V, I([[0], [3]])), case("take", V, I(-1, -4)), case("take", V, I(9, -9)), case("take", V, I(9, -9), mode="clip"), case("take", V, I(5, -5), mode="wrap"), case("take", K, I(9, 0)), case("take", M, 1, axis=0)
case("take_along_axis", M, I([[0, 2], [1, 1]]), axis=1), case("take_along_axis", M, I([[0, 1, 0]]), axis=0), case("take_along_axis", M, I(0, 5, -1), axis=None), case("take_along_axis", M, I([[-1], [7]]), axis=1)
case("diff", V), case("diff", M), case("diff", M, axis=0), case("diff", V, n=2), case("diff", B), case("diff", I(1, 5, 2, d="u8")), case("diff", V, prepend=0.0), case("ediff1d", V)
case("trapezoid", V), case("trapezoid", V, F(0, 1, 3, 4)), case("trapezoid", M, dx=0.5, axis=0), case("trapezoid", I(1, 2, 4))
case("interp", F(0.5, 1.5, -1, 9), F(0, 1, 2), F(0, 10, -5)), case("interp", F(-1, 9), F(0, 1), F(2, 3), left=-7.0, right=8.0), case("interp", F(1.25), F(0, 1, 2), F(0, 10, -5)), case("interp", F(0.5, 5.5), F(0, 1, 2), F(1, 2, 3), period=3.0), case("interp", F(1, nan), F(0, 1, 2), F(0, 10, -5))
case("median", V), case("median", M), case("median", M, axis=0), case("median", K, axis=1, keepdims=True), case("median", F(1, nan, 2)), case("nanmedian", F(1, nan, 2))
case("percentile", V, 30.0), case("percentile", M, F(0, 25, 100), axis=1), case("percentile", K, 50), case("quantile", V, 0.3), case("quantile", M, F(0.1, 0.9)), case("quantile", M, 0.25, axis=0, keepdims=True)
for m in ("lower", "higher", "nearest", "midpoint"):
    case("quantile", V, 0.4, method=m)
for f in ("nansum", "nanmean", "nanmax", "nanmin", "nanstd", "nanvar", "nanprod"):
    case(f, F([[1, nan, 2], [nan, 4, 0.5]])), case(f, F([[1, nan], [nan, nan]]), axis=1)
case("average", M), case("average", M, axis=1, weights=F(1, 2, 1)), case("average", I(1, 2, 4), weights=I(1, 1, 2)), case("ptp", M, axis=0), case("count_nonzero", K), case("count_nonzero", M, axis=1)
case("cov", M), case("cov", M, rowvar=False), case("corrcoef", M)

case("round", F(0.5, 1.5, -2.5, 2.345)), case("round", F(0.125, 2.345, -1.005), decimals=2), case("round", I(15, 25, -14), decimals=-1), case("round", F(123.4, -15.0), decimals=-1), case("round", K)
case("sign", F(-2, 0, -0.0, 3, nan)), case("sign", K), case("sign", I(0, 5, d="u8")), case("abs", F(-2, -0.0, nan)), case("abs", I(-2147483648, -5)), case("abs", np.array([3 + 4j], "complex64")), case("absolute", I(7, d="u8"))
for f in ("exp", "sqrt", "sin", "tanh", "log"):  # integers become floats
    case(f, I(1, 2, 4)), case(f, I(1, 4, d="u8")), case(f, np.array([True, False])), case(f, 4), case(f, F(1.5, d="bf16"))
X, Y = F(7.5, -7.5, 7.5, -7.5, 1, 0, -1, inf, nan), F(2, 2, -2, -2, 0, 0, inf, 2, 1)
P, Q = I(7, -7, 7, -7, 0), I(2, 2, -2, -2, 3)
for f in ("floor_divide", "remainder", "mod", "fmod", "divmod"):
    case(f, X, Y), case(f, P, Q), case(f, I(7, 200, d="u8"), I(2, 7, d="u8")), case(f, P, 2.5), case(f, I(5, -5), I(0, 0))
for f in ("add", "subtract", "multiply", "divide", "true_divide", "power", "float_power", "maximum", "minimum", "fmax", "fmin", "logaddexp", "logaddexp2", "hypot", "arctan2", "copysign", "heaviside"):
    case(f, F(2, 0.5, 3, nan, -0.0), F(3, -1, 0, 1, 0.0)), case(f, I(2, 5), I(3, 2)), case(f, I(2, 5), 2.5), case(f, M, F(1, 2, 3)), case(f, 2, 3), case(f, I(2, d="u8"), F(1.5, d="bf16"))
case("power", I(2, 3), 3), case("power", F(2, -3, 0), 2), case("power", F(2, 3), -1), case("power", F(-8, 4), 0.5), case("power", 2, F(1, 2, 3)), case("logaddexp", F(-inf, inf, -inf, 1000), F(-inf, 0, 1, 1000)), case("maximum", F(nan, 1), F(0, nan)), case("maximum", B, K)
case("multiply", B, B), case("add", B, B), case("add", I(200, d="u8"), I(100, d="u8")), case("multiply", I(2147483647), I(2))
Z = F(1, nan, inf, -inf, -0.0)
for f in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit"):
    case(f, Z), case(f, K)
C, D = F(1, 2, nan, inf, 1), F(1.0000001, 2.1, nan, inf, -inf)
case("isclose", C, D), case("isclose", C, D, equal_nan=True), case("isclose", C, D, rtol=0.1), case("isclose", K, K), case("isclose", F(0.0, 1e-9), F(1e-8, 0)), case("allclose", V, V), case("allclose", V, V + np.float32(0.1)), case("allclose", C, C, equal_nan=True)
case("array_equal", V, V), case("array_equal", V, M), case("array_equal", C, C), case("array_equal", C, C, equal_nan=True), case("array_equiv", V, np.stack([V, V]))
case("polyval", F(1, -2, 3), F(0, 1, 2)), case("polyval", I(1, 2), I(3, 4)), case("polyval", F(1, 2, 3), 2), case("polyadd", F(1, 2, 3), F(1, 1)), case("polymul", F(1, 2), F(1, -1)), case("polyder", F(1, 2, 3)), case("polyint", F(1, 2, 3)), case("convolve", V, F(1, 2)), case("convolve", V, F(1, 2, 1), mode="same"), case("correlate", V, F(1, 2), mode="full")
case("nan_to_num", Z), case("nan_to_num", Z, nan=7.0, posinf=1.0, neginf=-1.0), case("nan_to_num", K), case("nan_to_num", F(nan, inf, d="bf16"))
E_ = F(1, 2, 2, 3)
case("searchsorted", E_, F(0, 2, 2.5, 9, nan)), case("searchsorted", E_, F(2, 3), side="right"), case("searchsorted", E_, 2), case("searchsorted", E_, I([[1, 2], [3, 4]])), case("digitize", F(0.5, 2, 9), E_), case("digitize", F(0.5, 2, 9), E_, right=True)
case("bincount", I(0, 1, 1, 3)), case("bincount", I(0, 1, 1, 3), weights=V), case("bincount", I(0, 2), minlength=5), case("bincount", I(0, 9, 1), length=3), case("bincount", I(-1, 1))
case("unique", I(3, 1, 3, 2)), case("unique", F(2, nan, 1, nan)), case("unique", I(3, 1, 3), return_index=True, return_inverse=True, return_counts=True), case("unique", K), case("unique", I(3, 1), size=4, fill_value=9), case("unique", I([[1, 2], [1, 2], [0, 1]]), axis=0)
case("histogram", F(1, 2, 2.5, 4), bins=3), case("histogram", F(0.1, 0.5, 1.5), bins=F(0, 1, 2)), case("histogram", F(0.1, 0.5, 1.5, 3), bins=4, range=(0.0, 2.0)), case("histogram", F(1, 2, 3), bins=2, density=True), case("histogram", F(1, 2, 3), bins=2, weights=F(1, 2, 4)), case("histogram", F(1, 1), bins=2)
case("nonzero", K), case("nonzero", B), case("flatnonzero", K), case("argwhere", K), case("nonzero", K, size=6, fill_value=-1), case("isin", K, I(3, 5)), case("triu_indices", 3), case("tril_indices", 3, k=-1), case("indices", (2, 3)), case("gradient", V), case("gradient", M), case("vander", V[:3])
case("floor", F(1.5, -1.5)), case("floor", K), case("trunc", F(1.7, -1.7)), case("rint", F(0.5, 1.5)), case("square", K), case("reciprocal", F(2, -4)), case("reciprocal", I(1, 2)), case("deg2rad", F(180)), case("sinc", F(0, 0.5, 1)), case("cbrt", F(8, -27)), case("unwrap", F(0, 3, 6.5, 9.9)), case("nanargmax", F(1, nan, 2)), case("left_shift", I(1, 2), I(3, 1)), case("invert", K), case("logical_not", K), case("logical_and", K, 1), case("bitwise_and", K, I(1, 2, 3)), case("gcd", I(12, 18), I(8, 27)), case("lcm", I(4, 6), I(6, 9))

table = {(p["lhs"], p["rhs"]): (p["result"], p["weak"]) for p in promotion}
assert all(table[a, b] == table[b, a] for a, b in table)
assert table["s32", "float"] == ("f64", True) and table["u8", "int"] == ("u8", False) and table["f16", "bf16"] == ("f32", False)

write(__file__, {"promotion": promotion, "cases": cases})
print("refused by JAX:", *failed, sep="\n  ")
