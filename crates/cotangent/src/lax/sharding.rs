//! Layouts of values in the middle of a program.

use std::panic::Location;
use std::sync::Arc;

use crate::error::location::location;
use crate::ops::sharding_constraint::ShardingConstraint;
use crate::sharding::NamedSharding;
use crate::trace::frames::bind_at;
use crate::tree::Tree;

/// Returns `x`, laid out over a mesh as `sharding` says. Inside a jitted function it tells the compiler how to divide a
/// value; the compiler divides the rest of the program accordingly. Outside, it moves the data.
///
/// A dimension that is `UNCONSTRAINED` in the spec is left to the compiler.
///
/// ```
/// use cotangent::{NamedSharding, P, lax, make_mesh, prelude::*};
/// let rows = NamedSharding::new(&make_mesh([("x", 1)]), P!("x"));
/// let f = jit(|x: &Array| lax::with_sharding_constraint(&x.sin(), &rows));
/// assert_eq!(f(&np::zeros([8, 2])).sharding().unwrap().mesh(), rows.mesh());
/// ```
///
/// # Panics
/// If a dimension is not a multiple of the number of parts, or an array has fewer dimensions than the spec has entries.
#[track_caller]
pub fn with_sharding_constraint<T: Tree>(x: &T, sharding: &NamedSharding) -> T {
    let loc = location(Location::caller());
    x.map(|x| bind_at(Arc::new(ShardingConstraint { sharding: sharding.clone() }), &[x], loc).swap_remove(0))
}
