//! Running programs on device buffers.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use crate::core::array::{Array, HostBytes, Repr};
use crate::core::aval::Aval;
use crate::core::backend::{Backend, Buffer};
use crate::core::error::{Error, ErrorKind, Result};
use crate::core::jaxpr::Jaxpr;
use crate::transform::lift::lift_literals;

use super::client::{array_shape, client};
use super::interpret::interpret;
use super::program::{Cache, Program, Source};

/// The one runtime of this process: PJRT.
#[derive(Default)]
pub(crate) struct Runtime {
    programs: Cache,
    /// Programs met once, with their scalars lifted out, and large ones as they are.
    met: Mutex<FxHashSet<Arc<Jaxpr>>>,
}

/// From this size on a program that runs for the first time is not compiled but run equation by equation.
const LARGE: usize = 4000;
/// A program with more scalars than this keeps them: each would cost an argument.
const MANY_SCALARS: usize = 256;

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
        Repr::Traced(traced) => Err(crate::core::trace::ownerless(traced)),
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
    /// Whether this program has not been met before; from now on it has.
    fn first_meeting(&self, jaxpr: &Arc<Jaxpr>) -> bool {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).insert(jaxpr.clone())
    }

    /// The compiled form of a program, from the cache or made now.
    pub(crate) fn program(&self, jaxpr: &Arc<Jaxpr>) -> Result<Arc<Program>> {
        self.programs.get(jaxpr)
    }
}

impl Backend for Runtime {
    fn execute(&self, jaxpr: &Arc<Jaxpr>, args: &[&Array]) -> Result<Vec<Array>> {
        if let Some(program) = self.programs.find(jaxpr) {
            return run(&program, args);
        }
        if jaxpr.eqns.len() > 1 {
            if jaxpr.size() >= LARGE && self.first_meeting(jaxpr) {
                return interpret(jaxpr, args, |single, args| run(&*self.programs.get(&single.into())?, args));
            }
            // A program that comes again with other scalars, as in a loop whose counter is a Rust number, is
            // compiled once more with the scalars as arguments, and then serves them all.
            let (lifted, literals) = lift_literals(jaxpr);
            let lifted = Arc::new(lifted);
            if (1..=MANY_SCALARS).contains(&literals.len()) && !self.first_meeting(&lifted) {
                let scalars: Vec<Array> = literals.into_iter().map(Array::literal).collect();
                let args: Vec<&Array> = args.iter().copied().chain(&scalars).collect();
                return run(&*self.programs.get(&lifted)?, &args);
            }
        }
        run(&*self.programs.get(jaxpr)?, args)
    }

    fn upload(&self, bytes: &HostBytes, aval: &Aval) -> Result<Arc<dyn Buffer>> {
        let buffer = client()?.buffer_from_owner(bytes.clone(), &array_shape(aval))?;
        Ok(Arc::new(DeviceBuffer(buffer)))
    }
}
