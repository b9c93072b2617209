//! The normal distribution. The arguments follow SciPy's order: the point, the mean, and the standard deviation, each
//! an array or a scalar. They are broadcast together, and integers become floats.
//!
//! ```
//! use cotangent::scipy::stats::norm;
//! assert_eq!(norm::cdf(3.0, 3.0, 2.0).item::<f32>(), 0.5);
//! ```

use crate::array::{Array, ArrayLike};
use crate::ops::promoted;
use crate::scipy::special;

#[track_caller]
fn inexact(x: impl ArrayLike, loc: impl ArrayLike, scale: impl ArrayLike) -> [Array; 3] {
    promoted([x.to_array().to_inexact(), loc.to_array().to_inexact(), scale.to_array().to_inexact()])
}

/// The distance from the mean in standard deviations.
#[track_caller]
fn standard(x: impl ArrayLike, loc: impl ArrayLike, scale: impl ArrayLike) -> Array {
    let [x, loc, scale] = inexact(x, loc, scale);
    (x - loc) / scale
}

/// The logarithm of the density at `x`.
///
/// ```
/// use cotangent::scipy::stats::norm;
/// assert!((norm::logpdf(0.0, 0.0, 1.0).item::<f64>() + 0.9189385).abs() < 1e-6);
/// ```
#[track_caller]
pub fn logpdf(x: impl ArrayLike, loc: impl ArrayLike, scale: impl ArrayLike) -> Array {
    let [x, loc, scale] = inexact(x, loc, scale);
    let variance = scale.square();
    let normalizer = (2.0 * std::f64::consts::PI * &variance).log();
    (normalizer + (x - loc).square() / variance) / -2.0
}

/// The density at `x`.
///
/// ```
/// use cotangent::scipy::stats::norm;
/// assert!((norm::pdf(0.0, 0.0, 1.0).item::<f64>() - 0.3989423).abs() < 1e-5);
/// ```
#[track_caller]
pub fn pdf(x: impl ArrayLike, loc: impl ArrayLike, scale: impl ArrayLike) -> Array {
    logpdf(x, loc, scale).exp()
}

/// The cumulative distribution function: the probability of a value of at most `x`.
///
/// ```
/// use cotangent::scipy::stats::norm;
/// assert_eq!(norm::cdf(3.0, 3.0, 2.0).item::<f32>(), 0.5);
/// ```
#[track_caller]
pub fn cdf(x: impl ArrayLike, loc: impl ArrayLike, scale: impl ArrayLike) -> Array {
    special::ndtr(standard(x, loc, scale))
}

/// The logarithm of [`cdf`], accurate far out in both tails.
///
/// ```
/// use cotangent::scipy::stats::norm;
/// assert!((norm::logcdf(0.0, 0.0, 1.0).item::<f64>() - 0.5f64.ln()).abs() < 1e-5);
/// ```
#[track_caller]
pub fn logcdf(x: impl ArrayLike, loc: impl ArrayLike, scale: impl ArrayLike) -> Array {
    special::log_ndtr(standard(x, loc, scale))
}

/// The survival function: the probability of a value greater than `x`.
///
/// ```
/// use cotangent::scipy::stats::norm;
/// assert_eq!(norm::sf(3.0, 3.0, 2.0).item::<f32>(), 0.5);
/// ```
#[track_caller]
pub fn sf(x: impl ArrayLike, loc: impl ArrayLike, scale: impl ArrayLike) -> Array {
    special::ndtr(-standard(x, loc, scale))
}

/// The logarithm of [`sf`], accurate far out in both tails.
///
/// ```
/// use cotangent::scipy::stats::norm;
/// assert!((norm::logsf(0.0, 0.0, 1.0).item::<f64>() - 0.5f64.ln()).abs() < 1e-5);
/// ```
#[track_caller]
pub fn logsf(x: impl ArrayLike, loc: impl ArrayLike, scale: impl ArrayLike) -> Array {
    special::log_ndtr(-standard(x, loc, scale))
}

/// The point with cumulative probability `q`; the inverse of [`cdf`].
///
/// ```
/// use cotangent::scipy::stats::norm;
/// assert!((norm::ppf(0.5, 3.0, 2.0).item::<f64>() - 3.0).abs() < 1e-5);
/// ```
#[track_caller]
pub fn ppf(q: impl ArrayLike, loc: impl ArrayLike, scale: impl ArrayLike) -> Array {
    let [q, loc, scale] = inexact(q, loc, scale);
    special::ndtri(q) * scale + loc
}

/// The point that is exceeded with probability `q`; the inverse of [`sf`].
///
/// ```
/// use cotangent::scipy::stats::norm;
/// assert!((norm::isf(0.5, 3.0, 2.0).item::<f64>() - 3.0).abs() < 1e-5);
/// ```
#[track_caller]
pub fn isf(q: impl ArrayLike, loc: impl ArrayLike, scale: impl ArrayLike) -> Array {
    let [q, loc, scale] = inexact(q, loc, scale);
    ppf(1.0 - q, loc, scale)
}
