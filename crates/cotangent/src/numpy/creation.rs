//! Arrays created from shapes and numbers.

use std::ops::Range;

use crate::api::program::{as_library, as_one};
use crate::array::aval::{IntoShape, Shape, canonical_axis};
use crate::array::dtype::DType;
use crate::array::promote::promote_types;
use crate::array::{Array, ArrayLike, Arrays};
use crate::error::{Error, OrRaise, Result, raise};
use crate::ops;
use crate::ops::shape::Iota;
use crate::ops::slice::Concatenate;
use crate::trace::frames::bind1;

/// Returns an array of the given shape with the values `0, 1, 2, …` along `axis`.
#[track_caller]
pub(crate) fn iota(dtype: DType, shape: impl IntoShape, axis: usize) -> Array {
    bind1(Iota { dtype, shape: shape.into_shape(), dimension: axis }, &[])
}

/// Returns an array filled with one value. The dtype is that of the value (`f32`, `i32` or `bool` for Rust scalars).
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::full([2, 2], 7).to_vec::<i32>(), [7; 4]);
/// assert_eq!(np::zeros(3).to_vec::<f32>(), [0.0; 3]);
/// ```
#[track_caller]
pub fn full(shape: impl IntoShape, value: impl ArrayLike) -> Array {
    let value = value.to_array();
    value.astype(value.dtype()).broadcast_to(shape)
}

/// Returns an array filled with one value, in the given dtype.
///
/// ```
/// use cotangent::{DType, numpy as np};
/// assert_eq!(np::full_as(2, 7, DType::F32).to_vec::<f32>(), [7.0, 7.0]);
/// ```
#[track_caller]
pub fn full_as(shape: impl IntoShape, value: impl ArrayLike, dtype: DType) -> Array {
    value.to_array().astype(dtype).broadcast_to(shape)
}

/// Returns an array of zeros, in `f32`.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::zeros([2, 3]).shape(), [2, 3]);
/// ```
#[track_caller]
pub fn zeros(shape: impl IntoShape) -> Array {
    zeros_as(shape, DType::F32)
}

/// Returns an array of zeros in the given dtype.
///
/// ```
/// use cotangent::{DType, numpy as np};
/// assert_eq!(np::zeros_as(2, DType::I32).to_vec::<i32>(), [0, 0]);
/// ```
#[track_caller]
pub fn zeros_as(shape: impl IntoShape, dtype: DType) -> Array {
    ops::zeros(shape, dtype)
}

/// Returns an array of ones, in `f32`.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::ones(2).to_vec::<f32>(), [1.0, 1.0]);
/// ```
#[track_caller]
pub fn ones(shape: impl IntoShape) -> Array {
    ones_as(shape, DType::F32)
}

/// Returns an array of ones in the given dtype.
///
/// ```
/// use cotangent::{DType, numpy as np};
/// assert_eq!(np::ones_as(2, DType::I32).to_vec::<i32>(), [1, 1]);
/// ```
#[track_caller]
pub fn ones_as(shape: impl IntoShape, dtype: DType) -> Array {
    full_as(shape, 1, dtype)
}

/// Returns an array of zeros with the shape and dtype of `x`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::zeros_like(Array::from([3, 4])).to_vec::<i32>(), [0, 0]);
/// ```
#[track_caller]
pub fn zeros_like(x: impl ArrayLike) -> Array {
    full_like(x, 0)
}

/// Returns an array of ones with the shape and dtype of `x`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::ones_like(Array::from([3, 4])).to_vec::<i32>(), [1, 1]);
/// ```
#[track_caller]
pub fn ones_like(x: impl ArrayLike) -> Array {
    full_like(x, 1)
}

/// Returns an array filled with one value, with the shape and dtype of `x`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::full_like(Array::from([3, 4]), 7).to_vec::<i32>(), [7, 7]);
/// ```
#[track_caller]
pub fn full_like(x: impl ArrayLike, value: impl ArrayLike) -> Array {
    let x = x.to_array();
    full_as(x.shape(), value, x.dtype())
}

