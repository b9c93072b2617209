//! Linear algebra. Matrices are the last two axes; all other axes are batch axes.
//!
//! Matrices of `f16` and `bf16` are decomposed in `f32`, and the results are rounded.

mod divided_differences;
mod expm;
mod functions;
mod special_matrices;
mod structured;

pub use expm::*;
pub use functions::{funm, funm_with_error, sqrtm};
pub use special_matrices::*;
pub use structured::*;

mod lu;

pub use lu::{Assume, det, inv, lu, lu_factor, lu_permuted, lu_solve, solve};

mod eigen;
mod schur;

pub use eigen::{Select, eigh, eigh_tridiagonal, eigvalsh_tridiagonal};
pub use schur::{Output, hessenberg, rsf2csf, schur, solve_sylvester};

mod polar;
mod qr;
mod svd;

pub use polar::{PolarMethod, Side, polar};
pub use qr::{QrMode, qr, qr_multiply, qr_multiply_pivoting, qr_pivoting, qr_r, qr_r_pivoting};
pub use svd::{svd, svdvals};

use crate::array::{Array, ArrayLike};
use crate::lax::linalg::{TriangularSolve, adjoint, cholesky_of_triangle, triangular_solve, widened};
use crate::ops::in_one_dtype;

/// How [`solve_triangular`] modifies the matrix first.
///
/// ```
/// use cotangent::scipy::linalg::Trans;
/// assert_eq!(Trans::default(), Trans::No);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trans {
    /// The matrix is used as it is.
    #[default]
    No,
    /// The matrix is transposed.
    Transpose,
    /// The matrix is conjugated and transposed.
    Adjoint,
}

/// The Cholesky factor: lower triangular L with L Lᴴ = A, or upper triangular U with Uᴴ U = A. Only that triangle of A
/// is read, and the derivative with respect to the other one is zero.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let u = linalg::cholesky(Array::from([[4.0f32, 2.0], [2.0, 10.0]]), false);
/// assert_eq!(u.to_vec::<f32>(), [2.0, 1.0, 0.0, 3.0]);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn cholesky(a: impl ArrayLike, lower: bool) -> Array {
    let l = cholesky_of_triangle(&a.to_array().to_inexact(), lower);
    if lower { l } else { adjoint(&l) }
}

/// The Cholesky factor, and whether it is the lower triangle, for [`cho_solve`].
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let a = Array::from([[4.0f32, 2.0], [2.0, 10.0]]);
/// let (c, lower) = linalg::cho_factor(&a, true);
/// let x = linalg::cho_solve((&c, lower), Array::from([8.0f32, 22.0]));
/// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0]);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn cho_factor(a: impl ArrayLike, lower: bool) -> (Array, bool) {
    (cholesky(a, lower), lower)
}

/// Solves A X = B for X, given the Cholesky factor of A.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let u = Array::from([[2.0f32, 1.0], [0.0, 3.0]]);
/// let x = linalg::cho_solve((&u, false), Array::from([8.0f32, 22.0]));
/// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0]);
/// ```
///
/// # Panics
/// If the sizes do not fit.
#[track_caller]
pub fn cho_solve((c, lower): (&Array, bool), b: impl ArrayLike) -> Array {
    let [first, second] = if lower { [Trans::No, Trans::Adjoint] } else { [Trans::Adjoint, Trans::No] };
    let solved =
        |c: &Array, b: &Array| solve_triangular(c, solve_triangular(c, b, first, lower, false), second, lower, false);
    widened(&in_one_dtype([c.to_inexact(), b.to_array().to_inexact()]), |x| vec![solved(&x[0], &x[1])]).remove(0)
}

/// Solves A X = B for X, where A is triangular. Only the lower or the upper triangle is read. If the diagonal is taken
/// to be one, it is not read either.
///
/// ```
/// use cotangent::{Array, scipy::linalg::{Trans, solve_triangular}};
/// let a = Array::from([[2.0f32, 1.0], [0.0, 4.0]]);
/// let x = solve_triangular(&a, Array::from([4.0f32, 8.0]), Trans::No, false, false);
/// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0]);
/// ```
///
/// # Panics
/// If A is not square, or the sizes do not fit.
#[track_caller]
pub fn solve_triangular(a: impl ArrayLike, b: impl ArrayLike, trans: Trans, lower: bool, unit_diagonal: bool) -> Array {
    let [a, b] = in_one_dtype([a.to_array().to_inexact(), b.to_array().to_inexact()]);
    let options = TriangularSolve {
        lower,
        transpose_a: trans != Trans::No,
        conjugate_a: trans == Trans::Adjoint,
        unit_diagonal,
        ..TriangularSolve::lower(true)
    };
    triangular_solve(a, b, &options)
}
