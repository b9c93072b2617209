//! The logistic distribution around `loc`.

use crate::array::{Array, ArrayLike};
use crate::ops::met_inexact;
use crate::scipy::special;

use super::table::{functions, standard};

functions! {
    "logistic";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, loc = 0.5, scale = 2.0) = -2.1681231: {
        let z = standard(&x, &loc, &scale).abs();
        -(&z + 2.0 * (-&z).exp().log1p() + scale.log())
    };
    /// The density at `x`.
    pdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.1143921: logpdf(x, loc, scale).exp();
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.6456563: standard(&x, &loc, &scale).logistic();
    /// The survival function: the probability of a value greater than `x`.
    sf(x = 1.7, loc = 0.5, scale = 2.0) = 0.3543437: (-standard(&x, &loc, &scale)).logistic();
    /// The point with cumulative probability `q`; NaN for a `q` that is not a probability.
    ppf(q = 0.3, loc = 0.5, scale = 2.0) = -1.1945957: special::logit(q) * scale + loc;
    /// The point that is exceeded with probability `q`.
    isf(q = 0.3, loc = 0.5, scale = 2.0) = 2.1945957: loc - special::logit(q) * scale;
}
