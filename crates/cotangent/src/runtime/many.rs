//! One program over several devices: it is compiled for all of them, and XLA's partitioner divides it.

use std::sync::{Arc, Mutex};

use rustc_hash::FxHashSet;

use crate::array::aval::Aval;
use crate::array::device::Device;
use crate::array::platform::Platform;
use crate::array::{Array, Repr};
use crate::compile::lift::lift_literals;
use crate::compile::spans::span;
use crate::compile::times::{Stage, during};
use crate::control::shard_map::ShardMap;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::{Entry, lower_entry};
use crate::ir::partition::{Layout, Partition};
use crate::ops::sharding_constraint::ShardingConstraint;
use crate::sharding::named::Tiles;
use crate::sharding::{Mesh, NamedSharding, PartitionSpec};

use super::client::array_shape;
use super::disk::{Disk, Key, key};
use super::lru::Lru;
use super::program::{Origin, Source, computed, found_or_made};
use super::refuse::{runs_on, unchecked};
use super::shards::{ShardedBuffer, sharded, sharding_of, take};
use super::transfer::Site;

/// Several devices of one client that run programs together.
pub(crate) struct Many {
    pub(crate) devices: Arc<[Device]>,
    pub(crate) client: xla::Client,
    /// The indices of the devices among those of the client.
    pub(crate) indices: Vec<usize>,
    programs: Lru<Asked, Arc<Partitioned>>,
    /// Programs that have run once, with their scalars lifted out.
    seen: Mutex<FxHashSet<Arc<Jaxpr>>>,
}

/// What a program is compiled for.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Asked {
    jaxpr: Arc<Jaxpr>,
    /// Which arguments may be reused for results.
    donated: Vec<bool>,
    layouts: Layouts,
}

/// How the arguments and results of a program are laid out; `None` where the partitioner may choose. The results may be
/// missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Layouts {
    pub(crate) inputs: Vec<Option<NamedSharding>>,
    pub(crate) outputs: Vec<Option<NamedSharding>>,
}

/// A program that is compiled for several devices.
pub(crate) struct Partitioned {
    /// The executable; `None` if nothing is computed.
    pub(crate) executable: Option<Arc<xla::Executable>>,
    sources: Vec<Source>,
    /// The types and layouts of the computed results.
    computed: Vec<(Aval, NamedSharding)>,
    /// The arguments that the executable takes, and their layouts.
    used: Vec<(usize, NamedSharding)>,
    /// For each of these, whether its memory may be reused.
    donors: Vec<bool>,
}

/// The number of programs that stay in memory.
const LIMIT: usize = 1024;
/// A program with more scalars keeps them.
const MANY_SCALARS: usize = 256;

/// The devices of the meshes in a program.
///
/// # Errors
/// If they are not the same everywhere. The error names both lists.
pub(crate) fn devices_in(jaxpr: &Jaxpr) -> Result<Option<Device>> {
    let mut found: Option<Device> = None;
    for mesh in meshes_in(jaxpr) {
        let device = Device::together(mesh.devices());
        if found.is_some_and(|known| known != device) {
            let known = found.map(|known| known.to_string()).unwrap_or_default();
            return Err(Error::new(
                ErrorKind::Device,
                format!("one program has meshes of different devices: {known}, and {device}"),
            )
            .help("make all meshes of one list of devices, in one order"));
        }
        found = Some(device);
    }
    Ok(found)
}

/// The meshes in a program.
fn meshes_in(jaxpr: &Jaxpr) -> Vec<Mesh> {
    let mut found: Vec<Mesh> = Vec::new();
    for eqn in jaxpr.eqns() {
        let prim = eqn.prim.as_any();
        let own = (prim.downcast_ref::<ShardMap>().map(|map| &map.mesh))
            .or_else(|| prim.downcast_ref::<ShardingConstraint>().map(|constraint| constraint.sharding.mesh()));
        let inner =
            eqn.prim.jaxprs().into_iter().filter(|inner| inner.effects().mesh).flat_map(|inner| meshes_in(inner));
        for mesh in own.cloned().into_iter().chain(inner) {
            if !found.contains(&mesh) {
                found.push(mesh);
            }
        }
    }
    found
}

