//! Optimizers that decide when, and with which hyperparameters, another one is applied.

use std::fmt;
use std::sync::Arc;

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::numpy::{self as np, where_};
use crate::tree::Tree;

use super::mask::all_finite;
use super::moments::{safe_increment, squared_norm, zero, zeros_in, zeros_like};
use super::number::{Hyper, Number};
use super::optimizer::{Context, Optimizer};
use super::per_leaf::PerLeaf;

/// The values of `yes` where `chosen` is true, else those of `no`, in the dtypes of `no`.
pub(super) fn select<S: Tree>(chosen: &Array, yes: &S, no: &S) -> S {
    yes.zip(no, |a, b| where_(chosen, a, b).astype(b.dtype()))
}

/// The updates where `chosen` is true, else `others`.
fn updates_if(chosen: &Array, updates: &PerLeaf, others: &PerLeaf) -> PerLeaf {
    updates.zip(others, |u, other| where_(chosen, u, other))
}

/// The state of [`apply_if_finite`].
#[derive(Clone, Debug, Tree)]
pub struct ApplyIfFiniteState<S> {
    /// The number of steps in a row whose gradients were not finite.
    pub notfinite_count: Array,
    /// Whether the last gradients were finite.
    pub last_finite: Array,
    /// The number of all steps whose gradients were not finite.
    pub total_notfinite: Array,
    /// The state of the optimizer.
    pub inner_state: S,
}

/// What [`apply_if_finite`] returns.
#[derive(Clone, Debug)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct ApplyIfFinite<O> {
    inner: O,
    max_consecutive_errors: usize,
}

/// Applies an optimizer if all gradients are finite. Otherwise the parameters and the state stay as they are, up to
/// `max_consecutive_errors` times in a row.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let (optimizer, x) = (optim::apply_if_finite(optim::sgd(0.5), 3), np::ones(2));
/// let (x, state) = optimizer.apply(&x, &np::array([f64::NAN, 1.0]), &optimizer.init(&x));
/// assert_eq!(x.to_vec::<f32>(), [1.0, 1.0]);
/// assert_eq!(state.total_notfinite.item::<i32>(), 1);
/// ```
pub fn apply_if_finite<O: Optimizer>(inner: O, max_consecutive_errors: usize) -> ApplyIfFinite<O> {
    ApplyIfFinite { inner, max_consecutive_errors }
}

impl<O: Optimizer> Optimizer for ApplyIfFinite<O> {
    type State = ApplyIfFiniteState<O::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        ApplyIfFiniteState {
            notfinite_count: zero(),
            last_finite: np::ones_as((), DType::Bool),
            total_notfinite: zero(),
            inner_state: self.inner.start(params),
        }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let finite = all_finite(&g);
        let notfinite_count = where_(&finite, 0, safe_increment(&state.notfinite_count));
        let go = finite.logical_or(notfinite_count.greater(self.max_consecutive_errors));
        let zeros = zeros_like(&g);
        let (updates, inner) = self.inner.advance(g, &state.inner_state, cx);
        let next = ApplyIfFiniteState {
            notfinite_count,
            total_notfinite: where_(&finite, &state.total_notfinite, safe_increment(&state.total_notfinite)),
            last_finite: finite,
            inner_state: select(&go, &inner, &state.inner_state),
        };
        (updates_if(&go, &updates, &zeros), next)
    }
}

/// The state of [`conditionally_transform`] and [`conditionally_mask`].
#[derive(Clone, Debug, Tree)]
pub struct ConditionalState<S> {
    /// The number of steps.
    pub step: Array,
    /// The state of the optimizer.
    pub inner_state: S,
}

/// What [`conditionally_transform`] and [`conditionally_mask`] return.
#[derive(Clone)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct Conditional<O> {
    inner: O,
    condition: Arc<dyn Fn(&Array) -> Array + Send + Sync>,
    zeros: bool,
}

impl<O: fmt::Debug> fmt::Debug for Conditional<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conditional").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// Applies an optimizer in the steps for which `condition` is true. In the others, updates stay as they are.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let part = optim::conditionally_transform(optim::scale(2.0), |step: &Array| step.greater(0));
/// let x = np::ones(2);
/// let (first, state) = part.update(&x, &part.init(&x), &x);
/// let (second, _) = part.update(&x, &state, &x);
/// assert_eq!((first.sum().item::<f32>(), second.sum().item::<f32>()), (2.0, 4.0));
/// ```
pub fn conditionally_transform<O: Optimizer>(
    inner: O,
    condition: impl Fn(&Array) -> Array + Send + Sync + 'static,
) -> Conditional<O> {
    Conditional { inner, condition: Arc::new(condition), zeros: false }
}

