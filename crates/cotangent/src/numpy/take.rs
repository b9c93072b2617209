//! Selecting elements by their indices along an axis, and finding the positions where a condition holds.

use crate::array::aval::{IntoShape, Shape, broadcast_shapes, canonical_axis};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::{Array, ArrayLike, Arrays};
use crate::error::{Error, OrRaise, raise};
use crate::lax::{self, GatherDimensionNumbers, GatherScatterMode, IndexOptions};
use crate::ops;

use super::creation::iota;
use super::index::Index;
use super::index_plan::nonzero_of;
use super::logic::where_;

/// Returns the elements of `x`, in row-major order, at `indices`. The result has the shape of the indices.
///
/// Negative indices count from the end. For indices out of bounds, the result is NaN, the least signed integer, or the
/// greatest unsigned integer.
///
/// # Panics
/// If the indices are not integers, or `x` is empty.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// assert_eq!(np::take(&x, Array::from([3, -4])).to_vec::<f32>(), [4.0, 1.0]);
/// assert!(np::take(&x, 9).item::<f32>().is_nan());
/// ```
#[track_caller]
pub fn take(x: impl ArrayLike, indices: impl ArrayLike) -> Array {
    let x = x.to_array();
    take_axis(x.reshape(x.size()), indices, 0)
}

/// Returns the slices of `x` at `indices` along an axis. The dimensions of the indices replace the axis in the result.
/// Indices out of bounds are handled as in [`take`].
///
/// # Panics
/// If the axis is out of bounds or empty, or the indices are not integers.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1, 2], [3, 4]]);
/// assert_eq!(np::take_axis(&x, Array::from([1, 1, 0]), 1).to_vec::<i32>(), [2, 2, 1, 4, 4, 3]);
/// ```
#[track_caller]
pub fn take_axis(x: impl ArrayLike, indices: impl ArrayLike, axis: isize) -> Array {
    take_mode(x, indices, axis, GatherScatterMode::FillOrDrop)
}

/// [`take_axis`] with a mode for indices out of bounds. In mode [`Clip`](GatherScatterMode::Clip), the nearest element
/// is returned, and negative indices are out of bounds.
///
/// # Panics
/// See [`take_axis`].
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let y = np::take_mode(Array::from([1, 2, 3]), Array::from([7, -1]), 0, np::Mode::Clip);
/// assert_eq!(y.to_vec::<i32>(), [3, 1]);
/// ```
#[track_caller]
pub fn take_mode(x: impl ArrayLike, indices: impl ArrayLike, axis: isize, mode: GatherScatterMode) -> Array {
    let (x, indices) = (x.to_array(), indices.to_array());
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let size = x.shape()[axis];
    let (before, after) = x.shape().split_at(axis);
    let shape: Shape = before.iter().chain(indices.shape()).chain(&after[1..]).copied().collect();
    if indices.size() == 0 {
        return ops::zeros(shape, x.dtype());
    }
    if size == 0 {
        raise(Error::value(format!("indices are out of bounds for axis {axis} of {}, which is empty", x.aval())));
    }
    let fills = mode == GatherScatterMode::FillOrDrop;
    let indices = if fills { lax::wrapped_index(&indices, size) } else { indices };
    let mut block = x.shape().to_vec();
    block[axis] = 1;
    let numbers = GatherDimensionNumbers {
        offset_dims: (0..axis).chain(axis + indices.ndim()..shape.rank()).collect(),
        collapsed_slice_dims: vec![axis],
        start_index_map: vec![axis],
        ..GatherDimensionNumbers::default()
    };
    let options = IndexOptions { mode: Some(mode), ..IndexOptions::default() };
    lax::gather(x, indices.expand_dims(-1), numbers, block, options)
}

