//! Optimizers of `optax.contrib`: without a learning rate, without a schedule, and with curvature.

use cotangent_derive::Tree;

use crate::api::grad::grad;
use crate::api::linear::jvp;
use crate::array::Array;
use crate::array::dtype::DType;
use crate::lax::cond;
use crate::numpy::{self as np, where_};
use crate::random::{self, Key};
use crate::tree::Tree;

use super::add::{AddDecayedWeights, add_decayed_weights};
use super::aliases::{Sgd, decay, example, sgd};
use super::linesearch::real_dot;
use super::mask::Mask;
use super::moments::{
    bias_correction, norm, safe_increment, squared_norm, total, update_moment, zero, zeros_in, zeros_like,
};
use super::number::{Hyper, Number};
use super::optimizer::{Context, Optimizer};
use super::options::{alias, options};
use super::per_leaf::PerLeaf;
use super::rms::{ScaleByRms, scale_by_rms};
use super::scale::{ScaleByLearningRate, scale_by_learning_rate};
use super::schedule::linear_schedule;
use super::wrap::narrowest;

/// The state of [`schedule_free`].
#[derive(Clone, Debug, Tree)]
pub struct ScheduleFreeState<S> {
    /// The weight of the mean in the parameters.
    pub b1: Array,
    /// The sum of the weights of all steps.
    pub weight_sum: Array,
    /// The number of the next step, from 1.
    pub step_count: Array,
    /// The greatest learning rate so far.
    pub max_lr: Array,
    /// The state of the optimizer.
    pub base_optimizer_state: S,
    /// The parameters that the optimizer moves.
    pub z: PerLeaf,
}

/// What [`schedule_free`] returns.
#[derive(Clone, Debug)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct ScheduleFree<O> {
    base: O,
    learning_rate: Hyper,
    b1: Number,
    weight_lr_power: Number,
    state_dtype: Option<DType>,
}

/// Replaces the decay of the learning rate by a mean of the parameters
/// ([schedule-free learning](https://arxiv.org/abs/2405.15682)).
///
/// The optimizer must have no momentum of its own. Gradients are taken at the parameters; the model is evaluated at
/// [`schedule_free_eval_params`].
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let optimizer = optim::schedule_free(optim::sgd(0.5), 0.5);
/// let mut x = np::ones(1);
/// let mut state = optimizer.init(&x);
/// for _ in 0..20 {
///     (x, state) = optimizer.apply(&x, &x.clone(), &state);
/// }
/// assert!(optim::schedule_free_eval_params(&state, &x).item::<f32>() < 0.2);
/// ```
pub fn schedule_free<O: Optimizer>(base: O, learning_rate: impl Into<Hyper>) -> ScheduleFree<O> {
    ScheduleFree {
        base,
        learning_rate: learning_rate.into(),
        b1: 0.9.into(),
        weight_lr_power: 2.0.into(),
        state_dtype: None,
    }
}

impl<O> ScheduleFree<O> {
    /// The weight of the mean in the parameters; 0.9 by default.
    pub fn b1(mut self, b1: impl Into<Number>) -> Self {
        self.b1 = b1.into();
        self
    }

    /// The power of the learning rate that is the weight of a step; 2 by default.
    pub fn weight_lr_power(mut self, power: impl Into<Number>) -> Self {
        self.weight_lr_power = power.into();
        self
    }

    /// The dtype of the parameters that the optimizer moves.
    pub fn state_dtype(mut self, dtype: DType) -> Self {
        self.state_dtype = Some(dtype);
        self
    }
}

/// Returns the parameters to evaluate a model with.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let (optimizer, x) = (optim::schedule_free(optim::sgd(0.5), 0.5), np::ones(1));
/// assert_eq!(optim::schedule_free_eval_params(&optimizer.init(&x), &x).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// If the state belongs to other parameters.
#[track_caller]
pub fn schedule_free_eval_params<P: Tree, S>(state: &ScheduleFreeState<S>, params: &P) -> P {
    let b1 = &state.b1;
    PerLeaf::of(params).zip(&state.z, |y, z| ((y - (1.0 - b1) * z) / b1).astype(y.dtype())).to_tree(params)
}

