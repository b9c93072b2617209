//! The Rust side of `bench_vs_jax.py`, which runs it: `vs_jax loops RUNS`, `vs_jax first-gradient` or
//! `vs_jax first-program`.

#[path = "../loops.rs"]
mod loops;

use std::time::Instant;

use cotangent::prelude::*;

/// Seconds that a loop takes.
fn timed(run: impl Fn() -> Vec<Array>) -> f64 {
    let start = Instant::now();
    loops::finished(&run());
    start.elapsed().as_secs_f64()
}

/// One line a run, the first one with everything that is done but once: seconds of each loop.
fn time_loops(runs: usize) {
    let data = loops::data();
    loops::finished(std::slice::from_ref(&data));
    for _ in 0..runs {
        let times = [timed(loops::polynomial), timed(|| loops::likelihood(&data)), timed(loops::gold)];
        println!("{} {} {}", times[0], times[1], times[2]);
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next().and_then(|n| n.parse().ok())) {
        (Some("loops"), Some(runs)) => time_loops(runs),
        // The derivative of 3x + 1 is a constant, for which nothing need be compiled or even loaded; that of the
        // polynomial is a program.
        (Some("first-gradient"), None) => println!("{}", grad(|x: &Array| 3.0 * x + 1.0)(&4.0.into())),
        (Some("first-program"), None) => {
            println!("{}", grad(|x: &Array| 3.0 * x.powi(2) + 4.0 * x - 3.0)(&3.0.into()));
        }
        _ => {
            eprintln!("usage: vs_jax loops RUNS | vs_jax first-gradient | vs_jax first-program");
            std::process::exit(2);
        }
    }
}
