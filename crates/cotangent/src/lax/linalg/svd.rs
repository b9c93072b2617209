//! The singular value decomposition.

pub use crate::ops::linalg::SvdAlgorithm;

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::ops::linalg::Svd;

use super::bind;

/// The options of [`svd`] and [`singular_values`]. By default, U and V are square, and all singular values are wanted.
///
/// ```
/// use cotangent::lax::linalg::{SvdAlgorithm, SvdOptions};
/// let options = SvdOptions { full_matrices: false, ..SvdOptions::default() };
/// assert_eq!((options.algorithm, options.subset_by_index), (SvdAlgorithm::Default, None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SvdOptions {
    /// Whether U and V are square. Otherwise they have as many columns as there are singular values.
    pub full_matrices: bool,
    /// The first index of the singular values that are wanted, and the index behind the last one. The values are in
    /// decreasing order.
    pub subset_by_index: Option<(usize, usize)>,
    /// The algorithm.
    pub algorithm: SvdAlgorithm,
}

impl Default for SvdOptions {
    fn default() -> SvdOptions {
        SvdOptions { full_matrices: true, subset_by_index: None, algorithm: SvdAlgorithm::Default }
    }
}

impl SvdOptions {
    /// Returns the range of indices, if it is not that of all singular values.
    #[track_caller]
    fn subset(&self, a: &Array) -> Option<(usize, usize)> {
        let (from, to) = self.subset_by_index?;
        let [.., m, n] = a.shape()[..] else { return None };
        let k = m.min(n);
        if from >= to || to > k {
            let aval = a.aval();
            raise(Error::value(format!(
                "subset_by_index ({from}, {to}) is no range of the {k} singular values of {aval}"
            )));
        }
        if (from, to) == (0, k) {
            return None;
        }
        if self.full_matrices {
            raise(
                Error::value("the square matrices of singular vectors have no subset")
                    .help("set `full_matrices: false` together with `subset_by_index`"),
            );
        }
        Some((from, to))
    }
}

/// Returns (U, s, Vᴴ) with A = U diag(s) Vᴴ: the left singular vectors, the singular values in decreasing order, and the
/// adjoint of the right singular vectors.
///
/// ```
/// use cotangent::{Array, lax::linalg::{SvdOptions, svd}};
/// let a = Array::from([[3.0f32, 0.0], [0.0, -4.0], [0.0, 0.0]]);
/// let (u, s, vh) = svd(&a, &SvdOptions { full_matrices: false, ..SvdOptions::default() });
/// assert_eq!((u.shape(), vh.shape()), (&[3, 2][..], &[2, 2][..]));
/// assert!((s - Array::from([4.0f32, 3.0])).abs().max().item::<f32>() < 1e-5);
/// ```
///
/// Singular vectors are determined up to a phase, and those of equal singular values up to a rotation. The derivative
/// takes that rotation to be constant where JAX's is NaN. It is therefore finite at every matrix, and that of U Vᴴ is
/// right. If an element of A is not finite, the results are NaN.
///
/// # Panics
/// If A has fewer than two dimensions, the dtype is not inexact, or there is no such subset.
#[track_caller]
pub fn svd(a: impl ArrayLike, options: &SvdOptions) -> (Array, Array, Array) {
    let a = a.to_array();
    let subset = options.subset(&a);
    let prim = Svd { full_matrices: options.full_matrices, compute_uv: true, algorithm: options.algorithm };
    let results = bind(prim, &[&a]);
    let [s, u, vh] = [&results[0], &results[1], &results[2]];
    match subset {
        Some((from, to)) => (
            u.slice_axis(u.ndim() - 1, from, to),
            s.slice_axis(s.ndim() - 1, from, to),
            vh.slice_axis(vh.ndim() - 2, from, to),
        ),
        None => (u.clone(), s.clone(), vh.clone()),
    }
}

/// Returns the singular values in decreasing order: [`svd`] with JAX's `compute_uv=False`. `full_matrices` does not
/// matter.
///
/// ```
/// use cotangent::{Array, lax::linalg::{SvdOptions, singular_values}};
/// let s = singular_values(Array::from([[3.0f32, 0.0], [4.0, 0.0]]), &SvdOptions::default());
/// assert!((s - Array::from([5.0f32, 0.0])).abs().max().item::<f32>() < 1e-5);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions, the dtype is not inexact, or there is no such subset.
#[track_caller]
pub fn singular_values(a: impl ArrayLike, options: &SvdOptions) -> Array {
    let a = a.to_array();
    let subset = SvdOptions { full_matrices: false, ..*options }.subset(&a);
    let prim = Svd { full_matrices: false, compute_uv: false, algorithm: options.algorithm };
    let s = bind(prim, &[&a])[0].clone();
    subset.map_or(s.clone(), |(from, to)| s.slice_axis(s.ndim() - 1, from, to))
}