impl<O: Optimizer> Optimizer for ScheduleFree<O> {
    type State = ScheduleFreeState<O::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        let dtype = narrowest(params);
        ScheduleFreeState {
            b1: np::full_as((), self.b1.array(), dtype),
            weight_sum: np::zeros_as((), dtype),
            step_count: np::ones_as((), DType::I32),
            max_lr: np::zeros_as((), dtype),
            base_optimizer_state: self.base.start(params),
            z: params.map(|p| p.astype(self.state_dtype.unwrap_or(p.dtype()))),
        }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let rate = self.learning_rate.at(&state.step_count).in_dtype(state.max_lr.dtype());
        let max_lr = state.max_lr.maximum(rate);
        let weight = max_lr.pow(self.weight_lr_power.array());
        let weight_sum = &state.weight_sum + &weight;
        let share = where_(weight_sum.equal(0.0), 0.0, &weight / &weight_sum);
        let (updates, base_optimizer_state) = self.base.advance(g, &state.base_optimizer_state, cx);
        let z = state.z.zip(&updates, |z, u| (z + u).astype(z.dtype()));
        let (b1, rest) = (self.b1.array(), self.b1.complement());
        let mean = cx.params.zip3(&state.z, &z, |y, old, new| {
            let x = (y - &rest * old) / &b1;
            (1.0 - &share) * x + &share * new
        });
        let next = mean.zip(&z, |x, z| &b1 * x + &rest * z);
        let updates = next.zip(cx.params, |next, y| next - y);
        let step_count = safe_increment(&state.step_count);
        (updates, ScheduleFreeState { b1: state.b1.clone(), weight_sum, step_count, max_lr, base_optimizer_state, z })
    }
}

fn warmed(rate: f64, warmup_steps: Option<usize>) -> Hyper {
    warmup_steps.map_or(rate.into(), |steps| linear_schedule(0.0, rate, steps).into())
}

/// [`schedule_free`] gradient descent, with an optional warmup of the learning rate and weight decay.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let (optimizer, x) = (optim::schedule_free_sgd(0.5, Some(10), 0.0), np::ones(1));
/// let (x, _) = optimizer.apply(&x, &x, &optimizer.init(&x));
/// assert!(x.item::<f32>() <= 1.0);
/// ```
pub fn schedule_free_sgd(
    learning_rate: f64,
    warmup_steps: Option<usize>,
    weight_decay: impl Into<Hyper>,
) -> ScheduleFree<(AddDecayedWeights, Sgd)> {
    let rate = warmed(learning_rate, warmup_steps);
    schedule_free((add_decayed_weights(weight_decay), sgd(&rate)), rate)
}

/// [`schedule_free`] AdamW, with an optional warmup of the learning rate and weight decay.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let (optimizer, x) = (optim::schedule_free_adamw(0.0025, None, 0.0), np::ones(1));
/// let (x, _) = optimizer.apply(&x, &x, &optimizer.init(&x));
/// assert!(x.item::<f32>() < 1.0);
/// ```
pub fn schedule_free_adamw(
    learning_rate: f64,
    warmup_steps: Option<usize>,
    weight_decay: impl Into<Hyper>,
) -> ScheduleFree<(ScaleByRms, AddDecayedWeights, ScaleByLearningRate)> {
    let rate = warmed(learning_rate, warmup_steps);
    let rms = scale_by_rms().decay(0.999).eps_in_sqrt(false).bias_correction(true);
    schedule_free((rms, add_decayed_weights(weight_decay), scale_by_learning_rate(&rate)), rate)
}

/// The state of [`scale_by_sophia`].
#[derive(Clone, Debug, Tree)]
pub struct SophiaState {
    /// The number of steps.
    pub count: Array,
    /// The running means of the gradients.
    pub mu: PerLeaf,
    /// The running means of the estimates of the diagonal of the Hessian matrix.
    pub nu: PerLeaf,
    /// The key of the random signs of all further estimates.
    pub key: Key,
}

