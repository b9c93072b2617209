//! Arrays as sets: their different elements, and what two of them have in common. The values must be known, since the
//! number of results depends on them.

use crate::api::program::as_one;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};

use super::Mode;
use super::creation::{iota, zeros_as};
use super::joining::concatenate;
use super::logic::{isnan, logical_not, where_};
use super::manipulation::ravel;
use super::numbers::isin;
use super::order::lexsort;
use super::sorting::{argsort, sort};
use super::take::{bincount_length, extract, nonzero, nonzero_size, take_mode};

/// Returns which elements of a sorted vector differ from the one before them. If `equal_nan`, all NaN are one element.
fn firsts(sorted: &Array, equal_nan: bool) -> Array {
    let n = sorted.size();
    if n == 0 {
        return zeros_as([0], DType::Bool);
    }
    let (later, earlier) = (sorted.slice_axis(0, 1, n), sorted.slice_axis(0, 0, n - 1));
    let both = isnan(&later).logical_and(isnan(&earlier));
    let differs = later.not_equal(earlier);
    let differs = if equal_nan { differs.logical_and(logical_not(both)) } else { differs };
    concatenate([super::full_as([1], true, DType::Bool), differs], 0)
}

/// Returns the different elements of an array, sorted. All NaN are one element.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::unique(Array::from([3, 1, 3, 2])).to_vec::<i32>(), [1, 2, 3]);
/// ```
///
/// # Panics
/// If the values are not known, as under `jit`.
#[track_caller]
pub fn unique(x: impl ArrayLike) -> Array {
    let sorted = sort(ravel(x));
    extract(firsts(&sorted, true), &sorted)
}

/// Returns the first `size` of the different elements of an array, sorted. If there are fewer, the remaining entries are
/// `fill`. The values of the array may be unknown, as under `jit`. All NaN are one element.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::unique_size(Array::from([3, 1, 3]), 4, 9).to_vec::<i32>(), [1, 3, 9, 9]);
/// ```
#[track_caller]
pub fn unique_size(x: impl ArrayLike, size: usize, fill: impl ArrayLike) -> Array {
    let x = ravel(x);
    let fill = fill.to_array().astype(x.dtype());
    let n = x.size();
    if n == 0 {
        return fill.broadcast_to([size]);
    }
    as_one(&[x, fill], |args| {
        let sorted = sort(&args[0]);
        let places = nonzero_size(firsts(&sorted, true), size, n as i32).remove(0);
        where_(places.less(n as i32), take_mode(sorted, &places, 0, Mode::Clip), &args[1])
    })
}

/// Returns the different slices of an array along an axis, in lexicographic order.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let rows = Array::from([[1, 2], [1, 2], [0, 1]]);
/// assert_eq!(np::unique_axis(rows, 0).to_vec::<i32>(), [0, 1, 1, 2]);
/// ```
///
/// # Panics
/// If the values are not known, as under `jit`, or the axis is out of bounds.
#[track_caller]
pub fn unique_axis(x: impl ArrayLike, axis: isize) -> Array {
    let slices = x.to_array().moveaxis(axis, 0);
    let n = slices.shape()[0];
    let length = slices.shape()[1..].iter().product::<usize>();
    if n < 2 || length == 0 {
        return slices.slice_axis(0, 0, n.min(1)).moveaxis(0, axis);
    }
    let rows = slices.reshape([n, length]);
    // The last key counts first.
    let keys: Vec<Array> = (0..length).rev().map(|i| rows.slice_axis(1, i, i + 1).reshape([n])).collect();
    let order = lexsort(keys, -1);
    let sorted = super::take_axis(&rows, &order, 0);
    let (later, earlier) = (sorted.slice_axis(0, 1, n), sorted.slice_axis(0, 0, n - 1));
    let both = isnan(&later).logical_and(isnan(&earlier));
    let differs = later.not_equal(earlier).logical_and(logical_not(both)).any_axis(1);
    let first = concatenate([super::full_as([1], true, DType::Bool), differs], 0);
    super::take_axis(slices, extract(first, order), 0).moveaxis(0, axis)
}

