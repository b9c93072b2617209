//! The exponential distribution, shifted by `loc` and scaled by `scale`.

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;

use super::table::{at_probability, functions, log1mexp, nothing_where, standard};

functions! {
    "expon";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, loc = 0.5, scale = 2.0) = -1.2931472:
        nothing_where(&x.less(&loc), -(standard(&x, &loc, &scale) + scale.log()));
    /// The density at `x`.
    pdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.2744058: logpdf(x, loc, scale).exp();
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.4511884: -logsf(x, loc, scale).expm1();
    /// The logarithm of the cumulative distribution function at `x`.
    logcdf(x = 1.7, loc = 0.5, scale = 2.0) = -0.7958704: log1mexp(&-logsf(x, loc, scale));
    /// The survival function: the probability of a value greater than `x`.
    sf(x = 1.7, loc = 0.5, scale = 2.0) = 0.5488116: logsf(x, loc, scale).exp();
    /// The logarithm of the survival function at `x`.
    logsf(x = 1.7, loc = 0.5, scale = 2.0) = -0.6000000: where_(x.less(&loc), 0.0, -standard(&x, &loc, &scale));
    /// The point with cumulative probability `q`; NaN for a `q` that is not a probability.
    ppf(q = 0.3, loc = 0.5, scale = 2.0) = 1.2133499: at_probability(&q, loc - scale * (-&q).log1p());
}
