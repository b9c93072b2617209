//! Running programs equation by equation: those too large to be worth compiling for one run, and those searched for
//! NaN.

use smallvec::SmallVec;

use crate::array::Array;
use crate::error::Result;
use crate::ir::env::Env;
use crate::ir::jaxpr::{Eqn, Jaxpr};

/// Runs a program by calling `run` on each equation. Values are dropped after their last use.
pub(crate) fn interpret(
    jaxpr: &Jaxpr,
    args: &[&Array],
    mut run: impl FnMut(&Eqn, &[&Array]) -> Result<Vec<Array>>,
) -> Result<Vec<Array>> {
    let mut last_use = vec![usize::MAX; jaxpr.avals().len()];
    for (i, eqn) in jaxpr.eqns().iter().enumerate() {
        for var in eqn.inputs.iter().filter_map(|a| a.var()).chain(eqn.outputs.iter().copied()) {
            last_use[var.index()] = i;
        }
    }
    for var in jaxpr.outputs().iter().filter_map(|a| a.var()) {
        last_use[var.index()] = usize::MAX;
    }
    let mut env = Env::of_inputs(jaxpr, args.iter().map(|arg| (*arg).clone()));
    for (i, eqn) in jaxpr.eqns().iter().enumerate() {
        let inputs: SmallVec<[Array; 4]> = eqn.inputs.iter().map(|a| env.read(a, Array::literal)).collect();
        let outputs = run(eqn, &inputs.iter().collect::<SmallVec<[&Array; 4]>>()).map_err(|e| e.at(eqn.loc.loc))?;
        env.set_all(&eqn.outputs, outputs);
        for var in eqn.inputs.iter().filter_map(|a| a.var()).chain(eqn.outputs.iter().copied()) {
            if last_use[var.index()] == i {
                env.take(var);
            }
        }
    }
    Ok(jaxpr.outputs().iter().map(|a| env.read(a, Array::literal)).collect())
}
