//! Compiled programs and the cache that holds them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use crate::array::aval::Aval;
use crate::array::literal::Literal;
use crate::array::platform::Platform;
use crate::compile::simplify::simplify;
use crate::compile::spans::event;
use crate::compile::times::{Stage, Times, during, timed};
use crate::control::opaque::opaque_in;
use crate::error::Result;
use crate::ir::jaxpr::{Atom, Jaxpr};
use crate::ir::routes::Routes;

use super::client::{Host, array_shape, host};
use super::disk::{Disk, Key, key};
use super::dump;
use super::execute::{Runtime, in_use};
use super::inputs::{Inputs, inputs, options, text};
use super::lru::Lru;
use super::mappings::Mappings;
use super::refuse::{runs_on, unchecked};
use super::transfer::Site;
use crate::compile::style::Style;

/// The origin of a result.
pub(crate) enum Source {
    /// A literal of the program.
    Literal(Literal),
    /// An argument that is passed through.
    Argument(usize),
    /// A computed result.
    Result(usize),
}

/// A program that is compiled for a device.
pub(crate) struct CompiledProgram {
    /// The device.
    pub(crate) runtime: &'static Runtime,
    /// The executable; `None` if nothing is computed.
    pub(crate) executable: Option<Arc<xla::Executable>>,
    /// The origin of each result.
    pub(crate) sources: Vec<Source>,
    /// The types of the computed results.
    pub(crate) computed: Vec<Aval>,
    /// The indices of the arguments that the executable takes.
    pub(crate) used: Vec<usize>,
    /// For each of these, whether its memory may be reused for a result.
    pub(crate) donors: Vec<bool>,
    /// The program it was compiled from. It keeps alive the functions of this process that the program calls.
    pub(crate) jaxpr: Arc<Jaxpr>,
    /// Whether it calls functions of this process.
    pub(crate) calls_host: bool,
    /// The same executable on other clients. Only programs that call functions of this process have more than one.
    elsewhere: Mutex<Vec<Arc<xla::Executable>>>,
}

impl CompiledProgram {
    /// The executable on this client.
    pub(crate) fn executable_on(&self, host: &Host) -> Result<Arc<xla::Executable>> {
        let there = |known: &&Arc<xla::Executable>| *known.client() == host.client;
        let known = || {
            let elsewhere = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
            self.executable.iter().chain(elsewhere.iter()).find(there).cloned()
        };
        if let Some(known) = known() {
            return Ok(known);
        }
        let pruned = during(Stage::Rewrite, || computed(&self.jaxpr)).0;
        let target = Target { site: Site { client: &host.client, index: 0 }, ..Target::of(self.runtime) };
        let Inputs { text, params, options } = target.inputs(&pruned, &[]);
        let made = Arc::new(compile_text(target.site, &text, &params, &options, None)?.0);
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).push(made.clone());
        Ok(made)
    }
}

/// Where a compiled program came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From the memory of this process.
    Memory,
    /// Loaded from disk.
    Disk,
    /// Compiled.
    Compiled,
}

impl Origin {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Origin::Memory => "memory",
            Origin::Disk => "disk",
            Origin::Compiled => "compiled",
        }
    }
}

/// The number of programs that stay in memory. One takes about 100 kB. A process that uses more must compile the least
/// recently used ones again.
const LIMIT: usize = 4096;

/// The programs of one device, by structure, and by the arguments whose memory they may reuse. An entry is filled once,
/// however many threads ask for it at the same time, and stays empty if compiling fails.
pub(crate) struct Cache {
    plain: Lru<Arc<Jaxpr>, Arc<CompiledProgram>>,
    donating: Lru<(Arc<Jaxpr>, Vec<bool>), Arc<CompiledProgram>>,
    /// Executables by everything that determines the compiler's output. Programs that differ only in what the compiler
    /// does not see share an executable, such as those of weakly and of strongly typed arguments.
    executables: Lru<Key, Arc<xla::Executable>>,
    mappings: Mappings,
}

impl Default for Cache {
    fn default() -> Cache {
        let (plain, donating, executables) = (Lru::new(LIMIT), Lru::new(LIMIT), Lru::new(LIMIT));
        Cache { plain, donating, executables, mappings: Mappings::default() }
    }
}

impl Cache {
    pub(crate) fn get(&self, runtime: &'static Runtime, jaxpr: &Arc<Jaxpr>) -> Result<Arc<CompiledProgram>> {
        self.get_donating(runtime, jaxpr, &[]).map(|(program, _)| program)
    }

