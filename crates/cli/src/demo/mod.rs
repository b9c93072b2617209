//! The demos. Each is a module with a [`Demo`]: a name, a summary, a function that runs it, and the functions that
//! `cotangent show` offers. To add a demo, write such a module and add it to [`DEMOS`].

mod notebook;
mod optimized_learning;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use notebook::Notebook;

use crate::Device;
use crate::output::row;
use crate::show::Function;

/// A demo.
pub(crate) struct Demo {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// A one-line summary.
    pub(crate) summary: &'static str,
    /// Its source code: the notebook shows parts of it.
    pub(crate) source: &'static str,
    /// Runs it.
    pub(crate) run: fn(&mut Notebook) -> Result<()>,
    /// Its functions that can be shown stage by stage.
    pub(crate) functions: fn() -> Vec<Function>,
}

/// All demos.
pub(crate) const DEMOS: &[Demo] = &[optimized_learning::DEMO];

/// The options that a demo runs with.
pub(crate) struct Options {
    /// Print values as JSON instead of a page to read.
    pub(crate) json: bool,
    /// Where pictures are written.
    pub(crate) out: Option<PathBuf>,
    /// The device to run on.
    pub(crate) device: Device,
}

/// Lists the demos.
pub(crate) fn list() -> Result<()> {
    for demo in DEMOS {
        row(demo.name, 22, demo.summary)?;
    }
    Ok(())
}

/// Runs the demo of that name.
pub(crate) fn run(name: &str, options: Options) -> Result<()> {
    let Some(demo) = DEMOS.iter().find(|d| d.name == name) else {
        let names: Vec<_> = DEMOS.iter().map(|d| d.name).collect();
        bail!(
            "there is no demo named `{name}`. The demos are: {}. `cotangent demo list` describes them",
            names.join(", ")
        );
    };
    // Without --json, pictures are written by default.
    let pictures = options.out.or_else(|| (!options.json).then(|| PathBuf::from("out").join(name)));
    if let Some(dir) = &pictures
        && let Err(error) = make_writable(dir)
    {
        bail!("pictures cannot be written to {}: {error}. Name another directory with --out", dir.display());
    }
    options.device.open()?;
    let mut notebook = Notebook::new(demo.source, options.json, pictures);
    notebook.banner(demo.name, demo.summary)?;
    (demo.run)(&mut notebook)
}

/// Makes a directory, and checks that files can be created in it, before anything is computed.
fn make_writable(dir: &Path) -> std::io::Result<()> {
    fs::create_dir_all(dir)?;
    let file = dir.join(format!(".cotangent-{}", std::process::id()));
    fs::write(&file, "")?;
    fs::remove_file(file)
}
