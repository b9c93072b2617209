//! Running programs on device buffers.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::core::array::{Array, HostBytes, Repr};
use crate::core::aval::Aval;
use crate::core::backend::{Backend, Buffer};
use crate::core::error::{Error, ErrorKind, Result};
use crate::core::jaxpr::Jaxpr;

use super::client::{array_shape, client};
use super::program::{Cache, Program, Source};

/// The one runtime of this process: PJRT.
#[derive(Default)]
pub(crate) struct Runtime {
    programs: Cache,
}

struct DeviceBuffer(xla::Buffer);

impl fmt::Debug for DeviceBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceBuffer({})", self.0.shape())
    }
}

impl Buffer for DeviceBuffer {
    fn read(&self, bytes: &mut [u8]) -> Result<()> {
        Ok(self.0.read_into(bytes)?)
    }

    fn wait(&self) -> Result<()> {
        Ok(self.0.wait()?)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An argument's buffer: one that lives on the device, or a scalar brought there for this call.
enum Held<'a> {
    Shared(&'a xla::Buffer),
    Own(xla::Buffer),
}

fn buffer(array: &Array) -> Result<Held<'_>> {
    match &array.0 {
        Repr::Concrete(concrete) => match concrete.device()?.as_any().downcast_ref::<DeviceBuffer>() {
            Some(buffer) => Ok(Held::Shared(&buffer.0)),
            None => Err(Error::new(ErrorKind::Runtime, "the array lives in another runtime")),
        },
        Repr::Scalar(literal) => {
            Ok(Held::Own(client()?.buffer_from_host(&literal.bytes(), &array_shape(&literal.aval()))?))
        }
        Repr::Traced(_) => Err(Error::new(ErrorKind::Trace, "a traced array reached execution")),
    }
}

/// Runs a compiled program.
pub(crate) fn run(program: &Program, args: &[&Array]) -> Result<Vec<Array>> {
    let computed: Vec<Array> = match &program.executable {
        None => Vec::new(),
        Some(executable) => {
            let held = program.used.iter().map(|i| buffer(args[*i])).collect::<Result<SmallVec<[_; 8]>>>()?;
            let buffers: SmallVec<[&xla::Buffer; 8]> = (held.iter())
                .map(|h| match h {
                    Held::Shared(buffer) => *buffer,
                    Held::Own(buffer) => buffer,
                })
                .collect();
            (executable.execute(&buffers)?.into_iter().zip(&program.computed))
                .map(|(buffer, aval)| Array::from_device(Arc::new(DeviceBuffer(buffer)), aval.clone()))
                .collect()
        }
    };
    let result = |source: &Source| match source {
        Source::Literal(literal) => Array::literal(*literal),
        Source::Argument(i) => args[*i].clone(),
        Source::Result(i) => computed[*i].clone(),
    };
    Ok(program.sources.iter().map(result).collect())
}

impl Runtime {
    /// The compiled form of a program, from the cache or made now.
    pub(crate) fn program(&self, jaxpr: &Arc<Jaxpr>) -> Result<Arc<Program>> {
        self.programs.get(jaxpr)
    }
}

impl Backend for Runtime {
    fn execute(&self, jaxpr: &Arc<Jaxpr>, args: &[&Array]) -> Result<Vec<Array>> {
        run(&*self.programs.get(jaxpr)?, args)
    }

    fn upload(&self, bytes: &HostBytes, aval: &Aval) -> Result<Arc<dyn Buffer>> {
        let buffer = client()?.buffer_from_owner(bytes.clone(), &array_shape(aval))?;
        Ok(Arc::new(DeviceBuffer(buffer)))
    }
}
