//! The QR decomposition, by SciPy's names.

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::lax::linalg::{self, widened};
use crate::numpy::{concatenate, triu, zeros_as};
use crate::ops::in_one_dtype;

use super::Side;

/// The shapes of a QR decomposition.
///
/// ```
/// assert_eq!(cotangent::scipy::linalg::QrMode::default(), cotangent::scipy::linalg::QrMode::Full);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QrMode {
    /// Q is square.
    #[default]
    Full,
    /// Q has as many columns as the smaller size of A.
    Economic,
}

/// Returns (Q, R) with A = Q R.
///
/// ```
/// use cotangent::{Array, scipy::linalg::{QrMode, qr}};
/// let (q, r) = qr(Array::from([[3.0f32], [4.0]]), QrMode::Economic);
/// assert_eq!((q.shape(), r.to_vec::<f32>()), (&[2, 1][..], vec![-5.0]));
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn qr(a: impl ArrayLike, mode: QrMode) -> (Array, Array) {
    linalg::qr(a.to_array().to_inexact(), mode == QrMode::Full)
}

/// Returns (Q, R, p) with A[:, p] = Q R, where the diagonal of R does not increase in magnitude.
///
/// ```
/// use cotangent::{Array, scipy::linalg::{QrMode, qr_pivoting}};
/// let (_, _, p) = qr_pivoting(Array::from([[1.0f32, 3.0], [0.0, 4.0]]), QrMode::Full);
/// assert_eq!(p.to_vec::<i32>(), [1, 0]);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn qr_pivoting(a: impl ArrayLike, mode: QrMode) -> (Array, Array, Array) {
    linalg::qr_pivoting(a.to_array().to_inexact(), mode == QrMode::Full)
}

/// Returns R, which has the shape of A: SciPy's mode "r".
///
/// ```
/// use cotangent::{Array, scipy::linalg::qr_r};
/// assert_eq!(qr_r(Array::from([[3.0f32], [4.0]])).to_vec::<f32>(), [-5.0, 0.0]);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn qr_r(a: impl ArrayLike) -> Array {
    qr(a, QrMode::Full).1
}

/// Returns the (R, p) of [`qr_pivoting`]: SciPy's mode "r" with `pivoting=True`.
///
/// ```
/// use cotangent::{Array, scipy::linalg::qr_r_pivoting};
/// let (_, p) = qr_r_pivoting(Array::from([[1.0f32, 3.0], [0.0, 4.0]]));
/// assert_eq!(p.to_vec::<i32>(), [1, 0]);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn qr_r_pivoting(a: impl ArrayLike) -> (Array, Array) {
    let (_, r, p) = qr_pivoting(a, QrMode::Full);
    (r, p)
}

/// Returns the product of `c` with the Q of the economic QR decomposition of A, without forming Q, and R: Q C on the
/// left, C Q on the right. With `conjugate`, Q is conjugated first. `c` may be a vector: a column on the left, a row on
/// the right. Batch axes are broadcast.
///
/// ```
/// use cotangent::{Array, scipy::linalg::{Side, Trans, qr_multiply, solve_triangular}};
/// let a = Array::from([[1.0f32, 1.0], [1.0, 2.0], [1.0, 3.0], [1.0, 4.0]]);
/// let b = Array::from([2.0f32, 4.0, 5.0, 4.0]);
/// let (qtb, r) = qr_multiply(&a, &b, Side::Right, false);
/// let x = solve_triangular(&r, &qtb, Trans::No, false, false);
/// assert!((a.t().matmul(a.matmul(x)) - a.t().matmul(b)).abs().max().item::<f32>() < 1e-3);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions, or sizes do not fit.
#[track_caller]
pub fn qr_multiply(a: impl ArrayLike, c: impl ArrayLike, side: Side, conjugate: bool) -> (Array, Array) {
    let (product, r, _) = multiplied(a.to_array(), c.to_array(), side, conjugate, false);
    (product, r)
}

