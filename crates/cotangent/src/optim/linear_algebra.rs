//! Eigenvalues, roots of matrices and least squares by iteration, and diagonals of second derivatives.

use crate::api::grad::grad;
use crate::api::linear::jvp;
use crate::api::vmap::vmap;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::{repeat, while_loop};
use crate::numpy::ravel_pytree::ravel_pytree;
use crate::numpy::{self as np, linalg, where_};
use crate::random;
use crate::tree::Tree;

use super::linesearch::real_dot;
use super::moments::norm;
use super::per_leaf::PerLeaf;

#[track_caller]
fn square(who: &str, a: &Array) -> usize {
    match a.shape() {
        [n, m] if n == m => *n,
        _ => raise(Error::shape(format!("{who}: the matrix must be square, got {}", a.aval()))),
    }
}

/// Returns the eigenvalue of the greatest absolute value of a symmetric matrix, and its eigenvector, by
/// [power iteration](https://en.wikipedia.org/wiki/Power_iteration) from a random vector.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let (value, vector) = optim::power_iteration(np::array([[2.0, 0.0], [0.0, 1.0]]));
/// assert!((value.item::<f32>() - 2.0).abs() < 1e-5 && vector.at(1).get().abs().item::<f32>() < 1e-2);
/// ```
///
/// # Panics
/// If the matrix is not square.
#[track_caller]
pub fn power_iteration(matrix: impl ArrayLike) -> (Array, Array) {
    let a = matrix.to_array().to_inexact();
    let n = square("power_iteration", &a);
    let start = 2.0 * random::uniform_as(random::key(0), n, a.dtype()) - 1.0;
    power_iteration_with(|v: &Array| a.matmul(v), &start, 100, 1e-6)
}

/// [`power_iteration()`] of a linear function of any tree, from a vector of the caller's, with at most `num_iters` steps
/// and until the relative residual is below `error_tolerance`.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let f = |(x, y): &(Array, Array)| (3.0 * x, 1.0 * y);
/// let (value, _) = optim::power_iteration_with(f, &(np::ones(()), np::ones(2)), 100, 1e-6);
/// assert!((value.item::<f32>() - 3.0).abs() < 1e-5);
/// ```
///
/// # Panics
/// If the function does not return a tree like its argument.
#[track_caller]
pub fn power_iteration_with<P: Tree>(
    f: impl Fn(&P) -> P,
    start: &P,
    num_iters: usize,
    error_tolerance: f64,
) -> (Array, P) {
    let unit = |x: &P| {
        let length = norm(&PerLeaf::of(x));
        x.map(|x| x * (1.0 / &length))
    };
    type State<P> = (P, P, Array, Array);
    let go = |(vector, product, value, i): &State<P>| {
        let residual = product.zip(vector, |z, v| z - value * v);
        let converged = (norm(&PerLeaf::of(&residual)) / value).abs().less(error_tolerance);
        np::logical_not(converged).logical_and(i.less(num_iters))
    };
    let step = |(_, product, _, i): State<P>| {
        let vector = unit(&product);
        let product = f(&vector);
        let value = real_dot(&PerLeaf::of(&vector), &PerLeaf::of(&product));
        (vector, product, value, i + 1)
    };
    let first = unit(start);
    let product = f(&first);
    let dtype = norm(&PerLeaf::of(&first)).dtype();
    let (_, product, value, _) =
        while_loop(go, step, (first, product, np::zeros_as((), dtype), np::zeros_as((), DType::I32)));
    (value, unit(&product))
}

/// Returns A^(−1/p) of a symmetric positive definite matrix, and the error of the iteration: a coupled Newton iteration
/// of at most 100 steps, as Shampoo uses it, for p of 1, 2, 4 or 8. A multiple of 10⁻⁶ of the greatest eigenvalue is
/// added to the diagonal.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let (root, _) = optim::matrix_inverse_pth_root(np::array([[4.0, 0.0], [0.0, 1.0]]), 2);
/// assert!(np::allclose_with(root, np::array([[0.5, 0.0], [0.0, 1.0]]), 1e-3, 1e-3, false).item::<bool>());
/// ```
///
/// # Panics
/// If the matrix is not square, or `p` is none of the above.
#[track_caller]
pub fn matrix_inverse_pth_root(matrix: impl ArrayLike, p: usize) -> (Array, Array) {
    matrix_inverse_pth_root_with(matrix, p, 100, 1e-6, 1e-6)
}

