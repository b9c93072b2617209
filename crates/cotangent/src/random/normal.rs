//! Samples of the normal distribution, and those computed from them.

use crate::array::aval::{IntoShape, Shape, broadcast_shapes};
use crate::array::dtype::{DType, Kind};
use crate::array::{Array, ArrayLike};
use crate::error::OrRaise;
use crate::numpy::{self as np, where_};
use crate::scipy::special;

use super::bits::drawn;
use super::discrete::signs;
use super::key::Key;
use super::samplers::{draw, parameter, samplers, unit};
use super::uniform::{Format, between};

/// Samples of the standard normal distribution, for use inside a jitted sampler: √2 · erf⁻¹ of uniform numbers in
/// (−1, 1). The parts of a complex one have variance ½.
#[track_caller]
pub(super) fn normals(key: &Key, shape: &Shape, dtype: DType) -> Array {
    if dtype.kind() == Kind::Complex {
        let [re, im] = key.clone().split().map(|key| normals(&key, shape, dtype.real()));
        // A complex division, as in JAX, rounds in another way than two real ones.
        return re.complex(im) / np::full_as((), std::f64::consts::SQRT_2, dtype);
    }
    let u = unit(key, shape, dtype, Format::of(dtype, "normal").below_one() - 1.0, 1.0);
    std::f64::consts::SQRT_2 * u.erf_inv()
}

/// Samples of the standard normal distribution, in `f32`: √2 · erf⁻¹ of uniform numbers in (−1, 1).
///
/// ```
/// use cotangent::random;
/// let x = random::normal(random::key(0), 3).to_vec::<f32>();
/// assert!((x[0] - 1.6226422).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the key is an array of keys.
#[track_caller]
pub fn normal(key: Key, shape: impl IntoShape) -> Array {
    normal_as(key, shape, DType::F32)
}

/// [`normal()`] in a float or complex dtype. The real and the imaginary part of a complex sample have variance ½.
///
/// # Panics
/// If the key is an array of keys, or the dtype is an integer or `bool`.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::normal_as(random::key(0), 3, DType::F64).dtype(), DType::F64);
/// assert_eq!(random::normal_as(random::key(0), 3, DType::C64).dtype(), DType::C64);
/// ```
#[track_caller]
pub fn normal_as(key: Key, shape: impl IntoShape, dtype: DType) -> Array {
    let shape = shape.into_shape();
    Format::of(dtype.real(), "normal");
    draw((shape, dtype), key.one("normal"), [], |&(ref shape, dtype), key, []| drawn(normals(key, shape, dtype)))
}

/// Samples whose logarithm is normal with mean zero and standard deviation `sigma`, in `f32`.
///
/// # Panics
/// If the key is an array of keys, or a parameter does not broadcast to the shape.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::lognormal(random::key(0), 0.5, 3);
/// assert_eq!(x.shape(), [3]);
/// ```
#[track_caller]
pub fn lognormal(key: Key, sigma: impl ArrayLike, shape: impl IntoShape) -> Array {
    lognormal_as(key, sigma, shape, DType::F32)
}

/// [`lognormal`] in a float or complex dtype.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::lognormal_as(random::key(0), 0.5, 3, DType::F64).dtype(), DType::F64);
/// ```
#[track_caller]
pub fn lognormal_as(key: Key, sigma: impl ArrayLike, shape: impl IntoShape, dtype: DType) -> Array {
    let shape = shape.into_shape();
    let sigma = parameter("lognormal", sigma, &shape).astype(dtype);
    Format::of(dtype.real(), "lognormal");
    draw((shape, dtype), key.one("lognormal"), [sigma], |&(ref shape, dtype), key, [sigma]| {
        (normals(key, shape, dtype) * sigma).exp()
    })
}

samplers! {
    /// Samples of the Maxwell distribution, in `f32`: lengths of vectors of three standard normal numbers.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert!(random::maxwell(random::key(0), 3).min().item::<f32>() > 0.0);
    /// ```
    maxwell maxwell_as(): |key, shape, dtype, format| lengths(key, shape, dtype);
}

fn lengths(key: &Key, shape: &Shape, dtype: DType) -> Array {
    normals(key, &shape.insert(shape.rank(), 3), dtype).square().sum_axis(-1).sqrt()
}

/// Samples of the Maxwell distribution with random signs, times `scale`, plus `loc`, in `f32`. The result has the given
/// shape, followed by that of the parameters, broadcast together.
///
/// # Panics
/// If the key is an array of keys, or the parameters do not broadcast together.
///
/// ```
/// use cotangent::{Array, random};
/// let x = random::double_sided_maxwell(random::key(0), 1.0, Array::from([1.0f32, 2.0]), 3);
/// assert_eq!(x.shape(), [3, 2]);
/// ```
#[track_caller]
pub fn double_sided_maxwell(key: Key, loc: impl ArrayLike, scale: impl ArrayLike, shape: impl IntoShape) -> Array {
    double_sided_maxwell_as(key, loc, scale, shape, DType::F32)
}

