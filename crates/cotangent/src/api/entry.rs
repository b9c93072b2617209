//! One trace of a jitted function: what `jit` caches, and what is compiled ahead of time.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use once_cell::sync::OnceCell;
use smallvec::SmallVec;

use crate::array::aval::Aval;
use crate::array::device::{Device, Place, committed};
use crate::array::modes::{Promotion, modes};
use crate::array::{Array, InlineVec};
use crate::compile::times::{Times, timed};
use crate::error::{Error, ErrorKind, Result};
use crate::ir::axis::NamedAxis;
use crate::ir::jaxpr::{Closed, Jaxpr};
use crate::ops::precision::{Precision, default_precision};
use crate::runtime::many::Layouts;
use crate::runtime::{CompiledProgram, numbers_are_looked_for, runtime};
use crate::trace::axis;
use crate::transform::nested::embedded;
use crate::tree::{Leaves, Tree, collect_paths};

use super::func::Params;
use super::report::Counts;

/// A function traced for one combination of argument types.
pub(crate) struct Entry<P: Params, R> {
    /// The number of this trace among the traces of the function.
    pub(super) number: usize,
    pub(crate) avals: Vec<Aval>,
    /// The named axes in scope at the call. Collectives inside the function are traced for their sizes.
    pub(super) axes: Vec<NamedAxis>,
    /// The default precision of products at the call.
    pub(super) precision: Option<Precision>,
    /// What promotion was allowed at the call.
    pub(super) promotion: Promotion,
    /// The number of arrays in each argument.
    pub(crate) counts: InlineVec<usize, 4>,
    /// The arguments' structure, as a value whose arrays are placeholders.
    pub(crate) structure: P::Values,
    /// The program, without unused captures and arguments.
    pub(crate) closed: Closed,
    /// The indices of the arguments' arrays that the program uses.
    pub(crate) used: Vec<usize>,
    /// For each input of the program, whether it is donated because it is taken by value.
    pub(crate) donated: Vec<bool>,
    /// The result, with traced arrays as its leaves.
    pub(crate) template: R,
    /// The layouts that the user gave the arrays of the arguments and of the result.
    pub(super) layouts: Option<Layouts>,
    /// How long tracing took.
    pub(crate) times: Times,
    pub(super) programs: Programs,
}

/// What decides where a call runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// The devices of the arguments and captures.
    OfArguments,
    /// The user, who chose a device for the function.
    Chosen(Device),
    /// The place that the program was compiled for.
    Compiled(Place),
}

/// The compiled forms of a program, one for each device that it has run on.
#[derive(Default)]
pub(super) struct Programs {
    first: OnceCell<Arc<CompiledProgram>>,
    others: RwLock<Vec<Arc<CompiledProgram>>>,
}

impl Programs {
    /// Returns the program for a device, made by `make` if there is none.
    fn get(
        &self,
        device: Device,
        make: impl Fn() -> Result<Arc<CompiledProgram>>,
    ) -> Result<Cow<'_, Arc<CompiledProgram>>> {
        let first = self.first.get_or_try_init(&make)?;
        if first.runtime.device == device {
            return Ok(Cow::Borrowed(first));
        }
        let known = |others: &[Arc<CompiledProgram>]| others.iter().find(|p| p.runtime.device == device).cloned();
        if let Some(known) = known(&self.others.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(Cow::Owned(known));
        }
        let made = make()?;
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        if known(&others).is_none() {
            others.push(made.clone());
        }
        Ok(Cow::Owned(made))
    }
}

fn same_aval(aval: &Aval, x: &Array) -> bool {
    aval.dtype == x.dtype() && aval.weak_type == x.weak_type() && *aval.shape == *x.shape()
}

impl<P: Params, R: Tree> Entry<P, R> {
    /// Returns whether this trace can be used for these arguments.
    pub(crate) fn fits(&self, args: P::Refs<'_>, leaves: &Leaves<'_>) -> bool {
        self.avals.len() == leaves.len()
            && self.avals.iter().zip(leaves).all(|(a, x)| same_aval(a, x))
            && P::same_structure(P::refs(&self.structure), args)
            && axis::bound_are(&self.axes)
            && self.precision == default_precision()
            && self.promotion == modes().promotion
    }

