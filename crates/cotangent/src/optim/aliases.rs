//! Optimizers by the names they are known by.

use crate::array::Array;
use crate::array::dtype::DType;
use crate::random::Key;

use super::accumulate::{Ema, Trace, ema, trace};
use super::adam::{
    ScaleByAdam, ScaleByAdamax, ScaleByAdan, ScaleByAmsgrad, ScaleByBelief, ScaleByRadam, ScaleByYogi, scale_by_adamax,
    scale_by_adan, scale_by_amsgrad, scale_by_belief, scale_by_radam, scale_by_yogi,
};
use super::add::{AddDecayedWeights, AddNoise, add_decayed_weights, add_noise};
use super::mask::Mask;
use super::number::{Hyper, Number};
use super::optimizer::{Context, Optimizer};
use super::options::{alias, options};
use super::per_leaf::PerLeaf;
use super::scale::{ScaleByLearningRate, ScaleBySign, scale_by_learning_rate, scale_by_sign};

/// Weight decay with an optional mask.
pub(super) fn decay(weight_decay: &Hyper, mask: &Option<Mask>) -> AddDecayedWeights {
    let mut part = add_decayed_weights(weight_decay);
    part.mask.clone_from(mask);
    part
}

macro_rules! example {
    ($make:literal) => {
        concat!(
            "```\nuse cotangent::{optim, prelude::*};\nlet (optimizer, mut x) = (optim::",
            $make,
            ", np::array([1.0, -2.0]));\nlet mut state = optimizer.init(&x);\nfor _ in 0..3 {\n",
            "    (x, state) = optimizer.apply(&x, &x, &state);\n}\nassert!(x.abs().sum().item::<f32>() < 3.0);\n```"
        )
    };
}
pub(super) use example;