impl Many {
    pub(super) fn new(devices: Arc<[Device]>, client: xla::Client, indices: Vec<usize>) -> Many {
        Many { devices, client, indices, programs: Lru::new(LIMIT), seen: Mutex::default() }
    }

    pub(super) fn forget(&self) {
        self.programs.halve();
    }

    pub(super) fn clear(&self) {
        self.programs.clear();
    }

    /// Runs a program outside `jit`.
    pub(crate) fn execute(&self, jaxpr: &Arc<Jaxpr>, args: &[&Array]) -> Result<Vec<Array>> {
        let inputs = args.iter().map(|x| sharding_of(x).cloned()).collect();
        let mut layouts = Layouts { inputs, outputs: Vec::new() };
        let known = self.programs.find(&Asked { jaxpr: jaxpr.clone(), donated: Vec::new(), layouts: layouts.clone() });
        if known.is_none_or(|slot| slot.value.get().is_none()) && jaxpr.eqns().len() > 1 {
            // As on one device: a program that comes again with other scalars takes them as arguments.
            let (lifted, literals) = lift_literals(jaxpr);
            let lifted = Arc::new(lifted);
            if (1..=MANY_SCALARS).contains(&literals.len()) && !super::execute::first_time(&self.seen, &lifted) {
                let scalars: Vec<Array> = literals.into_iter().map(Array::literal).collect();
                let args: Vec<&Array> = args.iter().copied().chain(&scalars).collect();
                layouts.inputs.resize(args.len(), None);
                let program = self.program(&lifted, &[], &layouts)?.0;
                return self.run(&program, args.into_iter().cloned().collect(), &[], &layouts);
            }
        }
        let program = self.program(jaxpr, &[], &layouts)?.0;
        self.run(&program, args.iter().map(|x| (*x).clone()).collect(), &[], &layouts)
    }

    /// The compiled form of a program, from the cache or from the compiler.
    pub(crate) fn program(
        &self,
        jaxpr: &Arc<Jaxpr>,
        donated: &[bool],
        layouts: &Layouts,
    ) -> Result<(Arc<Partitioned>, Origin)> {
        let asked = Asked { jaxpr: jaxpr.clone(), donated: donated.to_vec(), layouts: layouts.clone() };
        let slot = self.programs.slot(&asked);
        found_or_made(&slot.value, || self.compile(jaxpr, donated, layouts, true))
    }

    /// The mesh in whose axes the partitioner's choices are expressed: the candidates in order.
    fn meshes(&self, jaxpr: &Jaxpr, layouts: &Layouts) -> Vec<Mesh> {
        let given = layouts.inputs.iter().chain(&layouts.outputs).flatten().map(|sharding| sharding.mesh().clone());
        let mut meshes: Vec<Mesh> = Vec::new();
        for mesh in given.chain(meshes_in(jaxpr)) {
            if !meshes.contains(&mesh) {
                meshes.push(mesh);
            }
        }
        meshes
    }

