//! The second half of reverse mode: runs a linear program backward.

use std::sync::Arc;

use smallvec::SmallVec;

use super::linearize::Linearized;
use super::masks::present;
use super::nested::nested;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::location::with_location;
use crate::ir::env::Env;
use crate::ir::jaxpr::{Atom, Closed, Jaxpr};
use crate::ir::primitive::{Operand, Tangent};
use crate::trace::frames::{Inputs, bind_at, stage};

/// Computes the cotangents of the linear inputs of a program from those of its results.
///
/// Equations whose operands are all known run forward first. The others must be linear; they are transposed in reverse
/// order. A cotangent is a symbolic zero until something is added to it.
pub(crate) fn backward(jaxpr: &Jaxpr, inputs: &[Operand], cts: &[Tangent]) -> Vec<Tangent> {
    let mut known: Env<Array> = Env::new(jaxpr);
    for (var, input) in jaxpr.inputs().iter().zip(inputs) {
        if let Operand::Known(value) = input {
            known.set(*var, value.clone());
        }
    }
    let is_known = |known: &Env<Array>, atom: &Atom| atom.var().is_none_or(|v| known.get(v).is_some());
    for eqn in jaxpr.eqns() {
        if eqn.inputs.iter().all(|a| is_known(&known, a)) {
            let args: SmallVec<[Array; 4]> = eqn.inputs.iter().map(|a| known.read(a, Array::literal)).collect();
            let outs = bind_at(eqn.prim.clone(), &args.iter().collect::<SmallVec<[&Array; 4]>>(), eqn.loc.here());
            known.set_all(&eqn.outputs, outs);
        }
    }
    let mut arrived: Env<Array> = Env::new(jaxpr);
    for (atom, ct) in jaxpr.outputs().iter().zip(cts) {
        if let Some(ct) = ct {
            accumulate(&mut arrived, atom, ct.clone());
        }
    }
    for eqn in jaxpr.eqns().iter().rev() {
        let ct: SmallVec<[Tangent; 1]> = eqn.outputs.iter().map(|v| arrived.take(*v)).collect();
        if ct.iter().all(Option::is_none) || eqn.inputs.iter().all(|a| is_known(&known, a)) {
            continue;
        }
        let operands: SmallVec<[Operand; 4]> = (eqn.inputs.iter())
            .map(|a| {
                if is_known(&known, a) {
                    Operand::Known(known.read(a, Array::literal))
                } else {
                    Operand::Linear(jaxpr.aval(a))
                }
            })
            .collect();
        with_location(eqn.loc.under("transpose"), || {
            let cts = eqn.prim.transpose(&ct, &operands);
            debug_assert_eq!(cts.len(), eqn.inputs.len(), "transpose of {}", eqn.prim.name());
            for ((atom, operand), ct) in eqn.inputs.iter().zip(&operands).zip(cts) {
                if let (true, Some(ct)) = (operand.is_linear(), ct) {
                    debug_assert_eq!(ct.shape(), &*jaxpr.aval(atom).shape, "transpose of {}", eqn.prim.name());
                    accumulate(&mut arrived, atom, ct);
                }
            }
        });
    }
    (jaxpr.inputs().iter().zip(inputs))
        .map(|(var, input)| if input.is_linear() { arrived.get(*var).cloned() } else { None })
        .collect()
}

/// Computes the cotangents of the inputs that a linearized program is differentiated in, from those of its results.
pub(crate) fn pull_back(linearized: &Linearized, ct: impl Fn(usize) -> Tangent) -> Vec<Tangent> {
    let Closed { jaxpr, captures: residuals } = &linearized.linear;
    let targets = jaxpr.input_avals().skip(residuals.len()).cloned().map(Operand::Linear);
    let operands: Vec<Operand> = residuals.iter().cloned().map(Operand::Known).chain(targets).collect();
    let nonzero = linearized.nonzero.iter().enumerate().filter(|(_, nonzero)| **nonzero);
    let cts: Vec<Tangent> = nonzero.map(|(i, _)| ct(i)).collect();
    backward(jaxpr, &operands, &cts).split_off(residuals.len())
}

/// Derives the backward program from the program alone. It takes the known inputs and then the cotangents that are not
/// symbolic zeros. It returns the cotangents of the linear inputs that have one. Also returns the mask of those inputs.
pub(crate) fn backward_jaxpr(jaxpr: &Jaxpr, inputs: &[Operand], cts: &[Tangent]) -> (Arc<Jaxpr>, Vec<bool>) {
    let known: Vec<Aval> = inputs.iter().filter(|x| !x.is_linear()).map(Operand::aval).collect();
    let avals: Vec<Aval> = known.iter().cloned().chain(cts.iter().flatten().map(Array::aval)).collect();
    let (closed, arrives) = stage(&avals, &Inputs::Unknown("inside a nested program"), |args| {
        let (known, arrived) = args.split_at(known.len());
        let (mut known, mut arrived) = (known.iter(), arrived.iter());
        let inputs: Vec<Operand> = (inputs.iter())
            .map(|x| match x {
                Operand::Linear(_) => x.clone(),
                Operand::Known(_) => known.next().map_or_else(|| x.clone(), |k| Operand::Known(k.clone())),
            })
            .collect();
        let cts: Vec<Tangent> = cts.iter().map(|ct| ct.as_ref().and_then(|_| arrived.next().cloned())).collect();
        let result = backward(jaxpr, &inputs, &cts);
        let arrives = present(&result);
        (result.into_iter().flatten().collect(), arrives)
    });
    (nested(closed), arrives)
}

fn accumulate(arrived: &mut Env<Array>, atom: &Atom, ct: Array) {
    if let Atom::Var(var) = atom {
        let sum = match arrived.take(*var) {
            Some(sum) => sum + ct,
            None => ct,
        };
        arrived.set(*var, sum);
    }
}
