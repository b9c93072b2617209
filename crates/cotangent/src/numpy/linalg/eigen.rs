//! Eigenvalues.

use crate::array::{Array, ArrayLike};
use crate::lax::linalg::{self, EighOptions, hermitian};

/// Returns the eigenvalues of a matrix in no particular order, and the eigenvectors as columns of length one. They are
/// complex. If an element of the matrix is not finite, both are NaN.
///
/// It runs on the CPU only. [`lax::linalg::eig`](crate::lax::linalg::eig) also returns eigenvectors on the left, and
/// says when eigenvectors have derivatives.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let a = Array::from([[1.0f32, 2.0], [2.0, 1.0]]);
/// let (w, v) = np::linalg::eig(&a);
/// assert!((a.dot(&v) - &v * &w).abs().max().item::<f32>() < 1e-6);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn eig(a: impl ArrayLike) -> (Array, Array) {
    let (w, _, v) = linalg::eig(a.to_array().to_inexact(), false, true);
    (w.clone(), v.unwrap_or(w))
}

/// Returns the eigenvalues of a matrix in no particular order. They are complex. If an element of the matrix is not
/// finite, they are NaN.
///
/// It runs on the CPU only.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let w = np::linalg::eigvals(Array::from([[1.0f32, 5.0], [0.0, 2.0]]));
/// assert_eq!(w.real().to_vec::<f32>(), [1.0, 2.0]);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn eigvals(a: impl ArrayLike) -> Array {
    linalg::eig(a.to_array().to_inexact(), false, false).0
}

/// Returns the eigenvalues of the Hermitian matrix (A + Aᴴ)/2 in ascending order, and its eigenvectors as columns. If an
/// element of A is not finite, both are NaN.
///
/// To read one triangle of A instead (`UPLO` in NumPy), use [`lax::linalg::eigh`](crate::lax::linalg::eigh) without
/// `symmetrize_input`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let a = Array::from([[2.0f32, 1.0], [1.0, 2.0]]);
/// let (w, v) = np::linalg::eigh(&a);
/// assert!((a.dot(&v) - &v * &w).abs().max().item::<f32>() < 1e-6);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn eigh(a: impl ArrayLike) -> (Array, Array) {
    let (v, w) = linalg::eigh(a.to_array().to_inexact(), &EighOptions::default());
    (w, v)
}

/// Returns the eigenvalues of the Hermitian matrix (A + Aᴴ)/2 in ascending order. If an element of A is not finite, they
/// are NaN.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let w = np::linalg::eigvalsh(Array::from([[3.0f32, 0.0], [0.0, 1.0]]));
/// assert_eq!(w.to_vec::<f32>(), [1.0, 3.0]);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn eigvalsh(a: impl ArrayLike) -> Array {
    hermitian(a.to_array().to_inexact(), &EighOptions::default(), false).1
}
