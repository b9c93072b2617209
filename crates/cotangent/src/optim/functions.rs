//! Optimizers made of functions, and sums of clipped gradients.

use std::fmt;
use std::sync::Arc;

use cotangent_derive::Tree;

use crate::array::Array;
use crate::error::{Error, raise};
use crate::numpy as np;
use crate::random::{self, Key};
use crate::tree::Tree;

use super::accumulate::{Trace, trace};
use super::moments::{abs_sq, total};
use super::number::{Hyper, Number};
use super::optimizer::{Context, Optimizer};
use super::options::{alias, options};
use super::per_leaf::PerLeaf;
use super::scale::{ScaleByLearningRate, scale_by_learning_rate};

/// A function of updates and parameters.
type Function = dyn Fn(&PerLeaf, &PerLeaf) -> PerLeaf + Send + Sync;

/// What [`stateless`] returns.
#[derive(Clone)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct Stateless(Arc<Function>);

impl fmt::Debug for Stateless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stateless")
    }
}

/// Replaces updates by a function of them and the parameters.
///
/// ```
/// use cotangent::{optim::{self, PerLeaf}, prelude::*};
/// let part = optim::stateless(|updates: &PerLeaf, params: &PerLeaf| updates.zip(params, |u, p| u * p));
/// let x = np::array([3.0]);
/// assert_eq!(part.update(&x, &(), &x).0.item::<f32>(), 9.0);
/// ```
pub fn stateless(f: impl Fn(&PerLeaf, &PerLeaf) -> PerLeaf + Send + Sync + 'static) -> Stateless {
    Stateless(Arc::new(f))
}

/// Replaces each update by a function of it and its parameter.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let part = optim::stateless_with_tree_map(|u: &Array, _: &Array| u.tanh());
/// let x = np::array([0.0]);
/// assert_eq!(part.update(&x, &(), &x).0.item::<f32>(), 0.0);
/// ```
pub fn stateless_with_tree_map(f: impl Fn(&Array, &Array) -> Array + Send + Sync + 'static) -> Stateless {
    stateless(move |updates, params| updates.zip(params, &f))
}

impl Optimizer for Stateless {
    type State = ();

    fn start(&self, _: &PerLeaf) {}

    fn advance(&self, updates: PerLeaf, (): &(), cx: &Context<'_>) -> (PerLeaf, ()) {
        ((self.0)(&updates, cx.params), ())
    }
}

/// The number of examples: the size of the first axis of each gradient.
#[track_caller]
fn examples(who: &str, gradients: &PerLeaf) -> usize {
    let sizes: Vec<Option<usize>> = gradients.values().iter().map(|g| g.shape().first().copied()).collect();
    match sizes[..] {
        [Some(size), ..] if sizes.iter().all(|s| *s == Some(size)) => size,
        _ => raise(
            Error::shape(format!("{who}: the first axis of each gradient must be that of the examples, got {sizes:?}"))
                .help("compute a gradient for each example: `vmap(grad(loss))`"),
        ),
    }
}

/// Sums of gradients, each example's scaled so that its norm is at most `most`, and the number of those scaled.
fn clipped_sum(gradients: &PerLeaf, most: &Number) -> (PerLeaf, Array) {
    let rest = |g: &Array| (1..g.ndim() as isize).collect::<Vec<_>>();
    let square = total(&gradients.map(|g| if g.ndim() > 1 { abs_sq(g).sum_axis(rest(g)) } else { abs_sq(g) }));
    let norms = square.sqrt();
    let factors = np::where_(norms.equal(0.0), 1.0, (most.array() / norms).minimum(1.0));
    let count = factors.less(1.0).sum();
    (gradients.map(|g| np::tensordot(factors.astype(g.dtype()), g, 1)), count)
}

/// Returns the sum over the examples, the first axis, of gradients, each scaled so that its norm over all leaves is at
/// most
/// `l2_norm_clip`, and the number of those that were scaled.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let gradients = np::array([[3.0, 4.0], [0.3, 0.4]]);
/// let (sum, clipped) = optim::per_example_global_norm_clip(&gradients, 1.0);
/// assert!(np::allclose(sum, np::array([0.9, 1.2])).item::<bool>());
/// assert_eq!(clipped.item::<i32>(), 1);
/// ```
///
/// # Panics
/// If the first axes of the gradients differ.
#[track_caller]
pub fn per_example_global_norm_clip<P: Tree>(gradients: &P, l2_norm_clip: impl Into<Number>) -> (P, Array) {
    let leaves = PerLeaf::of(gradients);
    examples("per_example_global_norm_clip", &leaves);
    let (sum, count) = clipped_sum(&leaves, &l2_norm_clip.into());
    (sum.to_tree(gradients), count)
}

