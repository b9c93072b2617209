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
        // Not −|z|, which has no slope at zero.
        let z = standard(&x, &loc, &scale);
        let right = z.greater(0.0);
        let tail = 0.5 * where_(&right, -&z, &z).exp();
        where_(right, 1.0 - &tail, tail)
    };
}
