//! Joining and splitting arrays.

use crate::array::aval::{IntoShape, canonical_axis};
use crate::array::{Array, ArrayLike, Arrays};
use crate::error::{Error, OrRaise, raise};
use crate::lax;
use crate::ops::meeting;
use crate::ops::slice::Concatenate;
use crate::trace::frames::bind1;

use super::manipulation::{atleast_1d, atleast_2d};

/// Converts the arrays to their common dtype.
#[track_caller]
fn together(arrays: impl Arrays) -> Vec<Array> {
    let arrays = arrays.to_arrays();
    if arrays.is_empty() {
        raise(Error::shape("expected at least one array"));
    }
    let (dtype, weak) = meeting(&arrays);
    arrays.into_iter().map(|x| if x.dtype() == dtype { x } else { x.convert(dtype, weak) }).collect()
}

#[track_caller]
fn joined(arrays: &[Array], axis: isize) -> Array {
    let rank = arrays.first().map_or(0, Array::ndim);
    let dimension = canonical_axis(axis, rank).or_raise();
    bind1(Concatenate { dimension }, &arrays.iter().collect::<Vec<_>>())
}

/// Joins arrays along an existing axis.
///
/// # Panics
/// If there are no arrays, or if their shapes differ along another axis.
///
/// ```
/// use cotangent::numpy as np;
/// let (a, b) = (np::zeros([1, 2]), np::ones([2, 2]));
/// assert_eq!(np::concatenate(&[&a, &b], 0).shape(), [3, 2]);
/// assert_eq!(np::concatenate([a, b], 0).shape(), [3, 2]);
/// ```
#[track_caller]
pub fn concatenate(arrays: impl Arrays, axis: isize) -> Array {
    joined(&together(arrays), axis)
}

/// Joins arrays of the same shape along a new axis.
///
/// # Panics
/// If there are no arrays, or if their shapes differ.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::stack(&[&np::zeros(3), &np::ones(3)], -1).shape(), [3, 2]);
/// ```
#[track_caller]
pub fn stack(arrays: impl Arrays, axis: isize) -> Array {
    let arrays = together(arrays);
    let axis = canonical_axis(axis, arrays[0].ndim() + 1).or_raise() as isize;
    joined(&arrays.iter().map(|x| x.expand_dims(axis)).collect::<Vec<_>>(), axis)
}

/// Joins arrays side by side: along the second axis, or vectors along the first.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::hstack(&[&np::zeros(2), &np::ones(1)]).to_vec::<f32>(), [0.0, 0.0, 1.0]);
/// ```
#[track_caller]
pub fn hstack(arrays: impl Arrays) -> Array {
    let arrays: Vec<Array> = together(arrays).iter().map(atleast_1d).collect();
    let axis = if arrays[0].ndim() == 1 { 0 } else { 1 };
    joined(&arrays, axis)
}

/// Joins arrays on top of each other, along the first axis. Vectors are rows.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::vstack(&[&np::zeros(3), &np::ones(3)]).shape(), [2, 3]);
/// ```
#[track_caller]
pub fn vstack(arrays: impl Arrays) -> Array {
    joined(&together(arrays).iter().map(atleast_2d).collect::<Vec<_>>(), 0)
}

/// Joins arrays along the second axis. Vectors are columns, and matrices are unchanged.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::column_stack(&[&np::zeros(3), &np::ones(3)]).shape(), [3, 2]);
/// ```
#[track_caller]
pub fn column_stack(arrays: impl Arrays) -> Array {
    let column = |x: &Array| if x.ndim() < 2 { x.reshape([x.size(), 1]) } else { x.clone() };
    joined(&together(arrays).iter().map(column).collect::<Vec<_>>(), 1)
}

/// Splits an array into `sections` equal parts along an axis.
///
/// # Panics
/// If `sections` does not divide the size of the axis.
///
/// ```
/// use cotangent::numpy as np;
/// let parts = np::split(np::arange(6), 3, 0);
/// assert_eq!(parts[2].to_vec::<i32>(), [4, 5]);
/// ```
#[track_caller]
#[must_use]
pub fn split(x: impl ArrayLike, sections: usize, axis: isize) -> Vec<Array> {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let n = x.shape()[axis];
    if sections == 0 || !n.is_multiple_of(sections) {
        raise(Error::shape(format!(
            "split: axis {axis} of {} cannot be divided into {sections} equal parts",
            x.aval()
        )));
    }
    lax::split(x, &vec![n / sections; sections], axis as isize)
}

/// Splits an array before each of the given indices along an axis.
///
/// ```
/// use cotangent::numpy as np;
/// let parts = np::split_at(np::arange(5), [2], 0);
/// assert_eq!(parts[1].to_vec::<i32>(), [2, 3, 4]);
/// ```
#[track_caller]
#[must_use]
pub fn split_at(x: impl ArrayLike, indices: impl IntoShape, axis: isize) -> Vec<Array> {
    let (x, indices) = (x.to_array(), indices.into_shape());
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let n = x.shape()[axis];
    let bounds: Vec<usize> = std::iter::once(0).chain(indices.iter().map(|i| (*i).min(n))).chain([n]).collect();
    bounds.windows(2).map(|w| x.slice_axis(axis, w[0], w[1].max(w[0]))).collect()
}
