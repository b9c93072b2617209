//! Random bits.

use crate::array::Array;
use crate::array::aval::{IntoShape, Shape};
use crate::array::dtype::{DType, Kind};
use crate::error::{Error, raise};
use crate::lax::{self, optimization_barrier};
use crate::numpy::{self as np, iota, where_};
use crate::ops;
use crate::ops::threefry::Threefry2x32;
use crate::trace::frames::bind;

use super::implementation::KeyImpl;
use super::key::Key;
use super::samplers::draw;

/// Applies the cipher with a key `u32[2]` to counters of the same shape.
#[track_caller]
fn words(key: &Array, high: &Array, low: &Array) -> [Array; 2] {
    let word = |i: usize| key.slice_axis(0, i, i + 1).reshape(());
    let mut out = bind(Threefry2x32, &[&word(0), &word(1), high, low]).into_iter();
    match (out.next(), out.next()) {
        (Some(a), Some(b)) => [a, b],
        _ => unreachable!("threefry has two results"),
    }
}

/// The counters 0, 1, 2, … below `size`, as their high and low halves.
fn counters(size: usize) -> [Array; 2] {
    if u32::try_from(size).is_ok() {
        return [ops::zeros((), DType::U32), iota(DType::U32, size, 0)];
    }
    let count = iota(DType::U64, size, 0);
    [(&count >> 32).astype(DType::U32), count.astype(DType::U32)]
}

/// The words of the keys derived from a key and the counters 0, 1, 2, … below `size`, in rows.
#[track_caller]
pub(super) fn new_keys(key: &Key, size: usize) -> Array {
    let [high, low] = counters(size);
    let rows = |count: Array| if count.ndim() == 0 { count } else { count.expand_dims(1).broadcast_to([size, 2]) };
    match key.implementation() {
        KeyImpl::Threefry2x32 => derived(key.data(), &rows(high), &rows(low)),
        KeyImpl::Rbg => {
            let [high, low] = [rows(high), rows(low)];
            halfwise(key.data(), |half| derived(half, &high, &low))
        }
        KeyImpl::UnsafeRbg => {
            // Ten draws are taken as one application of a hash function.
            let rows = generated(key.data(), &Shape::new(&[10 * size, 4]), DType::U32);
            optimization_barrier(rows.reshape([size, 10, 4]).slice_axis(1, 0, 1).reshape([size, 4]))
        }
    }
}

/// The words of the key derived from a key and a number.
#[track_caller]
pub(super) fn folded(key: &Key, data: &Array) -> Array {
    let zero = ops::zeros((), DType::U32);
    let derive = |words: &Array| derived(words, &zero, &data.broadcast_to([2]));
    match key.implementation() {
        KeyImpl::Threefry2x32 => derive(key.data()),
        KeyImpl::Rbg => halfwise(key.data(), derive),
        KeyImpl::UnsafeRbg => {
            let seed = np::stack([&zero, data, &zero, data], 0);
            let hash = generated(&seed, &Shape::new(&[10, 4]), DType::U32).slice_axis(0, 9, 10).reshape([4]);
            optimization_barrier(key.data() ^ hash)
        }
    }
}

/// Applies a function of two words to both halves of a key of four words.
#[track_caller]
fn halfwise(words: &Array, f: impl Fn(&Array) -> Array) -> Array {
    np::concatenate([0, 2].map(|at| f(&words.slice_axis(0, at, at + 2))), -1)
}

/// Bits of XLA's generator.
#[track_caller]
fn generated(words: &Array, shape: &Shape, dtype: DType) -> Array {
    lax::rng_bit_generator(words, shape, dtype, lax::RandomAlgorithm::Default).1
}

/// The keys derived from a key and counters. Each counter appears twice, along the last axis of `low`.
///
/// One of the two words is chosen element by element, so the compiler writes the cipher only once. The barrier makes a
/// key a value that is computed once. Without it, each draw would compute all keys that led to its own, in a kernel
/// that grows with every split.
#[track_caller]
fn derived(key: &Array, high: &Array, low: &Array) -> Array {
    let second = iota(DType::U32, low.shape(), low.ndim() - 1);
    let [a, b] = words(key, high, low);
    optimization_barrier(where_(second, b, a))
}

/// The maximal number of elements of a draw that is computed in separate kernels. They are faster than one kernel for
/// all, as long as the values between them stay in a cache.
const ALONE: usize = 1 << 20;

/// Makes a stage of a draw a value that is computed once, unless it is large.
///
/// Without the barrier, the compiler writes all draws that contribute to one result into one kernel, and the cipher
/// again into each kernel that reads a draw.
#[track_caller]
pub(super) fn drawn(x: Array) -> Array {
    if x.size() <= ALONE { optimization_barrier(x) } else { x }
}

/// Uniform bits in an unsigned dtype, for use inside a jitted sampler.
#[track_caller]
pub(super) fn random_bits(key: &Key, dtype: DType, shape: impl IntoShape) -> Array {
    let shape = shape.into_shape();
    if key.implementation() != KeyImpl::Threefry2x32 {
        return drawn(generated(key.data(), &shape, dtype));
    }
    let [high, low] = counters(shape.size());
    let [high, low] = words(key.data(), &high, &low);
    let bits = match dtype.bits() {
        64 => (high.astype(DType::U64) << 32) | low.astype(DType::U64),
        32 => high ^ low,
        _ => (high ^ low).astype(dtype),
    };
    drawn(bits.reshape(&shape))
}

/// Uniform random bits, in `u32`.
///
/// ```
/// use cotangent::random;
/// assert_eq!(random::bits(random::key(0), 2).to_vec::<u32>(), [4070199207, 4202968722]);
/// ```
#[track_caller]
pub fn bits(key: Key, shape: impl IntoShape) -> Array {
    bits_as(key, shape, DType::U32)
}

/// Uniform random bits, in an unsigned dtype.
///
/// # Panics
/// If the dtype is not an unsigned integer.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::bits_as(random::key(0), 2, DType::U8).dtype(), DType::U8);
/// ```
#[track_caller]
pub fn bits_as(key: Key, shape: impl IntoShape, dtype: DType) -> Array {
    if dtype.kind() != Kind::Uint {
        raise(Error::dtype(format!("bits_as: expected an unsigned integer dtype, got {dtype}")));
    }
    let shape = shape.into_shape();
    draw((shape, dtype), key.one("bits"), [], |&(ref shape, dtype), key, []| random_bits(key, dtype, shape))
}
