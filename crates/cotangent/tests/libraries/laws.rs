//! Laws of the distributions of `scipy::stats` and of `scipy::special`, at all stored points: gradients are numeric
//! differences, and `vmap` computes what each element gives by itself. A function is one program.

use std::collections::BTreeMap;

use super::goldens_lib::functions::real;
use super::goldens_lib::laws::{self, Calls};
use super::goldens_lib::{array, cases, floats, golden, run_all};
use super::{norm, special, stats};

use cotangent::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

/// Where a gradient need not be the numeric difference.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Excuse {
    functions: Vec<String>,
    /// The arguments in which the derivative is taken.
    arguments: Vec<usize>,
    /// The first argument of the points; without it, there is no derivative at all.
    #[serde(default)]
    first: Vec<f64>,
    #[serde(rename = "why")]
    _why: String,
}

impl Excuse {
    fn covers(&self, name: &str, argument: usize, first: f64) -> bool {
        let (function, argument) = (self.functions.iter().any(|f| f == name), self.arguments.contains(&argument));
        function && argument && (self.first.is_empty() || self.first.contains(&first))
    }
}

type Call = fn(&str, &[Array]) -> Array;

/// The functions whose elements are computed together.
const WHOLE: &[&str] = &["dirichlet", "multivariate_normal", "multinomial", "logsumexp"];

/// Rows of numbers, one for each argument: the stored points of a function.
type Points = Vec<Vec<f64>>;

/// Appends a point for each element of arguments that are broadcast.
fn append(points: &mut Points, args: &[Array]) {
    let shape = args.iter().fold(vec![], |shape, x| np::broadcast_shapes(&shape[..], x.shape()).to_vec());
    points.resize(args.len(), Vec::new());
    for (all, x) in points.iter_mut().zip(args) {
        all.extend(floats(&x.broadcast_to(&shape[..])));
    }
}

/// The stored points of each elementwise function and number of arguments, in f64, and which of these have derivatives.
fn stored(file: &str) -> BTreeMap<(String, usize), (Points, Vec<bool>)> {
    let mut functions = BTreeMap::new();
    for case in cases(file) {
        let name = case["fn"].as_str().expect("a name").to_string();
        let list = |key: &str| -> Vec<Array> { case[key].as_array().into_iter().flatten().map(array).collect() };
        let args = list("args");
        if args[0].dtype() != DType::F64 || WHOLE.iter().any(|whole| name.starts_with(whole)) {
            continue;
        }
        let smooth = |i: usize| case["grads"].as_array().is_none_or(|grads| !grads[i].is_null());
        let (points, slopes): &mut (Points, Vec<bool>) = functions.entry((name, args.len())).or_default();
        append(points, &args);
        if !case["at"].is_null() {
            append(points, &list("at"));
        }
        *slopes = (0..args.len()).map(smooth).collect();
    }
    functions
}

fn arrays(points: &Points) -> Vec<Array> {
    points.iter().map(|x| Array::from(x.clone())).collect()
}

