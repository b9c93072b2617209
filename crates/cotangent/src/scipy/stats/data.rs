//! The most frequent elements of data, their ranks, and the errors of their means.

use crate::array::aval::{Shape, canonical_axis};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::OrRaise;
use crate::methods::reductions::keepdims;
use crate::numpy::{self as np, Axes, where_};

/// What [`rankdata`] gives to equal elements.
///
/// ```
/// use cotangent::scipy::stats::{Ties, rankdata};
/// let x = cotangent::numpy::array([3.0, 1.0, 3.0]);
/// assert_eq!(rankdata(&x, Ties::Average).to_vec::<f32>(), [2.5, 1.0, 2.5]);
/// assert_eq!(rankdata(&x, Ties::Ordinal).to_vec::<f32>(), [2.0, 1.0, 3.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ties {
    /// The mean of the ranks that they occupy.
    Average,
    /// The least of these.
    Min,
    /// The greatest of these.
    Max,
    /// As `Min`, but the next greater element has the next rank.
    Dense,
    /// Distinct ranks, in the order of the elements.
    Ordinal,
}

/// Marks the first of each run of equal elements along the last axis. All NaN are equal.
#[track_caller]
fn starts(sorted: &Array) -> Array {
    let (axis, n) = (sorted.ndim() - 1, sorted.shape()[sorted.ndim() - 1]);
    let (left, right) = (sorted.slice_axis(axis, 0, n - 1), sorted.slice_axis(axis, 1, n));
    let mut other = right.not_equal(&left);
    if sorted.dtype().is_inexact() {
        other = other.logical_and(np::logical_not(np::isnan(&left).logical_and(np::isnan(&right))));
    }
    np::concatenate([np::ones_like(&sorted.slice_axis(axis, 0, 1)).astype(DType::Bool), other], -1)
}

/// The positions along the last axis, as `i32`.
fn positions(x: &Array) -> Array {
    np::arange(x.shape()[x.ndim() - 1]).astype(DType::I32).broadcast_to(x.shape())
}

/// The most frequent element along some axes, and how often it is there. Of several such elements, the least is returned.
/// NaN is equal to NaN. Without any element, the results are NaN and 0, as `f32`.
///
/// ```
/// use cotangent::{Array, scipy::stats};
/// let (value, count) = stats::mode(Array::from([2, 4, 1, 4, 2]), 0);
/// assert_eq!((value.item::<i32>(), count.item::<i32>()), (2, 2));
/// ```
///
/// # Panics
/// If an axis is out of bounds or named twice.
#[track_caller]
pub fn mode(a: impl ArrayLike, axes: impl Axes) -> (Array, Array) {
    let a = np::atleast_1d(a);
    let axes = axes.resolve(a.ndim()).or_raise();
    mode_of(&a, &axes)
}

/// [`mode`], with axes of size 1 in the place of those that are reduced.
///
/// ```
/// use cotangent::{Array, scipy::stats};
/// let (value, count) = stats::mode_keepdims(Array::from([2, 4, 4]), 0);
/// assert_eq!((value.shape(), count.shape()), (&[1][..], &[1][..]));
/// ```
///
/// # Panics
/// If an axis is out of bounds or named twice.
#[track_caller]
pub fn mode_keepdims(a: impl ArrayLike, axes: impl Axes) -> (Array, Array) {
    let a = np::atleast_1d(a);
    let axes = axes.resolve(a.ndim()).or_raise();
    let (value, count) = mode_of(&a, &axes);
    (keepdims(&value, &a, &axes), keepdims(&count, &a, &axes))
}

#[track_caller]
fn mode_of(a: &Array, axes: &[usize]) -> (Array, Array) {
    let others: Vec<usize> = (0..a.ndim()).filter(|i| !axes.contains(i)).collect();
    let shape: Shape = others.iter().map(|i| a.shape()[*i]).collect();
    let n: usize = axes.iter().map(|i| a.shape()[*i]).product();
    if n == 0 {
        return (np::full(&shape, f64::NAN).astype(DType::F32), np::zeros(&shape));
    }
    let rows = a.permute(&[&others[..], axes].concat()).reshape(shape.iter().copied().chain([n]).collect::<Shape>());
    let sorted = np::sort(rows);
    let at = positions(&sorted);
    let last = sorted.ndim() - 1;
    let lengths = &at - where_(starts(&sorted), &at, 0).cummax_axis(last as isize) + 1;
    let count = lengths.max_axis(-1);
    // Where the first of the longest runs starts: the derivative is that in its first element.
    let start = np::argmax_axis(&lengths, -1) - &count + 1;
    let value = np::take_along_axis(&sorted, start.expand_dims(-1), -1);
    (np::squeeze_axis(value, -1), count)
}

/// The ranks of all elements, from 1, in one dimension. If one is NaN, all ranks are. They are `f64` for arrays of `f64`,
/// and `f32` otherwise.
///
/// ```
/// use cotangent::{numpy as np, scipy::stats::{Ties, rankdata}};
/// assert_eq!(rankdata(np::array([0.0, 2.0, 3.0, 2.0]), Ties::Average).to_vec::<f32>(), [1.0, 2.5, 4.0, 2.5]);
/// ```
#[track_caller]
pub fn rankdata(a: impl ArrayLike, ties: Ties) -> Array {
    rankdata_axis(np::ravel(a), ties, 0)
}

