//! The `cotangent` command: demos, programs shown stage by stage, benchmarks, and checks of the installation.

#[cfg(feature = "bench")]
mod bench;
mod cache;
mod compile;
mod demo;
mod doctor;
mod explain;
#[cfg(feature = "bench")]
mod gradbench;
mod inspect;
mod output;
mod setup;
mod show;
#[cfg(any(test, not(feature = "bench")))]
mod unbuilt;
mod version;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use serde_json::json;

use output::{Stdout, Unwritable, say};
#[cfg(not(feature = "bench"))]
use unbuilt::{bench, gradbench};

/// JAX's function transformations for Rust, on XLA.
#[derive(Parser)]
#[command(name = "cotangent", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Worked examples, with the code that they run
    #[command(subcommand)]
    Demo(DemoCommand),
    /// Show a demo's function at one stage of its compilation
    Show {
        /// The function; without one, the functions are listed
        #[arg(allow_negative_numbers = true)]
        name: Option<String>,
        /// What to show
        #[arg(long, value_enum, allow_negative_numbers = true, default_value_t = show::Stage::Jaxpr)]
        stage: show::Stage,
        /// List the functions
        #[arg(long)]
        list: bool,
    },
    /// Compile programs for a GPU that this machine need not have
    #[command(after_long_help = compile::HELP)]
    Compile(compile::Options),
    /// Show what a program that JAX or another system exported holds, and whether it can be imported
    #[command(after_long_help = inspect::HELP)]
    Inspect(inspect::Options),
    /// Measure the speed of the library on this machine (feature `bench`)
    Bench(bench::Options),
    /// Act as a tool of GradBench: read one message per line from standard input, answer on standard output (feature
    /// `bench`)
    Gradbench(gradbench::Options),
    /// List the devices that programs can run on
    #[command(after_long_help = DEVICES_JSON)]
    Devices {
        /// The kind of devices
        #[arg(long, value_enum, allow_negative_numbers = true, default_value_t = Device::of_environment())]
        device: Device,
        /// Print one JSON object and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Check that everything programs need is present and works, and say how to fix what does not
    #[command(after_long_help = doctor::JSON)]
    Doctor {
        /// The plugin to check
        #[arg(long, value_enum, allow_negative_numbers = true, default_value_t = Device::of_environment())]
        device: Device,
        /// Print one JSON object and nothing else
        #[arg(long)]
        json: bool,
        /// Show the log lines of the plugin as well
        #[arg(long)]
        verbose: bool,
    },
    /// Fetch the plugin for a device and what it needs, after saying how much that is and asking
    Setup(setup::Options),
    /// Explain an error by the code at the end of its message, with an example and what to write instead
    Explain {
        /// The code, such as E0101; without one, all codes are listed
        #[arg(allow_negative_numbers = true)]
        code: Option<String>,
    },
    /// Show what is stored on disk, or remove it
    #[command(after_long_help = cache::HELP)]
    Cache(cache::Options),
}

#[derive(Subcommand)]
enum DemoCommand {
    /// List the demos
    List {
        /// Print the names alone, one per line
        #[arg(long)]
        names: bool,
        /// Run each demo without stored programs, and print the seconds that it takes
        #[arg(long, conflicts_with = "names")]
        measure: bool,
        /// The device to measure on
        #[arg(long, value_enum, allow_negative_numbers = true, default_value_t = Device::of_environment(), requires = "measure")]
        device: Device,
    },
    /// Run demos
    Run {
        /// The demos; `cotangent demo list` names them
        #[arg(allow_negative_numbers = true, value_name = "NAME", required_unless_present = "all")]
        names: Vec<String>,
        /// Run all demos
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// Where to write pictures [default: out/NAME, or nowhere with --json]; of several demos, in DIR/NAME
        #[arg(long, value_name = "DIR", allow_negative_numbers = true)]
        out: Option<PathBuf>,
        /// Print one JSON object per line, {"cell": …, "value": …}, and nothing else; of several demos, after
        /// {"demo": NAME}
        #[arg(long)]
        json: bool,
        /// Write the page as one file for a browser, with its pictures [default: out/NAME.html]
        #[arg(long, value_name = "FILE", allow_negative_numbers = true)]
        html: Option<Option<PathBuf>>,
        /// Open the file of --html, or else the directory of the pictures, when the demo has ended
        #[arg(long)]
        open: bool,
        /// How pictures are shown on the terminal
        #[arg(long, value_enum, allow_negative_numbers = true, default_value_t = demo::Inline::Auto)]
        inline: demo::Inline,
        /// The colors of pictures in files and on the terminal; a page has both
        #[arg(long, value_enum, allow_negative_numbers = true, default_value_t = demo::Colors::Light)]
        theme: demo::Colors,
        /// The device to run on
        #[arg(long, value_enum, allow_negative_numbers = true, default_value_t = Device::of_environment())]
        device: Device,
    },
}

/// The kind of device that programs run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Device {
    /// The CPU
    Cpu,
    /// NVIDIA GPUs
    Cuda,
}

