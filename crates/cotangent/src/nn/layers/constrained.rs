//! Layers whose weights are normalized: by the norm of each feature, or by the greatest singular value.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::numpy as np;
use crate::random::{self, Key};
use crate::tree::{Tree, flatten, leaf_paths};

/// Which leaves of a layer are weights: those of two or more dimensions.
fn weights<L: Tree>(layer: &L) -> Vec<(String, Array)> {
    let leaves = leaf_paths(layer).into_iter().zip(flatten(layer));
    leaves.filter(|(_, x)| x.ndim() >= 2).collect()
}

/// The layer with its weights replaced, in order.
fn with_weights<L: Tree>(layer: &L, weights: impl IntoIterator<Item = Array>) -> L {
    let mut weights = weights.into_iter();
    layer.map(|x| if x.ndim() >= 2 { weights.next().unwrap_or_else(|| x.clone()) } else { x.clone() })
}

/// A layer whose weights are g · v / ‖v‖: a direction v, which is the layer's own weight, and a length g for each feature
/// ([source](https://arxiv.org/abs/1602.07868)).
///
/// Features are the last axis. All parameters of two or more dimensions are weights.
///
/// ```
/// use cotangent::{nn::layers::{Linear, WeightNorm}, prelude::*};
/// let norm = WeightNorm::new(Linear::new(random::key(0), 3, 4));
/// let lengths = (norm.layer().weight.square().sum_axis(0)).sqrt();
/// assert!(np::allclose(lengths, 1.0).item::<bool>());
/// assert_eq!(norm.layer().call(np::ones([8, 3])).shape(), [8, 4]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct WeightNorm<L> {
    /// The layer, whose weights are the directions.
    pub inner: L,
    /// The lengths for each weight, of shape (features).
    pub scale: Vec<Array>,
    /// The number that is added to squared norms: 10⁻¹² by default, as in Flax.
    pub epsilon: f64,
}

impl<L: Tree> WeightNorm<L> {
    /// Normalizes a layer, with lengths of one, as Flax does.
    ///
    /// ```
    /// use cotangent::{nn::layers::{Linear, WeightNorm}, random};
    /// assert_eq!(WeightNorm::new(Linear::new(random::key(0), 3, 4)).scale[0].shape(), [4]);
    /// ```
    pub fn new(layer: L) -> WeightNorm<L> {
        let ones = |(_, x): (String, Array)| np::ones_as(x.shape().last().copied().unwrap_or(1), x.dtype());
        WeightNorm { scale: weights(&layer).into_iter().map(ones).collect(), inner: layer, epsilon: 1e-12 }
    }

    /// Normalizes a layer with the lengths of its weights, so that its results stay the same, as Equinox does.
    ///
    /// ```
    /// use cotangent::{nn::layers::{Linear, WeightNorm}, prelude::*};
    /// let layer = Linear::new(random::key(0), 3, 4);
    /// let norm = WeightNorm::preserving(layer.clone());
    /// assert!(np::allclose(norm.layer().weight, layer.weight).item::<bool>());
    /// ```
    pub fn preserving(layer: L) -> WeightNorm<L> {
        let length = |(_, x): (String, Array)| x.square().sum_axis(rest(&x)).sqrt();
        WeightNorm { scale: weights(&layer).into_iter().map(length).collect(), inner: layer, epsilon: 0.0 }
    }

    /// Returns the layer with its normalized weights.
    ///
    /// ```
    /// use cotangent::{nn::layers::{Linear, WeightNorm}, prelude::*};
    /// let norm = WeightNorm::new(Linear { weight: np::array([[3.0], [4.0]]), bias: None });
    /// assert_eq!(norm.layer().weight.to_vec::<f32>(), [0.6, 0.8]);
    /// ```
    pub fn layer(&self) -> L {
        let normalized = weights(&self.inner).into_iter().zip(&self.scale).map(|((_, v), g)| {
            let factor = (v.square().sum_keepdims(rest(&v)) + self.epsilon).rsqrt();
            v * factor * g
        });
        with_weights(&self.inner, normalized)
    }
}

/// All axes but the last.
fn rest(x: &Array) -> Vec<isize> {
    (0..x.ndim() as isize - 1).collect()
}

/// x/√(Σx² + epsilon).
fn unit(x: &Array, epsilon: f64) -> Array {
    x * (x.square().sum() + epsilon).rsqrt()
}