/// Applies an optimizer in the steps for which `condition` is true. In the others, updates are zeros.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let part = optim::conditionally_mask(optim::scale(2.0), |step: &Array| step.greater(0));
/// let x = np::ones(2);
/// let (first, _) = part.update(&x, &part.init(&x), &x);
/// assert_eq!(first.sum().item::<f32>(), 0.0);
/// ```
pub fn conditionally_mask<O: Optimizer>(
    inner: O,
    condition: impl Fn(&Array) -> Array + Send + Sync + 'static,
) -> Conditional<O> {
    Conditional { inner, condition: Arc::new(condition), zeros: true }
}

impl<O: Optimizer> Optimizer for Conditional<O> {
    type State = ConditionalState<O::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        ConditionalState { step: zero(), inner_state: self.inner.start(params) }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let go = (self.condition)(&state.step);
        let others = if self.zeros { zeros_like(&g) } else { g.clone() };
        let (updates, inner) = self.inner.advance(g, &state.inner_state, cx);
        let inner_state = select(&go, &inner, &state.inner_state);
        (updates_if(&go, &updates, &others), ConditionalState { step: safe_increment(&state.step), inner_state })
    }
}

/// The state of [`multi_steps`].
#[derive(Clone, Debug, Tree)]
pub struct MultiStepsState<S> {
    /// The number of gradients since the last step.
    pub mini_step: Array,
    /// The number of steps.
    pub gradient_step: Array,
    /// The state of the optimizer.
    pub inner_state: S,
    /// The mean, or the sum, of the gradients since the last step.
    pub acc_grads: PerLeaf,
}

/// What [`multi_steps`] returns.
#[derive(Clone, Debug)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct MultiSteps<O> {
    inner: O,
    every: Hyper,
    mean: bool,
    accumulator_dtype: DType,
    skip_not_finite: bool,
    skip_above: Option<Number>,
}

/// Applies an optimizer once for every `k` gradients, to their mean. In between, updates are zeros. `k` may be a
/// schedule of the number of steps.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let (optimizer, x) = (optim::multi_steps(optim::sgd(0.5), 2), np::ones(1));
/// let (x, state) = optimizer.apply(&x, &np::array([1.0]), &optimizer.init(&x));
/// let (x, _) = optimizer.apply(&x, &np::array([3.0]), &state);
/// assert_eq!(x.to_vec::<f32>(), [0.0]);
/// ```
pub fn multi_steps<O: Optimizer>(inner: O, k: impl Into<Hyper>) -> MultiSteps<O> {
    MultiSteps {
        inner,
        every: k.into(),
        mean: true,
        accumulator_dtype: DType::F32,
        skip_not_finite: false,
        skip_above: None,
    }
}

impl<O> MultiSteps<O> {
    /// Whether the mean of the gradients is used, as by default, or their sum.
    pub fn use_grad_mean(mut self, mean: bool) -> Self {
        self.mean = mean;
        self
    }

    /// The dtype in which gradients are accumulated; `f32` by default.
    pub fn accumulator_dtype(mut self, dtype: DType) -> Self {
        self.accumulator_dtype = dtype;
        self
    }

    /// Ignores gradients that are not finite.
    pub fn skip_not_finite(mut self) -> Self {
        self.skip_not_finite = true;
        self
    }

    /// Ignores gradients whose squared norm is not below this.
    pub fn skip_large_updates(mut self, max_squared_norm: impl Into<Number>) -> Self {
        self.skip_above = Some(max_squared_norm.into());
        self
    }

    /// Whether the last call made a step.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (optimizer, x) = (optim::multi_steps(optim::sgd(0.5), 2), np::ones(1));
    /// let (_, state) = optimizer.apply(&x, &x, &optimizer.init(&x));
    /// assert!(!optimizer.has_updated(&state).item::<bool>());
    /// ```
    pub fn has_updated<S>(&self, state: &MultiStepsState<S>) -> Array {
        state.mini_step.equal(0).logical_and(state.gradient_step.greater(0))
    }
}

