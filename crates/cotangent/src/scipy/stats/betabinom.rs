//! The beta-binomial distribution: successes in `n` trials whose probability is beta distributed.

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;
use crate::scipy::special::{self, widened};

use super::table::{functions, on_support};

functions! {
    "betabinom";
    /// The logarithm of the probability of `k`.
    logpmf(k = 2.0, n = 10.0, a = 2.0, b = 3.0, loc = 0.0) = -2.0034800: widened([&k, &n, &a, &b, &loc], |[k, n, a, b, loc]| {
        let y = k.floor() - loc;
        let outside = y.less(0.0).logical_or(y.greater(&n));
        let valid = n.greater_equal(0.0).logical_and(a.greater(0.0)).logical_and(b.greater(0.0));
        let p = on_support(&y, 0.0, [(outside, f64::NEG_INFINITY)], |y| {
            let choices = -(n.log1p() + special::betaln(&n - &y + 1.0, &y + 1.0));
            choices + special::betaln(&y + &a, &n - &y + &b) - special::betaln(&a, &b)
        });
        where_(valid, p, f64::NAN)
    });
    /// The probability of `k`.
    pmf(k = 2.0, n = 10.0, a = 2.0, b = 3.0, loc = 0.0) = 0.1348651:
        widened([&k, &n, &a, &b, &loc], |[k, n, a, b, loc]| logpmf(k, n, a, b, loc).exp());
}
