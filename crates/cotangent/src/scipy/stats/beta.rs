//! The beta distribution on [loc, loc + scale].

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;
use crate::scipy::special;

use super::table::{functions, on_support, power_product, standard};

/// The sides of the support of a standard variable, and the values of a function there.
fn sides(z: &Array, before: f64, behind: f64) -> [(Array, f64); 2] {
    [(z.less(0.0), before), (z.greater(1.0), behind)]
}

/// A function of the points of the density's support, `outside` of it, and NaN for parameters without a distribution.
fn of_density([x, a, b, loc, scale]: [&Array; 5], outside: f64, f: impl FnOnce(Array) -> Array) -> Array {
    let there = x.less(loc).logical_or(x.greater(loc + scale));
    let valid = a.greater(0.0).logical_and(b.greater(0.0)).logical_and(scale.greater(0.0));
    where_(valid, on_support(&standard(x, loc, scale), 0.5, [(there, outside)], f), f64::NAN)
}

functions! {
    "beta";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, a = 2.0, b = 3.0, loc = 0.5, scale = 2.0) = -0.5516476:
        of_density([&x, &a, &b, &loc, &scale], f64::NEG_INFINITY, |y| {
            let powers = special::xlogy(&a - 1.0, &y) + special::xlog1py(&b - 1.0, -y);
            powers - special::betaln(&a, &b) - scale.log()
        });
    /// The density at `x`.
    pdf(x = 1.7, a = 2.0, b = 3.0, loc = 0.5, scale = 2.0) = 0.5760000:
        of_density([&x, &a, &b, &loc, &scale], 0.0, |y| {
            power_product(&y, &(&a - 1.0), &(&b - 1.0), -special::betaln(&a, &b) - scale.log())
        });
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, a = 2.0, b = 3.0, loc = 0.5, scale = 2.0) = 0.8208000: {
        let z = standard(&x, &loc, &scale);
        on_support(&z, 0.5, sides(&z, 0.0, 1.0), |z| special::betainc(&a, &b, z))
    };
    /// The logarithm of the cumulative distribution function at `x`.
    logcdf(x = 1.7, a = 2.0, b = 3.0, loc = 0.5, scale = 2.0) = -0.1974758: cdf(x, a, b, loc, scale).log();
    /// The survival function: the probability of a value greater than `x`.
    sf(x = 1.7, a = 2.0, b = 3.0, loc = 0.5, scale = 2.0) = 0.1792000: {
        let z = standard(&x, &loc, &scale);
        on_support(&z, 0.5, sides(&z, 1.0, 0.0), |z| special::betainc(&b, &a, 1.0 - z))
    };
    /// The logarithm of the survival function at `x`.
    logsf(x = 1.7, a = 2.0, b = 3.0, loc = 0.5, scale = 2.0) = -1.7192528: sf(x, a, b, loc, scale).log();
}
