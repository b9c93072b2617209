//! Ahead-of-time programs, donation, static arguments and cache reports.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cotangent::prelude::*;
use cotangent::{Change, Exported, Loaded, MemoryAnalysis, Static, Tree, numpy as np, random};

fn array(n: usize) -> Array {
    Array::from((0..n).map(|i| i as f32).collect::<Vec<_>>())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Act {
    Tanh,
    Relu,
}

#[derive(Clone, Tree)]
struct Layer {
    weight: Array,
    #[tree(static)]
    act: Act,
}

#[test]
fn static_values_select_programs() {
    let apply = |act: Act, x: &Array| match act {
        Act::Tanh => x.tanh(),
        Act::Relu => x.maximum(0.0),
    };
    let f = jit(move |layer: &Layer, x: &Array| apply(layer.act, &(&layer.weight * x)));
    let x = Array::from([-1.0f32, 2.0]);
    let layer = |act| Layer { weight: 3.0.into(), act };
    assert_eq!(f(&layer(Act::Relu), &x).to_vec::<f32>(), [0.0, 6.0]);
    assert!(f(&layer(Act::Tanh), &x).to_vec::<f32>()[0] < -0.9);
    let _ = f(&layer(Act::Relu), &x);
    let report = f.cache_report();
    assert_eq!((report.traces, report.hits), (2, 1));
    assert_eq!(report.misses[1].changes, [Change::Static { argument: 0 }]);

    let g = jit(move |x: &Array, act: &Static<Act>, n: &usize| apply(**act, x) * *n as f64);
    assert_eq!(g(&x, &Static(Act::Relu), &2).to_vec::<f32>(), [0.0, 4.0]);
    assert_eq!(g(&x, &Static(Act::Relu), &3).to_vec::<f32>(), [0.0, 6.0]);
    let _ = g(&x, &Static(Act::Tanh), &3);
    let report = g.cache_report();
    assert_eq!(report.traces, 3);
    assert_eq!(report.misses[1].changes, [Change::Static { argument: 2 }]);
    // The nearest earlier call is the second, not the first.
    assert_eq!(report.misses[2].nearest, Some(1));
    assert_eq!(report.misses[2].changes, [Change::Static { argument: 1 }]);
}

#[test]
fn a_donated_array_gives_its_memory() {
    let step = jit(|x: Array, y: &Array| 0.5 * x + y);
    let y = array(1000);
    let mut x = step(array(1000), &y);
    let place = x.buffer_address().unwrap();
    for _ in 0..10 {
        x = step(x, &y);
        assert_eq!(x.buffer_address().unwrap(), place);
    }
    assert_eq!(y.to_vec::<f32>(), array(1000).to_vec::<f32>());
    let expected = (0..11)
        .fold(array(1000).to_vec::<f32>(), |x, _| x.iter().enumerate().map(|(i, x)| 0.5 * x + i as f32).collect());
    assert_eq!(x.to_vec::<f32>(), expected);
}

#[test]
fn what_somebody_else_holds_is_not_given_up() {
    let step = jit(|x: Array| x + 1.0);
    let x = step(array(500));
    let before = x.to_vec::<f32>();
    // A clone, an alias through a tree, a capture of another function, and the same array twice.
    let clone = x.clone();
    let y = step(x);
    assert_ne!(y.buffer_address().unwrap(), clone.buffer_address().unwrap());
    assert_eq!(clone.to_vec::<f32>(), before);
    let captured = clone.clone();
    let reads = jit(move |s: &Array| s * &captured);
    assert_eq!(reads(&1.0.into()).to_vec::<f32>(), before);
    let z = step(clone);
    assert_eq!(reads(&1.0.into()).to_vec::<f32>(), before);
    let both = jit(|a: Array, b: Array| (a.clone() + 1.0, b * 2.0));
    let (p, q) = both(z.clone(), z);
    assert_eq!(p.to_vec::<f32>()[3], before[3] + 2.0);
    assert_eq!(q.to_vec::<f32>()[3], (before[3] + 1.0) * 2.0);
    // An argument that is also a result.
    let through = jit(|a: Array| (a.clone(), a + 1.0));
    let (a, b) = through(p);
    assert_eq!(b.to_vec::<f32>()[3], a.to_vec::<f32>()[3] + 1.0);
    // A view of host memory.
    let host = array(500);
    let kept = host.clone();
    let _ = step(host);
    assert_eq!(kept.to_vec::<f32>(), array(500).to_vec::<f32>());
}

#[test]
fn nothing_is_given_up_inside_a_trace_or_through_try_call() {
    let inner = std::sync::Arc::new(jit(|x: Array| x * 2.0));
    let (a, b) = (inner.clone(), inner.clone());
    let outer = jit(move |x: &Array| a(x.clone()) + x);
    let x = jit(|x: &Array| x + 1.0)(&array(300));
    let before = x.to_vec::<f32>();
    let _ = outer(&x);
    let _ = grad(move |x: &Array| b(x.clone()).sum())(&x);
    assert_eq!(inner.try_call((&x,)).unwrap().to_vec::<f32>()[1], before[1] * 2.0);
    assert_eq!(x.to_vec::<f32>(), before);
    // A tree taken by value, in which only some leaves match the type of a result.
    let update = jit(|state: (Array, Array), x: &Array| (&state.0 + x, state.1.sum()));
    let (p, s) = update((x.clone(), array(7)), &x);
    assert_eq!((p.to_vec::<f32>()[2], s.item::<f32>()), (2.0 * before[2], 21.0));
}

#[test]
fn donated_memory_is_counted_once() {
    let x = array(1 << 16);
    let borrowed = jit(|x: &Array| x + 1.0).lower((&x,)).unwrap().compile().unwrap().memory_analysis().unwrap();
    let owned = jit(|x: Array| x + 1.0).lower((&x,)).unwrap().compile().unwrap().memory_analysis().unwrap();
    assert_eq!((borrowed.arguments, borrowed.outputs, borrowed.aliased), (1 << 18, 1 << 18, 0));
    assert_eq!(owned.aliased, 1 << 18);
}

#[test]
fn a_training_step_in_place_needs_little_beyond_parameters_and_activations() {
    const LAYERS: usize = 8;
    let (width, batch) = (256, 1024);
    let loss = |weights: &Vec<Array>, x: &Array| {
        weights.iter().fold(x.clone(), |x, w| np::matmul(x, w).maximum(0.0)).square().mean()
    };
    let step = |weights: &Vec<Array>, x: &Array| {
        let (value, g) = value_and_grad(loss)(weights, x);
        (weights.zip(&g, |w, g| w - 0.1 * g), value)
    };
    let weights: Vec<Array> = (0..LAYERS).map(|i| random::normal(random::key(i as u64), (width, width))).collect();
    let x = np::ones((batch, width));
    let peak = |m: MemoryAnalysis| (m.arguments + m.outputs - m.aliased + m.temporary) as f64;
    let in_place = jit(move |weights: Vec<Array>, x: &Array| step(&weights, x));
    let in_place = peak(in_place.lower((&weights, &x)).unwrap().compile().unwrap().memory_analysis().unwrap());
    let copied = peak(jit(step).lower((&weights, &x)).unwrap().compile().unwrap().memory_analysis().unwrap());
    let parameters = (4 * LAYERS * width * width) as f64;
    // The input, and the product and the activation of each layer.
    let activations = (4 * batch * width * (1 + 2 * LAYERS)) as f64;
    assert!(in_place <= 1.2 * (parameters + activations), "{}", in_place / (parameters + activations));
    // A copy of all parameters but those of one layer, whose gradient may share memory with the result.
    assert!(copied - in_place > 0.85 * parameters, "{}", (copied - in_place) / parameters);
}

#[test]
fn first_calls_at_once_are_one_trace_and_one_program() {
    let f = jit(|x: &Array| (x * 0.123_456).sin() + 0.654_321);
    let start = std::sync::Barrier::new(8);
    let x = Array::from([1.0f32, 2.0]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                f(&x).to_vec::<f32>()
            });
        }
    });
    let report = f.cache_report();
    assert_eq!((report.traces, report.hits), (1, 7));
    assert_eq!(report.compiles + report.disk_hits + report.memory_hits, 1);
    // Without `jit` as well: each thread traces, and the program is compiled once.
    let derivative = grad(|x: &Array| ((x * 0.234_567).sin() * 0.765_432).sum());
    let results: Vec<Vec<f32>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| derivative(&x).to_vec::<f32>())).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(results.iter().all(|r| *r == results[0]));
}

