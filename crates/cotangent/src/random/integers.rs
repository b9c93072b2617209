//! Random integers and permutations.

use crate::array::aval::{IntoShape, canonical_axis};
use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::numpy::{iota, where_};
use crate::ops::sort::Sort;
use crate::trace::frames::bind;

use super::bits::random_bits;
use super::key::Key;
use super::samplers::draw;

/// The least and the greatest value of an integer dtype.
fn limits(dtype: DType) -> (i128, i128) {
    let bits = dtype.bits() as u32;
    match dtype.kind() {
        Kind::Int => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
        _ => (0, (1i128 << bits) - 1),
    }
}

fn integer(dtype: DType, value: i128) -> Array {
    let scalar = match dtype.kind() {
        Kind::Uint => Scalar::Uint(value as u64),
        _ => Scalar::Int(value as i64),
    };
    Array::literal(Literal::new(dtype, scalar))
}

/// Clamps `x` to the range of `dtype` and converts it to that dtype.
fn fitted(x: &Array, dtype: DType) -> Array {
    let (own, wanted) = (limits(x.dtype()), limits(dtype));
    let lo = integer(x.dtype(), own.0.max(wanted.0));
    let hi = integer(x.dtype(), own.1.min(wanted.1));
    x.maximum(lo).minimum(hi).astype(dtype)
}

/// Uniform integers in [lo, hi), in `i32`; `lo` where `hi` is not greater. The bounds may be arrays that broadcast to
/// the shape.
///
/// ```
/// use cotangent::random;
/// assert_eq!(random::randint(random::key(0), 3, 0, 100).to_vec::<i32>(), [89, 0, 12]);
/// ```
#[track_caller]
pub fn randint(key: Key, shape: impl IntoShape, lo: impl ArrayLike, hi: impl ArrayLike) -> Array {
    randint_as(key, shape, DType::I32, lo, hi)
}

/// Uniform integers in [lo, hi) in an integer dtype. A bound that the dtype cannot represent is clamped to its range;
/// an upper bound above the range includes the greatest value.
///
/// As in JAX, the result is the remainder of a number with twice as many bits as the dtype. If the span is not a power
/// of two, this has a bias of about the span divided by 2 to the power of these bits. Dtypes of fewer than 32 bits are
/// drawn in 32.
///
/// # Panics
/// If the dtype or a bound is not an integer, or a bound does not broadcast to the shape.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::randint_as(random::key(0), 3, DType::U8, 0, 10);
/// assert_eq!(x.dtype(), DType::U8);
/// ```
#[track_caller]
pub fn randint_as(key: Key, shape: impl IntoShape, dtype: DType, lo: impl ArrayLike, hi: impl ArrayLike) -> Array {
    let (shape, lo, hi) = (shape.into_shape(), lo.to_array(), hi.to_array());
    if ![dtype, lo.dtype(), hi.dtype()].iter().all(|d| d.is_integer()) {
        raise(Error::dtype(format!("randint: expected integers, got {dtype}, {} and {}", lo.aval(), hi.aval())));
    }
    if dtype.bits() < 32 {
        // Drawn in 32 bits, where the bias is small.
        let (least, most) = limits(dtype);
        let clip = |x: Array, most: i128| fitted(&x, DType::I32).maximum(least as i32).minimum(most as i32);
        return randint_as(key, shape, DType::I32, clip(lo, most), clip(hi, most + 1)).astype(dtype);
    }
    draw((shape, dtype), key.one("randint"), [lo, hi], |&(ref shape, dtype), key, [lo, hi]| {
        let (words, bits) = (dtype.unsigned(), dtype.bits() as u32);
        let too_high = hi.greater(fitted(&integer(dtype, limits(dtype).1), hi.dtype()));
        let (lo, hi) = (fitted(lo, dtype), fitted(hi, dtype));
        let [k1, k2] = key.clone().split();
        let higher = random_bits(&k1, words, shape);
        let lower = random_bits(&k2, words, shape);
        let one = integer(words, 1);
        let span = where_(hi.less_equal(&lo), &one, (&hi - &lo).astype(words));
        // A span that covers all values wraps to zero, and a remainder by zero returns its operand unchanged.
        let span = where_(too_high.logical_and(hi.greater(&lo)), &span + &one, &span);
        let half = integer(words, 1i128 << (bits / 2)) % &span;
        let multiplier = (&half * &half) % &span;
        let offset = ((higher % &span) * multiplier + lower % &span) % &span;
        &lo + offset.astype(dtype)
    })
}

