//! The wrapped Cauchy distribution on [0, 2π].

use crate::array::{Array, ArrayLike};
use crate::numpy::{self as np, where_};
use crate::ops::met_inexact;

use super::table::{functions, nothing_where};

functions! {
    "wrapcauchy";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, c = 0.4) = -2.2457801: {
        let outside = x.less(0.0).logical_or(x.greater(2.0 * np::PI));
        let square = c.square();
        let y = (1.0 - &square).log() - (2.0 * np::PI * (1.0 + square - 2.0 * &c * x.cos())).log();
        where_(c.greater(0.0).logical_and(c.less(1.0)), nothing_where(&outside, y), f64::NAN)
    };
    /// The density at `x`.
    pdf(x = 1.7, c = 0.4) = 0.1058449: logpdf(x, c).exp();
}
