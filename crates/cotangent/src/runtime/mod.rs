//! Execution: programs are lowered, compiled once, cached by structure, and run.

pub(crate) mod client;
pub(crate) mod disk;
mod execute;
mod interpret;
mod lru;
mod mappings;
pub(crate) mod nans;
pub(crate) mod program;
mod style;

pub(crate) use execute::{Runtime, run, run_executable, run_owned};
