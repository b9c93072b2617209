//! Products of matrices, and rearrangements of them.

use crate::api::program::as_one;
use crate::array::promote::promote_types;
use crate::array::{Array, ArrayLike, Arrays};
use crate::error::{Error, raise};
use crate::methods::products::mismatch;

use super::super::diagonals::diagonal_of_last;
use super::super::vectors;

/// Returns the cross product of vectors of three elements along the last axis. All other axes are broadcast.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let z = np::linalg::cross(Array::from([1, 0, 0]), Array::from([0, 1, 0]));
/// assert_eq!(z.to_vec::<i32>(), [0, 0, 1]);
/// ```
///
/// # Panics
/// If the last axis does not have three elements.
#[track_caller]
pub fn cross(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    cross_axis(x, y, -1)
}

/// Like [`cross`], but along another axis of both operands and of the result.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::linalg::cross_axis(np::ones([3, 5]), np::ones([3, 5]), 0).shape(), [3, 5]);
/// ```
///
/// # Panics
/// If the axis is out of bounds, or does not have three elements.
#[track_caller]
pub fn cross_axis(x: impl ArrayLike, y: impl ArrayLike, axis: isize) -> Array {
    let (x, y) = (x.to_array().moveaxis(axis, -1), y.to_array().moveaxis(axis, -1));
    for x in [&x, &y] {
        if x.shape().last() != Some(&3) {
            raise(
                Error::shape(format!("cross: expected vectors of three elements, got {}", x.aval()))
                    .help("`numpy::cross` takes vectors of two elements as well"),
            );
        }
    }
    vectors::cross(x, y).moveaxis(-1, axis)
}

/// Returns the products of each element of one vector with each element of the other.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::linalg::outer(Array::from([1, 2]), Array::from([3, 4])).to_vec::<i32>(), [3, 4, 6, 8]);
/// ```
///
/// # Panics
/// If an operand is not a vector. [`numpy::outer`](crate::numpy::outer) flattens its operands.
#[track_caller]
pub fn outer(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let (x, y) = (x.to_array(), y.to_array());
    if x.ndim() != 1 || y.ndim() != 1 {
        raise(
            Error::shape(format!("outer: expected vectors, got {} and {}", x.aval(), y.aval()))
                .help("`numpy::outer` flattens its operands"),
        );
    }
    x.expand_dims(1) * y.expand_dims(0)
}

/// Returns the `k`-th diagonal of the last two axes, as the last axis.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::linalg::diagonal(np::ones([5, 3, 4]), 2).shape(), [5, 2]);
/// ```
///
/// # Panics
/// If `x` has fewer than two dimensions.
#[track_caller]
pub fn diagonal(x: impl ArrayLike, k: isize) -> Array {
    diagonal_of_last(&x.to_array(), k)
}

/// Returns the sum of the main diagonal of the last two axes.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::linalg::trace(np::ones([5, 3, 4])).to_vec::<f32>(), [3.0; 5]);
/// ```
///
/// # Panics
/// If `x` has fewer than two dimensions.
#[track_caller]
pub fn trace(x: impl ArrayLike) -> Array {
    trace_k(x, 0)
}

/// Returns the sum of the `k`-th diagonal of the last two axes.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::linalg::trace_k(Array::from([[1, 2], [3, 4]]), 1).item::<i32>(), 2);
/// ```
///
/// # Panics
/// If `x` has fewer than two dimensions.
#[track_caller]
pub fn trace_k(x: impl ArrayLike, k: isize) -> Array {
    as_one(&[x.to_array()], |x| diagonal(&x[0], k).sum_axis(-1))
}

/// Returns the product of several matrices, in the order of multiplications that takes the fewest operations. The first
/// array may be a row vector and the last a column vector.
///
/// The order comes from dynamic programming over the sizes (Cormen et al., *Introduction to Algorithms*, 15.2), for any
/// number of matrices.
///
/// ```
/// use cotangent::numpy as np;
/// let (a, b, v) = (np::ones([100, 2]), np::ones([2, 100]), np::ones(100));
/// assert_eq!(np::linalg::multi_dot([a, b, v]).shape(), [100]);
/// ```
///
/// # Panics
/// If there are fewer than two arrays, one in the middle is not a matrix, or the sizes do not fit.
#[track_caller]
pub fn multi_dot(arrays: impl Arrays) -> Array {
    let arrays = arrays.to_arrays();
    let n = arrays.len();
    if n < 2 {
        raise(Error::shape(format!("multi_dot: expected at least two arrays, got {n}")));
    }
    for (i, x) in arrays.iter().enumerate() {
        let end = i == 0 || i == n - 1;
        if !(x.ndim() == 2 || end && x.ndim() == 1) {
            raise(Error::shape(format!(
                "multi_dot: array {i} must be a matrix{}, got {}",
                if end { " or a vector" } else { "" },
                x.aval()
            )));
        }
    }
    for pair in arrays.windows(2) {
        if pair[0].shape().last() != pair[1].shape().first() {
            mismatch("multi_dot", &pair[0], &pair[1]);
        }
    }
    let (dtype, weak) = (arrays.iter().map(|x| (x.dtype(), x.weak_type())).reduce(promote_types))
        .unwrap_or_else(|| unreachable!("there are two arrays"));
    let arrays: Vec<Array> = arrays.into_iter().map(|x| x.convert(dtype, weak)).collect();
    // The first array is a row if it is a vector, and the last a column.
    let mut sizes: Vec<usize> = vec![if arrays[0].ndim() == 1 { 1 } else { arrays[0].shape()[0] }];
    sizes.extend(arrays[1..].iter().map(|x| x.shape()[0]));
    sizes.push(if arrays[n - 1].ndim() == 1 { 1 } else { arrays[n - 1].shape()[1] });
    let splits = splits(&sizes);
    as_one(&arrays, |arrays| chain(arrays, &splits, 0, n - 1))
}

/// Returns, for each chain of matrices from `i` to `j`, the last matrix of its left half.
fn splits(sizes: &[usize]) -> Vec<Vec<usize>> {
    let n = sizes.len() - 1;
    let mut costs = vec![vec![0.0; n]; n];
    let mut splits = vec![vec![0; n]; n];
    for length in 2..=n {
        for i in 0..=n - length {
            let j = i + length - 1;
            let cost =
                |k: usize| costs[i][k] + costs[k + 1][j] + (sizes[i] * sizes[k + 1]) as f64 * sizes[j + 1] as f64;
            let best = (i..j).min_by(|a, b| cost(*a).total_cmp(&cost(*b)));
            splits[i][j] = best.unwrap_or_else(|| unreachable!("a chain of two has two halves"));
            costs[i][j] = cost(splits[i][j]);
        }
    }
    splits
}

#[track_caller]
fn chain(arrays: &[Array], splits: &[Vec<usize>], i: usize, j: usize) -> Array {
    if i == j {
        return arrays[i].clone();
    }
    let k = splits[i][j];
    chain(arrays, splits, i, k).matmul(chain(arrays, splits, k + 1, j))
}
