"""primitives_windows.json: convolutions, windows, Fourier transforms, linear algebra."""

from primitive_cases import *

# --- convolutions -------------------------------------------------------------------------------

def conv(name, lhs, rhs, strides, padding, maker=None, dtype="f64", **options):
    f = lambda x, k: lax.conv_general_dilated(x, k, strides, padding, **options)
    case("conv_general_dilated", name, f, U(-1, 1, lhs, rhs) if maker is None else maker)

NHWC = ("NHWC", "HWIO", "NHWC")
conv("f64_1d", (2, 2, 5), (3, 2, 2), (1,), "VALID")
conv("f64_0d", (2, 3), (4, 3), (), "VALID")
conv("f64_2d_nhwc", (1, 4, 3, 2), (3, 2, 2, 2), (1, 1), "SAME", dimension_numbers=NHWC)
conv("f64_strided", (1, 1, 6, 5), (2, 1, 3, 2), (2, 3), [(1, 2), (0, 1)])
conv("f64_negative_padding", (1, 1, 6), (1, 1, 2), (1,), [(-1, -2)])
conv("f64_lhs_dilation", (1, 2, 3), (2, 2, 2), (1,), [(1, 0)], lhs_dilation=(2,))
conv("f64_rhs_dilation", (1, 2, 7), (2, 2, 3), (2,), [(0, 1)], rhs_dilation=(2,))
conv("f64_both_dilations", (1, 1, 4), (1, 1, 2), (2,), [(2, 1)], lhs_dilation=(2,), rhs_dilation=(3,))
conv("f64_feature_groups", (2, 4, 4), (6, 2, 2), (1,), "VALID", feature_group_count=2)
conv("f64_depthwise_nhwc", (1, 3, 3, 2), (2, 2, 1, 4), (1, 1), "SAME", dimension_numbers=NHWC, feature_group_count=2)
conv("f64_batch_groups", (4, 2, 4), (4, 2, 2), (1,), "VALID", batch_group_count=2)
conv("f64_odd_layout", (3, 2, 4), (2, 2, 3), (1,), "SAME", dimension_numbers=("HCN", "IHO", "CNH"), feature_group_count=1)
conv("c128_1d", None, None, (1,), [(1, 0)], maker=cplx((1, 2, 3), (2, 2, 2)))
conv("f64_window_too_large", (1, 1, 2), (1, 1, 3), (1,), "VALID")
for d in ("f32", "f16", "bf16"):
    conv(f"{d}_1d", None, None, (1,), "SAME", maker=U(-1, 1, (1, 2, 4), (2, 2, 2), dtype=d)(rng(d)))
conv("s32_1d", None, None, (1,), "SAME", maker=ints("s32", (1, 2, 4), (2, 2, 2))(rng("s32")))
conv("s8_to_s32", None, None, (1,), "SAME", maker=ints("s8", (1, 2, 4), (2, 2, 2))(rng("s8")), preferred_element_type=np.int32)
conv("pred_1d", None, None, (1,), "SAME", maker=preds((1, 2, 4), (2, 2, 2))(rng("pred")))
conv("f64_empty", None, None, (1,), "VALID", maker=A("f64", np.zeros((0, 2, 4)), np.zeros((3, 2, 2))))

# --- windows ------------------------------------------------------------------------------------

from jax._src.lax import windowed_reductions as windows

