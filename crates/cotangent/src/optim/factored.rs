//! Scaling by a root mean square of which only the means over rows and columns are kept.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::numpy as np;

use super::moments::{abs_sq, safe_increment, zero};
use super::number::Number;
use super::optimizer::{Context, Optimizer};
use super::options::options;
use super::per_leaf::PerLeaf;

/// The state of [`scale_by_factored_rms`]. What a parameter does not use has one element.
#[derive(Clone, Debug, Tree)]
pub struct FactoredState {
    /// The number of steps.
    pub count: Array,
    /// The running means of squares, averaged over the largest axis.
    pub v_row: PerLeaf,
    /// The running means of squares, averaged over the second largest axis.
    pub v_col: PerLeaf,
    /// The running means of squares of parameters that are not factored.
    pub v: PerLeaf,
}

options! {
    /// Divides updates by an estimate of their root mean square that keeps a number for each row and column, not for
    /// each element ([Adafactor](https://arxiv.org/abs/1804.04235)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let state = optim::scale_by_factored_rms().init(&np::ones((200, 300)));
    /// assert_eq!((state.v_row[""].shape(), state.v_col[""].shape()), (&[200][..], &[300][..]));
    /// ```
    scale_by_factored_rms ScaleByFactoredRms() {
        /// Whether parameters are factored at all.
        factored: bool = true;
        /// The power c in the decay 1 − t^(−c) of the running means in step t.
        decay_rate: Number = 0.8;
        /// The step from which t is counted.
        step_offset: Number = 0.0;
        /// The least size of both axes for which a parameter is factored.
        min_dim_size_to_factor: usize = 128usize;
        /// Added to the squares.
        epsilon: Number = 1e-30;
    }
}

impl ScaleByFactoredRms {
    /// The second largest and the largest axis of a parameter that is factored.
    fn axes(&self, shape: &[usize]) -> Option<(usize, usize)> {
        let mut order: Vec<usize> = (0..shape.len()).collect();
        order.sort_by_key(|axis| shape[*axis]);
        match order[..] {
            [.., second, first] if self.factored && shape[second] >= self.min_dim_size_to_factor => {
                Some((second, first))
            }
            _ => None,
        }
    }
}

impl Optimizer for ScaleByFactoredRms {
    type State = FactoredState;

    fn start(&self, params: &PerLeaf) -> FactoredState {
        let without = |p: &Array, axis: Option<usize>| {
            let shape: Vec<usize> = match axis {
                Some(axis) => (0..p.ndim()).filter(|i| *i != axis).map(|i| p.shape()[i]).collect(),
                None => vec![1],
            };
            np::zeros_as(shape, p.dtype().real())
        };
        FactoredState {
            count: zero(),
            v_row: params.map(|p| without(p, self.axes(p.shape()).map(|(_, first)| first))),
            v_col: params.map(|p| without(p, self.axes(p.shape()).map(|(second, _)| second))),
            v: params.map(|p| match self.axes(p.shape()) {
                Some(_) => without(p, None),
                None => np::zeros_as(p.shape(), p.dtype().real()),
            }),
        }
    }

    fn advance(&self, g: PerLeaf, state: &FactoredState, _: &Context<'_>) -> (PerLeaf, FactoredState) {
        let step = state.count.astype(DType::F32) - self.step_offset.array() + 1.0;
        let decay = 1.0 - step.pow(self.decay_rate.negative().array());
        let mean = |old: &Array, new: Array| (&decay * old + (1.0 - &decay) * new).astype(old.dtype());
        let moments = state.v_row.zip3(&state.v_col, &state.v, |row, col, v| (row.clone(), col.clone(), v.clone()));
        let results = g.zip(&moments, |g, (row, col, v)| {
            let square = abs_sq(g) + self.epsilon.array();
            let Some((second, first)) = self.axes(g.shape()) else {
                let v = mean(v, square);
                return (g * v.rsqrt(), (row.clone(), (col.clone(), v)));
            };
            let (row, col) =
                (mean(row, square.mean_axis(first as isize)), mean(col, square.mean_axis(second as isize)));
            let reduced = if second > first { second - 1 } else { second };
            let of_row = (&row / row.mean_keepdims(reduced as isize)).rsqrt().expand_dims(first as isize);
            let of_col = col.rsqrt().expand_dims(second as isize);
            (g * of_row * of_col, (row, (col, v.clone())))
        });
        let (updates, rest) = results.unzip();
        let (v_row, rest) = rest.unzip();
        let (v_col, v) = rest.unzip();
        (updates, FactoredState { count: safe_increment(&state.count), v_row, v_col, v })
    }
}
