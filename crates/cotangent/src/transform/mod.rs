//! Transforms of jaxprs, an interpreter in each file. They read a jaxpr and write through `bind`. Not here: primitives that hold
//! programs, which are in `control`, and what users call, in `api`.

pub(crate) mod batch;
pub(crate) mod dce;
pub(crate) mod eval;
pub(crate) mod hoist;
pub(crate) mod jvp;
pub(crate) mod linearize;
pub(crate) mod masks;
mod memo;
pub(crate) mod nested;
pub(crate) mod transpose;
