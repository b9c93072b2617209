//! Elementwise functions of one operand.

use crate::api::program::as_one;
use crate::array::dtype::{DType, Kind};
use crate::array::literal::Literal;
use crate::array::{Array, ArrayLike};

use super::creation::{full_like, zeros_like};
use super::logic::{isnan, where_};

unary! {
    /// Returns the exponential. Like all functions of real numbers here, it converts integers to floats.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::exp(0.0).item::<f32>(), 1.0);
    /// assert_eq!(np::sqrt(&np::arange(3)).dtype(), cotangent::DType::F32);
    /// ```
    exp exp;
    /// Returns two to the power of each element.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!((np::exp2(3.0).item::<f64>() - 8.0).abs() < 1e-5);
    /// ```
    exp2 exp2;
    /// Returns exp(x) − 1, accurate near zero.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::expm1(0.0).item::<f64>().abs() < 1e-6);
    /// ```
    expm1 expm1;
    /// Returns the natural logarithm.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::log(1.0).item::<f64>().abs() < 1e-6);
    /// ```
    log log;
    /// Returns log(1 + x), accurate near zero.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::log1p(0.0).item::<f64>().abs() < 1e-6);
    /// ```
    log1p log1p;
    /// Returns the square root.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!((np::sqrt(9.0).item::<f64>() - 3.0).abs() < 1e-5);
    /// ```
    sqrt sqrt;
    /// Returns the cube root.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!((np::cbrt(8.0).item::<f64>() - 2.0).abs() < 1e-5);
    /// ```
    cbrt cbrt;
    /// Returns the sine.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::sin(0.0).item::<f64>().abs() < 1e-6);
    /// ```
    sin sin;
    /// Returns the cosine.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!((np::cos(0.0).item::<f64>() - 1.0).abs() < 1e-5);
    /// ```
    cos cos;
    /// Returns the tangent.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::tan(0.0).item::<f64>().abs() < 1e-6);
    /// ```
    tan tan;
    /// Returns the inverse sine.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::arcsin(0.0).item::<f64>().abs() < 1e-6);
    /// ```
    arcsin asin;
    /// Returns the inverse cosine.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::arccos(1.0).item::<f64>().abs() < 1e-3);
    /// ```
    arccos acos;
    /// Returns the inverse tangent.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::arctan(0.0).item::<f64>().abs() < 1e-6);
    /// ```
    arctan atan;
    /// Returns the hyperbolic sine.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::sinh(0.0).item::<f64>().abs() < 1e-6);
    /// ```
    sinh sinh;
    /// Returns the hyperbolic cosine.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!((np::cosh(0.0).item::<f64>() - 1.0).abs() < 1e-5);
    /// ```
    cosh cosh;
    /// Returns the hyperbolic tangent.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::tanh(0.0).item::<f64>().abs() < 1e-6);
    /// ```
    tanh tanh;
    /// Returns the inverse hyperbolic sine.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::arcsinh(0.0).item::<f64>().abs() < 1e-6);
    /// ```
    arcsinh asinh;
    /// Returns the inverse hyperbolic cosine.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::arccosh(1.0).item::<f64>().abs() < 1e-3);
    /// ```
    arccosh acosh;
    /// Returns the inverse hyperbolic tangent.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::arctanh(0.0).item::<f64>().abs() < 1e-6);
    /// ```
    arctanh atanh;
    /// Returns the absolute value; for complex numbers, the modulus.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::abs(-2.0).item::<f32>(), 2.0);
    /// ```
    abs abs;
    /// Returns the absolute value; for complex numbers, the modulus. The same as [`abs`].
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::absolute(-2.0).item::<f32>(), 2.0);
    /// ```
    absolute abs;
    /// Rounds to the nearest integers, and halves to the even one.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::round(2.5).item::<f32>(), 2.0);
    /// ```
    round round;
    /// Returns the sign: −1, 0 or 1. For complex numbers, it is the number of modulus one with the same angle.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::sign(-3.0).item::<f32>(), -1.0);
    /// ```
    sign sign;
    /// Returns x².
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::square(3.0).item::<f32>(), 9.0);
    /// ```
    square square;
    /// Returns the real parts.
    real real;
    /// Returns the imaginary parts.
    imag imag;
    /// Returns the complex conjugates.
    conj conj;
}

/// Rounds to the nearest integers, and halves to the even one. Integers become floats.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::rint(1.5).item::<f32>(), 2.0);
/// ```
#[track_caller]
pub fn rint(x: impl ArrayLike) -> Array {
    x.to_array().to_inexact().round()
}

/// Returns −x.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::negative(3).item::<i32>(), -3);
/// ```
#[track_caller]
pub fn negative(x: impl ArrayLike) -> Array {
    -x.to_array()
}

/// Returns 1/x.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::reciprocal(4.0).item::<f32>(), 0.25);
/// ```
#[track_caller]
pub fn reciprocal(x: impl ArrayLike) -> Array {
    1.0 / x.to_array()
}

/// Returns the largest integers that are not greater than the elements. Integers are returned unchanged.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::floor(-1.5).item::<f32>(), -2.0);
/// ```
#[track_caller]
pub fn floor(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    if x.dtype().is_inexact() { x.floor() } else { x }
}

/// Returns the smallest integers that are not less than the elements. Integers are returned unchanged.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::ceil(1.5).item::<f32>(), 2.0);
/// ```
#[track_caller]
pub fn ceil(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    if x.dtype().is_inexact() { x.ceil() } else { x }
}

