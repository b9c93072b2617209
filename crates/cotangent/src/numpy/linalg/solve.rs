//! Systems of linear equations, and the Cholesky decomposition.

use crate::array::aval::broadcast_shapes;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::lax::custom_linear_solve;
use crate::lax::linalg::{self, Modified, adjoint, cholesky_of_triangle, library1, lu, lu_solve};
use crate::methods::axes::Axes;
use crate::numpy::creation::eye_as;
use crate::ops::in_one_inexact_dtype;
use crate::ops::linalg::product;

/// Returns the lower triangular Cholesky factor: L with L Lᴴ = (A + Aᴴ)/2. If that matrix is not positive definite, L
/// is NaN. See [`cholesky_as`] for the upper triangular factor.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let l = np::linalg::cholesky(Array::from([[4.0f32, 2.0], [2.0, 10.0]]));
/// assert_eq!(l.to_vec::<f32>(), [2.0, 0.0, 1.0, 3.0]);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn cholesky(a: impl ArrayLike) -> Array {
    cholesky_as(a, false, true)
}

/// Returns the lower triangular Cholesky factor L, or if `upper`, the upper triangular U = Lᴴ. If `symmetrize_input`,
/// the matrix is (A + Aᴴ)/2. Otherwise only the lower triangle of A is read.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let u = np::linalg::cholesky_as(Array::from([[4.0f32, f32::NAN], [2.0, 10.0]]), true, false);
/// assert_eq!(u.to_vec::<f32>(), [2.0, 1.0, 0.0, 3.0]);
/// ```
///
/// # Panics
/// Like [`cholesky`].
#[track_caller]
pub fn cholesky_as(a: impl ArrayLike, upper: bool, symmetrize_input: bool) -> Array {
    library1(&[a.to_array().to_inexact()], |a| {
        let l = if symmetrize_input { linalg::cholesky(&a[0]) } else { cholesky_of_triangle(&a[0], true) };
        if upper { adjoint(&l) } else { l }
    })
}

/// Returns the solution X of A X = B. A has the shape `[..., n, n]`. B is a vector of `n` elements, or has the shape
/// `[..., n, k]`. Batch axes are broadcast. If A is singular, X has elements that are infinite or NaN.
///
/// The derivatives use the same factors: they take two triangular systems more for each direction.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let a = Array::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// assert_eq!(np::linalg::solve(&a, Array::from([5.0f32, 11.0])).to_vec::<f32>(), [1.0, 2.0]);
/// ```
///
/// # Panics
/// If A is not square, or the sizes do not fit.
#[track_caller]
pub fn solve(a: impl ArrayLike, b: impl ArrayLike) -> Array {
    solved_with("solve", a, b, |a, b| {
        let (lu, _, rows) = lu(a.stop_gradient());
        let both = |x: &Array| x.broadcast_to(batched(b, &x.shape()[a.ndim() - 2..]));
        let solver = |how: Modified| {
            let (lu, rows) = (both(&lu), both(&rows));
            move |b: &Array| lu_solve(&lu, &rows, b, how)
        };
        let (forward, back) = (solver(Modified::No), solver(Modified::Transposed));
        let a = a.broadcast_to(batched(b, &a.shape()[a.ndim() - 2..]));
        custom_linear_solve(|x: &Array| product(&a, x), |_, b| forward(b)).transpose_solve(|_, b| back(b)).solve(b)
    })
}

/// Returns the batch axes of `b`, and then `sizes`.
fn batched(b: &Array, sizes: &[usize]) -> Vec<usize> {
    [&b.shape()[..b.ndim() - 2], sizes].concat()
}

/// Solves A X = B by a method for matrices B whose batch axes are those that A is broadcast to.
#[track_caller]
pub(crate) fn solved_with(
    name: &str,
    a: impl ArrayLike,
    b: impl ArrayLike,
    method: impl FnOnce(&Array, &Array) -> Array,
) -> Array {
    let [a, b] = in_one_inexact_dtype([a.to_array(), b.to_array()]);
    let fits = match (a.shape(), b.shape()) {
        ([.., n, m], [rows] | [.., rows, _]) => n == m && m == rows,
        _ => false,
    };
    if !fits {
        let error = Error::shape(format!(
            "{name}: expected A of shape [..., n, n] and B of shape [n] or [..., n, k], got A {} and B {}",
            a.aval(),
            b.aval()
        ));
        let columns = b.ndim() > 1 && b.ndim() + 1 == a.ndim() && b.shape().last() == a.shape().last();
        raise(if columns { error.help("for one vector each, use `b.expand_dims(-1)`") } else { error });
    }
    library1(&[a, b], |x| {
        let (a, b) = (&x[0], &x[1]);
        if b.ndim() == 1 {
            let shape: Vec<usize> = [&a.shape()[..a.ndim() - 2], &[b.size(), 1]].concat();
            let column = b.expand_dims(-1).broadcast_to(&shape[..]);
            return method(a, &column).reshape(&shape[..shape.len() - 1]);
        }
        if a.ndim() == 2 && b.ndim() > 2 {
            // One matrix for the whole batch, whose elements become columns.
            let (n, front) = (a.shape()[0], b.moveaxis(-2, 0));
            let solution = method(a, &front.reshape([n, b.size() / n.max(1)]));
            return solution.reshape(front.shape()).moveaxis(0, -2);
        }
        let batch = broadcast_shapes(&a.shape()[..a.ndim() - 2], &b.shape()[..b.ndim() - 2]).or_raise();
        let whole: Vec<usize> = [&batch, &b.shape()[b.ndim() - 2..]].concat();
        let missing = vec![1; batch.rank() + 2 - a.ndim()];
        let a = a.reshape([&missing[..], a.shape()].concat());
        method(&a, &b.broadcast_to(whole))
    })
}

