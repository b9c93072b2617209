//! `ode`: a chain of linear differential equations by the Runge–Kutta method.

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
        return Err(Error::value(format!(
            "there must be at least one number in `x` and one step, got {} and {s}",
            x.len()
        )));
    }
    Ok((s, Array::from(x)))
}

/// Returns `y(2)`, where `y(0) = 0` and the derivative of each `y[i]` is `x[i]` times `y[i - 1]`; that of the first is
/// `x[0]`.
///
/// A slope has one element fewer than its argument, because the slope of the first element is unknown. So `y` is
/// preceded by four constant ones, and all that a step reads is slices, which the compiler fuses into one loop.
fn solve(x: &Array, steps: usize) -> Array {
    let h = 2.0 / steps as f64;
    let x = np::pad(x, &[(4, 0)], 0.0);
    let start = np::pad(np::ones_as(4, DType::F64), &[(0, x.size() - 4)], 0.0);
    let last = |x: &Array| [4, 3, 2, 1].map(|start| x.slice_axis(0, start, x.size()));
    let before = |y: &Array| y.slice_axis(0, 0, y.size() - 1);
    let longer = |k: Array| np::pad(k, &[(1, 0)], 0.0);
    let step = checkpoint(|y: &Array| {
        let [x4, x3, x2, x1] = last(&x);
        let [_, y3, y2, y1] = last(y);
        let k1 = x1 * before(y);
        let k2 = x2 * before(&(y1 + h / 2.0 * &k1));
        let k3 = x3 * before(&(y2 + h / 2.0 * &k2));
        let k4 = x4 * before(&(y3 + h * &k3));
        y + h / 6.0 * longer(k1 + longer(2.0 * k2 + longer(2.0 * k3 + longer(k4))))
    });
    let (y, ()) = lax::Scan::new().length(steps).run(|y: &Array, (): &()| (step(y), ()), start, &());
    y.slice_axis(0, 4, x.size())
}
