//! Directional derivatives: `jvp`, `linearize` and `vjp`.

use std::panic::Location;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::location::location;
use crate::error::{Error, ErrorKind, Loc, OrRaise, Result, attempt};
use crate::ir::jaxpr::Closed;
use crate::ir::primitive::{Operand, Tangent};
use crate::trace::frames::Inputs;
use crate::transform::eval::eval;
use crate::transform::linearize::linearize as linearize_at;
use crate::transform::masks::placed;
use crate::transform::transpose::backward;
use crate::tree::{Tree, flatten};

use super::callable::callable;
use super::func::{Func, Params};
use super::grad::param_paths;
use super::program::{as_program, trace};

/// Checks that tangents have the types of their primals. `names` returns the names of the leaves, for the message.
fn check_tangents(what: &str, primals: &[Array], tangents: &[Array], names: impl Fn() -> Vec<String>) -> Result<()> {
    if primals.len() != tangents.len() {
        let message = format!("expected {} {what}s, got {}", primals.len(), tangents.len());
        return Err(Error::new(ErrorKind::Structure, message));
    }
    for (i, (x, t)) in primals.iter().zip(tangents).enumerate() {
        let fits = x.shape() == t.shape() && (x.dtype() == t.dtype() || t.weak_type() || !x.dtype().is_inexact());
        if !fits {
            return Err(Error::shape(format!(
                "the {what} of {} must have the type of its primal: expected {}, got {}",
                names()[i],
                x.aval(),
                t.aval()
            )));
        }
    }
    Ok(())
}

/// Returns a tangent with the exact dtype of its primal.
fn fitted(t: &Array, aval: &Aval) -> Array {
    t.convert(aval.dtype, aval.weak_type)
}

/// Returns the tangent, or zeros if there is none.
fn instantiate(t: Tangent, like: &Array) -> Array {
    t.unwrap_or_else(|| crate::ops::zeros_like(like))
}

/// Returns the value of a function at `primals` and its derivative there in the direction `tangents`.
///
/// Arguments that are not floating-point have no tangent. Their values in `tangents` are ignored.
///
/// ```
/// use cotangent::prelude::*;
/// let (y, dy) = jvp(|x: &Array| x.sin(), (&0.0.into(),), (&2.0.into(),));
/// assert_eq!((y.item::<f32>(), dy.item::<f32>()), (0.0, 2.0));
/// ```
///
/// # Panics
/// If a tangent does not have the shape and dtype of its primal.
#[track_caller]
pub fn jvp<'f, P: Params, F: Func<'f, P>>(f: F, primals: P::Refs<'_>, tangents: P::Refs<'_>) -> (F::Out, F::Out) {
    jvp_from(location(Location::caller()), f, primals, tangents)
}

fn jvp_from<'f, P: Params, F: Func<'f, P>>(
    loc: Loc,
    f: F,
    primals: P::Refs<'_>,
    tangents: P::Refs<'_>,
) -> (F::Out, F::Out) {
    let f = f.boxed();
    let (x, _) = P::leaves(primals);
    let (t, _) = P::leaves(tangents);
    let (x, t): (Vec<Array>, Vec<Array>) = (x.into_iter().cloned().collect(), t.into_iter().cloned().collect());
    check_tangents("tangent", &x, &t, || param_paths::<P>(primals)).map_err(|e| e.context("jvp").at(loc)).or_raise();
    let n = x.len();
    let inputs: Vec<Array> = x.into_iter().chain(t).collect();
    let (flat, (template, count)) = as_program(&inputs, |inputs| {
        let (x, t) = inputs.split_at(n);
        let avals: Vec<Aval> = x.iter().map(Array::aval).collect();
        let (closed, result) = trace::<P, F::Out>(&*f, primals, &avals, &Inputs::Known(x));
        let args: Vec<Array> = closed.captures.iter().chain(x).cloned().collect();
        let tangents: Vec<Tangent> = (closed.captures.iter().map(|_| None))
            .chain(t.iter().zip(&avals).map(|(t, a)| a.dtype.is_inexact().then(|| fitted(t, a))))
            .collect();
        let (y, dy) = crate::transform::jvp::jvp(&closed.jaxpr, &args, &tangents);
        let dy: Vec<Array> = dy.into_iter().zip(&y).map(|(t, y)| instantiate(t, y)).collect();
        let count = y.len();
        (y.into_iter().chain(dy).collect(), (result, count))
    });
    let (y, dy) = flat.split_at(count);
    (template.rebuild(&mut y.iter().cloned()), template.rebuild(&mut dy.iter().cloned()))
}

