//! Minima of functions of a vector, as `jax.scipy.optimize`.

use cotangent_derive::Tree;

use crate::api::grad::value_and_grad;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::{cond, while_loop};
use crate::numpy::{self as np, linalg, where_};
use crate::tree::Tree;

/// The result of [`minimize`].
#[derive(Clone, Debug, Tree)]
pub struct OptimizeResults {
    /// The point.
    pub x: Array,
    /// Whether the gradient there is small enough.
    pub success: Array,
    /// 0 after success, 1 at the greatest number of iterations, and more if a line search failed.
    pub status: Array,
    /// The value.
    pub fun: Array,
    /// The gradient.
    pub jac: Array,
    /// An estimate of the inverse of the Hessian matrix.
    pub hess_inv: Array,
    /// The number of values that were computed.
    pub nfev: Array,
    /// The number of gradients.
    pub njev: Array,
    /// The number of iterations.
    pub nit: Array,
}

/// The options of [`minimize`].
///
/// ```
/// use cotangent::scipy::optimize::Bfgs;
/// let options = Bfgs { maxiter: Some(20), ..Bfgs::default() };
/// # let _ = options;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bfgs {
    /// The greatest number of iterations; 200 times the number of variables by default.
    pub maxiter: Option<usize>,
    /// The iterations end where no element of the gradient is greater; 10⁻⁵ by default.
    pub gtol: f64,
    /// The greatest number of iterations of a line search; 10 by default.
    pub line_search_maxiter: usize,
}

impl Default for Bfgs {
    fn default() -> Bfgs {
        Bfgs { maxiter: None, gtol: 1e-5, line_search_maxiter: 10 }
    }
}

/// A point on the line of a search: its distance, the value, the slope and the gradient there.
#[derive(Clone, Debug, Tree)]
struct Point {
    a: Array,
    phi: Array,
    dphi: Array,
    g: Array,
}

/// The values of `yes` where `chosen` is true, else those of `no`.
fn pick<T: Tree>(chosen: &Array, yes: &T, no: &T) -> T {
    yes.zip(no, |a, b| where_(chosen, a, b))
}

/// A line search that fulfills the strong Wolfe conditions (Nocedal and Wright, algorithms 3.5 and 3.6).
struct Search<'a> {
    at: &'a dyn Fn(&Array) -> Point,
    start: Point,
    maxiter: usize,
}

/// The state of the second phase.
#[derive(Clone, Debug, Tree)]
struct Zoom {
    done: Array,
    failed: Array,
    j: Array,
    low: Point,
    high: Point,
    a_rec: Array,
    phi_rec: Array,
    star: Point,
}

/// The state of the first phase.
#[derive(Clone, Debug, Tree)]
struct Line {
    done: Array,
    failed: Array,
    i: Array,
    last: Point,
    star: Point,
    evaluations: Array,
}

fn cubic_minimum(low: &Point, b: &Array, fb: &Array, c: &Array, fc: &Array) -> Array {
    let (slope, db, dc) = (&low.dphi, b - &low.a, c - &low.a);
    let denominator = (&db * &dc).square() * (&db - &dc);
    let (rb, rc) = (fb - &low.phi - slope * &db, fc - &low.phi - slope * &dc);
    let first = (dc.square() * &rb - db.square() * &rc) / &denominator;
    let second = (db.square() * &db * &rc - dc.square() * &dc * &rb) / denominator;
    let radical = second.square() - 3.0 * &first * slope;
    &low.a + (radical.sqrt() - second) / (3.0 * first)
}

fn quadratic_minimum(low: &Point, b: &Array, fb: &Array) -> Array {
    let db = b - &low.a;
    let curvature = (fb - &low.phi - &low.dphi * &db) / db.square();
    &low.a - &low.dphi / (2.0 * curvature)
}

