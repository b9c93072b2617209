//! Scaling by the root of sums and running means of squares.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::numpy::{self as np, where_};

use super::moments::{
    abs_sq, bias_correction, full_like, full_real, moment, safe_increment, update_moment, update_squares, zero,
    zeros_like,
};
use super::number::Number;
use super::optimizer::{Context, Optimizer};
use super::options::options;
use super::per_leaf::PerLeaf;

/// The state of [`scale_by_rss`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByRssState {
    /// The sums of the squares of all gradients so far.
    pub sum_of_squares: PerLeaf,
}

options! {
    /// Divides updates by the root of the sum of squares so far ([AdaGrad](https://jmlr.org/papers/v12/duchi11a.html)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_rss().initial_accumulator_value(0.0), np::array([3.0, 4.0]));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert!(np::allclose(&updates, 1.0).item::<bool>());
    /// ```
    scale_by_rss ScaleByRss() {
        /// What the sums begin with.
        initial_accumulator_value: Number = 0.1;
        /// Added under the root.
        eps: Number = 1e-7;
    }
}

/// 1/√(x + `eps`), or 0 where x is not positive.
fn inverse_root(x: &Array, eps: &Number) -> Array {
    where_(x.greater(0.0), (x + eps.array()).rsqrt(), 0.0)
}

impl Optimizer for ScaleByRss {
    type State = ScaleByRssState;

    fn start(&self, params: &PerLeaf) -> ScaleByRssState {
        ScaleByRssState { sum_of_squares: full_real(params, &self.initial_accumulator_value) }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByRssState, _: &Context<'_>) -> (PerLeaf, ScaleByRssState) {
        let sum_of_squares = g.zip(&state.sum_of_squares, |g, sum| abs_sq(g) + sum);
        let updates = g.zip(&sum_of_squares, |g, sum| inverse_root(sum, &self.eps) * g);
        (updates, ScaleByRssState { sum_of_squares })
    }
}

/// The state of [`scale_by_rms`] and [`scale_by_stddev`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByRmsState {
    /// The number of steps, if the means are corrected for beginning at zero.
    pub count: Option<Array>,
    /// The running means of the gradients, if the scale is their standard deviation.
    pub mu: Option<PerLeaf>,
    /// The running means of their squares.
    pub nu: PerLeaf,
}

