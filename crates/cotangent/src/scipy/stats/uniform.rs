//! The uniform distribution on [loc, loc + scale].

use crate::array::{Array, ArrayLike};
use crate::ops::met_inexact;

use super::table::{at_probability, functions, nothing_where, on_support, standard};

functions! {
    "uniform";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, loc = 0.5, scale = 2.0) = -0.6931472:
        nothing_where(&x.less(&loc).logical_or(x.greater(&loc + &scale)), -scale.log());
    /// The density at `x`.
    pdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.5000000: logpdf(x, loc, scale).exp();
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.6000000: {
        let sides = [(x.less(&loc), 0.0), (x.greater(&loc + &scale), 1.0)];
        on_support(&standard(&x, &loc, &scale), 0.5, sides, |z| z)
    };
    /// The point with cumulative probability `q`; NaN for a `q` that is not a probability.
    ppf(q = 0.3, loc = 0.5, scale = 2.0) = 1.1000000: at_probability(&q, loc + scale * &q);
}