impl Device {
    /// The kind of `COTANGENT_DEVICE`. An error in it is reported when a device is selected.
    fn of_environment() -> Device {
        match cotangent::Device::current().map(cotangent::Device::platform) {
            Ok(cotangent::Platform::Cuda) => Device::Cuda,
            _ => Device::Cpu,
        }
    }

    /// Selects it for this process. If the environment has chosen one of its kind, that one stays the default.
    fn choose(self) -> Result<()> {
        let first = match self {
            Device::Cpu => cotangent::Device::cpu(0),
            Device::Cuda => cotangent::Device::cuda(0),
        };
        if cotangent::Device::current()?.platform() != first.platform() {
            cotangent::set_default_device(first);
        }
        Ok(())
    }

    /// Selects it for this process and opens it, so that a missing plugin is reported immediately.
    fn open(self) -> Result<Vec<String>> {
        self.choose()?;
        let named = |device: cotangent::Device| Ok(format!("{device} ({})", device.kind()?));
        cotangent::devices()?.into_iter().map(named).collect()
    }

    /// The plugin's platform for it.
    fn platform(self) -> xla::plugin::Platform {
        match self {
            Device::Cpu => xla::plugin::Platform::Cpu,
            Device::Cuda => xla::plugin::Platform::Cuda,
        }
    }

    /// Its name on the command line.
    fn name(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Cuda => "cuda",
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(DemoCommand::List { measure: true, device, .. }) => demo::measure(device),
        Command::Demo(DemoCommand::List { names, .. }) => demo::list(names),
        Command::Demo(DemoCommand::Run { names, all: _, out, json, html, open, inline, theme, device }) => {
            demo::run(&names, &demo::Options { json, out, html, open, inline, theme, device })
        }
        Command::Show { list: true, .. } | Command::Show { name: None, .. } => show::list(),
        Command::Show { name: Some(name), stage, .. } => show::show(&name, stage),
        Command::Compile(options) => compile::run(&options),
        Command::Inspect(options) => inspect::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Gradbench(options) => gradbench::run(&options),
        Command::Devices { device, json } => devices(device, json),
        Command::Doctor { device, json, verbose } => doctor::examine(device, json, verbose),
        Command::Setup(options) => setup::run(&options),
        Command::Explain { code } => explain::run(code.as_deref()),
        Command::Cache(options) => cache::run(&options),
    }
}

const DEVICES_JSON: &str = "\
With --json: `platform`, `devices` (a list of objects with `name` and `kind`), and `error`, which is null if they were \
opened. The exit code is 0 if they were opened and 1 otherwise.";

fn devices(device: Device, json: bool) -> Result<()> {
    let opened = device.open();
    if json {
        let objects: Vec<_> = opened.iter().flatten().map(|name| described(name)).collect();
        let error = opened.as_ref().err().map(|error| format!("{error:#}"));
        say!("{}", json!({ "platform": device.name(), "devices": objects, "error": error }))?;
    }
    let names = opened?;
    if json { Ok(()) } else { names.iter().try_for_each(|name| say!("{name}")) }
}

/// A device as JSON, from its name and kind.
fn described(device: &str) -> serde_json::Value {
    let (name, kind) = device.split_once(" (").unwrap_or((device, ""));
    json!({ "name": name, "kind": kind.strip_suffix(')').unwrap_or(kind) })
}

/// Improves clap's suggestions where they do not help.
fn improve(error: &mut clap::Error) {
    let mut tips = match error.remove(ContextKind::Suggested) {
        Some(ContextValue::StyledStrs(tips)) => tips,
        _ => Vec::new(),
    };
    // No value here begins with a dash, so the suggestion `-- --option` is wrong.
    tips.retain(|tip| !tip.to_string().contains("as a value"));
    if let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) {
        if demo::DEMOS.iter().any(|demo| demo.name == name) {
            tips.push(format!("that is a demo: `cotangent demo run {name}`").into());
        } else if name == "version" {
            tips.push("`cotangent --version`".to_string().into());
        }
    }
    if !tips.is_empty() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
}

/// Parses the command line. Help, version and errors are printed here, instead of running a command.
fn parse() -> std::result::Result<Command, ExitCode> {
    let mut command = Cli::command().term_width(output::width());
    let parsed = command
        .try_get_matches_from_mut(std::env::args_os())
        .and_then(|matches| Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command)));
    let mut error = match parsed {
        Ok(cli) => return Ok(cli.command),
        Err(error) => error,
    };
    if error.use_stderr() {
        improve(&mut error);
        let _ = error.print();
        return Err(ExitCode::from(2));
    }
    let shown = match error.kind() {
        ErrorKind::DisplayVersion => version::show(),
        _ => error.print().map_err(|reason| Unwritable::error(reason).into()),
    };
    Err(finish(shown))
}

fn main() -> ExitCode {
    match parse() {
        Ok(command) => finish(run(command)),
        Err(code) => code,
    }
}

/// The exit code of a result. Reports an error on standard error.
fn finish(result: Result<()>) -> ExitCode {
    match result.and_then(|()| Ok(Stdout.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if output::is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}
