//! Helpers of the tests against JAX: reading the stored arrays, and comparing results with them.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use cotangent::Element;
use cotangent::extend::Scalar;
use cotangent::{Array, DType};
use half::{bf16, f16};
use num_complex::Complex;
use serde_json::Value as Json;

/// Reads a golden file.
pub(crate) fn golden(name: &str) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Returns the names of the golden files that begin with `prefix`.
pub(crate) fn goldens(prefix: &str) -> Vec<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|n| n.starts_with(prefix) && n.ends_with(".json")).collect();
    names.sort();
    names
}

pub(crate) fn dtype(name: &str) -> DType {
    match name {
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
        other => panic!("no such dtype: {other}"),
    }
}

pub(crate) fn float(x: &Json) -> f64 {
    match x {
        Json::String(text) => match text.as_str() {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            other => panic!("no such number: {other}"),
        },
        number => number.as_f64().unwrap_or_else(|| panic!("no such number: {number}")),
    }
}

fn scalar(x: &Json) -> Scalar {
    match x {
        Json::Bool(b) => Scalar::Bool(*b),
        Json::Array(parts) => Scalar::Complex(float(&parts[0]), float(&parts[1])),
        Json::Number(n) if n.is_i64() => Scalar::Int(n.as_i64().unwrap_or_default()),
        Json::Number(n) if n.is_u64() => Scalar::Uint(n.as_u64().unwrap_or_default()),
        other => Scalar::Float(float(other)),
    }
}

/// Reads a list of sizes or axes.
pub(crate) fn usizes(x: &Json) -> Vec<usize> {
    list(x).iter().map(|n| n.as_u64().unwrap_or_else(|| panic!("not a size: {n}")) as usize).collect()
}

pub(crate) fn list(x: &Json) -> &[Json] {
    x.as_array().unwrap_or_else(|| panic!("not a list: {x}"))
}

/// Reads an array of a golden file; `null` is `None`.
pub(crate) fn array(x: &Json) -> Option<Array> {
    fn build<T: Element>(x: &Json) -> Array {
        let data: Vec<T> = list(&x["data"]).iter().map(|v| T::from_scalar(scalar(v))).collect();
        Array::from_vec(data, usizes(&x["shape"])).unwrap_or_else(|e| panic!("{e}"))
    }
    Some(match dtype(x.get("dtype")?.as_str()?) {
        DType::Bool => build::<bool>(x),
        DType::I8 => build::<i8>(x),
        DType::I16 => build::<i16>(x),
        DType::I32 => build::<i32>(x),
        DType::I64 => build::<i64>(x),
        DType::U8 => build::<u8>(x),
        DType::U16 => build::<u16>(x),
        DType::U32 => build::<u32>(x),
        DType::U64 => build::<u64>(x),
        DType::F16 => build::<f16>(x),
        DType::BF16 => build::<bf16>(x),
        DType::F32 => build::<f32>(x),
        DType::F64 => build::<f64>(x),
        DType::C64 => build::<Complex<f32>>(x),
        DType::C128 => build::<Complex<f64>>(x),
    })
}

pub(crate) fn arrays(x: &Json) -> Vec<Option<Array>> {
    list(x).iter().map(array).collect()
}

/// Returns the elements in the widest type of their kind.
pub(crate) fn scalars(x: &Array) -> Vec<Scalar> {
    fn read<T: Element>(x: &Array) -> Vec<Scalar> {
        x.to_vec::<T>().into_iter().map(Element::to_scalar).collect()
    }
    match x.dtype() {
        DType::Bool => read::<bool>(x),
        DType::I8 => read::<i8>(x),
        DType::I16 => read::<i16>(x),
        DType::I32 => read::<i32>(x),
        DType::I64 => read::<i64>(x),
        DType::U8 => read::<u8>(x),
        DType::U16 => read::<u16>(x),
        DType::U32 => read::<u32>(x),
        DType::U64 => read::<u64>(x),
        DType::F16 => read::<f16>(x),
        DType::BF16 => read::<bf16>(x),
        DType::F32 => read::<f32>(x),
        DType::F64 => read::<f64>(x),
        DType::C64 => read::<Complex<f32>>(x),
        DType::C128 => read::<Complex<f64>>(x),
    }
}

