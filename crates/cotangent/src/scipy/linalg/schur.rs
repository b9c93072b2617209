//! The Schur and the Hessenberg form, and Sylvester's equation.

use crate::array::aval::broadcast_shapes;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::lax::custom_linear_solve;
use crate::lax::fori_loop;
use crate::lax::linalg::{self, TriangularSolve, adjoint, triangular_solve, widened};
use crate::numpy::{arange_as, eye_as, matmul, pad, tril_k, triu, triu_k, where_, zeros_as};
use crate::ops::in_one_dtype;
use crate::ops::linalg::lower_mask;

/// Which Schur form [`schur`] returns for a real matrix.
///
/// ```
/// use cotangent::scipy::linalg::Output;
/// assert_eq!(Output::default(), Output::Real);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// The real form, with a 2 × 2 block on its diagonal for each pair of conjugate eigenvalues.
    #[default]
    Real,
    /// The complex form, which is triangular.
    Complex,
}

fn to_complex(x: &Array) -> Array {
    match x.dtype() {
        dtype if dtype.is_complex() => x.clone(),
        DType::F64 => x.astype(DType::C128),
        _ => x.astype(DType::C64),
    }
}

/// Returns the Schur form T of a matrix A and the unitary Z with A = Z T Zᴴ. If an element of A is not finite, both are
/// NaN. It has no derivative.
///
/// It runs on the CPU only.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let a = Array::from([[0.0f32, 2.0], [-2.0, 0.0]]);
/// let (t, z) = linalg::schur(&a, linalg::Output::Real);
/// assert!((z.dot(&t).dot(z.t()) - a).abs().max().item::<f32>() < 1e-6);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn schur(a: impl ArrayLike, output: Output) -> (Array, Array) {
    let a = a.to_array().to_inexact();
    let a = if output == Output::Complex { to_complex(&a) } else { a };
    let (t, z) = linalg::schur(&a, true);
    (t, z.unwrap_or(a))
}

/// Returns the elements of a diagonal: those whose column is greater than their row by k.
fn band(x: &Array, k: isize) -> Array {
    let n = x.shape()[x.ndim() - 1];
    let on = lower_mask(n, n, k).logical_and(lower_mask(n, n, k - 1).logical_not());
    let rows = where_(on, x, zeros_as((), x.dtype())).sum_axis(-1);
    let last = rows.ndim() - 1;
    if k < 0 { rows.slice_axis(last, k.unsigned_abs(), n) } else { rows.slice_axis(last, 0, n - k.unsigned_abs()) }
}

/// Returns widths that add elements to the last axis.
fn last_widths(rank: usize, before: usize, after: usize) -> Vec<(usize, usize)> {
    (1..=rank).map(|axis| if axis == rank { (before, after) } else { (0, 0) }).collect()
}

