"""numpy_functions.json: functions of jax.numpy that take arrays apart and join them, and functions of sequences."""

from function_cases import *

N = "jax.numpy."
inf, nan = float("inf"), float("nan")


def np_(name, how, *specs, pre=lambda *a: a, grad=True, x64=True, **kwargs):
    f = getattr(jnp, name)
    case(N + name, how, lambda *a: f(*pre(*a), **kwargs), *specs, grad=grad, x64=x64)


def both(name, how, *shapes, **kw):
    for d in ("f64", "c128", "f32"):
        np_(name, how, *[(d, s) for s in shapes], **kw)


F = lambda *v, d="f64": np.asarray(v, DTYPES[d])
I = lambda *v: np.asarray(v, "int32")

# Pieces.
both("array_split", "3 0", (5, 2), pre=lambda x: (x, 3)), both("array_split", "2 1", (2, 4), pre=lambda x: (x, 2, 1))
both("vsplit", "2", (4, 2), pre=lambda x: (x, 2)), both("hsplit", "2", (2, 4), pre=lambda x: (x, 2)), both("hsplit", "2", (4,), pre=lambda x: (x, 2))
both("dsplit", "2", (2, 1, 4), pre=lambda x: (x, 2)), both("unstack", "1", (2, 3), axis=1)
for shape in ((), (3,), (2, 3), (1, 2, 3)):
    both("atleast_3d", "", shape)
both("dstack", "", (3,), (3,), pre=lambda *a: (a,)), both("dstack", "", (2, 3), (2, 3, 2), pre=lambda *a: (a,))
both("append", "", (2, 3), ()), both("append", "0", (2, 3), (1, 3), axis=0)
both("broadcast_arrays", "", (2, 1), (3,), ())
for axis, start in ((2, 0), (0, 3), (1, -1), (-1, 1)):
    both("rollaxis", f"{axis} {start}", (2, 3, 4), axis=axis, start=start)
both("resize", "2,4", (3,), new_shape=(2, 4)), both("resize", "2", (3,), new_shape=(2,)), np_("resize", "2", np.zeros((0,)), new_shape=(2,), grad=False)
both("ediff1d", "", (2, 3)), both("ediff1d", "ends", (4,), (1,), (2,), pre=lambda x, e, b: (x, e, b)), both("ediff1d", "", (1,), grad=False)
both("delete", "0 -1 / 1", (2, 4), pre=lambda x: (x, np.array([0, -1]), 1)), both("delete", "1 1 / 0", (3,), pre=lambda x: (x, np.array([1, 1]), 0))
both("block", "", (2, 2), (2, 1), pre=lambda a, b: ([[a, b], [b, a]],))
both("select", "", (3,), (3,), (), pre=lambda x, y, z: ([x.real > 0, y.real > 0], [x, y], z))
np_("select", "", ("s32", (4,), "integer"), ("f32", (4,)), np.asarray(1.0, "float32"), pre=lambda x, y, z: ([x.real > 0, y.real > 0], [x, y], z), x64=False)
both("ix_", "", (2,), (3,))
for x in (I(), I(3)):
    np_("diag_indices", "3 2", pre=lambda: (3, 2), x64=False)
for n, k, m in ((3, 0, 3), (2, 1, 4), (4, -1, 2), (2, -3, 2)):
    for f in ("tril_indices", "triu_indices"):
        np_(f, f"{n} {k} {m}", pre=lambda: (n, k, m), x64=False)
both("fill_diagonal", "", (3, 4), (2,), inplace=False), both("fill_diagonal", "", (2, 2, 2), (), inplace=False), both("fill_diagonal", "", (4, 2), (), inplace=False)

# Sequences.
for mode in ("full", "same", "valid"):
    for shapes in (((5,), (3,)), ((2,), (4,)), ((4,), (4,)), ((1,), (2,))):
        for f in ("convolve", "correlate"):
            np_(f, mode, *[("f64", s) for s in shapes], mode=mode)
    for f in ("convolve", "correlate"):
        both(f, mode, (4,), (2,), mode=mode), both(f, mode, (2,), (3,), mode=mode)
np_("convolve", "full", ("s32", (3,), "integer"), ("s32", (2,), "integer"), mode="full", x64=False)
for n in (0, 1, 2, 5):
    for f in ("bartlett", "blackman", "hamming", "hanning"):
        np_(f, str(n), pre=lambda: (n,), x64=False)
    for beta in (0.0, 2.5, -3.0):
        np_("kaiser", f"{n}", np.float64(beta)[None], pre=lambda b: (n, b[0]), grad=False)
