//! Linearization. The jvp rules run under a tangent frame, which keeps the linear work. Everything else falls through
//! to the frame below. What the tangent frame captures are the residuals.

use std::collections::HashMap;
use std::sync::Arc;

use super::dce::dce;
use super::masks::{chosen, placed, present};
use super::memo::{Derivation, remembered};
use super::nested::nested;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::{Error, ErrorKind, raise};
use crate::ir::jaxpr::{Atom, Closed, Eqn, Jaxpr, Var};
use crate::ir::primitive::Tangent;
use crate::trace::frames::{Inputs, stage, stage_dependents};

use super::jvp::jvp;

/// The results of a program, and its derivative there as a linear program.
pub(crate) struct Linearized {
    /// The results.
    pub(crate) outputs: Vec<Array>,
    /// The linear program, from the wanted tangents to the tangents of the results in `nonzero`. Its captures are the
    /// residuals.
    pub(crate) linear: Closed,
    /// The mask of the results that have a tangent.
    pub(crate) nonzero: Vec<bool>,
}

/// Linearizes a program at `args`, in the arguments chosen by `wanted`.
pub(crate) fn linearize(jaxpr: &Jaxpr, args: &[Array], wanted: &[bool]) -> Linearized {
    let avals: Vec<Aval> = chosen(args, wanted).map(Array::aval).collect();
    let (linear, (outputs, nonzero)) = stage_dependents(&avals, |tangents| {
        let dx: Vec<Tangent> = placed(wanted, &mut tangents.iter().cloned());
        let (outputs, dy) = jvp(jaxpr, args, &dx);
        // A rule that binds values and tangents together would hide residuals inside the linear program.
        let own = tangents.first().and_then(Array::traced).map(|t| t.frame);
        if outputs.iter().filter_map(Array::traced).any(|y| Some(y.frame) == own) {
            raise(
                Error::new(ErrorKind::Transform, "a primal result of a jvp rule depends on tangents")
                    .help("compute the primal results from the operands alone, and the tangents in separate equations"),
            );
        }
        let nonzero = present(&dy);
        (dy.into_iter().flatten().collect(), (outputs, nonzero))
    });
    Linearized { outputs, linear, nonzero }
}

/// A program split in two: one that also returns the residuals, and a linear one that takes them.
#[derive(Clone)]
pub(crate) struct Split {
    /// From arguments to results and then residuals.
    pub(crate) forward: Arc<Jaxpr>,
    /// From residuals and then tangents to the tangents of the results in `nonzero`.
    pub(crate) linear: Arc<Jaxpr>,
    /// The mask of the results that have a tangent.
    pub(crate) nonzero: Vec<bool>,
}

/// [`linearize`] from the program alone, as a primitive that holds a program needs it for its own rule.
pub(crate) fn linearize_jaxpr(jaxpr: &Arc<Jaxpr>, wanted: &[bool]) -> Split {
    remembered(jaxpr, Derivation::Linear, wanted, || split(jaxpr, wanted))
}

fn split(jaxpr: &Jaxpr, wanted: &[bool]) -> Split {
    let avals: Vec<Aval> = jaxpr.input_avals().cloned().collect();
    let (forward, (linear, nonzero)) = stage(&avals, &Inputs::Unknown("inside a nested program"), |args| {
        let Linearized { outputs, linear, nonzero } = linearize(jaxpr, args, wanted);
        let results = outputs.into_iter().chain(linear.captures).collect();
        (results, (linear.jaxpr, nonzero))
    });
    let (forward, linear) = recompute(nested(forward), linear, jaxpr.outputs().len());
    Split { forward, linear, nonzero }
}

/// Computes residuals that have no operands, such as zeros, in the linear program instead of keeping them.
fn recompute(forward: Arc<Jaxpr>, linear: Arc<Jaxpr>, outputs: usize) -> (Arc<Jaxpr>, Arc<Jaxpr>) {
    let nullary = |eqn: &&Eqn| eqn.is_nullary() && eqn.outputs.len() == 1 && !eqn.prim.effects().kept;
    let defined: HashMap<Var, &Eqn> = forward.eqns().iter().filter(nullary).map(|eqn| (eqn.outputs[0], eqn)).collect();
    let (results, residuals) = forward.outputs().split_at(outputs);
    let again = |atom: &Atom| atom.var().and_then(|v| defined.get(&v).copied());
    if !residuals.iter().any(|atom| again(atom).is_some()) {
        return (forward, linear);
    }
    let (mut kept, mut inputs, mut eqns) = (results.to_vec(), Vec::new(), Vec::new());
    let (taken, tangents) = linear.inputs().split_at(residuals.len());
    for (atom, input) in residuals.iter().zip(taken) {
        match again(atom) {
            Some(eqn) => eqns.push(Eqn { outputs: [*input].into(), ..eqn.clone() }),
            None => {
                kept.push(*atom);
                inputs.push(*input);
            }
        }
    }
    inputs.extend(tangents);
    eqns.extend(linear.eqns().iter().cloned());
    let linear = Jaxpr::new(linear.avals().to_vec(), inputs, eqns, linear.outputs().to_vec());
    (Arc::new(dce(&forward.with_outputs(kept), true).0), Arc::new(linear))
}
