//! The multilayer perceptron.

use cotangent_derive::Tree;

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::nn::initializers::{self, Initializer};
use crate::random::{self, Key};

use super::{Activation, Linear};

/// A multilayer perceptron: linear layers with an activation between them.
///
/// ```
/// use cotangent::{nn::layers::{Activation, Mlp}, prelude::*};
/// // Two hidden layers of 64.
/// let mlp = Mlp::new(random::key(0), 784, 10, 64, 2);
/// assert_eq!(mlp.layers.len(), 3);
/// assert_eq!(mlp.call(np::ones([8, 784])).shape(), [8, 10]);
/// let gelu = Mlp::builder(784, 10, 64, 2).activation(Activation::Gelu).build(random::key(0));
/// # let _ = gelu;
/// ```
#[derive(Clone, Debug, Tree)]
pub struct Mlp {
    /// The linear layers.
    pub layers: Vec<Linear>,
    /// The activation after each layer but the last.
    pub activation: Activation,
    /// The activation after the last layer.
    pub final_activation: Activation,
}

impl Mlp {
    /// Creates a perceptron with `depth` hidden layers of size `width`, and ReLU after each of them.
    ///
    /// ```
    /// use cotangent::{nn::layers::Mlp, prelude::*};
    /// assert_eq!(Mlp::new(random::key(0), 3, 2, 8, 0).call(np::ones(3)).shape(), [2]);
    /// ```
    #[track_caller]
    pub fn new(key: Key, inputs: usize, outputs: usize, width: usize, depth: usize) -> Mlp {
        Mlp::builder(inputs, outputs, width, depth).build(key)
    }

    /// Returns a builder, for other options.
    ///
    /// ```
    /// use cotangent::{nn::layers::{Activation, Mlp}, random};
    /// let mlp = Mlp::builder(3, 1, 8, 2).final_activation(Activation::Sigmoid).build(random::key(0));
    /// assert_eq!(mlp.layers.len(), 3);
    /// ```
    pub fn builder(inputs: usize, outputs: usize, width: usize, depth: usize) -> MlpBuilder {
        MlpBuilder {
            inputs,
            outputs,
            width,
            depth,
            activation: Activation::Relu,
            final_activation: Activation::Identity,
            bias: true,
            weight_init: initializers::lecun_normal().into(),
            dtype: DType::F32,
        }
    }

    /// Applies the perceptron to an input of shape (…, inputs).
    ///
    /// ```
    /// use cotangent::{nn::layers::Mlp, prelude::*};
    /// assert_eq!(Mlp::new(random::key(0), 3, 2, 8, 2).call(np::ones([5, 3])).shape(), [5, 2]);
    /// ```
    ///
    /// # Panics
    /// If the last axis of the input does not have the size `inputs`.
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike) -> Array {
        let mut x = x.to_array();
        for (i, layer) in self.layers.iter().enumerate() {
            let last = i + 1 == self.layers.len();
            x = if last { self.final_activation } else { self.activation }.call(layer.call(x));
        }
        x
    }
}

/// The options of an [`Mlp`]; see [`Mlp::builder`].
///
/// ```
/// use cotangent::{nn::layers::{Activation, Mlp}, random};
/// let mlp = Mlp::builder(3, 2, 8, 1).activation(Activation::Tanh).bias(false).build(random::key(0));
/// assert!(mlp.layers.iter().all(|layer| layer.bias.is_none()));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct MlpBuilder {
    inputs: usize,
    outputs: usize,
    width: usize,
    depth: usize,
    activation: Activation,
    final_activation: Activation,
    bias: bool,
    weight_init: Initializer,
    dtype: DType,
}

impl MlpBuilder {
    /// Sets the activation after each layer but the last: ReLU by default.
    ///
    /// ```
    /// use cotangent::{nn::layers::{Activation, Mlp}, random};
    /// let mlp = Mlp::builder(3, 2, 8, 1).activation(Activation::Tanh).build(random::key(0));
    /// assert_eq!(mlp.activation, Activation::Tanh);
    /// ```
    pub fn activation(mut self, activation: Activation) -> MlpBuilder {
        self.activation = activation;
        self
    }

    /// Sets the activation after the last layer: none by default.
    ///
    /// ```
    /// use cotangent::{nn::layers::{Activation, Mlp}, random};
    /// let mlp = Mlp::builder(3, 2, 8, 1).final_activation(Activation::Softplus).build(random::key(0));
    /// assert_eq!(mlp.final_activation, Activation::Softplus);
    /// ```
    pub fn final_activation(mut self, activation: Activation) -> MlpBuilder {
        self.final_activation = activation;
        self
    }

    /// Sets whether the layers have a bias. They have one by default.
    ///
    /// ```
    /// use cotangent::{nn::layers::Mlp, random};
    /// assert!(Mlp::builder(3, 2, 8, 1).bias(false).build(random::key(0)).layers[0].bias.is_none());
    /// ```
    pub fn bias(mut self, bias: bool) -> MlpBuilder {
        self.bias = bias;
        self
    }

    /// Sets the initializer of the weights.
    ///
    /// ```
    /// use cotangent::{nn::{initializers, layers::Mlp}, random};
    /// let mlp = Mlp::builder(3, 2, 8, 1).weight_init(initializers::he_normal()).build(random::key(0));
    /// assert_eq!(mlp.layers[0].weight.shape(), [3, 8]);
    /// ```
    pub fn weight_init(mut self, init: impl Into<Initializer>) -> MlpBuilder {
        self.weight_init = init.into();
        self
    }

    /// Sets the dtype of the parameters.
    ///
    /// ```
    /// use cotangent::{DType, nn::layers::Mlp, random};
    /// let mlp = Mlp::builder(3, 2, 8, 1).dtype(DType::F64).build(random::key(0));
    /// assert_eq!(mlp.layers[0].weight.dtype(), DType::F64);
    /// ```
    pub fn dtype(mut self, dtype: DType) -> MlpBuilder {
        self.dtype = dtype;
        self
    }

    /// Draws the parameters.
    ///
    /// ```
    /// use cotangent::{nn::layers::Mlp, random};
    /// assert_eq!(Mlp::builder(3, 2, 8, 1).build(random::key(0)).layers[1].weight.shape(), [8, 2]);
    /// ```
    #[track_caller]
    pub fn build(&self, key: Key) -> Mlp {
        let keys = random::split(key, self.depth + 1);
        let layers = (keys.into_iter().enumerate())
            .map(|(i, key)| {
                let inputs = if i == 0 { self.inputs } else { self.width };
                let outputs = if i == self.depth { self.outputs } else { self.width };
                let layer = Linear::builder(inputs, outputs).weight_init(self.weight_init.clone());
                layer.bias(self.bias).dtype(self.dtype).build(key)
            })
            .collect();
        Mlp { layers, activation: self.activation, final_activation: self.final_activation }
    }
}
