//! Samples of densities that are estimated from points.

use crate::array::Array;
use crate::array::aval::IntoShape;
use crate::numpy as np;
use crate::scipy::stats::GaussianKde;

use super::choice::choice_p;
use super::key::Key;
use super::multivariate::multivariate_normal_as;

impl GaussianKde {
    /// Samples of the density, of the shape `[d]` followed by another one. They can be differentiated with respect to the
    /// points and the covariance.
    ///
    /// ```
    /// use cotangent::{numpy as np, random, scipy::stats::GaussianKde};
    /// let kde = GaussianKde::new(np::array([0.0, 1.0, 3.0]));
    /// assert_eq!(kde.resample(random::key(0), (2, 5)).shape(), [1, 2, 5]);
    /// ```
    ///
    /// # Panics
    /// If the key is an array of keys.
    #[track_caller]
    pub fn resample(&self, key: Key, shape: impl IntoShape) -> Array {
        let (shape, [choice, noise]) = (shape.into_shape(), key.split());
        let chosen = choice_p(choice, self.n(), &self.weights, &shape, true);
        let mean = np::zeros_as(self.d(), self.covariance.dtype());
        let noise = multivariate_normal_as(noise, mean, &self.covariance, &shape, self.dataset.dtype());
        np::take_axis(&self.dataset, chosen, 1) + noise.moveaxis(-1, 0)
    }
}
