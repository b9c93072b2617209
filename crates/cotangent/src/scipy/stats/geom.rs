//! The geometric distribution: the number of trials of probability `p` until the first success.

use crate::array::{Array, ArrayLike};
use crate::numpy::ones_like;
use crate::ops::met_inexact;

use super::table::{functions, log_powers, nothing_where, on_support, power_product};

functions! {
    "geom";
    /// The logarithm of the probability of `k`.
    logpmf(k = 2.0, p = 0.3, loc = 0.0) = -1.5606477: {
        let y = k - loc;
        nothing_where(&y.less_equal(0.0), log_powers(&ones_like(&p), &(y - 1.0), &p))
    };
    /// The probability of `k`.
    pmf(k = 2.0, p = 0.3, loc = 0.0) = 0.2100000: {
        let y = k - loc;
        on_support(&y, 1.0, [(y.less_equal(0.0), 0.0)], |y| power_product(&p, &ones_like(&p), &(y - 1.0), 0.0))
    };
}
