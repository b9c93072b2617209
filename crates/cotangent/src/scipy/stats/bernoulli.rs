//! The Bernoulli distribution: one with probability `p`, or zero.

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;

use super::table::{at_probability, functions, log_powers, nothing_where, on_support, power_product};

fn outside(y: &Array) -> Array {
    y.less(0.0).logical_or(y.greater(1.0))
}

functions! {
    "bernoulli";
    /// The logarithm of the probability of `k`.
    logpmf(k = 1.0, p = 0.3, loc = 0.0) = -1.2039728: {
        let y = k - loc;
        nothing_where(&outside(&y), log_powers(&y, &(1.0 - &y), &p))
    };
    /// The probability of `k`.
    pmf(k = 1.0, p = 0.3, loc = 0.0) = 0.3000000: {
        let y = k - loc;
        on_support(&y, 0.0, [(outside(&y), 0.0)], |y| power_product(&p, &y, &(1.0 - &y), 0.0))
    };
}

functions! {
    "bernoulli";
    /// The cumulative distribution function: the probability of at most `k`.
    cdf(k = 0.0, p = 0.3) = 0.7: {
        let y = where_(k.less(0.0), 0.0, where_(k.less(1.0), 1.0 - &p, 1.0));
        let valid = p.greater_equal(0.0).logical_and(p.less_equal(1.0)).logical_and(k.equal(&k));
        where_(valid, y, f64::NAN)
    };
    /// The point with cumulative probability `q`; NaN for a `q` that is not a probability.
    ppf(q = 0.8, p = 0.3) = 1.0: {
        let y = q.greater(1.0 - &p).astype(q.dtype());
        let valid = p.greater_equal(0.0).logical_and(p.less_equal(1.0));
        where_(valid, at_probability(&q, y), f64::NAN)
    };
}
