//! The Gumbel distribution of maxima.

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;

use super::table::{functions, log1mexp, standard};

functions! {
    "gumbel_r";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, loc = 0.5, scale = 2.0) = -1.8419588: {
        let z = standard(&x, &loc, &scale);
        // Where the exponential is infinite, it outweighs z.
        let e = (-&z).exp();
        let z = where_(e.equal(f64::INFINITY), 0.0, z);
        where_(scale.greater(0.0), -(z + e + scale.log()), f64::NAN)
    };
    /// The density at `x`.
    pdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.1585066: logpdf(x, loc, scale).exp();
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, loc = 0.5, scale = 2.0) = 0.5776358: logcdf(x, loc, scale).exp();
    /// The logarithm of the cumulative distribution function at `x`.
    logcdf(x = 1.7, loc = 0.5, scale = 2.0) = -0.5488116:
        where_(scale.greater(0.0), -(-standard(&x, &loc, &scale)).exp(), f64::NAN);
    /// The survival function: the probability of a value greater than `x`.
    sf(x = 1.7, loc = 0.5, scale = 2.0) = 0.4223642: -logcdf(x, loc, scale).expm1();
    /// The logarithm of the survival function at `x`.
    logsf(x = 1.7, loc = 0.5, scale = 2.0) = -0.8618874: log1mexp(&-logcdf(x, loc, scale));
    /// The point with cumulative probability `q`; NaN for a `q` that is not a probability.
    ppf(q = 0.3, loc = 0.5, scale = 2.0) = 0.1287465:
        where_(q.greater(0.0).logical_and(q.less(1.0)), loc - scale * (-q.log()).log(), f64::NAN);
}
