//! Sorting, differences and quantiles.

use crate::array::aval::canonical_axis;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::methods::reductions::require_elements;
use crate::ops::sort::Sort;
use crate::trace::frames::{bind, bind1};

use super::creation::iota;
use super::logic::where_;

/// Sorts along the last axis, in ascending order and with NaN last. Complex numbers are ordered by their real parts,
/// and by their imaginary parts if those are equal.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::sort(Array::from([3, 1, 2])).to_vec::<i32>(), [1, 2, 3]);
/// assert_eq!(np::argsort(Array::from([3, 1, 2])).to_vec::<i32>(), [1, 2, 0]);
/// ```
#[track_caller]
pub fn sort(x: impl ArrayLike) -> Array {
    sort_axis(x, -1)
}

/// Sorts along an axis, in ascending order and with NaN last.
///
/// # Panics
/// If the axis is out of bounds.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::sort_axis(Array::from([[3, 1], [2, 4]]), 0).to_vec::<i32>(), [2, 1, 3, 4]);
/// ```
#[track_caller]
pub fn sort_axis(x: impl ArrayLike, axis: isize) -> Array {
    let x = x.to_array();
    let dimension = canonical_axis(axis, x.ndim()).or_raise();
    bind1(Sort { dimension, is_stable: true, num_keys: 1 }, &[&x])
}

/// Returns the indices, in `i32`, that sort the elements along the last axis in ascending order. Equal elements keep
/// their order.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::argsort(Array::from([3, 1, 2])).to_vec::<i32>(), [1, 2, 0]);
/// ```
#[track_caller]
pub fn argsort(x: impl ArrayLike) -> Array {
    argsort_axis(x, -1)
}

/// [`argsort`] along another axis.
///
/// # Panics
/// If the axis is out of bounds.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::argsort_axis(Array::from([[3, 1], [2, 4]]), 0).to_vec::<i32>(), [1, 0, 0, 1]);
/// ```
#[track_caller]
pub fn argsort_axis(x: impl ArrayLike, axis: isize) -> Array {
    let x = x.to_array();
    let dimension = canonical_axis(axis, x.ndim()).or_raise();
    let indices = iota(DType::I32, x.shape(), dimension);
    bind(Sort { dimension, is_stable: true, num_keys: 1 }, &[&x, &indices]).swap_remove(1)
}

/// Returns the differences of neighboring elements along the last axis, whose size decreases by one. For booleans, the
/// result is whether the neighbors differ.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::diff(Array::from([1, 4, 9])).to_vec::<i32>(), [3, 5]);
/// ```
#[track_caller]
pub fn diff(x: impl ArrayLike) -> Array {
    diff_axis(x, 1, -1)
}

/// Returns the `n`-th differences of neighboring elements along an axis.
///
/// # Panics
/// If the axis is out of bounds.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::diff_axis(Array::from([1, 4, 9, 16]), 2, 0).to_vec::<i32>(), [2, 2]);
/// ```
#[track_caller]
pub fn diff_axis(x: impl ArrayLike, n: usize, axis: isize) -> Array {
    let mut x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    for _ in 0..n {
        let size = x.shape()[axis];
        let (later, earlier) = (x.slice_axis(axis, 1.min(size), size), x.slice_axis(axis, 0, size.saturating_sub(1)));
        x = if x.dtype() == DType::Bool { later.not_equal(earlier) } else { later - earlier };
    }
    x
}

/// Integrates `y` along an axis by the trapezoidal rule. The points are `dx` apart.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::trapezoid(Array::from([1.0f32, 2.0, 3.0]), 1.0, 0).item::<f32>(), 4.0);
/// ```
#[track_caller]
pub fn trapezoid(y: impl ArrayLike, dx: impl ArrayLike, axis: isize) -> Array {
    let y = y.to_array().to_inexact();
    let axis = canonical_axis(axis, y.ndim()).or_raise();
    let n = y.shape()[axis];
    let (later, earlier) = (y.slice_axis(axis, 1.min(n), n), y.slice_axis(axis, 0, n.saturating_sub(1)));
    ((later + earlier) * dx.to_array()).sum_axis(axis) * 0.5
}

/// Returns the median of all elements, or NaN if there is a NaN.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::median(Array::from([5.0f32, 1.0, 2.0])).item::<f32>(), 2.0);
/// ```
#[track_caller]
pub fn median(x: impl ArrayLike) -> Array {
    median_axis(super::ravel(x), 0)
}

/// Returns the median along an axis, which is removed.
///
/// # Panics
/// If the axis is out of bounds or empty.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::median_axis(Array::from([[1.0f32, 3.0, 2.0]]), 1).to_vec::<f32>(), [2.0]);
/// ```
#[track_caller]
pub fn median_axis(x: impl ArrayLike, axis: isize) -> Array {
    quantile_axis(x, 0.5, axis)
}

/// Returns the `q`-quantile of all elements, with linear interpolation between neighbors, or NaN if there is a NaN.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::quantile(Array::from([0.0f32, 1.0, 2.0, 3.0, 4.0]), 0.25).item::<f32>(), 1.0);
/// ```
#[track_caller]
pub fn quantile(x: impl ArrayLike, q: f64) -> Array {
    quantile_axis(super::ravel(x), q, 0)
}

/// [`quantile`] along an axis, which is removed.
///
/// # Panics
/// If the axis is out of bounds or empty.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::quantile_axis(Array::from([[1.0f32, 3.0]]), 0.5, 1).to_vec::<f32>(), [2.0]);
/// ```
#[track_caller]
pub fn quantile_axis(x: impl ArrayLike, q: f64, axis: isize) -> Array {
    let x = x.to_array().to_inexact();
    let dimension = canonical_axis(axis, x.ndim()).or_raise();
    let n = x.shape()[dimension];
    require_elements("quantile", &x, &[dimension]);
    if x.dtype().is_complex() {
        raise(
            Error::dtype(format!("quantile: expected real numbers, got {}", x.aval()))
                .help("complex numbers are not ordered: pass their real and imaginary parts, or their moduli"),
        );
    }
    let sorted = sort_axis(&x, axis);
    let place = (q * (n - 1) as f64).clamp(0.0, (n - 1) as f64);
    // The quantile 0.07 of 101 elements is the element of index 7, whatever the last digit of the product is.
    let place = if (place - place.round()).abs() <= f64::EPSILON * place { place.round() } else { place };
    let low = place.floor() as usize;
    let rest = x.aval().shape.remove(&[dimension]);
    let at = |i: usize| sorted.slice_axis(dimension, i, i + 1).reshape(&rest);
    let weight = place - low as f64;
    // On an element, its neighbor does not contribute: zero times an infinity would be NaN.
    let value = if weight == 0.0 { at(low) } else { at(low) * (1.0 - weight) + at(low + 1) * weight };
    where_(super::isnan(&x).any_axis(dimension), f64::NAN, value)
}

/// [`quantile`] with the fraction in per cent.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::percentile(Array::from([5.0f32, 1.0, 2.0]), 50.0).item::<f32>(), 2.0);
/// ```
#[track_caller]
pub fn percentile(x: impl ArrayLike, q: f64) -> Array {
    quantile(x, q / 100.0)
}

/// [`percentile`] along an axis, which is removed.
///
/// # Panics
/// If the axis is out of bounds or empty.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::percentile_axis(Array::from([[1.0f32, 3.0]]), 50.0, 1).to_vec::<f32>(), [2.0]);
/// ```
#[track_caller]
pub fn percentile_axis(x: impl ArrayLike, q: f64, axis: isize) -> Array {
    quantile_axis(x, q / 100.0, axis)
}
