//! The geometric distribution: the number of trials of probability `p` until the first success.

use crate::array::{Array, ArrayLike};
use crate::ops::met_inexact;
use crate::scipy::special;

use super::table::{functions, nothing_where};

functions! {
    "geom";
    /// The logarithm of the probability of `k`.
    logpmf(k = 2.0, p = 0.3, loc = 0.0) = -1.5606477: {
        let y = k - loc;
        nothing_where(&y.less_equal(0.0), special::xlog1py(&y - 1.0, -&p) + p.log())
    };
    /// The probability of `k`.
    pmf(k = 2.0, p = 0.3, loc = 0.0) = 0.2100000: logpmf(k, p, loc).exp();
}
