//! Derivatives of functions with steps, by noise.

use crate::api::vmap::vmap;
use crate::array::Array;
use crate::random::{self, Key};
use crate::tree::Tree;

use super::number::Number;

/// The distribution of the noise of [`make_perturbed_fun`].
///
/// ```
/// use cotangent::optim::{self, Noise};
/// let f = optim::make_perturbed_fun(|x: &cotangent::Array| x.sign()).noise(Noise::Normal);
/// # let _ = f.num_samples(10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Noise {
    /// The Gumbel distribution, with which the perturbed `argmax` is the softmax.
    Gumbel,
    /// The normal distribution.
    Normal,
}

impl Noise {
    fn sample(self, key: Key, like: &Array) -> Array {
        match self {
            Noise::Gumbel => random::gumbel_as(key, like.shape(), like.dtype()),
            Noise::Normal => random::normal_as(key, like.shape(), like.dtype()),
        }
    }

    /// The logarithm of the density, without its constant.
    fn log_prob(self, x: &Array) -> Array {
        match self {
            Noise::Gumbel => -x - (-x).exp(),
            Noise::Normal => -0.5 * x.square(),
        }
    }
}

/// What [`make_perturbed_fun`] returns.
#[derive(Clone, Debug)]
#[must_use = "call it with a key and an argument"]
pub struct PerturbedFun<F> {
    f: F,
    num_samples: usize,
    sigma: Number,
    noise: Noise,
    use_baseline: bool,
}

/// Returns an estimate of the mean of `f` at noisy arguments, which has derivatives even if `f` has none: that of a
/// selection, a sort or a shortest path ([perturbed optimizers](https://arxiv.org/abs/2002.08676)).
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let step = optim::make_perturbed_fun(|x: &Array| x.greater(0.0).astype(DType::F32)).sigma(0.5);
/// let slope = grad(|x: &Array| step.call(random::key(0), x))(&np::array(0.0));
/// assert!(slope.item::<f32>() > 0.3);
/// ```
pub fn make_perturbed_fun<P: Tree, R: Tree, F: Fn(&P) -> R + Send + Sync>(f: F) -> PerturbedFun<F> {
    PerturbedFun { f, num_samples: 1000, sigma: 0.1.into(), noise: Noise::Gumbel, use_baseline: true }
}

impl<F> PerturbedFun<F> {
    /// The number of samples; 1000 by default.
    pub fn num_samples(mut self, n: usize) -> Self {
        self.num_samples = n;
        self
    }

    /// The factor of the noise; 0.1 by default.
    pub fn sigma(mut self, sigma: impl Into<Number>) -> Self {
        self.sigma = sigma.into();
        self
    }

    /// The distribution of the noise; that of Gumbel by default.
    pub fn noise(mut self, noise: Noise) -> Self {
        self.noise = noise;
        self
    }

    /// Whether the value without noise is subtracted, which makes the derivative more precise, as by default.
    pub fn use_baseline(mut self, on: bool) -> Self {
        self.use_baseline = on;
        self
    }

    /// Returns the mean over samples drawn with the key.
    ///
    /// # Panics
    /// As the function does.
    #[track_caller]
    pub fn call<P: Tree, R: Tree>(&self, key: Key, x: &P) -> R
    where
        F: Fn(&P) -> R + Send + Sync,
    {
        let PerturbedFun { f, noise, .. } = self;
        let sigma = self.sigma.array();
        let baseline = self.use_baseline.then(|| f(&x.map(Array::stop_gradient)));
        let one = |key: &Key| {
            let mut keys = random::split(key.clone(), crate::tree::flatten(x).len()).into_iter();
            let shifted = x.map(|x| {
                let key = keys.next().unwrap_or_else(|| key.clone());
                (x + &sigma * noise.sample(key, x)).stop_gradient()
            });
            let mut log = Array::from(0.0);
            let _ = x.zip(&shifted, |x, y| {
                log = &log + noise.log_prob(&((y - x) / &sigma)).sum();
                x.clone()
            });
            // One, with the derivative of the logarithm.
            let weight = (&log - log.stop_gradient()).exp();
            let value = f(&shifted).map(|y| &weight * y);
            match &baseline {
                Some(baseline) => value.zip(baseline, |y, b| y + (1.0 - &weight) * b),
                None => value,
            }
        };
        vmap(one)(&random::split(key, self.num_samples)).map(|y| y.mean_axis(0))
    }
}
