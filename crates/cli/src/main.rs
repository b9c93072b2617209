//! The `cotangent` command: demos, programs shown stage by stage, benchmarks, and a doctor.

mod bench;
mod demo;
mod doctor;
mod gradbench;
mod plot;
mod show;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

/// Writes a line to standard output; a closed pipe is an error like any other, not a panic.
macro_rules! say {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stdout(), $($arg)*).map_err(anyhow::Error::from)
    }};
}
pub(crate) use say;

/// JAX's function transformations for Rust, on XLA.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Worked examples: what the library does, shown with the code that does it
    #[command(subcommand)]
    Demo(DemoCommand),
    /// Show a function of the demos at a stage of its way to the machine
    Show {
        /// The function; `--list` names them
        #[arg(required_unless_present = "list")]
        name: Option<String>,
        /// What to show
        #[arg(long, value_enum, default_value_t = show::Stage::Jaxpr)]
        stage: show::Stage,
        /// List the functions
        #[arg(long)]
        list: bool,
    },
    /// Measure how fast things are here
    Bench(bench::Options),
    /// Be a tool of GradBench: answer its messages, one a line, from standard input on standard output
    Gradbench(gradbench::Options),
    /// List the devices that programs can run on
    Devices {
        /// Which devices
        #[arg(long, value_enum, default_value_t = Device::Cpu)]
        device: Device,
    },
    /// Check that everything a program needs is there and works, and say how to mend what does not
    Doctor {
        /// Which plugin to check
        #[arg(long, value_enum, default_value_t = Device::Cpu)]
        device: Device,
    },
}

#[derive(Subcommand)]
enum DemoCommand {
    /// List the demos
    List,
    /// Run a demo
    Run {
        /// Which one
        name: String,
        /// Where to write pictures [default: out/NAME, and none with --json]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Print one JSON object a line, {"cell": …, "value": …}, and nothing else
        #[arg(long)]
        json: bool,
        /// What to compute on
        #[arg(long, value_enum, default_value_t = Device::Cpu)]
        device: Device,
    },
}

/// What programs run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Device {
    /// The processor
    Cpu,
    /// NVIDIA graphics cards
    Cuda,
}

impl Device {
    /// Chooses it for this process.
    fn choose(self) -> Result<()> {
        Ok(cotangent::set_platform(match self {
            Device::Cpu => cotangent::Platform::Cpu,
            Device::Cuda => cotangent::Platform::Cuda,
        })?)
    }

    /// Chooses it for this process and opens it, so that a missing plugin is an error here and now.
    fn open(self) -> Result<Vec<String>> {
        self.choose()?;
        Ok(cotangent::devices()?)
    }

    /// What it is called on the command line.
    fn name(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Cuda => "cuda",
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(DemoCommand::List) => demo::list(),
        Command::Demo(DemoCommand::Run { name, out, json, device }) => {
            demo::run(&name, demo::Options { json, out, device })
        }
        Command::Show { list: true, .. } | Command::Show { name: None, .. } => show::list(),
        Command::Show { name: Some(name), stage, .. } => show::show(&name, stage),
        Command::Bench(options) => bench::run(&options),
        Command::Gradbench(options) => gradbench::run(&options),
        Command::Devices { device } => device.open()?.iter().try_for_each(|d| say!("{d}")),
        Command::Doctor { device } => doctor::examine(device),
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|e| e.downcast_ref::<io::Error>()).any(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
