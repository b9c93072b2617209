//! The χ² distribution with `df` degrees of freedom.

use crate::array::{Array, ArrayLike};
use crate::ops::met_inexact;

use super::gamma;
use super::table::functions;

functions! {
    "chi2";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, df = 3.0, loc = 0.5, scale = 2.0) = -2.1674985: gamma::logpdf(x, df / 2.0, loc, scale * 2.0);
    /// The density at `x`.
    pdf(x = 1.7, df = 3.0, loc = 0.5, scale = 2.0) = 0.1144636: gamma::pdf(x, df / 2.0, loc, scale * 2.0);
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, df = 3.0, loc = 0.5, scale = 2.0) = 0.1035676: gamma::cdf(x, df / 2.0, loc, scale * 2.0);
    /// The logarithm of the cumulative distribution function at `x`.
    logcdf(x = 1.7, df = 3.0, loc = 0.5, scale = 2.0) = -2.2675305: cdf(x, df, loc, scale).log();
    /// The survival function: the probability of a value greater than `x`.
    sf(x = 1.7, df = 3.0, loc = 0.5, scale = 2.0) = 0.8964324: gamma::sf(x, df / 2.0, loc, scale * 2.0);
    /// The logarithm of the survival function at `x`.
    logsf(x = 1.7, df = 3.0, loc = 0.5, scale = 2.0) = -0.1093324: sf(x, df, loc, scale).log();
}
