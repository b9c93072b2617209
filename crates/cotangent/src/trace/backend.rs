//! The interface to execution: what tracing needs of a runtime, and nothing more.

use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::device::Device;
use crate::array::memory::{Buffer, HostBytes};
use crate::error::Result;
use crate::ir::jaxpr::Jaxpr;

/// Compiles and runs programs.
pub(crate) trait Backend: Send + Sync {
    /// Runs a program on concrete arrays, as one executable, which is found in a cache or compiled.
    fn execute(&self, program: &Arc<Jaxpr>, args: &[&Array]) -> Result<Vec<Array>>;
    /// Copies host memory to a device.
    fn upload(&self, bytes: &HostBytes, aval: &Aval, device: Device) -> Result<Arc<dyn Buffer>>;
}

/// The runtime of this process. The crate root sets it, so that this room imports nothing above it.
pub(crate) fn backend() -> &'static dyn Backend {
    crate::backend()
}