/// Returns the elements of `x` along an axis at `indices`, which have the same number of dimensions. For axis 1, the
/// element at `[i, j]` of the result is that of `x` at `[i, indices[i, j]]`. In the other dimensions, `x` and the
/// indices are broadcast.
///
/// Negative indices count from the end. Indices out of bounds are handled as in [`take`].
///
/// # Panics
/// If ranks differ, shapes do not broadcast, or the indices are not integers.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[3, 1, 2], [6, 5, 4]]);
/// let order = np::argsort(&x);
/// assert_eq!(np::take_along_axis(&x, order, 1).to_vec::<i32>(), [1, 2, 3, 4, 5, 6]);
/// ```
#[track_caller]
pub fn take_along_axis(x: impl ArrayLike, indices: impl ArrayLike, axis: isize) -> Array {
    let (x, indices) = (x.to_array(), indices.to_array());
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    check_rank(&indices, &x);
    let size = x.shape()[axis];
    let others: Vec<usize> = x.shape().iter().enumerate().map(|(d, n)| if d == axis { 1 } else { *n }).collect();
    let shape = broadcast_shapes(indices.shape(), &others).or_raise();
    if size == 0 {
        return ops::zeros(shape, x.dtype());
    }
    let indices = lax::wrapped_index(&indices, size);
    // If the indices have size one in a dimension, the block covers the whole dimension of `x`. If `x` has size one,
    // the dimension is removed. All other dimensions are batch dimensions of both.
    let mut numbers = GatherDimensionNumbers::default();
    let (mut squeezed, mut block, mut places) = (vec![], vec![], vec![]);
    let mut dimension = 0;
    for (d, other) in others.into_iter().enumerate() {
        if d == axis {
            block.push(1);
            numbers.start_index_map.push(dimension);
            numbers.collapsed_slice_dims.push(dimension);
        } else if indices.shape()[d] == 1 {
            numbers.offset_dims.push(d);
            block.push(other);
            dimension += 1;
            continue;
        } else if other == 1 {
            squeezed.push(d);
            places.push(indices.shape()[d]);
            continue;
        } else {
            block.push(other.min(1));
            numbers.operand_batching_dims.push(dimension);
            numbers.start_indices_batching_dims.push(places.len());
        }
        places.push(indices.shape()[d]);
        dimension += 1;
    }
    places.push(1);
    let x = if squeezed.is_empty() { x } else { lax::squeeze(x, squeezed) };
    let options = IndexOptions { mode: Some(GatherScatterMode::FillOrDrop), ..IndexOptions::default() };
    lax::gather(x, indices.reshape(places), numbers, block, options)
}

#[track_caller]
fn check_rank(indices: &Array, x: &Array) {
    if x.ndim() != indices.ndim() {
        raise(
            Error::shape(format!("indices {} must have as many dimensions as {}", indices.aval(), x.aval()))
                .help("add dimensions with `expand_dims`"),
        );
    }
}

/// Returns `x` with `values` at the positions that [`take_along_axis`] would read. The values are broadcast to the
/// shape of `indices`. Values out of bounds are dropped.
///
/// # Panics
/// If ranks differ, shapes do not broadcast, or the indices are not integers.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[10, 30, 20], [60, 40, 50]]);
/// let y = np::put_along_axis(&x, Array::from([[1], [0]]), 99, 1);
/// assert_eq!(y.to_vec::<i32>(), [10, 99, 20, 99, 40, 50]);
/// ```
#[track_caller]
pub fn put_along_axis(x: impl ArrayLike, indices: impl ArrayLike, values: impl ArrayLike, axis: isize) -> Array {
    let (x, indices) = (x.to_array(), indices.to_array());
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    check_rank(&indices, &x);
    let index: Vec<Index> = (0..x.ndim())
        .map(|d| {
            let sparse: Vec<usize> = (0..x.ndim()).map(|e| if d == e { x.shape()[d] } else { 1 }).collect();
            Index::Array(if d == axis { indices.clone() } else { iota(DType::I32, sparse, d) })
        })
        .collect();
    x.at(index).set(values.to_array().broadcast_to(indices.shape()))
}

/// For each element of `which`, returns the element at the same position in the array of `choices` with that index. All
/// arrays are broadcast together. An index out of bounds selects the first or the last array.
///
/// # Panics
/// If there are no choices, shapes do not broadcast, or `which` is not an array of integers.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let choices = [Array::from([1, 2, 3]), Array::from([10, 20, 30])];
/// assert_eq!(np::choose(Array::from([0, 1, 9]), &choices).to_vec::<i32>(), [1, 20, 30]);
/// ```
#[track_caller]
pub fn choose(which: impl ArrayLike, choices: impl Arrays) -> Array {
    let (which, choices) = (which.to_array(), choices.to_arrays());
    let shape = shape_of_all(&which, &choices);
    let fitted: Vec<Array> = choices.iter().map(|c| c.broadcast_to(&shape)).collect();
    let stacked = super::stack(&fitted.iter().collect::<Vec<_>>(), 0);
    let which = which.broadcast_to(&stacked.shape()[1..]);
    let which = which.maximum(0).minimum(choices.len() - 1);
    take_along_axis(stacked, which.expand_dims(0), 0).reshape(which.shape())
}

