//! Execution: programs are lowered, compiled once, cached by structure, and run.

pub(crate) mod client;
mod disk;
mod execute;
mod interpret;
mod loops;
pub(crate) mod program;

pub(crate) use execute::{Runtime, run};
