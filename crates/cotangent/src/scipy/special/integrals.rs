//! Exponential, trigonometric and Fresnel integrals, those of Dawson and Spence, and scaled error functions.

use std::f64::consts::{FRAC_PI_2, PI};

use super::each::{each, epsilon, widened};
use super::{expint, polynomial, real_inexact, tables};
use crate::api::custom::custom_jvp;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::lax::while_loop;
use crate::numpy::{floor, isfinite, isinf, isposinf, remainder, where_};
use crate::ops::promoted;

/// Euler's constant.
const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

fn quotient(above: &[f64], below: &[f64], x: &Array) -> Array {
    polynomial(above, x) / polynomial(below, x)
}

/// The power series of Eₙ(x), for 0 < x ≤ 1 and n ≥ 1.
fn expn_series(n: &Array, x: &Array) -> Array {
    let small = x.greater(0.0).logical_and(x.less_equal(1.0));
    let safe = where_(&small, x, 0.5);
    let first = n.equal(1.0);
    let ans = where_(&first, 0.0, 1.0 / where_(&first, 1.0, 1.0 - n));
    type State = (Array, Array, Array, Array, Array);
    let start: State = (0.0 * &safe, 0.0 * &safe + 1.0, 1.0 - n, ans, where_(&small, f64::INFINITY, 0.0 * &safe));
    let eps = epsilon(x);
    let (.., ans, _) = while_loop(
        |s: &State| s.4.greater(eps),
        |(k, y, p, ans, _): State| {
            let k = k + 1.0;
            let y = -y * &safe / &k;
            let p = p + 1.0;
            let regular = p.not_equal(0.0);
            let ans = ans + where_(&regular, &y / where_(&regular, &p, 1.0), 0.0);
            let rest = where_(ans.not_equal(0.0), (&y / &ans).abs(), 1.0);
            (k, y, p, ans, rest)
        },
        start,
    );
    // (−x)ⁿ⁻¹ (ψ(n) − log x)/(n − 1)!
    (-&safe).pow(n - 1.0) * (n.digamma() - safe.log()) / n.lgamma().exp() - ans
}

/// The continued fraction of Eₙ(x), for x > 1.
fn expn_fraction(n: &Array, x: &Array) -> Array {
    let large = x.greater(1.0).logical_and(x.less(f64::INFINITY));
    let safe = where_(&large, x, 2.0);
    const BIG: f64 = 144_115_188_075_855_870.0;
    let one = 0.0 * &safe + 1.0;
    type State = (Array, [Array; 4], Array, Array);
    let start: State = (
        one.clone(),
        [one.clone(), safe.clone(), one.clone(), &safe + n],
        1.0 / (&safe + n),
        where_(&large, f64::INFINITY, 0.0 * &safe),
    );
    let eps = epsilon(x);
    let (_, _, ans, _) = while_loop(
        |s: &State| s.3.greater(eps),
        |(k, [p2, q2, p1, q1], ans, _): State| {
            let k = k + 1.0;
            let half = floor(&k / 2.0);
            let odd = (&k - 2.0 * &half).equal(1.0);
            let y = where_(&odd, 1.0, &safe);
            let factor = where_(&odd, n + &half, &half);
            let p = &p1 * &y + p2 * &factor;
            let q = &q1 * &y + q2 * factor;
            let regular = q.not_equal(0.0);
            let r = where_(&regular, &p / where_(&regular, &q, 1.0), &ans);
            let rest = where_(&regular, ((&ans - &r) / &r).abs(), 1.0);
            let big = p.abs().greater(BIG);
            let scaled = |x: Array| where_(&big, &x / BIG, &x);
            (k, [scaled(p1), scaled(q1), scaled(p), scaled(q)], r, rest)
        },
        start,
    );
    ans * (-x).exp()
}

/// Eₙ(x) for large n.
fn expn_asymptotic(n: &Array, x: &Array) -> Array {
    let xk = x + n;
    let yk = 1.0 / (&xk * &xk);
    let ans = &yk * n * (6.0 * x * x - 8.0 * n * x + n * n);
    let ans = &yk * (ans + n * (n - 2.0 * x));
    let ans = yk * (ans + n);
    (ans + 1.0) * (-x).exp() / xk
}