macro_rules! by_root {
    ($(#[$doc:meta])* $function:ident $Name:ident centered $centered:literal) => {
        options! {
            $(#[$doc])*
            $function $Name() {
                /// The decay of the running means.
                decay: Number = 0.9;
                /// Added to the running mean of squares, or to its root.
                eps: Number = 1e-8;
                /// What the running mean of squares begins with.
                initial_scale: Number = 0.0;
                /// Whether `eps` is added under the root.
                eps_in_sqrt: bool = true;
                /// Whether the means are corrected for beginning at zero.
                bias_correction: bool = false;
            }
        }

        impl Optimizer for $Name {
            type State = ScaleByRmsState;

            fn start(&self, params: &PerLeaf) -> ScaleByRmsState {
                ScaleByRmsState {
                    count: self.bias_correction.then(zero),
                    mu: $centered.then(|| zeros_like(params)),
                    nu: full_real(params, &self.initial_scale),
                }
            }

            fn advance(&self, g: PerLeaf, state: &ScaleByRmsState, _: &Context<'_>) -> (PerLeaf, ScaleByRmsState) {
                let count = state.count.as_ref().map(safe_increment);
                let corrected = |m: &PerLeaf| match &count {
                    Some(count) => bias_correction(m, &self.decay, count),
                    None => m.clone(),
                };
                let mu = state.mu.as_ref().map(|mu| update_moment(&g, mu, &self.decay));
                let nu = update_squares(&g, &state.nu, &self.decay);
                let mut square = corrected(&nu);
                if let Some(mu) = &mu {
                    square = square.zip(&corrected(mu), |n, m| n - abs_sq(m));
                }
                let updates = g.zip(&square, |g, n| match self.eps_in_sqrt {
                    true => (n + self.eps.array()).rsqrt() * g,
                    false => 1.0 / (n.sqrt() + self.eps.array()) * g,
                });
                (updates, ScaleByRmsState { count, mu, nu })
            }
        }
    };
}

by_root! {
    /// Divides updates by the root of the running mean of their squares
    /// ([RMSProp](https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_rms().bias_correction(true), np::array([3.0, 4.0]));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert!(np::allclose(&updates, 1.0).item::<bool>());
    /// ```
    scale_by_rms ScaleByRms centered false
}

by_root! {
    /// Divides updates by their running standard deviation ([Graves](https://arxiv.org/abs/1308.0850)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_stddev().decay(0.5).eps(0.0), np::array([3.0, 4.0]));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert!(np::allclose(&updates, 2.0).item::<bool>());
    /// ```
    scale_by_stddev ScaleByStddev centered true
}

/// The state of [`scale_by_adadelta`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByAdadeltaState {
    /// The running means of the squares of the gradients.
    pub e_g: PerLeaf,
    /// The running means of the squares of the updates.
    pub e_x: PerLeaf,
}

options! {
    /// Scales updates so that they have the units of the parameters ([Adadelta](https://arxiv.org/abs/1212.5701)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_adadelta(), np::ones(2));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert!(updates.max().item::<f32>() < 0.01);
    /// ```
    scale_by_adadelta ScaleByAdadelta() {
        /// The decay of the running means.
        rho: Number = 0.9;
        /// Added under the roots.
        eps: Number = 1e-6;
    }
}

impl Optimizer for ScaleByAdadelta {
    type State = ScaleByAdadeltaState;

    fn start(&self, params: &PerLeaf) -> ScaleByAdadeltaState {
        ScaleByAdadeltaState { e_g: zeros_like(params), e_x: zeros_like(params) }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByAdadeltaState, _: &Context<'_>) -> (PerLeaf, ScaleByAdadeltaState) {
        let e_g = g.zip(&state.e_g, |g, e| moment(&g.square(), e, &self.rho));
        let root = |x: &Array| (x + self.eps.array()).sqrt();
        let updates = g.zip3(&e_g, &state.e_x, |g, e_g, e_x| root(e_x) / root(e_g) * g);
        let e_x = updates.zip(&state.e_x, |u, e| moment(&u.square(), e, &self.rho));
        (updates, ScaleByAdadeltaState { e_g, e_x })
    }
}

/// The state of [`scale_by_rprop`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByRpropState {
    /// The step of each element.
    pub step_sizes: PerLeaf,
    /// The updates of the step before.
    pub previous: PerLeaf,
}

options! {
    /// Steps by the sign of the gradient, with a step for each element that grows while the sign stays the same
    /// ([Rprop](https://ieeexplore.ieee.org/document/298623)). As in Optax, an update is that of the step before, or
    /// zero
    /// where the sign has changed since.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_rprop(0.1), np::ones(2));
    /// let (_, state) = part.update(&x, &part.init(&x), &x);
    /// assert_eq!(state.previous[""].to_vec::<f32>(), [0.1, 0.1]);
    /// ```
    scale_by_rprop ScaleByRprop(learning_rate: Number) {
        /// The factor of a step after a change of sign.
        eta_minus: Number = 0.5;
        /// The factor of a step while the sign stays the same.
        eta_plus: Number = 1.2;
        /// The least step.
        min_step_size: Number = 1e-6;
        /// The greatest step.
        max_step_size: Number = 50.0;
    }
}

impl Optimizer for ScaleByRprop {
    type State = ScaleByRpropState;

