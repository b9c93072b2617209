//! Losses of the elements that a mask selects.

use crate::array::{Array, ArrayLike};
use crate::error::OrRaise;
use crate::methods::axes::Axes;
use crate::numpy::{self as np, where_};
use crate::scipy::special::{log_softmax_where, logsumexp_axis, softmax_where};

use super::classification::integer_labels;
use super::floats;

/// The sum over axes of the terms that the mask selects.
fn chosen(terms: Array, axes: &[usize], mask: &Array) -> Array {
    where_(mask, terms, 0.0).sum_axis(axes.iter().map(|i| *i as isize).collect::<Vec<_>>())
}

/// [`softmax_cross_entropy`](super::softmax_cross_entropy()) along some axes, of the elements for which `mask` is true.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let (logits, labels) = (np::zeros(3), np::array([1.0, 0.0, 5.0]));
/// let loss = losses::softmax_cross_entropy_where(logits, labels, -1, [true, true, false]);
/// assert!((loss.item::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the logits are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn softmax_cross_entropy_where(
    logits: impl ArrayLike,
    labels: impl ArrayLike,
    axes: impl Axes,
    mask: impl ArrayLike,
) -> Array {
    let logits = logits.to_array();
    floats("softmax_cross_entropy", "logits", &logits);
    let (axes, mask) = (axes.resolve(logits.ndim()).or_raise(), mask.to_array());
    let log = where_(&mask, log_softmax_where(&logits, &axes, &mask), 0.0);
    -chosen(labels.to_array() * log, &axes, &mask)
}

/// [`softmax_cross_entropy_with_integer_labels`](super::softmax_cross_entropy_with_integer_labels()) along an axis, of
/// the classes for which `mask` is true. It is zero where there are none.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let mask = [true, true, false];
/// let loss = losses::softmax_cross_entropy_with_integer_labels_where(np::zeros(3), 1, -1, mask);
/// assert!((loss.item::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the logits are not floats or the labels not integers, or there is not one label for each row of logits.
#[track_caller]
pub fn softmax_cross_entropy_with_integer_labels_where(
    logits: impl ArrayLike,
    labels: impl ArrayLike,
    axis: isize,
    mask: impl ArrayLike,
) -> Array {
    let (logits, labels, mask) = (logits.to_array(), labels.to_array(), mask.to_array());
    let axis = integer_labels(&logits, &labels, axis) as isize;
    let any = mask.broadcast_to(logits.shape()).any_axis(axis);
    // Where nothing is selected, zeros stand for the logits, so that no derivative is NaN.
    let shown = where_(any.expand_dims(axis), where_(&mask, &logits, f64::NEG_INFINITY), 0.0);
    let label = np::squeeze_axis(np::take_along_axis(&logits, labels.expand_dims(axis), axis), axis);
    where_(any, logsumexp_axis(shown, axis) - label, 0.0)
}

/// [`poly_loss_cross_entropy`](super::poly_loss_cross_entropy()) along some axes, of the elements for which `mask` is
/// true.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let (logits, labels) = (np::zeros(3), np::array([1.0, 0.0, 5.0]));
/// let loss = losses::poly_loss_cross_entropy_where(logits, labels, 2.0, -1, [true, true, false]);
/// assert!((loss.item::<f32>() - (2f32.ln() + 1.0)).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the logits are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn poly_loss_cross_entropy_where(
    logits: impl ArrayLike,
    labels: impl ArrayLike,
    epsilon: f64,
    axes: impl Axes + Copy,
    mask: impl ArrayLike,
) -> Array {
    let (logits, labels, mask) = (logits.to_array(), labels.to_array(), mask.to_array());
    let resolved = axes.resolve(logits.ndim()).or_raise();
    let wrong = chosen(&labels * (1.0 - softmax_where(&logits, &resolved, &mask)), &resolved, &mask);
    softmax_cross_entropy_where(logits, labels, axes, mask) + epsilon * wrong
}

/// [`kl_divergence`](super::kl_divergence()) along some axes, of the elements for which `mask` is true.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let (log_p, q) = (np::array([0.5, 0.0]).log(), np::array([1.0, 1.0]));
/// let loss = losses::kl_divergence_where(log_p, q, -1, [true, false]);
/// assert!((loss.item::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an argument is not of floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn kl_divergence_where(
    log_predictions: impl ArrayLike,
    targets: impl ArrayLike,
    axes: impl Axes,
    mask: impl ArrayLike,
) -> Array {
    let mask = mask.to_array();
    super::kl_divergence_axis(where_(&mask, log_predictions, 0.0), where_(&mask, targets, 0.0), axes)
}

/// [`kl_divergence_with_log_targets`](super::kl_divergence_with_log_targets()) along some axes, of the elements for
/// which `mask` is true.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let (p, q) = (np::array([-1.0, 0.0]), np::array([0.0, f64::NAN]));
/// assert_eq!(losses::kl_divergence_with_log_targets_where(p, q, -1, [true, false]).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// If an argument is not of floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn kl_divergence_with_log_targets_where(
    log_predictions: impl ArrayLike,
    log_targets: impl ArrayLike,
    axes: impl Axes,
    mask: impl ArrayLike,
) -> Array {
    let mask = mask.to_array();
    let (log_p, log_q) = (where_(&mask, log_predictions, 0.0), where_(&mask, log_targets, 0.0));
    floats("kl_divergence_with_log_targets", "log_predictions", &log_p);
    floats("kl_divergence_with_log_targets", "log_targets", &log_q);
    (log_q.exp() * (&log_q - log_p)).sum_axis(axes)
}

/// [`generalized_kl_divergence`](super::generalized_kl_divergence()) along some axes, of the elements for which `mask`
/// is true.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let (log_p, q) = (np::array([0.0, 9.0]), np::array([0.0, 9.0]));
/// assert_eq!(losses::generalized_kl_divergence_where(log_p, q, -1, [true, false]).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// If an argument is not of floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn generalized_kl_divergence_where(
    log_predictions: impl ArrayLike,
    targets: impl ArrayLike,
    axes: impl Axes + Copy,
    mask: impl ArrayLike,
) -> Array {
    let mask = mask.to_array();
    let (log_p, q) = (where_(&mask, log_predictions, 0.0), where_(&mask, targets, 0.0));
    let rest = where_(&mask, log_p.exp() - &q, 0.0).sum_axis(axes);
    super::kl_divergence_axis(log_p, q, axes) + rest
}
