//! The QR decomposition.

use crate::array::{Array, ArrayLike};
use crate::lax::linalg;

/// Returns (Q, R) with A = Q R. With K = min(M, N), Q has the shape […, M, K] and orthonormal columns, and R has the
/// shape […, K, N] and is upper triangular. NumPy calls this mode "reduced".
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let a = Array::from([[3.0f32, 1.0], [4.0, 2.0], [0.0, 5.0]]);
/// let (q, r) = np::linalg::qr(&a);
/// assert_eq!((q.shape(), r.shape()), (&[3, 2][..], &[2, 2][..]));
/// assert!((q.matmul(&r) - &a).abs().max().item::<f32>() < 1e-5);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn qr(a: impl ArrayLike) -> (Array, Array) {
    linalg::qr(a.to_array().to_inexact(), false)
}

/// Like [`qr`], with a square Q, and R of the shape of A: NumPy's mode "complete".
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (q, r) = np::linalg::qr_complete(Array::from([[3.0f32], [4.0]]));
/// assert_eq!((q.shape(), r.shape()), (&[2, 2][..], &[2, 1][..]));
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn qr_complete(a: impl ArrayLike) -> (Array, Array) {
    linalg::qr(a.to_array().to_inexact(), true)
}

/// Returns the R of [`qr`] alone: NumPy's mode "r".
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::linalg::qr_r(Array::from([[3.0f32], [4.0]])).to_vec::<f32>(), [-5.0]);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn qr_r(a: impl ArrayLike) -> Array {
    qr(a).1
}

/// Returns LAPACK's form of the decomposition, transposed, and the factors τ: NumPy's mode "raw". See
/// [`geqrf`](crate::lax::linalg::geqrf).
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (h, tau) = np::linalg::qr_raw(Array::from([[3.0f32], [4.0]]));
/// assert_eq!((h.shape(), h.to_vec::<f32>(), tau.to_vec::<f32>()), (&[1, 2][..], vec![-5.0, 0.5], vec![1.6]));
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn qr_raw(a: impl ArrayLike) -> (Array, Array) {
    let (packed, tau) = linalg::geqrf(a.to_array().to_inexact());
    (packed.moveaxis(-1, -2), tau)
}
