//! `cotangent compile`: programs compiled for a GPU that this machine need not have.

use std::fs;
use std::io::{BufRead, BufReader, Write, stdin};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cotangent::{CrossCompiled, Exported, Target};
use serde_json::{Value, json};

use crate::bench;
use crate::cache::size;
use crate::demo::DEMOS;
use crate::output::{Stdout, TIE, duration, say, wrote};

pub(crate) const HELP: &str = "\
A demo, an example, a benchmark case (feature `bench`) or a command runs on the CPU, and each program that it compiles \
there is compiled for the GPU as well. A file is a StableHLO module, or a program exported by `Lowered::export_for`.

With --json, one object is printed for each program: `program`, `target`, `error` (null if it compiled), and, if it \
did, `kernels`, `code`, `arguments`, `outputs`, `temporary` (bytes) and `seconds`. The exit code is 0 if all programs \
compiled.";

/// What to compile, and for which GPU.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A demo, benchmark case, GradBench program or example, or a file; without one, the names are listed
    #[arg(allow_negative_numbers = true)]
    name: Option<String>,
    /// The GPU
    #[arg(long, allow_negative_numbers = true, value_name = "GPU", default_value = "h100", value_parser = target)]
    target: Target,
    /// Write the compiled program to this file, for `Loaded::from_bytes`; several programs get a number each
    #[arg(long, short, value_name = "FILE", allow_negative_numbers = true)]
    output: Option<PathBuf>,
    /// Print one JSON object per program and nothing else
    #[arg(long)]
    json: bool,
    /// Print the optimized programs in HLO notation
    #[arg(long, conflicts_with = "json")]
    hlo: bool,
    /// Write the StableHLO of the programs to this directory, and compile nothing
    #[arg(long, hide = true, value_name = "DIR", conflicts_with_all = ["output", "worker"])]
    collect: Option<PathBuf>,
    /// Compile the file that each line of input names
    #[arg(long, hide = true, conflicts_with_all = ["name", "output"])]
    worker: bool,
    /// A command that uses the library, instead of a name
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "name")]
    command: Vec<String>,
}

fn target(name: &str) -> std::result::Result<Target, String> {
    Target::named(name).ok_or_else(|| format!("the GPUs are {}", Target::ALL.map(|target| target.name()).join(", ")))
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.worker {
        return work(options);
    }
    let scratch = Scratch::new()?;
    let folder = options.collect.as_ref().unwrap_or(&scratch.0);
    let (name, programs) = match (&options.name, options.command.split_first()) {
        (None, None) => return list(),
        (Some(name), _) if Path::new(name).is_file() => (name.clone(), vec![PathBuf::from(name)]),
        (Some(name), _) => {
            let (command, input) = by_name(name)?;
            (name.clone(), dumped(command, &input, folder)?)
        }
        (None, Some((program, args))) => {
            let mut command = Command::new(program);
            command.args(args);
            (program.clone(), dumped(command, "", folder)?)
        }
    };
    if options.collect.is_some() {
        return Ok(());
    }
    if programs.is_empty() {
        bail!("`{name}` compiles no program");
    }
    if !options.json && !options.hlo {
        say!("{name} for an {}", options.target.about())?;
        say!(
            "{:<10}{:>8}{:>12}{:>12}{:>12}{:>12}{:>10}",
            "program",
            "kernels",
            "code",
            "arguments",
            "results",
            "memory",
            "time"
        )?;
    }
    let mut failures = 0;
    for (i, path) in programs.iter().enumerate() {
        let label = if programs.len() == 1 { name.clone() } else { format!("{}", i + 1) };
        let compiled = compile(path, &label, options.target);
        match &compiled {
            Ok(compiled) => report(&label, compiled, options)?,
            Err(error) => {
                failures += 1;
                match options.json {
                    true => say!("{}", failure(&label, options.target, error))?,
                    false => say!("{label:<10}{error:#}")?,
                }
            }
        }
        if let (Ok((compiled, _)), Some(output)) = (&compiled, &options.output) {
            let path = if programs.len() == 1 { output.clone() } else { numbered(output, i + 1) };
            fs::write(&path, compiled.serialize()?).with_context(|| format!("writing {}", path.display()))?;
            wrote(&path);
        }
    }
    ensure!(failures == 0, "{failures} of {} programs did not compile", programs.len());
    Ok(())
}

/// Names everything that can be compiled.
fn list() -> Result<()> {
    names().into_iter().try_for_each(|name| say!("{name}"))
}

fn names() -> Vec<String> {
    let demos = DEMOS.iter().map(|demo| demo.name.to_string());
    demos.chain(bench::names()).chain(examples()).collect()
}

/// The examples beside this executable, as cargo builds them.
fn example_folder() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join("examples"))
}

fn examples() -> Vec<String> {
    let entries = example_folder().and_then(|folder| fs::read_dir(folder).ok());
    let names = entries.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    // The others are cargo's own names, and its notes.
    let mut names: Vec<String> = names.filter(|name| !name.contains(['-', '.'])).collect();
    names.sort();
    names
}

