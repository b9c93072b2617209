//! Runs a case and compares its results.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cotangent::extend::bind_shared;
use cotangent::prelude::*;

use super::case::Case;
use super::common::{Tolerance, difference, scalars, scale};
use super::excuses::Excuses;
use super::program::program;

/// Returns Re Σ a·b over all elements, without conjugation.
fn dot(a: &[&Array], b: &[&Array]) -> f64 {
    use cotangent::extend::Scalar;
    let product = |pair: (Scalar, Scalar)| match pair {
        (Scalar::Float(a), Scalar::Float(b)) => a * b,
        (Scalar::Complex(ar, ai), Scalar::Complex(br, bi)) => ar * br - ai * bi,
        other => panic!("not two numbers of a kind: {other:?}"),
    };
    a.iter().zip(b).flat_map(|(a, b)| scalars(a).into_iter().zip(scalars(b))).map(product).sum()
}

/// Runs a case. Returns the checks that ran, and the failures.
pub(crate) fn run(case: &Case) -> (Vec<&'static str>, Vec<String>) {
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    let mut compare = |column: &'static str, what: &str, got: &Array, expected: &Array, tolerance: Tolerance| {
        done.push(column);
        if let Some(difference) = difference(got, expected, tolerance) {
            failures.push(format!("{}/{} {what}: {difference}", case.primitive, case.name));
        }
    };
    // A derivative's terms may come in another order than JAX's, which costs a few rounding errors of the largest term.
    // JAX computed them op by op. Within one program, a fused multiply-add may keep what a rounding would lose (1 − y
    // where y rounds to 1).
    let derived = Tolerance { relative: 1e-13, of_scale: 1e-14, absolute: 1e-16 };
    let rounding = Excuses::get().of("rounding", case).and_then(|e| e.relative);
    let derived = Tolerance { relative: rounding.unwrap_or(derived.relative), ..derived };
    let result = catch_unwind(AssertUnwindSafe(|| {
        let outputs = bind_shared(case.prim.clone(), &case.inputs.iter().collect::<Vec<_>>());
        assert_eq!(outputs.len(), case.outputs.len(), "the number of results");
        for (i, (y, expected)) in outputs.iter().zip(&case.outputs).enumerate() {
            compare("value", &format!("value.{i}"), y, expected, case.tolerance(expected));
        }
        let mut args = case.inputs.clone();
        let mut expected: BTreeMap<String, (&'static str, Array, Tolerance)> = BTreeMap::new();
        let mut expect =
            |column: &'static str, what: &str, values: Vec<Array>, tolerance: &dyn Fn(&Array) -> Tolerance| {
                for (i, x) in values.into_iter().enumerate() {
                    let tolerance = tolerance(&x);
                    expected.insert(format!("{what}.{i}"), (column, x, tolerance));
                }
            };
        let of_value = |x: &Array| case.tolerance(x);
        expect("jit", "jit", case.outputs.clone(), &of_value);
        if let Some(d) = &case.derivatives {
            args.extend(d.tangents.iter().chain(&d.cotangents).flatten().cloned());
            let (values, jvp, vjp) = d.parts(&case.outputs);
            expect("jvp", "jvp value", values.clone(), &of_value);
            expect("vjp", "vjp value", values.clone(), &of_value);
            expect("jvp", "jvp", jvp.clone(), &|_| derived);
            expect("vjp", "vjp", vjp.clone(), &|_| derived);
            for narrow in case.narrower() {
                // A few rounding errors of the largest element, at inputs that are rounded themselves.
                let tolerance = Tolerance { of_scale: narrow.tolerance(), ..Tolerance::default() };
                let vjp = vjp.iter().map(|x| x.astype(narrow.like(x.dtype()))).collect();
                expect("narrow", &format!("{} vjp", narrow.real.name()), vjp, &|_| tolerance);
            }
            // Differences of values of this size carry their rounding errors, divided by the step.
            let size = values.iter().map(scale).fold(0.0, f64::max);
            let numeric = |scale: f64| Tolerance { relative: 0.0, of_scale: 1e-6, absolute: 1e-10 * (scale + 0.1) };
            if case.smooth() {
                expect("numeric", "numeric jvp", jvp, &|_| numeric(size));
            }
            if let Some(second) = &d.second {
                let second: Vec<Array> = second.iter().flatten().cloned().collect();
                expect("jvp vjp", "jvp of vjp", second.clone(), &|_| derived);
                let tangents: Vec<&Array> = d.tangents.iter().flatten().collect();
                let along = Array::scalar(dot(&second.iter().collect::<Vec<_>>(), &tangents));
                let along = values.first().map_or(along.clone(), |y| along.astype(y.dtype()));
                expect("jvp jvp", "jvp of jvp", vec![along], &|_| derived);
                if case.commutes() {
                    expect("vjp jvp", "vjp of jvp", second.clone(), &|_| derived);
                    expect("vjp vjp", "vjp of vjp", second.clone(), &|_| derived);
                }
                if case.smooth() {
                    let size = d.vjp.iter().flatten().map(scale).fold(0.0, f64::max);
                    expect("numeric", "numeric second", second, &|_| numeric(size));
                }
            }
        }
        if case.in_loop {
            match &case.derivatives {
                None => expect("loop", "loop value", case.outputs.clone(), &of_value),
                Some(d) => {
                    let (values, jvp, vjp) = d.parts(&case.outputs);
                    let mut step = |what: &str, values: Vec<Array>, tolerance: &dyn Fn(&Array) -> Tolerance| {
                        let zeros = values.iter().map(np::zeros_like).collect();
                        expect("loop", &format!("loop {what}, the other branch"), zeros, &|_| Tolerance::default());
                        expect("loop", &format!("loop {what}"), values, tolerance);
                    };
                    step("value", values, &of_value);
                    step("jvp", jvp.clone(), &|_| derived);
                    step("vjp", vjp, &|_| derived);
                    if case.chosen {
                        step("jvp, batched", jvp, &|_| derived);
                    }
                }
            }
        }
        for (k, mapped) in case.vmap.iter().enumerate() {
            args.extend(mapped.inputs.iter().cloned());
            let what = format!("vmap {:?} (entry {k})", mapped.axes);
            expect("vmap", &what, mapped.outputs.clone(), &of_value);
        }
        let derivative = |what: &str| {
            ["jvp.", "vjp.", "numeric jvp.", "loop jvp", "loop vjp"].iter().any(|w| what.starts_with(w))
                || what.contains(" vjp.")
        };
        expected.retain(|what, _| !(case.jax_errs() && derivative(what)));
        let results = jit(|args: &Vec<Array>| program(case, args)).try_call((&args,)).unwrap_or_else(|e| panic!("{e}"));
        if let Some(d) = &case.derivatives {
            let part = |what: &str| -> Vec<&Array> {
                let is = |n: &&(String, Array)| n.0.rsplit_once('.').is_some_and(|(n, _)| n == what);
                results.iter().filter(is).map(|(_, x)| x).collect()
            };
            // Forward and reverse mode are transposes of each other.
            let forward = dot(&d.cotangents.iter().flatten().collect::<Vec<_>>(), &part("jvp"));
            let reverse = dot(&d.tangents.iter().flatten().collect::<Vec<_>>(), &part("vjp"));
            let near = Tolerance { relative: 1e-12, of_scale: 0.0, absolute: 1e-12 };
            let exact = Excuses::get().of("inner product", case).is_none();
            if exact && forward.is_finite() && reverse.is_finite() {
                compare("vjp", "inner product", &Array::scalar(reverse), &Array::scalar(forward), near);
            }
            if case.jax_errs() {
                let near = Tolerance { relative: 0.0, of_scale: 1e-7, absolute: 0.0 };
                for (i, (ours, numeric)) in part("jvp").into_iter().zip(part("numeric jvp")).enumerate() {
                    compare("numeric", &format!("jvp.{i} against numeric differences"), ours, numeric, near);
                }
            }
        }
        let mut mapped: BTreeMap<String, Array> = BTreeMap::new();
        for (what, got) in &results {
            if what.starts_with("vmap of grad") {
                mapped.insert(what.replace("vmap of grad", "grad"), got.clone());
                continue;
            }
            if let Some(mapped) = mapped.remove(what) {
                compare("vmap vjp", &format!("vmap of {what}"), &mapped, got, derived);
                continue;
            }
            if case.jax_errs() && derivative(what) {
                continue;
            }
            let (column, expected, tolerance) =
                expected.remove(what).unwrap_or_else(|| panic!("JAX gives no {what}, this crate {got}"));
            compare(column, what, got, &expected, tolerance);
        }
        assert!(expected.is_empty(), "JAX gives {:?}, this crate does not", expected.keys());
    }));
    if let Err(panic) = result {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
        failures.push(format!("{}/{}: {text}", case.primitive, case.name));
    }
    (done, failures)
}