/// [`double_sided_maxwell`] in a float dtype.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::double_sided_maxwell_as(random::key(0), 0.0, 1.0, 3, DType::F64);
/// assert_eq!(x.dtype(), DType::F64);
/// ```
#[track_caller]
pub fn double_sided_maxwell_as(
    key: Key,
    loc: impl ArrayLike,
    scale: impl ArrayLike,
    shape: impl IntoShape,
    dtype: DType,
) -> Array {
    let (loc, scale) = (loc.to_array().astype(dtype), scale.to_array().astype(dtype));
    Format::of(dtype, "double_sided_maxwell");
    let own = broadcast_shapes(loc.shape(), scale.shape()).map_err(|e| e.context("double_sided_maxwell")).or_raise();
    let shape: Shape = shape.into_shape().iter().chain(own.iter()).copied().collect();
    draw((shape, dtype), key.one("double_sided_maxwell"), [loc, scale], |&(ref shape, dtype), key, [loc, scale]| {
        let [length, sign] = key.clone().split();
        signs(&sign, shape, dtype) * lengths(&length, shape, dtype) * scale + loc
    })
}

/// Samples of the standard normal distribution between two bounds, in `f32`. The bounds may be arrays that broadcast to
/// the shape. If both bounds are far out on one side, the samples are drawn from the tail by the inverse of its own
/// distribution function.
///
/// ```
/// use cotangent::random;
/// let x = random::truncated_normal(random::key(0), -1.0, 2.0, 100);
/// assert!(x.min().item::<f32>() > -1.0 && x.max().item::<f32>() < 2.0);
/// ```
#[track_caller]
pub fn truncated_normal(key: Key, lower: impl ArrayLike, upper: impl ArrayLike, shape: impl IntoShape) -> Array {
    truncated_normal_as(key, lower, upper, shape, DType::F32)
}

/// [`truncated_normal`] in a float dtype.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::truncated_normal_as(random::key(0), -1.0, 2.0, 3, DType::F32);
/// assert_eq!(x.shape(), [3]);
/// ```
#[track_caller]
pub fn truncated_normal_as(
    key: Key,
    lower: impl ArrayLike,
    upper: impl ArrayLike,
    shape: impl IntoShape,
    dtype: DType,
) -> Array {
    let shape = shape.into_shape();
    let key = key.one("truncated_normal");
    let (lower, upper) = (lower.to_array().astype(dtype), upper.to_array().astype(dtype));
    let (_, far) = tail_from(dtype);
    // Concrete bounds show whether any sample needs the tail.
    let known = [&lower, &upper].iter().all(|x| x.ndim() == 0 && !x.is_traced());
    let tails = !known || lower.item::<f64>() > far || upper.item::<f64>() < -far;
    draw((shape, dtype, tails), key, [lower, upper], |&(ref shape, dtype, tails), key, [lower, upper]| {
        let (format, far) = tail_from(dtype);
        let sqrt2 = std::f64::consts::SQRT_2;
        let u = between(key, shape, dtype, &(lower / sqrt2).erf(), &(upper / sqrt2).erf());
        // In narrow formats, the error function is one long before its argument is infinite.
        let most = 1.0 - format.below_one();
        let mut x = sqrt2 * u.maximum(-most).minimum(most).erf_inv();
        if tails {
            let (right, left) = (lower.greater(far), upper.less(-far));
            let start = where_(&right, lower, where_(&left, -upper, far));
            let end = where_(&right, upper, where_(&left, -lower, f64::INFINITY));
            let tail = normal_tail(&unit(key, shape, dtype, 0.0, 1.0), &start, &end);
            x = where_(right, &tail, where_(left, -&tail, x)).astype(dtype);
        }
        // Rounding must not move a sample onto a bound.
        let inside = [
            np::nextafter(lower.stop_gradient(), f64::INFINITY),
            np::nextafter(upper.stop_gradient(), f64::NEG_INFINITY),
        ];
        np::clip(x, &inside[0], &inside[1])
    })
}

/// The format of a dtype, and where so few digits of uniform numbers remain to distinguish samples that these are drawn from
/// the tail: less than half of them.
fn tail_from(dtype: DType) -> (Format, f64) {
    let format = Format::of(dtype, "truncated_normal");
    let far = f64::from(format.mantissa).sqrt() * 0.8;
    (format, far)
}

/// The u-quantile of a standard normal variable truncated to [a, b], with a ≥ 1.
///
/// Let Q(x) = φ(x)·R(x) be the upper tail, with Mills ratio R. Then E = −log(Q(x)/Q(a)) is exponential, truncated at
/// its value for b. Given E, the point x = a + d solves a d + d²/2 − log(R(x)/R(a)) = E. The slope of the left side is
/// 1/R(x), and its solution without the logarithm is an upper bound, from which Newton's method descends.
fn normal_tail(u: &Array, a: &Array, b: &Array) -> Array {
    let dtype = if u.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let [u, a, b] = [u, a, b].map(|x| x.astype(dtype));
    let log_ratio = |z: &Array| special::mills_sum(z).log() - z.log1p();
    let at_start = log_ratio(&a);
    let exponent = |d: &Array, log: &Array| d * (&a + 0.5 * d) - (log - &at_start);
    let width = &b - &a;
    let mass = -(-exponent(&width, &log_ratio(&b))).expm1();
    let wanted = -(-(u * mass)).log1p();
    let mut d = 2.0 * &wanted / (&a + (a.square() + 2.0 * &wanted).sqrt());
    for _ in 0..if dtype == DType::F64 { 4 } else { 3 } {
        let log = log_ratio(&(&a + &d));
        d = &d - (exponent(&d, &log) - &wanted) * log.exp();
    }
    a + d
}
