//! Cross-entropies.

use crate::api::custom::custom_jvp;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::methods::axes::Axes;
use crate::numpy::{self as np, where_};
use crate::scipy::special::{log_softmax, logsumexp_axis, softmax, softplus};

use super::{axis_of, floats};

/// log σ(x).
fn log_sigmoid(x: &Array) -> Array {
    -softplus(&-x)
}

/// The cross-entropy of labels in [0, 1] and the logistic function of logits, element by element.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let loss = losses::sigmoid_binary_cross_entropy(np::array([0.0, 100.0]), np::array([1.0, 1.0]));
/// assert!((loss.at(0).get().item::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the logits are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn sigmoid_binary_cross_entropy(logits: impl ArrayLike, labels: impl ArrayLike) -> Array {
    let logits = logits.to_array();
    floats("sigmoid_binary_cross_entropy", "logits", &logits);
    let labels = labels.to_array().astype(logits.dtype());
    -&labels * log_sigmoid(&logits) - (1.0 - labels) * log_sigmoid(&-logits)
}

/// The cross-entropy of labels in [0, 1] and the logistic function of logits, multiplied by the `gamma`-th power of the
/// probability of the other class ([focal loss](https://arxiv.org/abs/1708.02002)). `alpha` weighs the positive class.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let loss = losses::sigmoid_focal_loss(np::array([0.0]), np::array([1.0]), None, 2.0);
/// assert!((loss.item::<f32>() - 2f32.ln() / 4.0).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the logits are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn sigmoid_focal_loss(logits: impl ArrayLike, labels: impl ArrayLike, alpha: Option<f64>, gamma: f64) -> Array {
    let logits = logits.to_array();
    floats("sigmoid_focal_loss", "logits", &logits);
    let labels = labels.to_array().astype(logits.dtype());
    let entropy = sigmoid_binary_cross_entropy(&logits, &labels);
    let (log_p, log_q) = (log_sigmoid(&logits), log_sigmoid(&-&logits));
    // log((1 − y)·p + y·q), scaled by the greater of p and q so that it does not underflow.
    let most = log_p.maximum(&log_q).stop_gradient();
    let other = (1.0 - &labels) * (log_p - &most).exp() + &labels * (log_q - &most).exp();
    let loss = entropy * (gamma * (other.log() + most)).exp();
    match alpha {
        Some(alpha) => (alpha * &labels + (1.0 - alpha) * (1.0 - &labels)) * loss,
        None => loss,
    }
}

/// −Σ y·log softmax(x) along the last axis, for labels that are probabilities.
///
/// Where a label is 0 and its logit −∞, the result is NaN; see [`safe_softmax_cross_entropy`].
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let loss = losses::softmax_cross_entropy(np::zeros(4), np::array([0.0, 1.0, 0.0, 0.0]));
/// assert!((loss.item::<f32>() - 4f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the logits are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn softmax_cross_entropy(logits: impl ArrayLike, labels: impl ArrayLike) -> Array {
    softmax_cross_entropy_axis(logits, labels, -1)
}

/// [`softmax_cross_entropy()`] along some axes.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let labels = np::eye(2, 2);
/// assert_eq!(losses::softmax_cross_entropy_axis(np::zeros((2, 2)), labels, 0).shape(), [2]);
/// ```
///
/// # Panics
/// If the logits are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn softmax_cross_entropy_axis(logits: impl ArrayLike, labels: impl ArrayLike, axes: impl Axes + Copy) -> Array {
    let logits = logits.to_array();
    floats("softmax_cross_entropy", "logits", &logits);
    -(labels.to_array() * log_softmax(logits, axes)).sum_axis(axes)
}

/// [`softmax_cross_entropy()`] in which a label of 0 contributes nothing, also where its logit is −∞.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let logits = np::array([0.0, 0.0, f64::NEG_INFINITY]);
/// let loss = losses::safe_softmax_cross_entropy(logits, np::array([1.0, 0.0, 0.0]));
/// assert!((loss.item::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the logits are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn safe_softmax_cross_entropy(logits: impl ArrayLike, labels: impl ArrayLike) -> Array {
    let (logits, labels) = (logits.to_array(), labels.to_array());
    floats("safe_softmax_cross_entropy", "logits", &logits);
    let labels = labels.astype(logits.dtype());
    let value = |x: &Array, w: &Array| where_(w.not_equal(0.0), w * log_softmax(x, -1), 0.0);
    let weighted = custom_jvp(value).defjvp(move |(x, w), (dx, dw)| {
        let log = log_softmax(x, -1);
        let mean = (dx * softmax(x, -1)).sum_keepdims(-1);
        (value(x, w), w * dx - w * mean + dw * log)
    });
    -weighted(&logits, &labels).sum_axis(-1)
}

