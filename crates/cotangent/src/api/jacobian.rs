//! Full Jacobians: the derivatives in all directions of a basis, computed in one program.

use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, ErrorKind, Loc, Result, attempt, raise};
use crate::ir::primitive::{Operand, Tangent};
use crate::ops::compare::Eq;
use crate::ops::shape::{Iota, batched_in_front};
use crate::trace::frames::{Inputs, bind1, stage};
use crate::transform::batch::batch;
use crate::transform::linearize::linearize;
use crate::transform::transpose::backward;
use crate::tree::leafwise::Leafwise;
use crate::tree::{Tree, flatten};

use super::callable::transformable;
use super::func::{Arg, Argnums, Func, Params};
use super::grad::{GradOptions, asked_leaves, check_result, param_paths, wanted_leaves};
use super::program::{as_program, trace};

/// The part of a function's result that is differentiated: all of it ([`NoAux`]), or the first of a pair ([`Aux`]).
///
/// ```
/// use cotangent::prelude::*;
/// let (slopes, aux) = jacfwd(|x: &Array| (x * x, x.sum())).has_aux()(&Array::from([1.0f32, 2.0]));
/// assert_eq!(slopes.to_vec::<f32>(), [2.0, 0.0, 0.0, 4.0]);
/// assert_eq!(aux.item::<f32>(), 3.0);
/// ```
pub trait Differentiated<R: Tree>: Send + Sync + 'static {
    /// The part of the result that is differentiated.
    type Value: Leafwise;
    /// The result of the transformed function, where `J` is the Jacobian.
    type Out<J: Tree>: Tree;
    /// Returns the part that is differentiated; its leaves come first.
    fn value(result: &R) -> &Self::Value;
    /// Builds the transformed function's result. `aux` yields the leaves of the auxiliary data.
    fn finish<J: Tree>(result: &R, aux: &mut dyn Iterator<Item = Array>, jacobian: J) -> Self::Out<J>;
}

/// Marks that a function's whole result is differentiated.
///
/// ```
/// use cotangent::prelude::*;
/// let (a, b) = jacrev(|x: &Array| (x * 2.0, x * 3.0))(&1.0.into());
/// assert_eq!((a.item::<f32>(), b.item::<f32>()), (2.0, 3.0));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NoAux;

/// Marks that a function's result is a pair whose second element is auxiliary data.
///
/// ```
/// use cotangent::prelude::*;
/// let (slope, aux) = jacrev(|x: &Array| (x * 2.0, x * 3.0)).has_aux()(&1.0.into());
/// assert_eq!((slope.item::<f32>(), aux.item::<f32>()), (2.0, 3.0));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Aux;

impl<R: Leafwise> Differentiated<R> for NoAux {
    type Value = R;
    type Out<J: Tree> = J;
    fn value(result: &R) -> &R {
        result
    }
    fn finish<J: Tree>(_: &R, _: &mut dyn Iterator<Item = Array>, jacobian: J) -> J {
        jacobian
    }
}

impl<Y: Leafwise, A: Tree> Differentiated<(Y, A)> for Aux {
    type Value = Y;
    type Out<J: Tree> = (J, A);
    fn value(result: &(Y, A)) -> &Y {
        &result.0
    }
    fn finish<J: Tree>(result: &(Y, A), aux: &mut dyn Iterator<Item = Array>, jacobian: J) -> (J, A) {
        (jacobian, result.1.rebuild(aux))
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mode {
    Forward,
    Reverse,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Mode::Forward => "jacfwd",
            Mode::Reverse => "jacrev",
        }
    }
}

/// Returns the unit tangents of arrays of these types, stacked along a new leading axis: those of the first array, then
/// those of the second, and so on.
fn basis(avals: &[Aval]) -> Vec<Array> {
    let total: usize = avals.iter().map(Aval::size).sum();
    let mut before = 0;
    let units = |aval: &Aval| {
        let shape = Shape::new(&[total, aval.size()]);
        let count = |dimension| bind1(Iota { dtype: DType::I32, shape: shape.clone(), dimension }, &[]);
        let offset = Array::literal(Literal::int(DType::I32, before as i64));
        before += aval.size();
        let unit = bind1(Eq, &[&count(0), &(count(1) + offset)]).astype(aval.dtype);
        unit.reshape(aval.shape.insert(0, total))
    };
    avals.iter().map(units).collect()
}

