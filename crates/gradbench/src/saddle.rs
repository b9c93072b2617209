//! `saddle`: the saddle point of a function, by a descent on what another descent finds.

use cotangent::scipy::linalg::{cho_factor, cho_solve};
use cotangent::{lax, prelude::*};
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

/// It has its saddle point at the origin.
fn objective(x: &Array, y: &Array) -> Array {
    x.powi(2).sum() - y.powi(2).sum()
}

/// The `x` for which the greatest value over all `y` is least, and that `y`.
fn saddle(start: &Array, outer: Mode, inner: Mode) -> Array {
    let greatest = |x: &Array| objective(x, &argmax(x, start, inner));
    let x = argmin(|x| outer.value_and_grad(greatest, x), start);
    let y = argmax(&x, start, outer);
    np::concatenate(&[&x, &y], 0)
}

/// The `y` for which the objective at `x` is greatest.
///
/// How it depends on `x` does not follow from the steps of the descent, of which nobody knows the number, but from the
/// equation that it solves: the slope along `y` is zero.
fn argmax(x: &Array, start: &Array, mode: Mode) -> Array {
    let loss = |y: &Array| -objective(x, y);
    let descent = |_: &dyn Fn(&Array) -> Array, start: &Array| argmin(|y| mode.value_and_grad(loss, y), start);
    lax::custom_root(|y: &Array| mode.grad(loss, y), start, descent, solve)
}

/// The `v` with `curvature(v) = b`, where `curvature` is the product with a positive definite matrix.
fn solve(curvature: &dyn Fn(&Array) -> Array, b: &Array) -> Array {
    let [i, j] = [[1.0, 0.0], [0.0, 1.0]].map(|unit| curvature(&Array::from(unit)));
    let (factor, lower) = cho_factor(np::stack(&[&i, &j], 1), true);
    cho_solve((&factor, lower), b)
}
