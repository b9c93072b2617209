//! Decompositions and systems of linear equations. Matrices are the last two axes; all other axes are batch axes.

mod qr;
mod svd;

pub use crate::ops::linalg::TriangularSolve;
pub use qr::{geqp3, geqrf, householder_product, ormqr, qr, qr_pivoting};
pub use svd::{SvdAlgorithm, SvdOptions, singular_values, svd};

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::ops::linalg::Cholesky;
use crate::trace::frames::bind1;

/// Returns the conjugate transpose over the last two axes.
pub(crate) fn adjoint(x: &Array) -> Array {
    let x = x.moveaxis(-1, -2);
    if x.dtype().is_complex() { x.conj() } else { x }
}

/// Returns the lower triangular L for which L Lᴴ = (A + Aᴴ)/2. If that matrix is not positive definite, L is NaN.
///
/// ```
/// use cotangent::{Array, lax};
/// let l = lax::linalg::cholesky(Array::from([[4.0f32, 2.0], [2.0, 10.0]]));
/// assert_eq!(l.to_vec::<f32>(), [2.0, 0.0, 1.0, 3.0]);
/// ```
///
/// # Panics
/// If the last two axes are not square, or the dtype is not f32, f64, c64 or c128.
#[track_caller]
pub fn cholesky(a: impl ArrayLike) -> Array {
    let a = a.to_array();
    if a.ndim() < 2 {
        raise(Error::shape(format!("cholesky: expected at least two dimensions, got {}", a.aval())));
    }
    bind1(Cholesky, &[&((&a + adjoint(&a)) / 2.0)])
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
/// If A is not square, sizes do not fit, or dtypes differ or are not f32, f64, c64 or c128.
#[track_caller]
pub fn triangular_solve(a: impl ArrayLike, b: impl ArrayLike, options: &TriangularSolve) -> Array {
    let (a, b) = (a.to_array(), b.to_array());
    if b.ndim() + 1 == a.ndim() {
        let column = b.expand_dims(if options.left_side { -1 } else { -2 });
        return bind1(options.clone(), &[&a, &column]).reshape(b.shape());
    }
    bind1(options.clone(), &[&a, &b])
}
