//! The cases of `crates/bench` under Criterion: `cargo bench -p cotangent-bench -- FILTER`.
//!
//! As a test, each case runs once, except those that take seconds.

use cotangent_bench::{Size, Work, cases};
use criterion::{Criterion, criterion_group, criterion_main};

fn in_process(c: &mut Criterion) {
    let testing = std::env::args().any(|arg| arg == "--test");
    for case in cases().into_iter().filter(|case| !(case.slow && testing)) {
        if matches!(case.work, Work::Process(_)) {
            continue;
        }
        let mut group = c.benchmark_group(case.group());
        if case.slow {
            group.sample_size(10);
        }
        // Set up when Criterion runs the case, so that a filter skips the set-up of the others.
        let mut bench = None;
        let (_, what) = case.name.split_once('/').unwrap_or(("", case.name));
        group.bench_function(what, |b| {
            let bench = bench.get_or_insert_with(|| case.set_up(Size::Small).expect("it makes calls"));
            b.iter_custom(|calls| bench.time(calls as usize));
        });
    }
}

criterion_group!(benches, in_process);
criterion_main!(benches);
