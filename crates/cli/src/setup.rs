//! `cotangent setup`: fetches what a device needs, after saying how much that is and asking.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use xla::cuda::Driver;
use xla::plugin::{Finder, Part, Platform, Setup, Toolkit};

use crate::cache::{COLUMN, size};
use crate::output::{Stdout, prose, row, say};

/// What to fetch.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// What to fetch it for
    #[arg(value_enum)]
    target: Target,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Fetch only what compiles programs for a GPU, not what runs them
    #[arg(long)]
    compile_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// The CPU
    Cpu,
    /// NVIDIA GPUs, with CUDA 12: driver 525 or newer
    Cuda12,
    /// NVIDIA GPUs, with CUDA 13: driver 580 or newer
    Cuda13,
}

impl Target {
    fn toolkit(self) -> Option<Toolkit> {
        match self {
            Target::Cpu => None,
            Target::Cuda12 => Some(Toolkit::Cuda12),
            Target::Cuda13 => Some(Toolkit::Cuda13),
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let toolkit = options.target.toolkit();
    ensure!(toolkit.is_some() || !options.compile_only, "--compile-only is for GPUs");
    let finder = Finder::from_env(if toolkit.is_some() { Platform::Cuda } else { Platform::Cpu });
    let mut setup = Setup::new(finder, toolkit)?;
    if options.compile_only {
        setup = setup.only_to_compile();
    }
    let directory = setup.directory();
    if setup.missing().next().is_none() {
        return prose(&format!("Everything is there already, in {}.", directory.display()));
    }

    for part in setup.parts() {
        let about = if part.present { "present".to_string() } else { size(part.download) };
        say!("{:<34} {about:>10}", format!("{} {}", part.package, part.version))?;
    }
    let total = |of: fn(&Part) -> u64| setup.missing().map(of).sum::<u64>();
    let (download, disk) = (total(|part| part.download), total(|part| part.disk));
    let largest = setup.missing().map(|part| part.download).max().unwrap_or(0);
    say!()?;
    row("download", COLUMN, &format!("{} with pip, from its package index", size(download)))?;
    row("disk", COLUMN, &format!("{} in {}", size(disk), directory.display()))?;
    if let Some(free) = free_space(&directory) {
        row("free", COLUMN, &size(free))?;
        ensure!(
            free > disk + largest,
            "there is not enough space: {} are needed while wheels are unpacked, but {} are free. Free some space, or \
             set COTANGENT_CACHE_DIR to another directory",
            size(disk + largest),
            size(free)
        );
    }
    if let Some(toolkit) = toolkit
        && !options.compile_only
        && let Ok(driver) = Driver::find()
        && let Err(old) = driver.check(toolkit)
    {
        row("note", COLUMN, &old.to_string())?;
    }
    if !options.yes && !agreed(download)? {
        bail!("nothing was downloaded");
    }
    setup.run()?;
    prose(&match toolkit {
        None => format!("Stored in {}. `cotangent doctor` checks it.", directory.display()),
        Some(_) if options.compile_only => format!("Stored in {}.", directory.display()),
        Some(_) => format!("Stored in {}. `cotangent doctor --device cuda` checks it.", directory.display()),
    })
}

/// Asks whether to download so much.
fn agreed(download: u64) -> Result<bool> {
    ensure!(
        io::stdin().is_terminal(),
        "this downloads {}, and there is no terminal on which to ask. Add --yes to agree",
        size(download)
    );
    write!(Stdout, "\nDownload {}? [y/N] ", size(download))?;
    Stdout.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("reading the answer")?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// The free space where a directory is, or will be made.
fn free_space(directory: &Path) -> Option<u64> {
    let existing = directory.ancestors().find(|dir| dir.is_dir())?;
    let stat = rustix::fs::statvfs(existing).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