P = (F(-1.0, 0.0, 0.25, 1.0, 1.5, 2.0, 3.0), F(0.0, 1.0, 2.0), F(3.0, -1.0, 5.0))
np_("interp", "", *P, grad=False), np_("interp", "", F(0.5, nan, inf, -inf), *P[1:], grad=False), np_("interp", "", F(0.3), F(1.0), F(2.0), grad=False)
np_("interp", "", F(0.5, 1.0, 1.5), F(0.0, 1.0, 1.0, 2.0), F(0.0, 1.0, 3.0, 4.0), grad=False), np_("interp", "", ("f64", (2, 3)), *P[1:])
np_("interp", "period 4", F(-0.5, 3.5, 7.25, 0.9), *P[1:], period=4.0), np_("interp", "", ("f32", (3,)), *P[1:], grad=False)
both("gradient", "1", (4,), pre=lambda x: (x, 1.0)), both("gradient", "0.5", (3, 4), pre=lambda x: (x, 0.5)), both("gradient", "2.0 / 1", (2, 3), pre=lambda x: (x, 2.0), axis=1), both("gradient", "1", (2,), pre=lambda x: (x, 1.0))
np_("unwrap", "", F(0.0, 3.0, 6.0, 1.0, -3.0, 20.0)), np_("unwrap", "8 0", ("f64", (4, 2), "large"), period=8.0, axis=0, grad=False)
np_("unwrap", "4 -1", I(0, 2, 4, 5, 1, 7), period=4, x64=False), np_("unwrap", "5 -1", I(0, 2, 4, 5, 1, 7), period=5, x64=False)
for bins in (F(-1.0, 0.0, 0.5), F(0.5, 0.0, -1.0), F(0.0), F()):
    np_("digitize", "", ("f64", (2, 4)), bins, grad=False, x64=False), np_("digitize", "right", F(-1.0, 0.0, 0.5, 2.0, nan), bins, grad=False, right=True, x64=False)
np_("histogram", "4", ("f32", (20,)), pre=lambda x: (x, 4), x64=False), np_("histogram", "3", np.zeros((2, 2), "float32"), pre=lambda x: (x, 3), x64=False), np_("histogram", "edges", ("f64", (20,)), F(-1.0, 0.0, 1.5), grad=False)
np_("histogram_bin_edges", "4", ("f32", (6,)), pre=lambda x: (x, 4), x64=False)
both("corrcoef", "", (3, 4)), both("corrcoef", "", (4,), grad=False)

# Polynomials.
both("polyval", "", (4,), (3,)), both("polyval", "", (1,), (3,)), both("polyval", "", (3, 2), (2,)), both("polyval", "", (0,), (2,), grad=False), np_("polyval", "", ("s32", (3,), "integer"), I(2, 3), x64=False)
for f in ("polyadd", "polysub"):
    both(f, "", (4,), (2,)), both(f, "", (2,), (4,)), np_(f, "", I(1, 2), ("f32", (3,)), x64=False)
both("polymul", "", (4,), (2,)), both("polymul", "", (2,), (3,)), np_("polymul", "", I(1, 2), I(3, 4), x64=False)
both("polydiv", "", (5,), (2,)), both("polydiv", "", (2,), (3,), grad=False), both("polydiv", "", (3,), (3,))
for m in (0, 1, 2, 4):
    both("polyder", str(m), (4,), m=m, grad=m < 4)
    both("polyint", f"{m}", (3,), pre=lambda x: (x, m, 0.5)) if m else None
both("polyint", "2 constants", (3,), (2,), pre=lambda p, k: (p, 2, k))

# Numbers.
for d in ("f64", "f32", "c128", "c64", "f16"):
    np_("angle", "", (d, (4,)))
np_("angle", "", I(-1, 0, 2), x64=False), np_("angle", "", np.array([0j, complex(-1.0, 0.0), complex(-1.0, -0.0), complex(inf, nan)]), grad=False)
for x in (F(-1.5, 0.0, -0.0, 2.25, inf, -inf, nan, 1e300), F(1.5, -7.0, d="f32"), F(0.75, -2.5, d="bf16"), I(3, -4)):
    np_("fabs", "", x, grad=False, x64=x.dtype == np.float64)
    np_("modf", "", x, grad=False, x64=x.dtype == np.float64)
    np_("isreal", "", x, grad=False), np_("iscomplex", "", x, grad=False), np_("positive", "", x, grad=False)
