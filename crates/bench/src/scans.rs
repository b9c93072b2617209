//! Loops of a thousand steps within one program.

use cotangent::{lax, prelude::*};

use crate::{Bench, Case, on_device, ready};

pub(crate) const CASES: &[Case] = &[
    Case::new("scan/1", "scan of 1,000 iterations with one scalar carry, jitted", "call", || value(1)),
    Case::new("scan/1-gradient", "its gradient", "call", || gradient(1)),
    Case::new("scan/64", "scan of 1,000 iterations with 64 scalar carries, jitted", "call", || value(64)),
    Case::new("scan/64-gradient", "its gradient", "call", || gradient(64)),
];

const STEPS: usize = 1000;

type Carries = Vec<Array>;

/// Each carry decays and is driven by its neighbor.
fn last(start: &Carries) -> Array {
    let step = |carries: &Carries, _: &()| {
        let neighbors = carries.iter().cycle().skip(1);
        (carries.iter().zip(neighbors).map(|(x, y)| 0.99 * x + 0.01 * y.sin()).collect(), ())
    };
    let (carries, ()) = lax::Scan::new().length(STEPS).run(step, start.clone(), &());
    carries.iter().skip(1).fold(carries[0].clone(), |sum, x| sum + x)
}

fn start(carries: usize) -> Carries {
    (0..carries).map(|i| on_device(1.0 + i as f32 / 64.0)).collect()
}

fn value(carries: usize) -> Bench {
    let (start, f) = (start(carries), jit(last));
    let check = vec![f(&start).item()];
    Bench::of(move || ready(f(&start))).check(check)
}

fn gradient(carries: usize) -> Bench {
    let (start, f) = (start(carries), jit(grad(last)));
    let check = f(&start).iter().take(4).map(|x| x.item()).collect();
    Bench::of(move || ready(f(&start))).check(check)
}
