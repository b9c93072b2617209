//! The plain interpreter: every equation is bound again.

use smallvec::SmallVec;

use crate::array::Array;
use crate::ir::env::Env;
use crate::ir::jaxpr::{Eqn, Jaxpr};
use crate::trace::frames::bind_at;

/// The results of a program for `args`, equation by equation.
pub(crate) fn eval(jaxpr: &Jaxpr, args: &[Array]) -> Vec<Array> {
    eval_with(jaxpr, args, |_, _| None)
}

/// [`eval`], with `instead` asked first what the results of an equation are.
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
            None => bind_at(eqn.prim.clone(), &inputs.iter().collect::<SmallVec<[&Array; 4]>>(), eqn.loc),
        };
        env.set_all(&eqn.outputs, outputs);
    }
    jaxpr.outputs().iter().map(|a| env.read(a, Array::literal)).collect()
}
