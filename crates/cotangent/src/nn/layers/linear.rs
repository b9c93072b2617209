//! The linear layer.

use cotangent_derive::Tree;

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::nn::initializers::{self, Initializer};
use crate::random::Key;

use super::{builder_setters, check_features};

/// A linear layer: x · W + b, for an input of shape (…, inputs) and a result of shape (…, outputs).
///
/// ```
/// use cotangent::{nn::layers::Linear, prelude::*};
/// let layer = Linear::new(random::key(0), 3, 4);
/// assert_eq!(layer.call(np::ones([8, 3])).shape(), [8, 4]);
/// assert_eq!(layer.call(np::ones(3)).shape(), [4]);
///
/// // From known weights:
/// let double = Linear { weight: 2.0 * np::identity(3), bias: None };
/// assert_eq!(double.call(np::ones(3)).to_vec::<f32>(), [2.0; 3]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct Linear {
    /// The weights, of shape (inputs, outputs).
    pub weight: Array,
    /// The bias, of shape (outputs).
    pub bias: Option<Array>,
}

impl Linear {
    /// Creates a layer with the default options: weights by
    /// [`lecun_normal`](crate::nn::initializers::lecun_normal), and a bias of zeros.
    ///
    /// ```
    /// use cotangent::{nn::layers::Linear, random};
    /// assert_eq!(Linear::new(random::key(0), 3, 4).weight.shape(), [3, 4]);
    /// ```
    #[track_caller]
    pub fn new(key: Key, inputs: usize, outputs: usize) -> Linear {
        Linear::builder(inputs, outputs).build(key)
    }

    /// Returns a builder, for other options.
    ///
    /// ```
    /// use cotangent::{nn::{initializers, layers::Linear}, random};
    /// let layer = Linear::builder(3, 4).bias(false).weight_init(initializers::he_normal()).build(random::key(0));
    /// assert!(layer.bias.is_none());
    /// ```
    pub fn builder(inputs: usize, outputs: usize) -> LinearBuilder {
        LinearBuilder {
            inputs,
            outputs,
            bias: true,
            weight_init: initializers::lecun_normal().into(),
            bias_init: initializers::zeros(),
            dtype: DType::F32,
        }
    }

    /// Applies the layer to an input of shape (…, inputs).
    ///
    /// ```
    /// use cotangent::{nn::layers::Linear, prelude::*};
    /// assert_eq!(Linear::new(random::key(0), 3, 4).call(np::ones([2, 5, 3])).shape(), [2, 5, 4]);
    /// ```
    ///
    /// # Panics
    /// If the last axis of the input does not have the size `inputs`.
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike) -> Array {
        let x = x.to_array();
        check_features("Linear", &x, self.weight.shape()[0], "weight", self.weight.shape());
        let y = x.dot(&self.weight);
        match &self.bias {
            Some(bias) => y + bias,
            None => y,
        }
    }
}

/// The options of a [`Linear`] layer; see [`Linear::builder`].
///
/// ```
/// use cotangent::{DType, nn::layers::Linear, random};
/// let layer = Linear::builder(3, 4).dtype(DType::BF16).build(random::key(0));
/// assert_eq!(layer.weight.dtype(), DType::BF16);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct LinearBuilder {
    inputs: usize,
    outputs: usize,
    bias: bool,
    weight_init: Initializer,
    bias_init: Initializer,
    dtype: DType,
}

builder_setters!(LinearBuilder, weight, weight_init, "Linear::builder(3, 4)");

impl LinearBuilder {
    /// Draws the parameters.
    ///
    /// ```
    /// use cotangent::{nn::layers::Linear, random};
    /// assert_eq!(Linear::builder(3, 4).build(random::key(0)).weight.shape(), [3, 4]);
    /// ```
    #[track_caller]
    pub fn build(&self, key: Key) -> Linear {
        let [weight, bias] = key.split();
        Linear {
            weight: self.weight_init.init_as(weight, [self.inputs, self.outputs], self.dtype),
            bias: self.bias.then(|| self.bias_init.init_as(bias, [self.outputs], self.dtype)),
        }
    }
}
