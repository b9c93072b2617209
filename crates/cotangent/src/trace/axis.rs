//! The mapped axes that enclose the current code, by name and size.
//!
//! A `vmap` enters its axis while it traces its function and while it batches the program. Collectives look up the
//! sizes of the axes that they name when they are traced. The innermost axis is the one being batched.

use std::cell::RefCell;

use crate::error::scoped::with_value;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::axis::{AxisName, NamedAxis};

thread_local! {
    /// From the outermost to the innermost axis; `None` stands for an axis without a name.
    static AXES: RefCell<Vec<Option<NamedAxis>>> = const { RefCell::new(Vec::new()) };
    /// The axis of a mesh over which the batch of the innermost `vmap` is divided, if the user named one.
    static DIVIDED: RefCell<Option<AxisName>> = const { RefCell::new(None) };
}

/// Runs `f`, which traces a function or batches a program, whose batch is divided over this axis of a mesh.
pub(crate) fn divided<R>(over: Option<AxisName>, f: impl FnOnce() -> R) -> R {
    with_value(&DIVIDED, over, f)
}

/// The axis of a mesh over which the batch is divided, if the user named one.
pub(crate) fn divided_over() -> Option<AxisName> {
    DIVIDED.with_borrow(Clone::clone)
}

/// Runs `f` with the axes after `change`.
fn with_axes<R>(change: impl FnOnce(&mut Vec<Option<NamedAxis>>), f: impl FnOnce() -> R) -> R {
    let mut axes = AXES.with_borrow(Clone::clone);
    change(&mut axes);
    with_value(&AXES, axes, f)
}

/// Runs `f`, which traces a function or batches a program, inside a mapped axis. This axis is the one being batched. If
/// it has a name, collectives can find it.
pub(crate) fn inside<R>(axis: Option<NamedAxis>, f: impl FnOnce() -> R) -> R {
    with_axes(|axes| axes.push(axis), f)
}

/// Runs `f`, which traces or rewrites a function that each device of a mesh runs, inside the axes of the mesh.
pub(crate) fn inside_mesh<R>(mesh: &[NamedAxis], f: impl FnOnce() -> R) -> R {
    with_axes(|axes| axes.extend(mesh.iter().cloned().map(Some)), f)
}

/// [`inside_mesh`], for a function that is batched: the axis being batched remains the innermost one.
pub(crate) fn around_innermost<R>(mesh: &[NamedAxis], f: impl FnOnce() -> R) -> R {
    let insert = |axes: &mut Vec<Option<NamedAxis>>| {
        let place = axes.len().saturating_sub(1);
        axes.splice(place..place, mesh.iter().cloned().map(Some));
    };
    with_axes(insert, f)
}

/// Runs `f`, a rule for whole batches, as if it were outside the innermost mapped axis.
pub(crate) fn without_innermost<R>(f: impl FnOnce() -> R) -> R {
    with_axes(|axes| drop(axes.pop()), f)
}

/// The axis being batched, if it has a name.
pub(crate) fn innermost() -> Option<NamedAxis> {
    AXES.with_borrow(|axes| axes.last().cloned().flatten())
}

/// All mapped axes, the innermost last.
pub(crate) fn all() -> Vec<Option<NamedAxis>> {
    AXES.with_borrow(Clone::clone)
}

/// The named axes, the innermost last. A traced function may depend on them besides its arguments.
pub(crate) fn bound() -> Vec<NamedAxis> {
    AXES.with_borrow(|axes| axes.iter().flatten().cloned().collect())
}

/// Whether the named axes are exactly these.
pub(crate) fn bound_are(axes: &[NamedAxis]) -> bool {
    AXES.with_borrow(|bound| bound.iter().flatten().eq(axes))
}

/// The axis that a name refers to: the innermost one of that name.
pub(crate) fn find(name: &AxisName) -> Result<NamedAxis> {
    let bound = bound();
    if let Some(axis) = bound.iter().rfind(|axis| axis.name == *name) {
        return Ok(axis.clone());
    }
    let message = match bound.as_slice() {
        [] => format!("there is no mapped axis `{name}`: no mapped axis has a name here"),
        _ => {
            let names: Vec<String> = bound.iter().map(|a| format!("`{}` (of size {})", a.name, a.size)).collect();
            format!("there is no mapped axis `{name}`: the names here are {}", names.join(", "))
        }
    };
    Err(Error::new(ErrorKind::Axis, message).help(format!(
        "name the axis of a `vmap` around this call, `vmap(f).axis_name(\"{name}\")`, or run \
             the function in a `shard_map` over a mesh with such an axis"
    )))
}
