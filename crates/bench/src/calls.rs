//! Single calls: the overhead between a user's line and the device.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cotangent::{Jit, Ref, lax, prelude::*};
use xla::{ArrayShape, Buffer, Client, CompileOptions, ElementType, Executable};

use crate::{Bench, Case, on_device, ready};

const CALL: &str = "call";

pub(crate) const CASES: &[Case] = &[
    Case::new("call/scalar", "jit(x + y) of device scalars, until ready", CALL, || {
        let (x, y, add) = (on_device(3.0), on_device(4.0), jit(|x: &Array, y: &Array| x + y));
        let check = vec![add(&x, &y).item()];
        Bench::of(move || ready(add(black_box(&x), &y))).check(check)
    }),
    Case::new("call/scalar-dispatch", "jit(x + y) of device scalars, without waiting for the result", CALL, || {
        let (x, y, add) = (on_device(3.0), on_device(4.0), jit(|x: &Array, y: &Array| x + y));
        Bench::of(move || add(black_box(&x), &y))
    }),
    Case::new(
        "call/scalar-bare",
        "x + y of device scalars through PJRT alone, until ready: the lower bound",
        CALL,
        || {
            let (x, y) = (on_device(3.0), on_device(4.0));
            let text = jit(|x: &Array, y: &Array| x + y).lower((&x, &y)).expect("it traces").stablehlo();
            Bare::new(&text, 2).bench()
        },
    ),
    Case::new("call/arguments-1", "jitted sum of 1 device scalar and 1, until ready", CALL, || arguments(1)),
    Case::new("call/arguments-10", "jitted sum of 10 device scalars and 1, until ready", CALL, || arguments(10)),
    Case::new("call/arguments-100", "jitted sum of 100 device scalars and 1, until ready", CALL, || arguments(100)),
    Case::new("call/arguments-1000", "jitted sum of 1000 device scalars and 1, until ready", CALL, || arguments(1000)),
    Case::new("call/arguments-1-bare", "the sum of 1 device scalar and 1 through PJRT alone", CALL, || {
        bare_arguments(1)
    }),
    Case::new("call/arguments-10-bare", "the sum of 10 device scalars and 1 through PJRT alone", CALL, || {
        bare_arguments(10)
    }),
    Case::new("call/arguments-100-bare", "the sum of 100 device scalars and 1 through PJRT alone", CALL, || {
        bare_arguments(100)
    }),
    Case::new("call/arguments-1000-bare", "the sum of 1000 device scalars and 1 through PJRT alone", CALL, || {
        bare_arguments(1000)
    }),
    Case::new("call/host-to-host", "jit(x + 1): host scalar in, result read back", CALL, || {
        let successor = jit(|x: &Array| x + 1.0);
        let check = vec![successor(&3.0.into()).item()];
        Bench::of(move || successor(&black_box(3.0).into()).item::<f32>()).check(check)
    }),
    Case::new("call/host-to-host-bare", "x + 1 through PJRT alone: host scalar in, result read back", CALL, || {
        let text = jit(|x: &Array| x + 1.0).lower((&on_device(3.0),)).expect("it traces").stablehlo();
        let bare = Bare::new(&text, 1);
        Bench::of(move || {
            let x = bare.client.buffer_from_host(&black_box(3f32).to_ne_bytes(), &scalar()).expect("it goes in");
            let mut bytes = [0; 4];
            bare.program.execute(&[&x]).expect("it runs")[0].read_into(&mut bytes).expect("it comes out");
            f32::from_ne_bytes(bytes)
        })
    }),
    Case::new("call/gradient-jitted", "jit(grad) of a quadratic at a device scalar, until ready", CALL, || {
        let (x, df) = (on_device(3.0), jit(grad(quadratic)));
        let check = vec![df(&x).item()];
        Bench::of(move || ready(df(black_box(&x)))).check(check)
    }),
    Case::new("eager/gradient", "un-jitted grad of a quadratic at a device scalar", CALL, || {
        let (x, df) = (on_device(3.0), grad(quadratic));
        let check = vec![df(&x).item()];
        Bench::of(move || ready(df(black_box(&x)))).check(check)
    }),
    Case::new("eager/gradient-host", "un-jitted grad of a quadratic at a host scalar", CALL, || {
        let df = grad(quadratic);
        let check = vec![df(&3.0.into()).item()];
        Bench::of(move || ready(df(&black_box(3.0).into()))).check(check)
    }),
    Case::new("eager/binary", "x + y of arrays of 4 on the device", CALL, || {
        let (x, y) = (four(), four() + 1.0);
        let check = (&x + &y).to_vec::<f32>().into_iter().map(f64::from).collect();
        Bench::of(move || ready(black_box(&x) + &y)).check(check)
    }),
    Case::new("eager/unary", "sin(x) of an array of 4 on the device", CALL, || {
        let x = four();
        let check = x.sin().to_vec::<f32>().into_iter().map(f64::from).collect();
        Bench::of(move || ready(black_box(&x).sin())).check(check)
    }),
    Case::new("eager/binary-scalars", "x + y of scalars", CALL, || {
        let (x, y) = (Array::from(3.0), Array::from(4.0));
        let check = vec![(&x + &y).item()];
        Bench::of(move || ready(black_box(&x) + &y)).check(check)
    }),
    Case::new("eager/unary-scalar", "−x of a scalar", CALL, || {
        let x = Array::from(3.0);
        let check = vec![(-&x).item()];
        Bench::of(move || ready(-black_box(&x))).check(check)
    }),
    Case::new("threads/one", "one thread calls a jitted loop of 1,000 iterations on a scalar", CALL, || {
        threads(1, 1000)
    }),
    Case::new("threads/two", "two threads call a jitted loop of 1,000 iterations: time over all calls", CALL, || {
        threads(2, 1000)
    }),
    Case::new("threads/one-short", "one thread calls a jitted loop of one iteration on a scalar", CALL, || {
        threads(1, 1)
    }),
    Case::new(
        "threads/two-short",
        "two threads call a jitted loop of one iteration: time over all calls",
        CALL,
        || threads(2, 1),
    ),
];

