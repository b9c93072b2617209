//! Booleans, signs, categories and waiting times.

use crate::array::aval::{IntoShape, Shape, canonical_axis};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::lax;
use crate::numpy::where_;

use super::distributions::{Mode, gumbel_mode_as};
use super::key::Key;
use super::samplers::{draw, parameter, unit};
use super::uniform::Format;

/// Booleans that are true with probability `p`, which may be an array that broadcasts to the shape.
///
/// # Panics
/// If the key is an array of keys, or `p` does not broadcast to the shape.
///
/// ```
/// use cotangent::random;
/// let heads = random::bernoulli(random::key(0), 0.3, 1000).astype(cotangent::DType::F32).mean();
/// assert!((heads.item::<f32>() - 0.3).abs() < 0.05);
/// ```
#[track_caller]
pub fn bernoulli(key: Key, p: impl ArrayLike, shape: impl IntoShape) -> Array {
    bernoulli_mode(key, p, shape, Mode::Low)
}

/// [`bernoulli`] from more random bits: with [`Mode::High`], small probabilities are exact.
///
/// ```
/// use cotangent::random::{self, Mode};
/// let rare = random::bernoulli_mode(random::key(0), 1e-9, 3, Mode::High);
/// assert_eq!(rare.to_vec::<bool>(), [false; 3]);
/// ```
#[track_caller]
pub fn bernoulli_mode(key: Key, p: impl ArrayLike, shape: impl IntoShape, mode: Mode) -> Array {
    let shape = shape.into_shape();
    let p = parameter("bernoulli", p, &shape).to_inexact();
    let dtype = p.dtype();
    Format::of(dtype, "bernoulli");
    draw((shape, dtype, mode), key.one("bernoulli"), [p], |&(ref shape, dtype, mode), key, [p]| {
        if mode == Mode::Low {
            return unit(key, shape, dtype, 0.0, 1.0).less(p);
        }
        let format = Format::of(dtype, "bernoulli");
        let u = unit(key, &shape.insert(0, 2), dtype, 0.0, 1.0);
        let [high, low] = [0, 1].map(|i| u.slice_axis(0, i, i + 1).reshape(shape));
        (low * 2f64.powi(-format.mantissa)).less(p - high)
    })
}

/// −1 and 1 with equal probability, for use inside a jitted sampler. JAX has 64-bit dtypes in a mode in which it draws
/// 64 bits for each sign.
pub(super) fn signs(key: &Key, shape: &Shape, dtype: DType) -> Array {
    let wide = matches!(dtype, DType::I64 | DType::U64 | DType::F64 | DType::C128);
    let of = if wide { DType::F64 } else { DType::F32 };
    unit(key, shape, of, 0.0, 1.0).less(0.5).astype(dtype) * 2 - 1
}

/// −1 and 1 with equal probability, in `i32`.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::rademacher(random::key(0), 3);
/// assert_eq!(x.shape(), [3]);
/// ```
#[track_caller]
pub fn rademacher(key: Key, shape: impl IntoShape) -> Array {
    rademacher_as(key, shape, DType::I32)
}

/// [`rademacher`] in a dtype of numbers.
///
/// # Panics
/// If the key is an array of keys, or the dtype is `bool`.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::rademacher_as(random::key(0), 3, DType::F32).dtype(), DType::F32);
/// ```
#[track_caller]
pub fn rademacher_as(key: Key, shape: impl IntoShape, dtype: DType) -> Array {
    if dtype == DType::Bool {
        raise(Error::dtype("rademacher: `bool` has no −1").help("use `bernoulli` for booleans"));
    }
    let shape = shape.into_shape();
    draw((shape, dtype), key.one("rademacher"), [], |&(ref shape, dtype), key, []| signs(key, shape, dtype))
}

/// Indices along the last axis of `logits`, in `i32`, with the probabilities of the softmax of the logits. There is one
/// index for each element of the other axes.
///
/// ```
/// use cotangent::{Array, random};
/// let logits = Array::from([f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY]);
/// assert_eq!(random::categorical(random::key(0), &logits).item::<i32>(), 1);
/// ```
#[track_caller]
pub fn categorical(key: Key, logits: impl ArrayLike) -> Array {
    let logits = logits.to_array();
    let shape: Shape = logits.shape().iter().copied().take(logits.ndim().saturating_sub(1)).collect();
    categorical_axis(key, logits, -1, &shape)
}

/// [`categorical`] along any axis, with any shape that ends in the sizes of the other axes.
///
/// # Panics
/// If the shape does not end in these sizes.
///
/// ```
/// # use cotangent::prelude::*;
/// let logits = Array::from([0.0f32, 1.0]);
/// assert_eq!(random::categorical_axis(random::key(0), &logits, 0, 5).shape(), [5]);
/// ```
#[track_caller]
pub fn categorical_axis(key: Key, logits: impl ArrayLike, axis: isize, shape: impl IntoShape) -> Array {
    categorical_mode(key, logits, axis, shape, true, Mode::Low)
}

