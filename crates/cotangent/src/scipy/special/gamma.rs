//! The gamma function and its relatives, Bessel functions, and terms of divergences.

use super::{real_inexact, xlogy};
use crate::core::array::{Array, ArrayLike};
use crate::core::trace::bind1;
use crate::numpy::{floor, isnan, remainder, unary, where_};
use crate::ops::binary::{Igamma, Igammac, Zeta};
use crate::ops::incomplete_beta::RegularizedIncompleteBeta;
use crate::ops::polygamma::Polygamma;
use crate::ops::promoted;

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
#[must_use]
pub fn i0(x: impl ArrayLike) -> Array {
    let x = x.to_array().to_inexact();
    x.abs().exp() * x.bessel_i0e()
}

/// The modified Bessel function of order one.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::i1(1.0).item::<f64>() - 0.5651591).abs() < 1e-6);
/// ```
#[track_caller]
#[must_use]
pub fn i1(x: impl ArrayLike) -> Array {
    let x = x.to_array().to_inexact();
    x.abs().exp() * x.bessel_i1e()
}

/// The regularized lower incomplete gamma function P(a, x): the probability of at most `x` under the gamma
/// distribution with shape `a`. It can be differentiated in both arguments; the derivative in `a` only once.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::gammainc(1.0, 1.0).item::<f64>() - (1.0 - (-1f64).exp())).abs() < 1e-6);
/// ```
///
/// # Panics
/// When an argument is complex or the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn gammainc(a: impl ArrayLike, x: impl ArrayLike) -> Array {
    let [a, x] = promoted([a.to_array().to_inexact(), x.to_array().to_inexact()]);
    bind1(Igamma, &[&a, &x])
}

/// The regularized upper incomplete gamma function, 1 − [`gammainc`], without cancellation.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::gammaincc(1.0, 1.0).item::<f64>() - (-1f64).exp()).abs() < 1e-6);
/// ```
///
/// # Panics
/// When an argument is complex or the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn gammaincc(a: impl ArrayLike, x: impl ArrayLike) -> Array {
    let [a, x] = promoted([a.to_array().to_inexact(), x.to_array().to_inexact()]);
    bind1(Igammac, &[&a, &x])
}

/// The regularized incomplete beta function: the probability of at most `x` under the beta distribution with
/// parameters `a` and `b`. It can be differentiated in `x`.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::betainc(2.0, 2.0, 0.5).item::<f64>() - 0.5).abs() < 1e-6);
/// ```
///
/// # Panics
/// When an argument is complex or the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn betainc(a: impl ArrayLike, b: impl ArrayLike, x: impl ArrayLike) -> Array {
    let inexact = |x: Array| x.to_inexact();
    let [a, b, x] = promoted([inexact(a.to_array()), inexact(b.to_array()), inexact(x.to_array())]);
    bind1(RegularizedIncompleteBeta, &[&a, &b, &x])
}

/// The Hurwitz zeta function Σ (q + k)⁻ˣ over k ≥ 0. It can be differentiated in `q`.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::zeta(2.0, 1.0).item::<f64>() - 1.644934).abs() < 1e-5);
/// ```
///
/// # Panics
/// When an argument is complex or the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn zeta(x: impl ArrayLike, q: impl ArrayLike) -> Array {
    let [x, q] = promoted([x.to_array().to_inexact(), q.to_array().to_inexact()]);
    bind1(Zeta, &[&x, &q])
}

/// The derivative of order `n` of the digamma function. It can be differentiated in `x`.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::polygamma(1, 1.0).item::<f64>() - 1.644934).abs() < 1e-5);
/// ```
///
/// # Panics
/// When `x` is complex or the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn polygamma(n: impl ArrayLike, x: impl ArrayLike) -> Array {
    let [n, x] = promoted([n.to_array().to_inexact(), x.to_array().to_inexact()]);
    bind1(Polygamma, &[&n, &x])
}

/// The sign of the gamma function: NaN at its poles, where it has none.
///
/// ```
/// use cotangent::scipy::special;
/// assert_eq!(special::gammasgn(-0.5).item::<f32>(), -1.0);
/// ```
///
/// # Panics
/// When `x` is complex.
#[track_caller]
#[must_use]
pub fn gammasgn(x: impl ArrayLike) -> Array {
    let x = real_inexact(x, "gammasgn");
    let (negative, below) = (x.less(0), floor(&x));
    let pole = negative.logical_and(x.equal(&below)).logical_or(isnan(&x));
    let odd = remainder(&below, 2.0).not_equal(0);
    let minus_zero = x.equal(0).logical_and(crate::numpy::signbit(&x));
    let minus = negative.logical_and(odd).logical_or(minus_zero);
    let ones = crate::numpy::ones_like(&x);
    where_(pole, f64::NAN * &ones, where_(minus, -&ones, &ones))
}

/// The gamma function.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::gamma(5.0).item::<f64>() - 24.0).abs() < 1e-4);
/// ```
///
/// # Panics
/// When `x` is complex.
#[track_caller]
#[must_use]
pub fn gamma(x: impl ArrayLike) -> Array {
    let x = real_inexact(x, "gamma");
    gammasgn(&x) * x.lgamma().exp()
}

/// n!, as the gamma function of n + 1; zero below zero.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::factorial(4).item::<f64>() - 24.0).abs() < 1e-4);
/// ```
///
/// # Panics
/// When `n` is complex.
#[track_caller]
#[must_use]
pub fn factorial(n: impl ArrayLike) -> Array {
    let n = real_inexact(n, "factorial");
    where_(n.less(0), 0.0, (&n + 1.0).lgamma().exp())
}

