//! Between values that all devices along an axis share and values that each of them has for itself.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::Result;
use crate::ir::axis::{AxisName, AxisSet, NamedAxis};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::tuple;
use crate::trace::frames::bind1;

use super::super::vary::{union, varying};
use super::lowering::all_reduce;
use super::{linear_collective, over};

fn names(axes: &[NamedAxis]) -> AxisSet {
    axes.iter().map(|axis| axis.name.clone()).collect()
}

fn params(axes: &[NamedAxis]) -> Vec<(&'static str, String)> {
    let quoted: Vec<String> = axes.iter().map(|a| format!("'{a}'")).collect();
    vec![("axes", tuple(&quoted))]
}

/// `pvary`: a value that all devices along the axes share, as one that each of them has for itself. Nothing moves. Its
/// transpose sums the cotangents of the devices.
///
/// ```
/// use cotangent::extend::{NamedAxis, Primitive, primitives::PVary};
/// assert_eq!(PVary { axes: vec![NamedAxis { name: "x".into(), size: 2 }] }.name(), "pvary");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PVary {
    /// The axes.
    pub axes: Vec<NamedAxis>,
}

impl Primitive for PVary {
    fn name(&self) -> &'static str {
        "pvary"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        params(&self.axes)
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Ok(inputs.iter().cloned().collect())
    }

    linear_collective!();

    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        let sum = PSumInvariant { axes: self.axes.clone() };
        vec![ct[0].as_ref().map(|ct| bind1(sum, &[ct]))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![bind1(self.clone(), &[&x[0]])], axes.to_vec())
    }

    fn vary(&self, x: &[Array], over: &[AxisSet], mesh: &[NamedAxis]) -> Option<(Vec<Array>, Vec<AxisSet>)> {
        let wanted = union([&over[0], &names(&self.axes)]);
        Some((vec![varying(&x[0], &over[0], &wanted, mesh)], vec![wanted]))
    }

    fn lower(&self, _: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        args.iter().cloned().collect()
    }

    fn uses_axis(&self, name: &AxisName) -> bool {
        self.axes.iter().any(|axis| axis.name == *name)
    }
}

/// `psum_invariant`: the sum over the axes of a mesh, as one value that all devices share. Its transpose is [`PVary`].
///
/// ```
/// use cotangent::extend::{NamedAxis, Primitive, primitives::PSumInvariant};
/// assert_eq!(PSumInvariant { axes: vec![NamedAxis { name: "x".into(), size: 2 }] }.name(), "psum_invariant");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PSumInvariant {
    /// The axes.
    pub axes: Vec<NamedAxis>,
}

impl Primitive for PSumInvariant {
    fn name(&self) -> &'static str {
        "psum_invariant"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        params(&self.axes)
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Ok(inputs.iter().cloned().collect())
    }

    linear_collective!();

    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].as_ref().map(|ct| bind1(PVary { axes: self.axes.clone() }, &[ct]))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![bind1(self.clone(), &[&x[0]])], axes.to_vec())
    }

    fn vary(&self, x: &[Array], over: &[AxisSet], mesh: &[NamedAxis]) -> Option<(Vec<Array>, Vec<AxisSet>)> {
        let axes = names(&self.axes);
        let x = varying(&x[0], &over[0], &union([&over[0], &axes]), mesh);
        let sum = bind1(self.clone(), &[&x]);
        Some((vec![sum], vec![over[0].difference(&axes).cloned().collect()]))
    }

    over!(|self| &self.axes, |cx, grid, args, outs| all_reduce(
        cx,
        &grid,
        "stablehlo.add",
        &self.axes,
        &args[0],
        &outs[0]
    ));
}
