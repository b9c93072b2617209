//! The parts of an eval, and how its functions are run and timed.

use std::time::{Duration, Instant};

use cotangent::tree::Leaves;
use cotangent::{Error, Func, Params, Result, Tree, jit};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::{Output, parse};

/// An eval: its functions by name.
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) functions: &'static [(&'static str, Prepare)],
}

/// Parses the input of a function and makes a task of it.
pub(crate) type Prepare = fn(&RawValue) -> Result<Task>;

/// How often to run a function: at least this many times, and for at least this long.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(default)]
pub(crate) struct Runs {
    min_runs: usize,
    min_seconds: f64,
}

impl Default for Runs {
    fn default() -> Runs {
        Runs { min_runs: 1, min_seconds: 0.0 }
    }
}

impl Runs {
    /// The runs that an input asks for. An input that is not an object gets a single run.
    pub(crate) fn of(input: &RawValue) -> Result<Runs> {
        if input.get().starts_with('{') { parse(input) } else { Ok(Runs::default()) }
    }
}

/// A function with its arguments, to be compiled.
pub(crate) struct Task(Box<dyn FnOnce() -> Result<Program>>);

/// Runs a function to completion.
pub(crate) type Program = Box<dyn Fn() -> Result<Box<dyn Output>>>;

/// The steps and their durations, in order.
pub(crate) type Timings = Vec<(&'static str, Duration)>;

impl Task {
    /// A task for a function of arrays, compiled to one program. The output is what the function returns.
    pub(crate) fn new<P: Params, F: Func<'static, P>>(f: F, args: P::Values) -> Task
    where
        F::Out: Output,
    {
        Task(Box::new(move || {
            let f = jit(f).lower(P::refs(&args))?.compile()?;
            // Moves the arguments to the device, so that the first run does not have to.
            leaves(&args).iter().filter(|x| x.ndim() > 0).try_for_each(|x| x.buffer_address().map(|_| ()))?;
            Ok(Box::new(move || {
                let result = f.try_call(P::refs(&args))?;
                leaves(&result).iter().try_for_each(|x| x.block_until_ready().map(|_| ()))?;
                Ok(Box::new(result) as Box<dyn Output>)
            }))
        }))
    }

    pub(crate) fn compile(self) -> Result<Program> {
        (self.0)()
    }
}

/// The arrays in a tree.
pub(crate) fn leaves<T: Tree>(tree: &T) -> Leaves<'_> {
    let mut leaves = Leaves::new();
    tree.leaves(&mut leaves);
    leaves
}

fn time<R>(what: &'static str, timings: &mut Timings, f: impl FnOnce() -> Result<R>) -> Result<R> {
    let start = Instant::now();
    let result = f()?;
    timings.push((what, start.elapsed()));
    Ok(result)
}

impl Module {
    /// The task for a function and an input.
    pub(crate) fn prepare(&self, function: &str, input: &RawValue) -> Result<Task> {
        let Some((_, prepare)) = self.functions.iter().find(|(name, _)| *name == function) else {
            let names: Vec<_> = self.functions.iter().map(|(name, _)| *name).collect();
            return Err(Error::value(format!("`{}` has no function `{function}`", self.name))
                .help(format!("it has: {}", names.join(", "))));
        };
        prepare(input)
    }

    /// Evaluates a function on an input: returns the output, and the duration of each step.
    pub(crate) fn evaluate(&self, function: &str, input: &RawValue) -> Result<(Value, Timings)> {
        let mut timings = Timings::new();
        let task = time("prepare", &mut timings, || self.prepare(function, input))?;
        let runs = Runs::of(input)?;
        let program = time("compile", &mut timings, || task.compile())?;
        let (mut elapsed, mut count) = (Duration::ZERO, 0);
        loop {
            let result = time("evaluate", &mut timings, &program)?;
            count += 1;
            elapsed += timings.last().map_or(Duration::ZERO, |(_, time)| *time);
            if count >= runs.min_runs && elapsed.as_secs_f64() >= runs.min_seconds {
                return Ok((result.to_json()?, timings));
            }
        }
    }
}
