//! Programs that are compiled for a GPU that this machine need not have.

use std::fmt;

use xla::Target;

use crate::array::aval::Aval;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Foreign, array_shape};

use super::aot::MemoryAnalysis;
use super::artifact::{Blob, Surroundings};
use super::signature::Signature;

/// A program that is compiled for a GPU and not loaded; made by [`Lowered::compile_for`](crate::Lowered::compile_for) and
/// [`Exported::compile_for`](crate::Exported::compile_for).
///
/// ```
/// use cotangent::Target;
/// assert_eq!(Target::named("h100"), Some(Target::H100));
/// assert_eq!(Target::H100.compute_capability(), Target::H200.compute_capability());
/// ```
#[must_use]
pub struct CrossCompiled {
    name: String,
    signature: Signature,
    captures: Vec<(Aval, Vec<u8>)>,
    compiled: Foreign,
}

impl fmt::Debug for CrossCompiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CrossCompiled({} for {}: {})", self.name, self.target(), self.signature)
    }
}

impl CrossCompiled {
    pub(super) fn new(
        name: &str,
        signature: Signature,
        captures: Vec<(Aval, Vec<u8>)>,
        compiled: Foreign,
    ) -> Result<CrossCompiled> {
        let stated: Vec<_> = signature.outputs.iter().map(|o| array_shape(&o.1)).collect();
        if compiled.program.outputs()? != stated {
            let message = format!("{name}: the program does not return what its signature says");
            return Err(Error::new(ErrorKind::Runtime, message));
        }
        Ok(CrossCompiled { name: name.to_string(), signature, captures, compiled })
    }

    /// Returns the GPU that the program is compiled for.
    #[must_use]
    pub fn target(&self) -> Target {
        *self.compiled.topology.target()
    }

    /// Returns the types of the arrays that the program takes and returns.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Returns the HLO that XLA's optimizations produced for the GPU.
    ///
    /// # Errors
    /// Returns an error if the plugin does not show its programs.
    pub fn optimized_hlo(&self) -> Result<String> {
        Ok(self.compiled.program.optimized_hlo()?)
    }

    /// Returns the number of kernels and library calls in the program. Those in the body of a loop count once.
    ///
    /// # Errors
    /// As [`optimized_hlo`](CrossCompiled::optimized_hlo).
    pub fn kernels(&self) -> Result<usize> {
        Ok(self.compiled.program.kernels()?)
    }

    /// Returns how much memory a run takes, in bytes.
    ///
    /// # Errors
    /// Returns an error if the plugin does not support memory analysis.
    pub fn memory_analysis(&self) -> Result<MemoryAnalysis> {
        Ok(self.compiled.program.memory_stats()?.into())
    }

    /// Returns the compiled program as bytes, for [`Loaded::from_bytes`](crate::Loaded::from_bytes) in a process that has
    /// a GPU of the same compute capability and the same plugin. The bytes contain the captured arrays.
    ///
    /// # Errors
    /// Returns an error if the plugin cannot serialize the program or its library cannot be read.
    pub fn serialize(&self) -> Result<Vec<u8>> {
        let blob = Blob {
            name: self.name.clone(),
            signature: self.signature.clone(),
            captures: self.captures.clone(),
            code: self.compiled.program.serialize()?,
        };
        Ok(blob.write(&Surroundings::of_gpu(&self.compiled.topology)?))
    }
}