impl Search<'_> {
    /// Whether the value decreases too little.
    fn wolfe_one(&self, a: &Array, phi: &Array) -> Array {
        phi.greater(&self.start.phi + 1e-4 * a * &self.start.dphi)
    }

    /// Whether the slope is small enough.
    fn wolfe_two(&self, dphi: &Array) -> Array {
        dphi.abs().less_equal(-0.9 * &self.start.dphi)
    }

    fn zoom(&self, low: &Point, high: &Point) -> Zoom {
        let threshold = if low.a.dtype() == DType::F64 { 1e-10 } else { 1e-5 };
        let no = np::zeros_as((), DType::Bool);
        let star = Point { a: np::ones_like(&low.a), g: self.start.g.clone(), ..low.clone() };
        let start = Zoom {
            done: no.clone(),
            failed: no,
            j: np::zeros_as((), DType::I32),
            low: low.clone(),
            high: high.clone(),
            a_rec: (&low.a + &high.a) / 2.0,
            phi_rec: (&low.phi + &high.phi) / 2.0,
            star,
        };
        while_loop(
            |s: &Zoom| np::logical_not(s.done.logical_or(&s.failed)),
            |s: Zoom| {
                let (low, high) = (&s.low, &s.high);
                let width = &high.a - &low.a;
                let (least, most) = (low.a.minimum(&high.a), low.a.maximum(&high.a));
                let failed = s.failed.logical_or(width.less_equal(threshold));
                let inside = |x: &Array, margin: f64| {
                    x.greater(&least + margin * &width).logical_and(x.less(&most - margin * &width))
                };
                let cubic = cubic_minimum(low, &high.a, &high.phi, &s.a_rec, &s.phi_rec);
                let use_cubic = s.j.greater(0).logical_and(inside(&cubic, 0.2));
                let quadratic = quadratic_minimum(low, &high.a, &high.phi);
                let use_quadratic = inside(&quadratic, 0.1);
                let bisection = (&low.a + &high.a) / 2.0;
                let a = where_(use_cubic, cubic, where_(use_quadratic, quadratic, bisection));
                let point = (self.at)(&a);
                let high_to_j = self.wolfe_one(&a, &point.phi).logical_or(point.phi.greater_equal(&low.phi));
                let open = np::logical_not(&high_to_j);
                let found = self.wolfe_two(&point.dphi).logical_and(&open);
                let low_to_j = open.logical_and(np::logical_not(&found));
                let turns = (&point.dphi * &width).greater_equal(0.0);
                let high_to_low = turns.logical_and(&low_to_j);
                let old_high = high_to_j.logical_or(&high_to_low);
                let a_rec = where_(&old_high, &high.a, where_(&low_to_j, &low.a, &s.a_rec));
                let phi_rec = where_(&old_high, &high.phi, where_(&low_to_j, &low.phi, &s.phi_rec));
                let next_high = pick(&high_to_j, &point, &pick(&high_to_low, low, high));
                let next_low = pick(&low_to_j, &point, low);
                let j = &s.j + 1;
                Zoom {
                    done: s.done.logical_or(&found),
                    failed: failed.logical_or(j.greater_equal(30)),
                    j,
                    low: next_low,
                    high: next_high,
                    a_rec,
                    phi_rec,
                    star: pick(&found, &point, &s.star),
                }
            },
            start,
        )
    }

    fn run(&self, first: &Array) -> Line {
        let no = np::zeros_as((), DType::Bool);
        let nothing = Point { a: np::zeros_like(&self.start.a), ..self.start.clone() };
        let start = Line {
            done: no.clone(),
            failed: no,
            i: np::ones_as((), DType::I32),
            last: nothing.clone(),
            star: nothing,
            evaluations: np::zeros_as((), DType::I32),
        };
        while_loop(
            |s: &Line| np::logical_not(s.done.logical_or(&s.failed)).logical_and(s.i.less_equal(self.maxiter)),
            |s: Line| {
                let a = where_(s.i.equal(1), first, 2.0 * &s.last.a);
                let point = (self.at)(&a);
                let higher = point.phi.greater_equal(&s.last.phi).logical_and(s.i.greater(1));
                let up = self.wolfe_one(&a, &point.phi).logical_or(higher);
                let open = np::logical_not(&up);
                let found = self.wolfe_two(&point.dphi).logical_and(&open);
                let down = point.dphi.greater_equal(0.0).logical_and(open).logical_and(np::logical_not(&found));
                let zooms = up.logical_or(&down);
                // Between the last point and this one, from the lower of the two.
                let (low, high) = (pick(&up, &s.last, &point), pick(&up, &point, &s.last));
                let (failed, star, steps) = cond(
                    &zooms,
                    || {
                        let zoom = self.zoom(&low, &high);
                        (zoom.failed, zoom.star, zoom.j)
                    },
                    || (np::zeros_as((), DType::Bool), s.star.clone(), np::zeros_as((), DType::I32)),
                );
                Line {
                    done: s.done.logical_or(&zooms).logical_or(&found),
                    failed: s.failed.logical_or(failed),
                    i: &s.i + 1,
                    last: point.clone(),
                    star: pick(&found, &point, &star),
                    evaluations: &s.evaluations + 1 + steps,
                }
            },
            start,
        )
    }
}