alias! {
    /// Gradient descent, with momentum if it is set.
    ///
    #[doc = example!("sgd(0.1).momentum(0.9).nesterov(true)")]
    sgd Sgd(
        /// The learning rate.
        learning_rate: Hyper
    ) {
        /// Whether the momentum looks one step ahead.
        nesterov: bool = false;
    } {
        /// The decay of the sum of gradients.
        momentum: Number;
        /// The dtype of that sum, instead of that of the parameters.
        accumulator_dtype: DType;
    }
    (Option<Trace>, ScaleByLearningRate): |o| (
        o.momentum.as_ref().map(|decay| {
            let mut part = trace(decay).nesterov(o.nesterov);
            part.accumulator_dtype = o.accumulator_dtype;
            part
        }),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [Adam](https://arxiv.org/abs/1412.6980): steps along the running mean of the gradients, divided by the root of
    /// the running mean of their squares.
    ///
    #[doc = example!("adam(1e-3).b1(0.95)")]
    adam Adam(learning_rate: Hyper) {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-8;
        /// Added under the root; needed to differentiate through the optimizer.
        eps_root: Number = 0.0;
        /// Whether the mean looks one step ahead (NAdam).
        nesterov: bool = false;
    } {
        /// The dtype of the running mean of the gradients, instead of that of the parameters.
        mu_dtype: DType;
    }
    (ScaleByAdam, ScaleByLearningRate): |o| (
        ScaleByAdam {
            b1: o.b1.clone(), b2: o.b2.clone(), eps: o.eps.clone(), eps_root: o.eps_root.clone(),
            nesterov: o.nesterov, mu_dtype: o.mu_dtype,
        },
        scale_by_learning_rate(&o.learning_rate),
    )
}

/// [`adam`] whose mean looks one step ahead by Nesterov's rule
/// ([NAdam](https://openreview.net/pdf?id=OM0jvwB8jIp57ZJjtNEZ)).
///
#[doc = example!("nadam(1e-3)")]
pub fn nadam(learning_rate: impl Into<Hyper>) -> Adam {
    adam(learning_rate).nesterov(true)
}

alias! {
    /// [`adam`] with weight decay apart from the gradient ([AdamW](https://arxiv.org/abs/1711.05101)). The decay is
    /// multiplied by the learning rate.
    ///
    #[doc = example!("adamw(1e-3).weight_decay(0.01).mask(|_: &str, x: &Array| x.ndim() > 1)")]
    adamw AdamW(learning_rate: Hyper) {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-8;
        /// Added under the root; needed to differentiate through the optimizer.
        eps_root: Number = 0.0;
        /// How much the parameters decay.
        weight_decay: Hyper = 1e-4;
        /// Whether the mean looks one step ahead (NAdamW).
        nesterov: bool = false;
    } {
        /// The dtype of the running mean of the gradients, instead of that of the parameters.
        mu_dtype: DType;
        /// The parameters that decay; all by default.
        mask: Mask;
    }
    (ScaleByAdam, AddDecayedWeights, ScaleByLearningRate): |o| (
        ScaleByAdam {
            b1: o.b1.clone(), b2: o.b2.clone(), eps: o.eps.clone(), eps_root: o.eps_root.clone(),
            nesterov: o.nesterov, mu_dtype: o.mu_dtype,
        },
        decay(&o.weight_decay, &o.mask),
        scale_by_learning_rate(&o.learning_rate),
    )
}

/// [`adamw`] whose mean looks one step ahead by Nesterov's rule.
///
#[doc = example!("nadamw(1e-3)")]
pub fn nadamw(learning_rate: impl Into<Hyper>) -> AdamW {
    adamw(learning_rate).nesterov(true)
}

alias! {
    /// [AMSGrad](https://openreview.net/forum?id=ryQu7f-RZ): [`adam`] with the greatest of the running means of
    /// squares.
    ///
    #[doc = example!("amsgrad(1e-3)")]
    amsgrad Amsgrad(learning_rate: Hyper) {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-8;
        /// Added under the root.
        eps_root: Number = 0.0;
        /// Whether the running mean is corrected for beginning at zero.
        bias_correction_mu: bool = true;
        /// Whether the running mean of squares is.
        bias_correction_nu: bool = true;
    } {
        /// The dtype of the running mean of the gradients, instead of that of the parameters.
        mu_dtype: DType;
    }
    (ScaleByAmsgrad, ScaleByLearningRate): |o| (
        ScaleByAmsgrad {
            mu_dtype: o.mu_dtype,
            ..scale_by_amsgrad().b1(&o.b1).b2(&o.b2).eps(&o.eps).eps_root(&o.eps_root)
                .bias_correction_mu(o.bias_correction_mu).bias_correction_nu(o.bias_correction_nu)
        },
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [AdaMax](https://arxiv.org/abs/1412.6980): [`adam`] with a decaying maximum in place of the mean of squares.
    ///
    #[doc = example!("adamax(1e-3)")]
    adamax Adamax(learning_rate: Hyper) {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the maximum.
        b2: Number = 0.999;
        /// Added to the absolute values.
        eps: Number = 1e-8;
    }
    (ScaleByAdamax, ScaleByLearningRate): |o| (
        scale_by_adamax().b1(&o.b1).b2(&o.b2).eps(&o.eps),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [`adamax`] with weight decay apart from the gradient.
    ///
    #[doc = example!("adamaxw(1e-3)")]
    adamaxw AdamaxW(learning_rate: Hyper) {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the maximum.
        b2: Number = 0.999;
        /// Added to the absolute values.
        eps: Number = 1e-8;
        /// How much the parameters decay.
        weight_decay: Hyper = 1e-4;
    } {
        /// The parameters that decay; all by default.
        mask: Mask;
    }
    (ScaleByAdamax, AddDecayedWeights, ScaleByLearningRate): |o| (
        scale_by_adamax().b1(&o.b1).b2(&o.b2).eps(&o.eps),
        decay(&o.weight_decay, &o.mask),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [AdaBelief](https://arxiv.org/abs/2010.07468): [`adam`] with the squares of the gradient's distance from its
    /// mean.
    ///
    #[doc = example!("adabelief(1e-3)")]
    adabelief Adabelief(learning_rate: Hyper) {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-16;
        /// Added to the running mean of squares in each step.
        eps_root: Number = 1e-16;
        /// Whether the mean looks one step ahead.
        nesterov: bool = false;
    }
    (ScaleByBelief, ScaleByLearningRate): |o| (
        scale_by_belief().b1(&o.b1).b2(&o.b2).eps(&o.eps).eps_root(&o.eps_root).nesterov(o.nesterov),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [Adan](https://arxiv.org/abs/2208.06677): [`adam`] with a running mean of the changes of the gradient.
    ///
    #[doc = example!("adan(1e-3)")]
    adan Adan(learning_rate: Hyper) {
        /// The decay of the running mean of the gradients.
        b1: Number = 0.98;
        /// The decay of the running mean of their differences.
        b2: Number = 0.92;
        /// The decay of the running mean of squares.
        b3: Number = 0.99;
        /// Added to the root.
        eps: Number = 1e-8;
        /// Added under the root.
        eps_root: Number = 1e-8;
        /// How much the parameters decay.
        weight_decay: Hyper = 0.0;
    } {
        /// The parameters that decay; all by default.
        mask: Mask;
    }
    (ScaleByAdan, AddDecayedWeights, ScaleByLearningRate): |o| (
        scale_by_adan().b1(&o.b1).b2(&o.b2).b3(&o.b3).eps(&o.eps).eps_root(&o.eps_root),
        decay(&o.weight_decay, &o.mask),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [RAdam](https://arxiv.org/abs/1908.03265): [`adam`] that corrects for the variance of its first steps.
    ///
    #[doc = example!("radam(1e-3)")]
    radam Radam(learning_rate: Hyper) {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-8;
        /// Added under the root.
        eps_root: Number = 0.0;
        /// The length of the mean of squares from which on it is used.
        threshold: Number = 5.0;
        /// Whether the mean looks one step ahead.
        nesterov: bool = false;
    }
    (ScaleByRadam, ScaleByLearningRate): |o| (
        scale_by_radam().b1(&o.b1).b2(&o.b2).eps(&o.eps).eps_root(&o.eps_root).threshold(&o.threshold)
            .nesterov(o.nesterov),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [Yogi](https://proceedings.neurips.cc/paper/2018/hash/90365351ccc7437a1309dc64e4db32a3-Abstract.html): [`adam`]
    /// with a mean of squares that changes slowly.
    ///
    #[doc = example!("yogi(1e-3)")]
    yogi Yogi(learning_rate: Hyper) {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-3;
    }
    (ScaleByYogi, ScaleByLearningRate): |o| (
        scale_by_yogi().b1(&o.b1).b2(&o.b2).eps(&o.eps),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// Steps by the sign of the gradient.
    ///
    #[doc = example!("sign_sgd(0.1)")]
    sign_sgd SignSgd(learning_rate: Hyper) {}
    (ScaleBySign, ScaleByLearningRate): |o| (scale_by_sign(), scale_by_learning_rate(&o.learning_rate))
}

alias! {
    /// Steps by the sign of the running mean of the gradients ([Signum](https://arxiv.org/abs/1802.04434)).
    ///
    #[doc = example!("signum(0.1)")]
    signum Signum(learning_rate: Hyper) {
        /// The decay of the running mean.
        beta: Number = 0.9;
    } {
        /// The dtype of the running mean, instead of that of the parameters.
        accumulator_dtype: DType;
    }
    (Ema, ScaleBySign, ScaleByLearningRate): |o| (
        Ema { accumulator_dtype: o.accumulator_dtype, ..ema(&o.beta).debias(false) },
        scale_by_sign(),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// Gradient descent with noise whose variance is `eta`/t^`gamma` in step t.
    ///
    #[doc = example!("noisy_sgd(0.1, random::key(0))")]
    noisy_sgd NoisySgd(learning_rate: Hyper, key: Key) {
        /// The variance in the first step.
        eta: Number = 0.01;
        /// The power of the number of steps that the variance decays with.
        gamma: Number = 0.55;
    }
    (AddNoise, ScaleByLearningRate): |o| (
        add_noise(&o.eta, &o.gamma, o.key.clone()),
        scale_by_learning_rate(&o.learning_rate),
    )
}