WINDOWS = {  # name: (shape, window, strides, padding, base dilation, window dilation)
    "2": ((5,), (2,), (1,), "VALID", None, None),
    "2x2_strided": ((2, 4, 5), (1, 2, 2), (1, 2, 2), "SAME", None, None),
    "3_padded": ((2, 5), (1, 3), (1, 2), [(0, 0), (2, 1)], None, None),
    "2_cut": ((6,), (2,), (1,), [(-1, -2)], None, None),
    "2_base": ((4,), (2,), (1,), [(1, 0)], (2,), None),
    "2_dilated": ((6,), (2,), (2,), [(0, 1)], None, (3,)),
    "too_large": ((2,), (3,), (1,), "VALID", None, None),
}
MONOIDS = {"sum": (lax.add, 0), "max": (lax.max, -inf), "min": (lax.min, inf)}
for m, (f, init) in MONOIDS.items():
    p = f"reduce_window_{m}"
    for n, (shape, *window) in WINDOWS.items():
        # JAX has no reverse mode over dilated or cut windows.
        generated = away(shape) if m == "sum" or n not in ("2_base", "2_dilated", "2_cut") else away(shape)(rng(n))
        case(p, f"{n}_f64", lambda x, f=f, init=init, window=window: lax.reduce_window(x, np.float64(init), f, *window), generated)
    for d in ("f32", "bf16", "s32", "u8") + (("c128",) if m == "sum" else ()):
        xs = cplx((4,))(rng(p)) if d == "c128" else A(d, [3, 1, 4, 2])
        ident = np.asarray(init if init == 0 or d[0] not in "su" else {"max": np.iinfo(DTYPES[d]).min, "min": np.iinfo(DTYPES[d]).max}[m])
        case(p, f"{d}_4", lambda x, f=f, i=ident.astype(DTYPES[d]): lax.reduce_window(x, i, f, (2,), (1,), "SAME"), xs)
case("reduce_window_sum", "c128_2_strided", lambda x: lax.reduce_window(x, np.complex128(0), lax.add, (2,), (2,), "SAME"), cplx((5,)))
case("reduce_window_max", "f64_equal_tie", lambda x: lax.reduce_window(x, np.float64(-inf), lax.max, (2,), (1,), "VALID"), A("f64", [1, 1, 2, 2, 0]))
case("reduce_window_min", "f64_equal_tie", lambda x: lax.reduce_window(x, np.float64(inf), lax.min, (2,), (1,), "VALID"), A("f64", [1, 1, 2, 2, 0]))
case("reduce_window_max", "f64_nan", lambda x: lax.reduce_window(x, np.float64(-inf), lax.max, (2,), (1,), "VALID"), A("f64", [1, nan, 2, 3, -inf]))
for n, select in {"ge": lax.ge_p, "le": lax.le_p}.items():
    for w in ("2", "2x2_strided", "3_padded"):
        shape, window, strides, padding, *_ = WINDOWS[w]
        if isinstance(padding, str):
            padding = lax.padtype_to_pads(shape, window, strides, padding)
        ones = (1,) * len(shape)
        f = lambda t, x, a=(select, window, strides, padding): windows._select_and_gather_add(t, x, *a, ones, ones)
        case("select_and_gather_add", f"{n}_{w}_f64", f, away(shape, shape))
        source = jax.eval_shape(f, np.zeros(shape), np.zeros(shape)).shape
        f = lambda t, x, a=(select, window, strides, padding): windows._select_and_scatter_add(t, x, *a)
        case("select_and_scatter_add", f"{n}_{w}_f64", f, away(source, shape))

# --- Fourier transforms -------------------------------------------------------------------------

from jax._src.lax.fft import fft_p

def fft(name, kind, lengths, inputs):
    case("fft", f"{name}", lambda x: fft_p.bind(x, fft_type=getattr(lax.FftType, kind), fft_lengths=lengths), inputs)

for kind in ("FFT", "IFFT"):
    fft(f"{kind.lower()}_c128_5", kind, (5,), cplx((5,)))
    fft(f"{kind.lower()}_c128_2x2x3", kind, (2, 3), cplx((2, 2, 3)))
