//! Arrays in pieces: further ways to split, join and repeat them.

use crate::array::aval::{IntoShape, Shape, broadcast_shapes, canonical_axis};
use crate::array::dtype::DType;
use crate::array::promote::promote_types;
use crate::array::{Array, ArrayLike, Arrays};
use crate::error::{Error, OrRaise, raise};
use crate::lax;

use super::creation::zeros_as;
use super::joining::{concatenate, split};
use super::logic::where_;
use super::manipulation::{atleast_1d, pad, ravel, squeeze_axis, tile};
use super::take::nonzero;

/// Splits an array into `sections` parts along an axis. If their sizes cannot be equal, the first ones are larger by
/// one.
///
/// ```
/// use cotangent::numpy as np;
/// let parts = np::array_split(np::arange(5), 3, 0);
/// assert_eq!(parts.iter().map(|x| x.size()).collect::<Vec<_>>(), [2, 2, 1]);
/// ```
///
/// # Panics
/// If `sections` is zero, or the axis is out of bounds.
#[track_caller]
#[must_use]
pub fn array_split(x: impl ArrayLike, sections: usize, axis: isize) -> Vec<Array> {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    if sections == 0 {
        raise(Error::value("array_split: the number of sections must be positive, got 0"));
    }
    let n = x.shape()[axis];
    let sizes: Vec<usize> = (0..sections).map(|i| n / sections + usize::from(i < n % sections)).collect();
    lax::split(x, &sizes, axis as isize)
}

/// Splits an array into `sections` equal parts along the first axis. [`split_at`](super::split_at) takes indices.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::vsplit(np::ones([4, 2]), 2)[0].shape(), [2, 2]);
/// ```
///
/// # Panics
/// If `x` is a scalar, or `sections` does not divide the size of the axis.
#[track_caller]
#[must_use]
pub fn vsplit(x: impl ArrayLike, sections: usize) -> Vec<Array> {
    split(x, sections, 0)
}

/// Splits an array into `sections` equal parts along the second axis, or a vector along its only one.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::hsplit(np::ones([4, 2]), 2)[0].shape(), [4, 1]);
/// ```
///
/// # Panics
/// If `x` is a scalar, or `sections` does not divide the size of the axis.
#[track_caller]
#[must_use]
pub fn hsplit(x: impl ArrayLike, sections: usize) -> Vec<Array> {
    let x = x.to_array();
    let axis = if x.ndim() == 1 { 0 } else { 1 };
    split(x, sections, axis)
}

/// Splits an array into `sections` equal parts along the third axis.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::dsplit(np::ones([4, 3, 2]), 2)[0].shape(), [4, 3, 1]);
/// ```
///
/// # Panics
/// If `x` has fewer than three dimensions, or `sections` does not divide the size of the axis.
#[track_caller]
#[must_use]
pub fn dsplit(x: impl ArrayLike, sections: usize) -> Vec<Array> {
    split(x, sections, 2)
}

/// Returns the slices of an array along an axis, without it.
///
/// ```
/// use cotangent::numpy as np;
/// let rows = np::unstack(np::ones([3, 2]), 0);
/// assert_eq!((rows.len(), rows[0].shape()), (3, &[2][..]));
/// ```
///
/// # Panics
/// If the axis is out of bounds.
#[track_caller]
#[must_use]
pub fn unstack(x: impl ArrayLike, axis: isize) -> Vec<Array> {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let slices = lax::split(&x, vec![1; x.shape()[axis]], axis as isize);
    slices.iter().map(|slice| squeeze_axis(slice, axis)).collect()
}

/// Returns an array with at least three dimensions. A vector has one row, and its elements are in columns.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::atleast_3d(np::ones(4)).shape(), [1, 4, 1]);
/// assert_eq!(np::atleast_3d(np::ones([2, 4])).shape(), [2, 4, 1]);
/// ```
#[track_caller]
pub fn atleast_3d(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    match *x.shape() {
        [] => x.reshape([1, 1, 1]),
        [n] => x.reshape([1, n, 1]),
        [m, n] => x.reshape([m, n, 1]),
        _ => x,
    }
}

/// Joins arrays along the third axis. Vectors are rows, and matrices have a third axis of size one.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::dstack([np::ones(4), np::zeros(4)]).shape(), [1, 4, 2]);
/// ```
///
/// # Panics
/// If there are no arrays, or if their shapes differ along another axis.
#[track_caller]
pub fn dstack(arrays: impl Arrays) -> Array {
    concatenate(arrays.to_arrays().iter().map(atleast_3d).collect::<Vec<_>>(), 2)
}

