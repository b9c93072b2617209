//! What is wrong with meshes, specs and shardings, and where.

use cotangent::prelude::*;
use cotangent::{Mesh, NamedSharding, P, device_put, shard_map};

use super::{devices, mesh};

/// The message of a panic, which names this file.
#[track_caller]
fn message<R>(f: impl FnOnce() -> R) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).err().expect("an error");
    let text = match panic.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => panic.downcast_ref::<&str>().map(|text| (*text).to_string()).unwrap_or_default(),
    };
    assert!(text.contains("errors.rs"), "no line of the user: {text}");
    text
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn meshes() {
    says(
        &message(|| Mesh::new(&devices()[..3], [("x", 2), ("y", 2)])),
        &["a mesh of 4 devices (x: 2, y: 2)", "3 devices"],
    );
    says(&message(|| Mesh::new(&devices()[..4], [("x", 2), ("x", 2)])), &["two axes named `x`"]);
    says(&message(|| Mesh::new(&[devices()[0], devices()[0]], [("x", 2)])), &["eight:0 comes twice"]);
    says(&message(|| Mesh::new(&[], [("x", 0)])), &["at least one device"]);
    says(&message(|| Mesh::new(&[Device::cpu(0), devices()[0]], [("x", 2)])), &["two kinds", "cpu:0", "eight:0"]);
    says(&message(|| cotangent::make_mesh([("x", 4096)])), &["a mesh of 4096 devices", "COTANGENT_CPU_DEVICES=4096"]);
}

#[test]
fn specs() {
    let mesh = mesh([("x", 2), ("y", 4)]);
    says(&message(|| NamedSharding::new(&mesh, P!("rows"))), &["`rows`", "Mesh(x: 2, y: 4)"]);
    says(&message(|| NamedSharding::new(&mesh, P!("x", "x"))), &["the axis `x` twice"]);
    let sharding = |spec| NamedSharding::new(&mesh, spec);
    says(&message(|| np::zeros([6, 2]).to(sharding(P!("y")))), &["dimension 0 of [6,2]", "4 parts", "\"y\""]);
    says(&message(|| np::zeros(8).to(sharding(P!(None, "x")))), &["2 entries", "1 dimensions"]);
    says(&message(|| device_put(&np::zeros(8), sharding(P!(UNCONSTRAINED)))), &["UNCONSTRAINED"]);
    let constrain = |x: &Array| lax::with_sharding_constraint(x, &sharding(P!(("x", "y"))));
    says(&message(|| jit(constrain)(&np::zeros(12))), &["dimension 0 of [12]", "8 parts"]);
}

#[test]
fn arrays_of_different_devices() {
    let (a, b) = (mesh([("x", 2)]), Mesh::new(&devices()[2..4], [("x", 2)]));
    let x = np::zeros(4).to(NamedSharding::new(&a, P!("x")));
    let y = np::zeros(4).to(NamedSharding::new(&b, P!("x")));
    says(&message(|| &x + &y), &["eight:0, eight:1", "eight:2, eight:3"]);
    says(
        &message(|| jit(|x: &Array, y: &Array| x * y)(&x, &y)),
        &["argument [0]", "eight:0, eight:1", "eight:2, eight:3"],
    );
    let z = np::zeros(4).to(devices()[5]);
    says(&message(|| &x + &z), &["eight:0, eight:1", "eight:5"]);
    let f = shard_map(|x: &Array| x * 2.0, &b).in_specs(P!("x")).out_specs(P!("x"));
    says(&message(|| f(&x)), &["eight:2, eight:3", "eight:0, eight:1"]);
    // And the process goes on.
    assert_eq!((&x + 1.0).to_vec::<f32>(), [1.0; 4]);
}

#[test]
fn shardings_of_a_jitted_function() {
    let mesh = mesh([("x", 4)]);
    let (rows, all) = (NamedSharding::new(&mesh, P!("x")), NamedSharding::new(&mesh, P!()));
    let f = jit(|x: &Array| x * 2.0).in_shardings(&rows);
    says(&message(|| f(&np::zeros(6))), &["in_shardings: argument [0] (f32[6])", "4 parts"]);
    says(&message(|| f(&np::zeros(8).to(&all))), &["P(\"x\")", "P()", "device_put"]);
    let g = jit(|x: &Array| x * 2.0).out_shardings(&rows);
    says(&message(|| g(&np::zeros(6))), &["out_shardings: result", "4 parts"]);
    let h = jit(|x: &Array| x * 2.0).in_shardings((&rows, &rows));
    says(&message(|| h(&np::zeros(8))), &["in_shardings", "[1]"]);
}

#[test]
fn shard_maps() {
    let mesh = mesh([("x", 4)]);
    let twice = |x: &Array| x * 2.0;
    says(
        &message(|| shard_map(twice, &mesh).in_specs(P!("x"))(&np::zeros(6))),
        &["argument [0]", "dimension 0 of [6]"],
    );
    says(&message(|| shard_map(twice, &mesh).in_specs(P!("y"))(&np::zeros(8))), &["`y`", "Mesh(x: 4)"]);
    says(&message(|| shard_map(twice, &mesh).in_specs(P!("x"))(&np::zeros(8))), &["the result", "`x`", "lax::psum"]);
    says(
        &message(|| shard_map(twice, &mesh).in_specs(P!("x")).out_specs(P!("x", None))(&np::zeros(8))),
        &["1 dimensions", "2 entries"],
    );
    let nested = |x: &Array| shard_map(twice, &super::mesh([("x", 4)])).in_specs(P!("x")).out_specs(P!("x"))(x);
    says(
        &message(|| shard_map(nested, &mesh).in_specs(P!("x")).out_specs(P!("x"))(&np::zeros(16))),
        &["inside another"],
    );
    let unknown = |x: &Array| lax::psum(x, "z");
    says(
        &message(|| shard_map(unknown, &mesh).in_specs(P!("x"))(&np::zeros(8))),
        &["no mapped axis `z`", "`x` (of size 4)"],
    );
    let apart = |x: &Array| lax::cond(lax::axis_index("x").greater(1), || lax::psum(x, "x"), || x * 1.0);
    says(
        &message(|| shard_map(apart, &mesh).in_specs(P!("x")).out_specs(P!("x"))(&np::zeros(8))),
        &["different branches"],
    );
    let endless = |x: &Array| {
        let cond = |y: &Array| y.sum().less(lax::axis_index("x"));
        lax::while_loop(cond, |y: &Array| y + lax::psum(y, "x"), x.clone())
    };
    says(
        &message(|| shard_map(endless, &mesh).in_specs(P!("x")).out_specs(P!("x"))(&np::zeros(8))),
        &["different numbers"],
    );
    let failed = shard_map(twice, &mesh).in_specs(P!("x")).out_specs(P!("x")).try_call((&np::zeros(6),));
    assert!(failed.is_err());
}

#[test]
fn callbacks_need_one_device() {
    let rows = NamedSharding::new(&mesh([("x", 4)]), P!("x"));
    let x = np::zeros(8).to(&rows);
    let print = |x: &Array| {
        cotangent::debug::print("{}", x);
        x * 2.0
    };
    says(&message(|| jit(print)(&x)), &["over several devices", "functions of this process"]);
}
