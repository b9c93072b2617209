//! Compiling for devices that this machine does not have.

use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::abi::*;
use crate::client::{CUDA_DATA_DIR, mlir_program, non_null};
use crate::compiled::Compiled;
use crate::cuda::Libraries;
use crate::error::{Code, Error, Result};
use crate::library::Plugin;
use crate::options::{CompileOptions, FlagValue, OptionValue, named_value};
use crate::plugin::{Finder, Platform};
use crate::target::Target;

/// Devices that programs can be compiled for, whether or not this machine has them.
pub struct Topology {
    raw: NonNull<RawTopology>,
    plugin: Arc<Plugin>,
    target: Target,
    toolkit: Option<String>,
}

// SAFETY: a topology is a description that nobody changes.
unsafe impl Send for Topology {}
// SAFETY: as above.
unsafe impl Sync for Topology {}

impl Topology {
    /// One GPU of a kind, with the plugin and NVIDIA's compiler that are found, as [`Client::cuda`] finds them.
    ///
    /// [`Client::cuda`]: crate::Client::cuda
    ///
    /// # Errors
    /// If there is no plugin for CUDA, or it does not compile for devices that are not there.
    pub fn locate(target: Target) -> Result<Topology> {
        let finder = Finder::from_env(Platform::Cuda);
        let location = finder.locate()?;
        let toolkit = Libraries::find(&location, &finder).compiler;
        Topology::gpu(Plugin::load_location(&location)?, target, toolkit.as_deref())
    }

    /// One GPU of a kind. The plugin must be one for CUDA. `toolkit` is the directory with `bin/ptxas` and
    /// `nvvm/libdevice` of NVIDIA's compiler; without one, the plugin searches for it.
    ///
    /// # Errors
    /// If the plugin does not compile for devices that are not there.
    pub fn gpu(plugin: Arc<Plugin>, target: Target, toolkit: Option<&Path>) -> Result<Topology> {
        const DURING: &str = "describing the device to compile for";
        let api = plugin.api;
        let Some(create) = api.topology_create else { return Err(unable(DURING)) };
        // One host with one process that has one device.
        let options = [
            ("topology", OptionValue::String("1x1x1".to_owned())),
            ("target_config", OptionValue::String(target.config().to_owned())),
        ];
        let options: Vec<_> = options.iter().map(|(name, value)| named_value(name, value)).collect();
        let name = "";
        let mut args = TopologyCreateArgs::new();
        args.topology_name = name.as_ptr().cast();
        args.topology_name_size = name.len();
        args.create_options = options.as_ptr();
        args.num_options = options.len();
        // SAFETY: the name and the options are valid during the call, and the plugin copies what it keeps.
        unsafe { api.check(create(&mut args), DURING)? };
        let raw = non_null(args.topology, DURING)?;
        let toolkit = toolkit.map(|path| path.display().to_string());
        Ok(Topology { raw, plugin, target, toolkit })
    }

    /// Compiles a StableHLO program, given as MLIR text with a function `main`, as [`Client::compile`] does.
    ///
    /// [`Client::compile`]: crate::Client::compile
    ///
    /// # Errors
    /// If the program does not compile.
    pub fn compile(&self, mlir: &str, options: &CompileOptions) -> Result<Compiled> {
        const DURING: &str = "compiling the program for a device that is not here";
        let api = &self.plugin.api;
        let Some(compile) = api.compile else { return Err(unable(DURING)) };
        let program = mlir_program(mlir);
        let mut options = options
            .clone()
            // CUB, which sorts on a GPU, asks the device how much memory it needs.
            .flag("xla_gpu_enable_cub_radix_sort", FlagValue::Bool(false))
            // The tiles of Triton's matrix products are found by trying. Untried ones are of 16 × 8 elements. cuBLAS
            // chooses by itself when it runs.
            .flag("xla_gpu_enable_triton_gemm", FlagValue::Bool(false));
        if let Some(toolkit) = &self.toolkit {
            options = options.flag(CUDA_DATA_DIR, FlagValue::String(toolkit.clone()));
        }
        let options = options.encode();
        let mut args = CompileArgs::new();
        args.topology = self.raw.as_ptr();
        args.program = &program;
        args.compile_options = options.as_ptr().cast();
        args.compile_options_size = options.len();
        // SAFETY: the topology, the program and the options are alive during the call. A null client means that there
        // is no device to try anything on.
        unsafe { api.check(compile(&mut args), DURING)? };
        let raw = non_null(args.executable, DURING)?;
        // SAFETY: the executable is new, of this plugin, and no one else's.
        Ok(unsafe { Compiled::adopt(self.plugin.clone(), raw) })
    }

    /// What it describes.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The plugin that compiles.
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }
}

fn unable(during: &'static str) -> Error {
    let message = "this plugin compiles only for devices that are there".to_owned();
    Error::Pjrt { code: Code::Unimplemented, during, message }
}

impl Drop for Topology {
    fn drop(&mut self) {
        let api = &self.plugin.api;
        if let Some(destroy) = api.topology_destroy {
            let mut args = TopologyDestroyArgs::new();
            args.topology = self.raw.as_ptr();
            // SAFETY: it is owned here.
            unsafe { api.free_error(destroy(&mut args)) };
        }
    }
}

impl std::fmt::Debug for Topology {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Topology").field("target", &self.target).field("plugin", &self.plugin).finish_non_exhaustive()
    }
}
