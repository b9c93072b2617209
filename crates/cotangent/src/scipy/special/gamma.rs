//! The gamma function and related functions, terms of divergences, and power transforms.

use super::each::widened;
use super::{polynomial, real_inexact};
use crate::api::custom::custom_jvp;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::numpy::{floor, isfinite, isnan, remainder, where_};
use crate::ops::binary::{Igamma, Igammac, Zeta};
use crate::ops::incomplete_beta::RegularizedIncompleteBeta;
use crate::ops::polygamma::{Polygamma, polygamma_of_order};
use crate::ops::promoted;
use crate::trace::frames::bind1;

/// The regularized lower incomplete gamma function P(a, x): the probability of at most `x` under the gamma distribution
/// with shape `a`. It is differentiable in both arguments, but only once in `a`.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::gammainc(1.0, 1.0).item::<f64>() - (1.0 - (-1f64).exp())).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
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
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn gammaincc(a: impl ArrayLike, x: impl ArrayLike) -> Array {
    let [a, x] = promoted([a.to_array().to_inexact(), x.to_array().to_inexact()]);
    bind1(Igammac, &[&a, &x])
}

/// The regularized incomplete beta function: the probability of at most `x` under the beta distribution with parameters
/// `a` and `b`. It is differentiable in `x`.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::betainc(2.0, 2.0, 0.5).item::<f64>() - 0.5).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn betainc(a: impl ArrayLike, b: impl ArrayLike, x: impl ArrayLike) -> Array {
    let inexact = |x: Array| x.to_inexact();
    let [a, b, x] = promoted([inexact(a.to_array()), inexact(b.to_array()), inexact(x.to_array())]);
    bind1(RegularizedIncompleteBeta, &[&a, &b, &x])
}

/// The Hurwitz zeta function Σ (q + k)⁻ˣ over k ≥ 0. It is differentiable in `q`.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::zeta(2.0, 1.0).item::<f64>() - 1.644934).abs() < 1e-5);
/// ```
///
/// # Panics
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn zeta(x: impl ArrayLike, q: impl ArrayLike) -> Array {
    let [x, q] = promoted([x.to_array().to_inexact(), q.to_array().to_inexact()]);
    bind1(Zeta, &[&x, &q])
}

/// The derivative of order `n` of the digamma function. It is differentiable in `x`.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::polygamma(1, 1.0).item::<f64>() - 1.644934).abs() < 1e-5);
/// ```
///
/// # Panics
/// If `x` is complex or the shapes do not broadcast.
#[track_caller]
pub fn polygamma(n: impl ArrayLike, x: impl ArrayLike) -> Array {
    let [n, x] = promoted([n.to_array().to_inexact(), real_inexact(x, "polygamma")]);
    // A small known order, which is the usual case, needs only plain arithmetic.
    if n.ndim() == 0 && !n.is_traced() {
        let order = n.item::<f64>();
        if (1..=8).any(|k| order == f64::from(k)) {
            return polygamma_of_order(order as u32, &x);
        }
    }
    bind1(Polygamma, &[&n, &x])
}

/// The sign of the gamma function. It is NaN at the poles.
///
/// ```
/// use cotangent::scipy::special;
/// assert_eq!(special::gammasgn(-0.5).item::<f32>(), -1.0);
/// ```
///
/// # Panics
/// If `x` is complex.
#[track_caller]
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
/// If `x` is complex.
#[track_caller]
pub fn gamma(x: impl ArrayLike) -> Array {
    let x = real_inexact(x, "gamma");
    custom_jvp(gamma_value).defjvp(|(x,), (t,)| {
        let y = gamma(x);
        (y.clone(), t * (y * x.digamma()))
    })(&x)
}

/// Computes the gamma function by Stirling's formula for arguments from 8 on. Smaller arguments are raised by 8 and the
/// result is divided, and negative ones are reflected (DLMF 5.5.1, 5.5.3). The formula is √2π·yʸ⁻½·exp(−y)·exp(Δ(y)).
/// The power is computed as a square, so that it does not overflow before the product does.
fn gamma_value(x: &Array) -> Array {
    if x.dtype().bits() < 32 {
        return gamma_value(&x.astype(DType::F32)).astype(x.dtype());
    }
    let size = x.abs();
    let small = size.less(8.0);
    // The limit is beyond the last finite result. It keeps any factor from vanishing while the others overflow.
    let y = where_(&small, &size + 8.0, size.minimum(if x.dtype() == DType::F64 { 256.0 } else { 64.0 }));
    let root = y.pow(0.5 * &y - 0.25);
    let product = (1..8).fold(size.clone(), |p, k| p * (&size + f64::from(k)));
    let stirling = &root * (stirling_error(&y) - &y).exp() * root * (2.0 * std::f64::consts::PI).sqrt();
    let positive = stirling / where_(small, product, 1.0);
    // Γ(x)·Γ(−x) = −π/(x sin πx). The sine is taken of the distance to the nearest integer, which is exact.
    let whole = x.round();
    let distance = x - &whole;
    let sine = where_(remainder(&whole, 2.0).equal(0), 1.0, -1.0) * (std::f64::consts::PI * &distance).sin();
    let reflected = where_(distance.equal(0), f64::NAN, -std::f64::consts::PI / (x * &positive * sine));
    let value = where_(x.less(0), reflected, positive);
    // At minus zero the result is −∞.
    where_(x.equal(0), 1.0 / x, value)
}