    fn start(&self, params: &PerLeaf) -> ScaleByRpropState {
        ScaleByRpropState { step_sizes: full_like(params, &self.learning_rate), previous: zeros_like(params) }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByRpropState, _: &Context<'_>) -> (PerLeaf, ScaleByRpropState) {
        let sign = g.zip(&state.previous, |g, last| g * last);
        let step_sizes = sign.zip(&state.step_sizes, |s, step| {
            let factor = where_(s.greater(0.0), self.eta_plus.in_dtype(step.dtype()), self.eta_minus.array());
            let next = np::clip(step * factor, self.min_step_size.array(), self.max_step_size.array());
            where_(s.equal(0.0), step, next)
        });
        let next = sign.zip3(&g, &step_sizes, |s, g, step| where_(s.less(0.0), 0.0, step * g.sign()));
        let updates = sign.zip(&state.previous, |s, last| where_(s.less(0.0), 0.0, last));
        (updates, ScaleByRpropState { step_sizes, previous: next })
    }
}

/// The state of [`scale_by_sm3`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleBySm3State {
    /// For each axis of each parameter, the greatest accumulated squares along it.
    pub mu: PerLeaf<Vec<Array>>,
    /// The running means of the updates.
    pub nu: PerLeaf,
}

options! {
    /// AdaGrad with a number for each row and column instead of each element ([SM3](https://arxiv.org/abs/1901.11150)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let state = optim::scale_by_sm3().init(&np::ones((3, 2)));
    /// assert_eq!(state.mu[""][1].shape(), [2]);
    /// ```
    scale_by_sm3 ScaleBySm3() {
        /// The decay of the running mean of the updates.
        b1: Number = 0.9;
        /// The decay of the squares.
        b2: Number = 1.0;
        /// Added under the root.
        eps: Number = 1e-8;
    }
}

impl Optimizer for ScaleBySm3 {
    type State = ScaleBySm3State;

    fn start(&self, params: &PerLeaf) -> ScaleBySm3State {
        let mu = params.map(|p| match p.shape() {
            [] => vec![np::zeros_like(p)],
            shape => shape.iter().map(|size| np::zeros_as(*size, p.dtype())).collect(),
        });
        ScaleBySm3State { mu, nu: zeros_like(params) }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleBySm3State, _: &Context<'_>) -> (PerLeaf, ScaleBySm3State) {
        let fresh = if self.b2.is(1.0) { Array::from(1.0) } else { self.b2.complement() };
        let sums = g.zip(&state.mu, |g, mu| {
            let along = |(axis, mu): (usize, &Array)| {
                let shape: Vec<usize> = (0..g.ndim()).map(|i| if i == axis { g.shape()[i] } else { 1 }).collect();
                mu.reshape(shape)
            };
            let kept = mu.iter().enumerate().map(along).reduce(|a, b| a.minimum(b));
            let square = &fresh * g.square();
            kept.map_or(square.clone(), |kept| square + self.b2.array() * kept)
        });
        let updates = g.zip(&sums, |g, sum| g * inverse_root(sum, &self.eps));
        let nu = update_moment(&updates, &state.nu, &self.b1);
        let mu = sums.map(|sum| {
            let others = |axis: usize| (0..sum.ndim()).filter(|i| *i != axis).map(|i| i as isize).collect::<Vec<_>>();
            (0..sum.ndim().max(1))
                .map(|axis| if sum.ndim() < 2 { sum.clone() } else { sum.max_axis(others(axis)) })
                .collect()
        });
        (nu.clone(), ScaleBySm3State { mu, nu })
    }
}

/// The state of [`scale_by_novograd`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByNovogradState {
    /// The number of steps.
    pub count: Array,
    /// The running means of the scaled gradients.
    pub mu: PerLeaf,
    /// The running mean of the squared norm of the gradient of each parameter.
    pub nu: PerLeaf,
}