options! {
    /// Divides the running mean of the gradients by that of an estimate of the diagonal of the Hessian matrix
    /// ([Sophia](https://arxiv.org/abs/2305.14342)). The estimate is Hutchinson's, s·(H·s) for random signs s.
    ///
    /// It differentiates the loss, so that a step is made with [`Optimizer::minimize`].
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let optimizer = (optim::scale_by_sophia(random::key(0)), optim::scale(-0.1));
    /// let x = np::array([1.0, 2.0]);
    /// let (_, x, _) = optimizer.minimize(|x: &Array| x.powi(2).sum(), &x, &optimizer.init(&x));
    /// assert!(np::allclose(&x, np::array([0.9, 1.9])).item::<bool>());
    /// ```
    ///
    /// # Panics
    /// A step that is not made with `minimize` panics.
    scale_by_sophia ScaleBySophia(key: Key) {
        /// The decay of the running mean of the gradients.
        b1: Number = 0.965;
        /// The decay of the running mean of estimates.
        b2: Number = 0.99;
        /// The least divisor.
        eps: Number = 1e-8;
        /// The factor of the estimates.
        gamma: Number = 0.01;
        /// The greatest absolute value of an update; infinity for no bound.
        clip_threshold: Number = 1.0;
        /// The number of steps from one estimate to the next.
        update_interval: i32 = 10;
    } {
        /// The dtype of the running mean of the gradients, instead of that of the parameters.
        mu_dtype: DType;
    }
}

impl Optimizer for ScaleBySophia {
    type State = SophiaState;

    fn start(&self, params: &PerLeaf) -> SophiaState {
        SophiaState {
            count: zero(),
            mu: zeros_in(params, self.mu_dtype),
            nu: zeros_like(params),
            key: self.key.clone(),
        }
    }

    fn advance(&self, g: PerLeaf, state: &SophiaState, cx: &Context<'_>) -> (PerLeaf, SophiaState) {
        let loss = cx.need_loss("scale_by_sophia");
        let count = safe_increment(&state.count);
        let mu = update_moment(&g, &state.mu, &self.b1);
        let updates = bias_correction(&mu, &self.b1, &count).zip(&state.nu, |m, h| {
            let step = m / (self.gamma.array() * h).maximum(self.eps.array());
            np::clip(step, self.clip_threshold.negative().array(), self.clip_threshold.array())
        });
        let estimate = || {
            let [key, sample] = state.key.clone().split();
            let mut keys = random::split(sample, g.values().len()).into_iter();
            let signs = cx.params.map(|p| match keys.next() {
                Some(key) => random::rademacher(key, p.shape()).astype(p.dtype()),
                None => np::ones_like(p),
            });
            let (_, product) = jvp(|p: &PerLeaf| grad(|p: &PerLeaf| loss(p))(p), (cx.params,), (&signs,));
            let diagonal = product.zip(&signs, |h, s| h * s);
            let nu = update_moment(&diagonal, &state.nu, &self.b2).zip(&state.nu, |n, old| n.astype(old.dtype()));
            (key, nu)
        };
        let due = (&state.count % self.update_interval).equal(0);
        let (key, nu) = cond(due, estimate, || (state.key.clone(), state.nu.clone()));
        (updates, SophiaState { count, mu, nu, key })
    }
}

