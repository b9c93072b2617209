//! Changing shapes, axes and the order of elements.

use crate::api::program::as_one;
use crate::array::aval::{IntoNewShape, IntoShape, canonical_axis};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::lax;
use crate::ops::slice::{Concatenate, Pad, Rev};
use crate::trace::frames::bind1;

use crate::methods::axes::Axes;

/// Returns the elements in row-major order, with another shape. One size may be −1, which is then inferred from the
/// others.
///
/// # Panics
/// If the number of elements differs, or is not divisible by the product of the sizes other than −1.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::reshape(np::zeros(6), [2, 3]).shape(), [2, 3]);
/// assert_eq!(np::reshape(np::zeros(6), (2, -1)).shape(), [2, 3]);
/// ```
#[track_caller]
pub fn reshape(x: impl ArrayLike, shape: impl IntoNewShape) -> Array {
    x.to_array().reshape(shape)
}

/// Flattens an array to one dimension.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::ravel(Array::from([[1, 2], [3, 4]])).to_vec::<i32>(), [1, 2, 3, 4]);
/// ```
#[track_caller]
pub fn ravel(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    x.reshape(x.size())
}

/// Reverses the order of the axes. For a matrix, this is the transpose.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::transpose(Array::from([[1, 2], [3, 4]])).to_vec::<i32>(), [1, 3, 2, 4]);
/// ```
#[track_caller]
pub fn transpose(x: impl ArrayLike) -> Array {
    x.to_array().t()
}

/// Permutes the axes. Axis `i` of the result is axis `axes[i]` of `x`.
///
/// # Panics
/// If `axes` is not a permutation.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::permute_dims(np::zeros([2, 3, 4]), (2, 0, 1)).shape(), [4, 2, 3]);
/// ```
#[track_caller]
pub fn permute_dims(x: impl ArrayLike, axes: impl Axes) -> Array {
    let x = x.to_array();
    x.permute(&axes.in_order(x.ndim()).map_err(|e| e.context("permute_dims")).or_raise())
}

/// Moves one axis to another position. The other axes keep their order.
///
/// # Panics
/// If an axis is out of bounds.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::moveaxis(np::zeros([2, 3, 4]), 0, -1).shape(), [3, 4, 2]);
/// ```
#[track_caller]
pub fn moveaxis(x: impl ArrayLike, from: isize, to: isize) -> Array {
    x.to_array().moveaxis(from, to)
}

/// Exchanges two axes.
///
/// # Panics
/// If an axis is out of bounds.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::swapaxes(np::zeros([2, 3, 4]), 0, 2).shape(), [4, 3, 2]);
/// ```
#[track_caller]
pub fn swapaxes(x: impl ArrayLike, a: isize, b: isize) -> Array {
    let x = x.to_array();
    let mut order: Vec<usize> = (0..x.ndim()).collect();
    order.swap(canonical_axis(a, x.ndim()).or_raise(), canonical_axis(b, x.ndim()).or_raise());
    x.permute(&order)
}

/// Inserts new axes of size one at the given positions of the result.
///
/// # Panics
/// If an axis is out of bounds or named twice.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::expand_dims(np::zeros(3), [0, -1]).shape(), [1, 3, 1]);
/// ```
#[track_caller]
pub fn expand_dims(x: impl ArrayLike, axes: impl Axes + Copy) -> Array {
    let x = x.to_array();
    // Axes can only be counted once they are resolved, and resolving them needs the rank of the result, which depends
    // on their number. So each number is tried.
    let many = (0..=32usize).find(|n| axes.resolve(x.ndim() + n).is_ok_and(|a| a.len() == *n));
    let axes = axes.resolve(x.ndim() + many.unwrap_or(1)).or_raise();
    let shape = axes.iter().fold(x.aval().shape, |shape, axis| shape.insert(*axis, 1));
    x.reshape(&shape)
}

/// Removes all axes of size one.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::squeeze(np::zeros([1, 3, 1])).shape(), [3]);
/// ```
#[track_caller]
pub fn squeeze(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    let ones: Vec<usize> = (0..x.ndim()).filter(|d| x.shape()[*d] == 1).collect();
    if ones.is_empty() { x } else { lax::squeeze(x, ones) }
}

