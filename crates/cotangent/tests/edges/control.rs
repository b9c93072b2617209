//! Control flow: branches that are not taken, weakly typed carries, and wide counters.

use cotangent::prelude::*;
use cotangent::{checkify, lax, linear_transpose};

use super::goldens_lib::floats;

type Branch = fn(&Array) -> Array;
type Guise = Box<dyn Fn(&Array) -> Array + Send + Sync>;
type Loss<'a> = &'a (dyn Fn(&Array, &Array, &Array) -> Array + Sync);

/// Functions with a singularity at 0, with their first and second derivatives at 4.
const SINGULAR: [(&str, Branch, f64, f64); 5] = [
    ("sqrt", |x| x.sqrt(), 0.25, -0.03125),
    ("ln", |x| x.log(), 0.25, -0.0625),
    ("1/x", |x| 1.0 / x, -0.0625, 0.03125),
    ("x^0.5", |x| x.pow(0.5), 0.25, -0.03125),
    ("atan2(1/x, x)", |x| (1.0 / x).atan2(x), -8.0 / 257.0, 1534.0 / 66049.0),
];

/// Returns a scalar of dtype f64.
fn double(x: f64) -> Array {
    Array::from([x]).reshape(())
}

fn close(what: &str, got: &[f64], want: &[f64], tolerance: f64) {
    let near = |(g, w): (&f64, &f64)| (g - w).abs() <= tolerance * (1.0 + w.abs());
    assert!(got.len() == want.len() && got.iter().zip(want).all(near), "{what}: {got:?}, not {want:?}");
}

/// Returns several forms of `cond(x > 0, f(x), 0)` for each element.
fn guises(f: Branch) -> Vec<(&'static str, Guise)> {
    let choose = move |x: &Array| lax::cond(x.greater(0.0), || f(x), || x * 0.0);
    let three = move |x: &Array| {
        let which = x.greater(0.0).astype(DType::I32) + x.greater(100.0).astype(DType::I32);
        lax::switch(which, &[&|| x * 0.0, &|| f(x), &|| x.sin()])
    };
    let in_scan = move |x: &Array| {
        let step = |c: &Array, _: &()| (c + lax::cond(x.greater(0.0), || f(x), || x * 0.0), ());
        lax::Scan::new().length(2).run(step, x * 0.0, &()).0 / 2.0
    };
    let scanned = move |xs: &Array| {
        let step = |c: &Array, x: &Array| {
            let y = vmap(choose)(&x.reshape(1)).reshape(());
            (c + &y, y)
        };
        lax::scan(step, xs.sum() * 0.0, xs).1
    };
    vec![
        ("vmap", Box::new(move |xs| vmap(choose)(xs))),
        ("switch", Box::new(move |xs| vmap(three)(xs))),
        ("scan in vmap", Box::new(move |xs| vmap(in_scan)(xs))),
        ("vmap in scan", Box::new(scanned)),
        ("map in batches", Box::new(move |xs| lax::Map::new().batch_size(2).run(choose, xs))),
        ("vmap of vmap", Box::new(move |xs| vmap(vmap(choose))(&xs.reshape((1, 4))).reshape(4))),
        ("jit in vmap", Box::new(move |xs| vmap(jit(choose))(xs))),
        ("checkpoint", Box::new(move |xs| vmap(checkpoint(choose))(xs))),
        (
            "choice in a choice",
            Box::new(move |xs| vmap(move |x: &Array| lax::cond(x.less(1000.0), || choose(x), || x.exp()))(xs)),
        ),
    ]
}

