//! Passes over the memory of the device, transfers to and from it, and a mixture of all that a training does.

use cotangent::{numpy as np, prelude::*, random};

use crate::{Bench, Case, Size, numbers, ready};

pub(crate) const CASES: &[Case] = &[
    Case::sized("memory/copy", "−x of 1 GiB: read once, written once", "call", |size| pass(size, 1, 1, |x| -&x[0])),
    Case::sized("memory/add", "x + y of 1 GiB each: two reads, one write", "call", |size| {
        pass(size, 2, 1, |x| &x[0] + &x[1])
    }),
    Case::sized("memory/sum", "sum of 1 GiB: read once", "call", |size| pass(size, 1, 0, |x| x[0].sum())),
    Case::sized("transfer/in", "64 MiB from the host to the device", "call", |size| {
        let host: Vec<f32> = (0..elements(size, 1 << 24)).map(|i| i as f32).collect();
        let bytes = 4 * host.len();
        let device = Device::current().expect("there is a device");
        Bench::prepared(move || Array::from(host.clone()), move |x| ready(x.to(device))).bytes(bytes)
    }),
    Case::sized("transfer/out", "64 MiB from the device to the host", "call", |size| {
        let n = elements(size, 1 << 24);
        let successor = jit(|x: &Array| x + 1.0);
        let mut x = ready(np::zeros(n));
        let next = move || {
            x = ready(successor(&x));
            x.clone()
        };
        Bench::prepared(next, |x| x.to_vec::<f32>()).bytes(4 * n)
    }),
];

fn elements(size: Size, full: usize) -> usize {
    size.of((full, full >> 8))
}

/// A jitted function of large arrays, some of which it reads and writes as a whole.
fn pass(size: Size, reads: usize, writes: usize, f: fn(&Vec<Array>) -> Array) -> Bench {
    let n = elements(size, 1 << 28);
    let xs: Vec<Array> = (0..reads).map(|i| random::uniform(random::key(30 + i as u64), n)).collect();
    let (xs, f) = (ready(xs), jit(f));
    let y = f(&xs);
    let check = numbers(&if y.ndim() == 0 { y } else { y.slice_axis(0, 0, 8) });
    Bench::queued(move || f(&xs)).check(check).bytes(4 * n * (reads + writes)).bound_by("memory/copy")
}
