//! The generalized normal distribution. Its density is proportional to exp(−|x|ᵝ).

use crate::array::{Array, ArrayLike};
use crate::numpy as np;
use crate::ops::met_inexact;
use crate::scipy::special;

use super::table::functions;

functions! {
    "gennorm";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, beta = 1.5) = -2.8073612: (0.5 * &beta).log() - (1.0 / &beta).lgamma() - np::power(x.abs(), &beta);
    /// The density at `x`.
    pdf(x = 1.7, beta = 1.5) = 0.0603641: logpdf(x, beta).exp();
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, beta = 1.5) = 0.9722794: {
        // At zero, a line with the slope of the density.
        let zero = x.equal(0.0);
        let y = np::where_(&zero, 1.0, &x);
        let value = 0.5 * (1.0 + y.sign() * special::gammainc(1.0 / &beta, np::power(y.abs(), &beta)));
        let top = (0.5 * &beta).log() - (1.0 / &beta).lgamma();
        np::where_(&zero, 0.5 + np::where_(&zero, x, 0.0) * top.exp(), value)
    };
}
