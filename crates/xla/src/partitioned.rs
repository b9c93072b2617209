//! Programs that run on several devices at once, each on its part of the arrays.

use std::ptr::{self, NonNull};
use std::sync::{Mutex, PoisonError};

use crate::abi::*;
use crate::buffer::Buffer;
use crate::client::no_object;
use crate::error::{ArgumentError, Code, Error, Result};
use crate::executable::{Executable, RUNNING};
use crate::hlo::{self, Tiling};
use crate::shape::ArrayShape;
use crate::workers;

/// An argument of [`Executable::execute_partitioned`]: one buffer for each device, in the order of the partitions.
#[derive(Debug)]
pub enum Shards<'a> {
    /// The caller keeps the array.
    Keep(Vec<&'a Buffer>),
    /// The array is donated, as by [`Argument::Donate`](crate::Argument::Donate).
    Donate(Vec<Buffer>),
}

/// How the parameters and results of a partitioned program are laid out over its devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tilings {
    /// The tiling of each parameter. `None` if it is none that this crate knows.
    pub params: Vec<Option<Tiling>>,
    /// The tiling of each result.
    pub outputs: Vec<Option<Tiling>>,
}

/// Programs are started one at a time, so that all devices receive them in one order. Two programs that wait for each
/// other's devices would never end.
static STARTING: Mutex<()> = Mutex::new(());

impl Executable {
    /// How the partitioner laid out the parameters and results.
    ///
    /// # Errors
    /// If the plugin does not show its programs.
    pub fn tilings(&self) -> Result<Tilings> {
        let (format, code) = self.optimized_program()?;
        hlo::tilings(&format, &code, self.params().len(), self.outputs().len()).map_err(|message| Error::Pjrt {
            code: Code::Internal,
            during: "reading the layout of a partitioned program",
            message,
        })
    }

    /// Starts the program on all its devices, and returns for each result its part on each device. All arguments stay
    /// valid, except those that are donated. [`params`](Self::params) and [`outputs`](Self::outputs) are the types of
    /// the parts on one device.
    pub fn execute_partitioned(&self, args: Vec<Shards<'_>>) -> Result<Vec<Vec<Buffer>>> {
        let (devices, expected) = (self.devices(), self.params().len());
        if args.len() != expected {
            return Err(ArgumentError::Count { expected, found: args.len() }.into());
        }
        let mut lists: Vec<Vec<*mut RawBuffer>> = vec![Vec::with_capacity(args.len()); devices.len()];
        let mut kept = Vec::new();
        for (index, arg) in args.iter().enumerate() {
            let parts: Vec<&Buffer> = match arg {
                Shards::Keep(parts) => {
                    kept.push(index as i64);
                    parts.clone()
                }
                Shards::Donate(parts) => parts.iter().collect(),
            };
            if parts.len() != devices.len() {
                return Err(ArgumentError::Devices { count: parts.len() }.into());
            }
            for ((part, device), list) in parts.into_iter().zip(devices).zip(&mut lists) {
                self.check(index, part)?;
                if part.device() != *device as usize {
                    return Err(ArgumentError::Device { index: part.device(), count: devices.len() }.into());
                }
                list.push(part.raw());
            }
        }
        // SAFETY: the arguments are checked and alive during the call. Only those that are owned here, and dropped on
        // return, may be reused.
        unsafe { self.start_everywhere(&lists, &kept) }
    }

    /// # Safety
    /// `args` must hold, for each device, a list of live buffers on that device, one for each parameter and of its
    /// shape. Those that are not listed in `kept` must never be used again.
    unsafe fn start_everywhere(&self, args: &[Vec<*mut RawBuffer>], kept: &[i64]) -> Result<Vec<Vec<Buffer>>> {
        let api = &self.client().0.plugin.api;
        let mut options = ExecuteOptions::new();
        options.non_donatable_input_indices = kept.as_ptr();
        options.num_non_donatable_input_indices = kept.len();
        let mut results: Vec<Vec<*mut RawBuffer>> = vec![vec![ptr::null_mut(); self.outputs().len()]; args.len()];
        let argument_lists: Vec<*const *mut RawBuffer> = args.iter().map(|list| list.as_ptr()).collect();
        let output_lists: Vec<*mut *mut RawBuffer> = results.iter_mut().map(|list| list.as_mut_ptr()).collect();
        let mut call = ExecuteArgs::new();
        call.executable = self.raw().as_ptr();
        call.options = &mut options;
        call.argument_lists = argument_lists.as_ptr();
        call.num_devices = args.len();
        call.num_args = self.params().len();
        call.output_lists = output_lists.as_ptr();
        {
            let _one = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: everything is alive during the call, and for each device there is space for each result.
            workers::starting(|| unsafe { api.check(api.loaded_executable_execute(&mut call), RUNNING) })?;
        }
        // SAFETY: the results of the first device are new and alive.
        let dense = unsafe { self.layouts(&results[0]) };
        let mut outputs: Vec<Vec<Buffer>> = (0..self.outputs().len()).map(|_| Vec::with_capacity(args.len())).collect();
        let mut missing = false;
        for (device, results) in self.devices().iter().zip(&results) {
            for (i, raw) in results.iter().enumerate() {
                let Some(raw) = NonNull::new(*raw) else {
                    missing = true;
                    continue;
                };
                let (client, shapes) = (self.client().clone(), self.output_list());
                // SAFETY: the buffer is new, on this device, and has the type that the executable announces.
                outputs[i].push(unsafe { Buffer::adopt(client, raw, shapes, i as u32, *device, dense[i]) });
            }
        }
        if missing { Err(no_object(RUNNING)) } else { Ok(outputs) }
    }
}

/// The types of the parts of the parameters, as the partitioned program takes them.
pub(crate) fn parts(found: &[Option<ArrayShape>], declared: usize) -> Result<Box<[ArrayShape]>> {
    if found.len() != declared {
        return Err(ArgumentError::ParameterCount { program: found.len(), caller: declared }.into());
    }
    let known = |(index, part): (usize, &Option<ArrayShape>)| {
        part.clone().ok_or_else(|| {
            let message = format!("parameter {index} is not an array");
            Error::Pjrt { code: Code::Unimplemented, during: "reading the parameters of a program", message }
        })
    };
    found.iter().enumerate().map(known).collect()
}