fn joined(a: &[usize], b: &[usize]) -> Shape {
    a.iter().chain(b).copied().collect()
}

/// Returns the slice of `x` along its leading axis that belongs to the leaf at `index`.
fn part(x: &Array, avals: &[Aval], index: usize) -> Array {
    let start: usize = avals[..index].iter().map(Aval::size).sum();
    if avals.len() == 1 { x.clone() } else { x.slice_axis(0, start, start + avals[index].size()) }
}

/// Returns the Jacobian's blocks: for each leaf of the result, one block for each differentiated leaf of the arguments.
fn blocks(
    mode: Mode,
    linear: &crate::ir::jaxpr::Closed,
    nonzero: &[bool],
    results: &[Aval],
    targets: &[Aval],
) -> Vec<Vec<Array>> {
    let residuals = linear.captures.len();
    let zeros = |y: &Aval, x: &Aval| {
        crate::ops::zeros(joined(&y.shape, &x.shape), if mode == Mode::Forward { y.dtype } else { x.dtype })
    };
    let reaches: Vec<Aval> = results.iter().zip(nonzero).filter(|(_, n)| **n).map(|(y, _)| y.clone()).collect();
    if targets.is_empty() || reaches.is_empty() {
        return results.iter().map(|y| targets.iter().map(|x| zeros(y, x)).collect()).collect();
    }
    let given = if mode == Mode::Forward { targets } else { &reaches[..] };
    let size: usize = given.iter().map(Aval::size).sum();
    let units = basis(given);
    let mapped = |jaxpr: &crate::ir::jaxpr::Jaxpr, captures: &[Array]| -> Vec<Array> {
        let args: Vec<Array> = captures.iter().chain(&units).cloned().collect();
        let axes: Vec<Option<usize>> = captures.iter().map(|_| None).chain(units.iter().map(|_| Some(0))).collect();
        let (outputs, axes) = batch(jaxpr, &args, &axes, size);
        outputs.iter().zip(axes).map(|(x, a)| batched_in_front(x, a, size)).collect()
    };
    let mut rows = match mode {
        Mode::Forward => {
            let columns = mapped(&linear.jaxpr, &linear.captures);
            let block = |y: &Array, i: usize| {
                let x = &targets[i];
                let y = part(y, targets, i);
                let order: Vec<usize> = (1..y.ndim()).chain([0]).collect();
                y.permute(&order).reshape(joined(&y.shape()[1..], &x.shape))
            };
            columns.iter().map(|y| (0..targets.len()).map(|i| block(y, i)).collect()).collect::<Vec<Vec<Array>>>()
        }
        Mode::Reverse => {
            let (closed, ()) = stage(&reaches, &Inputs::Unknown("inside `jacrev`"), |cts| {
                let operands: Vec<Operand> = (linear.captures.iter().cloned().map(Operand::Known))
                    .chain(targets.iter().cloned().map(Operand::Linear))
                    .collect();
                let cts: Vec<Tangent> = cts.iter().cloned().map(Some).collect();
                let grads = backward(&linear.jaxpr, &operands, &cts).into_iter().skip(residuals);
                let full = |(g, x): (Tangent, &Aval)| g.unwrap_or_else(|| crate::ops::zeros(&x.shape, x.dtype));
                (grads.zip(targets).map(full).collect(), ())
            });
            let grads = mapped(&closed.jaxpr, &closed.captures);
            let block =
                |j: usize, (g, x): (&Array, &Aval)| part(g, &reaches, j).reshape(joined(&reaches[j].shape, &x.shape));
            (0..reaches.len()).map(|j| grads.iter().zip(targets).map(|p| block(j, p)).collect()).collect()
        }
    }
    .into_iter();
    let row = |(y, nonzero): (&Aval, &bool)| match nonzero {
        true => rows.next().unwrap_or_default(),
        false => targets.iter().map(|x| zeros(y, x)).collect(),
    };
    results.iter().zip(nonzero).map(row).collect()
}

