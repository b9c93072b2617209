//! Cholesky decompositions.

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::scan;
use crate::ops::linalg::{Cholesky, lower_mask};
use crate::ops::select;
use crate::ops::shape::Iota;

use super::{adjoint, bind1, widened};

/// Returns the lower triangular L for which L Lᴴ = (A + Aᴴ)/2. If that matrix is not positive definite, L is NaN.
///
/// ```
/// use cotangent::{Array, lax};
/// let l = lax::linalg::cholesky(Array::from([[4.0f32, 2.0], [2.0, 10.0]]));
/// assert_eq!(l.to_vec::<f32>(), [2.0, 0.0, 1.0, 3.0]);
/// ```
///
/// # Panics
/// If the last two axes are not square, or the dtype is not inexact.
#[track_caller]
pub fn cholesky(a: impl ArrayLike) -> Array {
    let a = a.to_array();
    if a.ndim() < 2 {
        raise(Error::shape(format!("cholesky: expected at least two dimensions, got {}", a.aval())));
    }
    widened(&[a], |a| vec![bind1(Cholesky, &[&((&a[0] + adjoint(&a[0])) / 2.0)])]).remove(0)
}

/// Returns the lower triangular factor L, from the lower or from the upper triangle of A. The other one is not read.
#[track_caller]
pub(crate) fn cholesky_of_triangle(a: &Array, lower: bool) -> Array {
    let whole = match a.shape() {
        // The other triangle is overwritten by this one: it may contain anything, but the primitive's rule reads both.
        [.., n, m] if n == m => {
            let mirrored = adjoint(a);
            let [here, there] = if lower { [a, &mirrored] } else { [&mirrored, a] };
            select(&lower_mask(*n, *n, 0), here, there, a.shape())
        }
        _ => a.clone(),
    };
    bind1(Cholesky, &[&whole])
}

/// Returns the upper triangular factor of A + w wᵀ, given that of A: S with Sᵀ S = Rᵀ R + w wᵀ. R is a real n × n
/// matrix, and `w` a vector of n elements. It takes O(n²) operations.
///
/// ```
/// use cotangent::{Array, lax};
/// let r = Array::from([[2.0f32, 1.0], [0.0, 3.0]]);
/// let s = lax::linalg::cholesky_update(&r, Array::from([0.0f32, 4.0]));
/// assert_eq!(s.to_vec::<f32>(), [2.0, 1.0, 0.0, 5.0]);
/// ```
///
/// # Panics
/// If the shapes do not fit, or the dtypes differ or are not floating-point numbers.
#[track_caller]
pub fn cholesky_update(r_matrix: impl ArrayLike, w_vector: impl ArrayLike) -> Array {
    let (r, w) = (r_matrix.to_array(), w_vector.to_array());
    let n = w.size();
    if r.shape() != [n, n] || w.ndim() != 1 {
        raise(Error::shape(format!(
            "cholesky_update: expected a square matrix and a vector of the same size, got {} and {}",
            r.aval(),
            w.aval()
        )));
    }
    if r.dtype() != w.dtype() || !r.dtype().is_float() {
        raise(Error::dtype(format!(
            "cholesky_update: expected two arrays of one floating-point dtype, got {} and {}",
            r.aval(),
            w.aval()
        )));
    }
    widened(&[r, w], |x| vec![updated(&x[0], &x[1])]).remove(0)
}

fn updated(r: &Array, w: &Array) -> Array {
    let n = w.size();
    let places = bind1(Iota { dtype: DType::I32, shape: [n].into_iter().collect(), dimension: 0 }, &[]);
    // One rotation after the other turns an element of w to zero.
    let rotate = |w: &Array, (row, k): &(Array, Array)| {
        let here = places.equal(k);
        let pick = |x: &Array| where_(&here, x, 0.0).sum();
        let (x, y) = (pick(row), pick(w));
        let still = y.equal(0.0);
        // Where y is 0, so is the angle. Its derivatives are those of y / x.
        let (a, b) = (where_(&still, 1.0, &x), where_(&still, 0.0, &y));
        let larger = a.abs().maximum(b.abs()).stop_gradient();
        let (a, b) = (a / &larger, b / &larger);
        let length = (&a * &a + &b * &b).sqrt();
        let angle = where_(&still, &y, 0.0) / where_(&x.equal(0.0), 1.0, &x);
        let c = where_(&still, 1.0 - &angle * &angle / 2.0, a / &length);
        let s = where_(&still, angle, b / length);
        (&c * w - &s * row, &c * row + &s * w)
    };
    scan(rotate, w.clone(), &(r.clone(), places.clone())).1
}

/// Returns `yes` where the condition holds, and `no` elsewhere, in the dtype of the one that is an array.
fn where_(condition: &Array, yes: impl ArrayLike, no: impl ArrayLike) -> Array {
    let [yes, no] = crate::ops::in_one_dtype([yes.to_array(), no.to_array()]);
    select(condition, &yes, &no, condition.shape())
}
