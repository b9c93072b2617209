//! Jitted functions over several devices: the layouts of arguments and results.

use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::device::{Device, Place};
use crate::compile::times::timed;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::sharding_constraint::ShardingConstraint;
use crate::runtime::many::{Layouts, Many, Partitioned};
use crate::runtime::shards::sharding_of;
use crate::runtime::{Origin, Runtime, on_mesh, runtime};
use crate::sharding::NamedSharding;
use crate::trace::frames::bind1;
use crate::tree::{Tree, collect_paths, flatten, leaf_paths};

use super::entry::Entry;
use super::func::Params;
use super::grad::param_paths;
use super::prefix::Prefix;
use super::report::Counts;

/// The layouts that the user gave a jitted function.
#[derive(Clone, Default)]
pub(super) struct Wanted {
    pub(super) inputs: Option<Prefix<Option<NamedSharding>>>,
    pub(super) outputs: Option<Prefix<Option<NamedSharding>>>,
}

impl Wanted {
    /// Returns the layout of each array of the arguments and of the result; `None` if the user gave none at all.
    pub(super) fn resolve<P: Params, R: Tree>(
        &self,
        args: P::Refs<'_>,
        avals: &[Aval],
        result: &R,
    ) -> Result<Option<Layouts>> {
        if self.inputs.is_none() && self.outputs.is_none() {
            return Ok(None);
        }
        let inputs = match &self.inputs {
            None => vec![None; avals.len()],
            Some(inputs) => inputs
                .resolve(avals.len(), |path| P::paths(args, path))
                .map_err(|misfit| Error::from(misfit).context("in_shardings"))?,
        };
        for (i, (sharding, aval)) in inputs.iter().zip(avals).enumerate() {
            let what = || format!("in_shardings: argument {} ({aval})", param_paths::<P>(args)[i]);
            sharding.iter().try_for_each(|sharding| sharding.check(aval)).map_err(|e| e.context(what()))?;
        }
        let results = flatten(result);
        let outputs = match &self.outputs {
            None => vec![None; results.len()],
            Some(outputs) => outputs
                .resolve(results.len(), |path| result.paths(path))
                .map_err(|misfit| Error::from(misfit).context("out_shardings"))?,
        };
        for (i, (sharding, x)) in outputs.iter().zip(&results).enumerate() {
            let what = || format!("out_shardings: result{} ({})", leaf_paths(result)[i], x.aval());
            sharding.iter().try_for_each(|sharding| sharding.check(&x.aval())).map_err(|e| e.context(what()))?;
        }
        Ok(Some(Layouts { inputs, outputs }))
    }
}

/// The devices of layouts.
fn devices_of(layouts: &Layouts) -> Result<Option<Device>> {
    let mut found: Option<Device> = None;
    for sharding in layouts.inputs.iter().chain(&layouts.outputs).flatten() {
        let device = Device::together(sharding.mesh().devices());
        if let Some(known) = found.filter(|known| *known != device) {
            return Err(Error::new(
                ErrorKind::Device,
                format!("the shardings are over different devices: {known}, and {device}"),
            )
            .help("make all meshes of one list of devices, in one order"));
        }
        found = Some(device);
    }
    Ok(found)
}

/// Lays out arrays inside an enclosing program.
pub(super) fn constrained(x: &Array, sharding: Option<&NamedSharding>) -> Array {
    match sharding {
        Some(sharding) => bind1(ShardingConstraint { sharding: sharding.clone() }, &[x]),
        None => x.clone(),
    }
}

/// The devices of a place that runs programs on several.
fn many(runtime: &'static Runtime) -> Result<&'static Many> {
    runtime.many.as_ref().ok_or_else(|| Error::new(ErrorKind::Runtime, "one device cannot run a program for several"))
}

impl<P: Params, R: Tree> Entry<P, R> {
    /// Returns the place of a call that would run at `place` if its program had no mesh.
    pub(super) fn on_devices(&self, place: Place) -> Result<Place> {
        let place = on_mesh(&self.closed.jaxpr, place)?;
        let Some(device) = self.layouts.as_ref().map(devices_of).transpose()?.flatten() else { return Ok(place) };
        if place.committed && place.device != device {
            let message = format!("its shardings are over {device}, but it has arrays on {}", place.device);
            return Err(Error::new(ErrorKind::Device, message)
                .help("move the arrays to the devices of the mesh, or make the mesh of theirs"));
        }
        Ok(Place { device, committed: true })
    }

    /// Returns how a call with these inputs lays them out.
    pub(super) fn asked<'a>(&self, inputs: impl Iterator<Item = &'a Array>) -> Result<Layouts> {
        let captures = self.closed.captures.len();
        let given = |i: usize| {
            let argument = self.used[i.checked_sub(captures)?];
            self.layouts.as_ref()?.inputs[argument].as_ref()
        };
        let inputs = (inputs.enumerate())
            .map(|(i, x)| match (given(i), sharding_of(x)) {
                (Some(given), Some(known)) if !known.equivalent(given, x.ndim()) => {
                    let paths = collect_paths(|path| P::paths(P::refs(&self.structure), path));
                    let name = &paths[self.used[i - captures]];
                    Err(Error::new(
                        ErrorKind::Device,
                        format!(
                            "in_shardings lay out argument {name} ({}) as {given}, but it is laid out as {known}",
                            x.aval()
                        ),
                    )
                    .help("move it first: `device_put(&x, &sharding)`; or leave out its in_sharding"))
                }
                (Some(given), _) => Ok(Some(given.clone())),
                (None, known) => Ok(known.cloned()),
            })
            .collect::<Result<_>>()?;
        // The results of the program are the arrays of the result, in order.
        let outputs = self.layouts.as_ref().map_or_else(Vec::new, |layouts| layouts.outputs.clone());
        Ok(Layouts { inputs, outputs })
    }

    /// Returns the program that is compiled for several devices and these layouts.
    pub(super) fn partitioned(
        &self,
        place: Place,
        layouts: &Layouts,
        counts: Option<&Counts>,
    ) -> Result<(&'static Many, Arc<Partitioned>)> {
        let many = many(runtime(place.device)?)?;
        let (made, times) = timed(|| many.program(&self.closed.jaxpr, &self.donated, layouts));
        let (program, origin) = made?;
        if let (Some(counts), true) = (counts, origin != Origin::Memory) {
            counts.loaded(origin, times);
        }
        Ok((many, program))
    }

    /// Compiles the program for several devices, to be looked at.
    pub(super) fn partitioned_anew(&self, place: Place, layouts: &Layouts) -> Result<Partitioned> {
        Ok(many(runtime(place.device)?)?.compile(&self.closed.jaxpr, &self.donated, layouts, false)?.0)
    }

    /// Runs the program on several devices. Donates the inputs that it owns alone, if `donate` is set.
    pub(super) fn run_partitioned(
        &self,
        inputs: Vec<Array>,
        place: Place,
        donate: bool,
        counts: Option<&Counts>,
    ) -> Result<R> {
        let layouts = self.asked(inputs.iter())?;
        let (many, program) = self.partitioned(place, &layouts, counts)?;
        if donate {
            let results = many.run(&program, inputs, &self.donated, &layouts)?;
            return Ok(self.template.rebuild(&mut results.into_iter()));
        }
        let results = many.run(&program, inputs.clone(), &[], &layouts)?;
        let inputs: Vec<&Array> = inputs.iter().collect();
        runtime(place.device)?.check_nans(&self.closed.jaxpr, &inputs, &results, true)?;
        Ok(self.template.rebuild(&mut results.into_iter()))
    }
}