/// Like [`jvp`], but returns every failure as an error instead of panicking.
///
/// # Errors
/// If tracing or running the function fails, or if the user's own code panics.
///
/// ```
/// use cotangent::{prelude::*, try_jvp};
/// let f = |x: &Array| x.sin();
/// assert!(try_jvp(f, (&0.0.into(),), (&1.0.into(),)).is_ok());
/// assert!(try_jvp(f, (&0.0.into(),), (&Array::from([1.0f32, 2.0]),)).is_err());
/// ```
#[track_caller]
pub fn try_jvp<'f, P: Params, F: Func<'f, P>>(
    f: F,
    primals: P::Refs<'_>,
    tangents: P::Refs<'_>,
) -> Result<(F::Out, F::Out)> {
    let loc = location(Location::caller());
    attempt(|| jvp_from(loc, f, primals, tangents))
}

/// A function linearized at a point: its value there, and its linear program.
struct At<R> {
    template: R,
    outputs: Vec<Array>,
    linear: Closed,
    nonzero: Vec<bool>,
    /// The leaves of the arguments. The floating-point ones have tangents.
    primals: Vec<Array>,
}

impl<R> At<R> {
    fn wanted(&self) -> impl Iterator<Item = bool> {
        self.primals.iter().map(|x| x.dtype().is_inexact())
    }
}

fn linearized<'f, P: Params, R: Tree>(f: &P::Dyn<'f, R>, args: P::Refs<'_>) -> At<R> {
    let primals: Vec<Array> = P::leaves(args).0.into_iter().cloned().collect();
    let (flat, (template, jaxpr, nonzero)) = as_program(&primals, |inputs| {
        let avals: Vec<Aval> = inputs.iter().map(Array::aval).collect();
        let (closed, result) = trace::<P, R>(f, args, &avals, &Inputs::Known(inputs));
        let args: Vec<Array> = closed.captures.iter().chain(inputs).cloned().collect();
        let wanted: Vec<bool> =
            closed.captures.iter().map(|_| false).chain(avals.iter().map(|a| a.dtype.is_inexact())).collect();
        let lin = linearize_at(&closed.jaxpr, &args, &wanted);
        let results = lin.outputs.into_iter().chain(lin.linear.captures).collect();
        (results, (result, lin.linear.jaxpr, lin.nonzero))
    });
    let mut outputs = flat;
    let captures = outputs.split_off(nonzero.len());
    At { template, outputs, linear: Closed { jaxpr, captures }, nonzero, primals }
}

/// The derivative of a function at a point, as a linear function of tangents, as returned by [`linearize`].
///
/// ```
/// use cotangent::prelude::*;
/// let (_, df) = linearize(|x: &Array| 3.0 * x, (&1.0.into(),));
/// assert_eq!(df(&2.0.into()).item::<f32>(), 6.0);
/// ```
#[must_use = "a transformed function does nothing until it is called"]
pub struct Linear<P: Params, R: 'static> {
    call: Box<P::Dyn<'static, R>>,
}

callable! {
    impl[P: Params, R: Tree] Linear<P, R>: 'static -> R;
    |_this, f| f.write_str("a linear function")
}

/// Returns the value of a function at `primals` and its derivative there, as a linear function. Calling the linear
/// function does not evaluate the original function again.
///
/// ```
/// use cotangent::prelude::*;
/// let (y, df) = linearize(|x: &Array| x.powi(2), (&3.0.into(),));
/// assert_eq!(y.item::<f32>(), 9.0);
/// assert_eq!(df(&1.0.into()).item::<f32>(), 6.0);
/// assert_eq!(df(&2.0.into()).item::<f32>(), 12.0);
/// ```
#[track_caller]
pub fn linearize<'f, P: Params, F: Func<'f, P>>(f: F, primals: P::Refs<'_>) -> (F::Out, Linear<P, F::Out>) {
    linearize_from(location(Location::caller()), f, primals)
}

fn linearize_from<'f, P: Params, F: Func<'f, P>>(loc: Loc, f: F, primals: P::Refs<'_>) -> (F::Out, Linear<P, F::Out>) {
    let at = linearized::<P, F::Out>(&*f.boxed(), primals);
    let value = at.template.rebuild(&mut at.outputs.iter().cloned());
    let call = P::wrap(move |tangents| {
        let t: Vec<Array> = P::leaves(tangents).0.into_iter().cloned().collect();
        check_tangents("tangent", &at.primals, &t, || param_paths::<P>(tangents))
            .map_err(|e| e.context("linearize").at(loc))
            .or_raise();
        let given =
            (t.iter().zip(&at.primals).zip(at.wanted())).filter(|(_, w)| *w).map(|((t, x), _)| fitted(t, &x.aval()));
        let inputs: Vec<Array> = at.linear.captures.iter().cloned().chain(given).collect();
        let (flat, ()) = as_program(&inputs, |inputs| {
            let dy: Vec<Tangent> = placed(&at.nonzero, &mut eval(&at.linear.jaxpr, inputs).into_iter());
            (dy.into_iter().zip(&at.outputs).map(|(t, y)| instantiate(t, y)).collect(), ())
        });
        at.template.rebuild(&mut flat.into_iter())
    });
    (value, Linear { call })
}

