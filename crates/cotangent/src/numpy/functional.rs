//! Functions of functions, bits as bytes, roots and fits of polynomials, and indices of triangles.

use crate::api::vmap::vmap;
use crate::array::aval::{IntoShape, canonical_axis};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike, Arrays};
use crate::error::{Error, OrRaise, raise};
use crate::methods::axes::Axes;

use super::arithmetic::{copysign, nextafter};
use super::array::array_as;
use super::creation::{full_as, ones_as, zeros_as};
use super::joining::concatenate;
use super::linalg;
use super::logic::{isinf, where_};
use super::manipulation::{atleast_1d, broadcast_to, moveaxis, pad};
use super::pieces::unstack;
use super::pieces::{diag_indices, tril_indices, triu_indices};
use super::sorting::sort;
use super::take::{indices, take_axis};
use super::vectors::vander;

/// Returns the results of a function of vectors along an axis: the axes of the result of `f` take its place.
///
/// ```
/// use cotangent::prelude::*;
/// let x = np::array([[3.0, 1.0], [2.0, 5.0]]);
/// let y = np::apply_along_axis(|v: &Array| np::sort(v), 0, &x);
/// assert_eq!(y.to_vec::<f32>(), [2.0, 1.0, 3.0, 5.0]);
/// ```
///
/// # Panics
/// If there is no such axis.
#[track_caller]
pub fn apply_along_axis(f: impl Fn(&Array) -> Array + Send + Sync, axis: isize, x: impl ArrayLike) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let moved = moveaxis(&x, axis as isize, -1);
    let lead = moved.shape()[..x.ndim() - 1].to_vec();
    let rows = moved.reshape([lead.iter().product(), x.shape()[axis]]);
    let out = vmap(|row: &Array| f(row))(&rows);
    let own = out.ndim() - 1;
    let out = out.reshape([&lead[..], &out.shape()[1..]].concat());
    // The axes of the result of `f` move to where the vector's axis was.
    let rank = lead.len() + own;
    let order: Vec<usize> = (0..axis).chain(lead.len()..rank).chain(axis..lead.len()).collect();
    out.permute(&order)
}

/// Applies a function that reduces an array over an axis, to one axis after another. Axes that it removes are put back
/// with size one.
///
/// ```
/// use cotangent::prelude::*;
/// let y = np::apply_over_axes(|x: &Array, axis| x.sum_axis(axis), np::ones((2, 3, 4)), (0, 2));
/// assert_eq!((y.shape(), y.max().item::<f32>()), (&[1, 3, 1][..], 8.0));
/// ```
///
/// # Panics
/// If there is no such axis, or the function changes the rank by more than one.
#[track_caller]
pub fn apply_over_axes(f: impl Fn(&Array, isize) -> Array, x: impl ArrayLike, axes: impl Axes) -> Array {
    let x = x.to_array();
    let rank = x.ndim();
    axes.resolve(rank).or_raise().into_iter().fold(x, |x, axis| {
        let y = f(&x, axis as isize);
        match y.ndim() {
            n if n == rank => y,
            n if n + 1 == rank => y.expand_dims(axis as isize),
            n => raise(Error::shape(format!(
                "apply_over_axes: the function returned rank {n} for an array of rank {rank}"
            ))),
        }
    })
}

/// Returns the array of this shape whose elements are a function of their indices, which the function gets as one array
/// of integers for each axis.
///
/// ```
/// use cotangent::prelude::*;
/// let x = np::fromfunction(|i: &[Array]| 10 * &i[0] + &i[1], (2, 2));
/// assert_eq!(x.to_vec::<i32>(), [0, 1, 10, 11]);
/// ```
#[track_caller]
pub fn fromfunction(f: impl Fn(&[Array]) -> Array, shape: impl IntoShape) -> Array {
    let shape = shape.into_shape();
    let result = f(&unstack(indices(&shape), 0));
    broadcast_to(result, &shape)
}