options! {
    /// Divides the gradient of each parameter by the root of the running mean of its squared norm
    /// ([NovoGrad](https://arxiv.org/abs/1905.11286)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_novograd(), np::array([3.0, 4.0]));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert!(np::allclose(&updates, np::array([0.6, 0.8])).item::<bool>());
    /// ```
    scale_by_novograd ScaleByNovograd() {
        /// The decay of the running mean of the gradients.
        b1: Number = 0.9;
        /// The decay of the running mean of squared norms.
        b2: Number = 0.25;
        /// Added to the root.
        eps: Number = 1e-8;
        /// Added under the root.
        eps_root: Number = 0.0;
        /// How much the parameters decay.
        weight_decay: Number = 0.0;
    } {
        /// The dtype of the running mean of the gradients, instead of that of the parameters.
        mu_dtype: DType;
    }
}

impl Optimizer for ScaleByNovograd {
    type State = ScaleByNovogradState;

    fn start(&self, params: &PerLeaf) -> ScaleByNovogradState {
        let nu = params.map(|p| np::zeros_as((), p.dtype().real()));
        ScaleByNovogradState { count: zero(), mu: super::moments::zeros_in(params, self.mu_dtype), nu }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByNovogradState, cx: &Context<'_>) -> (PerLeaf, ScaleByNovogradState) {
        let count = safe_increment(&state.count);
        let first = state.count.equal(0);
        let nu = g.zip(&state.nu, |g, n| {
            let square = abs_sq(g).sum();
            where_(&first, &square, moment(&square, n, &self.b2))
        });
        let scaled = g.zip3(cx.params, &nu, |g, p, n| {
            let scaled = g / ((n + self.eps_root.array()).sqrt() + self.eps.array());
            if self.weight_decay.is(0.0) { scaled } else { scaled + self.weight_decay.array() * p }
        });
        let mu = scaled.zip(&state.mu, |u, m| where_(&first, u, self.b1.array() * m + u));
        (mu.clone(), ScaleByNovogradState { count, mu, nu })
    }
}

/// The state of [`scale_by_optimistic_gradient`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByOptimisticGradientState {
    /// Whether no step has been made.
    pub is_initial_step: Array,
    /// The gradients of the step before.
    pub previous_gradient: PerLeaf,
}

options! {
    /// Adds the change of the gradient since the step before ([Mokhtari et al.](https://arxiv.org/abs/1901.08511)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_optimistic_gradient(), np::ones(2));
    /// let (_, state) = part.update(&x, &part.init(&x), &x);
    /// let (updates, _) = part.update(&(2.0 * &x), &state, &x);
    /// assert_eq!(updates.to_vec::<f32>(), [3.0, 3.0]);
    /// ```
    scale_by_optimistic_gradient ScaleByOptimisticGradient() {
        /// The factor of the gradient.
        alpha: Number = 1.0;
        /// The factor of its change.
        beta: Number = 1.0;
    }
}

impl Optimizer for ScaleByOptimisticGradient {
    type State = ScaleByOptimisticGradientState;

    fn start(&self, params: &PerLeaf) -> ScaleByOptimisticGradientState {
        let is_initial_step = np::ones_as((), DType::Bool);
        ScaleByOptimisticGradientState { is_initial_step, previous_gradient: zeros_like(params) }
    }

    fn advance(
        &self,
        g: PerLeaf,
        state: &ScaleByOptimisticGradientState,
        _: &Context<'_>,
    ) -> (PerLeaf, ScaleByOptimisticGradientState) {
        let sum = match (&self.alpha, &self.beta) {
            (Number::Known(a), Number::Known(b)) => Array::from(a + b),
            (a, b) => a.array() + b.array(),
        };
        let updates = g.zip(&state.previous_gradient, |g, last| {
            &sum * g - self.beta.array() * where_(&state.is_initial_step, g, last)
        });
        let is_initial_step = np::zeros_as((), DType::Bool);
        (updates, ScaleByOptimisticGradientState { is_initial_step, previous_gradient: g })
    }
}
