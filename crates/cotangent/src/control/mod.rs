//! Primitives that hold programs. They stand above the transforms, which their rules call.

pub(crate) mod call;
