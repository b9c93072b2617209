//! More optimizers of `optax.contrib`: variants of Adam, and dual averaging.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::numpy::{self as np, where_};

use super::adam::ScaleByAdamState;
use super::add::AddDecayedWeights;
use super::aliases::{decay, example};
use super::mask::Mask;
use super::moments::{
    abs_sq, bias_correction, moment, safe_increment, update_moment, update_squares, zero, zeros_in, zeros_like,
    zeros_real,
};
use super::number::{Hyper, Number};
use super::optimizer::{Context, Optimizer};
use super::options::{alias, options};
use super::per_leaf::PerLeaf;
use super::scale::{ScaleByLearningRate, scale_by_learning_rate};

options! {
    /// As [`scale_by_adam`](super::scale_by_adam), with gradients scaled by the squares of the steps before, so that it
    /// converges for any `b2` ([ADOPT](https://arxiv.org/abs/2411.02853)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_adopt(), np::ones(2));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [0.0, 0.0]);
    /// ```
    scale_by_adopt ScaleByAdopt() {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.9999;
        /// The least root.
        eps: Number = 1e-6;
        /// Whether the mean looks one step ahead.
        nesterov: bool = false;
        /// Whether scaled gradients are clipped to t^¼ in step t.
        use_clipping: bool = true;
    } {
        /// The dtype of the running mean of the gradients, instead of that of the parameters.
        mu_dtype: DType;
    }
}

impl Optimizer for ScaleByAdopt {
    type State = ScaleByAdamState;

    fn start(&self, params: &PerLeaf) -> ScaleByAdamState {
        ScaleByAdamState { count: zero(), mu: zeros_in(params, self.mu_dtype), nu: zeros_real(params) }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByAdamState, _: &Context<'_>) -> (PerLeaf, ScaleByAdamState) {
        let begun = state.count.greater(0);
        let most = state.count.astype(DType::F32).pow(0.25);
        let scaled = g.zip(&state.nu, |g, n| {
            let x = g / n.sqrt().maximum(self.eps.array());
            let most = most.astype(x.dtype());
            if self.use_clipping { np::clip(x, -&most, most) } else { x }
        });
        // In the first step, the mean of squares begins and the mean stays zero.
        let mean = |m: &PerLeaf| scaled.zip(m, |x, m| where_(&begun, moment(x, m, &self.b1), m));
        let nu = g.zip(&state.nu, |g, n| where_(&begun, moment(&abs_sq(g), n, &self.b2), abs_sq(g)));
        let mu = mean(&state.mu);
        let updates = if self.nesterov { mean(&mu) } else { mu.clone() };
        (updates, ScaleByAdamState { count: safe_increment(&state.count), mu, nu })
    }
}

alias! {
    /// [ADOPT](https://arxiv.org/abs/2411.02853): [`adam`](super::adam()) that converges for any `b2`.
    ///
    #[doc = example!("adopt(0.1)")]
    adopt Adopt(learning_rate: Hyper) {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.9999;
        /// The least root.
        eps: Number = 1e-6;
        /// Whether the mean looks one step ahead.
        nesterov: bool = false;
        /// Whether scaled gradients are clipped to t^¼ in step t.
        use_clipping: bool = true;
    } {
        /// The dtype of the running mean of the gradients, instead of that of the parameters.
        mu_dtype: DType;
    }
    (ScaleByAdopt, ScaleByLearningRate): |o| (
        ScaleByAdopt {
            b1: o.b1.clone(), b2: o.b2.clone(), eps: o.eps.clone(),
            nesterov: o.nesterov, use_clipping: o.use_clipping, mu_dtype: o.mu_dtype,
        },
        scale_by_learning_rate(&o.learning_rate),
    )
}

options! {
    /// Divides gradients by the root of the running mean of squared errors of the steps before
    /// ([ACProp](https://arxiv.org/abs/2110.05454)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_acprop(), np::ones(2));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [1.0, 1.0]);
    /// ```
    scale_by_acprop ScaleByAcprop() {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-16;
        /// Added to the running mean of squares in each step.
        eps_root: Number = 1e-16;
    }
}

