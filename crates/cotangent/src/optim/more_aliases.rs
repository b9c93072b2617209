//! More optimizers by the names they are known by.

use crate::array::Array;
use crate::array::dtype::DType;

use super::accumulate::{Ema, Trace, ema, trace};
use super::adam::{ScaleByAdam, scale_by_adam};
use super::add::{AddDecayedWeights, add_decayed_weights};
use super::aliases::{Sgd, decay, example, sgd};
use super::clip::{ClipByBlockRms, clip_by_block_rms};
use super::factored::{ScaleByFactoredRms, scale_by_factored_rms};
use super::lion::{ScaleByLion, scale_by_lion};
use super::mask::{Mask, Masked, masked};
use super::number::{Hyper, Number};
use super::optimizer::{Context, Optimizer};
use super::options::{alias, options};
use super::per_leaf::PerLeaf;
use super::rms::{
    ScaleByAdadelta, ScaleByNovograd, ScaleByOptimisticGradient, ScaleByRms, ScaleByRprop, ScaleByRss, ScaleBySm3,
    ScaleByStddev, scale_by_adadelta, scale_by_novograd, scale_by_optimistic_gradient, scale_by_rms, scale_by_rprop,
    scale_by_rss, scale_by_sm3, scale_by_stddev,
};
use super::scale::{
    Scale, ScaleByLearningRate, ScaleByParamBlockRms, ScaleByPolyak, ScaleByTrustRatio, scale, scale_by_learning_rate,
    scale_by_param_block_rms, scale_by_polyak, scale_by_trust_ratio,
};

