//! The primitives: one struct, one `impl Primitive`, one place; a file per family.

pub(crate) mod arg_reduce;
mod bessel;
pub(crate) mod binary;
pub(crate) mod bits;
pub(crate) mod compare;
pub(crate) mod complex;
mod complex_functions;
pub(crate) mod constant;
pub(crate) mod conv;
pub(crate) mod convert;
mod domain;
pub(crate) mod dot;
pub(crate) mod dynamic;
pub(crate) mod elementwise;
pub(crate) mod fft;
pub(crate) mod gather;
pub(crate) mod incomplete_beta;
mod incomplete_gamma;
mod kept;
pub(crate) mod linalg;
mod mulhi;
pub(crate) mod name;
pub(crate) mod polygamma;
pub(crate) mod pow;
mod recurrence;
pub(crate) mod reduce;
pub(crate) mod reduce_window;
pub(crate) mod scatter;
mod scatter_derivatives;
pub(crate) mod select_window;
pub(crate) mod shape;
pub(crate) mod slice;
pub(crate) mod sort;
pub(crate) mod split;
mod staged;
pub(crate) mod stop_gradient;
pub(crate) mod threefry;
pub(crate) mod top_k;
pub(crate) mod unary;
pub(crate) mod window;

use crate::array::aval::{IntoShape, Shape};
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::array::promote::promote_types;
use crate::array::{Array, Repr};
use crate::error::OrRaise;
use crate::trace::frames::bind1;

/// The operands converted to the dtype in which JAX's promotion lets them meet, and broadcast to one shape.
/// Scalars keep their rank: elementwise primitives spread them.
#[track_caller]
pub(crate) fn promoted<const N: usize>(operands: [Array; N]) -> [Array; N] {
    broadcast(in_one_dtype(operands))
}

/// The operands converted to the dtype in which JAX's promotion lets them meet, and given one rank: an elementwise
/// primitive spreads sizes of one, and what derivatives keep of such an operand stays small.
#[track_caller]
pub(crate) fn met<const N: usize>(operands: [Array; N]) -> [Array; N] {
    ranked(in_one_dtype(operands))
}

/// [`met`] in a floating-point dtype, each operand from its own: integers that meet only to become floats do not take each
/// other's width first.
#[track_caller]
pub(crate) fn met_inexact<const N: usize>(operands: [Array; N]) -> [Array; N] {
    ranked(in_one_inexact_dtype(operands))
}

#[track_caller]
fn ranked<const N: usize>(mut operands: [Array; N]) -> [Array; N] {
    let Some(shape) = broadcast_shape(&operands) else { return operands };
    for x in operands.iter_mut().filter(|x| x.ndim() > 0 && x.ndim() < shape.rank()) {
        let missing = std::iter::repeat_n(1, shape.rank() - x.ndim());
        *x = x.broadcast_to(missing.chain(x.shape().iter().copied()).collect::<Shape>());
    }
    operands
}

/// The operands converted to the dtype in which JAX's promotion lets them meet, their shapes as they are.
#[track_caller]
pub(crate) fn in_one_dtype<const N: usize>(operands: [Array; N]) -> [Array; N] {
    let met = meeting(&operands);
    in_dtype(operands, met)
}

/// The dtype in which the operands meet, and whether it is weak.
fn meeting(operands: &[Array]) -> (DType, bool) {
    let first = (operands[0].dtype(), operands[0].weak_type());
    operands[1..].iter().fold(first, |bound, x| promote_types(bound, (x.dtype(), x.weak_type())))
}

#[track_caller]
fn in_dtype<const N: usize>(mut operands: [Array; N], (dtype, weak): (DType, bool)) -> [Array; N] {
    for x in &mut operands {
        if x.dtype() != dtype {
            *x = x.convert(dtype, weak);
        }
    }
    operands
}

/// [`promoted`] to a floating-point dtype, each operand from its own: integers that meet only to become floats do not
/// take each other's width first.
#[track_caller]
pub(crate) fn inexact<const N: usize>(operands: [Array; N]) -> [Array; N] {
    broadcast(in_one_inexact_dtype(operands))
}

/// [`inexact`], the shapes as they are.
#[track_caller]
pub(crate) fn in_one_inexact_dtype<const N: usize>(operands: [Array; N]) -> [Array; N] {
    let (dtype, weak) = meeting(&operands);
    in_dtype(operands, (if dtype.is_inexact() { dtype } else { DType::F32 }, weak))
}

/// Integers of which one is a Rust number that the dtype of the other does not hold: in a dtype that holds both, if there
/// is one; and the dtype of the other.
#[track_caller]
pub(crate) fn widened([x, y]: &[Array; 2]) -> Option<([Array; 2], DType)> {
    let (a, b) = (x.dtype(), y.dtype());
    let integers = a.is_integer() && b.is_integer() && a != b && x.weak_type() != y.weak_type();
    if !integers || fits(x, b) || fits(y, a) {
        return None;
    }
    let (dtype, _) = promote_types((a, false), (b, false));
    let strong = if x.weak_type() { b } else { a };
    dtype.is_integer().then(|| ([x.astype(dtype), y.astype(dtype)], strong))
}

