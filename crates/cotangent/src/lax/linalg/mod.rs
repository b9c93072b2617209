//! Decompositions and systems of linear equations. Matrices are the last two axes; all other axes are batch axes.
//!
//! Those of `f16` and `bf16` are computed in `f32` and rounded; eigenvalues of matrices that are not Hermitian stay `c64`.

mod cholesky;
mod eigen;
mod half;
mod lu;
mod qdwh;
mod qr;
mod svd;
pub use crate::ops::linalg::TriangularSolve;
pub use cholesky::cholesky;
pub(crate) use cholesky::cholesky_of_triangle;
pub use cholesky::cholesky_update;
pub use eigen::EighOptions;
pub use eigen::eig;
pub use eigen::eigh;
pub(crate) use eigen::hermitian;
pub use eigen::hessenberg;
pub use eigen::schur;
pub use eigen::tridiagonal;
pub(crate) use half::{bind, bind1, library, library1, widened};
pub(crate) use lu::Modified;
pub use lu::lu;
pub use lu::lu_pivots_to_permutation;
pub(crate) use lu::lu_solve;
pub use lu::symmetric_product;
pub use lu::tridiagonal_solve;
pub use qdwh::Qdwh;
pub use qdwh::qdwh;
pub use qdwh::qdwh_with;
pub use qr::geqp3;
pub use qr::geqrf;
pub use qr::householder_product;
pub use qr::ormqr;
pub use qr::qr;
pub use qr::qr_pivoting;
pub use svd::SvdAlgorithm;
pub use svd::SvdOptions;
pub use svd::singular_values;
pub use svd::svd;

use crate::array::{Array, ArrayLike};

/// Returns the conjugate transpose over the last two axes.
pub(crate) fn adjoint(x: &Array) -> Array {
    let x = x.moveaxis(-1, -2);
    if x.dtype().is_complex() { x.conj() } else { x }
}

/// Returns the X for which A X = B or X A = B, where A is triangular. Only that triangle is read. B may be a vector,
/// with one dimension less than A.
///
/// ```
/// use cotangent::{Array, lax::linalg::{TriangularSolve, triangular_solve}};
/// let a = Array::from([[2.0f32, 0.0], [1.0, 4.0]]);
/// let x = triangular_solve(&a, Array::from([2.0f32, 9.0]), &TriangularSolve::lower(true));
/// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0]);
/// ```
///
/// # Panics
/// If A is not square, sizes do not fit, or dtypes differ or are not inexact.
#[track_caller]
pub fn triangular_solve(a: impl ArrayLike, b: impl ArrayLike, options: &TriangularSolve) -> Array {
    let (a, b) = (a.to_array(), b.to_array());
    if b.ndim() + 1 == a.ndim() {
        let column = b.expand_dims(if options.left_side { -1 } else { -2 });
        return bind1(options.clone(), &[&a, &column]).reshape(b.shape());
    }
    bind1(options.clone(), &[&a, &b])
}
