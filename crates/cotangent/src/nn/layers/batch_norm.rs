//! Normalization over the batch, with running statistics as a value.

use cotangent_derive::Tree;

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::ir::axis::AxisName;
use crate::lax;
use crate::numpy as np;

use super::norm::{affine_setters, normalized, wide};
use super::{check_features, result_dtype};

/// Batch normalization: mean zero and variance one for each feature, over all other axes, then a scale and a bias
/// ([source](https://arxiv.org/abs/1502.03167)).
///
/// The running statistics are a value of their own, [`BatchStats`]: training takes them and returns new ones, inference
/// only reads them. They are no parameters, so gradients and optimizers do not see them.
///
/// ```
/// use cotangent::{nn::layers::{BatchNorm, BatchStats}, prelude::*};
///
/// let norm = BatchNorm::new(2);
/// let loss = |norm: &BatchNorm, x: &Array, stats: &BatchStats| {
///     let (y, stats) = norm.train(x, stats);
///     (y.square().mean(), stats)
/// };
/// let x = Array::from([[1.0f32, 0.0], [3.0, 8.0]]);
/// let stats = norm.stats();
/// let ((_, stats), gradient) = value_and_grad(loss)(&norm, &x, &stats);
/// assert_eq!(gradient.scale.unwrap().shape(), [2]);
/// assert!((stats.mean.at(0).get().item::<f32>() - 0.02).abs() < 1e-6); // 0.99 · 0 + 0.01 · 2
/// let y = norm.call(&x, &stats);
/// # let _ = y;
/// ```
#[derive(Clone, Debug, Tree)]
pub struct BatchNorm {
    /// The scale, of shape (features).
    pub scale: Option<Array>,
    /// The bias, of shape (features).
    pub bias: Option<Array>,
    /// The number of features.
    pub features: usize,
    /// The weight of the old statistics: 0.99 by default.
    pub momentum: f64,
    /// The number that is added to the variance: 10⁻⁵ by default.
    pub epsilon: f64,
    /// A mapped axis that the batch is divided over.
    #[tree(static)]
    pub axis_name: Option<AxisName>,
}

/// The running statistics of a [`BatchNorm`].
///
/// ```
/// use cotangent::nn::layers::BatchNorm;
/// let stats = BatchNorm::new(2).stats();
/// assert_eq!((stats.mean.to_vec::<f32>(), stats.variance.to_vec::<f32>()), (vec![0.0; 2], vec![1.0; 2]));
/// ```
#[derive(Clone, Debug, Tree)]
pub struct BatchStats {
    /// The mean of each feature.
    pub mean: Array,
    /// The variance of each feature.
    pub variance: Array,
}

impl BatchNorm {
    /// Creates a layer for this number of features.
    ///
    /// ```
    /// assert_eq!(cotangent::nn::layers::BatchNorm::new(32).features, 32);
    /// ```
    #[must_use]
    pub fn new(features: usize) -> BatchNorm {
        let (scale, bias) = (Some(np::ones(features)), Some(np::zeros(features)));
        BatchNorm { scale, bias, features, momentum: 0.99, epsilon: 1e-5, axis_name: None }
    }

    /// Sets the weight of the old statistics.
    ///
    /// ```
    /// assert_eq!(cotangent::nn::layers::BatchNorm::new(32).momentum(0.9).momentum, 0.9);
    /// ```
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> BatchNorm {
        self.momentum = momentum;
        self
    }

    /// Takes the statistics over a mapped axis as well, for batches that are divided over it by `vmap` or `shard_map`.
    ///
    /// ```
    /// use cotangent::{nn::layers::BatchNorm, prelude::*};
    /// let norm = BatchNorm::new(1).axis_name("batch").epsilon(0.0);
    /// let one = vmap(|x: &Array| norm.train(x, &norm.stats()).0).axis_name("batch");
    /// assert_eq!(one(&Array::from([[1.0f32], [3.0]])).to_vec::<f32>(), [-1.0, 1.0]);
    /// ```
    #[must_use]
    pub fn axis_name(mut self, name: impl Into<AxisName>) -> BatchNorm {
        self.axis_name = Some(name.into());
        self
    }

    /// Returns the statistics to start from: mean zero and variance one.
    ///
    /// ```
    /// assert_eq!(cotangent::nn::layers::BatchNorm::new(3).stats().mean.shape(), [3]);
    /// ```
    #[must_use]
    pub fn stats(&self) -> BatchStats {
        BatchStats { mean: np::zeros(self.features), variance: np::ones(self.features) }
    }

    /// Normalizes an input of shape (…, features) by its own statistics, over all axes but the last. Also returns the
    /// new running statistics: momentum · old + (1 − momentum) · own.
    ///
    /// ```
    /// use cotangent::{nn::layers::BatchNorm, prelude::*};
    /// let norm = BatchNorm::new(1).epsilon(0.0);
    /// let (y, stats) = norm.train(Array::from([[1.0f32], [3.0]]), &norm.stats());
    /// assert_eq!(y.to_vec::<f32>(), [-1.0, 1.0]);
    /// # let _ = stats;
    /// ```
    ///
    /// # Panics
    /// If the last axis of the input does not have the size `features`.
    #[track_caller]
    pub fn train(&self, x: impl ArrayLike, stats: &BatchStats) -> (Array, BatchStats) {
        let x = x.to_array();
        let dtype = self.dtype_for(&x);
        let x = wide(&x);
        let axes: Vec<usize> = (0..x.ndim() - 1).collect();
        let over_axis = |y: Array| match &self.axis_name {
            Some(name) => lax::pmean(&y, name),
            None => y,
        };
        let mean = over_axis(x.mean_axis(&axes));
        let variance = over_axis((&x - &mean).square().mean_axis(&axes));
        let y = self.normalize(&x, &mean, &variance, dtype);
        let mixed = |old: &Array, new: &Array| self.momentum * old + (1.0 - self.momentum) * new.astype(old.dtype());
        (y, BatchStats { mean: mixed(&stats.mean, &mean), variance: mixed(&stats.variance, &variance) })
    }

    /// Normalizes an input of shape (…, features) by the running statistics.
    ///
    /// ```
    /// use cotangent::{nn::layers::BatchNorm, prelude::*};
    /// let norm = BatchNorm::new(1).epsilon(0.0);
    /// assert_eq!(norm.call(Array::from([[2.0f32]]), &norm.stats()).to_vec::<f32>(), [2.0]);
    /// ```
    ///
    /// # Panics
    /// If the last axis of the input does not have the size `features`.
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike, stats: &BatchStats) -> Array {
        let x = x.to_array();
        let dtype = self.dtype_for(&x);
        self.normalize(&wide(&x), &stats.mean, &stats.variance, dtype)
    }

    #[track_caller]
    fn dtype_for(&self, x: &Array) -> DType {
        check_features("BatchNorm", x, self.features, "scale", &[self.features]);
        result_dtype([Some(x), self.scale.as_ref(), self.bias.as_ref()].into_iter().flatten())
    }

    #[track_caller]
    fn normalize(&self, x: &Array, mean: &Array, variance: &Array, dtype: DType) -> Array {
        normalized(x, (mean, variance), self.epsilon, self.scale.as_ref(), self.bias.as_ref(), dtype)
    }
}

affine_setters!(BatchNorm, bias, "BatchNorm::new(3)");