/// The result of [`linearize`]: the value, and the derivative as a linear function.
type Linearized<P, R> = (R, Linear<P, R>);

/// The result of [`vjp`]: the value, and the function from cotangents to cotangents.
type PulledBack<P, R> = (R, Vjp<P, R>);

/// Like [`linearize`], but returns every failure as an error instead of panicking.
///
/// # Errors
/// If tracing or running the function fails, or if the user's own code panics.
///
/// ```
/// use cotangent::{prelude::*, try_linearize};
/// let f = |x: &Array| x.reshape([3]).sin();
/// assert!(try_linearize(f, (&np::zeros(3),)).is_ok());
/// assert!(try_linearize(f, (&np::zeros(2),)).is_err());
/// ```
#[track_caller]
pub fn try_linearize<'f, P: Params, F: Func<'f, P>>(f: F, primals: P::Refs<'_>) -> Result<Linearized<P, F::Out>> {
    let loc = location(Location::caller());
    attempt(|| linearize_from(loc, f, primals))
}

/// The function that [`vjp`] returns with the value: it maps a cotangent of the result to cotangents of the arguments.
///
/// ```
/// use cotangent::prelude::*;
/// let (_, back) = vjp(|x: &Array| 3.0 * x, (&1.0.into(),));
/// let (dx,) = back(&1.0.into());
/// assert_eq!(dx.item::<f32>(), 3.0);
/// ```
pub type Vjp<P, R> = Box<dyn Fn(&R) -> <P as Params>::Values + Send + Sync>;

/// Returns the value of a function at `primals`, and a function that maps a cotangent of the result to a tuple of
/// cotangents, one for each argument.
///
/// The cotangent of an argument that is not floating-point is zeros of the same shape and dtype.
///
/// ```
/// use cotangent::prelude::*;
/// let (y, back) = vjp(|x: &Array, y: &Array| x * y.sin(), (&2.0.into(), &0.0.into()));
/// assert_eq!(y.item::<f32>(), 0.0);
/// let (dx, dy) = back(&1.0.into());
/// assert_eq!((dx.item::<f32>(), dy.item::<f32>()), (0.0, 2.0));
/// ```
#[track_caller]
pub fn vjp<'f, P: Params, F: Func<'f, P>>(f: F, primals: P::Refs<'_>) -> (F::Out, Vjp<P, F::Out>) {
    vjp_from(location(Location::caller()), f, primals)
}

fn vjp_from<'f, P: Params, F: Func<'f, P>>(loc: Loc, f: F, primals: P::Refs<'_>) -> (F::Out, Vjp<P, F::Out>) {
    let at = linearized::<P, F::Out>(&*f.boxed(), primals);
    let value = at.template.rebuild(&mut at.outputs.iter().cloned());
    let structure = P::rebuild(primals, &mut at.primals.iter().cloned());
    let back = Box::new(move |cotangent: &F::Out| {
        let cts = flatten(cotangent);
        check_tangents("cotangent", &at.outputs, &cts, || crate::tree::leaf_paths(cotangent))
            .map_err(|e| e.context("vjp").at(loc))
            .or_raise();
        let residuals = at.linear.captures.len();
        let given = (cts.iter().zip(&at.outputs).zip(&at.nonzero))
            .filter(|(_, n)| **n)
            .map(|((ct, y), _)| fitted(ct, &y.aval()));
        let inputs: Vec<Array> = at.linear.captures.iter().cloned().chain(given).collect();
        let (flat, ()) = as_program(&inputs, |inputs| {
            let (known, cts) = inputs.split_at(residuals);
            let linear = at.linear.jaxpr.input_avals().skip(residuals).cloned().map(Operand::Linear);
            let operands: Vec<Operand> = known.iter().cloned().map(Operand::Known).chain(linear).collect();
            let cts: Vec<Tangent> = cts.iter().cloned().map(Some).collect();
            let wanted: Vec<bool> = at.wanted().collect();
            let mut grads = backward(&at.linear.jaxpr, &operands, &cts).into_iter().skip(residuals);
            let grads: Vec<Option<Tangent>> = placed(&wanted, &mut grads);
            (grads.into_iter().zip(&at.primals).map(|(t, x)| instantiate(t.flatten(), x)).collect(), ())
        });
        P::rebuild(P::refs(&structure), &mut flat.into_iter())
    });
    (value, back)
}

