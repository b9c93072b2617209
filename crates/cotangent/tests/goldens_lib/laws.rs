//! Laws that hold for every function, without a stored result: its derivative along a direction is that of numeric
//! differences, reverse mode agrees with forward mode, and `vmap` computes what a loop does. All calls of a function are
//! one program. `calls` in excuses.json lists where a law means nothing.

use super::matrices::numbers;
use super::{dtype, floats, golden, run_all};

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use cotangent::prelude::*;
use serde::Deserialize;
use serde_json::Value;

/// A call of a function: its options in words, its arguments, and a direction for each, or none, for which numbers in their
/// scale are taken.
pub(crate) struct Call {
    how: String,
    args: Vec<Array>,
    along: Vec<Array>,
}

/// The calls of each function.
pub(crate) type Calls = BTreeMap<String, Vec<Call>>;

impl Call {
    pub(crate) fn new(how: &str, args: Vec<Array>) -> Self {
        Self::along(how, args, Vec::new())
    }

    pub(crate) fn along(how: &str, args: Vec<Array>, along: Vec<Array>) -> Self {
        Self { how: how.to_string(), args, along }
    }
}

/// An array with the same numbers, of 64 bits if they are not integers.
fn wide(x: &Array) -> Array {
    match x.dtype() {
        dtype if dtype.is_complex() => x.astype(DType::C128),
        dtype if dtype.is_float() => x.astype(DType::F64),
        _ => x.clone(),
    }
}

/// A direction for the argument at a place. What is not finite stays, and a zero, where a domain may end, grows.
fn direction(x: &Array, place: usize) -> Array {
    if !x.dtype().is_inexact() {
        return x.clone();
    }
    let v = numbers(x.shape(), x.dtype(), 3.0 + place as f64) * ((x.abs() + 1.0) / 8.0);
    let v = if x.dtype().is_complex() { v } else { np::where_(x.equal(0.0), v.abs(), v) };
    np::where_(np::isfinite(x), v, 0.0)
}

/// The numbers of a dtype with derivatives in stored arrays: how many are finite, and whether all are.
fn finite(arrays: &[Value]) -> (usize, bool) {
    let is_finite = |x: &&Value| x.as_array().map_or(x.is_number(), |parts| parts.iter().all(Value::is_number));
    let smooth = arrays.iter().filter(|x| x["data"].is_array() && dtype(&x["dtype"]).is_inexact());
    let all: Vec<&Value> = smooth.flat_map(|x| x["data"].as_array()).flatten().collect();
    let count = all.iter().copied().filter(is_finite).count();
    (count, count == all.len())
}

/// A function and its options.
pub(crate) type Key = (String, String);

/// Of the cases for which `key` returns a function and its options, one for each: that with the most finite results, if possible of
/// finite arguments.
pub(crate) fn fullest<'a>(
    cases: impl IntoIterator<Item = &'a Value>,
    key: impl Fn(&Value) -> Option<Key>,
) -> Vec<(Key, &'a Value)> {
    let mut found = BTreeMap::<Key, ((bool, usize), &Value)>::new();
    for case in cases {
        let args = case["args"].as_array().or(case["inputs"].as_array()).map_or(&[][..], Vec::as_slice);
        let rank = (finite(args).1, finite(&outputs(case)).0);
        let Some(key) = key(case).filter(|_| rank.1 > 0) else { continue };
        if found.get(&key).is_none_or(|(most, _)| rank > *most) {
            found.insert(key, (rank, case));
        }
    }
    found.into_iter().map(|(key, (_, case))| (key, case)).collect()
}

fn outputs(case: &Value) -> Vec<Value> {
    let all = case["outputs"].as_array().cloned();
    all.unwrap_or_else(|| vec![case["output"].clone(), case["value"].clone()])
}

/// The function and the options of a case.
fn called(case: &Value) -> Key {
    let text = |key: &str| case[key].as_str().unwrap_or_default().to_string();
    (text("fn"), text("how"))
}

/// Calls of the functions and options without a stored gradient; `call` makes one from the options and a case.
pub(crate) fn without_gradients(cases: &[Value], call: impl Fn(&str, &Value) -> Call) -> Calls {
    let stored: BTreeSet<_> = cases.iter().filter(|case| !case["grads"].is_null()).map(called).collect();
    let mut calls = Calls::new();
    for ((name, how), case) in fullest(cases, |case| Some(called(case)).filter(|key| !stored.contains(key))) {
        let call = call(&how, case);
        if call.args.iter().any(|x| x.dtype().is_inexact()) {
            calls.entry(name).or_default().push(call);
        }
    }
    calls
}

/// Where a law need not hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Excuse {
    suite: String,
    functions: Vec<String>,
    /// Without options, all calls of the functions.
    how: Option<Vec<String>>,
    /// `program`: the function reads what it computes, so it is neither compiled nor mapped; `rule`: it has no derivative;
    /// `slope`, `reverse` or `batch`: these results mean nothing.
    law: String,
    #[serde(rename = "why")]
    _why: String,
}

