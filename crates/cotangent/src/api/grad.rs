//! Reverse mode: `grad` and `value_and_grad`.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, ErrorKind, Loc, Result, attempt, raise};
use crate::ir::primitive::Operand;
use crate::trace::frames::Inputs;
use crate::transform::linearize::linearize;
use crate::transform::transpose::backward;
use crate::tree::Tree;

use super::func::{Arg, Argnums, Func, Params};
use super::program::{as_program, trace};

/// What a differentiated function may return: a scalar, or a scalar with auxiliary data beside it, which is
/// handed through undifferentiated.
///
/// ```
/// use cotangent::prelude::*;
/// let (g, aux) = grad(|x: &Array| (x.powi(2), x + 1.0))(&3.0.into());
/// assert_eq!((g.item::<f32>(), aux.item::<f32>()), (6.0, 4.0));
/// ```
pub trait Objective: Tree {
    /// What `grad` gives: the gradient, with the auxiliary data beside it if there are such.
    type Grad<G: Tree>: Tree;
    /// What `value_and_grad` gives: the function's whole result and the gradient.
    type ValueAndGrad<G: Tree>: Tree;
    /// The scalar.
    fn value(&self) -> &Array;
    /// The result of `grad`.
    fn with_grad<G: Tree>(self, grad: G) -> Self::Grad<G>;
    /// The result of `value_and_grad`.
    fn and_grad<G: Tree>(self, grad: G) -> Self::ValueAndGrad<G>;
}

impl Objective for Array {
    type Grad<G: Tree> = G;
    type ValueAndGrad<G: Tree> = (Array, G);
    fn value(&self) -> &Array {
        self
    }
    fn with_grad<G: Tree>(self, grad: G) -> G {
        grad
    }
    fn and_grad<G: Tree>(self, grad: G) -> (Array, G) {
        (self, grad)
    }
}

impl<A: Tree> Objective for (Array, A) {
    type Grad<G: Tree> = (G, A);
    type ValueAndGrad<G: Tree> = ((Array, A), G);
    fn value(&self) -> &Array {
        &self.0
    }
    fn with_grad<G: Tree>(self, grad: G) -> (G, A) {
        (grad, self.1)
    }
    fn and_grad<G: Tree>(self, grad: G) -> ((Array, A), G) {
        (self, grad)
    }
}

/// A one-element array of ones, of the type of a scalar objective.
fn one(aval: &Aval) -> Array {
    Array::literal(Literal::int(aval.dtype, 1).convert(aval.dtype, aval.weak_type))
}

/// What may be differentiated beside real functions of real numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GradOptions {
    /// Complex functions of complex numbers that have a complex derivative.
    pub(crate) holomorphic: bool,
    /// Integers among the arguments, which have no derivative: zeros of their own type stand for it.
    pub(crate) allow_int: bool,
}

/// The objective must be one number, real unless the function is holomorphic; `function` is the transform's name for
/// the message.
fn check_objective(value: &Array, function: &str, options: GradOptions) -> Result<()> {
    let aval = value.aval();
    if aval.rank() > 0 {
        return Err(Error::new(
            ErrorKind::Transform,
            format!("{function} needs a function with a scalar result, this one returns {aval}"),
        )
        .help("reduce the result (`.sum()`, `.mean()`), or use `vjp` for results that are not scalars"));
    }
    check_result(&aval, function, options)
}

/// A result that is differentiated in reverse mode must be real, of a holomorphic function complex.
pub(crate) fn check_result(aval: &Aval, function: &str, options: GradOptions) -> Result<()> {
    let fail = |needs: &str, help: &str| {
        let message = format!("{function} needs a {needs} result, this function returns {aval}");
        Err(Error::new(ErrorKind::Transform, message).help(help))
    };
    if options.holomorphic {
        if aval.dtype.is_complex() {
            return Ok(());
        }
        return fail("complex", "a real function of complex numbers is not holomorphic: leave out `.holomorphic()`");
    }
    if aval.dtype.is_complex() {
        return fail(
            "real floating-point",
            "return a real number, such as `.real()` or `.abs()` of it; where the function has a complex derivative and its argument is complex, `.holomorphic()` gives that",
        );
    }
    if !aval.dtype.is_float() {
        return fail(
            "real floating-point",
            "integers have no derivative; convert with `.astype(DType::F32)` where that is meant",
        );
    }
    Ok(())
}

