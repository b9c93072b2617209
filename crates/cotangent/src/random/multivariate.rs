//! Samples of the multivariate normal distribution.

use crate::api::jit::jit;
use crate::array::aval::IntoShape;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::linalg;
use crate::numpy as np;
use crate::ops::in_one_inexact_dtype;

use super::key::Key;
use super::normal::normals;
use super::samplers::check_parameter;
use super::uniform::Format;

/// Samples of the normal distribution with a mean vector and a covariance matrix, in their dtype. The last axis of `mean`
/// and the last two of `cov` are those of one distribution; the others broadcast to the shape. The result has the shape,
/// followed by the last axis of `mean`.
///
/// The covariance is factored by [`cholesky`](linalg::cholesky), so a sample of a matrix that is not positive definite is
/// NaN. The samples can be differentiated with respect to the mean and the covariance.
///
/// # Panics
/// If the key is an array of keys, the mean is a scalar, the covariance has another number of rows or columns, or their
/// other axes do not broadcast to the shape.
///
/// ```
/// # use cotangent::prelude::*;
/// let (mean, cov) = (Array::from([1.0f32, -1.0]), Array::from([[2.0f32, 0.5], [0.5, 1.0]]));
/// let x = random::multivariate_normal(random::key(0), &mean, &cov, 1000);
/// assert_eq!(x.shape(), [1000, 2]);
/// assert!((x.mean_axis(0) - mean).abs().max().item::<f32>() < 0.15);
/// ```
#[track_caller]
pub fn multivariate_normal(key: Key, mean: impl ArrayLike, cov: impl ArrayLike, shape: impl IntoShape) -> Array {
    let [mean, cov] = in_one_inexact_dtype([mean.to_array(), cov.to_array()]);
    let dtype = mean.dtype();
    multivariate_normal_as(key, mean, cov, shape, dtype)
}

/// [`multivariate_normal`] from normal numbers of a float dtype.
///
/// ```
/// # use cotangent::prelude::*;
/// let (mean, cov) = (np::zeros(2), np::eye(2));
/// let x = random::multivariate_normal_as(random::key(0), mean, cov, 3, DType::F64);
/// assert_eq!(x.dtype(), DType::F64);
/// ```
#[track_caller]
pub fn multivariate_normal_as(
    key: Key,
    mean: impl ArrayLike,
    cov: impl ArrayLike,
    shape: impl IntoShape,
    dtype: DType,
) -> Array {
    let shape = shape.into_shape();
    let [mean, cov] = in_one_inexact_dtype([mean.to_array(), cov.to_array()]);
    for dtype in [dtype, mean.dtype()] {
        Format::of(dtype, "multivariate_normal");
    }
    let n = match (mean.shape(), cov.shape()) {
        ([means @ .., n], [covs @ .., rows, columns]) if [rows, columns] == [n, n] => {
            check_parameter("multivariate_normal", means, &shape);
            check_parameter("multivariate_normal", covs, &shape);
            *n
        }
        _ => raise(
            Error::shape(format!(
                "multivariate_normal: a mean of type {} has no covariance of type {}",
                mean.aval(),
                cov.aval()
            ))
            .help("a mean [..., n] needs a covariance [..., n, n]"),
        ),
    };
    let full = shape.insert(shape.rank(), n);
    jit(|key: &Key, mean: &Array, cov: &Array| {
        let z = normals(key, &full, dtype);
        // One factor for all samples, or one for each.
        let turned = match cov.ndim() {
            2 => np::matmul(z, np::swapaxes(linalg::cholesky(cov), -2, -1)),
            _ => np::matmul(linalg::cholesky(cov), z.expand_dims(-1)).reshape(&full),
        };
        mean + turned
    })(key.one("multivariate_normal"), &mean, &cov)
}
