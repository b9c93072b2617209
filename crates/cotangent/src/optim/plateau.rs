//! A scale that decreases when the loss no longer does.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::numpy::{self as np, where_};

use super::moments::{safe_increment, zero};
use super::number::Number;
use super::optimizer::{Context, Optimizer};
use super::options::options;
use super::per_leaf::PerLeaf;
use super::wrap::{narrowest, select, widest};

/// The state of [`reduce_on_plateau`].
#[derive(Clone, Debug, Tree)]
pub struct ReduceOnPlateauState {
    /// The factor of the updates.
    pub scale: Array,
    /// The least mean of values so far.
    pub best_value: Array,
    /// The number of means since then.
    pub plateau_count: Array,
    /// How many more means are ignored.
    pub cooldown_count: Array,
    /// The number of values since the last mean.
    pub count: Array,
    /// The mean of the values since then.
    pub avg_value: Array,
}

options! {
    /// Scales updates by a number that decreases when the loss no longer does.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let optimizer = (optim::sgd(1.0), optim::reduce_on_plateau().patience(1).factor(0.5));
    /// let (x, value) = (np::ones(1), np::array(1.0));
    /// let (_, state) = optimizer.apply_with_value(&x, &x, &optimizer.init(&x), &value);
    /// let (_, state) = optimizer.apply_with_value(&x, &x, &state, &value);
    /// assert_eq!(state.1.scale.item::<f32>(), 0.5);
    /// ```
    ///
    /// # Panics
    /// A step panics if it does not know the value of the loss: see [`Optimizer::apply_with_value`].
    reduce_on_plateau ReduceOnPlateau() {
        /// The factor of each decrease.
        factor: Number = 0.1;
        /// The number of values without improvement before a decrease.
        patience: i32 = 10;
        /// By how much of the best value a better one must be less.
        rtol: Number = 1e-4;
        /// By how much it must be less.
        atol: Number = 0.0;
        /// The number of values after a decrease that are ignored.
        cooldown: i32 = 0;
        /// The number of values whose mean is one value.
        accumulation_size: i32 = 1;
        /// The least scale.
        min_scale: Number = 0.0;
    }
}

impl Optimizer for ReduceOnPlateau {
    type State = ReduceOnPlateauState;

    fn start(&self, params: &PerLeaf) -> ReduceOnPlateauState {
        let wide = widest(params);
        ReduceOnPlateauState {
            scale: np::ones_as((), narrowest(params)),
            best_value: np::full_as((), f64::INFINITY, wide),
            plateau_count: zero(),
            cooldown_count: zero(),
            count: zero(),
            avg_value: np::zeros_as((), wide),
        }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let value = cx.need_value("reduce_on_plateau").astype(state.avg_value.dtype());
        let count = safe_increment(&state.count);
        let mean = (&state.count * &state.avg_value + value) / &count;
        let better = mean.less(self.rtol.complement() * &state.best_value - self.atol.array());
        let plateau = where_(&better, 0, safe_increment(&state.plateau_count));
        let cooling = state.cooldown_count.greater(0);
        let decrease = plateau.equal(self.patience).logical_and(np::logical_not(&cooling));
        let lower = (&state.scale * self.factor.array()).astype(state.scale.dtype());
        let next = ReduceOnPlateauState {
            scale: where_(&decrease, lower, &state.scale).maximum(where_(&cooling, 0.0, self.min_scale.array())),
            best_value: where_(&better, &mean, &state.best_value),
            plateau_count: where_(decrease.logical_or(&cooling), 0, plateau),
            cooldown_count: where_(&cooling, &state.cooldown_count - 1, where_(&decrease, self.cooldown, 0)),
            count: zero(),
            avg_value: np::zeros_like(&state.avg_value),
        };
        let waiting = ReduceOnPlateauState { avg_value: mean, count: count.clone(), ..state.clone() };
        let next = select(&count.equal(self.accumulation_size), &next, &waiting);
        (g.map(|u| &next.scale * u), next)
    }
}
