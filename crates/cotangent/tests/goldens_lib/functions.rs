//! Functions against stored JAX results: values, gradients, second derivatives and batches.
//!
//! A case names its inputs by a formula, which tests/goldens/function_cases.py has, too.

use super::laws::{self, Call};
use super::{array, cases, difference, dtype, floats, from_floats, run_all, shape};

use cotangent::prelude::*;
use serde_json::Value;

/// Multiples of 1/16 between −30/16 and 30/16, which every float holds. `make_linalg_functions.py` has the same.
pub(crate) fn formula(size: usize, seed: i64) -> Vec<f64> {
    let number = |k: i64| (k * k * 7 + k * 37 + seed * 101).rem_euclid(61) - 30;
    (0..size as i64).map(|k| number(k) as f64 / 16.0).collect()
}

pub(crate) fn real(shape: &[usize], seed: i64) -> Array {
    from_floats(DType::F64, &formula(shape.iter().product(), seed), shape)
}

/// Returns the input that a case describes, or another one like it: `other` is added to its seed.
pub(crate) fn input(x: &Value, other: i64) -> Array {
    if x["formula"].is_null() {
        return array(x);
    }
    let (dtype, shape) = (dtype(&x["formula"]), shape(&x["shape"]));
    let (seed, size) = (x["seed"].as_i64().expect("a seed") + other, shape.iter().product());
    let mut y = formula(size, seed);
    if dtype.is_complex() {
        y.extend(formula(size, seed + 17));
    }
    let width = shape.last().copied().unwrap_or(1);
    // The numbers are multiples of a power of two, so that sums are exact.
    let add_diagonal = |y: &mut [f64], add: f64| {
        (0..size).filter(|k| k % (width * width) % (width + 1) == 0).for_each(|k| y[k] += add)
    };
    match x["kind"].as_str().expect("a kind") {
        "positive" => {
            y = squares(&y, size, width);
            add_diagonal(&mut y, 2.0);
        }
        "dominant" => add_diagonal(&mut y, 8.0),
        "upper" => {
            let rows = shape[shape.len() - 2];
            (0..y.len()).filter(|k| k / width % rows > k % width).for_each(|k| y[k] = 0.0);
        }
        "tiny" => y.iter_mut().for_each(|x| *x *= 2f64.powi(-8)),
        "small" => y.iter_mut().for_each(|x| *x *= 2f64.powi(-4)),
        "large" => y.iter_mut().for_each(|x| *x *= 8.0),
        "integer" => y.iter_mut().for_each(|x| *x *= 16.0),
        _ => {}
    }
    from_floats(dtype, &y, &shape)
}

/// The products of square matrices with their adjoints.
fn squares(y: &[f64], size: usize, n: usize) -> Vec<f64> {
    let (re, im) = y.split_at(size);
    let mut products = vec![0.0; y.len()];
    for k in 0..size {
        let (row, other) = (k / n * n, k / (n * n) * n * n + k % n * n);
        let of = |a: &[f64], b: &[f64]| (0..n).map(|j| a[row + j] * b[other + j]).sum::<f64>();
        products[k] = of(re, re);
        if !im.is_empty() {
            products[k] += of(im, im);
            products[size + k] = of(im, re) - of(re, im);
        }
    }
    products
}

/// Returns the value of the option `name=value` among words.
pub(crate) fn option<'a>(how: &'a str, name: &str) -> Option<&'a str> {
    how.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

pub(crate) fn number<T: std::str::FromStr>(how: &str, at: usize) -> T {
    let word = how.split(' ').nth(at).and_then(|word| word.parse().ok());
    word.unwrap_or_else(|| panic!("word {at} of `{how}` is not a number"))
}

/// The weighted sum of the outputs that gradients are taken of.
fn loss(outputs: &[Array]) -> Array {
    let part = |y: &Array, seed: i64| (y * real(y.shape(), seed)).sum();
    let of = |(i, y): (usize, &Array)| {
        let seed = 5 * i as i64;
        let total = part(&y.real(), 40 + seed);
        if y.dtype().is_complex() { total + part(&y.imag(), 41 + seed) } else { total }
    };
    outputs.iter().enumerate().map(of).reduce(|a, b| a + b).expect("outputs")
}

/// The tolerance for a dtype, relative to the greatest element.
pub(crate) fn tolerance(dtype: DType, iterates: bool) -> f64 {
    match dtype {
        DType::F64 | DType::C128 if iterates => 1e-9,
        DType::F64 | DType::C128 => 1e-12,
        DType::F32 | DType::C64 if iterates => 2e-4,
        DType::F32 | DType::C64 => 4e-6,
        DType::F16 => 2e-3,
        DType::BF16 => 1.6e-2,
        _ => 0.0,
    }
}

fn differs(x: &Array, expected: &Array, tolerance: f64) -> Option<String> {
    let size = if expected.size() == 0 || !expected.dtype().is_inexact() {
        0.0
    } else {
        let numbers = floats(expected);
        let parts = |i: usize| numbers[i].hypot(numbers.get(expected.size() + i).copied().unwrap_or(0.0));
        (0..expected.size()).map(parts).filter(|x| x.is_finite()).fold(0.0, f64::max)
    };
    difference(x, expected, tolerance, tolerance * size.max(1e-2))
}

/// Another array like the one that a case describes.
fn like(spec: &Value, x: &Array, other: i64) -> Array {
    if !spec["formula"].is_null() {
        return input(spec, other);
    }
    let numbers = formula(x.size(), other);
    let zeros = vec![0.0; if x.dtype().is_complex() { x.size() } else { 0 }];
    from_floats(x.dtype(), &[numbers, zeros].concat(), x.shape())
}

