//! Every function of one or two numbers at special points: value, first and second derivatives, in reverse, forward,
//! and forward over reverse mode. The expected values are mpmath's where the function is smooth, and JAX's conventions
//! elsewhere (goldens/point_cases.py). In narrow dtypes, they come from the same program in f64.

use std::collections::{BTreeMap, BTreeSet};

use cotangent::numpy as np;
use cotangent::prelude::*;
use cotangent::scipy::special;
use serde_json::Value;

use super::excuses::{self, Excuse};
use super::goldens_lib::{self, float};

/// A function, and the allowed errors of its value, first and second derivatives, in units in the last place.
pub(super) struct Row {
    name: &'static str,
    f: Function,
    ulps: [u64; 3],
}

#[derive(Clone, Copy)]
enum Function {
    One(fn(&Array) -> Array),
    Two(fn(&Array, &Array) -> Array),
}

pub(super) fn one(name: &'static str, f: fn(&Array) -> Array, ulps: [u64; 3]) -> Row {
    Row { name, f: Function::One(f), ulps }
}

pub(super) fn two(name: &'static str, f: fn(&Array, &Array) -> Array, ulps: [u64; 3]) -> Row {
    Row { name, f: Function::Two(f), ulps }
}

impl Function {
    /// The columns of a case, each with its order: f, f′, f″; or f, f₁, f₂, f₁₁, f₁₂, f₂₂. The last columns are the
    /// first derivatives by forward mode.
    const ONE: [(usize, usize); 4] = [(0, 0), (1, 1), (2, 2), (1, 3)];
    const TWO: [(usize, usize); 8] = [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (5, 2), (1, 3), (2, 3)];

    fn columns(self) -> &'static [(usize, usize)] {
        match self {
            Function::One(_) => &Self::ONE,
            Function::Two(_) => &Self::TWO,
        }
    }

    /// Computes all columns in one program.
    fn run(self, args: &[Array]) -> Vec<Array> {
        match self {
            Function::One(f) => {
                let all = |x: &Array| {
                    let one = np::ones_like(x);
                    let (slope, second) = jvp(grad(|x: &Array| f(x).sum()), (x,), (&one,));
                    vec![f(x), slope, second, jvp(f, (x,), (&one,)).1]
                };
                jit(all)(&args[0])
            }
            Function::Two(f) => {
                let all = |x: &Array, y: &Array| {
                    let one = np::ones_like(x);
                    let slopes = grad(|x: &Array, y: &Array| f(x, y).sum()).argnums(args!(0, 1));
                    let ((dx, dy), (xx, xy)) = jvp(|x: &Array| slopes(x, y), (x,), (&one,));
                    let (_, (_, yy)) = jvp(|y: &Array| slopes(x, y), (y,), (&one,));
                    let in_x = jvp(|x: &Array| f(x, y), (x,), (&one,)).1;
                    let in_y = jvp(|y: &Array| f(x, y), (y,), (&one,)).1;
                    vec![f(x, y), dx, dy, xx, xy, yy, in_x, in_y]
                };
                jit(all)(&args[0], &args[1])
            }
        }
    }
}

/// Returns the number of digits after the leading one, and the smallest normal number.
fn format(dtype: DType) -> (i32, f64) {
    match dtype {
        DType::F16 => (10, 2f64.powi(-14)),
        DType::BF16 => (7, 2f64.powi(-126)),
        DType::F32 => (23, 2f64.powi(-126)),
        _ => (52, f64::MIN_POSITIVE),
    }
}

/// Returns the distance of two numbers of a dtype, in units in the last place. Infinity follows the largest number.
fn distance(a: f64, b: f64, dtype: DType) -> u64 {
    let ordered = |v: f64| {
        let bits = match dtype {
            DType::F64 => v.abs().to_bits() as i64,
            DType::F32 => i64::from((v.abs() as f32).to_bits()),
            DType::F16 => i64::from(half::f16::from_f64(v.abs()).to_bits()),
            _ => i64::from(half::bf16::from_f64(v.abs()).to_bits()),
        };
        i128::from(if v.is_sign_negative() { -bits } else { bits })
    };
    match (a.is_nan(), b.is_nan()) {
        (false, false) => (ordered(a) - ordered(b)).unsigned_abs() as u64,
        (a, b) => u64::from(a != b) * u64::MAX,
    }
}

/// Returns the error of a result. A result that XLA may flush to zero is correct if the truth is as small.
fn off(got: f64, truth: f64, dtype: DType) -> u64 {
    let least = 2.0 * format(dtype).1;
    if got.abs() <= least && truth.abs() <= least { 0 } else { distance(got, truth, dtype) }
}

