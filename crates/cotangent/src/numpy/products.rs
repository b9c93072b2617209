//! Products of vectors, matrices and tensors.

use crate::api::program::as_one;
use crate::array::aval::{Shape, canonical_axis};
use crate::array::{Array, ArrayLike};
use crate::error::{OrRaise, Result};
use crate::methods::products::{contract, mismatch};
use crate::ops::in_one_dtype;

use super::manipulation::ravel;

/// Returns the sum of products over the last axis of `x` and the second-to-last axis of `y`. If one of them is a
/// scalar, returns the product.
///
/// # Panics
/// If the sizes of these axes differ.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([1.0f32, 2.0]);
/// assert_eq!(np::dot(&x, &x).item::<f32>(), 5.0);
/// ```
#[track_caller]
pub fn dot(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    x.to_array().dot(y)
}

/// Returns the matrix product over the last two axes. All other axes are batch axes and are broadcast. A vector on the
/// left is a row, and a vector on the right is a column. The axis that is added to it is not in the result.
///
/// # Panics
/// If an operand is a scalar, or the sizes do not fit.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::matmul(np::ones([5, 2, 3]), np::ones([3, 4])).shape(), [5, 2, 4]);
/// ```
#[track_caller]
pub fn matmul(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    x.to_array().matmul(y)
}

/// Returns the inner product of the flattened operands. The first one is conjugated.
///
/// # Panics
/// If the sizes of the operands differ.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::vdot(Array::from([1.0f32, 2.0]), Array::from([3.0f32, 4.0])).item::<f32>(), 11.0);
/// ```
#[track_caller]
pub fn vdot(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let (x, y) = (ravel(x), ravel(y));
    dot(if x.dtype().is_complex() { x.conj() } else { x }, y)
}

/// Returns the sum of products over the last axes of both operands.
///
/// # Panics
/// If the sizes of these axes differ.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::inner(Array::from([1.0f32, 2.0]), Array::from([3.0f32, 4.0])).item::<f32>(), 11.0);
/// ```
#[track_caller]
pub fn inner(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let [x, y] = in_one_dtype([x.to_array(), y.to_array()]);
    if x.ndim() == 0 || y.ndim() == 0 {
        return x * y;
    }
    if x.shape().last() != y.shape().last() {
        mismatch("inner", &x, &y);
    }
    let last = [vec![x.ndim() - 1], vec![y.ndim() - 1]];
    contract(&x, &y, last, [vec![], vec![]])
}

/// Returns the products of each element of one operand with each element of the other. Both are flattened.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::outer(Array::from([1, 2]), Array::from([3, 4])).to_vec::<i32>(), [3, 4, 6, 8]);
/// ```
#[track_caller]
pub fn outer(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let (x, y) = (ravel(x), ravel(y));
    x.reshape([x.size(), 1]) * y.reshape([1, y.size()])
}

/// The axes that [`tensordot`] sums over: either the last `n` axes of the first operand and the first `n` axes of the
/// second, or pairs of axes.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::tensordot(np::ones([2, 3]), np::ones([3, 4]), 1).shape(), [2, 4]);
/// ```
pub trait Contraction {
    /// Returns the axes of both operands, whose ranks are given.
    fn axes(self, ranks: [usize; 2]) -> [Vec<isize>; 2];
}

impl Contraction for usize {
    fn axes(self, [x, _]: [usize; 2]) -> [Vec<isize>; 2] {
        [(x.saturating_sub(self)..x).map(|a| a as isize).collect(), (0..self as isize).collect()]
    }
}

impl<const N: usize> Contraction for ([isize; N], [isize; N]) {
    fn axes(self, _: [usize; 2]) -> [Vec<isize>; 2] {
        [self.0.to_vec(), self.1.to_vec()]
    }
}

/// Returns the sum of products over several axes.
///
/// # Panics
/// If an axis is out of bounds, or paired axes differ in size.
///
/// ```
/// use cotangent::numpy as np;
/// let (x, y) = (np::ones([2, 3, 4]), np::ones([3, 4, 5]));
/// assert_eq!(np::tensordot(&x, &y, 2).shape(), [2, 5]);
/// assert_eq!(np::tensordot(&x, &y, ([2], [1])).shape(), [2, 3, 3, 5]);
/// ```
#[track_caller]
pub fn tensordot(x: impl ArrayLike, y: impl ArrayLike, axes: impl Contraction) -> Array {
    let [x, y] = in_one_dtype([x.to_array(), y.to_array()]);
    let [a, b] = axes.axes([x.ndim(), y.ndim()]);
    let canonical =
        |axes: Vec<isize>, x: &Array| axes.into_iter().map(|a| canonical_axis(a, x.ndim())).collect::<Result<Vec<_>>>();
    let dims = [canonical(a, &x).or_raise(), canonical(b, &y).or_raise()];
    contract(&x, &y, dims, [vec![], vec![]])
}

/// Returns the Kronecker product: each element of `x` times all of `y`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::kron(Array::from([1, 2]), Array::from([1, 1])).to_vec::<i32>(), [1, 1, 2, 2]);
/// ```
#[track_caller]
pub fn kron(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let (x, y) = (x.to_array(), y.to_array());
    let rank = x.ndim().max(y.ndim());
    let pad = |s: &[usize]| std::iter::repeat_n(1, rank - s.len()).chain(s.iter().copied()).collect::<Vec<_>>();
    let (a, b) = (pad(x.shape()), pad(y.shape()));
    let x = x.reshape(a.iter().flat_map(|n| [*n, 1]).collect::<Shape>());
    let y = y.reshape(b.iter().flat_map(|n| [1, *n]).collect::<Shape>());
    (x * y).reshape(a.iter().zip(&b).map(|(m, n)| m * n).collect::<Shape>())
}

/// Returns the sum of the main diagonal of the first two axes. The traces of matrices with leading batch axes are those
/// of [`linalg::trace`](super::linalg::trace).
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::trace(Array::from([[1.0f32, 2.0], [3.0, 4.0]])).item::<f32>(), 5.0);
/// assert_eq!(np::trace(np::ones([3, 4, 5])).to_vec::<f32>(), [3.0; 5]);
/// ```
///
/// # Panics
/// If `x` has fewer than two dimensions.
#[track_caller]
pub fn trace(x: impl ArrayLike) -> Array {
    trace_axes(x, 0, 0, 1)
}

/// Returns the sum of the `k`-th diagonal of the matrices whose rows are along `axis1` and whose columns are along
/// `axis2`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = np::arange(8).reshape([2, 2, 2]);
/// assert_eq!(np::trace_axes(&x, 1, 0, 2).to_vec::<i32>(), [1, 3]);
/// ```
///
/// # Panics
/// If `x` has fewer than two dimensions, or the axes are out of bounds or the same.
#[track_caller]
pub fn trace_axes(x: impl ArrayLike, k: isize, axis1: isize, axis2: isize) -> Array {
    as_one(&[x.to_array()], |x| super::diagonal_axes(&x[0], k, axis1, axis2).sum_axis(-1))
}