/// How many ways there are to choose `k` of `n` things: zero where `k` is not between 0 and `n`.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::comb(5, 2).item::<f64>() - 10.0).abs() < 1e-4);
/// ```
///
/// # Panics
/// When an argument is complex or the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn comb(n: impl ArrayLike, k: impl ArrayLike) -> Array {
    let [n, k] = promoted([real_inexact(n, "comb"), real_inexact(k, "comb")]);
    let there = k.less_equal(&n).logical_and(n.greater_equal(0)).logical_and(k.greater_equal(0));
    let (n, k) = (where_(&there, n, 0.0), where_(&there, k, 0.0));
    let logarithm = (&n + 1.0).lgamma() - (&k + 1.0).lgamma() - (n - k + 1.0).lgamma();
    where_(there, logarithm.exp(), 0.0)
}

/// The logarithm of the absolute value of [`beta`].
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::betaln(1.0, 2.0).item::<f64>() - 0.5f64.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// When an argument is complex or the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn betaln(a: impl ArrayLike, b: impl ArrayLike) -> Array {
    let [a, b] = promoted([real_inexact(a, "betaln"), real_inexact(b, "betaln")]);
    a.lgamma() + b.lgamma() - (a + b).lgamma()
}

/// The beta function Γ(a)·Γ(b)/Γ(a + b).
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::beta(1.0, 2.0).item::<f64>() - 0.5).abs() < 1e-6);
/// ```
///
/// # Panics
/// When an argument is complex or the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn beta(a: impl ArrayLike, b: impl ArrayLike) -> Array {
    let [a, b] = promoted([real_inexact(a, "beta"), real_inexact(b, "beta")]);
    gammasgn(&a) * gammasgn(&b) * gammasgn(&a + &b) * betaln(a, b).exp()
}

/// Pochhammer's symbol Γ(z + m)/Γ(z).
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::poch(2.0, 3.0).item::<f64>() - 24.0).abs() < 1e-4);
/// ```
///
/// # Panics
/// When an argument is complex or the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn poch(z: impl ArrayLike, m: impl ArrayLike) -> Array {
    let [z, m] = promoted([real_inexact(z, "poch"), real_inexact(m, "poch")]);
    where_(m.equal(0), 1.0, gamma(&z + &m) / gamma(&z))
}

/// The logarithm of the multivariate gamma function of dimension `d`.
///
/// ```
/// use cotangent::scipy::special;
/// let (one, plain) = (special::multigammaln(3.0, 1), special::gammaln(3.0));
/// assert!((one.item::<f64>() - plain.item::<f64>()).abs() < 1e-6);
/// ```
///
/// # Panics
/// When `a` is complex.
#[track_caller]
#[must_use]
pub fn multigammaln(a: impl ArrayLike, d: usize) -> Array {
    let a = real_inexact(a, "multigammaln");
    let constant = 0.25 * d as f64 * (d as f64 - 1.0) * std::f64::consts::PI.ln();
    (0..d).map(|i| (&a - i as f64 / 2.0).lgamma()).fold(crate::numpy::full_like(&a, constant), |sum, term| sum + term)
}

/// A term of the relative entropy, p·log(p/q): zero where p is zero, ∞ where it has no value.
///
/// ```
/// use cotangent::scipy::special;
/// assert_eq!(special::rel_entr(0.0, 1.0).item::<f32>(), 0.0);
/// ```
///
/// # Panics
/// When an argument is complex or the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn rel_entr(p: impl ArrayLike, q: impl ArrayLike) -> Array {
    let [p, q] = promoted([real_inexact(p, "rel_entr"), real_inexact(q, "rel_entr")]);
    let inside = p.greater(0).logical_and(q.greater(0));
    let nothing = p.equal(0).logical_and(q.greater_equal(0));
    let (safe_p, safe_q) = (where_(&inside, p, 1.0), where_(&inside, q, 1.0));
    let value = &safe_p * safe_p.log() - xlogy(&safe_p, safe_q);
    where_(inside, value, where_(nothing, 0.0, f64::INFINITY))
}

/// A term of the Kullback–Leibler divergence: [`rel_entr`] − p + q.
///
/// ```
/// use cotangent::scipy::special;
/// assert_eq!(special::kl_div(1.0, 1.0).item::<f32>(), 0.0);
/// ```
///
/// # Panics
/// When an argument is complex or the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn kl_div(p: impl ArrayLike, q: impl ArrayLike) -> Array {
    let [p, q] = promoted([real_inexact(p, "kl_div"), real_inexact(q, "kl_div")]);
    rel_entr(&p, &q) - p + q
}

fn power_transform(log: Array, lmbda: &Array) -> Array {
    let logarithm = lmbda.equal(0);
    let safe = where_(&logarithm, 1.0, lmbda);
    where_(logarithm, &log, (&safe * &log).expm1() / safe)
}

/// The transform of Box and Cox: (xᵏ − 1)/k, and log(x) where k, `lmbda`, is zero.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::boxcox(3.0, 2.0).item::<f64>() - 4.0).abs() < 1e-5);
/// ```
#[track_caller]
#[must_use]
pub fn boxcox(x: impl ArrayLike, lmbda: impl ArrayLike) -> Array {
    let [x, lmbda] = promoted([x.to_array().to_inexact(), lmbda.to_array().to_inexact()]);
    power_transform(x.log(), &lmbda)
}

/// [`boxcox`] of 1 + x, accurate near zero.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::boxcox1p(2.0, 2.0).item::<f64>() - 4.0).abs() < 1e-5);
/// ```
#[track_caller]
#[must_use]
pub fn boxcox1p(x: impl ArrayLike, lmbda: impl ArrayLike) -> Array {
    let [x, lmbda] = promoted([x.to_array().to_inexact(), lmbda.to_array().to_inexact()]);
    power_transform(x.log1p(), &lmbda)
}
