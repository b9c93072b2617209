//! Probability distributions, [densities](GaussianKde) that are estimated from points, and statistics of data.
//!
//! A module stands for a distribution. The arguments follow SciPy's order: the point, the parameters of the distribution,
//! and then `loc` and `scale`, by which it is shifted and scaled. Each is an array or a scalar. They are broadcast together,
//! and integers become floats.
//!
//! ```
//! use cotangent::scipy::stats::gamma;
//! let y = gamma::logpdf(1.0, 2.0, 0.0, 1.0);
//! assert_eq!(y.item::<f32>(), -1.0);
//! ```

mod data;
mod kde;
mod table;

pub mod bernoulli;
pub mod beta;
pub mod betabinom;
pub mod binom;
pub mod cauchy;
pub mod chi2;
pub mod dirichlet;
pub mod expon;
pub mod gamma;
pub mod gennorm;
pub mod geom;
pub mod gumbel_l;
pub mod gumbel_r;
pub mod laplace;
pub mod logistic;
pub mod multinomial;
pub mod multivariate_normal;
pub mod nbinom;
pub mod norm;
pub mod pareto;
pub mod poisson;
pub mod t;
pub mod truncnorm;
pub mod uniform;
pub mod vonmises;
pub mod wrapcauchy;

pub use data::{Ties, mode, mode_keepdims, nansem, rankdata, rankdata_axis, sem, sem_keepdims};
pub use kde::{Bandwidth, GaussianKde};
