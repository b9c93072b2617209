//! The derivatives that GradBench asks for, each at one of its middle sizes.

use cotangent_gradbench::compile;
use serde_json::{Value, json};

use crate::{Bench, Case};

macro_rules! evals {
    ($($module:ident $function:ident $about:literal, $input:expr;)*) => {
        &[$(
            Case::new(concat!("gradbench/", stringify!($module)), $about, "gradient", || {
                run(stringify!($module), stringify!($function), &$input)
            })
        ),*]
    };
}

pub(crate) const CASES: &[Case] = evals! {
    det gradient "gradient of a determinant of 8 × 8 by minors", json!({ "A": numbers(64), "ell": 8 });
    gmm jacobian "gradient of a mixture of 25 Gaussians in 20 dimensions, 1000 points", mixture(20, 25, 1000);
    kmeans dir "Newton's step for 100 clusters of 10,000 points in 8 dimensions", clusters(100, 10_000, 8);
    llsq gradient "gradient of a polynomial's squared residuals, degree 127, 1024 points",
        json!({ "x": numbers(128), "n": 1024 });
    lse gradient "gradient of logsumexp of 80,000", json!({ "x": numbers(80_000) });
    ode gradient "gradient of 10 steps of Runge and Kutta, 10,000 equations", json!({ "x": numbers(10_000), "s": 10 });
    particle rr "a particle's path optimised, reverse mode in reverse mode", json!({ "w": 0.0 });
    saddle rr "a saddle point by descents, reverse mode in reverse mode", json!({ "start": [1.0, 1.0] });
};

fn run(module: &str, function: &str, input: &Value) -> Bench {
    let f = compile(module, function, &input.to_string()).expect("it compiles");
    Bench::of(move || f().expect("it runs"))
}

/// From 0 to 1, always the same.
fn numbers(n: usize) -> Vec<f64> {
    let fraction = |i: usize| (i as f64 * 0.618_033_988_749_894_9).fract();
    (1..=n).map(fraction).collect()
}

fn rows(n: usize, columns: usize) -> Value {
    numbers(n * columns).chunks(columns).map(Value::from).collect()
}

fn mixture(d: usize, k: usize, n: usize) -> Value {
    json!({ "d": d, "k": k, "n": n, "x": rows(n, d), "m": 0, "gamma": 1.0,
        "alpha": numbers(k), "mu": rows(k, d), "q": rows(k, d), "l": rows(k, d * (d - 1) / 2) })
}

fn clusters(k: usize, n: usize, d: usize) -> Value {
    json!({ "points": rows(n, d), "centroids": rows(k, d) })
}
