//! The training steps of crates/bench in Cotangent, Burn and Candle, in turns: `rivals COTANGENT [SAMPLES]`, where
//! COTANGENT is the command-line tool built with --release. `just bench-rivals` does both.
//!
//! Burn runs on Flex, the backend that it recommends for the CPU; Candle runs on its own. All use every core. The
//! parameters are random and differ: only the time is compared.

mod burn_side;
mod candle_side;

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

/// Batch size, features of an image, and classes, as in crates/bench.
pub const MLP: [usize; 5] = [128, 784, 512, 512, 10];
/// Images in a batch, their side, and the channels after each convolution.
pub const CONV: (usize, usize, [usize; 4]) = (32, 28, [1, 16, 32, 32]);
pub const RATE: f64 = 1e-3;

/// One training step, which returns the loss before it.
pub type Step = Box<dyn FnMut() -> f32>;

/// A process `cotangent bench --worker CASE`, which answers each line with the seconds that a step takes.
struct Cotangent {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Cotangent {
    fn start(binary: &str, case: &str) -> Result<Cotangent, Box<dyn Error>> {
        let mut command = Command::new(binary);
        command.args(["bench", "--worker", case]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let requests = child.stdin.take().ok_or("no input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut worker = Cotangent { child, requests, answers };
        let ready: serde_json::Value = serde_json::from_str(&worker.line()?)?;
        if ready["case"] != case {
            return Err(format!("{ready} is no answer").into());
        }
        Ok(worker)
    }

    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err("cotangent ended early".into()),
            _ => Ok(line),
        }
    }

    fn sample(&mut self) -> Result<f64, Box<dyn Error>> {
        self.requests.write_all(b"\n")?;
        Ok(self.line()?.trim().parse()?)
    }

    fn finish(self) -> Result<(), Box<dyn Error>> {
        let Cotangent { mut child, requests, answers: _answers } = self;
        drop(requests);
        child.wait()?;
        Ok(())
    }
}

/// Seconds per step, over a few steps.
fn sample(step: &mut Step) -> f64 {
    const STEPS: u32 = 4;
    let start = Instant::now();
    for _ in 0..STEPS {
        std::hint::black_box(step());
    }
    (start.elapsed() / STEPS).as_secs_f64()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The version of a package in the lock file.
fn version(package: &str) -> &'static str {
    let after = include_str!("../Cargo.lock").split(&format!("name = \"{package}\"\nversion = \"")).nth(1);
    after.and_then(|text| text.split('"').next()).unwrap_or("of unknown version")
}

/// The processor and how many threads it has, without the name of the machine.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{threads} processors ({})", model.unwrap_or(std::env::consts::ARCH))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let binary = args.next().ok_or("usage: rivals COTANGENT [SAMPLES]")?;
    let samples: usize = args.next().map_or(Ok(21), |n| n.parse())?;
    let cases: [(&str, Step, Step); 2] =
        [("mlp/adam", burn_side::mlp(), candle_side::mlp()?), ("conv/adam", burn_side::conv(), candle_side::conv()?)];
    println!("# Training steps in Cotangent, Burn and Candle\n");
    println!(
        "Measured in turns by `just bench-rivals`, which writes this page. Times are medians. A ratio is the time of Burn or \
         Candle divided by Cotangent's, as the median over the turns: above 1, Cotangent is faster. Only ratios of one run are \
         meaningful.\n"
    );
    println!("Machine: {}. Burn {} on Flex, Candle {}.\n", machine(), version("burn"), version("candle-core"));
    println!("| training step | Cotangent | Burn | Candle | Burn / Cotangent | Candle / Cotangent |");
    println!("|---|---|---|---|---|---|");
    for (case, mut burn, mut candle) in cases {
        // The loss must fall, so that what is timed is training.
        for (name, step) in [("Burn", &mut burn), ("Candle", &mut candle)] {
            let first = step();
            let last = (0..20).map(|_| step()).last().unwrap_or(first);
            if last.is_nan() || last >= first {
                return Err(format!("{name} does not learn: {first}, {last}").into());
            }
        }
        let mut ours = Cotangent::start(&binary, case)?;
        let mut times = Vec::new();
        for _ in 0..samples {
            times.push((ours.sample()?, sample(&mut burn), sample(&mut candle)));
        }
        ours.finish()?;
        let ms = |pick: fn(&(f64, f64, f64)) -> f64| format!("{:.2} ms", 1e3 * median(times.iter().map(pick)));
        let (burn, candle) = (median(times.iter().map(|t| t.1 / t.0)), median(times.iter().map(|t| t.2 / t.0)));
        println!("| `{case}` | {} | {} | {} | {burn:.2} | {candle:.2} |", ms(|t| t.0), ms(|t| t.1), ms(|t| t.2));
    }
    Ok(())
}