/// The generalized exponential integral Eₙ(x) = ∫₁^∞ e^(−xt)/tⁿ dt, for whole numbers n ≥ 0 and x ≥ 0; NaN otherwise. It
/// is differentiable in x.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::expn(2, 1.0).item::<f32>() - 0.148_495_51).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn expn(n: impl ArrayLike, x: impl ArrayLike) -> Array {
    let [n, x] = promoted([real_inexact(n, "expn"), real_inexact(x, "expn")]);
    let value = |n: &Array, x: &Array| {
        widened([n, x], |[n, x]| {
            each(&[n, x], |args| {
                let (n, x) = (&args[0], &args[1]);
                let inside = n.greater_equal(0.0).logical_and(x.greater_equal(0.0));
                let (zero, none) = (x.equal(0.0), n.equal(0.0));
                let at_zero = where_(n.less(2.0), f64::INFINITY, 1.0 / where_(n.less(2.0), 1.0, n - 1.0));
                let inner = where_(x.greater(1.0), expn_fraction(n, x), expn_series(&n.maximum(1.0), x));
                let inner = where_(n.greater_equal(5000.0), expn_asymptotic(n, x), inner);
                let inner = where_(none, (-x).exp() / where_(&zero, 1.0, x), inner);
                where_(inside, where_(zero, at_zero, inner), f64::NAN)
            })
        })
    };
    let rule = custom_jvp(value).defjvp(|(n, x), (_, dx)| (expn(n, x), -dx * expn(n - 1.0, x)));
    rule(&n.stop_gradient(), &x)
}

/// The exponential integral E₁(x) = ∫ₓ^∞ e^(−t)/t dt, for x ≥ 0; NaN otherwise.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::exp1(1.0).item::<f32>() - 0.219_383_93).abs() < 1e-6);
/// ```
///
/// # Panics
/// If `x` is complex.
#[track_caller]
pub fn exp1(x: impl ArrayLike) -> Array {
    expn(1.0, real_inexact(x, "exp1"))
}

/// The exponential integral Ei(x), the principal value of ∫₋∞ˣ eᵗ/t dt.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::expi(1.0).item::<f32>() - 1.895_117_8).abs() < 1e-5);
/// ```
///
/// # Panics
/// If `x` is complex.
#[track_caller]
pub fn expi(x: impl ArrayLike) -> Array {
    let value = |x: &Array| {
        widened([x], |[x]| {
            let positive = where_(x.greater(0.0), &x, 1.0);
            let [[above, below], rest @ ..] = expint::EXPINT;
            let mut far = Array::from(f64::NAN);
            for (i, [above, below]) in rest.iter().enumerate().rev() {
                let w = 1.0 / &positive;
                let part = positive.exp() * &w * (&w * quotient(above, below, &w) + 1.0);
                let least = 2f64.powi(i as i32 + 1);
                far = where_(positive.greater(2.0 * least), &far, &part);
            }
            let near = &positive * quotient(above, below, &positive) + EULER_GAMMA + positive.log();
            let above = where_(positive.less_equal(2.0), near, far);
            let above = where_(isinf(&x), f64::INFINITY, above);
            let below = -expn(1.0, where_(x.less(0.0), -&x, 1.0));
            let signed = where_(x.less(0.0), below, above);
            where_(x.equal(0.0), f64::NEG_INFINITY, where_(x.equal(&x), signed, f64::NAN))
        })
    };
    custom_jvp(value).defjvp(|(x,), (t,)| (expi(x), x.exp() / x * t))(&real_inexact(x, "expi"))
}

