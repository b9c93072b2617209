//! Ahead-of-time compilation: lowering, compiling, serializing and exporting a function.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::array::aval::Aval;
use crate::array::device::Place;
use crate::array::platform::Platform;
use crate::compile::times::{Times, timed};
use crate::error::{Error, ErrorKind, OrRaise, Result, attempt};
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Entry as LoweredEntry;
use crate::ir::lowering::{lower, lower_entry};
use crate::ir::partition::{Layout, Partition};
use crate::runtime::many::{Layouts, Partitioned};
use crate::runtime::{CompiledProgram, compile_for, compile_whole, optimized_hlo, runs_on, runtime, times, unchecked};
use crate::sharding::NamedSharding;
use crate::trace::frames::tracing;
use crate::tree::Tree;
use xla::Target;

use super::artifact::{Blob, Surroundings};
use super::callable::callable;
use super::cross::CrossCompiled;
use super::entry::{self, Entry, kept_leaves};
use super::exported::Exported;
use super::func::Params;
use super::report::changes;
use super::signature::signature;

/// A traced program that is ready to be compiled; made by [`Jit::lower`](crate::Jit::lower).
///
/// ```
/// use cotangent::prelude::*;
/// let f = jit(|x: &Array| x + 1.0);
/// let lowered = f.lower((&2.0.into(),)).unwrap();
/// assert!(lowered.stablehlo().contains("stablehlo.add"));
/// ```
#[must_use = "a lowered program is not compiled until `compile` is called"]
pub struct Lowered<P: Params, R: Tree> {
    pub(crate) name: Arc<str>,
    pub(crate) entry: Arc<Entry<P, R>>,
    /// Where a call with the arguments it was lowered for runs.
    pub(crate) place: Place,
    /// How such a call lays out its inputs and results, if it runs on several devices.
    pub(crate) layouts: Option<Layouts>,
}

impl<P: Params, R: Tree> fmt::Debug for Lowered<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lowered({}: {})", self.name, self.jaxpr())
    }
}

impl<P: Params, R: Tree> Lowered<P, R> {
    /// Returns the program as a jaxpr. Captured arrays are its leading inputs.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0);
    /// assert_eq!(f.lower((&2.0.into(),)).unwrap().jaxpr().eqns().len(), 1);
    /// ```
    #[must_use]
    pub fn jaxpr(&self) -> &Jaxpr {
        &self.entry.closed.jaxpr
    }

    /// Returns the program as StableHLO text.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0);
    /// assert!(f.lower((&2.0.into(),)).unwrap().stablehlo().contains("stablehlo.add"));
    /// ```
    #[must_use]
    pub fn stablehlo(&self) -> String {
        let name = format!("jit_{}", self.name);
        match (&self.layouts, self.place.device.list()) {
            (Some(layouts), Some(devices)) => partitioned_text(&name, self.jaxpr(), layouts, devices.len(), self.place),
            _ => lower(&name, self.jaxpr(), self.place.device.platform()).to_text(),
        }
    }

    /// Returns the HLO that XLA's optimizations produce from the program on this machine.
    ///
    /// # Errors
    /// Returns an error if there is no plugin or the program does not compile.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0);
    /// assert!(!f.lower((&2.0.into(),)).unwrap().optimized_hlo().unwrap().is_empty());
    /// ```
    pub fn optimized_hlo(&self) -> Result<String, Error> {
        if let Some(layouts) = &self.layouts {
            let program = self.entry.partitioned_anew(self.place, layouts)?;
            return match program.executable {
                Some(executable) => Ok(executable.optimized_hlo()?),
                None => Err(nothing()),
            };
        }
        optimized_hlo(runtime(self.place.device)?, &self.entry.compiled())
    }

    /// Returns how long each stage of compilation takes. The times of tracing and rewriting are those of the trace that
    /// made this program. Lowering, parsing and compiling are run once more to measure them, whatever the caches hold.
    ///
    /// # Errors
    /// Returns an error if there is no plugin or the program does not compile.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let times = jit(|x: &Array| x.sin() + 1.0).lower((&2.0.into(),)).unwrap().times().unwrap();
    /// println!("{times}");
    /// assert!(times.parse.unwrap() < times.total());
    /// ```
    pub fn times(&self) -> Result<Times> {
        if let Some(layouts) = &self.layouts {
            let (compiled, times) = timed(|| self.entry.partitioned_anew(self.place, layouts));
            compiled?;
            return Ok(times);
        }
        let mut times = times(runtime(self.place.device)?, &self.entry.compiled(), &self.entry.donated)?;
        times += self.entry.times;
        Ok(times)
    }

