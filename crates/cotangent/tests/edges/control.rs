//! Control flow: branches not taken, weak carries, wide counters, errors.

use cotangent::prelude::*;
use cotangent::{lax, linear_transpose};

type Branch = fn(&Array) -> Array;

/// Functions with a singularity at 0, and their slopes and second derivatives at 4.
const SINGULAR: [(&str, Branch, f64, f64); 5] = [
    ("sqrt", |x| x.sqrt(), 0.25, -0.03125),
    ("ln", |x| x.log(), 0.25, -0.0625),
    ("1/x", |x| 1.0 / x, -0.0625, 0.03125),
    ("x^0.5", |x| x.pow(0.5), 0.25, -0.03125),
    ("atan2(1/x, x)", |x| (1.0 / x).atan2(x), -8.0 / 257.0, 1534.0 / 66049.0),
];

fn all(x: &Array) -> Vec<f64> {
    x.astype(DType::F64).to_vec::<f64>()
}

/// A scalar of f64.
fn double(x: f64) -> Array {
    Array::from([x]).reshape(())
}

fn close(what: &str, got: &[f64], want: &[f64], tolerance: f64) {
    let near = |(g, w): (&f64, &f64)| (g - w).abs() <= tolerance * (1.0 + w.abs());
    assert!(got.len() == want.len() && got.iter().zip(want).all(near), "{what}: {got:?}, not {want:?}");
}

/// `cond(x > 0, f(x), 0)` for each element, in many guises.
fn guises(f: Branch) -> Vec<(&'static str, Box<dyn Fn(&Array) -> Array + Send + Sync>)> {
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

/// The branch that an element does not take has no say in its slope.
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
                close(&format!("grad: {what}"), &all(&grad(loss)(&xs)), &want, tolerance);
                close(&format!("jit(grad): {what}"), &all(&jit(grad(loss))(&xs)), &want, tolerance);
                close(&format!("jvp: {what}"), &all(&jvp(&g, (&xs,), (&ones,)).1), &want, tolerance);
                let curvature = [0.0, second, 0.0, 0.0];
                let twice = |xs: &Array| grad(loss)(xs).sum();
                close(&format!("reverse over reverse: {what}"), &all(&grad(twice)(&xs)), &curvature, tolerance);
                let forward = |xs: &Array| jvp(&g, (xs,), (&ones,)).1.sum();
                close(&format!("reverse over forward: {what}"), &all(&grad(forward)(&xs)), &curvature, tolerance);
                let mixed = jvp(grad(loss), (&xs,), (&ones,)).1;
                close(&format!("forward over reverse: {what}"), &all(&mixed), &curvature, tolerance);
            }
        }
    }
}

/// What all elements share gets its slope from those that take the branch: also infinite, also none.
#[test]
fn what_is_shared_gets_its_slope_from_those_who_take_the_branch() {
    type Shared = fn(&Array, &Array) -> Array;
    // With x = (0, 1, 4), of which those above 0 take the branch: slopes in w at 2 and the mixed derivative.
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
        close(name, &all(&grad(g)(&w, &xs)), &[slope], 1e-12);
        close(&format!("{name}, no one takes it"), &all(&grad(g)(&w, &none)), &[0.0], 0.0);
        let forward = jvp(g, (&w, &xs), (&double(1.0), &np::zeros_like(&xs))).1;
        close(&format!("{name}, forward"), &all(&forward), &[slope], 1e-12);
        let cross = |w: &Array| grad(|xs: &Array| g(w, xs))(&xs).sum();
        close(&format!("{name}, mixed"), &all(&grad(cross)(&w)), &[mixed], 1e-12);
        let ensemble = vmap(|w: &Array| grad(g)(w, &xs))(&Array::from([2.0f64, 2.0]));
        close(&format!("{name}, ensemble"), &all(&ensemble), &[slope, slope], 1e-12);
    }
    // A slope that is infinite stays it, beside elements that do not take the branch.
    let steep = |w: &Array, xs: &Array| {
        vmap(|x: &Array| lax::cond(x.greater_equal(0.0), || (w + x).sqrt(), || x * 0.0))(xs).sum()
    };
    let slope = grad(steep)(&double(0.0), &Array::from([0.0f64, -1.0]));
    assert_eq!(slope.item::<f64>(), f64::INFINITY);
}

/// A choice that is linear in what it works on can be transposed after it was mapped (jax-ml/jax#39219: an error in JAX).
#[test]
fn a_mapped_choice_is_transposed() {
    let choose = |p: &Array, x: &Array| lax::cond(p, || x * 1.0, || x * 2.0);
    let p = Array::from([true, false, true]);
    let x = Array::from([1.0f64, 10.0, 100.0]);
    let back = linear_transpose(|x: &Array| vmap(choose)(&p, x), (&x,));
    assert_eq!(all(&back(&x).0), [1.0, 20.0, 100.0]);
    // A function whose own tangent rule chooses, mapped and then differentiated in reverse mode.
    let f =
        custom_jvp(|x: &Array| x.abs()).defjvp(|(x,), (t,)| (x.abs(), lax::cond(x.greater(0.0), || t * 1.0, || -t)));
    let slope = grad(|x: &Array| vmap(&*f)(x).sum())(&Array::from([-2.0f64, 3.0]));
    assert_eq!(all(&slope), [-1.0, 1.0]);
    // Linearised per element, then mapped, then transposed: the case of the report.
    let report = |x: &Array| vmap(|p: &Array, t: &Array| jvp(|y: &Array| choose(p, y), (&double(1.0),), (t,)).1)(&p, x);
    assert_eq!(all(&linear_transpose(report, (&x,))(&x).0), [1.0, 20.0, 100.0]);
}

/// A loop that each element ends for itself: those that have ended keep being computed, and do not matter.
#[test]
fn an_element_that_has_ended_gives_no_slope() {
    // x - 1 until it is at most 0, through a function whose slope there is infinite.
    let f = |x: &Array| {
        lax::while_loop(
            |s: &(Array, Array)| s.0.greater(0.0),
            |s| (&s.0 - 1.0, &s.1 + s.0.sqrt()),
            (x.clone(), x * 0.0),
        )
        .1
    };
    let xs = Array::from([0.0f64, 1.0, 3.0]);
    let ones = np::ones_like(&xs);
    let want = [0.0, 0.5, 0.5 * (1.0 / 3f64.sqrt() + 1.0 / 2f64.sqrt() + 1.0)];
    close("jvp of vmap", &all(&jvp(vmap(f), (&xs,), (&ones,)).1), &want, 1e-12);
    close("vmap of jvp", &all(&vmap(|x: &Array, t: &Array| jvp(f, (x,), (t,)).1)(&xs, &ones)), &want, 1e-12);
}

/// Branches that share large operands do not copy them for each element.
#[test]
fn what_is_shared_is_not_copied_in_the_value() {
    let w = np::ones((64, 64));
    let f = |xs: &Array| vmap(|x: &Array| lax::cond(x.sum().greater(0.0), || w.dot(x), || x.clone()))(xs);
    let text = jit(f).lower((&np::ones((16, 64)),)).unwrap().stablehlo().to_string();
    assert!(!text.contains("16x64x64"), "{text}");
}
