//! The protocol by which a separate process measures a case, so that no other case affects it.

use std::io::{BufRead, Result, Write};

use serde_json::json;

use crate::{Case, Work};

/// Sets a case up, and announces it with a line of JSON. Answers each line of input with the seconds that one sample
/// took. Ends with the peak memory of this process. A sample makes `calls` calls, or enough to be timed.
///
/// # Errors
/// If the other side has closed its end.
pub fn serve(case: &Case, calls: Option<usize>, requests: impl BufRead, mut answers: impl Write) -> Result<()> {
    let ready = |check: &[f64], calls: usize| json!({ "case": case.name, "check": check, "calls": calls });
    match case.work {
        Work::Process(run) => writeln!(answers, "{}", ready(&run(), 1))?,
        Work::Calls(set_up) => {
            let mut bench = set_up();
            let calls = calls.unwrap_or_else(|| if case.slow { 1 } else { bench.calls_per_sample() });
            writeln!(answers, "{}", ready(bench.checked(), calls))?;
            answers.flush()?;
            for request in requests.lines() {
                request?;
                writeln!(answers, "{}", bench.seconds(calls))?;
                answers.flush()?;
            }
        }
    }
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
