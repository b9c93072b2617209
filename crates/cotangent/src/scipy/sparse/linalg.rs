//! Iterative solvers of linear systems: [`cg`], [`bicgstab`] and [`gmres`].
//!
//! The matrix is an array or a function that returns its product with a vector, and a vector is any tree of arrays. The
//! derivative of a solution follows from the equation and is the solution of another system, by the same method
//! ([`custom_linear_solve`](crate::lax::custom_linear_solve)). It is as accurate as both solutions are.
//!
//! JAX returns the solution with a second value that says nothing yet, except in `gmres`, where it says whether the
//! solution is NaN. Here the solution is the only result.

mod gmres;
mod vectors;

pub use gmres::{GmresMethod, gmres, gmres_with};

use std::fmt;
use std::panic::Location;

use crate::array::Array;
use crate::error::location::with_location;
use crate::error::{Error, Loc, raise};
use crate::lax;
use crate::numpy::{maximum, where_};
use crate::tree::{Tree, flatten};

use vectors::{add, copy, dtype_of, inner, minus, scaled, squares};

/// A linear operator on vectors of the form `T`: a square matrix, or a function that returns its product with a vector.
/// A function must name the type of its argument: `|x: &Array| …`.
///
/// ```
/// use cotangent::{prelude::*, scipy::sparse::linalg::cg};
/// let a = Array::from([[4.0f32, 0.0], [0.0, 2.0]]);
/// let b = Array::from([8.0f32, 2.0]);
/// assert_eq!(cg(&a, &b).to_vec::<f32>(), cg(|x: &Array| a.dot(x), &b).to_vec::<f32>());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a linear operator on `{T}`",
    label = "an operator is a reference to a square matrix, or a function that returns the product with a vector",
    note = "a function must name the type of its argument: `|x: &Array| …`"
)]
pub trait LinearOperator<T> {
    /// Returns the product with a vector.
    fn apply(&self, x: &T) -> T;
}

impl<T, F: Fn(&T) -> T> LinearOperator<T> for F {
    fn apply(&self, x: &T) -> T {
        self(x)
    }
}

impl LinearOperator<Array> for &Array {
    #[track_caller]
    fn apply(&self, x: &Array) -> Array {
        match self.shape() {
            [m, n] if m == n => self.dot(x),
            _ => raise(Error::shape(format!("expected a square matrix, got {}", self.aval()))),
        }
    }
}

/// Options of the iterative solvers.
///
/// ```
/// use cotangent::{prelude::*, scipy::sparse::linalg::{IterativeOptions, cg_with}};
/// let a = Array::from([[4.0f64, 1.0], [1.0, 2.0]]);
/// let jacobi = |r: &Array| r / np::diag(&a);
/// let options = IterativeOptions { tol: 1e-10, preconditioner: Some(&jacobi), ..Default::default() };
/// let x = cg_with(&a, &Array::from([6.0f64, 5.0]), &options);
/// assert!(np::allclose(&x, Array::from([1.0f64, 2.0])).item::<bool>());
/// ```
pub struct IterativeOptions<'a, T> {
    /// The first approximation of the solution; zeros by default.
    pub x0: Option<&'a T>,
    /// The iteration ends when the norm of the residual is at most `tol` times the norm of the right-hand side; 1e-5 by
    /// default.
    pub tol: f64,
    /// The iteration also ends when the norm of the residual is at most `atol`; 0 by default.
    pub atol: f64,
    /// The greatest number of iterations; ten times the number of elements by default. In `gmres`, an iteration is a
    /// whole Krylov space.
    pub maxiter: Option<usize>,
    /// An approximation of the inverse of the matrix.
    pub preconditioner: Option<&'a dyn LinearOperator<T>>,
}

impl<T> Default for IterativeOptions<'_, T> {
    fn default() -> Self {
        IterativeOptions { x0: None, tol: 1e-5, atol: 0.0, maxiter: None, preconditioner: None }
    }
}

impl<T> fmt::Debug for IterativeOptions<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (f.debug_struct("IterativeOptions").field("tol", &self.tol).field("atol", &self.atol))
            .field("maxiter", &self.maxiter)
            .finish_non_exhaustive()
    }
}