np_("isreal", "", np.array([1j, 2.0, complex(0, -0.0)]), grad=False), np_("iscomplex", "", np.array([1j, 2.0, complex(0, -0.0)]), grad=False)
np_("fabs", "", ("f64", (4,))), np_("modf", "", ("f64", (4,)))
np_("isin", "", I(1, 2, 3, 4), I(4, 1, 9)), np_("isin", "", F(1.0, nan, 2.0), F(nan, 2.0), grad=False), np_("isin", "", ("f64", (2, 2)), F(), grad=False)
for a, b in ((I(12, -18, 0, 7, 0), I(8)), (I([0], [6]), I(4, 9, -6)), (np.array([250, 100], "uint8"), np.array([75], "uint8")), (np.array([2**40], "int64"), np.array([2**35 * 3], "int64"))):
    np_("gcd", "", a, b), np_("lcm", "", a, b)
np_("geomspace", "4", F(1.0)[0:1], F(1000.0)[0:1], pre=lambda a, b: (a[0], b[0], 4), grad=False), np_("geomspace", "5", F(-16.0)[0:1], F(-1.0)[0:1], pre=lambda a, b: (a[0], b[0], 5), grad=False)
Z = np.array([[1.0, nan, 3.0], [nan, nan, 0.5]])
for f in ("nanmax", "nanmin", "nanprod", "nanvar", "nanstd", "nancumsum", "nancumprod"):
    keep = {} if "cum" in f else {"keepdims": True}
    np_(f, "", Z, grad=False), np_(f, "0", Z, axis=0, grad=False), np_(f, "1 keep", Z, axis=1, grad=False, **keep), np_(f, "0", Z.astype("float32"), axis=0, grad=False)
    np_(f, "", ("f64", (2, 3))), np_(f, "1", ("f64", (2, 3)), axis=1), np_(f, "", I(3, 1, 2), x64=False)
np_("nanvar", "", Z + 1j * Z[::-1], grad=False), np_("nansum", "", Z, grad=False), np_("nanmean", "0", Z, axis=0, grad=False)

# Order and sets.
np_("lexsort", "", I(9, 1, 5, 5), I(2, 1, 2, 2), pre=lambda *k: (k,), x64=False), np_("lexsort", "0", ("s32", (3, 2), "integer"), I([1, 1], [0, 2], [1, 1]), pre=lambda *k: (k, 0), x64=False)
NANS = np.array([[nan, 2.0, nan], [nan, -inf, 3.0], [1.0, nan, 0.5]])
for f in ("nanargmax", "nanargmin"):
    np_(f, "", NANS, grad=False, x64=False), np_(f, "0", NANS, axis=0, grad=False, x64=False), np_(f, "1", NANS[:1, ::2], axis=1, grad=False, x64=False), np_(f, "0", I(3, 1, 3), axis=0, x64=False)
for q in (0.0, 0.07, 0.3, 1.0):
    # JAX takes 0 · ∞ for the quantile 0 of numbers of which one is infinite.
    np_("nanquantile", str(q), NANS, pre=lambda x: (x, q), grad=False) if q else None
    np_("nanquantile", f"{q} 1", Z, pre=lambda x: (x, q, 1), grad=False), np_("nanquantile", f"{q} 0", ("f64", (4, 2)), pre=lambda x: (x, q, 0))
np_("nanquantile", "0.3", ("f16", (5,)), pre=lambda x: (x, 0.3)), np_("nanpercentile", "30", Z, pre=lambda x: (x, 30.0), grad=False), np_("nanmedian", "", Z, grad=False), np_("nanmedian", "1", Z, axis=1, grad=False), np_("nanmedian", "", I(3, 1, 4), x64=False)
for x in (I(3, 1, 3, 2), I([2, 2], [0, 2]), F(nan, 1.0, nan, -0.0, 0.0), F(), np.array([1j, 0, 1j]), np.array([True, False, True])):
    np_("unique", "", x, grad=False, x64=x.dtype != np.int32)
np_("unique_all", "", I([3, 1], [3, 2]), x64=False), np_("unique_all", "", F(nan, 1.0, nan, 1.0, d="f32"), grad=False, x64=False)
for f in ("union1d", "intersect1d", "setdiff1d", "setxor1d"):
    np_(f, "", I(3, 1, 3, 7), I(2, 3, 3)), np_(f, "", F(1.0, 2.0), F(2.5, 1.0), grad=False), np_(f, "", F(1.0), F(2.0), grad=False)
for x in (I([0, 7], [8, 0]), F(0.0, nan), np.array(3.0), np.array(0)):
    np_("flatnonzero", "", x, grad=False, x64=False), np_("argwhere", "", x, grad=False, x64=False)

write(__file__, {"cases": cases})
