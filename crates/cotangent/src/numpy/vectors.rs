//! Products of batches of vectors and matrices, and cross products.

use crate::api::program::as_one;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::methods::products::mismatch;
use crate::ops::in_one_dtype;

use super::einsum::einsum;
use super::joining::stack;
use super::manipulation::pad;

/// Returns the cross product of vectors along the last axis. All other axes are broadcast.
///
/// A vector of two elements has zero as its third. If both operands are of two elements, the result is the third
/// element of the product alone, and the axis is removed.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let z = np::cross(Array::from([1.0f32, 0.0, 0.0]), Array::from([0.0f32, 1.0, 0.0]));
/// assert_eq!(z.to_vec::<f32>(), [0.0, 0.0, 1.0]);
/// ```
///
/// # Panics
/// If the last axis has neither two nor three elements.
#[track_caller]
pub fn cross(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    cross_axis(x, y, -1)
}

/// Like [`cross`], but along another axis of both operands and of the result.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::cross_axis(np::ones([3, 5]), np::ones([3, 5]), 0).shape(), [3, 5]);
/// ```
///
/// # Panics
/// If the axis is out of bounds, or has neither two nor three elements.
#[track_caller]
pub fn cross_axis(x: impl ArrayLike, y: impl ArrayLike, axis: isize) -> Array {
    cross_with(x, y, axis, axis, axis)
}

/// Like [`cross`], but along an axis of its own for each operand and the result.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::cross_with(np::ones([3, 5]), np::ones([5, 3]), 0, 1, 0).shape(), [3, 5]);
/// ```
///
/// # Panics
/// If an axis is out of bounds, or has neither two nor three elements.
#[track_caller]
pub fn cross_with(x: impl ArrayLike, y: impl ArrayLike, axis_x: isize, axis_y: isize, axis_out: isize) -> Array {
    let (x, y) = (x.to_array().moveaxis(axis_x, -1), y.to_array().moveaxis(axis_y, -1));
    let plane = |x: &Array| match x.shape() {
        [.., 2] => true,
        [.., 3] => false,
        _ => raise(Error::shape(format!("cross: expected vectors of two or three elements, got {}", x.aval()))),
    };
    let flat = plane(&x) && plane(&y);
    as_one(&[x, y], |operands| {
        let [x, y] = operands else { unreachable!("two operands") };
        let element = |x: &Array, i| x.slice_axis(x.ndim() - 1, i, i + 1);
        // Element k of the product, of elements i and j of the operands.
        let minor = |x: &Array, y: &Array, i, j| element(x, i) * element(y, j) - element(x, j) * element(y, i);
        if flat {
            let z = minor(x, y, 0, 1);
            return z.reshape(z.aval().shape.remove(&[z.ndim() - 1]));
        }
        let space = |x: &Array| {
            let mut widths = vec![(0, 0); x.ndim()];
            widths[x.ndim() - 1] = (0, 1);
            if plane(x) { pad(x, &widths, 0) } else { x.clone() }
        };
        let (x, y) = (space(x), space(y));
        let z = super::concatenate([minor(&x, &y, 1, 2), minor(&x, &y, 2, 0), minor(&x, &y, 0, 1)], -1);
        z.moveaxis(-1, axis_out)
    })
}

/// Returns the inner product of the vectors along the last axis. The first one is conjugated. All other axes are
/// broadcast.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// assert_eq!(np::vecdot(&x, &x).to_vec::<f32>(), [5.0, 25.0]);
/// ```
///
/// # Panics
/// If the sizes of the last axes differ, or the other axes do not broadcast.
#[track_caller]
pub fn vecdot(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let [x, y] = in_one_dtype([x.to_array(), y.to_array()]);
    match [x.shape().last(), y.shape().last()] {
        [Some(m), Some(n)] if m == n => einsum("...i,...i->...", [conjugated(&x), y]),
        _ => mismatch("vecdot", &x, &y),
    }
}

