//! Forward mode: values and tangents side by side.

use std::sync::Arc;

use smallvec::SmallVec;

use super::masks::{chosen, either, instantiated, placed, present};
use super::memo::{Derivation, remembered};
use super::nested::nested;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::location::with_location;
use crate::ir::env::Env;
use crate::ir::jaxpr::{Atom, Jaxpr};
use crate::ir::primitive::Tangent;
use crate::trace::frames::{Inputs, bind_at, in_tangent_frame, stage};

/// Runs a program on arguments and their tangents. Returns the results and their tangents.
pub(crate) fn jvp(jaxpr: &Jaxpr, args: &[Array], tangents: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
    // Tangents that belong to a tangent frame become a linear program: the rules must not mix them with primal values.
    let linearizing = tangents.iter().flatten().any(in_tangent_frame);
    let mut env = Env::of_inputs(jaxpr, args.iter().cloned().zip(tangents.iter().cloned()));
    let read = |env: &Env<(Array, Tangent)>, atom: &Atom| env.read(atom, |literal| (Array::literal(literal), None));
    for eqn in jaxpr.eqns() {
        let (x, dx): (SmallVec<[Array; 4]>, SmallVec<[Tangent; 4]>) = eqn.inputs.iter().map(|a| read(&env, a)).unzip();
        if dx.iter().all(Option::is_none) {
            let outputs = bind_at(eqn.prim.clone(), &x.iter().collect::<SmallVec<[&Array; 4]>>(), eqn.loc.under("jvp"));
            env.set_all(&eqn.outputs, outputs.into_iter().map(|y| (y, None)));
            continue;
        }
        let (y, dy) = with_location(eqn.loc.under("jvp"), || match linearizing {
            true => eqn.prim.linearize(&x, &dx),
            false => eqn.prim.jvp(&x, &dx),
        });
        debug_assert_eq!((y.len(), dy.len()), (eqn.outputs.len(), eqn.outputs.len()), "jvp of {}", eqn.prim.name());
        for ((var, y), dy) in eqn.outputs.iter().zip(y).zip(dy) {
            debug_assert_eq!(y.shape(), &*jaxpr.avals()[var.index()].shape, "jvp of {}: result", eqn.prim.name());
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
    jaxpr.outputs().iter().map(|a| read(&env, a)).unzip()
}

/// Derives the jvp program from the program alone. It takes all arguments and then the tangents of those in `wanted`.
/// It returns all results and then the tangents that are not symbolic zeros; the results chosen by `instantiate` always
/// have one. Also returns the mask of the results that have a tangent.
pub(crate) fn jvp_jaxpr(jaxpr: &Arc<Jaxpr>, wanted: &[bool], instantiate: &[bool]) -> (Arc<Jaxpr>, Vec<bool>) {
    let what = Derivation::Jvp(instantiate.to_vec());
    remembered(jaxpr, what, wanted, || derived(jaxpr, wanted, instantiate))
}

fn derived(jaxpr: &Jaxpr, wanted: &[bool], instantiate: &[bool]) -> (Arc<Jaxpr>, Vec<bool>) {
    let primals: Vec<Aval> = jaxpr.input_avals().cloned().collect();
    let avals: Vec<Aval> = primals.iter().chain(chosen(&primals, wanted)).cloned().collect();
    let (closed, given) = stage(&avals, &Inputs::Unknown("inside a nested program"), |args| {
        let (x, t) = args.split_at(primals.len());
        let dx: Vec<Tangent> = placed(wanted, &mut t.iter().cloned());
        let (y, dy) = jvp(jaxpr, x, &dx);
        let given = either(&present(&dy), instantiate);
        let tangents = instantiated(&y, &dy, &given);
        (y.into_iter().chain(tangents).collect(), given)
    });
    (nested(closed), given)
}
