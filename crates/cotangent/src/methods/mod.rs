//! Methods of arrays and Rust's operators, by subject. Primitives and their rules stand in `ops`.

mod arrange;
pub(crate) mod axes;
mod create;
mod iterate;
mod operators;
pub(crate) mod read;
pub(crate) mod show;

pub(crate) use operators::bounded;