/// A function of the numbers of two arrays.
fn each(x: &Array, y: &Array, f: impl Fn(f64, f64) -> f64) -> Array {
    let numbers: Vec<f64> = floats(x).into_iter().zip(floats(y)).map(|(x, y)| f(x, y)).collect();
    from_floats(x.dtype(), &numbers, x.shape())
}

/// A batch of two.
fn pair(x: &Array, y: &Array) -> Array {
    assert_eq!((x.dtype(), x.shape()), (y.dtype(), y.shape()));
    let (of_x, of_y) = (floats(x), floats(y));
    let ((x_real, x_imaginary), (y_real, y_imaginary)) = (of_x.split_at(x.size()), of_y.split_at(y.size()));
    from_floats(x.dtype(), &[x_real, y_real, x_imaginary, y_imaginary].concat(), &[&[2], x.shape()].concat())
}

fn list(case: &Value, key: &str) -> Vec<Array> {
    case[key].as_array().expect("a list").iter().map(array).collect()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().expect("a string")
}

/// A case as a call. A formula also says which directions keep the kind of its matrix.
fn called(how: &str, case: &Value) -> Call {
    let mut specs = case["args"].as_array().expect("a list").clone();
    if specs.iter().any(|spec| spec["formula"].is_null()) {
        return Call::new(how, specs.iter().map(|x| input(x, 0)).collect());
    }
    for dtype in specs.iter_mut().map(|spec| &mut spec["formula"]) {
        *dtype = match dtype.as_str().expect("a dtype") {
            "c64" => "c128".into(),
            "f32" | "f16" | "bf16" => "f64".into(),
            other => other.into(),
        };
    }
    let (args, along) = specs.iter().map(|x| (input(x, 0), input(x, 7) / 8)).unzip();
    Call::along(how, args, along)
}

/// Compares a file of cases with `call`, which takes the function's name, its options in words, its inputs and the dtype
/// of the first output. Second derivatives and batches are checked for the first case with a gradient of each function
/// and options. Where no case has one, the function obeys the laws.
pub(crate) fn check(file: &str, call: fn(&str, &str, &[Array], DType) -> Vec<Array>) {
    let cases = cases(file);
    let mut seen = std::collections::BTreeSet::new();
    let first = |case: &&Value| !case["grads"].is_null() && seen.insert(format!("{} {}", case["fn"], case["how"]));
    let thorough: Vec<Value> = cases.iter().filter(first).cloned().collect();
    run_all(&cases, |case| {
        let (name, how) = (text(case, "fn"), text(case, "how"));
        let specs = case["args"].as_array().expect("a list").clone();
        let args: Vec<Array> = specs.iter().map(|x| input(x, 0)).collect();
        let expected = list(case, "outputs");
        let iterates = name.contains("sparse");
        let dtype = expected[0].dtype();
        let f = |x: &[Array]| call(name, how, x, dtype);
        let equal = |what: &str, got: &[Array], expected: &[Array], tolerance: f64| {
            if got.len() != expected.len() {
                return Some(format!("{what}: {} arrays instead of {}", got.len(), expected.len()));
            }
            let pairs = got.iter().zip(expected);
            pairs.filter_map(|(x, y)| differs(x, y, tolerance)).next().map(|d| format!("{what}: {d}"))
        };
        let value = equal("value", &f(&args), &expected, tolerance(dtype, iterates));
        if value.is_some() || case["grads"].is_null() {
            return value;
        }
        let objective = |x: &Vec<Array>| loss(&f(x));
        let slope = |x: &Vec<Array>| grad(objective)(x);
        let slopes = slope(&args);
        let close = if iterates { 1e-8 } else { 1e-10 };
        if let Some(found) = equal("gradient", &slopes, &list(case, "grads"), close) {
            return Some(found);
        }
        if !thorough.contains(case) {
            return None;
        }
        // The second derivative along a direction, against a difference quotient.
        let along = specs.iter().zip(&args).map(|(spec, x)| like(spec, x, 7));
        let along: Vec<Array> = along.map(|v| each(&v, &v, |v, _| v / 8.0)).collect();
        let (_, second) = jvp(slope, (&args,), (&along,));
        let at = |h: f64| slope(&args.iter().zip(&along).map(|(x, v)| each(x, v, |x, v| x + v * h)).collect());
        let h = 1e-4;
        let quotient = |(a, b): (&Array, Array)| each(a, &b, |a, b| (a - b) / (2.0 * h));
        let quotients: Vec<Array> = at(h).iter().zip(at(-h)).map(quotient).collect();
        if let Some(found) = equal("second derivative", &second, &quotients, 1e-5) {
            return Some(found);
        }
        // A batch of this and another input, against a loop.
        let others: Vec<Array> = specs.iter().zip(&args).map(|(spec, x)| like(spec, x, 3)).collect();
        let batch: Vec<Array> = args.iter().zip(&others).map(|(x, y)| pair(x, y)).collect();
        let rows = vmap(|x: &Vec<Array>| f(x))(&batch);
        let singly: Vec<Array> = f(&args).iter().zip(f(&others)).map(|(x, y)| pair(x, &y)).collect();
        equal("batch", &rows, &singly, if iterates { 1e-8 } else { 1e-12 })
    });
    laws::check(file, &laws::without_gradients(&cases, called), |name, how, x| call(name, how, x, DType::F64));
}