/// The branch that an element does not take has no effect on its derivative.
#[test]
fn a_branch_that_is_not_taken_gives_no_slope() {
    for dtype in [DType::F64, DType::F32, DType::BF16] {
        let tolerance = if dtype == DType::BF16 { 0.01 } else { 1e-5 };
        let xs = Array::from([0.0f64, 4.0, 0.0, -1.0]).astype(dtype);
        let ones = np::ones_like(&xs);
        for (name, f, slope, second) in SINGULAR {
            for (guise, g) in guises(f) {
                if dtype != DType::F64 && guise != "vmap" {
                    continue;
                }
                let what = format!("{name}, {guise}, {dtype:?}");
                let want = [0.0, slope, 0.0, 0.0];
                let loss = |xs: &Array| g(xs).sum();
                close(&format!("grad: {what}"), &floats(&grad(loss)(&xs)), &want, tolerance);
                close(&format!("jit(grad): {what}"), &floats(&jit(grad(loss))(&xs)), &want, tolerance);
                close(&format!("jvp: {what}"), &floats(&jvp(&g, (&xs,), (&ones,)).1), &want, tolerance);
                let curvature = [0.0, second, 0.0, 0.0];
                let twice = |xs: &Array| grad(loss)(xs).sum();
                close(&format!("reverse over reverse: {what}"), &floats(&grad(twice)(&xs)), &curvature, tolerance);
                let forward = |xs: &Array| jvp(&g, (xs,), (&ones,)).1.sum();
                close(&format!("reverse over forward: {what}"), &floats(&grad(forward)(&xs)), &curvature, tolerance);
                let mixed = jvp(grad(loss), (&xs,), (&ones,)).1;
                close(&format!("forward over reverse: {what}"), &floats(&mixed), &curvature, tolerance);
            }
        }
    }
}

/// The derivative with respect to a shared value comes from the elements that take the branch. It may be infinite, or
/// zero if no element takes the branch.
#[test]
fn what_is_shared_gets_its_slope_from_those_who_take_the_branch() {
    type Shared = fn(&Array, &Array) -> Array;
    // For x = (0, 1, 4), where the elements above 0 take the branch: derivatives with respect to w at 2, and mixed
    // derivatives.
    let cases: [(&str, Shared, f64, f64); 4] = [
        ("w ln x", |w, x| w * x.log(), 4f64.ln(), 1.25),
        ("sqrt(w x)", |w, x| (w * x).sqrt(), 1.0606601717798212, 0.26516504294495535),
        ("dot(w, ln x)", |w, x| w.reshape(1).dot(x.log().reshape(1)), 4f64.ln(), 1.25),
        ("sqrt(dot(w, x))", |w, x| w.reshape(1).dot(x.reshape(1)).sqrt(), 1.0606601717798212, 0.26516504294495535),
    ];
    let xs = Array::from([0.0f64, 1.0, 4.0]);
    for (name, f, slope, mixed) in cases {
        let g = |w: &Array, xs: &Array| vmap(|x: &Array| lax::cond(x.greater(0.0), || f(w, x), || x * 0.0))(xs).sum();
        let w = double(2.0);
        let none = Array::from([0.0f64, -1.0]);
        close(name, &floats(&grad(g)(&w, &xs)), &[slope], 1e-12);
        close(&format!("{name}, no one takes it"), &floats(&grad(g)(&w, &none)), &[0.0], 0.0);
        let forward = jvp(g, (&w, &xs), (&double(1.0), &np::zeros_like(&xs))).1;
        close(&format!("{name}, forward"), &floats(&forward), &[slope], 1e-12);
        let cross = |w: &Array| grad(|xs: &Array| g(w, xs))(&xs).sum();
        close(&format!("{name}, mixed"), &floats(&grad(cross)(&w)), &[mixed], 1e-12);
        let ensemble = vmap(|w: &Array| grad(g)(w, &xs))(&Array::from([2.0f64, 2.0]));
        close(&format!("{name}, ensemble"), &floats(&ensemble), &[slope, slope], 1e-12);
    }
    // An infinite derivative stays infinite beside elements that do not take the branch.
    let steep = |w: &Array, xs: &Array| {
        vmap(|x: &Array| lax::cond(x.greater_equal(0.0), || (w + x).sqrt(), || x * 0.0))(xs).sum()
    };
    let slope = grad(steep)(&double(0.0), &Array::from([0.0f64, -1.0]));
    assert_eq!(slope.item::<f64>(), f64::INFINITY);
}

