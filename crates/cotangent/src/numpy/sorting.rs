//! Sorting, differences and quantiles.

use crate::array::aval::canonical_axis;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::OrRaise;
use crate::methods::axes::Axes;
use crate::ops::sort::Sort;
use crate::trace::frames::{bind, bind1};

use super::creation::iota;
use super::manipulation::flip;

/// Sorts along the last axis, in ascending order and with NaN last. Complex numbers are ordered by their real parts,
/// and by their imaginary parts if those are equal.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::sort(Array::from([3, 1, 2])).to_vec::<i32>(), [1, 2, 3]);
/// assert_eq!(np::argsort(Array::from([3, 1, 2])).to_vec::<i32>(), [1, 2, 0]);
/// ```
#[track_caller]
pub fn sort(x: impl ArrayLike) -> Array {
    sort_axis(x, -1)
}

/// Sorts along an axis, in ascending order and with NaN last.
///
/// # Panics
/// If the axis is out of bounds.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::sort_axis(Array::from([[3, 1], [2, 4]]), 0).to_vec::<i32>(), [2, 1, 3, 4]);
/// ```
#[track_caller]
pub fn sort_axis(x: impl ArrayLike, axis: isize) -> Array {
    let x = x.to_array();
    let dimension = canonical_axis(axis, x.ndim()).or_raise();
    bind1(Sort { dimension, is_stable: true, num_keys: 1 }, &[&x])
}

/// Returns the indices, in `i32`, that sort the elements along the last axis in ascending order. Equal elements keep
/// their order.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::argsort(Array::from([3, 1, 2])).to_vec::<i32>(), [1, 2, 0]);
/// ```
#[track_caller]
pub fn argsort(x: impl ArrayLike) -> Array {
    argsort_axis(x, -1)
}

/// [`argsort`] along another axis.
///
/// # Panics
/// If the axis is out of bounds.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::argsort_axis(Array::from([[3, 1], [2, 4]]), 0).to_vec::<i32>(), [1, 0, 0, 1]);
/// ```
#[track_caller]
pub fn argsort_axis(x: impl ArrayLike, axis: isize) -> Array {
    let x = x.to_array();
    let dimension = canonical_axis(axis, x.ndim()).or_raise();
    let indices = iota(DType::I32, x.shape(), dimension);
    bind(Sort { dimension, is_stable: true, num_keys: 1 }, &[&x, &indices]).swap_remove(1)
}

/// Sorts along an axis, in descending order and with NaN first.
///
/// # Panics
/// If the axis is out of bounds.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::sort_descending(Array::from([3, 1, 2]), -1).to_vec::<i32>(), [3, 2, 1]);
/// ```
#[track_caller]
pub fn sort_descending(x: impl ArrayLike, axis: isize) -> Array {
    flip(sort_axis(x, axis), axis)
}

/// Returns the indices, in `i32`, that sort the elements along an axis in descending order. NaN are first, and equal
/// elements keep their order.
///
/// # Panics
/// If the axis is out of bounds.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::argsort_descending(Array::from([3, 1, 2, 3]), 0).to_vec::<i32>(), [0, 3, 2, 1]);
/// ```
#[track_caller]
pub fn argsort_descending(x: impl ArrayLike, axis: isize) -> Array {
    let x = x.to_array();
    let dimension = canonical_axis(axis, x.ndim()).or_raise();
    let indices = flip(iota(DType::I32, x.shape(), dimension), axis);
    let sort = Sort { dimension, is_stable: true, num_keys: 1 };
    flip(&bind(sort, &[&flip(&x, axis), &indices])[1], axis)
}

/// Returns the differences of neighboring elements along the last axis, whose size decreases by one. For booleans, the
/// result is whether the neighbors differ.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::diff(Array::from([1, 4, 9])).to_vec::<i32>(), [3, 5]);
/// ```
#[track_caller]
pub fn diff(x: impl ArrayLike) -> Array {
    diff_axis(x, 1, -1)
}

/// Returns the `n`-th differences of neighboring elements along an axis.
///
/// # Panics
/// If the axis is out of bounds.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::diff_axis(Array::from([1, 4, 9, 16]), 2, 0).to_vec::<i32>(), [2, 2]);
/// ```
#[track_caller]
pub fn diff_axis(x: impl ArrayLike, n: usize, axis: isize) -> Array {
    let mut x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    for _ in 0..n {
        let size = x.shape()[axis];
        let (later, earlier) = (x.slice_axis(axis, 1.min(size), size), x.slice_axis(axis, 0, size.saturating_sub(1)));
        x = if x.dtype() == DType::Bool { later.not_equal(earlier) } else { later - earlier };
    }
    x
}

/// Integrates `y` along an axis by the trapezoidal rule. The points are `dx` apart.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::trapezoid(Array::from([1.0f32, 2.0, 3.0]), 1.0, 0).item::<f32>(), 4.0);
/// ```
#[track_caller]
pub fn trapezoid(y: impl ArrayLike, dx: impl ArrayLike, axis: isize) -> Array {
    let y = y.to_array().to_inexact();
    let axis = canonical_axis(axis, y.ndim()).or_raise();
    let n = y.shape()[axis];
    let (later, earlier) = (y.slice_axis(axis, 1.min(n), n), y.slice_axis(axis, 0, n.saturating_sub(1)));
    ((later + earlier) * dx.to_array()).sum_axis(axis) * 0.5
}

/// Returns the median of all elements, or NaN if there is a NaN.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::median(Array::from([5.0f32, 1.0, 2.0])).item::<f32>(), 2.0);
/// ```
#[track_caller]
pub fn median(x: impl ArrayLike) -> Array {
    median_axis(x, ())
}

/// Returns the median over some axes, which are removed.
///
/// # Panics
/// If an axis is out of bounds or empty.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::median_axis(Array::from([[1.0f32, 3.0, 2.0]]), 1).to_vec::<f32>(), [2.0]);
/// ```
#[track_caller]
pub fn median_axis(x: impl ArrayLike, axes: impl Axes) -> Array {
    super::quantile_axis(x, 0.5, axes)
}
