//! Primitives that hold programs. They stand above the transforms, which their rules call.

pub mod call;
pub mod cond;
pub(crate) mod hoist;
pub mod scan;
pub mod while_loop;
