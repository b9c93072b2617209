//! Moments of gradients: running means and their corrections, norms, and counts of steps.

use crate::array::Array;
use crate::array::dtype::DType;
use crate::methods::axes::Axes;
use crate::numpy::linalg::{NormOrder, norm_with};
use crate::numpy::{self as np, where_};

use super::number::Number;
use super::per_leaf::PerLeaf;

/// The count of steps before the first.
pub(super) fn zero() -> Array {
    np::zeros_as((), DType::I32)
}

/// The count of steps after one more. It stays at the greatest number of its dtype instead of overflowing.
///
/// ```
/// use cotangent::optim;
/// assert_eq!(optim::safe_increment(&3i32.into()).item::<i32>(), 4);
/// ```
pub fn safe_increment(count: &Array) -> Array {
    let max: Array = match count.dtype() {
        DType::I8 => i32::from(i8::MAX).into(),
        DType::I16 => i32::from(i16::MAX).into(),
        DType::U8 => i32::from(u8::MAX).into(),
        DType::U16 => i32::from(u16::MAX).into(),
        DType::U32 => i64::from(u32::MAX).into(),
        DType::I64 => i64::MAX.into(),
        DType::U64 => Array::scalar(u64::MAX),
        DType::I32 => i32::MAX.into(),
        // A float stays where adding one changes nothing.
        _ => return count + 1,
    };
    where_(count.less(&max), count + 1, max)
}

/// x·x̄, which is real.
pub(super) fn abs_sq(x: &Array) -> Array {
    if x.dtype().is_complex() { x.real().square() + x.imag().square() } else { x.square() }
}

pub(super) fn zeros_like(params: &PerLeaf) -> PerLeaf {
    params.map(|p| np::zeros_like(p))
}

/// Zeros in `dtype`, or else in the dtypes of the parameters.
pub(super) fn zeros_in(params: &PerLeaf, dtype: Option<DType>) -> PerLeaf {
    params.map(|p| np::zeros_as(p.shape(), dtype.unwrap_or(p.dtype())))
}

pub(super) fn full_like(params: &PerLeaf, value: &Number) -> PerLeaf {
    params.map(|p| np::full_as(p.shape(), value.array(), p.dtype()))
}

/// Zeros in the real dtypes of the parameters, for squares of absolute values.
pub(super) fn zeros_real(params: &PerLeaf) -> PerLeaf {
    full_real(params, &0.0.into())
}

/// A number for each element in the real dtypes of the parameters.
pub(super) fn full_real(params: &PerLeaf, value: &Number) -> PerLeaf {
    params.map(|p| np::full_as(p.shape(), value.array(), p.dtype().real()))
}

/// (1 − decay)·g + decay·m.
pub(super) fn moment(g: &Array, m: &Array, decay: &Number) -> Array {
    decay.complement() * g + decay.array() * m
}

/// The running mean of the updates.
pub(super) fn update_moment(updates: &PerLeaf, moments: &PerLeaf, decay: &Number) -> PerLeaf {
    updates.zip(moments, |g, m| moment(g, m, decay))
}

/// The running mean of the squares of the updates' absolute values.
pub(super) fn update_squares(updates: &PerLeaf, moments: &PerLeaf, decay: &Number) -> PerLeaf {
    updates.zip(moments, |g, m| moment(&abs_sq(g), m, decay))
}

/// The precision in which corrections of moments of this dtype are computed.
fn precision(dtype: DType) -> DType {
    if dtype.real() == DType::F64 { DType::F64 } else { DType::F32 }
}

/// 1 − decay^count, in the dtype that goes with `moment`.
fn correction(moment: &Array, decay: &Number, count: &Array) -> Array {
    let working = precision(moment.dtype());
    let power = decay.in_dtype(working).pow(count.astype(working));
    (1.0 - power).astype(moment.dtype().real())
}

/// A running mean that began at zero, as it would be without that: m/(1 − decay^count).
pub(super) fn corrected(m: &Array, decay: &Number, count: &Array) -> Array {
    m / correction(m, decay, count)
}

/// [`corrected`], for each leaf.
pub(super) fn bias_correction(moments: &PerLeaf, decay: &Number, count: &Array) -> PerLeaf {
    moments.map(|m| corrected(m, decay, count))
}

/// The corrected first moment, with a look ahead by Nesterov's rule if `nesterov`.
pub(super) fn first_moment(updates: &PerLeaf, mu: &PerLeaf, decay: &Number, count: &Array, nesterov: bool) -> PerLeaf {
    if !nesterov {
        return bias_correction(mu, decay, count);
    }
    let ahead = safe_increment(count);
    updates
        .zip(mu, |g, m| decay.array() * corrected(m, decay, &ahead) + decay.complement() * corrected(g, decay, count))
}

/// The sum over the leaves of a number for each.
pub(super) fn total(parts: &PerLeaf) -> Array {
    parts.values().iter().cloned().reduce(|a, b| a + b).unwrap_or_else(|| np::zeros(()))
}

/// The squared norm of all leaves together.
pub(super) fn squared_norm(leaves: &PerLeaf) -> Array {
    total(&leaves.map(|x| abs_sq(x).sum()))
}

/// The norm of all leaves together. Its derivative at zero is zero.
pub(super) fn norm(leaves: &PerLeaf) -> Array {
    root(&squared_norm(leaves), &0.0.into())
}

/// The norm of an array, at least `least`, with a derivative of zero where that bound holds.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// assert_eq!(optim::safe_norm(&np::array([3.0, 4.0]), 1e-3).item::<f32>(), 5.0);
/// assert_eq!(grad(|x: &Array| optim::safe_norm(x, 1e-3))(&np::zeros(2)).to_vec::<f32>(), [0.0, 0.0]);
/// ```
pub fn safe_norm(x: &Array, least: impl Into<Number>) -> Array {
    root(&abs_sq(x).sum(), &least.into())
}

/// As [`safe_norm`], with the order and the axes of [`norm_with`](crate::numpy::linalg::norm_with).
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let x = np::array([[3.0, -4.0], [0.0, 0.0]]);
/// assert_eq!(optim::safe_norm_with(&x, 1e-3, 1, 1, false).to_vec::<f32>(), [7.0, 1e-3]);
/// ```
///
/// # Panics
/// As [`norm_with`](crate::numpy::linalg::norm_with).
#[track_caller]
pub fn safe_norm_with(
    x: &Array,
    least: impl Into<Number>,
    order: impl Into<NormOrder>,
    axes: impl Axes + Copy,
    keepdims: bool,
) -> Array {
    let (least, order) = (least.into(), order.into());
    let low = norm_with(x, order, axes, true).less_equal(least.array());
    let norm = norm_with(where_(&low, 1.0, x), order, axes, keepdims);
    let low = if keepdims { low } else { low.reshape(norm.shape()) };
    where_(low, least.in_dtype(norm.dtype()), norm)
}

/// The root of the mean square of an array, at least `least`, with a derivative of zero where that bound holds.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// assert_eq!(optim::safe_root_mean_squares(&np::array([3.0, 3.0]), 1e-3).item::<f32>(), 3.0);
/// ```
pub fn safe_root_mean_squares(x: &Array, least: impl Into<Number>) -> Array {
    root(&abs_sq(x).mean(), &least.into())
}

/// The root of a square, at least `least`.
pub(super) fn root(square: &Array, least: &Number) -> Array {
    let low = square.sqrt().less_equal(least.array());
    where_(&low, least.in_dtype(square.dtype()), where_(&low, 1.0, square).sqrt())
}
