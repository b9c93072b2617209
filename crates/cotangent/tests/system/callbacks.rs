//! Callbacks: host functions inside compiled programs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cotangent::prelude::*;
use cotangent::{Aval, Callback, DType, VmapMethod, checkpoint, custom_jvp, debug, io_callback, lax, pure_callback};

type Log = Arc<Mutex<Vec<f32>>>;

fn log() -> (Log, Log) {
    let log = Log::default();
    (log.clone(), log)
}

fn taken(log: &Log) -> Vec<f32> {
    std::mem::take(&mut log.lock().unwrap())
}

/// Returns a callback that logs its argument.
fn record(log: Log) -> Callback<Array, ()> {
    Callback::io((), move |x: &Array| log.lock().unwrap().extend(x.to_vec::<f32>()))
}

fn float(shape: impl cotangent::IntoShape) -> Aval {
    Aval::new(DType::F32, shape)
}

#[test]
fn effects_take_place_once_and_in_order() {
    let (seen, inner) = log();
    let see = record(inner);
    let see = &see;
    let f = |x: &Array| {
        see.call(x);
        let y = x + 1.0;
        see.call(&y);
        y * 2.0
    };
    let x = Array::from(1.0f32).astype(DType::F32);
    // Un-jitted, jitted with an empty and with a filled cache, with an unused result, and inside a nested jit.
    let _ = f(&x);
    assert_eq!(taken(&seen), [1.0, 2.0]);
    let g = jit(f);
    let _ = g(&x);
    let _ = g(&x);
    assert_eq!(taken(&seen), [1.0, 2.0, 1.0, 2.0]);
    let unused = jit(|x: &Array| {
        let _ = f(x);
        x * 3.0
    });
    assert_eq!(unused(&x).item::<f32>(), 3.0);
    assert_eq!(taken(&seen), [1.0, 2.0]);
    let nothing = jit(|x: &Array| {
        let _ = jit(f)(x);
        let _ = jit(f)(&(x + 5.0));
    });
    nothing(&x);
    assert_eq!(taken(&seen), [1.0, 2.0, 6.0, 7.0]);
}

#[test]
fn effects_in_loops_and_branches() {
    let (seen, inner) = log();
    let see = record(inner);
    let see = &see;
    let f = jit(|x: &Array, n: &Array| {
        see.call(&Array::from(-1.0));
        let last = lax::scan(
            |c: &Array, x: &Array| {
                see.call(&(c + x));
                // This call does not depend on the iteration.
                see.call(&Array::from(0.5));
                (c + x, ())
            },
            0.0,
            x,
        )
        .0;
        let up = lax::while_loop(
            |i: &Array| i.less(3.0),
            |i: &Array| {
                see.call(&(i * 100.0));
                i + 1.0
            },
            Array::from(1.0),
        );
        lax::cond(n.greater(0), || see.call(&Array::from(7.0)), || see.call(&Array::from(8.0)));
        see.call(&last);
        up
    });
    let x = Array::from([1.0f32, 2.0, 3.0]);
    let _ = f(&x, &1.into());
    let expected = [-1.0, 1.0, 0.5, 3.0, 0.5, 6.0, 0.5, 100.0, 200.0, 7.0, 6.0];
    assert_eq!(taken(&seen), expected);
    let _ = f(&x, &0.into());
    assert_eq!(taken(&seen)[9], 8.0);
}

