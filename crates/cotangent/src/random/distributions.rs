//! Samples of continuous and discrete distributions, each computed from uniform numbers.

use crate::api::jit::jit;
use crate::array::aval::{IntoShape, Shape, canonical_axis};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::numpy::{self as np, where_};
use crate::scipy::special;

use super::bits::drawn;
use super::key::Key;
use super::uniform::{Format, between};

/// Uniform numbers between two constants.
#[track_caller]
fn unit(key: &Array, shape: &Shape, dtype: DType, lo: f64, hi: f64) -> Array {
    between(key, shape, dtype, &Array::from(lo), &Array::from(hi))
}

macro_rules! samplers {
    ($($(#[$doc:meta])* $name:ident $name_as:ident: |$key:ident, $shape:ident, $dtype:ident, $format:ident| $body:expr;)*) => { $(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(key: Key, shape: impl IntoShape) -> Array {
            $name_as(key, shape, DType::F32)
        }

        #[doc = concat!("[`", stringify!($name), "()`] in a float dtype.")]
        #[doc = concat!("\n```\n# use cotangent::prelude::*;\nlet x = random::", stringify!($name_as), "(random::key(0), 3, DType::F64);\nassert_eq!(x.dtype(), DType::F64);\n```")]
        #[track_caller]
        pub fn $name_as(key: Key, shape: impl IntoShape, dtype: DType) -> Array {
            let ($shape, $format, $dtype) = (shape.into_shape(), Format::of(dtype, stringify!($name)), dtype);
            let ($shape, _) = (&$shape, &$format);
            jit(|$key: &Array| drawn($body))(key.one(stringify!($name)))
        }
    )* };
}

