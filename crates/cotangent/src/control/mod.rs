//! Primitives that hold programs or functions of this process, and those that communicate over a mapped axis. Their
//! rules call the transforms. Not here: primitives without programs, which are in `ops`.

pub(crate) mod call;
pub(crate) mod callback;
pub(crate) mod checkpoint;
pub(crate) mod collectives;
pub(crate) mod composite;
pub(crate) mod cond;
pub(crate) mod custom_jvp;
pub(crate) mod custom_vjp;
pub(crate) mod custom_vmap;
pub(crate) mod ffi_call;
pub(crate) mod host_fn;
pub(crate) mod ignored_by_eq;
pub(crate) mod linear_solve;
pub(crate) mod mapped;
pub(crate) mod opaque;
pub(crate) mod reduce;
pub(crate) mod scan;
pub(crate) mod shard_map;
mod shared;
mod vary;
pub(crate) mod while_loop;
