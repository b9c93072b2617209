//! XLA's generator of random bits.

use crate::array::aval::IntoShape;
use crate::array::dtype::{DType, Kind};
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::ops::rng::RngBitGenerator;
use crate::trace::frames::bind;

pub use crate::ops::rng::RandomAlgorithm;

/// Generates random bits of an unsigned integer dtype from a state, `u32[4]` or `u64[2]`, with XLA's generator. Returns
/// the next state and the bits.
///
/// The functions of [`random`](crate::random) are easier to use. With keys of
/// [`KeyImpl::Rbg`](crate::random::KeyImpl::Rbg) they draw from this generator.
///
/// # Panics
/// If the key has another shape or dtype, or the bits would not be unsigned integers.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let key = Array::from([0u32, 7, 0, 7]);
/// let (next, bits) = lax::rng_bit_generator(&key, [2, 3], DType::U32, lax::RandomAlgorithm::Default);
/// assert_eq!((next.shape(), bits.shape()), (&[4][..], &[2, 3][..]));
/// ```
#[track_caller]
pub fn rng_bit_generator(
    key: impl ArrayLike,
    shape: impl IntoShape,
    dtype: DType,
    algorithm: RandomAlgorithm,
) -> (Array, Array) {
    let key = key.to_array();
    let halves = match (key.dtype(), key.shape()) {
        (DType::U32, [4]) => true,
        (DType::U64, [2]) => false,
        _ => raise(Error::value(format!("rng_bit_generator: expected a key u32[4] or u64[2], got {}", key.aval()))),
    };
    if dtype.kind() != Kind::Uint {
        raise(Error::dtype(format!("rng_bit_generator: expected an unsigned integer dtype, got {dtype}")));
    }
    let state = if halves { key.reshape([2, 2]).bitcast(DType::U64) } else { key };
    let mut out = bind(RngBitGenerator { shape: shape.into_shape(), dtype, algorithm }, &[&state]).into_iter();
    match (out.next(), out.next()) {
        (Some(next), Some(bits)) if halves => (next.bitcast(DType::U32).reshape([4]), bits),
        (Some(next), Some(bits)) => (next, bits),
        _ => unreachable!("the generator has two results"),
    }
}
