//! Keys from seeds.

use crate::array::Array;
use crate::array::dtype::DType;
use crate::error::{Error, raise};
use crate::numpy as np;

use super::implementation::KeyImpl;
use super::key::Key;

/// A seed: an integer, or an integer array of rank zero (which may be traced).
///
/// The high word of a 32-bit seed is zero. A negative seed is used by its bits.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::key(1u64 << 32).data().to_vec::<u32>(), [1, 0]);
/// ```
pub trait Seed {
    /// The two words.
    fn words(self) -> Array;
}

macro_rules! seeds {
    ($($t:ty: |$x:ident| $words:expr;)*) => { $(
        impl Seed for $t {
            fn words(self) -> Array {
                let $x = self;
                Array::from($words)
            }
        }
    )* };
}

fn halves(x: u64) -> [u32; 2] {
    [(x >> 32) as u32, x as u32]
}

seeds! {
    i32: |x| [0, x as u32];
    u32: |x| [0, x];
    i64: |x| halves(x as u64);
    u64: |x| halves(x);
    usize: |x| halves(x as u64);
}

impl Seed for &Array {
    #[track_caller]
    fn words(self) -> Array {
        if self.ndim() != 0 || !self.dtype().is_integer() {
            raise(Error::value(format!("a seed must be an integer scalar, got {}", self.aval())));
        }
        let wide = if self.dtype().bits() == 64 { self.astype(DType::U64) } else { self.astype(DType::U32) };
        let high = if wide.dtype() == DType::U64 {
            (&wide >> 32).astype(DType::U32)
        } else {
            crate::ops::zeros((), DType::U32)
        };
        np::stack(&[&high, &wide.astype(DType::U32)], 0)
    }
}

/// Makes a key from a seed.
///
/// ```
/// use cotangent::random;
/// assert_eq!(random::key(-1).data().to_vec::<u32>(), [0, 4294967295]);
/// ```
#[track_caller]
pub fn key(seed: impl Seed) -> Key {
    Key::new(seed.words(), KeyImpl::Threefry2x32)
}

/// [`key()`] with an implementation.
///
/// ```
/// use cotangent::random::{self, KeyImpl};
/// assert_eq!(random::key_as(7, KeyImpl::Rbg).data().to_vec::<u32>(), [0, 7, 0, 7]);
/// ```
#[track_caller]
pub fn key_as(seed: impl Seed, implementation: KeyImpl) -> Key {
    let words = seed.words();
    match implementation {
        KeyImpl::Threefry2x32 => Key::new(words, implementation),
        KeyImpl::Rbg | KeyImpl::UnsafeRbg => Key::new(np::concatenate([&words, &words], 0), implementation),
    }
}

/// Makes a key from a seed; JAX's older name for [`key()`].
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::PRNGKey(7).data().to_vec::<u32>(), [0, 7]);
/// ```
#[allow(non_snake_case, reason = "JAX's name")]
#[track_caller]
pub fn PRNGKey(seed: impl Seed) -> Key {
    key(seed)
}
