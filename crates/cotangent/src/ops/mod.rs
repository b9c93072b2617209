//! Primitives that hold no programs: one struct and one `impl Primitive` each, and a file for each family. Not here: methods for
//! users, which are in `methods`.

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
pub(crate) mod precision;
mod recurrence;
pub(crate) mod reduce;
pub(crate) mod reduce_window;
pub(crate) mod rng;
pub(crate) mod scatter;
pub(crate) mod select_window;
pub(crate) mod shape;
pub(crate) mod sharding_constraint;
pub(crate) mod slice;
pub(crate) mod sort;
pub(crate) mod split;
mod staged;
pub(crate) mod stop_gradient;
pub(crate) mod threefry;
pub(crate) mod top_k;
pub(crate) mod unary;
pub(crate) mod window;

use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use once_cell::sync::Lazy;
use rustc_hash::FxHashSet;

use crate::array::aval::{IntoShape, Shape};
use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::array::modes::{RankPromotion, modes};
use crate::array::promote::{allow_promotion, promote_types};
use crate::array::{Array, Repr};
use crate::error::location::location;
use crate::error::{Error, Loc, OrRaise, raise};
use crate::trace::frames::bind1;

/// Promotes the operands to one dtype by JAX's rules and broadcasts them to one shape. Scalars keep their rank, because
/// elementwise primitives broadcast them.
#[track_caller]
pub(crate) fn promoted<const N: usize>(operands: [Array; N]) -> [Array; N] {
    broadcast(in_one_dtype(operands))
}

/// Like [`promoted`], but booleans become `i32`.
#[track_caller]
pub(crate) fn promoted_numbers<const N: usize>(operands: [Array; N]) -> [Array; N] {
    promoted(operands).map(|x| if x.dtype() == DType::Bool { x.astype(DType::I32) } else { x })
}

/// Promotes the operands to one dtype by JAX's rules and brings them to one rank. Elementwise primitives broadcast
/// dimensions of size one, and what a derivative keeps of a small operand stays small.
#[track_caller]
pub(crate) fn met<const N: usize>(operands: [Array; N]) -> [Array; N] {
    ranked(in_one_dtype(operands))
}

/// Like [`met`], but promotes to a floating-point dtype. Each operand is converted from its own dtype: integers that
/// become floats are not first promoted to a common integer dtype.
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

/// Promotes the operands to one dtype by JAX's rules, without changing their shapes.
#[track_caller]
pub(crate) fn in_one_dtype<const N: usize>(operands: [Array; N]) -> [Array; N] {
    let met = meeting(&operands);
    in_dtype(operands, met)
}

