//! How un-jitted programs reach the compiler.

use cotangent::prelude::*;

/// A loop whose counter is a Rust number differs in its scalars only; a hundred compiles would take seconds.
#[test]
fn other_scalars_are_no_other_program() {
    let start = Array::from([1.0f32, 2.0]);
    for i in 0..100 {
        let factor = f64::from(i);
        let df = grad(|x: &Array| (x.sin() * factor + 0.5 * factor).sum());
        let slope = df(&start).to_vec::<f32>();
        let expected = [1.0f32.cos() * i as f32, 2.0f32.cos() * i as f32];
        for (got, want) in slope.iter().zip(expected) {
            assert!((got - want).abs() <= 1e-5 * want.abs().max(1.0), "{i}: {got} {want}");
        }
    }
}

/// Too large to be compiled for one run: equation by equation, with the same result.
#[test]
fn a_large_program_runs_without_being_compiled() {
    let n = 5000;
    let long = |x: &Array| {
        let mut y = x.clone();
        for _ in 0..n {
            y = &y * 0.9999 + 0.0001;
        }
        y
    };
    let (start, step) = ([3.0f64, -3.0], [1.0f64, 2.0]);
    let (y, dy) = jvp(long, (&start.into(),), (&step.into(),));
    let shrunk = 0.9999f64.powi(n);
    for i in 0..2 {
        assert!((y.to_vec::<f64>()[i] - (1.0 + (start[i] - 1.0) * shrunk)).abs() < 1e-12);
        assert!((dy.to_vec::<f64>()[i] - step[i] * shrunk).abs() < 1e-12);
    }
}
