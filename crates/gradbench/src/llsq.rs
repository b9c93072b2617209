//! `llsq`: the least-squares distance of a polynomial from the sign function.

use cotangent::{lax, prelude::*};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::parse;
use crate::task::{Module, Task};

pub(crate) const MODULE: Module = Module {
    name: "llsq",
    functions: &[
        ("primal", |input| {
            let (n, x) = read(input)?;
            Ok(Task::new(move |x: &Array| objective(x, n), (x,)))
        }),
        ("gradient", |input| {
            let (n, x) = read(input)?;
            Ok(Task::new(grad(move |x: &Array| objective(x, n)), (x,)))
        }),
    ],
};

#[derive(Deserialize)]
struct Input {
    x: Vec<f64>,
    n: usize,
}

fn read(input: &RawValue) -> Result<(usize, Array)> {
    let Input { x, n } = parse(input)?;
    Ok((n, Array::from(x)))
}

/// The objective for the polynomial with coefficients `x`, lowest first, at `n` points from -1 to 1.
fn objective(x: &Array, n: usize) -> Array {
    let t = np::arange(n as i64).astype(DType::F64) * 2.0 / (n as f64 - 1.0) - 1.0;
    let horner = |sum: &Array, coefficient: &Array| (sum * &t + coefficient, ());
    let (polynomial, ()) = lax::Scan::new().reverse().run(horner, np::zeros_like(&t), x);
    (t.sign() - polynomial).powi(2).sum() / 2.0
}
