//! Helpers of the tests against JAX: reading the stored arrays, and comparing results with them.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use cotangent::Element;
use cotangent::extend::Scalar;
use cotangent::{Array, DType};
use half::{bf16, f16};
use num_complex::Complex;
use serde_json::{Value as Json, json};

pub(crate) mod base64;
pub(crate) mod device;
pub(crate) mod jax;
mod stored;

/// Returns the folder of the golden files. A test binary that runs on another machine finds it in the environment.
pub(crate) fn folder() -> PathBuf {
    let here = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    std::env::var_os("COTANGENT_TEST_GOLDENS").map_or_else(here, PathBuf::from)
}

/// Reads a golden file.
pub(crate) fn golden(name: &str) -> Json {
    let path = folder().join(name);
    serde_json::from_str(&stored::text(&path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Returns the names of the golden files that begin with `prefix`.
pub(crate) fn goldens(prefix: &str) -> Vec<String> {
    let names = stored::names(&folder()).into_iter();
    names.filter(|name| name.starts_with(prefix) && name.ends_with(".json")).collect()
}

/// The dtypes by the names that golden files have.
const DTYPES: [(&str, DType); 15] = [
    ("pred", DType::Bool),
    ("s8", DType::I8),
    ("s16", DType::I16),
    ("s32", DType::I32),
    ("s64", DType::I64),
    ("u8", DType::U8),
    ("u16", DType::U16),
    ("u32", DType::U32),
    ("u64", DType::U64),
    ("f16", DType::F16),
    ("bf16", DType::BF16),
    ("f32", DType::F32),
    ("f64", DType::F64),
    ("c64", DType::C64),
    ("c128", DType::C128),
];

pub(crate) fn dtype(name: &str) -> DType {
    let found = DTYPES.iter().find(|(n, _)| *n == name);
    found.unwrap_or_else(|| panic!("no such dtype: {name}")).1
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

/// Evaluates an expression with `$T` as the Rust type of a dtype.
macro_rules! with_element {
    ($dtype:expr, $T:ident => $body:expr) => {
        with_element! {
            $dtype, $T => $body,
            Bool bool, I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64,
            F16 f16, BF16 bf16, F32 f32, F64 f64, C64 Complex<f32>, C128 Complex<f64>
        }
    };
    ($dtype:expr, $T:ident => $body:expr, $($D:ident $Type:ty),*) => {
        match $dtype {
            $(DType::$D => { type $T = $Type; $body })*
        }
    };
}

/// Makes an array of elements that are rounded to its dtype.
pub(crate) fn from_scalars(dtype: DType, elements: impl IntoIterator<Item = Scalar>, shape: &[usize]) -> Array {
    let made = with_element!(dtype, T => {
        Array::from_vec(elements.into_iter().map(T::from_scalar).collect::<Vec<T>>(), shape)
    });
    made.unwrap_or_else(|e| panic!("{e}"))
}

/// Makes an array of numbers, of complex ones first all real parts, as [`floats`] returns them. They are converted here: in
/// the library, each operation on an array is a program for its shape.
pub(crate) fn from_floats(dtype: DType, numbers: &[f64], shape: &[usize]) -> Array {
    let (real, imaginary) = numbers.split_at(shape.iter().product());
    if dtype.is_complex() {
        let pairs = real.iter().zip(imaginary).map(|(re, im)| Scalar::Complex(*re, *im));
        return from_scalars(dtype, pairs, shape);
    }
    let scalar = |x: &f64| match dtype {
        DType::Bool => Scalar::Bool(*x != 0.0),
        dtype if dtype.is_float() => Scalar::Float(*x),
        _ => Scalar::Int(*x as i64),
    };
    from_scalars(dtype, real.iter().map(scalar), shape)
}

/// Reads an array of a golden file; `null` is `None`.
pub(crate) fn array(x: &Json) -> Option<Array> {
    let dtype = dtype(x.get("dtype")?.as_str()?);
    Some(from_scalars(dtype, list(&x["data"]).iter().map(scalar), &usizes(&x["shape"])))
}

/// Writes an array as golden files have it.
pub(crate) fn to_json(x: &Array) -> Json {
    let float = |v: f64| match v {
        v if v.is_nan() => "NaN".into(),
        v if v.is_infinite() => if v > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        v => Json::from(v),
    };
    let element = |s: Scalar| match s {
        Scalar::Bool(b) => b.into(),
        Scalar::Int(n) => n.into(),
        Scalar::Uint(n) => n.into(),
        Scalar::Float(v) => float(v),
        Scalar::Complex(re, im) => vec![float(re), float(im)].into(),
    };
    let data: Vec<Json> = scalars(x).into_iter().map(element).collect();
    let dtype = DTYPES.iter().find(|(_, d)| *d == x.dtype()).expect("every dtype is there").0;
    json!({ "dtype": dtype, "shape": x.shape(), "data": data })
}

pub(crate) fn arrays(x: &Json) -> Vec<Option<Array>> {
    list(x).iter().map(array).collect()
}

/// Returns the elements in the widest type of their kind.
pub(crate) fn scalars(x: &Array) -> Vec<Scalar> {
    with_element!(x.dtype(), T => x.to_vec::<T>().into_iter().map(Element::to_scalar).collect())
}

/// Returns the numbers of an array, of complex ones first all real parts. They are converted here: in the library, a
/// conversion is a program for each shape.
pub(crate) fn floats(x: &Array) -> Vec<f64> {
    let (mut numbers, mut imaginary) = (Vec::with_capacity(x.size()), Vec::new());
    for x in scalars(x) {
        numbers.push(match x {
            Scalar::Bool(x) => f64::from(u8::from(x)),
            Scalar::Int(x) => x as f64,
            Scalar::Uint(x) => x as f64,
            Scalar::Float(x) => x,
            Scalar::Complex(re, im) => {
                imaginary.push(im);
                re
            }
        });
    }
    numbers.append(&mut imaginary);
    numbers
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
