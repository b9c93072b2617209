//! `cotangent gradbench`: a tool for GradBench, which measures the cost of derivatives.

use std::io::stdin;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

use crate::output::Stdout;

/// How to compute.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Use all processors instead of one
    #[arg(long)]
    multithreaded: bool,
}

/// Answers messages until the input ends.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.multithreaded {
        stay_on_one_processor().context("pinning the process to one processor")?;
    }
    Ok(cotangent_gradbench::serve(stdin().lock(), Stdout)?)
}

/// Pins this thread to one processor. Threads that start later inherit this, and XLA starts one worker for each
/// processor it sees. So this must run before the device is opened.
fn stay_on_one_processor() -> rustix::io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let here = sched_getcpu();
    let mut one = CpuSet::new();
    one.set(if allowed.is_set(here) { here } else { (0..CpuSet::MAX_CPU).find(|i| allowed.is_set(*i)).unwrap_or(0) });
    sched_setaffinity(None, &one)
}
