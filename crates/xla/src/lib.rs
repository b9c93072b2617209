//! PJRT from Rust: find or fetch a plugin, load it, compile StableHLO, run it.
//!
//! A *plugin* is a shared library that holds XLA and a device runtime behind the C interface PJRT. Nothing needs to be
//! linked: [`Client::cpu`] finds a plugin (see [`plugin`] for where), loads it and opens its device.
//!
//! ```no_run
//! use cotangent_xla::{ArrayShape, Client, CompileOptions, ElementType};
//!
//! let client = Client::cpu()?;
//! let f32x3 = ArrayShape::new(ElementType::F32, [3]);
//! let program = client.compile(
//!     "func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
//!        %0 = stablehlo.add %a, %b : tensor<3xf32>
//!        return %0 : tensor<3xf32>
//!      }",
//!     &[f32x3.clone(), f32x3.clone()],
//!     &CompileOptions::default(),
//! )?;
//! let bytes: Vec<u8> = [1f32, 2.0, 3.0].iter().flat_map(|x| x.to_ne_bytes()).collect();
//! let x = client.buffer_from_host(&bytes, &f32x3)?;
//! let sum = program.execute(&[&x, &x])?;
//! let bytes = sum[0].to_vec()?;
//! # Ok::<(), cotangent_xla::Error>(())
//! ```
//!
//! Everything is `Send + Sync`. Execution is asynchronous: [`Executable::execute`] returns buffers that may not be
//! filled yet, and reading one waits for it. An error of the execution is returned by the call that waits.
//!
//! This is the only crate of the project with `unsafe` code. It knows nothing about tracing.

mod abi;
#[cfg(test)]
mod abi_test;
mod api;
mod buffer;
mod client;
mod compiled;
pub mod cuda;
mod device;
mod elf;
mod error;
mod executable;
mod ffi;
mod ffi_abi;
mod hash;
mod hlo;
mod in_flight;
mod kernel;
mod key_value;
mod library;
mod logs;
mod malloc;
#[cfg(feature = "mapped")]
mod mapped;
mod memory;
mod options;
mod partitioned;
pub mod plugin;
mod processes;
mod resident;
mod shape;
mod target;
mod threads;
mod topology;
mod workers;

pub use api::Value;
pub use buffer::{Buffer, HostCopy};
pub use client::Client;
pub use compiled::{Compiled, MemoryStats};
pub use cuda::{CudaAllocator, CudaError, CudaOptions};
pub use device::DeviceInfo;
pub use error::{ArgumentError, Code, Error, Result};
pub use executable::{Argument, Executable};
pub use ffi::{Attributes, Call};
pub use hlo::Tiling;
pub use kernel::{Arrays, Element, Kernel, View};
pub use key_value::{KeyValueStore, StoreError};
pub use library::Plugin;
pub use logs::show_plugin_logs;
#[cfg(feature = "mapped")]
pub use mapped::MappedFile;
pub use memory::{DeviceMemory, OutOfMemory};
pub use options::{CompileOptions, FlagValue, OptionValue};
pub use partitioned::{Shards, Tilings};
pub use resident::release_code;
pub use shape::{ArrayShape, ElementType};
pub use target::Target;
pub use threads::Threads;
pub use topology::Topology;
