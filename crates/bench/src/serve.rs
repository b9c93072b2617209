//! The protocol by which a process of its own measures a case, so that nothing that another case did shows in it.

use std::io::{BufRead, Result, Write};

use serde_json::json;

use crate::{Case, Work};

/// Sets a case up, says so in a line of JSON, answers each line that comes in with the seconds that a sample took, and
/// ends with the most memory that this process ever had. A sample has as many calls as told, or as are long enough to
/// time.
///
/// # Errors
/// When the other side is gone.
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

/// The most memory that this process ever had, in bytes, where the system says it.
#[must_use]
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
