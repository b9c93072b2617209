//! Tracing: the stack of frames, which `frames` alone touches, the scopes of named axes, and the door to execution.

pub(crate) mod axis;
pub(crate) mod backend;
pub(crate) mod frames;

/// Applying primitives: what a primitive's own rules and the functions that users call are written with.
pub use frames::{bind, bind_shared, bind1};