/// Returns the dtype that the operands are promoted to, and whether it is weak. If the thread forbids it, raises an
/// error.
#[track_caller]
pub(crate) fn meeting(operands: &[Array]) -> (DType, bool) {
    let types = operands.iter().map(|x| (x.dtype(), x.weak_type()));
    allow_promotion(types.clone());
    types.reduce(promote_types).unwrap_or((DType::F32, true))
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

/// Like [`promoted`], but promotes to a floating-point dtype. Each operand is converted from its own dtype: integers
/// that become floats are not first promoted to a common integer dtype.
#[track_caller]
pub(crate) fn inexact<const N: usize>(operands: [Array; N]) -> [Array; N] {
    broadcast(in_one_inexact_dtype(operands))
}

/// Like [`inexact`], without changing the shapes.
#[track_caller]
pub(crate) fn in_one_inexact_dtype<const N: usize>(operands: [Array; N]) -> [Array; N] {
    let (dtype, weak) = meeting(&operands);
    in_dtype(operands, (if dtype.is_inexact() { dtype } else { DType::F32 }, weak))
}

/// Returns two integers in a dtype that holds both, and the dtype of the array, if one of them is a Rust number that
/// the other's dtype does not hold and such a dtype exists.
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

/// Like [`widened`], for a division. There are no negative numbers of an unsigned dtype: they wrap around, as in sums.
#[track_caller]
pub(crate) fn widened_division(operands: &[Array; 2]) -> Option<([Array; 2], DType)> {
    let (wide, dtype) = widened(operands)?;
    if dtype.kind() != Kind::Uint {
        return Some((wide, dtype));
    }
    let wrapped = |x: &Array, given: &Array| {
        if !given.weak_type() {
            return x.clone();
        }
        let other = given.astype(dtype).astype(x.dtype());
        select(&x.less(Array::literal(Literal::int(x.dtype(), 0))), &other, x, x.shape())
    };
    let [x, y] = &wide;
    Some(([wrapped(x, &operands[0]), wrapped(y, &operands[1])], dtype))
}

/// Returns whether `x` is a Rust integer that `dtype` can represent.
pub(crate) fn fits(x: &Array, dtype: DType) -> bool {
    match &x.0 {
        Repr::Scalar(x) if x.weak_type() => Literal::new(dtype, x.value()).value().to_i128() == x.value().to_i128(),
        _ => false,
    }
}

/// Broadcasts the operands to one shape, except scalars.
#[track_caller]
pub(crate) fn broadcast<const N: usize>(mut operands: [Array; N]) -> [Array; N] {
    let Some(shape) = broadcast_shape(&operands) else { return operands };
    for x in operands.iter_mut().filter(|x| x.ndim() > 0) {
        *x = x.broadcast_to(&shape);
    }
    operands
}

/// Returns the shape to broadcast the operands to, or `None` if all operands except scalars already have it.
#[track_caller]
fn broadcast_shape(operands: &[Array]) -> Option<Shape> {
    let shaped = |x: &&Array| x.ndim() > 0;
    let first = operands.iter().find(shaped)?;
    if operands.iter().filter(shaped).all(|x| x.shape() == first.shape()) {
        return None;
    }
    let mut shape = first.aval().shape;
    if modes().promotion.ranks != RankPromotion::Allow
        && operands.iter().filter(shaped).any(|x| x.ndim() != first.ndim())
    {
        ranks_differ(operands);
    }
    for x in operands.iter().filter(shaped) {
        shape = crate::array::aval::broadcast_shapes(&shape, x.shape()).or_raise();
    }
    Some(shape)
}

/// Reports operands of different ranks: with an error, or with a line on standard error for each line of the program.
#[cold]
#[track_caller]
fn ranks_differ(operands: &[Array]) {
    static REPORTED: Lazy<Mutex<FxHashSet<Loc>>> = Lazy::new(Mutex::default);
    let types: Vec<String> = operands.iter().map(|x| x.aval().to_string()).collect();
    let error = Error::shape(format!(
        "{} have different ranks, and nothing says how to align them",
        types.join(" and ")
    ))
    .help(
        "give them the same rank with `.reshape(…)` or `numpy::expand_dims`, or allow it with `RankPromotion::Allow`",
    );
    let loc = location(Location::caller());
    match modes().promotion.ranks {
        RankPromotion::Raise => raise(error.at(loc)),
        _ if REPORTED.lock().unwrap_or_else(PoisonError::into_inner).insert(loc) => {
            eprintln!("warning: {}", error.at(loc))
        }
        _ => {}
    }
}

/// Returns an array filled with one value.
#[track_caller]
pub(crate) fn full(shape: impl IntoShape, value: Literal) -> Array {
    Array::literal(value).broadcast_to(shape)
}

/// Returns an array of zeros.
#[track_caller]
pub(crate) fn zeros(shape: impl IntoShape, dtype: DType) -> Array {
    full(shape, Literal::int(dtype, 0))
}

/// Returns zeros with the shape and dtype of `x`.
#[track_caller]
pub(crate) fn zeros_like(x: &Array) -> Array {
    zeros(&x.aval().shape, x.dtype())
}

/// Returns `yes` where `condition` is true and `no` elsewhere, in `shape`. Scalars are broadcast.
#[track_caller]
pub(crate) fn select(condition: &Array, yes: &Array, no: &Array, shape: &[usize]) -> Array {
    let fit = |x: &Array| x.broadcast_to(shape);
    bind1(compare::SelectN, &[&fit(condition), &fit(no), &fit(yes)])
}

/// Returns the greatest power of two that is not greater than a positive number. The exponent is kept away from the
/// ends of its range, so that the result has an inverse. The result is computed from bits and has no derivative.
#[track_caller]
pub(crate) fn magnitude(x: &Array) -> Array {
    let (dtype, words) = (x.dtype(), x.dtype().signed());
    let exponent = Array::literal(Literal::int(words, -1 << dtype.mantissa_bits()));
    let end = dtype.max_exponent() - 2;
    let number = |v: i32| Array::literal(Literal::float(dtype, 2f64.powi(v)));
    (x.bitcast(words) & exponent).bitcast(dtype).maximum(number(-end)).minimum(number(end))
}

/// Converts a remainder with the sign of the dividend. Returns whether the signs differ, and the remainder with the
/// sign of the divisor, which also applies to a zero.
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
    // At zero, the derivative of an absolute value is 1, whatever the sign of the zero.
    let signed = select(&negative, &-(-&remainder).abs(), &remainder.abs(), shape);
    (below, select(&remainder.equal(&zero), &signed, &remainder, shape))
}

/// Returns 2ⁿ for integers `n` (`i32`), built from its bits. Below the exponents of normal numbers it is zero. `n` may
/// exceed the largest exponent by one at most, which yields infinity.
#[track_caller]
pub(crate) fn two_to(n: &Array, dtype: DType) -> Array {
    let words = if dtype == DType::F64 { DType::I64 } else { dtype.signed() };
    let bias = Array::literal(Literal::int(words, i64::from(dtype.max_exponent() - 1)));
    let digits = Array::literal(Literal::int(words, i64::from(dtype.mantissa_bits())));
    ((n.astype(words) + bias) << digits).bitcast(dtype)
}

/// Returns whether `value` is so close to zero that XLA's CPU code may flush it.
pub(crate) fn subnormal(dtype: DType, value: f64) -> bool {
    let least = match dtype {
        DType::F16 => 6.103_515_625e-5,
        DType::BF16 | DType::F32 => f64::from(f32::MIN_POSITIVE),
        _ => f64::MIN_POSITIVE,
    };
    value != 0.0 && value.abs() < least
}

/// Returns a float result as a literal, or `None` if XLA might compute other bits. This is the case for NaN, whose bits
/// are unspecified, and for subnormal results or inputs.
pub(crate) fn exact_float(dtype: DType, value: f64, inputs: &[f64]) -> Option<Literal> {
    let plain = |v: f64| !v.is_nan() && !subnormal(dtype, v);
    let result = Literal::new(dtype, Scalar::Float(value));
    let exact = matches!(result.value(), Scalar::Float(v) if plain(v)) && inputs.iter().all(|v| plain(*v));
    exact.then_some(result)
}
