//! Adding to updates: weight decay and noise.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::random::{self, Key};

use super::mask::Mask;
use super::moments::{safe_increment, zero};
use super::number::{Hyper, Number};
use super::optimizer::{Context, Optimizer};
use super::options::options;
use super::per_leaf::PerLeaf;
use super::scale::ScheduleState;

options! {
    /// Adds the parameters, multiplied by `weight_decay`, to the updates.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::add_decayed_weights(0.1), np::array([10.0, 20.0]));
    /// let (updates, _) = part.update(&np::ones(2), &part.init(&x), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [2.0, 3.0]);
    /// ```
    add_decayed_weights AddDecayedWeights(weight_decay: Hyper) {} {
        /// The parameters that decay; all by default.
        mask: Mask;
    }
}

impl Optimizer for AddDecayedWeights {
    type State = ScheduleState;

    fn start(&self, _: &PerLeaf) -> ScheduleState {
        ScheduleState::of(&self.weight_decay)
    }

    fn advance(&self, updates: PerLeaf, state: &ScheduleState, cx: &Context<'_>) -> (PerLeaf, ScheduleState) {
        let (decay, state) = state.advance(&self.weight_decay);
        if decay.is(0.0) {
            return (updates, state);
        }
        let added = |u: &Array, p: &Array| u + decay.array() * p;
        let updates = match &self.mask {
            None => updates.zip(cx.params, added),
            Some(mask) => {
                updates.zip3(cx.params, &mask.of(cx.params), |u, p, on| if *on { added(u, p) } else { u.clone() })
            }
        };
        (updates, state)
    }
}

/// The state of [`add_noise`].
#[derive(Clone, Debug, Tree)]
pub struct AddNoiseState {
    /// The number of steps.
    pub count: Array,
    /// The key of the noise of all further steps.
    pub key: Key,
}

options! {
    /// Adds normal noise to the updates, with variance `eta`/t^`gamma` in step t
    /// ([Neelakantan et al.](https://arxiv.org/abs/1511.06807)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::add_noise(1e-6, 0.55, random::key(0)), np::ones(2));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert!((updates - 1.0).abs().max().item::<f32>() < 0.01);
    /// ```
    add_noise AddNoise(eta: Number, gamma: Number, key: Key) {}
}

impl Optimizer for AddNoise {
    type State = AddNoiseState;

    fn start(&self, _: &PerLeaf) -> AddNoiseState {
        AddNoiseState { count: zero(), key: self.key.clone() }
    }

    fn advance(&self, updates: PerLeaf, state: &AddNoiseState, _: &Context<'_>) -> (PerLeaf, AddNoiseState) {
        let count = safe_increment(&state.count);
        let deviation = (self.eta.array() / count.astype(DType::F32).pow(self.gamma.array())).sqrt();
        let [key, sample] = state.key.clone().split();
        let mut keys = random::split(sample, updates.values().len()).into_iter();
        let noisy = updates.map(|u| match keys.next() {
            Some(key) => u + &deviation * random::normal_as(key, u.shape(), u.dtype()),
            None => u.clone(),
        });
        (noisy, AddNoiseState { count, key })
    }
}
