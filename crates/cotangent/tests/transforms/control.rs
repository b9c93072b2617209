//! Control flow inside programs against the same computation written out in Rust, under every transform.

use cotangent::{lax, prelude::*};

fn close(what: &str, got: &Array, want: &Array) {
    assert_eq!(got.shape(), want.shape(), "{what}");
    for (a, b) in got.to_vec::<f64>().iter().zip(want.to_vec::<f64>()) {
        assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{what}: {got} {want}");
    }
}

type Pair = (Array, Array);

/// A recurrence with captured, carried and scanned values, and a result at each iteration.
fn looped(w: &Array, x: &Array) -> Array {
    let start: Pair = (Array::scalar(0.5f64), w * 0.1);
    let ((a, b), ys) = lax::scan(
        |(a, b): &Pair, x: &Array| {
            let a = (a * w.sin() + x).tanh();
            let b = b + &a * x * w;
            let y = &a * &b;
            ((a, b), y)
        },
        start,
        x,
    );
    a + b * 2.0 + ys.square().sum()
}

fn unrolled(w: &Array, x: &Array) -> Array {
    let (mut a, mut b) = (Array::scalar(0.5f64), w * 0.1);
    let mut sum = Array::scalar(0.0f64);
    for i in 0..x.shape()[0] {
        let x = x.slice_axis(0, i, i + 1).reshape(());
        a = (&a * w.sin() + &x).tanh();
        b = &b + &a * &x * w;
        sum += (&a * &b) * (&a * &b);
    }
    a + b * 2.0 + sum
}

fn inputs() -> (Array, Array) {
    (Array::scalar(0.7f64), Array::from([0.3f64, -0.8, 1.1, 0.2]))
}

#[test]
fn scan_agrees_with_the_unrolled_loop() {
    let (w, x) = inputs();
    close("value", &looped(&w, &x), &unrolled(&w, &x));
    close("jit", &jit(looped)(&w, &x), &unrolled(&w, &x));
    let (dw, dx) = (Array::scalar(1.3f64), Array::from([0.5f64, 0.1, -0.7, 0.4]));
    let (_, t) = jvp(looped, (&w, &x), (&dw, &dx));
    let (_, want) = jvp(unrolled, (&w, &x), (&dw, &dx));
    close("jvp", &t, &want);
    let both = args!(0, 1);
    let (gw, gx) = grad(looped).argnums(both)(&w, &x);
    let both = args!(0, 1);
    let (hw, hx) = grad(unrolled).argnums(both)(&w, &x);
    close("grad by the captured value", &gw, &hw);
    close("grad by the scanned values", &gx, &hx);
    close("jit of grad", &jit(grad(looped))(&w, &x), &hw);
}

#[test]
fn scan_has_higher_derivatives() {
    let (w, x) = inputs();
    close("second", &grad(grad(looped))(&w, &x), &grad(grad(unrolled))(&w, &x));
    close("third", &grad(grad(grad(looped)))(&w, &x), &grad(grad(grad(unrolled)))(&w, &x));
    let one = Array::scalar(1.0f64);
    let zero = Array::from([0.0f64; 4]);
    let (_, t) = jvp(grad(looped), (&w, &x), (&one, &zero));
    let (_, want) = jvp(grad(unrolled), (&w, &x), (&one, &zero));
    close("jvp of grad", &t, &want);
    let direction = |w: &Array, x: &Array| jvp(looped, (w, x), (&Array::scalar(1.0f64), &Array::from([0.0f64; 4]))).1;
    close("grad of jvp", &grad(direction)(&w, &x), &t);
}