    /// Removes half of the programs.
    pub(crate) fn halve(&self) {
        self.plain.halve();
        self.donating.halve();
        self.executables.halve();
    }

    /// Removes all programs.
    pub(crate) fn clear(&self) {
        self.plain.clear();
        self.donating.clear();
        self.executables.clear();
    }

    /// Whether the program has been asked for.
    pub(crate) fn has(&self, jaxpr: &Arc<Jaxpr>, donated: &[bool]) -> bool {
        match donated.iter().any(|d| *d) {
            true => self.donating.find(&(jaxpr.clone(), donated.to_vec())).is_some(),
            false => self.plain.find(jaxpr).is_some(),
        }
    }

    /// The program that may reuse the memory of the arguments marked in `donated`, and where it came from.
    pub(crate) fn get_donating(
        &self,
        runtime: &'static Runtime,
        jaxpr: &Arc<Jaxpr>,
        donated: &[bool],
    ) -> Result<(Arc<CompiledProgram>, Origin)> {
        let slot = match donated.iter().any(|d| *d) {
            true => self.donating.slot(&(jaxpr.clone(), donated.to_vec())),
            false => self.plain.slot(jaxpr),
        };
        if slot.value.get().is_some() {
            found();
        }
        found_or_made(&slot.value, || {
            if self.mappings.scarce(jaxpr.size()) {
                in_use().into_iter().for_each(Runtime::forget);
            }
            let stores = Stores { memory: &self.executables, disk: Disk::open() };
            let (made, times) = timed(|| compile(runtime, jaxpr, donated, Some(stores)));
            let (program, origin) = made?;
            event!(
                DEBUG,
                "program ready",
                origin = origin.name(),
                equations = jaxpr.size(),
                rewrite_ms = ms(times.rewrite),
                lower_ms = ms(times.lower),
                compile_ms = ms(times.compile),
                disk_ms = ms(times.disk),
            );
            Ok((program, origin))
        })
    }

    /// The program, if it has been compiled.
    pub(crate) fn find(&self, jaxpr: &Jaxpr) -> Option<Arc<CompiledProgram>> {
        self.plain.find(jaxpr)?.value.get().cloned().inspect(|_| found())
    }
}

/// Reports a cache hit.
fn found() {
    event!(TRACE, "program ready", origin = Origin::Memory.name());
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The computed part of a program: simplified, and without arguments that are only passed through.
pub(super) fn computed(jaxpr: &Jaxpr) -> (Jaxpr, Vec<Source>, Vec<usize>) {
    let jaxpr = &simplify(jaxpr);
    let mut outputs = Vec::new();
    let sources = (jaxpr.outputs().iter())
        .map(|atom| match atom {
            Atom::Lit(literal) => Source::Literal(*literal),
            Atom::Var(var) => match jaxpr.inputs().iter().position(|v| v == var) {
                Some(i) => Source::Argument(i),
                None => {
                    let place = outputs.iter().position(|a| a == atom).unwrap_or_else(|| {
                        outputs.push(*atom);
                        outputs.len() - 1
                    });
                    Source::Result(place)
                }
            },
        })
        .collect();
    let whole = jaxpr.with_outputs(outputs);
    let (pruned, kept) = crate::transform::dce::dce(&whole, false);
    let used = (0..kept.len()).filter(|i| kept[*i]).collect();
    (pruned, sources, used)
}

/// For each donated input, a result of the same type that may reuse its memory.
fn aliases(pruned: &Jaxpr, given_up: &[bool]) -> Vec<Option<usize>> {
    let outputs: Vec<Aval> = pruned.output_avals().collect();
    let mut free = vec![true; outputs.len()];
    let mut place = |aval: &Aval| {
        let fits = |i: &usize| free[*i] && outputs[*i].shape == aval.shape && outputs[*i].dtype == aval.dtype;
        let i = (0..outputs.len()).find(fits)?;
        free[i] = false;
        Some(i)
    };
    pruned.input_avals().zip(given_up).map(|(aval, up)| if *up { place(aval) } else { None }).collect()
}

/// Returns the value of a slot, which `make` fills if it is empty, and where the value came from.
pub(super) fn found_or_made<T>(
    slot: &OnceCell<Arc<T>>,
    make: impl FnOnce() -> Result<(T, Origin)>,
) -> Result<(Arc<T>, Origin)> {
    let mut origin = Origin::Memory;
    let found = slot.get_or_try_init(|| {
        let (made, from) = make()?;
        origin = from;
        Ok(Arc::new(made))
    });
    found.cloned().map(|found| (found, origin))
}

/// The caches of executables.
struct Stores<'a> {
    memory: &'a Lru<Key, Arc<xla::Executable>>,
    disk: Option<&'a Disk>,
}

