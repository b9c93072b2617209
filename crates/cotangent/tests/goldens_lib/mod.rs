//! Helpers of the library tests, in addition to those of all tests against JAX.
#![allow(dead_code, unused_imports, reason = "each test file uses its own part")]

pub(crate) mod functions;
pub(crate) mod laws;
pub(crate) mod matrices;

use super::common;

use cotangent::{Array, DType};
use serde_json::Value;

pub(crate) use common::{float, floats, from_floats, golden};

/// Returns the cases of a golden file.
pub(crate) fn cases(file: &str) -> Vec<Value> {
    common::list(&common::golden(&format!("{file}.json"))["cases"]).to_vec()
}

/// Returns the dtype of a golden name: `pred`, `s32`, `f64`, …
pub(crate) fn dtype(name: &Value) -> DType {
    common::dtype(name.as_str().unwrap_or_else(|| panic!("{name} is not a dtype")))
}

/// Reads a shape.
pub(crate) fn shape(x: &Value) -> Vec<usize> {
    common::usizes(x)
}

/// Reads a stored array.
pub(crate) fn array(x: &Value) -> Array {
    common::array(x).unwrap_or_else(|| panic!("{x} is not an array"))
}

/// Returns options with which a program compiles in a fraction of the time, to slower kernels. The compiler's passes over
/// the program are the same.
pub(crate) fn quickly() -> xla::CompileOptions {
    xla::CompileOptions::default()
        .flag("xla_backend_optimization_level", xla::FlagValue::Int(0))
        .backend_option("xla_cpu_disable_new_fusion_emitters", "")
}

/// Describes the first difference between two numeric arrays, if there is one: dtype, shape, or an element beyond the
/// tolerance.
pub(crate) fn difference(x: &Array, expected: &Array, rtol: f64, atol: f64) -> Option<String> {
    if x.dtype() != expected.dtype() || x.shape() != expected.shape() {
        return Some(format!("{} instead of {}", x.aval(), expected.aval()));
    }
    (floats(x).into_iter().zip(floats(expected)).enumerate())
        .find(|(_, (a, b))| {
            !(a == b || (a.is_nan() && b.is_nan()) || (b.is_finite() && (a - b).abs() <= atol + rtol * b.abs()))
        })
        .map(|(i, (a, b))| format!("element {i} is {a:?} instead of {b:?}"))
}

/// Runs each case and reports all failures together. A panic counts as the failure of its case.
pub(crate) fn run_all(cases: &[Value], run: impl Fn(&Value) -> Option<String>) {
    let mut failures = Vec::new();
    for case in cases {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(case)));
        let failure = result.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned().or(panic.downcast_ref::<&str>().map(|s| s.to_string()));
            Some(text.unwrap_or_else(|| "a panic".to_string()))
        });
        if let Some(what) = failure {
            let text = case.to_string();
            failures.push(format!("{what}\n    {}", text.chars().take(300).collect::<String>()));
        }
    }
    assert!(failures.is_empty(), "{} of {} cases differ:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// Compares the results of `compute` for each named case with the stored outputs. Names that `compute` does not know
/// belong to another test file; it must know exactly `count` names.
pub(crate) fn named(file: &str, count: usize, rtol: f64, atol: f64, compute: impl Fn(&str) -> Option<Vec<Array>>) {
    let mut done = 0;
    let mut failures = Vec::new();
    for case in cases(file) {
        let name = case["name"].as_str().expect("a name");
        let Some(got) = compute(name) else { continue };
        let expected: Vec<Array> = case["outputs"].as_array().expect("a list").iter().map(array).collect();
        assert_eq!(got.len(), expected.len(), "{name}");
        done += 1;
        for (got, expected) in got.iter().zip(&expected) {
            failures.extend(difference(got, expected, rtol, atol).map(|d| format!("{name}: {d}")));
        }
    }
    assert_eq!(done, count);
    assert!(failures.is_empty(), "{failures:#?}");
}
