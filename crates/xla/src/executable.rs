//! A compiled program.

use std::ptr::{self, NonNull};
use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use crate::abi::*;
use crate::api::{Api, Value, named_values, slice, string};
use crate::buffer::{Buffer, is_row_major};
use crate::client::{Client, no_object, non_null};
use crate::error::{ArgumentError, Code, Error, Result};
use crate::hlo;
use crate::shape::{ArrayShape, ElementType};
use crate::workers;

/// A program that is compiled and loaded on a device.
pub struct Executable {
    loaded: NonNull<RawLoadedExecutable>,
    program: NonNull<RawExecutable>,
    client: Client,
    params: Box<[ArrayShape]>,
    outputs: Arc<[ArrayShape]>,
    /// The number of devices it runs on at once.
    devices: usize,
    /// The indices of the parameters whose memory the program would reuse if allowed.
    reusable: Box<[i64]>,
    /// For each result, whether it is in dense row-major order. Known after the first run.
    dense: OnceLock<Box<[bool]>>,
}

// SAFETY: PJRT executables may be used from any thread, several at once.
unsafe impl Send for Executable {}
// SAFETY: as above.
unsafe impl Sync for Executable {}

/// An argument of [`Executable::execute_with`].
#[derive(Debug)]
pub enum Argument<'a> {
    /// The caller keeps the array.
    Keep(&'a Buffer),
    /// The array is donated. Its memory can become that of a result, if the program says so (`tf.aliasing_output` or
    /// `jax.buffer_donor` on the parameter).
    Donate(Buffer),
}

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

const RUNNING: &str = "running the program";
const INSPECTING: &str = "inspecting the program";

impl Executable {
    /// Takes ownership of a loaded executable.
    ///
    /// # Safety
    /// `loaded` must be an executable of this client that no one else frees.
    pub(crate) unsafe fn adopt(
        client: &Client,
        loaded: NonNull<RawLoadedExecutable>,
        params: &[ArrayShape],
    ) -> Result<Executable> {
        let api = client.0.plugin.api;
        let mut args = LoadedExecutableGetExecutableArgs::new();
        args.loaded_executable = loaded.as_ptr();
        // SAFETY: the executable is alive.
        let got = unsafe {
            api.check((api.loaded_executable_get_executable)(&mut args), INSPECTING)
                .and_then(|()| non_null(args.executable, INSPECTING))
        };
        let program = match got {
            Ok(program) => program,
            Err(e) => {
                // SAFETY: it is owned here, and nothing uses it.
                unsafe { destroy_loaded(&api, loaded) };
                return Err(e);
            }
        };
        let mut executable = Executable {
            loaded,
            program,
            client: client.clone(),
            params: params.into(),
            outputs: Arc::new([]),
            devices: 0,
            reusable: Box::new([]),
            dense: OnceLock::new(),
        };
        // From here on, an early return destroys the executable.
        executable.outputs = executable.read_outputs()?.into();
        executable.devices = executable.read_devices()?;
        executable.check_signature()?;
        Ok(executable)
    }

