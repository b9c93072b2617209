//! Sharpness-aware minimization.

use cotangent_derive::Tree;

use crate::api::grad::grad;
use crate::array::Array;

use super::moments::zero;
use super::optimizer::{Context, Optimizer, add_to};
use super::per_leaf::PerLeaf;
use super::wrap::select;

/// The state of [`sam`].
#[derive(Clone, Debug, Tree)]
pub struct SamState<S, A> {
    /// The number of steps since the last step of the optimizer.
    pub steps_since_sync: Array,
    /// The state of the optimizer.
    pub opt_state: S,
    /// The state of the adversary.
    pub adv_state: A,
    /// The parameters that the optimizer moves; `None` in opaque mode.
    pub cache: Option<PerLeaf>,
}

/// What [`sam`] returns.
#[derive(Clone, Debug)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct Sam<O, A> {
    optimizer: O,
    adversary: A,
    sync_period: usize,
    reset_state: bool,
    opaque: bool,
}

/// Takes the gradient where the loss is greatest nearby
/// ([sharpness-aware minimization](https://arxiv.org/abs/2010.01412)): the adversary makes `sync_period` − 1 steps
/// upward, and the optimizer then steps from the first point with the gradient at the last.
///
/// By default each step of the adversary is a call, after which the parameters are those of the adversary; gradients
/// are to be computed there. In [opaque mode](Sam::opaque_mode) one call with [`Optimizer::minimize`] makes them all.
///
/// The original method is `sam(optimizer, (normalize_by_update_norm().eps(0.0), sgd(ρ)))`.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let upward = (optim::normalize_by_update_norm().eps(0.0), optim::sgd(0.05));
/// let optimizer = optim::sam(optim::sgd(0.1), upward).opaque_mode(true);
/// let x = np::array([3.0, 4.0]);
/// let (_, x, _) = optimizer.minimize(|x: &Array| x.powi(2).sum(), &x, &optimizer.init(&x));
/// assert!(np::allclose(x, np::array([2.394, 3.192])).item::<bool>());
/// ```
pub fn sam<O: Optimizer, A: Optimizer>(optimizer: O, adversary: A) -> Sam<O, A> {
    Sam { optimizer, adversary, sync_period: 2, reset_state: true, opaque: false }
}

impl<O, A> Sam<O, A> {
    /// The number of gradients for each step of the optimizer, at least 1; 2 by default.
    pub fn sync_period(mut self, period: usize) -> Self {
        self.sync_period = period.max(1);
        self
    }

    /// Whether the state of the adversary begins anew after each step of the optimizer, as by default.
    pub fn reset_state(mut self, reset: bool) -> Self {
        self.reset_state = reset;
        self
    }

    /// Whether one call makes the steps of the adversary and that of the optimizer. It differentiates the loss, so that
    /// it is made with [`Optimizer::minimize`].
    pub fn opaque_mode(mut self, opaque: bool) -> Self {
        self.opaque = opaque;
        self
    }
}

impl<O: Optimizer, A: Optimizer> Sam<O, A> {
    fn opaque(
        &self,
        g: PerLeaf,
        state: &SamState<O::State, A::State>,
        cx: &Context<'_>,
    ) -> (PerLeaf, O::State, A::State) {
        let (mut params, mut g, mut adv_state) = (cx.params.clone(), g, state.adv_state.clone());
        for _ in 1..self.sync_period {
            let loss = cx.need_loss("sam in opaque mode");
            let at = Context { params: &params, gradients: &g, value: None, loss: cx.loss };
            let (updates, next) = self.adversary.advance(g.clone(), &adv_state, &at);
            params = add_to(&params, &updates.map(|u| -u));
            g = grad(|p: &PerLeaf| loss(p))(&params).map(Array::conj);
            adv_state = next;
        }
        if self.reset_state {
            adv_state = self.adversary.start(cx.params);
        }
        let (updates, opt_state) = self.optimizer.advance(g, &state.opt_state, cx);
        (updates, opt_state, adv_state)
    }
}

impl<O: Optimizer, A: Optimizer> Optimizer for Sam<O, A> {
    type State = SamState<O::State, A::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        SamState {
            steps_since_sync: zero(),
            opt_state: self.optimizer.start(params),
            adv_state: self.adversary.start(params),
            cache: (!self.opaque).then(|| params.clone()),
        }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let Some(cache) = &state.cache else {
            let (updates, opt_state, adv_state) = self.opaque(g, state, cx);
            let steps_since_sync = state.steps_since_sync.clone();
            return (updates, SamState { steps_since_sync, opt_state, adv_state, cache: None });
        };
        let first = state.steps_since_sync.equal(0);
        let last = state.steps_since_sync.equal(self.sync_period - 1);
        let (upward, adv_state) = self.adversary.advance(g.clone(), &state.adv_state, cx);
        let origin = Context { params: cache, gradients: cx.gradients, value: cx.value, loss: cx.loss };
        let (updates, opt_state) = self.optimizer.advance(g, &state.opt_state, &origin);
        let back = updates.zip3(cache, cx.params, |u, c, p| c - p + u);
        let kept = if self.reset_state { self.adversary.start(cx.params) } else { state.adv_state.clone() };
        let next = SamState {
            steps_since_sync: (&state.steps_since_sync + 1) % self.sync_period,
            opt_state: select(&last, &opt_state, &state.opt_state),
            adv_state: select(&last, &kept, &adv_state),
            cache: Some(select(&first, cx.params, cache)),
        };
        (select(&last, &back, &upward.map(|u| -u)), next)
    }
}
