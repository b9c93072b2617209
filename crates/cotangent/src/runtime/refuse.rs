//! Programs that are refused before they are compiled.

use crate::array::platform::Platform;
use crate::control::call::Call;
use crate::control::cond::Cond;
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
    let Some(eqn) = unfit(jaxpr, platform) else { return Ok(()) };
    if let Some(cond) = eqn.prim.as_any().downcast_ref::<Cond>() {
        let platforms: Vec<String> = cond.platforms.iter().flatten().flatten().map(ToString::to_string).collect();
        let message = format!("`platform_dependent` has no function for {platform}, only for {}", platforms.join(", "));
        return Err(Error::new(ErrorKind::Device, message)
            .help("add one for it, or a default that serves all others")
            .at(eqn.loc.loc));
    }
    if let Some(call) = eqn.prim.as_any().downcast_ref::<Call>()
        && let Some(only) = &call.only
    {
        only.check(&call.name, platform).map_err(|error| error.at(eqn.loc.loc))?;
    }
    if eqn.prim.effects().host {
        let message = format!("a program that calls functions of this process does not run on {platform:?}");
        return Err(Error::new(ErrorKind::Runtime, message)
            .help("leave out callbacks and debug prints, return the values instead, or run this function on the CPU")
            .at(eqn.loc.loc));
    }
    let message = format!("`{}` does not run on {platform:?}", eqn.prim.name());
    let help = "move its operands to the CPU first, with `.to(Device::cpu(0))`, and compute it there";
    Err(Error::new(ErrorKind::Device, message).help(help).at(eqn.loc.loc))
}

/// Returns the first equation that keeps a program from a platform. Branches for other platforms do not.
fn unfit(jaxpr: &Jaxpr, platform: Platform) -> Option<&Eqn> {
    let eqn = jaxpr.eqns().iter().find(|eqn| !eqn.prim.runs_on(platform))?;
    let branch = eqn.prim.as_any().downcast_ref::<Cond>().and_then(|cond| cond.of_platform(platform));
    let inner = match branch {
        Some(branch) => branch.and_then(|branch| unfit(branch, platform)),
        None => eqn.prim.jaxprs().into_iter().find_map(|inner| unfit(inner, platform)),
    };
    Some(inner.unwrap_or(eqn))
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