/// The state of the iterations.
#[derive(Clone, Debug, Tree)]
struct State {
    converged: Array,
    failed: Array,
    k: Array,
    evaluations: Array,
    x: Array,
    f: Array,
    g: Array,
    h: Array,
    before: Array,
    line_status: Array,
}

/// Returns a minimum of a function of a vector, near `x0`, by the method of Broyden, Fletcher, Goldfarb and Shanno.
///
/// The iterations are one loop on the device. For trees of parameters, use `optim::lbfgs`.
///
/// ```
/// use cotangent::{prelude::*, scipy::optimize::{self, Bfgs}};
/// let f = |x: &Array| ((x - np::array([1.0, 2.0])).powi(2) * np::array([1.0, 10.0])).sum();
/// let result = optimize::minimize(f, np::zeros(2), &Bfgs::default());
/// assert!(result.success.item::<bool>());
/// assert!(np::allclose_with(result.x, np::array([1.0, 2.0]), 1e-4, 1e-4, false).item::<bool>());
/// ```
///
/// # Panics
/// If `x0` is not a vector of floats, or the function does not return a real scalar.
#[track_caller]
pub fn minimize(fun: impl Fn(&Array) -> Array + Send + Sync, x0: impl ArrayLike, options: &Bfgs) -> OptimizeResults {
    let x0 = x0.to_array().to_inexact();
    if x0.ndim() != 1 || !x0.dtype().is_float() {
        raise(Error::shape(format!("minimize: x0 must be a vector of floats, got {}", x0.aval())));
    }
    let n = x0.size();
    let maxiter = options.maxiter.unwrap_or(200 * n);
    let both = |x: &Array| value_and_grad(|x: &Array| fun(x))(x);
    let (f, g) = both(&x0);
    let identity = np::eye_as(n, n, 0, x0.dtype());
    let small = |g: &Array| g.abs().max().less(options.gtol);
    let zero = || np::zeros_as((), DType::I32);
    let start = State {
        converged: small(&g),
        failed: np::zeros_as((), DType::Bool),
        k: zero(),
        evaluations: np::ones_as((), DType::I32),
        before: &f + linalg::norm(&g) / 2.0,
        x: x0,
        f,
        g,
        h: identity.clone(),
        line_status: zero(),
    };
    let step = |s: State| {
        let direction = -s.h.matmul(&s.g);
        let at = |a: &Array| {
            let (phi, g) = both(&(&s.x + a * &direction));
            Point { a: a.clone(), phi, dphi: g.dot(&direction), g }
        };
        let origin =
            Point { a: np::zeros_as((), s.f.dtype()), phi: s.f.clone(), dphi: s.g.dot(&direction), g: s.g.clone() };
        let guess = 2.02 * (&s.f - &s.before) / &origin.dphi;
        let guess = where_(guess.greater(1.0), 1.0, guess);
        let search = Search { at: &at, start: origin, maxiter: options.line_search_maxiter };
        let line = search.run(&guess);
        let beyond = line.i.greater(options.line_search_maxiter);
        let status = where_(&line.failed, 1, where_(beyond, 3, 0)).astype(DType::I32);
        let a = &line.star.a;
        let tiny = a.abs().less(1e-8);
        let a = if a.dtype() == DType::F64 { a.clone() } else { where_(tiny, a.sign() * 1e-8, a) };
        let moved = a * &direction;
        let y = &line.star.g - &s.g;
        let rho = 1.0 / y.dot(&moved);
        let w = &identity - &rho * np::outer(&moved, &y);
        let h = w.matmul(&s.h).matmul(w.t()) + &rho * np::outer(&moved, &moved);
        State {
            converged: small(&line.star.g),
            failed: line.failed.logical_or(np::logical_not(&line.done)),
            k: &s.k + 1,
            evaluations: &s.evaluations + &line.evaluations,
            x: &s.x + moved,
            f: line.star.phi,
            g: line.star.g,
            h: where_(np::isfinite(rho), h, &s.h),
            before: s.f.clone(),
            line_status: status,
        }
    };
    let open = |s: &State| np::logical_not(s.converged.logical_or(&s.failed)).logical_and(s.k.less(maxiter));
    let s = while_loop(open, step, start);
    let ended = where_(s.k.equal(maxiter), 1, where_(&s.failed, 2 + &s.line_status, -1));
    OptimizeResults {
        success: s.converged.logical_and(np::logical_not(&s.failed)),
        status: where_(&s.converged, 0, ended).astype(DType::I32),
        x: s.x,
        fun: s.f,
        jac: s.g,
        hess_inv: s.h,
        nfev: s.evaluations.clone(),
        njev: s.evaluations,
        nit: s.k,
    }
}
