//! Collectives: primitives that communicate over a mapped axis.
//!
//! A collective has a meaning only inside the `vmap` or the `shard_map` that names its axis. Its batch rule over the
//! axis of a `vmap` turns it into a reduction, a transpose or the like; over any other axis it stays a collective. Over
//! an axis of a mesh it is lowered to communication between devices.

mod exchange;
mod index;
mod lowering;
mod reduce;
mod vary;

pub use exchange::{AllGather, AllToAll, PPermute, ReduceScatter};
pub use index::AxisIndex;
pub use reduce::{PMax, PMin, PSum};
pub use vary::{PSumInvariant, PVary};

use crate::error::{Error, ErrorKind, raise};
use crate::ir::axis::{AxisName, NamedAxis};
use crate::ir::lowering::Lowering;
use crate::ir::partition::Grid;
use crate::trace::axis;

/// Whether the axis that is being batched is one of `axes`.
fn batched_over<'a>(axes: impl IntoIterator<Item = &'a NamedAxis>) -> Option<AxisName> {
    let name = axis::innermost()?.name;
    axes.into_iter().any(|a| a.name == name).then_some(name)
}

/// Raises the error for an axis that is still unbound when a program is lowered.
fn unmapped(prim: &str, axes: &[NamedAxis]) -> ! {
    let names: Vec<String> = axes.iter().map(|a| format!("`{a}`")).collect();
    raise(
        Error::new(
            ErrorKind::Axis,
            format!("`{prim}` over the axis {} runs outside the `vmap` or `shard_map` that maps it", names.join(", ")),
        )
        .help("a value that depends on the other elements cannot be read inside the mapped function; return it"),
    )
}

/// The mesh that has these axes, if each of its devices runs the code being written.
fn mesh_of(cx: &Lowering<'_>, axes: &[NamedAxis]) -> Option<Grid> {
    cx.manual().filter(|grid| axes.iter().all(|axis| grid.contains(axis)))
}

/// The rules that linear collectives of one operand share.
macro_rules! linear_collective {
    () => {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            let apply = |x: &Array| crate::trace::frames::bind1(self.clone(), &[x]);
            (vec![apply(&x[0])], vec![dx[0].as_ref().map(apply)])
        }
    };
}

/// The methods that collectives over the axes in `$axes` share. `$lowered` is the result over the axes of a mesh.
macro_rules! over {
    (|$self:ident| $axes:expr, |$cx:ident, $grid:ident, $args:ident, $outs:ident| $lowered:expr) => {
        fn uses_axis(&$self, name: &AxisName) -> bool {
            $axes.iter().any(|axis| axis.name == *name)
        }

        fn lower(&$self, $cx: &mut Lowering<'_>, $args: &[Value], _: &[Aval], $outs: &[Aval]) -> Outputs<Value> {
            match super::mesh_of($cx, $axes) {
                Some($grid) => [$lowered].into(),
                None => super::unmapped($self.name(), $axes),
            }
        }
    };
}

use {linear_collective, over};