alias! {
    /// [Sophia](https://arxiv.org/abs/2305.14342): steps along the running mean of the gradients, divided by an
    /// estimate
    /// of the curvature, and clipped.
    ///
    /// Its steps are made with [`Optimizer::minimize`], because it differentiates the loss.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (optimizer, x) = (optim::sophia(0.1, random::key(0)), np::array([1.0, 2.0]));
    /// let (_, next, _) = optimizer.minimize(|x: &Array| x.powi(2).sum(), &x, &optimizer.init(&x));
    /// assert!(next.sum().item::<f32>() < 3.0);
    /// ```
    sophia Sophia(learning_rate: Hyper, key: Key) {
        /// The decay of the running mean of the gradients.
        b1: Number = 0.965;
        /// The decay of the running mean of estimates.
        b2: Number = 0.99;
        /// The least divisor.
        eps: Number = 1e-8;
        /// How much the parameters decay.
        weight_decay: Hyper = 1e-4;
        /// The factor of the estimates.
        gamma: Number = 0.01;
        /// The greatest absolute value of an update; infinity for no bound.
        clip_threshold: Number = 1.0;
        /// The number of steps from one estimate to the next.
        update_interval: i32 = 10;
    } {
        /// The parameters that decay; all by default.
        weight_decay_mask: Mask;
        /// The dtype of the running mean of the gradients, instead of that of the parameters.
        mu_dtype: DType;
    }
    (ScaleBySophia, AddDecayedWeights, ScaleByLearningRate): |o| (
        ScaleBySophia {
            mu_dtype: o.mu_dtype,
            ..scale_by_sophia(o.key.clone()).b1(&o.b1).b2(&o.b2).eps(&o.eps).gamma(&o.gamma)
                .clip_threshold(&o.clip_threshold).update_interval(o.update_interval)
        },
        decay(&o.weight_decay, &o.weight_decay_mask),
        scale_by_learning_rate(&o.learning_rate),
    )
}

/// The state of [`dog`].
#[derive(Clone, Debug, Tree)]
pub struct DogState {
    /// The parameters before the first step.
    pub init_params: PerLeaf,
    /// The greatest distance from them so far.
    pub max_dist: Array,
    /// The sum of the squared norms of the gradients.
    pub sum_sq_norm_grads: Array,
}

options! {
    /// Scales updates by the greatest distance from the initial parameters over the root of the sum of the squared
    /// norms
    /// of the gradients ([DoG](https://arxiv.org/abs/2302.12022)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let state = optim::scale_by_dog().init(&np::array([3.0, 4.0]));
    /// assert!((state.max_dist.item::<f32>() - 6e-6).abs() < 1e-9);
    /// ```
    scale_by_dog ScaleByDog() {
        /// The initial distance, relative to 1 + the norm of the parameters.
        init_distance: Number = 1e-6;
        /// Added under the root.
        eps: Number = 1e-8;
    }
}

impl Optimizer for ScaleByDog {
    type State = DogState;

    fn start(&self, params: &PerLeaf) -> DogState {
        let dtype = narrowest(params);
        DogState {
            init_params: params.clone(),
            max_dist: (self.init_distance.array() * (1.0 + norm(params))).astype(dtype),
            sum_sq_norm_grads: np::zeros_as((), dtype),
        }
    }

    fn advance(&self, g: PerLeaf, state: &DogState, cx: &Context<'_>) -> (PerLeaf, DogState) {
        let distance = norm(&state.init_params.zip(cx.params, |a, b| a - b));
        let max_dist = state.max_dist.maximum(distance);
        let sum_sq_norm_grads = &state.sum_sq_norm_grads + squared_norm(&g);
        let rate = &max_dist / (&sum_sq_norm_grads + self.eps.array()).sqrt();
        let init_params = state.init_params.clone();
        (g.map(|g| &rate * g), DogState { init_params, max_dist, sum_sq_norm_grads })
    }
}

alias! {
    /// [DoG](https://arxiv.org/abs/2302.12022): gradient descent that finds its learning rate by itself.
    ///
    #[doc = example!("dog()")]
    dog Dog() {
        /// A factor of the step.
        learning_rate: Hyper = 1.0;
        /// The initial distance, relative to 1 + the norm of the parameters.
        init_distance: Number = 1e-6;
        /// Added under the root.
        eps: Number = 1e-8;
        /// How much the parameters decay.
        weight_decay: Hyper = 0.0;
    } {
        /// The parameters that decay; all by default.
        mask: Mask;
    }
    (AddDecayedWeights, ScaleByDog, ScaleByLearningRate): |o| (
        decay(&o.weight_decay, &o.mask),
        scale_by_dog().init_distance(&o.init_distance).eps(&o.eps),
        scale_by_learning_rate(&o.learning_rate),
    )
}

