//! Running programs on device buffers.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use crate::array::aval::Aval;
use crate::array::device::{Device, Place};
use crate::array::memory::{Buffer, HostBytes};
use crate::array::modes::modes;
use crate::array::platform::Platform;
use crate::array::{Array, Repr};
use crate::compile::lift::lift_literals;
use crate::compile::simplify::fold;
use crate::compile::spans::span;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::jaxpr::{Closed, Jaxpr};
use crate::trace::backend::Backend;
use crate::transform::nested::embedded;

use super::client::{client, host};
use super::interpret::interpret;
use super::many::{Many, devices_in};
use super::program::{Cache, CompiledProgram, Origin, Source};
use super::transfer::{DeviceBuffer, Held, SharedMemory, Site};

/// A device in use, with the programs that are compiled for it. No program is shared between devices.
pub(crate) struct Runtime {
    pub(crate) device: Device,
    pub(crate) client: xla::Client,
    /// The index of the device among those of the client.
    pub(crate) index: usize,
    programs: Cache,
    /// Programs that have run once: with their scalars lifted out, or, if they are large, unchanged.
    seen: Mutex<FxHashSet<Arc<Jaxpr>>>,
    /// Jitted programs with small captures that have been compiled with the captures as constants.
    embedded: Mutex<FxHashSet<Arc<Jaxpr>>>,
    /// The devices, if this is the name of several. Only they run programs then.
    pub(crate) many: Option<Many>,
}

/// A program of at least this size is not compiled when it first runs, but run equation by equation.
const LARGE: usize = 4000;
/// The maximal number of programs that are remembered as seen.
const MANY_SEEN: usize = 16_384;
/// A program with more scalars keeps them: each would become an argument, which has a cost.
const MANY_SCALARS: usize = 256;

/// Runs a compiled program. `committed` says whether the results are committed to its device.
pub(crate) fn run(program: &CompiledProgram, args: &[&Array], committed: bool) -> Result<Vec<Array>> {
    let _span = span!(TRACE, "execute");
    let place = Place { device: program.runtime.device, committed };
    if program.executable.is_some() {
        may_run()?;
    }
    let computed = match &program.executable {
        None => Vec::new(),
        Some(executable) if !program.calls_host => {
            let site = program.runtime.site();
            let held = program.used.iter().map(|i| site.fetch(args[*i], true)).collect::<Result<Arguments<'_>>>()?;
            let buffers: SmallVec<[&xla::Buffer; 8]> = held.iter().map(Held::raw).collect();
            results(executable.execute(&buffers)?, &program.computed, place)
        }
        Some(_) => run_here(program, args, place)?,
    };
    let mut results = Vec::with_capacity(program.sources.len());
    for source in &program.sources {
        results.push(match source {
            Source::Literal(literal) => program.runtime.settled(&Array::literal(*literal), place)?,
            Source::Argument(i) => program.runtime.settled(args[*i], place)?,
            Source::Result(i) => computed[*i].clone(),
        });
    }
    Ok(results)
}

/// Checks that this thread may run programs.
#[inline]
pub(super) fn may_run() -> Result<()> {
    if modes().without_execution { Err(forbidden()) } else { Ok(()) }
}

#[cold]
fn forbidden() -> Error {
    Error::new(ErrorKind::Runtime, "`no_execution` forbids running a program")
        .help("compute the value before, or leave it to the program: `jit` traces it, and `lower` compiles it")
}

type Arguments<'a> = SmallVec<[Held<'a>; 8]>;

/// The results of a run as arrays.
fn results(buffers: Vec<xla::Buffer>, avals: &[Aval], place: Place) -> Vec<Array> {
    // An extra result without a type signals that effects have taken place.
    let array = |(raw, aval): (_, &Aval)| Array::from_device(Arc::new(DeviceBuffer::own(raw)), aval.clone(), place);
    buffers.into_iter().zip(avals).map(array).collect()
}

