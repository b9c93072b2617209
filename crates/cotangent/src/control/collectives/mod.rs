//! Collectives: primitives that communicate over a mapped axis.
//!
//! A collective has a meaning only inside the `vmap` that names its axis. Its batch rule over that axis turns it into a
//! reduction, a transpose or the like; over any other axis it stays a collective. A program that is lowered has none.

mod exchange;
mod index;
mod reduce;

pub use exchange::{AllGather, AllToAll, PPermute, ReduceScatter};
pub use index::AxisIndex;
pub use reduce::{PMax, PMin, PSum};

use crate::error::{Error, ErrorKind, raise};
use crate::ir::axis::{AxisName, NamedAxis};
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
            format!("`{prim}` over the axis {} runs outside the `vmap` that maps it", names.join(", ")),
        )
        .help("a value that depends on the other elements cannot be read inside the mapped function; return it"),
    )
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

/// The methods that collectives over the axes in `$axes` share.
macro_rules! over {
    (|$self:ident| $axes:expr) => {
        fn uses_axis(&$self, name: &AxisName) -> bool {
            $axes.iter().any(|axis| axis.name == *name)
        }

        fn lower(&$self, _: &mut Lowering<'_>, _: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
            super::unmapped($self.name(), $axes)
        }
    };
}

use {linear_collective, over};
