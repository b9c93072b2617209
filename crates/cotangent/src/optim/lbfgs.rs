//! L-BFGS.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::lax::{Scan, dynamic_index_in_dim, dynamic_update_index_in_dim};
use crate::numpy::{self as np, where_};

use super::linesearch::{ScaleByZoomLinesearch, ScaleByZoomLinesearchState, real_dot, scale_by_zoom_linesearch};
use super::moments::{norm, safe_increment, squared_norm, zero, zeros_like};
use super::number::Hyper;
use super::optimizer::{Context, Optimizer};
use super::options::{alias, options};
use super::per_leaf::PerLeaf;
use super::scale::{ScaleByLearningRate, ScheduleState, scale_by_learning_rate};
use super::wrap::widest;

/// The state of [`scale_by_lbfgs`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByLbfgsState {
    /// The number of steps.
    pub count: Array,
    /// The parameters of the step before.
    pub params: PerLeaf,
    /// The updates of the step before.
    pub updates: PerLeaf,
    /// The last differences of the parameters, along a leading axis.
    pub diff_params_memory: PerLeaf,
    /// The last differences of the updates, along a leading axis.
    pub diff_updates_memory: PerLeaf,
    /// For each pair of differences, the inverse of their inner product.
    pub weights_memory: Array,
}

options! {
    /// Multiplies updates by an approximation of the inverse of the Hessian matrix, made from the last steps
    /// (Nocedal and Wright, *Numerical Optimization*, algorithm 7.4).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let optimizer = (optim::scale_by_lbfgs().memory_size(5usize), optim::scale(-1.0));
    /// let x = np::array([3.0, 4.0]);
    /// let (next, _) = optimizer.apply(&x, &x, &optimizer.init(&x));
    /// assert!(np::allclose(&next, np::array([2.4, 3.2])).item::<bool>());
    /// ```
    scale_by_lbfgs ScaleByLbfgs() {
        /// The number of steps that are remembered.
        memory_size: usize = 10usize;
        /// Whether the approximation begins with a multiple of the identity that fits the last step.
        scale_init_precond: bool = true;
    }
}

/// The element of each memory at an index.
fn at(memory: &PerLeaf, index: &Array) -> PerLeaf {
    memory.map(|m| dynamic_index_in_dim(m, index, 0))
}

fn set(memory: &PerLeaf, index: &Array, value: &PerLeaf) -> PerLeaf {
    memory.zip(value, |m, x| dynamic_update_index_in_dim(m, x, index, 0))
}

impl Optimizer for ScaleByLbfgs {
    type State = ScaleByLbfgsState;

    fn start(&self, params: &PerLeaf) -> Self::State {
        let size = self.memory_size.max(1);
        let memory = params.map(|p| np::zeros_as([&[size], p.shape()].concat(), p.dtype()));
        ScaleByLbfgsState {
            count: zero(),
            params: zeros_like(params),
            updates: zeros_like(params),
            diff_params_memory: memory.clone(),
            diff_updates_memory: memory,
            weights_memory: np::zeros_as(size, widest(params)),
        }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let size = self.memory_size.max(1);
        let begun = state.count.greater(0);
        let index = &state.count % size;
        let last = (&state.count - 1) % size;
        let difference = |new: &PerLeaf, old: &PerLeaf| new.zip(old, |a, b| where_(&begun, a - b, 0.0));
        let (dw, du) = (difference(cx.params, &state.params), difference(&g, &state.updates));
        let product = real_dot(&du, &dw);
        let weight = where_(product.equal(0.0), 0.0, 1.0 / &product);
        let params = set(&state.diff_params_memory, &last, &dw);
        let updates = set(&state.diff_updates_memory, &last, &du);
        let weights =
            dynamic_update_index_in_dim(&state.weights_memory, weight.astype(state.weights_memory.dtype()), &last, 0);
        let scale = self.scale_init_precond.then(|| {
            let below = squared_norm(&du);
            let fitted = where_(below.greater(0.0), &product / below, 1.0);
            let capped = (1.0 / norm(&g.map(Array::stop_gradient))).minimum(1.0);
            where_(&begun, fitted, capped)
        });

        let pair = |i: &Array| (at(&params, i), at(&updates, i), dynamic_index_in_dim(&weights, i, 0));
        let moved =
            |x: &PerLeaf, factor: &Array, way: &PerLeaf| x.zip(way, |x, way| (x + factor * way).astype(x.dtype()));
        let right = |x: &PerLeaf, i: &Array| {
            let (dw, du, rho) = pair(i);
            let alpha = rho * real_dot(&dw, x);
            (moved(x, &-&alpha, &du), alpha)
        };
        let left = |x: &PerLeaf, (i, alpha): &(Array, Array)| {
            let (dw, du, rho) = pair(i);
            let beta = rho * real_dot(&du, x);
            (moved(x, &(alpha - beta), &dw), ())
        };
        let indices = (&index + np::arange(size)) % size;
        let (mut result, alphas) = Scan::new().reverse().run(right, g.clone(), &indices);
        if let Some(scale) = scale {
            result = result.map(|x| (&scale * x).astype(x.dtype()));
        }
        let (result, ()) = Scan::new().run(left, result, &(indices, alphas));
        let next = ScaleByLbfgsState {
            count: safe_increment(&state.count),
            params: cx.params.clone(),
            updates: g,
            diff_params_memory: params,
            diff_updates_memory: updates,
            weights_memory: weights,
        };
        (result, next)
    }
}

/// The state of [`lbfgs`].
pub type LbfgsState = (ScaleByLbfgsState, ScheduleState, Option<ScaleByZoomLinesearchState>);

alias! {
    /// [L-BFGS](https://link.springer.com/article/10.1007/BF01589116), a quasi-Newton method, with a line search.
    ///
    /// Its steps are made with [`Optimizer::minimize`], because the line search evaluates the loss.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let loss = |x: &Array| ((x - 1.0).powi(2) * np::array([1.0, 100.0])).sum();
    /// let optimizer = optim::lbfgs();
    /// let (mut value, mut x) = (np::zeros(()), np::zeros(2));
    /// let mut state = optimizer.init(&x);
    /// for _ in 0..10 {
    ///     (value, x, state) = optimizer.minimize(loss, &x, &state);
    /// }
    /// assert!(value.item::<f32>() < 1e-6);
    /// ```
    lbfgs Lbfgs() {
        /// A factor of the step, besides the line search.
        learning_rate: Hyper = 1.0;
        /// The number of steps that are remembered.
        memory_size: usize = 10usize;
        /// Whether the approximation begins with a multiple of the identity that fits the last step.
        scale_init_precond: bool = true;
        /// The line search; with `None`, steps can also be made with [`Optimizer::apply`].
        linesearch: Option<ScaleByZoomLinesearch> = Some(scale_by_zoom_linesearch().keep_stepsize(false));
    }
    (ScaleByLbfgs, ScaleByLearningRate, Option<ScaleByZoomLinesearch>): |o| (
        scale_by_lbfgs().memory_size(o.memory_size).scale_init_precond(o.scale_init_precond),
        scale_by_learning_rate(&o.learning_rate),
        o.linesearch.clone(),
    )
}