impl Optimizer for ScaleByAcprop {
    type State = ScaleByAdamState;

    fn start(&self, params: &PerLeaf) -> ScaleByAdamState {
        ScaleByAdamState { count: zero(), mu: zeros_like(params), nu: zeros_real(params) }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByAdamState, _: &Context<'_>) -> (PerLeaf, ScaleByAdamState) {
        let (first, count) = (state.count.equal(0), safe_increment(&state.count));
        let mu = update_moment(&g, &state.mu, &self.b1);
        let nu = g.zip3(&state.mu, &state.nu, |g, m, n| moment(&abs_sq(&(g - m)), n, &self.b2) + self.eps_root.array());
        let square = bias_correction(&state.nu, &self.b2, &where_(&first, &count, &state.count));
        let updates = g.zip(&square, |g, n| g / (where_(&first, 1.0, n).sqrt() + self.eps.array()));
        (updates, ScaleByAdamState { count, mu, nu })
    }
}

alias! {
    /// [ACProp](https://arxiv.org/abs/2110.05454): divides the gradient by its running deviation before it.
    ///
    #[doc = example!("acprop(0.1)")]
    acprop Acprop(learning_rate: Hyper) {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-16;
        /// Added to the running mean of squares in each step.
        eps_root: Number = 1e-16;
        /// How much the parameters decay.
        weight_decay: Hyper = 0.0;
    } {
        /// The parameters that decay; all by default.
        mask: Mask;
    }
    (ScaleByAcprop, AddDecayedWeights, ScaleByLearningRate): |o| (
        scale_by_acprop().b1(&o.b1).b2(&o.b2).eps(&o.eps).eps_root(&o.eps_root),
        decay(&o.weight_decay, &o.mask),
        scale_by_learning_rate(&o.learning_rate),
    )
}

/// The state of [`scale_by_ademamix`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByAdemamixState {
    /// The number of steps.
    pub count: Array,
    /// The fast running means of the gradients.
    pub m1: PerLeaf,
    /// The slow ones.
    pub m2: PerLeaf,
    /// The running means of squares.
    pub nu: PerLeaf,
}

options! {
    /// As [`scale_by_adam`](super::scale_by_adam), with a second, slow running mean
    /// ([AdEMAMix](https://arxiv.org/abs/2409.03137)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_ademamix(), np::ones(2));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert!((updates - 1.0006).abs().max().item::<f32>() < 1e-4);
    /// ```
    scale_by_ademamix ScaleByAdemamix() {
        /// The decay of the fast mean.
        b1: Number = 0.9;
        /// The decay of the mean of squares.
        b2: Number = 0.999;
        /// The decay of the slow mean.
        b3: Hyper = 0.9999;
        /// The factor of the slow mean.
        alpha: Hyper = 6.0;
        /// Added to the root.
        eps: Number = 1e-8;
        /// Added under the root.
        eps_root: Number = 0.0;
    } {
        /// The dtype of the means of the gradients, instead of that of the parameters.
        mu_dtype: DType;
    }
}

impl Optimizer for ScaleByAdemamix {
    type State = ScaleByAdemamixState;

    fn start(&self, params: &PerLeaf) -> Self::State {
        let zeros = || zeros_in(params, self.mu_dtype);
        ScaleByAdemamixState { count: zero(), m1: zeros(), m2: zeros(), nu: zeros_real(params) }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, _: &Context<'_>) -> (PerLeaf, Self::State) {
        let count = safe_increment(&state.count);
        let (b3, alpha) = (self.b3.at(&state.count), self.alpha.at(&state.count).array());
        let m1 = update_moment(&g, &state.m1, &self.b1);
        let m2 = update_moment(&g, &state.m2, &b3);
        let nu = update_squares(&g, &state.nu, &self.b2);
        let mean = bias_correction(&m1, &self.b1, &count);
        let updates = mean.zip3(&m2, &bias_correction(&nu, &self.b2, &count), |fast, slow, n| {
            (fast + &alpha * slow) / ((n + self.eps_root.array()).sqrt() + self.eps.array())
        });
        (updates, ScaleByAdemamixState { count, m1, m2, nu })
    }
}

