//! A checker of the IR's invariants, to find faults of transforms.

use crate::error::{Error, ErrorKind, Result};
use crate::ir::jaxpr::{Atom, Jaxpr, Var};

/// Checks that every variable is defined once and before its use, and that the results of every equation have the types
/// that its primitive infers.
///
/// # Errors
/// Names the first equation that violates an invariant.
///
/// ```
/// use cotangent::prelude::*;
/// let program = make_jaxpr(|x: &Array| x + 1.0)(&2.0.into());
/// assert!(cotangent::extend::check(&program.jaxpr).is_ok());
/// ```
pub fn check(jaxpr: &Jaxpr) -> Result<()> {
    let fail = |message: String| Err(Error::new(ErrorKind::Transform, format!("malformed jaxpr: {message}\n{jaxpr}")));
    let mut defined = vec![false; jaxpr.avals().len()];
    let define = |defined: &mut Vec<bool>, var: Var| match defined.get_mut(var.index()) {
        Some(slot) if !*slot => {
            *slot = true;
            Ok(())
        }
        Some(_) => Err(format!("{var:?} is defined twice")),
        None => Err(format!("{var:?} has no abstract value")),
    };
    for var in jaxpr.inputs() {
        if let Err(message) = define(&mut defined, *var) {
            return fail(message);
        }
    }
    for (i, eqn) in jaxpr.eqns().iter().enumerate() {
        let what = format!("equation {i}, {} ({})", eqn.prim.name(), eqn.loc);
        if let Some(var) = eqn.inputs.iter().filter_map(|a| a.var()).find(|v| defined.get(v.index()) != Some(&true)) {
            return fail(format!("{what} uses {var:?} before its definition"));
        }
        let avals: Vec<_> = eqn.inputs.iter().map(|a| jaxpr.aval(a)).collect();
        let inferred = eqn.prim.infer(&avals).map_err(|e| e.context(&what))?;
        let stated: Vec<_> = eqn.outputs.iter().map(|v| jaxpr.avals()[v.index()].clone()).collect();
        if inferred[..] != stated {
            return fail(format!("{what} has the result types {stated:?}, but its primitive infers {inferred:?}"));
        }
        for var in &eqn.outputs {
            if let Err(message) = define(&mut defined, *var) {
                return fail(format!("{what}: {message}"));
            }
        }
        for inner in eqn.prim.jaxprs() {
            check(inner)?;
        }
    }
    for atom in jaxpr.outputs() {
        if let Atom::Var(var) = atom
            && defined.get(var.index()) != Some(&true)
        {
            return fail(format!("the result {var:?} is not defined"));
        }
    }
    Ok(())
}
