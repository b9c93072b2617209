//! Slices with fixed and with dynamic bounds, and functions that split or squeeze arrays.

use crate::array::aval::{IntoShape, canonical_axis};
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::array::{Array, ArrayLike, Arrays, Repr};
use crate::error::{Error, ErrorKind, OrRaise, raise};
use crate::methods::axes::Axes;
use crate::ops::dynamic::{DynamicSlice, DynamicUpdateSlice};
use crate::ops::select;
use crate::ops::split::{OptimizationBarrier, Split, Squeeze};
use crate::trace::frames::{bind, bind1};
use crate::tree::{Tree, flatten};

/// Removes the dimensions `axes`, which must have size one. `()` means all dimensions.
///
/// # Panics
/// If an axis is out of bounds or its size is not one.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// assert_eq!(lax::squeeze(np::zeros([1, 3, 1]), [0, -1]).shape(), [3]);
/// ```
#[track_caller]
pub fn squeeze(x: impl ArrayLike, axes: impl Axes) -> Array {
    let x = x.to_array();
    let dimensions = axes.resolve(x.ndim()).or_raise();
    if dimensions.is_empty() { x } else { bind1(Squeeze { dimensions }, &[&x]) }
}

/// Splits an array into consecutive parts of these sizes along an axis.
///
/// # Panics
/// If the axis is out of bounds, or the sum of the sizes is not the size of the axis.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let parts = lax::split(Array::from([1, 2, 3, 4]), (1, 3), 0);
/// assert_eq!(parts[1].to_vec::<i32>(), [2, 3, 4]);
/// ```
#[track_caller]
#[must_use]
pub fn split(x: impl ArrayLike, sizes: impl IntoShape, axis: isize) -> Vec<Array> {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    bind(Split { sizes: sizes.into_shape().to_vec(), axis }, &[&x]).into_vec()
}

/// Returns the tree unchanged, as a barrier that the compiler moves no computation across. Everything that depends on
/// the result is computed after all leaves. A value that was computed before the barrier is not computed again after
/// it.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = jit(|x: &Array| {
///     let (a, b) = lax::optimization_barrier((x.sin(), x.cos()));
///     a * b
/// });
/// assert!((f(&Array::from(1.0)).item::<f64>() - 0.4546487).abs() < 1e-6);
/// ```
#[track_caller]
#[must_use]
pub fn optimization_barrier<T: Tree>(tree: T) -> T {
    let leaves = flatten(&tree);
    if leaves.is_empty() {
        return tree;
    }
    tree.rebuild(&mut bind(OptimizationBarrier, &leaves.iter().collect::<Vec<_>>()).into_iter())
}

/// Returns the elements from `start` to `limit` of each dimension, with a step of `stride`.
///
/// # Panics
/// If `start`, `limit` or `stride` does not have an entry for each dimension, the bounds are not within the array, or a
/// stride is zero.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let x = np::arange(12).reshape([3, 4]);
/// assert_eq!(lax::slice(&x, (1, 0), (3, 4), (1, 2)).to_vec::<i32>(), [4, 6, 8, 10]);
/// ```
#[track_caller]
pub fn slice(x: impl ArrayLike, start: impl IntoShape, limit: impl IntoShape, stride: impl IntoShape) -> Array {
    x.to_array().slice(&start.into_shape(), &limit.into_shape(), &stride.into_shape())
}

/// Returns the elements from `start` to `limit` along one axis, with a step of `stride`. Negative bounds count from the
/// end.
///
/// # Panics
/// If the axis or a bound is out of range, or the stride is zero.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// assert_eq!(lax::slice_in_dim(Array::from([1, 2, 3, 4, 5]), 0, -1, 2, 0).to_vec::<i32>(), [1, 3]);
/// ```
#[track_caller]
pub fn slice_in_dim(x: impl ArrayLike, start: isize, limit: isize, stride: usize, axis: isize) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let size = x.shape()[axis];
    let bound = |i: isize| {
        let from_start = if i < 0 { i + size as isize } else { i };
        let fits = usize::try_from(from_start).ok().filter(|i| *i <= size);
        fits.ok_or_else(|| Error::value(format!("bound {i} is out of bounds for axis {axis} of {}", x.aval())))
    };
    let (mut starts, mut limits, mut strides) = (vec![0; x.ndim()], x.shape().to_vec(), vec![1; x.ndim()]);
    (starts[axis], limits[axis], strides[axis]) = (bound(start).or_raise(), bound(limit).or_raise(), stride);
    x.slice(&starts, &limits, &strides)
}

/// Returns the element at `index` along an axis, which is removed. A negative index counts from the end.
///
/// # Panics
/// If the axis or the index is out of bounds.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// assert_eq!(lax::index_in_dim(Array::from([[1, 2], [3, 4]]), -1, 0).to_vec::<i32>(), [3, 4]);
/// ```
#[track_caller]
pub fn index_in_dim(x: impl ArrayLike, index: isize, axis: isize) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let size = x.shape()[axis] as isize;
    let wrapped = if index < 0 { index + size } else { index };
    if !(0..size).contains(&wrapped) {
        raise(Error::new(
            ErrorKind::Value,
            format!("index {index} is out of bounds for axis {axis} of {}, of size {size}", x.aval()),
        ));
    }
    squeeze(x.slice_axis(axis, wrapped as usize, wrapped as usize + 1), axis)
}

