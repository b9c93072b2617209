//! Whole programs × transformations against JAX: `goldens/programs.json`, made by `goldens/make_programs.py`, which has
//! the same programs in Python.

#[path = "../common/mod.rs"]
mod common;
mod cost;
mod device;
mod exported;
mod imported;
mod loops;
mod models;
mod small;
mod structured;
mod transforms;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::{float, golden, list, scalars, usizes};
use cotangent::extend::Scalar;
use cotangent::prelude::*;
use serde_json::Value as Json;

/// The name of a function of several arrays, and the function.
type Entry = (&'static str, fn(&[Array]) -> Array);
type Table = &'static [Entry];

/// Defines a table of programs: `"name"
/// arguments
/// body;`.
macro_rules! programs {
    ($($name:literal |$($x:ident),*| $body:expr;)*) => {
        &[$((
            $name,
            |p: &[Array]| {
                let [$($x),*] = p else { panic!("{}: {} arguments", $name, p.len()) };
                $body
            },
        )),*]
    };
}
pub(crate) use programs;

/// Returns the program of that name.
fn program(name: &str) -> Option<fn(&[Array]) -> Array> {
    let all = [small::SMALL, loops::LOOPS, models::MODELS, structured::STRUCTURED];
    all.into_iter().flatten().find(|(n, _)| *n == name).map(|(_, f)| *f)
}

/// The modes that a program supports: some lack reverse mode, some forward mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Modes {
    /// Its derivatives are not compared.
    Value,
    Both,
    Forward,
    Reverse,
}

/// A program of arrays.
type Function = Arc<dyn Fn(&[Array]) -> Array + Send + Sync>;

/// A stored case: the inputs of a program, and JAX's results.
struct Case {
    name: String,
    f: Function,
    modes: Modes,
    inputs: Vec<Array>,
    tangents: Vec<Array>,
    cotangent: Array,
    results: BTreeMap<String, Vec<Json>>,
}

impl Case {
    /// All cases. `PROGRAMS=kalman,euler` selects these programs.
    fn all() -> Vec<Case> {
        let only = std::env::var("PROGRAMS").ok();
        let wanted = |c: &Case| only.as_ref().is_none_or(|only| only.split(',').any(|n| n == c.name));
        let present = |x: &Json| -> Vec<Array> { common::arrays(x).into_iter().flatten().collect() };
        let file = golden("programs.json");
        let parse = |case: &Json| {
            let name = case["name"].as_str().expect("a name").to_string();
            let f = program(&name).unwrap_or_else(|| panic!("the program `{name}` of programs.json is not in Rust"));
            let modes = match case["modes"].as_str() {
                Some("forward") => Modes::Forward,
                Some("reverse") => Modes::Reverse,
                _ => Modes::Both,
            };
            let results = case["results"].as_object().expect("results").iter();
            Case {
                name,
                f: Arc::new(f),
                modes,
                inputs: present(&case["inputs"]),
                tangents: present(&case["tangents"]),
                cotangent: common::array(&case["cotangent"]).expect("a cotangent"),
                results: results.map(|(k, v)| (k.clone(), list(v).to_vec())).collect(),
            }
        };
        list(&file["cases"]).iter().map(parse).filter(wanted).collect()
    }
}

/// Describes the difference between a result and JAX's stored summary of it: the shape and a few numbers. Returns
/// `None` if they agree.
fn difference(got: &Array, stored: &Json) -> Option<String> {
    let expected: Vec<f64> = list(&stored["digest"]).iter().map(float).collect();
    if got.shape() != usizes(&stored["shape"]) || got.dtype() != DType::F64 {
        return Some(format!("{} instead of f64{}", got.aval(), stored["shape"]));
    }
    let elements = scalars(got).into_iter().map(|x| match x {
        Scalar::Float(x) => x,
        other => panic!("not a float: {other:?}"),
    });
    let mut digest: Vec<f64> = elements.collect();
    let mut size = digest.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    if digest.len() > 4 {
        let weighted = digest.iter().enumerate().map(|(i, x)| x * (1.0 + i as f64).cos()).sum();
        size = digest.iter().map(|x| x.abs()).sum();
        digest = vec![digest.iter().sum(), weighted];
    }
    // Relative to the size of the summands: JAX may sum in another order.
    let near = |(g, e): (&f64, &f64)| g == e || (g - e).abs() <= 1e-9 * size.max(1e-3);
    let same = digest.len() == expected.len() && digest.iter().zip(&expected).all(near);
    (!same).then(|| format!("{digest:?} instead of {expected:?}"))
}

/// The transformations of a case, and the results of each by name.
type Transformed = Vec<(String, Vec<Array>)>;
type Transformations = fn(&Case, &Vec<Array>, &Vec<Array>, &Array) -> Transformed;

/// Runs transformations of a case as one program. Returns the names of those that ran, and the failures.
fn run(case: &Case, transformations: Transformations) -> (Vec<String>, Vec<String>) {
    let (mut ran, mut failed) = (Vec::new(), Vec::new());
    let result = catch_unwind(AssertUnwindSafe(|| {
        let results = jit(|p: &Vec<Array>, t: &Vec<Array>, ct: &Array| transformations(case, p, t, ct));
        let mut results =
            results.try_call((&case.inputs, &case.tangents, &case.cotangent)).unwrap_or_else(|e| panic!("{e}"));
        // Un-jitted, and as a program of its own.
        results.push(("value".to_string(), vec![(case.f)(&case.inputs)]));
        for (what, leaves) in results {
            let Some(expected) = case.results.get(&what) else {
                failed.push(format!("{what}: not among the stored results"));
                continue;
            };
            if expected.len() != leaves.len() {
                failed.push(format!("{what}: {} results instead of {}", leaves.len(), expected.len()));
            }
            let wrong = leaves.iter().zip(expected).enumerate().filter_map(|(i, (x, e))| Some((i, difference(x, e)?)));
            failed.extend(wrong.map(|(i, d)| format!("{what}, leaf {i}: {d}")));
            ran.push(what);
        }
    }));
    if let Err(panic) = result {
        failed.push(common::device::message(&*panic));
    }
    (ran, failed.into_iter().map(|f| format!("{} {f}", case.name)).collect())
}

/// Runs every transformation of a case.
fn run_all(case: &Case) -> (Vec<String>, Vec<String>) {
    let (ran, mut failed) = run(case, transforms::all);
    failed.extend(case.results.keys().filter(|k| !ran.contains(k)).map(|k| format!("{} {k}: did not run", case.name)));
    (ran, failed)
}

#[test]
fn programs_agree_with_jax_under_every_transformation() {
    let only = std::env::var_os("PROGRAMS");
    let cases = Case::all();
    let next = AtomicUsize::new(0);
    let state = Mutex::new((BTreeMap::<String, usize>::new(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (ran, failed) = run_all(case);
                    let mut state = state.lock().expect("no thread panics with the lock");
                    ran.into_iter().for_each(|what| *state.0.entry(what).or_default() += 1);
                    state.1.extend(failed);
                }
            });
        }
    });
    let (counts, failed) = state.into_inner().expect("no thread panics with the lock");
    counts.iter().for_each(|(what, n)| println!("{what:26} {n:>4}"));
    let ran: usize = counts.values().sum();
    println!("{:26} {ran:>4} cases of {} programs", "together", cases.len());
    assert!(failed.is_empty(), "{} of {ran} cases differ:\n{}", failed.len(), failed.join("\n"));
    assert_eq!(ran, cases.iter().map(|c| c.results.len()).sum::<usize>(), "each stored case runs");
    assert!(only.is_some() || ran >= 400, "only {ran} cases are stored");
}