/// The cross-entropy of the softmax of logits along the last axis and integer labels: logsumexp(x) − `x[label]`.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let loss = losses::softmax_cross_entropy_with_integer_labels(np::zeros((2, 4)), [0, 3]);
/// assert!((loss.mean().item::<f32>() - 4f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the logits are not floats or the labels not integers, or there is not one label for each row of logits.
#[track_caller]
pub fn softmax_cross_entropy_with_integer_labels(logits: impl ArrayLike, labels: impl ArrayLike) -> Array {
    softmax_cross_entropy_with_integer_labels_axis(logits, labels, -1)
}

/// [`softmax_cross_entropy_with_integer_labels()`] along an axis.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let loss = losses::softmax_cross_entropy_with_integer_labels_axis(np::zeros((4, 2)), [0, 3], 0);
/// assert_eq!(loss.shape(), [2]);
/// ```
///
/// # Panics
/// If the logits are not floats or the labels not integers, or there is not one label for each row of logits.
#[track_caller]
pub fn softmax_cross_entropy_with_integer_labels_axis(
    logits: impl ArrayLike,
    labels: impl ArrayLike,
    axis: isize,
) -> Array {
    let (logits, labels) = (logits.to_array(), labels.to_array());
    let axis = integer_labels(&logits, &labels, axis) as isize;
    let chosen = np::take_along_axis(&logits, labels.expand_dims(axis), axis);
    logsumexp_axis(&logits, axis) - np::squeeze_axis(chosen, axis)
}

/// Returns the axis of the classes, if there is one integer label for each row of logits along it.
#[track_caller]
pub(super) fn integer_labels(logits: &Array, labels: &Array, axis: isize) -> usize {
    let who = "softmax_cross_entropy_with_integer_labels";
    floats(who, "logits", logits);
    if !labels.dtype().is_integer() {
        raise(
            Error::dtype(format!("{who}: labels must be integers, got {}", labels.aval()))
                .help("for labels that are probabilities, use `softmax_cross_entropy`"),
        );
    }
    let axis = axis_of(axis, logits);
    let expected: Vec<usize> = (0..logits.ndim()).filter(|i| *i != axis).map(|i| logits.shape()[i]).collect();
    if labels.shape() != expected {
        let (labels, logits) = (labels.aval(), logits.aval());
        raise(Error::shape(format!("{who}: logits {logits} need labels of shape {expected:?}, got {labels}")));
    }
    axis
}

/// [`softmax_cross_entropy()`] plus `epsilon` times the probability of the wrong classes
/// ([PolyLoss](https://arxiv.org/abs/2204.12511)). Optax's default `epsilon` is 2.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let loss = losses::poly_loss_cross_entropy(np::zeros(4), np::array([0.0, 1.0, 0.0, 0.0]), 2.0);
/// assert!((loss.item::<f32>() - (4f32.ln() + 1.5)).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the logits are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn poly_loss_cross_entropy(logits: impl ArrayLike, labels: impl ArrayLike, epsilon: f64) -> Array {
    let (logits, labels) = (logits.to_array(), labels.to_array());
    let wrong = (&labels * (1.0 - softmax(&logits, -1))).sum_axis(-1);
    softmax_cross_entropy(logits, labels) + epsilon * wrong
}

/// The mean over lists of −Σ y·log softmax(x), for relevances y along the last axis (ListNet). Zero if there are
/// none.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let loss = losses::ranking_softmax_loss(np::zeros((1, 2)), np::array([[1.0, 0.0]]));
/// assert!((loss.item::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the logits are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn ranking_softmax_loss(logits: impl ArrayLike, labels: impl ArrayLike) -> Array {
    let logits = logits.to_array();
    let labels = labels.to_array().astype(logits.dtype());
    let each = softmax_cross_entropy(logits, labels);
    each.sum() / each.size().max(1)
}

/// [`ranking_softmax_loss()`] of the items for which `mask` is true. Lists without any are not counted.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let (logits, labels) = (np::zeros((1, 3)), np::array([[1.0, 0.0, 5.0]]));
/// let loss = losses::ranking_softmax_loss_where(logits, labels, [[true, true, false]].concat());
/// assert!((loss.item::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the logits are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn ranking_softmax_loss_where(logits: impl ArrayLike, labels: impl ArrayLike, mask: impl ArrayLike) -> Array {
    let (logits, labels, mask) = (logits.to_array(), labels.to_array(), mask.to_array());
    floats("ranking_softmax_loss", "logits", &logits);
    let any = mask.broadcast_to(logits.shape()).any_axis(-1);
    let logits = where_(&mask, &logits, f64::NEG_INFINITY);
    // A list without items keeps its logits, so that no derivative is NaN.
    let logits = where_(any.expand_dims(-1), logits, 0.0);
    let log = log_softmax(&logits, -1);
    let each = -where_(&mask, labels.astype(logits.dtype()) * where_(&mask, log, 0.0), 0.0).sum_axis(-1);
    let count = any.astype(logits.dtype()).sum();
    where_(&any, each, 0.0).sum() / count.maximum(1.0)
}
