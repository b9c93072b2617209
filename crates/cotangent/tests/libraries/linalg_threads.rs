//! The kernels for the CPU give the same bits on any number of threads.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Command;

use super::goldens_lib::floats;
use super::goldens_lib::matrices::{adjoint, numbers};

use cotangent::lax::linalg::{TriangularSolve, cholesky, lu, triangular_solve};
use cotangent::numpy::{self as np, linalg as nl};
use cotangent::prelude::*;

/// Set in a child process, which prints its results.
const CHILD: &str = "COTANGENT_TEST_THREADS";
/// What such lines begin with.
const LINE: &str = "of the child:";
/// The size of XLA's pool of threads, instead of the number of processors.
const THREADS: &str = "PJRT_NPROC";

/// Returns a hash of the bits of results.
fn bits(results: &[Array]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for x in results {
        x.shape().hash(&mut hasher);
        floats(x).into_iter().for_each(|x| x.to_bits().hash(&mut hasher));
    }
    hasher.finish()
}

/// Decomposes matrices of one shape by these routines, and prints a line for each.
fn decompose(shape: &[usize], dtype: DType, routines: &[&str]) {
    let n = shape[shape.len() - 1];
    let a = numbers(shape, dtype, 1.0);
    let hermitian = (&a + adjoint(&a)) / 2.0;
    let positive = &hermitian + np::eye_as(n, n, 0, dtype) * (2 * n) as f64;
    for routine in routines {
        let results = match *routine {
            "cholesky" => vec![cholesky(&positive)],
            "triangular" => vec![triangular_solve(&positive, &a, &TriangularSolve::lower(true))],
            "lu" => {
                let (factors, pivots, _) = lu(&a);
                vec![factors, pivots]
            }
            "qr" => {
                let (q, r) = nl::qr(&a);
                vec![q, r]
            }
            "eigh" => {
                let (w, v) = nl::eigh(&hermitian);
                vec![w, v]
            }
            "svd" => {
                let (u, s, vh) = nl::svd(&a, false);
                vec![u, s, vh]
            }
            _ => {
                let (w, v) = nl::eig(&a);
                vec![w, v]
            }
        };
        println!("\n{LINE} {routine} {dtype} {shape:?}: {:x}", bits(&results));
    }
}

/// Returns how many threads XLA has for its work.
fn workers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the threads of this process");
    let names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("tf_XLA")).count()
}

/// Matrices that are large enough to be divided, and batches.
#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    const ROUTINES: [&str; 7] = ["cholesky", "triangular", "lu", "qr", "eigh", "svd", "eig"];
    if std::env::var_os(CHILD).is_some() {
        // A reduction is divided from 512 rows on.
        decompose(&[520, 520], DType::F32, &ROUTINES[..6]);
        decompose(&[140, 140], DType::C128, &ROUTINES);
        decompose(&[600, 8, 8], DType::F64, &ROUTINES);
        println!("\n{LINE} threads: {}", workers());
        return;
    }
    let name = "linalg_threads::results_are_the_same_bits_on_any_number_of_threads";
    let run = |threads: &str| {
        let mut child = Command::new(std::env::current_exe().expect("this test has a path"));
        child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").env(THREADS, threads);
        // XLA starts at least a thread for each device.
        let output = child.env("COTANGENT_CPU_DEVICES", "1").env_remove("COTANGENT_DEVICE").output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let lines = |said: &str| said.lines().filter_map(|x| x.strip_prefix(LINE)).map(str::to_owned).collect::<Vec<_>>();
    let (mut alone, mut together) = (lines(&run("1")), lines(&run("2")));
    // Otherwise, nothing was compared.
    assert_eq!([alone.pop(), together.pop()], [" threads: 1", " threads: 2"].map(|x| Some(x.to_owned())));
    assert_eq!(alone.len(), 20);
    assert_eq!(alone, together);
}
