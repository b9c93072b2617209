//! Running programs on device buffers.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use crate::array::aval::Aval;
use crate::array::memory::{Buffer, HostBytes};
use crate::array::{Array, Repr};
use crate::compile::lift::lift_literals;
use crate::compile::simplify::fold;
use crate::compile::spans::span;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::jaxpr::{Closed, Jaxpr};
use crate::trace::backend::Backend;
use crate::transform::nested::embedded;

use super::client::{array_shape, client, host};
use super::interpret::interpret;
use super::program::{Cache, CompiledProgram, Origin, Source};

/// The only runtime: PJRT.
#[derive(Default)]
pub(crate) struct Runtime {
    programs: Cache,
    /// Programs that have run once: with their scalars lifted out, or, if they are large, unchanged.
    seen: Mutex<FxHashSet<Arc<Jaxpr>>>,
    /// Jitted programs with small captures that have been compiled with the captures as constants.
    embedded: Mutex<FxHashSet<Arc<Jaxpr>>>,
}

/// A program of at least this size is not compiled when it first runs, but run equation by equation.
const LARGE: usize = 4000;
/// The maximal number of programs that are remembered as seen.
const MANY_SEEN: usize = 16_384;
/// A program with more scalars keeps them: each would become an argument, which has a cost.
const MANY_SCALARS: usize = 256;

struct DeviceBuffer(xla::Buffer);

impl fmt::Debug for DeviceBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceBuffer({})", self.0.shape())
    }
}

impl Buffer for DeviceBuffer {
    fn view(&self, f: &mut dyn FnMut(&[u8])) -> Result<()> {
        let _span = span!(TRACE, "read");
        Ok(self.0.with_bytes(f)?)
    }

    fn wait(&self) -> Result<()> {
        let _span = span!(TRACE, "wait");
        Ok(self.0.wait()?)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn address(&self) -> Result<usize> {
        Ok(self.0.with_bytes(|bytes| bytes.as_ptr().addr())?)
    }
}

/// An argument's buffer: one on the device, or a scalar copied there for this call.
enum Held<'a> {
    Shared(&'a xla::Buffer),
    Own(xla::Buffer),
}

/// The buffer of an argument. `foreign` is the client of a program that has its own client. It shares the memory of
/// other clients as far as possible.
fn buffer<'a>(array: &'a Array, foreign: Option<&xla::Client>) -> Result<Held<'a>> {
    match &array.0 {
        Repr::Concrete(concrete) => {
            let device = concrete.device(upload)?;
            match (device.as_any().downcast_ref::<DeviceBuffer>(), foreign) {
                (Some(buffer), None) => Ok(Held::Shared(&buffer.0)),
                (Some(DeviceBuffer(buffer)), Some(client)) => Ok(Held::Own(match buffer.host_bytes()? {
                    Some(_) => client.buffer_from_owner(SharedMemory(device.clone()), buffer.shape())?,
                    None => client.buffer_from_host(&buffer.to_vec()?, buffer.shape())?,
                })),
                (None, _) => Err(Error::new(ErrorKind::Runtime, "the array lives in another runtime")),
            }
        }
        Repr::Scalar(literal) => {
            let client = match foreign {
                Some(client) => client,
                None => client()?,
            };
            Ok(Held::Own(client.buffer_from_host(&literal.bytes(), &array_shape(&literal.aval()))?))
        }
        Repr::Traced(traced) => Err(crate::trace::frames::ownerless(traced)),
    }
}

/// Memory of one client that another client shares. The value is computed, and in row-major order.
struct SharedMemory(Arc<dyn Buffer>);

impl AsRef<[u8]> for SharedMemory {
    fn as_ref(&self) -> &[u8] {
        let buffer = self.0.as_any().downcast_ref::<DeviceBuffer>();
        buffer.and_then(|buffer| buffer.0.host_bytes().ok().flatten()).unwrap_or_default()
    }
}

/// Runs a compiled program.
pub(crate) fn run(program: &CompiledProgram, args: &[&Array]) -> Result<Vec<Array>> {
    let _span = span!(TRACE, "execute");
    let computed = match &program.executable {
        None => Vec::new(),
        Some(executable) => {
            let host = if program.calls_host { Some(host()?) } else { None };
            let copy = host.as_ref().map(|host| program.executable_on(host)).transpose()?;
            let (executable, foreign) = (copy.as_ref().unwrap_or(executable), host.as_ref().map(|host| &host.client));
            let held = program.used.iter().map(|i| buffer(args[*i], foreign)).collect::<Result<SmallVec<[_; 8]>>>()?;
            let buffers: SmallVec<[&xla::Buffer; 8]> = (held.iter())
                .map(|h| match h {
                    Held::Shared(buffer) => *buffer,
                    Held::Own(buffer) => buffer,
                })
                .collect();
            finish(executable.execute(&buffers), &program.computed, program.calls_host)?
        }
    };
    let result = |source: &Source| match source {
        Source::Literal(literal) => Array::literal(*literal),
        Source::Argument(i) => args[*i].clone(),
        Source::Result(i) => computed[*i].clone(),
    };
    Ok(program.sources.iter().map(result).collect())
}

