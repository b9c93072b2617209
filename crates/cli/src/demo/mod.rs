//! The demos. Each is a module with a [`Demo`]: a name, a summary, a function that runs it, and the functions that
//! `cotangent show` offers. To add a demo, write such a module and add it to [`DEMOS`].

mod highlight;
mod html;
mod inline;
mod notebook;
mod optimized_learning;
mod sink;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
pub(crate) use inline::Inline;
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
    /// The file of the page for a browser. An empty path stands for the default.
    pub(crate) html: Option<PathBuf>,
    /// Open what was written.
    pub(crate) open: bool,
    /// How pictures are shown on the terminal.
    pub(crate) inline: Inline,
    /// The device to run on.
    pub(crate) device: Device,
}

impl Options {
    /// Values as JSON and nothing else.
    pub(crate) fn values(device: Device) -> Options {
        Options { json: true, out: None, html: None, open: false, inline: Inline::Never, device }
    }
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
    let report = options.html.map(|file| match file.as_os_str().is_empty() {
        true => PathBuf::from("out").join(format!("{name}.html")),
        false => file,
    });
    // Without --json and --html, pictures are written by default.
    let default = || (!options.json && report.is_none()).then(|| PathBuf::from("out").join(name));
    let pictures = options.out.or_else(default);
    if let Some(dir) = &pictures
        && let Err(error) = make_writable(dir)
    {
        bail!("pictures cannot be written to {}: {error}. Name another directory with --out", dir.display());
    }
    let parent = report.as_ref().and_then(|file| file.parent()).map(|dir| if dir == "" { Path::new(".") } else { dir });
    if let (Some(dir), Some(file)) = (parent, &report)
        && let Err(error) = make_writable(dir)
    {
        bail!("the page cannot be written to {}: {error}. Name another file with --html", file.display());
    }
    options.device.open()?;
    let mut notebook = Notebook::new(demo.source, options.json, pictures.clone(), options.inline);
    if let Some(file) = &report {
        notebook.report(file, options.device.name());
    }
    notebook.banner(demo.name, demo.summary)?;
    (demo.run)(&mut notebook)?;
    notebook.finish()?;
    match report.or(pictures) {
        Some(path) if options.open => open(&path),
        _ => Ok(()),
    }
}

/// Opens a file or a directory with the program that the system has for it.
fn open(path: &Path) -> Result<()> {
    let mut command = match std::env::consts::OS {
        "macos" => Command::new("open"),
        "windows" => {
            let mut shell = Command::new("cmd");
            shell.args(["/c", "start", ""]);
            shell
        }
        _ => Command::new("xdg-open"),
    };
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("`{program}` could not open {}: {status}", path.display()),
        Err(error) => bail!("`{program}`, which should open {}, cannot be started: {error}", path.display()),
    }
}

/// Makes a directory, and checks that files can be created in it, before anything is computed.
fn make_writable(dir: &Path) -> std::io::Result<()> {
    fs::create_dir_all(dir)?;
    let file = dir.join(format!(".cotangent-{}", std::process::id()));
    fs::write(&file, "")?;
    fs::remove_file(file)
}
