//! Programs that are refused before they are compiled.

use crate::array::platform::Platform;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::jaxpr::{Eqn, Jaxpr};
use crate::ir::primitive::Primitive;

/// The error for a program with checks outside `checkify`.
pub(crate) fn unchecked(jaxpr: &Jaxpr) -> Error {
    match first(jaxpr, |prim| prim.effects().check) {
        Some(eqn) => outside_checkify().at(eqn.loc.loc),
        None => outside_checkify(),
    }
}

/// Checks that a program can run on a platform: that the platform has all of its primitives, and that functions of this
/// process that the program calls can read the memory.
pub(crate) fn runs_on(jaxpr: &Jaxpr, platform: Platform) -> Result<()> {
    match unfit(jaxpr, platform) {
        Some(eqn) => Err(eqn.prim.refusal(platform).at(eqn.loc.loc)),
        None => Ok(()),
    }
}

/// Returns the first equation that keeps a program from a platform.
fn unfit(jaxpr: &Jaxpr, platform: Platform) -> Option<&Eqn> {
    let eqn = jaxpr.eqns().iter().find(|eqn| !eqn.prim.runs_on(platform))?;
    Some(eqn.prim.jaxprs_on(platform).into_iter().find_map(|inner| unfit(inner, platform)).unwrap_or(eqn))
}

/// Returns the first equation whose primitive has a property that primitives inherit from the programs they hold.
fn first(jaxpr: &Jaxpr, has: impl Fn(&dyn Primitive) -> bool + Copy) -> Option<&Eqn> {
    let eqn = jaxpr.eqns().iter().find(|e| has(&*e.prim))?;
    Some(eqn.prim.jaxprs().into_iter().find_map(|inner| first(inner, has)).unwrap_or(eqn))
}

/// The error for a check outside `checkify`.
pub(crate) fn outside_checkify() -> Error {
    Error::new(ErrorKind::Transform, "a `check` must be inside `checkify`")
        .help("wrap the outermost transformed function: `checkify(f)` returns the error and the result")
}
