//! What a user waits for: the notebook's loops as written, and single calls.
//!
//! `cargo bench -p cotangent --bench notebook`

#[path = "loops.rs"]
mod loops;

use std::hint::black_box;

use cotangent::prelude::*;
use criterion::{Criterion, criterion_group, criterion_main};

fn ready(x: &Array) {
    x.block_until_ready().expect("it computes");
}

fn notebook(c: &mut Criterion) {
    let data = loops::data();
    let mut group = c.benchmark_group("notebook loops, un-jitted");
    group.sample_size(10);
    group.bench_function("polynomial, 200 steps", |b| b.iter(|| loops::finished(&loops::polynomial())));
    group.bench_function("likelihood, 300 steps", |b| b.iter(|| loops::finished(&loops::likelihood(&data))));
    group.bench_function("gold, 300 steps", |b| b.iter(|| loops::finished(&loops::gold())));
}

fn calls(c: &mut Criterion) {
    let mut group = c.benchmark_group("calls");
    let (x, y) = (Array::from(vec![3.0f32]).reshape(()), Array::from(vec![4.0f32]).reshape(()));
    let add = jit(|x: &Array, y: &Array| x + y);
    group.bench_function("jit(x + y) of device scalars, until ready", |b| b.iter(|| ready(&add(black_box(&x), &y))));
    group.bench_function("jit(x + y) of device scalars, dispatch", |b| b.iter(|| add(black_box(&x), &y)));
    let dquadratic = grad(|x: &Array| 3.0 * x.powi(2) + 4.0 * x - 3.0);
    group.bench_function("un-jitted grad of a quadratic", |b| b.iter(|| ready(&dquadratic(black_box(&x)))));
    let compiled = jit(grad(|x: &Array| 3.0 * x.powi(2) + 4.0 * x - 3.0));
    group.bench_function("jitted grad of a quadratic", |b| b.iter(|| ready(&compiled(black_box(&x)))));
    group.bench_function("eager x + y of device scalars", |b| b.iter(|| ready(&(black_box(&x) + &y))));
    let (p, q) = (Array::from(3.0), Array::from(4.0));
    group.bench_function("eager x + y of host scalars", |b| b.iter(|| ready(&(black_box(&p) + &q))));
}

criterion_group!(benches, notebook, calls);
criterion_main!(benches);
