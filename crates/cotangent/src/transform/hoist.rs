//! Work that no step of a loop changes, taken out of it.

use crate::ir::jaxpr::{Atom, Jaxpr, Var};

/// Splits a loop's body in two: a program of its first `consts` inputs that computes what depends on them alone, and
/// the rest, which takes those results as further inputs after the first `consts`.
pub(crate) fn hoist(body: &Jaxpr, consts: usize) -> (Jaxpr, Jaxpr) {
    let mut invariant = vec![false; body.avals().len()];
    for var in &body.inputs()[..consts] {
        invariant[var.index()] = true;
    }
    let mut outside = Vec::new();
    let mut inside = Vec::new();
    for eqn in body.eqns() {
        let known = eqn.inputs.iter().all(|a| a.var().is_none_or(|v| invariant[v.index()]));
        // What has no operands at all, such as a counter's `iota`, is cheaper made again than handed in.
        // What has an effect has it at each step.
        if known && !eqn.prim.effects().kept && eqn.inputs.iter().any(|a| a.var().is_some()) {
            for var in &eqn.outputs {
                invariant[var.index()] = true;
            }
            outside.push(eqn.clone());
        } else {
            inside.push(eqn.clone());
        }
    }
    let mut handed: Vec<Var> = Vec::new();
    let mut is_handed = vec![false; body.avals().len()];
    for var in &body.inputs()[..consts] {
        is_handed[var.index()] = true;
    }
    let used = inside.iter().flat_map(|e| e.inputs.iter().copied()).chain(body.outputs().iter().copied());
    for var in used.filter_map(Atom::var) {
        if invariant[var.index()] && !is_handed[var.index()] {
            is_handed[var.index()] = true;
            handed.push(var);
        }
    }
    let (own, rest) = body.inputs().split_at(consts);
    let before =
        Jaxpr::new(body.avals().to_vec(), own.to_vec(), outside, handed.iter().map(|v| Atom::Var(*v)).collect());
    let inputs = [own, &handed, rest].concat();
    (before, Jaxpr::new(body.avals().to_vec(), inputs, inside, body.outputs().to_vec()))
}
