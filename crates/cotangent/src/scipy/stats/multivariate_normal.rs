//! The multivariate normal distribution.

use crate::array::aval::Shape;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::linalg::{TriangularSolve, cholesky, triangular_solve};
use crate::numpy as np;
use crate::ops::in_one_inexact_dtype;

/// The logarithm of the density at `x`. The last axis of `x` and `mean` is that of a vector, and the last two of `cov` are
/// those of a matrix; the others broadcast. A scalar covariance stands for a multiple of the identity.
///
/// # Panics
/// If the covariance is not a scalar and not square, or has another size than the mean.
///
/// ```
/// use cotangent::{numpy as np, scipy::stats::multivariate_normal};
/// let (mean, cov) = (np::zeros(2), np::array([[2.0, 1.0], [1.0, 2.0]]));
/// let y = multivariate_normal::logpdf(np::array([1.0, 1.0]), mean, cov);
/// assert!((y.item::<f64>() + 2.7205165).abs() < 1e-5);
/// ```
#[track_caller]
pub fn logpdf(x: impl ArrayLike, mean: impl ArrayLike, cov: impl ArrayLike) -> Array {
    let [x, mean, cov] = in_one_inexact_dtype([x.to_array(), mean.to_array(), cov.to_array()]);
    let log_circle = (2.0 * np::PI).ln();
    let y = &x - &mean;
    let Some(&n) = mean.shape().last() else {
        return -0.5 * (y.square() / &cov + (log_circle + cov.log()));
    };
    if cov.ndim() == 0 {
        return -0.5 * (y.square().sum_axis(-1) / &cov + n as f64 * (log_circle + cov.log()));
    }
    if !cov.shape().ends_with(&[n, n]) {
        let (mean, cov) = (mean.aval(), cov.aval());
        raise(
            Error::shape(format!("multivariate_normal: a mean {mean} does not fit a covariance {cov}"))
                .help("a mean [..., n] needs a covariance [..., n, n] or a scalar"),
        );
    }
    let factor = cholesky(cov);
    let batch = y.shape()[..y.ndim() - 1].to_vec();
    // All points at once if they share the factor; otherwise one for each factor.
    let scaled = if factor.ndim() == 2 {
        let rows = y.reshape([batch.iter().product(), n]);
        let options = TriangularSolve { transpose_a: true, ..TriangularSolve::lower(false) };
        triangular_solve(&factor, rows, &options).reshape(y.shape())
    } else {
        let covs = &factor.shape()[..factor.ndim() - 2];
        let shape = np::broadcast_shapes(&batch[..], covs);
        let one = |own: &[usize]| shape.iter().chain(own).copied().collect::<Shape>();
        let columns = y.expand_dims(-1).broadcast_to(one(&[n, 1]));
        triangular_solve(factor.broadcast_to(one(&[n, n])), columns, &TriangularSolve::lower(true)).reshape(one(&[n]))
    };
    let log_det = np::linalg::diagonal(&factor, 0).log().sum_axis(-1);
    -0.5 * (scaled.square().sum_axis(-1) + n as f64 * log_circle) - log_det
}

/// The density at `x`; see [`logpdf`].
///
/// ```
/// use cotangent::scipy::stats::multivariate_normal;
/// let y = multivariate_normal::pdf(0.0, 0.0, 1.0).item::<f64>();
/// assert!((y - 0.3989423).abs() < 1e-5);
/// ```
#[track_caller]
pub fn pdf(x: impl ArrayLike, mean: impl ArrayLike, cov: impl ArrayLike) -> Array {
    logpdf(x, mean, cov).exp()
}
