//! Methods of arrays and Rust's operators, by subject. Not here: primitives and their rules, which are in `ops`, and methods that
//! need a transform or a library, which are defined there (`x.at(…)`, `x.var()`).

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
