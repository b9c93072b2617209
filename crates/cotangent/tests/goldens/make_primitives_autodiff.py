"""primitives_autodiff.json: the primitives that only speak to transformations."""

from primitive_cases import *
from jax.ad_checkpoint import checkpoint_name

named = lambda x: checkpoint_name(x, "hidden")
case("name", "f64_2x3", named, U(-2, 2, (2, 3)))
case("name", "c128_3", named, cplx((3,)))
case("name", "s32", named, A("s32", [1, -2]))
case("name", "bf16", named, A("bf16", [1.5, nan]))

finish(__file__)