/// Which laws a program checks.
#[derive(Clone, Copy)]
struct Laws {
    slopes: bool,
    batches: bool,
}

/// The excuses of a suite, and which were needed.
struct Excuses(Vec<(Excuse, Mutex<bool>)>);

impl Excuses {
    fn of(suite: &str) -> Self {
        let all: Vec<Excuse> = serde_json::from_value(golden("excuses.json")["calls"].take()).expect("excuses");
        Self(all.into_iter().filter(|excuse| excuse.suite == suite).map(|excuse| (excuse, Mutex::new(false))).collect())
    }

    fn cover(&self, name: &str, how: &str, law: &str) -> bool {
        let covers = |excuse: &Excuse| {
            let options = excuse.how.as_ref().is_none_or(|all| all.iter().any(|h| h == how));
            excuse.law == law && options && excuse.functions.iter().any(|f| f == name)
        };
        let found = self.0.iter().find(|(excuse, _)| covers(excuse));
        found.inspect(|(_, used)| *used.lock().expect("a flag") = true).is_some()
    }

    fn finish(self) {
        let idle = self.0.into_iter().filter(|(_, used)| !*used.lock().expect("a flag"));
        let idle: Vec<String> = idle.map(|(excuse, _)| format!("{:?}: {}", excuse.functions, excuse.law)).collect();
        assert!(idle.is_empty(), "excuses that cover nothing: {idle:#?}");
    }
}

/// The step of differences, along directions of about 1/8.
const STEP: f64 = 1e-5;

/// The place of a call along its direction: off ties and kinks at round numbers.
const PLACE: f64 = 1.0 / 64.0;

/// Results at a call, as lists: differences, derivatives in forward mode, values, the sums that compare reverse mode with
/// forward mode, and a batch, together and each by itself.
fn results(
    f: impl Fn(&[Array]) -> Vec<Array> + Copy + Send + Sync,
    args: &[Array],
    along: &[Array],
    laws: Laws,
) -> Vec<Vec<Array>> {
    let args: Vec<Array> = args.iter().map(wide).collect();
    let along = match along.is_empty() {
        true => args.iter().enumerate().map(|(i, x)| direction(x, i)).collect(),
        false => along.to_vec(),
    };
    let smooth: Vec<usize> = (0..args.len()).filter(|i| args[*i].dtype().is_inexact()).collect();
    let at = |t: f64| smooth.iter().map(|i| &args[*i] + &along[*i] * t).collect::<Vec<Array>>();
    let all = |x: &[Array]| {
        let mut all = args.clone();
        smooth.iter().zip(x).for_each(|(i, x)| all[*i] = x.clone());
        all
    };
    let mut results = vec![Vec::new(); 6];
    if laws.batches {
        let (one, other) = (all(&at(PLACE)), all(&at(1.0)));
        let batch: Vec<Array> = one.iter().zip(&other).map(|(x, y)| np::stack([x, y], 0)).collect();
        results[4] = vmap(|x: &Vec<Array>| f(x))(&batch);
        results[5] = f(&one).iter().zip(&f(&other)).map(|(x, y)| np::stack([x, y], 0)).collect();
    }
    if !laws.slopes {
        return results;
    }
    // Differences of floats of fewer bits are noise.
    let is_wide = |y: &Array| matches!(y.dtype(), DType::F64 | DType::C128);
    let g = |x: &Vec<Array>| f(&all(x)).into_iter().filter(is_wide).collect::<Vec<Array>>();
    let (x, v) = (at(PLACE), smooth.iter().map(|i| along[*i].clone()).collect::<Vec<Array>>());
    let (values, slopes) = jvp(g, (&x,), (&v,));
    let (ahead, back) = (g(&at(PLACE + STEP)), g(&at(PLACE - STEP)));
    let quotients: Vec<Array> = ahead.iter().zip(&back).map(|(a, b)| (a - b) / (2.0 * STEP)).collect();
    let weight =
        |(i, q): (usize, &Array)| np::where_(np::isfinite(q), numbers(q.shape(), q.dtype(), 20.0 + i as f64), 0.0);
    let weights: Vec<Array> = quotients.iter().enumerate().map(weight).collect();
    let product = |a: &Array, b: &Array, on: &Array| np::where_(on.abs().greater(0.0), (a * b).real(), 0.0);
    let sum = |x: Vec<Array>| x.iter().map(np::sum).fold(Array::scalar(0.0f64), |a, b| a + b);
    let terms: Vec<Array> = weights.iter().zip(&slopes).map(|(w, t)| product(w, t, w)).collect();
    let size = sum(terms.iter().map(np::abs).collect());
    let reverse = if values.is_empty() {
        Array::scalar(0.0f64)
    } else {
        let (_, pull) = vjp(g, (&x,));
        let (gradients,) = pull(&weights);
        sum(gradients.iter().zip(&v).map(|(g, v)| product(g, v, v)).collect())
    };
    results[..4].clone_from_slice(&[quotients, slopes, values, vec![sum(terms), size, reverse]]);
    results
}

fn greatest(x: &[f64]) -> f64 {
    x.iter().filter(|x| x.is_finite()).fold(0.0, |most, x| x.abs().max(most))
}

