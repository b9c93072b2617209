//! `cotangent bench`: the cases of `crates/bench`, each in its own process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write, stdin};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cotangent_bench::{
    Case, GradBenchProgram, Size, Work, cases, decompose, gradbench_programs, imported, serve, serve_bench, serve_many,
};
use serde_json::{Value, json};

use crate::output::{Stdout, digits, duration, row, say};
use crate::{Device, demo};

/// What to measure, and how to show it.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only the cases whose names contain this text
    #[arg(allow_negative_numbers = true)]
    filter: Option<String>,
    /// The device to run on
    #[arg(long, value_enum, allow_negative_numbers = true, default_value_t = Device::of_environment())]
    device: Device,
    /// Print one JSON object per line and nothing else
    #[arg(long)]
    json: bool,
    /// List the cases
    #[arg(long)]
    list: bool,
    /// The number of samples for each case
    #[arg(long, default_value_t = 15, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    samples: u32,
    /// How much work the cases do that fill a GPU [default: full on a GPU, small on the CPU]
    #[arg(long, value_enum, allow_negative_numbers = true)]
    size: Option<Amount>,
    /// Measure this case in this process: take one sample for each line of input
    #[arg(long, hide = true, value_name = "CASE")]
    worker: Option<String>,
    /// Measure many cases in this process: a line of input that is not empty names the next one
    #[arg(long, hide = true, conflicts_with = "worker")]
    serve: bool,
    /// Measure this function of `jax.export` in this process, as a worker does: for benches/imports
    #[arg(long, hide = true, value_name = "FILE", conflicts_with_all = ["worker", "serve"])]
    import: Option<PathBuf>,
    /// Decompose matrices in this process: a line of input names a routine, a file of matrices and one for the results
    #[arg(long, hide = true, conflicts_with = "worker")]
    decompose: bool,
    /// The number of calls per sample, however long they take: for profilers that count instructions
    #[arg(long, hide = true)]
    calls: Option<usize>,
}

/// How much work a case does whose size can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Amount {
    /// What fills a GPU
    Full,
    /// The same on a small scale
    Small,
}

impl Options {
    fn size(&self) -> Size {
        match self.size {
            Some(Amount::Full) => Size::Full,
            Some(Amount::Small) => Size::Small,
            None if self.device == Device::Cpu => Size::Small,
            None => Size::Full,
        }
    }
}

/// A case whose samples take long needs fewer of them.
const PATIENCE: Duration = Duration::from_secs(3);
const FEWEST: usize = 3;

/// The cases of the library, and those of this binary.
fn all() -> Vec<Case> {
    let notebook = Case::process("start/notebook", "the whole notebook, un-jitted as written, no pictures", || {
        let cuda = cotangent::Device::current().is_ok_and(|device| device.platform() == cotangent::Platform::Cuda);
        let device = if cuda { Device::Cuda } else { Device::Cpu };
        let (inline, theme) = (demo::Inline::Never, demo::Colors::Light);
        let options = demo::Options { json: true, out: None, html: None, open: false, inline, theme, device };
        demo::run(&["optimized-learning".to_owned()], &options).expect("the demo runs");
        Vec::new()
    });
    let mut all = cases();
    let first = all.iter().position(|case| case.group() != "start").unwrap_or(all.len());
    all.insert(first, notebook);
    all
}

/// The names of the cases and GradBench programs that can be compiled for a GPU.
pub(crate) fn names() -> Vec<String> {
    let cases = all().into_iter().map(|case| case.name.to_string());
    let cases = cases.filter(|case| !case.ends_with("-bare") && !case.starts_with("gradbench/"));
    cases.chain(gradbench_programs().iter().map(gradbench_name)).collect()
}

fn gradbench_name(program: &GradBenchProgram) -> String {
    format!("gradbench/{}/{}", program.module, program.function)
}

