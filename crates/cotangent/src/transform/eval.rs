//! The plain interpreter: binds every equation again.

use smallvec::SmallVec;

use crate::array::Array;
use crate::ir::env::Env;
use crate::ir::jaxpr::{Eqn, Jaxpr};
use crate::trace::frames::bind_at;

/// Runs a program on `args`, equation by equation.
pub(crate) fn eval(jaxpr: &Jaxpr, args: &[Array]) -> Vec<Array> {
    eval_with(jaxpr, args, |_, _| None)
}

/// [`eval`], where `instead` may supply the results of an equation. If it returns `None`, the equation is bound.
pub(crate) fn eval_with(
    jaxpr: &Jaxpr,
    args: &[Array],
    mut instead: impl FnMut(&Eqn, &[Array]) -> Option<Vec<Array>>,
) -> Vec<Array> {
    let mut env = Env::of_inputs(jaxpr, args.iter().cloned());
    for eqn in jaxpr.eqns() {
        let inputs: SmallVec<[Array; 4]> = eqn.inputs.iter().map(|a| env.read(a, Array::literal)).collect();
        let outputs = match instead(eqn, &inputs) {
            Some(outputs) => outputs.into(),
            None => bind_at(eqn.prim.clone(), &inputs.iter().collect::<SmallVec<[&Array; 4]>>(), eqn.loc.here()),
        };
        env.set_all(&eqn.outputs, outputs);
    }
    jaxpr.outputs().iter().map(|a| env.read(a, Array::literal)).collect()
}
