//! LU decompositions, and systems of equations.

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::custom_linear_solve;
use crate::lax::linalg::{self, Modified, library};
use crate::numpy::linalg as np_linalg;
use crate::numpy::linalg::solved_with;
use crate::numpy::{arange, eye_as, tril_k, triu};
use crate::ops::in_one_inexact_dtype;
use crate::ops::linalg::{permuted_rows, product};

use super::{Trans, cho_factor, cho_solve};

pub use crate::numpy::linalg::{det, inv};

/// Returns the factors of the LU decomposition: (P, L, U) with A = P L U, where P is a permutation, L is lower
/// triangular with a diagonal of ones, and U is upper triangular. If A is m × n and k = min(m, n), L is m × k and U is
/// k × n. P has the real dtype.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let (p, l, u) = linalg::lu(Array::from([[2.0f32, 1.0], [4.0, 6.0]]));
/// assert_eq!(p.to_vec::<f32>(), [0.0, 1.0, 1.0, 0.0]);
/// assert_eq!(l.to_vec::<f32>(), [1.0, 0.0, 0.5, 1.0]);
/// assert_eq!(u.to_vec::<f32>(), [4.0, 6.0, 0.0, -2.0]);
/// ```
///
/// # Panics
/// If A has less than two dimensions.
#[track_caller]
pub fn lu(a: impl ArrayLike) -> (Array, Array, Array) {
    let mut parts = library(&[a.to_array().to_inexact()], |a| {
        let (l, u, rows) = triangles(&a[0]);
        let m = rows.shape()[rows.ndim() - 1];
        let count = arange(m as i32).expand_dims(-1);
        vec![rows.expand_dims(-2).equal(count).astype(l.dtype().real()), l, u]
    })
    .into_iter();
    let mut next = || parts.next().unwrap_or_else(|| unreachable!("there are three factors"));
    (next(), next(), next())
}

/// Returns the factors of the LU decomposition with the first two multiplied: (P L, U). This is `permute_l=True` in
/// JAX.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let (l, u) = linalg::lu_permuted(Array::from([[2.0f32, 1.0], [4.0, 6.0]]));
/// assert_eq!(l.to_vec::<f32>(), [0.5, 1.0, 1.0, 0.0]);
/// assert_eq!(u.to_vec::<f32>(), [4.0, 6.0, 0.0, -2.0]);
/// ```
///
/// # Panics
/// Like [`lu`].
#[track_caller]
pub fn lu_permuted(a: impl ArrayLike) -> (Array, Array) {
    let mut parts = library(&[a.to_array().to_inexact()], |a| {
        let (l, u, rows) = triangles(&a[0]);
        vec![permuted_rows(&l, &crate::numpy::argsort(rows)), u]
    });
    let u = parts.remove(1);
    (parts.remove(0), u)
}

/// Returns L, U and the permutation of the rows of A.
#[track_caller]
fn triangles(a: &Array) -> (Array, Array, Array) {
    let (lu, _, rows) = linalg::lu(a);
    let [m, n] = [lu.ndim() - 2, lu.ndim() - 1].map(|axis| lu.shape()[axis]);
    let (k, rank) = (m.min(n), lu.ndim());
    let l = tril_k(lu.slice_axis(rank - 1, 0, k), -1) + eye_as(m, k, 0, lu.dtype());
    (l, triu(lu.slice_axis(rank - 2, 0, k)), rows)
}

/// Returns the LU decomposition for [`lu_solve`]: L and U in one matrix, and the pivots. See
/// [`lax::linalg::lu`](crate::lax::linalg::lu).
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let (lu, pivots) = linalg::lu_factor(Array::from([[2.0f32, 1.0], [4.0, 6.0]]));
/// let x = linalg::lu_solve((&lu, &pivots), Array::from([3.0f32, 10.0]), linalg::Trans::No);
/// assert_eq!(x.to_vec::<f32>(), [1.0, 1.0]);
/// ```
///
/// # Panics
/// If A has less than two dimensions.
#[track_caller]
pub fn lu_factor(a: impl ArrayLike) -> (Array, Array) {
    let (lu, pivots, _) = linalg::lu(a.to_array().to_inexact());
    (lu, pivots)
}