/// The results of [`unique_all`].
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let u = np::unique_all(Array::from([3, 1, 3]));
/// assert_eq!((u.values.to_vec::<i32>(), u.counts.to_vec::<i32>()), (vec![1, 3], vec![1, 2]));
/// ```
#[derive(Clone, Debug)]
pub struct Unique {
    /// The different elements, sorted.
    pub values: Array,
    /// The index of the first occurrence of each, in the flattened array.
    pub indices: Array,
    /// For each element of the array, the index of its value among the different ones.
    pub inverse: Array,
    /// How often each of them occurs.
    pub counts: Array,
}

/// Returns the different elements of an array, with their first occurrences, their numbers, and where each element of
/// the array is among them. Each NaN is an element of its own, as in the array API standard.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let u = np::unique_all(Array::from([3, 1, 3, 2]));
/// assert_eq!(u.indices.to_vec::<i32>(), [1, 3, 0]);
/// assert_eq!(u.inverse.to_vec::<i32>(), [2, 0, 2, 1]);
/// ```
///
/// # Panics
/// If the values are not known, as under `jit`.
#[track_caller]
#[must_use]
pub fn unique_all(x: impl ArrayLike) -> Unique {
    let x = x.to_array();
    let flat = ravel(&x);
    let order = argsort(&flat);
    let sorted = super::take_axis(&flat, &order, 0);
    let first = firsts(&sorted, false);
    let values = extract(&first, &sorted);
    let group = first.astype(DType::I32).cumsum_axis(0) - 1;
    let counts = bincount_length(&group, values.size());
    let inverse = iota(DType::I32, [flat.size()], 0).at(&order).set(group);
    Unique { indices: extract(&first, &order), inverse: inverse.reshape(x.shape()), counts, values }
}

/// Returns the different elements of two arrays together, sorted.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::union1d(Array::from([3, 1]), Array::from([2, 3])).to_vec::<i32>(), [1, 2, 3]);
/// ```
///
/// # Panics
/// If the values are not known, as under `jit`.
#[track_caller]
pub fn union1d(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    unique(concatenate([ravel(x), ravel(y)], 0))
}

/// Returns the different elements that both arrays have, sorted.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::intersect1d(Array::from([3, 1, 3]), Array::from([2, 3])).to_vec::<i32>(), [3]);
/// ```
///
/// # Panics
/// If the values are not known, as under `jit`.
#[track_caller]
pub fn intersect1d(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let [x, y] = crate::ops::in_one_dtype([x.to_array(), y.to_array()]);
    let x = unique(x);
    extract(isin(&x, y), &x)
}

/// Returns the different elements of `x` that `y` does not have, sorted.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::setdiff1d(Array::from([3, 1, 1]), Array::from([2, 3])).to_vec::<i32>(), [1]);
/// ```
///
/// # Panics
/// If the values are not known, as under `jit`.
#[track_caller]
pub fn setdiff1d(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let x = unique(x);
    extract(logical_not(isin(&x, y)), &x)
}

/// Returns the different elements that only one of the arrays has, sorted.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::setxor1d(Array::from([3, 1]), Array::from([2, 3])).to_vec::<i32>(), [1, 2]);
/// ```
///
/// # Panics
/// If the values are not known, as under `jit`.
#[track_caller]
pub fn setxor1d(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let (x, y) = (x.to_array(), y.to_array());
    union1d(setdiff1d(&x, &y), setdiff1d(&y, &x))
}

/// Returns the indices of the nonzero elements of the flattened array.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::flatnonzero(Array::from([[0, 7], [8, 0]])).to_vec::<i32>(), [1, 2]);
/// ```
///
/// # Panics
/// If the values are not known, as under `jit`.
#[track_caller]
pub fn flatnonzero(x: impl ArrayLike) -> Array {
    nonzero(ravel(x)).remove(0)
}

/// Returns the coordinates of the nonzero elements: a row for each of them, and a column for each axis.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::argwhere(Array::from([[0, 7], [8, 0]])).to_vec::<i32>(), [0, 1, 1, 0]);
/// ```
///
/// # Panics
/// If the values are not known, as under `jit`.
#[track_caller]
pub fn argwhere(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    if x.ndim() == 0 {
        return zeros_as([nonzero(x.reshape([1]))[0].size(), 0], DType::I32);
    }
    super::stack(nonzero(&x), 1)
}
