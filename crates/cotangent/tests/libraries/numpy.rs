//! `numpy` against stored JAX results: values, shapes and dtypes.

mod families;
mod lists;
mod options;
mod transforms;

use super::goldens_lib;

use cotangent::numpy as np;
use cotangent::prelude::*;
use goldens_lib::laws::{self, Call, Calls};
use goldens_lib::{array, cases, difference, run_all};
use serde_json::Value;

/// Returns the outputs of a case: by a function of the families, by one that takes lists and shapes, or by one that
/// JAX selects with optional arguments.
fn answer(case: &Value) -> Option<Vec<Array>> {
    let (name, args, kwargs) = (case["fn"].as_str()?, case["args"].as_array()?, &case["kwargs"]);
    let one = families::answer(name, args, kwargs).or_else(|| lists::answer(name, args, kwargs));
    one.map(|y| vec![y]).or_else(|| options::answer(name, args, kwargs))
}

#[test]
fn results_equal_jax() {
    run_all(&cases("numpy"), |case| {
        let Some(found) = answer(case) else { return Some("no function answers this case".to_string()) };
        let expected: Vec<Array> = case["outputs"].as_array().expect("a list").iter().map(array).collect();
        if found.len() != expected.len() {
            return Some(format!("{} outputs instead of {}", found.len(), expected.len()));
        }
        found.iter().zip(&expected).find_map(|(found, expected)| {
            let tolerance = match expected.dtype() {
                DType::BF16 | DType::F16 => 1e-2,
                _ => 2e-6,
            };
            difference(found, expected, tolerance, 1e-6)
        })
    });
}

/// With each choice of optional arguments, the function of a case obeys the laws. The options of a call are its number.
#[test]
fn slopes_are_those_of_differences_and_batches_those_of_loops() {
    let (stored, mut templates, mut calls) = (cases("numpy"), Vec::new(), Calls::new());
    // Another dtype than that of the arguments is not differentiated with them.
    let key = |case: &Value| {
        let of = (case["fn"].as_str()?.to_string(), case["kwargs"].to_string());
        (!case["kwargs"]["dtype"].is_string()).then_some(of)
    };
    for ((name, _), case) in laws::fullest(&stored, key) {
        let (mut template, mut args) = (case.clone(), Vec::new());
        ["args", "kwargs"].iter().for_each(|part| families::take_out(&mut template[part], &mut args));
        if !args.is_empty() {
            calls.entry(name).or_default().push(Call::new(&templates.len().to_string(), args));
            templates.push(template);
        }
    }
    assert!(calls.len() > 120, "the list of cases is cut short");
    laws::check("numpy", &calls, |_, how, x| {
        let template = &templates[how.parse::<usize>().expect("a number")];
        families::traced(x, || answer(template)).expect("an answer")
    });
}

#[test]
fn functions_pass_through_transforms() {
    let x = Array::from([[1.0f32, -2.0, 0.5], [3.0, 0.25, -1.5]]);
    let deviation = |x: &Array| np::std(x);
    let slope = grad(deviation)(&x);
    let (mean, n) = (x.mean(), 6.0);
    let expected = (&x - mean) / (np::std(&x) * n);
    assert!(np::allclose_with(slope, expected, 1e-5, 1e-6, false).item::<bool>());

    let rows = vmap(|row: &Array| np::cumsum(np::sort(row)))(&x);
    assert_eq!(rows.to_vec::<f32>(), [-2.0, -1.5, -0.5, -1.5, -1.25, 1.75]);
    let product = jit(|x: &Array| np::einsum("ij,kj->ik", &[x, x]))(&x);
    assert!(np::allclose(product, x.matmul(x.t())).item::<bool>());
    let slope = grad(|x: &Array| np::logaddexp(x, 0.0))(&f64::NEG_INFINITY.into());
    assert_eq!(slope.item::<f32>(), 0.0);
}

#[test]
fn errors_name_the_line_of_the_caller() {
    let text = |f: fn() -> Array| {
        let panic = std::panic::catch_unwind(f).expect_err("an error");
        panic.downcast_ref::<String>().expect("a message").clone()
    };
    for (f, needle) in [
        ((|| np::sum_axis(np::zeros([2, 3]), 2)) as fn() -> Array, "axis 2"),
        (|| np::max(np::zeros(0)), "at least one element"),
        (|| np::matmul(np::zeros([2, 3]), np::zeros([2, 3])), "matmul"),
        (|| np::concatenate(&[&np::zeros([2, 3]), &np::zeros([3, 3])], 1), "concatenate"),
        (|| np::einsum("ij,jk", &[&np::zeros([2, 3])]), "einsum"),
        (|| np::zeros([2, 3]) + np::zeros([2, 4]), "broadcast"),
    ] {
        let message = text(f);
        assert!(message.contains(needle), "{message}");
        assert!(message.contains("tests/libraries/numpy.rs"), "{message}");
    }
}

#[test]
fn of_equal_extremes_the_first_counts_and_nan_is_one() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let both = |x: &[f64]| {
        let x = Array::from(x.to_vec());
        [np::argmax(&x), np::argmin(&x)].map(|i| i.item::<i32>())
    };
    assert_eq!(both(&[1.0, 3.0, 0.0, 3.0, 0.0]), [1, 2]);
    assert_eq!(both(&[1.0, nan, inf, nan, -inf]), [1, 1]);
    assert_eq!(both(&[nan, nan]), [0, 0]);
    assert_eq!(both(&[-inf, -inf]), [0, 0]);
    assert_eq!(both(&[inf, inf]), [0, 0]);
    assert_eq!(both(&[-0.0, 0.0]), [0, 0]);
    assert_eq!(np::argmax(Array::from([i32::MIN, i32::MIN])).item::<i32>(), 0);
    assert_eq!(np::argmin(Array::from([u8::MAX, u8::MAX])).item::<i32>(), 0);
    assert_eq!(np::argmax(Array::from([false, true, true])).item::<i32>(), 1);
    let rows = Array::from([[1.0f32, 2.0, 2.0], [5.0, f32::NAN, 7.0]]);
    assert_eq!(np::argmax_axis(&rows, 1).to_vec::<i32>(), [1, 1]);
    assert_eq!(np::argmin_axis(&rows, 0).to_vec::<i32>(), [0, 1, 0]);
}
