//! The negative binomial distribution: the number of failures before `n` successes of probability `p`.

use crate::array::{Array, ArrayLike};
use crate::ops::met_inexact;

use super::table::{functions, log_powers, on_support, power_product};

/// The logarithm of the number of orders of `y` failures before the last of `n` successes.
fn log_choices(y: &Array, n: &Array) -> Array {
    (y + n).lgamma() - n.lgamma() - (y + 1.0).lgamma()
}

functions! {
    "nbinom";
    /// The logarithm of the probability of `k`.
    logpmf(k = 2.0, n = 3.0, p = 0.3, loc = 0.0) = -2.5335088: {
        let y = k - loc;
        on_support(&y, 0.0, [(y.less(0.0), f64::NEG_INFINITY)], |y| {
            log_choices(&y, &n) + log_powers(&n, &y, &p)
        })
    };
    /// The probability of `k`.
    pmf(k = 2.0, n = 3.0, p = 0.3, loc = 0.0) = 0.0793800: {
        let y = k - loc;
        on_support(&y, 0.0, [(y.less(0.0), 0.0)], |y| power_product(&p, &n, &y, log_choices(&y, &n)))
    };
}
