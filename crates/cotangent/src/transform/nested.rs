//! Prepares programs for a primitive to hold.

use std::panic::Location;
use std::sync::Arc;

use crate::array::Array;
use crate::error::location::location;
use crate::error::{Error, ErrorKind, raise};
use crate::ir::jaxpr::{Atom, Closed, Eqn, Jaxpr, Var};
use crate::ir::primitive::Primitive;
use crate::ops::constant::Constant;

/// The program as a primitive holds it, without captures. The captures of a function became operands when it was
/// traced; arrays that a rule captures become constants of the program.
pub(crate) fn nested(closed: Closed) -> Arc<Jaxpr> {
    if closed.captures.is_empty() {
        return closed.jaxpr;
    }
    let constant = |array: &Array| -> Arc<dyn Primitive> {
        if array.traced().is_some() {
            raise(
                Error::new(
                    ErrorKind::Transform,
                    format!(
                        "a rule inside a nested program, such as the body of a loop, captures the traced array {}",
                        array.aval()
                    ),
                )
                .help("make it an argument of the function that the rule is for"),
            );
        }
        Arc::new(Constant::of(array))
    };
    let jaxpr = &closed.jaxpr;
    let (captured, inputs) = jaxpr.inputs().split_at(closed.captures.len());
    let loc = jaxpr.eqns().first().map_or_else(|| location(Location::caller()), |eqn| eqn.loc.loc);
    let constants = closed.captures.iter().zip(captured).map(|(array, var)| Eqn {
        prim: constant(array),
        inputs: smallvec::SmallVec::new(),
        outputs: [*var].into(),
        loc: loc.into(),
    });
    let eqns = constants.chain(jaxpr.eqns().iter().cloned()).collect();
    Arc::new(Jaxpr::new(jaxpr.avals().to_vec(), inputs.to_vec(), eqns, jaxpr.outputs().to_vec()))
}

/// The largest captured array, in bytes, that becomes a constant of the compiled program, where the compiler can fold
/// it.
const SMALL: usize = 1024;

/// The program with its small captures as constants, or `None` if it has none. The inputs stay the same, so no equation
/// reads those of the small captures.
pub(crate) fn embedded(closed: &Closed) -> Option<Arc<Jaxpr>> {
    let jaxpr = &closed.jaxpr;
    let loc = jaxpr.eqns().first()?.loc.loc;
    let (mut avals, mut inputs, mut eqns) = (jaxpr.avals().to_vec(), jaxpr.inputs().to_vec(), Vec::new());
    let mut outputs = jaxpr.outputs().to_vec();
    for (array, input) in closed.captures.iter().zip(&mut inputs) {
        if array.traced().is_some() || array.size() * array.dtype().byte_size() > SMALL {
            continue;
        }
        let constant = *input;
        *input = Var(avals.len() as u32);
        avals.push(avals[constant.index()].clone());
        // A capture that is returned unchanged stays an input.
        for output in outputs.iter_mut().filter(|output| output.var() == Some(constant)) {
            *output = Atom::Var(*input);
        }
        let prim = Arc::new(Constant::of(array));
        eqns.push(Eqn { prim, inputs: smallvec::SmallVec::new(), outputs: [constant].into(), loc: loc.into() });
    }
    if eqns.is_empty() {
        return None;
    }
    eqns.extend(jaxpr.eqns().iter().cloned());
    Some(Arc::new(Jaxpr::new(avals, inputs, eqns, outputs)))
}
