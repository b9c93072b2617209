//! Uniform numbers.

use crate::array::aval::IntoShape;
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};

use super::bits::random_bits;
use super::key::Key;
use super::samplers::draw;

/// The parameters of a float format.
pub(super) struct Format {
    /// The number of bits of the fraction.
    pub(super) mantissa: i32,
    /// The smallest normal number.
    pub(super) tiny: f64,
}

impl Format {
    #[track_caller]
    pub(super) fn of(dtype: DType, what: &str) -> Format {
        let (mantissa, least) = match dtype {
            DType::F16 => (10, -14),
            DType::BF16 => (7, -126),
            DType::F32 => (23, -126),
            DType::F64 => (52, -1022),
            _ => raise(Error::dtype(format!("{what}: expected a real floating-point dtype, got {dtype}"))),
        };
        Format { mantissa, tiny: 2f64.powi(least) }
    }

    /// The distance from one to the next smaller number.
    pub(super) fn below_one(&self) -> f64 {
        2f64.powi(-self.mantissa - 1)
    }
}

/// Uniform numbers in [lo, hi), for use inside a jitted sampler: random fractions with the exponent of one, minus one,
/// scaled.
#[track_caller]
pub(super) fn between(key: &Key, shape: impl IntoShape, dtype: DType, lo: &Array, hi: &Array) -> Array {
    let shape = shape.into_shape();
    let words = dtype.unsigned();
    let (lo, hi) = (lo.astype(dtype), hi.astype(dtype));
    let word = |x: u64| Array::literal(Literal::new(words, Scalar::Uint(x)));
    let mantissa = Format::of(dtype, "uniform").mantissa as u64;
    // The fraction of one is zero, so its bits are those of its exponent: ones except for the first.
    let one = ((1u64 << (dtype.bits() as u64 - 2 - mantissa)) - 1) << mantissa;
    // A fraction of fewer than eight bits is taken from eight random bits.
    let drawn = if mantissa < 8 { DType::U8 } else { words };
    let fraction = random_bits(key, drawn, &shape).astype(words) >> word(drawn.bits() as u64 - mantissa);
    let floats = (fraction | word(one)).bitcast(dtype) - 1.0;
    lo.maximum((floats * (&hi - &lo) + &lo).reshape(&shape))
}

/// Uniform numbers in [0, 1), in `f32`.
///
/// ```
/// use cotangent::random;
/// let x = random::uniform(random::key(0), 3).to_vec::<f32>();
/// assert_eq!(x[0].to_bits(), 0x3f72_9a4e);
/// assert!(x.iter().all(|x| (0.0..1.0).contains(x)));
/// ```
#[track_caller]
pub fn uniform(key: Key, shape: impl IntoShape) -> Array {
    uniform_as(key, shape, DType::F32)
}

/// Uniform numbers in [0, 1) in a float dtype.
///
/// # Panics
/// If the dtype is not a real floating-point one. This holds for all samplers of real numbers.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::uniform_as(random::key(0), 3, DType::F64).dtype(), DType::F64);
/// ```
#[track_caller]
pub fn uniform_as(key: Key, shape: impl IntoShape, dtype: DType) -> Array {
    uniform_in_as(key, shape, dtype, 0.0, 1.0)
}

/// Uniform numbers in [lo, hi), in `f32`. The bounds may be arrays that broadcast to the shape.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::uniform_in(random::key(0), 3, 2.0, 4.0).to_vec::<f32>();
/// assert!(x.iter().all(|x| (2.0..4.0).contains(x)));
/// ```
#[track_caller]
pub fn uniform_in(key: Key, shape: impl IntoShape, lo: impl ArrayLike, hi: impl ArrayLike) -> Array {
    uniform_in_as(key, shape, DType::F32, lo, hi)
}

/// Uniform numbers in [lo, hi) in a float dtype. The bounds may be arrays that broadcast to the shape.
///
/// # Panics
/// If a bound does not broadcast to the shape.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::uniform_in_as(random::key(0), 3, DType::F64, 2.0, 4.0).to_vec::<f64>();
/// assert!(x.iter().all(|x| (2.0..4.0).contains(x)));
/// ```
#[track_caller]
pub fn uniform_in_as(key: Key, shape: impl IntoShape, dtype: DType, lo: impl ArrayLike, hi: impl ArrayLike) -> Array {
    let shape = shape.into_shape();
    Format::of(dtype, "uniform");
    let (lo, hi) = (lo.to_array().astype(dtype), hi.to_array().astype(dtype));
    draw((shape, dtype), key.one("uniform"), [lo, hi], |&(ref shape, dtype), key, [lo, hi]| {
        between(key, shape, dtype, lo, hi)
    })
}