/// Returns the result of another function for each part of an array: that of the last condition that is true, and of the
/// additional last function, if there is one, where none is; else zero.
///
/// ```
/// use cotangent::prelude::*;
/// let x = np::array([-2.0, 0.0, 3.0]);
/// let y = np::piecewise(&x, [x.less(0.0), x.greater(0.0)], &[&|x: &Array| -x, &|x: &Array| x * 2.0]);
/// assert_eq!(y.to_vec::<f32>(), [2.0, 0.0, 6.0]);
/// ```
///
/// # Panics
/// If there are less functions than conditions, or more than one more.
#[track_caller]
pub fn piecewise(x: impl ArrayLike, conditions: impl Arrays, functions: &[&dyn Fn(&Array) -> Array]) -> Array {
    let (x, conditions) = (x.to_array(), conditions.to_arrays());
    let (n, m) = (conditions.len(), functions.len());
    if m != n && m != n + 1 {
        raise(
            Error::value(format!("piecewise: {m} functions for {n} conditions"))
                .help("there must be one for each condition, and may be one more for all other elements"),
        );
    }
    let rest = functions.get(n).map_or_else(|| super::creation::zeros_like(&x), |f| f(&x).astype(x.dtype()));
    conditions.iter().zip(functions).fold(rest, |y, (condition, f)| where_(condition, f(&x).astype(x.dtype()), y))
}

/// Returns the number of ones in the binary representations of the absolute values, in `u8`.
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(np::bitwise_count(np::array([7, -8])).to_vec::<u8>(), [3, 1]);
/// ```
///
/// # Panics
/// If the array is not of integers.
#[track_caller]
pub fn bitwise_count(x: impl ArrayLike) -> Array {
    x.to_array().abs().population_count().astype(DType::U8)
}

/// Returns the distances to the next number of greater absolute value, with the sign of the number; NaN for infinities.
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(np::spacing(1.0).item::<f32>(), f32::EPSILON);
/// ```
///
/// # Panics
/// If the array is complex.
#[track_caller]
pub fn spacing(x: impl ArrayLike) -> Array {
    // Between powers of two it is constant.
    let x = x.to_array().to_inexact().stop_gradient();
    let size = x.abs();
    let next = nextafter(&size, full_as((), f64::INFINITY, x.dtype()));
    // Beside zero, it is the next number itself: a subnormal difference may be flushed to zero.
    let distance = where_(size.equal(0.0), &next, &next - &size);
    where_(isinf(&x), f64::NAN, copysign(distance, &x))
}

/// Returns the elements in ascending order, by real part and then by imaginary part, as complex numbers.
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(np::sort_complex(np::array([2.0, 1.0])).real().to_vec::<f32>(), [1.0, 2.0]);
/// ```
#[track_caller]
pub fn sort_complex(x: impl ArrayLike) -> Array {
    let sorted = sort(x.to_array().to_inexact());
    if sorted.dtype().is_complex() { sorted } else { sorted.complex(zeros_as((), sorted.dtype())) }
}

#[track_caller]
fn matrix_shape(who: &str, x: &Array) -> (usize, usize) {
    match x.shape() {
        [rows, columns] => (*rows, *columns),
        _ => raise(Error::shape(format!("{who}: expected a matrix, got {}", x.aval()))),
    }
}

/// Returns the indices of the diagonal of a square array: [`diag_indices`] of its size and rank.
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(np::diag_indices_from(np::ones((2, 2)))[0].to_vec::<i32>(), [0, 1]);
/// ```
///
/// # Panics
/// If the array has less than two dimensions or they differ in size.
#[track_caller]
pub fn diag_indices_from(x: impl ArrayLike) -> Vec<Array> {
    let x = x.to_array();
    match x.shape() {
        [n, rest @ ..] if !rest.is_empty() && rest.iter().all(|m| m == n) => diag_indices(*n, x.ndim()),
        _ => raise(Error::shape(format!("diag_indices_from: the dimensions must be equal, got {}", x.aval()))),
    }
}

