//! The negative binomial distribution: the number of failures before `n` successes of probability `p`.

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;
use crate::scipy::special;

use super::table::{functions, nothing_where};

functions! {
    "nbinom";
    /// The logarithm of the probability of `k`.
    logpmf(k = 2.0, n = 3.0, p = 0.3, loc = 0.0) = -2.5335088: {
        let y = k - loc;
        let outside = y.less(0.0);
        let y = where_(&outside, 0.0, y);
        let choices = (&y + &n).lgamma() - n.lgamma() - (&y + 1.0).lgamma();
        nothing_where(&outside, choices + special::xlogy(n, &p) + special::xlogy(y, 1.0 - p))
    };
    /// The probability of `k`.
    pmf(k = 2.0, n = 3.0, p = 0.3, loc = 0.0) = 0.0793800: logpmf(k, n, p, loc).exp();
}
