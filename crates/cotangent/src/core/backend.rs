//! The door to execution: what the core needs of a runtime, and nothing more.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use super::array::{Array, HostBytes};
use super::aval::Aval;
use super::error::Result;
use super::jaxpr::Jaxpr;

/// A buffer in device memory.
pub(crate) trait Buffer: Debug + Send + Sync {
    /// Waits for the value and shows its bytes, row-major, to `f`, once. Where device memory is host memory nothing is
    /// copied.
    fn view(&self, f: &mut dyn FnMut(&[u8])) -> Result<()>;
    /// Waits until the value is there.
    fn wait(&self) -> Result<()>;
    /// The concrete type, for the runtime that made it.
    fn as_any(&self) -> &dyn Any;
    /// As [`as_any`](Buffer::as_any), by value.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    /// Where the value lies, once it is there.
    fn address(&self) -> Result<usize>;
}

/// Compiles and runs programs.
pub(crate) trait Backend: Send + Sync {
    /// Runs a program on concrete arrays, as one executable found in a cache or compiled now.
    fn execute(&self, program: &Arc<Jaxpr>, args: &[&Array]) -> Result<Vec<Array>>;
    /// Brings host memory to the device.
    fn upload(&self, bytes: &HostBytes, aval: &Aval) -> Result<Arc<dyn Buffer>>;
}

/// The runtime of this process. The crate's root wires it in, so that the core imports nothing above it.
pub(crate) fn backend() -> &'static dyn Backend {
    crate::backend()
}