/// The derivative of each leaf of the result with respect to each leaf of the selected arguments.
pub(super) type Of<R, P, N, S> =
    <S as Differentiated<R>>::Out<<<S as Differentiated<R>>::Value as Leafwise>::Of<<N as Argnums<P>>::Grads>>;

fn jacobian_at<'f, P: Params, R: Tree, N: Argnums<P>, S: Differentiated<R>>(
    f: &P::Dyn<'f, R>,
    args: P::Refs<'_>,
    mode: Mode,
    options: GradOptions,
    loc: Loc,
) -> Of<R, P, N, S> {
    let fail = |error: Error| -> ! { raise(error.at(loc)) };
    let name = mode.name();
    let (leaves, counts) = P::leaves(args);
    let asked = asked_leaves(&counts, &N::positions());
    let wanted = match wanted_leaves(&leaves, &counts, &N::positions(), || param_paths::<P>(args), name, options) {
        Ok(wanted) => wanted,
        Err(error) => fail(error),
    };
    let complex = leaves.iter().zip(&wanted).position(|(x, w)| *w && x.dtype().is_complex());
    if let (Mode::Forward, false, Some(i)) = (mode, options.holomorphic, complex) {
        let message =
            format!("jacfwd needs real inputs, but argument {} is {}", param_paths::<P>(args)[i], leaves[i].aval());
        fail(Error::new(ErrorKind::Transform, message).help(
            "add `.holomorphic()` for a holomorphic function; for other functions, `jvp` returns the derivative in \
             one direction",
        ));
    }
    let inputs: Vec<Array> = leaves.into_iter().cloned().collect();
    let (flat, (template, count)) = as_program(&inputs, |inputs| {
        let avals: Vec<Aval> = inputs.iter().map(Array::aval).collect();
        let (closed, result) = trace::<P, R>(f, args, &avals, &Inputs::Known(inputs));
        let results: Vec<Aval> = flatten(S::value(&result)).iter().map(Array::aval).collect();
        for y in &results {
            let check = match mode {
                // A complex result of real arguments has a complex derivative with respect to each of them.
                Mode::Forward if y.dtype.is_complex() => Ok(()),
                _ => check_result(y, name, options),
            };
            if let Err(error) = check {
                fail(error);
            }
        }
        let args: Vec<Array> = closed.captures.iter().chain(inputs).cloned().collect();
        let mask: Vec<bool> = closed.captures.iter().map(|_| false).chain(wanted.iter().copied()).collect();
        let lin = linearize(&closed.jaxpr, &args, &mask);
        // Only the differentiated results have tangents of interest.
        let mut linear = lin.linear;
        let live = lin.nonzero[..results.len()].iter().filter(|n| **n).count();
        if live < linear.jaxpr.outputs().len() {
            linear.jaxpr = Arc::new(linear.jaxpr.with_outputs(linear.jaxpr.outputs()[..live].to_vec()));
        }
        let targets: Vec<Aval> = linear.jaxpr.input_avals().skip(linear.captures.len()).cloned().collect();
        let rows = blocks(mode, &linear, &lin.nonzero[..results.len()], &results, &targets);
        // The index of an argument's leaf among the differentiated leaves.
        let place = |leaf: usize| wanted[leaf].then(|| wanted[..leaf].iter().filter(|w| **w).count());
        let zeros =
            |y: &Aval, leaf: usize| crate::ops::zeros(joined(&y.shape, inputs[leaf].shape()), inputs[leaf].dtype());
        let mut outputs: Vec<Array> = Vec::new();
        for (y, row) in results.iter().zip(rows) {
            outputs.extend(asked.iter().map(|leaf| place(*leaf).map_or_else(|| zeros(y, *leaf), |i| row[i].clone())));
        }
        outputs.extend(lin.outputs.into_iter().skip(results.len()));
        (outputs, (result, results.len()))
    });
    let mut flat = flat.into_iter();
    let grads: Vec<N::Grads> = (0..count).map(|_| N::rebuild(args, &mut flat)).collect();
    let jacobian = S::value(&template).leafwise(&mut grads.into_iter());
    S::finish(&template, &mut flat, jacobian)
}

