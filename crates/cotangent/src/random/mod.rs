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
//! or two. [`key_as`] makes keys of another [implementation](KeyImpl).
//!
//! # How JAX's optional arguments are spelled
//!
//! A sampler takes the key, its parameters and the shape of the result, to which the parameters broadcast. Without a
//! dtype, numbers are `f32` and integers `i32`. As in [`numpy`](crate::numpy), other arguments that are optional in JAX
//! have functions of their own, whose names end in a suffix:
//!
//! | suffix | adds | example |
//! |---|---|---|
//! | `_as` | the dtype, as the last argument | `gamma_as(key, 2.0, 3, DType::F64)` |
//! | `_in` | the bounds | `uniform_in(key, 3, -1.0, 1.0)` |
//! | `_axis` | the axis | `choice_axis(key, &x, 1, 3, true)` |
//! | `_mode` | how many random bits a sample is made of | `gumbel_mode(key, 3, Mode::High)` |
//!
//! # Derivatives
//!
//! Samples of continuous distributions can be differentiated with respect to the parameters. Where a sample is a formula
//! in uniform numbers, the derivative is that of the formula. Samples of the gamma distribution and its relatives (beta,
//! Dirichlet, χ², t, F) have implicit derivatives.
//!
//! # Keys and transforms
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
mod counts;
mod discrete;
mod distributions;
mod gamma;
mod implementation;
mod integers;
mod kde;
mod key;
mod multivariate;
mod normal;
mod rng;
mod samplers;
mod seed;
mod uniform;

pub use bits::{bits, bits_as};
pub use choice::{choice, choice_axis, choice_p};
pub use counts::{binomial, binomial_as, multinomial, multinomial_as, poisson, poisson_as};
pub use discrete::{
    bernoulli, bernoulli_mode, categorical, categorical_axis, categorical_mode, categorical_replace, geometric,
    geometric_as, rademacher, rademacher_as,
};
pub use distributions::*;
pub use gamma::*;
pub use implementation::{KeyImpl, default_prng_impl};
pub use integers::{Permutable, permutation, permutation_axis, permutation_independent, randint, randint_as};
pub use key::{Key, clone, fold_in, key_data, key_impl, split, wrap_key_data, wrap_key_data_as};
pub use multivariate::*;
pub use normal::*;
pub use rng::KeyRng;
pub use seed::{PRNGKey, Seed, key, key_as};
pub use uniform::{uniform, uniform_as, uniform_in, uniform_in_as};