/// Converts the real Schur form T with the vectors Z, as [`schur`] returns them, to the complex form and its vectors.
/// Each 2 × 2 block becomes triangular by a rotation of its two rows and columns.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let a = Array::from([[0.0f32, 2.0], [-2.0, 0.0]]);
/// let (t, z) = linalg::schur(&a, linalg::Output::Real);
/// let (t, _) = linalg::rsf2csf(&t, &z);
/// assert_eq!(t.at((1, 0)).get().abs().item::<f32>(), 0.0);
/// ```
///
/// # Panics
/// If the last two axes of either are not square, or differ.
#[track_caller]
pub fn rsf2csf(t: impl ArrayLike, z: impl ArrayLike) -> (Array, Array) {
    let (t, z) = (t.to_array().to_inexact(), z.to_array().to_inexact());
    let n = match (t.shape(), z.shape()) {
        ([.., a, b], [.., c, d]) if a == b && b == c && c == d => *a,
        _ => {
            raise(Error::shape(format!("expected two square matrices of one size, got {} and {}", t.aval(), z.aval())))
        }
    };
    let [t, z] = in_one_dtype([to_complex(&t), to_complex(&z)]);
    if n < 2 {
        return (t, z);
    }
    let last = t.ndim() - 2;
    let diagonal = band(&t, 0);
    let (a, d) = (diagonal.slice_axis(last, 0, n - 1), diagonal.slice_axis(last, 1, n));
    let (b, c) = (band(&t, 1), band(&t, -1));
    let epsilon = if t.dtype() == DType::C64 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    let active = c.abs().greater(epsilon * (a.abs() + d.abs()));
    // The eigenvector of a block is (μ, c), where μ is an eigenvalue minus d.
    let half = (&a - &d) / 2.0;
    let square = where_(&active, &half * &half + b * &c, 1.0);
    let mu = where_(&active, half + square.sqrt(), 1.0);
    let c = where_(&active, c, 0.0);
    let length = ((mu.conj() * &mu).real() + (c.conj() * &c).real()).sqrt().astype(t.dtype());
    let (cosine, sine) = (mu / &length, c / length);
    let rank = cosine.ndim();
    let first = pad(cosine.conj(), &last_widths(rank, 0, 1), 1.0);
    let second = pad(cosine, &last_widths(rank, 1, 0), 1.0);
    // A row that belongs to no block has the factor one from both.
    let on = |k: isize| lower_mask(n, n, k).logical_and(lower_mask(n, n, k - 1).logical_not());
    let rows = |x: Array| x.expand_dims(-1);
    let above = rows(pad(&sine, &last_widths(rank, 0, 1), 0.0));
    let below = rows(pad(-sine.conj(), &last_widths(rank, 1, 0), 0.0));
    let zero = zeros_as((), t.dtype());
    let off = where_(on(1), above, where_(on(-1), below, &zero));
    let g = where_(on(0), rows(first * second), off);
    let back = adjoint(&g);
    (triu(matmul(matmul(&g, t), &back)), matmul(z, back))
}

/// Returns the Hessenberg form H of a matrix A, which is zero below the first diagonal below the main one, and if wanted
/// the unitary Q with A = Q H Qᴴ. It has no derivative.
///
/// It runs on the CPU only.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let a = Array::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0], [3.0, 8.0, 9.0]]);
/// let (h, q) = linalg::hessenberg(&a, true);
/// let q = q.unwrap();
/// assert!((q.dot(&h).dot(q.t()) - a).abs().max().item::<f32>() < 1e-5);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn hessenberg(a: impl ArrayLike, calc_q: bool) -> (Array, Option<Array>) {
    let a = a.to_array().to_inexact();
    let n = match a.shape() {
        [.., n, m] if n == m => *n,
        _ => raise(Error::shape(format!("hessenberg: the last two axes must be a square matrix, got {}", a.aval()))),
    };
    if n == 0 {
        return (a.clone(), calc_q.then_some(a));
    }
    let mut results = widened(&[a], |a| {
        let (packed, taus) = linalg::hessenberg(&a[0]);
        let q = calc_q.then(|| product(&packed, &taus, n));
        [triu_k(&packed, -1)].into_iter().chain(q).collect()
    });
    let q = if calc_q { results.pop() } else { None };
    (results.swap_remove(0), q)
}

/// Returns the product of the reflections, I − V T Vᴴ with a triangular T (Schreiber and Van Loan, "A storage-efficient
/// WY representation for products of Householder transformations", 1989). T⁻¹ = D⁻¹ + U, where D has the factors and U
/// is the strictly upper triangle of Vᴴ V; T = (I + D U)⁻¹ D holds even if a factor is zero.
fn product(packed: &Array, taus: &Array, n: usize) -> Array {
    let dtype = packed.dtype();
    let v = tril_k(packed, -2) + eye_as(n, n, -1, dtype);
    let v = v.slice_axis(v.ndim() - 1, 0, n - 1);
    let (vh, d) = (adjoint(&v), taus.expand_dims(-1));
    let system = &d * triu_k(matmul(&vh, &v), 1);
    let upper = TriangularSolve { lower: false, unit_diagonal: true, ..TriangularSolve::lower(true) };
    eye_as(n, n, 0, dtype) - matmul(&v, triangular_solve(system, d * vh, &upper))
}

