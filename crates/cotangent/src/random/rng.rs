//! A key as a generator for the `rand` crates.

use std::convert::Infallible;

use rand::TryRng;

use crate::error::{Error, Result};
use crate::ops::threefry::threefry2x32;

use super::key::Key;

/// A [`Key`] as a random number generator of the `rand` crates, on the host. Any distribution of `rand_distr` can draw
/// from it, reproducibly.
///
/// The stream is Threefry-2x32 in counter mode, with one counter per draw: draw `i` encrypts the counter `i` to two
/// words `(a, b)`. [`next_u32`](rand::Rng::next_u32) returns `a ^ b`, so 32-bit draws are the elements of
/// [`bits`](super::bits). [`next_u64`](rand::Rng::next_u64) returns `a · 2³² + b`, so 64-bit draws are those of
/// [`bits_as`](super::bits_as) in `u64`. Bytes are filled from 32-bit draws, the lowest byte first.
///
/// ```
/// use cotangent::random::{self, KeyRng};
/// use rand::RngExt;
/// let mut rng = KeyRng::new(random::key(0)).unwrap();
/// assert_eq!(rng.random::<u32>(), 4070199207); // as in `random::bits(random::key(0), 1)`
/// let die = rng.random_range(1..=6);
/// assert!((1..=6).contains(&die));
/// ```
#[derive(Clone, Debug)]
pub struct KeyRng {
    key: [u32; 2],
    count: u64,
}

impl KeyRng {
    /// The generator of a key.
    ///
    /// # Errors
    /// If the key is traced and has no value, is an array of keys, or is of another implementation than Threefry.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert!(random::KeyRng::new(random::key(0)).is_ok());
    /// ```
    pub fn new(key: Key) -> Result<KeyRng> {
        let words = key.data().try_to_vec::<u32>()?;
        match words[..] {
            [a, b] => Ok(KeyRng { key: [a, b], count: 0 }),
            _ => {
                let (implementation, words) = (key.implementation(), key.data().aval());
                Err(Error::shape(format!("expected one key of threefry2x32, got {words} of {implementation}")))
            }
        }
    }

    fn draw(&mut self) -> [u32; 2] {
        let count = self.count;
        self.count = count.wrapping_add(1);
        threefry2x32(self.key, [(count >> 32) as u32, count as u32])
    }
}

impl TryRng for KeyRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [a, b] = self.draw();
        Ok(a ^ b)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let [a, b] = self.draw();
        Ok(u64::from(a) << 32 | u64::from(b))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(4) {
            let [a, b] = self.draw();
            chunk.copy_from_slice(&(a ^ b).to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}
