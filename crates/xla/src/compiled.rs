//! A compiled program, loaded on a device or not.

use std::ptr::{self, NonNull};
use std::sync::Arc;

use crate::abi::*;
use crate::api::{Value, named_values, slice, string};
use crate::client::no_object;
use crate::error::{ArgumentError, Code, Error, Result};
use crate::hlo;
use crate::library::Plugin;
use crate::shape::{ArrayShape, ElementType};

/// The memory that a program needs, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStats {
    /// Machine code.
    pub code: i64,
    /// Arguments.
    pub arguments: i64,
    /// Results.
    pub outputs: i64,
    /// Arguments whose memory is reused for results.
    pub aliased: i64,
    /// Intermediate values.
    pub temporary: i64,
}

pub(crate) const INSPECTING: &str = "inspecting the program";

/// A compiled program that is not loaded on a device; made by [`Topology::compile`](crate::Topology::compile). An
/// [`Executable`](crate::Executable) holds one.
pub struct Compiled {
    raw: NonNull<RawExecutable>,
    plugin: Arc<Plugin>,
}

// SAFETY: PJRT executables may be used from any thread, several at once.
unsafe impl Send for Compiled {}
// SAFETY: as above.
unsafe impl Sync for Compiled {}

impl Compiled {
    /// Takes ownership of a program.
    ///
    /// # Safety
    /// `raw` must be an executable of this plugin that no one else frees.
    pub(crate) unsafe fn adopt(plugin: Arc<Plugin>, raw: NonNull<RawExecutable>) -> Compiled {
        Compiled { raw, plugin }
    }

    /// The types of the results.
    pub fn outputs(&self) -> Result<Vec<ArrayShape>> {
        let api = &self.plugin.api;
        let mut types = ExecutableOutputElementTypesArgs::new();
        types.executable = self.raw.as_ptr();
        let mut dims = ExecutableOutputDimensionsArgs::new();
        dims.executable = self.raw.as_ptr();
        // SAFETY: the executable is alive, and the lists live as long as it does. `dims` holds as many numbers as the
        // sum of the ranks in `dim_sizes`.
        let (types, ranks, dims) = unsafe {
            api.check(api.executable_output_element_types(&mut types), INSPECTING)?;
            api.check(api.executable_output_dimensions(&mut dims), INSPECTING)?;
            let ranks = slice(dims.dim_sizes, dims.num_outputs);
            let total = ranks.iter().sum();
            (slice(types.output_types, types.num_output_types), ranks, slice(dims.dims, total))
        };
        if types.len() != ranks.len() {
            return Err(no_object(INSPECTING));
        }
        let mut rest = dims;
        types
            .iter()
            .zip(ranks)
            .map(|(&code, &rank)| {
                let ty = ElementType::from_code(code).ok_or_else(|| Error::Pjrt {
                    code: Code::Unimplemented,
                    during: INSPECTING,
                    message: format!("a result has the element type {code}, which is not supported"),
                })?;
                let (head, tail) = rest.split_at(rank);
                rest = tail;
                let shape = ArrayShape::new(ty, head);
                match shape.byte_size() {
                    Some(_) => Ok(shape),
                    None => Err(ArgumentError::Unaddressable { shape }.into()),
                }
            })
            .collect()
    }

    /// The program's name.
    pub fn name(&self) -> Result<String> {
        let api = &self.plugin.api;
        let mut args = ExecutableNameArgs::new();
        args.executable = self.raw.as_ptr();
        // SAFETY: the executable is alive, and so is its name.
        unsafe {
            api.check(api.executable_name(&mut args), INSPECTING)?;
            Ok(string(args.executable_name, args.executable_name_size))
        }
    }

    /// The compiled program as bytes, for [`Client::deserialize`](crate::Client::deserialize) with exactly the same plugin.
    pub fn serialize(&self) -> Result<Vec<u8>> {
        const DURING: &str = "serializing the program";
        let api = &self.plugin.api;
        let mut args = ExecutableSerializeArgs::new();
        args.executable = self.raw.as_ptr();
        // SAFETY: the executable is alive. The bytes are the plugin's until the deleter is called, once.
        unsafe {
            api.check(api.executable_serialize(&mut args), DURING)?;
            let bytes = slice(args.serialized_bytes.cast::<u8>(), args.serialized_bytes_size).to_vec();
            if let Some(delete) = args.serialized_executable_deleter {
                delete(args.serialized_executable);
            }
            Ok(bytes)
        }
    }

