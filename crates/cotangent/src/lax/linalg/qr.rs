//! The QR decomposition and products of Householder reflections.

use crate::array::{Array, ArrayLike};
use crate::ops::linalg::{Geqp3, Geqrf, HouseholderProduct, Ormqr, Qr};

use super::{bind, bind1};

/// Returns (Q, R) with A = Q R: Q has orthonormal columns, and R is upper triangular. With `full_matrices`, Q is square;
/// otherwise it has as many columns as the smaller size of A, and R as many rows.
///
/// ```
/// use cotangent::{Array, lax};
/// let (q, r) = lax::linalg::qr(Array::from([[3.0f32, 1.0], [4.0, 2.0]]), false);
/// assert!((q.matmul(&r) - Array::from([[3.0f32, 1.0], [4.0, 2.0]])).abs().max().item::<f32>() < 1e-6);
/// assert_eq!(r.at((1, 0)).get().item::<f32>(), 0.0);
/// ```
///
/// Signs are LAPACK's: the diagonal of R is real, and its elements may be negative. With `full_matrices`, the derivative
/// of the columns of Q beyond the size of A is that of the product of reflections, which determines them.
///
/// # Panics
/// If A has fewer than two dimensions, or the dtype is not inexact.
#[track_caller]
pub fn qr(a: impl ArrayLike, full_matrices: bool) -> (Array, Array) {
    let results = bind(Qr { pivoting: false, full_matrices }, &[&a.to_array()]);
    (results[0].clone(), results[1].clone())
}

/// Like [`qr`], with the columns of A exchanged so that the diagonal of R does not increase in magnitude. Returns
/// (Q, R, p) with A[:, p] = Q R.
///
/// ```
/// use cotangent::{Array, lax};
/// let (_, r, p) = lax::linalg::qr_pivoting(Array::from([[1.0f32, 3.0], [0.0, 4.0]]), false);
/// assert_eq!(p.to_vec::<i32>(), [1, 0]);
/// assert!((r.at((0, 0)).get().item::<f32>() + 5.0).abs() < 1e-5);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions, or the dtype is not inexact.
#[track_caller]
pub fn qr_pivoting(a: impl ArrayLike, full_matrices: bool) -> (Array, Array, Array) {
    let results = bind(Qr { pivoting: true, full_matrices }, &[&a.to_array()]);
    (results[0].clone(), results[1].clone(), results[2].clone())
}

/// Returns the QR decomposition in LAPACK's form: a matrix with R on and above the diagonal, and the Householder
/// reflections whose product is Q below it, and their factors τ. [`householder_product`] and [`ormqr`] read it.
///
/// ```
/// use cotangent::{Array, lax};
/// let (a, taus) = lax::linalg::geqrf(Array::from([[3.0f32], [4.0]]));
/// assert_eq!((a.to_vec::<f32>(), taus.to_vec::<f32>()), (vec![-5.0, 0.5], vec![1.6]));
/// ```
///
/// # Panics
/// If A has fewer than two dimensions, or the dtype is not inexact.
#[track_caller]
pub fn geqrf(a: impl ArrayLike) -> (Array, Array) {
    let results = bind(Geqrf, &[&a.to_array()]);
    (results[0].clone(), results[1].clone())
}

/// Like [`geqrf`], with the columns of A exchanged so that the diagonal of R does not increase in magnitude. A column
/// whose number in `jpvt` is not zero is moved to the front instead. Returns the factorization, the numbers of the
/// columns, counted from one, and τ.
///
/// ```
/// use cotangent::{Array, lax};
/// let (_, jpvt, _) = lax::linalg::geqp3(Array::from([[1.0f32, 2.0, 3.0]]), Array::from([0, 1, 0]));
/// assert_eq!(jpvt.to_vec::<i32>()[0], 2);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions, the dtype is not inexact, or `jpvt` is not an i32 for each column.
#[track_caller]
pub fn geqp3(a: impl ArrayLike, jpvt: impl ArrayLike) -> (Array, Array, Array) {
    let results = bind(Geqp3, &[&a.to_array(), &jpvt.to_array()]);
    (results[0].clone(), results[1].clone(), results[2].clone())
}

/// Returns the first columns of a product of Householder reflections, as many as `a` has. The reflections are below the
/// diagonal of `a`, as [`geqrf`] returns them, and `taus` has at most as many elements as there are columns.
///
/// ```
/// use cotangent::{Array, lax};
/// let (a, taus) = lax::linalg::geqrf(Array::from([[3.0f32], [4.0]]));
/// let q = lax::linalg::householder_product(&a, &taus);
/// assert!((q - Array::from([[-0.6f32], [-0.8]])).abs().max().item::<f32>() < 1e-6);
/// ```
///
/// # Panics
/// If `a` has more columns than rows, sizes do not fit, or dtypes differ or are not inexact.
#[track_caller]
pub fn householder_product(a: impl ArrayLike, taus: impl ArrayLike) -> Array {
    bind1(HouseholderProduct, &[&a.to_array(), &taus.to_array()])
}

/// Multiplies `c` by the product Q of Householder reflections, as [`geqrf`] returns them, without forming Q: Q C, or
/// C Q if `left` is false. With `transpose`, Q is conjugated and transposed first.
///
/// ```
/// use cotangent::{Array, lax};
/// let (a, taus) = lax::linalg::geqrf(Array::from([[3.0f32], [4.0]]));
/// let x = lax::linalg::ormqr(&a, &taus, Array::from([[3.0f32], [4.0]]), true, true);
/// assert!((x - Array::from([[-5.0f32], [0.0]])).abs().max().item::<f32>() < 1e-5);
/// ```
///
/// # Panics
/// If sizes do not fit, or dtypes differ or are not inexact.
#[track_caller]
pub fn ormqr(a: impl ArrayLike, taus: impl ArrayLike, c: impl ArrayLike, left: bool, transpose: bool) -> Array {
    bind1(Ormqr { left, transpose }, &[&a.to_array(), &taus.to_array(), &c.to_array()])
}
