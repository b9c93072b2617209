//! Loop-invariant code motion: work that is the same in every iteration moves out of the loop.

use super::dce::dce;
use crate::ir::jaxpr::{Atom, Jaxpr, Var};

/// Splits the body of a loop in two. The first program takes the first `consts` inputs and computes what depends on them
/// alone. The second is the rest of the body; it takes those results as more inputs, after the first `consts`.
///
/// An equation without operands, such as the `iota` of a counter, is cheaper to compute again than to pass in. Both
/// programs have it if both need it.
pub(crate) fn hoist(body: &Jaxpr, consts: usize) -> (Jaxpr, Jaxpr) {
    let mut invariant = vec![false; body.avals().len()];
    for var in &body.inputs()[..consts] {
        invariant[var.index()] = true;
    }
    let mut cheap = vec![false; body.avals().len()];
    let mut outside = Vec::new();
    let mut inside = Vec::new();
    for eqn in body.eqns() {
        let known = eqn.inputs.iter().all(|a| a.var().is_none_or(|v| invariant[v.index()]));
        // An effect takes place in each iteration.
        if known && !eqn.prim.effects().kept {
            for var in &eqn.outputs {
                invariant[var.index()] = true;
                cheap[var.index()] = eqn.is_nullary();
            }
            if eqn.is_nullary() {
                inside.push(eqn.clone());
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
        if invariant[var.index()] && !cheap[var.index()] && !is_handed[var.index()] {
            is_handed[var.index()] = true;
            handed.push(var);
        }
    }
    let (own, rest) = body.inputs().split_at(consts);
    let outputs = handed.iter().map(|v| Atom::Var(*v)).collect();
    let before = Jaxpr::new(body.avals().to_vec(), own.to_vec(), outside, outputs);
    let inputs = [own, &handed, rest].concat();
    let within = Jaxpr::new(body.avals().to_vec(), inputs, inside, body.outputs().to_vec());
    (dce(&before, true).0, dce(&within, true).0)
}
