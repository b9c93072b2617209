//! The Gumbel distribution of minima.

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;

use super::table::{functions, log1mexp, standard};

functions! {
    "gumbel_l";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, loc = 0.5, scale = 2.0) = -1.9152660: {
        let z = standard(&x, &loc, &scale);
        // Where the exponential is infinite, it outweighs z.
        let e = z.exp();
        let z = where_(e.equal(f64::INFINITY), 0.0, z);
        where_(scale.greater(0.0), z - e - scale.log(), f64::NAN)
    };
    /// The density at `x`.
    pdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.1473026: logpdf(x, loc, scale).exp();
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.8383172: -logsf(x, loc, scale).expm1();
    /// The logarithm of the cumulative distribution function at `x`.
    logcdf(x = 1.7, loc = 0.5, scale = 2.0) = -0.1763587: log1mexp(&-logsf(x, loc, scale));
    /// The survival function: the probability of a value greater than `x`.
    sf(x = 1.7, loc = 0.5, scale = 2.0) = 0.1616828: logsf(x, loc, scale).exp();
    /// The logarithm of the survival function at `x`.
    logsf(x = 1.7, loc = 0.5, scale = 2.0) = -1.8221188:
        where_(scale.greater(0.0), -standard(&x, &loc, &scale).exp(), f64::NAN);
    /// The point with cumulative probability `q`; NaN for a `q` that is not a probability.
    ppf(q = 0.3, loc = 0.5, scale = 2.0) = -1.5618609:
        where_(q.greater(0.0).logical_and(q.less(1.0)), loc + scale * (-(-&q).log1p()).log(), f64::NAN);
}
