//! The binomial distribution: the number of successes in `n` trials of probability `p`.

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;

use super::table::{functions, log_powers, on_support, power_product};

/// A function of the numbers that are possible, and `outside` of others.
fn of_support(y: &Array, n: &Array, outside: f64, f: impl FnOnce(Array) -> Array) -> Array {
    on_support(y, 0.0, [(y.less(0.0).logical_or(y.greater_equal(n + 1.0)), outside)], f)
}

/// The logarithm of the number of choices of `y` of `n`. A certain outcome has one choice, even of an infinite number.
fn log_choices(y: &Array, n: &Array, p: &Array) -> Array {
    let choices = (n + 1.0).lgamma() - ((y + 1.0).lgamma() + (n - y + 1.0).lgamma());
    where_(log_powers(y, &(n - y), p).equal(0.0), 0.0, choices)
}

functions! {
    "binom";
    /// The logarithm of the probability of `k`.
    logpmf(k = 2.0, n = 10.0, p = 0.3, loc = 0.0) = -1.4546827:
        of_support(&(k - loc), &n, f64::NEG_INFINITY, |y| log_choices(&y, &n, &p) + log_powers(&y, &(&n - &y), &p));
    /// The probability of `k`.
    pmf(k = 2.0, n = 10.0, p = 0.3, loc = 0.0) = 0.2334744:
        of_support(&(k - loc), &n, 0.0, |y| power_product(&p, &y, &(&n - &y), log_choices(&y, &n, &p)));
}
