//! Running sums and means of updates.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;

use super::moments::{bias_correction, safe_increment, update_moment, zero, zeros_in};
use super::number::Number;
use super::optimizer::{Context, Optimizer};
use super::options::options;
use super::per_leaf::PerLeaf;

/// The state of [`trace`].
#[derive(Clone, Debug, Tree)]
pub struct TraceState {
    /// The decaying sum of the updates.
    pub trace: PerLeaf,
}

options! {
    /// Replaces updates by a decaying sum of them: momentum.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::trace(0.5), np::ones(2));
    /// let (_, state) = part.update(&np::ones(2), &part.init(&x), &x);
    /// let (updates, _) = part.update(&np::ones(2), &state, &x);
    /// assert_eq!(updates.to_vec::<f32>(), [1.5, 1.5]);
    /// ```
    trace Trace(decay: Number) {
        /// Whether the sum looks one step ahead.
        nesterov: bool = false;
    } {
        /// The dtype of the sum, instead of that of the parameters.
        accumulator_dtype: DType;
    }
}

impl Optimizer for Trace {
    type State = TraceState;

    fn start(&self, params: &PerLeaf) -> TraceState {
        TraceState { trace: zeros_in(params, self.accumulator_dtype) }
    }

    fn advance(&self, updates: PerLeaf, state: &TraceState, _: &Context<'_>) -> (PerLeaf, TraceState) {
        let sum = |g: &Array, t: &Array| g + self.decay.array() * t;
        let trace = updates.zip(&state.trace, sum);
        let result = if self.nesterov { updates.zip(&trace, sum) } else { trace.clone() };
        (result, TraceState { trace })
    }
}

/// The state of [`ema`].
#[derive(Clone, Debug, Tree)]
pub struct EmaState {
    /// The number of steps.
    pub count: Array,
    /// The running mean of the updates.
    pub ema: PerLeaf,
}

options! {
    /// Replaces updates by their running mean, the exponential moving average.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::ema(0.5).debias(false), np::ones(2));
    /// let (updates, _) = part.update(&np::ones(2), &part.init(&x), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [0.5, 0.5]);
    /// ```
    ema Ema(decay: Number) {
        /// Whether the mean is corrected for beginning at zero.
        debias: bool = true;
    } {
        /// The dtype of the mean, instead of that of the parameters.
        accumulator_dtype: DType;
    }
}

impl Optimizer for Ema {
    type State = EmaState;

    fn start(&self, params: &PerLeaf) -> EmaState {
        EmaState { count: zero(), ema: zeros_in(params, self.accumulator_dtype) }
    }

    fn advance(&self, updates: PerLeaf, state: &EmaState, _: &Context<'_>) -> (PerLeaf, EmaState) {
        let (count, ema) = (safe_increment(&state.count), update_moment(&updates, &state.ema, &self.decay));
        let result = if self.debias { bias_correction(&ema, &self.decay, &count) } else { ema.clone() };
        (result, EmaState { count, ema })
    }
}

/// The state of [`apply_every`].
#[derive(Clone, Debug, Tree)]
pub struct ApplyEveryState {
    /// The number of steps since the last sum was passed on.
    pub count: Array,
    /// The sum of the updates since then.
    pub grad_acc: PerLeaf,
}

options! {
    /// Adds up updates, passes the sum on in every k-th step, and zeros in the others.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::apply_every(2), np::ones(2));
    /// let (zeros, state) = part.update(&np::ones(2), &part.init(&x), &x);
    /// let (sum, _) = part.update(&np::ones(2), &state, &x);
    /// assert_eq!((zeros.sum().item::<f32>(), sum.sum().item::<f32>()), (0.0, 4.0));
    /// ```
    apply_every ApplyEvery(k: Number) {}
}

impl Optimizer for ApplyEvery {
    type State = ApplyEveryState;

    fn start(&self, params: &PerLeaf) -> ApplyEveryState {
        ApplyEveryState { count: zero(), grad_acc: zeros_in(params, None) }
    }

    fn advance(&self, updates: PerLeaf, state: &ApplyEveryState, _: &Context<'_>) -> (PerLeaf, ApplyEveryState) {
        let k = self.k.in_dtype(DType::I32);
        let (going, last) = (state.count.not_equal(0), state.count.equal(&k - 1));
        let grad_acc = updates.zip(&state.grad_acc, |g, sum| going.astype(sum.dtype()) * sum + g);
        let result = grad_acc.map(|sum| last.astype(sum.dtype()) * sum);
        (result, ApplyEveryState { count: safe_increment(&state.count) % k, grad_acc })
    }
}