/// [`matrix_inverse_pth_root()`] with at most `num_iters` steps, until the error is at most `error_tolerance`, and with
/// `ridge_epsilon` times the greatest eigenvalue added to the diagonal.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let (root, _) = optim::matrix_inverse_pth_root_with(np::array([[4.0]]), 2, 10, 0.0, 1e-6);
/// assert_eq!(root.to_vec::<f32>(), [0.5]);
/// ```
///
/// # Panics
/// As [`matrix_inverse_pth_root()`].
#[track_caller]
pub fn matrix_inverse_pth_root_with(
    matrix: impl ArrayLike,
    p: usize,
    num_iters: usize,
    ridge_epsilon: f64,
    error_tolerance: f64,
) -> (Array, Array) {
    let a = matrix.to_array().to_inexact();
    let n = square("matrix_inverse_pth_root", &a);
    if ![1, 2, 4, 8].contains(&p) {
        raise(Error::value(format!("matrix_inverse_pth_root: p must be 1, 2, 4 or 8, got {p}")));
    }
    let (alpha, dtype) = (-1.0 / p as f64, a.dtype());
    let ridge = ridge_epsilon * power_iteration(&a).0.maximum(1e-16);
    if n == 1 {
        return ((a + ridge).pow(alpha), np::zeros_as((), dtype));
    }
    let identity = np::eye_as(n, n, 0, dtype);
    let damped = &a + ridge * &identity;
    let z = (1.0 + p as f64) / (2.0 * linalg::norm(&damped));
    let error = |m: &Array| (m - &identity).abs().max();
    let m = damped * &z;
    let h = &identity * z.pow(1.0 / p as f64);
    type State = (Array, Array, Array, Array, Array, Array);
    let start: State = (np::zeros_as((), DType::I32), m.clone(), h.clone(), h, error(&m), np::ones_as((), DType::Bool));
    let go = |s: &State| s.0.less(num_iters).logical_and(s.4.greater(error_tolerance)).logical_and(&s.5);
    let step = |(i, m, h, _, last, _): State| {
        let factor = (1.0 - alpha) * &identity + alpha * &m;
        let power = (0..p.trailing_zeros()).fold(factor.clone(), |x, _| x.matmul(&x));
        let next = power.matmul(m);
        let new = error(&next);
        let improved = new.less(last * 1.2);
        (i + 1, next, h.matmul(factor), h, new, improved)
    };
    let (_, m, h, before, _, improved) = while_loop(go, step, start);
    (where_(improved, h, before), error(&m))
}

/// Returns the x ≥ 0 for which ‖A x − b‖ is least, nearly: `iters` steps of accelerated projected gradient descent.
/// `b` is a vector or a matrix.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let x = optim::nnls(np::array([[1.0, 0.0], [0.0, 1.0]]), np::array([2.0, -1.0]), 100);
/// assert!(np::allclose(x, np::array([2.0, 0.0])).item::<bool>());
/// ```
///
/// # Panics
/// If `A` is not a matrix, or `b` has not as many rows.
#[track_caller]
pub fn nnls(a: impl ArrayLike, b: impl ArrayLike, iters: usize) -> Array {
    let (a, b) = (a.to_array().to_inexact(), b.to_array().to_inexact());
    if a.ndim() != 2 || ![1, 2].contains(&b.ndim()) || a.shape()[0] != b.shape()[0] {
        let message = format!("nnls: A must be a matrix and b have as many rows, got {} and {}", a.aval(), b.aval());
        raise(Error::shape(message));
    }
    let (gram, right) = (a.t().matmul(&a), a.t().matmul(&b));
    // No eigenvalue is greater than a norm.
    let bound = match gram.size() {
        0 => np::zeros_as((), gram.dtype()),
        _ => linalg::norm(&gram).minimum(linalg::matrix_norm_with(&gram, 1, false)),
    };
    let bound = where_(bound.equal(0.0), 1.0, bound);
    let start = np::zeros_like(&right);
    let step = |(x, p, c): (Array, Array, Array)| {
        let next_c = (1.0 + (1.0 + 4.0 * c.square()).sqrt()) / 2.0;
        let share = (c - 1.0) / &next_c;
        let next = (&p - (gram.matmul(&p) - &right) / &bound).maximum(0.0);
        let ahead = &next + share * (&next - x);
        (next, ahead, next_c)
    };
    repeat(iters, (start.clone(), start, np::zeros_as((), right.dtype())), step).0
}

/// Returns the diagonal of the Hessian matrix of a loss, for all parameters as one vector. It takes a product with the
/// Hessian matrix for each of them.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let loss = |(x, y): &(Array, Array)| x.powi(3) + 2.0 * y * y;
/// let diagonal = optim::hessian_diag(loss, &(np::array(1.0), np::array(5.0)));
/// assert_eq!(diagonal.to_vec::<f32>(), [6.0, 4.0]);
/// ```
///
/// # Panics
/// If the loss does not return a real scalar.
#[track_caller]
pub fn hessian_diag<P: Tree>(loss: impl Fn(&P) -> Array + Send + Sync, params: &P) -> Array {
    let (flat, unravel) = ravel_pytree(params);
    let gradient = grad(|x: &Array| loss(&unravel(x)));
    let entry = |unit: &Array| {
        let (_, product) = jvp(&*gradient, (&flat,), (unit,));
        (unit * product).sum()
    };
    vmap(entry)(&np::eye_as(flat.size(), flat.size(), 0, flat.dtype()))
}

/// Returns the squares of the derivatives of a negative log-likelihood, for all parameters as one vector: the diagonal
/// of the empirical Fisher information.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let loss = |(x, y): &(Array, Array)| 3.0 * x + 2.0 * y;
/// let diagonal = optim::fisher_diag(loss, &(np::array(1.0), np::array(5.0)));
/// assert_eq!(diagonal.to_vec::<f32>(), [9.0, 4.0]);
/// ```
///
/// # Panics
/// If the loss does not return a real scalar.
#[track_caller]
pub fn fisher_diag<P: Tree>(loss: impl Fn(&P) -> Array + Send + Sync, params: &P) -> Array {
    ravel_pytree(&grad(|p: &P| loss(p))(params)).0.square()
}