    /// Compiles the program. The result is called like the function, with arguments of the types it was lowered for. It
    /// runs on the device that the function would run on with those arguments.
    ///
    /// # Errors
    /// Returns an error if there is no plugin or the program does not compile.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0).lower((&2.0.into(),)).unwrap().compile().unwrap();
    /// assert_eq!(f(&3.0.into()).item::<f32>(), 4.0);
    /// ```
    #[track_caller]
    pub fn compile(&self) -> Result<Compiled<P, R>> {
        let program = match &self.layouts {
            Some(layouts) => Executables::Many(self.entry.partitioned(self.place, layouts, None)?.1),
            None => Executables::One(self.entry.program(self.place.device, None)?.into_owned()),
        };
        Ok(Compiled::new(self.name.clone(), self.entry.clone(), program, self.place))
    }

    /// Compiles the program for a GPU, which this machine need not have. The result is inspected or serialized here, and
    /// [`Loaded::from_bytes`](crate::Loaded::from_bytes) runs it where the GPU is.
    ///
    /// The compiler is the plugin for CUDA with NVIDIA's assembler, which `cotangent setup` fetches. Without a device,
    /// nothing is tried out to find the fastest implementation of a matrix product or a convolution.
    ///
    /// # Errors
    /// Returns an error if there is no such plugin, the program calls functions of this process, contains checks that no
    /// `checkify` collects, or does not compile.
    ///
    /// ```no_run
    /// use cotangent::{Target, prelude::*};
    /// let f = jit(|x: &Array| (2.0 * x).sin());
    /// let compiled = f.lower((&np::zeros(1000),))?.compile_for(Target::H100)?;
    /// println!("{} kernels, {} bytes of memory", compiled.kernels()?, compiled.memory_analysis()?.temporary);
    /// std::fs::write("f.h100", compiled.serialize()?).unwrap();
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn compile_for(&self, target: Target) -> Result<CrossCompiled> {
        let jaxpr = self.jaxpr();
        closed_program(jaxpr, "compiled for another machine")?;
        CrossCompiled::new(&self.name, signature(&self.entry), captures(&self.entry)?, compile_for(jaxpr, target)?)
    }

    /// Returns the program as portable StableHLO text with its signature. Another process or another machine can run
    /// it, on the same platform as this process. Captured arrays become constants of the program.
    ///
    /// # Errors
    /// Returns an error if the program calls functions of this process, or contains checks that no `checkify` collects.
    ///
    /// ```
    /// use cotangent::{Exported, prelude::*};
    /// let x = Array::from([1.0f32, 2.0]);
    /// let text = jit(|x: &Array| 2.0 * x).lower((&x,)).unwrap().export().unwrap().to_string();
    /// let f = Exported::parse(text.as_bytes()).unwrap().compile().unwrap();
    /// assert_eq!(f.call(&(x,)).unwrap()[0].to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    pub fn export(&self) -> Result<Exported> {
        self.export_for(self.place.device.platform())
    }

    /// Exports the program as [`export`](Self::export) does, for the given platform. Operations that XLA does not
    /// implement everywhere are lowered differently for each platform: a Cholesky decomposition is a LAPACK call on the
    /// CPU.
    ///
    /// # Errors
    /// As [`export`](Self::export).
    ///
    /// ```
    /// use cotangent::{Platform, prelude::*};
    /// let f = jit(|a: &Array| lax::linalg::cholesky(a));
    /// let lowered = f.lower((&np::eye(3, 3),)).unwrap();
    /// let [here, there] = [Platform::Cpu, Platform::Cuda].map(|platform| lowered.export_for(platform).unwrap());
    /// assert!(here.stablehlo().contains("lapack_spotrf_ffi") && there.stablehlo().contains("stablehlo.cholesky"));
    /// ```
    pub fn export_for(&self, platform: Platform) -> Result<Exported> {
        let jaxpr = self.jaxpr();
        closed_program(jaxpr, "exported")?;
        runs_on(jaxpr, platform)?;
        if self.layouts.is_some() {
            return Err(over_devices("exported"));
        }
        let constants =
            (self.entry.closed.captures.iter()).map(|x| Ok((x.aval(), x.to_bytes()?))).collect::<Result<Vec<_>>>()?;
        let entry = LoweredEntry { platform, portable: true, aliases: &[], constants: &constants, partition: None };
        let module = lower_entry(&self.name, jaxpr, entry).to_text();
        let name = self.name.to_string();
        Ok(Exported { signature: signature(&self.entry), name, platform: Some(platform), module })
    }
}

/// A compiled program, for one device or for several.
enum Executables {
    One(Arc<CompiledProgram>),
    Many(Arc<Partitioned>),
}

fn nothing() -> Error {
    Error::new(ErrorKind::Runtime, "nothing is computed: the results are constants or arguments")
}