#[test]
fn scan_is_batched_over_each_argument() {
    let ws = Array::from([0.7f64, -0.2, 1.5]);
    let xs = Array::from([[0.3f64, -0.8, 1.1, 0.2], [0.1, 0.2, 0.3, 0.4], [-1.0, 0.5, 0.25, 2.0]]);
    let (w, x) = inputs();
    for (axes, a, b) in [((Some(0), None), &ws, &x), ((None, Some(0)), &w, &xs), ((Some(0), Some(0)), &ws, &xs)] {
        close("vmap", &vmap(looped).in_axes(axes)(a, b), &vmap(unrolled).in_axes(axes)(a, b));
        close("vmap of grad", &vmap(grad(looped)).in_axes(axes)(a, b), &vmap(grad(unrolled)).in_axes(axes)(a, b));
    }
    let columns = xs.t();
    close("last axis", &vmap(looped).in_axes((None, 1))(&w, &columns), &vmap(unrolled).in_axes((None, 0))(&w, &xs));
    let summed = |w: &Array, xs: &Array| vmap(looped).in_axes((None, 0))(w, xs).sum();
    let want = |w: &Array, xs: &Array| vmap(unrolled).in_axes((None, 0))(w, xs).sum();
    close("grad of vmap", &grad(summed)(&w, &xs), &grad(want)(&w, &xs));
}

#[test]
fn scan_backwards_without_arrays_and_empty() {
    let x = Array::from([1.0f64, 2.0, 3.0]);
    let step = |c: &Array, x: &Array| (c * 0.5 + x, c.clone());
    let (last, seen) = lax::Scan::new().reverse().run(step, Array::scalar(0.0f64), &x);
    assert_eq!(last.item::<f64>(), 2.75);
    assert_eq!(seen.to_vec::<f64>(), [3.5, 3.0, 0.0]);
    let sum = |x: &Array| lax::Scan::new().reverse().run(step, Array::scalar(0.0f64), x).0;
    assert_eq!(grad(sum)(&x).to_vec::<f64>(), [1.0, 0.5, 0.25]);
    let doubled = lax::Scan::new().length(5).run(|c: &Array, (): &()| (c * 2.0, ()), 1.0, &()).0;
    assert_eq!(doubled.item::<f64>(), 32.0);
    let (last, ys) = lax::scan(step, Array::scalar(7.0f64), &Array::from(Vec::<f64>::new()));
    assert_eq!((last.item::<f64>(), ys.shape()), (7.0, &[0][..]));
}

/// Loop-invariant values are computed before the loop and not saved for each iteration.
#[test]
fn invariant_work_leaves_the_loop() {
    let f =
        |w: &Array, x: &Array| lax::scan(|c: &Array, x: &Array| (c * w.sin().exp() + x, ()), 0.0f64.into_strong(), x).0;
    let program = make_jaxpr(grad(f))(&Array::scalar(1.0f64), &Array::from([1.0f64; 10])).to_string();
    // The carry is the only value that is saved for each of the ten iterations.
    assert_eq!(program.matches("f64[10]").count(), 2, "{program}");
}

trait Strong {
    fn into_strong(self) -> Array;
}

impl Strong for f64 {
    fn into_strong(self) -> Array {
        Array::scalar(self)
    }
}

#[test]
fn cond_and_switch_differentiate_and_batch() {
    let f = |x: &Array, y: &Array| {
        lax::cond(x.less(y), || x.sin() * y, || lax::switch(1, &[&|| x * x, &|| x * y * y, &|| x.clone()]))
    };
    let g = |x: f64, y: f64| if x < y { x.sin() * y } else { x * y * y };
    let (dx, dy) = (
        |x: f64, y: f64| if x < y { x.cos() * y } else { y * y },
        |x: f64, y: f64| if x < y { x.sin() } else { 2.0 * x * y },
    );
    let points = [(0.5, 1.5), (2.0, 1.5), (-1.0, -2.0)];
    for (x, y) in points {
        let (a, b) = (Array::scalar(x), Array::scalar(y));
        for (name, got, want) in [
            ("value", f(&a, &b), g(x, y)),
            ("jit", jit(f)(&a, &b), g(x, y)),
            ("grad x", grad(f)(&a, &b), dx(x, y)),
            ("grad y", grad(f).argnums(args!(1))(&a, &b), dy(x, y)),
            ("jvp", jvp(f, (&a, &b), (&Array::scalar(1.0), &Array::scalar(2.0))).1, dx(x, y) + 2.0 * dy(x, y)),
            ("second", grad(grad(f))(&a, &b), if x < y { -x.sin() * y } else { 0.0 }),
        ] {
            assert!((got.item::<f64>() - want).abs() < 1e-12, "{name} at {x}, {y}: {got} {want}");
        }
    }
    let xs = Array::from(points.map(|p| p.0));
    let ys = Array::from(points.map(|p| p.1));
    let batched = vmap(f)(&xs, &ys).to_vec::<f64>();
    let slopes = vmap(grad(f))(&xs, &ys).to_vec::<f64>();
    for (i, (x, y)) in points.into_iter().enumerate() {
        assert!((batched[i] - g(x, y)).abs() < 1e-12 && (slopes[i] - dx(x, y)).abs() < 1e-12);
    }
    let one_sided = vmap(|x: &Array| lax::cond(true, || x * 2.0, || x.clone()))(&xs);
    close("an index that is not batched", &one_sided, &(&xs * 2.0));
}