#[test]
fn reports_say_what_changed() {
    let f = jit(|x: &Vec<Array>, y: &Array| &x[0] * y);
    let one = || vec![Array::from([1.0f32, 2.0])];
    let _ = f(&one(), &2.0.into());
    let _ = f(&one(), &3.0.into());
    let _ = f(&one(), &Array::scalar(3.0f32));
    let _ = f(&vec![Array::from([1.0f32, 2.0, 3.0])], &3.0.into());
    let _ = f(&vec![Array::from([1.0f64, 2.0])], &3.0.into());
    let _ = f(&[one(), one()].concat(), &3.0.into());
    let report = f.cache_report();
    assert_eq!((report.traces, report.hits), (5, 1));
    assert_eq!(report.compiles + report.disk_hits + report.memory_hits, 5);
    let text = report.to_string();
    for said in [
        "trace 0: the first call",
        "argument [1]: weakly typed became strongly typed",
        "argument [0][0]: shape [2] became [3]",
        "argument [0][0]: dtype f32 became f64",
        "argument [0]: a different structure, with [0][1]",
    ] {
        assert!(text.contains(said), "{said} is not in\n{text}");
    }
    // The same program from another function is not compiled again.
    let again = jit(|x: &Vec<Array>, y: &Array| &x[0] * y);
    let _ = again(&one(), &2.0.into());
    assert_eq!((again.cache_report().compiles, again.cache_report().memory_hits), (0, 1));
}

