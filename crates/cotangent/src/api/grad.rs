//! Reverse mode: `grad` and `value_and_grad`.

use std::panic::Location;
use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, ErrorKind, Loc, OrRaise, Result, attempt};
use crate::ir::jaxpr::Closed;
use crate::ir::primitive::{Operand, Tangent};
use crate::ops::{zeros, zeros_like};
use crate::trace::frames::Inputs;
use crate::transform::linearize::{Linearized, linearize};
use crate::transform::transpose::backward;
use crate::tree::{Tree, flatten};

use super::callable::transformable;
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
#[diagnostic::on_unimplemented(
    message = "a function that returns `{Self}` has no gradient",
    label = "must return an `Array` (one number), or a pair `(Array, auxiliary data)`",
    note = "reduce the result to one number with `.sum()` or `.mean()`, or use `vjp`, `jacrev` or `jacfwd`",
    note = "data beside the objective is one tree: `(loss, (logits, state))`",
    note = "the value of a `Result` is returned without it: `try_call` on the transformed function returns errors"
)]
pub trait Objective: Tree {
    /// What `grad` gives: the gradient, with the auxiliary data beside it if there are such.
    type Grad<G: Tree>: Tree;
    /// What `value_and_grad` gives: the function's whole result and the gradient.
    type ValueAndGrad<G: Tree>: Tree;
    /// The auxiliary data; `()` where there is none.
    type Aux: Tree;
    /// The scalar.
    fn value(&self) -> &Array;
    /// The auxiliary data alone.
    fn into_aux(self) -> Self::Aux;
    /// The result of `grad`.
    fn with_grad<G: Tree>(aux: Self::Aux, grad: G) -> Self::Grad<G>;
    /// The result of `value_and_grad`.
    fn and_grad<G: Tree>(self, grad: G) -> Self::ValueAndGrad<G>;
}

impl Objective for Array {
    type Grad<G: Tree> = G;
    type ValueAndGrad<G: Tree> = (Array, G);
    type Aux = ();
    fn value(&self) -> &Array {
        self
    }
    fn into_aux(self) {}
    fn with_grad<G: Tree>((): (), grad: G) -> G {
        grad
    }
    fn and_grad<G: Tree>(self, grad: G) -> (Array, G) {
        (self, grad)
    }
}

