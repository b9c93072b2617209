//! One program over several devices: eight of the CPU, in a client of their own.

mod arrays;
mod collectives;
mod errors;
mod jit;
mod training;

use std::sync::LazyLock;

use cotangent::extend::Backend;
use cotangent::prelude::*;
use cotangent::{Mesh, Platform, devices_of};

/// Eight devices that share the processor.
fn devices() -> &'static [Device] {
    static DEVICES: LazyLock<Vec<Device>> = LazyLock::new(|| {
        Backend::new(Platform::Cpu).option("cpu_device_count", 8).register("eight").unwrap();
        devices_of("eight").unwrap()
    });
    &DEVICES
}

/// A mesh of the first devices.
fn mesh<const N: usize>(axes: [(&str, usize); N]) -> Mesh {
    let size = axes.iter().map(|axis| axis.1).product();
    Mesh::new(&devices()[..size], axes)
}

/// Numbers without a pattern, in a shape.
fn numbers(seed: u64, shape: impl cotangent::IntoShape) -> Array {
    random::normal(random::key(seed), shape)
}

#[track_caller]
fn close(what: &str, found: &Array, expected: &Array, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let (found, expected) = (found.astype(DType::F64).to_vec::<f64>(), expected.astype(DType::F64).to_vec::<f64>());
    let scale = expected.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
    for (i, (a, b)) in found.iter().zip(&expected).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}: element {i} is {a}, not {b}");
    }
}

/// How often each collective is in a compiled program.
fn collectives(hlo: &str) -> Vec<(&'static str, usize)> {
    let count = |name: &'static str| {
        let uses = |line: &str| {
            line.split_once(" = ").is_some_and(|(_, rest)| {
                rest.contains(&format!(" {name}(")) || rest.contains(&format!(" {name}-start("))
            })
        };
        (name, hlo.lines().filter(|line| uses(line)).count())
    };
    ["all-reduce", "all-gather", "reduce-scatter", "collective-permute", "all-to-all"]
        .map(count)
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .collect()
}