fft("fft_c128_3d", "FFT", (2, 2, 3), cplx((2, 2, 3)))
for n in (4, 5):
    fft(f"rfft_f64_2x{n}", "RFFT", (n,), U(-1, 1, (2, n)))
    fft(f"irfft_c128_2x{n}", "IRFFT", (n,), cplx((2, n // 2 + 1)))
    fft(f"rfft_f64_2d_3x{n}", "RFFT", (3, n), U(-1, 1, (3, n)))
    fft(f"irfft_c128_2d_3x{n}", "IRFFT", (3, n), cplx((3, n // 2 + 1)))
fft("fft_c64_4", "FFT", (4,), A("c64", [1, 2j, -1, 0.5]))
fft("rfft_f32_4", "RFFT", (4,), A("f32", [1, 2, -1, 0.5]))
fft("irfft_c64_4", "IRFFT", (4,), A("c64", [1, 2j, -1]))

# --- linear algebra -----------------------------------------------------------------------------

from jax._src.lax.linalg import cholesky_p, triangular_solve_p

def positive(n, dtype="f64", batch=()):
    def make(r):
        a = r.uniform(-1, 1, (*batch, n, n)) + (1j * r.uniform(-1, 1, (*batch, n, n)) if dtype[0] == "c" else 0)
        return [np.round(a @ np.conj(np.swapaxes(a, -1, -2)) + n * np.eye(n), 3).astype(DTYPES[dtype])]
    return make

# What stands above the diagonal is not specified. The derivative takes a tangent to be Hermitian, which those here are
# not, so that numeric differences do not agree.
lower = dict(equation_of=cholesky_p.bind, check=False)
cholesky = lambda x: jnp.tril(cholesky_p.bind(x))
case("cholesky", "f64_3", cholesky, positive(3), **lower)
case("cholesky", "f64_2x2x2", cholesky, positive(2, batch=(2,)), **lower)
case("cholesky", "c128_2", cholesky, positive(2, "c128"), **lower)
case("cholesky", "f32_3", cholesky, positive(3, "f32")(rng("f32")), **lower)
case("cholesky", "f64_not_positive", cholesky, A("f64", [[1.0, 2.0], [2.0, 1.0]]), **lower)

def solve(name, left, low, trans, conj, unit, inputs):
    case("triangular_solve", name, lambda a, b: triangular_solve_p.bind(
        a, b, left_side=left, lower=low, transpose_a=trans, conjugate_a=conj, unit_diagonal=unit), inputs)

def system(n, shape, dtype="f64", batch=()):
    def make(r):
        def one(*s):
            return r.uniform(-1, 1, s) + (1j * r.uniform(-1, 1, s) if dtype[0] == "c" else 0)
        a = np.round(one(*batch, n, n) + 2 * np.eye(n), 3)
        return [a.astype(DTYPES[dtype]), np.round(one(*batch, *shape), 3).astype(DTYPES[dtype])]
    return make

solve("f64_left_lower", True, True, False, False, False, system(3, (3, 2)))
solve("f64_left_upper_transposed_wide", True, False, True, False, False, system(2, (2, 3)))
solve("f64_right_lower_unit", False, True, False, False, True, system(3, (2, 3)))
solve("f64_right_upper_transposed_tall", False, False, True, True, False, system(2, (3, 2)))
solve("f64_batch", True, True, True, False, False, system(2, (2, 1), batch=(2,)))
solve("c128_left_lower_conj", True, True, False, True, False, system(2, (2, 2), "c128"))
solve("c128_right_upper_adjoint", False, False, True, True, False, system(2, (2, 2), "c128"))
solve("c128_left_lower_transposed", True, True, True, False, False, system(2, (2, 1), "c128"))
solve("f32_left_lower", True, True, False, False, False, system(3, (3, 2), "f32")(rng("f32")))

# --- the greatest elements ----------------------------------------------------------------------

case("top_k", "f64_5", lambda x: lax.top_k(x, 2), away((5,)))
case("top_k", "f64_3x4_axis0", lambda x: lax.top_k(x, 2, axis=0), away((3, 4)))
case("top_k", "f64_equal_tie", lambda x: lax.top_k(x, 3), A("f64", [1, 2, 1, 2, 0]))
case("top_k", "f64_edge", lambda x: lax.top_k(x, 6), A("f64", [0.0, nan, -inf, inf, -1, 3]))
for d in ("f32", "bf16", "s32", "u8"):
    case("top_k", f"{d}_4", lambda x: lax.top_k(x, 3), A(d, [3, 1, 4, 1]))
case("top_k", "f64_none", lambda x: lax.top_k(x, 0), A("f64", [1, 2, 3]))

finish(__file__)
