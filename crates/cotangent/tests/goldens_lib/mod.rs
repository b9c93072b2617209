//! Reads the stored JAX results of the library tests.

use cotangent::{Array, DType};
use serde_json::Value;

/// The cases of a golden file.
pub(crate) fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/goldens/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut file: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
    match file["cases"].take() {
        Value::Array(cases) => cases,
        _ => panic!("{path} has no cases"),
    }
}

/// The dtype of a golden name: `pred`, `s32`, `f64`, …
pub(crate) fn dtype(name: &Value) -> DType {
    match name.as_str().unwrap_or_else(|| panic!("{name} is no dtype")) {
        "pred" => DType::Bool,
        "s8" => DType::I8,
        "s16" => DType::I16,
        "s32" => DType::I32,
        "s64" => DType::I64,
        "u8" => DType::U8,
        "u16" => DType::U16,
        "u32" => DType::U32,
        "u64" => DType::U64,
        "f16" => DType::F16,
        "bf16" => DType::BF16,
        "f32" => DType::F32,
        "f64" => DType::F64,
        "c64" => DType::C64,
        "c128" => DType::C128,
        other => panic!("{other} is no dtype"),
    }
}

/// A number of a golden file, where NaN and the infinities have names.
pub(crate) fn float(x: &Value) -> f64 {
    match x.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        _ => x.as_f64().unwrap_or_else(|| panic!("{x} is no number")),
    }
}

/// Dimensions.
pub(crate) fn shape(x: &Value) -> Vec<usize> {
    let Value::Array(dims) = x else { panic!("{x} is no shape") };
    dims.iter().map(|d| d.as_u64().expect("a size") as usize).collect()
}

/// A stored array.
pub(crate) fn array(x: &Value) -> Array {
    let (dtype, shape) = (dtype(&x["dtype"]), shape(&x["shape"]));
    let data = x["data"].as_array().expect("elements");
    let array = match dtype {
        DType::Bool => Array::from_vec(data.iter().map(|v| v.as_bool().expect("a truth value")).collect(), &shape),
        DType::U64 => Array::from_vec(data.iter().map(|v| v.as_u64().expect("an integer")).collect(), &shape),
        d if d.is_integer() => Array::from_vec(data.iter().map(|v| v.as_i64().expect("an integer")).collect(), &shape),
        d if d.is_complex() => {
            let complex = |v: &Value| num_complex::Complex::new(float(&v[0]), float(&v[1]));
            Array::from_vec(data.iter().map(complex).collect(), &shape)
        }
        _ => Array::from_vec(data.iter().map(float).collect(), &shape),
    };
    array.expect("elements that fill the shape").astype(dtype)
}

/// The elements of a real array as doubles.
pub(crate) fn floats(x: &Array) -> Vec<f64> {
    x.astype(DType::F64).to_vec()
}

/// What differs between two arrays of numbers, if anything: dtype, shape, or an element beyond the tolerance.
pub(crate) fn difference(x: &Array, expected: &Array, rtol: f64, atol: f64) -> Option<String> {
    if x.dtype() != expected.dtype() || x.shape() != expected.shape() {
        return Some(format!("{} instead of {}", x.aval(), expected.aval()));
    }
    if x.dtype().is_complex() {
        return difference(&x.real(), &expected.real(), rtol, atol)
            .or_else(|| difference(&x.imag(), &expected.imag(), rtol, atol));
    }
    (floats(x).into_iter().zip(floats(expected)).enumerate())
        .find(|(_, (a, b))| {
            !(a == b || (a.is_nan() && b.is_nan()) || (b.is_finite() && (a - b).abs() <= atol + rtol * b.abs()))
        })
        .map(|(i, (a, b))| format!("element {i} is {a:?} instead of {b:?}"))
}

/// Runs each case and reports all failures together, a panic in a case as one of them.
pub(crate) fn run_all(cases: &[Value], run: impl Fn(&Value) -> Option<String> + std::panic::RefUnwindSafe) {
    let mut failures = Vec::new();
    for case in cases {
        let result = std::panic::catch_unwind(|| run(case));
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
