//! Densities that are estimated from points.

use std::f64::consts::TAU;

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::numpy::{self as np, linalg};
use crate::ops::in_one_inexact_dtype;
use crate::scipy::linalg::{cho_solve, cholesky};
use crate::scipy::special;
use cotangent_derive::Tree;

/// How wide the kernels of a [`GaussianKde`] are: by which factor the standard deviations of the data are multiplied.
///
/// ```
/// use cotangent::{numpy as np, scipy::stats::{Bandwidth, GaussianKde}};
/// let narrow = GaussianKde::with(np::array([0.0, 1.0, 3.0]), Bandwidth::Factor(0.1.into()), None);
/// assert!((narrow.covariance.item::<f64>() - 0.0233333).abs() < 1e-6);
/// ```
#[derive(Clone, Debug, Default)]
pub enum Bandwidth {
    /// n^(−1/(d + 4)) for n points of d coordinates.
    #[default]
    Scott,
    /// (n (d + 2) / 4)^(−1/(d + 4)).
    Silverman,
    /// A number.
    Factor(Array),
}

/// A density that is a sum of normal ones around points, with the covariance of the points times the square of a factor.
///
/// ```
/// use cotangent::{numpy as np, scipy::stats::GaussianKde};
/// let kde = GaussianKde::new(np::array([0.0, 1.0, 3.0]));
/// let total = kde.integrate_box_1d(-50.0, 50.0).item::<f64>();
/// assert!((total - 1.0).abs() < 1e-6);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct GaussianKde {
    /// The effective number of points, (Σ w)² / Σ w².
    pub neff: Array,
    /// The points, of shape `[d, n]`.
    pub dataset: Array,
    /// Their weights, with the sum 1.
    pub weights: Array,
    /// The covariance of the kernels, of shape `[d, d]`.
    pub covariance: Array,
    /// The inverse of the covariance.
    pub inv_cov: Array,
}

impl GaussianKde {
    /// The density of points of equal weights, with Scott's bandwidth. They are a matrix of shape `[d, n]`, or a vector of
    /// numbers.
    ///
    /// ```
    /// use cotangent::{numpy as np, scipy::stats::GaussianKde};
    /// let kde = GaussianKde::new(np::array([[0.0, 1.0, 3.0], [0.0, -1.0, 1.0]]));
    /// assert_eq!((kde.d(), kde.n()), (2, 3));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two elements, more than two dimensions, or complex numbers.
    #[track_caller]
    pub fn new(dataset: impl ArrayLike) -> GaussianKde {
        GaussianKde::with(dataset, Bandwidth::Scott, None)
    }

    /// [`GaussianKde::new`] with a bandwidth, and with weights, whose sum need not be 1.
    ///
    /// ```
    /// use cotangent::{numpy as np, scipy::stats::{Bandwidth, GaussianKde}};
    /// let kde = GaussianKde::with(np::array([0.0, 1.0]), Bandwidth::Silverman, Some(&np::array([3.0, 1.0])));
    /// assert_eq!(kde.weights.to_vec::<f32>(), [0.75, 0.25]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two elements, more than two dimensions, complex numbers, or not one weight for each point.
    #[track_caller]
    pub fn with(dataset: impl ArrayLike, bandwidth: Bandwidth, weights: Option<&Array>) -> GaussianKde {
        let dataset = reals(np::atleast_2d(dataset));
        let &[d, n] = dataset.shape() else { no_matrix(&dataset) };
        if dataset.size() < 2 {
            no_matrix(&dataset);
        }
        let [dataset, weights] = match weights {
            Some(weights) => in_one_inexact_dtype([dataset, np::atleast_1d(weights)]),
            None => {
                let dataset = dataset.to_inexact();
                let weights = np::ones_as(n, dataset.dtype());
                [dataset, weights]
            }
        };
        if weights.shape() != [n] {
            let (dataset, weights) = (dataset.aval(), weights.aval());
            raise(Error::shape(format!(
                "gaussian_kde: expected a weight for each element of the last axis of {dataset}, got {weights}"
            )));
        }
        let weights = &weights / weights.sum();
        let neff = 1.0 / weights.square().sum();
        let power = -1.0 / (d as f64 + 4.0);
        let factor = match bandwidth {
            Bandwidth::Scott => neff.pow(power),
            Bandwidth::Silverman => (&neff * ((d as f64 + 2.0) / 4.0)).pow(power),
            Bandwidth::Factor(factor) => factor,
        };
        let total = weights.sum();
        let centered = &dataset - np::matmul(&dataset, weights.expand_dims(-1)) / &total;
        let free = &total - weights.square().sum() / &total;
        let covariance = np::matmul(&centered * &weights, centered.t()) / free;
        let (inverse, square) = (linalg::inv(&covariance), factor.square());
        GaussianKde { neff, dataset, weights, covariance: covariance * &square, inv_cov: inverse / square }
    }

