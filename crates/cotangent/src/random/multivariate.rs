//! Samples of the multivariate normal distribution, and of orthogonal matrices.

use crate::array::aval::{IntoShape, Shape};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::linalg::{self, SvdOptions};
use crate::numpy as np;
use crate::ops::in_one_inexact_dtype;

use super::key::Key;
use super::normal::normals;
use super::samplers::{check_parameter, draw};
use super::uniform::Format;

/// Samples of the normal distribution with a mean vector and a covariance matrix, in their dtype. The last axis of `mean`
/// and the last two of `cov` are those of one distribution; the others broadcast to the shape. The result has the shape,
/// followed by the last axis of `mean`.
///
/// The covariance is factored by [`cholesky`](linalg::cholesky), so a sample of a matrix that is not positive definite is
/// NaN; [`multivariate_normal_method`] also factors singular ones. The samples can be differentiated with respect to the
/// mean and the covariance.
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
    multivariate_normal_method(key, mean, cov, shape, Factor::Cholesky)
}

/// [`multivariate_normal`] from normal numbers of a float dtype.
///
/// ```
/// # use cotangent::prelude::*;
/// let (mean, cov) = (np::zeros(2), np::identity(2));
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
    samples(key, mean.to_array(), cov.to_array(), &shape.into_shape(), Some(dtype), Factor::Cholesky)
}

/// How a covariance is factored into a matrix and its transpose.
///
/// ```
/// use cotangent::random::Factor;
/// assert_eq!(Factor::default(), Factor::Cholesky);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Factor {
    /// By the Cholesky decomposition, the fastest. The covariance must be positive definite.
    #[default]
    Cholesky,
    /// By eigenvalues and eigenvectors. The covariance may be singular.
    Eigh,
    /// By the singular value decomposition. The covariance may be singular.
    Svd,
}

/// [`multivariate_normal`] with a choice of how the covariance is factored.
///
/// # Panics
/// As [`multivariate_normal`].
///
/// ```
/// use cotangent::{prelude::*, random::Factor};
/// let cov = np::array([[1.0, 1.0], [1.0, 1.0]]);
/// let x = random::multivariate_normal_method(random::key(0), np::zeros(2), cov, 4, Factor::Svd);
/// assert!((x.at((.., 0)).get() - x.at((.., 1)).get()).abs().max().item::<f32>() < 1e-2);
/// ```
#[track_caller]
pub fn multivariate_normal_method(
    key: Key,
    mean: impl ArrayLike,
    cov: impl ArrayLike,
    shape: impl IntoShape,
    method: Factor,
) -> Array {
    samples(key, mean.to_array(), cov.to_array(), &shape.into_shape(), None, method)
}

#[track_caller]
fn samples(key: Key, mean: Array, cov: Array, shape: &Shape, dtype: Option<DType>, method: Factor) -> Array {
    let [mean, cov] = in_one_inexact_dtype([mean, cov]);
    let dtype = dtype.unwrap_or(mean.dtype());
    for dtype in [dtype, mean.dtype()] {
        Format::of(dtype, "multivariate_normal");
    }
    let n = match (mean.shape(), cov.shape()) {
        ([means @ .., n], [covs @ .., rows, columns]) if [rows, columns] == [n, n] => {
            check_parameter("multivariate_normal", means, shape);
            check_parameter("multivariate_normal", covs, shape);
            *n
        }
        _ => {
            let (mean, cov) = (mean.aval(), cov.aval());
            raise(
                Error::shape(format!("multivariate_normal: a mean {mean} does not fit a covariance {cov}"))
                    .help("a mean [..., n] needs a covariance [..., n, n]"),
            )
        }
    };
    let full = shape.insert(shape.rank(), n);
    let settings = (full, dtype, method);
    draw(settings, key.one("multivariate_normal"), [mean, cov], |&(ref full, dtype, method), key, [mean, cov]| {
        let z = normals(key, full, dtype);
        let factor = match method {
            Factor::Cholesky => linalg::cholesky(cov),
            Factor::Eigh => {
                let (values, vectors) = np::linalg::eigh(cov);
                vectors * values.sqrt().expand_dims(-2)
            }
            Factor::Svd => {
                let options = SvdOptions { full_matrices: false, ..SvdOptions::default() };
                let (u, s, _) = linalg::svd(cov, &options);
                u * s.sqrt().expand_dims(-2)
            }
        };
        // One factor for all samples, or one for each.
        let turned = match factor.ndim() {
            2 if full.rank() == 1 => np::matmul(factor, z),
            2 => np::matmul(z, np::swapaxes(factor, -2, -1)),
            _ => np::matmul(factor, z.expand_dims(-1)).reshape(full),
        };
        mean + turned
    })
}

/// Orthogonal matrices of size n × n, uniformly distributed, in `f32`. The result has the given shape, followed by the
/// sizes.
///
/// A matrix is the orthogonal factor of one of normal numbers, where the triangular factor has a positive diagonal
/// (Mezzadri, 2007).
///
/// # Panics
/// If the key is an array of keys.
///
/// ```
/// # use cotangent::prelude::*;
/// let q = random::orthogonal(random::key(0), 3, ());
/// assert!((q.matmul(q.t()) - np::identity(3)).abs().max().item::<f32>() < 1e-5);
/// ```
#[track_caller]
pub fn orthogonal(key: Key, n: usize, shape: impl IntoShape) -> Array {
    orthogonal_m_as(key, n, shape, n, DType::F32)
}

/// [`orthogonal`] in the dtype f32, f64, c64 or c128. Complex matrices are unitary.
///
/// # Panics
/// If the key is an array of keys, or the dtype is another one.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::orthogonal_as(random::key(0), 3, 2, DType::C64).shape(), [2, 3, 3]);
/// ```
#[track_caller]
pub fn orthogonal_as(key: Key, n: usize, shape: impl IntoShape, dtype: DType) -> Array {
    orthogonal_m_as(key, n, shape, n, dtype)
}

/// [`orthogonal`] matrices of size n × m: their rows are orthonormal if n ≤ m, and their columns if m ≤ n.
///
/// ```
/// # use cotangent::prelude::*;
/// let q = random::orthogonal_m(random::key(0), 2, (), 4);
/// assert!((q.matmul(q.t()) - np::identity(2)).abs().max().item::<f32>() < 1e-5);
/// ```
#[track_caller]
pub fn orthogonal_m(key: Key, n: usize, shape: impl IntoShape, m: usize) -> Array {
    orthogonal_m_as(key, n, shape, m, DType::F32)
}

/// [`orthogonal_m`] in the dtype f32, f64, c64 or c128.
///
/// # Panics
/// If the key is an array of keys, or the dtype is another one.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::orthogonal_m_as(random::key(0), 2, (), 4, DType::F64).shape(), [2, 4]);
/// ```
#[track_caller]
pub fn orthogonal_m_as(key: Key, n: usize, shape: impl IntoShape, m: usize, dtype: DType) -> Array {
    let shape = shape.into_shape();
    let tall: Shape = shape.iter().copied().chain([n.max(m), n.min(m)]).collect();
    Format::of(dtype.real(), "orthogonal");
    draw((tall, n < m, dtype), key.one("orthogonal"), [], |&(ref tall, wide, dtype), key, []| {
        let (q, r) = linalg::qr(normals(key, tall, dtype), false);
        let signs = np::sign(np::linalg::diagonal(&r, 0));
        let q = q * signs.expand_dims(-2);
        if wide { np::swapaxes(q, -2, -1) } else { q }
    })
}