/// A conditional that is linear in its operands can be transposed after it was mapped (jax-ml/jax#39219: an error in
/// JAX).
#[test]
fn a_mapped_choice_is_transposed() {
    let choose = |p: &Array, x: &Array| lax::cond(p, || x * 1.0, || x * 2.0);
    let p = Array::from([true, false, true]);
    let x = Array::from([1.0f64, 10.0, 100.0]);
    let back = linear_transpose(|x: &Array| vmap(choose)(&p, x), (&x,));
    assert_eq!(floats(&back(&x).0), [1.0, 20.0, 100.0]);
    // A function whose custom tangent rule contains a conditional, mapped and then differentiated in reverse mode.
    let f =
        custom_jvp(|x: &Array| x.abs()).defjvp(|(x,), (t,)| (x.abs(), lax::cond(x.greater(0.0), || t * 1.0, || -t)));
    let slope = grad(|x: &Array| vmap(&*f)(x).sum())(&Array::from([-2.0f64, 3.0]));
    assert_eq!(floats(&slope), [-1.0, 1.0]);
    // Linearized per element, then mapped, then transposed: the program of the report.
    let report = |x: &Array| vmap(|p: &Array, t: &Array| jvp(|y: &Array| choose(p, y), (&double(1.0),), (t,)).1)(&p, x);
    assert_eq!(floats(&linear_transpose(report, (&x,))(&x).0), [1.0, 20.0, 100.0]);
}

/// A loop that ends separately for each element. Finished elements are still computed, but do not affect the result.
#[test]
fn an_element_that_has_ended_gives_no_slope() {
    // Subtracts 1 until x is at most 0, through a function whose derivative there is infinite.
    let f = |x: &Array| {
        lax::while_loop(
            |s: &(Array, Array)| s.0.greater(0.0),
            |s: &(Array, Array)| (&s.0 - 1.0, &s.1 + s.0.sqrt()),
            (x.clone(), x * 0.0),
        )
        .1
    };
    let xs = Array::from([0.0f64, 1.0, 3.0]);
    let ones = np::ones_like(&xs);
    let want = [0.0, 0.5, 0.5 * (1.0 / 3f64.sqrt() + 1.0 / 2f64.sqrt() + 1.0)];
    close("jvp of vmap", &floats(&jvp(vmap(f), (&xs,), (&ones,)).1), &want, 1e-12);
    close("vmap of jvp", &floats(&vmap(|x: &Array, t: &Array| jvp(f, (x,), (t,)).1)(&xs, &ones)), &want, 1e-12);
}

