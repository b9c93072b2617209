//! Primitives that hold programs. They stand above the transforms, which their rules call.

pub mod call;
pub(crate) mod checkpoint;
pub mod cond;
pub(crate) mod custom_jvp;
pub(crate) mod custom_vjp;
pub(crate) mod hoist;
pub(crate) mod linear_solve;
pub mod scan;
pub mod while_loop;
