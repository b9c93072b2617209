//! Which loops the CPU compiler should turn into one kernel each.

use crate::core::jaxpr::{Eqn, Jaxpr};

/// The largest array that a small loop may compute with. Beyond it a kernel is worth more than one thread, which only
/// kernels of their own get.
const ELEMENTS: usize = 16_384;
/// The most equations: one kernel is one function for the code generator, whose cost grows faster than its size.
const EQUATIONS: usize = 1_000;

/// Whether a program has loops, and all of them are small.
///
/// XLA runs a loop's body kernel by kernel, a tenth of a microsecond for each, and some of a few hundred elements cost
/// ten times that. A body of many scalars spends nearly all its time so.
pub(super) fn only_small(jaxpr: &Jaxpr) -> bool {
    let (mut loops, mut small) = (0, true);
    visit(jaxpr, &mut |body| {
        loops += 1;
        small &= is_small(body);
    });
    loops > 0 && small
}

/// The body of each outermost loop.
fn visit(jaxpr: &Jaxpr, found: &mut impl FnMut(&Jaxpr)) {
    for eqn in &jaxpr.eqns {
        for inner in eqn.prim.jaxprs() {
            if matches!(eqn.prim.name(), "scan" | "while") { found(inner) } else { visit(inner, found) }
        }
    }
}

fn is_small(body: &Jaxpr) -> bool {
    // Of an array of which only a part is read or written, only that part counts.
    let partial = |eqn: &Eqn| {
        let name = eqn.prim.name();
        name == "gather" || name == "dynamic_slice" || name == "dynamic_update_slice" || name.starts_with("scatter")
    };
    let outputs = |eqn: &Eqn| eqn.outputs.iter().all(|v| body.avals[v.index()].shape.size() <= ELEMENTS);
    let inputs = |eqn: &Eqn| eqn.inputs.iter().all(|a| body.aval(a).shape.size() <= ELEMENTS);
    equations(body) <= EQUATIONS
        && (body.eqns.iter()).all(|eqn| {
            let nested = eqn.prim.jaxprs();
            nested.iter().all(|inner| is_small(inner))
                && (partial(eqn) || !nested.is_empty() || (inputs(eqn) && outputs(eqn)))
        })
}

/// How many equations a program has, nested ones included.
pub(super) fn equations(jaxpr: &Jaxpr) -> usize {
    let inside = |eqn: &Eqn| eqn.prim.jaxprs().iter().map(|j| equations(j)).sum::<usize>();
    jaxpr.eqns.iter().map(|eqn| 1 + inside(eqn)).sum()
}
