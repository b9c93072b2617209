//! MoMo: momentum whose step is bounded by the distance of the loss from its least value.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::numpy::{self as np, where_};

use super::linesearch::real_dot;
use super::moments::{
    moment, safe_increment, squared_norm, update_moment, update_squares, zero, zeros_like, zeros_real,
};
use super::number::{Hyper, Number};
use super::optimizer::{Context, Optimizer};
use super::options::options;
use super::per_leaf::PerLeaf;
use super::wrap::narrowest;

/// The state of [`momo`].
#[derive(Clone, Debug, Tree)]
pub struct MomoState {
    /// The running means of the gradients.
    pub exp_avg: PerLeaf,
    /// The running mean of the loss.
    pub barf: Array,
    /// The running mean of the inner products of gradients and parameters.
    pub gamma: Array,
    /// The estimate of the least value of the loss.
    pub lb: Array,
    /// The number of steps.
    pub count: Array,
}

/// The state of [`momo_adam`].
#[derive(Clone, Debug, Tree)]
pub struct MomoAdamState {
    /// The running means of the gradients.
    pub exp_avg: PerLeaf,
    /// The running means of their squares.
    pub exp_avg_sq: PerLeaf,
    /// The running mean of the loss.
    pub barf: Array,
    /// The running mean of the inner products of gradients and parameters.
    pub gamma: Array,
    /// The estimate of the least value of the loss.
    pub lb: Array,
    /// The number of steps.
    pub count: Array,
}

options! {
    /// [MoMo](https://arxiv.org/abs/2305.07583): momentum whose step is bounded by the distance of the loss from its
    /// least
    /// value.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (optimizer, x) = (optim::momo(), np::ones(2));
    /// let (_, x, _) = optimizer.minimize(|x: &Array| x.powi(2).sum(), &x, &optimizer.init(&x));
    /// assert_eq!(x.to_vec::<f32>(), [0.5, 0.5]);
    /// ```
    ///
    /// # Panics
    /// A step panics if it does not know the value of the loss: see [`Optimizer::apply_with_value`].
    momo Momo() {
        /// The greatest step.
        learning_rate: Hyper = 1.0;
        /// The decay of the running means.
        beta: Number = 0.9;
        /// The least value of the loss.
        lower_bound: Number = 0.0;
        /// How much the parameters decay.
        weight_decay: Number = 0.0;
        /// Whether the least value is estimated from the steps; `lower_bound` then bounds the estimate.
        adapt_lower_bound: bool = false;
    }
}

options! {
    /// [MoMo](https://arxiv.org/abs/2305.07583) with the steps of Adam: as [`momo`], with gradients divided by the root
    /// of the running mean of their squares.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (optimizer, x) = (optim::momo_adam().learning_rate(0.1), np::ones(2));
    /// let (_, x, _) = optimizer.minimize(|x: &Array| x.powi(2).sum(), &x, &optimizer.init(&x));
    /// assert!(np::allclose(x, 0.9).item::<bool>());
    /// ```
    ///
    /// # Panics
    /// A step panics if it does not know the value of the loss: see [`Optimizer::apply_with_value`].
    momo_adam MomoAdam() {
        /// The greatest step.
        learning_rate: Hyper = 0.01;
        /// The decay of the running means.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-8;
        /// The least value of the loss.
        lower_bound: Number = 0.0;
        /// How much the parameters decay.
        weight_decay: Number = 0.0;
        /// Whether the least value is estimated from the steps; `lower_bound` then bounds the estimate.
        adapt_lower_bound: bool = false;
    }
}

/// What a step depends on: all are numbers.
struct Step<'a> {
    /// The greatest step.
    rate: Array,
    /// How much the parameters decay in a step of length 1.
    weight_decay: Array,
    /// The running mean of the loss.
    barf: &'a Array,
    /// The running mean of the inner products of gradients and parameters.
    gamma: &'a Array,
    /// The inner product of the mean gradient and the parameters.
    product: Array,
    /// The squared norm of the mean gradient.
    square: Array,
    /// By how much the running means fall short of means.
    correction: Array,
    /// The least value of the loss, if it is to be adapted.
    bound: Option<Array>,
}

