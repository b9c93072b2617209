//! What tracing, differentiating and lowering cost by the equation: the throughput is equations a second.
//!
//! `cargo bench -p cotangent --bench tracing`

use cotangent::prelude::*;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// A chain of `n` equations.
fn chain(n: usize) -> impl Fn(&Array) -> Array + Copy {
    move |x| (0..n).fold(x.clone(), |x, i| if i % 2 == 0 { x.sin() } else { x * 1.5 })
}

fn tracing(c: &mut Criterion) {
    let x = Array::from(vec![0.5f32; 4]);
    let mut group = c.benchmark_group("per equation");
    group.sample_size(20);
    for n in [100, 1_000, 10_000] {
        group.throughput(Throughput::Elements(n as u64));
        let trace = make_jaxpr(chain(n));
        group.bench_function(BenchmarkId::new("trace", n), |b| b.iter(|| trace(&x)));
        let f = chain(n);
        let gradient = make_jaxpr(grad(move |x: &Array| f(&x.slice_axis(0, 0, 1).reshape(()))));
        group.bench_function(BenchmarkId::new("trace of grad", n), |b| b.iter(|| gradient(&x)));
        let lowered = jit(chain(n)).lower((&x,)).expect("the chain traces");
        group.bench_function(BenchmarkId::new("lower to StableHLO", n), |b| b.iter(|| lowered.stablehlo()));
    }
}

criterion_group!(benches, tracing);
criterion_main!(benches);