impl<T: Tree> IterativeOptions<'_, T> {
    /// Returns the first approximation.
    #[track_caller]
    fn start(&self, b: &T) -> T {
        let Some(x0) = self.x0 else { return b.map(crate::ops::zeros_like) };
        let [x, like] = [flatten(x0), flatten(b)];
        if !x0.same_structure(b) || x.iter().zip(&like).any(|(x, b)| x.shape() != b.shape()) {
            let list = |arrays: &[Array]| arrays.iter().map(|x| x.aval().to_string()).collect::<Vec<_>>().join(", ");
            raise(Error::shape(format!(
                "`x0` must have the structure and shapes of `b`: got {} and {}",
                list(&x),
                list(&like)
            )));
        }
        x0.zip(b, |x, b| x.astype(b.dtype()))
    }

    fn limit(&self, b: &T) -> usize {
        self.maxiter.unwrap_or_else(|| 10 * flatten(b).iter().map(Array::size).sum::<usize>())
    }

    /// Applies the preconditioner.
    fn precondition(&self, r: &T) -> T {
        self.preconditioner.map_or_else(|| copy(r), |m| m.apply(r))
    }

    /// Returns the square of the norm of a residual that is small enough.
    fn squared_tolerance(&self, b: &T) -> Array {
        let least = squares(b) * (self.tol * self.tol);
        maximum(&least, Array::from(self.atol * self.atol).astype(least.dtype()))
    }
}

/// Returns the operator as a function, whose errors are at the line of the call.
fn product<T>(a: &impl LinearOperator<T>, loc: Loc) -> impl Fn(&T) -> T {
    move |x| with_location(loc, || a.apply(x))
}

/// Converts the right-hand side to floats.
fn inexact<T: Tree>(b: &T) -> T {
    b.map(|x| {
        let x = x.to_inexact();
        x.convert(x.dtype(), false)
    })
}

/// Solves A x = b for x by the method of conjugate gradients. A must be Hermitian and positive definite.
///
/// ```
/// use cotangent::{prelude::*, scipy::sparse::linalg::cg};
/// let a = Array::from([[4.0f32, 1.0], [1.0, 3.0]]);
/// let x = cg(&a, &Array::from([6.0f32, 7.0]));
/// assert!(np::allclose(&x, Array::from([1.0f32, 2.0])).item::<bool>());
/// ```
///
/// # Panics
/// If the product with A does not have the structure and types of `b`.
#[track_caller]
pub fn cg<T: Tree>(a: impl LinearOperator<T>, b: &T) -> T {
    cg_with(a, b, &IterativeOptions::default())
}

/// Like [`cg`], with options.
///
/// ```
/// use cotangent::{prelude::*, scipy::sparse::linalg::{IterativeOptions, cg_with}};
/// // One step of gradient descent.
/// let options = IterativeOptions { maxiter: Some(1), ..Default::default() };
/// let x = cg_with(|x: &Array| 2.0 * x, &Array::from([2.0f32, 4.0]), &options);
/// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0]);
/// ```
///
/// # Panics
/// If the product with A, or `x0`, does not have the structure and types of `b`.
#[track_caller]
pub fn cg_with<T: Tree>(a: impl LinearOperator<T>, b: &T, options: &IterativeOptions<'_, T>) -> T {
    let loc = Location::caller();
    let b = inexact(b);
    let x0 = options.start(&b);
    let system = lax::custom_linear_solve(product(&a, loc), |a, b| conjugate_gradients(a, b, &x0, options));
    let real = flatten(&b).iter().all(|x| !x.dtype().is_complex());
    if real {
        return system.symmetric().solve(&b);
    }
    system.transpose_solve(|a, b| conjugate_gradients(a, b, &x0, options)).solve(&b)
}

/// The preconditioned method of conjugate gradients
/// (<https://en.wikipedia.org/wiki/Conjugate_gradient_method#The_preconditioned_conjugate_gradient_method>).
fn conjugate_gradients<T: Tree>(a: &dyn Fn(&T) -> T, b: &T, x0: &T, options: &IterativeOptions<'_, T>) -> T {
    let (least, limit) = (options.squared_tolerance(b), options.limit(b) as i64);
    let r = minus(b, &a(x0));
    let p = options.precondition(&r);
    let gamma = squares_between(&r, &p);
    let goes_on = |(_, r, _, _, k): &(T, T, Array, T, Array)| {
        squares(r).greater(&least).logical_and(k.less(Array::scalar(limit)))
    };
    let step = |(x, r, gamma, p, k): &(T, T, Array, T, Array)| {
        let ap = a(p);
        let alpha = gamma / squares_between(p, &ap);
        let x = add(x, &scaled(&alpha, p));
        let r = minus(r, &scaled(&alpha, &ap));
        let z = options.precondition(&r);
        let next = squares_between(&r, &z);
        let p = add(&z, &scaled(&(&next / gamma), p));
        (x, r, next, p, k + 1)
    };
    lax::while_loop(goes_on, step, (copy(x0), r, gamma, p, Array::scalar(0i64))).0
}

