//! Special functions at their ends. The truths are mpmath's, at 50 digits.

use cotangent::numpy as np;
use cotangent::prelude::*;
use cotangent::scipy::special;
use cotangent::scipy::stats::norm;
use std::sync::Arc;

use super::goldens_lib::floats;

type Function = Arc<dyn Fn(&Array) -> Array + Send + Sync>;

/// The derivative of an order, element by element.
fn derivative(f: Function, order: usize) -> Function {
    (0..order).fold(f, |f, _| Arc::new(move |x: &Array| grad(|x: &Array| f(x).sum())(x)))
}

/// The function as the tests ask for it: as it is, jitted, and mapped.
fn checked(what: &str, f: Function, order: usize, dtype: DType, cases: &[(f64, f64)], rtol: f64) {
    let x = Array::from(cases.iter().map(|c| c.0).collect::<Vec<f64>>()).astype(dtype);
    let f = derivative(f, order);
    let ways = [("plain", f(&x)), ("jit", jit(|x: &Array| f(x))(&x)), ("vmap", vmap(|x: &Array| f(x))(&x))];
    for (way, y) in ways {
        assert_eq!(y.dtype(), dtype);
        for ((x, truth), got) in cases.iter().zip(floats(&y)) {
            let right = got == *truth || (got - truth).abs() <= rtol * truth.abs() || (got.is_nan() && truth.is_nan());
            assert!(right, "{what}, order {order}, {dtype}, {way}: {got:e} instead of {truth:e} at {x}");
        }
    }
}

/// A table of truths for a function of one number: orders from zero on, each a list of points and values.
fn table(what: &str, f: impl Fn(&Array) -> Array + Send + Sync + 'static, rtol: [f64; 2], orders: &[&[(f64, f64)]]) {
    let f: Function = Arc::new(f);
    for (order, cases) in orders.iter().enumerate().filter(|(_, cases)| !cases.is_empty()) {
        // Each order of differentiation loses a digit or so.
        let loss = 10f64.powi(order.saturating_sub(1) as i32);
        checked(what, f.clone(), order, DType::F64, cases, rtol[0] * loss);
        let narrow: Vec<(f64, f64)> =
            cases.iter().copied().filter(|(_, y)| y.abs() < 1e37 && (y.abs() > 1e-37 || *y == 0.0)).collect();
        checked(what, f.clone(), order, DType::F32, &narrow, rtol[1] * loss);
    }
}

const INF: f64 = f64::INFINITY;

#[test]
fn bessel_functions() {
    table("i0", |x| special::i0(x), [4e-15, 2e-6], &[
        &[(0.0, 1.0), (-1.0, 1.2660658777520083), (5.0, 27.239871823604442)],
        &[(0.0, 0.0), (1e-3, 5.000000625000026e-4), (-1.0, -0.5651591039924850), (5.0, 24.33564214245052)],
        &[(0.0, 0.5), (1e-3, 0.5000001875000130), (1.0, 0.7009067737595233), (5.0, 22.37274339511434)],
        &[(0.0, 0.0), (1e-3, 3.750000520833360e-4), (1.0, 0.4294112098510468)],
        &[(0.0, 0.375)],
    ]);
    table("i1", |x| special::i1(x), [4e-15, 2e-6], &[
        &[(0.0, 0.0), (-1.0, -0.5651591039924850)],
        &[(0.0, 0.5), (1e-3, 0.5000001875000130), (1.0, 0.7009067737595233)],
        &[(0.0, 0.0), (1e-3, 3.750000520833360e-4), (-1.0, -0.4294112098510468)],
        &[(0.0, 0.375)],
    ]);
    table("i0e", |x| special::i0e(x), [2e-14, 4e-6], &[
        &[(0.0, 1.0)],
        &[(0.0, 0.0), (20.0, -0.002274089701543), (-1e4, 1.9948610303085e-7), (INF, -0.0)],
        &[(0.0, 1.5), (100.0, 3.01101768156e-6)],
    ].map(|c: &[(f64, f64)]| c).as_slice());
}