/// As [`per_example_global_norm_clip`], with a bound for each leaf by itself. Returns the number of scaled gradients
/// for each
/// leaf. The squares of the bounds add up to that of `global_l2_norm_clip`: in equal parts if `uniform`, else in
/// proportion to
/// the sizes of the leaves.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let gradients = (np::array([[3.0, 4.0]]), np::array([[0.3, 0.4]]));
/// let (sum, clipped) = optim::per_example_layer_norm_clip(&gradients, 2f64.sqrt(), true);
/// assert!(np::allclose(sum.0, np::array([0.6, 0.8])).item::<bool>());
/// assert_eq!((clipped.0.item::<i32>(), clipped.1.item::<i32>()), (1, 0));
/// ```
///
/// # Panics
/// If the first axes of the gradients differ.
#[track_caller]
pub fn per_example_layer_norm_clip<P: Tree>(gradients: &P, global_l2_norm_clip: f64, uniform: bool) -> (P, P) {
    let leaves = PerLeaf::of(gradients);
    let count = examples("per_example_layer_norm_clip", &leaves).max(1);
    let size = |g: &Array| (g.size() / count) as f64;
    let all: f64 = leaves.values().iter().map(size).sum();
    let parts = leaves.map(|g| {
        let share = if uniform { 1.0 / leaves.values().len() as f64 } else { size(g) / all };
        let (sum, clipped) = clipped_sum(&PerLeaf::of(g), &(global_l2_norm_clip * share.sqrt()).into());
        (sum.to_tree(g), clipped)
    });
    let (sums, clipped) = parts.unzip();
    (sums.to_tree(gradients), clipped.to_tree(gradients))
}

/// The state of [`differentially_private_aggregate`].
#[derive(Clone, Debug, Tree)]
pub struct DifferentiallyPrivateAggregateState {
    /// The key of the noise of all further steps.
    pub key: Key,
}

options! {
    /// Replaces the gradients of the examples, along their first axis, by the mean of the clipped gradients with noise
    /// ([DP-SGD](https://arxiv.org/abs/1607.00133)).
    ///
    /// Its parameters do not have that axis: use it through [`Optimizer::advance`], or with [`dpsgd`] after
    /// [`per_example_global_norm_clip`].
    ///
    /// ```
    /// use cotangent::{optim::{self, Context, PerLeaf}, prelude::*};
    /// let part = optim::differentially_private_aggregate(1.0, 0.0, random::key(0));
    /// let params = PerLeaf::of(&np::zeros(2));
    /// let gradients = PerLeaf::of(&np::array([[3.0, 4.0], [0.0, 0.0]]));
    /// let cx = Context { params: &params, gradients: &gradients, value: None, loss: None };
    /// let (mean, _) = part.advance(gradients.clone(), &part.start(&params), &cx);
    /// assert!(np::allclose(&mean[""], np::array([0.3, 0.4])).item::<bool>());
    /// ```
    differentially_private_aggregate DifferentiallyPrivateAggregate(
        l2_norm_clip: Number, noise_multiplier: Number, key: Key,
    ) {}
}

impl Optimizer for DifferentiallyPrivateAggregate {
    type State = DifferentiallyPrivateAggregateState;

    fn start(&self, _: &PerLeaf) -> Self::State {
        DifferentiallyPrivateAggregateState { key: self.key.clone() }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, _: &Context<'_>) -> (PerLeaf, Self::State) {
        let size = examples("differentially_private_aggregate", &g);
        let (sums, _) = clipped_sum(&g, &self.l2_norm_clip);
        let mut keys = random::split(state.key.clone(), g.values().len() + 1).into_iter();
        let key = keys.next().unwrap_or_else(|| state.key.clone());
        let deviation = self.l2_norm_clip.array() * self.noise_multiplier.array();
        let noisy = sums.map(|g| match keys.next() {
            Some(key) => (g + &deviation * random::normal_as(key, g.shape(), g.dtype())) / size,
            None => g.clone(),
        });
        (noisy, DifferentiallyPrivateAggregateState { key })
    }
}

alias! {
    /// Differentially private gradient descent ([DP-SGD](https://arxiv.org/abs/1607.00133)) on gradients for each
    /// example:
    /// see [`differentially_private_aggregate`].
    ///
    /// ```
    /// use cotangent::{optim::{self, Context, PerLeaf}, prelude::*};
    /// let optimizer = optim::dpsgd(1.0, 1.0, 0.0, random::key(0));
    /// let params = PerLeaf::of(&np::zeros(2));
    /// let gradients = PerLeaf::of(&np::array([[0.3, 0.4]]));
    /// let cx = Context { params: &params, gradients: &gradients, value: None, loss: None };
    /// let (updates, _) = optimizer.advance(gradients.clone(), &optimizer.start(&params), &cx);
    /// assert!(np::allclose(&updates[""], np::array([-0.3, -0.4])).item::<bool>());
    /// ```
    dpsgd Dpsgd(learning_rate: Hyper, l2_norm_clip: Number, noise_multiplier: Number, key: Key) {
        /// Whether the momentum looks one step ahead.
        nesterov: bool = false;
    } {
        /// The decay of the sum of gradients.
        momentum: Number;
    }
    (DifferentiallyPrivateAggregate, Option<Trace>, ScaleByLearningRate): |o| (
        differentially_private_aggregate(&o.l2_norm_clip, &o.noise_multiplier, o.key.clone()),
        o.momentum.as_ref().map(|decay| trace(decay).nesterov(o.nesterov)),
        scale_by_learning_rate(&o.learning_rate),
    )
}