    /// The program after XLA's optimizations, in HLO notation.
    pub fn optimized_hlo(&self) -> Result<String> {
        let (format, code) = self.optimized_program()?;
        hlo::text(&format, &code).map_err(|message| Error::Pjrt { code: Code::Internal, during: INSPECTING, message })
    }

    /// The number of kernels and library calls in a program for a GPU. Those in the body of a loop count once.
    pub fn kernels(&self) -> Result<usize> {
        let (format, code) = self.optimized_program()?;
        hlo::kernels(&format, &code).map_err(|message| Error::Pjrt {
            code: Code::Internal,
            during: INSPECTING,
            message,
        })
    }

    /// The optimized program in the plugin's own format: the name of the format, and the bytes.
    pub fn optimized_program(&self) -> Result<(String, Vec<u8>)> {
        let api = &self.plugin.api;
        let mut program = Program {
            struct_size: size_of::<Program>(),
            extension_start: ptr::null_mut(),
            code: ptr::null_mut(),
            code_size: 0,
            format: ptr::null(),
            format_size: 0,
        };
        let mut args = ExecutableOptimizedProgramArgs::new();
        args.executable = self.raw.as_ptr();
        args.program = &mut program;
        // SAFETY: the executable is alive. The first call returns the length of the code.
        unsafe { api.check(api.executable_optimized_program(&mut args), INSPECTING)? };
        let mut code = vec![0u8; program.code_size];
        program.code = code.as_mut_ptr().cast();
        // SAFETY: as above. The second call fills in the code. The format lives as long as the executable.
        let format = unsafe {
            api.check(api.executable_optimized_program(&mut args), INSPECTING)?;
            string(program.format, program.format_size)
        };
        Ok((format, code))
    }

    /// XLA's estimate of the cost of a run, such as `flops` and `bytes accessed`, sorted by name.
    ///
    /// Not every plugin supports this: those for the CPU return [`Code::Unimplemented`].
    pub fn cost_analysis(&self) -> Result<Vec<(String, f64)>> {
        let api = &self.plugin.api;
        let Some(cost_analysis) = api.executable_cost_analysis else {
            return Err(unimplemented());
        };
        let mut args = ExecutableCostAnalysisArgs::new();
        args.executable = self.raw.as_ptr();
        // SAFETY: the executable is alive, and so are the properties.
        let values = unsafe {
            api.check(cost_analysis(&mut args), INSPECTING)?;
            named_values(args.properties, args.num_properties)
        };
        let number = |(name, value)| match value {
            Value::Float(x) => Some((name, f64::from(x))),
            Value::Int(i) => Some((name, i as f64)),
            _ => None,
        };
        let mut costs: Vec<_> = values.into_iter().filter_map(number).collect();
        costs.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(costs)
    }

    /// The memory that the program needs.
    pub fn memory_stats(&self) -> Result<MemoryStats> {
        let api = &self.plugin.api;
        let Some(memory_stats) = api.executable_memory_stats else {
            return Err(unimplemented());
        };
        let mut args = ExecutableMemoryStatsArgs::new();
        args.executable = self.raw.as_ptr();
        // SAFETY: the executable is alive.
        unsafe { api.check(memory_stats(&mut args), INSPECTING)? };
        Ok(MemoryStats {
            code: args.generated_code_size_in_bytes,
            arguments: args.argument_size_in_bytes,
            outputs: args.output_size_in_bytes,
            aliased: args.alias_size_in_bytes,
            temporary: args.temp_size_in_bytes,
        })
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        let api = &self.plugin.api;
        let mut args = ExecutableDestroyArgs::new();
        args.executable = self.raw.as_ptr();
        // SAFETY: it is owned here.
        unsafe { api.free_error(api.executable_destroy(&mut args)) };
    }
}

fn unimplemented() -> Error {
    Error::Pjrt { code: Code::Unimplemented, during: INSPECTING, message: "this plugin is too old for it".to_owned() }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}
