//! Padding with values that follow from those of the array.

use crate::api::program::as_one;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};

use super::creation::linspace_with;
use super::joining::concatenate;
use super::manipulation::{flip, tile};

/// What [`pad_mode`] pads an array with.
///
/// ```
/// use cotangent::numpy::{self as np, PadMode};
/// let padded = |mode| np::pad_mode(np::array([1, 2, 3]), &[(2, 2)], mode).to_vec::<i32>();
/// assert_eq!(padded(PadMode::Edge), [1, 1, 1, 2, 3, 3, 3]);
/// assert_eq!(padded(PadMode::Reflect), [3, 2, 1, 2, 3, 2, 1]);
/// assert_eq!(padded(PadMode::Symmetric), [2, 1, 1, 2, 3, 3, 2]);
/// assert_eq!(padded(PadMode::Wrap), [2, 3, 1, 2, 3, 1, 2]);
/// assert_eq!(padded(PadMode::LinearRamp(5.0)), [5, 3, 1, 2, 3, 4, 5]);
/// assert_eq!(padded(PadMode::Maximum), [3, 3, 1, 2, 3, 3, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PadMode {
    /// The element at the edge.
    Edge,
    /// The mirror image of the array, without the element at the edge.
    Reflect,
    /// The mirror image of the array, with the element at the edge.
    Symmetric,
    /// The elements from the other end.
    Wrap,
    /// Values that change linearly from the element at the edge to this one at the end.
    LinearRamp(f64),
    /// The greatest element along the axis.
    Maximum,
    /// The least element along the axis.
    Minimum,
    /// The mean along the axis, which is rounded for integers.
    Mean,
    /// The median along the axis, which is rounded for integers.
    Median,
}

/// Pads an array with values that depend on its own. Dimension `d` gets `widths[d] = (before, after)` elements, and the
/// dimensions are padded in order. The dtype is that of `x`.
///
/// Mirror images and repetitions continue as often as the width asks for. [`pad`](super::pad) pads with a constant.
///
/// # Panics
/// If there is not exactly one pair for each dimension, or a dimension that is padded is empty.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1, 2], [3, 4]]);
/// let y = np::pad_mode(&x, &[(0, 1), (1, 0)], np::PadMode::Edge);
/// assert_eq!(y.to_string(), "[[1 1 2]\n [3 3 4]\n [3 3 4]]");
/// ```
#[track_caller]
pub fn pad_mode(x: impl ArrayLike, widths: &[(usize, usize)], mode: PadMode) -> Array {
    let x = x.to_array();
    if widths.len() != x.ndim() {
        let message = format!("pad_mode: expected a pair of widths for each dimension of {}, got {widths:?}", x.aval());
        raise(Error::shape(message));
    }
    if let Some(axis) = (0..x.ndim()).find(|d| x.shape()[*d] == 0 && widths[*d] != (0, 0)) {
        raise(
            Error::shape(format!("pad_mode: axis {axis} of {} is empty: there is nothing to repeat", x.aval()))
                .help("pad it with a constant: `np::pad(&x, &widths, 0)`"),
        );
    }
    as_one(&[x], |x| {
        let along = |x: Array, (axis, width): (usize, &(usize, usize))| match width {
            (0, 0) => x,
            (before, after) => pad_axis(&x, axis, *before, *after, mode),
        };
        widths.iter().enumerate().fold(x[0].clone(), along)
    })
}

#[track_caller]
fn pad_axis(x: &Array, axis: usize, before: usize, after: usize, mode: PadMode) -> Array {
    let n = x.shape()[axis];
    let dim = axis as isize;
    let sized = |part: &Array, size: usize| part.broadcast_to(&x.aval().shape.remove(&[axis]).insert(axis, size));
    let around = |first: Array, last: Array| concatenate([first, x.clone(), last], dim);
    let constant = |value: Array| {
        let value = if x.dtype().is_inexact() { value } else { super::round(value) };
        let value = value.astype(x.dtype());
        around(sized(&value, before), sized(&value, after))
    };
    let (first, last) = (x.slice_axis(axis, 0, 1), x.slice_axis(axis, n - 1, n));
    match mode {
        PadMode::Edge => around(sized(&first, before), sized(&last, after)),
        // One period of the sequence in both directions: the array, and for some modes its mirror image.
        PadMode::Wrap => window(x, axis, before, n + before + after),
        PadMode::Symmetric => window(&concatenate([x.clone(), flip(x, dim)], dim), axis, before, n + before + after),
        PadMode::Reflect if n == 1 => around(sized(&first, before), sized(&last, after)),
        PadMode::Reflect => {
            let inner = flip(x.slice_axis(axis, 1, n - 1), dim);
            window(&concatenate([x.clone(), inner], dim), axis, before, n + before + after)
        }
        PadMode::LinearRamp(end) => {
            let ramp = |edge: &Array, size: usize| {
                let edge = edge.reshape(&x.aval().shape.remove(&[axis]));
                let ramp = linspace_with(end, edge, size, false, dim);
                if x.dtype().is_inexact() { ramp.astype(x.dtype()) } else { super::floor(ramp).astype(x.dtype()) }
            };
            around(ramp(&first, before), flip(ramp(&last, after), dim))
        }
        PadMode::Maximum => constant(x.max_keepdims(dim)),
        PadMode::Minimum => constant(x.min_keepdims(dim)),
        PadMode::Mean => constant(x.mean_keepdims(dim)),
        PadMode::Median => constant(super::median_axis(x, dim).expand_dims(dim)),
    }
}

/// Returns `size` elements along an axis of the sequence that repeats `period`, from `before` elements before its start.
#[track_caller]
fn window(period: &Array, axis: usize, before: usize, size: usize) -> Array {
    let n = period.shape()[axis];
    let start = (n - before % n) % n;
    let mut reps = vec![1; period.ndim()];
    reps[axis] = (start + size).div_ceil(n);
    tile(period, reps).slice_axis(axis, start, start + size)
}
