//! The derivatives that GradBench measures, each at a medium size.

use cotangent_gradbench::compile;
use serde_json::{Value, json};

use crate::{Bench, Case};

macro_rules! evals {
    ($($module:ident $function:ident $about:literal, $input:expr;)*) => {
        pub(crate) const CASES: &[Case] = &[$(
            Case::new(concat!("gradbench/", stringify!($module)), $about, "gradient", || {
                run(stringify!($module), stringify!($function), &$input)
            })
        ),*];

        /// An input for each eval.
        const INPUTS: &[(&str, fn() -> Value)] = &[$((stringify!($module), || $input)),*];
    };
}

/// A function of an eval, and an input for it: what a message of GradBench's protocol names.
#[derive(Clone, Debug, PartialEq)]
pub struct GradBenchProgram {
    /// The eval.
    pub module: &'static str,
    /// The function.
    pub function: &'static str,
    /// The input.
    pub input: Value,
}

/// Every function of every eval of GradBench.
#[must_use]
pub fn gradbench_programs() -> Vec<GradBenchProgram> {
    let of = |(module, input): &(&'static str, fn() -> Value)| {
        let (module, input) = (*module, input());
        let program = move |function| GradBenchProgram { module, function, input: input.clone() };
        cotangent_gradbench::functions(module).into_iter().map(program)
    };
    INPUTS.iter().flat_map(of).collect()
}

evals! {
    ba jacobian "Jacobian of the reprojection errors of 36,455 observations, 11,315 points, 21 cameras",
        json!({ "n": 21, "m": 11_315, "p": 36_455, "cam": numbers(11), "x": numbers(3), "w": 0.5, "feat": numbers(2) });
    det gradient "gradient of an 8 × 8 determinant, expanded by minors", json!({ "A": irregular(64), "ell": 8 });
    gmm jacobian "gradient of a mixture of 25 Gaussians in 20 dimensions, 1,000 points", mixture(20, 25, 1000);
    hello double "gradient of a square", json!(3.0);
    ht jacobian "Jacobian of the residuals of 400 points in hand tracking", hand(400);
    kmeans dir "Newton direction of k-means, 100 clusters, 10,000 points in 8 dimensions", clusters(100, 10_000, 8);
    llsq gradient "gradient of least squares for a polynomial of degree 127, 1,024 points",
        json!({ "x": numbers(128), "n": 1024 });
    lse gradient "gradient of logsumexp over 80,000 elements", json!({ "x": numbers(80_000) });
    lstm jacobian "gradient of a two-layer LSTM over 1,024 characters of 14 bits",
        json!({ "main_params": rows(4, 56), "extra_params": rows(3, 14), "state": rows(4, 14), "sequence": rows(1024, 14) });
    ode gradient "gradient of 10 Runge–Kutta steps, 10,000 equations", json!({ "x": numbers(10_000), "s": 10 });
    particle rr "optimization of a particle's path, reverse mode over reverse mode", json!({ "w": 0.0 });
    saddle rr "search for a saddle point, reverse mode over reverse mode", json!({ "start": [1.0, 1.0] });
}

fn run(module: &str, function: &str, input: &Value) -> Bench {
    let f = compile(module, function, &input.to_string()).expect("it compiles");
    let mut all = Vec::new();
    flatten(&f.output().expect("it runs"), &mut all);
    // Two sums stand for all numbers.
    let size = all.iter().map(|x| x.abs()).sum();
    let weighted = all.iter().enumerate().map(|(i, x)| x * (1.0 + i as f64).cos()).sum();
    Bench::of(move || f.run().expect("it runs")).check(vec![size, weighted])
}

/// The numbers of a result, in order.
fn flatten(value: &Value, out: &mut Vec<f64>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| flatten(item, out)),
        Value::Object(members) => members.values().for_each(|item| flatten(item, out)),
        other => out.extend(other.as_f64()),
    }
}

/// Deterministic numbers from 0 to 1.
fn numbers(n: usize) -> Vec<f64> {
    let fraction = |i: usize| (i as f64 * 0.618_033_988_749_894_9).fract();
    (1..=n).map(fraction).collect()
}

/// Deterministic numbers from 0 to 1 without a linear relation, so that a matrix of them has full rank.
fn irregular(n: usize) -> Vec<f64> {
    (1..=n).map(|i| ((i * i) as f64 * 0.618_033_988_749_894_9).fract()).collect()
}

fn rows(n: usize, columns: usize) -> Value {
    numbers(n * columns).chunks(columns).map(Value::from).collect()
}

fn mixture(d: usize, k: usize, n: usize) -> Value {
    json!({ "d": d, "k": k, "n": n, "x": rows(n, d), "m": 0, "gamma": 1.0,
        "alpha": numbers(k), "mu": rows(k, d), "q": rows(k, d), "l": rows(k, d * (d - 1) / 2) })
}

/// A hand with arbitrary bones and a skin of triangles.
fn hand(points: usize) -> Value {
    let (bones, vertices) = (22, 544);
    let parents: Vec<i32> = (0..bones)
        .map(|bone| {
            if bone == 0 {
                -1
            } else if bone == 21 || bone % 4 == 1 {
                0
            } else {
                bone - 1
            }
        })
        .collect();
    let transforms = || -> Value { (0..bones).map(|_| rows(4, 4)).collect() };
    let triangles: Vec<[usize; 3]> = (2..vertices).map(|i| [i - 2, i - 1, i]).collect();
    json!({
        "theta": numbers(26),
        "us": rows(points, 2),
        "data": {
            "correspondences": (0..points).map(|i| i % triangles.len()).collect::<Vec<_>>(),
            "points": rows(points, 3),
            "model": {
                "parents": parents,
                "base_relatives": transforms(),
                "inverse_base_absolutes": transforms(),
                "base_positions": rows(vertices, 4),
                "weights": rows(vertices, 22),
                "triangles": triangles,
                "is_mirrored": false,
            },
        },
    })
}

fn clusters(k: usize, n: usize, d: usize) -> Value {
    json!({ "points": rows(n, d), "centroids": rows(k, d) })
}
