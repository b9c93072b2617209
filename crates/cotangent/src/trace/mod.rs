//! Tracing: the stack of frames, which only `frames` touches, the scopes of named axes, and the interface to execution. Not
//! here: what a frame does to an equation, which is in `transform`.

pub(crate) mod axis;
pub(crate) mod backend;
pub(crate) mod frames;
mod misuse;

/// Applying primitives, for the rules of primitives and for the functions that users call.
pub use frames::{bind, bind_shared, bind1};