/// The operand of [`permutation`]: the integers below a number, or an array along its first axis.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::permutation(random::key(0), 3).shape(), [3]);
/// assert_eq!(random::permutation(random::key(0), &Array::from([5, 6])).shape(), [2]);
/// ```
pub trait Permutable {
    /// The array.
    fn to_permute(self) -> Array;
}

impl Permutable for usize {
    fn to_permute(self) -> Array {
        iota(DType::I32, self, 0)
    }
}

impl Permutable for &Array {
    fn to_permute(self) -> Array {
        self.clone()
    }
}

impl Permutable for Array {
    fn to_permute(self) -> Array {
        self
    }
}

/// The integers below a number (in `i32`) or the rows of an array, in a random order.
///
/// ```
/// use cotangent::random;
/// let mut order = random::permutation(random::key(0), 10).to_vec::<i32>();
/// order.sort();
/// assert!(order.into_iter().eq(0..10));
/// ```
///
/// # Panics
/// If the array has no axis.
#[track_caller]
pub fn permutation(key: Key, x: impl Permutable) -> Array {
    permutation_axis(key, x.to_permute(), 0)
}

/// The slices of an array along an axis, in a random order.
///
/// # Panics
/// If the axis is out of bounds.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::permutation_axis(random::key(0), &Array::from([[1, 2], [3, 4]]), 1);
/// assert_eq!(x.shape(), [2, 2]);
/// ```
#[track_caller]
pub fn permutation_axis(key: Key, x: impl ArrayLike, axis: isize) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let n = x.shape()[axis];
    shuffle(key, x, axis, n, false)
}

/// The elements along an axis, in an independent random order for each index of the other axes.
///
/// # Panics
/// If the axis is out of bounds.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::permutation_independent(random::key(0), &Array::from([[1, 2], [3, 4]]), 1);
/// assert_eq!(x.shape(), [2, 2]);
/// ```
#[track_caller]
pub fn permutation_independent(key: Key, x: impl ArrayLike, axis: isize) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let n = x.size();
    shuffle(key, x, axis, n, true)
}

/// Sorts by random 32-bit keys, one for each slice along the axis or, if these are independent, for each element. Elements
/// with equal keys would keep their order, so the sort is repeated with fresh keys, often enough for `n` elements.
#[track_caller]
fn shuffle(key: Key, x: Array, axis: usize, n: usize, independent: bool) -> Array {
    let rounds = (3.0 * (n.max(1) as f64).ln() / f64::from(u32::MAX).ln()).ceil() as usize;
    draw((axis, rounds, independent), key.one("permutation"), [x], |&(axis, rounds, independent), key, [x]| {
        let (mut key, mut x) = (key.clone(), x.clone());
        for _ in 0..rounds {
            let [next, own] = key.split();
            let keys = if independent {
                random_bits(&own, DType::U32, x.shape())
            } else {
                let mut along = vec![1; x.ndim()];
                along[axis] = x.shape()[axis];
                random_bits(&own, DType::U32, along[axis]).reshape(along).broadcast_to(x.shape())
            };
            let sort = Sort { dimension: axis, is_stable: true, num_keys: 1 };
            x = bind(sort, &[&keys, &x]).swap_remove(1);
            key = next;
        }
        x
    })
}
