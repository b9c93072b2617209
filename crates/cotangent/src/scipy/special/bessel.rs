//! The modified Bessel functions.

use super::{polynomial, real_inexact};
use crate::api::custom::custom_jvp;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::numpy::{unary, where_};

unary! {
    /// exp(−|x|)·I₀(x): the modified Bessel function of order zero, scaled so that it does not overflow.
    ///
    /// ```
    /// use cotangent::scipy::special;
    /// assert!((special::i0e(0.0).item::<f64>() - 1.0).abs() < 1e-6);
    /// ```
    i0e bessel_i0e;
    /// exp(−|x|)·I₁(x): the modified Bessel function of order one, scaled so that it does not overflow.
    ///
    /// ```
    /// use cotangent::scipy::special;
    /// assert_eq!(special::i1e(0.0).item::<f32>(), 0.0);
    /// ```
    i1e bessel_i1e;
}

/// The modified Bessel function of order zero.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::i0(1.0).item::<f64>() - 1.2660659).abs() < 1e-6);
/// ```
#[track_caller]
pub fn i0(x: impl ArrayLike) -> Array {
    let value = |x: &Array| unscaled(x, x.bessel_i0e());
    custom_jvp(value).defjvp(|(x,), (t,)| (i0(x), t * i1(x)))(&real_inexact(x, "i0"))
}

/// The modified Bessel function of order one.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::i1(1.0).item::<f64>() - 0.5651591).abs() < 1e-6);
/// ```
#[track_caller]
pub fn i1(x: impl ArrayLike) -> Array {
    let value = |x: &Array| unscaled(x, x.bessel_i1e());
    // With fₖ(x) = Iₖ(x)/xᵏ, whose derivative is x fₖ₊₁(x), this is (x f₁)′. No term of it cancels.
    let slope = |x: &Array| bessel_over_power(1, x) + x * (x * bessel_over_power(2, x));
    custom_jvp(value).defjvp(move |(x,), (t,)| (i1(x), t * slope(x)))(&real_inexact(x, "i1"))
}

/// Returns exp(|x|)·y, in two steps, because the exponential alone overflows before the result does.
fn unscaled(x: &Array, y: Array) -> Array {
    let root = (0.5 * x.abs()).exp();
    &root * y * &root
}

/// Returns Iₖ(x)/xᵏ for k ≥ 1. If |x| < 4, it is computed by its power series Σ (x²/4)ᵐ / (2ᵏ m! (m + k)!), and
/// otherwise by the recurrence in k. Its derivative is x times the function for k + 1 (DLMF 10.29.4).
fn bessel_over_power(k: u32, x: &Array) -> Array {
    let value = move |x: &Array| {
        let near = x.abs().less(4.0);
        let terms: u32 = if x.dtype() == DType::F64 { 18 } else { 11 };
        let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
        let coefficients: Vec<f64> =
            (0..terms).rev().map(|m| 1.0 / (2f64.powi(k as i32) * factorial(m) * factorial(m + k))).collect();
        let series = polynomial(&coefficients, &(where_(&near, x, 0.0).square() / 4.0));
        // The values are scaled by exp(−|x|), so that nothing overflows before the end. Beyond 1000, the result
        // overflows.
        let far = crate::numpy::clip(where_(&near, 4.0, x), -1e3, 1e3);
        let (mut last, mut now) = (far.bessel_i0e(), far.bessel_i1e() / &far);
        for order in 1..k {
            (last, now) = (now.clone(), (last - 2.0 * f64::from(order) * now) / &far / &far);
        }
        where_(near, series, unscaled(&far, now))
    };
    custom_jvp(value).defjvp(move |(x,), (t,)| (bessel_over_power(k, x), t * (x * bessel_over_power(k + 1, x))))(x)
}