fn quadratic(x: &Array) -> Array {
    3.0 * x.powi(2) + 4.0 * x - 3.0
}

fn four() -> Array {
    ready(Array::from([0.5f32, 1.5, 2.5, 3.5]))
}

fn sum_jitted() -> Jit<'static, (Ref<Vec<Array>>,), Array> {
    jit(|xs: &Vec<Array>| xs.iter().fold(Array::from(1.0), |sum, x| sum + x))
}

fn many(n: usize) -> Vec<Array> {
    (0..n).map(|i| on_device(i as f32)).collect()
}

fn arguments(n: usize) -> Bench {
    let (xs, f) = (many(n), sum_jitted());
    let check = vec![f(&xs).item()];
    Bench::of(move || ready(f(black_box(&xs)))).check(check)
}

fn bare_arguments(n: usize) -> Bench {
    Bare::new(&sum_jitted().lower((&many(n),)).expect("it traces").stablehlo(), n).bench()
}

fn scalar() -> ArrayShape {
    ArrayShape::scalar(ElementType::F32)
}

/// A program on scalars, run without the library.
struct Bare {
    client: Client,
    program: Executable,
    args: Vec<Buffer>,
}

impl Bare {
    fn new(text: &str, args: usize) -> Bare {
        let client = Client::cpu().expect("there is a plugin");
        let params = vec![scalar(); args];
        let program = client.compile(text, &params, &CompileOptions::default()).expect("it compiles");
        let args =
            params.iter().map(|p| client.buffer_from_host(&1f32.to_ne_bytes(), p).expect("it goes in")).collect();
        Bare { client, program, args }
    }

    fn bench(self) -> Bench {
        Bench::of(move || {
            let args: Vec<&Buffer> = self.args.iter().collect();
            let results = self.program.execute(&args).expect("it runs");
            results[0].wait().expect("it computes");
            results
        })
    }
}

/// Calls of one function from several threads at once. The result is the total time divided by the number of calls.
/// Each thread makes many calls, because a new thread may wait longer for its turn than a call takes.
fn threads(count: usize, steps: i32) -> Bench {
    // Each thread has its own argument: the plugin keeps a list of an array's users, under a lock.
    let xs: Vec<Array> = (0..count).map(|_| on_device(0.5)).collect();
    let root = jit(move |x: &Array| lax::fori_loop(0, steps, |_, x: &Array| 0.5 * (x + 2.0 / x), x.clone()));
    let check = vec![root(&xs[0]).item()];
    let each = if steps == 1 { 5000 } else { 500 };
    let work = move |x: &Array, calls: usize| {
        for _ in 0..calls * each {
            let _ = black_box(ready(root(black_box(x))));
        }
    };
    Bench::timed(move |calls| -> Duration {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for x in &xs {
                scope.spawn(|| work(x, calls));
            }
        });
        start.elapsed()
    })
    .units(count * each)
    .check(check)
}