fn compile(
    runtime: &'static Runtime,
    jaxpr: &Arc<Jaxpr>,
    donated: &[bool],
    stores: Option<Stores<'_>>,
) -> Result<(CompiledProgram, Origin)> {
    let (pruned, sources, used) = during(Stage::Rewrite, || computed(jaxpr));
    let types: Vec<Aval> = pruned.output_avals().collect();
    let effects = pruned.effects();
    if effects.check {
        return Err(unchecked(&pruned));
    }
    let passes = |i: usize| sources.iter().any(|s| matches!(s, Source::Argument(j) if *j == i));
    // Memory of another client cannot be donated.
    let gives_up = |i: usize| donated.get(i) == Some(&true) && !effects.host && !passes(i);
    let given_up: Vec<bool> = used.iter().map(|i| gives_up(*i)).collect();
    let aliases = aliases(&pruned, &given_up);
    let donors = aliases.iter().map(Option::is_some).collect();
    // A branch for another platform may call functions of this process.
    let calls_host = effects.host && Routes::of(runtime.device.platform()).host_calls;
    let program = |executable, used| {
        let elsewhere = Mutex::default();
        CompiledProgram {
            runtime,
            executable,
            sources,
            computed: types,
            used,
            donors,
            jaxpr: jaxpr.clone(),
            calls_host,
            elsewhere,
        }
    };
    if pruned.outputs().is_empty() && !effects.kept {
        return Ok((program(None, Vec::new()), Origin::Memory));
    }
    if let Some(folder) = dump::folder() {
        dump::write(folder, runtime.device.platform(), &pruned, &aliases)?;
    }
    runs_on(&pruned, runtime.device.platform())?;
    let host = if calls_host { Some(host(&runtime.client)?) } else { None };
    let target = match &host {
        Some(host) => Target { site: Site { client: &host.client, index: 0 }, ..Target::of(runtime) },
        None => Target::of(runtime),
    };
    let Inputs { text, params, options } = target.inputs(&pruned, &aliases);
    // A program that calls functions of this process is meaningless to another process.
    let place = stores.filter(|_| !effects.host).and_then(|stores| {
        let key = key(target.site, &text, &options, stores.disk.is_some())?;
        Some((stores, key))
    });
    let make = |place| compile_text(target.site, &text, &params, &options, place);
    let made = match place {
        Some((stores, key)) => {
            let slot = stores.memory.slot(&key);
            found_or_made(&slot.value, || make(stores.disk.map(|disk| (disk, key))))
        }
        None => make(None).map(|(executable, _)| (Arc::new(executable), Origin::Compiled)),
    };
    let (executable, origin) = made.map_err(|error| match opaque_in(&pruned).first() {
        Some(opaque) => error.context(format!("the program has {}, as it was imported", opaque.what)),
        None => error,
    })?;
    Ok((program(Some(executable), used), origin))
}

/// What a program is lowered and compiled for.
#[derive(Clone, Copy)]
struct Target<'a> {
    site: Site<'a>,
    platform: Platform,
}

impl Target<'_> {
    fn of(runtime: &Runtime) -> Target<'_> {
        Target { site: runtime.site(), platform: runtime.device.platform() }
    }

    /// Everything that the compiler receives.
    fn inputs(self, pruned: &Jaxpr, aliases: &[Option<usize>]) -> Inputs {
        inputs(self.platform, pruned, aliases)
    }
}

