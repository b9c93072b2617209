//! The generalized minimal residual method.

use std::panic::Location;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::lax::{self, Precision};
use crate::numpy::{concatenate, eye_as, maximum, minimum, ravel, where_, zeros_as};
use crate::ops::precision::default_matmul_precision;
use crate::scipy::linalg::{Trans, solve_triangular};
use crate::tree::{Tree, flatten};

use super::vectors::{dtype_of, squares};
use super::{IterativeOptions, LinearOperator, inexact, product};

/// When [`gmres`] computes the decomposition of its small matrix.
///
/// ```
/// use cotangent::scipy::sparse::linalg::GmresMethod;
/// assert_eq!(GmresMethod::default(), GmresMethod::Batched);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GmresMethod {
    /// Once for each Krylov space, which is always built completely.
    #[default]
    Batched,
    /// After each product with A. The norm of the residual is then known, and the method ends as soon as it is small
    /// enough.
    Incremental,
}

/// Solves A x = b for x by the generalized minimal residual method. A may be any square matrix.
///
/// ```
/// use cotangent::{prelude::*, scipy::sparse::linalg::gmres};
/// let a = Array::from([[4.0f32, 1.0], [-1.0, 3.0]]);
/// let x = gmres(&a, &Array::from([6.0f32, 5.0]));
/// assert!(np::allclose(&x, Array::from([1.0f32, 2.0])).item::<bool>());
/// ```
///
/// # Panics
/// If the product with A does not have the structure and types of `b`.
#[track_caller]
pub fn gmres<T: Tree>(a: impl LinearOperator<T>, b: &T) -> T {
    gmres_with(a, b, &IterativeOptions::default(), 20, GmresMethod::Batched)
}

/// Like [`gmres`], with options. `restart` is the size of the Krylov space after which the method starts again from the
/// solution so far, 20 in [`gmres`].
///
/// ```
/// use cotangent::{prelude::*, scipy::sparse::linalg::{GmresMethod, IterativeOptions, gmres_with}};
/// let a = Array::from([[4.0f64, 1.0], [-1.0, 3.0]]);
/// let options = IterativeOptions { tol: 1e-12, ..Default::default() };
/// let x = gmres_with(&a, &Array::from([6.0f64, 5.0]), &options, 2, GmresMethod::Incremental);
/// assert!(np::allclose_with(&x, Array::from([1.0f64, 2.0]), 1e-10, 0.0, false).item::<bool>());
/// ```
///
/// # Panics
/// If the product with A, or `x0`, does not have the structure and types of `b`.
#[track_caller]
pub fn gmres_with<T: Tree>(
    a: impl LinearOperator<T>,
    b: &T,
    options: &IterativeOptions<'_, T>,
    restart: usize,
    method: GmresMethod,
) -> T {
    let loc = Location::caller();
    let b = inexact(b);
    let x0 = options.start(&b);
    let size: usize = flatten(&b).iter().map(Array::size).sum();
    if size == 0 {
        return b;
    }
    let restart = restart.clamp(1, size);
    let solve = |a: &dyn Fn(&T) -> T, b: &T| {
        default_matmul_precision(Precision::Highest, || minimal_residuals(a, b, &x0, options, restart, method))
    };
    lax::custom_linear_solve(product(&a, loc), solve).transpose_solve(solve).solve(&b)
}

/// Returns the elements of all arrays as one vector.
fn packed<T: Tree>(x: &T, dtype: DType) -> Array {
    concatenate(flatten(x).iter().map(|x| ravel(x).astype(dtype)).collect::<Vec<_>>(), 0)
}

/// Restores the arrays of a vector.
fn unpacked<T: Tree>(v: &Array, like: &T) -> T {
    let mut start = 0;
    like.map(|x| {
        let part = v.slice_axis(0, start, start + x.size());
        start += x.size();
        let part = if v.dtype().is_complex() && !x.dtype().is_complex() { part.real() } else { part };
        part.astype(x.dtype()).reshape(x.shape())
    })
}

fn norm(v: &Array) -> Array {
    squares(v).sqrt()
}

/// Returns `v / norm`, or zeros if the norm is at most `least`, and the norm, which is then zero, too.
fn normalized(v: &Array, norm: &Array, least: &Array) -> (Array, Array) {
    let usable = norm.greater(least);
    (where_(&usable, v / norm, 0.0), where_(&usable, norm, 0.0))
}

/// The state of a Krylov space: the number of steps, the basis in rows, the projections in rows, the rotations, the
/// rotated right-hand side, the norm of the residual, and whether the space is invariant.
type Krylov = (Array, Array, Array, Array, Array, Array, Array);

