//! The IR: jaxprs, the `Primitive` trait, the printer, the checker, and the walk that lowers. Not here: any primitive, by type or
//! by name.

pub(crate) mod axis;
pub(crate) mod build;
pub(crate) mod check;
mod constants;
pub(crate) mod effects;
pub(crate) mod env;
mod foreign;
pub(crate) mod functions;
pub(crate) mod jaxpr;
pub(crate) mod lowering;
pub(crate) mod partition;
pub(crate) mod primitive;
pub(crate) mod print;
pub(crate) mod routes;
