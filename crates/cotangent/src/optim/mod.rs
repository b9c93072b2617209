//! Optimizers, in the style of [Optax](https://optax.readthedocs.io): small parts that turn gradients into updates, and
//! that can be chained, masked and wrapped. Also schedules, losses and projections.
//!
//! ```
//! use cotangent::{optim, prelude::*};
//! #[derive(Clone, Tree)]
//! struct Model { weight: Array, bias: Array }
//!
//! let loss = |m: &Model, x: &Array, y: &Array| (x.matmul(&m.weight) + &m.bias - y).powi(2).mean();
//!
//! let rate = optim::warmup_cosine_decay_schedule(0.0, 0.1, 10, 100, 0.0);
//! let optimizer = optim::chain((optim::clip_by_global_norm(1.0), optim::adamw(rate)));
//!
//! let mut model = Model { weight: np::zeros((3, 1)), bias: np::zeros(1) };
//! let mut state = optimizer.init(&model);
//! let step = jit(move |model: &Model, state: &_, x: &Array, y: &Array| {
//!     let (value, gradient) = value_and_grad(loss)(model, x, y);
//!     let (model, state) = optimizer.apply(model, &gradient, state);
//!     (value, model, state)
//! });
//!
//! let x = random::normal(random::key(0), (16, 3));
//! let y = x.sum_keepdims(1);
//! let mut value = np::zeros(());
//! for _ in 0..100 {
//!     (value, model, state) = step(&model, &state, &x, &y);
//! }
//! assert!(value.item::<f32>() < 0.1);
//! ```
//!
//! # What there is
//!
//! | kind | examples |
//! |---|---|
//! | optimizers | [`sgd`], [`adam()`], [`adamw`] |
//! | their parts | [`scale_by_adam`], [`trace()`], [`add_decayed_weights`], [`clip_by_global_norm`] |
//! | combinations | [`chain`], [`masked`], [`partition`] |
//! | schedules | [`cosine_decay_schedule`], [`join_schedules`] |
//! | losses, projections | [`losses`], [`projections`] |
//!
//! The trait [`Optimizer`] has the methods of all of them, and shows how to write your own.
//!
//! # How Optax's arguments are spelled
//!
//! Required arguments are arguments; the others are methods: `adamw(1e-3, b1=0.95)` is `adamw(1e-3).b1(0.95)`. A
//! learning rate, or another [`Hyper`] parameter, is a number, a scalar array, a [`Schedule`] or a function of the
//! step.
//! A [`Mask`] is a function of the path and value of a leaf.

mod accumulate;
mod adam;
mod adaptive;
mod add;
mod aliases;
mod any;
pub mod assignment;
mod clip;
mod combine;
mod contrib;
mod decay;
mod dimensions;
mod distance;
mod factored;
mod functions;
mod galore;
mod lbfgs;
mod linear_algebra;
mod linesearch;
mod lion;
pub mod losses;
mod mask;
mod mechanic;
mod microbatching;
mod moments;
mod momo;
mod monitoring;
mod more_aliases;
mod muon;
mod number;
mod optimizer;
mod options;
mod per_leaf;
mod perturbations;
mod plateau;
pub mod projections;
mod real_parts;
mod rms;
mod scale;
mod schedule;
mod sharpness;
mod update;
mod variants;
mod wrap;

pub use accumulate::*;
pub use adam::*;
pub use adaptive::*;
pub use add::*;
pub use aliases::{
    Adabelief, Adam, AdamW, Adamax, AdamaxW, Adan, Amsgrad, NoisySgd, Radam, Sgd, SignSgd, Signum, Yogi, adabelief,
    adam, adamax, adamaxw, adamw, adan, amsgrad, nadam, nadamw, noisy_sgd, radam, sgd, sign_sgd, signum, yogi,
};
pub use any::{AnyOptimizer, AnyState};
pub use clip::*;
pub use combine::{chain, identity};
pub use contrib::*;
pub use decay::*;
pub use dimensions::{WeightDimensionNumbers, WeightDimensions};
pub use distance::*;
pub use factored::*;
pub use functions::*;
pub use galore::*;
pub use lbfgs::*;
pub use linear_algebra::*;
pub use linesearch::{
    ScaleByBacktrackingLinesearch, ScaleByBacktrackingLinesearchState, ScaleByZoomLinesearch,
    ScaleByZoomLinesearchState, scale_by_backtracking_linesearch, scale_by_zoom_linesearch,
};
pub use lion::*;
pub use mask::{Mask, Masked, Partition, freeze, masked, partition};
pub use mechanic::{MechanicState, Mechanize, mechanize};
pub use microbatching::*;
pub use moments::{safe_increment, safe_norm, safe_norm_with, safe_root_mean_squares};
pub use momo::*;
pub use monitoring::*;
pub use more_aliases::*;
pub use muon::*;
pub use number::{Hyper, Number};
pub use optimizer::{Context, Loss, Optimizer};
pub use per_leaf::PerLeaf;
pub use perturbations::*;
pub use plateau::*;
pub use real_parts::{SplitRealAndImaginary, SplitRealAndImaginaryState, split_real_and_imaginary};
pub use rms::*;
pub use scale::*;
pub use schedule::{
    Schedule, constant_schedule, linear_schedule, piecewise_constant_schedule, polynomial_schedule,
    polynomial_schedule_from, warmup_constant_schedule,
};
pub use sharpness::{Sam, SamState, sam};
pub use update::{apply_updates, global_norm, incremental_update, periodic_update, tree_cast};
pub use variants::*;
pub use wrap::{
    ApplyIfFinite, ApplyIfFiniteState, Conditional, ConditionalState, InjectHyperparams, InjectHyperparamsState,
    Lookahead, LookaheadState, MultiSteps, MultiStepsState, apply_if_finite, conditionally_mask,
    conditionally_transform, inject_hyperparams, lookahead, multi_steps,
};
