//! How the CPU compiler handles a program best: whether to make each loop one kernel, and which of its emitters writes
//! a kernel.

use crate::array::literal::Literal;
use crate::compile::outline::is_elementwise;
use crate::ir::jaxpr::{Eqn, Jaxpr};

/// How a program should be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// The compiler's default.
    Plain,
    /// It has loops, all of them small.
    SmallLoops,
    /// A single exact elementwise operation, as run outside any transform.
    OneOperation,
}

impl Style {
    pub(crate) fn of(jaxpr: &Jaxpr) -> Style {
        // Inside a kernel, a call of a function of this process would block the thread that the kernel runs on.
        if !jaxpr.effects().host && only_small(jaxpr) {
            return Style::SmallLoops;
        }
        match jaxpr.eqns() {
            [eqn] if is_elementwise(jaxpr, eqn, false) && is_exact(jaxpr, eqn) => Style::OneOperation,
            _ => Style::Plain,
        }
    }
}

/// The largest array that a small loop may compute with. A larger one is worth more than one thread, and only separate
/// kernels get several threads.
const ELEMENTS: usize = 16_384;
/// The maximal number of equations: one kernel is one function for the code generator, whose cost grows faster than
/// linearly in its size.
const EQUATIONS: usize = 1_000;

/// Whether an elementwise operation is one of IEEE arithmetic, with exactly one correct result. Such an operation can
/// fold scalars.
fn is_exact(jaxpr: &Jaxpr, eqn: &Eqn) -> bool {
    let ones: Vec<Literal> = eqn.inputs.iter().map(|atom| Literal::int(jaxpr.aval(atom).dtype, 1)).collect();
    !ones.is_empty() && eqn.prim.fold(&ones).is_some()
}

/// Whether a program has loops, and all of them are small.
///
/// XLA runs a loop's body kernel by kernel, at a tenth of a microsecond per kernel, or ten times that for some of a few
/// hundred elements. A body of many scalars spends nearly all its time on this.
fn only_small(jaxpr: &Jaxpr) -> bool {
    let (mut loops, mut small) = (0, true);
    visit(jaxpr, &mut |is_small| {
        loops += 1;
        small &= is_small;
    });
    loops > 0 && small
}

/// Reports for each outermost loop whether it is small.
fn visit(jaxpr: &Jaxpr, found: &mut impl FnMut(bool)) {
    for eqn in jaxpr.eqns() {
        let nested = eqn.prim.jaxprs();
        match eqn.prim.is_loop() {
            true if nested.is_empty() => found(has_small_arrays(jaxpr, eqn)),
            true => found(nested.iter().all(|inner| is_small(inner))),
            false => nested.iter().for_each(|inner| visit(inner, found)),
        }
    }
}

fn has_small_arrays(jaxpr: &Jaxpr, eqn: &Eqn) -> bool {
    let outputs = eqn.outputs.iter().all(|v| jaxpr.avals()[v.index()].shape.size() <= ELEMENTS);
    outputs && eqn.inputs.iter().all(|a| jaxpr.aval(a).shape.size() <= ELEMENTS)
}

fn is_small(body: &Jaxpr) -> bool {
    body.size() <= EQUATIONS
        && (body.eqns().iter()).all(|eqn| {
            let nested = eqn.prim.jaxprs();
            // Of an array of which only a few elements are read or written, only those count.
            nested.iter().all(|inner| is_small(inner))
                && (eqn.prim.is_indexing() || !nested.is_empty() || has_small_arrays(body, eqn))
        })
}
