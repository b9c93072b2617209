//! Writes the programs that this process compiles to a directory, as StableHLO.
//!
//! `COTANGENT_DUMP_IR_TO=DIR` names the directory, as `JAX_DUMP_IR_TO` does for JAX. `COTANGENT_DUMP_IR_FOR=cuda` has the
//! programs lowered for that platform instead of the one they are compiled for.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::array::platform::Platform;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::jaxpr::Jaxpr;

use super::inputs::text;
use super::refuse::runs_on;

/// The directory, if programs are to be written.
pub(super) fn folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let set = || std::env::var_os("COTANGENT_DUMP_IR_TO").filter(|v| !v.is_empty()).map(PathBuf::from);
    FOLDER.get_or_init(set).as_deref()
}

/// The platform that programs for `platform` are lowered for.
fn dumped_for(platform: Platform) -> Result<Platform> {
    const VARIABLE: &str = "COTANGENT_DUMP_IR_FOR";
    let Some(name) = std::env::var(VARIABLE).ok().filter(|v| !v.is_empty()) else { return Ok(platform) };
    Platform::ALL.into_iter().find(|platform| platform.name() == name).ok_or_else(|| {
        let names: Vec<_> = Platform::ALL.iter().map(|platform| platform.name()).collect();
        Error::value(format!("{VARIABLE} is `{name}`, which is no platform"))
            .help(format!("the platforms are {}", names.join(", ")))
    })
}

/// Writes a program into the directory, under a number that no other program of this process has. A program that cannot
/// be lowered for the platform leaves its error instead.
pub(super) fn write(folder: &Path, platform: Platform, pruned: &Jaxpr, aliases: &[Option<usize>]) -> Result<()> {
    static COUNT: AtomicUsize = AtomicUsize::new(1);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let platform = dumped_for(platform)?;
    let (text, ending) = match runs_on(pruned, platform) {
        Err(error) => (error.to_string(), "error"),
        Ok(()) => (text(platform, pruned, aliases), "mlir"),
    };
    let path = folder.join(format!("{}-{number:04}.{ending}", std::process::id()));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, text));
    written.map_err(|e| {
        Error::new(ErrorKind::Runtime, format!("the program cannot be written to {}: {e}", path.display()))
    })
}