#[test]
fn debug_callbacks_under_transforms() {
    let (seen, inner) = log();
    let f = move |x: &Array| {
        let inner = inner.clone();
        debug::callback(move |x: &Array| inner.lock().unwrap().extend(x.to_vec::<f32>()), x);
        x.sin() * x
    };
    let f = &f;
    let x = Array::scalar(2.0f32);
    let _ = grad(f)(&x);
    assert_eq!(taken(&seen), [2.0]);
    let _ = jit(grad(grad(f)))(&x);
    assert_eq!(taken(&seen), [2.0]);
    let _ = jvp(f, (&x,), (&x,));
    assert_eq!(taken(&seen), [2.0]);
    let _ = grad(|x: &Array| jit(f)(x))(&x);
    assert_eq!(taken(&seen), [2.0]);
    let xs = Array::from([1.0f32, 2.0, 3.0]);
    let _ = vmap(f)(&xs);
    assert_eq!(taken(&seen), [1.0, 2.0, 3.0]);
    let _ = jit(vmap(grad(f)))(&xs);
    assert_eq!(taken(&seen), [1.0, 2.0, 3.0]);
    // In a loop that saves residuals, once for each iteration. In a checkpointed function, recomputation does not call
    // it again.
    let summed = |xs: &Array| lax::scan(|c: &Array, x: &Array| (c + f(x), ()), 0.0, xs).0;
    let _ = grad(summed)(&xs);
    assert_eq!(taken(&seen), [1.0, 2.0, 3.0]);
    // A loop that runs again for its tangents calls it once.
    let turns = |x: &Array| lax::while_loop(|x: &Array| x.less(10.0), |x: &Array| f(x) + 5.0, x.clone());
    let _ = linearize(turns, (&x,));
    assert_eq!(taken(&seen).len(), 3);
    let _ = grad(checkpoint(f))(&x);
    assert_eq!(taken(&seen), [2.0]);
}

#[test]
fn pure_callbacks_map_as_they_are_asked_to() {
    let calls = Arc::new(Mutex::new(Vec::<(Vec<usize>, Vec<usize>)>::new()));
    let make = |method| {
        let calls = calls.clone();
        let add = move |(x, y): &(Array, Array)| {
            calls.lock().unwrap().push((x.shape().to_vec(), y.shape().to_vec()));
            x + y
        };
        Callback::pure(float([2]), add).vmap_method(method)
    };
    let (x, y) = (Array::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]), Array::from([10.0f32, 20.0]));
    for (method, expected) in [
        (VmapMethod::Sequential, vec![(vec![2], vec![2]); 3]),
        (VmapMethod::ExpandDims, vec![(vec![3, 2], vec![1, 2])]),
        (VmapMethod::BroadcastAll, vec![(vec![3, 2], vec![3, 2])]),
    ] {
        let add = make(method);
        let f = vmap(|x: &Array, y: &Array| add.call(&(x.clone(), y.clone()))).in_axes((0, None));
        assert_eq!(f(&x, &y).to_vec::<f32>(), [11.0, 22.0, 13.0, 24.0, 15.0, 26.0], "{method:?}");
        assert_eq!(std::mem::take(&mut *calls.lock().unwrap()), expected, "{method:?}");
    }
    let plain = |x: &Array| pure_callback(float(()), |x: &Array| x.clone(), x);
    let error = vmap(plain).try_call((&y,)).unwrap_err().to_string();
    assert!(error.contains("vmap_method"), "{error}");
}

#[test]
fn pure_callbacks_may_be_left_out_and_have_no_derivative_of_their_own() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let square = |x: &Array| {
        let f = |x: &Array| {
            CALLS.fetch_add(1, Ordering::Relaxed);
            x * x
        };
        pure_callback(float(()), f, x)
    };
    let x = Array::scalar(3.0f32);
    let _ = jit(move |x: &Array| {
        let _ = square(x);
        x + 1.0
    })(&x);
    assert_eq!(CALLS.load(Ordering::Relaxed), 0);
    let error = grad(square).try_call((&x,)).unwrap_err().to_string();
    assert!(error.contains("custom_jvp") && error.contains("callbacks.rs"), "{error}");
    let ruled = custom_jvp(square).defjvp(move |(x,), (t,)| (square(x), 2.0 * x * t));
    assert_eq!(grad(ruled)(&x).item::<f32>(), 6.0);
    // A closure that captures nothing compares equal each time, so one program serves a loop of un-jitted gradients.
    assert_eq!(square(&x).item::<f32>(), 9.0);
}