    /// Compiles a program. `stored` says whether the disk cache is used.
    pub(crate) fn compile(
        &self,
        jaxpr: &Arc<Jaxpr>,
        donated: &[bool],
        layouts: &Layouts,
        stored: bool,
    ) -> Result<(Partitioned, Origin)> {
        let meshes = self.meshes(jaxpr, layouts);
        let (pruned, sources, used) = during(Stage::Rewrite, || computed(jaxpr));
        let effects = pruned.effects();
        if effects.check {
            return Err(unchecked(&pruned));
        }
        if effects.host || effects.kept {
            return Err(Error::new(
                ErrorKind::Runtime,
                "a program over several devices cannot call functions of this process",
            )
            .help("leave out callbacks and debug prints, or run the function on one device"));
        }
        runs_on(&pruned, self.platform())?;
        let passes = |i: usize| sources.iter().any(|s| matches!(s, Source::Argument(j) if *j == i));
        let donors: Vec<bool> = used.iter().map(|i| donated.get(*i) == Some(&true) && !passes(*i)).collect();
        let inputs: Vec<Option<NamedSharding>> =
            used.iter().map(|i| layouts.inputs.get(*i).cloned().flatten()).collect();
        let mut outputs: Vec<Option<NamedSharding>> = vec![None; pruned.outputs().len()];
        for (i, source) in sources.iter().enumerate() {
            if let (Source::Result(place), Some(Some(sharding))) = (source, layouts.outputs.get(i)) {
                outputs[*place].get_or_insert_with(|| sharding.clone());
            }
        }
        let types: Vec<Aval> = pruned.output_avals().collect();
        if pruned.outputs().is_empty() {
            let (computed, used) = (Vec::new(), Vec::new());
            return Ok((Partitioned { executable: None, sources, computed, used, donors: Vec::new() }, Origin::Memory));
        }
        let params: Vec<Aval> = pruned.input_avals().cloned().collect();
        let (executable, origin) = self.compiled(&pruned, (&inputs, &outputs), &donors, stored)?;
        let tilings = executable.tilings()?;
        let chosen = |given: &Option<NamedSharding>, tiling: Option<&Option<xla::Tiling>>, aval: &Aval| match given {
            Some(given) => Ok(given.clone()),
            // There is nothing to divide among one device.
            None if self.devices.len() == 1 => named(&meshes, Some(&xla::Tiling::default()), aval),
            None => named(&meshes, tiling.and_then(Option::as_ref), aval),
        };
        let computed = (types.into_iter().enumerate())
            .map(|(i, aval)| Ok((aval.clone(), chosen(&outputs[i], tilings.outputs.get(i), &aval)?)))
            .collect::<Result<_>>()?;
        let used = (used.into_iter().enumerate())
            .map(|(i, arg)| Ok((arg, chosen(&inputs[i], tilings.params.get(i), &params[i])?)))
            .collect::<Result<_>>()?;
        Ok((Partitioned { executable: Some(Arc::new(executable)), sources, computed, used, donors }, origin))
    }

    fn compiled(
        &self,
        pruned: &Jaxpr,
        (inputs, outputs): (&[Option<NamedSharding>], &[Option<NamedSharding>]),
        donors: &[bool],
        stored: bool,
    ) -> Result<(xla::Executable, Origin)> {
        let layouts = |given: &[Option<NamedSharding>], ranks: Vec<usize>| -> Vec<Option<Layout>> {
            given.iter().zip(ranks).map(|(sharding, rank)| sharding.as_ref().map(|s| s.layout(rank))).collect()
        };
        let (ins, outs) = (
            layouts(inputs, pruned.input_avals().map(Aval::rank).collect()),
            layouts(outputs, pruned.output_avals().map(|aval| aval.rank()).collect()),
        );
        let n = self.devices.len();
        let partition = Partition { devices: n, inputs: &ins, outputs: &outs, donors };
        let platform = self.platform();
        let entry = Entry { platform, portable: false, aliases: &[], constants: &[], partition: Some(partition) };
        let text = during(Stage::Lower, || lower_entry("cotangent", pruned, entry).to_text());
        let id = |index: &usize| vec![i64::from(self.client.devices()[*index].id)];
        let options = xla::CompileOptions {
            num_partitions: n as i64,
            device_assignment: Some(self.indices.iter().map(id).collect()),
            use_spmd_partitioning: true,
            use_shardy_partitioner: true,
            propagate_to_parameters: inputs.iter().map(Option::is_none).collect(),
            propagate_to_outputs: outputs.iter().map(Option::is_none).collect(),
            ..xla::CompileOptions::default()
        };
        // As for programs on one device.
        let options = options.flag("xla_cpu_enable_fast_min_max", xla::FlagValue::Bool(false));
        let params: Vec<xla::ArrayShape> = pruned.input_avals().map(array_shape).collect();
        let site = Site { client: &self.client, index: self.indices[0] };
        let disk = if stored { Disk::open() } else { None };
        let place = disk.and_then(|disk| Some((disk, key(site, &text, &options, true)?)));
        let load = |(disk, key): &(&Disk, Key)| {
            let loaded = self.client.deserialize(&disk.load(key)?, &params);
            if loaded.is_err() {
                disk.remove(key);
            }
            loaded.ok()
        };
        if let Some(executable) = place.as_ref().and_then(|place| during(Stage::Disk, || load(place))) {
            return Ok((executable, Origin::Disk));
        }
        let executable = during(Stage::Compile, || self.compiled_text(&text, &params, &options))?;
        if let Some((disk, key)) = &place {
            during(Stage::Disk, || executable.serialize().map_or((), |bytes| disk.store(key, &bytes)));
        }
        Ok((executable, Origin::Compiled))
    }