/// The first two numbers that differ, of lists in which NaN equals itself.
fn differ(x: &[f64], y: &[f64], slack: f64) -> Option<String> {
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= slack + 1e-12 * b.abs();
    let place = x.iter().zip(y).position(|(a, b)| !same(*a, *b));
    let place = if x.len() == y.len() { place } else { return Some(format!("{x:?} instead of {y:?}")) };
    place.map(|i| format!("element {i} is {:?} instead of {:?}", x[i], y[i]))
}

/// The laws that results break, and how many slopes were compared.
fn broken(results: &[Vec<Array>]) -> (usize, Vec<(&'static str, String)>) {
    let [quotients, slopes, values, sums, together, each] = results else { panic!("six lists of results") };
    let (mut compared, mut found) = (0, Vec::new());
    for (i, ((quotient, slope), value)) in quotients.iter().zip(slopes).zip(values).enumerate() {
        let (quotient, mut slope, value) = (floats(quotient), floats(slope), floats(value));
        // What is infinite or NaN has no difference.
        slope.iter_mut().zip(&quotient).filter(|(_, q)| !q.is_finite()).for_each(|(s, q)| *s = *q);
        compared += quotient.iter().filter(|q| q.is_finite()).count();
        let rounding = 16.0 * f64::EPSILON * greatest(&value) / STEP;
        let slack = rounding + 2e-6 * (1e-2 + greatest(&quotient));
        found.extend(differ(&slope, &quotient, slack).map(|d| ("slope", format!("result {i}, {d}"))));
    }
    if let [forward, size, reverse] = &sums.iter().map(floats).collect::<Vec<_>>()[..] {
        found.extend(differ(reverse, forward, 1e-14 + 1e-9 * size[0]).map(|d| ("reverse", d)));
    }
    for (i, (rows, each)) in together.iter().zip(each).enumerate() {
        let (rows, each) = (floats(rows), floats(each));
        let slack = 1e-12 * greatest(&each);
        found.extend(differ(&rows, &each, slack).map(|d| ("batch", format!("result {i}, {d}"))));
    }
    (compared, found)
}

/// Checks the laws at calls of a function.
fn laws(
    name: &str,
    calls: &[Call],
    excuses: &Excuses,
    f: impl Fn(&str, &[Array]) -> Vec<Array> + Copy + Send + Sync,
) -> Option<String> {
    let all = |laws: Laws| {
        move |args: &Vec<Vec<Array>>, along: &Vec<Vec<Array>>| {
            let of = |(i, call): (usize, &Call)| results(|x: &[Array]| f(&call.how, x), &args[i], &along[i], laws);
            calls.iter().enumerate().map(of).collect::<Vec<Vec<Vec<Array>>>>()
        }
    };
    let args: Vec<Vec<Array>> = calls.iter().map(|call| call.args.clone()).collect();
    let along: Vec<Vec<Array>> = calls.iter().map(|call| call.along.clone()).collect();
    let program = jit(all(Laws { slopes: true, batches: true }));
    let mut smooth = true;
    let found = match catch_unwind(AssertUnwindSafe(|| program(&args, &along))) {
        Ok(found) => found,
        Err(_) if excuses.cover(name, "", "rule") => {
            smooth = false;
            jit(all(Laws { slopes: false, batches: true }))(&args, &along)
        }
        Err(_) if excuses.cover(name, "", "program") => all(Laws { slopes: true, batches: false })(&args, &along),
        Err(panic) => std::panic::resume_unwind(panic),
    };
    let (mut compared, mut failures) = (0, Vec::new());
    for (call, results) in calls.iter().zip(&found) {
        let (count, broken) = broken(results);
        compared += count;
        let kept = broken.into_iter().filter(|(law, _)| !excuses.cover(name, &call.how, law));
        failures.extend(kept.map(|(law, what)| format!("{law} of {name} ({}): {what}", call.how)));
    }
    if smooth && compared == 0 && !excuses.cover(name, "", "slope") {
        failures.push(format!("no slope of {name} was compared"));
    }
    (!failures.is_empty()).then(|| failures.join("\n"))
}

/// Checks the laws at calls of functions, of a suite as the excuses name it. `call` takes a function's name, options and
/// arguments.
pub(crate) fn check(
    suite: &str,
    calls: &Calls,
    call: impl Fn(&str, &str, &[Array]) -> Vec<Array> + Copy + Send + Sync,
) {
    let excuses = Excuses::of(suite);
    let names: Vec<Value> = calls.keys().map(|name| name.clone().into()).collect();
    run_all(&names, |name| {
        let name = name.as_str().expect("a name");
        laws(name, &calls[name], &excuses, |how, x| call(name, how, x))
    });
    excuses.finish();
}

/// Checks the laws of a function near arguments, without excuses.
pub(crate) fn hold(name: &str, args: &[Array], f: impl Fn(&[Array]) -> Vec<Array> + Send + Sync) -> Option<String> {
    laws(name, &[Call::new("", args.to_vec())], &Excuses(Vec::new()), |_, x| f(x))
}
