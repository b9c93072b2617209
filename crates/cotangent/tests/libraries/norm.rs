//! `scipy::stats::norm` and `scipy::special` with gradients, against stored JAX results.

use super::goldens_lib;

use cotangent::prelude::*;
use cotangent::scipy::special;
use cotangent::scipy::stats::norm;
use goldens_lib::{array, cases, difference, run_all};
use serde_json::Value;

pub(super) fn call(name: &str, args: &[Array]) -> Array {
    let x = &args[0];
    let (loc, scale) = (args.get(1).cloned().unwrap_or(0.0.into()), args.get(2).cloned().unwrap_or(1.0.into()));
    let second = || &args[1];
    match name {
        "norm.logpdf" => norm::logpdf(x, loc, scale),
        "norm.pdf" => norm::pdf(x, loc, scale),
        "norm.cdf" => norm::cdf(x, loc, scale),
        "norm.logcdf" => norm::logcdf(x, loc, scale),
        "norm.sf" => norm::sf(x, loc, scale),
        "norm.logsf" => norm::logsf(x, loc, scale),
        "norm.ppf" => norm::ppf(x, loc, scale),
        "norm.isf" => norm::isf(x, loc, scale),
        "digamma" => special::digamma(x),
        "entr" => special::entr(x),
        "erf" => special::erf(x),
        "erfc" => special::erfc(x),
        "erfinv" => special::erfinv(x),
        "expit" => special::expit(x),
        "gammaln" => special::gammaln(x),
        "log_ndtr" => special::log_ndtr(x),
        "logit" => special::logit(x),
        "ndtr" => special::ndtr(x),
        "ndtri" => special::ndtri(x),
        "xlogy" => special::xlogy(x, second()),
        "xlog1py" => special::xlog1py(x, second()),
        "logsumexp" => special::logsumexp(x),
        "logsumexp(axis=0)" => special::logsumexp_axis(x, 0),
        "logsumexp(axis=-1)" => special::logsumexp_axis(x, -1),
        "logsumexp(axis=-1,keepdims=True)" => special::logsumexp_keepdims(x, -1),
        "logsumexp(b)" => special::logsumexp_weighted(x, (), second()),
        other => panic!("no function {other}"),
    }
}

fn arrays(x: &Value) -> Vec<Array> {
    x.as_array().map(|a| a.iter().map(array).collect()).unwrap_or_default()
}

#[test]
fn values_and_gradients_equal_jax() {
    run_all(&cases("norm"), |case| {
        let name = case["fn"].as_str().expect("a name").to_string();
        let args = arrays(&case["args"]);
        let wide = args[0].dtype() == DType::F64;
        // JAX's asymptotic series for the tail has a relative error of 4e-9 where it begins. Its derivative takes
        // another form, and is NaN at −∞.
        let series = matches!(&*name, "norm.logcdf" | "norm.logsf" | "log_ndtr");
        let (rtol, atol) = if wide { (if series { 1e-10 } else { 2e-12 }, 1e-14) } else { (4e-6, 1e-6) };
        let value = difference(&call(&name, &args), &array(&case["outputs"][0]), rtol, atol);
        if value.is_some() || case["grads"].is_null() || name == "digamma" {
            return value.map(|v| format!("value: {v}"));
        }
        let gradients = match grad(|args: &Vec<Array>| call(&name, args).sum()).try_call((&args,)) {
            Ok(gradients) => gradients,
            Err(error) => return Some(error.message().to_string()),
        };
        let rtol = if series { 1e-8 } else { 1e-9 };
        // At points without a derivative, JAX's rules return ∞ or NaN, and these functions zero or ∞.
        let singular = series || matches!(&*name, "xlogy" | "xlog1py" | "entr" | "gammaln");
        (gradients.iter().zip(arrays(&case["grads"]))).find_map(|(g, expected)| {
            let g = if singular { np::where_(np::isfinite(&expected), g, &expected) } else { g.clone() };
            difference(&g, &expected, rtol, 1e-13).map(|d| format!("gradient: {d}"))
        })
    });
}

#[test]
fn scalars_and_integers_are_taken() {
    let x = norm::cdf(3, 3.0, Array::from(2.0));
    assert_eq!((x.item::<f32>(), x.dtype()), (0.5, DType::F32));
    assert_eq!(norm::logpdf(Array::scalar(0.0f64), 0, 1).dtype(), DType::F64);
}

#[test]
fn second_derivatives_in_the_tails_are_finite() {
    for x in [-30.0f64, -5.0, 0.0, 5.0, 12.0] {
        let slope = grad(grad(|x: &Array| special::log_ndtr(x)))(&Array::scalar(x)).item::<f64>();
        assert!((-1.01..=0.0).contains(&slope), "{x}: {slope}");
    }
}