/// Which leaves a derivative is asked in. Each must be floating-point, but for integers that are allowed: they stay
/// out.
pub(crate) fn wanted_leaves(
    leaves: &[&Array],
    counts: &[usize],
    positions: &[usize],
    paths: impl FnOnce() -> Vec<String>,
    function: &str,
    options: GradOptions,
) -> Result<Vec<bool>> {
    let owner = counts.iter().enumerate().flat_map(|(i, n)| std::iter::repeat_n(i, *n));
    let wanted: Vec<bool> = owner.map(|i| positions.contains(&i)).collect();
    let fits = |dtype: DType| match dtype.is_inexact() {
        true => dtype.is_complex() || !options.holomorphic,
        false => options.allow_int,
    };
    if let Some(i) = leaves.iter().zip(&wanted).position(|(x, w)| *w && !fits(x.dtype())) {
        let (path, aval) = (&paths()[i], leaves[i].aval());
        let (needs, help) = if aval.dtype.is_inexact() {
            ("complex inputs for a holomorphic function", "convert it with `.astype(DType::C64)`")
        } else {
            (
                "floating-point inputs",
                "convert it with `.astype(DType::F32)`, choose other arguments with `.argnums(…)`, or say `.allow_int()` for zeros in its place",
            )
        };
        let message = format!("{function} needs {needs}, but argument {path} is {aval}");
        return Err(Error::new(ErrorKind::Transform, message).help(help));
    }
    Ok(leaves.iter().zip(wanted).map(|(x, w)| w && x.dtype().is_inexact()).collect())
}

/// The leaves of the arguments at `positions`, in that order.
pub(crate) fn asked_leaves(counts: &[usize], positions: &[usize]) -> Vec<usize> {
    let start = |p: usize| counts[..p].iter().sum::<usize>();
    positions.iter().flat_map(|p| start(*p)..start(*p) + counts[*p]).collect()
}

pub(crate) fn param_paths<P: Params>(args: P::Refs<'_>) -> Vec<String> {
    crate::tree::collect_paths(|path| P::paths(args, path))
}

/// Value (and auxiliary data) and gradient, from one program. Where the value is not wanted it is not computed for its
/// own sake, and what comes back in its place means nothing.
fn value_and_gradient<'f, P: Params, R: Objective, N: Argnums<P>>(
    f: &P::Dyn<'f, R>,
    args: P::Refs<'_>,
    function: &str,
    value_wanted: bool,
    options: GradOptions,
    loc: Loc,
) -> (R, N::Grads) {
    let fail = |error: Error| -> ! { raise(error.at(loc)) };
    let (leaves, counts) = P::leaves(args);
    let positions = N::positions();
    let wanted = match wanted_leaves(&leaves, &counts, &positions, || param_paths::<P>(args), function, options) {
        Ok(wanted) => wanted,
        Err(error) => fail(error),
    };
    let inputs: Vec<Array> = leaves.into_iter().cloned().collect();
    let (flat, template) = as_program(&inputs, |inputs| {
        let avals: Vec<Aval> = inputs.iter().map(Array::aval).collect();
        let (closed, result) = trace::<P, R>(f, args, &avals, &Inputs::Known(inputs));
        if let Err(error) = check_objective(result.value(), function, options) {
            fail(error);
        }
        let args: Vec<Array> = closed.captures.iter().chain(inputs).cloned().collect();
        let mask: Vec<bool> = closed.captures.iter().map(|_| false).chain(wanted.iter().copied()).collect();
        let lin = linearize(&closed.jaxpr, &args, &mask);
        let targets = || lin.linear.jaxpr.input_avals().skip(lin.linear.captures.len()).cloned();
        let operands: Vec<Operand> =
            (lin.linear.captures.iter().cloned().map(Operand::Known)).chain(targets().map(Operand::Linear)).collect();
        // Only the objective is differentiated: it is the first result.
        let cts: Vec<_> = (lin.nonzero.iter().enumerate())
            .filter(|(_, nonzero)| **nonzero)
            .map(|(i, _)| (i == 0).then(|| one(&result.value().aval())))
            .collect();
        let grads = backward(&lin.linear.jaxpr, &operands, &cts);
        let grads = (grads.into_iter().skip(lin.linear.captures.len()).zip(targets()))
            .map(|(ct, aval)| ct.unwrap_or_else(|| crate::ops::zeros(&aval.shape, aval.dtype)));
        let mut outputs = lin.outputs;
        if !value_wanted {
            outputs[0] = Array::scalar(0.0f32);
        }
        (outputs.into_iter().chain(grads).collect(), result)
    });
    let mut flat = flat.into_iter();
    let result = template.rebuild(&mut flat);
    // Gradients come in the order of the arguments; `argnums` may ask for another. What was not differentiated, because
    // it is an integer, has zeros.
    let grads: Vec<Option<Array>> = wanted.iter().map(|w| if *w { flat.next() } else { None }).collect();
    let asked = asked_leaves(&counts, &N::positions());
    let mut ordered = asked.into_iter().map(|i| grads[i].clone().unwrap_or_else(|| crate::ops::zeros_like(&inputs[i])));
    (result, N::rebuild(args, &mut ordered))
}

