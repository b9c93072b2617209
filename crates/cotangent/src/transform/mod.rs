//! Transforms of jaxprs, an interpreter in each file. They read a jaxpr and write through `bind`. Primitives that hold
//! programs are in `control`.

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
