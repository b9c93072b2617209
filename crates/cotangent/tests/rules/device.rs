//! The stored cases on another device: values and first derivatives, compared with JAX's values and with derivatives
//! that this library computed on the CPU.
//!
//! Integers and booleans must be equal, and so must floats that are only moved or chosen. Any other float may differ by
//! as much as the condition of the function allows: by what its results change if the inputs change in their last
//! place.

use std::collections::BTreeMap;

use cotangent::extend::Scalar;
use cotangent::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::case::Case;
use super::common::device::Order;
use super::common::{array, from_scalars, list, scalars, to_json};
use super::excuses::Excuses;
use super::program::first_order;

/// How much of a change of the results an implementation may be off, and how many units in the last place besides.
const SPREAD: f64 = 16.0;
const ULPS: f64 = 16.0;

/// Returns the distance from one to the next number, for inputs as the device reads them.
fn unit(dtype: DType, tensor_cores: bool) -> f64 {
    match dtype.real() {
        // By default, a GPU multiplies matrices with the 10 bits of TF32.
        DType::F32 if tensor_cores => 2f64.powi(-10),
        DType::F32 => f64::from(f32::EPSILON),
        DType::F16 => 2f64.powi(-10),
        DType::BF16 => 2f64.powi(-7),
        _ => f64::EPSILON,
    }
}

/// Moves each float by the unit. At a kink, all move in one direction in proportion, so that equal ones stay equal.
fn moved(x: &Array, unit: f64, round: usize, together: bool) -> Array {
    let mut state = 0x9e37_79b9_7f4a_7c15u64.wrapping_mul(round as u64 + 1);
    let mut factor = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let up = if together { round.is_multiple_of(2) } else { state >> 63 == 0 };
        if up { 1.0 + unit } else { 1.0 - unit }
    };
    let elements = scalars(x).into_iter().map(|s| match s {
        Scalar::Float(v) => Scalar::Float(v * factor()),
        Scalar::Complex(re, im) => Scalar::Complex(re * factor(), im * factor()),
        other => other,
    });
    from_scalars(x.dtype(), elements.collect::<Vec<_>>(), x.shape())
}

fn distance(a: &Scalar, b: &Scalar) -> f64 {
    let near = |a: f64, b: f64| if a == b || (a.is_nan() && b.is_nan()) { 0.0 } else { (a - b).abs() };
    match (a, b) {
        (Scalar::Float(a), Scalar::Float(b)) => near(*a, *b),
        (Scalar::Complex(a, b), Scalar::Complex(c, d)) => near(*a, *c).hypot(near(*b, *d)),
        (a, b) => {
            if a == b {
                0.0
            } else {
                f64::INFINITY
            }
        }
    }
}

fn size(x: &Scalar) -> f64 {
    match x {
        Scalar::Float(v) => v.abs(),
        Scalar::Complex(re, im) => re.hypot(*im),
        _ => 0.0,
    }
}

/// The arguments of the program of first derivatives.
fn arguments(case: &Case) -> Vec<Array> {
    let mut args = case.inputs.clone();
    if let Some(d) = &case.derivatives {
        args.extend(d.tangents.iter().chain(&d.cotangents).flatten().cloned());
    }
    args
}