impl<O: Optimizer> Optimizer for MultiSteps<O> {
    type State = MultiStepsState<O::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        MultiStepsState {
            mini_step: zero(),
            gradient_step: zero(),
            inner_state: self.inner.start(params),
            acc_grads: zeros_in(params, Some(self.accumulator_dtype)),
        }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let k = self.every.at(&state.gradient_step).in_dtype(DType::I32);
        let acc = g.zip(&state.acc_grads, |g, acc| match self.mean {
            true => acc + (g - acc) / (&state.mini_step + 1),
            false => g + acc,
        });
        let taken = acc.zip(&g, |acc, g| acc.astype(g.dtype()));
        let (updates, inner) = self.inner.advance(taken, &state.inner_state, cx);
        let emit = state.mini_step.equal(&k - 1);
        let mut next = MultiStepsState {
            mini_step: safe_increment(&state.mini_step) % k,
            gradient_step: where_(&emit, safe_increment(&state.gradient_step), &state.gradient_step),
            inner_state: select(&emit, &inner, &state.inner_state),
            acc_grads: acc.zip(&state.acc_grads, |acc, old| where_(&emit, 0.0, acc).astype(old.dtype())),
        };
        let skips = [
            self.skip_not_finite.then(|| np::logical_not(all_finite(&g))),
            self.skip_above.as_ref().map(|most| np::logical_not(squared_norm(&g).less(most.array()))),
        ];
        let mut emit = emit;
        if let Some(skip) = skips.into_iter().flatten().reduce(|a, b| a.logical_or(b)) {
            next = select(&skip, state, &next);
            emit = emit.logical_and(np::logical_not(skip));
        }
        (updates.map(|u| where_(&emit, u, 0.0)), next)
    }
}

/// The state of [`lookahead`].
#[derive(Clone, Debug, Tree)]
pub struct LookaheadState<S> {
    /// The state of the optimizer.
    pub fast_state: S,
    /// The number of steps since the parameters were synchronized.
    pub steps_since_sync: Array,
    /// The slow parameters, which are the result of the optimization.
    pub slow: PerLeaf,
}

/// What [`lookahead`] returns.
#[derive(Clone, Debug)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct Lookahead<O> {
    fast: O,
    sync_period: usize,
    slow_step_size: Number,
    reset_state: bool,
}

/// Lets a second, slow set of parameters follow the optimizer: after each `sync_period` steps, it moves by
/// `slow_step_size` of the way to the parameters, which continue from there
/// ([Lookahead](https://arxiv.org/abs/1907.08610)).
///
/// The slow parameters are in the state: `state.slow.to_tree(&params)`.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let (optimizer, x) = (optim::lookahead(optim::sgd(1.0), 2, 0.5), np::zeros(1));
/// let (x, state) = optimizer.apply(&x, &np::array([-1.0]), &optimizer.init(&x));
/// let (x, state) = optimizer.apply(&x, &np::array([-1.0]), &state);
/// assert_eq!((x.item::<f32>(), state.slow.to_tree(&x).item::<f32>()), (1.0, 1.0));
/// ```
pub fn lookahead<O: Optimizer>(fast: O, sync_period: usize, slow_step_size: impl Into<Number>) -> Lookahead<O> {
    Lookahead { fast, sync_period: sync_period.max(1), slow_step_size: slow_step_size.into(), reset_state: false }
}

impl<O> Lookahead<O> {
    /// Whether the state of the optimizer begins anew with each synchronization.
    pub fn reset_state(mut self, reset: bool) -> Self {
        self.reset_state = reset;
        self
    }
}

impl<O: Optimizer> Optimizer for Lookahead<O> {
    type State = LookaheadState<O::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        LookaheadState { fast_state: self.fast.start(params), steps_since_sync: zero(), slow: params.clone() }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let (updates, mut fast_state) = self.fast.advance(g, &state.fast_state, cx);
        let sync = state.steps_since_sync.equal(self.sync_period - 1);
        let way = cx.params.zip3(&updates, &state.slow, |fast, u, slow| fast + u - slow);
        let slow = state
            .slow
            .zip(&way, |slow, way| where_(&sync, slow + self.slow_step_size.array() * way, slow).astype(slow.dtype()));
        let updates = updates.zip(&way, |u, way| where_(&sync, u - self.slow_step_size.complement() * way, u));
        if self.reset_state {
            fast_state = select(&sync, &self.fast.start(cx.params), &fast_state);
        }
        let steps_since_sync = (&state.steps_since_sync + 1) % self.sync_period;
        (updates, LookaheadState { fast_state, steps_since_sync, slow })
    }
}

/// The state of [`inject_hyperparams`].
#[derive(Clone, Debug, Tree)]
pub struct InjectHyperparamsState<H: Tree, S> {
    /// The number of steps.
    pub count: Array,
    /// The hyperparameters of the last step. Those that no schedule sets can be changed here.
    pub hyperparams: H,
    /// The state of the optimizer.
    pub inner_state: S,
}