/// Checks a function at points. Returns how many derivatives were compared, and what is wrong.
fn elementwise(name: &str, call: Call, points: &Points, slopes: &[bool], excuses: &[Excuse]) -> (usize, Vec<String>) {
    let (n, step) = (points[0].len(), |x: f64| if x == 0.0 { 1e-6 } else { 1e-5 * x.abs() });
    // Each argument in turn, a step ahead and a step back.
    let mut around = points.clone();
    for moved in 0..points.len() {
        for sign in [1.0, -1.0] {
            for (i, (all, x)) in around.iter_mut().zip(points).enumerate() {
                all.extend(x.iter().map(|x| if i == moved { x + sign * step(*x) } else { *x }));
            }
        }
    }
    let none = |i: usize| excuses.iter().any(|excuse| excuse.first.is_empty() && excuse.covers(name, i, 0.0));
    let wanted: Vec<usize> = (0..points.len()).filter(|i| slopes[*i] && !none(*i)).collect();
    let f = |x: &Vec<Array>| call(name, x);
    // The derivatives of one element, in the arguments that have them.
    let one = |x: &Vec<Array>| {
        let some: Vec<Array> = wanted.iter().map(|i| x[*i].clone()).collect();
        value_and_grad(|some: &Vec<Array>| {
            let mut all = x.clone();
            wanted.iter().zip(some).for_each(|(i, y)| all[*i] = y.clone());
            f(&all)
        })(&some)
    };
    let first = |x: &Vec<Array>| {
        let rest: Vec<Array> = x[1..].iter().map(|x| x.get(0)).collect();
        vmap(|y: &Array| f(&[vec![y.clone()], rest.clone()].concat()))(&x[0])
    };
    let program = jit(|around: &Vec<Array>, x: &Vec<Array>| (f(around), vmap(one)(x), first(x)));
    let (values, (mapped, gradients), _) = program(&arrays(&around), &arrays(points));
    let (values, mapped) = (floats(&values), floats(&mapped));
    let gradients: Vec<Vec<f64>> = gradients.iter().map(floats).collect();
    let (mut compared, mut wrong) = (0, Vec::new());
    let mut used = vec![false; excuses.len()];
    for e in 0..n {
        let at: Vec<f64> = points.iter().map(|x| x[e]).collect();
        let value = values[e];
        if !(value == mapped[e]
            || value.is_nan() && mapped[e].is_nan()
            || (value - mapped[e]).abs() <= 1e-12 * value.abs())
        {
            wrong.push(format!("{name}{at:?} is {value:?} alone and {:?} mapped", mapped[e]));
        }
        for (i, gradient) in wanted.iter().zip(&gradients) {
            let (h, ahead, back) = (step(at[*i]), values[(2 * i + 1) * n + e], values[(2 * i + 2) * n + e]);
            if ![value, ahead, back].iter().chain(&at).all(|y| y.is_finite()) {
                continue;
            }
            compared += 1;
            // At a kink, any slope between those of both sides is right.
            let (right, left) = ((ahead - value) / h, (value - back) / h);
            let rounding = 8.0 * f64::EPSILON * value.abs() / h;
            let slack = rounding + 5e-5 * (1.0 + right.abs().min(left.abs()) + value.abs() + gradient[e].abs());
            if !(right.min(left) - slack..=right.max(left) + slack).contains(&gradient[e]) {
                if let Some(excuse) = excuses.iter().position(|excuse| excuse.covers(name, *i, at[0])) {
                    used[excuse] = true;
                    continue;
                }
                wrong.push(format!("slope {i} of {name}{at:?} is {:?}, between {left:?} and {right:?}", gradient[e]));
            }
        }
    }
    for (excuse, _) in excuses.iter().zip(used).filter(|(excuse, used)| !used && !excuse.first.is_empty()) {
        let all = excuse.arguments.iter().all(|i| *i < points.len());
        if all && excuse.functions.iter().any(|f| f == name) {
            wrong.push(format!("{name} needs no excuse at {:?}", excuse.first));
        }
    }
    (compared, wrong)
}

/// A direction for each argument, of about 1. Along the first axis of the numbers of a Dirichlet distribution, it adds up to
/// zero, and the counts of a multinomial one stay.
fn directions(name: &str, args: &[Array]) -> Vec<Array> {
    let wave = |(i, x): (usize, &Array)| {
        let v = np::where_(np::isfinite(x), real(x.shape(), i as i64 + 3) / 2.0, 0.0);
        match (name.split('.').next(), i) {
            (Some("dirichlet"), 0) if x.shape()[0] == args[1].size() => &v - v.mean_keepdims(0),
            (Some("multinomial"), 0 | 1) => v * 0.0,
            // A covariance is symmetric.
            (Some("multivariate_normal"), 2) if x.ndim() > 1 => &v + v.moveaxis(-1, -2),
            _ => v,
        }
    };
    args.iter().enumerate().map(wave).collect()
}

/// The functions that are not elementwise.
fn whole(file: &str, call: Call) {
    let mut calls = Calls::new();
    for case in cases(file) {
        let name = case["fn"].as_str().expect("a name");
        let args: Vec<Array> = case["args"].as_array().expect("a list").iter().map(array).collect();
        if args[0].dtype() != DType::F64 || !WHOLE.iter().any(|whole| name.starts_with(whole)) {
            continue;
        }
        let along = directions(name, &args);
        calls.entry(name.to_string()).or_default().push(laws::Call::along("", args, along));
    }
    assert!(calls.values().map(Vec::len).sum::<usize>() > 4, "the list of cases is cut short");
    laws::check(file, &calls, |name, _, x| vec![call(name, x)]);
}

/// Checks all elementwise functions of a file, which compare at least `least` derivatives.
fn all_laws(file: &str, call: Call, least: usize) {
    let excuses: Vec<Excuse> = serde_json::from_value(golden("excuses.json")["laws"].take()).expect("excuses");
    let functions = stored(file);
    let total = std::sync::atomic::AtomicUsize::new(0);
    let names: Vec<Value> = functions.keys().map(|name| json!(name)).collect();
    run_all(&names, |key| {
        let key: (String, usize) = serde_json::from_value(key.clone()).expect("a name and a number");
        let (points, slopes) = &functions[&key];
        let (compared, wrong) = elementwise(&key.0, call, points, slopes, &excuses);
        total.fetch_add(compared, std::sync::atomic::Ordering::Relaxed);
        (!wrong.is_empty()).then(|| wrong.join("\n"))
    });
    let total = total.into_inner();
    assert!(total >= least, "only {total} derivatives were compared");
}

#[test]
fn distributions_obey_laws() {
    all_laws("stats", stats::call, 5000);
    whole("stats", stats::call);
}

#[test]
fn the_normal_distribution_and_special_functions_obey_laws() {
    all_laws("norm", norm::call, 500);
    whole("norm", norm::call);
    all_laws("special", special::call, 50);
}
