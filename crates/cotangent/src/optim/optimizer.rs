//! The trait of optimizers, and their chains.

use std::fmt;
use std::panic::Location;

use crate::api::grad::value_and_grad;
use crate::api::program::as_program_at;
use crate::array::Array;
use crate::error::location::{cleared, location, with_location};
use crate::error::{Error, ErrorKind, raise};
use crate::lax::cond;
use crate::tree::{Tree, difference, flatten, leaf_paths};

use super::any::AnyOptimizer;
use super::per_leaf::PerLeaf;

/// An optimizer, or a part of one: it turns gradients into updates, and keeps a state from step to step.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let loss = |x: &Array| (x - 3.0).powi(2).sum();
/// let optimizer = optim::adam(0.1);
///
/// let mut x = np::zeros(2);
/// let mut state = optimizer.init(&x);
/// for _ in 0..200 {
///     let gradient = grad(loss)(&x);
///     (x, state) = optimizer.apply(&x, &gradient, &state);
/// }
/// assert!(loss(&x).item::<f32>() < 1e-3);
/// ```
///
/// Parameters and gradients are any [`Tree`]. The state is a tree as well, so it goes through `jit` and `scan`, can be
/// donated, and can be saved. A tuple of optimizers is an optimizer that applies them in order (see
/// [`chain`](super::chain)), and so is a `Vec` of them.
///
/// # Your own
///
/// Implement [`start`](Optimizer::start) and [`advance`](Optimizer::advance), which see the parameters as their leaves:
///
/// ```
/// use cotangent::{optim::{self, Context, PerLeaf}, prelude::*};
/// /// Adds the previous update to each update.
/// #[derive(Debug)]
/// struct Echo;
///
/// impl Optimizer for Echo {
///     type State = PerLeaf;
///     fn start(&self, params: &PerLeaf) -> PerLeaf {
///         params.map(|p| np::zeros_like(p))
///     }
///     fn advance(&self, updates: PerLeaf, last: &PerLeaf, _: &Context<'_>) -> (PerLeaf, PerLeaf) {
///         (updates.zip(last, |u, last| u + last), updates)
///     }
/// }
///
/// let optimizer = (Echo, optim::sgd(0.1));
/// let x = np::ones(2);
/// let (x, state) = optimizer.apply(&x, &np::ones(2), &optimizer.init(&x));
/// let (x, _) = optimizer.apply(&x, &np::ones(2), &state);
/// assert!((x.sum().item::<f32>() - 1.4).abs() < 1e-6);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an optimizer",
    label = "an optimizer, such as `optim::adam(1e-3)`, or a tuple of optimizers",
    note = "a list of optimizers of different types is a `Vec<AnyOptimizer>`: call `.boxed()` on each"
)]
pub trait Optimizer: Send + Sync {
    /// What it keeps from step to step.
    type State: Tree + Clone + fmt::Debug;

    /// Returns the state before the first step.
    fn start(&self, params: &PerLeaf) -> Self::State;

    /// Turns the gradients, or the updates of the optimizer before it in a chain, into updates, which are added to the
    /// parameters. Returns the next state as well.
    fn advance(&self, updates: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State);

    /// Returns the value and the gradient at the current parameters, if the state has them: a line search ends with
    /// both.
    fn stored(&self, _state: &Self::State) -> Option<(Array, PerLeaf)> {
        None
    }

    /// Returns the state before the first step.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let state = optim::scale_by_adam().init(&(np::ones(2), np::zeros(3)));
    /// assert_eq!(state.count.item::<i32>(), 0);
    /// ```
    #[track_caller]
    fn init<P: Tree>(&self, params: &P) -> Self::State
    where
        Self: Sized,
    {
        let paths = PerLeaf::of(params);
        let loc = location(Location::caller());
        let (leaves, template) = as_program_at(paths.values(), loc, |leaves| {
            let state = with_location(loc, || self.start(&paths.with(leaves)));
            (flatten(&state), state)
        });
        template.rebuild(&mut leaves.into_iter())
    }

    /// Returns the updates and the next state. [`apply_updates`](super::apply_updates) adds the updates to the
    /// parameters; [`apply`](Optimizer::apply) does both at once.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (optimizer, x) = (optim::sgd(0.5), np::ones(2));
    /// let (updates, _) = optimizer.update(&np::ones(2), &optimizer.init(&x), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [-0.5, -0.5]);
    /// ```
    ///
    /// # Panics
    /// If the gradients are not a tree like the parameters, or the state belongs to other parameters.
    #[track_caller]
    fn update<P: Tree>(&self, gradients: &P, state: &Self::State, params: &P) -> (P, Self::State)
    where
        Self: Sized,
    {
        run(self, params, gradients, state, None, false)
    }

