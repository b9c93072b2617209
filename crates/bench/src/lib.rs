//! The cases that Cotangent's speed is measured with, each written once and as a user would write it.
//!
//! `cotangent bench` runs them from the installed binary, `cargo bench -p cotangent-bench` under Criterion, and
//! `just bench-vs-jax` in turns with the same work in JAX, whose side is `benches/vs_jax/cases.py`: the two have the same
//! names.

mod calls;
mod chains;
mod conv;
mod gradbench;
mod mlp;
mod notebook;
mod numerics;
mod scans;
mod serve;
mod training;
mod transformer;

use std::hint::black_box;
use std::time::{Duration, Instant};

use cotangent::tree::Leaves;
use cotangent::{Array, Tree, jit};

pub use serve::{peak_memory, serve};

/// Something to measure.
pub struct Case {
    /// `group/what`.
    pub name: &'static str,
    /// What is measured, in one line.
    pub about: &'static str,
    /// What one measured time is the time of: a call, an equation, a step, …
    pub unit: &'static str,
    /// Whether it takes seconds, so that it is no part of a quick round.
    pub slow: bool,
    /// The work.
    pub work: Work,
}

/// What a case does.
#[derive(Clone, Copy)]
pub enum Work {
    /// Calls in a process that is warm: sets everything up, and gives what is called.
    Calls(fn() -> Bench),
    /// The whole life of a process: does its work once, and gives what there is to compare.
    Process(fn() -> Vec<f64>),
}

impl Case {
    const fn new(name: &'static str, about: &'static str, unit: &'static str, set_up: fn() -> Bench) -> Case {
        Case { name, about, unit, slow: false, work: Work::Calls(set_up) }
    }

    /// A case that is the whole life of a process.
    #[must_use]
    pub const fn process(name: &'static str, about: &'static str, run: fn() -> Vec<f64>) -> Case {
        Case { name, about, unit: "process", slow: false, work: Work::Process(run) }
    }

    const fn slow(mut self) -> Case {
        self.slow = true;
        self
    }

    /// The part of its name before the slash.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.name.split('/').next().unwrap_or(self.name)
    }
}

/// A case set up and ready to be timed.
pub struct Bench {
    sample: Box<dyn FnMut(usize) -> Duration>,
    units: f64,
    check: Vec<f64>,
}

impl Bench {
    /// Times calls of `f`, one after the other.
    pub(crate) fn of<R>(mut f: impl FnMut() -> R + 'static) -> Bench {
        Bench::timed(move |calls| {
            let start = Instant::now();
            for _ in 0..calls {
                black_box(f());
            }
            start.elapsed()
        })
    }

    /// Times calls of `f`, each with something made for it, the making of which does not count.
    pub(crate) fn prepared<T, R>(mut make: impl FnMut() -> T + 'static, mut f: impl FnMut(T) -> R + 'static) -> Bench {
        Bench::timed(move |calls| {
            (0..calls)
                .map(|_| {
                    let made = make();
                    let start = Instant::now();
                    let result = black_box(f(made));
                    let time = start.elapsed();
                    drop(result);
                    time
                })
                .sum()
        })
    }

    /// Times so many calls as it sees fit.
    pub(crate) fn timed(sample: impl FnMut(usize) -> Duration + 'static) -> Bench {
        Bench { sample: Box::new(sample), units: 1.0, check: Vec::new() }
    }

    /// How many units a call has: equations, for one.
    pub(crate) fn units(self, units: usize) -> Bench {
        Bench { units: units as f64, ..self }
    }

    /// Numbers that must come out on the other side as well.
    pub(crate) fn check(self, check: Vec<f64>) -> Bench {
        Bench { check, ..self }
    }

    /// The numbers to compare with other implementations of the same work.
    #[must_use]
    pub fn checked(&self) -> &[f64] {
        &self.check
    }

    /// The time that so many calls take.
    pub fn time(&mut self, calls: usize) -> Duration {
        (self.sample)(calls)
    }

    /// Seconds that one unit of the case takes, over so many calls.
    pub fn seconds(&mut self, calls: usize) -> f64 {
        self.time(calls).as_secs_f64() / (calls as f64 * self.units)
    }

    /// How many calls fill a sample: enough for a hundredth of a second.
    pub fn calls_per_sample(&mut self) -> usize {
        const SAMPLE: f64 = 0.01;
        // The first call may compile; what it takes says nothing.
        if self.time(1).as_secs_f64() > 1.0 {
            return 1;
        }
        let mut calls = 1;
        loop {
            // The least of three: one that was interrupted would pass for a long one.
            let seconds = (0..3).map(|_| self.time(calls).as_secs_f64()).fold(f64::INFINITY, f64::min).max(1e-9);
            if seconds >= SAMPLE / 2.0 || calls > 1 << 20 {
                return ((calls as f64 * SAMPLE / seconds) as usize).max(1);
            }
            calls = ((calls as f64 * (SAMPLE / seconds).clamp(1.5, 20.0)) as usize).max(calls + 1);
        }
    }
}

/// Every case, group by group.
#[must_use]
pub fn cases() -> Vec<Case> {
    let groups: [&[Case]; 9] = [
        notebook::CASES,
        calls::CASES,
        chains::CASES,
        mlp::CASES,
        conv::CASES,
        transformer::CASES,
        scans::CASES,
        numerics::CASES,
        gradbench::CASES,
    ];
    groups.into_iter().flatten().map(|case| Case { ..*case }).collect()
}

/// Waits until all of it has been computed.
pub(crate) fn ready<T: Tree>(tree: T) -> T {
    let mut leaves = Leaves::new();
    tree.leaves(&mut leaves);
    for leaf in leaves {
        leaf.block_until_ready().expect("it computes");
    }
    tree
}

/// A scalar that lives on the device: as a result, for one that is written down stays on the host.
pub(crate) fn on_device(x: f32) -> Array {
    ready(jit(Array::sum)(&Array::from([x])))
}
