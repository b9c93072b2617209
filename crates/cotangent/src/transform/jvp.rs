//! Forward mode: values and tangents side by side.

use std::sync::Arc;

use smallvec::SmallVec;

use super::memo::{Derivation, remembered};
use super::nested::nested;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::location::with_location;
use crate::ir::jaxpr::{Atom, Jaxpr};
use crate::ir::primitive::Tangent;
use crate::trace::frames::{Inputs, bind_at, stage};

use super::eval::Env;

/// The results of a program and their tangents, given arguments and theirs.
pub(crate) fn jvp(jaxpr: &Jaxpr, args: &[Array], tangents: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
    let mut env = Env::new(jaxpr);
    for (var, pair) in jaxpr.inputs().iter().zip(args.iter().cloned().zip(tangents.iter().cloned())) {
        env.set(*var, pair);
    }
    let read = |env: &Env<(Array, Tangent)>, atom: &Atom| match atom {
        Atom::Lit(literal) => (Array::literal(*literal), None),
        Atom::Var(var) => match env.get(*var) {
            Some(pair) => pair.clone(),
            None => unreachable!("variables are defined before their use"),
        },
    };
    for eqn in jaxpr.eqns() {
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

/// [`jvp`] on types alone: from all arguments and then the tangents of those in `wanted` to all results and then
/// tangents: those that are not zero, or, with `results`, exactly those that it names, zeros among them. The mask tells
/// which results have a tangent that is not zero.
pub(crate) fn jvp_jaxpr(jaxpr: &Arc<Jaxpr>, wanted: &[bool], results: Option<&[bool]>) -> (Arc<Jaxpr>, Vec<bool>) {
    let what = Derivation::Jvp(results.map(<[bool]>::to_vec));
    remembered(jaxpr, what, wanted, || derived(jaxpr, wanted, results))
}

fn derived(jaxpr: &Jaxpr, wanted: &[bool], results: Option<&[bool]>) -> (Arc<Jaxpr>, Vec<bool>) {
    let primals: Vec<Aval> = jaxpr.input_avals().cloned().collect();
    let tangents = primals.iter().zip(wanted).filter(|(_, w)| **w).map(|(a, _)| a.clone());
    let avals: Vec<Aval> = primals.iter().cloned().chain(tangents).collect();
    let (closed, nonzero) = stage(&avals, &Inputs::Unknown("inside a nested program"), |args| {
        let (x, t) = args.split_at(primals.len());
        let mut t = t.iter().cloned();
        let dx: Vec<Tangent> = wanted.iter().map(|w| if *w { t.next() } else { None }).collect();
        let (y, dy) = jvp(jaxpr, x, &dx);
        let nonzero: Vec<bool> = dy.iter().map(Option::is_some).collect();
        let kept: Vec<Array> = (dy.into_iter().zip(&y).enumerate())
            .filter(|(i, (t, _))| results.map_or(t.is_some(), |r| r[*i]))
            .map(|(_, (t, y))| t.unwrap_or_else(|| crate::ops::zeros_like(y)))
            .collect();
        (y.into_iter().chain(kept).collect(), nonzero)
    });
    (nested(closed), nonzero)
}