/// The sine and cosine integrals Si(x) = ∫₀ˣ sin(t)/t dt and Ci(x) = γ + log x + ∫₀ˣ (cos(t) − 1)/t dt. For x < 0, the
/// second is Ci(−x).
///
/// ```
/// use cotangent::scipy::special;
/// let (si, ci) = special::sici(1.0);
/// assert!((si.item::<f32>() - 0.946_083_07).abs() < 1e-6 && (ci.item::<f32>() - 0.337_403_92).abs() < 1e-6);
/// ```
///
/// # Panics
/// If `x` is complex.
#[track_caller]
pub fn sici(x: impl ArrayLike) -> (Array, Array) {
    let value = |x: &Array| {
        let x = &if x.dtype().byte_size() < 4 { x.astype(DType::F32) } else { x.clone() };
        let far = x.abs();
        let near = where_(far.less_equal(4.0), &far, 1.0);
        let t = near.square();
        let si_near = &near * quotient(tables::SICI_SN, tables::SICI_SD, &t);
        let ci_near = EULER_GAMMA + near.log() + &t * quotient(tables::SICI_CN, tables::SICI_CD, &t);
        let large = where_(far.greater(4.0).logical_and(isfinite(&far)), &far, 5.0);
        let (z, low) = (1.0 / large.square(), large.less(8.0));
        let f = where_(
            &low,
            quotient(tables::SICI_FN4, tables::SICI_FD4, &z),
            quotient(tables::SICI_FN8, tables::SICI_FD8, &z),
        ) / &large;
        let g = where_(
            &low,
            quotient(tables::SICI_GN4, tables::SICI_GD4, &z),
            quotient(tables::SICI_GN8, tables::SICI_GD8, &z),
        ) * z;
        let (s, c) = (large.sin(), large.cos());
        let si = where_(far.less_equal(4.0), si_near, FRAC_PI_2 - &f * &c - &g * &s);
        let ci = where_(far.less_equal(4.0), ci_near, f * s - g * c);
        let si = where_(isinf(&far), FRAC_PI_2, si);
        let ci = where_(isinf(&far), where_(x.less(0.0), f64::NAN, 0.0), ci);
        let ci = where_(far.equal(0.0), f64::NEG_INFINITY, ci);
        let known = x.equal(x);
        (where_(&known, x.sign() * si, f64::NAN), where_(known, ci, f64::NAN))
    };
    let x = real_inexact(x, "sici");
    let dtype = x.dtype();
    let rule = custom_jvp(value).defjvp(|(x,), (t,)| {
        let zero = x.equal(0.0);
        let sinc = where_(&zero, 1.0, x.sin() / where_(&zero, 1.0, x));
        (sici(x), (sinc * t, x.cos() / x * t))
    });
    let (si, ci) = rule(&x);
    (si.astype(dtype), ci.astype(dtype))
}

/// Dawson's integral e^(−x²) ∫₀ˣ e^(t²) dt.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::dawsn(1.0).item::<f32>() - 0.538_079_5).abs() < 1e-6);
/// ```
///
/// # Panics
/// If `x` is complex.
#[track_caller]
pub fn dawsn(x: impl ArrayLike) -> Array {
    let value = |x: &Array| {
        widened([x], |[x]| {
            let a = x.abs();
            let (low, middle) = (a.less(3.25), a.less(6.25));
            let near = where_(&low, &a, 1.0);
            let first = &near * quotient(tables::DAWSN_AN, tables::DAWSN_AD, &near.square());
            let far = where_(&low, 4.0, &a);
            let t = 1.0 / far.square();
            let second = quotient(tables::DAWSN_BN, tables::DAWSN_BD, &t);
            let third = quotient(tables::DAWSN_CN, tables::DAWSN_CD, &t);
            let rest = 0.5 / far * (1.0 + t * where_(middle, second, third));
            x.sign() * where_(low, first, rest)
        })
    };
    custom_jvp(value).defjvp(|(x,), (t,)| {
        let y = dawsn(x);
        // Where 1 − 2 x y cancels, and x y overflows, it is −1/(2x²).
        let large = x.abs().greater(1e3);
        let slope = where_(&large, -0.5 / where_(&large, x, 1.0).square(), 1.0 - 2.0 * where_(&large, 0.0, x) * &y);
        (y, slope * t)
    })(&real_inexact(x, "dawsn"))
}

