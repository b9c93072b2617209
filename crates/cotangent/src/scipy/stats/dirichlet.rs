//! The Dirichlet distribution.

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::numpy as np;
use crate::ops::in_one_inexact_dtype;
use crate::scipy::special;

use super::table::nothing_where;

/// The logarithm of the density at `x`, whose first axis lists the parts of a point: as many as `alpha` has, or all but
/// the last, which is what is missing to one. Outside of the simplex, it is −∞.
///
/// # Panics
/// If `alpha` does not have one axis, or `x` has another number of parts.
///
/// ```
/// use cotangent::{numpy as np, scipy::stats::dirichlet};
/// let y = dirichlet::logpdf(np::array([0.2, 0.3, 0.5]), np::array([1.0, 2.0, 3.0]));
/// assert!((y.item::<f64>() - 1.5040774).abs() < 1e-5);
/// ```
#[track_caller]
pub fn logpdf(x: impl ArrayLike, alpha: impl ArrayLike) -> Array {
    let [x, alpha] = in_one_inexact_dtype([x.to_array(), alpha.to_array()]);
    let parts = x.shape().first().copied();
    let x = match alpha.shape() {
        [n] if parts == Some(*n) => x,
        [n] if parts.is_some_and(|parts| parts + 1 == *n) => {
            let rest = 1.0 - x.sum_keepdims(0);
            np::concatenate([x, rest], 0)
        }
        _ => raise(
            Error::shape(format!("dirichlet: a point {} does not fit the parameters {}", x.aval(), alpha.aval()))
                .help("the parameters have one axis, and the first axis of the point has as many parts or one less"),
        ),
    };
    let normalizer = alpha.lgamma().sum() - alpha.sum().lgamma();
    let whole = (x.sum_axis(0) - 1.0).abs().less(1e-6);
    let inside = x.greater(0.0).all_axis(0).logical_and(whole);
    let mut along = vec![1; x.ndim()];
    along[0] = alpha.size();
    nothing_where(&!inside, special::xlogy(alpha.reshape(along) - 1.0, x).sum_axis(0) - normalizer)
}

/// The density at `x`; see [`logpdf`].
///
/// ```
/// use cotangent::{numpy as np, scipy::stats::dirichlet};
/// let y = dirichlet::pdf(np::array([0.2, 0.3, 0.5]), np::array([1.0, 2.0, 3.0]));
/// assert!((y.item::<f64>() - 4.5).abs() < 1e-4);
/// ```
#[track_caller]
pub fn pdf(x: impl ArrayLike, alpha: impl ArrayLike) -> Array {
    logpdf(x, alpha).exp()
}