/// Returns a matrix of `rows` by `columns` with ones on the main diagonal and zeros elsewhere, in `f32`.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::eye(2, 3).to_vec::<f32>(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
/// ```
#[track_caller]
pub fn eye(rows: usize, columns: usize) -> Array {
    eye_as(rows, columns, 0, DType::F32)
}

/// Returns a matrix with ones on the `k`-th diagonal and zeros elsewhere, in the given dtype. A positive `k` is above
/// the main diagonal, a negative one below.
///
/// ```
/// use cotangent::{DType, numpy as np};
/// assert_eq!(np::eye_as(2, 2, 1, DType::I32).to_vec::<i32>(), [0, 1, 0, 0]);
/// ```
#[track_caller]
pub fn eye_as(rows: usize, columns: usize, k: isize, dtype: DType) -> Array {
    diagonal_mask(rows, columns, k).astype(dtype)
}

/// Returns the identity matrix of size `n`, in `f32`.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::identity(2).to_vec::<f32>(), [1.0, 0.0, 0.0, 1.0]);
/// ```
#[track_caller]
pub fn identity(n: usize) -> Array {
    eye(n, n)
}

/// Returns the mask that is true where column − row = `k`.
#[track_caller]
pub(crate) fn diagonal_mask(rows: usize, columns: usize, k: isize) -> Array {
    let row = iota(DType::I32, [rows, columns], 0) + k as i32;
    row.equal(iota(DType::I32, [rows, columns], 1))
}

/// Returns a matrix of `rows` by `columns` with ones at and below the `k`-th diagonal and zeros elsewhere, in `f32`.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::tri(2, 2, 0).to_vec::<f32>(), [1.0, 0.0, 1.0, 1.0]);
/// ```
#[track_caller]
pub fn tri(rows: usize, columns: usize, k: isize) -> Array {
    crate::ops::linalg::lower_mask(rows, columns, k).astype(DType::F32)
}

/// The bounds of [`arange`]: `stop`, `start..stop`, `(start, stop)` or `(start, stop, step)`. Each number may also be a
/// scalar array with a known value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not bound a range of numbers",
    label = "write `stop`, `start..stop`, `(start, stop)` or `(start, stop, step)`"
)]
pub trait Bounds {
    /// The start, the stop and the step.
    fn bounds(self) -> [Array; 3];
}

impl<T: ArrayLike> Bounds for T {
    fn bounds(self) -> [Array; 3] {
        (0, self, 1).bounds()
    }
}

impl<T: ArrayLike> Bounds for Range<T> {
    fn bounds(self) -> [Array; 3] {
        (self.start, self.end, 1).bounds()
    }
}

impl<A: ArrayLike, B: ArrayLike> Bounds for (A, B) {
    fn bounds(self) -> [Array; 3] {
        (self.0, self.1, 1).bounds()
    }
}

impl<A: ArrayLike, B: ArrayLike, C: ArrayLike> Bounds for (A, B, C) {
    fn bounds(self) -> [Array; 3] {
        [self.0.to_array(), self.1.to_array(), self.2.to_array()]
    }
}

/// Returns the numbers `start, start + step, …` up to but not including `stop`: ⌈(stop − start) / step⌉ numbers. The
/// argument is `stop`, `start..stop`, `(start, stop)` or `(start, stop, step)`.
///
/// The result is `i32` if all numbers are Rust integers, and `f32` if one is a Rust float. Numbers that are arrays count
/// with their own dtype.
///
/// # Panics
/// If a number is traced or is not a scalar, or the step is zero.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::arange(3).to_vec::<i32>(), [0, 1, 2]);
/// assert_eq!(np::arange(2..5).to_vec::<i32>(), [2, 3, 4]);
/// assert_eq!(np::arange((2, 9, 3)).to_vec::<i32>(), [2, 5, 8]);
/// assert_eq!(np::arange((-1.5, 1.5, 0.01)).shape(), [300]);
/// ```
#[track_caller]
pub fn arange(bounds: impl Bounds) -> Array {
    let bounds = bounds.bounds();
    let dtype = |x: &Array| (x.dtype(), x.weak_type());
    let (dtype, _) = bounds[1..].iter().fold(dtype(&bounds[0]), |d, x| promote_types(d, dtype(x)));
    numbers(bounds, dtype)
}

