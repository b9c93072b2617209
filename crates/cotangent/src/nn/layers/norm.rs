//! Normalization over features: statistics of each example alone.

use cotangent_derive::Tree;

use crate::array::aval::{IntoShape, Shape};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::methods::reductions::working;
use crate::numpy as np;

use super::{check_features, result_dtype};

/// Returns mean and variance over some axes, which remain with size one. Half-precision numbers are converted to `f32`
/// first: pass the result of [`wide`].
#[track_caller]
pub(super) fn moments(x: &Array, axes: &[usize]) -> (Array, Array) {
    let mean = x.mean_keepdims(axes);
    let variance = (x - &mean).square().mean_keepdims(axes);
    (mean, variance)
}

/// Converts to the dtype that statistics are computed in.
#[track_caller]
pub(super) fn wide(x: &Array) -> Array {
    let x = x.to_inexact();
    x.astype(working(x.dtype()))
}

/// Returns (x − mean) / √(variance + epsilon) · scale + bias, in the dtype of the input and the parameters.
#[track_caller]
pub(super) fn normalized(
    x: &Array,
    (mean, variance): (&Array, &Array),
    epsilon: f64,
    scale: Option<&Array>,
    bias: Option<&Array>,
    dtype: DType,
) -> Array {
    let factor = (variance + epsilon).rsqrt();
    let factor = scale.map_or_else(|| factor.clone(), |scale| &factor * scale);
    let y = (x - mean) * factor;
    bias.map_or_else(|| y.clone(), |bias| &y + bias).astype(dtype)
}

/// Defines the setters of layers with an optional scale and bias.
macro_rules! affine_setters {
    ($Norm:ident, $example:literal) => {
        impl $Norm {
            /// Sets the number that is added to the variance.
            #[doc = concat!("\n```\nuse cotangent::nn::layers::*;\nassert_eq!(", $example, ".epsilon(1e-5).epsilon, 1e-5);\n```")]
            #[must_use]
            pub fn epsilon(mut self, epsilon: f64) -> $Norm {
                self.epsilon = epsilon;
                self
            }

            /// Removes the scale.
            #[doc = concat!("\n```\nuse cotangent::nn::layers::*;\nassert!(", $example, ".without_scale().scale.is_none());\n```")]
            #[must_use]
            pub fn without_scale(mut self) -> $Norm {
                self.scale = None;
                self
            }

            /// Sets the dtype of the parameters.
            #[doc = concat!("\n```\nuse cotangent::{DType, nn::layers::*};\nassert!(", $example, ".dtype(DType::BF16).scale.is_some());\n```")]
            #[must_use]
            pub fn dtype(self, dtype: DType) -> $Norm {
                crate::tree::Tree::map(&self, |x| x.astype(dtype))
            }
        }
    };
    ($Norm:ident, bias, $example:literal) => {
        $crate::nn::layers::norm::affine_setters!($Norm, $example);

        impl $Norm {
            /// Removes the bias.
            #[doc = concat!("\n```\nuse cotangent::nn::layers::*;\nassert!(", $example, ".without_bias().bias.is_none());\n```")]
            #[must_use]
            pub fn without_bias(mut self) -> $Norm {
                self.bias = None;
                self
            }
        }
    };
}
pub(super) use affine_setters;

/// Layer normalization: mean zero and variance one over the last axes, then a scale and a bias
/// ([source](https://arxiv.org/abs/1607.06450)).
///
/// Statistics of half-precision numbers are computed in `f32`.
///
/// ```
/// use cotangent::{nn::layers::LayerNorm, prelude::*};
/// let norm = LayerNorm::new(2).epsilon(0.0);
/// assert_eq!(norm.call(Array::from([[1.0f32, 3.0], [0.0, 8.0]])).to_vec::<f32>(), [-1.0, 1.0, -1.0, 1.0]);
/// // Over several axes:
/// assert_eq!(LayerNorm::new([8, 8, 3]).call(np::ones([4, 8, 8, 3])).shape(), [4, 8, 8, 3]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct LayerNorm {
    /// The scale, of the shape of the axes.
    pub scale: Option<Array>,
    /// The bias, of the shape of the axes.
    pub bias: Option<Array>,
    /// The sizes of the axes.
    pub features: Vec<usize>,
    /// The number that is added to the variance: 10⁻⁶ by default, as in Flax; Equinox's is 10⁻⁵.
    pub epsilon: f64,
}

impl LayerNorm {
    /// Creates a layer for the last axis of this size, or the last axes of this shape.
    ///
    /// ```
    /// assert_eq!(cotangent::nn::layers::LayerNorm::new(64).features, [64]);
    /// ```
    #[must_use]
    pub fn new(features: impl IntoShape) -> LayerNorm {
        let shape = features.into_shape();
        LayerNorm {
            scale: Some(np::ones(&shape)),
            bias: Some(np::zeros(&shape)),
            features: shape.to_vec(),
            epsilon: 1e-6,
        }
    }

