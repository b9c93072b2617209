//! Mechanic: a learning rate for any optimizer.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::numpy as np;

use super::linesearch::real_dot;
use super::moments::{norm, root, safe_increment, zero};
use super::number::Number;
use super::optimizer::{Context, Optimizer};
use super::per_leaf::PerLeaf;
use super::wrap::{narrowest, select};

/// The state of [`mechanize`].
#[derive(Clone, Debug, Tree)]
pub struct MechanicState<S> {
    /// The state of the optimizer.
    pub base_optimizer_state: S,
    /// The number of steps.
    pub count: Array,
    /// The rewards, for each decay.
    pub r: Array,
    /// The greatest inner products so far.
    pub m: Array,
    /// The sums of their squares.
    pub v: Array,
    /// The parts of the learning rate.
    pub s: Array,
    /// The parameters before the first step.
    pub x0: PerLeaf,
}

/// What [`mechanize`] returns.
#[derive(Clone, Debug)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct Mechanize<O> {
    base: O,
    weight_decay: Number,
    eps: Number,
    s_init: Number,
    num_betas: usize,
}

/// Finds the learning rate of an optimizer ([Mechanic](https://arxiv.org/abs/2306.00144)). The optimizer should have a
/// learning rate of 1, or its schedule.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let optimizer = optim::mechanize(optim::sgd(1.0)).s_init(1e-3);
/// let mut x = np::ones(2);
/// let mut state = optimizer.init(&x);
/// for _ in 0..20 {
///     (x, state) = optimizer.apply(&x, &x.clone(), &state);
/// }
/// assert!(x.max().item::<f32>() < 0.5);
/// ```
pub fn mechanize<O: Optimizer>(base: O) -> Mechanize<O> {
    Mechanize { base, weight_decay: 0.01.into(), eps: 1e-8.into(), s_init: 1e-6.into(), num_betas: 6 }
}

impl<O> Mechanize<O> {
    /// How much the parameters decay, relative to the norm of the gradients; 0.01 by default.
    pub fn weight_decay(mut self, decay: impl Into<Number>) -> Self {
        self.weight_decay = decay.into();
        self
    }

    /// Added to divisors; 1e-8 by default.
    pub fn eps(mut self, eps: impl Into<Number>) -> Self {
        self.eps = eps.into();
        self
    }

    /// The first learning rate; 1e-6 by default.
    pub fn s_init(mut self, s: impl Into<Number>) -> Self {
        self.s_init = s.into();
        self
    }

    /// The number of decays: 1 − 0.1, 1 − 0.01 and so on; 6 by default.
    pub fn num_betas(mut self, n: usize) -> Self {
        self.num_betas = n;
        self
    }
}

impl<O: Optimizer> Optimizer for Mechanize<O> {
    type State = MechanicState<O::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        let dtype = narrowest(params);
        let zeros = np::zeros_as(self.num_betas, dtype);
        MechanicState {
            base_optimizer_state: self.base.start(params),
            count: zero(),
            r: zeros.clone(),
            m: zeros.clone(),
            v: zeros,
            s: np::full_as(self.num_betas, self.s_init.array(), dtype),
            x0: params.clone(),
        }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let eps = self.eps.array();
        let (updates, base_optimizer_state) = self.base.advance(g.clone(), &state.base_optimizer_state, cx);
        let x0 = select(&state.count.equal(0), cx.params, &state.x0);
        let sum = state.s.sum();
        let decay = self.weight_decay.array() * &sum * norm(&g) / (norm(cx.params) + &eps);
        let decayed = g.zip(cx.params, |g, p| g + &decay * p);
        let before = cx.params.zip(&x0, |x, x0| (x0 - x) / (&sum + &eps));
        let delta = before.zip(&updates, |d, u| d - u);
        let h = real_dot(&decayed, &before);
        let clipped = np::clip(&h, -&state.m, &state.m);
        let decays: Vec<f64> = (1..=self.num_betas).map(|i| 1.0 - 0.1f64.powi(i as i32)).collect();
        let betas = Array::from(decays).astype(state.s.dtype());
        let m = (&betas * &state.m).maximum(h.abs() + &eps);
        let v = betas.square() * &state.v + h.square();
        let r = &betas * &state.r + clipped * &state.s;
        let wealth = self.s_init.array() / self.num_betas * &m + r.maximum(0.0);
        let s = wealth / (root(&v, &0.0.into()) + eps);
        let rate = s.sum();
        let moves = x0.zip3(&delta, cx.params, |x0, d, p| x0 - &rate * d - p);
        let count = safe_increment(&state.count);
        (moves, MechanicState { base_optimizer_state, count, r, m, v, s, x0 })
    }
}