/// The command that runs a demo, a benchmark case, a GradBench program or an example, and its input.
fn by_name(name: &str) -> Result<(Command, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut input = String::new();
    if DEMOS.iter().any(|demo| demo.name == name) {
        command.args(["demo", "run", name, "--json"]);
    } else if let Some((args, lines)) = bench::once(name) {
        command.args(args);
        input = lines;
    } else if examples().iter().any(|example| example == name) {
        command = Command::new(example_folder().context("this executable has no folder")?.join(name));
    } else {
        if name.ends_with(".mlir") {
            bail!("there is no file {name}");
        }
        let unbuilt = match cfg!(feature = "bench") {
            true => "",
            false => {
                ". Benchmark cases and GradBench programs come with the feature `bench`, which this build does not have"
            }
        };
        bail!("there is nothing named `{name}` to compile, and no file. There is: {}{unbuilt}", names().join(", "));
    }
    Ok((command, input))
}

/// Runs a command, and returns the files of the programs that it compiled, in order.
fn dumped(mut command: Command, input: &str, folder: &Path) -> Result<Vec<PathBuf>> {
    command.env("COTANGENT_DUMP_IR_TO", folder).env("COTANGENT_DUMP_IR_FOR", "cuda");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {}", command.get_program().to_string_lossy()))?;
    if let Some(mut requests) = child.stdin.take() {
        let _ = requests.write_all(input.as_bytes());
    }
    let status = child.wait()?;
    ensure!(status.success(), "{} failed: {status}", command.get_program().to_string_lossy());
    let mut programs: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    programs.sort();
    Ok(programs)
}

/// Compiles the program in a file.
fn compile(path: &Path, name: &str, target: Target) -> Result<(CrossCompiled, Duration)> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    if path.extension().is_some_and(|ending| ending == "error") {
        bail!("{}", String::from_utf8_lossy(&bytes));
    }
    let exported = match std::str::from_utf8(&bytes) {
        Ok(text) if !text.starts_with("// cotangent-export") => Exported::from_stablehlo(name, text)?,
        _ => Exported::parse(&bytes)?,
    };
    let start = Instant::now();
    let compiled = exported.compile_for(target)?;
    Ok((compiled, start.elapsed()))
}

fn report(label: &str, (compiled, time): &(CrossCompiled, Duration), options: &Options) -> Result<()> {
    if options.json {
        return say!("{}", success(label, options.target, compiled, *time)?);
    }
    if options.hlo {
        return say!("{}", compiled.optimized_hlo()?);
    }
    let memory = compiled.memory_analysis()?;
    let size = |n: u64| size(n).replace(TIE, " ");
    let bytes = |n: i64| size(u64::try_from(n).unwrap_or(0));
    say!(
        "{label:<10}{:>8}{:>12}{:>12}{:>12}{:>12}{:>10}",
        compiled.kernels()?,
        size(compiled.serialize()?.len() as u64),
        bytes(memory.arguments),
        bytes(memory.outputs),
        bytes(memory.temporary),
        duration(time.as_secs_f64()),
    )
}

fn success(name: &str, target: Target, compiled: &CrossCompiled, time: Duration) -> Result<Value> {
    let memory = compiled.memory_analysis()?;
    Ok(json!({
        "program": name,
        "target": target.name(),
        "error": null,
        "kernels": compiled.kernels()?,
        "code": compiled.serialize()?.len(),
        "arguments": memory.arguments,
        "outputs": memory.outputs,
        "temporary": memory.temporary,
        "seconds": time.as_secs_f64(),
    }))
}

fn failure(name: &str, target: Target, error: &anyhow::Error) -> Value {
    json!({ "program": name, "target": target.name(), "error": format!("{error:#}") })
}

/// Compiles the file that each line of input names, and answers with a line of JSON.
fn work(options: &Options) -> Result<()> {
    for path in BufReader::new(stdin().lock()).lines() {
        let path = path?;
        let compiled = compile(Path::new(&path), &path, options.target);
        let answer = compiled.and_then(|(compiled, time)| success(&path, options.target, &compiled, time));
        say!("{}", answer.unwrap_or_else(|error| failure(&path, options.target, &error)))?;
        Stdout.flush()?;
    }
    Ok(())
}

/// `name.7.ending`
fn numbered(path: &Path, number: usize) -> PathBuf {
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    path.with_extension(format!("{number}{ending}"))
}

/// A directory for the programs of another process, removed when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch> {
        let path = std::env::temp_dir().join(format!("cotangent-compile-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_several_programs_are_numbered() {
        let numbered = |path: &str| numbered(Path::new(path), 7).display().to_string();
        assert_eq!([numbered("a/b.bin"), numbered("a/b")], ["a/b.7.bin", "a/b.7"]);
    }

    #[test]
    fn a_name_that_does_not_exist_is_answered_with_those_that_do() {
        let error = by_name("mlp").unwrap_err().to_string();
        assert!(error.contains("optimized-learning"));
        let benches = error.contains("mlp/adam") && error.contains("gradbench/ba/jacobian");
        assert_eq!(benches, cfg!(feature = "bench"));
        assert_eq!(error.contains("the feature `bench`"), !benches);
    }
}