    /// Applies the layer to an input of shape (…, features).
    ///
    /// ```
    /// use cotangent::{nn::layers::LayerNorm, numpy as np};
    /// assert_eq!(LayerNorm::new(3).call(np::ones([2, 3])).to_vec::<f32>(), [0.0; 6]);
    /// ```
    ///
    /// # Panics
    /// If the last axes of the input do not have the sizes of `features`.
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike) -> Array {
        let x = x.to_array();
        if !x.shape().ends_with(&self.features) {
            let features = Shape::new(&self.features);
            raise(
                Error::shape(format!(
                    "LayerNorm: the last axes of the input must have shape {features}, got {}",
                    x.aval()
                ))
                .help("the axes before them are batch axes"),
            );
        }
        let axes: Vec<usize> = (x.ndim() - self.features.len()..x.ndim()).collect();
        let dtype = result_dtype([Some(&x), self.scale.as_ref(), self.bias.as_ref()].into_iter().flatten());
        let x = wide(&x);
        let (mean, variance) = moments(&x, &axes);
        normalized(&x, (&mean, &variance), self.epsilon, self.scale.as_ref(), self.bias.as_ref(), dtype)
    }
}

affine_setters!(LayerNorm, bias, "LayerNorm::new(3)");

/// Root-mean-square normalization over the last axis: x / √(mean(x²) + ε) · scale
/// ([source](https://arxiv.org/abs/1910.07467)).
///
/// The mean square of half-precision numbers is computed in `f32`.
///
/// ```
/// use cotangent::{nn::layers::RmsNorm, prelude::*};
/// let norm = RmsNorm::new(2).epsilon(0.0);
/// assert_eq!(norm.call(Array::from([[7.0f32, 1.0]])).to_vec::<f32>(), [1.4, 0.2]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct RmsNorm {
    /// The scale, of shape (features).
    pub scale: Option<Array>,
    /// The size of the last axis.
    pub features: usize,
    /// The number that is added to the mean square: 10⁻⁶ by default.
    pub epsilon: f64,
}

impl RmsNorm {
    /// Creates a layer for a last axis of this size.
    ///
    /// ```
    /// assert_eq!(cotangent::nn::layers::RmsNorm::new(64).features, 64);
    /// ```
    #[must_use]
    pub fn new(features: usize) -> RmsNorm {
        RmsNorm { scale: Some(np::ones(features)), features, epsilon: 1e-6 }
    }

    /// Applies the layer to an input of shape (…, features).
    ///
    /// ```
    /// use cotangent::{nn::layers::RmsNorm, numpy as np};
    /// assert_eq!(RmsNorm::new(3).epsilon(0.0).call(np::ones([2, 3])).to_vec::<f32>(), [1.0; 6]);
    /// ```
    ///
    /// # Panics
    /// If the last axis of the input does not have the size `features`.
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike) -> Array {
        let x = x.to_array();
        check_features("RmsNorm", &x, self.features, "scale", &[self.features]);
        let dtype = result_dtype([Some(&x), self.scale.as_ref()].into_iter().flatten());
        let x = wide(&x);
        let factor = (x.square().mean_keepdims(-1) + self.epsilon).rsqrt();
        let factor = self.scale.as_ref().map_or_else(|| factor.clone(), |scale| &factor * scale);
        (x * factor).astype(dtype)
    }
}

affine_setters!(RmsNorm, "RmsNorm::new(3)");

/// Group normalization: mean zero and variance one over the spatial axes and the features of a group, then a scale and
/// a bias for each feature ([source](https://arxiv.org/abs/1803.08494)).
///
/// The first axis of the input is the batch axis, the last that of features, and the others are spatial. Within `vmap`,
/// insert a batch axis with `x.expand_dims(0)`.
///
/// ```
/// use cotangent::{nn::layers::GroupNorm, prelude::*};
/// let norm = GroupNorm::new(4, 32);
/// assert_eq!(norm.call(np::ones([2, 8, 8, 32])).shape(), [2, 8, 8, 32]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct GroupNorm {
    /// The scale, of shape (features).
    pub scale: Option<Array>,
    /// The bias, of shape (features).
    pub bias: Option<Array>,
    /// The number of groups.
    pub groups: usize,
    /// The number of features.
    pub features: usize,
    /// The number that is added to the variance: 10⁻⁶ by default, as in Flax; Equinox's is 10⁻⁵.
    pub epsilon: f64,
}

