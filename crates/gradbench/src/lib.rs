//! [GradBench](https://github.com/gradbench/gradbench) compares tools for automatic differentiation by having each
//! compute the same functions and their derivatives. This is the tool for Cotangent: [`serve`] speaks the protocol, and
//! each module beside it is one of the evals, written as a user of the library would.
//!
//! All numbers are `f64`. A function is traced and compiled for its input before it is timed; its arguments are on the
//! device by then, and a run ends when its results have been computed there.

mod ba;
mod blocks;
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

use crate::protocol::{Request, Response};
use crate::task::Module;

/// Every eval there is here.
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

/// Answers each line that comes in with one line, until there are no more. What cannot be understood or fails is
/// answered too, with the reason.
///
/// # Errors
/// When the other side is gone.
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
            match contained(|| task::run(find(&asked.module)?, &asked.function, asked.input)) {
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
        Error::value(format!("there is no module `{name}`")).help(format!("there are {}", names.join(", ")))
    })
}

/// The library gives its errors as values; whatever else may panic must not end the process either.
fn contained<R>(f: impl FnOnce() -> Result<R>) -> Result<R> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| {
        let text = (payload.downcast_ref::<String>().map(String::as_str))
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("without a message");
        Err(Error::value(format!("it panicked: {text}")))
    })
}