    /// The number of coordinates of a point.
    ///
    /// ```
    /// # use cotangent::{numpy as np, scipy::stats::GaussianKde};
    /// assert_eq!(GaussianKde::new(np::array([0.0, 1.0, 3.0])).d(), 1);
    /// ```
    pub fn d(&self) -> usize {
        self.dataset.shape()[0]
    }

    /// The number of points.
    ///
    /// ```
    /// # use cotangent::{numpy as np, scipy::stats::GaussianKde};
    /// assert_eq!(GaussianKde::new(np::array([0.0, 1.0, 3.0])).n(), 3);
    /// ```
    pub fn n(&self) -> usize {
        self.dataset.shape()[1]
    }

    /// The density at points, of shape `[d, m]`; numbers, if d is 1; or one point, of d coordinates.
    ///
    /// ```
    /// use cotangent::{numpy as np, scipy::stats::GaussianKde};
    /// let kde = GaussianKde::new(np::array([0.0, 1.0, 3.0]));
    /// assert!((kde.evaluate(1.0).item::<f64>() - 0.2148954).abs() < 1e-5);
    /// ```
    ///
    /// # Panics
    /// If the points have another number of coordinates, or are complex.
    #[track_caller]
    pub fn evaluate(&self, points: impl ArrayLike) -> Array {
        let (kernels, weights) = self.kernels(points.to_array());
        (kernels.exp() * weights).sum_axis(-1)
    }

    /// The density at points; another name for [`evaluate`](GaussianKde::evaluate).
    ///
    /// ```
    /// # use cotangent::{numpy as np, scipy::stats::GaussianKde};
    /// let kde = GaussianKde::new(np::array([0.0, 1.0, 3.0]));
    /// assert_eq!(kde.pdf(1.0).to_vec::<f32>(), kde.evaluate(1.0).to_vec::<f32>());
    /// ```
    ///
    /// # Panics
    /// If the points have another number of coordinates, or are complex.
    #[track_caller]
    pub fn pdf(&self, points: impl ArrayLike) -> Array {
        self.evaluate(points)
    }

    /// The logarithm of the density at points, without underflow far from all data.
    ///
    /// ```
    /// # use cotangent::{numpy as np, scipy::stats::GaussianKde};
    /// let kde = GaussianKde::new(np::array([0.0, 1.0, 3.0]));
    /// assert!((kde.logpdf(1.0).item::<f64>() + 1.5376041).abs() < 1e-5);
    /// ```
    ///
    /// # Panics
    /// If the points have another number of coordinates, or are complex.
    #[track_caller]
    pub fn logpdf(&self, points: impl ArrayLike) -> Array {
        let (kernels, weights) = self.kernels(points.to_array());
        special::logsumexp_axis(kernels + weights.log(), -1)
    }

    /// The logarithms of the kernels at points, of shape `[m, n]`, and the weights.
    #[track_caller]
    fn kernels(&self, points: Array) -> (Array, Array) {
        let (mut points, d) = (reals(np::atleast_2d(points)), self.d());
        if points.shape() == [1, d] {
            points = points.reshape((d, 1));
        }
        if points.ndim() != 2 || points.shape()[0] != d {
            let (points, data) = (points.aval(), self.dataset.aval());
            raise(Error::shape(format!(
                "gaussian_kde: expected a matrix of points like those of {data}, got {points}"
            )));
        }
        let operands = [&self.dataset, &self.weights, &points, &self.inv_cov].map(Array::clone);
        let [dataset, weights, points, precision] = in_one_inexact_dtype(operands);
        let whitening = cholesky(precision, true);
        let white = |x: &Array| np::matmul(x.t(), &whitening);
        let differences = white(&points).expand_dims(1) - white(&dataset).expand_dims(0);
        let scale = linalg::diagonal(&whitening, 0).log().sum() - 0.5 * d as f64 * TAU.ln();
        (scale - 0.5 * differences.square().sum_axis(-1), weights)
    }