    /// Compiles with flags that not every plugin knows.
    fn compiled_text(
        &self,
        text: &str,
        params: &[xla::ArrayShape],
        options: &xla::CompileOptions,
    ) -> Result<xla::Executable> {
        // Shardy's layouts in the program turn the newer form of layouts off, with a warning each time.
        const NEWER_LAYOUTS: &str = "xla_enable_hlo_sharding_v3";
        // The plugin ends the process if a device is late, as on a machine with other work to do.
        const PATIENCE: &str = "xla_cpu_collective_call_terminate_timeout_seconds";
        let more = options.clone().flag(NEWER_LAYOUTS, xla::FlagValue::Bool(false));
        let more = if self.platform() == Platform::Cpu { more.flag(PATIENCE, xla::FlagValue::Int(3600)) } else { more };
        match self.client.compile(text, params, &more) {
            Err(error) if [NEWER_LAYOUTS, PATIENCE].iter().any(|flag| error.to_string().contains(flag)) => {
                Ok(self.client.compile(text, params, options)?)
            }
            compiled => Ok(compiled?),
        }
    }

    pub(crate) fn platform(&self) -> Platform {
        self.devices[0].platform()
    }

    /// Runs a compiled program. The arguments marked in `donated` are donated if they have no other handle.
    pub(crate) fn run(
        &self,
        program: &Partitioned,
        args: Vec<Array>,
        donated: &[bool],
        layouts: &Layouts,
    ) -> Result<Vec<Array>> {
        let _span = span!(TRACE, "execute");
        super::execute::may_run()?;
        let through: Vec<Option<Array>> = (program.sources.iter())
            .map(|source| if let Source::Argument(i) = source { Some(args[*i].clone()) } else { None })
            .collect();
        let mut args: Vec<Option<Array>> = args.into_iter().map(Some).collect();
        // First what is donated or must be copied, then what is shared.
        let mut own: Vec<Option<Parts>> = Vec::with_capacity(program.used.len());
        for ((i, sharding), donor) in program.used.iter().zip(&program.donors) {
            let rank = args[*i].as_ref().map_or(0, Array::ndim);
            let fits = |array: &Array| sharding_of(array).is_some_and(|known| known.equivalent(sharding, rank));
            let Some(array) = args[*i].take() else { unreachable!("each argument is used once") };
            own.push(match fits(&array) {
                true if *donor && donated.get(*i) == Some(&true) => match take(array) {
                    Ok((shards, _)) => Some(Parts::Donated(shards)),
                    Err(array) => {
                        args[*i] = Some(array);
                        None
                    }
                },
                true => {
                    args[*i] = Some(array);
                    None
                }
                false => Some(Parts::Copied(self.parts(&array, sharding)?)),
            });
        }
        let Some(executable) = &program.executable else {
            return program
                .sources
                .iter()
                .zip(through)
                .enumerate()
                .map(|(i, s)| self.settled(i, s, &[], layouts))
                .collect();
        };
        let mut copied: Vec<Option<ShardedBuffer>> = Vec::with_capacity(own.len());
        let mut given: Vec<Option<Vec<xla::Buffer>>> = Vec::with_capacity(own.len());
        for parts in own {
            let (copy, donation) = match parts {
                Some(Parts::Copied(copy)) => (Some(copy), None),
                Some(Parts::Donated(shards)) => (None, Some(shards)),
                None => (None, None),
            };
            copied.push(copy);
            given.push(donation);
        }
        let arguments = (program.used.iter().zip(&copied).zip(given))
            .filter_map(|(((i, _), copied), given)| match (copied, given) {
                (_, Some(shards)) => Some(xla::Shards::Donate(shards)),
                (Some(copied), None) => Some(xla::Shards::Keep(copied.shards.iter().collect())),
                (None, None) => {
                    let buffer = args[*i].as_ref().and_then(sharded)?;
                    Some(xla::Shards::Keep(buffer.shards.iter().collect()))
                }
            })
            .collect();
        let results = executable.execute_partitioned(arguments)?;
        let results: Vec<Array> = (results.into_iter().zip(&program.computed))
            .map(|(shards, (aval, sharding))| self.result(shards, sharding.clone(), aval))
            .collect();
        program.sources.iter().zip(through).enumerate().map(|(i, s)| self.settled(i, s, &results, layouts)).collect()
    }

