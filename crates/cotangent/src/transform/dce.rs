//! Dead code elimination. It also renumbers the variables densely, so programs that are equal up to names become the same
//! program.

use crate::ir::env::Env;
use crate::ir::jaxpr::{Atom, Eqn, Jaxpr, Var};

/// Removes the equations that no result needs and that have no effect. Returns the program and the mask of the inputs that
/// it keeps.
pub(crate) fn dce(jaxpr: &Jaxpr, keep_inputs: bool) -> (Jaxpr, Vec<bool>) {
    eliminate(jaxpr, keep_inputs, true)
}

/// Removes the equations that only have an effect, for a second run beside one that has it. All inputs stay.
pub(crate) fn without_effects(jaxpr: &Jaxpr) -> Jaxpr {
    eliminate(jaxpr, true, false).0
}

fn eliminate(jaxpr: &Jaxpr, keep_inputs: bool, keep_effects: bool) -> (Jaxpr, Vec<bool>) {
    let mut needed = vec![false; jaxpr.avals().len()];
    for var in jaxpr.outputs().iter().filter_map(|a| a.var()) {
        needed[var.index()] = true;
    }
    let mut live = vec![false; jaxpr.eqns().len()];
    for (eqn, live) in jaxpr.eqns().iter().zip(&mut live).rev() {
        *live = (keep_effects && eqn.prim.effects().kept) || eqn.outputs.iter().any(|v| needed[v.index()]);
        if *live {
            for var in eqn.inputs.iter().filter_map(|a| a.var()) {
                needed[var.index()] = true;
            }
        }
    }
    let kept: Vec<bool> = jaxpr.inputs().iter().map(|v| keep_inputs || needed[v.index()]).collect();
    let mut avals = Vec::with_capacity(jaxpr.avals().len());
    let mut names: Env<Atom> = Env::new(jaxpr);
    let mut define = |names: &mut Env<Atom>, var: Var| {
        avals.push(jaxpr.avals()[var.index()].clone());
        let new = Var(avals.len() as u32 - 1);
        names.set(var, Atom::Var(new));
        new
    };
    let inputs = jaxpr.inputs().iter().zip(&kept).filter(|(_, k)| **k).map(|(v, _)| define(&mut names, *v)).collect();
    let mut eqns = Vec::new();
    for (eqn, _) in jaxpr.eqns().iter().zip(&live).filter(|(_, live)| **live) {
        eqns.push(Eqn {
            prim: eqn.prim.clone(),
            inputs: eqn.inputs.iter().map(|a| names.read(a, Atom::Lit)).collect(),
            outputs: eqn.outputs.iter().map(|v| define(&mut names, *v)).collect(),
            loc: eqn.loc,
        });
    }
    let outputs = jaxpr.outputs().iter().map(|a| names.read(a, Atom::Lit)).collect();
    (Jaxpr::new(avals, inputs, eqns, outputs), kept)
}
