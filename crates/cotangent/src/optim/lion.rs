//! Lion's part.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::numpy::where_;

use super::moments::{safe_increment, update_moment, zero, zeros_in};
use super::number::Number;
use super::optimizer::{Context, Optimizer};
use super::options::options;
use super::per_leaf::PerLeaf;

/// The state of [`scale_by_lion`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByLionState {
    /// The number of steps.
    pub count: Array,
    /// The running means of the gradients.
    pub mu: PerLeaf,
}

/// What [`scale_by_lion`] does with the mean of the gradients.
///
/// ```
/// use cotangent::optim::{self, LionMode};
/// let part = optim::scale_by_lion().mode(LionMode::Smooth);
/// # let _ = part;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LionMode {
    /// Its sign.
    Hard,
    /// Its hyperbolic tangent, times `smooth_beta`.
    Smooth,
    /// The mean where its absolute value is below 1, else its sign.
    Refined,
}

options! {
    /// Replaces updates by the sign of a mean of the gradient and its running mean
    /// ([Lion](https://arxiv.org/abs/2302.06675)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_lion(), np::array([0.1, -3.0]));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [1.0, -1.0]);
    /// ```
    scale_by_lion ScaleByLion() {
        /// The weight of the running mean in the step.
        b1: Number = 0.9;
        /// The decay of the running mean.
        b2: Number = 0.99;
        /// What is done with the mean.
        mode: LionMode = LionMode::Hard;
        /// The factor of the mean in [`LionMode::Smooth`].
        smooth_beta: Number = 1.0;
    } {
        /// The dtype of the running mean, instead of that of the parameters.
        mu_dtype: DType;
    }
}

impl Optimizer for ScaleByLion {
    type State = ScaleByLionState;

    fn start(&self, params: &PerLeaf) -> ScaleByLionState {
        ScaleByLionState { count: zero(), mu: zeros_in(params, self.mu_dtype) }
    }

    fn advance(&self, g: PerLeaf, state: &ScaleByLionState, _: &Context<'_>) -> (PerLeaf, ScaleByLionState) {
        let updates = update_moment(&g, &state.mu, &self.b1).map(|x| match self.mode {
            LionMode::Hard => x.sign(),
            LionMode::Smooth => (self.smooth_beta.array() * x).tanh(),
            LionMode::Refined => where_(x.abs().less(1.0), x, x.sign()),
        });
        let mu = update_moment(&g, &state.mu, &self.b2);
        (updates, ScaleByLionState { count: safe_increment(&state.count), mu })
    }
}