/// Returns the error of Stirling's formula, log Γ(y) − (y − ½)·log y + y − ½ log 2π, for y ≥ 8. It is
/// Σ B₂ⱼ/(2j (2j − 1) y²ʲ⁻¹) (DLMF 5.11.1).
fn stirling_error(y: &Array) -> Array {
    let inverse = 1.0 / y;
    polynomial(stirling_terms(y.dtype()), &inverse.square()) * inverse
}

/// Returns the coefficients of a polynomial in y⁻². Divided by y, it is the error of Stirling's formula.
fn stirling_terms(dtype: DType) -> &'static [f64] {
    const TERMS: [f64; 8] = [
        -3617.0 / 122_400.0,
        1.0 / 156.0,
        -691.0 / 360_360.0,
        1.0 / 1188.0,
        -1.0 / 1680.0,
        1.0 / 1260.0,
        -1.0 / 360.0,
        1.0 / 12.0,
    ];
    &TERMS[if dtype == DType::F64 { 0 } else { 5 }..]
}

/// Returns the error of Stirling's formula at y + x minus that at y. It is computed as x times a factor that does not
/// cancel. With u = 1/y, w = 1/(y + x) and the polynomial P, it is w P(w²) − u P(u²) = (w − u) (P(w²) + u (w + u) Q),
/// where Q is the divided difference of P.
fn stirling_error_difference(x: &Array, y: &Array) -> Array {
    let (u, w) = (1.0 / y, 1.0 / (x + y));
    let (s, t) = (u.square(), w.square());
    let zero = crate::numpy::zeros_like(&s);
    let (at_s, quotient) =
        (stirling_terms(y.dtype()).iter()).fold((zero.clone(), zero), |(p, q), c| (&p * &s + *c, q * &t + p));
    let sum = &w + &u;
    let at_t = at_s + (&w - &u) * &sum * &quotient;
    -(x * &u * w) * (at_t + u * sum * quotient)
}

/// Returns log(1 + r)/r, which is 1 at zero.
fn log1p_ratio(r: &Array) -> Array {
    let tiny = r.abs().less(1e-30);
    let safe = where_(&tiny, 1.0, r);
    where_(tiny, 1.0 - 0.5 * r, safe.log1p() / &safe)
}

/// Returns log |Γ(y + x)/Γ(y)|. If both arguments are at least 8, it is x log y + (x + y − ½) log(1 + x/y) − x plus the
/// difference of the errors of Stirling's formula. Nothing large cancels there, unlike in derivatives by digamma
/// functions. Smaller positive arguments that are close to each other are raised by 8 first: Γ(y + 8) is Γ(y) times y,
/// …, y + 7.
fn log_gamma_ratio(x: &Array, y: &Array) -> Array {
    const RAISED: f64 = 8.0;
    let sum = x + y;
    let large = y.greater_equal(RAISED).logical_and(sum.greater_equal(RAISED));
    let close = large.logical_not().logical_and(x.abs().less(0.5 * y));
    let stirling = large.logical_or(&close);
    let near = where_(&stirling, 1.0, &sum).lgamma() - where_(&stirling, 1.0, y).lgamma();
    // The product of 1 + x/(y + k), minus one.
    let (small, below) = (where_(&close, x, 0.0), where_(&close, y, 1.0));
    let ratios = (0..RAISED as u32).map(|k| &small / (&below + f64::from(k)));
    let product = ratios.reduce(|product, ratio| &product + &ratio + product * &ratio);
    let (x, y) = (where_(&stirling, x, 1.0), where_(&large, y, where_(&close, y + RAISED, RAISED)));
    let r = &x / &y;
    let logarithm = log1p_ratio(&r);
    let far = &x * (y.log() + (&logarithm - 1.0) + &r * &logarithm) - 0.5 * (&r * logarithm)
        + stirling_error_difference(&x, &y);
    let far = product.into_iter().fold(far, |far, product| far - product.log1p());
    where_(stirling, far, near)
}

