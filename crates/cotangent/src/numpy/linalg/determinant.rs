//! Determinants.

use crate::api::custom::custom_jvp;
use crate::api::linear::jvp;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::cond;
use crate::lax::linalg::{library, library1, lu};
use crate::numpy::creation::eye_as;
use crate::numpy::logic::where_;

use super::{diagonal, solve, trace};

/// Returns the matrices as inexact numbers, and their size.
#[track_caller]
fn squares(name: &str, a: impl ArrayLike) -> (Array, usize) {
    let a = a.to_array().to_inexact();
    match *a.shape() {
        [.., n, m] if n == m => (a, n),
        _ => raise(Error::shape(format!("{name}: expected square matrices, of shape [..., n, n], got {}", a.aval()))),
    }
}

/// Returns the element in row `i` and column `j` of each matrix.
fn entry(a: &Array, i: usize, j: usize) -> Array {
    let (rank, batch) = (a.ndim(), &a.shape()[..a.ndim() - 2]);
    a.slice_axis(rank - 2, i, i + 1).slice_axis(rank - 1, j, j + 1).reshape(batch)
}

/// Returns the determinant of matrices of up to three rows, by its definition.
fn expanded(a: &Array) -> Array {
    let at = |i, j| entry(a, i, j);
    match a.shape()[a.ndim() - 1] {
        0 => Array::literal(Literal::int(a.dtype(), 1)).broadcast_to(&a.shape()[..a.ndim() - 2]),
        1 => at(0, 0),
        2 => at(0, 0) * at(1, 1) - at(0, 1) * at(1, 0),
        _ => {
            at(0, 0) * at(1, 1) * at(2, 2) + at(0, 1) * at(1, 2) * at(2, 0) + at(0, 2) * at(1, 0) * at(2, 1)
                - at(0, 2) * at(1, 1) * at(2, 0)
                - at(0, 0) * at(1, 2) * at(2, 1)
                - at(0, 1) * at(1, 0) * at(2, 2)
        }
    }
}

/// Returns the diagonal of U, and 1 or −1 for the sign of the permutation.
fn factored(a: &Array) -> (Array, Array) {
    let (lu, pivots, _) = lu(a);
    let n = pivots.shape()[pivots.ndim() - 1];
    let rows = crate::numpy::arange(n as i32);
    let odd = pivots.not_equal(rows).astype(pivots.dtype()).sum_axis(-1) % 2;
    (diagonal(lu, 0), (1 - 2 * odd).astype(a.dtype()))
}

/// Returns the determinant of each matrix.
///
/// The derivatives of all orders up to the third hold for singular matrices as well.
///
/// ```
/// use cotangent::{Array, numpy as np, prelude::grad};
/// let a = Array::from([[1.0f32, 2.0], [2.0, 4.0]]);
/// assert_eq!(np::linalg::det(&a).item::<f32>(), 0.0);
/// assert_eq!(grad(|a: &Array| np::linalg::det(a))(&a).to_vec::<f32>(), [4.0, -2.0, -2.0, 1.0]);
/// ```
///
/// # Panics
/// If A is not square.
#[track_caller]
pub fn det(a: impl ArrayLike) -> Array {
    let (a, n) = squares("det", a);
    library1(&[a], |a| if n <= 3 { expanded(&a[0]) } else { any_rank(&a[0]) })
}

/// Returns the product of the pivots. Where a part of the product leaves the range of the dtype, it is computed from
/// logarithms.
fn product_of_pivots(a: &Array) -> Array {
    let (pivots, sign) = factored(a);
    let parts = pivots.abs().cumprod_axis(-1);
    let real = parts.dtype();
    let least = if real == DType::F64 { f64::MIN_POSITIVE } else { f64::from(f32::MIN_POSITIVE) };
    let (least, most) = (Literal::float(real, least), Literal::float(real, f64::INFINITY));
    let inside = parts.greater_equal(Array::literal(least)).logical_and(parts.less(Array::literal(most)));
    let direct = &sign * pivots.prod_axis(-1);
    let size = pivots.abs();
    let zero = size.equal(0.0);
    let direction = &pivots / where_(&zero, 1.0, &size).astype(pivots.dtype());
    let by_logarithms = sign * direction.prod_axis(-1) * size.log().sum_axis(-1).exp().astype(pivots.dtype());
    where_(inside.all_axis(-1).logical_or(zero.any_axis(-1)), direct, by_logarithms)
}

/// Returns the determinant, with the derivative det(A) tr(A⁻¹ dA), which regular matrices have.
fn regular(a: &Array) -> Array {
    custom_jvp(|a: &Array| product_of_pivots(a)).defjvp(|(a,), (t,)| {
        let value = regular(a);
        let slope = &value * trace(&solve(a, t));
        (value, slope)
    })(a)
}

/// The number of rows and columns that [`bordered`] appends.
const BORDER: usize = 3;