#[test]
fn errors_and_panics_come_back() {
    let x = Array::scalar(1.0f32);
    let panics = jit(|x: &Array| {
        pure_callback(float(()), |x: &Array| -> Array { panic!("no value for {}", x.item::<f32>()) }, x)
    });
    for _ in 0..3 {
        let error = panics.try_call((&x,)).unwrap_err();
        assert!(error.message().contains("the callback panicked: no value for 1"), "{error}");
        assert!(error.location().is_some_and(|l| l.file().ends_with("callbacks.rs")), "{error}");
    }
    let io = jit(|x: &Array| {
        io_callback((), |_: &Array| panic!("on purpose"), x);
        x + 1.0
    });
    assert!(io.try_call((&x,)).unwrap_err().message().contains("on purpose"));
    // An error of an array operation inside the callback, and a result of the wrong type.
    let wrong = jit(|x: &Array| pure_callback(float([3]), |x: &Array| x + Array::from([1.0f32, 2.0]), x));
    assert!(wrong.try_call((&x,)).unwrap_err().message().contains("f32[2], but f32[3] was declared"));
    let shapes = jit(|x: &Array| {
        pure_callback(float([2]), |_: &Array| Array::from([1.0f32, 2.0]) + Array::from([1.0f32, 2.0, 3.0]), x)
    });
    let error = shapes.try_call((&x,)).unwrap_err();
    assert_eq!(error.kind(), cotangent::ErrorKind::Shape, "{error}");
    // The thread and the library stay usable.
    assert_eq!(jit(|x: &Array| x + 1.0)(&x).item::<f32>(), 2.0);
}

#[test]
fn callbacks_may_use_arrays_and_transforms_themselves() {
    let f = jit(|x: &Array| {
        let slope = |x: &Array| jit(grad(|x: &Array| (x.sin() * x).sum()))(x);
        pure_callback(float([3]), slope, &(x * 2.0)) + 1.0
    });
    let x = Array::from([0.1f32, 0.2, 0.3]);
    let direct: Vec<f32> = [0.2f32, 0.4, 0.6].iter().map(|x| x.sin() + x * x.cos() + 1.0).collect();
    let close = |y: &Array| y.to_vec::<f32>().iter().zip(&direct).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(close(&f(&x)));
    // From more threads at once than the plugin has.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..20).for_each(|_| assert!(close(&f(&x)))));
        }
    });
    // Un-jitted, while the thread traces another function: reading a value runs a part of the program.
    let g = grad(|x: &Array| {
        let y = pure_callback(float(()), |x: &Array| x * 2.0 + 1.0, &x.stop_gradient());
        if y.item::<f32>() > 0.0 { x * 3.0 } else { -x }
    });
    assert_eq!(g(&1.0.into()).item::<f32>(), 3.0);
}

#[test]
fn ordered_callbacks_cannot_be_mapped_over() {
    let (seen, inner) = log();
    let see = record(inner).ordered();
    let f = vmap(|x: &Array| {
        see.call(x);
        x * 2.0
    });
    let xs = Array::from([1.0f32, 2.0]);
    assert!(f.try_call((&xs,)).unwrap_err().to_string().contains("ordered"));
    lax::map(|x: &Array| see.call(x), &xs);
    assert_eq!(taken(&seen), [1.0, 2.0]);
}

#[test]
fn programs_with_callbacks_stay_in_this_process() {
    let x = Array::scalar(1.0f32);
    let f = jit(|x: &Array| {
        debug::print("x is {}", x);
        x + 1.0
    });
    let lowered = f.lower((&x,)).unwrap();
    assert!(lowered.export().is_err());
    assert!(lowered.compile().unwrap().serialize().unwrap_err().to_string().contains("with callbacks"));
    assert_eq!(f.cache_report().disk_hits, 0);
    // Equal messages make equal functions: traced again, the program is found in the cache.
    let again = jit(|x: &Array| {
        debug::print("x is {}", x);
        x + 1.0
    });
    let _ = f(&x);
    let _ = again(&x);
    assert_eq!(again.cache_report().memory_hits, 1);
    // Other closures make other programs.
    for n in [1.0f32, 2.0] {
        let add = Callback::pure(float(()), move |x: &Array| x + f64::from(n));
        assert_eq!(jit(|x: &Array| add.call(x))(&x).item::<f32>(), 1.0 + n);
    }
}