/// Returns the indices of the lower triangle of a matrix: [`tril_indices`] of its shape.
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(np::tril_indices_from(np::ones((2, 2)), 0).1.to_vec::<i32>(), [0, 0, 1]);
/// ```
///
/// # Panics
/// If the array is not a matrix.
#[track_caller]
pub fn tril_indices_from(x: impl ArrayLike, k: isize) -> (Array, Array) {
    let (rows, columns) = matrix_shape("tril_indices_from", &x.to_array());
    tril_indices(rows, k, columns)
}

/// Returns the indices of the upper triangle of a matrix: [`triu_indices`] of its shape.
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(np::triu_indices_from(np::ones((2, 2)), 0).1.to_vec::<i32>(), [0, 1, 1]);
/// ```
///
/// # Panics
/// If the array is not a matrix.
#[track_caller]
pub fn triu_indices_from(x: impl ArrayLike, k: isize) -> (Array, Array) {
    let (rows, columns) = matrix_shape("triu_indices_from", &x.to_array());
    triu_indices(rows, k, columns)
}

/// The order of bits in a byte.
///
/// ```
/// use cotangent::{numpy::BitOrder, prelude::*};
/// assert_eq!(np::packbits(np::array([1, 0, 0]), 0, BitOrder::Big).to_vec::<u8>(), [128]);
/// assert_eq!(np::packbits(np::array([1, 0, 0]), 0, BitOrder::Little).to_vec::<u8>(), [1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BitOrder {
    /// The first is the highest.
    Big,
    /// The first is the lowest.
    Little,
}

impl BitOrder {
    /// The shifts of the eight bits.
    fn shifts(self) -> Array {
        let big = self == BitOrder::Big;
        array_as((0..8).map(|i| if big { 7 - i } else { i }).collect::<Vec<i32>>(), DType::U8)
    }
}

/// Returns eight elements along an axis, each zero or not, as the bits of one `u8`. Zeros complete the last.
///
/// ```
/// use cotangent::{numpy::BitOrder, prelude::*};
/// assert_eq!(np::packbits([true, false, true], 0, BitOrder::Little).to_vec::<u8>(), [5]);
/// ```
///
/// # Panics
/// If there is no such axis.
#[track_caller]
pub fn packbits(x: impl ArrayLike, axis: isize, order: BitOrder) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise() as isize;
    let bits = moveaxis(x.not_equal(0), axis, -1).astype(DType::U8);
    let n = bits.shape()[bits.ndim() - 1];
    let mut widths = vec![(0, 0); bits.ndim()];
    widths[bits.ndim() - 1] = (0, n.next_multiple_of(8) - n);
    let bits = pad(bits, &widths, 0);
    let lead = bits.shape()[..bits.ndim() - 1].to_vec();
    let bytes = bits.reshape([lead, vec![n.div_ceil(8), 8]].concat());
    let packed = (bytes << order.shifts()).sum_axis(-1).astype(DType::U8);
    moveaxis(packed, -1, axis)
}

/// Returns the bits of each `u8` as eight elements along an axis: the inverse of [`packbits`]. `count` is the number of
/// elements, all by default.
///
/// ```
/// use cotangent::{numpy::BitOrder, prelude::*};
/// let bits = np::unpackbits(np::array_as([5], DType::U8), 0, Some(3), BitOrder::Little);
/// assert_eq!(bits.to_vec::<u8>(), [1, 0, 1]);
/// ```
///
/// # Panics
/// If the array is not of `u8`, there is no such axis, or it has not as many bits.
#[track_caller]
pub fn unpackbits(x: impl ArrayLike, axis: isize, count: Option<usize>, order: BitOrder) -> Array {
    let x = x.to_array();
    if x.dtype() != DType::U8 {
        raise(Error::dtype(format!("unpackbits: expected u8, got {}", x.aval())).help("convert it with `astype`"));
    }
    let axis = canonical_axis(axis, x.ndim()).or_raise() as isize;
    let moved = moveaxis(&x, axis, -1);
    let bits = (moved.expand_dims(-1) >> order.shifts()) & ones_as((), DType::U8);
    let mut shape = moved.shape().to_vec();
    let last = shape.len() - 1;
    shape[last] *= 8;
    let bits = bits.reshape(shape);
    let bits = count.map_or(bits.clone(), |n| bits.slice_axis(last, 0, n));
    moveaxis(bits, -1, axis)
}

