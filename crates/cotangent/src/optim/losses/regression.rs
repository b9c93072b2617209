//! Losses of numbers.

use crate::array::{Array, ArrayLike};
use crate::numpy as np;

use super::{floats, same_shape};
use crate::optim::number::Number;

/// The square of each error.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// assert_eq!(losses::squared_error(np::array([3.0]), np::array([1.0])).item::<f32>(), 4.0);
/// ```
///
/// # Panics
/// If the predictions are not floats, or the shapes differ.
#[track_caller]
pub fn squared_error(predictions: impl ArrayLike, targets: impl ArrayLike) -> Array {
    let (x, y) = (predictions.to_array(), targets.to_array());
    floats("squared_error", "predictions", &x);
    same_shape("squared_error", &x, &y);
    (x - y).square()
}

/// Half the square of each error.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// assert_eq!(losses::l2_loss(np::array([3.0]), np::array([1.0])).item::<f32>(), 2.0);
/// ```
///
/// # Panics
/// If the predictions are not floats, or the shapes differ.
#[track_caller]
pub fn l2_loss(predictions: impl ArrayLike, targets: impl ArrayLike) -> Array {
    0.5 * squared_error(predictions, targets)
}

/// Half the square of each error up to `delta`, and a line beyond
/// ([Huber](https://projecteuclid.org/euclid.aoms/1177703732)).
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// assert_eq!(losses::huber_loss(np::array([3.0, 0.5]), 0.0, 1.0).to_vec::<f32>(), [2.5, 0.125]);
/// ```
///
/// # Panics
/// If the predictions are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn huber_loss(predictions: impl ArrayLike, targets: impl ArrayLike, delta: impl Into<Number>) -> Array {
    let (x, delta) = (predictions.to_array(), delta.into());
    floats("huber_loss", "predictions", &x);
    let size = (x - targets.to_array()).abs();
    let quadratic = size.minimum(delta.array());
    let linear = size - &quadratic;
    0.5 * quadratic.square() + delta.array() * linear
}

/// The logarithm of the hyperbolic cosine of each error, computed without overflow.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// assert!((losses::log_cosh(np::array([100.0]), 0.0).item::<f32>() - 99.30685).abs() < 1e-4);
/// ```
///
/// # Panics
/// If the predictions are not floats, or the shapes cannot be broadcast.
#[track_caller]
pub fn log_cosh(predictions: impl ArrayLike, targets: impl ArrayLike) -> Array {
    let x = predictions.to_array();
    floats("log_cosh", "predictions", &x);
    let error = x - targets.to_array();
    np::logaddexp(&error, -&error) - std::f64::consts::LN_2
}