/// Converts an index to `i32` or `i64`, whichever can hold it and every index of a dimension of `size`.
#[track_caller]
pub(crate) fn widened_index(index: &Array, size: usize) -> Array {
    let (dtype, large) = (index.dtype(), i32::try_from(size).is_err());
    match dtype {
        DType::I64 => index.clone(),
        // An index beyond the range of i64 is out of bounds. So is its maximum.
        DType::U64 => index.minimum(Array::scalar(i64::MAX as u64)).astype(DType::I64),
        DType::I32 if !large => index.clone(),
        DType::U32 => index.astype(DType::I64),
        _ => index.astype(if large { DType::I64 } else { DType::I32 }),
    }
}

/// Returns an index with negative values counted from the end of a dimension of `size`.
#[track_caller]
pub(crate) fn wrapped_index(index: &Array, size: usize) -> Array {
    if !index.dtype().is_integer() {
        raise(Error::dtype(format!("indices must be integers, got {}", index.aval())));
    }
    if index.dtype().kind() == crate::array::dtype::Kind::Uint {
        return index.clone();
    }
    let index = &widened_index(index, size);
    if let Repr::Scalar(literal) = &index.0 {
        let value = literal.value().to_i64();
        let value = if value < 0 { value + size as i64 } else { value };
        return Array::literal(
            Literal::new(literal.dtype(), Scalar::Int(value)).convert(literal.dtype(), literal.weak_type()),
        );
    }
    let negative = index.less(0);
    let from_end = index + Array::literal(Literal::int(index.dtype(), size as i64));
    select(&negative, &from_end, index, index.shape())
}

/// Returns the start indices, with negative values wrapped, in the same dtype.
#[track_caller]
fn starts_for(x: &Array, starts: &[Array]) -> Vec<Array> {
    if starts.len() != x.ndim() {
        raise(
            Error::shape(format!("expected {} start indices for {}, got {}", x.ndim(), x.aval(), starts.len()))
                .help("pass one start index for each dimension"),
        );
    }
    // A loop, since errors in a closure would name its line and not the caller's.
    let mut wrapped = Vec::with_capacity(starts.len());
    for (i, n) in starts.iter().zip(x.shape()) {
        wrapped.push(wrapped_index(i, *n));
    }
    let strong = wrapped.iter().filter(|i| !i.weak_type()).map(Array::dtype);
    let dtype = strong.reduce(|a, b| match (a, b) {
        (a, b) if a == b => a,
        (a, b) if a.bits() < 32 && b.bits() < 32 => DType::I32,
        (DType::I32, b) | (b, DType::I32) if b.bits() < 32 => DType::I32,
        _ => DType::I64,
    });
    let dtype = dtype.unwrap_or(DType::I32);
    let fitted =
        |i: &Array| if i.dtype() == DType::U64 && dtype == DType::I64 { widened_index(i, 0) } else { i.astype(dtype) };
    wrapped.iter().map(fitted).collect()
}

/// Returns a block of shape `slice_sizes`. Its start, a scalar integer for each dimension, may be traced.
///
/// Negative starts count from the end. If the block would then reach beyond the array, its start is moved until it
/// fits.
///
/// # Panics
/// If the block does not fit the array, or the starts are not a scalar integer for each dimension.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let x = np::arange(12).reshape([3, 4]);
/// assert_eq!(lax::dynamic_slice(&x, [1, 9], [2, 2]).to_vec::<i32>(), [6, 7, 10, 11]);
/// ```
#[track_caller]
pub fn dynamic_slice(x: impl ArrayLike, starts: impl Arrays, slice_sizes: impl IntoShape) -> Array {
    let x = x.to_array();
    let starts = starts_for(&x, &starts.to_arrays());
    let operands: Vec<&Array> = std::iter::once(&x).chain(&starts).collect();
    bind1(DynamicSlice { slice_sizes: slice_sizes.into_shape().to_vec() }, &operands)
}

/// Returns the array with a block replaced by `update`. The start of the block, a scalar integer for each dimension,
/// may be traced, and is interpreted as in [`dynamic_slice`].
///
/// # Panics
/// If the update does not fit the array or has another dtype, or the starts are not a scalar integer for each
/// dimension.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let x = np::zeros_as(4, DType::I32);
/// assert_eq!(lax::dynamic_update_slice(&x, Array::from([8, 9]), [-2]).to_vec::<i32>(), [0, 0, 8, 9]);
/// ```
#[track_caller]
pub fn dynamic_update_slice(x: impl ArrayLike, update: impl ArrayLike, starts: impl Arrays) -> Array {
    let (x, update) = (x.to_array(), update.to_array());
    let starts = starts_for(&x, &starts.to_arrays());
    let operands: Vec<&Array> = [&x, &update].into_iter().chain(&starts).collect();
    bind1(DynamicUpdateSlice, &operands)
}