/// Like [`vjp`], but returns every failure as an error instead of panicking.
///
/// # Errors
/// If tracing or running the function fails, or if the user's own code panics. The returned function panics in the same
/// cases as that of [`vjp`].
///
/// ```
/// use cotangent::{prelude::*, try_vjp};
/// let f = |x: &Array, y: &Array| x * y;
/// assert!(try_vjp(f, (&np::ones(3), &np::ones(3))).is_ok());
/// assert!(try_vjp(f, (&np::ones(3), &np::ones(2))).is_err());
/// ```
#[track_caller]
pub fn try_vjp<'f, P: Params, F: Func<'f, P>>(f: F, primals: P::Refs<'_>) -> Result<PulledBack<P, F::Out>> {
    let loc = location(Location::caller());
    attempt(|| vjp_from(loc, f, primals))
}

/// Returns the transpose of a linear function: a function that maps a cotangent of the result to cotangents of the
/// arguments. Only the structure, shapes and dtypes of `primals` are used, so [`Array::shape_dtype_struct`] suffices.
///
/// Unlike [`vjp`], it does not evaluate the function itself.
///
/// ```
/// use cotangent::{linear_transpose, prelude::*};
/// let f = |x: &Array| 2.0 * x.sum();
/// let back = linear_transpose(f, (&Array::shape_dtype_struct([3], DType::F32),));
/// let (dx,) = back(&1.0f32.into());
/// assert_eq!(dx.to_vec::<f32>(), [2.0, 2.0, 2.0]);
/// ```
///
/// # Panics
/// If an argument is not floating-point, or if the function is not linear. The message names the nonlinear operation.
#[track_caller]
pub fn linear_transpose<'f, P: Params, F: Func<'f, P>>(f: F, primals: P::Refs<'_>) -> Vjp<P, F::Out> {
    linear_transpose_from(location(Location::caller()), f, primals)
}

fn linear_transpose_from<'f, P: Params, F: Func<'f, P>>(loc: Loc, f: F, primals: P::Refs<'_>) -> Vjp<P, F::Out> {
    let avals: Vec<Aval> = P::leaves(primals).0.into_iter().map(Array::aval).collect();
    if let Some(i) = avals.iter().position(|a| !a.dtype.is_inexact()) {
        let message = format!(
            "linear_transpose needs floating-point inputs, but argument {} is {}",
            param_paths::<P>(primals)[i],
            avals[i]
        );
        Err(Error::new(ErrorKind::Transform, message)
            .help("capture the values that the function is not linear in")
            .at(loc))
        .or_raise()
    }
    let (closed, template) =
        trace::<P, F::Out>(&*f.boxed(), primals, &avals, &Inputs::Unknown("inside `linear_transpose`"));
    let outputs = flatten(&template);
    let structure = P::rebuild(primals, &mut avals.iter().map(Array::of_aval));
    Box::new(move |cotangent: &F::Out| {
        let cts = flatten(cotangent);
        check_tangents("cotangent", &outputs, &cts, || crate::tree::leaf_paths(cotangent))
            .map_err(|e| e.context("linear_transpose").at(loc))
            .or_raise();
        let given = cts.iter().zip(&outputs).map(|(ct, y)| fitted(ct, &y.aval()));
        let inputs: Vec<Array> = closed.captures.iter().cloned().chain(given).collect();
        let (flat, ()) = as_program(&inputs, |inputs| {
            let (known, cts) = inputs.split_at(closed.captures.len());
            let operands: Vec<Operand> =
                (known.iter().cloned().map(Operand::Known)).chain(avals.iter().cloned().map(Operand::Linear)).collect();
            let cts: Vec<Tangent> = cts.iter().cloned().map(Some).collect();
            let back = backward(&closed.jaxpr, &operands, &cts).into_iter().skip(known.len());
            let full = |(ct, a): (Tangent, &Aval)| ct.unwrap_or_else(|| crate::ops::zeros(&a.shape, a.dtype));
            (back.zip(&avals).map(full).collect(), ())
        });
        P::rebuild(P::refs(&structure), &mut flat.into_iter())
    })
}

/// Like [`linear_transpose`], but returns every failure as an error instead of panicking.
///
/// # Errors
/// If tracing or running the function fails, or if the user's own code panics.
///
/// ```
/// use cotangent::{prelude::*, try_linear_transpose};
/// let whole = Array::shape_dtype_struct([3], DType::I32);
/// assert!(try_linear_transpose(|x: &Array| x * 2, (&whole,)).is_err());
/// ```
#[track_caller]
pub fn try_linear_transpose<'f, P: Params, F: Func<'f, P>>(f: F, primals: P::Refs<'_>) -> Result<Vjp<P, F::Out>> {
    let loc = location(Location::caller());
    attempt(|| linear_transpose_from(loc, f, primals))
}
