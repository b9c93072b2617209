//! `hello`: a square and its derivative.

use cotangent::prelude::*;
use serde_json::value::RawValue;

use crate::json::parse;
use crate::task::{Module, Task};

pub(crate) const MODULE: Module = Module {
    name: "hello",
    functions: &[
        ("square", |input| Ok(Task::new(square, (number(input)?,)))),
        ("double", |input| Ok(Task::new(grad(square), (number(input)?,)))),
    ],
};

fn number(input: &RawValue) -> Result<Array> {
    Ok(Array::scalar(parse::<f64>(input)?))
}

fn square(x: &Array) -> Array {
    x * x
}
