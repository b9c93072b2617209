//! The Cauchy distribution around `loc`.

use crate::array::{Array, ArrayLike};
use crate::numpy as np;
use crate::ops::met_inexact;

use super::table::{functions, standard};

functions! {
    "cauchy";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, loc = 0.5, scale = 2.0) = -2.1453618:
        -((np::PI * &scale).log() + standard(&x, &loc, &scale).square().log1p());
    /// The density at `x`.
    pdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.1170257: logpdf(x, loc, scale).exp();
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.6720209: (1.0 / np::PI) * np::arctan2(1.0, -standard(&x, &loc, &scale));
    /// The logarithm of the cumulative distribution function at `x`.
    logcdf(x = 1.7, loc = 0.5, scale = 2.0) = -0.3974659: cdf(x, loc, scale).log();
    /// The survival function: the probability of a value greater than `x`.
    sf(x = 1.7, loc = 0.5, scale = 2.0) = 0.3279791: (1.0 / np::PI) * np::arctan2(1.0, standard(&x, &loc, &scale));
    /// The logarithm of the survival function at `x`.
    logsf(x = 1.7, loc = 0.5, scale = 2.0) = -1.1148053: sf(x, loc, scale).log();
    /// The point with cumulative probability `q`; NaN for a `q` that is not a probability.
    ppf(q = 0.3, loc = 0.5, scale = 2.0) = -0.9530851: (np::PI * q - np::PI / 2.0).tan() * scale + loc;
    /// The point that is exceeded with probability `q`.
    isf(q = 0.3, loc = 0.5, scale = 2.0) = 1.9530851: (np::PI / 2.0 - np::PI * q).tan() * scale + loc;
}