/// The allowed difference between two results.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tolerance {
    /// Relative to the element.
    pub(crate) relative: f64,
    /// Relative to the largest finite element, for sums that cancel.
    pub(crate) of_scale: f64,
    /// Absolute, independent of the elements.
    pub(crate) absolute: f64,
}

/// Returns the largest finite magnitude among the elements.
pub(crate) fn scale(x: &Array) -> f64 {
    let parts = |s: Scalar| match s {
        Scalar::Float(v) => [v, 0.0],
        Scalar::Complex(re, im) => [re, im],
        _ => [0.0, 0.0],
    };
    scalars(x).into_iter().flat_map(parts).map(f64::abs).filter(|v| v.is_finite()).fold(0.0, f64::max)
}

/// Describes the first difference between `got` and `expected`, if there is one.
pub(crate) fn difference(got: &Array, expected: &Array, tolerance: Tolerance) -> Option<String> {
    if (got.shape(), got.dtype()) != (expected.shape(), expected.dtype()) {
        return Some(format!("got {}, expected {}", got.aval(), expected.aval()));
    }
    let allowed = |e: f64| {
        tolerance.relative * e.abs()
            + tolerance.of_scale * if tolerance.of_scale > 0.0 { scale(expected) } else { 0.0 }
            + tolerance.absolute
    };
    let near = |g: f64, e: f64| g == e || (g.is_nan() && e.is_nan()) || (g - e).abs() <= allowed(e);
    let same = |g: &Scalar, e: &Scalar| match (g, e) {
        (Scalar::Float(g), Scalar::Float(e)) => near(*g, *e),
        (Scalar::Complex(gr, gi), Scalar::Complex(er, ei)) => {
            let size = tolerance.relative * er.hypot(*ei) + allowed(0.0);
            let near = |g: f64, e: f64| near(g, e) || (g - e).abs() <= size;
            near(*gr, *er) && near(*gi, *ei)
        }
        (g, e) => g == e,
    };
    let (got_elements, expected_elements) = (scalars(got), scalars(expected));
    let wrong = got_elements.iter().zip(&expected_elements).position(|(g, e)| !same(g, e))?;
    Some(format!(
        "element {wrong} is {:?}, expected {:?}\n      got      {}\n      expected {}",
        got_elements[wrong],
        expected_elements[wrong],
        one_line(got),
        one_line(expected)
    ))
}

fn one_line(x: &Array) -> String {
    x.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs every program that a golden file stores and compares it with JAX: once un-jitted, where each transform is a
/// program of its own, and once as a whole under `jit`.
pub(crate) fn compare_programs(file: &str, run: impl Fn(&str, &[Array]) -> Option<Vec<Array>> + Send + Sync) {
    let goldens = golden(file);
    // JAX may sum in another order: a few rounding errors, of the element or of the largest element.
    let near = Tolerance { relative: 1e-12, of_scale: 1e-14, absolute: 1e-15 };
    let mut failures = Vec::new();
    for case in list(&goldens["cases"]) {
        let name = case["name"].as_str().expect("a name");
        let inputs: Vec<Array> = arrays(&case["inputs"]).into_iter().flatten().collect();
        let expected: Vec<Array> = arrays(&case["outputs"]).into_iter().flatten().collect();
        let run = |x: &Vec<Array>| {
            run(name, x).unwrap_or_else(|| panic!("{name} has no counterpart here: {}", case["python"]))
        };
        let alone = catch_unwind(AssertUnwindSafe(|| run(&inputs))).map_err(|_| "it panicked".to_string());
        let jitted = cotangent::jit(run).try_call((&inputs,)).map_err(|e| e.to_string());
        for (how, got) in [("", alone), (" under jit", jitted)] {
            match got {
                Err(error) => failures.push(format!("{name}{how}: {error}")),
                Ok(got) if got.len() != expected.len() => {
                    failures.push(format!("{name}{how}: {} results, expected {}", got.len(), expected.len()));
                }
                Ok(got) => failures.extend(got.iter().zip(&expected).enumerate().filter_map(|(i, (got, expected))| {
                    difference(got, expected, near).map(|d| format!("{name}{how}: result {i}: {d}"))
                })),
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
