//! The protocol by which a separate process measures cases.

use std::io::{BufRead, Result, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use crate::{Bench, Case, Size, Work};

/// Sets a case up, and announces it with a line of JSON. Answers each line of input with the seconds that one sample
/// took. Ends with the peak memory of this process. A sample makes `calls` calls, or enough to be timed.
///
/// # Errors
/// If the other side has closed its end.
pub fn serve(
    case: &Case,
    size: Size,
    calls: Option<usize>,
    requests: impl BufRead,
    mut answers: impl Write,
) -> Result<()> {
    if let Work::Process(run) = case.work {
        writeln!(answers, "{}", json!({ "case": case.name, "check": run(), "calls": 1 }))?;
        return end(answers);
    }
    match case.set_up(size) {
        Some(mut bench) => {
            let calls = calls.unwrap_or_else(|| calls_of(case, &mut bench));
            let announcement = announcement(case.name, case.unit, &bench, calls);
            sample(bench, calls, &announcement, requests, answers)
        }
        None => end(answers),
    }
}

/// The same for calls that are no case.
///
/// # Errors
/// If the other side has closed its end.
pub fn serve_bench(
    name: &str,
    mut bench: Bench,
    calls: Option<usize>,
    requests: impl BufRead,
    answers: impl Write,
) -> Result<()> {
    let calls = calls.unwrap_or_else(|| bench.calls_per_sample());
    let announcement = announcement(name, "call", &bench, calls);
    sample(bench, calls, &announcement, requests, answers)
}

fn sample(
    mut bench: Bench,
    calls: usize,
    announcement: &Value,
    requests: impl BufRead,
    mut answers: impl Write,
) -> Result<()> {
    writeln!(answers, "{announcement}")?;
    answers.flush()?;
    for request in requests.lines() {
        request?;
        writeln!(answers, "{}", bench.seconds(calls))?;
        answers.flush()?;
    }
    end(answers)
}

/// The same for many cases in one process, where opening the device takes longer than measuring: a line that is not
/// empty names the next case. A case that fails is announced with the member `error`; so is a sample that fails.
///
/// # Errors
/// If the other side has closed its end.
pub fn serve_many(cases: &[Case], size: Size, requests: impl BufRead, mut answers: impl Write) -> Result<()> {
    let mut current: Option<(Bench, usize)> = None;
    for request in requests.lines() {
        let name = request?;
        let answer = if name.is_empty() {
            match &mut current {
                Some((bench, calls)) => contained(|| bench.seconds(*calls).into()),
                None => json!({ "error": "no case is set up" }),
            }
        } else {
            // Its arrays are freed before those of the next case are made.
            current = None;
            contained(|| {
                let case = cases.iter().find(|case| case.name == name);
                let Some((case, mut bench)) = case.and_then(|case| Some((case, case.set_up(size)?))) else {
                    return json!({ "error": format!("there is no case `{name}` that makes calls") });
                };
                let calls = calls_of(case, &mut bench);
                let announcement = announcement(case.name, case.unit, &bench, calls);
                current = Some((bench, calls));
                announcement
            })
        };
        writeln!(answers, "{answer}")?;
        answers.flush()?;
    }
    drop(current);
    end(answers)
}

fn calls_of(case: &Case, bench: &mut Bench) -> usize {
    if case.slow { 1 } else { bench.calls_per_sample() }
}

fn announcement(name: &str, unit: &str, bench: &Bench, calls: usize) -> Value {
    let (flops, bytes) = bench.amount();
    let check = bench.checked();
    json!({
        "case": name, "unit": unit, "check": check, "calls": calls,
        "residual": bench.distance(), "flops": flops, "bytes": bytes, "peak": bench.peak(),
    })
}

/// The result, or the message of a panic. The library's errors are panics here.
fn contained(f: impl FnOnce() -> Value) -> Value {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        json!({ "error": text.unwrap_or_default() })
    })
}

fn end(mut answers: impl Write) -> Result<()> {
    writeln!(answers, "{}", json!({ "peak_memory": peak_memory() }))?;
    answers.flush()
}

/// The peak memory of this process in bytes, if the system reports it.
#[must_use]
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
