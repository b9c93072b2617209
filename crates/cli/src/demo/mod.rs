//! The demos. Each is a module with a [`Demo`]: a name, a summary, a function that runs it, and the functions that
//! `cotangent show` offers. To add a demo, write such a module and add it to [`DEMOS`].

mod bayesian_regression;
mod deterministic_randomness;
mod digits;
mod dirichlet_process_clustering;
mod dirichlet_processes;
mod double_pendulum;
mod gaussian_clustering;
mod gaussian_process;
mod gradient_optimization;
mod highlight;
mod html;
mod inline;
mod interrupt;
mod jit;
mod linear_models;
mod logistic_regression;
mod loopless_loops;
mod loopy_carry;
mod molecules;
mod neural_networks;
mod neural_networks_from_scratch;
mod notebook;
mod optimized_learning;
mod sink;
mod small_gpt;
mod stax_linear;
mod stax_neural;
mod values;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
pub(crate) use inline::Inline;
use notebook::Notebook;

use crate::Device;
use crate::output::{TIE, distance, prose, row, say};
use crate::show::Function;

/// A demo.
pub(crate) struct Demo {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// The chapter that it belongs to.
    pub(crate) chapter: &'static str,
    /// A one-line summary.
    pub(crate) summary: &'static str,
    /// About how many seconds it takes, compilation included, on a machine of two cores.
    pub(crate) seconds: u32,
    /// Its source code: the notebook shows parts of it.
    pub(crate) source: &'static str,
    /// Runs it.
    pub(crate) run: fn(&mut Notebook) -> Result<()>,
    /// Its functions that can be shown stage by stage.
    pub(crate) functions: fn() -> Vec<Function>,
}

const DIFFERENTIABLE_PROGRAMMING: &str = "Differentiable programming";
const IDIOMS: &str = "Idioms";
const LAYERS: &str = "Layers and optimizers";
const CLUSTERING: &str = "Clustering";
const SCIENCE: &str = "Science";

/// All demos, chapter by chapter, in the order in which to read them.
pub(crate) const DEMOS: &[Demo] = &[
    neural_networks_from_scratch::DEMO,
    gradient_optimization::DEMO,
    linear_models::DEMO,
    logistic_regression::DEMO,
    neural_networks::DEMO,
    loopless_loops::DEMO,
    loopy_carry::DEMO,
    deterministic_randomness::DEMO,
    optimized_learning::DEMO,
    jit::DEMO,
    stax_linear::DEMO,
    stax_neural::DEMO,
    gaussian_clustering::DEMO,
    dirichlet_processes::DEMO,
    dirichlet_process_clustering::DEMO,
    double_pendulum::DEMO,
    gaussian_process::DEMO,
    bayesian_regression::DEMO,
    molecules::DEMO,
    digits::DEMO,
    small_gpt::DEMO,
];

/// The colors of pictures that are not in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Colors {
    /// Dark on white
    Light,
    /// Light on near black
    Dark,
}

/// The options that a demo runs with.
pub(crate) struct Options {
    /// Print values as JSON instead of a page to read.
    pub(crate) json: bool,
    /// Where pictures are written.
    pub(crate) out: Option<PathBuf>,
    /// Write the page for a browser, into a file other than the default if one is named.
    pub(crate) html: Option<Option<PathBuf>>,
    /// Open what was written.
    pub(crate) open: bool,
    /// How pictures are shown on the terminal.
    pub(crate) inline: Inline,
    /// The colors of pictures.
    pub(crate) theme: Colors,
    /// The device to run on.
    pub(crate) device: Device,
}

/// Lists the demos by chapter, each with the time it takes, or their names alone.
pub(crate) fn list(names: bool) -> Result<()> {
    let mut chapter = "";
    for demo in DEMOS {
        if names {
            say!("{}", demo.name)?;
            continue;
        }
        if demo.chapter != chapter {
            say!("{}{}", if chapter.is_empty() { "" } else { "\n" }, demo.chapter)?;
            chapter = demo.chapter;
        }
        row(&format!("  {}", demo.name), 32, &format!("{} ({}{TIE}s)", demo.summary, demo.seconds))?;
    }
    if names {
        return Ok(());
    }
    say!()?;
    prose("`cotangent demo run NAME` runs one; its time is for a machine of two cores, compilation included.")
}

/// Runs each demo in a process of its own, without compiled programs from earlier runs, and prints the seconds that it
/// takes: those of [`Demo::seconds`], on a machine that does nothing else.
pub(crate) fn measure(device: Device) -> Result<()> {
    device.open()?;
    let program = std::env::current_exe().context("the path of this program is unknown")?;
    for demo in DEMOS {
        let mut command = Command::new(&program);
        command.args(["demo", "run", demo.name, "--json", "--device", device.name()]);
        command.env("COTANGENT_COMPILE_CACHE", "0").stdin(Stdio::null()).stdout(Stdio::null());
        let start = Instant::now();
        let status = command.status().with_context(|| format!("{} cannot be started", program.display()))?;
        if !status.success() {
            bail!("the demo `{}` failed: {status}", demo.name);
        }
        let seconds = start.elapsed().as_secs_f64();
        row(demo.name, 32, &format!("{seconds:.1}{TIE}s (listed: {}{TIE}s)", demo.seconds))?;
    }
    Ok(())
}

