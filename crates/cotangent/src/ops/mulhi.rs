//! The high half of an integer product.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::{DType, Kind};
use crate::array::literal::Literal;
use crate::ir::lowering::Lowering;

use super::staged::{self, choose};

fn shifted(x: &Array, bits: i64) -> Array {
    x >> Array::literal(Literal::int(x.dtype(), bits))
}

fn mulhi(args: &[Array]) -> Array {
    let (x, y) = (&args[0], &args[1]);
    let dtype = x.dtype();
    let signed = dtype.kind() == Kind::Int;
    if dtype.bits() < 64 {
        // The whole product fits in 64 bits. The conversion back drops the bits above the high half.
        let wide = if signed { DType::I64 } else { DType::U64 };
        return shifted(&(x.astype(wide) * y.astype(wide)), dtype.bits() as i64).astype(dtype);
    }
    if !signed {
        return unsigned(x, y);
    }
    // A negative number is its unsigned bits minus 2⁶⁴. For each negative factor, the other factor is subtracted from
    // the high half.
    let high = unsigned(&x.bitcast(DType::U64), &y.bitcast(DType::U64)).bitcast(dtype);
    let zero = super::zeros_like(x);
    let correction = |x: &Array, y: &Array| choose(&x.less(&zero), y, &zero);
    high - correction(x, y) - correction(y, x)
}

/// Computes the high half from products of 32-bit halves.
fn unsigned(x: &Array, y: &Array) -> Array {
    let mask = Array::literal(Literal::int(DType::U64, 0xffff_ffff));
    let low = |x: &Array| x & &mask;
    let (x0, x1, y0, y1) = (low(x), shifted(x, 32), low(y), shifted(y, 32));
    let middle = &x1 * &y0 + shifted(&(&x0 * &y0), 32);
    let carry = &x0 * &y1 + low(&middle);
    x1 * y1 + shifted(&middle, 32) + shifted(&carry, 32)
}

pub(super) fn lower_mulhi(cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], out: &Aval) -> Value {
    staged::lower(cx, args, inputs, out, mulhi)
}