/// Removes the given axes, which must have size one.
///
/// # Panics
/// If one of the axes has another size.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::squeeze_axis(np::zeros([1, 3, 1]), 0).shape(), [3, 1]);
/// ```
#[track_caller]
pub fn squeeze_axis(x: impl ArrayLike, axes: impl Axes) -> Array {
    lax::squeeze(x, axes)
}

/// Broadcasts an array to `shape`.
///
/// # Panics
/// If the shape of the array does not broadcast to `shape`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::broadcast_to(Array::from([1, 2]), [2, 2]).to_vec::<i32>(), [1, 2, 1, 2]);
/// ```
#[track_caller]
pub fn broadcast_to(x: impl ArrayLike, shape: impl IntoShape) -> Array {
    x.to_array().broadcast_to(shape)
}

/// Returns an array with at least one dimension.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::atleast_1d(5.0).shape(), [1]);
/// ```
#[track_caller]
pub fn atleast_1d(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    if x.ndim() == 0 { x.reshape([1]) } else { x }
}

/// Returns an array with at least two dimensions. A vector becomes a row.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::atleast_2d(np::zeros(3)).shape(), [1, 3]);
/// ```
#[track_caller]
pub fn atleast_2d(x: impl ArrayLike) -> Array {
    let x = atleast_1d(x);
    if x.ndim() == 1 { x.expand_dims(0) } else { x }
}

/// Repeats an array `reps[d]` times along each axis `d`. The shorter of its shape and `reps` is extended with ones
/// in front.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::tile(Array::from([1, 2]), [2, 2]).to_string(), "[[1 2 1 2]\n [1 2 1 2]]");
/// ```
#[track_caller]
pub fn tile(x: impl ArrayLike, reps: impl IntoShape) -> Array {
    let (x, reps) = (x.to_array(), reps.into_shape());
    let rank = x.ndim().max(reps.rank());
    let pad = |s: &[usize]| std::iter::repeat_n(1, rank - s.len()).chain(s.iter().copied()).collect::<Vec<_>>();
    let (shape, reps) = (pad(x.shape()), pad(&reps));
    let apart: Vec<usize> = shape.iter().flat_map(|n| [1, *n]).collect();
    let repeated: Vec<usize> = shape.iter().zip(&reps).flat_map(|(n, r)| [*r, *n]).collect();
    let tiled: Vec<usize> = shape.iter().zip(&reps).map(|(n, r)| n * r).collect();
    x.reshape(apart).broadcast_to(repeated).reshape(tiled)
}

/// Repeats each element `repeats` times along an axis.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::repeat(Array::from([1, 2]), 2, 0).to_vec::<i32>(), [1, 1, 2, 2]);
/// ```
#[track_caller]
pub fn repeat(x: impl ArrayLike, repeats: usize, axis: isize) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let mut shape = x.shape().to_vec();
    shape[axis] *= repeats;
    let apart = x.aval().shape.insert(axis + 1, 1);
    let repeated = x.aval().shape.insert(axis + 1, repeats);
    x.reshape(&apart).broadcast_to(&repeated).reshape(shape)
}

/// Repeats each element along an axis as often as its entry in `repeats` says: an integer for each element, or one for
/// all. The axis of the result has the size `total`. If the repetitions are more than that, the last ones are left out.
/// If they are fewer, the last element fills the rest. The entries of `repeats` may be unknown, as under `jit`.
///
/// # Panics
/// If the axis is out of bounds, it is empty and `total` is not 0, or `repeats` has another number of entries.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let y = np::repeat_each(Array::from([7, 8, 9]), Array::from([1, 0, 2]), 3, 0);
/// assert_eq!(y.to_vec::<i32>(), [7, 9, 9]);
/// ```
#[track_caller]
pub fn repeat_each(x: impl ArrayLike, repeats: impl ArrayLike, total: usize, axis: isize) -> Array {
    let x = x.to_array();
    let dimension = canonical_axis(axis, x.ndim()).or_raise();
    let n = x.shape()[dimension];
    let repeats = repeats.to_array().astype(DType::I32).broadcast_to([n]);
    as_one(&[x, repeats], |args| {
        let [x, repeats] = args else { unreachable!("two operands") };
        // Each element counts one at the place where its repetitions start. The number of starts up to a place is that
        // of the element there, counted from one.
        let starts = repeats.cumsum_axis(0) - repeats;
        let element = super::bincount_length(starts, total).cumsum_axis(0) - 1;
        super::take_axis(x, element, axis)
    })
}

