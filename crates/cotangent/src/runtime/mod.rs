//! Execution: programs are lowered, compiled once, cached by structure, and run.

mod client;
pub(crate) mod disk;
mod dump;
mod execute;
mod host;
mod inputs;
mod interpret;
mod lru;
mod mappings;
mod nans;
mod program;
mod topology;

pub(crate) use client::{array_shape, client, platform};
pub use client::{devices, set_platform};
pub(crate) use execute::{Runtime, run, run_executable, run_owned};
pub(crate) use nans::{enabled as nans_are_looked_for, set as look_for_nans};
pub(crate) use program::{CompiledProgram, Origin, compile_foreign, compile_whole, optimized_hlo, times};
pub(crate) use topology::{Foreign, compile_for, compile_text_for};

/// The runtime of this process, created on first use.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: std::sync::OnceLock<Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(Runtime::default)
}
