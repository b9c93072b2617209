//! Mapped axes: which of them enclose the code that runs now, by name and size.
//!
//! A `vmap` enters its axis while it traces its function and while it batches the program. Collectives look up the
//! sizes of the axes that they name when they are traced; the innermost axis is the one that is being batched.

use std::cell::RefCell;

use crate::error::{Error, ErrorKind, Result};
use crate::ir::axis::{AxisName, NamedAxis};

thread_local! {
    /// From the outermost axis to the innermost; `None` has no name.
    static AXES: RefCell<Vec<Option<NamedAxis>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f` with the axes as `change` leaves them.
fn with_axes<R>(change: impl FnOnce(&mut Vec<Option<NamedAxis>>), f: impl FnOnce() -> R) -> R {
    struct Restore(Vec<Option<NamedAxis>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            AXES.set(std::mem::take(&mut self.0));
        }
    }
    let mut axes = AXES.with_borrow(Clone::clone);
    change(&mut axes);
    let _restore = Restore(AXES.replace(axes));
    f()
}

/// Runs `f`, which traces a function or batches a program, inside a mapped axis: it is the one that is batched, and,
/// if it has a name, collectives find it by that.
pub(crate) fn inside<R>(axis: Option<NamedAxis>, f: impl FnOnce() -> R) -> R {
    with_axes(|axes| axes.push(axis), f)
}

/// Runs `f`, a rule for whole batches, as if the innermost mapped axis were not there.
pub(crate) fn without_innermost<R>(f: impl FnOnce() -> R) -> R {
    with_axes(|axes| drop(axes.pop()), f)
}

/// The name of the axis that is being batched, if it has one.
pub(crate) fn innermost() -> Option<NamedAxis> {
    AXES.with_borrow(|axes| axes.last().cloned().flatten())
}

/// All mapped axes, the innermost last.
pub(crate) fn all() -> Vec<Option<NamedAxis>> {
    AXES.with_borrow(Clone::clone)
}

/// The named axes, the innermost last: what a traced function may depend on beside its arguments.
pub(crate) fn bound() -> Vec<NamedAxis> {
    AXES.with_borrow(|axes| axes.iter().flatten().cloned().collect())
}

/// Whether the named axes are these.
pub(crate) fn bound_are(axes: &[NamedAxis]) -> bool {
    AXES.with_borrow(|bound| bound.iter().flatten().eq(axes))
}

/// The axis that a name means here: the innermost of that name.
pub(crate) fn find(name: &AxisName) -> Result<NamedAxis> {
    let bound = bound();
    if let Some(axis) = bound.iter().rfind(|axis| axis.name == *name) {
        return Ok(axis.clone());
    }
    let message = match bound.as_slice() {
        [] => format!("no axis is called `{name}`: no mapped axis has a name here"),
        _ => {
            let names: Vec<String> = bound.iter().map(|a| format!("`{}` (of size {})", a.name, a.size)).collect();
            format!("no axis is called `{name}`: the names here are {}", names.join(", "))
        }
    };
    Err(Error::new(ErrorKind::Axis, message)
        .help(format!("give the mapped axis its name: `vmap(f).axis_name(\"{name}\")`, around this call")))
}
