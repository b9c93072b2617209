//! A value laid out over a mesh in the middle of a program.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::axis::{AxisSet, NamedAxis};
use crate::ir::effects::Effects;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::sharding::{NamedSharding, SpecEntry};
use crate::trace::frames::bind1;

/// `sharding_constraint`: its operand, laid out over a mesh.
///
/// ```
/// use cotangent::extend::{Primitive, primitives::ShardingConstraint};
/// use cotangent::{Device, Mesh, NamedSharding, P};
/// let mesh = Mesh::new(&[Device::cpu(0)], [("x", 1)]);
/// let prim = ShardingConstraint { sharding: NamedSharding::new(&mesh, P!("x")) };
/// assert_eq!(prim.name(), "sharding_constraint");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShardingConstraint {
    /// The layout.
    pub sharding: NamedSharding,
}

impl Primitive for ShardingConstraint {
    fn name(&self) -> &'static str {
        "sharding_constraint"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("sharding", self.sharding.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        self.sharding.shard_shape(&inputs[0].shape)?;
        Ok(inputs.iter().cloned().collect())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let apply = |x: &Array| bind1(self.clone(), &[x]);
        (vec![apply(&x[0])], vec![dx[0].as_ref().map(apply)])
    }

    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].as_ref().map(|ct| bind1(self.clone(), &[ct]))]
    }

    /// The compiler chooses the layout of the batch axis, unless the user has divided the batch over an axis of the
    /// mesh.
    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let Some(axis) = axes[0] else { return (vec![bind1(self.clone(), &[&x[0]])], vec![None]) };
        let entry = crate::trace::axis::divided_over().map_or(SpecEntry::Unconstrained, SpecEntry::from);
        let spec = self.sharding.spec().inserted(axis, entry);
        let sharding = NamedSharding::new(self.sharding.mesh(), spec);
        (vec![bind1(ShardingConstraint { sharding }, &[&x[0]])], vec![Some(axis)])
    }

    fn vary(&self, _: &[Array], _: &[AxisSet], _: &[NamedAxis]) -> Option<(Vec<Array>, Vec<AxisSet>)> {
        raise(
            Error::new(
                ErrorKind::Transform,
                "`with_sharding_constraint` inside a `shard_map`, where each device has its own part",
            )
            .help("constrain the arguments or the result of the `shard_map`"),
        )
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let attr = cx.layout(&self.sharding.layout(inputs[0].rank()));
        [cx.op("sdy.sharding_constraint", args, &[("sharding", attr)], &outs[0])].into()
    }

    fn effects(&self) -> Effects {
        Effects::MESH
    }
}