/// Whether `x` is a Rust integer of which `dtype` has the value.
pub(crate) fn fits(x: &Array, dtype: DType) -> bool {
    match &x.0 {
        Repr::Scalar(x) if x.weak_type() => Literal::new(dtype, x.value()).value().to_i128() == x.value().to_i128(),
        _ => false,
    }
}

/// The operands broadcast to one shape, but for scalars.
#[track_caller]
pub(crate) fn broadcast<const N: usize>(mut operands: [Array; N]) -> [Array; N] {
    let Some(shape) = broadcast_shape(&operands) else { return operands };
    for x in operands.iter_mut().filter(|x| x.ndim() > 0) {
        *x = x.broadcast_to(&shape);
    }
    operands
}

/// The shape that the operands are broadcast to, if those that are no scalars do not have it already.
#[track_caller]
fn broadcast_shape(operands: &[Array]) -> Option<Shape> {
    let shaped = |x: &&Array| x.ndim() > 0;
    let first = operands.iter().find(shaped)?;
    if operands.iter().filter(shaped).all(|x| x.shape() == first.shape()) {
        return None;
    }
    let mut shape = first.aval().shape;
    for x in operands.iter().filter(shaped) {
        shape = crate::array::aval::broadcast_shapes(&shape, x.shape()).or_raise();
    }
    Some(shape)
}

/// An array of one value.
#[track_caller]
pub(crate) fn full(shape: impl IntoShape, value: Literal) -> Array {
    Array::literal(value).broadcast_to(shape)
}

/// An array of zeros.
#[track_caller]
pub(crate) fn zeros(shape: impl IntoShape, dtype: DType) -> Array {
    full(shape, Literal::int(dtype, 0))
}

/// Zeros of the shape and dtype of `x`.
#[track_caller]
pub(crate) fn zeros_like(x: &Array) -> Array {
    zeros(&x.aval().shape, x.dtype())
}

/// `yes` where `condition` holds, `no` elsewhere, in `shape`; scalars are spread.
#[track_caller]
pub(crate) fn select(condition: &Array, yes: &Array, no: &Array, shape: &[usize]) -> Array {
    let fit = |x: &Array| x.broadcast_to(shape);
    bind1(compare::SelectN, &[&fit(condition), &fit(no), &fit(yes)])
}

/// The greatest power of two that is not above a positive number, short of the ends of the exponents' range, so that it
/// has an inverse. It is made of bits, which have no derivative.
#[track_caller]
pub(crate) fn magnitude(x: &Array) -> Array {
    let (dtype, words) = (x.dtype(), x.dtype().signed());
    let exponent = Array::literal(Literal::int(words, -1 << dtype.mantissa_bits()));
    let end = dtype.max_exponent() - 2;
    let number = |v: i32| Array::literal(Literal::float(dtype, 2f64.powi(v)));
    (x.bitcast(words) & exponent).bitcast(dtype).maximum(number(-end)).minimum(number(end))
}

/// From the remainder with the dividend's sign whether the signs differ, and the remainder with the divisor's sign,
/// which a zero has as well.
#[track_caller]
pub(crate) fn floored_remainder(truncated: &Array, y: &Array) -> (Array, Array) {
    let zero = zeros((), truncated.dtype());
    let shape = truncated.shape();
    let negative = y.less(&zero);
    let below = truncated.not_equal(&zero).logical_and(truncated.less(&zero).not_equal(&negative));
    let remainder = select(&below, &(truncated + y), truncated, shape);
    if !remainder.dtype().is_float() {
        return (below, remainder);
    }
    // An absolute value has the slope 1 at zero, whatever its sign.
    let signed = select(&negative, &-(-&remainder).abs(), &remainder.abs(), shape);
    (below, select(&remainder.equal(&zero), &signed, &remainder, shape))
}

/// 2ⁿ of whole numbers `n` (`i32`), put together from its bits: zero below the exponents of normal numbers. Above
/// their greatest `n` must not be but by one, which gives infinity.
#[track_caller]
pub(crate) fn two_to(n: &Array, dtype: DType) -> Array {
    let words = if dtype == DType::F64 { DType::I64 } else { dtype.signed() };
    let bias = Array::literal(Literal::int(words, i64::from(dtype.max_exponent() - 1)));
    let digits = Array::literal(Literal::int(words, i64::from(dtype.mantissa_bits())));
    ((n.astype(words) + bias) << digits).bitcast(dtype)
}

/// Whether `value` lies so near to zero that XLA's CPU code may flush it there.
pub(crate) fn subnormal(dtype: DType, value: f64) -> bool {
    let least = match dtype {
        DType::F16 => 6.103_515_625e-5,
        DType::BF16 | DType::F32 => f64::from(f32::MIN_POSITIVE),
        _ => f64::MIN_POSITIVE,
    };
    value != 0.0 && value.abs() < least
}

/// A float result as a literal, unless it is one of those that XLA may give otherwise: NaN, whose bits are
/// not specified, and what is subnormal or came from it.
pub(crate) fn exact_float(dtype: DType, value: f64, inputs: &[f64]) -> Option<Literal> {
    let plain = |v: f64| !v.is_nan() && !subnormal(dtype, v);
    let result = Literal::new(dtype, Scalar::Float(value));
    let exact = matches!(result.value(), Scalar::Float(v) if plain(v)) && inputs.iter().all(|v| plain(*v));
    exact.then_some(result)
}
