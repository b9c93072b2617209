//! Margins, and losses of projections onto the simplex.

use crate::api::custom::custom_jvp;
use crate::api::vmap::vmap;
use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::optim::projections::unit_simplex;

use super::{floats, one_hot, same_shape};

/// max(0, 1 − x·y), for targets y of −1 or 1.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// assert_eq!(losses::hinge_loss(np::array([0.5, 2.0]), np::array([1.0, 1.0])).to_vec::<f32>(), [0.5, 0.0]);
/// ```
///
/// # Panics
/// If the shapes cannot be broadcast.
#[track_caller]
pub fn hinge_loss(predictor_outputs: impl ArrayLike, targets: impl ArrayLike) -> Array {
    (1.0 - predictor_outputs.to_array() * targets.to_array()).maximum(0.0)
}

/// max(0, −x·y), for targets y of −1 or 1.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// assert_eq!(losses::perceptron_loss(np::array([-0.5, 2.0]), np::array([1.0, 1.0])).to_vec::<f32>(), [0.5, 0.0]);
/// ```
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn perceptron_loss(predictor_outputs: impl ArrayLike, targets: impl ArrayLike) -> Array {
    let (x, y) = (predictor_outputs.to_array(), targets.to_array());
    same_shape("perceptron_loss", &x, &y);
    (-x * y).maximum(0.0)
}

/// The greatest of the scores along the last axis, in which those of wrong classes are one more, minus that of the
/// label.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// assert_eq!(losses::multiclass_hinge_loss(np::array([[1.0, 0.5]]), [0]).to_vec::<f32>(), [0.5]);
/// ```
///
/// # Panics
/// If there is not one label for each row of scores.
#[track_caller]
pub fn multiclass_hinge_loss(scores: impl ArrayLike, labels: impl ArrayLike) -> Array {
    let (scores, chosen) = of_classes(scores, labels);
    (&scores + 1.0 - &chosen).max_axis(-1) - (scores * chosen).sum_axis(-1)
}

/// The greatest of the scores along the last axis minus that of the label.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// assert_eq!(losses::multiclass_perceptron_loss(np::array([[1.0, 0.5]]), [1]).to_vec::<f32>(), [0.5]);
/// ```
///
/// # Panics
/// If there is not one label for each row of scores.
#[track_caller]
pub fn multiclass_perceptron_loss(scores: impl ArrayLike, labels: impl ArrayLike) -> Array {
    let (scores, chosen) = of_classes(scores, labels);
    scores.max_axis(-1) - (scores * chosen).sum_axis(-1)
}

#[track_caller]
fn of_classes(scores: impl ArrayLike, labels: impl ArrayLike) -> (Array, Array) {
    let scores = scores.to_array();
    let classes = scores.shape()[super::axis_of(-1, &scores)];
    let chosen = one_hot(&labels.to_array(), classes, scores.dtype());
    (scores, chosen)
}

/// The sparsemax loss of two classes, for labels 0 and 1 ([sparsemax](https://arxiv.org/abs/1602.02068)).
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// assert_eq!(losses::sparsemax_loss(np::array([0.0, 3.0]), [1, 1]).to_vec::<f32>(), [0.25, 0.0]);
/// ```
///
/// # Panics
/// If the logits are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn sparsemax_loss(logits: impl ArrayLike, labels: impl ArrayLike) -> Array {
    let logits = logits.to_array();
    floats("sparsemax_loss", "logits", &logits);
    let x = where_(labels.to_array().not_equal(0), -&logits, &logits);
    let middle = (&x + 1.0).square() / 4.0;
    where_(x.less_equal(-1.0), 0.0, where_(x.greater_equal(1.0), &x, middle))
}

/// The sparsemax loss of the scores of one example.
#[track_caller]
fn sparsemax_of(scores: &Array, chosen: &Array) -> Array {
    let probabilities = unit_simplex(scores);
    let score = where_(chosen.equal(0.0), 0.0, scores).sum();
    let above = where_(probabilities.not_equal(0.0).logical_and(chosen.equal(0.0)), scores - score, 0.0);
    (&probabilities * above).sum() + 0.5 * (1.0 - probabilities.square().sum())
}

/// The sparsemax loss of scores of shape `[batch, classes]` ([sparsemax](https://arxiv.org/abs/1602.02068)).
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// assert_eq!(losses::multiclass_sparsemax_loss(np::array([[5.0, 0.0]]), [0]).to_vec::<f32>(), [0.0]);
/// ```
///
/// # Panics
/// If the scores are not a matrix of floats, or there is not one label for each row.
#[track_caller]
pub fn multiclass_sparsemax_loss(scores: impl ArrayLike, labels: impl ArrayLike) -> Array {
    let (scores, chosen) = of_classes(scores, labels);
    floats("multiclass_sparsemax_loss", "scores", &scores);
    // The probabilities maximize Σ p·x + (1 − Σ p²) / 2, so the slope of the maximum is p.
    let loss = custom_jvp(sparsemax_of).defjvp(|(scores, chosen), (t, _)| {
        let slope = unit_simplex(scores) - chosen;
        (sparsemax_of(scores, chosen), (slope * t).sum())
    });
    vmap(|scores: &Array, chosen: &Array| loss(scores, chosen))(&scores, &chosen)
}

/// The Fenchel-Young loss of a function that is a smooth maximum: f(x) − x·y along the last axis.
///
/// With `logsumexp`, it is the cross-entropy, up to the entropy of the targets
/// ([Blondel et al.](https://arxiv.org/abs/1901.02324)).
///
/// ```
/// use cotangent::{optim::losses, prelude::*, scipy::special};
/// let max = |scores: &Array| special::logsumexp(scores);
/// let loss = losses::fenchel_young_loss(max, np::zeros((1, 2)), np::array([[1.0, 0.0]]));
/// assert!((loss.item::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn fenchel_young_loss(
    max: impl Fn(&Array) -> Array + Send + Sync,
    scores: impl ArrayLike,
    targets: impl ArrayLike,
) -> Array {
    let (scores, targets) = (scores.to_array(), targets.to_array());
    same_shape("fenchel_young_loss", &scores, &targets);
    let last = scores.shape()[super::axis_of(-1, &scores)];
    let rows = scores.reshape((scores.size() / last.max(1), last));
    let batch = &scores.shape()[..scores.ndim() - 1];
    vmap(|row: &Array| max(row))(&rows).reshape(batch) - (&scores * targets).sum_axis(-1)
}
