//! Opening GPUs, in a job of several processes or without one.

use crate::error::Result;
use crate::processes;

/// Opens the GPUs of this process. In a job, this waits until all processes do the same, and the client then knows the GPUs
/// of all of them.
pub(super) fn cuda() -> Result<xla::Client> {
    let Some(job) = processes::opening() else { return Ok(xla::Client::cuda()?) };
    let (options, store) = job.for_gpus();
    let opened = xla::Client::cuda_among(&xla::CudaOptions::current(), &options, store);
    // If a process is lost, the plugin cannot say which.
    opened.map_err(|error| job.check().err().unwrap_or_else(|| error.into()))
}
