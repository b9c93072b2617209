//! Logarithms in other bases, and sums of numbers given by their logarithms.

use crate::api::custom::custom_jvp;
use crate::api::program::as_one;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::{Array, ArrayLike};
use crate::ops::{self, select};

use super::logic::where_;

/// Returns the base-2 logarithm.
///
/// ```
/// use cotangent::numpy as np;
/// assert!((np::log2(8.0).item::<f64>() - 3.0).abs() < 1e-5);
/// ```
#[track_caller]
pub fn log2(x: impl ArrayLike) -> Array {
    let x = x.to_array().to_inexact();
    if !x.dtype().is_float() {
        return over_log(x, std::f64::consts::LN_2);
    }
    as_one(&[x], |x| custom_jvp(log2_real).defjvp(|(x,), (t,)| (log2(x), t / x * std::f64::consts::LOG2_E))(&x[0]))
}

/// Computes e + log₂(m), where x = m·2ᵉ and m is between √½ and √2. Powers of two therefore have exact logarithms.
#[track_caller]
fn log2_real(x: &Array) -> Array {
    let dtype = x.dtype();
    let x = if dtype.bits() < 32 { &x.astype(DType::F32) } else { x };
    let (words, digits) = (x.dtype().signed(), x.dtype().mantissa_bits());
    let number = |v: i64| Array::literal(Literal::int(words, v));
    let (half_root, least) = match x.dtype() {
        DType::F64 => (std::f64::consts::FRAC_1_SQRT_2.to_bits() as i64, f64::MIN_POSITIVE),
        _ => (i64::from(std::f32::consts::FRAC_1_SQRT_2.to_bits()), f64::from(f32::MIN_POSITIVE)),
    };
    let bits = x.bitcast(words);
    let exponent = (&bits - number(half_root)) >> number(digits.into());
    let mantissa = (bits - (&exponent << number(digits.into()))).bitcast(x.dtype());
    // Zeros, subnormal and negative numbers, infinities and NaN are left to the logarithm.
    let normal = x.greater_equal(least).logical_and(x.less(f64::INFINITY));
    // The conversion goes through 32 bits, because processors convert vectors of these to f64.
    let whole = where_(&normal, exponent.astype(DType::I32).astype(x.dtype()), 0.0);
    (whole + where_(normal, mantissa, x).log() * std::f64::consts::LOG2_E).astype(dtype)
}

/// Divides ln x by the logarithm of a base. Complex numbers are divided part by part: in a complex quotient, an
/// infinite part would turn the other one into NaN.
#[track_caller]
fn over_log(x: Array, base: f64) -> Array {
    let log = x.log();
    if log.dtype().is_complex() { (log.real() / base).complex(log.imag() / base) } else { log / base }
}

/// Returns the base-10 logarithm.
///
/// ```
/// use cotangent::numpy as np;
/// assert!((np::log10(100.0).item::<f64>() - 2.0).abs() < 1e-5);
/// ```
#[track_caller]
pub fn log10(x: impl ArrayLike) -> Array {
    over_log(x.to_array(), std::f64::consts::LN_10)
}

/// Returns log(eˣ + eʸ), without overflow in between. For complex numbers, the angle is between −π and π.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::logaddexp(1000.0, 1000.0).item::<f32>(), 1000.0 + 2f32.ln());
/// ```
#[track_caller]
pub fn logaddexp(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let [x, y] = ops::inexact([x.to_array(), y.to_array()]);
    logaddexp_of(&x, &y)
}

/// Computes log(eˣ + eʸ) of arrays of the same shape, without overflow.
#[track_caller]
fn logaddexp_of(x: &Array, y: &Array) -> Array {
    let (most, difference) = sorted_difference(x, y);
    principal(&(most + difference.exp().log1p()), std::f64::consts::TAU)
}

/// Returns log₂(2ˣ + 2ʸ), without overflow in between. For complex numbers, the imaginary part is
/// between −π / log 2 and π / log 2.
///
/// ```
/// use cotangent::numpy as np;
/// assert!((np::logaddexp2(1.0, 1.0).item::<f64>() - 2.0).abs() < 1e-5);
/// ```
#[track_caller]
pub fn logaddexp2(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let [x, y] = ops::inexact([x.to_array(), y.to_array()]);
    logaddexp2_of(&x, &y)
}

/// Computes log₂(2ˣ + 2ʸ) of arrays of the same shape, without overflow.
#[track_caller]
fn logaddexp2_of(x: &Array, y: &Array) -> Array {
    let ln2 = std::f64::consts::LN_2;
    let (most, difference) = sorted_difference(x, y);
    principal(&(most + difference.exp2().log1p() / ln2), std::f64::consts::TAU / ln2)
}

/// Shifts the angle of a complex logarithm by whole turns to between −½ and ½ of a turn. Real numbers are returned
/// unchanged.
#[track_caller]
fn principal(x: &Array, turn: f64) -> Array {
    if !x.dtype().is_complex() {
        return x.clone();
    }
    let turns = (x.imag() / turn).round();
    x.real().complex(x.imag() - turns * turn)
}

/// Returns the greater of two operands, and the other one less the greater. The difference is −∞ if the operands are
/// equal infinities. Both results come from one selection, so derivatives of smooth functions of them are right at
/// ties, too. Complex numbers are compared by their real parts.
#[track_caller]
fn sorted_difference(x: &Array, y: &Array) -> (Array, Array) {
    let shape = if x.ndim() > 0 { x.shape() } else { y.shape() };
    let first = x.real().greater_equal(y.real());
    let most = select(&first, x, y, shape);
    let least = select(&first, y, x, shape);
    let number = |v: f64| Array::literal(Literal::float(most.dtype(), v));
    let size = least.real().abs();
    let infinite =
        most.equal(&least).logical_and(size.equal(Array::literal(Literal::float(size.dtype(), f64::INFINITY))));
    (most.clone(), select(&infinite, &number(f64::NEG_INFINITY), &(least - most), shape))
}