/// Branches that share large operands do not copy them for each element, and neither do their derivatives.
#[test]
fn what_is_shared_is_not_copied() {
    let f = |w: &Array, b: &Array, xs: &Array| {
        let layer = |x: &Array| (x.dot(w.t()) + b).tanh();
        let net = jit(|x: &Array| w.dot(layer(x)));
        vmap(|x: &Array| lax::cond(x.sum().greater(0.0), || net(x), || layer(x) * 2.0))(xs).sum()
    };
    let (w, b) = (np::eye(64, 64) * 0.5, np::ones(64));
    let xs = np::linspace(-1.0, 1.0, 1024).reshape((16, 64));
    let text = |lowered: Result<cotangent::Lowered<_, _>, _>| lowered.unwrap().stablehlo();
    assert!(!text(jit(f).lower((&w, &b, &xs))).contains("16x64x64"));
    let back = jit(grad(f).argnums(args!(0, 1, 2)));
    let text = back.lower((&w, &b, &xs)).unwrap().stablehlo();
    assert!(!text.contains("16x64x64"), "{text}");
    let tangent = jit(|w: &Array| jvp(|w: &Array| f(w, &b, &xs), (w,), (&np::ones_like(w),)).1);
    assert!(!tangent.lower((&w,)).unwrap().stablehlo().contains("16x64x64"));
    // The result equals that of the same selections made with `where_`.
    let flat = |w: &Array, b: &Array, xs: &Array| {
        let layer = |x: &Array| (x.dot(w.t()) + b).tanh();
        vmap(|x: &Array| np::where_(x.sum().greater(0.0), w.dot(layer(x)), layer(x) * 2.0))(xs).sum()
    };
    let (dw, db, dx) = back(&w, &b, &xs);
    let (ew, eb, ex) = grad(flat).argnums(args!(0, 1, 2))(&w, &b, &xs);
    for (what, got, want) in [("w", dw, ew), ("b", db, eb), ("x", dx, ex)] {
        close(what, &floats(&got), &floats(&want), 1e-4);
    }
    let rows = np::linspace(-1.0, 1.0, 6).reshape((3, 2)).astype(DType::F64);
    let small = |g: &dyn Fn(&Array, &Array, &Array) -> Array, w: &Array| g(w, &np::ones(2).astype(DType::F64), &rows);
    let w = Array::from([[0.3f64, -0.2], [0.5, 0.1]]);
    let (f, flat): (Loss<'_>, Loss<'_>) = (&f, &flat);
    let second = |g: Loss<'_>| {
        let slope = |w: &Array| grad(|w: &Array| small(g, w))(w).sin().sum();
        floats(&grad(slope)(&w))
    };
    close("second order", &second(f), &second(flat), 1e-12);
    // A table that elements index, and a kernel. The elements that do not take the branch are not finite.
    let looked = |table: &Array, i: &Array, x: &Array| {
        vmap(|i: &Array, x: &Array| lax::cond(x.greater(0.0), || (table.at(i).get() * x.log()).sum(), || x * 0.0))(i, x)
            .sum()
    };
    let (table, i) = (np::ones((50, 8)).astype(DType::F64), Array::from([3, 7, 3]));
    let x = Array::from([1.0f64.exp(), 0.0, 1.0f64.exp()]);
    let back = jit(grad(looked));
    let lowered = back.lower((&table, &i, &x)).unwrap().stablehlo();
    assert!(!lowered.contains("3x50x8"), "{lowered}");
    let slope = back(&table, &i, &x);
    close(
        "rows",
        &floats(&slope.sum_axis(1)),
        &(0..50).map(|r| if r == 3 { 16.0 } else { 0.0 }).collect::<Vec<_>>(),
        1e-12,
    );
    let poisoned = |w: &Array, x: &Array| {
        vmap(|x: &Array| lax::cond(x.sum().greater(0.0), || w.dot(x.log()).sum(), || x.sum() * 0.0))(x).sum()
    };
    let x = Array::from([[1.0f64.exp(), 1.0], [0.0, 0.0]]);
    // A factor that a branch transposes and converts.
    let turned = |w: &Array, x: &Array| {
        let product = |x: &Array| w.dot(x.t().astype(DType::F64)).sum();
        vmap(|x: &Array| lax::cond(x.sum().greater(0.0), || product(x), || x.sum().astype(DType::F64)))(x).sum()
    };
    let (wide, matrices) = (np::ones((9, 5)).astype(DType::F64), np::ones((3, 4, 5)));
    let lowered = jit(grad(turned)).lower((&wide, &matrices)).unwrap().stablehlo();
    assert!(!lowered.contains("3x9x5"), "{lowered}");
    close("turned", &floats(&grad(turned)(&wide, &matrices)), &[12.0; 45], 1e-12);
    close("factors", &floats(&grad(poisoned)(&np::eye(2, 2).astype(DType::F64), &x)), &[1.0, 0.0, 1.0, 0.0], 1e-12);
}