    /// Makes one step: returns the next parameters and the next state.
    ///
    /// The parameters keep their dtypes. Outside `jit`, a step is one program.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (optimizer, x) = (optim::sgd(0.5), np::ones(2));
    /// let (x, _) = optimizer.apply(&x, &np::ones(2), &optimizer.init(&x));
    /// assert_eq!(x.to_vec::<f32>(), [0.5, 0.5]);
    /// ```
    ///
    /// # Panics
    /// If the gradients are not a tree like the parameters, or the state belongs to other parameters. Also if the
    /// optimizer needs the value of the loss: use [`apply_with_value`](Optimizer::apply_with_value) or
    /// [`minimize`](Optimizer::minimize).
    #[track_caller]
    fn apply<P: Tree>(&self, params: &P, gradients: &P, state: &Self::State) -> (P, Self::State)
    where
        Self: Sized,
    {
        run(self, params, gradients, state, None, true)
    }

    /// Makes one step as [`apply`](Optimizer::apply) does, for optimizers that also need the value of the loss, such
    /// as [`polyak_sgd`](super::polyak_sgd) and [`reduce_on_plateau`](super::reduce_on_plateau).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (optimizer, x) = (optim::polyak_sgd(), np::ones(2));
    /// let (value, gradient) = value_and_grad(|x: &Array| x.powi(2).sum())(&x);
    /// let (x, _) = optimizer.apply_with_value(&x, &gradient, &optimizer.init(&x), &value);
    /// assert_eq!(x.to_vec::<f32>(), [0.5, 0.5]);
    /// ```
    ///
    /// # Panics
    /// As [`apply`](Optimizer::apply).
    #[track_caller]
    fn apply_with_value<P: Tree>(
        &self,
        params: &P,
        gradients: &P,
        state: &Self::State,
        value: &Array,
    ) -> (P, Self::State)
    where
        Self: Sized,
    {
        run(self, params, gradients, state, Some(value), true)
    }

    /// Makes one step toward a minimum of `loss`: computes its value and gradient, and returns the value, the next
    /// parameters and the next state.
    ///
    /// Optimizers that evaluate the loss themselves, such as [`lbfgs`](super::lbfgs) with its line search, need it. If
    /// the state has the value and the gradient from the line search of the step before, they are not computed again;
    /// the loss must then be the same function in every step.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let rosenbrock = |x: &Array| {
    ///     let (a, b) = (x.at(0).get(), x.at(1).get());
    ///     (1.0 - &a).powi(2) + 100.0 * (b - a.powi(2)).powi(2)
    /// };
    /// let optimizer = optim::lbfgs();
    /// let step = {
    ///     let optimizer = optimizer.clone();
    ///     jit(move |x: &Array, state: &optim::LbfgsState| optimizer.minimize(rosenbrock, x, state))
    /// };
    /// let (mut x, mut value) = (np::array([-1.0, 2.0]), np::zeros(()));
    /// let mut state = optimizer.init(&x);
    /// for _ in 0..60 {
    ///     (value, x, state) = step(&x, &state);
    /// }
    /// assert!(value.item::<f32>() < 1e-6);
    /// ```
    ///
    /// # Panics
    /// If `loss` does not return a real scalar, or the state belongs to other parameters.
    #[track_caller]
    fn minimize<P: Tree>(
        &self,
        loss: impl Fn(&P) -> Array + Send + Sync,
        params: &P,
        state: &Self::State,
    ) -> (Array, P, Self::State)
    where
        Self: Sized,
    {
        let inputs = [flatten(params), flatten(state)].concat();
        let loc = location(Location::caller());
        let (leaves, (next, rest)) = as_program_at(&inputs, loc, |inputs| {
            let mut inputs = inputs.iter().cloned();
            let (params, state) = (params.rebuild(&mut inputs), state.rebuild(&mut inputs));
            let fresh = || value_and_grad(|params: &P| loss(params))(&params);
            let (value, gradients) = match self.stored(&state) {
                Some((value, gradients)) => {
                    let known = value.is_finite();
                    cond(known, || (value.clone(), gradients.to_tree(&params)), fresh)
                }
                None => fresh(),
            };
            let template = PerLeaf::of(&params);
            // The loss is the user's code, so its equations belong to their own lines.
            let at = |leaves: &PerLeaf| cleared(|| loss(&leaves.to_tree(&params)));
            let cx = Context {
                params: &template,
                gradients: &PerLeaf::of(&gradients),
                value: Some(&value),
                loss: Some(&at),
            };
            let (next, rest) = with_location(loc, || step(self, &cx, &state, true));
            let next = next.to_tree(&params);
            ([vec![value], flatten(&next), flatten(&rest)].concat(), (next, rest))
        });
        let mut leaves = leaves.into_iter();
        let value = leaves.next().unwrap_or_else(|| unreachable!("the value is the first result"));
        (value, next.rebuild(&mut leaves), rest.rebuild(&mut leaves))
    }

