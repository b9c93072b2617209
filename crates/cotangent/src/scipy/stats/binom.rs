//! The binomial distribution: the number of successes in `n` trials of probability `p`.

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;
use crate::scipy::special;

use super::table::{functions, on_support};

functions! {
    "binom";
    /// The logarithm of the probability of `k`.
    logpmf(k = 2.0, n = 10.0, p = 0.3, loc = 0.0) = -1.4546827: {
        let y = &k - loc;
        let outside = y.less(0.0).logical_or(y.greater_equal(&n + 1.0));
        on_support(&y, 0.0, [(outside, f64::NEG_INFINITY)], |y| {
            let choices = (&n + 1.0).lgamma() - ((&y + 1.0).lgamma() + (&n - &y + 1.0).lgamma());
            let linear = special::xlogy(&y, &p) + special::xlog1py(n - y, -p);
            // A certain outcome has one choice.
            where_(linear.equal(0.0), 0.0, choices + &linear)
        })
    };
    /// The probability of `k`.
    pmf(k = 2.0, n = 10.0, p = 0.3, loc = 0.0) = 0.2334744: logpmf(k, n, p, loc).exp();
}
