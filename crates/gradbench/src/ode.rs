//! `ode`: a chain of linear differential equations by the method of Runge and Kutta.

use cotangent::{lax, prelude::*};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::parse;
use crate::task::{Module, Task};

pub(crate) const MODULE: Module = Module {
    name: "ode",
    functions: &[
        ("primal", |input| {
            let (steps, x) = read(input)?;
            Ok(Task::new(move |x: &Array| solve(x, steps), (x,)))
        }),
        ("gradient", |input| {
            let (steps, x) = read(input)?;
            Ok(Task::new(grad(move |x: &Array| solve(x, steps).at(-1).get()), (x,)))
        }),
    ],
};

#[derive(Deserialize)]
struct Input {
    x: Vec<f64>,
    s: usize,
}

fn read(input: &RawValue) -> Result<(usize, Array)> {
    let Input { x, s } = parse(input)?;
    if x.is_empty() || s == 0 {
        return Err(Error::value(format!("there must be a number in `x` and a step, not {} and {s}", x.len())));
    }
    Ok((s, Array::from(x)))
}

/// `y(2)`, where `y(0) = 0` and the derivative of each `y[i]` is `x[i]` times `y[i - 1]`, of the first `x[0]`.
fn solve(x: &Array, steps: usize) -> Array {
    let h = 2.0 / steps as f64;
    let first = np::ones_as(1, DType::F64);
    let slope = |y: &Array| x * np::concatenate(&[&first, &y.slice_axis(0, 0, y.size() - 1)], 0);
    let step = checkpoint(|y: &Array| {
        let k1 = slope(y);
        let k2 = slope(&(y + h / 2.0 * &k1));
        let k3 = slope(&(y + h / 2.0 * &k2));
        let k4 = slope(&(y + h * &k3));
        y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    });
    lax::Scan::new().length(steps).run(|y: &Array, (): &()| (step(y), ()), np::zeros_like(x), &()).0
}