/// The factorial n!, which is the gamma function at n + 1. It is zero for negative n.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::factorial(4).item::<f64>() - 24.0).abs() < 1e-4);
/// ```
///
/// # Panics
/// If `n` is complex.
#[track_caller]
pub fn factorial(n: impl ArrayLike) -> Array {
    let n = real_inexact(n, "factorial");
    where_(n.less(0), 0.0, gamma(where_(n.less(0), 0.0, &n) + 1.0))
}

/// The binomial coefficient: the number of ways to choose `k` of `n` elements. It is zero if `k` is not between 0 and
/// `n`.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::comb(5, 2).item::<f64>() - 10.0).abs() < 1e-4);
/// ```
///
/// # Panics
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn comb(n: impl ArrayLike, k: impl ArrayLike) -> Array {
    let [n, k] = promoted([real_inexact(n, "comb"), real_inexact(k, "comb")]);
    widened([&n, &k], |[n, k]| comb_of(n, k))
}

#[track_caller]
fn comb_of(n: Array, k: Array) -> Array {
    let there = k.less_equal(&n).logical_and(n.greater_equal(0)).logical_and(k.greater_equal(0));
    let (n, k) = (where_(&there, n, 0.0), where_(&there, k, 0.0));
    // 1/((n + 1)·B(n − k + 1, k + 1))
    let logarithm = n.log1p() + betaln(&n - &k + 1.0, k + 1.0);
    where_(there, (-logarithm).exp(), 0.0)
}

/// The logarithm of the absolute value of [`beta`].
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::betaln(1.0, 2.0).item::<f64>() - 0.5f64.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn betaln(a: impl ArrayLike, b: impl ArrayLike) -> Array {
    let [a, b] = promoted([real_inexact(a, "betaln"), real_inexact(b, "betaln")]);
    widened([&a, &b], |[a, b]| log_beta(&a, &b).0)
}

/// Returns log |B(a, b)|, whether the greater argument is odd, and where B is a limit whose sign this decides.
///
/// With a ≤ b, the value is log Γ(a) − log(Γ(a + b)/Γ(b)). If a is at least 8, Stirling's formula is used for all three
/// (Didonato and Morris, "Algorithm 708", 1992), because log Γ(a) alone is larger than the result. For integer b and
/// integer a ≤ 0, the gamma functions of a and of a + b both have poles, and the limit is that of B(1 − a − b, b).
fn log_beta(a: &Array, b: &Array) -> (Array, Array, Array) {
    let ordered = |a: &Array, b: &Array| {
        let first = a.less_equal(b);
        (where_(&first, a, b), where_(&first, b, a))
    };
    let (a, b) = ordered(a, b);
    let whole = a.equal(floor(&a)).logical_and(b.equal(floor(&b)));
    let reflected = a.less_equal(0).logical_and((&a + &b).less(1)).logical_and(whole);
    let odd = remainder(&b, 2.0).not_equal(0);
    let (a, b) = ordered(&where_(&reflected, 1.0 - &a - &b, &a), &b);

    let large = a.greater_equal(8.0);
    let one = where_(&large, 1.0, &a);
    let near = one.lgamma() - log_gamma_ratio(&one, &where_(&large, 1.0, &b));
    let (a, b) = (where_(&large, a, 8.0), where_(&large, b, 8.0));
    let r = &a / &b;
    let errors = stirling_error(&a) + stirling_error(&b) - stirling_error(&(&a + &b));
    let far = (0.5 * (2.0 * std::f64::consts::PI).ln() - 0.5 * b.log()) + (&a - 0.5) * (&r / (1.0 + &r)).log()
        - a * log1p_ratio(&r)
        + errors;
    (where_(large, far, near), odd, reflected)
}

/// The beta function Γ(a)·Γ(b)/Γ(a + b).
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::beta(1.0, 2.0).item::<f64>() - 0.5).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn beta(a: impl ArrayLike, b: impl ArrayLike) -> Array {
    let [a, b] = promoted([real_inexact(a, "beta"), real_inexact(b, "beta")]);
    widened([&a, &b], |[a, b]| {
        let (logarithm, odd, limit) = log_beta(&a, &b);
        let sign = gammasgn(&a) * gammasgn(&b) * gammasgn(&a + &b);
        where_(limit, where_(odd, -1.0, 1.0), sign) * logarithm.exp()
    })
}

/// Pochhammer's symbol Γ(z + m)/Γ(z). It is NaN for z = −∞, before which poles follow each other.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::poch(2.0, 3.0).item::<f64>() - 24.0).abs() < 1e-4);
/// ```
///
/// # Panics
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn poch(z: impl ArrayLike, m: impl ArrayLike) -> Array {
    let [z, m] = promoted([real_inexact(z, "poch"), real_inexact(m, "poch")]);
    widened([&z, &m], |[z, m]| poch_of(z, m))
}

