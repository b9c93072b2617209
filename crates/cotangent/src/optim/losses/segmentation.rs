//! Overlap of segmentations.

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::numpy as np;
use crate::scipy::special::{expit, softmax};

use super::same_shape;

/// The options of [`dice_loss`].
///
/// ```
/// use cotangent::optim::losses::DiceLoss;
/// let tversky = DiceLoss { alpha: 0.3, beta: 0.7, ..DiceLoss::default() };
/// assert_eq!(tversky.smooth, 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct DiceLoss {
    /// A factor for each class; 1 by default.
    pub class_weights: Option<Array>,
    /// Added to numerator and denominator.
    pub smooth: f64,
    /// The weight of false positives.
    pub alpha: f64,
    /// The weight of false negatives.
    pub beta: f64,
    /// Whether predictions are logits: of a softmax over the last axis, or of the logistic function for one class.
    pub apply_softmax: bool,
    /// Whether the first class is ignored.
    pub ignore_background: bool,
}

impl Default for DiceLoss {
    fn default() -> DiceLoss {
        DiceLoss {
            class_weights: None,
            smooth: 1.0,
            alpha: 0.5,
            beta: 0.5,
            apply_softmax: true,
            ignore_background: false,
        }
    }
}

/// 1 − Dice's coefficient of predictions and targets of shape `[batch, …, classes]`, the mean over the classes
/// ([V-Net](https://arxiv.org/abs/1606.04797)). With other weights, it is
/// [Tversky's loss](https://arxiv.org/abs/1706.05721).
///
/// ```
/// use cotangent::{optim::losses::{self, DiceLoss}, prelude::*};
/// let targets = np::array([[[1.0, 0.0], [0.0, 1.0]]]);
/// let loss = losses::dice_loss(100.0 * &targets, &targets, &DiceLoss::default());
/// assert_eq!(loss.to_vec::<f32>(), [0.0]);
/// ```
///
/// # Panics
/// If the shapes differ, or there are fewer than two axes.
#[track_caller]
pub fn dice_loss(predictions: impl ArrayLike, targets: impl ArrayLike, options: &DiceLoss) -> Array {
    by_class(&predictions.to_array(), &targets.to_array(), options).mean_axis(-1)
}

#[track_caller]
fn by_class(predictions: &Array, targets: &Array, options: &DiceLoss) -> Array {
    same_shape("dice_loss", predictions, targets);
    if predictions.ndim() < 2 {
        let message = format!("dice_loss: expected an axis of examples and one of classes, got {}", predictions.aval());
        raise(Error::shape(message));
    }
    let classes = predictions.shape()[predictions.ndim() - 1];
    let probabilities = match (options.apply_softmax, classes) {
        (false, _) => predictions.clone(),
        (true, 1) => expit(predictions),
        (true, _) => softmax(predictions, -1),
    };
    let inner: Vec<isize> = (1..predictions.ndim() as isize - 1).collect();
    let sum = |x: &Array| if inner.is_empty() { x.clone() } else { x.sum_axis(inner.clone()) };
    let both = sum(&(&probabilities * targets));
    let (predicted, wanted) = (sum(&probabilities), sum(targets));
    let below = &both + options.alpha * (predicted - &both) + options.beta * (wanted - &both) + options.smooth;
    let mut loss = 1.0 - (both + options.smooth) / below;
    if let Some(weights) = &options.class_weights {
        loss *= weights;
    }
    if options.ignore_background && classes > 1 {
        loss = loss.slice_axis(loss.ndim() - 1, 1, classes);
    }
    loss
}

/// The mean [`dice_loss`] with classes weighted by the inverse square of their frequency in the targets
/// ([Sudre et al.](https://arxiv.org/abs/1707.03237)).
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let targets = np::array([[[1.0, 0.0], [0.0, 1.0]]]);
/// assert_eq!(losses::multiclass_generalized_dice_loss(100.0 * &targets, &targets).item::<f32>(), 0.0);
/// ```
///
/// # Panics
/// If the shapes differ, or there are fewer than two axes.
#[track_caller]
pub fn multiclass_generalized_dice_loss(predictions: impl ArrayLike, targets: impl ArrayLike) -> Array {
    let targets = targets.to_array();
    let outer: Vec<isize> = (0..targets.ndim().saturating_sub(1) as isize).collect();
    let weights = 1.0 / (targets.sum_axis(outer).square() + 1e-7);
    let weights = &weights / weights.sum() * weights.size();
    let options = DiceLoss { class_weights: Some(weights), ..DiceLoss::default() };
    by_class(&predictions.to_array(), &targets, &options).mean()
}

/// The [`dice_loss`] of one class, with predictions that are logits of the logistic function.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let targets = np::array([[[1.0], [0.0]]]);
/// let loss = losses::binary_dice_loss(200.0 * &targets - 100.0, &targets);
/// assert_eq!(loss.to_vec::<f32>(), [0.0]);
/// ```
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn binary_dice_loss(predictions: impl ArrayLike, targets: impl ArrayLike) -> Array {
    let (mut x, mut y) = (predictions.to_array(), targets.to_array());
    if x.shape().last() != Some(&1) {
        (x, y) = (np::expand_dims(x, -1), np::expand_dims(y, -1));
    }
    dice_loss(x, y, &DiceLoss::default())
}
