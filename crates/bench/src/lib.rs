//! The cases that Cotangent's speed is measured with, each written once, as a user would write it.
//!
//! `cotangent bench` runs them from the installed binary, and `cargo bench -p cotangent-bench` under Criterion. `just
//! bench-vs-jax` alternates them with the same work in JAX, in `benches/vs_jax/cases.py`; both sides use the same
//! names.

mod calls;
mod chains;
mod conv;
mod gpt;
mod gradbench;
mod imports;
mod linalg;
mod matmul;
mod memory;
mod mlp;
mod notebook;
mod numerics;
mod scans;
mod serve;
mod soak;
mod training;
mod transformer;

use std::hint::black_box;
use std::time::{Duration, Instant};

use cotangent::tree::Leaves;
use cotangent::{Array, DType, Tree, jit};

pub use gradbench::{GradBenchProgram, gradbench_programs};
pub use imports::imported;
pub use linalg::decompose;
pub use serve::{peak_memory, serve, serve_bench, serve_many};

/// Something to measure.
#[derive(Debug)]
pub struct Case {
    /// `group/what`.
    pub name: &'static str,
    /// What is measured, in one line.
    pub about: &'static str,
    /// The unit that a measured time refers to: a call, an equation, a step, …
    pub unit: &'static str,
    /// Whether it takes seconds, so that a quick run leaves it out.
    pub slow: bool,
    /// The work.
    pub work: Work,
}

/// How large the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As the case says.
    Full,
    /// The same work on a small scale, for devices that would take minutes for the full size.
    Small,
}

impl Size {
    /// The first of two values for the full size, the second for the small one.
    pub(crate) fn of<T>(self, (full, small): (T, T)) -> T {
        if self == Size::Full { full } else { small }
    }
}

/// What a case does.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// Calls in a warm process: sets everything up, and returns the function to call.
    Calls(fn() -> Bench),
    /// The same for work that fills a GPU.
    Sized(fn(Size) -> Bench),
    /// The whole life of a process: does its work once, and returns the numbers to compare.
    Process(fn() -> Vec<f64>),
}

impl Case {
    const fn new(name: &'static str, about: &'static str, unit: &'static str, set_up: fn() -> Bench) -> Case {
        Case { name, about, unit, slow: false, work: Work::Calls(set_up) }
    }

    const fn sized(name: &'static str, about: &'static str, unit: &'static str, set_up: fn(Size) -> Bench) -> Case {
        Case { name, about, unit, slow: false, work: Work::Sized(set_up) }
    }

    /// Sets it up in this process, unless it is the whole life of a process.
    #[must_use]
    pub fn set_up(&self, size: Size) -> Option<Bench> {
        match self.work {
            Work::Calls(set_up) => Some(set_up()),
            Work::Sized(set_up) => Some(set_up(size)),
            Work::Process(_) => None,
        }
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

/// A case that is set up and ready to be timed.
pub struct Bench {
    sample: Box<dyn FnMut(usize) -> Duration>,
    units: f64,
    check: Vec<f64>,
    residual: Option<f64>,
    flops: Option<f64>,
    bytes: Option<usize>,
    peak: Option<&'static str>,
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("units", &self.units).field("check", &self.check).finish_non_exhaustive()
    }
}

impl Bench {
    /// Times calls of `f`, one after another.
    pub(crate) fn of<R>(mut f: impl FnMut() -> R + 'static) -> Bench {
        Bench::timed(move |calls| {
            let start = Instant::now();
            for _ in 0..calls {
                black_box(f());
            }
            start.elapsed()
        })
    }

    /// Times calls of `f` that the device may have in its queue at the same time, until the last result is ready. Large
    /// work is measured so: waiting after each call would add the time in which the device has nothing to do.
    pub(crate) fn queued(mut f: impl FnMut() -> Array + 'static) -> Bench {
        Bench::timed(move |calls| {
            let start = Instant::now();
            let mut last = None;
            for _ in 0..calls {
                last = Some(black_box(f()));
            }
            ready(last);
            start.elapsed()
        })
    }

    /// Times calls of `f`, each with an argument made for it. Making the argument is not timed.
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