impl Step<'_> {
    /// Returns the length of the step, the share by which the parameters decay, and the next estimate of the least
    /// value.
    fn take(self, lb: &Array) -> (Array, Array, Array) {
        let decay = self.rate.clone() * self.weight_decay;
        let grown = 1.0 + &decay;
        let cap = &grown * (self.barf - self.gamma) + &self.product;
        let this = match &self.bound {
            Some(bound) => {
                let lower = (&cap / (2.0 * &self.correction * &grown)).maximum(bound);
                where_(cap.less(&grown * &self.correction * lb), lower, lb)
            }
            None => lb.clone(),
        };
        let above = (&grown * (self.barf - &self.correction * this - self.gamma) + &self.product).maximum(0.0);
        let length = where_(self.square.less_equal(f64::EPSILON), 0.0, above / &self.square);
        let length = length.minimum(self.rate / &self.correction);
        let next = match self.bound {
            Some(bound) => {
                let least = self.barf + self.product - self.gamma - 0.5 * &length * self.square;
                (least / self.correction).maximum(bound)
            }
            None => lb.clone(),
        };
        (length, &decay / grown, next)
    }
}

impl Optimizer for Momo {
    type State = MomoState;

    fn start(&self, params: &PerLeaf) -> MomoState {
        let dtype = narrowest(params);
        let nothing = np::zeros_as((), dtype);
        MomoState {
            exp_avg: zeros_like(params),
            barf: nothing.clone(),
            gamma: nothing,
            lb: np::full_as((), self.lower_bound.array(), dtype),
            count: zero(),
        }
    }

    fn advance(&self, g: PerLeaf, state: &MomoState, cx: &Context<'_>) -> (PerLeaf, MomoState) {
        let first = state.count.equal(0);
        let mean = |new: &Array, old: &Array| where_(&first, new, moment(new, old, &self.beta));
        let barf = mean(&cx.need_value("momo").astype(state.barf.dtype()), &state.barf);
        let exp_avg = g.zip(&state.exp_avg, |g, m| mean(g, m));
        let gamma = mean(&real_dot(&g, cx.params), &state.gamma);
        let (length, shrink, lb) = Step {
            rate: self.learning_rate.at(&state.count).array(),
            weight_decay: self.weight_decay.array(),
            barf: &barf,
            gamma: &gamma,
            product: real_dot(&exp_avg, cx.params),
            square: squared_norm(&exp_avg),
            correction: 1.0.into(),
            bound: self.adapt_lower_bound.then(|| self.lower_bound.array()),
        }
        .take(&state.lb);
        let updates = exp_avg.zip(cx.params, |m, p| -(&shrink * p) - &length * m);
        (updates, MomoState { exp_avg, barf, gamma, lb, count: safe_increment(&state.count) })
    }
}

impl Optimizer for MomoAdam {
    type State = MomoAdamState;

    fn start(&self, params: &PerLeaf) -> MomoAdamState {
        let dtype = narrowest(params);
        let nothing = np::zeros_as((), dtype);
        MomoAdamState {
            exp_avg: zeros_like(params),
            exp_avg_sq: zeros_real(params),
            barf: nothing.clone(),
            gamma: nothing,
            lb: np::full_as((), self.lower_bound.array(), dtype),
            count: zero(),
        }
    }

    fn advance(&self, g: PerLeaf, state: &MomoAdamState, cx: &Context<'_>) -> (PerLeaf, MomoAdamState) {
        let count = safe_increment(&state.count);
        let dtype = state.barf.dtype();
        let missing = |b: &Number| (1.0 - b.array().pow(count.astype(DType::F32))).astype(dtype);
        let barf = moment(&cx.need_value("momo_adam").astype(dtype), &state.barf, &self.b1);
        let exp_avg = update_moment(&g, &state.exp_avg, &self.b1);
        let exp_avg_sq = update_squares(&g, &state.exp_avg_sq, &self.b2);
        let correction = missing(&self.b2);
        let divisors = exp_avg_sq.map(|v| self.eps.array() + (v / &correction).sqrt());
        let weighted = exp_avg.zip(&divisors, |m, d| m / d);
        let gamma = moment(&real_dot(&g, cx.params), &state.gamma, &self.b1);
        let (length, shrink, lb) = Step {
            rate: self.learning_rate.at(&state.count).array(),
            weight_decay: self.weight_decay.array(),
            barf: &barf,
            gamma: &gamma,
            product: real_dot(&exp_avg, cx.params),
            square: real_dot(&exp_avg, &weighted),
            correction: missing(&self.b1),
            bound: self.adapt_lower_bound.then(|| self.lower_bound.array()),
        }
        .take(&state.lb);
        let updates = weighted.zip(cx.params, |m, p| -(&shrink * p) - &length * m);
        (updates, MomoAdamState { exp_avg, exp_avg_sq, barf, gamma, lb, count })
    }
}
