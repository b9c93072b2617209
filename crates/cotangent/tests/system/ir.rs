//! Snapshots of each stage of a function: its jaxpr, its gradient, its batch, and its StableHLO.

use cotangent::extend::primitives::{DotGeneral, ReduceSum};
use cotangent::extend::{bind1, check};
use cotangent::prelude::*;

fn total(x: &Array) -> Array {
    bind1(ReduceSum { axes: (0..x.ndim()).collect() }, &[x])
}

/// Returns the stages of a function of one array as text, one after the other.
fn stages(f: impl Fn(&Array) -> Array + Send + Sync + Copy, x: &Array) -> String {
    let batch = x.broadcast_to([&[2], x.shape()].concat());
    let parts = [
        ("function", make_jaxpr(f)(x).jaxpr),
        ("grad", jit(grad(f)).lower((x,)).unwrap().jaxpr().clone().into()),
        ("vmap", jit(vmap(f)).lower((&batch,)).unwrap().jaxpr().clone().into()),
        ("vmap of grad", jit(vmap(grad(f))).lower((&batch,)).unwrap().jaxpr().clone().into()),
    ];
    let mut text = String::new();
    for (name, jaxpr) in parts {
        check(&jaxpr).unwrap();
        text += &format!("{name}\n{jaxpr}\n\n");
    }
    text + "stablehlo\n" + &without_locations(&jit(f).lower((x,)).unwrap().stablehlo())
}

/// Removes the source lines, which change when this file does.
fn without_locations(text: &str) -> String {
    let line = |line: &str| line.split(" loc(").next().unwrap_or_default().trim_end().to_string();
    text.lines().filter(|l| !l.starts_with("#loc")).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_polynomial() {
    insta::assert_snapshot!(stages(|x: &Array| 3.0 * x.powi(2) + 4.0 * x - 3.0, &2.0.into()));
}

#[test]
fn a_norm() {
    insta::assert_snapshot!(stages(|x: &Array| (total(&(x * x)) + 1.0).sqrt(), &Array::from(vec![1.0f32, 2.0, 3.0])));
}

#[test]
fn a_layer() {
    let weight = Array::from([[0.1f32, 0.2], [0.3, 0.4], [0.5, 0.6]]);
    let weight = &weight;
    let f = move |x: &Array| {
        let y = bind1(DotGeneral::new([vec![0], vec![0]], [vec![], vec![]]), &[x, weight]);
        total(&y.tanh())
    };
    insta::assert_snapshot!(stages(f, &Array::from(vec![1.0f32, 2.0, 3.0])));
}

#[test]
fn a_nested_call() {
    insta::assert_snapshot!(stages(|x: &Array| jit(|y: &Array| y.sin() * y)(x) * 2.0, &1.0.into()));
}

#[test]
fn broadcasting_and_choice() {
    let f = |x: &Array| total(&(x.maximum(0.0) + x.expand_dims(1)));
    insta::assert_snapshot!(stages(f, &Array::from(vec![1.0f64, -2.0])));
}