/// A carry that starts as a Rust number takes the dtype that the body returns, as in JAX.
#[test]
fn a_number_as_first_carry_takes_the_type_of_the_arrays() {
    use DType::*;
    // The dtype of the scanned array, and that of its sum starting from 0.0 and from 0.
    let types =
        [(F64, F64, F64), (F32, F32, F32), (F16, F16, F16), (BF16, BF16, BF16), (C64, C64, C64), (C128, C128, C128)];
    let integers = [(I64, F32, I64), (I32, F32, I32), (U8, F32, U8), (I16, F32, I16), (U64, F32, U64)];
    for (dtype, float, int) in types.into_iter().chain(integers) {
        let xs = Array::from([1, 2, 3]).astype(dtype);
        let add = |c: &Array, x: &Array| (c + x, ());
        let sums = |xs: &Array| (lax::scan(add, 0.0, xs).0, lax::scan(add, 0, xs).0);
        for (a, b) in [sums(&xs), jit(sums)(&xs)] {
            assert_eq!((a.dtype(), b.dtype()), (float, int), "over {dtype:?}");
            assert_eq!((a.astype(F64).item::<f64>(), b.astype(F64).item::<f64>()), (6.0, 6.0), "over {dtype:?}");
        }
        let rows = xs.reshape((1, 3));
        assert_eq!(vmap(move |xs: &Array| lax::scan(add, 0, xs).0)(&rows).dtype(), int);
        let x = Array::from([2]).reshape(()).astype(dtype);
        let doubled = lax::while_loop(|y: &Array| y.abs().less(5), |y: &Array| y * &x, 1);
        assert_eq!(doubled.dtype(), int, "while_loop over {dtype:?}");
        let power = lax::fori_loop(0, 3, |_, y: &Array| y * &x, 1);
        assert_eq!((power.dtype(), power.astype(F64).item::<f64>()), (int, 8.0), "fori_loop over {dtype:?}");
        let repeated = lax::repeat(3, 1, |y: &Array| y * &x);
        assert_eq!((repeated.dtype(), repeated.astype(F64).item::<f64>()), (int, 8.0), "repeat over {dtype:?}");
        for yes in [true, false] {
            let chosen = lax::cond(yes, || x.clone(), || Array::from(1));
            assert_eq!(chosen.dtype(), int, "cond of {dtype:?} and a number");
            let chosen = lax::cond(yes, || Array::from(1.0), || &x * 1.0);
            assert_eq!(chosen.dtype(), float, "cond of a number and {dtype:?}");
        }
        let many = lax::switch(2, &[&|| Array::from(1), &|| x.clone(), &|| Array::from(3)]);
        assert_eq!((many.dtype(), many.astype(F64).item::<f64>()), (int, 3.0));
    }
    // The number keeps all its digits.
    let xs = Array::from([0.0f64, 0.0]);
    assert_eq!(lax::scan(|c: &Array, x: &Array| (c + x, ()), 0.1, &xs).0.item::<f64>(), 0.1);
    assert_eq!(lax::cond(false, || double(1.0), || Array::from(0.1)).item::<f64>(), 0.1);
    // One leaf takes its dtype from another leaf, which takes it from an array.
    let (a, b) = lax::scan(
        |(a, b): &(Array, Array), x: &Array| ((b + x, a.clone()), ()),
        (Array::from(0), Array::from(0)),
        &Array::from([1.0f64, 2.0, 4.0]),
    )
    .0;
    assert_eq!((a.dtype(), b.dtype(), a.item::<f64>(), b.item::<f64>()), (F64, F64, 5.0, 2.0));
    // An integer in a loop of floats, and derivatives through the promoted carry.
    let grown = lax::while_loop(|y: &Array| y.less(2.0), |y: &Array| y * 1.5, 1);
    assert_eq!((grown.dtype(), grown.item::<f32>()), (F32, 2.25));
    let product = |xs: &Array| lax::scan(|c: &Array, x: &Array| (c * x, ()), 1, xs).0;
    assert_eq!(floats(&grad(product)(&Array::from([2.0f64, 3.0]))), [3.0, 2.0]);
    // A number stays weakly typed if nothing determines its dtype.
    let weak = lax::fori_loop(0, 2, |_, y: &Array| y + 1.0, 0.0) + Array::from([1.0f64]).astype(BF16);
    assert_eq!(weak.dtype(), BF16);
}

