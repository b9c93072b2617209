//! What all processes must do alike.

use std::panic::Location;

use sha2::{Digest, Sha256};

use super::{exchanged, failure};
use crate::error::{Error, Result};

/// Checks that all processes have the same text under this name: usually the StableHLO of a program, which all processes of
/// a job must compile alike. Only fingerprints are exchanged. Without a job, does nothing. Source:
/// `jax.experimental.multihost_utils.assert_equal`.
///
/// # Errors
/// If the texts differ. The error names the processes that differ from process 0, and shows the first line that differs
/// here. Also if a process does not call this within 300 s, or is lost.
///
/// ```
/// use cotangent::{distributed, prelude::*};
///
/// let step = jit(|x: &Array| x.sin() + 1.0);
/// let lowered = step.lower((&np::zeros(3),)).unwrap();
/// distributed::assert_same("step", &lowered.stablehlo()).unwrap();
/// ```
#[track_caller]
pub fn assert_same(name: &str, text: &str) -> Result<()> {
    let caller = Location::caller();
    compared(name, text).map_err(|error| error.at(caller))
}

fn compared(name: &str, text: &str) -> Result<()> {
    let prints = exchanged("same", name, &Sha256::digest(text.as_bytes()))?;
    let differ: Vec<usize> = (0..prints.len()).filter(|id| prints[*id] != prints[0]).collect();
    if differ.is_empty() {
        return Ok(());
    }
    // All processes see the same fingerprints, so all of them take part in this exchange. What is longer than a message
    // may be is compared in its first lines.
    let shown = &text.as_bytes()[..text.len().min(1 << 20)];
    let texts = exchanged("texts", name, shown)?;
    let here = &texts[super::process_index()];
    let other = if *here == texts[0] { differ[0] } else { 0 };
    Err(different(name, &differ, prints.len(), here, (other, &texts[other])))
}

/// The error for processes with different texts.
fn different(name: &str, differ: &[usize], processes: usize, here: &[u8], (id, there): (usize, &[u8])) -> Error {
    let ids: Vec<String> = differ.iter().map(usize::to_string).collect();
    let which = match &ids[..] {
        [id] => format!("process {id} has another text than process 0"),
        _ => format!("processes {} have other texts than process 0", ids.join(", ")),
    };
    let [here, there] = [here, there].map(String::from_utf8_lossy);
    let (mut mine, mut theirs) = (here.lines(), there.lines());
    let mut line = 0;
    let first = loop {
        line += 1;
        match (mine.next(), theirs.next()) {
            (None, None) => break String::new(),
            (a, b) if a == b => {}
            (a, b) => {
                let [a, b] = [a, b].map(|line| line.map_or("(the end)", str::trim));
                break format!("; line {line} here: {a}; in process {id}: {b}");
            }
        }
    };
    failure(format!("the {processes} processes do not agree on `{name}`: {which}{first}"))
        .help("run the same build with the same settings, shapes and dtypes in all processes")
}
