//! The evals against their definitions in plain Rust, and the protocol by which they are asked for.

mod common;
mod definitions;
mod ht;
mod lstm;
mod protocol;