/// [`categorical_axis`] with or without replacement. Without it, the indices that differ only in the leading dimensions
/// of the shape are different.
///
/// # Panics
/// If the shape does not end in the sizes of the other axes, or asks for more different indices than there are.
///
/// ```
/// # use cotangent::prelude::*;
/// let logits = Array::from([0.0f32, 1.0, 2.0]);
/// let mut x = random::categorical_replace(random::key(0), &logits, 0, 3, false).to_vec::<i32>();
/// x.sort();
/// assert_eq!(x, [0, 1, 2]);
/// ```
#[track_caller]
pub fn categorical_replace(
    key: Key,
    logits: impl ArrayLike,
    axis: isize,
    shape: impl IntoShape,
    replace: bool,
) -> Array {
    categorical_mode(key, logits, axis, shape, replace, Mode::Low)
}

/// [`categorical_replace`] from more random bits, for categories of small probability.
///
/// The indices are those of the greatest sums of a logit and a Gumbel sample (Kool, van Hoof and Welling, 2019).
///
/// # Panics
/// As [`categorical_replace`].
///
/// ```
/// # use cotangent::{prelude::*, random::Mode};
/// let logits = Array::from([0.0f32, -20.0]);
/// assert_eq!(random::categorical_mode(random::key(0), &logits, 0, 5, true, Mode::High).shape(), [5]);
/// ```
#[track_caller]
pub fn categorical_mode(
    key: Key,
    logits: impl ArrayLike,
    axis: isize,
    shape: impl IntoShape,
    replace: bool,
    mode: Mode,
) -> Array {
    let (logits, shape) = (logits.to_array().to_inexact(), shape.into_shape());
    let axis = canonical_axis(axis, logits.ndim()).or_raise();
    let batch = logits.aval().shape.remove(&[axis]);
    if !shape.ends_with(&batch) {
        raise(Error::shape(format!("categorical: the shape {shape} must end with {batch}")));
    }
    let (prefix, size) = (shape.rank() - batch.rank(), logits.shape()[axis]);
    let dtype = logits.dtype();
    if replace {
        let full = shape.insert(prefix + axis, size);
        return (gumbel_mode_as(key, &full, mode, dtype) + &logits).argmax_axis((prefix + axis) as isize);
    }
    let draws = shape[..prefix].iter().product();
    if draws > size {
        raise(
            Error::value(format!("categorical: cannot draw {draws} different indices from {size}"))
                .help("draw with replacement, or draw fewer"),
        );
    }
    let scores = gumbel_mode_as(key, logits.shape(), mode, dtype) + &logits;
    lax::top_k(scores, draws, axis as isize).1.moveaxis(axis as isize, 0).reshape(&shape)
}

/// The number of trials with success probability `p` until the first success: 1, 2, …, in `i32`.
///
/// # Panics
/// If the key is an array of keys, or `p` does not broadcast to the shape.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::geometric(random::key(0), 0.5, 3);
/// assert_eq!(x.shape(), [3]);
/// ```
#[track_caller]
pub fn geometric(key: Key, p: impl ArrayLike, shape: impl IntoShape) -> Array {
    geometric_as(key, p, shape, DType::I32)
}

/// [`geometric`] in an integer dtype.
///
/// # Panics
/// If the dtype is not an integer, the key is an array of keys, or `p` does not broadcast to the shape.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::geometric_as(random::key(0), 0.5, 3, DType::I64).dtype(), DType::I64);
/// ```
#[track_caller]
pub fn geometric_as(key: Key, p: impl ArrayLike, shape: impl IntoShape, dtype: DType) -> Array {
    let shape = shape.into_shape();
    let p = parameter("geometric", p, &shape).to_inexact();
    integer("geometric", dtype);
    let of = p.dtype();
    Format::of(of, "geometric");
    draw((shape, of, dtype), key.one("geometric"), [p], |&(ref shape, of, dtype), key, [p]| {
        let u = unit(key, shape, of, 0.0, 1.0);
        // Avoids the logarithm of zero without a change to any other sample.
        let u = where_(u.equal(0), 1.0, &u);
        ((u.log() / (-p).log1p()).floor() + 1.0).astype(dtype)
    })
}

/// Checks that samples are wanted in an integer dtype.
#[track_caller]
pub(super) fn integer(name: &str, dtype: DType) {
    if !dtype.is_integer() {
        raise(Error::dtype(format!("{name}: expected an integer dtype, got {dtype}")));
    }
}
