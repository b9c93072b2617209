//! "Loopy carry": `scan`, for loops in which each iteration needs the one before.

mod pictures;

use anyhow::Result;
use cotangent::prelude::*;

use super::notebook::Notebook;
use super::values::{all, shown};
use super::{Demo, IDIOMS};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "loopy-carry",
    chapter: IDIOMS,
    summary: "scan: loops that carry a value, compiled as one loop, and differentiable",
    seconds: 1,
    source: include_str!("mod.rs"),
    run,
    functions,
};

fn add(total: &Array, x: &Array) -> (Array, Array) {
    let total = total + x;
    (total.clone(), total)
}

fn savings(start: &Array, interest: &Array) -> Array {
    let year = |wealth: Array, _: ()| (&wealth * (1.0 + interest), wealth);
    let (_, history) = lax::Scan::new().length(100).run(year, start, &());
    history
}

fn break_stick(fraction: &Array) -> (Array, Array) {
    let snap = |rest: &Array, _: &()| {
        let piece = rest * fraction;
        (rest - &piece, piece)
    };
    lax::Scan::new().length(30).run(snap, 1.0, &())
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "`vmap` is for iterations that know nothing of each other. Where each iteration continues from the last one, \
         the loop carries a value. `scan` is that loop: a function from (carry, element) to (next carry, output). It \
         returns the last carry and all outputs, stacked. In the compiled program it is one loop, whatever its length, \
         and `grad` and `vmap` go through it.",
    )?;

    nb.heading("A running total")?;
    nb.text("The carry is the total so far. It is an output, too, so that the results are the running totals.")?;
    nb.cell(&["add"])?;
    let numbers = np::array([3, 1, 4, 1, 5, 9, 2, 6]);
    let (total, totals) = lax::scan(add, 0, &numbers);

    nb.value("total", "last carry", shown(&total))?;
    nb.value("totals", "outputs", shown(&totals))?;
    nb.value("cumsum", "np::cumsum", shown(&np::cumsum(&numbers)))?;

    nb.heading("Exercise: compound interest")?;
    nb.text(
        "Money grows by a hundredth every year. As a Rust loop, with a vector of results, that is four lines. As a \
         `scan` without elements to scan, `Scan::new().length(100)` says how often. The function takes the carry by \
         value, and so can return it without a copy: the output is the wealth at the beginning of the year.",
    )?;
    nb.cell(&["savings"])?;
    let mut wealth = Array::from(100.0);
    let mut looped = Vec::new();
    for _ in 0..100 {
        looped.push(wealth.clone());
        wealth *= 1.01;
    }
    let scanned = savings(&100.0.into(), &0.01.into());

    nb.value("looped", "loop, years 0, 1, 99", all([0, 1, 99].map(|i| &looped[i])))?;
    nb.value("scanned", "scan, years 0, 1, 99", shown(&scanned.at(np::array([0, 1, 99])).get()))?;

    nb.heading("Many savers")?;
    nb.text(
        "`savings` is a function of a number, so `vmap` maps it over many: over starting amounts, over rates of \
         interest, or both. The loop is still one loop, whose carry is an array.",
    )?;
    nb.cell(&[])?;
    let starts = np::arange(300.0);
    let by_start = vmap(savings).in_axes((0, None))(&starts, &0.01.into());
    let rates = np::array([0.0, 0.005, 0.01, 0.02, 0.03, 0.04]);
    let by_rate = vmap(savings).in_axes((None, 0))(&100.0.into(), &rates);

    nb.value("by_start_shape", "shape, by start", by_start.shape().to_vec())?;
    nb.value("by_start_end", "after 99 years, of 1, 2 and 3", shown(&by_start.at((1..4, -1)).get()))?;
    nb.value("by_rate_end", "after 99 years, by rate", shown(&by_rate.at((.., -1)).get()))?;
    if nb.wants_pictures() {
        nb.picture("savings", pictures::savings(&rates, &by_rate))?;
    }

    nb.heading("What is a better rate worth?")?;
    nb.text(
        "How much more would there be in the last year for a little more interest? That is a derivative through a \
         hundred iterations. On paper it is 99 · 100 · 1.01⁹⁸.",
    )?;
    nb.cell(&[])?;
    let last_year = |start: &Array, interest: &Array| savings(start, interest).at(-1).get();
    let worth = grad(last_year).argnums(args!(1))(&100.0.into(), &0.01.into());

    nb.value("worth", "derivative by the rate", shown(&worth))?;
    nb.value("worth_on_paper", "on paper", 99.0 * 100.0 * 1.01f64.powi(98))?;

    nb.heading("Exercise: break a stick")?;
    nb.text(
        "Take a stick of length one. Break off a tenth, and lay it aside; break off a tenth of the rest; and so on. \
         The carry is what is left, and the outputs are the pieces. With random fractions, this process distributes \
         probability over infinitely many clusters: the demo `dirichlet-processes` begins here.",
    )?;
    nb.cell(&["break_stick"])?;
    let (rest, pieces) = break_stick(&0.1.into());

    nb.value("pieces", "pieces[..5]", shown(&pieces.at(..5).get()))?;
    nb.value("rest", "what is left", shown(&rest))?;
    nb.value("whole", "pieces and rest", shown(&(pieces.sum() + &rest)))?;
    nb.text("The larger the fraction, the fewer pieces take most of the stick.")?;
    nb.cell(&[])?;
    let fractions = np::array([0.02, 0.05, 0.1, 0.2, 0.5]);
    let (_, pieces) = vmap(break_stick)(&fractions);
    let taken = np::cumsum_axis(&pieces, 1);
    let half = taken.less(0.5).sum_axis(1) + 1;

    nb.value("half", "pieces for half of the stick", shown(&half))?;
    if nb.wants_pictures() {
        nb.picture("sticks", pictures::sticks(&fractions, &pieces, &taken))?;
    }
    Ok(())
}

fn functions() -> Vec<Function> {
    let (start, rate) = (Array::from(100.0), Array::from(0.01));
    let last = |start: &Array, interest: &Array| savings(start, interest).at(-1).get();
    vec![Function::new("savings", "compound interest as a scan", last, grad(last).argnums(args!(1)), (start, rate))]
}