fn list(x: &Value) -> &[Value] {
    x.as_array().expect("a list")
}

fn of_dtype(values: impl IntoIterator<Item = f64>, dtype: DType) -> Array {
    if dtype == DType::F32 {
        // Rounded on the host: the compiler's conversion flushes subnormal numbers.
        return Array::from(values.into_iter().map(|v| v as f32).collect::<Vec<f32>>());
    }
    Array::from(values.into_iter().collect::<Vec<f64>>()).astype(dtype)
}

/// Collects the failures: for each column their number, the worst, and some examples.
#[derive(Default)]
struct Report {
    lines: Vec<String>,
    /// The number of results that each excuse covered.
    used: BTreeMap<usize, usize>,
}

impl Report {
    /// Compares the columns of a function with the expected values at all points.
    fn compare(
        &mut self,
        row: &Row,
        dtype: DType,
        points: &[Vec<f64>],
        got: &[Array],
        truths: &[Vec<Option<f64>>],
        (factor, excuses): (u64, &[Excuse]),
    ) {
        let (digits, least) = format(dtype);
        let one_ulp = 2f64.powi(-digits);
        let flushed = |v: f64| if v != 0.0 && v.abs() < least { 0f64.copysign(v) } else { v };
        let key = |p: &[f64]| p.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let places: BTreeMap<Vec<u64>, usize> = points.iter().enumerate().map(|(i, p)| (key(p), i)).collect();
        for ((column, order), got) in row.f.columns().iter().zip(got) {
            assert_eq!(got.dtype(), dtype, "{}", row.name);
            let got = goldens_lib::floats(got);
            let (mut wrong, mut worst) = (Vec::new(), 0);
            for (i, p) in points.iter().enumerate() {
                // Arguments may be flushed to zero as well.
                let flat: Vec<f64> = p.iter().map(|v| flushed(*v)).collect();
                let Some(truth) = truths[*column][i] else { continue };
                // Derivatives in narrow dtypes are compared where no intermediate value overflows or underflows.
                let moderate = |v: &f64| *v == 0.0 || v.is_nan() || (0.05..20.0).contains(&v.abs());
                if digits < 20 && *order > 0 && !p.iter().all(moderate) {
                    continue;
                }
                let mut far = off(got[i], truth, dtype);
                match places.get(&key(&flat)).map(|i| truths[*column][*i]) {
                    Some(Some(flat)) => far = far.min(off(got[i], flat, dtype)),
                    Some(None) => continue,
                    None => {}
                }
                let end = *order == 0 && p.iter().any(|v| *v == 0.0 || v.is_infinite());
                if end && got[i] == 0.0 && truth == 0.0 && got[i].is_sign_negative() != truth.is_sign_negative() {
                    far = u64::MAX;
                }
                if far <= factor * row.ulps[[0, 1, 2, 1][*order]] {
                    continue;
                }
                let near = |slack: f64| slack.is_infinite() || (got[i] - truth).abs() <= slack * one_ulp;
                let excused = excuses.iter().position(|e| e.covers(row.name, *order, p) && near(e.slack));
                match excused {
                    Some(i) => *self.used.entry(i).or_default() += 1,
                    None => wrong.push(format!("        at {p:?} got {:?} instead of {truth:?}, off by {far}", got[i])),
                }
                worst = worst.max(far);
            }
            if !wrong.is_empty() {
                let step = wrong.len().div_ceil(8);
                let some: Vec<String> = wrong.iter().step_by(step).cloned().collect();
                let head = format!("    {} {dtype} column {column} (order {order})", row.name);
                self.lines.push(format!("{head}: {} wrong, worst {worst}\n{}", wrong.len(), some.join("\n")));
            }
        }
    }

    fn finish(self, excuses: &[Excuse]) {
        let used = |i: usize| self.used.get(&i).copied().unwrap_or_default();
        println!("{} excuses cover {} results", excuses.len(), self.used.values().sum::<usize>());
        excuses.iter().enumerate().for_each(|(i, e)| println!("- {} at `{}`: {}", used(i), e.at, e.why));
        assert!(self.lines.is_empty(), "\n{}", self.lines.join("\n"));
        let idle: Vec<&str> = (0..excuses.len()).filter(|i| used(*i) == 0).map(|i| &*excuses[i].why).collect();
        assert!(idle.is_empty(), "excuses that nothing needs: {idle:?}");
    }
}

/// Reads the points of a grid or case: lists of arguments.
fn points(x: &Value) -> Vec<Vec<f64>> {
    list(x).iter().map(|p| list(p).iter().map(float).collect()).collect()
}

