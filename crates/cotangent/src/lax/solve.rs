//! Equations whose solutions are differentiated implicitly: `custom_linear_solve` and `custom_root`.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::promote::promote_types;
use crate::control::custom_jvp::CustomJvp;
use crate::control::ignored_by_eq::IgnoredByEq;
use crate::control::linear_solve::{LinearSolve as LinearSolvePrimitive, Operator};
use crate::error::location::with_location;
use crate::error::{Loc, OrRaise};
use crate::ir::jaxpr::{Closed, Jaxpr};
use crate::ir::primitive::Tangent;
use crate::ops::zeros_like;
use crate::trace::frames::{Inputs, bind, stage, tracing};
use crate::transform::eval::eval;
use crate::transform::jvp::jvp;
use crate::tree::{Tree, flatten};

use super::control_flow::{Alike, tidy};

/// Traces a function of a tree for values like `like`. Its result must have the same structure and types.
fn traced<T: Tree>(alike: &Alike<'_>, like: &T, loc: Loc, f: impl Fn(&T) -> T) -> Closed {
    let avals: Vec<Aval> = flatten(like).iter().map(Array::aval).collect();
    let (closed, (x, y)) = stage(&avals, &Inputs::Unknown("inside a solver"), |args| {
        let x = like.rebuild(&mut args.iter().cloned());
        let y = f(&x);
        let y = with_location(loc, || fitted(&y, &avals));
        (flatten(&y), (x, y))
    });
    alike.check(&x, &y, &closed.jaxpr, loc).or_raise();
    closed
}

/// Returns a result in which each Rust number has the type of the leaf that it stands for.
fn fitted<T: Tree>(y: &T, avals: &[Aval]) -> T {
    let leaves = flatten(y);
    let fit = |(i, y): (usize, &Array)| match avals.get(i) {
        Some(a) if y.weak_type() => y.convert(promote_types((a.dtype, false), (y.dtype(), true)).0, false),
        _ => y.clone(),
    };
    y.rebuild(&mut leaves.iter().enumerate().map(fit))
}

fn strong<T: Tree>(x: &T) -> T {
    x.map(|x| x.convert(x.dtype(), false))
}

/// A linear system with a method of solution, returned by [`custom_linear_solve`].
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let diagonal = Array::from([2.0f32, 4.0]);
/// let system = lax::custom_linear_solve(|x: &Array| &diagonal * x, |_, b| b / &diagonal).symmetric();
/// assert_eq!(system.solve(&Array::from([2.0f32, 2.0])).to_vec::<f32>(), [1.0, 0.5]);
/// ```
#[must_use = "a linear system is not solved until `solve` is called"]
pub struct LinearSolve<'a, T> {
    matvec: Box<dyn Fn(&T) -> T + 'a>,
    solve: Box<Solver<'a, T>>,
    transpose_solve: Option<Box<Solver<'a, T>>>,
    symmetric: bool,
}

impl<T> fmt::Debug for LinearSolve<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinearSolve").field("symmetric", &self.symmetric).finish_non_exhaustive()
    }
}

/// Given `matvec` and `b`, finds the `x` for which `matvec(x) = b`.
type Solver<'a, T> = dyn Fn(&dyn Fn(&T) -> T, &T) -> T + 'a;

/// Defines the linear system `matvec(x) = b`, where `solve` finds `x`. Any method can be used, including an iterative
/// one.
///
/// The method itself is not differentiated. The derivative follows from the equation and is the solution of another
/// system with the same `matvec`, which `solve` solves, too. Reverse mode needs the transposed system. For it, declare
/// that the system is [`symmetric`](LinearSolve::symmetric), or pass a
/// [`transpose_solve`](LinearSolve::transpose_solve).
///
/// `matvec` must be linear. Arrays that it captures, such as the matrix, can be differentiated.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// // x = b / a, with the derivative −b / a².
/// let divide = |a: &Array, b: &Array| {
///     lax::custom_linear_solve(|x: &Array| a * x, |_, b| b / a.stop_gradient()).symmetric().solve(b)
/// };
/// assert_eq!(divide(&4.0.into(), &8.0.into()).item::<f32>(), 2.0);
/// assert_eq!(grad(divide)(&4.0.into(), &8.0.into()).item::<f32>(), -0.5);
/// ```
pub fn custom_linear_solve<'a, T: Tree>(
    matvec: impl Fn(&T) -> T + 'a,
    solve: impl Fn(&dyn Fn(&T) -> T, &T) -> T + 'a,
) -> LinearSolve<'a, T> {
    LinearSolve { matvec: Box::new(matvec), solve: Box::new(solve), transpose_solve: None, symmetric: false }
}