#[test]
fn equal_callees_are_lowered_once() {
    let inner = std::sync::Arc::new(jit(|x: &Array| x.sin() * x));
    let (a, b, c) = (inner.clone(), inner.clone(), inner);
    let functions = |text: &str| text.matches("func.func private").count();
    let f = move |x: &Array| {
        let left = jit(|x: &Array| a(x) + 1.0);
        let right = jit(|x: &Array| a(x) * 2.0);
        left(x) + right(x)
    };
    let x = Array::from([0.5f32, 1.0]);
    // The callee and its two callers.
    assert_eq!(functions(&jit(f).lower((&x,)).unwrap().stablehlo()), 3);
    // Under grad: the callee's forward and backward programs, once each although both are used twice.
    let twice = jit(grad(move |x: &Array| b(x).sum() + b(&(x + 1.0)).sum()));
    assert_eq!(functions(&twice.lower((&x,)).unwrap().stablehlo()), 2);
    let mapped = jit(vmap(move |x: &Array| c(x) + c(&(x + 1.0))));
    assert_eq!(functions(&mapped.lower((&x,)).unwrap().stablehlo()), 1);
}

fn model(weight: Array) -> impl Fn(&Layer, &Array) -> (Array, Array) + Send + Sync {
    move |layer: &Layer, x: &Array| ((&layer.weight * x + &weight).tanh(), layer.weight.clone())
}

#[test]
fn serialized_programs_come_back_and_nothing_else() {
    let layer = Layer { weight: Array::from([1.0f32, 2.0]), act: Act::Tanh };
    let x = Array::from([0.5f32, -0.5]);
    let f = jit(model(Array::from([0.25f32, 0.5])));
    let compiled = f.lower((&layer, &x)).unwrap().compile().unwrap();
    let (y, w) = compiled(&layer, &x);
    let bytes = compiled.serialize().unwrap();
    let loaded = Loaded::from_bytes(&bytes).unwrap();
    assert_eq!(loaded.signature().to_string(), "([0].weight: f32[2], [1]: f32[2]) -> ([0]: f32[2], [1]: f32[2])");
    let args = (layer.clone(), x.clone());
    let (y2, w2) = loaded.call_like(&args, &(x.clone(), x.clone())).unwrap();
    assert_eq!((y.to_vec::<f32>(), w.to_vec::<f32>()), (y2.to_vec(), w2.to_vec()));
    // Arguments that do not match the signature.
    let error = loaded.call(&(x.clone(), x.clone())).unwrap_err().to_string();
    assert!(error.contains("[0].weight"), "{error}");
    let long = Layer { weight: array(3), act: Act::Tanh };
    let error = loaded.call(&(long, x.clone())).unwrap_err().to_string();
    assert!(error.contains("argument [0].weight must be f32[2], got f32[3]"), "{error}");
    assert!(loaded.call_like(&args, &x).is_err());
    // Damaged bytes.
    for at in [20, 48, 60, bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        assert!(Loaded::from_bytes(&damaged).unwrap_err().to_string().contains("damaged"));
    }
    assert!(Loaded::from_bytes(&bytes[..40]).unwrap_err().to_string().contains("damaged"));
    assert!(Loaded::from_bytes(&bytes[1..]).unwrap_err().to_string().contains("not a serialized program"));
    let mut newer = bytes.clone();
    newer[15] = b'3';
    assert!(Loaded::from_bytes(&newer).unwrap_err().to_string().contains("version 3 of the format"));
    // Another plugin: the bytes are intact, with a valid checksum.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("cpu"));
    let mut foreign = bytes[48..].to_vec();
    let first = 8 + env!("CARGO_PKG_VERSION").len();
    foreign[first - 1] ^= 1;
    use sha2::Digest;
    let foreign = [&bytes[..16], &sha2::Sha256::digest(&foreign)[..], &foreign].concat();
    let error = Loaded::from_bytes(&foreign).unwrap_err().to_string();
    assert!(error.contains("another version of cotangent"), "{error}");
}

