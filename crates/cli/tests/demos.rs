//! Every demo, cell by cell, against what JAX computes: tests/demos/make_demos.py.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Map, Value};

/// A cell's numbers may differ from JAX's by this fraction of its largest number, unless its file says otherwise: both
/// compute in `f32`, with sums in another order and products fused differently.
const WITHIN: f64 = 1e-5;

fn cotangent(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cotangent")).args(args).output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?} failed: {stderr}");
    String::from_utf8(output.stdout).expect("text")
}

/// What stands in nested lists, in order.
fn leaves(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        leaf => vec![leaf],
    }
}

/// The sizes of nested lists.
fn shape(value: &Value) -> Vec<usize> {
    match value {
        Value::Array(items) => std::iter::once(items.len()).chain(items.first().into_iter().flat_map(shape)).collect(),
        _ => Vec::new(),
    }
}

/// Floats are close, and everything else is equal.
fn compare(cell: &str, ours: &Value, jax: &Value, within: f64) {
    assert_eq!(shape(ours), shape(jax), "{cell}");
    let (ours, jax) = (leaves(ours), leaves(jax));
    let largest = jax.iter().filter_map(|x| x.as_f64()).fold(0.0, |most: f64, x| most.max(x.abs()));
    for (ours, jax) in ours.into_iter().zip(jax) {
        match (ours.as_f64(), jax.as_f64()) {
            (Some(x), Some(y)) if jax.is_f64() => {
                assert!((x - y).abs() <= within * largest, "{cell}: {x} is not JAX's {y}");
            }
            _ => assert_eq!(ours, jax, "{cell}"),
        }
    }
}

fn check(name: &str, stored: &str) {
    let stored: Map<String, Value> = serde_json::from_str(stored).expect("the reference is JSON");
    let cells = stored["cells"].as_object().expect("cells");
    let mut values = BTreeMap::new();
    for line in cotangent(&["demo", "run", name, "--json"]).lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let cell = object["cell"].as_str().expect("a cell has a name").to_owned();
        assert!(values.insert(cell.clone(), object["value"].clone()).is_none(), "{cell} comes twice");
    }
    let names = |cells: &mut dyn Iterator<Item = &String>| cells.cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&mut values.keys()), names(&mut cells.keys()), "ours, and JAX's");
    for (cell, ours) in &values {
        let within = stored["within"].get(cell).map_or(WITHIN, |row| row[0].as_f64().expect("a number"));
        compare(cell, ours, &cells[cell], within);
    }
}

macro_rules! demos {
    ($($name:ident: $file:literal)*) => {
        $(
            #[test]
            fn $name() {
                check($file, include_str!(concat!("demos/", $file, ".json")));
            }
        )*

        #[test]
        fn every_demo_has_its_reference() {
            let listed = cotangent(&["demo", "list", "--names"]);
            // The first demo has a test of its own, which benches/gpu uses as well: tests/cli.rs.
            let compared = ["optimized-learning", $($file),*];
            assert_eq!(listed.lines().collect::<BTreeSet<_>>(), compared.into_iter().collect());
        }
    };
}

demos! {
    neural_networks_from_scratch: "neural-networks-from-scratch"
    gradient_optimization: "gradient-optimization"
    linear_models: "linear-models"
    logistic_regression: "logistic-regression"
    neural_networks: "neural-networks"
    loopless_loops: "loopless-loops"
    loopy_carry: "loopy-carry"
    deterministic_randomness: "deterministic-randomness"
    jit: "jit"
    stax_linear: "stax-linear"
    stax_neural: "stax-neural"
    gaussian_clustering: "gaussian-clustering"
    dirichlet_processes: "dirichlet-processes"
    dirichlet_process_clustering: "dirichlet-process-clustering"
    double_pendulum: "double-pendulum"
    gaussian_process: "gaussian-process"
    bayesian_regression: "bayesian-regression"
    molecules: "molecules"
    digits: "digits"
    small_gpt: "small-gpt"
}