impl<'a, T: Tree> LinearSolve<'a, T> {
    /// Declares that the system is its own transpose, so `solve` is used in reverse mode as well.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let half = |b: &Array| lax::custom_linear_solve(|x: &Array| 2.0 * x, |_, b| b / 2.0).symmetric().solve(b);
    /// assert_eq!(grad(half)(&3.0.into()).item::<f32>(), 0.5);
    /// ```
    pub fn symmetric(mut self) -> Self {
        self.symmetric = true;
        self
    }

    /// Sets the function that solves the transposed system, given the product with the transposed matrix and a
    /// right-hand side.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let half = |b: &Array| {
    ///     let system = lax::custom_linear_solve(|x: &Array| 2.0 * x, |_, b| b / 2.0);
    ///     system.transpose_solve(|_, b| b / 2.0).solve(b)
    /// };
    /// assert_eq!(grad(half)(&3.0.into()).item::<f32>(), 0.5);
    /// ```
    pub fn transpose_solve(mut self, solve: impl Fn(&dyn Fn(&T) -> T, &T) -> T + 'a) -> Self {
        self.transpose_solve = Some(Box::new(solve));
        self
    }

    /// Returns the solution for the right-hand side `b`.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let x = lax::custom_linear_solve(|x: &Array| 2.0 * x, |_, b| b / 2.0).solve(&3.0.into());
    /// assert_eq!(x.item::<f32>(), 1.5);
    /// ```
    ///
    /// # Panics
    /// If `matvec` or a solver returns a value that does not have the structure and types of `b`.
    #[track_caller]
    pub fn solve(&self, b: &T) -> T {
        let loc = Location::caller();
        let b = &strong(b);
        let alike = |part, must| Alike::solver("custom_linear_solve", part, must);
        let matvec =
            traced(&alike("the result of `matvec`", "must have the type of its argument"), b, loc, &*self.matvec);
        let solve =
            traced(&alike("the solution", "must have the type of `b`"), b, loc, |b| (self.solve)(&*self.matvec, b));
        let mut prim = LinearSolvePrimitive {
            matvec: Operator { jaxpr: tidy(&matvec), consts: matvec.captures.len() },
            solve: Operator { jaxpr: tidy(&solve), consts: solve.captures.len() },
            transpose_solve: None,
            symmetric: self.symmetric,
        };
        let mut captures: Vec<Array> = matvec.captures.iter().chain(&solve.captures).cloned().collect();
        if let Some(transposed) = &self.transpose_solve {
            let vecmat = prim.vecmat();
            let product = |x: &T| {
                let args: Vec<Array> = matvec.captures.iter().cloned().chain(flatten(x)).collect();
                x.rebuild(&mut eval(&vecmat.jaxpr, &args).into_iter())
            };
            let alike = alike("the solution of the transposed system", "must have the type of `b`");
            let program = traced(&alike, b, loc, |b| transposed(&product, b));
            prim.transpose_solve = Some(Operator { jaxpr: tidy(&program), consts: program.captures.len() });
            captures.extend(program.captures);
        } else if self.symmetric {
            prim.transpose_solve = Some(prim.solve.clone());
            captures.extend(solve.captures.iter().cloned());
        }
        let rhs = flatten(b);
        let operands: Vec<&Array> = captures.iter().chain(&rhs).collect();
        b.rebuild(&mut bind(prim, &operands).into_iter())
    }
}

/// An implicit equation on flat lists of arrays. Its operands are the captures of the three programs, in the order of
/// the fields, and the guess.
struct Root {
    /// Maps its captures and `x` to f(x).
    f: Arc<Jaxpr>,
    f_consts: usize,
    /// Maps its captures and a guess to the root.
    solve: Arc<Jaxpr>,
    solve_consts: usize,
    /// Maps its captures, a point and `b` to `v`, where the derivative of f at the point, times `v`, is `b`.
    tangent: Arc<Jaxpr>,
    tangent_consts: usize,
}

impl Root {
    fn consts(&self) -> usize {
        self.f_consts + self.solve_consts + self.tangent_consts
    }

    /// Returns the root, by an equation whose derivative rule is the implicit function theorem.
    fn bind(self: &Arc<Root>, operands: &[Array]) -> Vec<Array> {
        let avals: Vec<Aval> = operands.iter().map(Array::aval).collect();
        let (closed, ()) = stage(&avals, &Inputs::Unknown("inside `custom_root`"), |args| {
            let own = self.f_consts..self.f_consts + self.solve_consts;
            (eval(&self.solve, &[&args[own], &args[self.consts()..]].concat()), ())
        });
        let root = self.clone();
        let rule = move |x: &[Array], t: &[Array]| root.rule(x, t);
        let prim = CustomJvp {
            name: "custom_root".into(),
            jaxpr: tidy(&closed),
            consts: 0,
            rule: IgnoredByEq(Arc::new(rule)),
        };
        bind(prim, &operands.iter().collect::<Vec<_>>()).into_vec()
    }