    /// Forgets the type, so that different optimizers can be in one list or map, and the type of the state can be
    /// named.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let choice = [optim::sgd(0.1).boxed(), optim::adam(0.1).boxed()];
    /// let states: Vec<optim::AnyState> = choice.iter().map(|o| o.init(&np::ones(2))).collect();
    /// assert_eq!(tree::leaves(&states).len(), 3);
    /// ```
    fn boxed(self) -> AnyOptimizer
    where
        Self: Sized + 'static,
    {
        AnyOptimizer::new(self)
    }
}

/// A loss as a function of the leaves of the parameters.
pub type Loss<'a> = dyn Fn(&PerLeaf) -> Array + Send + Sync + 'a;

/// What an optimizer knows about a step besides the updates.
pub struct Context<'a> {
    /// The parameters before the step.
    pub params: &'a PerLeaf,
    /// The gradients, before any part of a chain changed them.
    pub gradients: &'a PerLeaf,
    /// The value of the loss, if the caller passed it.
    pub value: Option<&'a Array>,
    /// The loss, if the caller passed it.
    pub loss: Option<&'a Loss<'a>>,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("params", self.params).field("value", &self.value).finish_non_exhaustive()
    }
}

impl Context<'_> {
    /// The value of the loss.
    #[track_caller]
    pub(super) fn need_value(&self, who: &str) -> &Array {
        self.value.unwrap_or_else(|| {
            raise(Error::value(format!("{who} needs the value of the loss")).help(
                "call `apply_with_value(&params, &gradients, &state, &value)` or `minimize(loss, &params, &state)`",
            ))
        })
    }

    /// The loss.
    #[track_caller]
    pub(super) fn need_loss(&self, who: &str) -> &Loss<'_> {
        self.loss.unwrap_or_else(|| {
            raise(
                Error::value(format!("{who} evaluates the loss, which this call does not pass"))
                    .help("call `minimize(loss, &params, &state)`"),
            )
        })
    }
}

/// One step on leaves. The leaves of the next state have the dtypes of the last, and those of the next parameters the
/// dtypes of the parameters, so that a step can be repeated in a loop.
#[track_caller]
fn step<O: Optimizer>(optimizer: &O, cx: &Context<'_>, state: &O::State, add: bool) -> (PerLeaf, O::State) {
    let (updates, next) = optimizer.advance(cx.gradients.clone(), state, cx);
    let (before, after) = (flatten(state), flatten(&next));
    let mut leaves = after
        .iter()
        .zip(&before)
        .map(|(x, old)| if x.dtype() == old.dtype() { x.clone() } else { x.astype(old.dtype()) });
    let next = next.rebuild(&mut leaves);
    let result = if add { add_to(cx.params, &updates) } else { updates };
    (result, next)
}

/// The sums of parameters and updates, in the dtypes of the parameters.
#[track_caller]
pub(super) fn add_to(params: &PerLeaf, updates: &PerLeaf) -> PerLeaf {
    params.zip(updates, |p, u| (p + u).astype(p.dtype()))
}

#[track_caller]
fn run<O: Optimizer, P: Tree>(
    optimizer: &O,
    params: &P,
    gradients: &P,
    state: &O::State,
    value: Option<&Array>,
    add: bool,
) -> (P, O::State) {
    if !params.same_structure(gradients) {
        let difference = difference(&leaf_paths(params), &leaf_paths(gradients));
        let message = format!("the gradients are not a tree like the parameters: {difference}");
        raise(Error::new(ErrorKind::Structure, message));
    }
    let paths = PerLeaf::of(params);
    let inputs = [flatten(params), flatten(gradients), flatten(state), value.cloned().into_iter().collect()].concat();
    let loc = location(Location::caller());
    let (leaves, (result, next)) = as_program_at(&inputs, loc, |inputs| {
        let (count, rest) = (paths.values().len(), flatten(state).len());
        let (params, gradients) = (paths.with(&inputs[..count]), paths.with(&inputs[count..2 * count]));
        let state = state.rebuild(&mut inputs[2 * count..2 * count + rest].iter().cloned());
        let cx = Context { params: &params, gradients: &gradients, value: inputs.get(2 * count + rest), loss: None };
        let (result, next) = with_location(loc, || step(optimizer, &cx, &state, add));
        ([result.values().to_vec(), flatten(&next)].concat(), (result, next))
    });
    let mut leaves = leaves.into_iter();
    let result = result.rebuild(&mut leaves);
    (result.to_tree(params), next.rebuild(&mut leaves))
}