/// Returns the shape that all arrays are broadcast to.
#[track_caller]
fn shape_of_all(x: &Array, others: &[Array]) -> Shape {
    let first = x.aval().shape;
    others.iter().try_fold(first, |shape, y| broadcast_shapes(&shape, y.shape())).or_raise()
}

/// Returns the slices along an axis where `condition` is true. The condition has one dimension and known values. It may
/// be shorter than the axis.
///
/// # Panics
/// If the axis is out of bounds, or the values of the condition are not known, as under `jit`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1, 2], [3, 4], [5, 6]]);
/// assert_eq!(np::compress(Array::from([true, false, true]), &x, 0).to_vec::<i32>(), [1, 2, 5, 6]);
/// ```
#[track_caller]
pub fn compress(condition: impl ArrayLike, x: impl ArrayLike, axis: isize) -> Array {
    let condition = condition.to_array();
    if condition.ndim() != 1 {
        raise(Error::shape(format!("compress: the condition must have one dimension, got {}", condition.aval())));
    }
    let places = nonzero_of(&condition.astype(DType::Bool)).or_raise();
    take_axis(x, &places[0], axis)
}

/// Returns the elements, in row-major order, where `condition` is true. Its values must be known.
///
/// # Panics
/// If the values of the condition are not known, as under `jit`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1, 2], [3, 4]]);
/// assert_eq!(np::extract(x.greater(2), &x).to_vec::<i32>(), [3, 4]);
/// ```
#[track_caller]
pub fn extract(condition: impl ArrayLike, x: impl ArrayLike) -> Array {
    let (condition, x) = (condition.to_array(), x.to_array());
    if condition.dtype() == DType::Bool && condition.ndim() > 0 && condition.shape() == x.shape() {
        return x.at(&condition).get();
    }
    compress(condition.reshape(condition.size()), x.reshape(x.size()), 0)
}

/// Returns the coordinates of the nonzero elements: an `i32` array for each dimension, in row-major order. The values
/// must be known.
///
/// # Panics
/// If the values of `x` are not known, as under `jit`. Use [`nonzero_size`] there.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let places = np::nonzero(Array::from([[0, 7], [8, 0]]));
/// assert_eq!(places[0].to_vec::<i32>(), [0, 1]);
/// assert_eq!(places[1].to_vec::<i32>(), [1, 0]);
/// ```
#[track_caller]
#[must_use]
pub fn nonzero(x: impl ArrayLike) -> Vec<Array> {
    nonzero_of(&x.to_array().astype(DType::Bool)).or_raise()
}

/// Returns the coordinates of the first `size` nonzero elements: an `i32` array of that size for each dimension. If
/// there are fewer, the remaining entries are `fill`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let places = np::nonzero_size(Array::from([0, 7, 8, 0]), 3, -1);
/// assert_eq!(places[0].to_vec::<i32>(), [1, 2, -1]);
/// ```
#[track_caller]
#[must_use]
pub fn nonzero_size(x: impl ArrayLike, size: usize, fill: i32) -> Vec<Array> {
    let mask = x.to_array().astype(DType::Bool);
    if mask.size() == 0 || size == 0 {
        return (0..mask.ndim()).map(|_| super::full(size, fill)).collect();
    }
    let flat = mask.reshape(mask.size()).astype(DType::I32);
    // The number of nonzero elements up to each position. The k-th one is where this number first exceeds k.
    let upto = super::cumsum_axis(&flat, 0);
    let order = bincount_length(&upto, size);
    let place = super::cumsum_axis(&order, 0);
    let count = super::sum(&flat);
    let found = iota(DType::I32, size, 0).less(&count);
    let coordinates = unravel_index(place, mask.shape());
    coordinates.into_iter().map(|c| where_(&found, c, fill)).collect()
}

/// Returns the number of occurrences of each of `0..length` in `x`, as `i32`. Negative numbers count as zero. Numbers
/// that are too large are ignored.
///
/// # Panics
/// If `x` is not an array of integers.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::bincount_length(Array::from([1, 3, 1]), 4).to_vec::<i32>(), [0, 2, 0, 1]);
/// ```
#[track_caller]
pub fn bincount_length(x: impl ArrayLike, length: usize) -> Array {
    let x = x.to_array();
    bincount_weights(&x, 1, length)
}

