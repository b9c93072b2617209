//! The functions that take lists of arrays, shapes and axes.

use super::families::{integers, only, operand, sizes};
use super::goldens_lib;

use cotangent::numpy as np;
use cotangent::prelude::*;
use goldens_lib::dtype;
use serde_json::Value;

pub(super) fn arrays(x: &Value) -> Vec<Array> {
    x.as_array().map(|a| a.iter().map(operand).collect()).unwrap_or_default()
}

/// Returns the result of a function outside the families: one that takes lists, shapes and other arguments.
pub(super) fn answer(name: &str, args: &[Value], kwargs: &Value) -> Option<Array> {
    let list = || arrays(&args[0]);
    let refs = |list: &[Array], f: &dyn Fn(&[&Array]) -> Array| f(&list.iter().collect::<Vec<_>>());
    let axis = kwargs["axis"].as_i64().unwrap_or(0) as isize;
    let x = || operand(&args[0]);
    Some(match (name, args.len()) {
        ("einsum", _) => refs(&arrays(&Value::Array(args[1..].to_vec())), &|xs| {
            np::einsum(args[0].as_str().expect("subscripts"), xs)
        }),
        ("concatenate", 1) if only(kwargs, &["axis"]) && !kwargs.get("axis").is_some_and(Value::is_null) => {
            refs(&list(), &|xs| np::concatenate(xs, axis))
        }
        ("stack", 1) if only(kwargs, &["axis"]) => refs(&list(), &|xs| np::stack(xs, axis)),
        ("dstack", 1) => refs(&list(), &|xs| np::dstack(xs)),
        ("hstack", 1) => refs(&list(), &|xs| np::hstack(xs)),
        ("vstack", 1) => refs(&list(), &|xs| np::vstack(xs)),
        ("column_stack", 1) => refs(&list(), &|xs| np::column_stack(xs)),
        ("where", 3) => np::where_(operand(&args[0]), operand(&args[1]), operand(&args[2])),
        ("clip", 3) if only(kwargs, &[]) && !args.iter().any(Value::is_null) => {
            np::clip(x(), operand(&args[1]), operand(&args[2]))
        }
        ("arange", 1) if only(kwargs, &[]) => np::arange(x()),
        ("arange", 2) if only(kwargs, &[]) => np::arange((x(), operand(&args[1]))),
        ("arange", 3) if only(kwargs, &[]) => np::arange((x(), operand(&args[1]), operand(&args[2]))),
        ("linspace", 2 | 3) if only(kwargs, &["endpoint", "num", "axis"]) => {
            let n = args.get(2).or(kwargs.get("num")).and_then(Value::as_u64).unwrap_or(50) as usize;
            np::linspace_with(x(), operand(&args[1]), n, kwargs["endpoint"] != false, axis)
        }
        ("eye", 1) if only(kwargs, &[]) => np::eye(sizes(&args[0])[0], sizes(&args[0])[0]),
        ("identity", 1) if only(kwargs, &[]) => np::identity(sizes(&args[0])[0]),
        ("zeros", 1) if only(kwargs, &[]) => np::zeros(sizes(&args[0])),
        ("ones", 1) if only(kwargs, &[]) => np::ones(sizes(&args[0])),
        ("zeros", 1) if only(kwargs, &["dtype"]) && kwargs["dtype"].is_string() => {
            np::zeros_as(sizes(&args[0]), dtype(&kwargs["dtype"]))
        }
        ("full", 2) if only(kwargs, &[]) => np::full(sizes(&args[0]), operand(&args[1])),
        ("reshape", 2) if only(kwargs, &[]) && integers(&args[1]).iter().all(|n| *n >= 0) => {
            np::reshape(x(), sizes(&args[1]))
        }
        ("broadcast_to", 2) => np::broadcast_to(x(), sizes(&args[1])),
        ("tile", 2) => np::tile(x(), sizes(&args[1])),
        ("roll", 2) if kwargs["axis"].is_i64() && args[1].is_i64() => np::roll(x(), integers(&args[1])[0], axis),
        ("repeat", 2) if kwargs["axis"].is_i64() && args[1].is_i64() && only(kwargs, &["axis"]) => {
            np::repeat(x(), sizes(&args[1])[0], axis)
        }
        ("swapaxes", 3) => np::swapaxes(x(), integers(&args[1])[0], integers(&args[2])[0]),
        ("moveaxis", 3) if args[1].is_i64() => np::moveaxis(x(), integers(&args[1])[0], integers(&args[2])[0]),
        ("sort", 1) if only(kwargs, &["axis"]) && kwargs["axis"].is_i64() => np::sort_axis(x(), axis),
        ("argsort", 1) if only(kwargs, &["axis"]) && kwargs["axis"].is_i64() => np::argsort_axis(x(), axis),
        ("median", 1) if only(kwargs, &["axis"]) && kwargs["axis"].is_i64() => np::median_axis(x(), axis),
        ("tril", 1) if only(kwargs, &["k"]) => np::tril_k(x(), integers(&kwargs["k"])[0]),
        ("triu", 1) if only(kwargs, &["k"]) => np::triu_k(x(), integers(&kwargs["k"])[0]),
        ("diag", 1) if only(kwargs, &["k"]) => np::diag_k(x(), integers(&kwargs["k"])[0]),
        ("isclose", 2) if only(kwargs, &["equal_nan"]) => np::isclose_with(x(), operand(&args[1]), 1e-5, 1e-8, true),
        ("round", 1) if only(kwargs, &["decimals"]) => np::round_to(x(), integers(&kwargs["decimals"])[0] as i32),
        ("var", 1) if kwargs["ddof"].is_i64() && only(kwargs, &["ddof"]) => {
            np::var_ddof(x(), (), sizes(&kwargs["ddof"])[0])
        }
        ("std", 1) if kwargs["ddof"].is_i64() && only(kwargs, &["ddof"]) => {
            np::std_ddof(x(), (), sizes(&kwargs["ddof"])[0])
        }
        ("nan_to_num", 1) if only(kwargs, &["nan", "posinf", "neginf"]) => {
            np::nan_to_num_with(x(), operand(&kwargs["nan"]), operand(&kwargs["posinf"]), operand(&kwargs["neginf"]))
        }
        _ => return None,
    })
}
