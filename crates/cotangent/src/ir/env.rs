//! The environment of an interpreter: the values of a program's variables.

use crate::array::Var;
use crate::array::literal::Literal;
use crate::ir::jaxpr::{Atom, Jaxpr};

/// A value for each variable of a program, if known.
pub(crate) struct Env<T>(Vec<Option<T>>);

impl<T: Clone> Env<T> {
    pub(crate) fn new(jaxpr: &Jaxpr) -> Env<T> {
        Env(vec![None; jaxpr.avals().len()])
    }

    /// An environment with these values for the program's inputs.
    pub(crate) fn of_inputs(jaxpr: &Jaxpr, values: impl IntoIterator<Item = T>) -> Env<T> {
        let mut env = Env::new(jaxpr);
        env.set_all(jaxpr.inputs(), values);
        env
    }

    pub(crate) fn set(&mut self, var: Var, value: T) {
        self.0[var.index()] = Some(value);
    }

    pub(crate) fn set_all(&mut self, vars: &[Var], values: impl IntoIterator<Item = T>) {
        for (var, value) in vars.iter().zip(values) {
            self.set(*var, value);
        }
    }

    pub(crate) fn get(&self, var: Var) -> Option<&T> {
        self.0[var.index()].as_ref()
    }

    pub(crate) fn take(&mut self, var: Var) -> Option<T> {
        self.0[var.index()].take()
    }

    /// The value of an atom: that of its variable, or the result of `literal` for its scalar.
    pub(crate) fn read(&self, atom: &Atom, literal: impl FnOnce(Literal) -> T) -> T {
        match atom {
            Atom::Lit(scalar) => literal(*scalar),
            Atom::Var(var) => match self.get(*var) {
                Some(value) => value.clone(),
                None => unreachable!("variables are defined before their use"),
            },
        }
    }
}