alias! {
    /// [AdEMAMix](https://arxiv.org/abs/2409.03137): [`adamw`](super::adamw) with a second, slow running mean.
    ///
    #[doc = example!("ademamix(0.1)")]
    ademamix Ademamix(learning_rate: Hyper) {
        /// The decay of the fast mean.
        b1: Number = 0.9;
        /// The decay of the mean of squares.
        b2: Number = 0.999;
        /// The decay of the slow mean.
        b3: Hyper = 0.9999;
        /// The factor of the slow mean.
        alpha: Hyper = 5.0;
        /// Added to the root.
        eps: Number = 1e-8;
        /// Added under the root.
        eps_root: Number = 0.0;
        /// How much the parameters decay.
        weight_decay: Hyper = 0.0;
    } {
        /// The dtype of the means of the gradients, instead of that of the parameters.
        mu_dtype: DType;
        /// The parameters that decay; all by default.
        mask: Mask;
    }
    (ScaleByAdemamix, AddDecayedWeights, ScaleByLearningRate): |o| (
        ScaleByAdemamix {
            mu_dtype: o.mu_dtype,
            ..scale_by_ademamix().b1(&o.b1).b2(&o.b2).b3(&o.b3).alpha(&o.alpha).eps(&o.eps).eps_root(&o.eps_root)
        },
        decay(&o.weight_decay, &o.mask),
        scale_by_learning_rate(&o.learning_rate),
    )
}

/// The state of [`scale_by_simplified_ademamix`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleBySimplifiedAdemamixState {
    /// The number of steps.
    pub count: Array,
    /// The decaying sums of the gradients.
    pub m: PerLeaf,
    /// The running means of squares.
    pub n: PerLeaf,
}

options! {
    /// Divides a decaying sum of the gradients plus `alpha` times the gradient by the root of the running mean of
    /// squares
    /// ([simplified AdEMAMix](https://arxiv.org/abs/2502.02431)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_simplified_ademamix(), np::ones(2));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert!((updates - 1.0).abs().max().item::<f32>() < 1e-4);
    /// ```
    scale_by_simplified_ademamix ScaleBySimplifiedAdemamix() {
        /// The decay of the sum.
        b1: Number = 0.99;
        /// The decay of the mean of squares.
        b2: Number = 0.95;
        /// The factor of the gradient.
        alpha: Hyper = 0.0;
        /// Added to the root.
        eps: Number = 1e-8;
        /// Added under the root.
        eps_root: Number = 0.0;
    }
}

impl Optimizer for ScaleBySimplifiedAdemamix {
    type State = ScaleBySimplifiedAdemamixState;

    fn start(&self, params: &PerLeaf) -> Self::State {
        ScaleBySimplifiedAdemamixState { count: zero(), m: zeros_like(params), n: zeros_like(params) }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, _: &Context<'_>) -> (PerLeaf, Self::State) {
        let (count, alpha) = (safe_increment(&state.count), self.alpha.at(&state.count).array());
        let m = g.zip(&state.m, |g, m| g + self.b1.array() * m);
        let n = update_moment(&g.map(Array::square), &state.n, &self.b2);
        let updates = g.zip3(&m, &bias_correction(&n, &self.b2, &count), |g, m, n| {
            (m + &alpha * g) / ((n + self.eps_root.array()).sqrt() + self.eps.array())
        });
        (updates, ScaleBySimplifiedAdemamixState { count, m, n })
    }
}