/// [`arange`] with a given dtype.
///
/// # Panics
/// If a number is traced or is not a scalar, or the step is zero.
///
/// ```
/// use cotangent::{DType, numpy as np};
/// assert_eq!(np::arange_as(3, DType::F32).to_vec::<f32>(), [0.0, 1.0, 2.0]);
/// ```
#[track_caller]
pub fn arange_as(bounds: impl Bounds, dtype: DType) -> Array {
    numbers(bounds.bounds(), dtype)
}

#[track_caller]
fn numbers([start, stop, step]: [Array; 3], dtype: DType) -> Array {
    let n = arange_length([&start, &stop, &step]).map_err(|e| e.context("arange")).or_raise();
    let working = if matches!(dtype, DType::F16 | DType::BF16) { DType::F32 } else { dtype };
    let numbers = |x: &[Array]| (&x[0] + &x[1] * iota(working, n, 0)).astype(dtype);
    as_one(&[start.astype(working), step.astype(working)], numbers)
}

/// Returns ⌈(stop − start) / step⌉, computed exactly for integers.
fn arange_length(bounds: [&Array; 3]) -> Result<usize> {
    let zero = || Error::value("the step must not be zero");
    if bounds.iter().any(|x| x.dtype().is_inexact()) {
        let [start, stop, step] = [bounds[0].try_item::<f64>()?, bounds[1].try_item()?, bounds[2].try_item()?];
        return if step == 0.0 { Err(zero()) } else { Ok(((stop - start) / step).ceil().max(0.0) as usize) };
    }
    let read = |x: &Array| match x.size() {
        1 => Ok(x.to_literal()?.value().to_i128()),
        // `try_item` returns the right error.
        _ => x.try_item::<i64>().map(i128::from),
    };
    let [start, stop, step] = [read(bounds[0])?, read(bounds[1])?, read(bounds[2])?];
    let (length, step) = ((stop - start) * step.signum(), step.abs());
    if step == 0 {
        return Err(zero());
    }
    let count = (length.max(0) + step - 1) / step;
    usize::try_from(count).map_err(|_| Error::shape(format!("the range has too many elements, {count}")))
}

/// Returns `num` evenly spaced numbers from `start` to `stop`, both included, along a new first axis.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::linspace(0.0, 1.0, 5).to_vec::<f32>(), [0.0, 0.25, 0.5, 0.75, 1.0]);
/// ```
#[track_caller]
pub fn linspace(start: impl ArrayLike, stop: impl ArrayLike, num: usize) -> Array {
    linspace_with(start, stop, num, true, 0)
}

/// [`linspace`] with options: whether `stop` is included, and the position of the new axis.
///
/// # Panics
/// If the bounds do not broadcast, or the axis is out of bounds.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::linspace_with(0.0, 1.0, 4, false, 0).to_vec::<f32>(), [0.0, 0.25, 0.5, 0.75]);
/// ```
#[track_caller]
pub fn linspace_with(start: impl ArrayLike, stop: impl ArrayLike, num: usize, endpoint: bool, axis: isize) -> Array {
    let [start, stop] = ops::inexact([start.to_array(), stop.to_array()]).map(|x| x.astype(x.dtype()));
    let bounds = crate::array::aval::broadcast_shapes(start.shape(), stop.shape()).or_raise();
    let axis = canonical_axis(axis, bounds.rank() + 1).or_raise();
    let column = bounds.insert(axis, 1);
    let [start, stop] = [start, stop].map(|x| x.broadcast_to(&bounds).reshape(&column));
    let dtype = start.dtype();
    match num {
        0 => zeros_as(bounds.insert(axis, 0), dtype),
        1 => start,
        _ => {
            let parts = if endpoint { num - 1 } else { num };
            let along: Shape = (0..column.rank()).map(|d| if d == axis { parts } else { 1 }).collect();
            let step = (iota(dtype.real(), parts, 0) / parts as f64).reshape(&along).astype(dtype);
            let out = start * (1.0 - &step) + &stop * &step;
            if endpoint { bind1(Concatenate { dimension: axis }, &[&out, &stop]) } else { out }
        }
    }
}