    fn read_outputs(&self) -> Result<Vec<ArrayShape>> {
        let api = &self.client.0.plugin.api;
        let mut types = ExecutableOutputElementTypesArgs::new();
        types.executable = self.program.as_ptr();
        let mut dims = ExecutableOutputDimensionsArgs::new();
        dims.executable = self.program.as_ptr();
        // SAFETY: the executable is alive, and the lists live as long as it does. `dims` holds as many numbers as the
        // sum of the ranks in `dim_sizes`.
        let (types, ranks, dims) = unsafe {
            api.check((api.executable_output_element_types)(&mut types), INSPECTING)?;
            api.check((api.executable_output_dimensions)(&mut dims), INSPECTING)?;
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

    /// Compares the parameters that the caller declared with those of the program, and finds out which ones the program
    /// may reuse. With wrong types, every later check would be worthless.
    fn check_signature(&mut self) -> Result<()> {
        let program = self.optimized_program().ok();
        let signature = program.and_then(|(format, code)| hlo::signature(&format, &code).ok());
        let Some(signature) = signature else {
            // If the plugin does not show its programs, the declaration is trusted and any parameter may be reused.
            self.reusable = (0..self.params.len() as i64).collect();
            return Ok(());
        };
        // With several devices, each one sees a part of every parameter.
        if self.devices == 1 {
            let found = &signature.params;
            if found.len() != self.params.len() {
                let (program, caller) = (found.len(), self.params.len());
                return Err(ArgumentError::ParameterCount { program, caller }.into());
            }
            for (index, (program, caller)) in found.iter().zip(&self.params).enumerate() {
                if program.as_ref() != Some(caller) {
                    return Err(
                        ArgumentError::Parameter { index, program: program.clone(), caller: caller.clone() }.into()
                    );
                }
            }
        }
        self.reusable = signature.reusable.into();
        Ok(())
    }

    fn read_devices(&self) -> Result<usize> {
        let api = &self.client.0.plugin.api;
        let mut args = LoadedExecutableDevicesArgs::new();
        args.executable = self.loaded.as_ptr();
        // SAFETY: the executable is alive.
        unsafe { api.check((api.loaded_executable_addressable_devices)(&mut args), INSPECTING)? };
        Ok(args.num_addressable_devices)
    }

    /// The types of the results.
    pub fn outputs(&self) -> &[ArrayShape] {
        &self.outputs
    }

    /// The types of the parameters.
    pub fn params(&self) -> &[ArrayShape] {
        &self.params
    }

    /// The client that it is loaded on.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Starts the program and returns its results, which may not be computed yet.
    ///
    /// All arguments stay valid, even if the program would reuse their memory.
    pub fn execute(&self, args: &[&Buffer]) -> Result<Vec<Buffer>> {
        self.check_count(args.len())?;
        let mut raw: SmallVec<[*mut RawBuffer; 16]> = SmallVec::with_capacity(args.len());
        for (i, arg) in args.iter().enumerate() {
            self.check(i, arg)?;
            raw.push(arg.raw());
        }
        // SAFETY: the arguments are checked and alive during the call, and none may be reused.
        unsafe { self.start(&raw, &self.reusable) }
    }

    /// Starts the program and donates some of its arguments, so that their memory can be reused for results.
    ///
    /// If the call fails, these arguments are lost as well.
    pub fn execute_with(&self, args: Vec<Argument<'_>>) -> Result<Vec<Buffer>> {
        self.check_count(args.len())?;
        let mut raw: SmallVec<[*mut RawBuffer; 16]> = SmallVec::with_capacity(args.len());
        let mut kept: SmallVec<[i64; 16]> = SmallVec::new();
        for (i, arg) in args.iter().enumerate() {
            let buffer = match arg {
                Argument::Keep(buffer) => {
                    kept.push(i as i64);
                    buffer
                }
                Argument::Donate(buffer) => buffer,
            };
            self.check(i, buffer)?;
            raw.push(buffer.raw());
        }
        // SAFETY: the arguments are checked and alive during the call. Only those that are owned here, and dropped on
        // return, may be reused.
        unsafe { self.start(&raw, &kept) }
    }

    #[inline]
    fn check_count(&self, found: usize) -> Result<()> {
        let expected = self.params.len();
        if found != expected {
            return Err(ArgumentError::Count { expected, found }.into());
        }
        if self.devices != 1 {
            return Err(ArgumentError::Devices { count: self.devices }.into());
        }
        Ok(())
    }

    /// Checks the arguments. The plugin checks at most the number of bytes.
    #[inline]
    fn check(&self, index: usize, arg: &Buffer) -> Result<()> {
        let expected = &self.params[index];
        if arg.shape() != expected {
            let (expected, found) = (expected.clone(), arg.shape().clone());
            return Err(ArgumentError::Shape { index, expected, found }.into());
        }
        if *arg.client() != self.client {
            return Err(ArgumentError::Client { index }.into());
        }
        Ok(())
    }

    /// Starts the program.
    ///
    /// # Safety
    /// `args` must be live buffers of this client, one for each parameter and of its shape. Those that are not listed
    /// in `kept` must never be used again.
    unsafe fn start(&self, args: &[*mut RawBuffer], kept: &[i64]) -> Result<Vec<Buffer>> {
        let api = &self.client.0.plugin.api;
        let mut options = ExecuteOptions::new();
        options.non_donatable_input_indices = kept.as_ptr();
        options.num_non_donatable_input_indices = kept.len();
        let mut results: SmallVec<[*mut RawBuffer; 8]> = SmallVec::from_elem(ptr::null_mut(), self.outputs.len());
        let argument_list = args.as_ptr();
        let output_list = results.as_mut_ptr();
        let mut call = ExecuteArgs::new();
        call.executable = self.loaded.as_ptr();
        call.options = &mut options;
        call.argument_lists = &argument_list;
        call.num_devices = 1;
        call.num_args = args.len();
        call.output_lists = &output_list;
        // SAFETY: everything is alive during the call; there is one device, and space for each result.
        workers::starting(|| unsafe { api.check((api.loaded_executable_execute)(&mut call), RUNNING) })?;
        let dense = match self.dense.get() {
            Some(dense) => dense,
            // SAFETY: the results are new and alive.
            None => unsafe { self.find_layouts(&results) },
        };
        let mut buffers = Vec::with_capacity(results.len());
        let mut missing = false;
        for (i, &raw) in results.iter().enumerate() {
            match NonNull::new(raw) {
                // SAFETY: the buffer is new, of this client, and has the type that the executable announces.
                Some(raw) => buffers
                    .push(unsafe { Buffer::adopt(self.client.clone(), raw, self.outputs.clone(), i as u32, dense[i]) }),
                None => missing = true,
            }
        }
        if missing { Err(no_object(RUNNING)) } else { Ok(buffers) }
    }

    /// Finds out the memory layout of each result, which is the same for every run.
    ///
    /// # Safety
    /// `results` must be the live results of a run, or null.
    #[cold]
    unsafe fn find_layouts(&self, results: &[*mut RawBuffer]) -> &[bool] {
        self.dense.get_or_init(|| {
            let row_major = |(&raw, shape): (&*mut RawBuffer, &ArrayShape)| match NonNull::new(raw) {
                // SAFETY: the result is alive.
                Some(raw) => unsafe { is_row_major(&self.client, raw, shape.dims.len()) },
                None => false,
            };
            results.iter().zip(self.outputs.iter()).map(row_major).collect()
        })
    }

    /// The program's name.
    pub fn name(&self) -> Result<String> {
        let api = &self.client.0.plugin.api;
        let mut args = ExecutableNameArgs::new();
        args.executable = self.program.as_ptr();
        // SAFETY: the executable is alive, and so is its name.
        unsafe {
            api.check((api.executable_name)(&mut args), INSPECTING)?;
            Ok(string(args.executable_name, args.executable_name_size))
        }
    }

    /// The compiled program as bytes, for [`Client::deserialize`] with exactly the same plugin.
    pub fn serialize(&self) -> Result<Vec<u8>> {
        const DURING: &str = "serialising the program";
        let api = &self.client.0.plugin.api;
        let mut args = ExecutableSerializeArgs::new();
        args.executable = self.program.as_ptr();
        // SAFETY: the executable is alive. The bytes are the plugin's until the deleter is called, once.
        unsafe {
            api.check((api.executable_serialize)(&mut args), DURING)?;
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

    /// The optimized program in the plugin's own format: the name of the format, and the bytes.
    pub fn optimized_program(&self) -> Result<(String, Vec<u8>)> {
        let api = &self.client.0.plugin.api;
        let mut program = Program {
            struct_size: size_of::<Program>(),
            extension_start: ptr::null_mut(),
            code: ptr::null_mut(),
            code_size: 0,
            format: ptr::null(),
            format_size: 0,
        };
        let mut args = ExecutableOptimizedProgramArgs::new();
        args.executable = self.program.as_ptr();
        args.program = &mut program;
        // SAFETY: the executable is alive. The first call returns the length of the code.
        unsafe { api.check((api.executable_optimized_program)(&mut args), INSPECTING)? };
        let mut code = vec![0u8; program.code_size];
        program.code = code.as_mut_ptr().cast();
        // SAFETY: as above. The second call fills in the code. The format lives as long as the executable.
        let format = unsafe {
            api.check((api.executable_optimized_program)(&mut args), INSPECTING)?;
            string(program.format, program.format_size)
        };
        Ok((format, code))
    }

    /// XLA's estimate of the cost of a run, such as `flops` and `bytes accessed`, sorted by name.
    ///
    /// Not every plugin supports this: those for the CPU return [`Code::Unimplemented`].
    pub fn cost_analysis(&self) -> Result<Vec<(String, f64)>> {
        let api = &self.client.0.plugin.api;
        let Some(cost_analysis) = api.executable_cost_analysis else {
            return Err(unimplemented());
        };
        let mut args = ExecutableCostAnalysisArgs::new();
        args.executable = self.program.as_ptr();
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
        let api = &self.client.0.plugin.api;
        let Some(memory_stats) = api.executable_memory_stats else {
            return Err(unimplemented());
        };
        let mut args = ExecutableMemoryStatsArgs::new();
        args.executable = self.program.as_ptr();
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

impl Drop for Executable {
    fn drop(&mut self) {
        let api = &self.client.0.plugin.api;
        let mut args = ExecutableDestroyArgs::new();
        args.executable = self.program.as_ptr();
        // SAFETY: both are owned here; the plugin itself keeps what runs in progress still need.
        unsafe {
            api.free_error((api.executable_destroy)(&mut args));
            destroy_loaded(api, self.loaded);
        }
    }
}

/// # Safety
/// `loaded` must be owned by the caller, and not used afterward.
unsafe fn destroy_loaded(api: &Api, loaded: NonNull<RawLoadedExecutable>) {
    let mut args = LoadedExecutableDestroyArgs::new();
    args.executable = loaded.as_ptr();
    // SAFETY: guaranteed by the caller.
    unsafe { api.free_error((api.loaded_executable_destroy)(&mut args)) };
}

fn unimplemented() -> Error {
    Error::Pjrt { code: Code::Unimplemented, during: INSPECTING, message: "this plugin is too old for it".to_owned() }
}

impl std::fmt::Debug for Executable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executable")
            .field("params", &self.params)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}