/// Returns the determinant by a formula that can be differentiated up to the third order even if A is singular.
///
/// Let M be A with three more columns and rows, and S the corner of M⁻¹ that these have. Then det(A) = det(M) det(S)
/// (Schur). If the rank of A is lower by up to three than n, M is regular for almost all borders, and det(S) is a
/// polynomial. If it is lower by more, so is the number of derivatives that are zero.
fn bordered(a: &Array) -> Array {
    let (n, rank) = (a.shape()[a.ndim() - 1], a.ndim());
    let batch = &a.shape()[..rank - 2];
    let whole = |x: Array| {
        let sizes = [batch, x.shape()].concat();
        x.astype(a.dtype()).broadcast_to(sizes)
    };
    // The border is as large as the matrix, and its columns have nothing in common.
    let scale = a.abs().max_axis((-2, -1)).stop_gradient();
    let scale = where_(scale.equal(0.0), 1.0, &scale).expand_dims(-1).expand_dims(-1).astype(a.dtype());
    let place = |i: f64| crate::numpy::arange(n as i32).astype(a.dtype().real()) * i;
    let columns = |step: f64| {
        let columns: Vec<Array> = (0..BORDER).map(|k| (place(step + k as f64) + k as f64 + step).cos()).collect();
        crate::numpy::stack(&columns.iter().collect::<Vec<_>>(), -1)
    };
    let (right, below) = (whole(columns(0.7)), whole(columns(1.3)).moveaxis(-1, -2));
    let corner = whole(crate::numpy::zeros([BORDER, BORDER]));
    let join = |parts: &[&Array], axis: isize| crate::numpy::concatenate(parts, axis);
    let scaled = a / &scale;
    let m = join(&[&join(&[&scaled, &right], -1), &join(&[&below, &corner], -1)], -2);
    let known = product_of_pivots(&m.stop_gradient()).not_equal(0.0);
    let each = |x: &Array| x.expand_dims(-1).expand_dims(-1);
    let m = where_(each(&known), &m, eye_as(n + BORDER, n + BORDER, 0, a.dtype()));
    let last = join(&[&whole(crate::numpy::zeros([n, BORDER])), &whole(eye_as(BORDER, BORDER, 0, a.dtype()))], -2);
    let s = solve(&m, last).slice_axis(rank - 2, n, n + BORDER);
    let unscaled = scale.reshape(batch).powi(n as i32);
    where_(known, regular(&m) * expanded(&s) * unscaled, 0.0)
}

/// Returns the determinant of matrices of any rank.
fn any_rank(a: &Array) -> Array {
    custom_jvp(|a: &Array| product_of_pivots(a)).defjvp(|(a,), (t,)| {
        let value = any_rank(a);
        let singular = value.stop_gradient().equal(0.0);
        let each = singular.expand_dims(-1).expand_dims(-1);
        let one = eye_as(a.shape()[a.ndim() - 1], a.shape()[a.ndim() - 1], 0, a.dtype());
        let slope = |a: &Array, t: &Array| jvp(regular, (a,), (t,)).1;
        let slopes = cond(
            singular.any(),
            || {
                let (there, elsewhere) = (where_(&each, a, &one), where_(&each, &one, a));
                where_(&singular, jvp(bordered, (&there,), (t,)).1, slope(&elsewhere, t))
            },
            || slope(a, t),
        );
        (value, slopes)
    })(a)
}

/// Returns the sign of each determinant, and the logarithm of its absolute value, which is in range where the
/// determinant is not. The sign of a complex determinant is a number of magnitude one. If A is singular, the sign is 0
/// and the logarithm −∞.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (sign, log) = np::linalg::slogdet(Array::from([[0.0f32, 1.0], [1.0, 0.0]]));
/// assert_eq!([sign.item::<f32>(), log.item::<f32>()], [-1.0, 0.0]);
/// ```
///
/// # Panics
/// If A is not square.
#[track_caller]
pub fn slogdet(a: impl ArrayLike) -> (Array, Array) {
    let (a, _) = squares("slogdet", a);
    let mut results = library(&[a], |a| {
        let (sign, log) = sign_and_logarithm(&a[0]);
        vec![sign, log]
    });
    let log = results.remove(1);
    (results.remove(0), log)
}

fn sign_and_logarithm(a: &Array) -> (Array, Array) {
    custom_jvp(|a: &Array| {
        let n = a.shape()[a.ndim() - 1];
        let (pivots, sign) = match n {
            1 | 2 => (expanded(a).expand_dims(-1), Array::literal(Literal::int(a.dtype(), 1))),
            _ => factored(a),
        };
        let size = pivots.abs();
        let zero = size.equal(0.0);
        let direction = &pivots / where_(&zero, 1.0, &size).astype(pivots.dtype());
        (sign * direction.prod_axis(-1), size.log().sum_axis(-1))
    })
    .defjvp(|(a,), (t,)| {
        let (sign, log) = sign_and_logarithm(a);
        // The logarithm of the determinant changes by tr(A⁻¹ dA). Its imaginary part turns the sign.
        let change = trace(&solve(a, t));
        if !a.dtype().is_complex() {
            return ((sign.clone(), log), (crate::ops::zeros_like(&sign), change));
        }
        let turn = change.imag();
        let turned = crate::ops::zeros_like(&turn).complex(turn) * &sign;
        ((sign, log), (turned, change.real()))
    })(a)
}