/// A layer whose weights are divided by their greatest singular values
/// ([source](https://arxiv.org/abs/1802.05957)), which power iteration estimates, from call to call.
///
/// All parameters of two or more dimensions are weights; their last axis has the features, and all others together are
/// rows. [`update`](SpectralNorm::update) continues the iteration and is used in training, [`layer`](SpectralNorm::layer)
/// otherwise. The vectors get no gradient.
///
/// ```
/// use cotangent::{nn::layers::{Linear, SpectralNorm}, prelude::*};
/// let mut norm = SpectralNorm::new(random::key(1), Linear::new(random::key(0), 3, 4)).n_steps(20);
/// let (layer, next) = norm.update();
/// norm = next;
/// let most = np::linalg::svdvals(layer.weight).max();
/// assert!((most.item::<f32>() - 1.0).abs() < 1e-3);
/// assert_eq!(norm.layer().call(np::ones([8, 3])).shape(), [8, 4]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct SpectralNorm<L> {
    /// The layer.
    pub inner: L,
    /// For each weight, an estimate of the singular vector of the features, of shape (features).
    pub u: Vec<Array>,
    /// The number of steps of the iteration in each call.
    pub n_steps: usize,
    /// The number that is added to squared norms: 10⁻¹² by default.
    pub epsilon: f64,
}

impl<L: Tree + Clone> SpectralNorm<L> {
    /// Normalizes a layer. The iteration begins at normal vectors, and makes one step in each call.
    ///
    /// ```
    /// use cotangent::{nn::layers::{Linear, SpectralNorm}, random};
    /// let norm = SpectralNorm::new(random::key(1), Linear::new(random::key(0), 3, 4));
    /// assert_eq!(norm.u[0].shape(), [4]);
    /// ```
    pub fn new(key: Key, layer: L) -> SpectralNorm<L> {
        let weights = weights(&layer);
        let keys = random::split(key, weights.len());
        let draw = |(key, (_, x)): (Key, (String, Array))| {
            random::normal_as(key, x.shape().last().copied().unwrap_or(1), x.dtype())
        };
        let u = keys.into_iter().zip(weights).map(draw).collect();
        SpectralNorm { inner: layer, u, n_steps: 1, epsilon: 1e-12 }
    }

    /// Sets the number of steps of the iteration in each call.
    ///
    /// ```
    /// use cotangent::{nn::layers::{Linear, SpectralNorm}, random};
    /// let norm = SpectralNorm::new(random::key(1), Linear::new(random::key(0), 3, 4));
    /// assert_eq!(norm.n_steps(5).n_steps, 5);
    /// ```
    #[must_use]
    pub fn n_steps(mut self, n: usize) -> SpectralNorm<L> {
        self.n_steps = n;
        self
    }

    /// Returns the layer with its normalized weights, and the state for the next call.
    ///
    /// ```
    /// use cotangent::{nn::layers::{Linear, SpectralNorm}, prelude::*};
    /// let norm = SpectralNorm::new(random::key(1), Linear { weight: np::array([[4.0]]), bias: None });
    /// assert_eq!(norm.update().0.weight.item::<f32>(), 1.0);
    /// ```
    pub fn update(&self) -> (L, SpectralNorm<L>) {
        let parts = weights(&self.inner).into_iter().zip(&self.u).map(|((_, weight), u)| {
            let features = u.shape()[0];
            let rows = weight.size() / features.max(1);
            let matrix = weight.reshape([rows, features]);
            let (mut u, mut v) = (u.clone(), np::zeros_as(rows, weight.dtype()));
            for _ in 0..self.n_steps {
                v = unit(&matrix.matmul(&u), self.epsilon);
                u = unit(&v.matmul(&matrix), self.epsilon);
            }
            let (u, v) = (u.stop_gradient(), v.stop_gradient());
            let sigma = v.matmul(&matrix).dot(&u);
            let divisor = np::where_(sigma.not_equal(0.0), &sigma, 1.0);
            (if self.n_steps == 0 { weight } else { weight / divisor }, u)
        });
        let (normalized, u): (Vec<Array>, Vec<Array>) = parts.unzip();
        (with_weights(&self.inner, normalized), SpectralNorm { u, ..self.clone() })
    }

    /// Returns the layer with its normalized weights; the state stays as it is.
    ///
    /// ```
    /// use cotangent::{nn::layers::{Linear, SpectralNorm}, prelude::*};
    /// let norm = SpectralNorm::new(random::key(1), Linear { weight: np::array([[4.0]]), bias: None });
    /// assert_eq!(norm.layer().weight.item::<f32>(), 1.0);
    /// ```
    pub fn layer(&self) -> L {
        self.update().0
    }
}
