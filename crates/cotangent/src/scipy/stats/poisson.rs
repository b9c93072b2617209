//! The Poisson distribution with mean `mu`.

use std::f64::consts::{E, PI};

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::numpy::{arange_as, broadcast_arrays, where_, zeros_like};
use crate::ops::met_inexact;
use crate::scipy::special;

use super::table::{functions, log_power, on_support, power_at_end};

fn outside(k: &Array, y: &Array) -> Array {
    y.less(0.0).logical_or(k.floor().less(k))
}

functions! {
    "poisson";
    /// The logarithm of the probability of `k`.
    logpmf(k = 2.0, mu = 3.0, loc = 0.0) = -1.4959226: {
        let y = &k - loc;
        on_support(&y, 0.0, [(outside(&k, &y), f64::NEG_INFINITY)], |y| {
            log_power(&y, &mu) - (y + 1.0).lgamma() - &mu
        })
    };
    /// The probability of `k`.
    pmf(k = 2.0, mu = 3.0, loc = 0.0) = 0.2240418: {
        let y = &k - loc;
        on_support(&y, 0.0, [(outside(&k, &y), 0.0)], |y| {
            let (power, end) = power_at_end(&mu, &y);
            power * (special::xlogy(&y, where_(end, 1.0, &mu)) - (y + 1.0).lgamma() - &mu).exp()
        })
    };
    /// The cumulative distribution function: the probability of at most `k`.
    cdf(k = 2.0, mu = 3.0, loc = 0.0) = 0.4231901: {
        let y = k - loc;
        on_support(&y, 0.0, [(y.less(0.0), 0.0)], |y| special::gammaincc((y + 1.0).floor(), mu))
    };
    /// The entropy, for any `loc`: a sum for small means, and [the asymptotic
    /// series](https://en.wikipedia.org/wiki/Poisson_distribution#Entropy) above.
    entropy(mu = 3.0, loc = 0.0) = 1.9314702: {
        let dtype = mu.dtype();
        let mu = if dtype.bits() < 32 { mu.astype(DType::F32) } else { mu };
        let y = entropy_of(&mu).astype(dtype);
        broadcast_arrays([y, loc]).swap_remove(0)
    };
}

/// The coefficients of 1/μ, 1/μ², … in ½ log(2πe μ) − H.
const SERIES: [f64; 8] = [
    1.0 / 12.0,
    1.0 / 24.0,
    19.0 / 360.0,
    9.0 / 80.0,
    863.0 / 2520.0,
    1375.0 / 1008.0,
    33953.0 / 5040.0,
    57281.0 / 1440.0,
];

fn entropy_of(mu: &Array) -> Array {
    // The first mean of the series, which is as precise as the dtype there, and the terms of the sum for means below.
    // What the sum leaves out has a probability below 10⁻²³.
    let (bound, terms) = if mu.dtype() == DType::F64 { (60.0, 160) } else { (12.0, 64) };
    let (zero, small) = (mu.equal(0.0), mu.less(bound));
    // Each formula sees only means for which its derivative is finite.
    let few = where_(&small, where_(&zero, 1.0, mu), 1.0).expand_dims(-1);
    let many = where_(&small, bound, mu);
    let k = arange_as(terms as i64, mu.dtype());
    let mut factorials = vec![0.0; terms];
    for n in 1..terms {
        factorials[n] = factorials[n - 1] + (n as f64).ln();
    }
    let log = special::xlogy(k, &few) - Array::from(factorials).astype(mu.dtype()) - few;
    let sum = -(log.exp() * log).sum_axis(-1);
    let inverse = 1.0 / &many;
    let series = SERIES.iter().rev().fold(zeros_like(mu), |y, c| (y + *c) * &inverse);
    let limit = (many * (2.0 * PI * E)).log() * 0.5 - series;
    // The entropy of small means approaches −μ log μ.
    where_(zero, special::entr(mu), where_(small, sum, limit))
}
