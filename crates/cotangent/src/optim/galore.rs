//! Gradients of low rank.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::lax::cond;
use crate::numpy::{self as np, linalg};

use super::adam::{ScaleByAdam, scale_by_adam};
use super::add::AddDecayedWeights;
use super::aliases::decay;
use super::dimensions::{Layout, WeightDimensions};
use super::mask::Mask;
use super::moments::{safe_increment, zero, zeros_like};
use super::number::{Hyper, Number};
use super::optimizer::{Context, Optimizer};
use super::options::{alias, options};
use super::per_leaf::PerLeaf;
use super::scale::{ScaleByLearningRate, scale_by_learning_rate};

/// The state of [`scale_by_galore`].
#[derive(Clone, Debug, Tree)]
pub struct GaloreState<S> {
    /// The number of steps.
    pub count: Array,
    /// The state of the optimizer, for gradients of low rank.
    pub base_optimizer_state: S,
    /// The projections; empty for parameters that are not projected.
    pub projector: PerLeaf,
}

/// What [`scale_by_galore`] returns.
#[derive(Clone, Debug)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct ScaleByGalore<O = ScaleByAdam> {
    base: O,
    rank: usize,
    update_proj_gap: usize,
    scale: Number,
    weight_dimension_numbers: WeightDimensions,
}

/// Projects the gradient of each matrix onto its leading singular vectors, and applies an optimizer there, which needs
/// a state of that size only ([GaLore](https://arxiv.org/abs/2403.03507)). Other parameters are not projected.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let (part, x) = (optim::scale_by_galore().rank(2), np::ones((8, 4)));
/// let state = part.init(&x);
/// assert_eq!(state.base_optimizer_state.mu[""].shape(), [2, 4]);
/// assert_eq!(part.update(&x, &state, &x).0.shape(), [8, 4]);
/// ```
pub fn scale_by_galore() -> ScaleByGalore {
    ScaleByGalore {
        base: scale_by_adam(),
        rank: 128,
        update_proj_gap: 200,
        scale: 1.0.into(),
        weight_dimension_numbers: WeightDimensions::matrices(),
    }
}

impl<O> ScaleByGalore<O> {
    /// The number of singular vectors, at least 1; 128 by default.
    pub fn rank(mut self, rank: usize) -> Self {
        self.rank = rank.max(1);
        self
    }

    /// The number of steps from one projection to the next; 200 by default.
    pub fn update_proj_gap(mut self, steps: usize) -> Self {
        self.update_proj_gap = steps.max(1);
        self
    }

    /// A factor of the projected updates; 1 by default.
    pub fn scale(mut self, scale: impl Into<Number>) -> Self {
        self.scale = scale.into();
        self
    }

    /// Which parameters are projected; all matrices by default.
    pub fn weight_dimension_numbers(mut self, numbers: impl Into<WeightDimensions>) -> Self {
        self.weight_dimension_numbers = numbers.into();
        self
    }

    /// The optimizer; [`scale_by_adam`] by default.
    pub fn base_optimizer<B: Optimizer>(self, base: B) -> ScaleByGalore<B> {
        let ScaleByGalore { rank, update_proj_gap, scale, weight_dimension_numbers, .. } = self;
        ScaleByGalore { base, rank, update_proj_gap, scale, weight_dimension_numbers }
    }

    /// How a parameter is a matrix, if it is to be projected.
    #[track_caller]
    fn layout(&self, path: &str, x: &Array) -> Option<Layout> {
        self.weight_dimension_numbers.of(path, x).map(|numbers| {
            let layout = Layout::of(path, x, &numbers);
            if layout.groups[0] != 1 {
                crate::error::raise(
                    crate::error::Error::shape(format!("galore: {numbers:?} do not name all axes of `{path}`"))
                        .help("each axis must be a reduction axis or an output axis"),
                );
            }
            layout
        })
    }
}

