//! Neural networks: `jax.nn`, its [`initializers`], and [`layers`] made of them.
//!
//! The functions have JAX's names. An argument that is optional in Python has a function of its own: `elu(x)` and
//! `elu_with(x, alpha)`, `softmax(x, -1)` and `softmax_where(x, -1, mask)`. Attention takes [options](Attention).
//!
//! ```
//! use cotangent::{nn, prelude::*};
//!
//! let x = Array::from([[1.0f32, -2.0, 3.0]]);
//! let probabilities = nn::softmax(nn::gelu(&x), -1);
//! let loss = -(nn::one_hot(Array::from([2]), 3) * probabilities.log()).sum();
//! # let _ = loss;
//! ```
//!
//! A layer is a struct whose fields are its parameters. `#[derive(Clone, Tree)]` makes a network of layers one more
//! such struct:
//!
//! ```
//! use cotangent::{nn::{self, layers::Linear}, prelude::*};
//!
//! #[derive(Clone, Tree)]
//! struct Network {
//!     hidden: Linear,
//!     output: Linear,
//! }
//!
//! impl Network {
//!     fn new(key: Key) -> Network {
//!         let [a, b] = key.split();
//!         Network { hidden: Linear::new(a, 2, 16), output: Linear::new(b, 16, 1) }
//!     }
//!
//!     fn call(&self, x: &Array) -> Array {
//!         self.output.call(nn::relu(self.hidden.call(x)))
//!     }
//! }
//!
//! let network = Network::new(random::key(0));
//! let loss = |network: &Network, x: &Array| network.call(x).square().mean();
//! let gradient = jit(grad(loss))(&network, &np::ones([8, 2]));
//! assert_eq!(gradient.hidden.weight.shape(), [2, 16]);
//! ```

mod activations;
mod attention;
pub mod initializers;
pub mod layers;
mod normalize;

use std::panic::Location;

use crate::error::location::{location, with_location};

pub use activations::*;
pub use attention::{Attention, Implementation, dot_product_attention, dot_product_attention_with_residual};
pub use initializers::{Distribution, Fan, Initializer, VarianceScaling};
pub use normalize::*;

/// Runs a part of a function of this room. Its equations and errors belong to the line of the caller.
#[track_caller]
fn at_caller<R>(f: impl FnOnce() -> R) -> R {
    with_location(location(Location::caller()), f)
}
