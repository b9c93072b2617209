//! Random numbers, sorting and similar operations on large arrays, and a physical simulation in double precision.

use cotangent::scipy::special::softmax;
use cotangent::{fft, numpy as np, prelude::*, random};

use crate::{Bench, Case, numbers, ready};

pub(crate) const CASES: &[Case] = &[
    Case::new("numerics/normals", "10,000,000 normals", "call", || {
        let draw = jit(|key: random::Key| random::normal(key, 10_000_000));
        let check = numbers(&draw(random::key(7)).slice_axis(0, 0, 8));
        Bench::of(move || ready(draw(random::key(7)))).check(check)
    }),
    Case::new("numerics/sort", "sort of 1,000,000 elements", "call", || {
        on(random::normal(random::key(8), 1_000_000), |x| np::sort(x))
    }),
    Case::new("numerics/cumsum", "cumulative sum of 1,000,000 elements", "call", || {
        on(random::normal(random::key(8), 1_000_000), |x| np::cumsum(x))
    }),
    Case::new("numerics/softmax", "softmax over the rows of [1024, 1024]", "call", || {
        on(random::normal(random::key(9), (1024, 1024)), |x| softmax(x, -1))
    }),
    Case::new("numerics/gather", "gather of 65,536 rows of 64 from 10,000", "call", || {
        let table = ready(random::normal(random::key(11), (10_000, 64)));
        let rows = random::randint(random::key(12), 65_536, 0, 10_000);
        on(rows, move |rows| np::take_axis(&table, rows, 0))
    }),
    Case::new("numerics/scatter-add", "scatter-add of 65,536 rows of 64 into 10,000", "call", || {
        let rows = ready(random::randint(random::key(13), 65_536, 0, 10_000));
        on(random::normal(random::key(14), (65_536, 64)), move |x| np::zeros((10_000, 64)).at(&rows).add(x))
    }),
    Case::sized("numerics/fft", "Fourier transforms of 256 rows of 65,536 in c64", "call", |size| {
        let (rows, columns) = size.of(((256, 65_536), (4, 4_096)));
        let [a, b] = random::key(15).split().map(|key| random::normal(key, (rows, columns)));
        let x = ready(a.complex(b));
        let f = jit(|x: &Array| fft::fft(x));
        let y = f(&x).slice_axis(0, 0, 1).slice_axis(1, 0, 4);
        let check = [numbers(&y.real()), numbers(&y.imag())].concat();
        // The convention for transforms, whatever the algorithm.
        let flops = 5.0 * (rows * columns) as f64 * (columns as f64).log2();
        Bench::of(move || ready(f(&x))).check(check).flops(flops).bytes(16 * rows * columns)
    }),
    Case::new("numerics/n-body", "a leapfrog step of 256 bodies in f64", "step", || {
        let [a, b, c] = random::key(10).split();
        let place = random::normal_as(a, (256, 3), DType::F64);
        let speed = random::normal_as(b, (256, 3), DType::F64) * 0.1;
        let mass = random::uniform_as(c, 256, DType::F64) / 256.0;
        let leap = jit(leap);
        let mut state = ready(leap(&(place, speed), &mass));
        let check = numbers(&state.0.slice_axis(0, 0, 2).reshape(6));
        Bench::of(move || {
            state = ready(leap(&state, &mass));
        })
        .check(check)
    }),
];

/// A jitted function of one argument. Eight numbers of the result are compared.
fn on(x: Array, f: impl Fn(&Array) -> Array + Send + Sync + 'static) -> Bench {
    let (x, f) = (ready(x), jit(f));
    let y = f(&x);
    let n = y.size();
    let flat = y.reshape(n);
    let check = [0, n / 2].into_iter().flat_map(|i| numbers(&flat.slice_axis(0, i, i + 4))).collect();
    Bench::of(move || ready(f(&x))).check(check)
}

fn pull(place: &Array, mass: &Array) -> Array {
    let apart = place.expand_dims(0) - place.expand_dims(1);
    let square = apart.powi(2).sum_axis(-1) + 1e-3;
    let strength = mass / (&square * square.sqrt());
    np::einsum("ij,ijk->ik", &[&strength, &apart])
}

fn leap((place, speed): &(Array, Array), mass: &Array) -> (Array, Array) {
    const STEP: f64 = 1e-3;
    let half = speed + 0.5 * STEP * pull(place, mass);
    let place = place + STEP * &half;
    let speed = half + 0.5 * STEP * pull(&place, mass);
    (place, speed)
}
