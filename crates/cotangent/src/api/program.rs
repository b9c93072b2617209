//! Steps that all transforms share: tracing a user's function, and running a rewritten program as one executable.

use std::panic::Location;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::device::committed;
use crate::compile::times::{Stage, during};
use crate::error::location::location;
use crate::error::{Loc, Result, raise};
use crate::ir::jaxpr::{Closed, Jaxpr};
use crate::trace::backend::backend;
use crate::trace::frames::{Inputs, stage, tracing};
use crate::transform::dce::dce;
use crate::tree::{Tree, flatten};

use super::func::Params;

/// Traces a user's function. Returns its program, and its result as a template whose arrays are traced.
pub(crate) fn trace<'f, P: Params, R: Tree>(
    f: &P::Dyn<'f, R>,
    args: P::Refs<'_>,
    avals: &[Aval],
    inputs: &Inputs<'_>,
) -> (Closed, R) {
    let (Closed { jaxpr, captures }, result) = during(Stage::Trace, || {
        stage(avals, inputs, |leaves| {
            let result = P::call(f, P::rebuild(args, &mut leaves.iter().cloned()));
            (flatten(&result), result)
        })
    });
    // Unused equations are removed, so a transform needs no rule for a value that is computed but not returned.
    (Closed { jaxpr: dce(&jaxpr, true).0.into(), captures }, result)
}

/// Calls a user's function, without a program of its own.
pub(crate) fn plainly<'f, P: Params, R: Tree>(f: &P::Dyn<'f, R>, args: P::Refs<'_>) -> R {
    P::call(f, P::rebuild(args, &mut P::leaves(args).0.into_iter().cloned()))
}

/// Runs `body` on `inputs`. Inside a trace, its equations are recorded there. Outside any trace, they become one
/// program, which is found in the cache by its structure or compiled.
#[track_caller]
pub(crate) fn as_program<T>(inputs: &[Array], body: impl FnOnce(&[Array]) -> (Vec<Array>, T)) -> (Vec<Array>, T) {
    as_program_at(inputs, location(Location::caller()), body)
}

/// [`as_program`], whose errors are at the line `loc`.
pub(crate) fn as_program_at<T>(
    inputs: &[Array],
    loc: Loc,
    body: impl FnOnce(&[Array]) -> (Vec<Array>, T),
) -> (Vec<Array>, T) {
    if tracing() {
        return during(Stage::Rewrite, || body(inputs));
    }
    let (program, extra) = during(Stage::Rewrite, || {
        let (closed, extra) = stage(&avals(inputs), &Inputs::Known(inputs), body);
        (Recorded::new(closed), extra)
    });
    match program.run(inputs) {
        Ok(results) => (results, extra),
        Err(error) => raise(error.at(loc)),
    }
}

fn avals(arrays: &[Array]) -> Vec<Aval> {
    arrays.iter().map(Array::aval).collect()
}

/// A program that was recorded outside any trace, without what its results do not need.
struct Recorded {
    jaxpr: Jaxpr,
    /// Which of the captures and inputs are left.
    kept: Vec<bool>,
    captures: Vec<Array>,
}

impl Recorded {
    fn new(closed: Closed) -> Recorded {
        let (jaxpr, kept) = dce(&closed.jaxpr, false);
        Recorded { jaxpr, kept, captures: closed.captures }
    }

    fn run(self, inputs: &[Array]) -> Result<Vec<Array>> {
        let Recorded { jaxpr, kept, captures } = self;
        let args: Vec<&Array> =
            captures.iter().chain(inputs).zip(&kept).filter(|(_, kept)| **kept).map(|(x, _)| x).collect();
        // The backend would find arrays on different devices as well, but does not know what they are.
        let name = |i: usize| {
            let place = (0..kept.len()).filter(|i| kept[*i]).nth(i);
            match place.and_then(|place| place.checked_sub(captures.len())) {
                Some(i) => format!("array {i} of the arguments"),
                None => "a captured array".to_string(),
            }
        };
        committed(args.iter().copied(), name)?;
        backend().execute(&jaxpr.into(), &args)
    }
}

/// Returns the results of a library function. Outside any trace, the function becomes one program instead of one for
/// each operation. Inside a trace, its operations are recorded like any others.
#[track_caller]
pub(crate) fn as_library(inputs: &[Array], body: impl FnOnce(&[Array]) -> Vec<Array>) -> Vec<Array> {
    if tracing() { body(inputs) } else { as_program(inputs, |inputs| (body(inputs), ())).0 }
}

/// Like [`as_library`], for a function with one result.
#[track_caller]
pub(crate) fn as_one(inputs: &[Array], body: impl FnOnce(&[Array]) -> Array) -> Array {
    as_library(inputs, |inputs| vec![body(inputs)]).remove(0)
}