/// Returns an array with values inserted along an axis, before the elements at these indices of the array. Before a
/// single index, as many elements are inserted as the values have along the axis. For one number, see [`insert_at`].
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(np::insert(np::array([1, 2, 3]), &[1, 3], np::array([8, 9]), 0).to_vec::<i32>(), [1, 8, 2, 3, 9]);
/// ```
///
/// # Panics
/// If there is no such axis or index, or the values do not broadcast to the places.
#[track_caller]
pub fn insert(x: impl ArrayLike, at: &[isize], values: impl ArrayLike, axis: isize) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    inserted(&x, at, with_dimensions(values.to_array(), x.ndim()), axis)
}

/// Like [`insert`], before one element: the first axis of the values becomes the axis along which they are inserted.
/// This is an `int` as `obj` in NumPy.
///
/// ```
/// use cotangent::prelude::*;
/// let columns = np::insert_at(np::array([[1, 2], [3, 4]]), 1, np::array([[7, 8]]), 1);
/// assert_eq!(columns.to_vec::<i32>(), [1, 7, 2, 3, 8, 4]);
/// ```
///
/// # Panics
/// Like [`insert`].
#[track_caller]
pub fn insert_at(x: impl ArrayLike, at: isize, values: impl ArrayLike, axis: isize) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    inserted(&x, &[at], moveaxis(with_dimensions(values.to_array(), x.ndim()), 0, axis as isize), axis)
}

/// Returns the array with as many dimensions, those that it lacks in front.
fn with_dimensions(x: Array, rank: usize) -> Array {
    let missing = rank.saturating_sub(x.ndim());
    if missing == 0 { x } else { x.reshape([vec![1; missing], x.shape().to_vec()].concat()) }
}

#[track_caller]
fn inserted(x: &Array, at: &[isize], values: Array, axis: usize) -> Array {
    let n = x.shape()[axis];
    let place = |i: &isize| match usize::try_from(if *i < 0 { *i + n as isize } else { *i }) {
        Ok(i) if i <= n => i,
        _ => raise(Error::value(format!("insert: the index {i} is beyond the end of an axis of {n} elements"))),
    };
    let places: Vec<usize> = at.iter().map(place).collect();
    let places = if let [one] = places[..] { vec![one; values.shape()[axis]] } else { places };
    let count = places.len();
    let mut places: Vec<(usize, usize)> = places.into_iter().zip(0..).collect();
    places.sort();
    let mut shape = x.shape().to_vec();
    shape[axis] = count;
    let values = broadcast_to(values.astype(x.dtype()), shape);
    // Old and new elements in one array, in the order that the indices state.
    let all = concatenate([x, &values], axis as isize);
    let mut places = places.into_iter().peekable();
    let mut order: Vec<i32> = Vec::with_capacity(n + count);
    for i in 0..=n {
        while let Some((_, value)) = places.next_if(|(place, _)| *place == i) {
            order.push((n + value) as i32);
        }
        if i < n {
            order.push(i as i32);
        }
    }
    take_axis(all, order, axis as isize)
}

/// Returns the coefficients of the monic polynomial with these roots, from the highest power down. Of a matrix, it is
/// the characteristic polynomial, in complex numbers. Of an empty vector, it is the number 1.
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(np::poly(np::array([1.0, 2.0])).to_vec::<f32>(), [1.0, -3.0, 2.0]);
/// ```
///
/// # Panics
/// If the array is neither a number, a vector nor a square matrix with elements.
#[track_caller]
pub fn poly(roots: impl ArrayLike) -> Array {
    let x = roots.to_array().to_inexact();
    let zeros = match *x.shape() {
        [] | [_] => atleast_1d(&x),
        [m, n] if m == n && n > 0 => linalg::eigvals(&x),
        _ => raise(Error::shape(format!("poly: expected a vector or a square matrix with elements, got {}", x.aval()))),
    };
    let (n, dtype) = (zeros.size(), zeros.dtype());
    if n == 0 {
        return ones_as((), dtype);
    }
    (0..n).fold(ones_as(1, dtype), |p, i| {
        let shifted = zeros.slice_axis(0, i, i + 1) * &p;
        pad(&p, &[(0, 1)], 0) - pad(shifted, &[(1, 0)], 0)
    })
}

