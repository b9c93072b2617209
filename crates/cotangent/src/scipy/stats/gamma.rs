//! The gamma distribution of shape `a`.

use crate::array::{Array, ArrayLike};
use crate::numpy::where_;
use crate::ops::met_inexact;
use crate::scipy::special;

use super::table::{functions, on_support, power_at_end, standard};

/// The logarithm of the density, given that of its power of the point `y`.
fn log_density(log_power: Array, y: &Array, a: &Array, scale: &Array) -> Array {
    log_power - y - (a.lgamma() + scale.log())
}

functions! {
    "gamma";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, a = 2.5, loc = 0.5, scale = 2.0) = -2.3440685: {
        let before = (x.less(&loc), f64::NEG_INFINITY);
        on_support(&standard(&x, &loc, &scale), 1.0, [before], |y| {
            log_density(special::xlogy(&a - 1.0, &y), &y, &a, &scale)
        })
    };
    /// The density at `x`.
    pdf(x = 1.7, a = 2.5, loc = 0.5, scale = 2.0) = 0.0959365: {
        on_support(&standard(&x, &loc, &scale), 1.0, [(x.less(&loc), 0.0)], |y| {
            let p = &a - 1.0;
            let (power, end) = power_at_end(&y, &p);
            power * log_density(special::xlogy(p, where_(end, 1.0, &y)), &y, &a, &scale).exp()
        })
    };
    /// The cumulative distribution function: the probability of a value of at most `x`.
    cdf(x = 1.7, a = 2.5, loc = 0.5, scale = 2.0) = 0.0551226: {
        let z = standard(&x, &loc, &scale);
        on_support(&z, 1.0, [(z.less(0.0), 0.0)], |z| special::gammainc(&a, z))
    };
    /// The logarithm of the cumulative distribution function at `x`.
    logcdf(x = 1.7, a = 2.5, loc = 0.5, scale = 2.0) = -2.8981948: cdf(x, a, loc, scale).log();
    /// The survival function: the probability of a value greater than `x`.
    sf(x = 1.7, a = 2.5, loc = 0.5, scale = 2.0) = 0.9448774: {
        let z = standard(&x, &loc, &scale);
        on_support(&z, 1.0, [(z.less(0.0), 1.0)], |z| special::gammaincc(&a, z))
    };
    /// The logarithm of the survival function at `x`.
    logsf(x = 1.7, a = 2.5, loc = 0.5, scale = 2.0) = -0.0567001: sf(x, a, loc, scale).log();
}