/// Returns the sum of the `weights` of each of `0..length` in `x`. Negative numbers count as zero. Numbers that are too
/// large are ignored.
///
/// # Panics
/// If `x` is not an array of integers, or the weights do not have its shape.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let y = np::bincount_weights(Array::from([1, 3, 1]), Array::from([0.5f32, 1.0, 0.25]), 4);
/// assert_eq!(y.to_vec::<f32>(), [0.0, 0.75, 0.0, 1.0]);
/// ```
#[track_caller]
pub fn bincount_weights(x: impl ArrayLike, weights: impl ArrayLike, length: usize) -> Array {
    let (x, weights) = (x.to_array(), weights.to_array());
    let zeros = ops::zeros(length, weights.dtype());
    // No number is small enough to be counted.
    if length == 0 { zeros } else { zeros.at(x.maximum(0)).add(weights) }
}

/// Converts flat indices, in row-major order, into coordinates in an array of shape `shape`: an array for each
/// dimension. Negative indices count from the end. For indices out of bounds, the result is the nearest position.
///
/// # Panics
/// If the indices are not integers.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let coordinates = np::unravel_index(Array::from([5, -1]), [2, 4]);
/// assert_eq!(coordinates[0].to_vec::<i32>(), [1, 1]);
/// assert_eq!(coordinates[1].to_vec::<i32>(), [1, 3]);
/// ```
#[track_caller]
#[must_use]
pub fn unravel_index(places: impl ArrayLike, shape: impl IntoShape) -> Vec<Array> {
    let (places, shape) = (places.to_array(), shape.into_shape());
    if !places.dtype().is_integer() {
        raise(Error::dtype(format!("unravel_index: indices must be integers, got {}", places.aval())));
    }
    let total = shape.size() as i64;
    let places = lax::widened_index(&places, shape.size());
    let constant = |n: i64| Array::literal(Literal::int(places.dtype(), n));
    let clipped = places.maximum(constant(-total)).minimum(constant(total - 1));
    let mut rest = lax::wrapped_index(&clipped, shape.size());
    let mut coordinates = Vec::new();
    for n in shape.iter().rev() {
        let size = constant(*n as i64);
        coordinates.push(super::remainder(&rest, &size));
        rest = super::floor_divide(&rest, &size);
    }
    coordinates.reverse();
    coordinates
}

/// Converts coordinates in an array of shape `shape`, an array for each dimension, into flat indices in row-major
/// order. Coordinates out of bounds are clipped.
///
/// # Panics
/// If there is not one array of integers for each dimension.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let places = np::ravel_multi_index(&[Array::from([1, 0]), Array::from([1, 3])], [2, 4]);
/// assert_eq!(places.to_vec::<i32>(), [5, 3]);
/// ```
#[track_caller]
pub fn ravel_multi_index(coordinates: impl Arrays, shape: impl IntoShape) -> Array {
    let (coordinates, shape) = (coordinates.to_arrays(), shape.into_shape());
    if coordinates.len() != shape.rank() || coordinates.iter().any(|c| !c.dtype().is_integer()) {
        raise(Error::shape(format!(
            "ravel_multi_index: expected {} arrays of integers for shape {shape}, got {:?}",
            shape.rank(),
            coordinates.iter().map(Array::aval).collect::<Vec<_>>()
        )));
    }
    let mut place: Option<Array> = None;
    for (c, n) in coordinates.iter().zip(shape.iter()) {
        let c = lax::widened_index(c, shape.size()).maximum(0).minimum(*n as i64 - 1);
        place = Some(match place {
            None => c,
            Some(place) => place * Array::from(*n) + c,
        });
    }
    place.unwrap_or_else(|| Array::literal(Literal::int(DType::I32, 0)))
}

/// Returns the indices of every element of an array of shape `shape`, as one `i32` array. Its first axis enumerates the
/// dimensions.
///
/// ```
/// use cotangent::numpy as np;
/// let grid = np::indices([2, 2]);
/// assert_eq!(grid.to_vec::<i32>(), [0, 0, 1, 1, 0, 1, 0, 1]);
/// ```
#[track_caller]
pub fn indices(shape: impl IntoShape) -> Array {
    let shape = shape.into_shape();
    let each: Vec<Array> = (0..shape.rank()).map(|d| iota(DType::I32, &shape, d)).collect();
    if each.is_empty() { ops::zeros(0, DType::I32) } else { super::stack(&each.iter().collect::<Vec<_>>(), 0) }
}