/// Joins the flattened arrays.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::append(Array::from([[1, 2]]), 3).to_vec::<i32>(), [1, 2, 3]);
/// ```
#[track_caller]
pub fn append(x: impl ArrayLike, values: impl ArrayLike) -> Array {
    concatenate([ravel(x), ravel(values)], 0)
}

/// Joins two arrays along an axis.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::append_axis(np::ones([2, 3]), np::ones([1, 3]), 0).shape(), [3, 3]);
/// ```
///
/// # Panics
/// If the shapes differ along another axis.
#[track_caller]
pub fn append_axis(x: impl ArrayLike, values: impl ArrayLike, axis: isize) -> Array {
    concatenate([x.to_array(), values.to_array()], axis)
}

/// Broadcasts arrays to one shape.
///
/// ```
/// use cotangent::numpy as np;
/// let arrays = np::broadcast_arrays([np::ones([2, 1]), np::ones(3)]);
/// assert_eq!(arrays[0].shape(), [2, 3]);
/// ```
///
/// # Panics
/// If the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn broadcast_arrays(arrays: impl Arrays) -> Vec<Array> {
    let arrays = arrays.to_arrays();
    let mut shape = Shape::default();
    for x in &arrays {
        shape = broadcast_shapes(&shape, x.shape()).map_err(|e| e.context("broadcast_arrays")).or_raise();
    }
    arrays.iter().map(|x| x.broadcast_to(&shape)).collect()
}

/// Moves an axis backward until it lies before the axis `start`.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::rollaxis(np::ones([2, 3, 4, 5]), 3, 1).shape(), [2, 5, 3, 4]);
/// ```
///
/// # Panics
/// If the axis is out of bounds, or `start` is beyond the number of dimensions.
#[track_caller]
pub fn rollaxis(x: impl ArrayLike, axis: isize, start: isize) -> Array {
    let x = x.to_array();
    let rank = x.ndim() as isize;
    let axis = canonical_axis(axis, x.ndim()).or_raise() as isize;
    if !(-rank..=rank).contains(&start) {
        raise(Error::value(format!("rollaxis: `start` must be between {} and {rank}, got {start}", -rank)));
    }
    let start = if start < 0 { start + rank } else { start };
    x.moveaxis(axis, if start > axis { start - 1 } else { start })
}

/// Returns an array of the given shape with the elements of `x` in order, repeated as often as needed. Of no elements,
/// it makes zeros.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::resize(Array::from([1, 2, 3]), [2, 2]).to_vec::<i32>(), [1, 2, 3, 1]);
/// ```
#[track_caller]
pub fn resize(x: impl ArrayLike, shape: impl IntoShape) -> Array {
    let (x, shape) = (ravel(x), shape.into_shape());
    let size: usize = shape.iter().product();
    if x.size() == 0 || size == 0 {
        return zeros_as(&shape, x.dtype());
    }
    let repeats = size.div_ceil(x.size());
    tile(&x, [repeats]).slice_axis(0, 0, size).reshape(&shape)
}

/// Returns the differences of neighboring elements of the flattened array, between the elements of `begin` and `end`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let none: [i32; 0] = [];
/// assert_eq!(np::ediff1d(Array::from([1, 4, 9]), [99], none).to_vec::<i32>(), [3, 5, 99]);
/// ```
#[track_caller]
pub fn ediff1d(x: impl ArrayLike, end: impl ArrayLike, begin: impl ArrayLike) -> Array {
    let x = ravel(x);
    let [begin, end] = [begin.to_array(), end.to_array()].map(|y| ravel(y.astype(x.dtype())));
    let n = x.size();
    let differences = x.slice_axis(0, n.min(1), n) - x.slice_axis(0, 0, n.saturating_sub(1));
    concatenate([begin, differences, end], 0)
}

