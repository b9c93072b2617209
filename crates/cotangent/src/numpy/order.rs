//! Order statistics: partitions, orders by several keys, and extremes and quantiles of numbers that are not NaN.

use crate::api::program::as_one;
use crate::array::aval::canonical_axis;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike, Arrays};
use crate::error::{Error, OrRaise, raise};
use crate::methods::axes::Axes;
use crate::ops::sort::Sort;
use crate::trace::frames::bind;

use super::creation::iota;
use super::logic::{isnan, logical_not, where_};
use super::manipulation::{ravel, squeeze_axis};
use super::sorting::{argsort_axis, sort_axis};
use super::take::take_along_axis;

/// Returns the elements along an axis in an order in which element `kth` is where it would be in a sorted array, with
/// none before it that is greater and none behind it that is less. Here, the whole axis is sorted.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::partition(Array::from([3, 1, 2]), 1, -1).at(1).get().item::<i32>(), 2);
/// ```
///
/// # Panics
/// If `kth` or the axis is out of bounds.
#[track_caller]
pub fn partition(x: impl ArrayLike, kth: isize, axis: isize) -> Array {
    let x = x.to_array();
    check_place("partition", &x, kth, axis);
    sort_axis(x, axis)
}

/// Returns the indices of the elements along an axis in the order of [`partition`].
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::argpartition(Array::from([3, 1, 2]), 1, -1).at(1).get().item::<i32>(), 2);
/// ```
///
/// # Panics
/// If `kth` or the axis is out of bounds.
#[track_caller]
pub fn argpartition(x: impl ArrayLike, kth: isize, axis: isize) -> Array {
    let x = x.to_array();
    check_place("argpartition", &x, kth, axis);
    argsort_axis(x, axis)
}

#[track_caller]
fn check_place(what: &str, x: &Array, kth: isize, axis: isize) {
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let n = x.shape()[axis] as isize;
    if !(-n..n).contains(&kth) {
        raise(Error::value(format!("{what}: index {kth} is out of bounds for axis {axis} of {}", x.aval())));
    }
}

/// Returns the indices that sort by several keys along an axis: by the last key first, and by each key before it where
/// all later ones are equal. Elements with equal keys keep their order.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (minor, major) = (Array::from([9, 1, 5]), Array::from([2, 1, 2]));
/// assert_eq!(np::lexsort([minor, major], -1).to_vec::<i32>(), [1, 2, 0]);
/// ```
///
/// # Panics
/// If there are no keys, their shapes differ, or the axis is out of bounds.
#[track_caller]
pub fn lexsort(keys: impl Arrays, axis: isize) -> Array {
    let mut operands: Vec<Array> = keys.to_arrays();
    operands.reverse();
    let Some(first) = operands.first() else { raise(Error::shape("lexsort: expected at least one key")) };
    let dimension = canonical_axis(axis, first.ndim()).or_raise();
    let (indices, num_keys) = (iota(DType::I32, first.shape(), dimension), operands.len());
    operands.push(indices);
    bind(Sort { dimension, is_stable: true, num_keys }, &operands.iter().collect::<Vec<_>>()).swap_remove(num_keys)
}

/// Returns the index of the greatest element along an axis that is not NaN, or −1 if there is none.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::nanargmax_axis(Array::from([f32::NAN, 1.0, 3.0]), 0).item::<i32>(), 2);
/// ```
///
/// # Panics
/// If the axis is out of bounds or empty.
#[track_caller]
pub fn nanargmax_axis(x: impl ArrayLike, axis: isize) -> Array {
    extreme(x.to_array(), axis, f64::NEG_INFINITY, Array::argmax_axis)
}

/// Returns the index of the least element along an axis that is not NaN, or −1 if there is none.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::nanargmin_axis(Array::from([f32::NAN, 1.0, 3.0]), 0).item::<i32>(), 1);
/// ```
///
/// # Panics
/// If the axis is out of bounds or empty.
#[track_caller]
pub fn nanargmin_axis(x: impl ArrayLike, axis: isize) -> Array {
    extreme(x.to_array(), axis, f64::INFINITY, Array::argmin_axis)
}

/// Like [`nanargmax_axis`], of all elements, flattened.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::nanargmax(Array::from([[f32::NAN, 1.0], [3.0, 2.0]])).item::<i32>(), 2);
/// ```
///
/// # Panics
/// If there are no elements.
#[track_caller]
pub fn nanargmax(x: impl ArrayLike) -> Array {
    nanargmax_axis(ravel(x), 0)
}

/// Like [`nanargmin_axis`], of all elements, flattened.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::nanargmin(Array::from([[f32::NAN, 1.0], [3.0, 2.0]])).item::<i32>(), 1);
/// ```
///
/// # Panics
/// If there are no elements.
#[track_caller]
pub fn nanargmin(x: impl ArrayLike) -> Array {
    nanargmin_axis(ravel(x), 0)
}

#[track_caller]
fn extreme(x: Array, axis: isize, last: f64, arg: fn(&Array, isize) -> Array) -> Array {
    if !x.dtype().is_inexact() {
        return arg(&x, axis);
    }
    as_one(&[x], |x| {
        let missing = isnan(&x[0]);
        let place = arg(&where_(&missing, last, &x[0]), axis);
        // The place of a NaN is found if all numbers are infinite. Then the first of them counts.
        let here = squeeze_axis(take_along_axis(&missing, place.expand_dims(axis), axis), axis);
        let first = logical_not(&missing).astype(DType::I32).argmax_axis(axis);
        where_(missing.all_axis(axis), -1, where_(here, first, place))
    })
}

/// Returns the median of all elements that are not NaN, or NaN if there is none.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::nanmedian(Array::from([1.0f32, f32::NAN, 3.0])).item::<f32>(), 2.0);
/// ```
///
/// # Panics
/// If there are no elements, or they are complex.
#[track_caller]
pub fn nanmedian(x: impl ArrayLike) -> Array {
    super::nanquantile(x, 0.5)
}

/// Like [`nanmedian`], over some axes, which are removed.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::nanmedian_axis(Array::from([[1.0f32, f32::NAN, 3.0]]), 1).to_vec::<f32>(), [2.0]);
/// ```
///
/// # Panics
/// If an axis is out of bounds or empty, or the elements are complex.
#[track_caller]
pub fn nanmedian_axis(x: impl ArrayLike, axes: impl Axes) -> Array {
    super::nanquantile_axis(x, 0.5, axes)
}