/// A function that computes a Jacobian; made by [`jacfwd`] and [`jacrev`].
///
/// ```
/// use cotangent::prelude::*;
/// let slopes = jacfwd(|x: &Array, y: &Array| x * y).argnums(args!(1));
/// assert_eq!(slopes(&2.0.into(), &3.0.into()).item::<f32>(), 2.0);
/// ```
#[must_use = "a transformed function does nothing until it is called"]
pub struct Jacobian<'f, P: Params, R: Tree, N: Argnums<P> = Arg<0>, S: Differentiated<R> = NoAux> {
    f: Arc<P::Dyn<'f, R>>,
    pub(super) call: Box<P::Dyn<'f, Of<R, P, N, S>>>,
    mode: Mode,
    options: GradOptions,
    loc: Loc,
    kind: PhantomData<(N, S)>,
}

impl<'f, P: Params, R: Tree, N: Argnums<P>, S: Differentiated<R>> Jacobian<'f, P, R, N, S> {
    pub(super) fn new(f: Arc<P::Dyn<'f, R>>, mode: Mode, options: GradOptions, loc: Loc) -> Self {
        let inner = f.clone();
        let call = P::wrap(move |args| jacobian_at::<P, R, N, S>(&*inner, args, mode, options, loc));
        Jacobian { f, call, mode, options, loc, kind: PhantomData }
    }

    /// Selects the arguments to differentiate with respect to, instead of the first: `.argnums(args!(0, 2))`. With
    /// several arguments, the derivative becomes a tuple of derivatives.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (dx, dy) = jacrev(|x: &Array, y: &Array| x * y).argnums(args!(0, 1))(&2.0.into(), &3.0.into());
    /// assert_eq!((dx.item::<f32>(), dy.item::<f32>()), (3.0, 2.0));
    /// ```
    pub fn argnums<M: Argnums<P>>(self, _: M) -> Jacobian<'f, P, R, M, S> {
        Jacobian::new(self.f, self.mode, self.options, self.loc)
    }

    /// Declares that the function returns a pair of which only the first element is differentiated. The second is
    /// auxiliary data, returned beside the Jacobian.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (slope, aux) = jacfwd(|x: &Array| (x.powi(2), x + 1.0)).has_aux()(&3.0.into());
    /// assert_eq!((slope.item::<f32>(), aux.item::<f32>()), (6.0, 4.0));
    /// ```
    pub fn has_aux(self) -> Jacobian<'f, P, R, N, Aux>
    where
        Aux: Differentiated<R>,
    {
        Jacobian::new(self.f, self.mode, self.options, self.loc)
    }

    /// Computes the complex Jacobian of a holomorphic function, that is, of complex results with respect to complex
    /// arguments. The caller guarantees that the function is holomorphic.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let z = Array::from([1.0f32]).complex(Array::from([2.0f32]));
    /// let slope = jacrev(|z: &Array| z * z).holomorphic()(&z);
    /// assert_eq!((slope.real().to_vec::<f32>(), slope.imag().to_vec::<f32>()), (vec![2.0], vec![4.0]));
    /// ```
    pub fn holomorphic(self) -> Self {
        Jacobian::new(self.f, self.mode, GradOptions { holomorphic: true, ..self.options }, self.loc)
    }

    /// Allows integers and booleans among the arguments to differentiate with respect to. Their derivatives are zeros
    /// of their own dtype.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (dx, dn) = jacrev(|(x, n): &(Array, Array)| x * n).allow_int()(&(2.0.into(), 3.into()));
    /// assert_eq!((dx.item::<f32>(), dn.item::<i32>()), (3.0, 0));
    /// ```
    pub fn allow_int(self) -> Self {
        Jacobian::new(self.f, self.mode, GradOptions { allow_int: true, ..self.options }, self.loc)
    }

    /// Calls the function, and returns every failure as an error instead of panicking.
    ///
    /// # Errors
    /// Returns an error if tracing, compiling or running the function fails; a panic of the function is returned as an
    /// error.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert!(jacfwd(|x: &Array| x * 2.0).try_call((&3.into(),)).is_err()); // an integer
    /// ```
    pub fn try_call(&self, args: P::Refs<'_>) -> Result<Of<R, P, N, S>> {
        attempt(|| jacobian_at::<P, R, N, S>(&*self.f, args, self.mode, self.options, self.loc))
    }
}

