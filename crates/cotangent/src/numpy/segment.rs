//! Reductions over the parts of an array that share a number, and searching in order.

use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::{lax, ops};

use super::logic::{isnan, where_};

/// The operands of a segment reduction: the ids as a column of coordinates, and room for the results.
#[track_caller]
fn prepare(data: &Array, ids: &Array, segments: usize, identity: Literal) -> (Array, Array) {
    if !ids.dtype().is_integer() || !data.shape().starts_with(ids.shape()) || ids.ndim() != 1 {
        raise(Error::shape(format!(
            "segment ids must be one integer for each element of the first axis of {}, got {}",
            data.aval(),
            ids.aval()
        )));
    }
    let shape: Vec<usize> = std::iter::once(segments).chain(data.shape()[1..].iter().copied()).collect();
    (ops::full(shape, identity), ids.expand_dims(-1))
}

/// The scatter of rows of `data`.
fn rows(data: &Array) -> lax::ScatterDimensionNumbers {
    lax::ScatterDimensionNumbers {
        update_window_dims: (1..data.ndim()).collect(),
        inserted_window_dims: vec![0],
        scatter_dims_to_operand_dims: vec![0],
        ..Default::default()
    }
}

/// The greatest or least value of a dtype.
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
        /// `ids` has the number of each row of `data`, from 0 to below `segments`; rows with other numbers are left out.
        ///
        /// # Panics
        /// When `ids` are not one integer for each row.
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
    /// The sum of the rows that share a number; zero where there is none.
    segment_sum scatter_add |dtype| Literal::int(dtype, 0), [8, 0, 2];
    /// The product of the rows that share a number; one where there is none.
    segment_prod scatter_mul |dtype| Literal::int(dtype, 1), [15, 1, 2];
    /// The greatest of the rows that share a number; the least value of the dtype where there is none.
    segment_max scatter_max |dtype| extreme(dtype, false), [5, -2147483648, 2];
    /// The least of the rows that share a number; the greatest value of the dtype where there is none.
    segment_min scatter_min |dtype| extreme(dtype, true), [3, 2147483647, 2];
}

/// Where each of `values` would have to be put into `sorted`, of one dimension and ascending, for it to stay so: before
/// its equals.
///
/// # Panics
/// When `sorted` has not one dimension.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::searchsorted(Array::from([1, 3, 3, 5]), Array::from([0, 3, 6])).to_vec::<i32>(), [0, 1, 4]);
/// ```
#[track_caller]
pub fn searchsorted(sorted: impl ArrayLike, values: impl ArrayLike) -> Array {
    search(sorted.to_array(), values.to_array(), |v, s| super::logical_not(precedes(s, v)))
}

/// [`searchsorted`], but after equals.
///
/// # Panics
/// When `sorted` has not one dimension.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::searchsorted_right(Array::from([1, 3, 3, 5]), Array::from([0, 3, 6])).to_vec::<i32>(), [0, 3, 4]);
/// ```
#[track_caller]
pub fn searchsorted_right(sorted: impl ArrayLike, values: impl ArrayLike) -> Array {
    search(sorted.to_array(), values.to_array(), precedes)
}

/// Whether `a` comes before `b` in ascending order, as `sort` has it: NaN last; complex numbers by their real and then by
/// their imaginary parts, those with a NaN after all others.
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

/// Halves the range in which a value belongs until it is one place; `before` says whether a value belongs before an
/// element.
#[track_caller]
fn search(sorted: Array, values: Array, before: impl Fn(&Array, &Array) -> Array) -> Array {
    if sorted.ndim() != 1 {
        raise(Error::shape(format!("searchsorted: the sorted array must have one dimension, got {}", sorted.aval())));
    }
    // Integers are compared by value as they are.
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