alias! {
    /// [Simplified AdEMAMix](https://arxiv.org/abs/2502.02431): one slow sum of gradients, and the gradient itself.
    ///
    #[doc = example!("simplified_ademamix(0.1)")]
    simplified_ademamix SimplifiedAdemamix(learning_rate: Hyper) {
        /// The decay of the sum.
        b1: Number = 0.99;
        /// The decay of the mean of squares.
        b2: Number = 0.95;
        /// The factor of the gradient.
        alpha: Hyper = 0.0;
        /// Added to the root.
        eps: Number = 1e-8;
        /// Added under the root.
        eps_root: Number = 0.0;
        /// How much the parameters decay.
        weight_decay: Hyper = 0.0;
    } {
        /// The parameters that decay; all by default.
        mask: Mask;
    }
    (ScaleBySimplifiedAdemamix, AddDecayedWeights, ScaleByLearningRate): |o| (
        scale_by_simplified_ademamix().b1(&o.b1).b2(&o.b2).alpha(&o.alpha).eps(&o.eps).eps_root(&o.eps_root),
        decay(&o.weight_decay, &o.mask),
        scale_by_learning_rate(&o.learning_rate),
    )
}

/// The state of [`scale_by_madgrad`].
#[derive(Clone, Debug, Tree)]
pub struct MadgradState {
    /// The number of steps.
    pub count: Array,
    /// The weighted sums of squares.
    pub grad_sum_sq: PerLeaf,
    /// The weighted sums of gradients.
    pub s: PerLeaf,
    /// The parameters before the first step.
    pub x0: PerLeaf,
}

options! {
    /// Steps to the initial parameters minus the weighted sum of all gradients over the cube root of that of their
    /// squares
    /// ([MADGRAD](https://arxiv.org/abs/2101.11075)).
    ///
    #[doc = example!("scale_by_madgrad(0.1)")]
    scale_by_madgrad ScaleByMadgrad(learning_rate: Hyper) {
        /// The part of a step that is not made.
        momentum: Number = 0.9;
        /// Added to the learning rate and to the root.
        eps: Number = 1e-6;
    }
}

impl Optimizer for ScaleByMadgrad {
    type State = MadgradState;

    fn start(&self, params: &PerLeaf) -> MadgradState {
        let zeros = || zeros_like(params);
        MadgradState { count: zero(), grad_sum_sq: zeros(), s: zeros(), x0: params.clone() }
    }

    fn advance(&self, g: PerLeaf, state: &MadgradState, cx: &Context<'_>) -> (PerLeaf, MadgradState) {
        let rate = self.learning_rate.at(&state.count).array() + self.eps.array();
        let weight = rate * (&state.count + 1).astype(DType::F32).sqrt();
        let grad_sum_sq = state.grad_sum_sq.zip(&g, |sum, g| sum + (&weight * g.square()).astype(g.dtype()));
        let s = state.s.zip(&g, |sum, g| sum + (&weight * g).astype(g.dtype()));
        let way = s.zip(&grad_sum_sq, |s, square| s / (square.cbrt() + self.eps.array()));
        let updates = cx.params.zip3(&state.x0, &way, |x, x0, way| {
            self.momentum.complement() * (x0 - way) + self.momentum.array() * x - x
        });
        let next = MadgradState { count: safe_increment(&state.count), grad_sum_sq, s, x0: state.x0.clone() };
        (updates, next)
    }
}

alias! {
    /// [MADGRAD](https://arxiv.org/abs/2101.11075): dual averaging with momentum.
    ///
    #[doc = example!("madgrad(0.1)")]
    madgrad Madgrad(learning_rate: Hyper) {
        /// The part of a step that is not made.
        momentum: Number = 0.9;
        /// How much the parameters decay.
        weight_decay: Hyper = 0.0;
        /// Added to the learning rate and to the root.
        eps: Number = 1e-6;
    }
    (AddDecayedWeights, ScaleByMadgrad): |o| (
        decay(&o.weight_decay, &None),
        scale_by_madgrad(&o.learning_rate).momentum(&o.momentum).eps(&o.eps),
    )
}