/// Returns the result of a closure, and panics if it does not finish in time.
fn in_time<T: Send + 'static>(what: &str, f: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || sender.send(f()));
    match receiver.recv_timeout(std::time::Duration::from_secs(120)) {
        Ok(value) => value,
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("{what} hangs"),
        Err(_) => std::panic::resume_unwind(thread.join().unwrap_err()),
    }
}

/// Returns a matrix of `1 / n`, which is its own square. The product is large enough for the plugin to use several
/// threads.
fn mean(n: usize) -> Array {
    Array::from_vec(vec![1.0f32 / n as f32; n * n], (n, n)).unwrap()
}

fn first(x: &Array) -> f32 {
    x.to_vec::<f32>()[0]
}

/// Returns a callback that multiplies its argument by such a matrix, using array operations.
fn mix(n: usize) -> Callback<Array, Aval> {
    let by = mean(n);
    Callback::pure(float((n, n)), move |x: &Array| x.matmul(&by)).vmap_method(VmapMethod::Sequential)
}

#[test]
fn work_inside_of_a_callback() {
    const N: usize = 300;
    let close = |what: &'static str, f: fn() -> Array| {
        let value = in_time(what, f);
        assert!((first(&value) * N as f32 - 1.0).abs() < 1e-4, "{what}: {}", first(&value));
    };
    close("one program, many times", || {
        let (mix, x) = (mix(N), mean(N));
        let f = jit(|x: &Array| mix.call(x));
        (0..60).fold(x, |x, _| f(&x))
    });
    close("many calls that do not depend on each other", || {
        let (mix, x) = (mix(N), mean(N));
        let f = jit(|x: &Array| (0..60).fold(x * 0.0, |sum, i| sum + mix.call(&(x + f64::from(i) * 0.0))) / 60.0);
        f(&f(&x))
    });
    close("a call between kernels that need threads", || {
        let (mix, x) = (mix(N), mean(N));
        let f = jit(|x: &Array| (0..30).fold(x.clone(), |y, _| mix.call(&y.matmul(x))));
        f(&x)
    });
    close("a loop", || {
        let (mix, x) = (mix(N), mean(N));
        jit(|x: &Array| lax::fori_loop(0, 30, |_: &Array, y: &Array| mix.call(&y.matmul(x)), x.clone()))(&x)
    });
    close("a loop that asks, and a branch", || {
        let (mix, x) = (mix(N), mean(N));
        let f = jit(|x: &Array| {
            lax::while_loop(
                |(i, _): &(Array, Array)| cotangent::numpy::less(i, 30),
                |(i, y): &(Array, Array)| {
                    (i + 1, lax::cond(cotangent::numpy::equal(i % 2, 0), || mix.call(y), || y.matmul(x)))
                },
                (Array::from(0), x.clone()),
            )
            .1
        });
        f(&x)
    });
    close("a mapped call", || {
        let mix = mix(N);
        let x = cotangent::numpy::stack(&[&mean(N), &mean(N), &mean(N)], 0);
        jit(vmap(|x: &Array| mix.call(x)))(&x).at(2).get()
    });
    close("effects", || {
        let (see, log) = log();
        let record = Callback::io((), move |x: &Array| log.lock().unwrap().push(x.matmul(x).sum().item::<f32>()));
        let f = jit(|x: &Array| {
            for _ in 0..20 {
                record.call(&x.matmul(x));
                debug::callback(|x: &Array| assert!(x.matmul(x).sum().item::<f32>() > 0.0), x);
            }
            x.matmul(x)
        });
        let y = f(&mean(N));
        assert_eq!(taken(&see).len(), 20);
        y
    });
    close("transformed functions", || {
        let slope = Callback::pure(float((N, N)), |x: &Array| {
            jit(grad(|x: &Array| {
                lax::scan(|c: &Array, _: &Array| (c.matmul(x), ()), x.clone(), &Array::from([1, 2])).0.sum()
            }))(x)
                / 3.0
        });
        jit(|x: &Array| slope.call(&x.matmul(x)))(&mean(N)) / N as f64
    });
}

