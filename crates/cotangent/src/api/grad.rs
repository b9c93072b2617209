//! Reverse mode: `grad` and `value_and_grad`.

use std::panic::Location;
use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, ErrorKind, Loc, OrRaise, Result, attempt};
use crate::ir::jaxpr::Closed;
use crate::ir::primitive::Tangent;
use crate::ops::{zeros, zeros_like};
use crate::trace::frames::Inputs;
use crate::transform::linearize::{Linearized, linearize};
use crate::transform::masks::placed;
use crate::transform::transpose;
use crate::tree::{Tree, flatten};

use super::callable::transformable;
use super::func::{Arg, Argnums, Func, Params};
use super::program::{as_program, trace};

/// The result of a function that can be differentiated in reverse mode: a scalar, or a tuple of a scalar and auxiliary
/// data. Auxiliary data is returned as it is and not differentiated.
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
    note = "auxiliary data is one tree: `(loss, (logits, state))`",
    note = "return the value inside a `Result`: `try_call` on the transformed function returns errors"
)]
pub trait Objective: Tree {
    /// The result type of `grad`: the gradient, in a tuple with the auxiliary data if there is any.
    type Grad<G: Tree>: Tree;
    /// The result type of `value_and_grad`: the whole result of the function, and the gradient.
    type ValueAndGrad<G: Tree>: Tree;
    /// The type of the auxiliary data, or `()` if there is none.
    type Aux: Tree;
    /// Returns the scalar.
    fn value(&self) -> &Array;
    /// Returns the auxiliary data alone.
    fn into_aux(self) -> Self::Aux;
    /// Builds the result of `grad`.
    fn with_grad<G: Tree>(aux: Self::Aux, grad: G) -> Self::Grad<G>;
    /// Builds the result of `value_and_grad`.
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

/// Returns an array of one element, 1, with the type of a scalar objective.
fn one(aval: &Aval) -> Array {
    Array::literal(Literal::int(aval.dtype, 1).convert(aval.dtype, aval.weak_type))
}

/// What may be differentiated in addition to real functions of real numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GradOptions {
    /// Allows complex functions of complex numbers that have a complex derivative.
    pub(crate) holomorphic: bool,
    /// Allows integer arguments. They have no derivative; the gradient contains zeros of the same shape and dtype.
    pub(crate) allow_int: bool,
}

/// Checks that the objective is one number, and real unless the function is holomorphic. `function` is the name of the
/// transform, for the message.
fn check_objective(value: &Array, function: &str, options: GradOptions) -> Result<()> {
    let aval = value.aval();
    if aval.rank() > 0 {
        return Err(Error::new(
            ErrorKind::Transform,
            format!("{function} needs a function that returns a scalar, but this one returns {aval}"),
        )
        .help("reduce the result (`.sum()`, `.mean()`), or use `vjp` for results that are not scalars"));
    }
    check_result(&aval, function, options)
}

/// Checks that a result differentiated in reverse mode is real, or complex if the function is holomorphic.
pub(crate) fn check_result(aval: &Aval, function: &str, options: GradOptions) -> Result<()> {
    let fail = |needs: &str, help: &str| {
        let message = format!("{function} needs a function that returns {needs}, but this one returns {aval}");
        Err(Error::new(ErrorKind::Transform, message).help(help))
    };
    if options.holomorphic {
        if aval.dtype.is_complex() {
            return Ok(());
        }
        return fail("a complex number", "a real-valued function is not holomorphic: remove `.holomorphic()`");
    }
    if aval.dtype.is_complex() {
        return fail(
            "a real floating-point number",
            "return a real number, such as `.real()` or `.abs()` of the result; for a holomorphic function of complex \
             arguments, add `.holomorphic()`",
        );
    }
    if !aval.dtype.is_float() {
        return fail(
            "a real floating-point number",
            "integers and booleans have no derivative; convert the result with `.astype(DType::F32)`",
        );
    }
    Ok(())
}

/// Returns a mask of the leaves to differentiate with respect to. Each must be floating-point. Integers, if they are
/// allowed, are left out.
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
                "convert it with `.astype(DType::F32)`, select other arguments with `.argnums(…)`, or add \
                 `.allow_int()` to get zeros for it",
            )
        };
        let message = format!("{function} needs {needs}, but argument {path} is {aval}");
        return Err(Error::new(ErrorKind::Transform, message).help(help));
    }
    Ok(leaves.iter().zip(wanted).map(|(x, w)| w && x.dtype().is_inexact()).collect())
}

