//! The multinomial distribution.

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::numpy::where_;

use super::table::{log_power, nothing_where, power_at_end};

/// The logarithm of the probability of the counts `x` in `n` trials whose outcomes have the probabilities `p`, along the
/// last axis. It is −∞ where the counts do not add up to `n`.
///
/// # Panics
/// If the counts or the number of trials are not integers.
///
/// ```
/// use cotangent::{Array, numpy as np, scipy::stats::multinomial};
/// let y = multinomial::logpmf(Array::from([1, 3]), 4, np::array([0.25, 0.75]));
/// assert!((y.item::<f64>() - 0.421875f64.ln()).abs() < 1e-5);
/// ```
#[track_caller]
pub fn logpmf(x: impl ArrayLike, n: impl ArrayLike, p: impl ArrayLike) -> Array {
    let (x, n, p, incomplete) = checked(x, n, p);
    nothing_where(&incomplete, log_terms(&x, n, &p))
}

/// The probability of the counts `x`; see [`logpmf`].
///
/// ```
/// use cotangent::{Array, numpy as np, scipy::stats::multinomial};
/// let y = multinomial::pmf(Array::from([1, 3]), 4, np::array([0.25, 0.75]));
/// assert!((y.item::<f64>() - 0.421875).abs() < 1e-5);
/// ```
#[track_caller]
pub fn pmf(x: impl ArrayLike, n: impl ArrayLike, p: impl ArrayLike) -> Array {
    let (x, n, p, incomplete) = checked(x, n, p);
    let (powers, end) = power_at_end(&p, &x);
    where_(incomplete, 0.0, powers.prod_axis(-1) * log_terms(&x, n, &where_(end, 1.0, &p)).exp())
}

/// Counts, trials and probabilities as numbers of one dtype, and where the counts do not add up.
#[track_caller]
fn checked(x: impl ArrayLike, n: impl ArrayLike, p: impl ArrayLike) -> (Array, Array, Array, Array) {
    let (x, n, p) = (x.to_array(), n.to_array(), p.to_array().to_inexact());
    if let Some(counts) = [&x, &n].into_iter().find(|counts| !counts.dtype().is_integer()) {
        raise(Error::dtype(format!("multinomial: counts must be integers, got {}", counts.aval())));
    }
    let incomplete = x.sum_axis(-1).not_equal(&n);
    (x.astype(p.dtype()), n.astype(p.dtype()), p, incomplete)
}

fn log_terms(x: &Array, n: Array, p: &Array) -> Array {
    (n + 1.0).lgamma() + (log_power(x, p) - (x + 1.0).lgamma()).sum_axis(-1)
}