/// The results to expect: JAX's values and this device's derivatives, each with the difference that is allowed.
fn expected(case: &Case) -> Map<String, Json> {
    let program = jit(|args: &Vec<Array>| first_order(case, args));
    let run = |args: &Vec<Array>| program.try_call((args,)).unwrap_or_else(|e| panic!("{e}"));
    let args = arguments(case);
    let results = run(&args);
    let tensor_cores = ["dot_general", "conv_general_dilated"].contains(&case.primitive.as_str());
    let together = !case.smooth() && case.name.ends_with("_tie");
    let changed = |narrow: bool| -> Vec<Vec<Array>> {
        let dtype = |x: &Array| if narrow { super::case::Narrow::F32.like(x.dtype()) } else { x.dtype() };
        let run = |round: usize| {
            let inputs = case.inputs.iter().enumerate();
            let mut args = args.clone();
            inputs.for_each(|(i, x)| args[i] = moved(x, unit(dtype(x), tensor_cores), round + 4 * i, together));
            run(&args).into_iter().map(|(_, y)| y).collect()
        };
        (0..if together { 2 } else { 4 }).map(run).collect()
    };
    let runs = [changed(false), if case.derivatives.is_some() { changed(true) } else { Vec::new() }];
    let exact = Excuses::get().exact(&case.primitive) && !case.complex();
    let stored: BTreeMap<String, &Array> =
        case.outputs.iter().enumerate().map(|(i, y)| (format!("value.{i}"), y)).collect();
    let record = |(i, (what, got)): (usize, (String, Array))| {
        let result = stored.get(&what).map_or(&got, |stored| *stored);
        let mut object = to_json(result);
        if got.dtype().is_inexact() && !(exact && what.contains("value")) {
            let runs = &runs[usize::from(what.starts_with("f32"))];
            let base = scalars(&got);
            let largest = base.iter().map(size).filter(|s| s.is_finite()).fold(0.0, f64::max);
            let unit = unit(got.dtype(), tensor_cores);
            let allowed = base.iter().enumerate().map(|(k, y)| {
                let spread = runs.iter().map(|run| distance(&scalars(&run[i])[k], y));
                let spread = spread.filter(|d| d.is_finite()).fold(0.0, f64::max);
                // Sums come in another order. The least normal number stands for subnormal ones, which may be flushed.
                let rounding = if size(y).is_finite() { ULPS * size(y) } else { 0.0 } + largest / 4.0;
                SPREAD * spread + unit * rounding + least(got.dtype())
            });
            let allowed: Vec<Json> = allowed.map(|a| short(a).into()).collect();
            object["allowed"] = allowed.into();
        }
        (what, object)
    };
    let results: Map<String, Json> = results.into_iter().enumerate().map(record).collect();
    Map::from_iter([("results".to_string(), results.into())])
}

/// Returns the least positive normal number, which any smaller one may be replaced by.
fn least(dtype: DType) -> f64 {
    match dtype.real() {
        DType::F16 => 2f64.powi(-14),
        DType::F32 | DType::BF16 => f64::from(f32::MIN_POSITIVE),
        _ => f64::MIN_POSITIVE,
    }
}

/// Rounds up to three digits, which makes the file small.
fn short(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let scale = 10f64.powi(2 - x.abs().log10().floor() as i32);
    if scale.is_finite() { format!("{:.2e}", x * 1.005).parse().unwrap_or(x) } else { x }
}

