//! Forward mode: values and tangents side by side.

use smallvec::SmallVec;

use crate::core::array::Array;
use crate::core::jaxpr::{Atom, Jaxpr};
use crate::core::primitive::Tangent;
use crate::core::trace::{bind_at, with_location};

use super::eval::Env;

/// The results of a program and their tangents, given arguments and theirs.
pub(crate) fn jvp(jaxpr: &Jaxpr, args: &[Array], tangents: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
    let mut env = Env::new(jaxpr);
    for (var, pair) in jaxpr.inputs.iter().zip(args.iter().cloned().zip(tangents.iter().cloned())) {
        env.set(*var, pair);
    }
    let read = |env: &Env<(Array, Tangent)>, atom: &Atom| match atom {
        Atom::Lit(literal) => (Array::literal(*literal), None),
        Atom::Var(var) => match env.get(*var) {
            Some(pair) => pair.clone(),
            None => unreachable!("variables are defined before their use"),
        },
    };
    for eqn in &jaxpr.eqns {
        let (x, dx): (SmallVec<[Array; 4]>, SmallVec<[Tangent; 4]>) = eqn.inputs.iter().map(|a| read(&env, a)).unzip();
        if dx.iter().all(Option::is_none) {
            let outputs = bind_at(eqn.prim.clone(), &x.iter().collect::<SmallVec<[&Array; 4]>>(), eqn.loc);
            for (var, y) in eqn.outputs.iter().zip(outputs) {
                env.set(*var, (y, None));
            }
            continue;
        }
        let (y, dy) = with_location(eqn.loc, || eqn.prim.jvp(&x, &dx));
        debug_assert_eq!((y.len(), dy.len()), (eqn.outputs.len(), eqn.outputs.len()), "jvp of {}", eqn.prim.name());
        for ((var, y), dy) in eqn.outputs.iter().zip(y).zip(dy) {
            debug_assert_eq!(y.shape(), &*jaxpr.avals[var.index()].shape, "jvp of {}: result", eqn.prim.name());
            debug_assert!(
                dy.as_ref().is_none_or(|t| t.shape() == y.shape() && t.dtype() == y.dtype()),
                "jvp of {}: tangent {:?} of {:?}",
                eqn.prim.name(),
                dy,
                y
            );
            env.set(*var, (y, dy));
        }
    }
    jaxpr.outputs.iter().map(|a| read(&env, a)).unzip()
}