/// Returns the inverse matrix. If A is singular, it has elements that are infinite or NaN.
///
/// For A⁻¹ B, [`solve`] is faster and more accurate.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = np::linalg::inv(Array::from([[2.0f32, 0.0], [0.0, 4.0]]));
/// assert_eq!(x.to_vec::<f32>(), [0.5, 0.0, 0.0, 0.25]);
/// ```
///
/// # Panics
/// If A is not square.
#[track_caller]
pub fn inv(a: impl ArrayLike) -> Array {
    let a = a.to_array().to_inexact();
    match a.shape() {
        [.., n, m] if n == m => {
            let one = eye_as(*n, *n, 0, a.dtype()).broadcast_to(a.shape());
            solve(a, one)
        }
        _ => raise(Error::shape(format!("inv: expected square matrices, of shape [..., n, n], got {}", a.aval()))),
    }
}

/// Returns the inverse of a tensor for the product over `ind` axes: `x` with `tensordot(x, a, ind)` the identity. Its
/// shape is that of `a` with the first `ind` axes last.
///
/// ```
/// use cotangent::numpy as np;
/// let a = np::eye(6, 6).reshape([2, 3, 6]);
/// assert_eq!(np::linalg::tensorinv(a, 2).shape(), [6, 2, 3]);
/// ```
///
/// # Panics
/// If `ind` is 0 or more than the number of axes, or the products of the sizes of the first `ind` axes and of the
/// others differ.
#[track_caller]
pub fn tensorinv(a: impl ArrayLike, ind: usize) -> Array {
    let a = a.to_array();
    if ind == 0 || ind > a.ndim() {
        raise(Error::value(format!("tensorinv: ind must be between 1 and the {} axes of {}", a.ndim(), a.aval())));
    }
    let (first, rest) = a.shape().split_at(ind);
    let [rows, columns] = [first, rest].map(|sizes| sizes.iter().product::<usize>());
    if rows != columns {
        raise(Error::shape(format!(
            "tensorinv: the first {ind} axes of {} have {rows} elements, the others {columns}",
            a.aval()
        )));
    }
    inv(a.reshape([rows, columns])).reshape([rest, first].concat())
}

/// Returns the `x` with `tensordot(a, x, x.ndim())` equal to `b`. The first axes of `a` are those of `b`, the others
/// are those of `x`.
///
/// ```
/// use cotangent::numpy as np;
/// let a = 2.0 * np::eye(6, 6).reshape([2, 3, 6]);
/// let x = np::linalg::tensorsolve(a, np::ones([2, 3]));
/// assert_eq!(x.to_vec::<f32>(), [0.5; 6]);
/// ```
///
/// # Panics
/// If the first axes of `a` are not those of `b`, or the others have another number of elements.
#[track_caller]
pub fn tensorsolve(a: impl ArrayLike, b: impl ArrayLike) -> Array {
    let (a, b) = (a.to_array(), b.to_array());
    let fits = a.shape().starts_with(b.shape());
    let rest = if fits { &a.shape()[b.ndim()..] } else { &[] };
    let n: usize = rest.iter().product();
    if !fits || n != b.size() {
        raise(Error::shape(format!(
            "tensorsolve: expected a tensor that has the axes of {} first, and then axes of as many elements, got {}",
            b.aval(),
            a.aval()
        )));
    }
    solve(a.reshape([n, n]), b.reshape(n)).reshape(rest)
}

/// [`tensorsolve`] of `a` with some axes moved to the end.
///
/// ```
/// use cotangent::numpy as np;
/// let a = np::eye(6, 6).reshape([6, 2, 3]);
/// let x = np::linalg::tensorsolve_axes(a, np::ones([2, 3]), 0);
/// assert_eq!(x.to_vec::<f32>(), [1.0; 6]);
/// ```
///
/// # Panics
/// If there are no such axes, or [`tensorsolve`] panics.
#[track_caller]
pub fn tensorsolve_axes(a: impl ArrayLike, b: impl ArrayLike, axes: impl Axes) -> Array {
    let a = a.to_array();
    let last = axes.resolve(a.ndim()).or_raise();
    let order: Vec<usize> = (0..a.ndim()).filter(|axis| !last.contains(axis)).chain(last.iter().copied()).collect();
    tensorsolve(a.permute(&order), b)
}