    /// Result `i` of a program.
    fn settled(
        &self,
        i: usize,
        (source, through): (&Source, Option<Array>),
        results: &[Array],
        layouts: &Layouts,
    ) -> Result<Array> {
        let array = match (source, through) {
            (Source::Result(place), _) => results[*place].clone(),
            (Source::Literal(literal), _) => Array::literal(*literal),
            (Source::Argument(_), Some(array)) => array,
            (Source::Argument(_), None) => unreachable!("it was set aside before the run"),
        };
        let rank = array.ndim();
        match (layouts.outputs.get(i), sharding_of(&array)) {
            (Some(Some(wanted)), Some(known)) if known.equivalent(wanted, rank) => Ok(array),
            (Some(Some(wanted)), _) => self.put(&array, wanted),
            (_, Some(_)) => Ok(array),
            (_, None) if matches!(array.0, Repr::Scalar(_)) => Ok(array),
            // A result of the devices is on all of them.
            (_, None) => self.put(&array, &NamedSharding::new(&self.flat(), PartitionSpec::default())),
        }
    }

    /// The devices as a mesh of one axis.
    fn flat(&self) -> Mesh {
        Mesh::new(&self.devices, [("devices", self.devices.len())])
    }
}

/// The parts of an argument that this call has for itself.
enum Parts {
    Donated(Vec<xla::Buffer>),
    Copied(ShardedBuffer),
}

/// The sharding that the partitioner chose.
fn named(meshes: &[Mesh], tiling: Option<&xla::Tiling>, aval: &Aval) -> Result<NamedSharding> {
    let (tiling, first) = match (tiling, meshes.first()) {
        (Some(tiling), Some(first)) => (tiling, first),
        _ => {
            return Err(Error::new(ErrorKind::Runtime, format!("the compiler did not say how it laid out {aval}"))
                .help("give the layout: `jit(f).out_shardings(…)`, `lax::with_sharding_constraint`"));
        }
    };
    if tiling.tiles.is_empty() {
        return Ok(NamedSharding::new(first, PartitionSpec::default()));
    }
    let tiles = Tiles { counts: tiling.tiles.clone(), places: tiling.places.clone() };
    meshes.iter().find_map(|mesh| NamedSharding::of_tiles(mesh, &tiles)).ok_or_else(|| {
        Error::new(
            ErrorKind::Runtime,
            format!(
                "the compiler laid out {aval} over parts of the axes of {first}: {:?} parts along its dimensions",
                tiling.tiles
            ),
        )
        .help("give the layout: `jit(f).out_shardings(…)`, `lax::with_sharding_constraint`")
    })
}