/// The state of [`prodigy`].
#[derive(Clone, Debug, Tree)]
pub struct ProdigyState {
    /// The running means of the scaled gradients.
    pub exp_avg: PerLeaf,
    /// The running means of their squares.
    pub exp_avg_sq: PerLeaf,
    /// The decaying sums of the scaled gradients.
    pub grad_sum: PerLeaf,
    /// The parameters before the first step.
    pub params0: PerLeaf,
    /// The estimate of the learning rate.
    pub estim_lr: Array,
    /// The numerator of that estimate.
    pub numerator_weighted: Array,
    /// The number of steps.
    pub count: Array,
}

options! {
    /// [Prodigy](https://arxiv.org/abs/2306.06101): Adam that finds its learning rate by itself.
    ///
    #[doc = example!("prodigy()")]
    prodigy Prodigy() {
        /// A factor of the step.
        learning_rate: Hyper = 1.0;
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-8;
        /// The first estimate of the learning rate.
        estim_lr0: Number = 1e-6;
        /// A factor of the estimate.
        estim_lr_coef: Number = 1.0;
        /// How much the parameters decay.
        weight_decay: Number = 0.0;
        /// Whether the estimate ignores the schedule of the learning rate.
        safeguard_warmup: bool = false;
    } {
        /// The decay of the sums; √`b2` by default.
        beta3: Number;
    }
}

impl Optimizer for Prodigy {
    type State = ProdigyState;

    fn start(&self, params: &PerLeaf) -> ProdigyState {
        let dtype = narrowest(params);
        ProdigyState {
            exp_avg: zeros_like(params),
            exp_avg_sq: zeros_like(params),
            grad_sum: zeros_like(params),
            params0: params.clone(),
            estim_lr: np::full_as((), self.estim_lr0.array(), dtype),
            numerator_weighted: np::zeros_as((), dtype),
            count: zero(),
        }
    }

    fn advance(&self, g: PerLeaf, state: &ProdigyState, cx: &Context<'_>) -> (PerLeaf, ProdigyState) {
        let (count, steps) = (safe_increment(&state.count), (&state.count + 1).astype(DType::F32));
        let beta3 = self.beta3.clone().unwrap_or_else(|| self.b2.then(f64::sqrt, Array::sqrt)).array();
        let rate = self.learning_rate.at(&state.count).array();
        let power = |b: &Number| 1.0 - b.array().pow(&steps);
        let estimate = &state.estim_lr;
        let step = (estimate * rate * power(&self.b2).sqrt() / power(&self.b1)).astype(estimate.dtype());
        let scaled = g.map(|g| estimate * g);
        let product = real_dot(&g, &state.params0.zip(cx.params, |a, b| a - b));
        let exp_avg = update_moment(&scaled, &state.exp_avg, &self.b1);
        let exp_avg_sq = update_moment(&scaled.map(Array::square), &state.exp_avg_sq, &self.b2);
        let factor = if self.safeguard_warmup { estimate } else { &step };
        let grad_sum = state.grad_sum.zip(&scaled, |s, g| &beta3 * s + factor * g / self.estim_lr0.array());
        let numerator = &beta3 * &state.numerator_weighted + estimate / self.estim_lr0.array() * &step * product;
        let denominator = total(&grad_sum.map(|s| s.abs().sum()));
        let estim_lr = estimate.maximum(self.estim_lr_coef.array() * &numerator / denominator);
        let mean = exp_avg.zip(&exp_avg_sq, |m, v| m / (v.sqrt() + &estim_lr * self.eps.array()));
        let updates = mean.zip(cx.params, |m, p| -(self.weight_decay.array() * &step * p) - &step * m);
        let params0 = state.params0.clone();
        let next =
            ProdigyState { exp_avg, exp_avg_sq, grad_sum, params0, estim_lr, numerator_weighted: numerator, count };
        (updates, next)
    }
}
