//! Divergences of distributions, along the last axis or others.

use crate::array::{Array, ArrayLike};
use crate::methods::axes::Axes;
use crate::numpy::where_;

use super::floats;

/// Σ q·(log q − log p) along the last axis: the Kullback-Leibler divergence of the targets q from the predictions,
/// given as log p.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let (p, q) = (np::array([0.5, 0.5]), np::array([1.0, 0.0]));
/// assert!((losses::kl_divergence(p.log(), q).item::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an argument is not of floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn kl_divergence(log_predictions: impl ArrayLike, targets: impl ArrayLike) -> Array {
    kl_divergence_axis(log_predictions, targets, -1)
}

/// [`kl_divergence()`] along some axes.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let p = np::array([[0.5], [0.5]]);
/// assert_eq!(losses::kl_divergence_axis(p.log(), &p, 0).to_vec::<f32>(), [0.0]);
/// ```
///
/// # Panics
/// If an argument is not of floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn kl_divergence_axis(log_predictions: impl ArrayLike, targets: impl ArrayLike, axes: impl Axes) -> Array {
    let (log_p, q) = (log_predictions.to_array(), targets.to_array());
    floats("kl_divergence", "log_predictions", &log_p);
    floats("kl_divergence", "targets", &q);
    let none = q.equal(0.0);
    let log_q = where_(&none, 0.0, where_(&none, 1.0, &q).log());
    (q * (log_q - log_p)).sum_axis(axes)
}

/// [`kl_divergence()`] of targets given as log q.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let p = np::array([0.5, 0.5]).log();
/// assert_eq!(losses::kl_divergence_with_log_targets(&p, &p).item::<f32>(), 0.0);
/// ```
///
/// # Panics
/// If an argument is not of floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn kl_divergence_with_log_targets(log_predictions: impl ArrayLike, log_targets: impl ArrayLike) -> Array {
    let (log_p, log_q) = (log_predictions.to_array(), log_targets.to_array());
    floats("kl_divergence_with_log_targets", "log_predictions", &log_p);
    floats("kl_divergence_with_log_targets", "log_targets", &log_q);
    (log_q.exp() * (&log_q - log_p)).sum_axis(-1)
}

/// [`kl_divergence()`] plus Σ (p − q), which is convex for p and q that need not sum to one.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let (p, q) = (np::array([1.0, 1.0]), np::array([1.0, 0.0]));
/// assert_eq!(losses::generalized_kl_divergence(p.log(), q).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// If an argument is not of floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn generalized_kl_divergence(log_predictions: impl ArrayLike, targets: impl ArrayLike) -> Array {
    let (log_p, q) = (log_predictions.to_array(), targets.to_array());
    kl_divergence(&log_p, &q) + (log_p.exp() - q).sum_axis(-1)
}

/// (1 − `alpha`)·labels + `alpha`/n, for labels of n classes along the last axis.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let labels = np::array([1.0, 0.0]);
/// assert_eq!(losses::smooth_labels(labels, 0.5).to_vec::<f32>(), [0.75, 0.25]);
/// ```
///
/// # Panics
/// If the labels are not an array of floats with at least one axis.
#[track_caller]
pub fn smooth_labels(labels: impl ArrayLike, alpha: f64) -> Array {
    let labels = labels.to_array();
    floats("smooth_labels", "labels", &labels);
    let classes = labels.shape()[super::axis_of(-1, &labels)];
    (1.0 - alpha) * labels + alpha / classes as f64
}