/// Compares functions with the cases of a golden file, except for a list of excuses. Every case for functions of this
/// arity must have a row.
pub(super) fn check(file: &str, rows: &[Row], excuses: &str) {
    let excuses = excuses::list(excuses);
    let golden = goldens_lib::golden(&format!("{file}.json"));
    let arity = |f: Function| if matches!(f, Function::One(_)) { 1 } else { 2 };
    let mut report = Report::default();
    let mut seen = BTreeSet::new();
    for case in list(&golden["cases"]) {
        let name = case["fn"].as_str().expect("a name");
        let Some(row) = rows.iter().find(|row| row.name == name) else {
            assert!(rows.iter().all(|row| case["arity"] != arity(row.f)), "{name} has no row");
            continue;
        };
        seen.insert(name);
        let dtype = goldens_lib::dtype(&case["dtype"]);
        let grid = (list(&golden["grids"]).iter())
            .find(|g| g["dtype"] == case["dtype"] && g["arity"] == case["arity"])
            .expect("a grid of the dtype and arity");
        let mut points = points(&grid["points"]);
        if !case["more"].is_null() {
            points.extend(self::points(&case["more"]));
        }
        if dtype == DType::F32 {
            // The f32 numbers that the short decimal texts stand for.
            points.iter_mut().flatten().for_each(|v| *v = f64::from(*v as f32));
        }
        let args: Vec<Array> =
            (0..arity(row.f)).map(|i| of_dtype(points.iter().map(|p| p[i as usize]), dtype)).collect();
        let number = |v: &Value| (!v.is_null()).then(|| float(v));
        let truths: Vec<Vec<Option<f64>>> = (list(&case["results"]).iter())
            .map(|column| match column {
                Value::Array(column) => column.iter().map(number).collect(),
                constant => vec![number(constant); points.len()],
            })
            .collect();
        report.compare(row, dtype, &points, &row.f.run(&args), &truths, (1, &excuses));
    }
    let missing: Vec<&str> = rows.iter().map(|row| row.name).filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "rows without a case: {missing:?}");
    report.finish(&excuses);
}

/// Compares functions in f16 and bf16 with themselves in f64, at the points for f32, rounded.
fn check_narrow(file: &str, rows: &[Row], factor: u64, excuses: &str) {
    let excuses = excuses::list(excuses);
    let golden = goldens_lib::golden(&format!("{file}.json"));
    let mut report = Report::default();
    for row in rows {
        let arity = if matches!(row.f, Function::One(_)) { 1 } else { 2 };
        let grid = (list(&golden["grids"]).iter()).find(|g| g["dtype"] == "f32" && g["arity"] == arity);
        let wide = points(&grid.expect("a grid")["points"]);
        for dtype in [DType::F16, DType::BF16] {
            let mut args = Vec::new();
            for i in 0..arity as usize {
                args.push(of_dtype(wide.iter().map(|p| p[i]), dtype));
            }
            let values: Vec<Vec<f64>> = args.iter().map(goldens_lib::floats).collect();
            let points: Vec<Vec<f64>> = (0..wide.len()).map(|i| values.iter().map(|v| v[i]).collect()).collect();
            let wide: Vec<Array> = args.iter().map(|a| a.astype(DType::F64)).collect();
            let truths: Vec<Vec<Option<f64>>> = (row.f.run(&wide).iter())
                .map(|t| goldens_lib::floats(&t.astype(dtype)).into_iter().map(Some).collect())
                .collect();
            report.compare(row, dtype, &points, &row.f.run(&args), &truths, (factor, &excuses));
        }
    }
    report.finish(&excuses);
}