macro_rules! gradient_function {
    ($T:ident $function:literal $value_wanted:literal $Out:ident $finish:ident) => {
        impl<'f, P: Params, R: Objective, N: Argnums<P>> $T<'f, P, R, N> {
            fn new(f: Arc<P::Dyn<'f, R>>, options: GradOptions, loc: Loc) -> Self {
                let inner = f.clone();
                let call = P::wrap(move |args| {
                    let (value, grads) =
                        value_and_gradient::<P, R, N>(&*inner, args, $function, $value_wanted, options, loc);
                    value.$finish(grads)
                });
                $T { f, call, options, loc, argnums: std::marker::PhantomData }
            }

            /// The complex derivative of a holomorphic function: a complex scalar of complex arguments. That the
            /// function is holomorphic is the caller's promise.
            ///
            /// ```
            /// use cotangent::prelude::*;
            /// let z = Array::from(1.0).complex(2.0);
            /// let g = grad(|z: &Array| z * z).holomorphic()(&z); // 2z
            /// assert_eq!((g.real().item::<f32>(), g.imag().item::<f32>()), (2.0, 4.0));
            /// ```
            #[must_use]
            pub fn holomorphic(self) -> Self {
                $T::new(self.f, GradOptions { holomorphic: true, ..self.options }, self.loc)
            }

            /// Lets integers and truth values stand among the arguments that it differentiates with respect to. They
            /// have no derivative: zeros of their own type stand for it.
            ///
            /// ```
            /// use cotangent::prelude::*;
            /// let df = grad(|(x, n): &(Array, Array)| x * n).allow_int();
            /// let (dx, dn) = df(&(2.0.into(), 3.into()));
            /// assert_eq!((dx.item::<f32>(), dn.item::<i32>()), (3.0, 0));
            /// ```
            #[must_use]
            pub fn allow_int(self) -> Self {
                $T::new(self.f, GradOptions { allow_int: true, ..self.options }, self.loc)
            }

            /// Differentiates with respect to other arguments than the first: `.argnums(args!(0, 2))`.
            ///
            /// ```
            /// use cotangent::prelude::*;
            /// let df = grad(|x: &Array, y: &Array| x * y).argnums(args!(0, 1));
            /// let (dx, dy) = df(&2.0.into(), &3.0.into());
            /// assert_eq!((dx.item::<f32>(), dy.item::<f32>()), (3.0, 2.0));
            /// ```
            #[must_use]
            pub fn argnums<M: Argnums<P>>(self, _: M) -> $T<'f, P, R, M> {
                $T::new(self.f, self.options, self.loc)
            }

            /// Calls it, with every failure as an error instead of a panic.
            ///
            /// # Errors
            /// Whatever tracing, compiling or running it may fail with, the user's own panics included.
            ///
            /// ```
            /// use cotangent::prelude::*;
            /// let df = grad(|x: &Array| x.powi(2));
            /// assert!(df.try_call((&3.0.into(),)).is_ok());
            /// assert!(df.try_call((&3.into(),)).is_err()); // an integer
            /// ```
            pub fn try_call(&self, args: P::Refs<'_>) -> Result<R::$Out<N::Grads>> {
                attempt(|| {
                    let (value, grads) =
                        value_and_gradient::<P, R, N>(&*self.f, args, $function, $value_wanted, self.options, self.loc);
                    value.$finish(grads)
                })
            }
        }

        impl<'f, P: Params, R: Objective, N: Argnums<P>> Deref for $T<'f, P, R, N> {
            type Target = P::Dyn<'f, R::$Out<N::Grads>>;
            fn deref(&self) -> &Self::Target {
                &self.call
            }
        }

        impl<'f, P: Params, R: Objective, N: Argnums<P>> Func<'f, P> for $T<'f, P, R, N>
        where
            Self: 'f,
        {
            type Out = R::$Out<N::Grads>;
            fn boxed(self) -> Box<P::Dyn<'f, Self::Out>> {
                self.call
            }
        }

        impl<P: Params, R: Objective, N: Argnums<P>> fmt::Debug for $T<'_, P, R, N> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}(… at {})", $function, self.loc)
            }
        }
    };
}