/// Compares the results of this device with those expected: the number of results, the largest difference as a multiple
/// of what is allowed, and what differs too much.
fn compared(case: &Case, expected: &Json) -> Map<String, Json> {
    let program = jit(|args: &Vec<Array>| first_order(case, args));
    let got = program.try_call((&arguments(case),)).unwrap_or_else(|e| panic!("{e}"));
    let expected = expected["results"].as_object().expect("results");
    assert_eq!(got.len(), expected.len(), "the number of results");
    let (mut failures, mut worst, mut dtypes) = (Vec::<Json>::new(), 0.0f64, Vec::new());
    for (what, got) in &got {
        let wanted = array(&expected[what]).expect("an array");
        dtypes.push(got.dtype().name());
        if (got.shape(), got.dtype()) != (wanted.shape(), wanted.dtype()) {
            failures.push(format!("{what}: got {}, expected {}", got.aval(), wanted.aval()).into());
            continue;
        }
        let allowed = expected[what].get("allowed").map(list);
        let far = |(k, (g, w)): (usize, (&Scalar, &Scalar))| {
            let allowed = allowed.map_or(0.0, |a| a[k].as_f64().unwrap_or(0.0));
            let distance = distance(g, w);
            let multiple = if distance == 0.0 { 0.0 } else { distance / allowed };
            (if multiple.is_nan() { f64::INFINITY } else { multiple }, k, *g, *w)
        };
        let (got, wanted) = (scalars(got), scalars(&wanted));
        let all = got.iter().zip(&wanted).enumerate().map(far);
        if let Some((multiple, k, g, w)) = all.max_by(|a, b| a.0.total_cmp(&b.0)) {
            worst = worst.max(multiple);
            if multiple > 1.0 {
                let times = format!("{multiple:.3} times what is allowed");
                failures.push(format!("{what}: element {k} is {g:?}, expected {w:?}, {times}").into());
            }
        }
    }
    dtypes.sort_unstable();
    dtypes.dedup();
    let excused = if failures.is_empty() { None } else { Excuses::get().of_device(case) };
    if excused.is_some() {
        failures.clear();
        worst = 0.0;
    }
    let members = json!({
        "primitive": case.primitive, "results": got.len(), "dtypes": dtypes, "failures": failures, "excused": excused,
        "worst": if worst.is_finite() { worst.into() } else { Json::from("infinite") },
    });
    let Json::Object(members) = members else { unreachable!("it is an object") };
    members
}

fn name(case: &Case) -> String {
    format!("{}/{}", case.primitive, case.name)
}

/// Sorts the cases so that each primitive has its first one early: a run that is cut off has seen every primitive.
fn in_turns(cases: &mut [Case]) {
    let mut seen = BTreeMap::<String, usize>::new();
    cases.sort_by_cached_key(|case| {
        let nth = seen.entry(case.primitive.clone()).or_default();
        *nth += 1;
        *nth
    });
}

/// Reads what another run recorded.
fn recorded(lines: &str) -> BTreeMap<String, Json> {
    let lines = lines.lines().map(|line| serde_json::from_str::<Json>(line).expect("a line of JSON"));
    lines.filter_map(|line| Some((line.get("case")?.as_str()?.to_string(), line))).collect()
}

fn carry_out(order: &Order, mut cases: Vec<Case>) {
    in_turns(&mut cases);
    match &order.expected {
        None => order.each(&cases, name, expected),
        Some(file) => {
            let lines = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            let expected = recorded(&lines);
            order.each(&cases, name, |case| match expected.get(&name(case)) {
                Some(expected) if expected.get("error").is_none() => compared(case, expected),
                _ => panic!("no result to expect was recorded"),
            });
        }
    }
}

/// Records results and compares with them: on two devices, if the environment asks for it, or a few of them here.
#[test]
fn results_of_one_device_are_checked_on_another() {
    let (mut cases, _) = super::stored();
    if let Some(order) = Order::from_env() {
        return carry_out(&order, cases);
    }
    let few = ["erf/f64", "sort/s32", "dot_general/f32"];
    let mut found = |start: &str| cases.remove(cases.iter().position(|c| name(c).starts_with(start)).expect(start));
    for case in few.map(&mut found) {
        let mut expected = Json::Object(expected(&case));
        let passed = compared(&case, &expected);
        assert_eq!(passed["failures"], json!([]), "{}", name(&case));
        // Every result but one too far away is found, and a result that is off by an integer is.
        let results = expected["results"].as_object_mut().expect("results");
        let count = results.len();
        for result in results.values_mut() {
            let first = result["data"][0].as_f64().expect("a number");
            result["data"][0] = match array(result).expect("an array").dtype() {
                DType::I32 => (first as i32 + 1).into(),
                _ => (first + 0.5 * first.abs().max(1.0)).into(),
            };
        }
        let failed = compared(&case, &expected);
        assert_eq!(failed["failures"].as_array().map(Vec::len), Some(count), "{}: {failed:?}", name(&case));
    }
}
