//! Reductions over the segments of an array, and searches in sorted arrays.

use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::{lax, ops};

use super::logic::{isnan, where_};

/// Returns the operands of a segment reduction: the ids as a column of coordinates, and an array for the results.
#[track_caller]
fn prepare(data: &Array, ids: &Array, segments: usize, identity: Literal) -> (Array, Array) {
    if !ids.dtype().is_integer() || !data.shape().starts_with(ids.shape()) || ids.ndim() != 1 {
        raise(Error::shape(format!(
            "expected one integer segment id for each element of the first axis of {}, got {}",
            data.aval(),
            ids.aval()
        )));
    }
    let shape: Vec<usize> = std::iter::once(segments).chain(data.shape()[1..].iter().copied()).collect();
    (ops::full(shape, identity), ids.expand_dims(-1))
}

/// Returns the dimension numbers of a scatter of rows of `data`.
fn rows(data: &Array) -> lax::ScatterDimensionNumbers {
    lax::ScatterDimensionNumbers {
        update_window_dims: (1..data.ndim()).collect(),
        inserted_window_dims: vec![0],
        scatter_dims_to_operand_dims: vec![0],
        ..Default::default()
    }
}

/// Returns the greatest or least value of a dtype.
fn extreme(dtype: DType, greatest: bool) -> Literal {
    let bits = dtype.bits();
    let value = match dtype.kind() {
        Kind::Bool => Scalar::Bool(greatest),
        Kind::Int if greatest => Scalar::Int(i64::MAX >> (64 - bits)),
        Kind::Int => Scalar::Int(i64::MIN >> (64 - bits)),
        Kind::Uint if greatest => Scalar::Uint(u64::MAX >> (64 - bits)),
        Kind::Uint => Scalar::Uint(0),
        _ if greatest => Scalar::Float(f64::INFINITY),
        _ => Scalar::Float(f64::NEG_INFINITY),
    };
    Literal::new(dtype, value)
}

macro_rules! segments {
    ($($(#[$doc:meta])* $name:ident $scatter:ident |$dtype:ident| $identity:expr, [$($expected:literal),*];)*) => { $(
        $(#[$doc])*
        ///
        /// `ids` contains the segment of each row of `data`, from 0 to `segments - 1`. Rows with other ids are ignored.
        ///
        /// # Panics
        /// If `ids` is not one integer for each row.
        ///
        #[doc = concat!("```\nuse cotangent::{Array, numpy as np};\nlet (data, ids) = (Array::from([5, 3, 2, 4]), Array::from([0, 0, 2, 9]));\nlet y = np::", stringify!($name), "(data, ids, 3);\nassert_eq!(y.to_vec::<i32>(), ", stringify!([$($expected),*]), ");\n```")]
        #[track_caller]
        pub fn $name(data: impl ArrayLike, ids: impl ArrayLike, segments: usize) -> Array {
            let (data, ids, $dtype) = { let data = data.to_array(); let dtype = data.dtype(); (data, ids.to_array(), dtype) };
            let (room, places) = prepare(&data, &ids, segments, $identity);
            let numbers = rows(&data);
            lax::$scatter(room, places, data, numbers, lax::IndexOptions::default())
        }
    )* };
}

segments! {
    /// Returns the sum of the rows of each segment. An empty segment has the sum zero.
    segment_sum scatter_add |dtype| Literal::int(dtype, 0), [8, 0, 2];
    /// Returns the product of the rows of each segment. An empty segment has the product one.
    segment_prod scatter_mul |dtype| Literal::int(dtype, 1), [15, 1, 2];
    /// Returns the maximum of the rows of each segment. For an empty segment, it is the least value of the dtype.
    segment_max scatter_max |dtype| extreme(dtype, false), [5, -2147483648, 2];
    /// Returns the minimum of the rows of each segment. For an empty segment, it is the greatest value of the dtype.
    segment_min scatter_min |dtype| extreme(dtype, true), [3, 2147483647, 2];
}

/// Returns the indices at which `values` have to be inserted into `sorted` to keep it sorted. `sorted` has one
/// dimension and is in ascending order. A value is inserted before elements that are equal to it.
///
/// # Panics
/// If `sorted` does not have one dimension.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::searchsorted(Array::from([1, 3, 3, 5]), Array::from([0, 3, 6])).to_vec::<i32>(), [0, 1, 4]);
/// ```
#[track_caller]
pub fn searchsorted(sorted: impl ArrayLike, values: impl ArrayLike) -> Array {
    search(sorted.to_array(), values.to_array(), |v, s| super::logical_not(precedes(s, v)))
}

/// [`searchsorted`], but a value is inserted after elements that are equal to it.
///
/// # Panics
/// If `sorted` does not have one dimension.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::searchsorted_right(Array::from([1, 3, 3, 5]), Array::from([0, 3, 6])).to_vec::<i32>(), [0, 3, 4]);
/// ```
#[track_caller]
pub fn searchsorted_right(sorted: impl ArrayLike, values: impl ArrayLike) -> Array {
    search(sorted.to_array(), values.to_array(), precedes)
}

/// Returns whether `a` comes before `b` in the order of `sort`. NaN is last. Complex numbers are compared by their real
/// parts, then by their imaginary parts, and those with a NaN come after all others.
#[track_caller]
fn precedes(a: &Array, b: &Array) -> Array {
    let part = |a: &Array, b: &Array| a.less(b).logical_or(isnan(b).logical_and(super::logical_not(isnan(a))));
    if !a.dtype().is_complex() {
        return part(a, b);
    }
    let class = |x: &Array| isnan(x.real()).astype(DType::I32) * 2 + isnan(x.imag()).astype(DType::I32);
    let by_imag = super::logical_not(part(&b.real(), &a.real())).logical_and(part(&a.imag(), &b.imag()));
    let within = part(&a.real(), &b.real()).logical_or(by_imag);
    class(a).less(class(b)).logical_or(class(a).equal(class(b)).logical_and(within))
}

/// Finds the index of each value by binary search. `before` returns whether a value belongs before an element.
#[track_caller]
fn search(sorted: Array, values: Array, before: impl Fn(&Array, &Array) -> Array) -> Array {
    if sorted.ndim() != 1 {
        raise(Error::shape(format!("searchsorted: the sorted array must have one dimension, got {}", sorted.aval())));
    }
    // Integers are compared by value, without conversion to one dtype.
    let integers = sorted.dtype().is_integer() && values.dtype().is_integer();
    let [sorted, values] = if integers { [sorted, values] } else { ops::in_one_dtype([sorted, values]) };
    let size = sorted.size();
    if size == 0 {
        return ops::zeros(values.shape(), DType::I32);
    }
    let levels = usize::BITS - size.leading_zeros();
    let ends =
        (ops::zeros(values.shape(), DType::I32), ops::full(values.shape(), Literal::int(DType::I32, size as i64)));
    let halve = |_: &Array, (low, high): &(Array, Array)| {
        let middle = super::right_shift(low + high, 1);
        let left = before(&values, &super::take_mode(&sorted, &middle, 0, super::Mode::Clip));
        (where_(&left, low, &middle), where_(&left, &middle, high))
    };
    lax::fori_loop(0, levels as i32, halve, ends).1
}