/// Reverses the order of the elements along axes. `()` means all axes.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::flip(Array::from([1, 2, 3]), 0).to_vec::<i32>(), [3, 2, 1]);
/// ```
#[track_caller]
pub fn flip(x: impl ArrayLike, axes: impl Axes) -> Array {
    let x = x.to_array();
    let dims = axes.resolve(x.ndim()).or_raise();
    if dims.is_empty() { x } else { bind1(Rev { dims }, &[&x]) }
}

/// Reverses the order of the rows.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::flipud(Array::from([[1, 2], [3, 4]])).to_vec::<i32>(), [3, 4, 1, 2]);
/// ```
#[track_caller]
pub fn flipud(x: impl ArrayLike) -> Array {
    flip(x, 0)
}

/// Reverses the order of the columns.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::fliplr(Array::from([[1, 2], [3, 4]])).to_vec::<i32>(), [2, 1, 4, 3]);
/// ```
#[track_caller]
pub fn fliplr(x: impl ArrayLike) -> Array {
    flip(x, 1)
}

/// Rotates an array by 90 degrees `k` times, counterclockwise, in the plane of the first two axes.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::rot90(Array::from([[1, 2], [3, 4]]), 1).to_vec::<i32>(), [2, 4, 1, 3]);
/// ```
#[track_caller]
pub fn rot90(x: impl ArrayLike, k: i32) -> Array {
    let x = x.to_array();
    match k.rem_euclid(4) {
        0 => x,
        1 => flip(swapaxes(&x, 0, 1), 0),
        2 => flip(&x, [0, 1]),
        _ => swapaxes(flip(&x, 0), 0, 1),
    }
}

/// Shifts the elements by `shift` along an axis. Elements that move past the end reappear at the start.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::roll(Array::from([1, 2, 3]), 1, 0).to_vec::<i32>(), [3, 1, 2]);
/// ```
#[track_caller]
pub fn roll(x: impl ArrayLike, shift: isize, axis: isize) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let n = x.shape()[axis];
    if n == 0 {
        return x;
    }
    let cut = n - shift.rem_euclid(n as isize) as usize;
    if cut == n {
        return x;
    }
    bind1(Concatenate { dimension: axis }, &[&x.slice_axis(axis, cut, n), &x.slice_axis(axis, 0, cut)])
}

/// [`roll`] along several axes: by `shifts[i]` along axis `axes[i]`.
///
/// # Panics
/// If there is not one shift for each axis, or an axis is out of bounds or named twice.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::roll_axes(Array::from([[1, 2], [3, 4]]), &[1, 1], [0, 1]).to_vec::<i32>(), [4, 3, 2, 1]);
/// ```
#[track_caller]
pub fn roll_axes(x: impl ArrayLike, shifts: &[isize], axes: impl Axes) -> Array {
    let x = x.to_array();
    let axes = axes.in_order(x.ndim()).map_err(|e| e.context("roll_axes")).or_raise();
    if axes.len() != shifts.len() {
        let message = format!("roll_axes: {} shifts for {} axes of {}", shifts.len(), axes.len(), x.aval());
        raise(Error::shape(message).help("pass one shift for each axis"));
    }
    axes.into_iter().zip(shifts).fold(x, |x, (axis, shift)| roll(x, *shift, axis as isize))
}

/// Pads an array with one value. Dimension `d` gets `widths[d] = (before, after)` elements.
///
/// # Panics
/// If there is not exactly one pair for each dimension.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::pad(Array::from([1, 2]), &[(1, 0)], 9).to_vec::<i32>(), [9, 1, 2]);
/// ```
#[track_caller]
pub fn pad(x: impl ArrayLike, widths: &[(usize, usize)], value: impl ArrayLike) -> Array {
    let x = x.to_array();
    let config = widths.iter().map(|(before, after)| (*before as i64, *after as i64, 0)).collect();
    bind1(Pad { config }, &[&x, &value.to_array().astype(x.dtype())])
}
