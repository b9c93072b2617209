//! The cost of derivatives, counted rather than timed: equations, elementwise operations, and saved residuals.

use std::time::Duration;

use cotangent::extend::{Atom, Eqn, Jaxpr};
use cotangent::{lax, prelude::*};

use super::{Case, Modes};

/// Returns the number of elementwise operations of a program: for each equation, the number of elements that it
/// computes times the operations for each.
fn operations(jaxpr: &Jaxpr) -> f64 {
    jaxpr.eqns().iter().map(|eqn| of_equation(jaxpr, eqn)).sum()
}

fn of_equation(jaxpr: &Jaxpr, eqn: &Eqn) -> f64 {
    let inner: Vec<f64> = eqn.prim().jaxprs().into_iter().map(|j| operations(j)).collect();
    let size = |atom: &Atom| atom.var().map_or(1, |v| jaxpr.avals()[v.index()].shape.iter().product::<usize>()) as f64;
    let made: f64 = eqn.outputs().iter().map(|v| size(&Atom::Var(*v))).sum();
    let read = eqn.inputs().iter().map(size).fold(0.0, f64::max);
    match eqn.prim().name() {
        "scan" => {
            let params = eqn.prim().params();
            let length = params.iter().find(|(key, _)| *key == "length").expect("a scan has a length");
            length.1.parse::<f64>().expect("a number") * inner.iter().sum::<f64>()
        }
        // Only one of the branches runs.
        "cond" => inner.iter().copied().fold(0.0, f64::max),
        "custom_linear_solve" => inner.iter().copied().fold(0.0, f64::max),
        // Each element of a matrix product takes as many multiplications as the contracted axes have elements.
        "dot_general" => {
            let sizes: f64 = eqn.inputs().iter().map(size).product();
            (sizes * made).sqrt().max(made)
        }
        "sort" | "cumsum" | "cumprod" | "cummax" | "cummin" => made * (made + 1.0).log2().max(1.0),
        name if name.starts_with("reduce_") => read,
        // Operations that only move elements compute nothing; the compiler fuses them with their neighbors.
        "broadcast_in_dim"
        | "reshape"
        | "transpose"
        | "squeeze"
        | "copy"
        | "slice"
        | "pad"
        | "concatenate"
        | "rev"
        | "convert_element_type"
        | "iota"
        | "stop_gradient" => 0.0,
        _ if !inner.is_empty() => inner.iter().sum(),
        // A transcendental function takes a dozen or more additions and multiplications.
        "exp" | "exp2" | "expm1" | "log" | "log1p" | "sin" | "cos" | "tan" | "tanh" | "sinh" | "cosh" | "asin"
        | "acos" | "atan" | "asinh" | "acosh" | "atanh" | "atan2" | "pow" | "logistic" | "erf" | "erfc" | "erf_inv"
        | "lgamma" | "digamma" => 12.0 * made,
        "div" | "sqrt" | "rsqrt" | "cbrt" => 4.0 * made,
        _ => made,
    }
}

/// Value and gradient together take at most five times the operations of the value.
#[test]
fn a_gradient_costs_at_most_five_times_its_primal() {
    let mut failed = Vec::new();
    let mut worst = (0.0, String::new());
    for case in Case::all().iter().filter(|c| c.modes != Modes::Forward) {
        let s = |p: &Vec<Array>| (case.f)(p).sum();
        let primal = operations(&make_jaxpr(s)(&case.inputs).jaxpr);
        let gradient = operations(&make_jaxpr(value_and_grad(s))(&case.inputs).jaxpr);
        let ratio = gradient / primal;
        if ratio > worst.0 {
            worst = (ratio, case.name.clone());
        }
        if ratio > 5.0 {
            failed.push(format!("{}: {gradient} operations for {primal}, {ratio:.1} times", case.name));
        }
    }
    println!("the dearest gradient is that of {}, {:.2} times its primal", worst.1, worst.0);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Returns a function of `n` chained equations.
fn chain(n: usize) -> impl Fn(&Array) -> Array + Send + Sync + Copy {
    move |x: &Array| (0..n).fold(x.clone(), |y, i| if i % 2 == 0 { y.sin() } else { y * 0.5 })
}

/// For a program ten times as large, derivatives and batches are ten times as large, and tracing them takes time in
/// proportion.
#[test]
fn transforms_are_linear_in_the_size_of_a_program() {
    let x = Array::scalar(0.5f64);
    let batch = Array::from([0.5f64, 0.25]);
    let sizes = |n: usize| -> [usize; 4] {
        let count = |jaxpr: &Jaxpr| jaxpr.eqns().len();
        [
            count(&make_jaxpr(chain(n))(&x).jaxpr),
            count(&make_jaxpr(grad(chain(n)))(&x).jaxpr),
            count(&make_jaxpr(vmap(chain(n)))(&batch).jaxpr),
            count(&make_jaxpr(|x: &Array| jvp(chain(n), (x,), (&Array::scalar(1.0f64),)))(&x).jaxpr),
        ]
    };
    let names = ["trace", "grad", "vmap", "jvp"];
    let (small, middle) = (sizes(1_000), sizes(10_000));
    let start = std::time::Instant::now();
    let large = sizes(100_000);
    // Much more than the time needed; quadratic work would take hours.
    assert!(start.elapsed() < Duration::from_secs(120), "100,000 equations took {:?}", start.elapsed());
    for (i, name) in names.into_iter().enumerate() {
        println!("{name:6} {:>7} {:>7} {:>7} equations", small[i], middle[i], large[i]);
        let (step, next) = (middle[i] - small[i], large[i] - middle[i]);
        assert!(next.abs_diff(10 * step) <= 100, "{name}: {} {} {}", small[i], middle[i], large[i]);
        assert!(large[i] <= 400_000, "{name}: {} equations", large[i]);
    }
}

/// Reverse mode of a long loop saves only what each iteration's derivative needs: here the carry.
#[test]
fn a_long_scan_keeps_its_residuals_alone() {
    const STEPS: usize = 10_000;
    let f = |x: &Array| {
        lax::Scan::new().length(STEPS).run(|c: &Array, _: &()| (c + 0.001 * c.sin(), ()), x.clone(), &()).0.sum()
    };
    let x = Array::from([0.1f64, 0.2, 0.3]);
    let program = make_jaxpr(grad(f))(&x);
    let sizes = program.jaxpr.avals().iter().map(|a| a.shape.iter().product::<usize>());
    let stacked: Vec<usize> = sizes.filter(|n| *n >= STEPS).collect();
    // One residual for each sine: its derivative, or the value that the derivative is computed from.
    assert!(!stacked.is_empty() && stacked.iter().sum::<usize>() <= STEPS * 3, "{stacked:?}\n{}", program.jaxpr);
    // dx_n/dx_0 is the product of 1 + 0.001 cos x_i.
    let expected = [0.1f64, 0.2, 0.3].map(|x| {
        let (mut x, mut slope) = (x, 1.0);
        for _ in 0..STEPS {
            slope *= 1.0 + 0.001 * x.cos();
            x += 0.001 * x.sin();
        }
        slope
    });
    for (got, want) in grad(f)(&x).to_vec::<f64>().into_iter().zip(expected) {
        assert!((got - want).abs() <= 1e-9 * want, "{got} {want}");
    }
}
