//! The Pareto distribution of shape `b`, from loc + scale on.

use crate::array::{Array, ArrayLike};
use crate::numpy::{self as np, where_};
use crate::ops::met_inexact;

use super::table::{at_probability, functions, log1mexp, on_support, standard};

functions! {
    "pareto";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, b = 1.5, loc = 0.5, scale = 0.75) = -0.4818619: {
        let before = (x.less(&loc + &scale), f64::NEG_INFINITY);
        on_support(&standard(&x, &loc, &scale), 1.0, [before], |y| {
            -((&scale / &b).log() + (&b + 1.0) * y.log())
        })
    };
    /// The density at `x`.
    pdf(x = 1.7, b = 1.5, loc = 0.5, scale = 0.75) = 0.6176324: logpdf(x, b, loc, scale).exp();
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, b = 1.5, loc = 0.5, scale = 0.75) = 0.5058941: -logsf(x, b, loc, scale).expm1();
    /// The logarithm of the cumulative distribution function at `x`.
    logcdf(x = 1.7, b = 1.5, loc = 0.5, scale = 0.75) = -0.6814279: log1mexp(&-logsf(x, b, loc, scale));
    /// The survival function: the probability of a value greater than `x`.
    sf(x = 1.7, b = 1.5, loc = 0.5, scale = 0.75) = 0.4941059: logsf(x, b, loc, scale).exp();
    /// The logarithm of the survival function at `x`.
    logsf(x = 1.7, b = 1.5, loc = 0.5, scale = 0.75) = -0.7050054: -(b * where_(x.less(&loc + &scale), 1.0, standard(&x, &loc, &scale)).log());
    /// The point with cumulative probability `q`; NaN for a `q` that is not a probability.
    ppf(q = 0.3, b = 1.5, loc = 0.5, scale = 0.75) = 1.4513257:
        at_probability(&q, loc + scale * np::power(1.0 - &q, -(1.0 / b)));
}