/// Returns the indices of the leaves of the arguments at `positions`, in that order.
pub(crate) fn asked_leaves(counts: &[usize], positions: &[usize]) -> Vec<usize> {
    let start = |p: usize| counts[..p].iter().sum::<usize>();
    positions.iter().flat_map(|p| start(*p)..start(*p) + counts[*p]).collect()
}

pub(crate) fn param_paths<P: Params>(args: P::Refs<'_>) -> Vec<String> {
    crate::tree::collect_paths(|path| P::paths(args, path))
}

/// Computes the gradient of the objective and the part of the function's result that `keep` selects, in one program.
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

/// Linearizes a traced function at `inputs`, with respect to the wanted ones.
fn linearize_at(closed: &Closed, inputs: &[Array], wanted: &[bool]) -> Linearized {
    let args: Vec<Array> = closed.captures.iter().chain(inputs).cloned().collect();
    let mask: Vec<bool> = closed.captures.iter().map(|_| false).chain(wanted.iter().copied()).collect();
    linearize(&closed.jaxpr, &args, &mask)
}

/// Returns the cotangents of the inputs that a linearized function is differentiated in, from the cotangent of its
/// first result, the objective. Auxiliary results have no cotangent.
fn pull_back(linearized: &Linearized, ct: Array) -> Vec<Array> {
    let targets = linearized.linear.jaxpr.input_avals().skip(linearized.linear.captures.len());
    let arrived = transpose::pull_back(linearized, |i| (i == 0).then(|| ct.clone()));
    let full = |(ct, aval): (Tangent, &Aval)| ct.unwrap_or_else(|| zeros(&aval.shape, aval.dtype));
    arrived.into_iter().zip(targets).map(full).collect()
}

/// Returns a gradient for each leaf in `asked`. `grads` has those of the `wanted` leaves, in argument order. The other
/// leaves are integers and have zeros.
fn in_order_asked(
    inputs: &[Array],
    wanted: &[bool],
    asked: &[usize],
    mut grads: impl Iterator<Item = Array>,
) -> Vec<Array> {
    let of_leaf: Vec<Option<Array>> = placed(wanted, &mut grads);
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

            /// Computes the complex derivative of a holomorphic function. The objective is a complex scalar and the
            /// arguments are complex. The caller must ensure that the function is holomorphic.
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

            /// Allows integers and booleans among the arguments to differentiate with respect to. They have no
            /// derivative; the gradient contains zeros of the same shape and dtype.
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

            /// Differentiates with respect to other arguments than the first, as in `.argnums(args!(0, 2))`.
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

            /// Calls the function and returns every failure as an error instead of panicking.
            ///
            /// # Errors
            /// If tracing, compiling or running the function fails, or if the user's own code panics.
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

/// A function that computes a gradient, as returned by [`grad`].
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

/// A function that computes a value and its gradient, as returned by [`value_and_grad`].
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

/// Returns a function that computes the gradient of a scalar function.
///
/// The gradient is taken with respect to the first argument, or to those that [`argnums`](Grad::argnums) selects. It
/// has the structure of the argument.
///
/// A function that returns `(value, aux)` has auxiliary data. The transformed function then returns `(gradient, aux)`.
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
/// For a real function of complex numbers z = x + iy, the gradient is ∂f/∂x − i·∂f/∂y, as in JAX. Its conjugate points
/// in the direction of steepest ascent. Complex functions with a complex derivative need
/// [`holomorphic`](Grad::holomorphic).
///
/// # Panics
/// The transformed function panics if the result is not a real scalar or if an argument is not floating-point (see
/// [`allow_int`](Grad::allow_int)). [`try_call`](Grad::try_call) returns an error instead.
#[track_caller]
pub fn grad<'f, P: Params, F: Func<'f, P>>(f: F) -> Grad<'f, P, F::Out>
where
    F::Out: Objective,
    Arg<0>: Argnums<P>,
{
    Grad::new(f.boxed().into(), GradOptions::default(), Location::caller())
}

/// Returns a function that computes the value and the gradient of a scalar function in one evaluation.
///
/// ```
/// use cotangent::prelude::*;
/// let f = value_and_grad(|x: &Array| x.sin());
/// let (y, dy) = f(&0.0.into());
/// assert_eq!((y.item::<f32>(), dy.item::<f32>()), (0.0, 1.0));
/// ```
///
/// # Panics
/// The transformed function panics in the same cases as that of [`grad`].
#[track_caller]
pub fn value_and_grad<'f, P: Params, F: Func<'f, P>>(f: F) -> ValueAndGrad<'f, P, F::Out>
where
    F::Out: Objective,
    Arg<0>: Argnums<P>,
{
    ValueAndGrad::new(f.boxed().into(), GradOptions::default(), Location::caller())
}
