//! Execution: programs are lowered, compiled once, cached by structure, and run on clients. Not here: what happens to a jaxpr
//! before it is lowered, which is in `compile`.

mod client;
mod devices;
pub(crate) mod disk;
mod dump;
mod execute;
mod host;
mod inputs;
mod interpret;
mod job;
mod lru;
pub(crate) mod many;
mod mappings;
mod nans;
mod program;
mod refuse;
pub(crate) mod shards;
mod topology;
mod transfer;

pub(crate) use client::{array_shape, client};
pub use devices::{Backend, OptionValue, devices, devices_of, local_devices};
pub(crate) use execute::{Pjrt, Runtime, clear_programs, on_mesh, run, run_executable, run_owned, runtime};
pub(crate) use nans::{Sought, enabled as numbers_are_looked_for, set as look_for};
pub(crate) use program::{CompiledProgram, Origin, compile_foreign, compile_whole, load_whole, optimized_hlo, times};
pub(crate) use refuse::{outside_checkify, runs_on, unchecked};
pub(crate) use topology::{Foreign, compile_for, compile_text_for};
