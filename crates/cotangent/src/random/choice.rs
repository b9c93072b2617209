//! Random elements of an array.

use crate::array::aval::{IntoShape, Shape, canonical_axis};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::numpy as np;
use crate::ops;

use super::distributions::gumbel_as;
use super::integers::{Permutable, permutation_axis, randint};
use super::key::Key;
use super::uniform::uniform_as;

/// Integers below a number (in `i32`), or rows of an array, each with the same probability. Without `replace`, none is
/// chosen twice. The result has the given shape, followed by that of a row.
///
/// # Panics
/// If there is nothing to choose from, or too little without `replace`.
///
/// ```
/// use cotangent::random;
/// let x = random::choice(random::key(0), 5, 3, false).to_vec::<i32>();
/// assert!(x[0] != x[1] && x[1] != x[2] && x[0] != x[2]);
/// ```
#[track_caller]
pub fn choice(key: Key, a: impl Permutable, shape: impl IntoShape, replace: bool) -> Array {
    choice_axis(key, a.to_permute(), 0, shape, replace)
}

/// [`choice`] among the slices of an array along an axis.
///
/// # Panics
/// If there is nothing to choose from, or too little without `replace`.
///
/// ```
/// use cotangent::{Array, random};
/// let x = random::choice_axis(random::key(0), Array::from([[1, 2], [3, 4]]), 1, 3, true);
/// assert_eq!(x.shape(), [2, 3]);
/// ```
#[track_caller]
pub fn choice_axis(key: Key, a: impl ArrayLike, axis: isize, shape: impl IntoShape, replace: bool) -> Array {
    let (a, shape) = (a.to_array(), shape.into_shape());
    let axis = canonical_axis(axis, a.ndim()).or_raise();
    let size = a.shape()[axis];
    if shape.size() == 0 {
        return ops::zeros(full_shape(&a, axis, &shape), a.dtype());
    }
    check(size, shape.size(), replace, &a);
    if replace {
        return np::take_axis(&a, randint(key, &shape, 0, size as i64), axis as isize);
    }
    let chosen = permutation_axis(key, &a, axis as isize).slice_axis(axis, 0, shape.size());
    chosen.reshape(full_shape(&a, axis, &shape))
}

/// [`choice`] with probabilities `p`, one for each row. With `replace` they need not sum to one.
///
/// # Panics
/// If there is nothing to choose from, too little without `replace`, or not one probability for each row.
///
/// ```
/// use cotangent::{Array, random};
/// let p = Array::from([0.0f32, 1.0, 0.0]);
/// assert_eq!(random::choice_p(random::key(0), 3, p, 2, true).to_vec::<i32>(), [1, 1]);
/// ```
#[track_caller]
pub fn choice_p(key: Key, a: impl Permutable, p: impl ArrayLike, shape: impl IntoShape, replace: bool) -> Array {
    let (a, shape, p) = (a.to_permute(), shape.into_shape(), p.to_array().to_inexact());
    let size = a.shape().first().copied().unwrap_or_default();
    if p.shape() != [size] {
        raise(Error::shape(format!("choice: {} needs {size} probabilities, got {}", a.aval(), p.aval())));
    }
    if shape.size() == 0 {
        return ops::zeros(full_shape(&a, 0, &shape), a.dtype());
    }
    check(size, shape.size(), replace, &a);
    let chosen = if replace {
        let upto = np::cumsum(&p);
        let place = upto.get(-1) * (1 - uniform_as(key, &shape, p.dtype()));
        np::searchsorted(&upto, place)
    } else {
        // The greatest values of Gumbel samples plus log p are a sample without replacement.
        let score = gumbel_as(key, size, p.dtype()) + p.log();
        np::argsort(-score).slice_axis(0, 0, shape.size()).reshape(&shape)
    };
    np::take_axis(&a, chosen.astype(DType::I32), 0)
}

/// The shape of `a`, with `shape` in place of the axis.
fn full_shape(a: &Array, axis: usize, shape: &Shape) -> Shape {
    let (before, after) = a.shape().split_at(axis);
    before.iter().chain(shape.iter()).chain(&after[1..]).copied().collect()
}

#[track_caller]
fn check(size: usize, draws: usize, replace: bool, a: &Array) {
    if size == 0 {
        raise(Error::value(format!("choice: {} has no elements to choose from", a.aval())));
    }
    if !replace && draws > size {
        raise(
            Error::value(format!("choice: cannot draw {draws} elements without replacement from {size}"))
                .help("draw with `replace`, or draw fewer elements"),
        );
    }
}