/// Removes the elements with these indices along an axis. A negative index counts from the end.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::delete(Array::from([1, 2, 3, 4]), &[0, -1], 0).to_vec::<i32>(), [2, 3]);
/// ```
///
/// # Panics
/// If an index is out of bounds.
#[track_caller]
pub fn delete(x: impl ArrayLike, indices: &[isize], axis: isize) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let n = x.shape()[axis];
    let mut removed: Vec<usize> = Vec::with_capacity(indices.len() + 1);
    for index in indices {
        let place = if *index < 0 { index + n as isize } else { *index };
        if !(0..n as isize).contains(&place) {
            raise(Error::value(format!("delete: index {index} is out of bounds for axis {axis} of {}", x.aval())));
        }
        removed.push(place as usize);
    }
    removed.sort_unstable();
    removed.dedup();
    // What is left are the runs between the removed elements.
    let starts = std::iter::once(0).chain(removed.iter().map(|i| i + 1));
    let runs = starts.zip(removed.iter().copied().chain([n])).filter(|(start, end)| start < end);
    let parts: Vec<Array> = runs.map(|(start, end)| x.slice_axis(axis, start, end)).collect();
    if parts.is_empty() { x.slice_axis(axis, 0, 0) } else { concatenate(parts, axis as isize) }
}

/// Joins matrices of blocks: each row is joined along the last axis, and the rows along the axis before it. Vectors are
/// rows.
///
/// ```
/// use cotangent::numpy as np;
/// let (a, b) = (np::ones([2, 2]), np::zeros([2, 1]));
/// assert_eq!(np::block(&[vec![&a, &b], vec![&b, &a]]).shape(), [4, 3]);
/// ```
///
/// # Panics
/// If there are no blocks, or their shapes do not fit.
#[track_caller]
pub fn block<T: ArrayLike + Clone>(rows: &[Vec<T>]) -> Array {
    let arrays: Vec<Vec<Array>> = rows.iter().map(|row| row.iter().map(|x| x.clone().to_array()).collect()).collect();
    let rank = arrays.iter().flatten().map(Array::ndim).max().unwrap_or(0).max(2);
    let padded = |x: &Array| {
        let missing = std::iter::repeat_n(1, rank - x.ndim());
        x.reshape(missing.chain(x.shape().iter().copied()).collect::<Shape>())
    };
    let joined = arrays.iter().map(|row| concatenate(row.iter().map(padded).collect::<Vec<_>>(), -1));
    concatenate(joined.collect::<Vec<_>>(), -2)
}

/// Returns for each element the value of the first choice whose condition is true, or `default` if there is none.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([1, 2, 3, 4]);
/// let y = np::select([x.less(2), x.greater(3)], [-&x, &x * 10], 0);
/// assert_eq!(y.to_vec::<i32>(), [-1, 0, 0, 40]);
/// ```
///
/// # Panics
/// If there are not as many choices as conditions, or the shapes do not broadcast.
#[track_caller]
pub fn select(conditions: impl Arrays, choices: impl Arrays, default: impl ArrayLike) -> Array {
    let (conditions, choices, default) = (conditions.to_arrays(), choices.to_arrays(), default.to_array());
    if conditions.len() != choices.len() {
        raise(Error::shape(format!("select: {} conditions for {} choices", conditions.len(), choices.len())));
    }
    let of = |x: &Array| (x.dtype(), x.weak_type());
    let (dtype, weak) = choices.iter().fold(of(&default), |bound, x| promote_types(bound, of(x)));
    let pairs = conditions.iter().zip(&choices).rev();
    pairs.fold(default.convert(dtype, weak), |rest, (condition, choice)| {
        where_(condition, choice.convert(dtype, weak), rest)
    })
}

/// Returns vectors as arrays that broadcast to a grid: the elements of vector i are along axis i, and all other axes
/// have size one.
///
/// ```
/// use cotangent::prelude::*;
/// let grid = np::ix_([Array::from([0, 2]), Array::from([1, 3, 5])]);
/// assert_eq!((grid[0].shape(), grid[1].shape()), (&[2, 1][..], &[1, 3][..]));
/// ```
///
/// # Panics
/// If an array is not a vector.
#[track_caller]
#[must_use]
pub fn ix_(vectors: impl Arrays) -> Vec<Array> {
    let vectors = vectors.to_arrays();
    let rank = vectors.len();
    let along = |(i, x): (usize, &Array)| {
        if x.ndim() != 1 {
            raise(Error::shape(format!("ix_: expected vectors, got {}", x.aval())));
        }
        x.reshape((0..rank).map(|d| if d == i { x.size() } else { 1 }).collect::<Shape>())
    };
    vectors.iter().enumerate().map(along).collect()
}

