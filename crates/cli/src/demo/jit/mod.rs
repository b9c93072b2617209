//! "Just in time": what `jit` compiles, when, and what that saves.

mod pictures;

use std::time::{Duration, Instant};

use anyhow::Result;
use cotangent::prelude::*;

use super::notebook::Notebook;
use super::values::shown;
use super::{Demo, IDIOMS};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "jit",
    chapter: IDIOMS,
    summary: "jit: what is traced and compiled, when, and how much faster it runs",
    seconds: 2,
    source: include_str!("mod.rs"),
    run,
    functions,
};

fn selu(x: &Array) -> Array {
    1.05 * np::where_(x.greater(0.0), x, 1.67 * np::exp(x) - 1.67)
}

fn walk(key: Key, steps: usize) -> Array {
    let step = |position: &Array, key: &Key| {
        let next = position + random::normal(key.clone(), ());
        (next.clone(), next)
    };
    lax::scan(step, 0.0, &random::split(key, steps)).1
}

fn walks(key: &Key, count: usize, steps: usize) -> Array {
    vmap(|key: &Key| walk(key.clone(), steps))(&random::split(key.clone(), count))
}

fn looped(key: Key, count: usize, steps: usize) -> Vec<Array> {
    let walk = |key: Key| {
        let mut position = Array::from(0.0);
        for key in random::split(key, steps) {
            position += random::normal(key, ());
        }
        position
    };
    random::split(key, count).into_iter().map(walk).collect()
}

fn fastest<T: Tree>(runs: usize, f: impl Fn() -> T) -> cotangent::Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..runs {
        let start = Instant::now();
        block_until_ready(&f())?;
        best = best.min(start.elapsed());
    }
    Ok(best)
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "Without `jit`, every operation is a program of its own: it reads its operands from memory and writes its \
         result back. `jit` traces a function once, for the shapes and dtypes of its arguments, and compiles what it \
         recorded into one program. Times below are those of this run, on this machine.",
    )?;

    nb.heading("One pass through memory")?;
    nb.text(
        "SELU is an activation function of six elementwise operations. Operation by operation, a million numbers pass \
         through memory six times. In one program, the compiler fuses them into one loop.",
    )?;
    nb.cell(&["selu", "fastest"])?;
    let x = random::normal(random::key(44), 1_000_000);
    let compiled = jit(selu);
    let difference = (selu(&x) - compiled(&x)).abs().max();
    let (eager, fused) = (fastest(20, || selu(&x))?, fastest(20, || compiled(&x))?);

    nb.value("selu", "selu(x)[..5]", shown(&compiled(&x).at(..5).get()))?;
    nb.value("selu_mean", "mean", shown(&compiled(&x).mean()))?;
    nb.value("selu_same", "with and without jit within 10⁻⁶", difference.item::<f64>() < 1e-6)?;
    nb.text(&format!("Operation by operation: {eager:.2?}. As one program: {fused:.2?}."))?;

    nb.heading("What was compiled")?;
    nb.text(
        "The recorded program is a jaxpr: typed, without control flow of Rust, and without a trace of the closure that \
         it came from. Everything else starts from it, derivatives as well as machine code.",
    )?;
    nb.cell(&[])?;
    let program = make_jaxpr(selu)(&x);

    nb.value("equations", "equations", program.jaxpr.eqns().len())?;
    nb.listing(&program.to_string())?;

    nb.heading("When it compiles")?;
    nb.text(
        "The first call with new shapes or dtypes traces and compiles. All later ones find the program. Values never \
         matter: they are not known while the function is traced.",
    )?;
    nb.cell(&[])?;
    let square = jit(|x: &Array| x * x);
    let totals = [10, 10, 20, 10, 20].map(|n| square(&np::ones(n)).sum());
    let zero = square(&np::zeros(10)).sum();
    let report = square.cache_report();

    nb.value("totals", "sums of the results", [&totals[..], &[zero]].concat().iter().map(shown).collect::<Vec<_>>())?;
    nb.value("programs", "programs for 6 calls", report.misses.len())?;

    nb.heading("The random walk again")?;
    nb.text(
        "A walk written as a loop in Rust makes two calls for every step. Written as `scan`, it is one call for all \
         steps; with `vmap`, one for all walks. Here are a thousand walks of ten thousand steps, ten million normal \
         numbers in all, and for the loop only five walks of a hundred steps, because it is slow.",
    )?;
    nb.cell(&["walk", "walks", "looped"])?;
    let key = random::key(42);
    let by_loop = fastest(2, || looped(key.clone(), 5, 100))?;
    let by_scan = fastest(1, || walks(&key, 1000, 10_000))?;
    let compiled = jit(|key: &Key| walks(key, 1000, 10_000));
    let trajectories = compiled(&key);
    let by_jit = fastest(1, || compiled(&key))?;

    let each = |time: Duration, steps: f64| time.as_secs_f64() * 1e9 / steps;
    let (by_loop, by_scan, by_jit) = (each(by_loop, 500.0), each(by_scan, 1e7), each(by_jit, 1e7));

    nb.value("walks_shape", "shape", trajectories.shape().to_vec())?;
    nb.value("walks_start", "the first positions", shown(&trajectories.at((0, ..4)).get()))?;
    nb.value("walks_end", "the first ends", shown(&trajectories.at((..4, -1)).get()))?;
    nb.value("walks_spread", "spread at the end", shown(&trajectories.at((.., -1)).get().std()))?;
    if nb.wants_pictures() {
        nb.picture("walks", pictures::walks(&trajectories))?;
    }
    nb.text(&format!(
        "For each step of each walk, the loop takes {by_loop:.0} ns, `vmap` of `scan` {by_scan:.1} ns, and `jit` of \
         that {by_jit:.1} ns. The great difference is between the loop and the `scan`: a `scan` is compiled even \
         without `jit`, which therefore adds little here.",
    ))?;

    nb.heading("What a traced function must not do")?;
    nb.text(
        "The function runs once, to be recorded. What it prints is printed once, a variable that it changes is changed \
         once, and a random number that it takes from outside is the same in every call. Arguments in, results out, \
         keys for randomness: a function like that can be compiled, and all of those above are like that.",
    )?;
    Ok(())
}

fn functions() -> Vec<Function> {
    vec![Function::new("selu", "an activation function", selu, grad(|x: &Array| selu(x).sum()), (np::zeros(1000),))]
}
