//! Helpers of all control flow: tracing its functions, and checking that their types agree.
//!
//! Values that a closure captures become operands, so that derivatives and batching apply to them.

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::promote::promote_types;
use crate::error::location::with_location;
use crate::error::{Error, ErrorKind, Loc, OrRaise, Result};
use crate::ir::jaxpr::{Closed, Jaxpr};
use crate::trace::frames::{Inputs, stage};
use crate::transform::dce::dce;
use crate::transform::eval::eval;
use crate::tree::{Tree, difference, flatten, leaf_name, leaf_paths};

pub(super) fn avals(leaves: &[Array]) -> Vec<Aval> {
    leaves.iter().map(Array::aval).collect()
}

/// Returns the body to be stored in a primitive: without dead code, with all its inputs kept.
pub(super) fn tidy(closed: &Closed) -> std::sync::Arc<Jaxpr> {
    dce(&closed.jaxpr, true).0.into()
}

/// Makes programs without arguments of their own take the same list of captured values. Returns the programs and the
/// values.
pub(crate) fn share_captures(programs: &[&Closed]) -> (Vec<std::sync::Arc<Jaxpr>>, Vec<Array>) {
    let all: Vec<Array> = programs.iter().flat_map(|p| p.captures.iter().cloned()).collect();
    let types = avals(&all);
    let mut start = 0;
    let shared = (programs.iter())
        .map(|p| {
            let own = start..start + p.captures.len();
            start = own.end;
            let (closed, ()) =
                stage(&types, &Inputs::Unknown("inside a branch"), |args| (eval(&p.jaxpr, &args[own]), ()));
            tidy(&closed)
        })
        .collect();
    (shared, all)
}

/// Describes two trees that must have the same structure and types, for error messages.
pub(super) struct Alike<'a> {
    /// The name of the function that was called.
    pub call: &'static str,
    /// The values that must agree, such as `the carry`.
    pub part: &'static str,
    /// The requirement in words.
    pub must: &'static str,
    /// The words before the first type and before the second.
    pub sides: [&'a str; 2],
    /// Returns the suggestion for two types that differ. The first is the expected one.
    pub help: fn(&Aval, &Aval) -> String,
}

/// Returns the code that converts the second type to the first.
pub(super) fn conversion(expected: &Aval, got: &Aval) -> String {
    match expected.dtype == got.dtype {
        true => format!("`.reshape({:?})` or a reduction", &*expected.shape),
        false => format!("`.astype(DType::{:?})`", expected.dtype),
    }
}

impl Alike<'_> {
    /// Describes a loop body's argument and result.
    pub(super) const fn carried(call: &'static str, part: &'static str) -> Alike<'static> {
        Alike {
            call,
            part,
            must: "must keep its type from one iteration to the next",
            sides: ["the body takes", "but returns"],
            help: |expected, got| {
                format!("convert the new value with {}, or start from {got}", conversion(expected, got))
            },
        }
    }

    /// Describes a solver's function whose result must have the type of its argument.
    pub(super) const fn solver(call: &'static str, part: &'static str, must: &'static str) -> Alike<'static> {
        Alike {
            call,
            part,
            must,
            sides: ["expected", "got"],
            help: |expected, got| format!("convert the result to {expected} with {}", conversion(expected, got)),
        }
    }

    /// Checks that `got` has the structure and types of `expected`. The leading outputs of `program` are the leaves of
    /// `got`. An error points at the line that made the leaf in question, or at `loc` if there is none.
    pub(super) fn check<T: Tree>(&self, expected: &T, got: &T, program: &Jaxpr, loc: Loc) -> Result<()> {
        let Alike { call, part, must, sides: [first, second], help } = self;
        let (paths, others) = (leaf_paths(expected), leaf_paths(got));
        if !expected.same_structure(got) {
            let difference = difference(&paths, &others);
            let message = format!("{call}: {part} {must}, but the structures differ: {difference}");
            return Err(Error::new(ErrorKind::Structure, message).at(loc));
        }
        for (i, ((a, b), path)) in flatten(expected).iter().zip(flatten(got)).zip(paths).enumerate() {
            if a.shape() == b.shape() && a.dtype() == b.dtype() {
                continue;
            }
            let (a, b) = (a.aval(), b.aval());
            let leaf = leaf_name(&path, part);
            let made = program.outputs().get(i).and_then(|atom| atom.var());
            let line =
                program.eqns().iter().find(|eqn| made.is_some_and(|v| eqn.outputs.contains(&v))).map(|eqn| eqn.loc.loc);
            let message = format!("{call}: {leaf} {must}: {first} {a}, {second} {b}");
            return Err(Error::new(ErrorKind::Structure, message).at(line.unwrap_or(loc)).help(help(&a, &b)));
        }
        Ok(())
    }
}

/// Promotes the leaves of a carry that are Rust numbers to the dtypes that the body returns. Returns whether any leaf
/// changed; if so, the body must be traced again.
pub(super) fn promoted(start: &mut [Array], next: &[Array]) -> bool {
    let mut any = false;
    for (x, y) in start.iter_mut().zip(next) {
        let (dtype, _) = promote_types((x.dtype(), x.weak_type()), (y.dtype(), y.weak_type()));
        if x.weak_type() && dtype != x.dtype() {
            *x = x.convert(dtype, false);
            any = true;
        }
    }
    any
}

/// Traces a loop's body for a carry of the types of `start`. The types of Rust numbers in `start` change to those that
/// the body returns. `body` maps the carry and further values to the next carry and another result.
pub(super) fn traced_body<C: Tree, Y: Tree>(
    alike: &Alike<'_>,
    init: &C,
    start: &mut [Array],
    further: &[Aval],
    loc: Loc,
    body: impl Fn(C, &mut dyn Iterator<Item = Array>) -> (C, Y),
) -> (Closed, Y) {
    loop {
        let types: Vec<Aval> = start.iter().map(Array::aval).chain(further.iter().cloned()).collect();
        let (closed, (carry, next, y)) = stage(&types, &Inputs::Unknown("inside a loop"), |args| {
            let mut leaves = args.iter().cloned();
            let carry = init.rebuild(&mut leaves);
            let (next, y) = body(init.rebuild(&mut args.iter().cloned()), &mut leaves);
            // A leaf that starts as a strongly typed array stays one; a Rust number that replaces it takes its dtype.
            let strong =
                |(x, start): (&Array, &Array)| if start.weak_type() { x.clone() } else { x.convert(x.dtype(), false) };
            let carried = |next: &C| flatten(next).iter().zip(&*start).map(strong).collect::<Vec<_>>();
            let outputs = with_location(loc, || carried(&next)).into_iter().chain(flatten(&y)).collect();
            (outputs, (carry, next, y))
        });
        if !carry.same_structure(&next) || !promoted(start, &flatten(&next)) {
            alike.check(&carry, &next, &closed.jaxpr, loc).or_raise();
            return (closed, y);
        }
    }
}