/// The demo of that name.
fn find(name: &str) -> Result<&'static Demo> {
    if let Some(demo) = DEMOS.iter().find(|demo| demo.name == name) {
        return Ok(demo);
    }
    let names: Vec<_> = DEMOS.iter().map(|demo| demo.name).collect();
    let nearest = names.iter().min_by_key(|other| distance(name, other)).copied().unwrap_or_default();
    let hint = match distance(name, nearest) <= nearest.len() / 3 {
        true => format!("Did you mean `{nearest}`? "),
        false => String::new(),
    };
    bail!(
        "there is no demo named `{name}`. {hint}The demos are: {}. `cotangent demo list` describes them",
        names.join(", ")
    )
}

/// Runs the demos of these names, or all of them if there are none.
pub(crate) fn run(names: &[String], options: &Options) -> Result<()> {
    let demos = match names {
        [] => DEMOS.iter().collect(),
        names => names.iter().map(|name| find(name)).collect::<Result<Vec<_>>>()?,
    };
    let several = demos.len() > 1;
    if several && matches!(options.html, Some(Some(_))) {
        bail!("one file cannot be the page of {} demos. With --html alone, each is out/NAME.html", demos.len());
    }
    let outputs: Vec<_> = demos.iter().map(|demo| Outputs::new(demo.name, options, several)).collect();
    outputs.iter().try_for_each(Outputs::check)?;
    options.device.open()?;
    interrupt::watch()?;
    for (i, (demo, outputs)) in demos.iter().zip(&outputs).enumerate() {
        match (several, options.json) {
            (true, true) => say!("{}", serde_json::json!({ "demo": demo.name }))?,
            (true, false) => {
                let gap = if i == 0 { "" } else { "\n" };
                say!("{gap}Demo {} of {}, about {}{TIE}s", i + 1, demos.len(), demo.seconds)?;
            }
            (false, _) => {}
        }
        let mut notebook = Notebook::new(demo.source, options.json, outputs.pictures.clone(), options.inline);
        notebook.theme(match options.theme {
            Colors::Light => cotangent_plot::Theme::Light,
            Colors::Dark => cotangent_plot::Theme::Dark,
        });
        if let Some(file) = &outputs.page {
            notebook.report(file, options.device.name());
        }
        notebook.banner(demo.name, demo.summary)?;
        (demo.run)(&mut notebook)?;
        notebook.finish()?;
        if let (true, Some(path)) = (options.open, outputs.page.as_ref().or(outputs.pictures.as_ref())) {
            open(path)?;
        }
    }
    Ok(())
}

/// What a demo writes.
struct Outputs {
    page: Option<PathBuf>,
    pictures: Option<PathBuf>,
}

impl Outputs {
    fn new(name: &str, options: &Options, several: bool) -> Outputs {
        let default = || PathBuf::from("out").join(format!("{name}.html"));
        let page = options.html.as_ref().map(|file| file.clone().unwrap_or_else(default));
        let pictures = match &options.out {
            Some(dir) if several => Some(dir.join(name)),
            Some(dir) => Some(dir.clone()),
            // Without --json and --html, pictures are written by default.
            None => (!options.json && page.is_none()).then(|| PathBuf::from("out").join(name)),
        };
        Outputs { page, pictures }
    }

    /// Checks that they can be written, before anything is computed.
    fn check(&self) -> Result<()> {
        if let Some(dir) = &self.pictures
            && let Err(error) = make_writable(dir)
        {
            bail!("pictures cannot be written to {}: {error}. Name another directory with --out", dir.display());
        }
        if let Some(file) = &self.page {
            let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if let Err(error) = make_writable(dir) {
                bail!("the page cannot be written to {}: {error}. Name another file with --html", file.display());
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_nearly_right_are_recognized() {
        for (a, b, expected) in
            [("", "abc", 3), ("jit", "jit", 0), ("jti", "jit", 2), ("vmaps", "vmap", 1), ("ab", "ba", 2)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
        let error = |name: &str| find(name).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error("loopy-cary").contains("Did you mean `loopy-carry`?"));
        assert!(!error("nonsense").contains("Did you mean"));
        assert!(find("jit").is_ok());
    }

    #[test]
    fn chapters_are_whole() {
        let mut chapters: Vec<_> = DEMOS.iter().map(|demo| demo.chapter).collect();
        chapters.dedup();
        let order = chapters.clone();
        chapters.sort_unstable();
        chapters.dedup();
        assert_eq!(order.len(), chapters.len(), "a chapter comes twice: {order:?}");
    }
}