/// Solves op(A) X = B for X, given the LU decomposition of A. B is a vector, or a matrix with the batch axes of A.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let (lu, pivots) = linalg::lu_factor(Array::from([[2.0f32, 1.0], [4.0, 6.0]]));
/// let x = linalg::lu_solve((&lu, &pivots), Array::from([6.0f32, 7.0]), linalg::Trans::Transpose);
/// assert_eq!(x.to_vec::<f32>(), [1.0, 1.0]);
/// ```
///
/// # Panics
/// If A is not square, or the sizes do not fit.
#[track_caller]
pub fn lu_solve((lu, pivots): (&Array, &Array), b: impl ArrayLike, trans: Trans) -> Array {
    let [lu, b] = in_one_inexact_dtype([lu.clone(), b.to_array()]);
    let n = match *lu.shape() {
        [.., n, m] if n == m => n,
        _ => raise(Error::shape(format!("lu_solve: the factors must be those of a square matrix, got {}", lu.aval()))),
    };
    let vector = b.ndim() == 1;
    let fits = if vector { b.shape() == [n] } else { b.shape()[b.ndim() - 2] == n };
    if !fits {
        raise(Error::shape(format!("lu_solve: {} does not have the {n} rows of {}", b.aval(), lu.aval())));
    }
    let how = match trans {
        Trans::No => Modified::No,
        Trans::Transpose => Modified::Transposed,
        Trans::Adjoint => Modified::Adjoint,
    };
    library(&[lu, pivots.clone(), b], |x| {
        let rows = linalg::lu_pivots_to_permutation(&x[1], n);
        let batch = &x[0].shape()[..x[0].ndim() - 2];
        let b = if vector { x[2].expand_dims(-1) } else { x[2].clone() };
        let columns = b.shape()[b.ndim() - 1];
        let b = if b.ndim() < x[0].ndim() { b.broadcast_to([batch, &[n, columns]].concat()) } else { b };
        let x = linalg::lu_solve(&x[0], &rows, &b, how);
        vec![if vector { x.reshape([batch, &[n]].concat()) } else { x }]
    })
    .remove(0)
}

/// What [`solve`] may assume about the matrix.
///
/// ```
/// use cotangent::scipy::linalg::Assume;
/// assert_eq!(Assume::default(), Assume::General);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assume {
    /// Nothing: `"gen"` in JAX.
    #[default]
    General,
    /// It is symmetric: `"sym"` in JAX. The method is that of general matrices, as in JAX.
    Symmetric,
    /// It is Hermitian: `"her"` in JAX. The method is that of general matrices, as in JAX.
    Hermitian,
    /// It is Hermitian and positive definite: `"pos"` in JAX. The solution comes from a Cholesky decomposition of one
    /// triangle.
    Positive,
}

/// Returns the solution X of A X = B. A has the shape `[..., n, n]`. B is a vector of `n` elements, or has the shape
/// `[..., n, k]`. If A is singular, X has elements that are infinite or NaN.
///
/// If A is assumed to be positive definite, only its lower or its upper triangle is used to find X. The derivative is
/// that of a system whose matrix is all of A.
///
/// ```
/// use cotangent::{Array, scipy::linalg::{self, Assume}};
/// let a = Array::from([[4.0f32, 2.0], [2.0, 10.0]]);
/// let b = Array::from([8.0f32, 22.0]);
/// assert_eq!(linalg::solve(&a, &b, true, Assume::Positive).to_vec::<f32>(), [1.0, 2.0]);
/// ```
///
/// # Panics
/// If A is not square, or the sizes do not fit.
#[track_caller]
pub fn solve(a: impl ArrayLike, b: impl ArrayLike, lower: bool, assume_a: Assume) -> Array {
    if assume_a != Assume::Positive {
        return np_linalg::solve(a, b);
    }
    solved_with("solve", a, b, |a, b| {
        let batch = &b.shape()[..b.ndim() - 2];
        let whole = |x: &Array| x.broadcast_to([batch, &x.shape()[x.ndim() - 2..]].concat());
        let (c, lower) = cho_factor(a.stop_gradient(), lower);
        let c = whole(&c);
        let matrix = whole(a);
        let conj = |x: &Array| if x.dtype().is_complex() { x.conj() } else { x.clone() };
        // The transpose of a Hermitian matrix is its conjugate.
        custom_linear_solve(|x: &Array| product(&matrix, x), |_, b| cho_solve((&c, lower), b))
            .transpose_solve(|_, b| conj(&cho_solve((&c, lower), conj(b))))
            .solve(b)
    })
}
