//! The softmax and its logarithm.

use crate::api::custom::custom_jvp;
use crate::api::program::as_one;
use crate::array::{Array, ArrayLike};
use crate::error::OrRaise;
use crate::numpy::{Axes, logaddexp, where_};

/// Returns exp(x) divided by its sum along some axes. For an empty array, the result is empty. The derivative is
/// computed from the result, as in JAX.
///
/// ```
/// use cotangent::{numpy as np, scipy::special};
/// assert_eq!(special::softmax(np::zeros(4), 0).to_vec::<f32>(), [0.25; 4]);
/// ```
#[track_caller]
pub fn softmax(x: impl ArrayLike, axes: impl Axes) -> Array {
    let x = x.to_array().to_inexact();
    let axes = axes.resolve(x.ndim()).or_raise();
    as_one(&[x], |x| softmax_of(&x[0], &axes))
}

#[track_caller]
fn softmax_of(x: &Array, axes: &[usize]) -> Array {
    if x.size() == 0 {
        return x.clone();
    }
    let (value, rule) = (axes.to_vec(), axes.to_vec());
    let softmax = custom_jvp(move |x: &Array| {
        let terms = (x - x.max_keepdims(&value)).exp();
        &terms / terms.sum_keepdims(&value)
    });
    softmax.defjvp(move |(x,), (t,)| {
        let y = softmax_of(x, &rule);
        let dy = along(&y, t, &rule);
        (y, dy)
    })(x)
}

/// Returns the derivative of the softmax `y` in the direction `t`.
#[track_caller]
fn along(y: &Array, t: &Array, axes: &[usize]) -> Array {
    y * (t - (y * t).sum_keepdims(axes))
}

/// [`softmax`] of the elements that the mask selects; the others are zero in the result.
#[track_caller]
pub(crate) fn softmax_where(x: &Array, axes: &[usize], mask: &Array) -> Array {
    if x.size() == 0 {
        return x.clone();
    }
    let (value, rule) = (axes.to_vec(), axes.to_vec());
    let softmax = custom_jvp(move |x: &Array, mask: &Array| {
        let x = where_(mask, x, f64::NEG_INFINITY);
        let terms = where_(mask, (&x - x.max_keepdims(&value)).exp(), 0.0);
        where_(mask, &terms / terms.sum_keepdims(&value), 0.0)
    });
    softmax.defjvp(move |(x, mask), (t, _)| {
        let y = softmax_where(x, &rule, mask);
        let dy = along(&y, &where_(mask, t, 0.0), &rule);
        (y, dy)
    })(x, mask)
}

/// Returns log(1 + eˣ). Its derivative is the logistic function, also where the cotangent is infinite.
#[track_caller]
pub(crate) fn softplus(x: &Array) -> Array {
    custom_jvp(|x: &Array| logaddexp(x, 0.0)).defjvp(|(x,), (t,)| (softplus(x), t * x.logistic()))(x)
}

/// Returns the logarithm of [`softmax`], without underflow in between.
///
/// ```
/// use cotangent::{numpy as np, scipy::special};
/// let x = special::log_softmax(np::zeros(2), 0).to_vec::<f32>();
/// assert!((x[0] + 2f32.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn log_softmax(x: impl ArrayLike, axes: impl Axes) -> Array {
    let x = x.to_array().to_inexact();
    let axes = axes.resolve(x.ndim()).or_raise();
    if x.size() == 0 {
        return x;
    }
    as_one(&[x], |x| {
        let shifted = &x[0] - x[0].stop_gradient().max_keepdims(&axes);
        &shifted - shifted.exp().sum_keepdims(&axes).log()
    })
}

/// [`log_softmax`] of the elements that the mask selects; the others are −∞ in the result.
#[track_caller]
pub(crate) fn log_softmax_where(x: &Array, axes: &[usize], mask: &Array) -> Array {
    if x.size() == 0 {
        return x.clone();
    }
    let x = where_(mask, x, f64::NEG_INFINITY);
    // Where nothing is selected, zero stands for the maximum, so that no difference is NaN.
    let most = x.stop_gradient().max_keepdims(axes);
    let shifted = &x - where_(most.equal(f64::NEG_INFINITY), 0.0, &most);
    let terms = where_(mask, where_(mask, &shifted, 0.0).exp(), 0.0);
    where_(mask, &shifted - terms.sum_keepdims(axes).log(), f64::NEG_INFINITY)
}