    /// Uses `sample` to time a given number of calls.
    pub(crate) fn timed(sample: impl FnMut(usize) -> Duration + 'static) -> Bench {
        let (check, residual) = (Vec::new(), None);
        Bench { sample: Box::new(sample), units: 1.0, check, residual, flops: None, bytes: None, peak: None }
    }

    /// Sets the number of units per call, such as equations.
    pub(crate) fn units(self, units: usize) -> Bench {
        Bench { units: units as f64, ..self }
    }

    /// Sets the numbers that the other side must compute as well.
    pub(crate) fn check(self, check: Vec<f64>) -> Bench {
        Bench { check, ..self }
    }

    /// Sets how far the result is from a solution. It may be at most twice that of the other side.
    pub(crate) fn residual(self, residual: f64) -> Bench {
        Bench { residual: Some(residual), ..self }
    }

    /// Sets the number of floating-point operations per call.
    pub(crate) fn flops(self, flops: f64) -> Bench {
        Bench { flops: Some(flops), ..self }
    }

    /// Sets the number of bytes that a call must at least read and write.
    pub(crate) fn bytes(self, bytes: usize) -> Bench {
        Bench { bytes: Some(bytes), ..self }
    }

    /// Sets the case that shows what the device can do at most: the bound of this case's operations or bytes per
    /// second.
    pub(crate) fn bound_by(self, peak: &'static str) -> Bench {
        Bench { peak: Some(peak), ..self }
    }

    /// The name of the case that shows what the device can do at most.
    #[must_use]
    pub fn peak(&self) -> Option<&'static str> {
        self.peak
    }

    /// The numbers of floating-point operations and of bytes per call, where the case states them.
    #[must_use]
    pub fn amount(&self) -> (Option<f64>, Option<usize>) {
        (self.flops, self.bytes)
    }

    /// The numbers to compare with other implementations of the same work.
    #[must_use]
    pub fn checked(&self) -> &[f64] {
        &self.check
    }

    /// How far the result is from a solution, where the case states it.
    #[must_use]
    pub fn distance(&self) -> Option<f64> {
        self.residual
    }

    /// The time that the given number of calls takes.
    pub fn time(&mut self, calls: usize) -> Duration {
        (self.sample)(calls)
    }

    /// The time in seconds for one unit of the case, measured over the given number of calls.
    pub fn seconds(&mut self, calls: usize) -> f64 {
        self.time(calls).as_secs_f64() / (calls as f64 * self.units)
    }

    /// The number of calls for one sample: enough for a hundredth of a second.
    pub fn calls_per_sample(&mut self) -> usize {
        const SAMPLE: f64 = 0.01;
        // The first call may compile, so its time is not representative.
        if self.time(1).as_secs_f64() > 1.0 {
            return 1;
        }
        let mut calls = 1;
        loop {
            // The minimum of three: an interrupted call would look like a long one.
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
    let groups: [&[Case]; 16] = [
        notebook::CASES,
        calls::CASES,
        chains::CASES,
        mlp::CASES,
        conv::CASES,
        transformer::CASES,
        scans::CASES,
        numerics::CASES,
        linalg::CASES,
        matmul::PRODUCTS,
        matmul::ATTENTION,
        matmul::FUSED,
        gpt::CASES,
        memory::CASES,
        soak::CASES,
        gradbench::CASES,
    ];
    groups.into_iter().flatten().map(|case| Case { ..*case }).collect()
}

/// Waits until all of the tree has been computed.
pub(crate) fn ready<T: Tree>(tree: T) -> T {
    let mut leaves = Leaves::new();
    tree.leaves(&mut leaves);
    for leaf in leaves {
        leaf.block_until_ready().expect("it computes");
    }
    tree
}

/// The elements, to be compared with other implementations.
pub(crate) fn numbers(x: &Array) -> Vec<f64> {
    let n = x.size();
    x.astype(DType::F64).reshape(n).to_vec()
}

/// A scalar on the device. It is a result, because a scalar from a literal stays on the host.
pub(crate) fn on_device(x: f32) -> Array {
    ready(jit(Array::sum)(&Array::from([x])))
}