alias! {
    /// [AdaGrad](https://jmlr.org/papers/v12/duchi11a.html): divides the gradient by the root of the sum of all
    /// squares.
    ///
    #[doc = example!("adagrad(0.1)")]
    adagrad Adagrad(learning_rate: Hyper) {
        /// What the sums begin with.
        initial_accumulator_value: Number = 0.1;
        /// Added under the root.
        eps: Number = 1e-7;
    }
    (ScaleByRss, ScaleByLearningRate): |o| (
        scale_by_rss().initial_accumulator_value(&o.initial_accumulator_value).eps(&o.eps),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [Adadelta](https://arxiv.org/abs/1212.5701): scales steps so that they have the units of the parameters.
    ///
    #[doc = example!("adadelta(1.0)")]
    adadelta Adadelta(learning_rate: Hyper) {
        /// The decay of the running means.
        rho: Number = 0.9;
        /// Added under the roots.
        eps: Number = 1e-6;
        /// How much the parameters decay.
        weight_decay: Hyper = 0.0;
    } {
        /// The parameters that decay; all by default.
        weight_decay_mask: Mask;
    }
    (AddDecayedWeights, ScaleByAdadelta, ScaleByLearningRate): |o| (
        decay(&o.weight_decay, &o.weight_decay_mask),
        scale_by_adadelta().rho(&o.rho).eps(&o.eps),
        scale_by_learning_rate(&o.learning_rate),
    )
}

type AdafactorParts = (
    ScaleByFactoredRms,
    ClipByBlockRms,
    Option<ScaleByLearningRate>,
    Option<ScaleByParamBlockRms>,
    Option<Ema>,
    Option<AddDecayedWeights>,
    Scale,
);

alias! {
    /// [Adafactor](https://arxiv.org/abs/1804.04235): for large matrices, it keeps a number for each row and column.
    ///
    #[doc = example!("adafactor().learning_rate(0.1)")]
    adafactor Adafactor() {
        /// The least size of both axes for which a parameter is factored.
        min_dim_size_to_factor: usize = 128usize;
        /// The power with which the decay of the running means approaches 1.
        decay_rate: Number = 0.8;
        /// The step from which the decay is counted.
        decay_offset: Number = 0.0;
        /// Whether steps are multiplied by the root mean square of the parameter.
        multiply_by_parameter_scale: bool = true;
        /// The greatest root mean square of an update; infinity for no bound.
        clipping_threshold: Number = 1.0;
        /// The dtype of the momentum.
        dtype_momentum: DType = DType::F32;
        /// Added to the squares.
        eps: Number = 1e-30;
        /// Whether parameters are factored at all.
        factored: bool = true;
    } {
        /// The learning rate; without it, 1.
        learning_rate: Hyper;
        /// The decay of the running mean of the updates.
        momentum: Number;
        /// How much the parameters decay.
        weight_decay_rate: Hyper;
        /// The parameters that decay; all by default.
        weight_decay_mask: Mask;
    }
    AdafactorParts: |o| (
        scale_by_factored_rms().factored(o.factored).decay_rate(&o.decay_rate).step_offset(&o.decay_offset)
            .min_dim_size_to_factor(o.min_dim_size_to_factor).epsilon(&o.eps),
        clip_by_block_rms(&o.clipping_threshold),
        o.learning_rate.as_ref().map(|rate| scale_by_learning_rate(rate).flip_sign(false)),
        o.multiply_by_parameter_scale.then(scale_by_param_block_rms),
        o.momentum.as_ref().map(|m| ema(m).debias(false).accumulator_dtype(o.dtype_momentum)),
        o.weight_decay_rate.as_ref().map(|rate| decay(rate, &o.weight_decay_mask)),
        scale(-1.0),
    )
}

alias! {
    /// [LAMB](https://arxiv.org/abs/1904.00962): [`adamw`](super::adamw), with steps in proportion to the parameters.
    ///
    #[doc = example!("lamb(0.1)")]
    lamb Lamb(learning_rate: Hyper) {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-6;
        /// Added under the root.
        eps_root: Number = 0.0;
        /// How much the parameters decay.
        weight_decay: Hyper = 0.0;
    } {
        /// The parameters that decay; all by default.
        mask: Mask;
    }
    (ScaleByAdam, AddDecayedWeights, ScaleByTrustRatio, ScaleByLearningRate): |o| (
        scale_by_adam().b1(&o.b1).b2(&o.b2).eps(&o.eps).eps_root(&o.eps_root),
        decay(&o.weight_decay, &o.mask),
        scale_by_trust_ratio(),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [LARS](https://arxiv.org/abs/1708.03888): momentum, with steps in proportion to the parameters.
    ///
    #[doc = example!("lars(1.0)")]
    lars Lars(learning_rate: Hyper) {
        /// How much the parameters decay.
        weight_decay: Hyper = 0.0;
        /// The parameters that decay.
        weight_decay_mask: Mask = true;
        /// The factor of the ratio of norms.
        trust_coefficient: Number = 0.001;
        /// Added to the norm of the gradient.
        eps: Number = 0.0;
        /// The parameters that the steps are in proportion to.
        trust_ratio_mask: Mask = true;
        /// The decay of the sum of updates.
        momentum: Number = 0.9;
        /// Whether the momentum looks one step ahead.
        nesterov: bool = false;
    }
    (AddDecayedWeights, Masked<ScaleByTrustRatio>, ScaleByLearningRate, Trace): |o| (
        add_decayed_weights(&o.weight_decay).mask(o.weight_decay_mask.clone()),
        masked(
            scale_by_trust_ratio().trust_coefficient(&o.trust_coefficient).eps(&o.eps),
            o.trust_ratio_mask.clone(),
        ),
        scale_by_learning_rate(&o.learning_rate),
        trace(&o.momentum).nesterov(o.nesterov),
    )
}

alias! {
    /// [Lion](https://arxiv.org/abs/2302.06675): steps by the sign of a running mean of the gradients.
    ///
    #[doc = example!("lion(1e-3)")]
    lion Lion(learning_rate: Hyper) {
        /// The weight of the running mean in the step.
        b1: Number = 0.9;
        /// The decay of the running mean.
        b2: Number = 0.99;
        /// How much the parameters decay.
        weight_decay: Hyper = 1e-3;
    } {
        /// The dtype of the running mean, instead of that of the parameters.
        mu_dtype: DType;
        /// The parameters that decay; all by default.
        mask: Mask;
    }
    (ScaleByLion, AddDecayedWeights, ScaleByLearningRate): |o| (
        ScaleByLion { mu_dtype: o.mu_dtype, ..scale_by_lion().b1(&o.b1).b2(&o.b2) },
        decay(&o.weight_decay, &o.mask),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [NovoGrad](https://arxiv.org/abs/1905.11286): divides the gradient of each parameter by its running norm.
    ///
    #[doc = example!("novograd(0.1)")]
    novograd Novograd(learning_rate: Hyper) {
        /// The decay of the running mean of the gradients.
        b1: Number = 0.9;
        /// The decay of the running mean of squared norms.
        b2: Number = 0.25;
        /// Added to the root.
        eps: Number = 1e-6;
        /// Added under the root.
        eps_root: Number = 0.0;
        /// How much the parameters decay.
        weight_decay: Number = 0.0;
    }
    (ScaleByNovograd, ScaleByLearningRate): |o| (
        scale_by_novograd().b1(&o.b1).b2(&o.b2).eps(&o.eps).eps_root(&o.eps_root).weight_decay(&o.weight_decay),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [Fromage](https://arxiv.org/abs/2002.03432): steps in proportion to the parameters, which keep their size.
    ///
    #[doc = example!("fromage(0.1)")]
    fromage Fromage(learning_rate: Hyper) {
        /// The least norm of parameters and gradients.
        min_norm: Number = 1e-6;
    }
    (ScaleByTrustRatio, ScaleByLearningRate, AddDecayedWeights): |o| (
        scale_by_trust_ratio().min_norm(&o.min_norm),
        scale_by_learning_rate(o.learning_rate.then(|x| x / (1.0 + x * x).sqrt(), |x| x / (1.0 + x.square()).sqrt())),
        add_decayed_weights(
            o.learning_rate.then(|x| 1.0 / (1.0 + x * x).sqrt() - 1.0, |x| 1.0 / (1.0 + x.square()).sqrt() - 1.0),
        ),
    )
}

alias! {
    /// Gradient descent that adds the change of the gradient ([Mokhtari et al.](https://arxiv.org/abs/1901.08511)), for
    /// games.
    ///
    #[doc = example!("optimistic_gradient_descent(0.1)")]
    optimistic_gradient_descent OptimisticGradientDescent(learning_rate: Hyper) {
        /// The factor of the gradient.
        alpha: Number = 1.0;
        /// The factor of its change.
        beta: Number = 1.0;
    }
    (ScaleByOptimisticGradient, ScaleByLearningRate): |o| (
        scale_by_optimistic_gradient().alpha(&o.alpha).beta(&o.beta),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [Optimistic Adam](https://arxiv.org/abs/1711.00141): adds the change of Adam's update, for games.
    ///
    #[doc = example!("optimistic_adam_v2(0.1)")]
    optimistic_adam_v2 OptimisticAdamV2(learning_rate: Hyper) {
        /// The factor of the update.
        alpha: Number = 1.0;
        /// The factor of its change.
        beta: Number = 1.0;
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-8;
        /// Added under the root.
        eps_root: Number = 0.0;
        /// Whether the mean looks one step ahead.
        nesterov: bool = true;
    } {
        /// The dtype of the running mean of the gradients, instead of that of the parameters.
        mu_dtype: DType;
    }
    (ScaleByAdam, ScaleByOptimisticGradient, ScaleByLearningRate): |o| (
        ScaleByAdam {
            mu_dtype: o.mu_dtype,
            ..scale_by_adam().b1(&o.b1).b2(&o.b2).eps(&o.eps).eps_root(&o.eps_root).nesterov(o.nesterov)
        },
        scale_by_optimistic_gradient().alpha(&o.alpha).beta(&o.beta),
        scale_by_learning_rate(&o.learning_rate),
    )
}

alias! {
    /// [RMSProp](https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf): divides the gradient by the
    /// root of the running mean of its square.
    ///
    #[doc = example!("rmsprop(0.01).centered(true).momentum(0.9)")]
    rmsprop Rmsprop(learning_rate: Hyper) {
        /// The decay of the running means.
        decay: Number = 0.9;
        /// Added to the running mean of squares, or to its root.
        eps: Number = 1e-8;
        /// What the running mean of squares begins with.
        initial_scale: Number = 0.0;
        /// Whether `eps` is added under the root.
        eps_in_sqrt: bool = true;
        /// Whether the gradient is divided by its standard deviation.
        centered: bool = false;
        /// Whether the momentum looks one step ahead.
        nesterov: bool = false;
        /// Whether the running means are corrected for beginning at zero.
        bias_correction: bool = false;
    } {
        /// The decay of the sum of updates.
        momentum: Number;
    }
    (Option<ScaleByRms>, Option<ScaleByStddev>, ScaleByLearningRate, Option<Trace>): |o| (
        (!o.centered).then(|| {
            scale_by_rms().decay(&o.decay).eps(&o.eps).initial_scale(&o.initial_scale)
                .eps_in_sqrt(o.eps_in_sqrt).bias_correction(o.bias_correction)
        }),
        o.centered.then(|| {
            scale_by_stddev().decay(&o.decay).eps(&o.eps).initial_scale(&o.initial_scale)
                .eps_in_sqrt(o.eps_in_sqrt).bias_correction(o.bias_correction)
        }),
        scale_by_learning_rate(&o.learning_rate),
        o.momentum.as_ref().map(|decay| trace(decay).nesterov(o.nesterov)),
    )
}

alias! {
    /// [SM3](https://arxiv.org/abs/1901.11150): AdaGrad with a number for each row and column of a parameter.
    ///
    #[doc = example!("sm3(0.1)")]
    sm3 Sm3(learning_rate: Number) {
        /// The decay of the running mean of the updates.
        momentum: Number = 0.9;
    }
    (ScaleBySm3, Scale): |o| (scale_by_sm3().b1(&o.momentum), scale(o.learning_rate.negative()))
}

alias! {
    /// [Rprop](https://ieeexplore.ieee.org/document/298623): steps by the sign of the gradient, with a step for each
    /// element.
    ///
    #[doc = example!("rprop(0.1)")]
    rprop Rprop(learning_rate: Number) {
        /// The factor of a step after a change of sign.
        eta_minus: Number = 0.5;
        /// The factor of a step while the sign stays the same.
        eta_plus: Number = 1.2;
        /// The least step.
        min_step_size: Number = 1e-6;
        /// The greatest step.
        max_step_size: Number = 50.0;
    }
    (ScaleByRprop, Scale): |o| (
        scale_by_rprop(&o.learning_rate).eta_minus(&o.eta_minus).eta_plus(&o.eta_plus)
            .min_step_size(&o.min_step_size).max_step_size(&o.max_step_size),
        scale(-1.0),
    )
}

alias! {
    /// Gradient descent with [Polyak's step](https://arxiv.org/abs/2002.10542): the distance of the loss from its least
    /// value, over the squared norm of the gradient.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (optimizer, x) = (optim::polyak_sgd(), np::ones(2));
    /// let (_, x, _) = optimizer.minimize(|x: &Array| x.powi(2).sum(), &x, &optimizer.init(&x));
    /// assert_eq!(x.to_vec::<f32>(), [0.5, 0.5]);
    /// ```
    polyak_sgd PolyakSgd() {
        /// The greatest step.
        max_learning_rate: Number = 1.0;
        /// A factor of the step.
        scaling: Hyper = 1.0;
        /// The least value of the loss.
        f_min: Number = 0.0;
        /// Added to the squared norm.
        eps: Number = 0.0;
        /// Whether a loss below `f_min` makes no step (SPS₊).
        nonnegative: bool = false;
    }
    (Sgd, ScaleByPolyak): |o| (
        sgd(&o.scaling),
        scale_by_polyak().max_learning_rate(&o.max_learning_rate).f_min(&o.f_min).eps(&o.eps)
            .nonnegative(o.nonnegative),
    )
}
