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

finish(__file__)
