//! The normal distribution around `loc`, scaled by `scale`, truncated to [a, b] in units of the scale.

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;
use crate::scipy::special;

use super::norm;
use super::table::{functions, log1mexp, nothing_where, on_support, standard};

/// The logarithm of the probability that a standard normal number is in [a, b].
fn log_mass(a: &Array, b: &Array) -> Array {
    // An interval on the right is mirrored, because the left tail has more digits. Neither case sees the arguments of the
    // other, for which its derivative may not be finite.
    let right = a.greater(0.0);
    let (low, high) = (where_(&right, -b, a), where_(&right, -a, b));
    let central = high.greater(0.0);
    let (one, other) = (where_(&central, -1.0, &low), where_(&central, 0.0, &high));
    let (log_low, log_high) = (special::log_ndtr(one), special::log_ndtr(other));
    let tail = &log_high + log1mexp(&(&log_high - log_low));
    let (low, high) = (where_(&central, low, -1.0), where_(&central, high, 1.0));
    where_(central, (-special::ndtr(low) - special::ndtr(-high)).log1p(), tail)
}

/// `y` if there is an interval, and NaN otherwise.
fn if_valid(a: &Array, b: &Array, y: Array) -> Array {
    where_(a.less(b), y, f64::NAN)
}

functions! {
    "truncnorm";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, a = -1.0, b = 2.0, loc = 0.5, scale = 2.0) = -1.5919194: {
        let z = standard(&x, &loc, &scale);
        let outside = z.less(&a).logical_or(z.greater(&b));
        if_valid(&a, &b, nothing_where(&outside, norm::logpdf(x, loc, scale) - log_mass(&a, &b)))
    };
    /// The density at `x`.
    pdf(x = 1.7, a = -1.0, b = 2.0, loc = 0.5, scale = 2.0) = 0.2035346: logpdf(x, a, b, loc, scale).exp();
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, a = -1.0, b = 2.0, loc = 0.5, scale = 2.0) = 0.6927625: logcdf(x, a, b, loc, scale).exp();
    /// The logarithm of the cumulative distribution function at `x`.
    logcdf(x = 1.7, a = -1.0, b = 2.0, loc = 0.5, scale = 2.0) = -0.3670681: {
        let z = standard(&x, &loc, &scale);
        let (under, over) = (z.less_equal(&a), z.greater_equal(&b));
        // A point that is not inside is replaced by one that is, so that no slope is infinite.
        let start = where_(a.greater(f64::NEG_INFINITY), &a, b.minimum(0.0) - 1.0);
        let middle = 0.5 * (&start + b.minimum(&start + 1.0));
        let y = on_support(&z, middle, [(over, 0.0), (under, f64::NEG_INFINITY)], |z| {
            let whole = log_mass(&a, &b);
            let (below, above) = (log_mass(&a, &z) - &whole, log_mass(&z, &b) - whole);
            // Close to one, the other side has more digits.
            where_(below.greater(-0.1), log1mexp(&-above), below)
        });
        if_valid(&a, &b, y)
    };
    /// The survival function: the probability of a value greater than `x`.
    sf(x = 1.7, a = -1.0, b = 2.0, loc = 0.5, scale = 2.0) = 0.3072375: logsf(x, a, b, loc, scale).exp();
    /// The logarithm of the survival function at `x`.
    logsf(x = 1.7, a = -1.0, b = 2.0, loc = 0.5, scale = 2.0) = -1.1801341: logcdf(-x, -b, -a, -loc, scale);
}
