//! The Poisson distribution with mean `mu`.

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;
use crate::scipy::special;

use super::table::{functions, nothing_where};

functions! {
    "poisson";
    /// The logarithm of the probability of `k`.
    logpmf(k = 2.0, mu = 3.0, loc = 0.0) = -1.4959226: {
        let y = &k - loc;
        let outside = y.less(0.0).logical_or(k.floor().less(&k));
        let y = where_(&outside, 0.0, y);
        nothing_where(&outside, special::xlogy(&y, &mu) - (y + 1.0).lgamma() - mu)
    };
    /// The probability of `k`.
    pmf(k = 2.0, mu = 3.0, loc = 0.0) = 0.2240418: logpmf(k, mu, loc).exp();
    /// The cumulative distribution function: the probability of at most `k`.
    cdf(k = 2.0, mu = 3.0, loc = 0.0) = 0.4231901: {
        let y = k - loc;
        where_(y.less(0.0), 0.0, special::gammaincc((y.maximum(0.0) + 1.0).floor(), mu))
    };
}