transformable! {
    impl['f, P: Params, R: Tree, N: Argnums<P>, S: Differentiated<R>] Jacobian<'f, P, R, N, S>: 'f -> Of<R, P, N, S>;
    |this, f| write!(f, "{}(… at {})", this.mode.name(), this.loc)
}

/// Returns a function that computes the Jacobian by forward mode, with respect to the first argument or those that
/// [`argnums`](Jacobian::argnums) selects. It takes one pass for each element of the argument, all batched together, so
/// it suits functions with few inputs.
///
/// For an array as argument and result, the Jacobian is one array; its shape is that of the result followed by that of
/// the argument. For trees, it is a tree like the result, with a tree like the argument at each leaf ([`Leafwise`]).
///
/// ```
/// use cotangent::prelude::*;
/// let f = |x: &Array| x * x;
/// let jacobian = jacfwd(f)(&Array::from([1.0f32, 2.0]));
/// assert_eq!(jacobian.to_vec::<f32>(), [2.0, 0.0, 0.0, 4.0]);
/// let (of_sum, of_product) = jacfwd(|(x, y): &(Array, Array)| (x + y, x * y))(&(2.0.into(), 3.0.into()));
/// assert_eq!((of_sum.0.item::<f32>(), of_product.0.item::<f32>()), (1.0, 3.0));
/// ```
///
/// # Panics
/// The transformed function panics if an argument is not real floating point or a result is an integer.
#[track_caller]
pub fn jacfwd<'f, P: Params, F: Func<'f, P>>(f: F) -> Jacobian<'f, P, F::Out>
where
    F::Out: Leafwise,
    Arg<0>: Argnums<P>,
{
    Jacobian::new(f.boxed().into(), Mode::Forward, GradOptions::default(), Location::caller())
}

/// Returns a function that computes the same Jacobian as [`jacfwd`], by reverse mode. It takes one pass for each
/// element of the result, all batched together, so it suits functions with few outputs.
///
/// ```
/// use cotangent::prelude::*;
/// let f = |x: &Array| x.sin().reshape([2, 1]);
/// let jacobian = jacrev(f)(&Array::from([0.0f32, 0.0]));
/// assert_eq!(jacobian.shape(), [2, 1, 2]);
/// assert_eq!(jacobian.to_vec::<f32>(), [1.0, 0.0, 0.0, 1.0]);
/// ```
///
/// # Panics
/// The transformed function panics if an argument is not floating point or a result is not real floating point.
#[track_caller]
pub fn jacrev<'f, P: Params, F: Func<'f, P>>(f: F) -> Jacobian<'f, P, F::Out>
where
    F::Out: Leafwise,
    Arg<0>: Argnums<P>,
{
    Jacobian::new(f.boxed().into(), Mode::Reverse, GradOptions::default(), Location::caller())
}

/// Returns a function that computes the Jacobian by reverse mode; an alias of [`jacrev`].
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(cotangent::jacobian(|x: &Array| x * 3.0)(&1.0.into()).item::<f32>(), 3.0);
/// ```
#[track_caller]
pub fn jacobian<'f, P: Params, F: Func<'f, P>>(f: F) -> Jacobian<'f, P, F::Out>
where
    F::Out: Leafwise,
    Arg<0>: Argnums<P>,
{
    Jacobian::new(f.boxed().into(), Mode::Reverse, GradOptions::default(), Location::caller())
}
