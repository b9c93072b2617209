//! The polar decomposition by iteration.

use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::while_loop;
use crate::ops::linalg::lower_mask;
use crate::ops::slice::Concatenate;
use crate::ops::{full, select};
use crate::trace::frames::bind1;

use super::{TriangularSolve, adjoint, cholesky, library, qr, triangular_solve};

/// The polar decomposition that [`qdwh`] returns.
#[derive(Clone, Debug)]
pub struct Qdwh {
    /// The factor with orthonormal columns.
    pub u: Array,
    /// The Hermitian positive semidefinite factor.
    pub h: Array,
    /// The number of iterations, an `i32`.
    pub num_iters: Array,
    /// Whether the iteration converged, a `bool`.
    pub is_converged: Array,
}

/// Returns the polar decomposition A = U H of a matrix of full rank with at least as many rows as columns, by at most
/// ten dynamically weighted Halley iterations (Nakatsukasa, Bai and Gygi, "Optimizing Halley's iteration for computing
/// the matrix polar decomposition", 2010).
///
/// ```
/// use cotangent::{Array, lax};
/// let a = Array::from([[3.0f32, 1.0], [1.0, 2.0], [0.0, 1.0]]);
/// let polar = lax::linalg::qdwh(&a);
/// assert!((polar.u.matmul(&polar.h) - &a).abs().max().item::<f32>() < 1e-5);
/// assert!(polar.is_converged.item::<bool>());
/// ```
///
/// There is no derivative in reverse mode; [`scipy::linalg::polar`](crate::scipy::linalg::polar) has one.
///
/// # Panics
/// If A is not a matrix, has more columns than rows, or the dtype is not inexact.
#[track_caller]
pub fn qdwh(a: impl ArrayLike) -> Qdwh {
    qdwh_with(a, 10, None)
}

/// Like [`qdwh`], with another number of iterations, and the difference between 1 and the next greater number (`eps`)
/// that determines the weights and when an iterate is close enough to the next one. By default, it is that of the dtype.
///
/// ```
/// use cotangent::{Array, lax};
/// let polar = lax::linalg::qdwh_with(Array::from([[3.0f32, 1.0], [1.0, 2.0]]), 1, None);
/// assert!(!polar.is_converged.item::<bool>());
/// ```
///
/// # Panics
/// If A is not a matrix, has more columns than rows, or the dtype is not inexact.
#[track_caller]
pub fn qdwh_with(a: impl ArrayLike, max_iterations: usize, eps: Option<f64>) -> Qdwh {
    let a = a.to_array();
    match a.shape() {
        [m, n] if m >= n => {}
        _ => raise(
            Error::shape(format!("qdwh: expected a matrix with no more columns than rows, got {}", a.aval()))
                .help("decompose the conjugate transpose, or use `scipy::linalg::polar`, which takes batches"),
        ),
    }
    let own = if a.dtype().real() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
    let results = library(&[a], |x| iterated(&x[0], max_iterations, eps.unwrap_or(own)));
    let [u, h, num_iters, is_converged] =
        <[Array; 4]>::try_from(results).unwrap_or_else(|_| unreachable!("four results"));
    Qdwh { u, h, num_iters, is_converged }
}

/// The weights of an iteration.
struct Weights {
    a: f64,
    b: f64,
    c: f64,
}

/// Returns the weights of the iterations until the least singular value, which begins as `least`, is 1.
fn weights(mut least: f64, tolerance: f64, max_iterations: usize) -> Vec<Weights> {
    let mut all = Vec::new();
    while least + tolerance < 1.0 && all.len() < max_iterations {
        let square = least * least;
        let d = (4.0 * (1.0 / square - 1.0) / square).cbrt();
        let root = (1.0 + d).sqrt();
        let a = root + (2.0 - d + 2.0 * (2.0 - square) / (square * root)).sqrt();
        let b = (a - 1.0).powi(2) / 4.0;
        let c = a + b - 1.0;
        least *= (a + b * square) / (1.0 + c * square);
        all.push(Weights { a, b, c });
    }
    all
}

/// Beyond this weight, the iteration by Cholesky factors is not stable.
const CHOLESKY: f64 = 100.0;

fn iterated(x: &Array, max_iterations: usize, eps: f64) -> Vec<Array> {
    let dtype = x.dtype();
    let size = x.abs();
    let (one_norm, inf_norm) = (size.sum_axis(0).max(), size.sum_axis(1).max());
    let scale = select(
        &one_norm.equal(0),
        &full((), Literal::int(one_norm.dtype(), 1)),
        &(one_norm.rsqrt() * inf_norm.rsqrt()),
        &[],
    );
    let mut u = x * scale.astype(dtype);
    let tolerance = 10.0 * eps / 2.0;
    let close = tolerance.cbrt();
    let distance = |u: &Array, previous: &Array| {
        let difference = (u - previous).abs();
        (&difference * &difference).sum().sqrt()
    };
    let mut open = Array::from(true);
    let all = weights(eps, tolerance, max_iterations);
    for weights in &all {
        if weights.c > CHOLESKY {
            u = by_qr(&u, weights);
        } else {
            let next = by_cholesky(&u, weights);
            open = distance(&next, &u).greater(close);
            u = next;
        }
    }
    // Where the weights have converged and the iterate has not, Halley's iteration goes on.
    let halley = Weights { a: 3.0, b: 1.0, c: 3.0 };
    let state = (Array::from(all.len() as i32), u, open);
    let (count, u, open) = while_loop(
        |(count, _, open): &(Array, Array, Array)| open.logical_and(count.less(max_iterations as i32)),
        |(count, u, _): (Array, Array, Array)| {
            let next = by_cholesky(&u, &halley);
            let open = distance(&next, &u).greater(close);
            (count + 1, next, open)
        },
        state,
    );
    // A step of Newton and Schulz's iteration makes the columns orthonormal to the last digits.
    let u = 1.5 * &u - 0.5 * u.matmul(adjoint(&u).matmul(&u));
    let h = adjoint(&u).matmul(x);
    let h = (&h + adjoint(&h)) / 2.0;
    vec![u, h, count, open.logical_not()]
}

fn identity(n: usize, dtype: DType) -> Array {
    lower_mask(n, n, 0).not_equal(lower_mask(n, n, -1)).astype(dtype)
}

fn by_qr(u: &Array, Weights { a, b, c }: &Weights) -> Array {
    let (m, n) = (u.shape()[0], u.shape()[1]);
    let (e, root) = (b / c, c.sqrt());
    let stacked = bind1(Concatenate { dimension: 0 }, &[&(root * u), &identity(n, u.dtype())]);
    let (q, _) = qr(stacked, false);
    e * u + (a - e) / root * q.slice_axis(0, 0, m).matmul(adjoint(&q.slice_axis(0, m, m + n)))
}

fn by_cholesky(u: &Array, Weights { a, b, c }: &Weights) -> Array {
    let (n, e) = (u.shape()[1], b / c);
    let l = cholesky(*c * adjoint(u).matmul(u) + identity(n, u.dtype()));
    let right = TriangularSolve::lower(false);
    let inner = triangular_solve(&l, u, &TriangularSolve { transpose_a: true, conjugate_a: true, ..right.clone() });
    e * u + (a - e) * triangular_solve(&l, inner, &right)
}
