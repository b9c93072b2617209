//! The plain interpreter: every equation is bound again.

use smallvec::SmallVec;

use crate::array::Array;
use crate::ir::jaxpr::{Atom, Eqn, Jaxpr, Var};
use crate::trace::frames::bind_at;

/// The values of a program's variables, as far as they are known.
pub(crate) struct Env<T>(Vec<Option<T>>);

impl<T: Clone> Env<T> {
    pub(crate) fn new(jaxpr: &Jaxpr) -> Env<T> {
        Env(vec![None; jaxpr.avals().len()])
    }

    pub(crate) fn set(&mut self, var: Var, value: T) {
        self.0[var.index()] = Some(value);
    }

    pub(crate) fn get(&self, var: Var) -> Option<&T> {
        self.0[var.index()].as_ref()
    }

    pub(crate) fn take(&mut self, var: Var) -> Option<T> {
        self.0[var.index()].take()
    }
}

impl Env<Array> {
    /// The value of an atom that has been computed.
    pub(crate) fn read(&self, atom: &Atom) -> Array {
        match atom {
            Atom::Lit(literal) => Array::literal(*literal),
            Atom::Var(var) => match self.get(*var) {
                Some(value) => value.clone(),
                None => unreachable!("variables are defined before their use"),
            },
        }
    }
}

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
    let mut env = Env::new(jaxpr);
    for (var, arg) in jaxpr.inputs().iter().zip(args) {
        env.set(*var, arg.clone());
    }
    for eqn in jaxpr.eqns() {
        let inputs: SmallVec<[Array; 4]> = eqn.inputs.iter().map(|a| env.read(a)).collect();
        let outputs = match instead(eqn, &inputs) {
            Some(outputs) => outputs.into(),
            None => bind_at(eqn.prim.clone(), &inputs.iter().collect::<SmallVec<[&Array; 4]>>(), eqn.loc),
        };
        for (var, value) in eqn.outputs.iter().zip(outputs) {
            env.set(*var, value);
        }
    }
    jaxpr.outputs().iter().map(|a| env.read(a)).collect()
}
