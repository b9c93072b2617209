//! Equation by equation: for programs too large to be worth compiling for one run.

use smallvec::SmallVec;

use crate::array::Array;
use crate::error::Result;
use crate::ir::jaxpr::{Atom, Jaxpr};

/// Runs a program by running each equation as a program of its own. Values are dropped after their last use.
pub(crate) fn interpret(
    jaxpr: &Jaxpr,
    args: &[&Array],
    run: impl Fn(Jaxpr, &[&Array]) -> Result<Vec<Array>>,
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
    let mut env: Vec<Option<Array>> = vec![None; jaxpr.avals().len()];
    for (var, arg) in jaxpr.inputs().iter().zip(args) {
        env[var.index()] = Some((*arg).clone());
    }
    let read = |env: &[Option<Array>], atom: &Atom| match atom {
        Atom::Lit(literal) => Array::literal(*literal),
        Atom::Var(var) => match &env[var.index()] {
            Some(value) => value.clone(),
            None => unreachable!("variables are defined before their use"),
        },
    };
    for (i, eqn) in jaxpr.eqns().iter().enumerate() {
        let inputs: SmallVec<[Array; 4]> = eqn.inputs.iter().map(|a| read(&env, a)).collect();
        let avals = eqn.inputs.iter().map(|a| jaxpr.aval(a));
        let outs = eqn.outputs.iter().map(|v| jaxpr.avals()[v.index()].clone());
        let single = Jaxpr::of_one(eqn.prim.clone(), avals, outs, eqn.loc);
        let outputs = run(single, &inputs.iter().collect::<SmallVec<[&Array; 4]>>()).map_err(|e| e.at(eqn.loc))?;
        for (var, value) in eqn.outputs.iter().zip(outputs) {
            env[var.index()] = Some(value);
        }
        for var in eqn.inputs.iter().filter_map(|a| a.var()).chain(eqn.outputs.iter().copied()) {
            if last_use[var.index()] == i {
                env[var.index()] = None;
            }
        }
    }
    Ok(jaxpr.outputs().iter().map(|a| read(&env, a)).collect())
}
