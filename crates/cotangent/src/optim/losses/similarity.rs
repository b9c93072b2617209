//! Losses of vectors that should be near to or far from each other.

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::methods::axes::Axes;
use crate::numpy::{self as np, where_};

use super::floats;

/// The cosine of the angle between two vectors along the last axis.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let (x, y) = (np::array([1.0, 0.0]), np::array([1.0, 1.0]));
/// assert!((losses::cosine_similarity(&x, &y).item::<f32>() - 0.70710677).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an argument is not of floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn cosine_similarity(predictions: impl ArrayLike, targets: impl ArrayLike) -> Array {
    cosine_similarity_axis(predictions, targets, -1, 0.0)
}

/// [`cosine_similarity()`] along some axes, with a least squared norm.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let x = np::zeros(2);
/// assert_eq!(losses::cosine_similarity_axis(&x, &x, 0, 1e-6).item::<f32>(), 0.0);
/// ```
///
/// # Panics
/// If an argument is not of floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn cosine_similarity_axis(
    predictions: impl ArrayLike,
    targets: impl ArrayLike,
    axes: impl Axes + Copy,
    epsilon: f64,
) -> Array {
    let (x, y) = (predictions.to_array(), targets.to_array());
    floats("cosine_similarity", "predictions", &x);
    floats("cosine_similarity", "targets", &y);
    let unit = |x: &Array| x / x.square().sum_keepdims(axes).maximum(epsilon).sqrt();
    (unit(&x) * unit(&y)).sum_axis(axes)
}

/// 1 − [`cosine_similarity()`].
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let (x, y) = (np::array([1.0, 0.0]), np::array([0.0, 1.0]));
/// assert_eq!(losses::cosine_distance(&x, &y).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// If an argument is not of floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn cosine_distance(predictions: impl ArrayLike, targets: impl ArrayLike) -> Array {
    1.0 - cosine_similarity(predictions, targets)
}

/// The normalized temperature-scaled cross-entropy of embeddings of shape `[batch, features]`: those with equal labels
/// should be near to each other ([SimCLR](https://arxiv.org/abs/2002.05709)). Optax's default temperature is 0.07.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let x = np::array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]]);
/// assert!(losses::ntxent(&x, [0, 0, 1, 1], 0.1).item::<f32>() < 0.1);
/// ```
///
/// # Panics
/// If the embeddings are not a matrix of floats, or there is not one label for each.
#[track_caller]
pub fn ntxent(embeddings: impl ArrayLike, labels: impl ArrayLike, temperature: f64) -> Array {
    let (x, labels) = (embeddings.to_array(), labels.to_array());
    floats("ntxent", "embeddings", &x);
    if x.ndim() != 2 || labels.shape() != [x.shape()[0]] {
        raise(Error::shape(format!(
            "ntxent: expected a matrix and a label for each row, got {} and {}",
            x.aval(),
            labels.aval()
        )));
    }
    let epsilon = match x.dtype() {
        DType::F64 => f64::EPSILON,
        DType::BF16 => 2f64.powi(-7),
        DType::F16 => 2f64.powi(-10),
        _ => f64::from(f32::EPSILON),
    };
    let similar = cosine_similarity_axis(x.expand_dims(0), x.expand_dims(1), -1, epsilon) / temperature;
    let same = labels.expand_dims(1).equal(labels.expand_dims(0));
    let others = np::logical_not(np::eye(x.shape()[0], x.shape()[0]).astype(DType::Bool));
    let matches = same.logical_and(others);
    let different = where_(&same, f64::NEG_INFINITY, &similar);
    let alike = where_(&matches, &similar, f64::NEG_INFINITY);
    let most = different.max_keepdims(1).maximum(alike.max_keepdims(1)).stop_gradient();
    let below = (different - &most).exp().sum_keepdims(1);
    let shifted = where_(&matches, alike - most, 0.0);
    let softmax = &shifted - (below + shifted.exp()).log();
    -where_(&matches, softmax, 0.0).sum() / matches.astype(x.dtype()).sum()
}

/// max(0, |a − p| − |a − n| + `margin`) of anchors, positives and negatives along the last axis
/// ([FaceNet](https://arxiv.org/abs/1503.03832)).
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let (a, p, n) = (np::array([[0.0, 0.0]]), np::array([[0.0, 1.0]]), np::array([[3.0, 4.0]]));
/// assert_eq!(losses::triplet_margin_loss(&a, &p, &n, 1.0).to_vec::<f32>(), [0.0]);
/// ```
///
/// # Panics
/// If an argument is not of floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn triplet_margin_loss(
    anchors: impl ArrayLike,
    positives: impl ArrayLike,
    negatives: impl ArrayLike,
    margin: f64,
) -> Array {
    triplet_margin_loss_axis(anchors, positives, negatives, margin, -1, 2, 1e-6)
}

/// [`triplet_margin_loss()`] along an axis, with the degree of the norm and a number added to its power.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let (a, p, n) = (np::array([0.0, 0.0]), np::array([0.0, 1.0]), np::array([0.0, 2.0]));
/// let loss = losses::triplet_margin_loss_axis(&a, &p, &n, 2.0, 0, 2, 0.0);
/// assert_eq!(loss.item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// If an argument is not of floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn triplet_margin_loss_axis(
    anchors: impl ArrayLike,
    positives: impl ArrayLike,
    negatives: impl ArrayLike,
    margin: f64,
    axis: isize,
    norm_degree: i32,
    eps: f64,
) -> Array {
    let anchors = anchors.to_array();
    let distance = |others: Array| {
        floats("triplet_margin_loss", "every argument", &others);
        let power = (&anchors - others).powi(norm_degree).sum_axis(axis) + eps;
        if norm_degree == 2 { power.sqrt() } else { power.pow(1.0 / f64::from(norm_degree)) }
    };
    floats("triplet_margin_loss", "every argument", &anchors);
    (distance(positives.to_array()) - distance(negatives.to_array()) + margin).maximum(0.0)
}