/// Loop counters have as many bits as the bounds need.
#[test]
fn a_loop_counts_in_the_bits_of_its_bounds() {
    use DType::*;
    let sum = |i: &Array, s: &Array| s + i;
    let big = 5_000_000_000i64;
    let scalar = |x: i64, dtype: DType| Array::from([x]).reshape(()).astype(dtype);
    assert_eq!(lax::fori_loop(big, big + 3, sum, 0).item::<i64>(), 15_000_000_003);
    let by_arrays = |lo: &Array, hi: &Array| lax::fori_loop(lo, hi, sum, 0);
    for dtype in [I64, U64] {
        let (lo, hi) = (scalar(big, dtype), scalar(big + 3, dtype));
        for total in [by_arrays(&lo, &hi), jit(by_arrays)(&lo, &hi)] {
            assert_eq!(total.astype(I64).item::<i64>(), 15_000_000_003, "{dtype:?}");
        }
        assert_eq!(
            lax::fori_loop(big, &hi, sum, 0).astype(I64).item::<i64>(),
            15_000_000_003,
            "a number and {dtype:?}"
        );
    }
    let (lo, hi) = (scalar(4_000_000_000, U32), scalar(4_000_000_002, U32));
    assert_eq!(by_arrays(&lo, &hi).item::<i64>(), 8_000_000_001);
    assert_eq!(lax::fori_loop(-2, scalar(3, U32), sum, 0).item::<i64>(), 0);
    let top = Array::scalar(u64::MAX);
    assert_eq!(lax::fori_loop(&(&top - 2), &top, |_, n: &Array| n + 1, 0).item::<i32>(), 2);
    // Narrow bounds do not make the index narrow.
    for dtype in [U8, I8, I16, U16] {
        let (lo, hi) = (scalar(100, dtype), scalar(127, dtype));
        let squares = lax::fori_loop(&lo, &hi, |i: &Array, s: &Array| s + i * i, 0);
        assert_eq!(squares.item::<i32>(), (100..127).map(|i| i * i).sum::<i32>(), "{dtype:?}");
    }
    // The index is usually i32, also in a gradient.
    let slope = grad(|x: &Array| lax::fori_loop(1, 4, |i: &Array, s: &Array| s + i * x, 0.0))(&double(2.0));
    assert_eq!(slope.item::<f64>(), 6.0);
    assert_eq!(lax::fori_loop(0, 3, |i: &Array, _: &Array| i.clone(), 0).dtype(), I32);
    assert_eq!(lax::fori_loop(3, i64::MIN, sum, 0).astype(I64).item::<i64>(), 0);
}

/// Closures take their arguments by reference or by value, and loops start from numbers, arrays and references.
#[test]
fn loops_take_what_one_has() {
    let xs = Array::from([1.0f64, 2.0, 3.0]);
    let zero = double(0.0);
    let want = [6.0];
    assert_eq!(floats(&lax::scan(|c: Array, x: Array| (c + x, ()), &zero, &xs).0), want);
    assert_eq!(floats(&lax::scan(|c: Array, x: &Array| (c + x, ()), zero.clone(), &xs).0), want);
    assert_eq!(floats(&lax::scan(|c: &Array, x: Array| (c + x, ()), 0.0, &xs).0), want);
    // A value that is passed on needs no `clone`.
    let (last, seen) = lax::scan(|c: Array, x: Array| (x, c), -1.0, &xs);
    assert_eq!((floats(&last), floats(&seen)), (vec![3.0], vec![-1.0, 1.0, 2.0]));
    assert_eq!(floats(&lax::repeat(3, double(1.0), |x: Array| x * 2.0)), [8.0]);
    assert_eq!(floats(&lax::repeat(0, 5, |x: Array| x * 2)), [5.0]);
    assert_eq!(floats(&lax::while_loop(|x: &Array| x.less(5.0), |x: Array| x * 2.0, double(1.0))), [8.0]);
    assert_eq!(floats(&lax::map(|x: Array| x, &xs)), floats(&xs));
    assert_eq!(floats(&lax::Map::new().batch_size(2).run(|x: Array| x, &xs)), floats(&xs));
    let slope = grad(|x: &Array| lax::repeat(4, x, |y: &Array| y.square()))(&double(1.5));
    close("repeat", &floats(&slope), &[16.0 * 1.5f64.powi(15)], 1e-14);
    // Keys by value.
    let keys = random::split(random::key(3), 4);
    let each = vmap(|k: random::Key| random::normal(k, ()))(keys.clone());
    assert_eq!(floats(&each), floats(&vmap(|k: &random::Key| random::normal(k.clone(), ()))(&keys)));
    assert_eq!(floats(&each), floats(&lax::map(|k: random::Key| random::normal(k, ()), &keys)));
    let (total, drawn) = lax::scan(
        |c: &Array, k: random::Key| {
            let x = random::normal(k, ());
            (c + &x, x)
        },
        0.0,
        &keys,
    );
    assert_eq!(floats(&each), floats(&drawn));
    close("sum", &floats(&total), &[floats(&each).iter().sum()], 1e-6);
    let (last, ()) =
        lax::Scan::new().length(2).run(|k: random::Key, (): &()| (random::fold_in(k, 1), ()), random::key(1), &());
    assert_eq!(last.shape(), [0usize; 0]);
}