/// Solves Sylvester's equation A X + X B = C for X, by the Schur forms of A and B (Bartels and Stewart, "Solution of the
/// matrix equation AX + XB = C", 1972). If the sum of an eigenvalue of A and one of B is smaller than 10⁻⁸, X is NaN.
///
/// The derivative is the solution of another such equation. It runs on the CPU only.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let (a, b) = (Array::from([[1.0f32, 2.0], [3.0, 4.0]]), Array::from([[5.0f32, 6.0], [7.0, 8.0]]));
/// let x = linalg::solve_sylvester(&a, &b, Array::from([[6.0f32, 8.0], [10.0, 12.0]]));
/// assert!((x - Array::from([[1.0f32, 0.0], [0.0, 1.0]])).abs().max().item::<f32>() < 1e-5);
/// ```
///
/// # Panics
/// If the sizes do not fit.
#[track_caller]
pub fn solve_sylvester(a: impl ArrayLike, b: impl ArrayLike, c: impl ArrayLike) -> Array {
    let all = [a.to_array(), b.to_array(), c.to_array()].map(|x| x.to_inexact());
    let [a, b, c] = in_one_dtype(all);
    let fits = match (a.shape(), b.shape(), c.shape()) {
        ([.., m, k], [.., n, l], [.., rows, columns]) => m == k && n == l && rows == m && columns == n,
        _ => false,
    };
    if !fits {
        let [a, b, c] = [&a, &b, &c].map(Array::aval);
        raise(Error::shape(format!("expected A (m × m), B (n × n) and C (m × n), got {a}, {b} and {c}")));
    }
    let batch = |x: &Array| x.shape()[..x.ndim() - 2].to_vec();
    let axes = broadcast_shapes(&batch(&a), &batch(&b)).or_raise();
    let axes = broadcast_shapes(&axes, &batch(&c)).or_raise();
    let whole = |x: &Array| {
        let matrix = &x.shape()[x.ndim() - 2..];
        x.broadcast_to(axes.iter().chain(matrix).copied().collect::<Vec<_>>())
    };
    widened(&[whole(&a), whole(&b), whole(&c)], |x| vec![solved(&x[0], &x[1], &x[2])]).remove(0)
}

/// Returns the solution of Sylvester's equation, whose derivatives are those of the equation.
fn solved(a: &Array, b: &Array, c: &Array) -> Array {
    let (fixed_a, fixed_b) = (a.stop_gradient(), b.stop_gradient());
    let [transposed_a, transposed_b] = [&fixed_a, &fixed_b].map(|x| x.moveaxis(-1, -2));
    custom_linear_solve(|x: &Array| matmul(a, x) + matmul(x, b), move |_, c| sylvester(&fixed_a, &fixed_b, c))
        .transpose_solve(move |_, c| sylvester(&transposed_a, &transposed_b, c))
        .solve(c)
}

/// Solves the equation. With A = U R Uᴴ and B = V S Vᴴ, it is R Y + Y S = Uᴴ C V with X = U Y Vᴴ, and column k of Y
/// follows from the columns before it.
fn sylvester(a: &Array, b: &Array, c: &Array) -> Array {
    if c.shape().contains(&0) {
        return c.clone();
    }
    let ((r, u), (s, v)) = (schur(a, Output::Complex), schur(b, Output::Complex));
    let f = matmul(matmul(adjoint(&u), c.astype(r.dtype())), &v);
    let [m, n] = [f.shape()[f.ndim() - 2], f.shape()[f.ndim() - 1]];
    let (unit, zero) = (eye_as(m, m, 0, r.dtype()), zeros_as((), r.dtype()));
    let columns = arange_as(n as i64, DType::I32);
    let upper = TriangularSolve { lower: false, ..TriangularSolve::lower(true) };
    let diagonal = band(&s, 0);
    let step = |k: &Array, y: &Array| {
        let here = columns.equal(k);
        let column = |x: &Array| where_(&here, x, &zero).sum_axis(-1).expand_dims(-1);
        let rest = column(&f) - matmul(y, column(&s));
        let shift = column(&diagonal).expand_dims(-1);
        where_(&here, triangular_solve(&r + &unit * shift, rest, &upper), y)
    };
    let y = fori_loop(0, n as i32, step, crate::numpy::zeros_like(&f));
    let sums = band(&r, 0).expand_dims(-1) + diagonal.expand_dims(-2);
    let singular = sums.abs().less(1e-8).any_axis([-1, -2]).expand_dims(-1).expand_dims(-1);
    let x = matmul(matmul(u, y), adjoint(&v));
    let x = if c.dtype().is_complex() { x } else { x.real() };
    where_(singular, f64::NAN, x)
}