/// Solves the system by building Krylov spaces one after another, each from the solution so far (Saad and Schultz,
/// 1986).
fn minimal_residuals<T: Tree>(
    a: &dyn Fn(&T) -> T,
    b: &T,
    x0: &T,
    options: &IterativeOptions<'_, T>,
    restart: usize,
    method: GmresMethod,
) -> T {
    let dtype = dtype_of(b);
    let product = |v: &Array| packed(&options.precondition(&a(&unpacked(v, b))), dtype);
    let rhs = packed(&options.precondition(b), dtype);
    let zero = zeros_as((), dtype.real());
    let residual = |x: &Array| {
        let r = &rhs - product(x);
        normalized(&r, &norm(&r), &zero)
    };
    let size = norm(&packed(b, dtype));
    let least = maximum(&size * options.tol, Array::from(options.atol).astype(dtype.real()));
    let share = where_(size.greater(0.0), minimum(&least / &size, 1.0), 0.0);
    // The tolerance within a space is one of the preconditioned residual.
    let inner_least = norm(&rhs) * share;
    let limit = Array::scalar(options.limit(b) as i64);

    let space = |x: &Array, unit: &Array, size: &Array| {
        let basis = concatenate([unit.expand_dims(0), zeros_as([restart, unit.size()], dtype)], 0);
        let beta = concatenate([size.astype(dtype).reshape([1]), zeros_as([restart], dtype)], 0);
        let init: Krylov = (
            Array::scalar(0i32),
            basis,
            eye_as(restart, restart + 1, 0, dtype),
            concatenate([crate::numpy::ones_as([restart, 1], dtype), zeros_as([restart, 1], dtype)], 1),
            beta,
            size.clone(),
            Array::scalar(false),
        );
        let goes_on = |(k, .., size, invariant): &Krylov| {
            let more = k.less(restart as i32).logical_and(invariant.logical_not());
            if method == GmresMethod::Incremental { more.logical_and(size.greater(&inner_least)) } else { more }
        };
        let step = |(k, basis, rows, rotations, beta, size, _): &Krylov| {
            let (next, mut row, invariant) = extended(&product, basis, k);
            let basis = basis.at(k + 1).set(next);
            if method == GmresMethod::Batched {
                let rows = rows.at(k).set(row);
                return (k + 1, basis, rows, rotations.clone(), beta.clone(), size.clone(), invariant);
            }
            row = lax::fori_loop(0, k, |i: &Array, row: &Array| rotated(row, i, &rotations.at(i).get()), row);
            let rotation = rotation(&row.at(k).get(), &row.at(k + 1).get());
            let (row, beta) = (rotated(&row, k, &rotation), rotated(beta, k, &rotation));
            let size = beta.at(k + 1).get().abs();
            let (rows, rotations) = (rows.at(k).set(row), rotations.at(k).set(rotation));
            (k + 1, basis, rows, rotations, beta, size, invariant)
        };
        let (_, basis, rows, _, beta, ..) = lax::while_loop(goes_on, step, init);
        let (columns, beta) = match method {
            GmresMethod::Incremental => (rows.t(), beta),
            GmresMethod::Batched => triangular(&rows.t(), &beta, restart),
        };
        let square = columns.slice_axis(0, 0, restart);
        let y = solve_triangular(square, beta.slice_axis(0, 0, restart), Trans::No, false, false);
        x + y.dot(basis.slice_axis(0, 0, restart))
    };
    let start = packed(x0, dtype);
    let (unit, size) = residual(&start);
    let goes_on = |(_, _, size, k): &(Array, Array, Array, Array)| size.greater(&least).logical_and(k.less(&limit));
    let step = |(x, unit, size, k): &(Array, Array, Array, Array)| {
        let x = space(x, unit, size);
        let (unit, size) = residual(&x);
        (x, unit, size, k + 1)
    };
    unpacked(&lax::while_loop(goes_on, step, (start, unit, size, Array::scalar(0i64))).0, b)
}

/// Extends an orthonormal basis by the product with its vector `k`. Returns the new vector, the projections of the
/// product on all vectors, and whether the product is in the space already.
fn extended(product: &dyn Fn(&Array) -> Array, basis: &Array, k: &Array) -> (Array, Array, Array) {
    let v = product(&basis.at(k).get());
    let before = norm(&v);
    // Classical Gram-Schmidt loses orthogonality; twice is enough (Giraud, Langou and Rozložník, 2005).
    let project = |v: &Array| {
        let h = (if basis.dtype().is_complex() { basis.conj() } else { basis.clone() }).dot(v);
        (v - h.dot(basis), h)
    };
    let (v, first) = project(&v);
    let (v, second) = project(&v);
    let epsilon = 2f64.powi(-v.dtype().mantissa_bits());
    let (next, size) = normalized(&v, &norm(&v), &(before * epsilon));
    let row = (first + second).at(k + 1).set(size.astype(v.dtype()));
    (next, row, size.equal(0.0))
}

/// Returns the Givens rotation [c, s] that makes the second of two numbers zero.
fn rotation(a: &Array, b: &Array) -> Array {
    let (zero, swapped) = (b.equal(0.0), a.abs().less(b.abs()));
    let t = -(where_(&swapped, a, b) / where_(&swapped, b, a));
    let r = (1.0 / (1.0 + squares(&t)).sqrt()).astype(t.dtype());
    let rt = &r * &t;
    let cosine = where_(&zero, 1.0, where_(&swapped, &rt, &r));
    let sine = where_(&zero, 0.0, where_(&swapped, &r, &rt));
    crate::numpy::stack([cosine, sine], 0)
}

/// Rotates elements or rows `i` and `i + 1`.
fn rotated(x: &Array, i: &Array, rotation: &Array) -> Array {
    let (cosine, sine) = (rotation.at(0).get(), rotation.at(1).get());
    let conj = |z: &Array| if z.dtype().is_complex() { z.conj() } else { z.clone() };
    let (a, b) = (x.at(i).get(), x.at(i + 1).get());
    let first = conj(&cosine) * &a - conj(&sine) * &b;
    x.at(i).set(first).at(i + 1).set(sine * a + cosine * b)
}

/// Makes a Hessenberg matrix triangular, by rotations of its rows and of the right-hand side.
fn triangular(matrix: &Array, beta: &Array, restart: usize) -> (Array, Array) {
    let whole = concatenate([matrix.clone(), beta.expand_dims(1)], 1);
    let step = |i: &Array, x: &Array| {
        let column = |row: &Array| x.at((row, i)).get();
        rotated(x, i, &rotation(&column(i), &column(&(i + 1))))
    };
    let whole = lax::fori_loop(0, restart, step, whole);
    (whole.slice_axis(1, 0, restart), whole.slice_axis(1, restart, restart + 1).reshape([restart + 1]))
}