/// The results of a run as arrays. This waits for a program that calls functions of this process, so that the call
/// returns their errors and effects have taken place when it returns. To all other clients, its results are host
/// memory.
fn finish(results: xla::Result<Vec<xla::Buffer>>, avals: &[Aval], calls_host: bool) -> Result<Vec<Array>> {
    // An extra result without a type signals that effects have taken place.
    if !calls_host {
        let array = |(buffer, aval): (_, &Aval)| Array::from_device(Arc::new(DeviceBuffer(buffer)), aval.clone());
        return Ok(results?.into_iter().zip(avals).map(array).collect());
    }
    let waited = results.and_then(|buffers| buffers.iter().try_for_each(xla::Buffer::wait).map(|()| buffers));
    let buffers = waited.map_err(|error| super::host::cause(error.into()))?;
    let array = |(buffer, aval): (xla::Buffer, &Aval)| -> Result<Array> {
        let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = match buffer.host_bytes()? {
            Some(_) => Arc::new(SharedMemory(Arc::new(DeviceBuffer(buffer)))),
            None => Arc::new(buffer.to_vec()?),
        };
        Ok(Array::from_host(HostBytes(bytes), aval.clone()))
    };
    buffers.into_iter().zip(avals).map(array).collect()
}

/// Runs an executable on arrays, all of which are its arguments.
pub(crate) fn run_executable(executable: &xla::Executable, args: &[&Array], avals: &[Aval]) -> Result<Vec<Array>> {
    let _span = span!(TRACE, "execute");
    let held = args.iter().map(|x| buffer(x, None)).collect::<Result<SmallVec<[_; 8]>>>()?;
    let buffers: SmallVec<[&xla::Buffer; 8]> = (held.iter())
        .map(|h| match h {
            Held::Shared(buffer) => *buffer,
            Held::Own(buffer) => buffer,
        })
        .collect();
    finish(executable.execute(&buffers), avals, false)
}

/// Runs a compiled program on arrays, and donates those whose memory it may reuse, if no other handle exists. An array
/// with another clone stays valid.
pub(crate) fn run_owned(program: &CompiledProgram, args: Vec<Array>) -> Result<Vec<Array>> {
    let executable = match &program.executable {
        Some(executable) if program.donors.contains(&true) => executable,
        _ => return run(program, &args.iter().collect::<Vec<_>>()),
    };
    let _span = span!(TRACE, "execute");
    let mut args: Vec<Option<Array>> = args.into_iter().map(Some).collect();
    let through: Vec<Option<Array>> = (program.sources.iter())
        .map(|source| if let Source::Argument(i) = source { args[*i].clone() } else { None })
        .collect();
    let mut taken: Vec<Option<xla::Buffer>> = Vec::with_capacity(program.used.len());
    for (i, donor) in program.used.iter().zip(&program.donors) {
        let array = if *donor { args[*i].take() } else { None };
        taken.push(match array.map(unique_buffer) {
            Some(Ok(buffer)) => Some(buffer),
            Some(Err(array)) => {
                args[*i] = Some(array);
                None
            }
            None => None,
        });
    }
    let kept = (program.used.iter().zip(&taken))
        .map(|(i, taken)| match (&args[*i], taken) {
            (Some(array), None) => buffer(array, None).map(Some),
            _ => Ok(None),
        })
        .collect::<Result<Vec<Option<Held<'_>>>>>()?;
    let arguments = (kept.iter().zip(taken))
        .filter_map(|(kept, taken)| match (kept, taken) {
            (_, Some(buffer)) => Some(xla::Argument::Donate(buffer)),
            (Some(Held::Shared(buffer)), None) => Some(xla::Argument::Keep(buffer)),
            (Some(Held::Own(buffer)), None) => Some(xla::Argument::Keep(buffer)),
            (None, None) => None,
        })
        .collect();
    let computed = finish(executable.execute_with(arguments), &program.computed, false)?;
    let result = |(source, through): (&Source, Option<Array>)| match source {
        Source::Literal(literal) => Array::literal(*literal),
        Source::Result(i) => computed[*i].clone(),
        Source::Argument(_) => through.unwrap_or_else(|| unreachable!("it was set aside before the run")),
    };
    Ok(program.sources.iter().zip(through).map(result).collect())
}