    /// Returns the program that is compiled for a device, and compiles it at the first call there.
    pub(crate) fn program(&self, device: Device, counts: Option<&Counts>) -> Result<Cow<'_, Arc<CompiledProgram>>> {
        self.programs.get(device, || {
            let runtime = runtime(device)?;
            let (made, times) = timed(|| runtime.jitted(&self.closed, &self.donated));
            let (program, origin) = made?;
            if let Some(counts) = counts {
                counts.loaded(origin, times);
            }
            Ok(program)
        })
    }

    /// Returns the program that is or will be passed to the compiler.
    pub(crate) fn compiled(&self) -> Arc<Jaxpr> {
        let made = self.programs.first.get().map(|program| program.jaxpr.clone());
        made.or_else(|| embedded(&self.closed)).unwrap_or_else(|| self.closed.jaxpr.clone())
    }

    /// Returns the inputs of the program, given the arrays of the arguments.
    pub(super) fn inputs<'a>(&'a self, leaves: &[&'a Array]) -> SmallVec<[&'a Array; 8]> {
        self.closed.captures.iter().chain(self.used.iter().map(|i| leaves[*i])).collect()
    }

    /// Returns where a call with these inputs runs.
    pub(super) fn place<'a>(&self, inputs: impl Iterator<Item = &'a Array> + Clone, target: Target) -> Result<Place> {
        let name = |i: usize| match i.checked_sub(self.closed.captures.len()) {
            None => "a captured array".to_string(),
            Some(i) => {
                let paths = collect_paths(|path| P::paths(P::refs(&self.structure), path));
                format!("argument {}", paths[self.used[i]])
            }
        };
        let place = match target {
            Target::OfArguments => return self.on_devices(Place::of(inputs, name)?),
            Target::Chosen(device) => return self.on_devices(Place { device, committed: true }),
            Target::Compiled(place) => place,
        };
        match committed(inputs, name)? {
            Some(device) if device != place.device => {
                let here = place.device;
                let message = format!("it was compiled for {here}, but its arguments are on {device}");
                Err(Error::new(ErrorKind::Device, message)
                    .help(format!("move them to {here}, or lower it again with arguments on {device}")))
            }
            found => Ok(Place { committed: place.committed || found.is_some(), ..place }),
        }
    }

    /// Runs the program on these arguments.
    pub(crate) fn run(&self, leaves: &[&Array], target: Target, counts: Option<&Counts>) -> Result<R> {
        let inputs = self.inputs(leaves);
        let place = self.place(inputs.iter().copied(), target)?;
        if place.device.is_many() {
            return self.run_partitioned(inputs.into_iter().cloned().collect(), place, false, counts);
        }
        let program = self.program(place.device, counts)?;
        let results = crate::runtime::run(&program, &inputs, place.committed)?;
        program.runtime.check_nans(&self.closed.jaxpr, &inputs, &results, place.committed)?;
        Ok(self.template.rebuild(&mut results.into_iter()))
    }

    /// Runs the program as [`run`](Entry::run) does, and donates the arrays that are taken by value.
    pub(crate) fn run_owned(&self, leaves: Vec<Array>, target: Target, counts: Option<&Counts>) -> Result<R> {
        if numbers_are_looked_for() {
            return self.run(&leaves.iter().collect::<Vec<_>>(), target, counts);
        }
        let mut leaves: Vec<Option<Array>> = leaves.into_iter().map(Some).collect();
        let used = self.used.iter().filter_map(|i| leaves[*i].take());
        let inputs: Vec<Array> = self.closed.captures.iter().cloned().chain(used).collect();
        let place = self.place(inputs.iter(), target)?;
        if place.device.is_many() {
            return self.run_partitioned(inputs, place, true, counts);
        }
        let program = self.program(place.device, counts)?;
        let results = crate::runtime::run_owned(&program, inputs, place.committed)?;
        Ok(self.template.rebuild(&mut results.into_iter()))
    }

    /// Merges the arrays taken by reference and those taken by value into one list, in the order of the arguments.
    pub(crate) fn merge(&self, kept: Vec<Array>, owned: Vec<Array>) -> Vec<Array> {
        let (mut kept, mut owned) = (kept.into_iter(), owned.into_iter());
        (self.counts.iter().zip(P::owned()))
            .flat_map(|(n, is_owned)| {
                let source = if *is_owned { &mut owned } else { &mut kept };
                source.by_ref().take(*n).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// Returns the arrays of the arguments that are taken by reference.
pub(crate) fn kept_leaves<P: Params>(leaves: &Leaves<'_>, counts: &[usize]) -> Vec<Array> {
    let owned = P::owned().iter().zip(counts).flat_map(|(owned, n)| std::iter::repeat_n(*owned, *n));
    leaves.iter().zip(owned).filter(|(_, owned)| !owned).map(|(x, _)| (*x).clone()).collect()
}