/// The Faddeeva function w(z) = e^(−z²) erfc(−iz). The result is complex.
///
/// ```
/// use cotangent::{Array, scipy::special};
/// assert!((special::wofz(Array::from(1.0).complex(0.0)).imag().item::<f32>() - 0.607_157_7).abs() < 1e-5);
/// ```
///
/// # Panics
/// If `z` has no complex counterpart.
#[track_caller]
pub fn wofz(z: impl ArrayLike) -> Array {
    const L: f64 = 4.756_828_460_010_884;
    let value = |z: &Array| {
        let upper = z.imag().greater_equal(0.0);
        let up = where_(&upper, z, -z);
        let iz = (-up.imag()).complex(up.real());
        let below = L - &iz;
        let p = polynomial(tables::WOFZ, &((L + iz) / &below));
        let w = 2.0 * p / (&below * &below) + (1.0 / PI.sqrt()) / below;
        // In the lower half-plane, w(z) = 2 e^(−z²) − w(−z).
        where_(&upper, &w, 2.0 * (-(z * z)).exp() - &w)
    };
    let z = z.to_array().to_inexact();
    let z = if z.dtype().is_complex() { z } else { z.complex(crate::numpy::zeros_like(&z)) };
    custom_jvp(value).defjvp(|(z,), (t,)| {
        let w = wofz(z);
        let i = Array::from(0.0).complex(2.0 / PI.sqrt());
        let slope = -2.0 * z * &w + i;
        (w, (t * slope).astype(z.dtype()))
    })(&z)
}

/// The scaled complementary error function e^(x²) erfc(x), which does not underflow. Of a complex number, it is
/// w(ix), see [`wofz`].
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::erfcx(100.0).item::<f32>() - 0.005_641_614).abs() < 1e-8);
/// ```
#[track_caller]
pub fn erfcx(x: impl ArrayLike) -> Array {
    let x = x.to_array().to_inexact();
    if x.dtype().is_complex() {
        return wofz((-x.imag()).complex(x.real()));
    }
    let value = |x: &Array| {
        widened([x], |[x]| {
            let wide = x.dtype() == DType::F64;
            let most = if wide { f64::MAX } else { f64::from(f32::MAX) };
            let large = x.greater(most.ln().sqrt());
            let near = where_(&large, 1.0, &x);
            let far = where_(&large, &x, 10.0);
            const SERIES: [f64; 9] =
                [7918.06640625, -1055.7421875, 162.421875, -29.53125, 6.5625, -1.875, 0.75, -0.5, 1.0];
            let series = polynomial(&SERIES[if wide { 0 } else { 4 }..], &(1.0 / far.square()));
            where_(large, series / (far * PI.sqrt()), near.square().exp() * near.erfc())
        })
    };
    custom_jvp(value).defjvp(|(x,), (t,)| {
        let y = erfcx(x);
        let slope = 2.0 * x * &y - 2.0 / PI.sqrt();
        (y, slope * t)
    })(&x)
}

/// Spence's function, the dilogarithm −∫₁ˣ log(t)/(t − 1) dt, for x ≥ 0; NaN otherwise.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::spence(0.0).item::<f32>() - 1.644_934_1).abs() < 1e-6);
/// ```
///
/// # Panics
/// If `x` is complex.
#[track_caller]
pub fn spence(x: impl ArrayLike) -> Array {
    let value = |x: &Array| {
        widened([x], |[x]| {
            let special = x.equal(0.0).logical_or(x.less(0.0)).logical_or(isposinf(&x));
            let safe = where_(&special, 1.0, &x);
            let inverted = safe.greater(2.0);
            let y = where_(&inverted, 1.0 / &safe, &safe);
            let (high, low) = (y.greater(1.5), y.less(0.5));
            let w = where_(&high, 1.0 / &y - 1.0, where_(&low, -&y, &y - 1.0));
            let part = -&w * quotient(tables::SPENCE_A, tables::SPENCE_B, &w);
            let away = where_(&low, &y, 0.25);
            let part = where_(&low, PI * PI / 6.0 - away.log() * (1.0 - &away).log() - &part, &part);
            let part = where_(inverted.logical_or(high), -0.5 * y.log().square() - &part, part);
            let part = where_(x.less(0.0), f64::NAN, where_(x.equal(0.0), PI * PI / 6.0, part));
            where_(isposinf(&x), f64::NEG_INFINITY, part)
        })
    };
    custom_jvp(value).defjvp(|(x,), (t,)| {
        let near = (x - 1.0).abs().less(1e-3);
        // −log(x)/(x − 1) is 1 at 1, where the quotient is not defined.
        let (u, safe) = (x - 1.0, where_(&near, 2.0, x));
        let series = 1.0 - &u / 2.0 + &u * &u / 3.0 - &u * &u * &u / 4.0;
        let slope = where_(near, series, safe.log() / (&safe - 1.0));
        (spence(x), -slope * t)
    })(&real_inexact(x, "spence"))
}