/// The device memory of an array without other handles, or the array.
fn unique_buffer(array: Array) -> std::result::Result<xla::Buffer, Array> {
    let (buffer, aval) = array.into_unique_buffer()?;
    let again = |buffer: Arc<DeviceBuffer>| Array::from_device(buffer, aval.clone());
    match buffer.into_any().downcast::<DeviceBuffer>() {
        Ok(buffer) => Arc::try_unwrap(buffer).map(|b| b.0).map_err(again),
        Err(_) => unreachable!("there is one runtime in a process"),
    }
}

impl Runtime {
    /// The compiled form of a program that may reuse the memory of the arguments marked in `donated`. It comes from the
    /// cache or is compiled; the origin says which.
    pub(crate) fn program(&self, jaxpr: &Arc<Jaxpr>, donated: &[bool]) -> Result<(Arc<CompiledProgram>, Origin)> {
        self.programs.get_donating(jaxpr, donated)
    }

    /// [`program`](Runtime::program) for a jitted function. Small captures become constants, which the compiler can
    /// fold. If a function comes again with other captures, such as one that is jitted in each step of a loop, it is
    /// compiled once more with the captures as arguments. That program then serves all others.
    pub(crate) fn jitted(&self, closed: &Closed, donated: &[bool]) -> Result<(Arc<CompiledProgram>, Origin)> {
        let Some(embedded) = embedded(closed) else { return self.program(&closed.jaxpr, donated) };
        let fixed = self.programs.has(&embedded, donated)
            || !self.programs.has(&closed.jaxpr, donated) && first_time(&self.embedded, &closed.jaxpr);
        self.program(if fixed { &embedded } else { &closed.jaxpr }, donated)
    }
}

/// Whether this is the first time that a program is seen. Records it.
fn first_time(seen: &Mutex<FxHashSet<Arc<Jaxpr>>>, jaxpr: &Arc<Jaxpr>) -> bool {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    // Forgetting costs little: some programs are compiled once more with their scalars as constants.
    if seen.len() >= MANY_SEEN {
        seen.clear();
    }
    seen.insert(jaxpr.clone())
}

impl Backend for Runtime {
    fn execute(&self, jaxpr: &Arc<Jaxpr>, args: &[&Array]) -> Result<Vec<Array>> {
        let results = self.execute_unchecked(jaxpr, args)?;
        self.check_nans(jaxpr, args, &results)?;
        Ok(results)
    }

    fn upload(&self, bytes: &HostBytes, aval: &Aval) -> Result<Arc<dyn Buffer>> {
        upload(bytes, aval)
    }
}

/// Copies host memory to the device.
fn upload(bytes: &HostBytes, aval: &Aval) -> Result<Arc<dyn Buffer>> {
    let buffer = client()?.buffer_from_owner(bytes.clone(), &array_shape(aval))?;
    Ok(Arc::new(DeviceBuffer(buffer)))
}

impl Runtime {
    fn execute_unchecked(&self, jaxpr: &Arc<Jaxpr>, args: &[&Array]) -> Result<Vec<Array>> {
        let scalars = |x: &&Array| if let Repr::Scalar(literal) = &x.0 { Some(*literal) } else { None };
        if let Some(literals) = args.iter().map(scalars).collect::<Option<SmallVec<[_; 8]>>>()
            && let Some(results) = fold(jaxpr, &literals)
        {
            return Ok(results.into_iter().map(Array::literal).collect());
        }
        if let Some(program) = self.programs.find(jaxpr) {
            return run(&program, args);
        }
        if jaxpr.eqns().len() > 1 {
            if jaxpr.size() >= LARGE && first_time(&self.seen, jaxpr) {
                return interpret(jaxpr, args, |eqn, args| run(&*self.programs.get(&jaxpr.alone(eqn).into())?, args));
            }
            // A program that comes again with other scalars, as in a loop whose counter is a Rust number, is compiled
            // once more with the scalars as arguments. That program then serves them all.
            let (lifted, literals) = lift_literals(jaxpr);
            let lifted = Arc::new(lifted);
            if (1..=MANY_SCALARS).contains(&literals.len()) && !first_time(&self.seen, &lifted) {
                let scalars: Vec<Array> = literals.into_iter().map(Array::literal).collect();
                let args: Vec<&Array> = args.iter().copied().chain(&scalars).collect();
                return run(&*self.programs.get(&lifted)?, &args);
            }
        }
        run(&*self.programs.get(jaxpr)?, args)
    }
}
