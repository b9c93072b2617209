//! The beta distribution on [loc, loc + scale].

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;
use crate::scipy::special;

use super::table::{functions, nothing_where, standard};

/// A function of points of the support; `below` before it, and 1 − `below` behind it, where the slope is zero.
#[track_caller]
fn within(z: &Array, below: f64, f: impl Fn(Array) -> Array) -> Array {
    let (before, behind) = (z.less(0.0), z.greater(1.0));
    let y = f(where_(before.logical_or(&behind), 0.5, z));
    where_(before, below, where_(behind, 1.0 - below, y))
}

functions! {
    "beta";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, a = 2.0, b = 3.0, loc = 0.5, scale = 2.0) = -0.5516476: {
        let outside = x.less(&loc).logical_or(x.greater(&loc + &scale));
        let y = where_(&outside, 0.5, standard(&x, &loc, &scale));
        let shape = special::xlogy(&a - 1.0, &y) + special::xlog1py(&b - 1.0, -&y) - special::betaln(&a, &b);
        let valid = a.greater(0.0).logical_and(b.greater(0.0)).logical_and(scale.greater(0.0));
        where_(valid, nothing_where(&outside, shape - scale.log()), f64::NAN)
    };
    /// The density at `x`.
    pdf(x = 1.7, a = 2.0, b = 3.0, loc = 0.5, scale = 2.0) = 0.5760000: logpdf(x, a, b, loc, scale).exp();
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, a = 2.0, b = 3.0, loc = 0.5, scale = 2.0) = 0.8208000:
        within(&standard(&x, &loc, &scale), 0.0, |z| special::betainc(&a, &b, z));
    /// The logarithm of the cumulative distribution function at `x`.
    logcdf(x = 1.7, a = 2.0, b = 3.0, loc = 0.5, scale = 2.0) = -0.1974758: cdf(x, a, b, loc, scale).log();
    /// The survival function: the probability of a value greater than `x`.
    sf(x = 1.7, a = 2.0, b = 3.0, loc = 0.5, scale = 2.0) = 0.1792000:
        within(&standard(&x, &loc, &scale), 1.0, |z| special::betainc(&b, &a, 1.0 - z));
    /// The logarithm of the survival function at `x`.
    logsf(x = 1.7, a = 2.0, b = 3.0, loc = 0.5, scale = 2.0) = -1.7192528: sf(x, a, b, loc, scale).log();
}
