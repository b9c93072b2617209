//! The core: types, the IR, and the one tracing rule. It knows no primitive by name.

pub mod array;
pub(crate) mod array_like;
pub mod aval;
pub mod axis;
pub(crate) mod backend;
pub mod check;
pub mod dtype;
pub mod effects;
pub mod error;
pub mod jaxpr;
pub(crate) mod leafwise;
pub mod literal;
pub mod lowering;
pub mod primitive;
pub(crate) mod print;
pub mod promote;
pub(crate) mod read;
pub(crate) mod show;
pub(crate) mod static_value;
pub(crate) mod times;
pub(crate) mod trace;
pub mod tree;

/// Applying primitives: what a primitive's own rules and the functions that users call are written with.
pub use trace::{bind, bind_shared, bind1};
