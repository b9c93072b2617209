//! Random numbers from splittable keys, equal to JAX's bit for bit.
//!
//! A [`Key`] is the only state. A sampler takes its key by value, so a key is used once. [`Key::split`] makes several
//! keys from one, and `key.clone()` is the explicit way to use a key twice.
//!
//! ```
//! use cotangent::random;
//! let [data, noise] = random::key(0).split();
//! let x = random::normal(data, [2, 3]);
//! let y = &x + 0.1 * random::uniform(noise, [2, 3]);
//! assert_eq!(random::bits(random::key(0), 2).to_vec::<u32>(), [4070199207, 4202968722]);
//! # let _ = y;
//! ```
//!
//! A key that has been consumed cannot be used; this does not compile:
//!
//! ```compile_fail
//! use cotangent::random;
//! let key = random::key(0);
//! let x = random::normal(key, 3);
//! let y = random::normal(key, 3); // use of moved value
//! ```
//!
//! The generator is Threefry-2x32 in counter mode, as in JAX's default configuration. Bits, integers, uniform numbers
//! and permutations equal JAX's exactly; samples computed from them (normal, exponential, …) agree up to the last bit
//! or two. A sampler named `…_as` takes the dtype after the shape; without it, numbers are `f32` and integers `i32`.
//!
//! Samplers can be jitted and batched like any other function: [`split()`] returns an array of keys, which `vmap` maps
//! over.
//!
//! ```
//! use cotangent::{prelude::*, random::{self, Key}};
//! let keys = random::split(random::key(0), 4);
//! let rows = vmap(|key: &Key| random::normal(key.clone(), 3))(&keys);
//! assert_eq!(rows.shape(), [4, 3]);
//! ```

mod bits;
mod choice;
mod distributions;
mod integers;
mod key;
mod rng;
mod uniform;

pub use bits::{bits, bits_as};
pub use choice::{choice, choice_axis, choice_p};
pub use distributions::*;
pub use integers::{Permutable, permutation, permutation_axis, permutation_independent, randint, randint_as};
pub use key::{Key, PRNGKey, Seed, fold_in, key, split};
pub use rng::KeyRng;
pub use uniform::{uniform, uniform_as, uniform_in, uniform_in_as};
