//! Methods of arrays and Rust's operators, by subject. Primitives and their rules are in `ops`. Methods that need a
//! transform or a library are defined there (`x.at(…)`, `x.var()`).

mod arrange;
pub(crate) mod axes;
mod comparison;
mod conversion;
mod create;
mod elementwise;
mod instead;
mod iterate;
mod numerals;
mod operators;
pub(crate) mod products;
pub(crate) mod read;
pub(crate) mod reductions;
pub(crate) mod show;
pub(crate) mod style;

pub(crate) use elementwise::bounded;
pub use operators::Operand;