#[test]
fn while_loop_runs_differentiates_forward_and_batches() {
    // Newton's method for a square root, until it converges.
    let root = |a: &Array| {
        let going = |(x, previous): &Pair| (x - previous).abs().greater(1e-14);
        let step = |(x, _): &Pair| ((x + a / x) * 0.5, x.clone());
        lax::while_loop(going, step, (a.clone(), a * 0.0)).0
    };
    let a = Array::scalar(2.0f64);
    close("value", &root(&a), &a.sqrt());
    let (_, t) = jvp(root, (&a,), (&Array::scalar(1.0f64),));
    assert!((t.item::<f64>() - 0.5 / 2.0f64.sqrt()).abs() < 1e-12);
    let many = Array::from([2.0f64, 100.0, 1e-4]);
    close("each to its own end", &vmap(root)(&many), &many.sqrt());
    let slopes = vmap(|a: &Array| jvp(root, (a,), (&Array::scalar(1.0f64),)).1)(&many);
    for (slope, a) in slopes.to_vec::<f64>().iter().zip(many.to_vec::<f64>()) {
        assert!((slope - 0.5 / a.sqrt()).abs() < 1e-9 * slope, "{slope}");
    }
    let error = grad(root).try_call((&a,)).unwrap_err().to_string();
    assert!(error.contains("while_loop") && error.contains("scan"), "{error}");
}

#[test]
fn fori_loop_is_a_scan_for_rust_numbers_and_a_while_loop_for_arrays() {
    let power = |x: &Array| lax::fori_loop(0, 4, |_: &Array, y: &Array| y * x, Array::scalar(1.0f64));
    let x = Array::scalar(1.5f64);
    assert!((grad(power)(&x).item::<f64>() - 4.0 * 1.5f64.powi(3)).abs() < 1e-12);
    let by = |n: &Array, x: &Array| lax::fori_loop(0, n, |_: &Array, y: &Array| y * x, Array::scalar(1.0f64));
    assert_eq!(jit(by)(&3.into(), &x).item::<f64>(), 1.5f64.powi(3));
    let sums = lax::fori_loop(2, 5, |i: &Array, s: &Array| s + i, 0);
    assert_eq!(sums.item::<i32>(), 9);
    assert_eq!(lax::fori_loop(5, 2, |i: &Array, s: &Array| s + i, 0).item::<i32>(), 0);
}

#[test]
fn mistakes_are_told() {
    let xs = Array::from([1.0f32, 2.0]);
    let changes = jit(|xs: &Array| lax::scan(|c: &Array, x: &Array| (c + x.reshape(1), ()), 0.0, xs).0);
    let error = changes.try_call((&xs,)).unwrap_err().to_string();
    assert!(error.contains("f32[]") && error.contains("f32[1]") && error.contains("control.rs"), "{error}");
    let differ = jit(|x: &Array| lax::cond(true, || x.clone(), || x.reshape(1)));
    let error = differ.try_call((&1.0.into(),)).unwrap_err().to_string();
    assert!(error.contains("f32[]") && error.contains("f32[1]"), "{error}");
    let none = jit(|x: &Array| lax::Scan::new().run(|c: &Array, (): &()| (c.clone(), ()), x.clone(), &()).0);
    assert!(none.try_call((&1.0.into(),)).unwrap_err().to_string().contains("length"));
}