impl<O: Optimizer> Optimizer for ScaleByGalore<O> {
    type State = GaloreState<O::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        let parts = params.map_with_path(|path, p| match self.layout(path, p) {
            None => (np::zeros_as((0, 0), p.dtype()), np::zeros_like(p)),
            Some(layout) => {
                let [_, m, n] = layout.groups;
                let rank = self.rank.min(m).min(n);
                let zeros = |rows, columns| np::zeros_as((rows, columns), p.dtype());
                if m >= n { (zeros(m, rank), zeros(rank, n)) } else { (zeros(n, rank), zeros(m, rank)) }
            }
        });
        let (projector, proxies) = parts.unzip();
        GaloreState { count: zero(), base_optimizer_state: self.base.start(&proxies), projector }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, _: &Context<'_>) -> (PerLeaf, Self::State) {
        let due = (&state.count % self.update_proj_gap).equal(0);
        let layouts = g.map_with_path(|path, g| self.layout(path, g));
        let parts = g.zip3(&state.projector, &layouts, |g, old, layout| {
            let Some(layout) = layout else { return (g.clone(), old.clone()) };
            let [_, m, n] = layout.groups;
            let matrix = layout.matrices(g).reshape((m, n));
            let rank = old.shape()[1];
            let precise = matrix.astype(if g.dtype() == DType::F64 { DType::F64 } else { DType::F32 });
            let fresh = || {
                let (left, _, right) = linalg::svd(&precise, false);
                let vectors = if m >= n { left } else { right.t() };
                vectors.slice_axis(1, 0, rank).astype(g.dtype())
            };
            let projector = cond(&due, fresh, || old.clone());
            let low = if m >= n { projector.t().matmul(&matrix) } else { matrix.matmul(&projector) };
            (low, projector)
        });
        let (low, projector) = parts.unzip();
        let inside = Context { params: &zeros_like(&low), gradients: &low, value: None, loss: None };
        let (updates, base_optimizer_state) = self.base.advance(low.clone(), &state.base_optimizer_state, &inside);
        let projected = updates.zip3(&projector, &layouts, |u, p, layout| match layout {
            None => u.clone(),
            Some(layout) => {
                let [_, m, n] = layout.groups;
                let full = if m >= n { p.matmul(u) } else { u.matmul(p.t()) };
                self.scale.array() * layout.undo(&full)
            }
        });
        let updates = projected.zip(&g, |u, g| u.astype(g.dtype()));
        let count = safe_increment(&state.count);
        (updates, GaloreState { count, base_optimizer_state, projector })
    }
}

alias! {
    /// [GaLore](https://arxiv.org/abs/2403.03507): Adam on gradients of low rank; see [`scale_by_galore`], which also
    /// takes other optimizers.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (optimizer, x) = (optim::galore(0.1).rank(1usize), np::ones((3, 2)));
    /// let (x, _) = optimizer.apply(&x, &x, &optimizer.init(&x));
    /// assert!(x.max().item::<f32>() < 1.0);
    /// ```
    galore Galore(learning_rate: Hyper) {
        /// The number of singular vectors.
        rank: usize = 128usize;
        /// The number of steps from one projection to the next.
        update_proj_gap: usize = 200usize;
        /// A factor of the projected updates.
        scale: Number = 1.0;
        /// How much the parameters decay.
        weight_decay: Hyper = 0.0;
        /// Which parameters are projected.
        weight_dimension_numbers: WeightDimensions = WeightDimensions::matrices();
    } {
        /// The parameters that decay; all by default.
        mask: Mask;
    }
    (ScaleByGalore, AddDecayedWeights, ScaleByLearningRate): |o| (
        scale_by_galore().rank(o.rank).update_proj_gap(o.update_proj_gap).scale(&o.scale)
            .weight_dimension_numbers(o.weight_dimension_numbers.clone()),
        decay(&o.weight_decay, &o.mask),
        scale_by_learning_rate(&o.learning_rate),
    )
}