/// Returns the roots of a polynomial, given by its coefficients from the highest power down, as complex numbers. The
/// first coefficient must not be zero: [`trim_zeros`] removes such.
///
/// ```
/// use cotangent::prelude::*;
/// let roots = np::sort_complex(np::roots(np::array([1.0, -3.0, 2.0])));
/// assert!(np::allclose(roots.real(), np::array([1.0, 2.0])).item::<bool>());
/// ```
///
/// # Panics
/// If the coefficients are not a vector.
#[track_caller]
pub fn roots(p: impl ArrayLike) -> Array {
    let p = p.to_array().to_inexact();
    if p.ndim() != 1 {
        raise(Error::shape(format!("roots: the coefficients must be a vector, got {}", p.aval())));
    }
    let n = p.size();
    let complex = |x: Array| if x.dtype().is_complex() { x } else { x.complex(zeros_as((), x.dtype())) };
    if n < 2 {
        return complex(zeros_as(0, p.dtype()));
    }
    // The eigenvalues of the companion matrix.
    let first = -p.slice_axis(0, 1, n) / p.slice_axis(0, 0, 1);
    let below = super::creation::eye_as(n - 2, n - 1, 0, p.dtype());
    complex(linalg::eigvals(concatenate([first.expand_dims(0), below], 0)))
}

/// Returns the vector without the zeros at its beginning and end. It reads the values, so it cannot be traced.
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(np::trim_zeros(np::array([0, 1, 0, 2, 0])).to_vec::<i32>(), [1, 0, 2]);
/// ```
///
/// # Panics
/// If the array is not a vector, or its values are not known.
#[track_caller]
pub fn trim_zeros(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    if x.ndim() != 1 {
        raise(Error::shape(format!("trim_zeros: expected a vector, got {}", x.aval())));
    }
    let kept: Vec<bool> = x.not_equal(0).to_vec();
    match (kept.iter().position(|k| *k), kept.iter().rposition(|k| *k)) {
        (Some(first), Some(last)) => x.slice_axis(0, first, last + 1),
        _ => x.slice_axis(0, 0, 0),
    }
}

/// Returns the coefficients, from the highest power down, of the polynomial of degree `deg` that is nearest to the
/// points in the sense of least squares. `y` may have columns, each with a polynomial of its own.
///
/// ```
/// use cotangent::prelude::*;
/// let x = np::array([0.0, 1.0, 2.0, 3.0]);
/// let p = np::polyfit(&x, 2.0 * &x + 1.0, 1);
/// assert!(np::allclose_with(p, np::array([2.0, 1.0]), 1e-4, 1e-4, false).item::<bool>());
/// ```
///
/// # Panics
/// If `x` is not a vector with elements, or `y` has not as many rows.
#[track_caller]
pub fn polyfit(x: impl ArrayLike, y: impl ArrayLike, deg: usize) -> Array {
    let (x, y) = (x.to_array().to_inexact(), y.to_array().to_inexact());
    if x.ndim() != 1 || x.size() == 0 || ![1, 2].contains(&y.ndim()) || y.shape()[0] != x.size() {
        let message =
            format!("polyfit: expected a vector x and y with as many rows, got {} and {}", x.aval(), y.aval());
        raise(Error::shape(message));
    }
    // Columns of length one: the powers differ much in size.
    let powers = vander(&x, deg + 1);
    let scale = powers.square().sum_axis(0).sqrt();
    let (solution, ..) = linalg::lstsq(powers / &scale, &y);
    if y.ndim() == 2 { solution / scale.expand_dims(1) } else { solution / scale }
}
