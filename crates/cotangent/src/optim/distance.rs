//! Steps as long as the distance from the initial parameters, for each parameter by itself.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::numpy as np;

use super::moments::{abs_sq, safe_norm};
use super::number::Number;
use super::optimizer::{Context, Optimizer};
use super::options::options;
use super::per_leaf::PerLeaf;

/// The state of [`scale_by_distance_over_gradients`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByDistanceOverGradientsState {
    /// The greatest distance of each parameter from its initial value so far.
    pub max_dist: PerLeaf,
    /// The sums of the squared norms of the gradients.
    pub grad_sum_of_squares: PerLeaf,
    /// The parameters before the first step.
    pub init_params: PerLeaf,
}

options! {
    /// As [`scale_by_dog`](super::scale_by_dog), for each parameter by itself
    /// ([layer-wise DoG](https://arxiv.org/abs/2302.12022)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let state = optim::scale_by_distance_over_gradients().init(&np::array([3.0, 4.0]));
    /// assert!((state.max_dist[""].item::<f32>() - 6e-6).abs() < 1e-9);
    /// ```
    scale_by_distance_over_gradients ScaleByDistanceOverGradients() {
        /// The initial distance, relative to 1 + the norm of the parameter.
        reps_rel: Number = 1e-6;
        /// Added under the root.
        eps: Number = 1e-8;
        /// The dtype of the initial parameters that are kept.
        param_dtype: DType = DType::F32;
        /// A factor of the updates.
        global_scale: Number = 1.0;
    }
}

fn length(x: &Array) -> Array {
    safe_norm(x, 0.0)
}

impl Optimizer for ScaleByDistanceOverGradients {
    type State = ScaleByDistanceOverGradientsState;

    fn start(&self, params: &PerLeaf) -> Self::State {
        ScaleByDistanceOverGradientsState {
            max_dist: params.map(|p| self.reps_rel.array() * (1.0 + length(p))),
            grad_sum_of_squares: params.map(|p| np::zeros_as((), p.dtype().real())),
            init_params: params.map(|p| p.astype(self.param_dtype)),
        }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let max_dist = state.max_dist.zip3(cx.params, &state.init_params, |d, x, y| d.maximum(length(&(x - y))));
        let sums = state.grad_sum_of_squares.zip(&g, |sum, g| sum + abs_sq(g).sum());
        let updates = g.zip3(&max_dist, &sums, |g, d, sum| {
            (self.global_scale.array() * (d / (sum + self.eps.array()).sqrt())) * g
        });
        let init_params = state.init_params.clone();
        (updates, ScaleByDistanceOverGradientsState { max_dist, grad_sum_of_squares: sums, init_params })
    }
}