/// Returns ten to the power of `num` evenly spaced exponents from `start` to `stop`, both included.
///
/// ```
/// use cotangent::numpy as np;
/// let x = np::logspace(0.0, 2.0, 3).to_vec::<f32>();
/// assert!((x[1] - 10.0).abs() < 1e-4 && (x[2] - 100.0).abs() < 1e-3);
/// ```
#[track_caller]
pub fn logspace(start: impl ArrayLike, stop: impl ArrayLike, num: usize) -> Array {
    logspace_with(start, stop, num, true, 10.0)
}

/// [`logspace`] with options: the base, and whether `stop` is included.
///
/// ```
/// use cotangent::numpy as np;
/// let x = np::logspace_with(0.0, 3.0, 4, true, 2.0).to_vec::<f32>();
/// assert!((x[3] - 8.0).abs() < 1e-4);
/// ```
#[track_caller]
pub fn logspace_with(
    start: impl ArrayLike,
    stop: impl ArrayLike,
    num: usize,
    endpoint: bool,
    base: impl ArrayLike,
) -> Array {
    let exponent = linspace_with(start, stop, num, endpoint, 0);
    let dtype = exponent.dtype();
    super::power(base, exponent).astype(dtype)
}

/// Returns the coordinate matrices of a grid from two coordinate vectors: `x` varies along the columns, `y` along the
/// rows.
///
/// # Panics
/// If an operand has more than one dimension.
///
/// ```
/// use cotangent::numpy as np;
/// let (x, y) = np::meshgrid(np::arange(3), np::arange(2));
/// assert_eq!(x.to_string(), "[[0 1 2]\n [0 1 2]]");
/// assert_eq!(y.to_string(), "[[0 0 0]\n [1 1 1]]");
/// ```
#[track_caller]
pub fn meshgrid(x: impl ArrayLike, y: impl ArrayLike) -> (Array, Array) {
    let (x, y) = (x.to_array(), y.to_array());
    let mut grids = meshgrid_with(&[&x, &y], Indexing::Xy);
    let y = grids.swap_remove(1);
    (grids.swap_remove(0), y)
}

/// The order of the axes of a grid.
///
/// ```
/// use cotangent::numpy as np;
/// let (x, y) = (np::zeros(3), np::zeros(2));
/// assert_eq!(np::meshgrid_with(&[&x, &y], np::Indexing::Xy)[0].shape(), [2, 3]);
/// assert_eq!(np::meshgrid_with(&[&x, &y], np::Indexing::Ij)[0].shape(), [3, 2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Indexing {
    /// Cartesian order: the first coordinate varies along the second axis, and the second along the first.
    Xy,
    /// Matrix order: coordinate `i` varies along axis `i`.
    Ij,
}

/// Returns the coordinate arrays of a grid, one for each coordinate vector.
///
/// # Panics
/// If an operand has more than one dimension.
///
/// ```
/// use cotangent::numpy as np;
/// let (x, y) = (np::zeros(3), np::zeros(2));
/// assert_eq!(np::meshgrid_with(&[&x, &y], np::Indexing::Ij)[1].shape(), [3, 2]);
/// ```
#[track_caller]
#[must_use]
pub fn meshgrid_with(coordinates: impl Arrays, indexing: Indexing) -> Vec<Array> {
    let coordinates = coordinates.to_arrays();
    if let Some(x) = coordinates.iter().find(|x| x.ndim() > 1) {
        raise(Error::shape(format!("meshgrid: expected scalars or vectors, got {}", x.aval())));
    }
    let n = coordinates.len();
    let place = |i: usize| match (indexing, i) {
        (Indexing::Xy, 0) if n > 1 => 1,
        (Indexing::Xy, 1) => 0,
        _ => i,
    };
    let shape: Shape = (0..n).map(|d| coordinates[place(d)].size()).collect();
    let over_grid = |(i, x): (usize, &Array)| {
        let along: Shape = (0..n).map(|d| if d == place(i) { x.size() } else { 1 }).collect();
        x.reshape(&along).broadcast_to(&shape)
    };
    as_library(&coordinates, |xs| xs.iter().enumerate().map(over_grid).collect())
}
