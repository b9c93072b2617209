//! What the CPU compiler does best with a program: whether it should turn each loop into one kernel, and which of its
//! emitters should write a kernel.

use crate::array::literal::Literal;
use crate::compile::outline::is_elementwise;
use crate::ir::jaxpr::{Eqn, Jaxpr};

/// How a program should be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// As the compiler would.
    Plain,
    /// It has loops, all of them small.
    SmallLoops,
    /// It is one exact elementwise operation: what runs outside of any transform.
    OneOperation,
}

impl Style {
    pub(crate) fn of(jaxpr: &Jaxpr) -> Style {
        // Inside of a kernel a call of a function of this process would hold the thread that it runs on.
        if !jaxpr.effects().host && only_small(jaxpr) {
            return Style::SmallLoops;
        }
        match jaxpr.eqns() {
            [eqn] if is_elementwise(jaxpr, eqn, false) && is_exact(jaxpr, eqn) => Style::OneOperation,
            _ => Style::Plain,
        }
    }
}

/// The largest array that a small loop may compute with. Beyond it a kernel is worth more than one thread, which only
/// kernels of their own get.
const ELEMENTS: usize = 16_384;
/// The most equations: one kernel is one function for the code generator, whose cost grows faster than its size.
const EQUATIONS: usize = 1_000;

/// Whether an elementwise operation is one of IEEE arithmetic, of which there is one right result. Such a one knows it
/// for scalars.
fn is_exact(jaxpr: &Jaxpr, eqn: &Eqn) -> bool {
    let ones: Vec<Literal> = eqn.inputs.iter().map(|atom| Literal::int(jaxpr.aval(atom).dtype, 1)).collect();
    !ones.is_empty() && eqn.prim.fold(&ones).is_some()
}

/// Whether a program has loops, and all of them are small.
///
/// XLA runs a loop's body kernel by kernel, a tenth of a microsecond for each, and some of a few hundred elements cost
/// ten times that. A body of many scalars spends nearly all its time so.
fn only_small(jaxpr: &Jaxpr) -> bool {
    let (mut loops, mut small) = (0, true);
    visit(jaxpr, &mut |body| {
        loops += 1;
        small &= is_small(body);
    });
    loops > 0 && small
}

/// The body of each outermost loop.
fn visit(jaxpr: &Jaxpr, found: &mut impl FnMut(&Jaxpr)) {
    for eqn in jaxpr.eqns() {
        for inner in eqn.prim.jaxprs() {
            if eqn.prim.is_loop() { found(inner) } else { visit(inner, found) }
        }
    }
}

fn is_small(body: &Jaxpr) -> bool {
    let outputs = |eqn: &Eqn| eqn.outputs.iter().all(|v| body.avals()[v.index()].shape.size() <= ELEMENTS);
    let inputs = |eqn: &Eqn| eqn.inputs.iter().all(|a| body.aval(a).shape.size() <= ELEMENTS);
    body.size() <= EQUATIONS
        && (body.eqns().iter()).all(|eqn| {
            let nested = eqn.prim.jaxprs();
            // Of an array of which only a few elements are read or written, only those count.
            nested.iter().all(|inner| is_small(inner))
                && (eqn.prim.is_indexing() || !nested.is_empty() || (inputs(eqn) && outputs(eqn)))
        })
}