    /// The integral of the density times a normal one.
    ///
    /// ```
    /// # use cotangent::{numpy as np, scipy::stats::GaussianKde};
    /// let kde = GaussianKde::new(np::array([0.0, 1.0, 3.0]));
    /// assert!((kde.integrate_gaussian(1.0, 0.5).item::<f64>() - 0.2017697).abs() < 1e-5);
    /// ```
    ///
    /// # Panics
    /// If the mean is no vector of d numbers, or the covariance no matrix of d rows and columns.
    #[track_caller]
    pub fn integrate_gaussian(&self, mean: impl ArrayLike, cov: impl ArrayLike) -> Array {
        let (mean, cov, d) = (np::atleast_1d(np::squeeze(mean)), np::atleast_2d(cov), self.d());
        if mean.shape() != [d] || cov.shape() != [d, d] {
            let (mean, cov) = (mean.aval(), cov.aval());
            raise(Error::shape(format!(
                "integrate_gaussian: expected a vector of {d} means and the matrix of their covariances, got {mean} and \
                 {cov}"
            )));
        }
        self.overlap(&(&self.covariance + cov), &mean.expand_dims(-1), &np::ones(1))
    }

    /// The integral of the product of two densities.
    ///
    /// ```
    /// # use cotangent::{numpy as np, scipy::stats::GaussianKde};
    /// let kde = GaussianKde::new(np::array([0.0, 1.0, 3.0]));
    /// assert!((kde.integrate_kde(&kde).item::<f64>() - 0.1577143).abs() < 1e-5);
    /// ```
    ///
    /// # Panics
    /// If their points have different numbers of coordinates.
    #[track_caller]
    pub fn integrate_kde(&self, other: &GaussianKde) -> Array {
        if self.d() != other.d() {
            let (one, other) = (self.dataset.aval(), other.dataset.aval());
            raise(Error::shape(format!("integrate_kde: expected a matrix of points like those of {one}, got {other}")));
        }
        self.overlap(&(&self.covariance + &other.covariance), &other.dataset, &other.weights)
    }

    /// The sum, over pairs of own points and others, of the normal density of their difference.
    #[track_caller]
    fn overlap(&self, covariance: &Array, others: &Array, weights: &Array) -> Array {
        let (d, factor) = (self.d(), cholesky(covariance, false));
        let differences = (self.dataset.expand_dims(2) - others.expand_dims(1)).reshape((d, self.n() * weights.size()));
        let squares = (&differences * cho_solve((&factor, false), &differences)).sum_axis(0);
        let scale = TAU.powf(0.5 * d as f64) * linalg::diagonal(&factor, 0).prod();
        let pairs = self.weights.expand_dims(1) * weights.expand_dims(0);
        ((-0.5 * squares).exp() * pairs.reshape(-1)).sum() / scale
    }

    /// The integral of a density of numbers between limits. Arrays of limits are broadcast, and give an integral for each.
    ///
    /// ```
    /// # use cotangent::{numpy as np, scipy::stats::GaussianKde};
    /// let kde = GaussianKde::new(np::array([0.0, 1.0, 3.0]));
    /// assert!((kde.integrate_box_1d(0.0, 2.0).item::<f64>() - 0.4113205).abs() < 1e-5);
    /// ```
    ///
    /// # Panics
    /// If points have more than one coordinate.
    #[track_caller]
    pub fn integrate_box_1d(&self, low: impl ArrayLike, high: impl ArrayLike) -> Array {
        if self.d() != 1 {
            let dataset = self.dataset.aval();
            raise(Error::shape(format!("integrate_box_1d: expected a matrix with one row of points, got {dataset}")));
        }
        let (sigma, points) = (self.covariance.sqrt().reshape(1), self.dataset.reshape(-1));
        let below = |limit: Array| special::ndtr((limit.expand_dims(-1) - &points) / &sigma);
        ((below(high.to_array()) - below(low.to_array())) * &self.weights).sum_axis(-1)
    }
}

/// Raises an error for complex numbers.
#[track_caller]
fn reals(x: Array) -> Array {
    if x.dtype().is_complex() {
        raise(Error::dtype(format!("gaussian_kde: coordinates must be floats, got {}", x.aval())));
    }
    x
}

#[track_caller]
fn no_matrix(dataset: &Array) -> ! {
    let dataset = dataset.aval();
    raise(Error::shape(format!("gaussian_kde: expected a matrix [d, n] of two or more elements, got {dataset}")))
}