/// Returns the coordinates of the elements on the diagonal of an array whose `rank` axes have size `n`.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::diag_indices(3, 2)[1].to_vec::<i32>(), [0, 1, 2]);
/// ```
#[track_caller]
#[must_use]
pub fn diag_indices(n: usize, rank: usize) -> Vec<Array> {
    vec![super::iota(DType::I32, [n], 0); rank]
}

/// Returns the rows and columns of the elements on and below the `k`-th diagonal of a matrix.
///
/// ```
/// use cotangent::numpy as np;
/// let (rows, columns) = np::tril_indices(2, 0, 2);
/// assert_eq!((rows.to_vec::<i32>(), columns.to_vec::<i32>()), (vec![0, 1, 1], vec![0, 0, 1]));
/// ```
#[track_caller]
pub fn tril_indices(rows: usize, k: isize, columns: usize) -> (Array, Array) {
    coordinates(rows, columns, |row, column| column - row <= k)
}

/// Returns the rows and columns of the elements on and above the `k`-th diagonal of a matrix.
///
/// ```
/// use cotangent::numpy as np;
/// let (rows, columns) = np::triu_indices(2, 0, 2);
/// assert_eq!((rows.to_vec::<i32>(), columns.to_vec::<i32>()), (vec![0, 0, 1], vec![0, 1, 1]));
/// ```
#[track_caller]
pub fn triu_indices(rows: usize, k: isize, columns: usize) -> (Array, Array) {
    coordinates(rows, columns, |row, column| column - row >= k)
}

/// Returns the rows and columns of the elements that a function leaves nonzero in an n × n matrix of ones. The function
/// has `k` as its second argument, as [`tril_k`](super::tril_k) does.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (rows, columns) = np::mask_indices(3, |x: &Array, k| np::triu_k(x, k), 1);
/// assert_eq!((rows.to_vec::<i32>(), columns.to_vec::<i32>()), (vec![0, 0, 1], vec![1, 2, 2]));
/// ```
///
/// # Panics
/// If the result of the function is not a matrix.
#[track_caller]
pub fn mask_indices(n: usize, mask: impl FnOnce(&Array, isize) -> Array, k: isize) -> (Array, Array) {
    let mask = mask(&super::ones((n, n)), k);
    match &nonzero(&mask)[..] {
        [rows, columns] => (rows.clone(), columns.clone()),
        _ => raise(Error::shape(format!("mask_indices: expected a matrix as the mask, got {}", mask.aval()))),
    }
}

fn coordinates(rows: usize, columns: usize, inside: impl Fn(isize, isize) -> bool) -> (Array, Array) {
    let all = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let (rows, columns): (Vec<usize>, Vec<usize>) =
        all.filter(|(row, column)| inside(*row as isize, *column as isize)).unzip();
    (rows.to_array(), columns.to_array())
}

/// Returns an array with other elements on its diagonal. If there are more than two axes, they have the same size.
/// Values that are fewer than the diagonal's elements are repeated.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::fill_diagonal(Array::from([[1, 2], [3, 4]]), 0).to_vec::<i32>(), [0, 2, 3, 0]);
/// ```
///
/// # Panics
/// If there are fewer than two dimensions, or more of different sizes.
#[track_caller]
pub fn fill_diagonal(x: impl ArrayLike, values: impl ArrayLike) -> Array {
    let (x, values) = (x.to_array(), values.to_array());
    let n = x.shape().iter().copied().min().unwrap_or(0);
    if x.ndim() < 2 || (x.ndim() > 2 && x.shape().iter().any(|m| *m != n)) {
        raise(Error::shape(format!("fill_diagonal: expected a matrix or axes of one size, got {}", x.aval())));
    }
    if n == 0 {
        return x;
    }
    let values = if values.ndim() == 0 { atleast_1d(values) } else { ravel(values) };
    let column = resize(values.astype(x.dtype()), [n]);
    let rank = x.ndim();
    let on_diagonal =
        (1..rank).map(|d| super::iota(DType::I32, x.shape(), 0).equal(super::iota(DType::I32, x.shape(), d)));
    let mask = on_diagonal.reduce(|a, b| a.logical_and(b)).unwrap_or_else(|| unreachable!("two axes or more"));
    let rows = x.shape()[0];
    let padded = pad(&column, &[(0, rows - n)], 0);
    let shape: Shape = (0..rank).map(|d| if d == 0 { rows } else { 1 }).collect();
    where_(mask, padded.reshape(&shape), x)
}
