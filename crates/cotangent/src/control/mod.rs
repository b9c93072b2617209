//! Primitives that hold programs, and those that communicate over a mapped axis. They stand above the transforms:
//! their rules call them, or only a transform gives them a meaning.

pub mod call;
pub(crate) mod checkpoint;
pub mod collectives;
pub mod cond;
pub(crate) mod custom_jvp;
pub(crate) mod custom_vjp;
pub(crate) mod custom_vmap;
pub(crate) mod hoist;
pub(crate) mod linear_solve;
pub(crate) mod mapped;
pub(crate) mod outline;
pub mod reduce;
pub mod scan;
mod shared;
pub(crate) mod unseen;
pub mod while_loop;