/// The arguments of this tool that run a case or GradBench program once, and its input.
pub(crate) fn once(name: &str) -> Option<(Vec<String>, String)> {
    let args = |args: &[&str]| args.iter().map(|arg| arg.to_string()).collect();
    if let Some(program) = gradbench_programs().into_iter().find(|program| gradbench_name(program) == name) {
        let GradBenchProgram { module, function, input } = program;
        let message = json!({ "id": 0, "kind": "evaluate", "module": module, "function": function, "input": input });
        return Some((args(&["gradbench", "--multithreaded"]), format!("{message}\n")));
    }
    // A call for each line of input.
    let known = all().iter().any(|case| case.name == name);
    known.then(|| (args(&["bench", "--worker", name, "--calls", "1"]), "\n".to_string()))
}

/// Measures the selected cases.
pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(name) = &options.worker {
        return work(name, options);
    }
    if let Some(file) = &options.import {
        options.device.choose()?;
        let bench = imported(file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        return Ok(serve_bench(&name, bench, options.calls, stdin().lock(), Stdout)?);
    }
    if options.serve {
        options.device.choose()?;
        return Ok(serve_many(&all(), options.size(), stdin().lock(), Stdout)?);
    }
    if options.decompose {
        options.device.choose()?;
        return decompose_all();
    }
    let wanted = |case: &Case| {
        // The `-bare` cases, the lower bounds of the calls, use the CPU plugin.
        let there = options.device == Device::Cpu || !case.name.ends_with("-bare");
        there && options.filter.as_ref().is_none_or(|filter| case.name.contains(filter.as_str()))
    };
    let cases: Vec<Case> = all().into_iter().filter(wanted).collect();
    if let (true, Some(filter)) = (cases.is_empty(), &options.filter) {
        bail!("no case has `{filter}` in its name. `cotangent bench --list` lists the names");
    }
    if options.list {
        return cases.iter().try_for_each(|case| match options.json {
            true => {
                let sized = matches!(case.work, Work::Sized(_));
                let about = case.about;
                say!(
                    "{}",
                    json!({ "case": case.name, "about": about, "unit": case.unit, "slow": case.slow, "sized": sized })
                )
            }
            false => row(case.name, 26, case.about),
        });
    }
    // Reports a missing plugin here, and keeps fetching it out of the measurement.
    xla::plugin::locate(options.device.platform())?;
    if !options.json {
        say!("{:<25}{:>10}  {:<20}{:<9}{:>14}", "case", "median", "quartiles", "for each", "memory or rate")?;
    }
    let on = if options.json { Machine::of(options)? } else { Machine::default() };
    let mut peaks = BTreeMap::new();
    for case in &cases {
        let measured = measure(case, options).with_context(|| format!("measuring `{}`", case.name))?;
        let peak = measured.peak(&mut peaks, options)?;
        if options.json { measured.json(case, options, &on, peak)? } else { measured.row(case, peak)? }
    }
    Ok(())
}

/// Measures one case on behalf of the parent process.
fn work(name: &str, options: &Options) -> Result<()> {
    let Some(case) = all().into_iter().find(|case| case.name == name) else {
        bail!("there is no case named `{name}`. `cotangent bench --list` lists the names");
    };
    // Opening the device is part of the case's own work, and not every case needs it.
    options.device.choose()?;
    Ok(serve(&case, options.size(), options.calls, stdin().lock(), Stdout)?)
}

/// Decomposes the matrices that lines of input name, and answers each line.
fn decompose_all() -> Result<()> {
    for line in stdin().lock().lines() {
        let line = line?;
        let &[routine, from, to] = &line.split('\t').collect::<Vec<_>>()[..] else {
            bail!("a line must have three parts with tabs between them, and this one is `{line}`");
        };
        decompose(routine, from.as_ref(), to.as_ref()).map_err(anyhow::Error::msg)?;
        say!("done")?;
    }
    Ok(())
}

/// The measurements of one case.
struct Measured {
    /// Seconds, ascending.
    samples: Vec<f64>,
    peak_memory: Option<u64>,
    /// What the process said of the case: `flops` and `bytes` per call.
    about: Value,
}

