//! How the CPU compiler handles a program best: whether to make each loop one kernel, and which of its emitters writes
//! a kernel.

use crate::array::literal::Literal;
use crate::compile::outline::is_elementwise;
use crate::ir::jaxpr::{Eqn, Jaxpr};

/// How a program should be compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether each loop becomes one kernel: all of them are small.
    pub(crate) small_loops: bool,
    /// Whether the older emitters write the kernels. They take a third of the time, and their kernels are slower.
    pub(crate) older_emitters: bool,
}

impl Style {
    /// The style of a program that is compiled from `text`.
    pub(crate) fn of(jaxpr: &Jaxpr, text: &str) -> Style {
        let one_exact = || match jaxpr.eqns() {
            [eqn] => is_elementwise(jaxpr, eqn, false) && is_exact(jaxpr, eqn),
            _ => false,
        };
        let tiny = || is_tiny(jaxpr) && !INACCURATE.iter().any(|op| text.contains(op));
        Style {
            // Inside a kernel, a call of a function of this process would block the thread that the kernel runs on.
            small_loops: !jaxpr.effects().host && only_small(jaxpr),
            older_emitters: one_exact() || tiny(),
        }
    }
}

/// The operations that the older emitters compute less accurately.
const INACCURATE: [&str; 2] = ["\"stablehlo.cbrt\"", "\"stablehlo.tan\""];
/// The largest array that a tiny program may compute with. Its kernels take less time than starting them does. With 256
/// elements, those of the zeta function take 2.5 times as long as the newer emitters' kernels.
const FEW_ELEMENTS: usize = 64;
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
    has_at_most(ELEMENTS, jaxpr, eqn)
}

/// Whether no operand and no result has more elements.
fn has_at_most(elements: usize, jaxpr: &Jaxpr, eqn: &Eqn) -> bool {
    let outputs = eqn.outputs.iter().all(|v| jaxpr.avals()[v.index()].shape.size() <= elements);
    outputs && eqn.inputs.iter().all(|a| jaxpr.aval(a).shape.size() <= elements)
}

/// Whether a program computes so little that compiling it takes longer than all its calls.
fn is_tiny(jaxpr: &Jaxpr) -> bool {
    let tiny =
        |eqn: &Eqn| has_at_most(FEW_ELEMENTS, jaxpr, eqn) && eqn.prim.jaxprs().iter().all(|inner| is_tiny(inner));
    jaxpr.size() <= EQUATIONS && jaxpr.eqns().iter().all(tiny)
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