/// A function that computes a gradient; made by [`grad`].
///
/// ```
/// use cotangent::prelude::*;
/// let df = grad(|x: &Array| x.powi(2));
/// assert_eq!(df(&3.0.into()).item::<f32>(), 6.0);
/// ```
pub struct Grad<'f, P: Params, R: Objective, N: Argnums<P> = Arg<0>> {
    f: Arc<P::Dyn<'f, R>>,
    call: Box<P::Dyn<'f, R::Grad<N::Grads>>>,
    options: GradOptions,
    loc: Loc,
    argnums: std::marker::PhantomData<N>,
}

/// A function that computes a value and its gradient; made by [`value_and_grad`].
///
/// ```
/// use cotangent::prelude::*;
/// let f = value_and_grad(|x: &Array| x.powi(2));
/// let (y, dy) = f(&3.0.into());
/// assert_eq!((y.item::<f32>(), dy.item::<f32>()), (9.0, 6.0));
/// ```
pub struct ValueAndGrad<'f, P: Params, R: Objective, N: Argnums<P> = Arg<0>> {
    f: Arc<P::Dyn<'f, R>>,
    call: Box<P::Dyn<'f, R::ValueAndGrad<N::Grads>>>,
    options: GradOptions,
    loc: Loc,
    argnums: std::marker::PhantomData<N>,
}

gradient_function!(Grad "grad" false Grad with_grad);
gradient_function!(ValueAndGrad "value_and_grad" true ValueAndGrad and_grad);

/// The gradient of a scalar function, with respect to its first argument or those that
/// [`argnums`](Grad::argnums) names. The gradient has the structure of the argument.
///
/// A function that returns `(value, aux)` has auxiliary data: the transformed one returns `(gradient, aux)`.
///
/// ```
/// use cotangent::prelude::*;
/// let f = |x: &Array| 3.0 * x.powi(2) + 4.0 * x - 3.0;
/// let df = grad(f);
/// assert_eq!(df(&3.0.into()).item::<f32>(), 22.0);
/// let ddf = grad(grad(f));
/// assert_eq!(ddf(&3.0.into()).item::<f32>(), 6.0);
/// ```
///
/// Of a real function of complex numbers, z = x + iy, the gradient is ∂f/∂x − i·∂f/∂y, as in JAX: its conjugate points
/// uphill. Complex functions with a complex derivative need [`holomorphic`](Grad::holomorphic).
///
/// # Panics
/// The transformed function panics when the result is not a real scalar or an argument is not
/// floating-point (see [`allow_int`](Grad::allow_int)); [`try_call`](Grad::try_call) gives an error instead.
#[track_caller]
pub fn grad<'f, P: Params, F: Func<'f, P>>(f: F) -> Grad<'f, P, F::Out>
where
    F::Out: Objective,
    Arg<0>: Argnums<P>,
{
    Grad::new(f.boxed().into(), GradOptions::default(), Location::caller())
}

/// A scalar function's value and gradient, from one evaluation.
///
/// ```
/// use cotangent::prelude::*;
/// let f = value_and_grad(|x: &Array| x.sin());
/// let (y, dy) = f(&0.0.into());
/// assert_eq!((y.item::<f32>(), dy.item::<f32>()), (0.0, 1.0));
/// ```
///
/// # Panics
/// As the function that [`grad`] gives.
#[track_caller]
pub fn value_and_grad<'f, P: Params, F: Func<'f, P>>(f: F) -> ValueAndGrad<'f, P, F::Out>
where
    F::Out: Objective,
    Arg<0>: Argnums<P>,
{
    ValueAndGrad::new(f.boxed().into(), GradOptions::default(), Location::caller())
}
