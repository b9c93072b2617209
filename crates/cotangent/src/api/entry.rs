//! One trace of a jitted function: what `jit` caches, and what is compiled ahead of time.

use std::sync::Arc;

use once_cell::sync::OnceCell;
use smallvec::SmallVec;

use crate::array::aval::Aval;
use crate::array::{Array, InlineVec};
use crate::compile::times::{Times, timed};
use crate::error::Result;
use crate::ir::axis::NamedAxis;
use crate::ir::jaxpr::{Closed, Jaxpr};
use crate::runtime::{CompiledProgram, nans_are_looked_for, runtime};
use crate::trace::axis;
use crate::transform::nested::embedded;
use crate::tree::{Leaves, Tree};

use super::func::Params;
use super::report::Counts;

/// A function traced for one combination of argument types.
pub(crate) struct Entry<P: Params, R> {
    /// The number of this trace among the traces of the function.
    pub(super) number: usize,
    pub(crate) avals: Vec<Aval>,
    /// The named axes in scope at the call. Collectives inside the function are traced for their sizes.
    pub(super) axes: Vec<NamedAxis>,
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
    /// How long tracing took.
    pub(crate) times: Times,
    pub(super) program: OnceCell<Arc<CompiledProgram>>,
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
    }

    /// Returns the compiled program, and compiles it at the first call.
    pub(crate) fn program(&self, counts: Option<&Counts>) -> Result<&Arc<CompiledProgram>> {
        self.program.get_or_try_init(|| {
            let (made, times) = timed(|| runtime().jitted(&self.closed, &self.donated));
            let (program, origin) = made?;
            if let Some(counts) = counts {
                counts.loaded(origin, times);
            }
            Ok(program)
        })
    }

    /// Returns the program that is or will be passed to the compiler.
    pub(crate) fn compiled(&self) -> Arc<Jaxpr> {
        let made = self.program.get().map(|program| program.jaxpr.clone());
        made.or_else(|| embedded(&self.closed)).unwrap_or_else(|| self.closed.jaxpr.clone())
    }

    /// Returns the inputs of the program, given the arrays of the arguments.
    pub(super) fn inputs<'a>(&'a self, leaves: &[&'a Array]) -> SmallVec<[&'a Array; 8]> {
        self.closed.captures.iter().chain(self.used.iter().map(|i| leaves[*i])).collect()
    }

    /// Runs the program.
    pub(crate) fn run(&self, leaves: &[&Array], counts: Option<&Counts>) -> Result<R> {
        let inputs = self.inputs(leaves);
        let results = crate::runtime::run(self.program(counts)?, &inputs)?;
        self.finish(&inputs, results)
    }

    /// Runs the program as [`run`](Entry::run) does, and donates the arrays that are taken by value.
    pub(crate) fn run_owned(&self, leaves: Vec<Array>, counts: Option<&Counts>) -> Result<R> {
        if nans_are_looked_for() {
            return self.run(&leaves.iter().collect::<Vec<_>>(), counts);
        }
        let mut leaves: Vec<Option<Array>> = leaves.into_iter().map(Some).collect();
        let used = self.used.iter().filter_map(|i| leaves[*i].take());
        let inputs: Vec<Array> = self.closed.captures.iter().cloned().chain(used).collect();
        let results = crate::runtime::run_owned(self.program(counts)?, inputs)?;
        Ok(self.template.rebuild(&mut results.into_iter()))
    }

    fn finish(&self, inputs: &[&Array], results: Vec<Array>) -> Result<R> {
        runtime().check_nans(&self.closed.jaxpr, inputs, &results)?;
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