/// The error for a program over several devices that should leave the process.
pub(crate) fn over_devices(verb: &str) -> Error {
    Error::new(ErrorKind::Device, format!("a program over several devices cannot be {verb}"))
        .help("the disk cache keeps it for other processes; compile it there again")
}

/// The StableHLO of a program over several devices.
fn partitioned_text(name: &str, jaxpr: &Jaxpr, layouts: &Layouts, devices: usize, place: Place) -> String {
    let layout = |list: &[Option<NamedSharding>], ranks: Vec<usize>| -> Vec<Option<Layout>> {
        list.iter().zip(ranks).map(|(sharding, rank)| sharding.as_ref().map(|s| s.layout(rank))).collect()
    };
    let inputs = layout(&layouts.inputs, jaxpr.input_avals().map(Aval::rank).collect());
    let outputs = layout(&layouts.outputs, jaxpr.output_avals().map(|aval| aval.rank()).collect());
    let partition = Partition { devices, inputs: &inputs, outputs: &outputs, donors: &[] };
    let platform = place.device.platform();
    let entry = LoweredEntry { platform, portable: false, aliases: &[], constants: &[], partition: Some(partition) };
    lower_entry(name, jaxpr, entry).to_text()
}

/// The types and bytes of the captured arrays, which are the leading inputs of the program.
fn captures<P: Params, R: Tree>(entry: &Entry<P, R>) -> Result<Vec<(Aval, Vec<u8>)>> {
    entry.closed.captures.iter().map(|x| Ok((x.aval().with_weak_type(false), x.to_bytes()?))).collect()
}

/// Checks that a program that leaves the process does not depend on it.
pub(crate) fn closed_program(jaxpr: &Jaxpr, verb: &str) -> Result<()> {
    let effects = jaxpr.effects();
    if effects.mesh {
        return Err(over_devices(verb));
    }
    if effects.host {
        return Err(Error::new(ErrorKind::Runtime, format!("a program with callbacks cannot be {verb}"))
            .help("remove callbacks and debug prints"));
    }
    if effects.check {
        return Err(unchecked(jaxpr));
    }
    Ok(())
}

/// A function compiled for arguments of fixed types; made by [`Lowered::compile`]. It is called like the function.
///
/// ```
/// use cotangent::prelude::*;
/// let f = jit(|x: &Array| x + 1.0).lower((&Array::from([1.0f32, 2.0]),)).unwrap().compile().unwrap();
/// assert_eq!(f(&Array::from([3.0f32, 4.0])).to_vec::<f32>(), [4.0, 5.0]);
/// let error = f.try_call((&Array::from([1.0f32]),)).unwrap_err();
/// assert!(error.to_string().contains("argument [0]: shape [2] became [1]"));
/// ```
#[must_use = "a compiled program does nothing until it is called"]
pub struct Compiled<P: Params, R: Tree> {
    name: Arc<str>,
    entry: Arc<Entry<P, R>>,
    program: Executables,
    place: Place,
    call: Box<P::Dyn<'static, R>>,
}

impl<P: Params, R: Tree> Compiled<P, R> {
    #[track_caller]
    fn new(name: Arc<str>, entry: Arc<Entry<P, R>>, program: Executables, place: Place) -> Self {
        let (first, second, inner) = (entry.clone(), entry.clone(), name.clone());
        // Rust's call operator does not say where it is used. Errors point at the line that compiled the program.
        let loc = Location::caller();
        let call = P::wrap_consuming(
            move |args| {
                let (leaves, counts) = P::leaves(args);
                fits(&inner, &first, args).map_err(|e| e.at(loc)).or_raise();
                kept_leaves::<P>(&leaves, &counts)
            },
            move |kept, owned| {
                let leaves = second.merge(kept, owned);
                second.run_owned(leaves, entry::Target::Compiled(place), None).map_err(|e| e.at(loc)).or_raise()
            },
        );
        Compiled { name, entry, program, place, call }
    }

    /// Calls the function, and returns every failure as an error instead of panicking.
    ///
    /// # Errors
    /// Returns an error if the arguments are not of the types that the function was compiled for, or if running it
    /// fails.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0).lower((&1.0.into(),)).unwrap().compile().unwrap();
    /// assert_eq!(f.try_call((&2.0.into(),)).unwrap().item::<f32>(), 3.0);
    /// ```
    pub fn try_call(&self, args: P::Refs<'_>) -> Result<R> {
        fits(&self.name, &self.entry, args)?;
        attempt(|| self.entry.run(&P::leaves(args).0, entry::Target::Compiled(self.place), None).or_raise())
    }

    fn executable(&self) -> Result<&xla::Executable> {
        let executable = match &self.program {
            Executables::One(program) => &program.executable,
            Executables::Many(program) => &program.executable,
        };
        executable.as_deref().ok_or_else(nothing)
    }

