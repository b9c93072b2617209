//! The logarithm of the gamma function of complex numbers.

use std::f64::consts::PI;

use super::tables::LANCZOS;
use crate::api::custom::custom_jvp;
use crate::array::{Array, ArrayLike};
use crate::lax::while_loop;
use crate::numpy::{ceil, floor, isnan, where_, zeros_as};

/// log Γ(z) and its derivative by Lanczos's approximation, for Re z ≥ 1/2.
fn lanczos(z: &Array) -> (Array, Array) {
    let z = z - 1.0;
    let (first, rest) = (LANCZOS[0], LANCZOS[1..].iter().zip(1..));
    let (mut sum, mut slope) = (0.0 * &z + first, 0.0 * &z);
    for (c, k) in rest {
        let inverse = 1.0 / (&z + f64::from(k));
        slope -= *c * &inverse * &inverse;
        sum += *c * inverse;
    }
    let t = &z + 7.5;
    let (half, log) = (&z + 0.5, t.log());
    let value = 0.5 * (2.0 * PI).ln() + &half * &log - &t + sum.log();
    (value, log + half / t - 1.0 + slope / sum)
}

/// log Γ(z) and its derivative: from Re z ≥ 1/2 downward by Γ(z + 1) = z Γ(z).
fn downward(z: &Array) -> (Array, Array) {
    let real = z.real();
    let pole = z.imag().equal(0.0).logical_and(real.less_equal(0.0)).logical_and(real.equal(floor(&real)));
    let undefined = pole.logical_or(isnan(z.real())).logical_or(isnan(z.imag()));
    let safe = where_(&undefined, 1.0, z);
    let steps = ceil(0.5 - safe.real()).maximum(0.0);
    let zeros = 0.0 * &safe;
    let (_, logs, inverses) = while_loop(
        |(k, _, _): &(Array, Array, Array)| k.less(&steps).any(),
        |(k, logs, inverses): (Array, Array, Array)| {
            let more = k.less(&steps);
            let at = where_(&more, &safe + &k, 1.0);
            (k + 1.0, logs + at.log(), inverses + where_(more, 1.0 / at, 0.0))
        },
        (zeros_as((), real.dtype()), zeros.clone(), zeros),
    );
    let (value, slope) = lanczos(&(&safe + steps));
    let nan = Array::from(f64::NAN).complex(f64::NAN);
    let defined = |x: Array| where_(&undefined, nan.astype(z.dtype()), x);
    (defined(value - logs), defined(slope - inverses))
}

/// The principal branch of the logarithm of the gamma function. Of a negative real number, it is NaN: the
/// result would be complex. [`gammaln`](super::gammaln) is its real part.
///
/// ```
/// use cotangent::{Array, scipy::special};
/// let y = special::loggamma(Array::from(0.0).complex(1.0));
/// assert!((y.real().item::<f32>() + 0.650_923_2).abs() < 1e-5 && (y.imag().item::<f32>() + 1.872_436_6).abs() < 1e-5);
/// ```
#[track_caller]
pub fn loggamma(z: impl ArrayLike) -> Array {
    let z = z.to_array().to_inexact();
    if !z.dtype().is_complex() {
        return where_(z.greater_equal(0.0), z.lgamma(), f64::NAN);
    }
    let value = |z: &Array| downward(z).0;
    custom_jvp(value).defjvp(|(z,), (t,)| {
        let (value, slope) = downward(z);
        (value, slope * t)
    })(&z)
}