/// Removes the fractional part of each element. Integers are returned unchanged.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::trunc(-1.5).item::<f32>(), -1.0);
/// ```
#[track_caller]
pub fn trunc(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    if x.dtype().is_inexact() { where_(x.less(0), x.ceil(), x.floor()) } else { x }
}

/// Rounds to `decimals` decimal places, or to tens, hundreds, … if `decimals` is negative. Halves are rounded to the
/// even digit.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::round_to(Array::from([0.125f32, 2.345]), 2).to_vec::<f32>(), [0.12, 2.34]);
/// ```
#[track_caller]
pub fn round_to(x: impl ArrayLike, decimals: i32) -> Array {
    let x = x.to_array();
    let dtype = x.dtype();
    if decimals == 0 || (dtype.is_integer() && decimals > 0) {
        return x.round();
    }
    if dtype.is_integer() {
        return round_integers(&x, decimals.unsigned_abs());
    }
    // Half-precision numbers are too coarse to be scaled in their own dtype.
    let working = if dtype.bits() < 32 { DType::F32 } else { dtype };
    let x = x.astype(working);
    // The number of decimals of the smallest number, and the number of digits of the greatest.
    let (last, first) = if working.real() == DType::F64 { (324, 308) } else { (45, 38) };
    if decimals > last {
        return x.stop_gradient().astype(dtype);
    }
    if decimals < -first {
        return where_(isnan(&x).logical_or(x.abs().equal(f64::INFINITY)), &x, zeros_like(&x)).astype(dtype);
    }
    if decimals < 0 {
        let factor = 10f64.powi(-decimals);
        let scaled = round(&x / factor) * factor;
        return where_(x.is_finite(), scaled, x).astype(dtype);
    }
    // A second factor holds what the dtype cannot represent.
    let (factor, more) = (10f64.powi(decimals.min(first)), 10f64.powi((decimals - first).max(0)));
    let scaled = if decimals > first { &x * factor * more } else { &x * factor };
    let rounded = scaled.round() / factor;
    let rounded = if decimals > first { rounded / more } else { rounded };
    // Numbers without digits to round stay unchanged, also where the scaling overflows.
    let fraction = scaled.abs().less(2f64.powi(working.real().mantissa_bits()));
    where_(fraction, rounded, x.stop_gradient()).astype(dtype)
}

/// Rounds integers to multiples of 10ᵏ, and ties to even multiples.
#[track_caller]
fn round_integers(x: &Array, k: u32) -> Array {
    let dtype = x.dtype();
    let (bits, signed) = (dtype.bits() as u32, u32::from(dtype.kind() == Kind::Int));
    let most = (1i128 << (bits - signed)) - 1;
    let Some(factor) = 10i128.checked_pow(k).filter(|f| *f <= most) else { return zeros_like(x) };
    let number = |v: i128| Array::literal(Literal::int(dtype, v as i64));
    let (quotient, rest) = super::divmod(x, number(factor));
    let (twice, half) = (number(factor / 2), rest.equal(number(factor / 2)));
    let odd = (&quotient & number(1)).equal(number(1));
    let up = rest.greater(twice).logical_or(half.logical_and(odd));
    where_(up, &quotient + number(1), &quotient).astype(dtype) * number(factor)
}

/// Converts angles from degrees to radians.
///
/// ```
/// use cotangent::numpy as np;
/// assert!((np::deg2rad(180.0).item::<f64>() - np::PI).abs() < 1e-5);
/// ```
#[track_caller]
pub fn deg2rad(x: impl ArrayLike) -> Array {
    x.to_array().to_inexact() * (super::PI / 180.0)
}

/// Converts angles from radians to degrees.
///
/// ```
/// use cotangent::numpy as np;
/// assert!((np::rad2deg(np::PI).item::<f64>() - 180.0).abs() < 1e-3);
/// ```
#[track_caller]
pub fn rad2deg(x: impl ArrayLike) -> Array {
    x.to_array().to_inexact() * (180.0 / super::PI)
}

/// Returns sin(πx) / (πx), and 1 at zero.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::sinc(0.0).item::<f32>(), 1.0);
/// ```
#[track_caller]
pub fn sinc(x: impl ArrayLike) -> Array {
    let x = x.to_array().to_inexact();
    as_one(&[x], |x| sinc_value(&x[0]))
}

#[track_caller]
fn sinc_value(x: &Array) -> Array {
    // Near zero, a series is used. Its derivatives of all orders are accurate and exist at zero.
    let near = x.abs().less(0.3125);
    let terms = if x.dtype().real() == DType::F64 { 12 } else { 8 };
    let square = (where_(&near, x, 0.0) * super::PI).square();
    let coefficient = |n: i32| (1..=2 * n + 1).fold((-1f64).powi(n), |c, k| c / f64::from(k));
    let series =
        (0..terms - 1).rev().fold(full_like(x, coefficient(terms - 1)), |sum, n| sum * &square + coefficient(n));
    // Elsewhere, let n be the integer nearest to the real part. The result is the sine of the difference, times (−1)ⁿ.
    let far = where_(&near, 1.0, x);
    let whole = far.real().round();
    let odd = (&whole * 0.5).round().not_equal(&whole * 0.5);
    let sine = ((&far - whole) * super::PI).sin();
    where_(near, series, where_(odd, -&sine, &sine) / (far * super::PI))
}
