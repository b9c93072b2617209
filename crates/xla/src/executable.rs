//! A compiled program.

use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use crate::abi::*;
use crate::api::{Api, slice};
use crate::buffer::{Buffer, is_row_major};
use crate::client::{Client, no_object, non_null};
use crate::compiled::{Compiled, INSPECTING};
use crate::error::{ArgumentError, Result};
use crate::hlo;
use crate::partitioned;
use crate::shape::ArrayShape;
use crate::workers;

/// A program that is compiled and loaded on a device.
pub struct Executable {
    loaded: NonNull<RawLoadedExecutable>,
    program: Compiled,
    client: Client,
    params: Box<[ArrayShape]>,
    outputs: Arc<[ArrayShape]>,
    /// The devices that it runs on at once, as indices into those of the client, in the order of its partitions.
    devices: Box<[u32]>,
    /// The first of them.
    device: u32,
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

pub(crate) const RUNNING: &str = "running the program";

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
            api.check(api.loaded_executable_get_executable(&mut args), INSPECTING)
                .and_then(|()| non_null(args.executable, INSPECTING))
        };
        let program = match got {
            // SAFETY: the executable is new, of this plugin, and no one else's.
            Ok(program) => unsafe { Compiled::adopt(client.0.plugin.clone(), program) },
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
            devices: Box::new([]),
            device: 0,
            reusable: Box::new([]),
            dense: OnceLock::new(),
        };
        // From here on, an early return destroys the executable.
        executable.outputs = executable.program.outputs()?.into();
        executable.devices = executable.read_devices()?;
        executable.device = executable.devices.first().copied().unwrap_or(0);
        executable.check_signature()?;
        Ok(executable)
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
        if self.devices.len() > 1 {
            self.params = partitioned::parts(&signature.params, self.params.len())?;
        } else {
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

    fn read_devices(&self) -> Result<Box<[u32]>> {
        let api = &self.client.0.plugin.api;
        let mut args = LoadedExecutableDevicesArgs::new();
        args.executable = self.loaded.as_ptr();
        // SAFETY: the executable is alive, and so is its list of devices.
        let devices = unsafe {
            api.check(api.loaded_executable_addressable_devices(&mut args), INSPECTING)?;
            slice(args.addressable_devices, args.num_addressable_devices)
        };
        let known = |device: &*mut RawDevice| self.client.0.place_of(*device);
        Ok(devices.iter().map(|device| known(device).unwrap_or(0) as u32).collect())
    }

    /// The devices that it runs on at once, as indices into [`Client::devices`], in the order of its partitions.
    pub fn devices(&self) -> &[u32] {
        &self.devices
    }

    #[inline]
    pub(crate) fn raw(&self) -> NonNull<RawLoadedExecutable> {
        self.loaded
    }

    pub(crate) fn output_list(&self) -> Arc<[ArrayShape]> {
        self.outputs.clone()
    }

    /// The index of the device that it runs on, in [`Client::devices`]. If it runs on several, that of the first.
    pub fn device(&self) -> usize {
        self.device as usize
    }

    /// The types of the results. If the program runs on several devices, of the part on one device.
    pub fn outputs(&self) -> &[ArrayShape] {
        &self.outputs
    }

    /// The types of the parameters. If the program runs on several devices, of the part on one device.
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
        if self.devices.len() != 1 {
            return Err(ArgumentError::Devices { count: self.devices.len() }.into());
        }
        Ok(())
    }

    /// Checks the arguments. The plugin checks at most the number of bytes.
    #[inline]
    pub(crate) fn check(&self, index: usize, arg: &Buffer) -> Result<()> {
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
        workers::starting(|| unsafe { api.check(api.loaded_executable_execute(&mut call), RUNNING) })?;
        // SAFETY: the results are new and alive.
        let dense = unsafe { self.layouts(&results) };
        let mut buffers = Vec::with_capacity(results.len());
        let mut missing = false;
        for (i, &raw) in results.iter().enumerate() {
            match NonNull::new(raw) {
                // SAFETY: the buffer is new, of this client, and has the type that the executable announces.
                Some(raw) => buffers.push(unsafe {
                    let (client, outputs) = (self.client.clone(), self.outputs.clone());
                    Buffer::adopt(client, raw, outputs, i as u32, self.device, dense[i])
                }),
                None => missing = true,
            }
        }
        if missing { Err(no_object(RUNNING)) } else { Ok(buffers) }
    }

    /// For each result, whether it is in dense row-major order.
    ///
    /// # Safety
    /// `results` must be the live results of a run on one device, or null.
    #[inline]
    pub(crate) unsafe fn layouts(&self, results: &[*mut RawBuffer]) -> &[bool] {
        match self.dense.get() {
            Some(dense) => dense,
            // SAFETY: guaranteed by the caller.
            None => unsafe { self.find_layouts(results) },
        }
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
}

/// What can be read of a compiled program can be read of one that is loaded.
impl Deref for Executable {
    type Target = Compiled;

    fn deref(&self) -> &Compiled {
        &self.program
    }
}

impl Drop for Executable {
    fn drop(&mut self) {
        // SAFETY: it is owned here; the plugin itself keeps what runs in progress still need.
        unsafe { destroy_loaded(&self.client.0.plugin.api, self.loaded) };
    }
}

/// # Safety
/// `loaded` must be owned by the caller, and not used afterward.
unsafe fn destroy_loaded(api: &Api, loaded: NonNull<RawLoadedExecutable>) {
    let mut args = LoadedExecutableDestroyArgs::new();
    args.executable = loaded.as_ptr();
    // SAFETY: guaranteed by the caller.
    unsafe { api.free_error(api.loaded_executable_destroy(&mut args)) };
}

impl std::fmt::Debug for Executable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executable")
            .field("params", &self.params)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}