samplers! {
    /// Samples of the standard normal distribution, in `f32`: √2 · erf⁻¹ of uniform numbers in (−1, 1).
    ///
    /// ```
    /// use cotangent::random;
    /// let x = random::normal(random::key(0), 3).to_vec::<f32>();
    /// assert!((x[0] - 1.6226422).abs() < 1e-6);
    /// ```
    normal normal_as: |key, shape, dtype, format| {
        let u = unit(key, shape, dtype, format.below_one() - 1.0, 1.0);
        std::f64::consts::SQRT_2 * u.erf_inv()
    };
    /// Samples of the exponential distribution of rate one, in `f32`.
    ///
    /// ```
    /// use cotangent::random;
    /// assert_eq!(random::exponential(random::key(0), 3).shape(), [3]);
    /// ```
    exponential exponential_as: |key, shape, dtype, format| -(-unit(key, shape, dtype, 0.0, 1.0)).log1p();
    /// Samples of the standard Gumbel distribution, in `f32`.
    ///
    /// ```
    /// use cotangent::random;
    /// assert_eq!(random::gumbel(random::key(0), 3).shape(), [3]);
    /// ```
    gumbel gumbel_as: |key, shape, dtype, format| -(-unit(key, shape, dtype, format.tiny, 1.0).log()).log();
    /// Samples of the standard Laplace distribution, in `f32`.
    ///
    /// ```
    /// use cotangent::random;
    /// assert_eq!(random::laplace(random::key(0), 3).shape(), [3]);
    /// ```
    laplace laplace_as: |key, shape, dtype, format| {
        let u = unit(key, shape, dtype, format.below_one() - 1.0, 1.0);
        u.sign() * (-u.abs()).log1p()
    };
    /// Samples of the standard logistic distribution, in `f32`.
    ///
    /// ```
    /// use cotangent::random;
    /// assert_eq!(random::logistic(random::key(0), 3).shape(), [3]);
    /// ```
    logistic logistic_as: |key, shape, dtype, format| {
        let u = unit(key, shape, dtype, format.tiny, 1.0);
        u.log() - (-u).log1p()
    };
    /// Samples of the standard Cauchy distribution, in `f32`.
    ///
    /// ```
    /// use cotangent::random;
    /// assert_eq!(random::cauchy(random::key(0), 3).shape(), [3]);
    /// ```
    cauchy cauchy_as: |key, shape, dtype, format| {
        ((unit(key, shape, dtype, 2.0 * format.below_one(), 1.0) - 0.5) * np::PI).tan()
    };
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
    let format = Format::of(dtype, "truncated_normal");
    let (lower, upper) = (lower.to_array().astype(dtype), upper.to_array().astype(dtype));
    // Where fewer than half of the digits of the uniform numbers would remain to distinguish the samples.
    let far = f64::from(format.mantissa).sqrt() * 0.8;
    // Concrete bounds show whether any sample needs the tail.
    let known = [&lower, &upper].iter().all(|x| x.ndim() == 0 && !x.is_traced());
    let tails = !known || lower.item::<f64>() > far || upper.item::<f64>() < -far;
    let sample = jit(|key: &Array, lower: &Array, upper: &Array| {
        let sqrt2 = std::f64::consts::SQRT_2;
        let u = between(key, &shape, dtype, &(lower / sqrt2).erf(), &(upper / sqrt2).erf());
        // In narrow formats, the error function is one long before its argument is infinite.
        let most = 1.0 - format.below_one();
        let mut x = sqrt2 * u.maximum(-most).minimum(most).erf_inv();
        if tails {
            let (right, left) = (lower.greater(far), upper.less(-far));
            let start = where_(&right, lower, where_(&left, -upper, far));
            let end = where_(&right, upper, where_(&left, -lower, f64::INFINITY));
            let tail = normal_tail(&unit(key, &shape, dtype, 0.0, 1.0), &start, &end);
            x = where_(right, &tail, where_(left, -&tail, x)).astype(dtype);
        }
        // Rounding must not move a sample onto a bound.
        let inside = [
            np::nextafter(lower.stop_gradient(), f64::INFINITY),
            np::nextafter(upper.stop_gradient(), f64::NEG_INFINITY),
        ];
        np::clip(x, &inside[0], &inside[1])
    });
    sample(key.one("truncated_normal"), &lower, &upper)
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

/// Booleans that are true with probability `p`, which may be an array that broadcasts to the shape.
///
/// ```
/// use cotangent::random;
/// let heads = random::bernoulli(random::key(0), 0.3, 1000).astype(cotangent::DType::F32).mean();
/// assert!((heads.item::<f32>() - 0.3).abs() < 0.05);
/// ```
#[track_caller]
pub fn bernoulli(key: Key, p: impl ArrayLike, shape: impl IntoShape) -> Array {
    let (p, shape) = (p.to_array().to_inexact(), shape.into_shape());
    let dtype = p.dtype();
    Format::of(dtype, "bernoulli");
    jit(|key: &Array, p: &Array| unit(key, &shape, dtype, 0.0, 1.0).less(p))(key.one("bernoulli"), &p)
}

/// −1 and 1 with equal probability, in `i32`.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::rademacher(random::key(0), 3);
/// assert_eq!(x.shape(), [3]);
/// ```
#[track_caller]
pub fn rademacher(key: Key, shape: impl IntoShape) -> Array {
    bernoulli(key, 0.5, shape).astype(DType::I32) * 2 - 1
}

/// Indices along the last axis of `logits`, in `i32`, with the probabilities of the softmax of the logits. There is one
/// index for each element of the other axes.
///
/// ```
/// use cotangent::{Array, random};
/// let logits = Array::from([f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY]);
/// assert_eq!(random::categorical(random::key(0), &logits).item::<i32>(), 1);
/// ```
#[track_caller]
pub fn categorical(key: Key, logits: impl ArrayLike) -> Array {
    let logits = logits.to_array();
    let shape: Shape = logits.shape().iter().copied().take(logits.ndim().saturating_sub(1)).collect();
    categorical_axis(key, logits, -1, &shape)
}

/// [`categorical`] along any axis, with any shape that ends in the sizes of the other axes.
///
/// # Panics
/// If the shape does not end in these sizes.
///
/// ```
/// # use cotangent::prelude::*;
/// let logits = Array::from([0.0f32, 1.0]);
/// assert_eq!(random::categorical_axis(random::key(0), &logits, 0, 5).shape(), [5]);
/// ```
#[track_caller]
pub fn categorical_axis(key: Key, logits: impl ArrayLike, axis: isize, shape: impl IntoShape) -> Array {
    let (logits, shape) = (logits.to_array().to_inexact(), shape.into_shape());
    let axis = canonical_axis(axis, logits.ndim()).or_raise();
    let batch = logits.aval().shape.remove(&[axis]);
    if !shape.ends_with(&batch) {
        raise(Error::shape(format!("categorical: the shape {shape} must end with {batch}")));
    }
    let prefix = shape.rank() - batch.rank();
    let full = shape.insert(prefix + axis, logits.shape()[axis]);
    let dtype = logits.dtype();
    (gumbel_as(key, &full, dtype) + &logits).argmax_axis((prefix + axis) as isize)
}

/// Samples of the triangular distribution on [left, right] with its peak at `mode`, in `f32`.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::triangular(random::key(0), 0.0, 0.5, 1.0, 3);
/// assert_eq!(x.shape(), [3]);
/// ```
#[track_caller]
pub fn triangular(
    key: Key,
    left: impl ArrayLike,
    mode: impl ArrayLike,
    right: impl ArrayLike,
    shape: impl IntoShape,
) -> Array {
    let shape = shape.into_shape();
    let [left, mode, right] = [left.to_array(), mode.to_array(), right.to_array()].map(|x| x.astype(DType::F32));
    jit(|key: &Array, left: &Array, mode: &Array, right: &Array| {
        let u = unit(key, &shape, DType::F32, 0.0, 1.0);
        let span = right - left;
        let rising = left + (&u * &span * (mode - left)).sqrt();
        let falling = right - ((1.0 - &u) * &span * (right - mode)).sqrt();
        where_(u.less((mode - left) / &span), rising, falling)
    })(key.one("triangular"), &left, &mode, &right)
}

/// Samples of the Pareto distribution of shape `b` (and scale one), in `f32`.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::pareto(random::key(0), 2.0, 3);
/// assert_eq!(x.shape(), [3]);
/// ```
#[track_caller]
pub fn pareto(key: Key, b: impl ArrayLike, shape: impl IntoShape) -> Array {
    let (b, shape) = (b.to_array().astype(DType::F32), shape.into_shape());
    jit(|key: &Array, b: &Array| (-(-unit(key, &shape, DType::F32, 0.0, 1.0)).log1p() / b).exp())(key.one("pareto"), &b)
}

/// Samples of the Weibull distribution, in `f32`.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::weibull_min(random::key(0), 1.0, 2.0, 3);
/// assert_eq!(x.shape(), [3]);
/// ```
#[track_caller]
pub fn weibull_min(key: Key, scale: impl ArrayLike, concentration: impl ArrayLike, shape: impl IntoShape) -> Array {
    let (scale, concentration) = (scale.to_array(), concentration.to_array());
    let shape = shape.into_shape();
    jit(|key: &Array, scale: &Array, concentration: &Array| {
        let u = unit(key, &shape, DType::F32, 0.0, 1.0);
        np::power(-(-u).log1p(), 1.0 / concentration) * scale
    })(key.one("weibull_min"), &scale, &concentration)
}

/// Samples of the Rayleigh distribution, in `f32`.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::rayleigh(random::key(0), 1.0, 3);
/// assert_eq!(x.shape(), [3]);
/// ```
#[track_caller]
pub fn rayleigh(key: Key, scale: impl ArrayLike, shape: impl IntoShape) -> Array {
    let (scale, shape) = (scale.to_array().astype(DType::F32), shape.into_shape());
    let least = Format::of(DType::F32, "rayleigh").below_one();
    jit(|key: &Array, scale: &Array| {
        // A zero stands for all values below the next number; this is the middle of them.
        let u = unit(key, &shape, DType::F32, 0.0, 1.0).maximum(least);
        scale * (u.log() * -2.0).sqrt()
    })(key.one("rayleigh"), &scale)
}

/// Samples whose logarithm is normal with mean zero and standard deviation `sigma`, in `f32`.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::lognormal(random::key(0), 0.5, 3);
/// assert_eq!(x.shape(), [3]);
/// ```
#[track_caller]
pub fn lognormal(key: Key, sigma: impl ArrayLike, shape: impl IntoShape) -> Array {
    (normal(key, shape) * sigma.to_array().astype(DType::F32)).exp()
}

/// The number of trials with success probability `p` until the first success: 1, 2, …, in `i32`.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::geometric(random::key(0), 0.5, 3);
/// assert_eq!(x.shape(), [3]);
/// ```
#[track_caller]
pub fn geometric(key: Key, p: impl ArrayLike, shape: impl IntoShape) -> Array {
    let (p, shape) = (p.to_array().to_inexact(), shape.into_shape());
    let dtype = p.dtype();
    Format::of(dtype, "geometric");
    jit(|key: &Array, p: &Array| {
        let u = unit(key, &shape, dtype, 0.0, 1.0);
        // Avoids the logarithm of zero without a change to any other sample.
        let u = where_(u.equal(0), 1.0, &u);
        ((u.log() / (-p).log1p()).floor() + 1.0).astype(DType::I32)
    })(key.one("geometric"), &p)
}