/// sin(πx²/2) and cos(πx²/2), exact where the argument is large.
fn sincospi_half_square(x: &Array) -> (Array, Array) {
    let x = x.abs();
    let s = remainder(&x, 2.0);
    let r = remainder(&s * (&x - &s / 2.0), 2.0);
    let sin = |x: Array| (PI * x).sin();
    let sinpi = where_(r.less(0.5), sin(r.clone()), where_(r.greater(1.5), sin(&r - 2.0), -sin(&r - 1.0)));
    let cospi = where_(r.less(1.0), -sin(&r - 0.5), sin(&r - 1.5));
    (sinpi, where_(r.equal(0.5), 0.0, cospi))
}

/// The Fresnel integrals S(x) = ∫₀ˣ sin(πt²/2) dt and C(x) = ∫₀ˣ cos(πt²/2) dt.
///
/// ```
/// use cotangent::scipy::special;
/// let (s, c) = special::fresnel(1.0);
/// assert!((s.item::<f32>() - 0.438_259_1).abs() < 1e-6 && (c.item::<f32>() - 0.779_893_4).abs() < 1e-6);
/// ```
///
/// # Panics
/// If `x` is complex.
#[track_caller]
pub fn fresnel(x: impl ArrayLike) -> (Array, Array) {
    let value = |x: &Array| {
        let original = x.dtype();
        let wide = original == DType::F64;
        let signed = &if wide { x.clone() } else { x.astype(DType::F32) };
        let x = signed.abs();
        let (square, infinite) = (x.square(), isinf(&x));
        let small = square.less(2.5625);
        let near = where_(&small, &x, 1.0);
        let t = near.square().square();
        let (sn, cn) = match wide {
            true => (
                quotient(tables::FRESNEL_SN_F64, tables::FRESNEL_SD_F64, &t),
                quotient(tables::FRESNEL_CN_F64, tables::FRESNEL_CD_F64, &t),
            ),
            false => (polynomial(tables::FRESNEL_SN_F32, &t), polynomial(tables::FRESNEL_CN_F32, &t)),
        };
        let (s_near, c_near) = (&near * near.square() * sn, &near * cn);
        let far = where_(small.logical_or(&infinite), 2.0, &x);
        let (sinpi, cospi) = sincospi_half_square(&far);
        let t = 1.0 / (PI * far.square());
        let u = &t * &t;
        let (f, g) = match wide {
            true => (
                quotient(tables::FRESNEL_FN_F64, tables::FRESNEL_FD_F64, &u),
                quotient(tables::FRESNEL_GN_F64, tables::FRESNEL_GD_F64, &u),
            ),
            false => (polynomial(tables::FRESNEL_FN_F32, &u), polynomial(tables::FRESNEL_GN_F32, &u)),
        };
        let (f, g) = (1.0 - u * f, t * g);
        let length = PI * &far;
        let large = far.greater(36974.0);
        let c_far = where_(&large, &sinpi, &f * &sinpi - &g * &cospi) / &length + 0.5;
        let s_far = 0.5 - where_(large, &cospi, f * &cospi + g * &sinpi) / length;
        let pick = |near: Array, far: Array| {
            let y = where_(&infinite, 0.5, where_(&small, near, far));
            where_(signed.less(0.0), -&y, &y).astype(original)
        };
        (pick(s_near, s_far), pick(c_near, c_far))
    };
    custom_jvp(value).defjvp(|(x,), (t,)| {
        let (sin, cos) = sincospi_half_square(x);
        (fresnel(x), (sin * t, cos * t))
    })(&real_inexact(x, "fresnel"))
}