/// [`rankdata`] of the elements along an axis. The result has the shape of `a`.
///
/// ```
/// use cotangent::{numpy as np, scipy::stats::{Ties, rankdata_axis}};
/// let ranks = rankdata_axis(np::array([[0.0, 3.0], [2.0, 1.0]]), Ties::Average, 1);
/// assert_eq!(ranks.to_vec::<f32>(), [1.0, 2.0, 2.0, 1.0]);
/// ```
///
/// # Panics
/// If the axis is out of bounds.
#[track_caller]
pub fn rankdata_axis(a: impl ArrayLike, ties: Ties, axis: isize) -> Array {
    let a = a.to_array();
    let axis = canonical_axis(axis, a.ndim()).or_raise() as isize;
    let dtype = if a.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    if a.size() == 0 {
        return np::zeros_as(a.shape(), dtype);
    }
    let rows = a.moveaxis(axis, -1);
    let mut ranks = ranks(&rows, ties).astype(dtype);
    if ties == Ties::Average {
        ranks /= 2;
    }
    if a.dtype().is_inexact() {
        ranks = where_(np::isnan(&rows).any_axis(-1).expand_dims(-1), f64::NAN, ranks);
    }
    ranks.moveaxis(-1, axis)
}

/// The ranks along the last axis, which has elements, as `i32`; for [`Ties::Average`], twice the ranks.
#[track_caller]
fn ranks(x: &Array, ties: Ties) -> Array {
    let order = np::argsort(x);
    let inverse = np::argsort(&order);
    if ties == Ties::Ordinal {
        return inverse + 1;
    }
    let sorted = np::take_along_axis(x, &order, -1);
    let (first, at) = (starts(&sorted), positions(&sorted));
    let (last, n) = (x.ndim() - 1, x.shape()[x.ndim() - 1]);
    let min = || where_(&first, &at, 0).cummax_axis(last as isize) + 1;
    let max = || {
        let ends = np::concatenate([first.slice_axis(last, 1, n), np::ones_like(&first.slice_axis(last, 0, 1))], -1);
        np::flip(np::flip(where_(ends, &at + 1, n as i32), -1).cummin_axis(last as isize), -1)
    };
    let ranks = match ties {
        Ties::Average => min() + max(),
        Ties::Min => min(),
        Ties::Max => max(),
        Ties::Dense | Ties::Ordinal => first.astype(DType::I32).cumsum_axis(last as isize),
    };
    np::take_along_axis(ranks, inverse, -1)
}

/// The standard error of the mean over some axes: the standard deviation, with the number of elements minus `ddof` as the
/// divisor of its square, divided by the root of that number. SciPy's default is a `ddof` of 1.
///
/// ```
/// use cotangent::{numpy as np, scipy::stats};
/// let error = stats::sem(np::array([1.0, 3.0, 5.0, 7.0]), 0, 1).item::<f64>();
/// assert!((error - 1.2909944).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an axis is out of bounds or named twice.
#[track_caller]
pub fn sem(a: impl ArrayLike, axes: impl Axes, ddof: usize) -> Array {
    let a = a.to_array().to_inexact();
    let axes = axes.resolve(a.ndim()).or_raise();
    let count: usize = axes.iter().map(|i| a.shape()[*i]).product();
    np::std_ddof(&a, &axes[..], ddof) / (count as f64).sqrt()
}

/// [`sem`], with axes of size 1 in the place of those that are reduced.
///
/// ```
/// use cotangent::{numpy as np, scipy::stats};
/// assert_eq!(stats::sem_keepdims(np::ones((2, 3)), 1, 1).shape(), [2, 1]);
/// ```
///
/// # Panics
/// If an axis is out of bounds or named twice.
#[track_caller]
pub fn sem_keepdims(a: impl ArrayLike, axes: impl Axes, ddof: usize) -> Array {
    let a = a.to_array();
    let axes = axes.resolve(a.ndim()).or_raise();
    keepdims(&sem(&a, &axes[..], ddof), &a, &axes)
}

/// [`sem`] of the elements that are not NaN: SciPy's `nan_policy="omit"`.
///
/// ```
/// use cotangent::{numpy as np, scipy::stats};
/// let x = np::array([1.0, f64::NAN, 3.0, 5.0, 7.0]);
/// assert!((stats::nansem(x, 0, 1).item::<f64>() - 1.2909944).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an axis is out of bounds or named twice.
#[track_caller]
pub fn nansem(a: impl ArrayLike, axes: impl Axes, ddof: usize) -> Array {
    let a = a.to_array().to_inexact();
    let axes = axes.resolve(a.ndim()).or_raise();
    let there = np::logical_not(np::isnan(&a));
    let count = there.astype(a.dtype().real()).sum_axis(&axes[..]);
    let mean = where_(&there, &a, 0).sum_axis(&axes[..]) / &count;
    let deviations = where_(&there, &a - keepdims(&mean, &a, &axes), 0).abs();
    let free = &count - ddof as f64;
    let variance = where_(free.greater(0), deviations.square().sum_axis(&axes[..]) / &free, f64::NAN);
    (variance / count).sqrt()
}