/// Like [`qr_multiply`], of [`qr_pivoting`]. The third result is p.
///
/// ```
/// use cotangent::{Array, scipy::linalg::{Side, qr_multiply_pivoting}};
/// let a = Array::from([[1.0f32, 3.0], [0.0, 4.0]]);
/// let (_, _, p) = qr_multiply_pivoting(&a, Array::from([1.0f32, 1.0]), Side::Left, false);
/// assert_eq!(p.to_vec::<i32>(), [1, 0]);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions, or sizes do not fit.
#[track_caller]
pub fn qr_multiply_pivoting(
    a: impl ArrayLike,
    c: impl ArrayLike,
    side: Side,
    conjugate: bool,
) -> (Array, Array, Array) {
    multiplied(a.to_array(), c.to_array(), side, conjugate, true)
}

#[track_caller]
fn multiplied(a: Array, c: Array, side: Side, conjugate: bool, pivoting: bool) -> (Array, Array, Array) {
    let [a, c] = in_one_dtype([a.to_inexact(), c.to_inexact()]);
    let [.., m, n] = a.shape()[..] else {
        raise(Error::shape(format!("qr_multiply: expected at least two dimensions, got {}", a.aval())))
    };
    let (k, left) = (m.min(n), side == Side::Left);
    let vector = c.ndim() == 1;
    let c = if vector { c.expand_dims(if left { 1 } else { 0 }) } else { c };
    let fits = c.ndim() >= 2 && if left { c.shape()[c.ndim() - 2] == k } else { c.shape()[c.ndim() - 1] == m };
    if !fits {
        let (what, size) = if left { ("rows", k) } else { ("columns", m) };
        raise(Error::shape(format!(
            "qr_multiply: Q of {} needs a factor with {size} {what}, got {}",
            a.aval(),
            c.aval()
        )));
    }
    let batch = crate::array::aval::broadcast_shapes(&a.shape()[..a.ndim() - 2], &c.shape()[..c.ndim() - 2]).or_raise();
    let spread = |x: &Array| x.broadcast_to([&batch[..], &x.shape()[x.ndim() - 2..]].concat());
    let (a, c) = (spread(&a), spread(&c));
    let mut results = widened(&[a, c], |x| {
        let (product, r, p) = of_one_batch(&x[0], &x[1], left, conjugate, pivoting);
        vec![product, r, p]
    });
    let (p, r, mut product) = (results.remove(2), results.remove(1), results.remove(0));
    if vector {
        product = product.reshape([&batch[..], &[if left { m } else { k }]].concat());
    }
    (product, r, p)
}

/// Returns the product, R, and the permutation if there is one, of two arrays with the same leading axes.
fn of_one_batch(a: &Array, c: &Array, left: bool, conjugate: bool, pivoting: bool) -> (Array, Array, Array) {
    let rank = a.ndim();
    let (batch, m, n) = (&a.shape()[..rank - 2], a.shape()[rank - 2], a.shape()[rank - 1]);
    let (mut c, k) = (c.clone(), m.min(n));
    let (packed, taus, p) = if pivoting {
        let (packed, p, taus) = linalg::geqp3(a, zeros_as([batch, &[n]].concat(), DType::I32));
        (packed, taus, p - 1)
    } else {
        let (packed, taus) = linalg::geqrf(a);
        (packed, taus, zeros_as(0, DType::I32))
    };
    if left && m > k {
        let columns = c.shape()[c.ndim() - 1];
        c = concatenate([&c, &zeros_as([batch, &[m - k, columns]].concat(), c.dtype())], -2);
    }
    // The transpose of conj(Q) C is Cᵀ Qᴴ.
    let swapped = |x: Array| if conjugate { x.moveaxis(-1, -2) } else { x };
    let mut product = swapped(linalg::ormqr(&packed, &taus, swapped(c), left != conjugate, conjugate));
    if !left {
        product = product.slice_axis(product.ndim() - 1, 0, k);
    }
    (product, triu(packed.slice_axis(packed.ndim() - 2, 0, k)), p)
}
