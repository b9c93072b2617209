//! Vectorization: runs a program over a batch. Each value may have a batch axis, at any position.

use std::sync::Arc;

use smallvec::SmallVec;

use super::masks::{either, present};
use super::memo::{Derivation, remembered};
use super::nested::nested;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::location::with_location;
use crate::ir::axis::NamedAxis;
use crate::ir::env::Env;
use crate::ir::jaxpr::{Atom, Closed, Jaxpr};
use crate::ir::primitive::Primitive;
use crate::ops::shape::batched_in_front;
use crate::trace::axis;
use crate::trace::frames::{Inputs, bind, bind_at, stage};

/// Runs a program over a batch of arguments. Returns the results and the positions of their batch axes. The mapped axis
/// is the one that [`axis::inside`] entered last.
pub(crate) fn batch(
    jaxpr: &Jaxpr,
    args: &[Array],
    axes: &[Option<usize>],
    size: usize,
) -> (Vec<Array>, Vec<Option<usize>>) {
    type Batched = (Array, Option<usize>);
    let mut env: Env<Batched> = Env::of_inputs(jaxpr, args.iter().cloned().zip(axes.iter().copied()));
    let read = |env: &Env<Batched>, atom: &Atom| env.read(atom, |literal| (Array::literal(literal), None));
    // A collective over the axis is batched even without a batched operand: `axis_index` has no operand at all.
    let name = axis::innermost().map(|axis| axis.name);
    for eqn in jaxpr.eqns() {
        let (x, axes): (SmallVec<[Array; 4]>, SmallVec<[Option<usize>; 4]>) =
            eqn.inputs.iter().map(|a| read(&env, a)).unzip();
        let (outs, out_axes) = if axes.iter().all(Option::is_none)
            && !name.as_ref().is_some_and(|name| eqn.prim.uses_axis(name))
        {
            let outs = bind_at(eqn.prim.clone(), &x.iter().collect::<SmallVec<[&Array; 4]>>(), eqn.loc.under("vmap"))
                .into_vec();
            let axes = vec![None; outs.len()];
            (outs, axes)
        } else {
            with_location(eqn.loc.under("vmap"), || eqn.prim.batch(&x, &axes, size))
        };
        debug_assert_eq!(outs.len(), eqn.outputs.len(), "batch of {}", eqn.prim.name());
        for ((var, out), axis) in eqn.outputs.iter().zip(outs).zip(out_axes) {
            debug_assert_eq!(
                axis.map_or_else(|| out.aval().shape, |a| out.aval().shape.remove(&[a])),
                jaxpr.avals()[var.index()].shape,
                "batch of {}",
                eqn.prim.name()
            );
            env.set(*var, (out, axis));
        }
    }
    jaxpr.outputs().iter().map(|a| read(&env, a)).unzip()
}

/// Derives the program over a batch from the program alone. Batched inputs and results have their batch axis in front.
/// The results chosen by `instantiate` are always batched. Returns the program and the mask of its batched results.
pub(crate) fn batch_jaxpr(
    jaxpr: &Arc<Jaxpr>,
    batched: &[bool],
    size: usize,
    instantiate: &[bool],
) -> (Arc<Jaxpr>, Vec<bool>) {
    remembered(jaxpr, Derivation::Batch(size, instantiate.to_vec()), batched, || {
        let (closed, batched) = batch_closed(jaxpr, batched, size, instantiate);
        (nested(closed), batched)
    })
}

/// [`batch_jaxpr`], with arrays that rules capture left as captures.
pub(crate) fn batch_closed(jaxpr: &Jaxpr, batched: &[bool], size: usize, instantiate: &[bool]) -> (Closed, Vec<bool>) {
    let avals: Vec<_> = (jaxpr.input_avals().zip(batched))
        .map(|(a, b)| if *b { a.with_shape(a.shape.insert(0, size)) } else { a.clone() })
        .collect();
    let axes: Vec<Option<usize>> = batched.iter().map(|b| b.then_some(0)).collect();
    stage(&avals, &Inputs::Unknown("inside a nested program"), |args| {
        let (outs, out_axes) = batch(jaxpr, args, &axes, size);
        let batched = either(&present(&out_axes), instantiate);
        let place = |((x, axis), batched): ((&Array, &Option<usize>), &bool)| {
            if *batched { batched_in_front(x, *axis, size) } else { x.clone() }
        };
        (outs.iter().zip(&out_axes).zip(&batched).map(place).collect(), batched)
    })
}

/// [`batch_jaxpr`] with every result batched.
pub(crate) fn batch_everywhere(jaxpr: &Arc<Jaxpr>, batched: &[bool], size: usize) -> Arc<Jaxpr> {
    batch_jaxpr(jaxpr, batched, size, &vec![true; jaxpr.outputs().len()]).0
}

/// Moves the batch axes of the operands to the front.
pub(crate) fn in_front(x: &[Array], axes: &[Option<usize>], size: usize) -> Vec<Array> {
    (x.iter().zip(axes)).map(|(x, a)| if a.is_some() { batched_in_front(x, *a, size) } else { x.clone() }).collect()
}

/// Binds a primitive over a batch. The batch axes of the operands move to the front, and all results have theirs there.
#[track_caller]
pub(crate) fn bind_in_front(
    prim: impl Primitive,
    x: &[Array],
    axes: &[Option<usize>],
    size: usize,
) -> (Vec<Array>, Vec<Option<usize>>) {
    let outputs = bind(prim, &in_front(x, axes, size).iter().collect::<Vec<_>>()).into_vec();
    let places = vec![Some(0); outputs.len()];
    (outputs, places)
}

/// The inputs of a function that is mapped.
pub(crate) const UNDER_VMAP: Inputs<'static> = Inputs::Unknown("under `vmap`, where it stands for a batch of values");

/// Stages `f` on the types of single elements and runs it over a batch. Returns the results, the positions of their
/// batch axes, and the extra value that `f` returns. A rule is staged later than the program that held its primitive
/// was batched, so this enters the mapped axis again, as the innermost one.
pub(crate) fn batch_staged<R>(
    axis: &Option<NamedAxis>,
    avals: &[Aval],
    args: &[Array],
    batched: &[bool],
    size: usize,
    f: impl FnOnce(&[Array]) -> (Vec<Array>, R),
) -> (Vec<Array>, Vec<Option<usize>>, R) {
    axis::inside(axis.clone(), || {
        let (closed, extra) = stage(avals, &UNDER_VMAP, f);
        let operands: Vec<Array> = closed.captures.iter().chain(args).cloned().collect();
        let axes: Vec<Option<usize>> =
            closed.captures.iter().map(|_| None).chain(batched.iter().map(|b| b.then_some(0))).collect();
        let (outs, places) = batch(&closed.jaxpr, &operands, &axes, size);
        (outs, places, extra)
    })
}