/// Runs a program that calls functions of this process, and waits for it, so that the call returns their errors and
/// effects have taken place when it returns. It runs on a client of its own, which shares the memory of the arguments
/// as far as possible. To all other clients, its results are host memory.
fn run_here(program: &CompiledProgram, args: &[&Array], place: Place) -> Result<Vec<Array>> {
    let host = host(&program.runtime.client)?;
    let executable = program.executable_on(&host)?;
    let site = Site { client: &host.client, index: 0 };
    let fetch = |i: &usize| {
        // Host memory that no program has used yet is prepared once, for all calls.
        if matches!(&args[*i].0, Repr::Concrete(concrete) if concrete.buffer().is_none()) {
            program.runtime.site().fetch(args[*i], true)?;
        }
        site.fetch(args[*i], false)
    };
    let held = program.used.iter().map(fetch).collect::<Result<Arguments<'_>>>()?;
    let buffers: SmallVec<[&xla::Buffer; 8]> = held.iter().map(Held::raw).collect();
    let waited = executable
        .execute(&buffers)
        .and_then(|results| results.iter().try_for_each(xla::Buffer::wait).map(|()| results));
    let results = waited.map_err(|error| super::host::cause(error.into()))?;
    let array = |(buffer, aval): (xla::Buffer, &Aval)| -> Result<Array> {
        let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = match buffer.host_bytes()? {
            Some(_) => Arc::new(SharedMemory(Arc::new(DeviceBuffer::own(buffer)))),
            None => Arc::new(buffer.to_vec()?),
        };
        Ok(Array::from_host_at(HostBytes(bytes), aval.clone(), place))
    };
    results.into_iter().zip(&program.computed).map(array).collect()
}

/// Runs an executable on arrays, all of which are its arguments.
pub(crate) fn run_executable(
    runtime: &Runtime,
    executable: &xla::Executable,
    args: &[&Array],
    avals: &[Aval],
    committed: bool,
) -> Result<Vec<Array>> {
    let _span = span!(TRACE, "execute");
    may_run()?;
    let held = args.iter().map(|x| runtime.site().fetch(x, true)).collect::<Result<Arguments<'_>>>()?;
    let buffers: SmallVec<[&xla::Buffer; 8]> = held.iter().map(Held::raw).collect();
    Ok(results(executable.execute(&buffers)?, avals, Place { device: runtime.device, committed }))
}

/// Runs a compiled program on arrays, and donates those whose memory it may reuse, if no other handle exists. An array
/// with another clone stays valid.
pub(crate) fn run_owned(program: &CompiledProgram, args: Vec<Array>, committed: bool) -> Result<Vec<Array>> {
    let executable = match &program.executable {
        Some(executable) if program.donors.contains(&true) => executable,
        _ => return run(program, &args.iter().collect::<Vec<_>>(), committed),
    };
    let _span = span!(TRACE, "execute");
    may_run()?;
    let (site, place) = (program.runtime.site(), Place { device: program.runtime.device, committed });
    let mut args: Vec<Option<Array>> = args.into_iter().map(Some).collect();
    let through: Vec<Option<Array>> = (program.sources.iter())
        .map(|source| if let Source::Argument(i) = source { args[*i].clone() } else { None })
        .collect();
    let mut taken: Vec<Option<xla::Buffer>> = Vec::with_capacity(program.used.len());
    for (i, donor) in program.used.iter().zip(&program.donors) {
        let array = if *donor { args[*i].take() } else { None };
        taken.push(match array.map(|array| site.take(array)) {
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
            (Some(array), None) => site.fetch(array, true).map(Some),
            _ => Ok(None),
        })
        .collect::<Result<Vec<Option<Held<'_>>>>>()?;
    let arguments = (kept.iter().zip(taken))
        .filter_map(|(kept, taken)| match (kept, taken) {
            (_, Some(buffer)) => Some(xla::Argument::Donate(buffer)),
            (Some(held), None) => Some(xla::Argument::Keep(held.raw())),
            (None, None) => None,
        })
        .collect();
    let computed = results(executable.execute_with(arguments)?, &program.computed, place);
    let mut results = Vec::with_capacity(program.sources.len());
    for (source, through) in program.sources.iter().zip(through) {
        results.push(match (source, through) {
            (Source::Literal(literal), _) => program.runtime.settled(&Array::literal(*literal), place)?,
            (Source::Result(i), _) => computed[*i].clone(),
            (Source::Argument(_), Some(array)) => program.runtime.settled(&array, place)?,
            (Source::Argument(_), None) => unreachable!("it was set aside before the run"),
        });
    }
    Ok(results)
}

/// The device that was used first. There is no other in most processes.
static FIRST: OnceLock<&'static Runtime> = OnceLock::new();
/// The other devices in use.
static OTHERS: RwLock<Vec<&'static Runtime>> = RwLock::new(Vec::new());

/// The devices in use.
pub(crate) fn in_use() -> Vec<&'static Runtime> {
    let others = OTHERS.read().unwrap_or_else(PoisonError::into_inner);
    FIRST.get().into_iter().chain(&*others).copied().collect()
}

