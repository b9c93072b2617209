//! Positions in a sequence: rotations of queries and keys, and vectors that are added to embeddings.

use cotangent_derive::Tree;

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::methods::reductions::working;
use crate::numpy as np;

/// Rotary position embedding: rotates pairs of features by angles that grow with the position, so that products of
/// queries and keys depend on the distance between them ([source](https://arxiv.org/abs/2104.09864)).
///
/// The angle of pair i is position · theta^(−2i/features). By default, feature i is paired with i + features/2, as in
/// Llama, GPT-NeoX and Equinox; [`interleaved`](RotaryEmbedding::interleaved) pairs neighbors, as the source does.
///
/// ```
/// use cotangent::{nn::layers::RotaryEmbedding, prelude::*};
/// let rotary = RotaryEmbedding::new(64);
/// let queries = np::ones([2, 10, 4, 64]); // batch, sequence, heads, features
/// let rotated = rotary.call(&queries, np::arange(10));
/// assert_eq!(rotated.shape(), queries.shape());
/// ```
#[derive(Clone, Debug, Tree)]
pub struct RotaryEmbedding {
    /// The number of features of a head.
    pub features: usize,
    /// The base of the angles: 10⁴ by default.
    pub theta: f64,
    /// Whether neighboring features form a pair.
    pub interleaved: bool,
}

impl RotaryEmbedding {
    /// Creates an embedding for heads of this many features.
    ///
    /// ```
    /// assert_eq!(cotangent::nn::layers::RotaryEmbedding::new(64).theta, 10_000.0);
    /// ```
    ///
    /// # Panics
    /// If the number is odd.
    #[must_use]
    #[track_caller]
    pub fn new(features: usize) -> RotaryEmbedding {
        if !features.is_multiple_of(2) {
            raise(Error::value(format!("RotaryEmbedding: features are rotated in pairs, so {features} must be even")));
        }
        RotaryEmbedding { features, theta: 1e4, interleaved: false }
    }

    /// Sets the base of the angles.
    ///
    /// ```
    /// assert_eq!(cotangent::nn::layers::RotaryEmbedding::new(64).theta(5e5).theta, 5e5);
    /// ```
    #[must_use]
    pub fn theta(mut self, theta: f64) -> RotaryEmbedding {
        self.theta = theta;
        self
    }

    /// Pairs neighboring features, instead of those of the two halves.
    ///
    /// ```
    /// assert!(cotangent::nn::layers::RotaryEmbedding::new(64).interleaved().interleaved);
    /// ```
    #[must_use]
    pub fn interleaved(mut self) -> RotaryEmbedding {
        self.interleaved = true;
        self
    }

    /// Rotates an array of shape (…, sequence, heads, features), given the positions: of shape (sequence), or (…,
    /// sequence) if they differ between sequences. Angles are computed in `f32` at least.
    ///
    /// ```
    /// use cotangent::{nn::layers::RotaryEmbedding, prelude::*};
    /// let x = np::array([[[1.0, 0.0]]]);
    /// let y = RotaryEmbedding::new(2).call(&x, [1]).to_vec::<f32>();
    /// assert!((y[0] - 1f32.cos()).abs() < 1e-6 && (y[1] - 1f32.sin()).abs() < 1e-6);
    /// ```
    ///
    /// # Panics
    /// If the last axis does not have the size `features`, or the positions do not have the shape of a sequence.
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike, positions: impl ArrayLike) -> Array {
        let (x, positions) = (x.to_array().to_inexact(), positions.to_array());
        let [.., sequence, _, features] = *x.shape() else {
            raise(
                Error::shape(format!("RotaryEmbedding: expected (…, sequence, heads, features), got {}", x.aval()))
                    .help("insert an axis for one head with `x.expand_dims(-2)`"),
            )
        };
        if features != self.features || positions.shape().last() != Some(&sequence) {
            raise(
                Error::shape(format!(
                    "RotaryEmbedding of {} features: {} does not fit positions {}",
                    self.features,
                    x.aval(),
                    positions.aval()
                ))
                .help("the shapes are (…, sequence, heads, features) and (sequence) or (…, sequence)"),
            );
        }
        let half = self.features / 2;
        let dtype = working(x.dtype());
        let angles = positions.astype(dtype).expand_dims(-1) * frequencies(half, self.theta, dtype);
        let (cos, sin) = (angles.cos().expand_dims(-2), angles.sin().expand_dims(-2));
        let wide = x.astype(dtype);
        let (axis, split): (isize, Vec<usize>) = match self.interleaved {
            true => (-1, [&x.shape()[..x.ndim() - 1], &[half, 2]].concat()),
            false => (-2, [&x.shape()[..x.ndim() - 1], &[2, half]].concat()),
        };
        let pairs = wide.reshape(split);
        let part = |i: isize| crate::lax::index_in_dim(&pairs, i, axis);
        let (a, b) = (part(0), part(1));
        let rotated = np::stack([&a * &cos - &b * &sin, &b * &cos + &a * &sin], axis);
        rotated.reshape(x.shape().to_vec()).astype(x.dtype())
    }
}

/// Returns theta^(−i/half) for i = 0, …, half − 1.
#[track_caller]
fn frequencies(half: usize, theta: f64, dtype: DType) -> Array {
    (np::iota(dtype, half, 0) * (-theta.ln() / half as f64)).exp()
}

/// Returns a vector for each position, of shape (length, features): the sines of position · 10⁴^(−2i/features) at even
/// features 2i, and their cosines at odd ones ([source](https://arxiv.org/abs/1706.03762)).
///
/// ```
/// use cotangent::nn::layers::sinusoidal_positions;
/// let x = sinusoidal_positions(10, 4);
/// assert_eq!((x.shape(), x.at(0).get().to_vec::<f32>()), (&[10, 4][..], vec![0.0, 1.0, 0.0, 1.0]));
/// ```
///
/// # Panics
/// If the number of features is odd.
#[track_caller]
pub fn sinusoidal_positions(length: usize, features: usize) -> Array {
    if !features.is_multiple_of(2) {
        raise(Error::value(format!(
            "sinusoidal_positions: sines and cosines come in pairs, so {features} must be even"
        )));
    }
    let angles = np::iota(DType::F32, length, 0).expand_dims(1) * frequencies(features / 2, 1e4, DType::F32);
    np::stack([angles.sin(), angles.cos()], 2).reshape([length, features])
}
