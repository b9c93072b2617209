//! Which parts differ from device to device.
//!
//! A function that each device of a mesh runs on its own parts has values that are the same on all devices along some
//! axes of the mesh, and others that vary. A value that is the same has one tangent and one cotangent. So where it
//! meets a value that varies, it is copied to each device ([`PVary`]), and the transpose of that copy sums the
//! cotangents of all devices. This pass finds out which values vary, and inserts the copies. It is JAX's `check_vma`.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::array::{Array, Repr};
use crate::error::location::with_location;
use crate::ir::axis::{AxisName, AxisSet, NamedAxis};
use crate::ir::env::Env;
use crate::ir::jaxpr::{Atom, Jaxpr};
use crate::ir::primitive::Primitive;
use crate::trace::frames::{Inputs, bind_at, bind1, stage};
use crate::transform::nested::nested;

use super::collectives::{AxisIndex, PVary};

/// The axes of the mesh in `names`.
pub(super) fn axes_of(mesh: &[NamedAxis], names: &AxisSet) -> Vec<NamedAxis> {
    mesh.iter().filter(|axis| names.contains(&axis.name)).cloned().collect()
}

/// The value copied to each device along the axes in `wanted` over which it does not vary.
pub(super) fn varying(x: &Array, over: &AxisSet, wanted: &AxisSet, mesh: &[NamedAxis]) -> Array {
    let missing: AxisSet = wanted.difference(over).cloned().collect();
    // Rust numbers and integers have no cotangents.
    if missing.is_empty() || matches!(x.0, Repr::Scalar(_)) || !x.dtype().is_inexact() {
        return x.clone();
    }
    bind1(PVary { axes: axes_of(mesh, &missing) }, &[x])
}

/// The union of sets of axes.
pub(super) fn union<'a>(sets: impl IntoIterator<Item = &'a AxisSet>) -> AxisSet {
    sets.into_iter().flatten().cloned().collect()
}

/// The rule of nearly all primitives: all operands vary over the same axes, and so do the results. The axes that the
/// primitive itself uses count as well.
fn together(prim: &Arc<dyn Primitive>, x: &[Array], over: &[AxisSet], mesh: &[NamedAxis]) -> (Vec<Array>, AxisSet) {
    let own = mesh.iter().map(|axis| &axis.name).filter(|name| prim.uses_axis(name)).cloned();
    let all: AxisSet = union(over).into_iter().chain(own).collect();
    let x: SmallVec<[Array; 4]> = x.iter().zip(over).map(|(x, over)| varying(x, over, &all, mesh)).collect();
    let loc = crate::error::location::location(std::panic::Location::caller());
    let outputs = bind_at(prim.clone(), &x.iter().collect::<SmallVec<[&Array; 4]>>(), loc).into_vec();
    (outputs, all)
}

/// Whether devices along an axis wait for each other in a program.
pub(super) fn communicates(jaxpr: &Jaxpr, axis: &AxisName) -> bool {
    jaxpr.eqns().iter().any(|eqn| {
        let (inner, prim) = (eqn.prim.jaxprs(), eqn.prim.as_any());
        match inner.is_empty() {
            true => eqn.prim.uses_axis(axis) && !prim.is::<PVary>() && !prim.is::<AxisIndex>(),
            false => inner.into_iter().any(|inner| communicates(inner, axis)),
        }
    })
}

/// Runs a program on values that vary over `over`. Returns the results and the axes over which they vary.
pub(super) fn vary(jaxpr: &Jaxpr, args: &[Array], over: &[AxisSet], mesh: &[NamedAxis]) -> (Vec<Array>, Vec<AxisSet>) {
    type Known = (Array, AxisSet);
    let mut env: Env<Known> = Env::of_inputs(jaxpr, args.iter().cloned().zip(over.iter().cloned()));
    let read = |env: &Env<Known>, atom: &Atom| env.read(atom, |literal| (Array::literal(literal), AxisSet::new()));
    for eqn in jaxpr.eqns() {
        let (x, over): (SmallVec<[Array; 4]>, SmallVec<[AxisSet; 4]>) =
            eqn.inputs.iter().map(|a| read(&env, a)).unzip();
        let (outputs, sets) = with_location(eqn.loc.here(), || {
            eqn.prim.vary(&x, &over, mesh).unwrap_or_else(|| {
                let (outputs, all) = together(&eqn.prim, &x, &over, mesh);
                let sets = vec![all; outputs.len()];
                (outputs, sets)
            })
        });
        debug_assert_eq!(outputs.len(), eqn.outputs.len(), "vary of {}", eqn.prim.name());
        env.set_all(&eqn.outputs, outputs.into_iter().zip(sets));
    }
    jaxpr.outputs().iter().map(|a| read(&env, a)).unzip()
}

/// Derives the program with copies from the program alone. Each result varies at least over the axes that `least` has
/// for it. Also returns the axes over which each result varies.
pub(super) fn vary_jaxpr(
    jaxpr: &Jaxpr,
    over: &[AxisSet],
    least: &[AxisSet],
    mesh: &[NamedAxis],
) -> (Arc<Jaxpr>, Vec<AxisSet>) {
    let avals: Vec<_> = jaxpr.input_avals().cloned().collect();
    let (closed, sets) = stage(&avals, &Inputs::Unknown("inside a nested program"), |args| {
        let (outputs, sets) = vary(jaxpr, args, over, mesh);
        let none = AxisSet::new();
        let wanted: Vec<AxisSet> =
            (sets.iter().enumerate()).map(|(i, set)| union([set, least.get(i).unwrap_or(&none)])).collect();
        let outputs = outputs.iter().zip(&sets).zip(&wanted).map(|((x, set), wanted)| varying(x, set, wanted, mesh));
        (outputs.collect(), wanted)
    });
    (nested(closed), sets)
}

/// The axes along which a program copies an input to the devices, whatever it uses it for.
pub(super) fn copied_in(jaxpr: &Jaxpr, input: usize) -> AxisSet {
    let var = jaxpr.inputs()[input];
    let is_input = |atom: &Atom| atom.var() == Some(var);
    if jaxpr.outputs().iter().any(is_input) {
        return AxisSet::new();
    }
    let mut common: Option<AxisSet> = None;
    for eqn in jaxpr.eqns().iter().filter(|eqn| eqn.inputs.iter().any(is_input)) {
        let Some(copy) = eqn.prim.as_any().downcast_ref::<PVary>() else { return AxisSet::new() };
        let axes: AxisSet = copy.axes.iter().map(|axis| axis.name.clone()).collect();
        common = Some(common.map_or(axes.clone(), |known| known.intersection(&axes).cloned().collect()));
    }
    common.unwrap_or_default()
}

/// Finds the axes over which the carry of a loop varies. `step` returns those of the next carry for those of the carry,
/// and what was derived for them.
pub(super) fn fixpoint<T>(
    mut carry: Vec<AxisSet>,
    mut step: impl FnMut(&[AxisSet]) -> (Vec<AxisSet>, T),
) -> (Vec<AxisSet>, T) {
    loop {
        let (next, derived) = step(&carry);
        let all: Vec<AxisSet> = carry.iter().zip(&next).map(|(a, b)| union([a, b])).collect();
        if all == carry {
            return (carry, derived);
        }
        carry = all;
    }
}
