//! The public API: the function transformations.

pub(crate) mod aot;
pub(crate) mod artifact;
pub(crate) mod axes;
pub(crate) mod callable;
pub(crate) mod callback;
pub(crate) mod checkpoint;
pub mod compile_cache;
pub(crate) mod cross;
pub(crate) mod custom;
pub(crate) mod custom_vmap;
pub(crate) mod devices;
pub(crate) mod entry;
pub(crate) mod eval_shape;
pub(crate) mod exported;
pub(crate) mod func;
pub(crate) mod grad;
pub(crate) mod hessian;
pub(crate) mod jacobian;
pub(crate) mod jit;
pub(crate) mod linear;
pub(crate) mod program;
pub(crate) mod report;
pub(crate) mod signature;
pub(crate) mod vmap;
