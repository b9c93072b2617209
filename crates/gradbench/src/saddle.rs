//! `saddle`: the saddle point of a function, by a descent on the result of another descent.

use cotangent::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::descent::{Mode, argmin};
use crate::json::parse;
use crate::task::{Module, Task};

pub(crate) const MODULE: Module = Module {
    name: "saddle",
    functions: &[
        ("ff", |input| task(input, Mode::Forward, Mode::Forward)),
        ("fr", |input| task(input, Mode::Forward, Mode::Reverse)),
        ("rf", |input| task(input, Mode::Reverse, Mode::Forward)),
        ("rr", |input| task(input, Mode::Reverse, Mode::Reverse)),
    ],
};

#[derive(Deserialize)]
struct Input {
    start: [f64; 2],
}

fn task(input: &RawValue, outer: Mode, inner: Mode) -> Result<Task> {
    let Input { start } = parse(input)?;
    Ok(Task::new(move |start: &Array| saddle(start, outer, inner), (Array::from(start),)))
}

/// Its saddle point is the origin.
fn objective(x: &Array, y: &Array) -> Array {
    x.powi(2).sum() - y.powi(2).sum()
}

/// Returns the `x` that minimizes the maximum over `y`, and that `y`. The derivative of the outer descent goes through
/// the inner one, step by step.
fn saddle(start: &Array, outer: Mode, inner: Mode) -> Array {
    let greatest = |x: &Array| objective(x, &argmax(x, start, inner, outer));
    let x = argmin(|x| outer.value_and_grad(greatest, x), start, Mode::Forward);
    let y = argmax(&x, start, outer, Mode::Forward);
    np::concatenate(&[&x, &y], 0)
}

/// Returns the `y` that maximizes the objective at `x`, found by derivatives in `mode`.
fn argmax(x: &Array, start: &Array, mode: Mode, through: Mode) -> Array {
    argmin(|y| mode.value_and_grad(|y: &Array| -objective(x, y), y), start, through)
}