fn functions_of_one() -> Vec<Row> {
    vec![
        one("exp", |x| np::exp(x), [2, 2, 2]),
        one("exp2", |x| np::exp2(x), [2, 3, 4]),
        one("expm1", |x| np::expm1(x), [3, 3, 3]),
        one("log", |x| np::log(x), [2, 1, 2]),
        one("log2", |x| np::log2(x), [2, 2, 3]),
        one("log10", |x| np::log10(x), [3, 2, 3]),
        one("log1p", |x| np::log1p(x), [2, 2, 3]),
        one("expit", |x| special::expit(x), [3, 6, 8]),
        one("softplus", |x| np::logaddexp(x, 0.0), [3, 6, 8]),
        one("logit", |x| special::logit(x), [4, 4, 8]),
        one("entr", |x| special::entr(x), [4, 4, 4]),
        one("sin", |x| np::sin(x), [2, 2, 2]),
        one("cos", |x| np::cos(x), [2, 2, 2]),
        one("tan", |x| np::tan(x), [4, 8, 8]),
        one("sinh", |x| np::sinh(x), [4, 4, 4]),
        one("cosh", |x| np::cosh(x), [4, 4, 4]),
        one("tanh", |x| np::tanh(x), [8, 8, 8]),
        one("arcsin", |x| np::arcsin(x), [4, 4, 8]),
        one("arccos", |x| np::arccos(x), [4, 4, 8]),
        one("arctan", |x| np::arctan(x), [4, 4, 8]),
        one("arcsinh", |x| np::arcsinh(x), [4, 4, 8]),
        one("arccosh", |x| np::arccosh(x), [4, 4, 8]),
        one("arctanh", |x| np::arctanh(x), [4, 4, 8]),
        one("sinc", |x| np::sinc(x), [4, 8, 32]),
        one("sqrt", |x| np::sqrt(x), [1, 2, 4]),
        one("rsqrt", |x| x.rsqrt(), [2, 3, 4]),
        one("cbrt", |x| np::cbrt(x), [2, 4, 12]),
        one("square", |x| np::square(x), [0, 0, 0]),
        one("reciprocal", |x| np::reciprocal(x), [1, 2, 3]),
        one("powi(-2)", |x| x.powi(-2), [2, 4, 6]),
        one("powi(-1)", |x| x.powi(-1), [1, 2, 3]),
        one("powi(0)", |x| x.powi(0), [0, 0, 0]),
        one("powi(1)", |x| x.powi(1), [0, 0, 0]),
        one("powi(3)", |x| x.powi(3), [1, 2, 2]),
        one("powi(5)", |x| x.powi(5), [2, 3, 3]),
        one("deg2rad", |x| np::deg2rad(x), [1, 1, 0]),
        one("rad2deg", |x| np::rad2deg(x), [1, 1, 0]),
        one("abs", |x| np::abs(x), [0, 0, 0]),
        one("sign", |x| np::sign(x), [0, 0, 0]),
        one("negative", |x| np::negative(x), [0, 0, 0]),
        one("floor", |x| np::floor(x), [0, 0, 0]),
        one("ceil", |x| np::ceil(x), [0, 0, 0]),
        one("trunc", |x| np::trunc(x), [0, 0, 0]),
        one("rint", |x| np::rint(x), [0, 0, 0]),
    ]
}

fn functions_of_two() -> Vec<Row> {
    vec![
        two("add", |x, y| np::add(x, y), [0, 0, 0]),
        two("subtract", |x, y| np::subtract(x, y), [0, 0, 0]),
        two("multiply", |x, y| np::multiply(x, y), [0, 0, 0]),
        two("divide", |x, y| np::divide(x, y), [1, 2, 4]),
        two("maximum", |x, y| np::maximum(x, y), [0, 0, 0]),
        two("minimum", |x, y| np::minimum(x, y), [0, 0, 0]),
        two("fmax", |x, y| np::fmax(x, y), [0, 0, 0]),
        two("fmin", |x, y| np::fmin(x, y), [0, 0, 0]),
        two("copysign", |x, y| np::copysign(x, y), [0, 0, 0]),
        two("heaviside", |x, y| np::heaviside(x, y), [0, 0, 0]),
        two("remainder", |x, y| np::remainder(x, y), [1, 1, 0]),
        two("fmod", |x, y| np::fmod(x, y), [0, 1, 0]),
        two("floor_divide", |x, y| np::floor_divide(x, y), [1, 0, 0]),
        two("power", |x, y| np::power(x, y), [4, 32, 32]),
        two("hypot", |x, y| np::hypot(x, y), [2, 4, 8]),
        two("arctan2", |x, y| np::arctan2(x, y), [4, 4, 8]),
        two("logaddexp", |x, y| np::logaddexp(x, y), [4, 6, 8]),
        two("logaddexp2", |x, y| np::logaddexp2(x, y), [4, 6, 8]),
        two("xlogy", |x, y| special::xlogy(x, y), [4, 4, 4]),
        two("xlog1py", |x, y| special::xlog1py(x, y), [4, 4, 4]),
    ]
}

#[test]
fn functions_of_one_number() {
    check("points", &functions_of_one(), "points_of_one");
}

#[test]
fn functions_of_two_numbers() {
    check("points", &functions_of_two(), "points_of_two");
}

#[test]
fn functions_in_narrow_types() {
    let rows: Vec<Row> = functions_of_one().into_iter().chain(functions_of_two()).collect();
    check_narrow("points", &rows, 1, "points_narrow");
}
