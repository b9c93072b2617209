//! `lse`: the logarithm of a sum of exponentials, without overflow.

use cotangent::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::parse;
use crate::task::{Module, Task};

pub(crate) const MODULE: Module = Module {
    name: "lse",
    functions: &[
        ("primal", |input| Ok(Task::new(logsumexp, (vector(input)?,)))),
        ("gradient", |input| Ok(Task::new(grad(logsumexp), (vector(input)?,)))),
    ],
};

#[derive(Deserialize)]
struct Input {
    x: Vec<f64>,
}

fn vector(input: &RawValue) -> Result<Array> {
    let Input { x } = parse(input)?;
    if x.is_empty() {
        return Err(Error::shape("`x` has shape [0]: it must have at least one element"));
    }
    Ok(Array::from(x))
}

fn logsumexp(x: &Array) -> Array {
    // The shift cancels, and so does its derivative.
    let max = x.max().stop_gradient();
    (x - &max).exp().sum().log() + max
}