/// A loop whose elements end separately is one loop with a condition for each element, as in JAX's programs.
#[test]
fn a_loop_over_a_batch_has_a_condition_for_each_element() {
    use cotangent::extend::bind;
    use cotangent::extend::primitives::While;
    let xs = Array::from([1.0f64, 9.0, 2.0]);
    let program = |f: &(dyn Fn(&Array) -> Array + Send + Sync)| make_jaxpr(|x: &Array| f(x))(&xs).jaxpr;
    let prim = While { cond: program(&|x| x.less(5.0)), cond_consts: 0, body: program(&|x| x * 2.0), body_consts: 0 };
    let turns = |xs: &Array| bind(prim.clone(), &[xs])[0].clone();
    let want = [8.0, 9.0, 8.0];
    assert_eq!(floats(&turns(&xs)), want);
    assert_eq!(floats(&jit(turns)(&xs)), want);
    assert_eq!(floats(&jvp(turns, (&xs,), (&np::ones_like(&xs),)).1), [8.0, 1.0, 4.0]);
    // `vmap` makes the same program.
    let one = |x: &Array| lax::while_loop(|x: &Array| x.less(5.0), |x: &Array| x * 2.0, x);
    let mapped = make_jaxpr(vmap(one))(&xs).jaxpr;
    let made = mapped.eqns()[0].prim().as_any().downcast_ref::<While>().expect("a loop");
    assert_eq!(made.cond.output_avals().map(|a| a.to_string()).collect::<Vec<_>>(), ["bool[3]"]);
    assert_eq!(floats(&vmap(one)(&xs)), want);
    // Mapped once more, over the state or over a value that only the body captures.
    let twice = np::stack(&[&xs, &(&xs + 1.0)], 0);
    assert_eq!(floats(&vmap(vmap(one))(&twice)), [8.0, 9.0, 8.0, 8.0, 10.0, 6.0]);
    let scaled =
        |k: &Array, xs: &Array| vmap(|x: &Array| lax::while_loop(|x: &Array| x.less(5.0), |x: &Array| x * k, x))(xs);
    let by = vmap(scaled).in_axes((0, None))(&Array::from([2.0f64, 3.0]), &xs);
    assert_eq!(floats(&by), [8.0, 9.0, 8.0, 9.0, 9.0, 6.0]);
    let tangent = jvp(vmap(vmap(one)), (&twice,), (&np::ones_like(&twice),)).1;
    assert_eq!(floats(&tangent), [8.0, 1.0, 4.0, 4.0, 1.0, 2.0]);
    // It is an error if the condition's axes are not leading axes of the state.
    let wrong = While { cond: program(&|x| x.reshape((3, 1)).less(5.0)), ..prim.clone() };
    let error = jit(move |xs: &Array| bind(wrong.clone(), &[xs])[0].clone()).try_call((&xs,)).unwrap_err().to_string();
    assert!(error.contains("bool[3,1]") && error.contains("f64[3]"), "{error}");
    // `checkify` and the NaN search work on such loops as well.
    let roots =
        |xs: &Array| vmap(|x: &Array| lax::while_loop(|x: &Array| x.less(5.0), |x: &Array| x.sqrt() + 5.0, x))(xs);
    let (error, _) = checkify::checkify(roots).nan_checks()(&Array::from([-1.0f64, 9.0]));
    assert!(error.get().is_some_and(|text| text.contains("sqrt")), "{error:?}");
}