/// Returns the real part of the inner product. It is all of it where the product is xᴴ A x of a Hermitian A.
fn squares_between<T: Tree>(x: &T, y: &T) -> Array {
    inner(x, y).real()
}

/// Solves A x = b for x by the stabilized method of biconjugate gradients. A may be any square matrix.
///
/// ```
/// use cotangent::{prelude::*, scipy::sparse::linalg::bicgstab};
/// let a = Array::from([[4.0f32, 1.0], [-1.0, 3.0]]);
/// let x = bicgstab(&a, &Array::from([6.0f32, 5.0]));
/// assert!(np::allclose(&x, Array::from([1.0f32, 2.0])).item::<bool>());
/// ```
///
/// # Panics
/// If the product with A does not have the structure and types of `b`.
#[track_caller]
pub fn bicgstab<T: Tree>(a: impl LinearOperator<T>, b: &T) -> T {
    bicgstab_with(a, b, &IterativeOptions::default())
}

/// Like [`bicgstab`], with options.
///
/// ```
/// use cotangent::{prelude::*, scipy::sparse::linalg::{IterativeOptions, bicgstab_with}};
/// let a = Array::from([[4.0f64, 1.0], [-1.0, 3.0]]);
/// let options = IterativeOptions { tol: 1e-12, ..Default::default() };
/// let x = bicgstab_with(&a, &Array::from([6.0f64, 5.0]), &options);
/// assert!(np::allclose_with(&x, Array::from([1.0f64, 2.0]), 1e-10, 0.0, false).item::<bool>());
/// ```
///
/// # Panics
/// If the product with A, or `x0`, does not have the structure and types of `b`.
#[track_caller]
pub fn bicgstab_with<T: Tree>(a: impl LinearOperator<T>, b: &T, options: &IterativeOptions<'_, T>) -> T {
    let loc = Location::caller();
    let b = inexact(b);
    let x0 = options.start(&b);
    let solve = |a: &dyn Fn(&T) -> T, b: &T| biconjugate_gradients(a, b, &x0, options);
    lax::custom_linear_solve(product(&a, loc), solve).transpose_solve(solve).solve(&b)
}

/// The state of an iteration: x, r, p, q, (α, ω, ρ), and the number of iterations, which is negative after a breakdown.
type Stabilized<T> = (T, T, T, T, (Array, Array, Array), Array);

/// The preconditioned stabilized method of biconjugate gradients
/// (<https://en.wikipedia.org/wiki/Biconjugate_gradient_stabilized_method#Preconditioned_BiCGSTAB>).
fn biconjugate_gradients<T: Tree>(a: &dyn Fn(&T) -> T, b: &T, x0: &T, options: &IterativeOptions<'_, T>) -> T {
    let (least, limit) = (options.squared_tolerance(b), options.limit(b) as i64);
    let dtype = dtype_of(b);
    let start = minus(b, &a(x0));
    let goes_on = |(_, r, _, _, _, k): &Stabilized<T>| {
        let counts = k.less(Array::scalar(limit)).logical_and(k.greater_equal(0));
        squares(r).greater(&least).logical_and(counts)
    };
    let step = |(x, r, p, q, (alpha, omega, rho), k): &Stabilized<T>| {
        let next = inner(&start, r).astype(dtype);
        let beta = &next / rho * alpha / omega;
        let p = add(r, &scaled(&beta, &minus(p, &scaled(omega, q))));
        let direction = options.precondition(&p);
        let q = a(&direction);
        let alpha = &next / inner(&start, &q).astype(dtype);
        let s = minus(r, &scaled(&alpha, &q));
        let early = squares(&s).less(&least);
        let second = options.precondition(&s);
        let t = a(&second);
        let omega = (inner(&t, &s) / inner(&t, &t)).astype(dtype);
        let half = add(x, &scaled(&alpha, &direction));
        let whole = add(&half, &scaled(&omega, &second));
        let choose = |yes: &T, no: &T| yes.zip(no, |yes, no| where_(&early, yes, no));
        let (x, r) = (choose(&half, &whole), choose(&s, &minus(&s, &scaled(&omega, &t))));
        let broken = |x: &Array| x.equal(0.0);
        let stops = broken(&omega).logical_or(broken(&alpha)).logical_or(broken(&next));
        let k = where_(stops, Array::scalar(-1i64), k + 1);
        (x, r, p, q, (alpha, omega, next), k)
    };
    let one = || Array::from(1.0).astype(dtype);
    let init = (copy(x0), copy(&start), copy(&start), copy(&start), (one(), one(), one()), Array::scalar(0i64));
    lax::while_loop(goes_on, step, init).0
}
