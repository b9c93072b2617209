//! Ctrl-C: a demo stops at its next step, and says what was kept.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::output;

/// The exit code of a process that Ctrl-C ended, as shells report it.
const INTERRUPTED: i32 = 130;

static PRESSED: AtomicBool = AtomicBool::new(false);

/// From here on, Ctrl-C is noticed at the next [`checkpoint`]. A second one ends the process at once.
pub(super) fn watch() -> Result<()> {
    let pressed = || {
        if PRESSED.swap(true, Ordering::AcqRel) {
            std::process::exit(INTERRUPTED);
        }
    };
    match ctrlc::set_handler(pressed) {
        Err(ctrlc::Error::MultipleHandlers) => Ok(()), // a benchmark runs a demo many times
        other => other.context("Ctrl-C cannot be handled"),
    }
}

/// Ends the process if Ctrl-C was pressed. The thread that computes calls this, so no program is running then.
pub(super) fn checkpoint() {
    if PRESSED.load(Ordering::Acquire) {
        let _ = std::io::stdout().flush();
        output::note(&kept());
        std::process::exit(INTERRUPTED);
    }
}

fn kept() -> String {
    let files: Vec<_> = output::written().iter().map(|path| path.display().to_string()).collect();
    let pictures = match &files[..] {
        [] => "No picture was written.".to_owned(),
        files => format!("These pictures are written: {}.", files.join(", ")),
    };
    format!("interrupted. The values above are those computed so far. {pictures}")
}
