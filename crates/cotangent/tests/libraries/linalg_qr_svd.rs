//! The QR and singular value decompositions and what follows from them, against stored JAX results.

use super::goldens_lib;

use cotangent::lax::linalg::{self as ll, SvdOptions};
use cotangent::prelude::*;
use goldens_lib::{array, cases, difference, run_all};
use serde_json::Value;

/// Returns what does not depend on the phases of singular vectors.
fn invariant((u, s, vh): (Array, Array, Array)) -> Vec<Array> {
    let k = s.shape()[s.ndim() - 1];
    let (u, vh) = (u.slice_axis(u.ndim() - 1, 0, k), vh.slice_axis(vh.ndim() - 2, 0, k));
    let square = |x: &Array| if x.dtype().is_complex() { (x * x.conj()).real() } else { x * x };
    let whole = (&u * s.expand_dims(-2)).matmul(&vh);
    vec![s, square(&u), square(&vh), whole]
}

fn pair((x, y): (Array, Array)) -> Vec<Array> {
    vec![x, y]
}

fn triple((x, y, z): (Array, Array, Array)) -> Vec<Array> {
    vec![x, y, z]
}

fn call(name: &str, args: &[Array]) -> Vec<Array> {
    let a = &args[0];
    let words: Vec<&str> = name.split(' ').collect();
    let flag = |i: usize| matches!(words[i], "True");
    match words[0] {
        "qr" => pair(ll::qr(a, flag(1))),
        "qr_pivoting" => triple(ll::qr_pivoting(a, flag(1))),
        "svd" => invariant(ll::svd(a, &SvdOptions { full_matrices: flag(1), ..SvdOptions::default() })),
        "singular_values" => vec![ll::singular_values(a, &SvdOptions::default())],
        "geqrf" => pair(ll::geqrf(a)),
        "geqp3" => triple(ll::geqp3(a, &args[1])),
        "householder_product" => vec![ll::householder_product(a, &args[1])],
        "ormqr" => vec![ll::ormqr(a, &args[1], &args[2], flag(1), flag(2))],
        other => panic!("no function {other}"),
    }
}

/// The loss of the stored gradients.
fn loss(name: &str, args: &[Array]) -> Array {
    let parts = call(name, args).into_iter().filter(|y| y.dtype().is_inexact());
    let terms = parts.map(|y| {
        let square = if y.dtype().is_complex() { (&y * y.conj()).real() } else { &y * &y };
        let size = y.shape().iter().product::<usize>();
        let weights = Array::from((0..size).map(|i| (1.0 + i as f64).cos()).collect::<Vec<f64>>());
        (weights.reshape(y.shape()) * square.sin()).sum()
    });
    terms.reduce(|x, y| x + y).expect("a result of real or complex numbers")
}

fn arrays(x: &Value) -> Vec<Array> {
    x.as_array().map(|a| a.iter().map(array).collect()).unwrap_or_default()
}

#[test]
fn values_and_gradients_equal_jax() {
    run_all(&cases("linalg_qr_svd"), |case| {
        let name = case["fn"].as_str().expect("a name").to_string();
        let args = arrays(&case["args"]);
        let wide = matches!(args[0].dtype(), DType::F64 | DType::C128);
        let (rtol, atol) = if wide { (1e-11, 1e-12) } else { (2e-4, 2e-5) };
        let results = call(&name, &args);
        let expected = arrays(&case["outputs"]);
        if results.len() != expected.len() {
            return Some(format!("{} results", results.len()));
        }
        let value = results.iter().zip(&expected).find_map(|(y, want)| difference(y, want, rtol, atol));
        if value.is_some() || case["grads"].is_null() {
            return value.map(|v| format!("{name}: {v}"));
        }
        let inexact: Vec<Array> = args.iter().filter(|x| x.dtype().is_inexact()).cloned().collect();
        let gradients = match grad(|args: &Vec<Array>| loss(&name, args)).try_call((&inexact,)) {
            Ok(gradients) => gradients,
            Err(error) => return Some(format!("{name}: {}", error.message())),
        };
        gradients
            .iter()
            .zip(arrays(&case["grads"]))
            .find_map(|(g, expected)| difference(g, &expected, 1e-9, 1e-10).map(|d| format!("{name}: gradient: {d}")))
    });
}