/// Returns start indices that are `index` along `axis` and zero elsewhere.
fn along(x: &Array, index: &Array, axis: usize) -> Vec<Array> {
    (0..x.ndim()).map(|d| if d == axis { index.clone() } else { 0.into() }).collect()
}

/// Returns `size` elements along one axis. The first index may be traced, and is interpreted as in [`dynamic_slice`].
///
/// # Panics
/// If the axis is out of bounds or smaller than `size`, or the index is not a scalar integer.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let second = jit(|x: &Array, i: &Array| lax::dynamic_slice_in_dim(x, i, 2, 0));
/// assert_eq!(second(&Array::from([1, 2, 3, 4]), &1.into()).to_vec::<i32>(), [2, 3]);
/// ```
#[track_caller]
pub fn dynamic_slice_in_dim(x: impl ArrayLike, start: impl ArrayLike, size: usize, axis: isize) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let mut sizes = x.shape().to_vec();
    sizes[axis] = size;
    dynamic_slice(&x, &along(&x, &start.to_array(), axis), sizes)
}

/// Returns the element along one axis, which is removed. The index may be traced, and is interpreted as in
/// [`dynamic_slice`].
///
/// # Panics
/// If the axis is out of bounds or empty, or the index is not a scalar integer.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let row = jit(|x: &Array, i: &Array| lax::dynamic_index_in_dim(x, i, 0));
/// assert_eq!(row(&Array::from([[1, 2], [3, 4]]), &1.into()).to_vec::<i32>(), [3, 4]);
/// ```
#[track_caller]
pub fn dynamic_index_in_dim(x: impl ArrayLike, index: impl ArrayLike, axis: isize) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    squeeze(dynamic_slice_in_dim(&x, index, 1, axis as isize), axis)
}

/// Returns the array with elements along one axis replaced by `update`. The first index may be traced, and is
/// interpreted as in [`dynamic_slice`].
///
/// # Panics
/// If the axis is out of bounds, the update does not fit, or the index is not a scalar integer.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let x = Array::from([1, 2, 3, 4]);
/// assert_eq!(lax::dynamic_update_slice_in_dim(&x, Array::from([8, 9]), 1, 0).to_vec::<i32>(), [1, 8, 9, 4]);
/// ```
#[track_caller]
pub fn dynamic_update_slice_in_dim(
    x: impl ArrayLike,
    update: impl ArrayLike,
    start: impl ArrayLike,
    axis: isize,
) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    dynamic_update_slice(&x, update, &along(&x, &start.to_array(), axis))
}

/// Returns the array with the element at an index along one axis replaced by `update`. The update may have that axis,
/// with size one, or lack it. The index may be traced, and is interpreted as in [`dynamic_slice`].
///
/// # Panics
/// If the axis is out of bounds, the update does not fit, or the index is not a scalar integer.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let x = Array::from([[1, 2], [3, 4]]);
/// assert_eq!(lax::dynamic_update_index_in_dim(&x, Array::from([8, 9]), 1, 0).to_vec::<i32>(), [1, 2, 8, 9]);
/// ```
#[track_caller]
pub fn dynamic_update_index_in_dim(
    x: impl ArrayLike,
    update: impl ArrayLike,
    index: impl ArrayLike,
    axis: isize,
) -> Array {
    let (x, update) = (x.to_array(), update.to_array());
    let axis = canonical_axis(axis, x.ndim()).or_raise() as isize;
    let update = if update.ndim() + 1 == x.ndim() { update.expand_dims(axis) } else { update };
    dynamic_update_slice_in_dim(x, update, index, axis)
}

/// Returns an array with new leading axes of these sizes.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// assert_eq!(lax::broadcast(np::ones(2), (3, 4)).shape(), [3, 4, 2]);
/// ```
#[track_caller]
pub fn broadcast(x: impl ArrayLike, sizes: impl IntoShape) -> Array {
    let x = x.to_array();
    let shape: Vec<usize> = sizes.into_shape().iter().chain(x.shape()).copied().collect();
    x.broadcast_to(shape)
}

/// Returns an array with the axes from `start` to before `stop` as one.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// assert_eq!(lax::collapse(np::ones((2, 3, 4)), 0, 2).shape(), [6, 4]);
/// ```
///
/// # Panics
/// If the range is not one of axes.
#[track_caller]
pub fn collapse(x: impl ArrayLike, start: usize, stop: usize) -> Array {
    let x = x.to_array();
    if start >= stop || stop > x.ndim() {
        raise(Error::shape(format!("collapse: {} has no axes {start} to {stop}", x.aval())));
    }
    let shape = x.shape();
    x.reshape([&shape[..start], &[shape[start..stop].iter().product()], &shape[stop..]].concat())
}
