//! LU decompositions, and systems of equations that they solve.

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::ops::linalg::{Lu, LuPivotsToPermutation, TridiagonalSolve, permuted_rows, triangle};
use crate::ops::shape::Iota;
use crate::ops::sort::Sort;
use crate::ops::{in_one_dtype, linalg::product};

use super::{TriangularSolve, bind, bind1, widened};

/// Returns the LU decomposition with row exchanges: `(lu, pivots, permutation)` with P A = L U. The matrices A, m × n,
/// need not be square.
///
/// `lu` has the shape of A. It holds the upper triangular U on and above its diagonal, and L below it; the diagonal of L
/// is one and is not stored. `pivots`, of `i32`, has min(m, n) elements: row i was exchanged with row `pivots[i]`, for
/// one i after the other. `permutation`, of `i32`, has m elements: row i of P A is row `permutation[i]` of A.
///
/// ```
/// use cotangent::{Array, lax};
/// let (lu, pivots, permutation) = lax::linalg::lu(Array::from([[2.0f32, 1.0], [4.0, 6.0]]));
/// assert_eq!(lu.to_vec::<f32>(), [4.0, 6.0, 0.5, -2.0]);
/// assert_eq!([pivots.to_vec::<i32>(), permutation.to_vec::<i32>()], [[1, 1], [1, 0]]);
/// ```
///
/// # Panics
/// If A has less than two dimensions, or the dtype is not inexact.
#[track_caller]
pub fn lu(a: impl ArrayLike) -> (Array, Array, Array) {
    let [lu, pivots, permutation] = <[Array; 3]>::try_from(bind(Lu, &[&a.to_array()]).into_vec())
        .unwrap_or_else(|_| unreachable!("the primitive has three results"));
    (lu, pivots, permutation)
}

/// Returns the permutation that a sequence of exchanges amounts to: row i with row `pivots[i]`, for one i after the
/// other. Batch axes come first. The result is of `i32`.
///
/// ```
/// use cotangent::{Array, lax};
/// let rows = lax::linalg::lu_pivots_to_permutation(Array::from([2, 2]), 3);
/// assert_eq!(rows.to_vec::<i32>(), [2, 0, 1]);
/// ```
///
/// # Panics
/// If the pivots are not of `i32`, or more than `permutation_size`.
#[track_caller]
pub fn lu_pivots_to_permutation(pivots: impl ArrayLike, permutation_size: usize) -> Array {
    bind1(LuPivotsToPermutation { permutation_size }, &[&pivots.to_array()])
}

/// How the matrix of a system is modified first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modified {
    /// It is used as it is.
    No,
    /// It is transposed.
    Transposed,
    /// It is transposed and conjugated.
    Adjoint,
}

/// Solves op(A) X = B for X, given the packed factors and the permutation of A. All have the same batch axes.
#[track_caller]
pub(crate) fn lu_solve(lu: &Array, permutation: &Array, b: &Array, how: Modified) -> Array {
    let l = TriangularSolve { unit_diagonal: true, ..TriangularSolve::lower(true) };
    let u = TriangularSolve { lower: false, ..TriangularSolve::lower(true) };
    if how == Modified::No {
        let x = bind1(l, &[lu, &permuted_rows(b, permutation)]);
        return bind1(u, &[lu, &x]);
    }
    let turned = |solve: TriangularSolve| {
        let conjugate_a = how == Modified::Adjoint;
        TriangularSolve { transpose_a: true, conjugate_a, ..solve }
    };
    let x = bind1(turned(l), &[lu, &bind1(turned(u), &[lu, b])]);
    let dimension = permutation.ndim() - 1;
    let places = bind1(Iota { dtype: permutation.dtype(), shape: permutation.aval().shape, dimension }, &[]);
    let back = bind(Sort { dimension, is_stable: false, num_keys: 1 }, &[permutation, &places]).swap_remove(1);
    permuted_rows(&x, &back)
}

/// Solves A X = B for X, where A is tridiagonal. `dl`, `d` and `du` are the diagonal below the main one, the main
/// diagonal, and the one above, each of shape `[..., n]`: element i is in row i of A. So the first element of `dl` and
/// the last of `du` are not read. B has the shape `[..., n, k]`.
///
/// If A is singular, X is NaN; if `perturb_singular`, tiny pivots are replaced by numbers of the order ε max|U|
/// instead, so that X is finite, as inverse iteration needs it.
///
/// ```
/// use cotangent::{Array, lax};
/// let (dl, d, du) = (Array::from([0.0f32, 1.0]), Array::from([2.0f32, 4.0]), Array::from([1.0f32, 0.0]));
/// let x = lax::linalg::tridiagonal_solve(dl, d, du, Array::from([[4.0f32], [9.0]]), false);
/// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0]);
/// ```
///
/// # Panics
/// If shapes do not fit, or dtypes differ or are not inexact.
#[track_caller]
pub fn tridiagonal_solve(
    dl: impl ArrayLike,
    d: impl ArrayLike,
    du: impl ArrayLike,
    b: impl ArrayLike,
    perturb_singular: bool,
) -> Array {
    let [dl, d, du, b] = [dl.to_array(), d.to_array(), du.to_array(), b.to_array()];
    bind1(TridiagonalSolve { perturb_singular }, &[&dl, &d, &du, &b])
}

/// Returns `alpha` A Aᵀ + `beta` C, where A has the shape `[..., m, n]` and the symmetric C the shape `[..., m, m]`.
/// Other than in JAX, both triangles of the result are always valid. If `symmetrize_output`, the upper one is a copy of
/// the lower one, whatever C has there.
///
/// ```
/// use cotangent::{Array, lax, numpy as np};
/// let a = Array::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// let x = lax::linalg::symmetric_product(&a, np::eye(2, 2), 1.0, 10.0, false);
/// assert_eq!(x.to_vec::<f32>(), [15.0, 11.0, 11.0, 35.0]);
/// ```
///
/// # Panics
/// If shapes or dtypes do not fit.
#[track_caller]
pub fn symmetric_product(
    a: impl ArrayLike,
    c: impl ArrayLike,
    alpha: f64,
    beta: f64,
    symmetrize_output: bool,
) -> Array {
    let [a, c] = in_one_dtype([a.to_array(), c.to_array()]);
    let fits = match (a.shape(), c.shape()) {
        ([batch @ .., m, _], [others @ .., rows, columns]) => batch == others && m == rows && m == columns,
        _ => false,
    };
    if !fits {
        raise(Error::shape(format!(
            "symmetric_product: C must be square, with as many rows as A and the same batch axes; got A {} and C {}",
            a.aval(),
            c.aval()
        )));
    }
    let of = |a: &Array, c: &Array| {
        let result = product(a, &a.moveaxis(-1, -2)) * alpha + c * beta;
        if !symmetrize_output {
            return result;
        }
        triangle(&result, true, true) + triangle(&result, true, false).moveaxis(-1, -2)
    };
    widened(&[a, c], |x| vec![of(&x[0], &x[1])]).remove(0)
}
