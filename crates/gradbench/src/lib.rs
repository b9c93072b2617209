//! [GradBench](https://github.com/gradbench/gradbench) compares tools for automatic differentiation: each tool computes
//! the same functions and their derivatives. This is the tool for Cotangent. [`serve`] implements the protocol, and
//! each other module is one of the evals, written as a user of the library would write it.
//!
//! All numbers are `f64`. A function is traced and compiled for its input before it is timed. Its arguments are on the
//! device by then, and a run ends when its results have been computed there.

mod arrays;
mod ba;
mod descent;
mod det;
mod gmm;
mod hello;
mod ht;
mod json;
mod kmeans;
mod llsq;
mod lse;
mod lstm;
mod ode;
mod particle;
mod protocol;
mod saddle;
mod task;

use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use cotangent::{Error, Result};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::protocol::{Request, Response};
use crate::task::{Module, Program};

/// All evals.
const MODULES: &[Module] = &[
    ba::MODULE,
    det::MODULE,
    gmm::MODULE,
    hello::MODULE,
    ht::MODULE,
    kmeans::MODULE,
    llsq::MODULE,
    lse::MODULE,
    lstm::MODULE,
    ode::MODULE,
    particle::MODULE,
    saddle::MODULE,
];

/// Answers each line of input with one line, until the input ends. A message that is invalid or fails is answered with
/// the reason.
///
/// # Errors
/// If the other side has closed its end.
pub fn serve(mut requests: impl BufRead, mut answers: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if requests.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        serde_json::to_writer(&mut answers, &answer(&line))?;
        answers.write_all(b"\n")?;
        answers.flush()?;
    }
}

/// A function of a module, compiled for an input.
pub struct Compiled(Program);

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").finish_non_exhaustive()
    }
}

impl Compiled {
    /// Runs it to completion, as GradBench times it.
    ///
    /// # Errors
    /// If it fails.
    pub fn run(&self) -> Result<()> {
        (self.0)().map(drop)
    }

    /// Runs it, and returns its result as GradBench's protocol has it.
    ///
    /// # Errors
    /// If it fails.
    pub fn output(&self) -> Result<Value> {
        (self.0)()?.to_json()
    }
}

/// Compiles a function of a module for an input given as JSON.
///
/// # Errors
/// If there is no such function, the input is not one of its inputs, or it does not compile.
///
/// ```
/// let double = cotangent_gradbench::compile("hello", "double", "3.0").unwrap();
/// assert_eq!(double.output().unwrap(), 6.0);
/// ```
pub fn compile(module: &str, function: &str, input: &str) -> Result<Compiled> {
    let input: &RawValue =
        serde_json::from_str(input).map_err(|e| Error::value(format!("the input is not JSON: {e}")))?;
    Ok(Compiled(find(module)?.prepare(function, input)?.compile()?))
}

/// The functions of a module.
///
/// ```
/// assert_eq!(cotangent_gradbench::functions("hello"), ["square", "double"]);
/// ```
#[must_use]
pub fn functions(module: &str) -> Vec<&'static str> {
    let module = MODULES.iter().find(|m| m.name == module);
    module.into_iter().flat_map(|m| m.functions.iter().map(|(name, _)| *name)).collect()
}

fn answer(line: &[u8]) -> Response {
    let (id, request) = protocol::read(line);
    match request {
        Err(reason) => Response::failure(id, &reason),
        Ok(Request::Start) => Response::start(id),
        Ok(Request::Define { module }) => match find(&module) {
            Ok(_) => Response::success(id),
            Err(reason) => Response::failure(id, &reason),
        },
        Ok(Request::Evaluate(asked)) => {
            match contained(|| find(&asked.module)?.evaluate(&asked.function, asked.input)) {
                Ok((output, timings)) => Response::output(id, output, timings),
                Err(reason) => Response::failure(id, &reason),
            }
        }
        Ok(Request::Other) => Response::acknowledgement(id),
    }
}

fn find(name: &str) -> Result<&'static Module> {
    MODULES.iter().find(|module| module.name == name).ok_or_else(|| {
        let names: Vec<_> = MODULES.iter().map(|module| module.name).collect();
        Error::value(format!("there is no module `{name}`")).help(format!("the modules are {}", names.join(", ")))
    })
}

/// Runs `f`, and returns a panic as an error. The library returns its errors as values; a panic of any other kind must
/// not end the process either.
fn contained<R>(f: impl FnOnce() -> Result<R>) -> Result<R> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| {
        let text = (payload.downcast_ref::<String>().map(String::as_str))
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("without a message");
        Err(Error::value(format!("it panicked: {text}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Task;
    use cotangent::prelude::*;

    const FAULTY: Module = Module {
        name: "faulty",
        functions: &[
            ("panics", |_| panic!("out of order")),
            ("panics_when_traced", |_| {
                let f = |x: &Array| -> Array { panic!("no use for {}", x.aval()) };
                Ok(Task::new(f, (Array::from([1.0]),)))
            }),
            ("mixes_shapes", |_| {
                Ok(Task::new(|x: &Array| x + Array::from([1.0, 2.0, 3.0]), (Array::from([1.0, 2.0]),)))
            }),
            ("works", |_| Ok(Task::new(|x: &Array| x + 1.0, (Array::from([1.0]),)))),
        ],
    };

    #[test]
    fn panics_are_errors_and_the_next_function_runs() {
        let input = RawValue::from_string("{}".into()).expect("JSON");
        let run = |function| contained(|| FAULTY.evaluate(function, &input));
        for (function, reason) in [
            ("panics", "out of order"),
            ("panics_when_traced", "no use for f64[1]"),
            ("mixes_shapes", "[2] and [3] cannot be broadcast"),
        ] {
            let error = run(function).expect_err("it is faulty").to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert_eq!(run("works").expect("it works").0, serde_json::json!([2.0]));
    }
}
