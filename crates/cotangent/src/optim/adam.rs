//! Adam, and its relatives with two moments.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::numpy::where_;

use super::moments::{
    abs_sq, bias_correction, first_moment, full_like, full_real, moment, safe_increment, update_moment, update_squares,
    zero, zeros_in, zeros_like, zeros_real,
};
use super::number::Number;
use super::optimizer::{Context, Optimizer};
use super::options::options;
use super::per_leaf::PerLeaf;

/// The state of [`scale_by_adam`] and of others with two moments.
#[derive(Clone, Debug, Tree)]
pub struct ScaleByAdamState {
    /// The number of steps.
    pub count: Array,
    /// The running means of the gradients.
    pub mu: PerLeaf,
    /// The running means of their squares.
    pub nu: PerLeaf,
}

/// m/(√(v + `inside`) + `outside`).
fn quotient(mu: &PerLeaf, nu: &PerLeaf, inside: &Number, outside: &Number) -> PerLeaf {
    mu.zip(nu, |m, v| {
        let v = if inside.is(0.0) { v.clone() } else { v + inside.array() };
        m / (v.sqrt() + outside.array())
    })
}

options! {
    /// Divides the running mean of the gradients by the root of that of their squares
    /// ([Adam](https://arxiv.org/abs/1412.6980)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_adam().b1(0.8), np::ones(2));
    /// let (updates, _) = part.update(&np::array([0.01, 100.0]), &part.init(&x), &x);
    /// assert!(np::allclose(&updates, 1.0).item::<bool>());
    /// ```
    scale_by_adam ScaleByAdam() {
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
}

impl Optimizer for ScaleByAdam {
    type State = ScaleByAdamState;

    fn start(&self, params: &PerLeaf) -> ScaleByAdamState {
        ScaleByAdamState { count: zero(), mu: zeros_in(params, self.mu_dtype), nu: zeros_real(params) }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByAdamState, _: &Context<'_>) -> (PerLeaf, ScaleByAdamState) {
        let count = safe_increment(&state.count);
        let mu = update_moment(&g, &state.mu, &self.b1);
        let nu = update_squares(&g, &state.nu, &self.b2);
        let mean = first_moment(&g, &mu, &self.b1, &count, self.nesterov);
        let updates = quotient(&mean, &bias_correction(&nu, &self.b2, &count), &self.eps_root, &self.eps);
        (updates, ScaleByAdamState { count, mu, nu })
    }
}

/// The state of [`scale_by_amsgrad`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByAmsgradState {
    /// The number of steps.
    pub count: Array,
    /// The running means of the gradients.
    pub mu: PerLeaf,
    /// The running means of their squares.
    pub nu: PerLeaf,
    /// The greatest of those so far.
    pub nu_max: PerLeaf,
}

