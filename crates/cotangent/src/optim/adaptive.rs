//! More optimizers of `optax.contrib` that find their learning rates.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::numpy as np;

use super::add::AddDecayedWeights;
use super::aliases::{decay, example};
use super::linesearch::real_dot;
use super::mask::Mask;
use super::moments::{moment, safe_increment, squared_norm, total, zero, zeros_like};
use super::number::{Hyper, Number};
use super::optimizer::{Context, Optimizer};
use super::options::{alias, options};
use super::per_leaf::PerLeaf;
use super::scale::{ScaleByLearningRate, scale_by_learning_rate};
use super::wrap::narrowest;

/// The state of [`scale_by_dowg`].
#[derive(Clone, Debug, Tree)]
pub struct DowgState {
    /// The parameters before the first step.
    pub init_params: PerLeaf,
    /// The weighted sum of the squared norms of the gradients.
    pub weighted_sq_norm_grads: Array,
    /// The greatest squared distance from the initial parameters so far.
    pub estim_sq_dist: Array,
}

options! {
    /// As [`scale_by_dog`](super::scale_by_dog), with gradients weighted by the distance
    /// ([DoWG](https://arxiv.org/abs/2305.16284)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let state = optim::scale_by_dowg().init(&np::ones(2));
    /// assert!((state.estim_sq_dist.item::<f32>() - 1e-4).abs() < 1e-9);
    /// ```
    scale_by_dowg ScaleByDowg() {
        /// Added to the root.
        eps: Number = 1e-4;
    } {
        /// The first squared distance; `eps` by default.
        init_estim_sq_dist: Number;
    }
}

impl Optimizer for ScaleByDowg {
    type State = DowgState;

    fn start(&self, params: &PerLeaf) -> DowgState {
        let dtype = narrowest(params);
        let first = self.init_estim_sq_dist.as_ref().unwrap_or(&self.eps);
        DowgState {
            init_params: params.clone(),
            weighted_sq_norm_grads: np::zeros_as((), dtype),
            estim_sq_dist: np::full_as((), first.array(), dtype),
        }
    }

    fn advance(&self, g: PerLeaf, state: &DowgState, cx: &Context<'_>) -> (PerLeaf, DowgState) {
        let distance = squared_norm(&state.init_params.zip(cx.params, |a, b| a - b));
        let estim_sq_dist = state.estim_sq_dist.maximum(distance);
        let weighted_sq_norm_grads = &estim_sq_dist * squared_norm(&g) + &state.weighted_sq_norm_grads;
        let rate = &estim_sq_dist / (weighted_sq_norm_grads.sqrt() + self.eps.array());
        let init_params = state.init_params.clone();
        (g.map(|g| &rate * g), DowgState { init_params, weighted_sq_norm_grads, estim_sq_dist })
    }
}

alias! {
    /// [DoWG](https://arxiv.org/abs/2305.16284): gradient descent that finds its learning rate by itself.
    ///
    #[doc = example!("dowg()")]
    dowg Dowg() {
        /// A factor of the step.
        learning_rate: Hyper = 1.0;
        /// Added to the root.
        eps: Number = 1e-4;
        /// How much the parameters decay.
        weight_decay: Hyper = 0.0;
    } {
        /// The first squared distance; `eps` by default.
        init_estim_sq_dist: Number;
        /// The parameters that decay; all by default.
        mask: Mask;
    }
    (AddDecayedWeights, ScaleByDowg, ScaleByLearningRate): |o| (
        decay(&o.weight_decay, &o.mask),
        ScaleByDowg { eps: o.eps.clone(), init_estim_sq_dist: o.init_estim_sq_dist.clone() },
        scale_by_learning_rate(&o.learning_rate),
    )
}

/// The state of [`dadapt_adamw`].
#[derive(Clone, Debug, Tree)]
pub struct DadaptAdamwState {
    /// The running means of the scaled gradients.
    pub exp_avg: PerLeaf,
    /// The running means of squares.
    pub exp_avg_sq: PerLeaf,
    /// The decaying sums of the scaled gradients.
    pub grad_sum: PerLeaf,
    /// The estimate of the learning rate.
    pub estim_lr: Array,
    /// The numerator of that estimate.
    pub numerator_weighted: Array,
    /// The number of steps.
    pub count: Array,
}

options! {
    /// [D-Adaptation](https://arxiv.org/abs/2301.07733) for AdamW, which finds its learning rate by itself.
    ///
    #[doc = example!("dadapt_adamw()")]
    dadapt_adamw DadaptAdamw() {
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
        /// How much the parameters decay.
        weight_decay: Number = 0.0;
    }
}

impl Optimizer for DadaptAdamw {
    type State = DadaptAdamwState;

