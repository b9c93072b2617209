//! Triangles and diagonals of matrices.

use crate::array::aval::canonical_axis;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, ErrorKind, OrRaise, raise};
use crate::ops::linalg::lower_mask;

use super::logic::where_;
use super::manipulation::pad;

#[track_caller]
fn last_two(what: &str, x: &Array) -> (usize, usize) {
    match x.shape() {
        [.., rows, columns] => (*rows, *columns),
        _ => raise(Error::shape(format!("{what}: expected at least two dimensions, got {}", x.aval()))),
    }
}

/// Returns the lower triangle of the last two axes, with zeros above the main diagonal.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::tril(Array::from([[1, 2], [3, 4]])).to_vec::<i32>(), [1, 0, 3, 4]);
/// ```
#[track_caller]
pub fn tril(x: impl ArrayLike) -> Array {
    tril_k(x, 0)
}

/// Returns the elements on and below the `k`-th diagonal of the last two axes, with zeros above it.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::tril_k(Array::from([[1, 2], [3, 4]]), -1).to_vec::<i32>(), [0, 0, 3, 0]);
/// ```
#[track_caller]
pub fn tril_k(x: impl ArrayLike, k: isize) -> Array {
    let x = x.to_array();
    let (rows, columns) = last_two("tril", &x);
    let zero = Array::literal(Literal::int(x.dtype(), 0));
    where_(lower_mask(rows, columns, k), x, zero)
}

/// Returns the upper triangle of the last two axes, with zeros below the main diagonal.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::triu(Array::from([[1, 2], [3, 4]])).to_vec::<i32>(), [1, 2, 0, 4]);
/// ```
#[track_caller]
pub fn triu(x: impl ArrayLike) -> Array {
    triu_k(x, 0)
}

/// Returns the elements on and above the `k`-th diagonal of the last two axes, with zeros below it.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::triu_k(Array::from([[1, 2], [3, 4]]), 1).to_vec::<i32>(), [0, 2, 0, 0]);
/// ```
#[track_caller]
pub fn triu_k(x: impl ArrayLike, k: isize) -> Array {
    let x = x.to_array();
    let (rows, columns) = last_two("triu", &x);
    let zero = Array::literal(Literal::int(x.dtype(), 0));
    where_(lower_mask(rows, columns, k - 1), zero, x)
}

/// Returns a square matrix with a vector on its diagonal, or the diagonal of a matrix.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::diag(Array::from([1, 2])).to_string(), "[[1 0]\n [0 2]]");
/// assert_eq!(np::diag(Array::from([[1, 2], [3, 4]])).to_vec::<i32>(), [1, 4]);
/// ```
#[track_caller]
pub fn diag(x: impl ArrayLike) -> Array {
    diag_k(x, 0)
}

/// Like [`diag`], but on the `k`-th diagonal, which is above the main diagonal if `k` is positive.
///
/// # Panics
/// If `x` is neither a vector nor a matrix.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::diag_k(Array::from([1, 2]), 1).shape(), [3, 3]);
/// ```
#[track_caller]
pub fn diag_k(x: impl ArrayLike, k: isize) -> Array {
    let x = x.to_array();
    match x.shape() {
        [n] => {
            let (before, size) = (k.unsigned_abs(), n + k.unsigned_abs());
            // Row r has element r of the vector, or r + k if the diagonal is below the main one.
            let side = if k >= 0 { (0, before) } else { (before, 0) };
            let column = pad(&x, &[side], 0).reshape([size, 1]);
            let zero = Array::literal(Literal::int(x.dtype(), 0));
            where_(super::diagonal_mask(size, size, k), column.broadcast_to([size, size]), zero)
        }
        [_, _] => diagonal(&x, k),
        _ => raise(Error::shape(format!("diag: expected a vector or a matrix, got {}", x.aval()))),
    }
}

/// Returns the `k`-th diagonal of the first two axes, as the last axis. The diagonals of matrices with leading batch axes
/// are those of [`linalg::diagonal`](super::linalg::diagonal).
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::diagonal(Array::from([[1, 2], [3, 4]]), 0).to_vec::<i32>(), [1, 4]);
/// assert_eq!(np::diagonal(np::ones([3, 4, 5]), 2).shape(), [5, 2]);
/// ```
///
/// # Panics
/// If `x` has fewer than two dimensions.
#[track_caller]
pub fn diagonal(x: impl ArrayLike, k: isize) -> Array {
    diagonal_axes(x, k, 0, 1)
}

/// Like [`diagonal`], of the matrices whose rows are along `axis1` and whose columns are along `axis2`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = np::arange(8).reshape([2, 2, 2]);
/// assert_eq!(np::diagonal_axes(&x, 0, 0, 2).to_vec::<i32>(), [0, 5, 2, 7]);
/// ```
///
/// # Panics
/// If `x` has fewer than two dimensions, or the axes are out of bounds or the same.
#[track_caller]
pub fn diagonal_axes(x: impl ArrayLike, k: isize, axis1: isize, axis2: isize) -> Array {
    let x = x.to_array();
    let rank = x.ndim();
    last_two("diagonal", &x);
    let [rows, columns] = [axis1, axis2].map(|axis| canonical_axis(axis, rank).or_raise());
    if rows == columns {
        raise(
            Error::new(ErrorKind::Axis, format!("diagonal: axis {axis1} is repeated in [{axis1}, {axis2}]"))
                .help("one has the rows, the other one the columns"),
        );
    }
    let order: Vec<usize> = (0..rank).filter(|i| ![rows, columns].contains(i)).chain([rows, columns]).collect();
    let x = if order.is_sorted() { x } else { x.transpose(order) };
    diagonal_of_last(&x, k)
}

/// Returns the `k`-th diagonal of the last two axes, as the last axis.
#[track_caller]
pub(super) fn diagonal_of_last(x: &Array, k: isize) -> Array {
    let (rows, columns) = last_two("diagonal", x);
    let (above, below) = (k.max(0) as usize, (-k).max(0) as usize);
    let n = columns.saturating_sub(above).min(rows.saturating_sub(below));
    let rank = x.ndim();
    let (row0, column0) = (below.min(rows), above.min(columns));
    let square = x.slice_axis(rank - 2, row0, row0 + n).slice_axis(rank - 1, column0, column0 + n);
    // One element of each row is kept. The sum with zeros is that element.
    let zero = Array::literal(Literal::int(x.dtype(), 0));
    let kept = where_(super::diagonal_mask(n, n, 0), &square, zero);
    match x.dtype() {
        DType::Bool => kept.any_axis(-1),
        dtype => kept.sum_axis(-1).astype(dtype),
    }
}