/// A function from the number of steps and the last hyperparameters to the next.
type Rescheduled<H> = dyn Fn(&Array, H) -> H + Send + Sync;

/// What [`inject_hyperparams`] returns.
#[derive(Clone)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct InjectHyperparams<H, O> {
    initial: H,
    make: Arc<dyn Fn(&H) -> O + Send + Sync>,
    schedule: Option<Arc<Rescheduled<H>>>,
}

impl<H: fmt::Debug, O> fmt::Debug for InjectHyperparams<H, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InjectHyperparams").field("initial", &self.initial).finish_non_exhaustive()
    }
}

/// Moves hyperparameters into the state, where they can be read and changed between steps without compiling the step
/// again. `make` makes the optimizer from them.
///
/// The hyperparameters are any tree: an array, a tuple, or a struct that derives `Tree`. Rust numbers in it take the
/// widest floating-point dtype of the parameters.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let optimizer = optim::inject_hyperparams(Array::from(0.5), |rate: &Array| optim::sgd(rate));
/// let x = np::ones(1);
/// let mut state = optimizer.init(&x);
/// state.hyperparams = np::array(0.25);
/// let (x, _) = optimizer.apply(&x, &np::ones(1), &state);
/// assert_eq!(x.to_vec::<f32>(), [0.75]);
/// ```
pub fn inject_hyperparams<H: Tree + Clone + fmt::Debug, O: Optimizer>(
    initial: H,
    make: impl Fn(&H) -> O + Send + Sync + 'static,
) -> InjectHyperparams<H, O> {
    InjectHyperparams { initial, make: Arc::new(make), schedule: None }
}

impl<H, O> InjectHyperparams<H, O> {
    /// Sets hyperparameters by the number of steps: `schedule` gets it, with those of the step before, and returns
    /// those of this step.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let optimizer = optim::inject_hyperparams(Array::from(0.0), |rate: &Array| optim::sgd(rate))
    ///     .schedule(|step: &Array, _| 1.0 / (1.0 + step));
    /// let x = np::ones(1);
    /// let (_, state) = optimizer.apply(&x, &x, &optimizer.init(&x));
    /// let (_, state) = optimizer.apply(&x, &x, &state);
    /// assert_eq!(state.hyperparams.item::<f32>(), 0.5);
    /// ```
    pub fn schedule(mut self, schedule: impl Fn(&Array, H) -> H + Send + Sync + 'static) -> Self {
        self.schedule = Some(Arc::new(schedule));
        self
    }
}

impl<H: Tree + Clone + fmt::Debug, O: Optimizer> InjectHyperparams<H, O> {
    /// The hyperparameters of a step. Rust numbers get a dtype, so that the state has the same type in every step.
    fn at(&self, count: &Array, current: H, params: &PerLeaf) -> H {
        let scheduled = match &self.schedule {
            Some(schedule) => schedule(count, current),
            None => current,
        };
        let dtype = widest(params);
        scheduled.map(|x| if x.weak_type() && x.dtype().is_float() { x.astype(dtype) } else { x.clone() })
    }
}

impl<H: Tree + Clone + fmt::Debug, O: Optimizer> Optimizer for InjectHyperparams<H, O> {
    type State = InjectHyperparamsState<H, O::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        let hyperparams = self.at(&zero(), self.initial.clone(), params);
        let inner_state = (self.make)(&hyperparams).start(params);
        InjectHyperparamsState { count: zero(), hyperparams, inner_state }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let hyperparams = self.at(&state.count, state.hyperparams.clone(), cx.params);
        let (updates, inner_state) = (self.make)(&hyperparams).advance(g, &state.inner_state, cx);
        (updates, InjectHyperparamsState { count: safe_increment(&state.count), hyperparams, inner_state })
    }
}

/// The widest real dtype of the parameters, at least if one has more bits than all others; else `f32`.
pub(super) fn widest(params: &PerLeaf) -> DType {
    extreme(params, |a, b| a.byte_size() > b.byte_size())
}

/// The narrowest real dtype of the parameters.
pub(super) fn narrowest(params: &PerLeaf) -> DType {
    extreme(params, |a, b| a.byte_size() < b.byte_size())
}

fn extreme(params: &PerLeaf, better: impl Fn(DType, DType) -> bool) -> DType {
    let dtypes = params.values().iter().map(|x| x.dtype().real()).filter(|dtype| dtype.is_float());
    dtypes.reduce(|best, dtype| if better(dtype, best) { dtype } else { best }).unwrap_or(DType::F32)
}