/// Opens a device, if that has not happened yet.
///
/// # Errors
/// If the plugin cannot be found, loaded or opened, or has no such device.
pub(crate) fn runtime(device: Device) -> Result<&'static Runtime> {
    match FIRST.get() {
        Some(first) if first.device == device => Ok(first),
        _ => find(device),
    }
}

fn find(device: Device) -> Result<&'static Runtime> {
    let known = |others: &[&'static Runtime]| others.iter().find(|r| r.device == device).copied();
    if let Some(known) = known(&OTHERS.read().unwrap_or_else(PoisonError::into_inner)) {
        return Ok(known);
    }
    let list = device.list();
    let first = list.as_ref().map_or(device, |list| list[0]);
    let client = client(first.backend())?;
    let place = |device: Device| {
        let known = client.devices().iter().position(|d| u32::try_from(d.id) == Ok(device.id()));
        known.filter(|_| device.backend() == first.backend()).ok_or_else(|| absent(device, &client))
    };
    let index = place(first)?;
    let indices = |list: &Arc<[Device]>| list.iter().map(|device| place(*device)).collect::<Result<Vec<_>>>();
    let indices = list.as_ref().map(indices).transpose()?;
    let many = list.zip(indices).map(|(list, indices)| Many::new(list, client.clone(), indices));
    let mut others = OTHERS.write().unwrap_or_else(PoisonError::into_inner);
    // Another thread may have opened it in the meantime.
    if let Some(known) = FIRST.get().filter(|first| first.device == device).copied().or_else(|| known(&others)) {
        return Ok(known);
    }
    let (programs, seen, embedded) = (Cache::default(), Mutex::default(), Mutex::default());
    let runtime: &'static Runtime =
        Box::leak(Box::new(Runtime { device, client, index, programs, seen, embedded, many }));
    if FIRST.set(runtime).is_err() {
        others.push(runtime);
    }
    Ok(runtime)
}

/// Removes the compiled programs of all devices from memory.
pub(crate) fn clear_programs() {
    for runtime in OTHERS.read().unwrap_or_else(PoisonError::into_inner).iter().chain(FIRST.get()) {
        runtime.programs.clear();
        for set in [&runtime.seen, &runtime.embedded] {
            set.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        if let Some(many) = &runtime.many {
            many.clear();
        }
    }
}

/// The error for a device that its client does not have.
fn absent(device: Device, client: &xla::Client) -> Error {
    let name = device.backend().name();
    let there: Vec<String> = client.devices().iter().map(|d| format!("{name}:{}", d.id)).collect();
    let message = format!("there is no device {device}: `{name}` has {}", there.join(", "));
    let error = Error::new(ErrorKind::Device, message);
    match device.backend().registered() {
        None if device.platform() == Platform::Cpu => {
            error.help(format!("set COTANGENT_CPU_DEVICES={} before the process starts", device.id() + 1))
        }
        _ => error.help(format!("`devices_of(\"{name}\")` lists them")),
    }
}

impl Runtime {
    /// The device, for transfers.
    #[inline]
    pub(crate) fn site(&self) -> Site<'_> {
        Site { client: &self.client, index: self.index }
    }

    /// An array that a program returns unchanged, in the place of the program's results.
    fn settled(&self, array: &Array, place: Place) -> Result<Array> {
        match &array.0 {
            // Numbers that no program has computed stay on the host, unless they are committed.
            Repr::Scalar(_) if !place.committed => Ok(array.clone()),
            _ => self.site().put(array, place),
        }
    }

    /// Removes half of the programs.
    pub(crate) fn forget(&self) {
        self.programs.halve();
        self.many.iter().for_each(Many::forget);
    }

    /// The compiled form of a program that may reuse the memory of the arguments marked in `donated`. It comes from the
    /// cache or is compiled; the origin says which.
    pub(crate) fn program(
        &'static self,
        jaxpr: &Arc<Jaxpr>,
        donated: &[bool],
    ) -> Result<(Arc<CompiledProgram>, Origin)> {
        self.programs.get_donating(self, jaxpr, donated)
    }

    /// [`program`](Runtime::program) for a jitted function. Small captures become constants, which the compiler can
    /// fold. If a function comes again with other captures, such as one that is jitted in each step of a loop, it is
    /// compiled once more with the captures as arguments. That program then serves all others.
    pub(crate) fn jitted(&'static self, closed: &Closed, donated: &[bool]) -> Result<(Arc<CompiledProgram>, Origin)> {
        let Some(embedded) = embedded(closed) else { return self.program(&closed.jaxpr, donated) };
        let fixed = self.programs.has(&embedded, donated)
            || !self.programs.has(&closed.jaxpr, donated) && first_time(&self.embedded, &closed.jaxpr);
        self.program(if fixed { &embedded } else { &closed.jaxpr }, donated)
    }
}