/// What the measurements were made on.
#[derive(Default)]
struct Machine {
    device: Value,
    driver: Option<String>,
}

impl Machine {
    /// Asks another process, because two processes may not fit on a device.
    fn of(options: &Options) -> Result<Machine> {
        let mut command = Command::new(std::env::current_exe()?);
        let output = command.args(["devices", "--json", "--device", options.device.name()]).output()?;
        let opened: Value = serde_json::from_slice(&output.stdout).context("the devices cannot be listed")?;
        let driver = match options.device {
            Device::Cpu => None,
            Device::Cuda => xla::cuda::Driver::find().map_err(xla::Error::Cuda)?.release,
        };
        Ok(Machine { device: opened["devices"][0]["kind"].clone(), driver })
    }
}

/// A process that measures a case.
struct Worker {
    child: Child,
    requests: Option<ChildStdin>,
    answers: Box<dyn BufRead>,
}

impl Worker {
    fn start(case: &Case, options: &Options) -> Result<Worker> {
        let mut command = Command::new(std::env::current_exe()?);
        let size = if options.size() == Size::Full { "full" } else { "small" };
        command.args(["bench", "--worker", case.name, "--device", options.device.name(), "--size", size]);
        // The case measures compilation, not lookups in the disk cache, unless the user asks for the cache.
        if std::env::var_os("COTANGENT_COMPILE_CACHE").is_none() {
            command.env("COTANGENT_COMPILE_CACHE", "0");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (requests, answers) = (child.stdin.take(), child.stdout.take());
        let answers = Box::new(BufReader::new(answers.context("the process has no output")?));
        Ok(Worker { child, requests, answers })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.answers.read_line(&mut line)? > 0, "its process ended early");
        Ok(line)
    }

    /// The next line that is an object with this member.
    fn object(&mut self, member: &str) -> Result<Value> {
        loop {
            if let Ok(value) = serde_json::from_str::<Value>(&self.line()?)
                && value.get(member).is_some()
            {
                return Ok(value);
            }
        }
    }

    fn sample(&mut self) -> Result<f64> {
        self.requests.as_mut().context("its input is closed")?.write_all(b"\n")?;
        Ok(self.line()?.trim().parse()?)
    }

    /// Ends the process, and returns its peak memory.
    fn finish(mut self) -> Result<Option<u64>> {
        drop(self.requests.take());
        let peak = self.object("peak_memory")?["peak_memory"].as_u64();
        ensure!(self.child.wait()?.success(), "its process failed");
        Ok(peak)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // After an error. If the process has ended already, there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn measure(case: &Case, options: &Options) -> Result<Measured> {
    let begin = Instant::now();
    let (mut samples, mut peak_memory, mut about) = (Vec::new(), None, Value::Null);
    let mut worker = match case.work {
        Work::Calls(_) | Work::Sized(_) => {
            let mut worker = Worker::start(case, options)?;
            about = worker.object("case")?;
            Some(worker)
        }
        Work::Process(_) => None,
    };
    while samples.len() < options.samples as usize && (samples.len() < FEWEST || begin.elapsed() < PATIENCE) {
        samples.push(match &mut worker {
            Some(worker) => worker.sample()?,
            None => {
                let start = Instant::now();
                peak_memory = peak_memory.max(Worker::start(case, options)?.finish()?);
                start.elapsed().as_secs_f64()
            }
        });
    }
    if let Some(worker) = worker {
        peak_memory = worker.finish()?;
    }
    samples.sort_by(f64::total_cmp);
    Ok(Measured { samples, peak_memory, about })
}

impl Measured {
    /// What the device can do at most, in operations or bytes per second: what the case shows that bounds this one. On
    /// a GPU, that case is measured first, once.
    fn peak(&self, peaks: &mut BTreeMap<&'static str, Option<f64>>, options: &Options) -> Result<Option<f64>> {
        let Some(name) = self.about["peak"].as_str().filter(|_| options.device == Device::Cuda) else {
            return Ok(None);
        };
        let Some(case) = all().into_iter().find(|case| case.name == name) else { return Ok(None) };
        if let Some(peak) = peaks.get(case.name) {
            return Ok(*peak);
        }
        let same = self.about["case"] == name;
        let peak = if same { self.per_second() } else { measure(&case, options)?.per_second() }.map(|(rate, _)| rate);
        peaks.insert(case.name, peak);
        Ok(peak)
    }