options! {
    /// As [`scale_by_adam`], with the greatest of the running means of squares so far
    /// ([AMSGrad](https://openreview.net/forum?id=ryQu7f-RZ)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_amsgrad(), np::ones(2));
    /// let (updates, _) = part.update(&np::ones(2), &part.init(&x), &x);
    /// assert!(np::allclose(&updates, 1.0).item::<bool>());
    /// ```
    scale_by_amsgrad ScaleByAmsgrad() {
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
}

impl Optimizer for ScaleByAmsgrad {
    type State = ScaleByAmsgradState;

    fn start(&self, params: &PerLeaf) -> ScaleByAmsgradState {
        let zeros = zeros_real(params);
        ScaleByAmsgradState { count: zero(), mu: zeros_in(params, self.mu_dtype), nu: zeros.clone(), nu_max: zeros }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByAmsgradState, _: &Context<'_>) -> (PerLeaf, ScaleByAmsgradState) {
        let count = safe_increment(&state.count);
        let mu = update_moment(&g, &state.mu, &self.b1);
        let nu = update_squares(&g, &state.nu, &self.b2);
        let corrected = |on: bool, m: &PerLeaf, decay| if on { bias_correction(m, decay, &count) } else { m.clone() };
        let mean = corrected(self.bias_correction_mu, &mu, &self.b1);
        let nu_max = state.nu_max.zip(&corrected(self.bias_correction_nu, &nu, &self.b2), |a, b| a.maximum(b));
        let updates = quotient(&mean, &nu_max, &self.eps_root, &self.eps);
        (updates, ScaleByAmsgradState { count, mu, nu, nu_max })
    }
}

options! {
    /// Divides the running mean of the gradients by a decaying maximum of their absolute values
    /// ([AdaMax](https://arxiv.org/abs/1412.6980)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_adamax(), np::ones(2));
    /// let (updates, _) = part.update(&np::ones(2), &part.init(&x), &x);
    /// assert!(np::allclose(&updates, 1.0).item::<bool>());
    /// ```
    scale_by_adamax ScaleByAdamax() {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the maximum.
        b2: Number = 0.999;
        /// Added to the absolute values.
        eps: Number = 1e-8;
    }
}

impl Optimizer for ScaleByAdamax {
    type State = ScaleByAdamState;

    fn start(&self, params: &PerLeaf) -> ScaleByAdamState {
        ScaleByAdamState { count: zero(), mu: zeros_like(params), nu: zeros_real(params) }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByAdamState, _: &Context<'_>) -> (PerLeaf, ScaleByAdamState) {
        let count = safe_increment(&state.count);
        let mu = update_moment(&g, &state.mu, &self.b1);
        let nu = g.zip(&state.nu, |g, n| (g.abs() + self.eps.array()).maximum(self.b2.array() * n));
        let updates = bias_correction(&mu, &self.b1, &count).zip(&nu, |m, n| m / n);
        (updates, ScaleByAdamState { count, mu, nu })
    }
}

options! {
    /// As [`scale_by_adam`], with the running mean of squared errors in place of that of squares: an error is the
    /// difference of the gradient from its running mean ([AdaBelief](https://arxiv.org/abs/2010.07468)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_belief(), np::ones(2));
    /// let (updates, _) = part.update(&np::ones(2), &part.init(&x), &x);
    /// assert!((updates - 1.0 / 0.9).abs().max().item::<f32>() < 1e-4);
    /// ```
    scale_by_belief ScaleByBelief() {
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
}

impl Optimizer for ScaleByBelief {
    type State = ScaleByAdamState;

    fn start(&self, params: &PerLeaf) -> ScaleByAdamState {
        ScaleByAdamState { count: zero(), mu: zeros_like(params), nu: zeros_real(params) }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByAdamState, _: &Context<'_>) -> (PerLeaf, ScaleByAdamState) {
        let count = safe_increment(&state.count);
        let mu = update_moment(&g, &state.mu, &self.b1);
        let nu = g.zip3(&mu, &state.nu, |g, m, n| moment(&abs_sq(&(g - m)), n, &self.b2) + self.eps_root.array());
        let mean = first_moment(&g, &mu, &self.b1, &count, self.nesterov);
        let updates = quotient(&mean, &bias_correction(&nu, &self.b2, &count), &0.0.into(), &self.eps);
        (updates, ScaleByAdamState { count, mu, nu })
    }
}

options! {
    /// As [`scale_by_adam`], with a running mean of squares that changes by an amount that does not depend on its own
    /// size ([Yogi](https://proceedings.neurips.cc/paper/2018/hash/90365351ccc7437a1309dc64e4db32a3-Abstract.html)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_yogi(), np::ones(2));
    /// let (updates, _) = part.update(&np::ones(2), &part.init(&x), &x);
    /// assert!((updates - 1.0).abs().max().item::<f32>() < 0.01);
    /// ```
    scale_by_yogi ScaleByYogi() {
        /// The decay of the running mean.
        b1: Number = 0.9;
        /// The decay of the running mean of squares.
        b2: Number = 0.999;
        /// Added to the root.
        eps: Number = 1e-3;
        /// Added under the root.
        eps_root: Number = 0.0;
        /// What both means begin with.
        initial_accumulator_value: Number = 1e-6;
    }
}

impl Optimizer for ScaleByYogi {
    type State = ScaleByAdamState;

    fn start(&self, params: &PerLeaf) -> ScaleByAdamState {
        let initial = &self.initial_accumulator_value;
        ScaleByAdamState { count: zero(), mu: full_like(params, initial), nu: full_real(params, initial) }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByAdamState, _: &Context<'_>) -> (PerLeaf, ScaleByAdamState) {
        let count = safe_increment(&state.count);
        let mu = update_moment(&g, &state.mu, &self.b1);
        let nu = g.zip(&state.nu, |g, v| {
            let square = abs_sq(g);
            v - self.b2.complement() * (v - &square).sign() * square
        });
        let (mean, square) = (bias_correction(&mu, &self.b1, &count), bias_correction(&nu, &self.b2, &count));
        (quotient(&mean, &square, &self.eps_root, &self.eps), ScaleByAdamState { count, mu, nu })
    }
}

options! {
    /// As [`scale_by_adam`], with a factor for the variance of the running mean of squares while there are few steps
    /// ([RAdam](https://arxiv.org/abs/1908.03265)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_radam(), np::ones(2));
    /// let (updates, _) = part.update(&np::array([2.0, 3.0]), &part.init(&x), &x);
    /// assert!(np::allclose(&updates, np::array([2.0, 3.0])).item::<bool>());
    /// ```
    scale_by_radam ScaleByRadam() {
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
}

impl Optimizer for ScaleByRadam {
    type State = ScaleByAdamState;

    fn start(&self, params: &PerLeaf) -> ScaleByAdamState {
        ScaleByAdamState { count: zero(), mu: zeros_like(params), nu: zeros_real(params) }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByAdamState, _: &Context<'_>) -> (PerLeaf, ScaleByAdamState) {
        let count = safe_increment(&state.count);
        let mu = update_moment(&g, &state.mu, &self.b1);
        let nu = update_squares(&g, &state.nu, &self.b2);
        let steps = count.astype(DType::F32);
        let power = self.b2.array().pow(&steps);
        let limit = self.b2.then(|b| 2.0 / (1.0 - b) - 1.0, |b| 2.0 / (1.0 - b) - 1.0);
        let length = limit.array() - 2.0 * steps * &power / (1.0 - &power);
        let scale = limit.then(|l| l / ((l - 4.0) * (l - 2.0)), |l| l / ((l - 4.0) * (l - 2.0)));
        let factor = ((&length - 4.0) * (&length - 2.0) * scale.array() / &length).sqrt();
        let long = length.greater_equal(self.threshold.array());
        let mean = first_moment(&g, &mu, &self.b1, &count, self.nesterov);
        let square = bias_correction(&nu, &self.b2, &count);
        let updates = quotient(&mean, &square, &self.eps_root, &self.eps)
            .zip(&mean, |u, m| where_(&long, factor.astype(u.dtype().real()) * u, m));
        (updates, ScaleByAdamState { count, mu, nu })
    }
}

/// The state of [`scale_by_adan`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByAdanState {
    /// The number of steps.
    pub count: Array,
    /// The running means of the gradients.
    pub m: PerLeaf,
    /// The running means of their differences from step to step.
    pub v: PerLeaf,
    /// The running means of squares.
    pub n: PerLeaf,
    /// The gradients of the step before.
    pub gradients: PerLeaf,
}

options! {
    /// Adds a running mean of the changes of the gradient to that of the gradient
    /// ([Adan](https://arxiv.org/abs/2208.06677)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_adan(), np::ones(2));
    /// let (updates, _) = part.update(&np::ones(2), &part.init(&x), &x);
    /// assert!((updates - 1.0).abs().max().item::<f32>() < 1e-4);
    /// ```
    scale_by_adan ScaleByAdan() {
        /// The decay of the running mean of the gradients.
        b1: Number = 0.98;
        /// The decay of the running mean of their differences.
        b2: Number = 0.92;
        /// The decay of the running mean of squares.
        b3: Number = 0.99;
        /// Added to the root.
        eps: Number = 1e-8;
        /// Added under the root.
        eps_root: Number = 0.0;
    }
}

impl Optimizer for ScaleByAdan {
    type State = ScaleByAdanState;

    fn start(&self, params: &PerLeaf) -> ScaleByAdanState {
        let zeros = || zeros_like(params);
        ScaleByAdanState { count: zero(), m: zeros(), v: zeros(), n: zeros_real(params), gradients: zeros() }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByAdanState, _: &Context<'_>) -> (PerLeaf, ScaleByAdanState) {
        let (first, count) = (state.count.equal(0), safe_increment(&state.count));
        let change = g.zip(&state.gradients, |g, last| where_(&first, 0.0, g - last));
        let m = update_moment(&g, &state.m, &self.b1);
        let v = update_moment(&change, &state.v, &self.b2);
        let ahead = g.zip(&change, |g, d| g + self.b2.complement() * d);
        let n = update_squares(&ahead, &state.n, &self.b3);
        let (mean, slope) = (bias_correction(&m, &self.b1, &count), bias_correction(&v, &self.b2, &count));
        let mean = mean.zip(&slope, |m, v| m + self.b2.complement() * v);
        let updates = quotient(&mean, &bias_correction(&n, &self.b3, &count), &self.eps_root, &self.eps);
        (updates, ScaleByAdanState { count, m, v, n, gradients: g })
    }
}
