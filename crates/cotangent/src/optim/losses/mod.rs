//! Losses, as in `optax.losses`: functions of predictions and targets, most of which return a number for each example.
//!
//! ```
//! use cotangent::{optim::losses, prelude::*};
//! let logits = np::array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]);
//! let loss = losses::softmax_cross_entropy_with_integer_labels(&logits, [0, 1]).mean();
//! assert!((loss.item::<f32>() - 0.2395).abs() < 1e-4);
//! ```
//!
//! Functions that reduce over the last axis have a sibling that ends in `_axis`, for other axes, and those with a mask
//! one that ends in `_where`.

mod classification;
mod ctc;
mod divergence;
mod margin;
mod masked;
mod regression;
mod segmentation;
mod similarity;

pub use classification::*;
pub use ctc::{ctc_loss, ctc_loss_with_forward_probs};
pub use divergence::*;
pub use margin::*;
pub use masked::*;
pub use regression::*;
pub use segmentation::*;
pub use similarity::*;

use crate::array::Array;
use crate::array::aval::canonical_axis;
use crate::array::dtype::DType;
use crate::error::{Error, OrRaise, raise};
use crate::numpy as np;

/// Raises an error unless the predictions are floats.
#[track_caller]
fn floats(who: &str, what: &str, x: &Array) {
    if !x.dtype().is_float() {
        raise(
            Error::dtype(format!("{who}: {what} must be floats, got {}", x.aval())).help("convert them with `astype`"),
        );
    }
}

#[track_caller]
fn same_shape(who: &str, x: &Array, y: &Array) {
    if x.shape() != y.shape() {
        raise(Error::shape(format!("{who}: predictions and targets differ in shape: {} and {}", x.aval(), y.aval())));
    }
}

/// One for the class of each label and zero for the others, along a new last axis.
fn one_hot(labels: &Array, classes: usize, dtype: DType) -> Array {
    labels.expand_dims(-1).equal(np::arange(classes)).astype(dtype)
}

#[track_caller]
fn axis_of(axis: isize, x: &Array) -> usize {
    canonical_axis(axis, x.ndim()).or_raise()
}