    /// Returns XLA's estimate of the cost of a run, such as `flops` and `bytes accessed`, sorted by name.
    ///
    /// # Errors
    /// Returns an error if the plugin does not support cost analysis. CPU plugins do not.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0).lower((&1.0.into(),)).unwrap().compile().unwrap();
    /// match f.cost_analysis() {
    ///     Ok(costs) => println!("{costs:?}"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// ```
    pub fn cost_analysis(&self) -> Result<Vec<(String, f64)>> {
        Ok(self.executable()?.cost_analysis()?)
    }

    /// Returns how much memory a run takes, in bytes.
    ///
    /// # Errors
    /// Returns an error if the plugin does not support memory analysis.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Array::from(vec![1.0f32; 1000]);
    /// let f = jit(|x: &Array| x + 1.0).lower((&x,)).unwrap().compile().unwrap();
    /// assert_eq!(f.memory_analysis().unwrap().arguments, 4000);
    /// ```
    pub fn memory_analysis(&self) -> Result<MemoryAnalysis> {
        Ok(self.executable()?.memory_stats()?.into())
    }

    /// Returns the compiled program as bytes, for [`Loaded::from_bytes`](crate::Loaded::from_bytes) in a process with
    /// the same plugin on the same kind of processor. The bytes are machine code and contain the captured arrays. Use
    /// [`Lowered::export`] for a portable form.
    ///
    /// # Errors
    /// Returns an error if the program calls functions of this process.
    ///
    /// ```
    /// use cotangent::{Loaded, prelude::*};
    /// let f = jit(|x: &Array| x + 1.0).lower((&1.0.into(),)).unwrap().compile().unwrap();
    /// let bytes = f.serialize().unwrap();
    /// let loaded = Loaded::from_bytes(&bytes).unwrap();
    /// assert_eq!(loaded.call(&(Array::from(2.0),)).unwrap()[0].item::<f32>(), 3.0);
    /// ```
    pub fn serialize(&self) -> Result<Vec<u8>> {
        let jaxpr = &self.entry.closed.jaxpr;
        closed_program(jaxpr, "serialized")?;
        let Executables::One(program) = &self.program else { return Err(over_devices("serialized")) };
        // Every result is computed by this executable, including those that a call in this process would forward.
        let executable = compile_whole(program.runtime, jaxpr)?;
        let blob = Blob {
            name: self.name.to_string(),
            signature: signature(&self.entry),
            captures: captures(&self.entry)?,
            code: executable.serialize()?,
        };
        Ok(blob.write(&Surroundings::of(program.runtime)?))
    }
}

/// Checks that the arguments have the types that a program was compiled for.
fn fits<P: Params, R: Tree>(name: &str, entry: &Entry<P, R>, args: P::Refs<'_>) -> Result<()> {
    let (leaves, counts) = P::leaves(args);
    if tracing() {
        return Err(Error::new(
            ErrorKind::Trace,
            format!("{name}: a compiled program cannot be called inside a transformed function"),
        )
        .help("call the function itself or its `jit` there"));
    }
    if entry.fits(args, &leaves) {
        return Ok(());
    }
    let avals: Vec<Aval> = leaves.iter().map(|x| x.aval()).collect();
    let compiled_for = (P::refs(&entry.structure), &entry.avals[..], &entry.counts[..]);
    let changes: Vec<String> =
        changes::<P>(compiled_for, (args, &avals, &counts)).iter().map(ToString::to_string).collect();
    let message = format!("{name} was compiled for other arguments: {}", changes.join("; "));
    Err(Error::new(ErrorKind::Structure, message).help("lower and compile it for these arguments, or call the `jit`"))
}

callable! {
    impl[P: Params, R: Tree] Compiled<P, R>: 'static -> R;
    |this, f| write!(f, "Compiled({}: {})", this.name, signature(&this.entry))
}

/// The memory that a program takes, in bytes; made by [`Compiled::memory_analysis`].
///
/// ```
/// assert_eq!(cotangent::MemoryAnalysis::default().temporary, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryAnalysis {
    /// Size of the machine code.
    pub code: i64,
    /// Size of the arguments.
    pub arguments: i64,
    /// Size of the results.
    pub outputs: i64,
    /// Size of the arguments whose memory the results reuse.
    pub aliased: i64,
    /// Size of the intermediate values.
    pub temporary: i64,
}

impl From<xla::MemoryStats> for MemoryAnalysis {
    fn from(stats: xla::MemoryStats) -> MemoryAnalysis {
        let xla::MemoryStats { code, arguments, outputs, aliased, temporary } = stats;
        MemoryAnalysis { code, arguments, outputs, aliased, temporary }
    }
}