#[test]
fn map_is_vmap() {
    let xs = Array::from([[1.0f64, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let f = |x: &Array| x.sin() * x;
    close("map", &lax::map(f, &xs), &vmap(f)(&xs));
}

#[test]
fn map_in_batches_is_vmap() {
    let f = |(x, i): &Pair| (x.sin() * x.sum(), i * 2);
    for n in [0, 1, 6, 7] {
        let xs = (random::normal_as(random::key(0), (n, 2), DType::F64), np::arange_as(n as i32, DType::I32));
        let (y, i) = vmap(f)(&xs);
        for size in [0, 1, 2, 3, 7, 8] {
            let batched = |xs: &Pair| lax::Map::new().batch_size(size).run(f, xs);
            let (batched_y, batched_i) = batched(&xs);
            close(&format!("{n} by {size}"), &batched_y, &y);
            assert_eq!(batched_i.to_vec::<i32>(), i.to_vec::<i32>(), "{n} by {size}");
            let gradient = |f: &(dyn Fn(&Pair) -> Pair + Sync)| {
                let sum = |x: &Array| f(&(x.clone(), xs.1.clone())).0.powi(2).sum();
                grad(sum)(&xs.0)
            };
            close(&format!("gradient of {n} by {size}"), &gradient(&batched), &gradient(&|xs| vmap(f)(xs)));
        }
    }
    let scalar = || lax::Map::new().batch_size(2).run(|x: &Array| x.clone(), &1.0.into());
    let error = jit(|_: &Array| scalar()).try_call((&1.0.into(),)).unwrap_err().to_string();
    assert!(error.contains("map") && error.contains("control.rs") && error.contains("no axis"), "{error}");
}

/// Returns the number of loops that the CPU compiler turned into one kernel each: those that it outlined as functions.
fn hoisted(hlo: &str) -> usize {
    hlo.lines().filter(|line| line.contains(" call(") && line.contains("to_apply=%while")).count()
}

#[test]
fn small_loops_become_one_kernel_each_and_large_ones_do_not() {
    let many = |c: &Vec<Array>| {
        let body = |c: &Vec<Array>, _: &()| ((0..64).map(|i| &c[i] * 0.9 + c[(i + 1) % 64].sin()).collect(), ());
        lax::Scan::new().length(10).run(body, c.clone(), &()).0.into_iter().reduce(|a, b| a + b).expect("64 of them")
    };
    let scalars: Vec<Array> = (0..64).map(|i| Array::scalar(f64::from(i) / 64.0)).collect();
    let gradient = jit(value_and_grad(many));
    let hlo = gradient.lower((&scalars,)).unwrap().optimized_hlo().unwrap();
    assert!(hoisted(&hlo) >= 2, "forwards and backwards");
    // The unrolled computation returns the same values.
    let unrolled = |c: &Vec<Array>| {
        let step = |c: Vec<Array>, _| (0..64).map(|i| &c[i] * 0.9 + c[(i + 1) % 64].sin()).collect::<Vec<_>>();
        (0..10).fold(c.clone(), step).into_iter().reduce(|a, b| a + b).expect("64 of them")
    };
    let ((y, dy), (z, dz)) = (gradient(&scalars), jit(value_and_grad(unrolled))(&scalars));
    let near =
        |a: &Array, b: &Array| (a.item::<f64>() - b.item::<f64>()).abs() <= 1e-13 * b.item::<f64>().abs().max(1.0);
    assert!(near(&y, &z) && dy.iter().zip(&dz).all(|(a, b)| near(a, b)));

    let large = |x: &Array| lax::fori_loop(0, 10, |_, x: &Array| x.sin() + 1.0, x.clone()).sum();
    let hlo = |n: usize| jit(large).lower((&np::ones(n),)).unwrap().optimized_hlo().unwrap();
    assert_eq!((hoisted(&hlo(1_000)), hoisted(&hlo(100_000))), (1, 0));
}
