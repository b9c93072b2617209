//! The Laplace distribution around `loc`.

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;

use super::table::{functions, standard};

functions! {
    "laplace";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, loc = 0.5, scale = 2.0) = -1.9862944: -(standard(&x, &loc, &scale).abs() + (2.0 * scale).log());
    /// The density at `x`.
    pdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.1372029: logpdf(x, loc, scale).exp();
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.7255942: {
        let z = standard(&x, &loc, &scale);
        let tail = 0.5 * (-z.abs()).exp();
        where_(z.less_equal(0.0), &tail, 1.0 - &tail)
    };
}