/// Whether this is the first time that a program is seen. Records it.
pub(super) fn first_time(seen: &Mutex<FxHashSet<Arc<Jaxpr>>>, jaxpr: &Arc<Jaxpr>) -> bool {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    // Forgetting costs little: some programs are compiled once more with their scalars as constants.
    if seen.len() >= MANY_SEEN {
        seen.clear();
    }
    seen.insert(jaxpr.clone())
}

/// Where a program runs: on the devices of the meshes in it, if there are any.
///
/// # Errors
/// If its arguments are committed to others.
#[inline]
pub(crate) fn on_mesh(jaxpr: &Jaxpr, place: Place) -> Result<Place> {
    if jaxpr.effects().mesh { of_mesh(jaxpr, place) } else { Ok(place) }
}

#[cold]
fn of_mesh(jaxpr: &Jaxpr, place: Place) -> Result<Place> {
    let Some(device) = devices_in(jaxpr)? else { return Ok(place) };
    if place.committed && place.device != device {
        let message = format!("a program with a mesh of {device} was given arrays on {}", place.device);
        return Err(Error::new(ErrorKind::Device, message)
            .help("move the arrays there, as in `device_put(&x, &NamedSharding::new(&mesh, P!()))`"));
    }
    Ok(Place { device, committed: true })
}

/// The only backend: PJRT.
pub(crate) struct Pjrt;

impl Backend for Pjrt {
    fn execute(&self, jaxpr: &Arc<Jaxpr>, args: &[&Array]) -> Result<Vec<Array>> {
        let scalars = |x: &&Array| if let Repr::Scalar(literal) = &x.0 { Some(*literal) } else { None };
        if let Some(literals) = args.iter().map(scalars).collect::<Option<SmallVec<[_; 8]>>>()
            && let Some(results) = fold(jaxpr, &literals)
        {
            return Ok(results.into_iter().map(Array::literal).collect());
        }
        let place = Place::of(args.iter().copied(), |i| match jaxpr.eqns() {
            [eqn] => format!("operand {i} of `{}`", eqn.prim.name()),
            _ => format!("array {i} that it uses"),
        })?;
        let place = on_mesh(jaxpr, place)?;
        let runtime = runtime(place.device)?;
        let results = runtime.execute(jaxpr, args, place.committed)?;
        runtime.check_nans(jaxpr, args, &results, place.committed)?;
        Ok(results)
    }

    fn upload(&self, bytes: &HostBytes, aval: &Aval, device: Device) -> Result<Arc<dyn Buffer>> {
        Ok(Arc::new(runtime(device)?.site().upload(bytes, aval)?))
    }
}

impl Runtime {
    pub(super) fn execute(&'static self, jaxpr: &Arc<Jaxpr>, args: &[&Array], committed: bool) -> Result<Vec<Array>> {
        if let Some(many) = &self.many {
            return many.execute(jaxpr, args);
        }
        if let Some(program) = self.programs.find(jaxpr) {
            return run(&program, args, committed);
        }
        if jaxpr.eqns().len() > 1 {
            if jaxpr.size() >= LARGE && first_time(&self.seen, jaxpr) {
                return interpret(jaxpr, args, |eqn, args| {
                    run(&*self.programs.get(self, &jaxpr.alone(eqn).into())?, args, committed)
                });
            }
            // A program that comes again with other scalars, as in a loop whose counter is a Rust number, is compiled
            // once more with the scalars as arguments. That program then serves them all.
            let (lifted, literals) = lift_literals(jaxpr);
            let lifted = Arc::new(lifted);
            if (1..=MANY_SCALARS).contains(&literals.len()) && !first_time(&self.seen, &lifted) {
                let scalars: Vec<Array> = literals.into_iter().map(Array::literal).collect();
                let args: Vec<&Array> = args.iter().copied().chain(&scalars).collect();
                return run(&*self.programs.get(self, &lifted)?, &args, committed);
            }
        }
        run(&*self.programs.get(self, jaxpr)?, args, committed)
    }
}