/// Like [`vecdot`], but along another axis of both operands.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// assert_eq!(np::vecdot_axis(&x, &x, 0).to_vec::<f32>(), [10.0, 20.0]);
/// ```
///
/// # Panics
/// If the axis is out of bounds, its sizes differ, or the other axes do not broadcast.
#[track_caller]
pub fn vecdot_axis(x: impl ArrayLike, y: impl ArrayLike, axis: isize) -> Array {
    vecdot(x.to_array().moveaxis(axis, -1), y.to_array().moveaxis(axis, -1))
}

/// Returns the products of the matrices in the last two axes of `x` and the vectors in the last axis of `y`. All other
/// axes are broadcast.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::matvec(np::ones([2, 3]), np::ones([5, 3])).shape(), [5, 2]);
/// ```
///
/// # Panics
/// If `x` is not a matrix, `y` is not a vector, or the sizes do not fit.
#[track_caller]
pub fn matvec(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let [x, y] = in_one_dtype([x.to_array(), y.to_array()]);
    match (x.shape(), y.shape()) {
        ([.., _, m], [.., n]) if m == n => einsum("...ij,...j->...i", [x, y]),
        _ => mismatch("matvec", &x, &y),
    }
}

/// Returns the products of the conjugated vectors in the last axis of `x` and the matrices in the last two axes of `y`.
/// All other axes are broadcast.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::vecmat(np::ones([5, 2]), np::ones([2, 3])).shape(), [5, 3]);
/// ```
///
/// # Panics
/// If `x` is not a vector, `y` is not a matrix, or the sizes do not fit.
#[track_caller]
pub fn vecmat(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let [x, y] = in_one_dtype([x.to_array(), y.to_array()]);
    match (x.shape(), y.shape()) {
        ([.., m], [.., n, _]) if m == n => einsum("...i,...ij->...j", [conjugated(&x), y]),
        _ => mismatch("vecmat", &x, &y),
    }
}

fn conjugated(x: &Array) -> Array {
    if x.dtype().is_complex() { x.conj() } else { x.clone() }
}

/// Swaps the last two axes.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::matrix_transpose(np::ones([5, 2, 3])).shape(), [5, 3, 2]);
/// ```
///
/// # Panics
/// If `x` has fewer than two dimensions.
#[track_caller]
pub fn matrix_transpose(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    if x.ndim() < 2 {
        raise(Error::shape(format!("matrix_transpose: expected at least two dimensions, got {}", x.aval())));
    }
    x.moveaxis(-1, -2)
}

/// Returns the powers of the elements of a vector, from the greatest exponent to zero: a row for each element, and a
/// column for each exponent below `columns`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::vander(Array::from([2, 3]), 3).to_vec::<i32>(), [4, 2, 1, 9, 3, 1]);
/// ```
///
/// # Panics
/// If `x` is not a vector.
#[track_caller]
pub fn vander(x: impl ArrayLike, columns: usize) -> Array {
    super::flip(vander_increasing(x, columns), 1)
}

/// Like [`vander`], but from the exponent zero to the greatest.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::vander_increasing(Array::from([2, 3]), 3).to_vec::<i32>(), [1, 2, 4, 1, 3, 9]);
/// ```
///
/// # Panics
/// If `x` is not a vector.
#[track_caller]
pub fn vander_increasing(x: impl ArrayLike, columns: usize) -> Array {
    let x = x.to_array();
    if x.ndim() != 1 {
        raise(Error::shape(format!("vander: expected a vector, got {}", x.aval())));
    }
    if columns == 0 {
        return super::zeros_as([x.size(), 0], x.dtype());
    }
    as_one(&[x], |x| stack((0..columns).map(|k| x[0].powi(k as i32)).collect::<Vec<_>>(), 1))
}

/// Returns a square matrix with the elements of `x`, flattened, on its `k`-th diagonal.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::diagflat(Array::from([[1, 2]]), 0).to_vec::<i32>(), [1, 0, 0, 2]);
/// ```
#[track_caller]
pub fn diagflat(x: impl ArrayLike, k: isize) -> Array {
    super::diag_k(super::ravel(x), k)
}