#[track_caller]
fn poch_of(z: Array, m: Array) -> Array {
    let sum = &z + &m;
    let pole = |x: &Array| x.less_equal(0).logical_and(x.equal(floor(x)));
    // If both gamma functions have poles, their quotient is (−1)ᵐ Γ(1 − z)/Γ(1 − z − m).
    let both = pole(&z).logical_and(pole(&sum));
    let from = where_(&both, 1.0 - &sum, &z);
    let sign = where_(&both, where_(remainder(&m, 2.0).equal(0), 1.0, -1.0), gammasgn(&z) * gammasgn(&sum));
    let zero = pole(&z).logical_and(both.logical_not());
    let value = where_(zero, 0.0, sign * log_gamma_ratio(&m, &from).exp());
    where_(z.equal(f64::NEG_INFINITY), f64::NAN, value)
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
/// If `a` is complex.
#[track_caller]
pub fn multigammaln(a: impl ArrayLike, d: usize) -> Array {
    let a = real_inexact(a, "multigammaln");
    let constant = 0.25 * d as f64 * (d as f64 - 1.0) * std::f64::consts::PI.ln();
    (0..d).map(|i| (&a - i as f64 / 2.0).lgamma()).fold(crate::numpy::full_like(&a, constant), |sum, term| sum + term)
}

/// A term of the relative entropy, p·log(p/q). It is zero if p is zero, and ∞ where it is undefined.
///
/// ```
/// use cotangent::scipy::special;
/// assert_eq!(special::rel_entr(0.0, 1.0).item::<f32>(), 0.0);
/// ```
///
/// # Panics
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn rel_entr(p: impl ArrayLike, q: impl ArrayLike) -> Array {
    let [p, q] = promoted([real_inexact(p, "rel_entr"), real_inexact(q, "rel_entr")]);
    widened([&p, &q], |[p, q]| rel_entr_of(p, q))
}

#[track_caller]
fn rel_entr_of(p: Array, q: Array) -> Array {
    let inside = p.greater(0).logical_and(q.greater(0));
    let nothing = p.equal(0).logical_and(q.greater_equal(0));
    let (safe_p, safe_q) = (where_(&inside, p, 1.0), where_(&inside, q, 1.0));
    // The quotient is exact, but the difference of the logarithms would cancel. The derivative is that of the
    // difference.
    let value = custom_jvp(|p: &Array, q: &Array| p * (p / q).log())
        .defjvp(|(p, q), (dp, dq)| (rel_entr_of(p.clone(), q.clone()), dp * ((p / q).log() + 1.0) - dq * (p / q)))(
        &safe_p, &safe_q,
    );
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
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn kl_div(p: impl ArrayLike, q: impl ArrayLike) -> Array {
    let [p, q] = promoted([real_inexact(p, "kl_div"), real_inexact(q, "kl_div")]);
    widened([&p, &q], |[p, q]| rel_entr(&p, &q) - p + q)
}

/// Returns expm1(k·log)/k. If k·log is small, it is computed by the series of expm1(u)/u, which also has all
/// derivatives at k = 0.
fn power_transform(log: Array, lmbda: &Array) -> Array {
    let product = lmbda * &log;
    let near = product.abs().less(0.5).logical_or(lmbda.equal(0));
    let terms = if log.dtype() == DType::F64 { 16 } else { 9 };
    let mut coefficients = vec![1.0];
    (2..terms).for_each(|k| coefficients.push(coefficients[k - 2] / k as f64));
    coefficients.reverse();
    // The product of zero and an infinite logarithm is undefined. If the logarithm of zero is a constant, so is its
    // product with the powers of k, which the compiler would multiply first.
    let small = near.logical_and(isfinite(&log));
    let series = polynomial(&coefficients, &where_(&small, lmbda * where_(&small, &log, 0.0), 0.0));
    let far = where_(&near, 1.0, &product).expm1() / where_(&near, 1.0, lmbda);
    where_(near, log * series, far)
}

/// The Box–Cox transform: (xᵏ − 1)/k, where k is `lmbda`. It is log(x) if k is zero.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::boxcox(3.0, 2.0).item::<f64>() - 4.0).abs() < 1e-5);
/// ```
#[track_caller]
pub fn boxcox(x: impl ArrayLike, lmbda: impl ArrayLike) -> Array {
    let [x, lmbda] = promoted([x.to_array().to_inexact(), lmbda.to_array().to_inexact()]);
    power_transform(x.log(), &lmbda)
}

/// The [`boxcox`] transform of 1 + x, accurate near zero.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::boxcox1p(2.0, 2.0).item::<f64>() - 4.0).abs() < 1e-5);
/// ```
#[track_caller]
pub fn boxcox1p(x: impl ArrayLike, lmbda: impl ArrayLike) -> Array {
    let [x, lmbda] = promoted([x.to_array().to_inexact(), lmbda.to_array().to_inexact()]);
    power_transform(x.log1p(), &lmbda)
}