impl GroupNorm {
    /// Creates a layer that divides the features into groups.
    ///
    /// ```
    /// assert_eq!(cotangent::nn::layers::GroupNorm::new(4, 32).groups, 4);
    /// ```
    ///
    /// # Panics
    /// If the number of groups does not divide that of features.
    #[must_use]
    #[track_caller]
    pub fn new(groups: usize, features: usize) -> GroupNorm {
        if groups == 0 || !features.is_multiple_of(groups) {
            raise(Error::value(format!("GroupNorm: {groups} groups do not divide {features} features")));
        }
        let (scale, bias) = (Some(np::ones(features)), Some(np::zeros(features)));
        GroupNorm { scale, bias, groups, features, epsilon: 1e-6 }
    }

    /// Applies the layer to an input of shape (batch, spatial axes, features).
    ///
    /// ```
    /// use cotangent::{nn::layers::GroupNorm, numpy as np};
    /// assert_eq!(GroupNorm::new(1, 2).call(np::ones([3, 5, 2])).max().item::<f32>(), 0.0);
    /// ```
    ///
    /// # Panics
    /// If the input has no batch axis, or its last axis does not have the size `features`.
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike) -> Array {
        let x = x.to_array();
        check_features("GroupNorm", &x, self.features, "scale", &[self.features]);
        check_batch("GroupNorm", &x);
        let dtype = result_dtype([Some(&x), self.scale.as_ref(), self.bias.as_ref()].into_iter().flatten());
        let x = wide(&x);
        let n = x.ndim();
        let divided = |x: &Array| {
            let shape: Shape =
                x.shape()[..x.ndim() - 1].iter().copied().chain([self.groups, self.features / self.groups]).collect();
            x.reshape(&shape)
        };
        let axes: Vec<usize> = (1..n - 1).chain([n]).collect();
        let (scale, bias) = (self.scale.as_ref().map(divided), self.bias.as_ref().map(divided));
        let grouped = divided(&x);
        let (mean, variance) = moments(&grouped, &axes);
        let y = normalized(&grouped, (&mean, &variance), self.epsilon, scale.as_ref(), bias.as_ref(), dtype);
        y.reshape(x.shape().to_vec())
    }
}

affine_setters!(GroupNorm, bias, "GroupNorm::new(1, 3)");

#[track_caller]
fn check_batch(layer: &str, x: &Array) {
    if x.ndim() < 2 {
        raise(
            Error::shape(format!("{layer}: the input needs a batch axis and an axis of features, got {}", x.aval()))
                .help("insert a batch axis with `x.expand_dims(0)`"),
        );
    }
}

/// Instance normalization: mean zero and variance one over the spatial axes of each example and feature, then a scale
/// and a bias for each feature ([source](https://arxiv.org/abs/1607.08022)).
///
/// The first axis of the input is the batch axis, the last that of features, and the others are spatial.
///
/// ```
/// use cotangent::{nn::layers::InstanceNorm, prelude::*};
/// let x = np::array([[[1.0, 0.0], [3.0, 8.0]]]);
/// assert_eq!(InstanceNorm::new(2).epsilon(0.0).call(x).to_vec::<f32>(), [-1.0, -1.0, 1.0, 1.0]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct InstanceNorm {
    /// The scale, of shape (features).
    pub scale: Option<Array>,
    /// The bias, of shape (features).
    pub bias: Option<Array>,
    /// The number of features.
    pub features: usize,
    /// The number that is added to the variance: 10⁻⁶ by default.
    pub epsilon: f64,
}

impl InstanceNorm {
    /// Creates a layer for this number of features.
    ///
    /// ```
    /// assert_eq!(cotangent::nn::layers::InstanceNorm::new(32).features, 32);
    /// ```
    #[must_use]
    pub fn new(features: usize) -> InstanceNorm {
        InstanceNorm { scale: Some(np::ones(features)), bias: Some(np::zeros(features)), features, epsilon: 1e-6 }
    }

    /// Applies the layer to an input of shape (batch, spatial axes, features).
    ///
    /// ```
    /// use cotangent::{nn::layers::InstanceNorm, numpy as np};
    /// assert_eq!(InstanceNorm::new(2).call(np::ones([3, 5, 2])).max().item::<f32>(), 0.0);
    /// ```
    ///
    /// # Panics
    /// If the input has no batch axis, or its last axis does not have the size `features`.
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike) -> Array {
        let x = x.to_array();
        check_features("InstanceNorm", &x, self.features, "scale", &[self.features]);
        check_batch("InstanceNorm", &x);
        let dtype = result_dtype([Some(&x), self.scale.as_ref(), self.bias.as_ref()].into_iter().flatten());
        let x = wide(&x);
        let axes: Vec<usize> = (1..x.ndim() - 1).collect();
        let (mean, variance) = moments(&x, &axes);
        normalized(&x, (&mean, &variance), self.epsilon, self.scale.as_ref(), self.bias.as_ref(), dtype)
    }
}

affine_setters!(InstanceNorm, bias, "InstanceNorm::new(3)");