/// The executable of a StableHLO program on a device, from disk or from the compiler.
fn compile_text(
    site: Site<'_>,
    text: &str,
    params: &[xla::ArrayShape],
    options: &xla::CompileOptions,
    place: Option<(&Disk, Key)>,
) -> Result<(xla::Executable, Origin)> {
    let client = site.client;
    let load_from = |(disk, key): &(&Disk, Key)| {
        let loaded = load(site, &disk.load(key)?, params);
        if loaded.is_err() {
            disk.remove(key);
        }
        loaded.ok()
    };
    if let Some(executable) = place.as_ref().and_then(|place| during(Stage::Disk, || load_from(place))) {
        return Ok((executable, Origin::Disk));
    }
    let compile = |options: &xla::CompileOptions| during(Stage::Compile, || client.compile(text, params, options));
    let assigned = |assignment| xla::CompileOptions { device_assignment: Some(assignment), ..options.clone() };
    let stored = |executable: &xla::Executable| -> Option<Vec<u8>> {
        let (disk, key) = place.as_ref()?;
        let bytes = executable.serialize().ok()?;
        disk.store(key, &bytes);
        Some(bytes)
    };
    let executable = match assignment(site) {
        None => {
            let executable = compile(options)?;
            during(Stage::Disk, || stored(&executable));
            executable
        }
        // What is stored is for the device with the id 0, which other processes of a job may not have. Only the machine
        // code for a device of the same kind is for this one, too.
        Some(devices)
            if place.is_some()
                && client.devices()[0].id == 0
                && client.devices()[0].kind == client.devices()[site.index].kind =>
        {
            let first = compile(options)?;
            let moved = during(Stage::Disk, || stored(&first).and_then(|bytes| load(site, &bytes, params).ok()));
            moved.map_or_else(|| compile(&assigned(devices)), Ok)?
        }
        Some(devices) => compile(&assigned(devices))?,
    };
    Ok((executable, Origin::Compiled))
}

/// Loads what was serialized from an executable for the first device.
fn load(site: Site<'_>, code: &[u8], params: &[xla::ArrayShape]) -> Result<xla::Executable> {
    let assigned = |assignment| xla::CompileOptions { device_assignment: Some(assignment), ..Default::default() };
    Ok(site.client.deserialize_with(code, params, assignment(site).map(assigned).as_ref())?)
}

/// The devices of an executable, which belongs to those that it is compiled or loaded for. `None` is the device with
/// the id 0. In a job of several processes, the first device of most of them has another id.
fn assignment(site: Site<'_>) -> Option<Vec<Vec<i64>>> {
    let id = site.client.devices()[site.index].id;
    (id != 0).then(|| vec![vec![id.into()]])
}

/// The executable of a StableHLO text from elsewhere.
pub(crate) fn compile_foreign(runtime: &Runtime, text: &str, params: &[Aval]) -> Result<xla::Executable> {
    let target = Target::of(runtime);
    let params: Vec<_> = params.iter().map(array_shape).collect();
    let options = options(target.platform, Style::default());
    let place = Disk::open().and_then(|disk| Some((disk, key(target.site, text, &options, true)?)));
    Ok(compile_text(target.site, text, &params, &options, place)?.0)
}

/// Compiles a program with all its results and inputs, so that the executable can be serialized. An executable that was
/// itself loaded loses its machine code when serialized. It is for the first device; [`load_whole`] selects another.
pub(crate) fn compile_whole(runtime: &Runtime, jaxpr: &Jaxpr) -> Result<xla::Executable> {
    let simple = simplify(jaxpr);
    runs_on(&simple, runtime.device.platform())?;
    let Inputs { text, params, options } = Target::of(runtime).inputs(&simple, &[]);
    Ok(compile_text(Site { index: 0, ..runtime.site() }, &text, &params, &options, None)?.0)
}

/// Loads what was serialized from an executable of [`compile_whole`].
pub(crate) fn load_whole(runtime: &Runtime, code: &[u8], params: &[Aval]) -> Result<xla::Executable> {
    load(runtime.site(), code, &params.iter().map(array_shape).collect::<Vec<_>>())
}

/// How long the program takes to lower, to parse and to compile. It is compiled again for the measurement.
pub(crate) fn times(runtime: &'static Runtime, jaxpr: &Arc<Jaxpr>, donated: &[bool]) -> Result<Times> {
    let (compiled, mut times) = timed(|| compile(runtime, jaxpr, donated, None));
    compiled?;
    let text = text(runtime.device.platform(), &computed(jaxpr).0, &[]);
    let start = Instant::now();
    runtime.client.parse(&text)?;
    let parse = start.elapsed().min(times.compile);
    times.compile -= parse;
    times.parse = Some(parse);
    Ok(times)
}

/// The program after XLA's optimizations.
pub(crate) fn optimized_hlo(runtime: &'static Runtime, jaxpr: &Arc<Jaxpr>) -> Result<String> {
    // An executable from disk may have another program's source lines, so the program is compiled for reading.
    let (program, _) = compile(runtime, jaxpr, &[], None)?;
    match program.executable {
        Some(executable) => Ok(executable.optimized_hlo()?),
        None => Ok("(nothing is computed: the results are constants or arguments)".to_string()),
    }
}
