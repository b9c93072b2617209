//! Lifting scalars out of a program: the difference between `x * 2.0` and `x * 3.0` becomes an argument.

use crate::array::literal::Literal;
use crate::ir::jaxpr::{Atom, Eqn, Jaxpr, Var};

/// Returns the program with its scalars as additional inputs at the end, and those scalars. Scalars in nested programs
/// and among the results stay in the program.
pub(crate) fn lift_literals(jaxpr: &Jaxpr) -> (Jaxpr, Vec<Literal>) {
    let mut avals = jaxpr.avals().to_vec();
    let mut inputs = jaxpr.inputs().to_vec();
    let mut literals = Vec::new();
    let eqns = (jaxpr.eqns().iter())
        .map(|eqn| {
            let lifted = (eqn.inputs.iter()).map(|atom| match atom {
                Atom::Var(_) => *atom,
                Atom::Lit(literal) => {
                    let var = Var(avals.len() as u32);
                    avals.push(literal.aval());
                    inputs.push(var);
                    literals.push(*literal);
                    Atom::Var(var)
                }
            });
            Eqn { inputs: lifted.collect(), prim: eqn.prim.clone(), outputs: eqn.outputs.clone(), loc: eqn.loc }
        })
        .collect();
    (Jaxpr::new(avals, inputs, eqns, jaxpr.outputs().to_vec()), literals)
}