    /// The operations per second of a case that says how many a call takes, or the bytes; and the member that says so.
    fn per_second(&self) -> Option<(f64, &'static str)> {
        let rate = |member| Some((self.about[member].as_f64()? / self.quantile(0.5), member));
        rate("flops").or_else(|| rate("bytes"))
    }

    /// The value at a fraction of the way from the smallest to the largest sample.
    fn quantile(&self, place: f64) -> f64 {
        let at = place * (self.samples.len() - 1) as f64;
        let (below, above) = (self.samples[at.floor() as usize], self.samples[at.ceil() as usize]);
        below + (above - below) * at.fract()
    }

    fn row(&self, case: &Case, peak: Option<f64>) -> Result<()> {
        let quartiles = format!("{} – {}", duration(self.quantile(0.25)), duration(self.quantile(0.75)));
        let memory = self.peak_memory.map_or_else(String::new, |bytes| format!("{} MB", bytes / 1_000_000));
        let median = duration(self.quantile(0.5));
        let last = self.rate(peak).unwrap_or(memory);
        say!("{:<25}{median:>10}  {quartiles:<20}{:<9}{last:>14}", case.name, case.unit)
    }

    /// How much a second does, for a case that says how much a call does, and the share of the peak.
    fn rate(&self, peak: Option<f64>) -> Option<String> {
        let (rate, member) = self.per_second()?;
        let (scale, unit) = if member == "flops" { (1e12, "TFLOP/s") } else { (1e9, "GB/s") };
        let share = peak.map_or_else(String::new, |peak| format!(", {:.0} %", 100.0 * rate / peak));
        Some(format!("{} {unit}{share}", digits(rate / scale)))
    }

    fn json(&self, case: &Case, options: &Options, on: &Machine, peak: Option<f64>) -> Result<()> {
        let object = json!({
            "case": case.name,
            "unit": case.unit,
            "median": self.quantile(0.5),
            "quartiles": [self.quantile(0.25), self.quantile(0.75)],
            "samples": self.samples,
            "peak_memory": self.peak_memory,
            "flops": self.about["flops"],
            "bytes": self.about["bytes"],
            "size": if options.size() == Size::Full { "full" } else { "small" },
            "share_of_peak": peak.and_then(|peak| Some(self.per_second()?.0 / peak)),
            "device": on.device,
            "driver": on.driver,
        });
        say!("{object}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_samples() {
        let measured = Measured { samples: vec![1.0, 2.0, 4.0], peak_memory: None, about: Value::Null };
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|q| measured.quantile(q)), [1.0, 1.5, 2.0, 4.0]);
    }

    #[test]
    fn a_rate_is_work_by_time() {
        let rate = |about, peak| Measured { samples: vec![0.5], peak_memory: None, about }.rate(peak);
        assert_eq!(rate(json!({ "flops": 1e12, "bytes": 1 }), Some(4e12)).as_deref(), Some("2.00 TFLOP/s, 50 %"));
        assert_eq!(rate(json!({ "flops": null, "bytes": 4_000_000_000u64 }), None).as_deref(), Some("8.00 GB/s"));
        assert_eq!(rate(json!({ "flops": null, "bytes": null }), None), None);
    }

    #[test]
    fn names_are_unique_and_grouped() {
        let mut names: Vec<_> = all().iter().map(|case| case.name).collect();
        let count = names.len();
        assert!(names.iter().all(|name| name.split('/').count() == 2));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