    /// From f(a, x(a)) = 0 follows ∂f/∂x dx = −∂f/∂a da.
    fn rule(self: &Arc<Root>, operands: &[Array], tangents: &[Array]) -> (Vec<Array>, Vec<Array>) {
        let x = self.bind(operands);
        let args: Vec<Array> = operands[..self.f_consts].iter().chain(&x).cloned().collect();
        let inexact = |t: &Array| t.dtype().is_inexact().then(|| t.clone());
        let moving: Vec<Tangent> =
            tangents[..self.f_consts].iter().map(inexact).chain(x.iter().map(|_| None)).collect();
        let (value, change) = jvp(&self.f, &args, &moving);
        let rhs: Vec<Array> =
            change.into_iter().zip(&value).map(|(t, y)| t.map_or_else(|| zeros_like(y), |t| -t)).collect();
        let own = &operands[self.f_consts + self.solve_consts..self.consts()];
        let dx = eval(&self.tangent, &[own, &x, &rhs].concat());
        (x, dx)
    }
}

/// Returns a root of `f`, which `solve` finds from `initial_guess`. It is differentiated by the implicit function
/// theorem, independently of the method that `solve` uses.
///
/// `solve` takes `f` and the guess. `tangent_solve` takes a linear function `g`, the derivative of `f` at the root, and
/// `b`. It returns the `v` for which `g(v) = b`. For a scalar, this is `b / g(1)`. `f` may capture the parameters that
/// the root depends on. Reverse mode transposes `tangent_solve`. If that is an iterative method, implement it with
/// [`custom_linear_solve`].
///
/// ```
/// use cotangent::{lax, prelude::*};
/// /// The square root of a, as the root of x² − a: by Newton's method, from 1.
/// fn square_root(a: &Array) -> Array {
///     let newton = |f: &dyn Fn(&Array) -> Array, guess: &Array| {
///         lax::fori_loop(0, 6, |_, x: &Array| x - f(x) / (2.0 * x), guess.clone())
///     };
///     let one = Array::from(1.0f32);
///     lax::custom_root(|x: &Array| x * x - a, &one, newton, |g, b| b / g(&one))
/// }
/// assert_eq!(square_root(&4.0.into()).item::<f32>(), 2.0);
/// assert_eq!(grad(square_root)(&4.0.into()).item::<f32>(), 0.25);
/// assert_eq!(grad(grad(square_root))(&4.0.into()).item::<f32>(), -0.03125);
/// ```
///
/// # Panics
/// If `f`, `solve` or `tangent_solve` returns a value that does not have the structure and types of the guess.
#[track_caller]
pub fn custom_root<T: Tree>(
    f: impl Fn(&T) -> T,
    initial_guess: &T,
    solve: impl Fn(&dyn Fn(&T) -> T, &T) -> T,
    tangent_solve: impl Fn(&dyn Fn(&T) -> T, &T) -> T,
) -> T {
    if !tracing() {
        return solve(&f, initial_guess);
    }
    let loc = Location::caller();
    let guess = &strong(initial_guess);
    let alike = |part, must| Alike::solver("custom_root", part, must);
    let equation = traced(&alike("the result of `f`", "must have the type of its argument"), guess, loc, &f);
    let solver = traced(&alike("the solution", "must have the type of the guess"), guess, loc, |x| solve(&f, x));
    let avals: Vec<Aval> = flatten(guess).iter().map(Array::aval).collect();
    let n = avals.len();
    let (tangent, (b, v)) = stage(&[&avals[..], &avals].concat(), &Inputs::Unknown("inside `custom_root`"), |args| {
        let (x, b) = args.split_at(n);
        let at: Vec<Array> = equation.captures.iter().chain(x).cloned().collect();
        let slope = |v: &T| {
            let moving: Vec<Tangent> =
                equation.captures.iter().map(|_| None).chain(flatten(v).into_iter().map(Some)).collect();
            let (y, dy) = jvp(&equation.jaxpr, &at, &moving);
            let dy = dy.into_iter().zip(&y).map(|(t, y)| t.unwrap_or_else(|| zeros_like(y)));
            v.rebuild(&mut dy.collect::<Vec<_>>().into_iter())
        };
        let b = guess.rebuild(&mut b.iter().cloned());
        let v = tangent_solve(&slope, &b);
        let v = with_location(loc, || fitted(&v, &avals));
        (flatten(&v), (b, v))
    });
    let likewise = alike("the result of `tangent_solve`", "must have the type of the guess");
    likewise.check(&b, &v, &tangent.jaxpr, loc).or_raise();
    let root = Arc::new(Root {
        f: tidy(&equation),
        f_consts: equation.captures.len(),
        solve: tidy(&solver),
        solve_consts: solver.captures.len(),
        tangent: tidy(&tangent),
        tangent_consts: tangent.captures.len(),
    });
    let operands = [equation.captures, solver.captures, tangent.captures, flatten(guess)].concat();
    guess.rebuild(&mut root.bind(&operands).into_iter())
}