impl<A: Tree> Objective for (Array, A) {
    type Grad<G: Tree> = (G, A);
    type ValueAndGrad<G: Tree> = ((Array, A), G);
    type Aux = A;
    fn value(&self) -> &Array {
        &self.0
    }
    fn into_aux(self) -> A {
        self.1
    }
    fn with_grad<G: Tree>(aux: A, grad: G) -> (G, A) {
        (grad, aux)
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

/// What `keep` keeps of the function's result, and the gradient of its objective, from one program.
fn gradient<'f, P: Params, R: Objective, N: Argnums<P>, K: Tree>(
    f: &P::Dyn<'f, R>,
    args: P::Refs<'_>,
    function: &str,
    options: GradOptions,
    loc: Loc,
    keep: fn(R) -> K,
) -> (K, N::Grads) {
    let (leaves, counts) = P::leaves(args);
    let positions = N::positions();
    let wanted = wanted_leaves(&leaves, &counts, &positions, || param_paths::<P>(args), function, options);
    let wanted = wanted.map_err(|e| e.at(loc)).or_raise();
    let inputs: Vec<Array> = leaves.into_iter().cloned().collect();
    let (flat, kept) = as_program(&inputs, |inputs| {
        let avals: Vec<Aval> = inputs.iter().map(Array::aval).collect();
        let (closed, result) = trace::<P, R>(f, args, &avals, &Inputs::Known(inputs));
        check_objective(result.value(), function, options).map_err(|e| e.at(loc)).or_raise();
        let linearized = linearize_at(&closed, inputs, &wanted);
        let grads = pull_back(&linearized, one(&result.value().aval()));
        let kept = keep(result.rebuild(&mut linearized.outputs.into_iter()));
        (flatten(&kept).into_iter().chain(grads).collect(), kept)
    });
    let mut flat = flat.into_iter();
    let kept = kept.rebuild(&mut flat);
    let grads = in_order_asked(&inputs, &wanted, &asked_leaves(&counts, &positions), flat);
    (kept, N::rebuild(args, &mut grads.into_iter()))
}

/// Linearizes a traced function at `inputs`, in those that are wanted.
fn linearize_at(closed: &Closed, inputs: &[Array], wanted: &[bool]) -> Linearized {
    let args: Vec<Array> = closed.captures.iter().chain(inputs).cloned().collect();
    let mask: Vec<bool> = closed.captures.iter().map(|_| false).chain(wanted.iter().copied()).collect();
    linearize(&closed.jaxpr, &args, &mask)
}

/// The cotangents of the inputs that a linearized function is differentiated in, given that of its first result, the
/// objective. Auxiliary results have none.
fn pull_back(linearized: &Linearized, ct: Array) -> Vec<Array> {
    let Closed { jaxpr, captures: residuals } = &linearized.linear;
    let targets = || jaxpr.input_avals().skip(residuals.len()).cloned();
    let operands: Vec<Operand> =
        residuals.iter().cloned().map(Operand::Known).chain(targets().map(Operand::Linear)).collect();
    let nonzero = linearized.nonzero.iter().enumerate().filter(|(_, nonzero)| **nonzero);
    let cts: Vec<Tangent> = nonzero.map(|(i, _)| (i == 0).then(|| ct.clone())).collect();
    let arrived = backward(jaxpr, &operands, &cts).into_iter().skip(residuals.len());
    arrived.zip(targets()).map(|(ct, aval)| ct.unwrap_or_else(|| zeros(&aval.shape, aval.dtype))).collect()
}

/// A gradient for each leaf in `asked`, from those of the `wanted` leaves in the arguments' order. The other leaves,
/// integers, have zeros.
fn in_order_asked(
    inputs: &[Array],
    wanted: &[bool],
    asked: &[usize],
    mut grads: impl Iterator<Item = Array>,
) -> Vec<Array> {
    let of_leaf: Vec<Option<Array>> = wanted.iter().map(|w| if *w { grads.next() } else { None }).collect();
    asked.iter().map(|i| of_leaf[*i].clone().unwrap_or_else(|| zeros_like(&inputs[*i]))).collect()
}

macro_rules! gradient_function {
    ($T:ident $function:literal $Out:ident: keep $keep:expr, finish $finish:expr) => {
        impl<'f, P: Params, R: Objective, N: Argnums<P>> $T<'f, P, R, N> {
            fn new(f: Arc<P::Dyn<'f, R>>, options: GradOptions, loc: Loc) -> Self {
                let inner = f.clone();
                let call = P::wrap(move |args| Self::compute(&*inner, args, options, loc));
                $T { f, call, options, loc, argnums: std::marker::PhantomData }
            }

            fn compute(f: &P::Dyn<'f, R>, args: P::Refs<'_>, options: GradOptions, loc: Loc) -> R::$Out<N::Grads> {
                let (kept, grads) = gradient::<P, R, N, _>(f, args, $function, options, loc, $keep);
                $finish(kept, grads)
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
                attempt(|| Self::compute(&*self.f, args, self.options, self.loc))
            }
        }

        transformable! {
            impl['f, P: Params, R: Objective, N: Argnums<P>] $T<'f, P, R, N>: 'f -> R::$Out<N::Grads>;
            |this, f| write!(f, "{}(… at {})", $function, this.loc)
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
#[must_use = "a transformed function does nothing until it is called"]
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
#[must_use = "a transformed function does nothing until it is called"]
pub struct ValueAndGrad<'f, P: Params, R: Objective, N: Argnums<P> = Arg<0>> {
    f: Arc<P::Dyn<'f, R>>,
    call: Box<P::Dyn<'f, R::ValueAndGrad<N::Grads>>>,
    options: GradOptions,
    loc: Loc,
    argnums: std::marker::PhantomData<N>,
}

gradient_function!(Grad "grad" Grad: keep R::into_aux, finish R::with_grad);
gradient_function!(ValueAndGrad "value_and_grad" ValueAndGrad: keep std::convert::identity, finish R::and_grad);

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
