//! The singular value decomposition, by SciPy's name.

use crate::array::{Array, ArrayLike};
use crate::numpy;

/// Returns (U, s, Vᴴ) with A = U diag(s) Vᴴ. It is [`numpy::linalg::svd`](crate::numpy::linalg::svd).
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let (u, s, vh) = linalg::svd(Array::from([[1.0f32, 2.0, 3.0], [6.0, 5.0, 4.0]]), true);
/// assert_eq!((u.shape(), s.shape(), vh.shape()), (&[2, 2][..], &[2][..], &[3, 3][..]));
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn svd(a: impl ArrayLike, full_matrices: bool) -> (Array, Array, Array) {
    numpy::linalg::svd(a, full_matrices)
}

/// Returns the singular values in decreasing order: [`svd`] with SciPy's `compute_uv=False`.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// assert_eq!(linalg::svdvals(Array::from([[1.0f32, 2.0, 3.0], [6.0, 5.0, 4.0]])).shape(), [2]);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn svdvals(a: impl ArrayLike) -> Array {
    numpy::linalg::svdvals(a)
}
