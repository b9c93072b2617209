//! Execution: programs are lowered, compiled once, cached by structure, and run.

pub(crate) mod client;
pub(crate) mod disk;
mod execute;
pub(crate) mod host;
mod interpret;
mod lru;
mod mappings;
pub(crate) mod nans;
pub(crate) mod program;

pub(crate) use execute::{Runtime, run, run_executable, run_owned};
