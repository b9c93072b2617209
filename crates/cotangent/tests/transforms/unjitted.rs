//! How un-jitted programs reach the compiler: which are compiled, and how often.

use std::path::PathBuf;
use std::process::Command;

use cotangent::prelude::*;

/// Set in the child process, which runs the body of the test.
const CHILD: &str = "COTANGENT_TEST_COMPILES";

/// Runs the test of this name in a child process with an empty disk cache. Returns how many programs the child
/// compiled; each is stored in the cache. Returns `None` in the child itself, which then runs the test.
fn compiled_by(test: &str) -> Option<usize> {
    if std::env::var_os(CHILD).is_some() {
        return None;
    }
    let plugin = xla::plugin::locate(xla::plugin::Platform::Cpu).unwrap().path;
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", &format!("unjitted::{test}")]).env(CHILD, "1");
    child.env("PJRT_CPU_PLUGIN", plugin).env("COTANGENT_CACHE_DIR", &cache);
    child.env_remove("COTANGENT_COMPILE_CACHE").env_remove("COTANGENT_COMPILE_CACHE_LIMIT");
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    let stored = std::fs::read_dir(cache.join("programs")).unwrap().count();
    std::fs::remove_dir_all(cache).unwrap();
    Some(stored)
}

/// The programs of a loop whose counter is a Rust number differ only in their scalars, so few are compiled. A hundred
/// compilations would take seconds.
#[test]
fn other_scalars_are_no_other_program() {
    if let Some(compiles) = compiled_by("other_scalars_are_no_other_program") {
        assert!(compiles <= 2, "{compiles} programs for a hundred gradients");
        return;
    }
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

/// A program that is too large to compile for one run is evaluated equation by equation, with the same result.
#[test]
fn a_large_program_runs_without_being_compiled() {
    if let Some(compiles) = compiled_by("a_large_program_runs_without_being_compiled") {
        assert!(compiles <= 4, "{compiles} programs for sums and products of two shapes");
        return;
    }
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