#[test]
fn a_program_from_the_disk_is_serialized_whole() {
    // If a disk cache is in use, the second compilation finds the program of the first there.
    let x = array(9);
    let f = || jit(|x: &Array| (x * 0.125).exp() + x.sin()).lower((&x,)).unwrap().compile().unwrap();
    let expected = f()(&x).to_vec::<f32>();
    for _ in 0..2 {
        let loaded = Loaded::from_bytes(&f().serialize().unwrap()).unwrap();
        assert_eq!(loaded.call(&(x.clone(),)).unwrap()[0].to_vec::<f32>(), expected);
    }
}

#[test]
fn compiled_functions_say_what_does_not_fit() {
    let x = array(4);
    let f = jit(|x: &Array, n: &i32| x * *n).lower((&x, &2)).unwrap().compile().unwrap();
    assert_eq!(f(&x, &2).to_vec::<f32>(), [0.0, 2.0, 4.0, 6.0]);
    // A panic points at the line that compiled the function.
    let panic = catch_unwind(AssertUnwindSafe(|| f(&array(3), &2))).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains(&format!("{}:{}:", file!(), line!() - 5)), "{text}");
    let error = f.try_call((&array(3), &3)).unwrap_err().to_string();
    assert!(error.contains("argument [1]: a different static value"), "{error}");
    assert!(error.contains("argument [0]: shape [4] became [3]"), "{error}");
    let error = jit(move |x: &Array| f(x, &2)).try_call((&x,)).unwrap_err().to_string();
    assert!(error.contains("cannot be called inside a transformed function"), "{error}");
    // Taken by value, the argument's memory is reused, as by the jitted function.
    let step = jit(|x: Array| x + 1.0).lower((&x,)).unwrap().compile().unwrap();
    let y = step(array(4));
    let place = y.buffer_address().unwrap();
    assert_eq!(step(y).buffer_address().unwrap(), place);
}

#[test]
fn exported_programs_run_again() {
    let layer = Layer { weight: Array::from([1.0f32, 2.0]), act: Act::Tanh };
    let x = Array::from([0.5f32, -0.5]);
    let f = jit(model(Array::from([0.25f32, 0.5])));
    let exported = f.lower((&layer, &x)).unwrap().export().unwrap();
    let text = exported.to_string();
    let again = Exported::parse(text.as_bytes()).unwrap();
    assert_eq!(again, exported);
    let (y, w) = f(&layer, &x);
    let args = (layer.clone(), x.clone());
    let (y2, w2) = again.compile().unwrap().call_like(&args, &(x.clone(), x.clone())).unwrap();
    assert_eq!((y.to_vec::<f32>(), w.to_vec::<f32>()), (y2.to_vec(), w2.to_vec()));
    // Unused arguments, literal results, and whole trees.
    let odd = jit(|a: &Array, _: &Array, c: &Array| (c * 2.0, Array::from(1.5), a.clone()));
    let scalar = Array::scalar(4i64);
    let exported = odd.lower((&scalar, &x, &x)).unwrap().export().unwrap();
    let out = Exported::parse(exported.to_string().as_bytes()).unwrap().compile().unwrap();
    assert!(!out.signature().inputs[1].2);
    let out = out.call(&(scalar, x.clone(), x.clone())).unwrap();
    assert_eq!((out[0].to_vec::<f32>(), out[1].item::<f32>(), out[2].item::<i64>()), (vec![1.0, -1.0], 1.5, 4));
    // Damaged text.
    let error = Exported::parse(text.replace("tanh", "sine").as_bytes()).unwrap_err().to_string();
    assert!(error.contains("checksum does not match"), "{error}");
    let error = Exported::parse(text.replacen("export 1", "export 7", 1).as_bytes()).unwrap_err().to_string();
    assert!(error.contains("version 7"), "{error}");
    assert!(Exported::parse(&[0xff, 0xfe]).is_err());
}