    fn start(&self, params: &PerLeaf) -> Self::State {
        let (zeros, dtype) = (|| zeros_like(params), narrowest(params));
        DadaptAdamwState {
            exp_avg: zeros(),
            exp_avg_sq: zeros(),
            grad_sum: zeros(),
            estim_lr: np::full_as((), self.estim_lr0.array(), dtype),
            numerator_weighted: np::zeros_as((), dtype),
            count: zero(),
        }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let count = safe_increment(&state.count);
        let power = |b: &Number| 1.0 - b.array().pow(count.astype(DType::F32));
        let root = self.b2.then(f64::sqrt, Array::sqrt);
        let rate = self.learning_rate.at(&state.count).array();
        let step = &state.estim_lr * rate * power(&self.b2).sqrt() / power(&self.b1);
        let step = step.astype(state.numerator_weighted.dtype());
        let eps = self.eps.array();
        let weighted = state.grad_sum.zip(&state.exp_avg_sq, |s, v| s / (v.sqrt() + &eps));
        let product = real_dot(&g, &weighted);
        let scaled = g.map(|g| &step * g);
        let exp_avg = scaled.zip(&state.exp_avg, |g, m| moment(g, m, &self.b1));
        let exp_avg_sq = g.zip(&state.exp_avg_sq, |g, v| moment(&g.square(), v, &self.b2));
        let grad_sum = scaled.zip(&state.grad_sum, |g, s| moment(g, s, &root));
        let numerator = moment(&(&step * product), &state.numerator_weighted, &root);
        let size = total(&grad_sum.map(|s| s.abs().sum()));
        let estim_lr = state.estim_lr.maximum(&numerator / (root.complement() * size));
        let updates = exp_avg
            .zip3(&exp_avg_sq, cx.params, |m, v, p| -(self.weight_decay.array() * &step * p) - m / (v.sqrt() + &eps));
        (updates, DadaptAdamwState { exp_avg, exp_avg_sq, grad_sum, estim_lr, numerator_weighted: numerator, count })
    }
}

/// The state of [`scale_by_cocob`].
#[derive(Clone, Debug, Tree)]
pub struct CocobState {
    /// The parameters before the first step.
    pub init_particles: PerLeaf,
    /// The negative sums of the gradients.
    pub cumulative_gradients: PerLeaf,
    /// The greatest absolute values of the gradients.
    pub scale: PerLeaf,
    /// The sums of the absolute values of the gradients.
    pub subgradients: PerLeaf,
    /// The rewards of the bets.
    pub reward: PerLeaf,
}

options! {
    /// Steps to the outcome of a bet on each element ([COCOB](https://arxiv.org/abs/1705.07795)).
    ///
    #[doc = example!("scale_by_cocob()")]
    scale_by_cocob ScaleByCocob() {
        /// The least number of steps over which a bet is spread.
        alpha: Number = 100.0;
        /// The first greatest absolute value.
        eps: Number = 1e-8;
    }
}

impl Optimizer for ScaleByCocob {
    type State = CocobState;

    fn start(&self, params: &PerLeaf) -> CocobState {
        let zeros = || zeros_like(params);
        CocobState {
            init_particles: params.clone(),
            cumulative_gradients: zeros(),
            scale: super::moments::full_like(params, &self.eps),
            subgradients: zeros(),
            reward: zeros(),
        }
    }

    fn advance(&self, g: PerLeaf, state: &CocobState, cx: &Context<'_>) -> (PerLeaf, CocobState) {
        let scale = state.scale.zip(&g, |l, g| l.maximum(g.abs()));
        let subgradients = state.subgradients.zip(&g, |sum, g| sum + g.abs());
        let way = cx.params.zip(&state.init_particles, |p, p0| p - p0);
        let reward = state.reward.zip3(&g, &way, |r, g, way| (r - g * way).maximum(0.0));
        let cumulative_gradients = state.cumulative_gradients.zip(&g, |sum, g| sum - g);
        let bets =
            scale.zip3(&subgradients, &reward, |l, sum, r| (l + r) / (l * (sum + l).maximum(self.alpha.array() * l)));
        let goal = cumulative_gradients.zip3(&bets, &state.init_particles, |c, bet, p0| p0 + c * bet);
        let updates = goal.zip(cx.params, |goal, p| goal - p);
        let init_particles = state.init_particles.clone();
        (updates, CocobState { init_particles, cumulative_gradients, scale, subgradients, reward })
    }
}

alias! {
    /// [COCOB](https://arxiv.org/abs/1705.07795): a bet on each element, without a learning rate.
    ///
    #[doc = example!("cocob()")]
    cocob Cocob() {
        /// A factor of the gradients.
        learning_rate: Hyper = 1.0;
        /// The least number of steps over which a bet is spread.
        alpha: Number = 100.0;
        /// The first greatest absolute value.
        eps: Number = 1e-8;
        /// How much the parameters decay.
        weight_decay: Hyper = 0.0;
    } {
        /// The parameters that decay; all by default.
        mask: Mask;
    }
    (AddDecayedWeights, ScaleByLearningRate, ScaleByCocob): |o| (
        decay(&o.weight_decay, &o.mask),
        scale_by_learning_rate(&o.learning_rate).flip_sign(false),
        scale_by_cocob().alpha(&o.alpha).eps(&o.eps),
    )
}