#[test]
fn programs_in_flight_around_callbacks() {
    const N: usize = 200;
    let slow = |x: &Array| jit(|x: &Array| lax::fori_loop(0, 40, |_: &Array, y: &Array| y.matmul(x), x.clone()))(x);
    in_time("three threads", move || {
        let work = move || {
            let (mix, x) = (mix(N), mean(N));
            let f = jit(|x: &Array| lax::fori_loop(0, 20, |_: &Array, y: &Array| mix.call(&y.matmul(x)), x.clone()));
            for _ in 0..5 {
                // Its argument is still being computed, and so is a value that nothing waits for.
                let (y, _unused) = (f(&slow(&x)), slow(&x));
                assert!((first(&y) * N as f32 - 1.0).abs() < 1e-4);
            }
        };
        let threads: Vec<_> = (0..3).map(|_| std::thread::spawn(work)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    in_time("a closure that waits for a program in flight, and has its only result", move || {
        let x = mean(N);
        let pending: Mutex<Vec<Array>> = Mutex::new((0..8).map(|_| slow(&x)).collect());
        let take = Callback::io(float((N, N)), move |x: &Array| match pending.lock().unwrap().pop() {
            Some(pending) => pending.matmul(x),
            None => x.clone(),
        });
        let f = jit(|x: &Array| (0..12).fold(x.clone(), |y, _| take.call(&y)));
        assert!((first(&f(&x)) * N as f32 - 1.0).abs() < 1e-4);
    });
    in_time("more at once than the plugin lets run", || {
        let barrier = Arc::new(std::sync::Barrier::new(40));
        let work = |_| {
            let barrier = barrier.clone();
            std::thread::spawn(move || {
                let meet = Callback::io(float([3]), move |x: &Array| {
                    barrier.wait();
                    x + 1.0
                });
                assert_eq!(jit(|x: &Array| meet.call(x))(&Array::from([1.0f32; 3])).to_vec::<f32>(), [2.0; 3]);
            })
        };
        let threads: Vec<_> = (0..40).map(work).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn callbacks_within_callbacks() {
    fn deep(depth: usize, x: &Array) -> Array {
        if depth == 0 {
            return x.clone();
        }
        let (inner, mean) = (Callback::pure(float((64, 64)), move |x: &Array| deep(depth - 1, x)), mean(64));
        jit(|x: &Array| inner.call(&x.matmul(&mean)).matmul(&mean))(x)
    }
    let value = in_time("forty levels", || deep(40, &mean(64)));
    assert!((first(&value) * 64.0 - 1.0).abs() < 1e-4);
    // An error inside the callback is returned by the outermost call, and nothing deadlocks afterward.
    let message = in_time("an error within", || {
        let fails = Callback::pure(float([2]), |x: &Array| {
            let inner = Callback::pure(float([2]), |x: &Array| {
                assert!(x.sum().item::<f32>() < 10.0, "the sum is too large");
                x.clone()
            });
            jit(|x: &Array| inner.call(x))(x)
        });
        let f = jit(|x: &Array| (0..5).fold(x.clone(), |y, _| fails.call(&(y * 2.0))));
        let error = f.try_call((&Array::from([1.0f32, 2.0]),)).unwrap_err();
        assert_eq!(f(&Array::from([0.0f32, 0.1])).to_vec::<f32>(), [0.0, 3.2]);
        error.to_string()
    });
    assert!(message.contains("the sum is too large"), "{message}");
}

#[test]
fn a_called_function_may_end_the_process() {
    const CHILD: &str = "COTANGENT_TEST_CALLBACK_ENDS";
    if std::env::var_os(CHILD).is_some() {
        let end = Callback::io(float([3]), |_: &Array| -> Array { std::process::exit(3) });
        let _y = jit(|x: &Array| end.call(x))(&Array::from([1.0f32; 3])).to_vec::<f32>();
    }
    let name = "callbacks::a_called_function_may_end_the_process";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    in_time("a function that ends the process", move || {
        let status = child.args(["--exact", name]).env(CHILD, "1").status().unwrap();
        assert_eq!(status.code(), Some(3), "{status}");
    });
}
