//! What users call: the function transformations, ahead-of-time compilation, custom rules. Not here: the transforms themselves,
//! which are in `transform`, and libraries of functions.

pub(crate) mod aot;
pub(crate) mod artifact;
pub(crate) mod axes;
pub(crate) mod callable;
pub(crate) mod callback;
pub(crate) mod checkpoint;
pub mod compile_cache;
pub(crate) mod composite;
pub(crate) mod cross;
pub(crate) mod custom;
pub(crate) mod custom_vmap;
pub(crate) mod devices;
pub(crate) mod entry;
pub(crate) mod eval_shape;
pub(crate) mod exported;
pub(crate) mod ffi;
pub(crate) mod func;
pub(crate) mod grad;
pub(crate) mod hessian;
pub(crate) mod jacobian;
pub(crate) mod jit;
pub(crate) mod kept;
pub(crate) mod linear;
pub(crate) mod modes;
pub(crate) mod named_scope;
pub(crate) mod no_tracing;
pub(crate) mod partitioned;
pub(crate) mod prefix;
pub(crate) mod program;
pub(crate) mod report;
pub(crate) mod shard_map;
pub(crate) mod sharding;
pub(crate) mod signature;
pub(crate) mod vmap;
