//! The negative binomial distribution: the number of failures before `n` successes of probability `p`.

use crate::array::{Array, ArrayLike};
use crate::ops::met_inexact;
use crate::scipy::special;

use super::table::{functions, on_support};

functions! {
    "nbinom";
    /// The logarithm of the probability of `k`.
    logpmf(k = 2.0, n = 3.0, p = 0.3, loc = 0.0) = -2.5335088: {
        let y = k - loc;
        on_support(&y, 0.0, [(y.less(0.0), f64::NEG_INFINITY)], |y| {
            let choices = (&y + &n).lgamma() - n.lgamma() - (&y + 1.0).lgamma();
            choices + special::xlogy(n, &p) + special::xlogy(y, 1.0 - p)
        })
    };
    /// The probability of `k`.
    pmf(k = 2.0, n = 3.0, p = 0.3, loc = 0.0) = 0.0793800: logpmf(k, n, p, loc).exp();
}
