//! Derivatives of cumulative operations, for any length and at zeros.

use cotangent::extend::bind1;
use cotangent::{lax, prelude::*};

use super::selection::Draws;

/// Returns the derivatives of Σ wᵢ yᵢ, where y are the cumulative products, by one pass in each direction.
fn slopes_of_products(x: &[f64], w: &[f64]) -> Vec<f64> {
    let before: Vec<f64> = x.iter().scan(1.0, |y, x| Some(std::mem::replace(y, *y * x))).collect();
    let mut after = 0.0;
    let back = x.iter().zip(w).zip(&before).rev().map(|((x, w), y)| {
        let own = after + w;
        after = own * x;
        y * own
    });
    back.collect::<Vec<_>>().into_iter().rev().collect()
}

#[test]
fn cumulative_products_have_slopes_of_any_length() {
    let mut draws = Draws(3);
    for (n, columns) in [(1, 1), (2, 1), (5, 1), (33, 1), (40, 2), (1000, 1), (1500, 3), (7, 600), (70, 600)] {
        for zeros in [0, 1, 2] {
            let mut x: Vec<f64> = (0..n * columns).map(|_| draws.number() * 0.2 + 1.0).collect();
            (0..zeros).for_each(|z| x[(z * n / 3) * columns] = 0.0);
            let w: Vec<f64> = (0..n * columns).map(|_| draws.number()).collect();
            let array = |v: &[f64]| Array::from(v.to_vec()).reshape([n, columns]);
            let (ax, aw) = (array(&x), array(&w));
            for reverse in [false, true] {
                let cumulative = |x: &Array| bind1(cotangent::extend::primitives::CumProd { axis: 0, reverse }, &[x]);
                let got = jit(grad(|x: &Array| (cumulative(x) * &aw).sum()))(&ax).to_vec::<f64>();
                let columns_of = |v: &[f64], c: usize| -> Vec<f64> {
                    let column = v.iter().skip(c).step_by(columns).copied();
                    if reverse { column.rev().collect() } else { column.collect() }
                };
                for c in 0..columns.min(3) {
                    let expected = slopes_of_products(&columns_of(&x, c), &columns_of(&w, c));
                    let scale = expected.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
                    for (a, b) in columns_of(&got, c).iter().zip(&expected) {
                        assert!((a - b).abs() <= 1e-11 * scale, "{n} × {columns}, {zeros} zeros: {a}, not {b}");
                    }
                }
                // Forward mode is the transpose, and narrower floats agree.
                let t = array(&(0..n * columns).map(|_| draws.number()).collect::<Vec<_>>());
                let tangent = jit(|x: &Array, t: &Array| jvp(cumulative, (x,), (t,)).1)(&ax, &t);
                let (a, b) = ((tangent * &aw).sum().item::<f64>(), (array(&got) * &t).sum().item::<f64>());
                assert!((a - b).abs() <= 1e-9 * (1.0 + a.abs()), "{n} × {columns}: {a} forwards, {b} in reverse");
            }
        }
    }
}

#[test]
fn cumulative_products_have_second_derivatives_at_zeros() {
    let (x, w) = (vec![2.0, 0.0, 3.0, 0.0, 5.0], vec![1.0, -2.0, 0.5, 3.0, 1.5]);
    let aw = Array::from(w.clone());
    for (dtype, near) in [(DType::F64, 1e-13), (DType::F32, 1e-5), (DType::F16, 1e-2), (DType::BF16, 1e-1)] {
        let ax = Array::from(x.clone()).astype(dtype);
        let f = |x: &Array| (x.cumprod() * aw.astype(dtype)).sum();
        let got = jit(hessian(f))(&ax).astype(DType::F64).to_vec::<f64>();
        for (j, k) in (0..5).flat_map(|j| (0..5).map(move |k| (j, k))) {
            let product = |i: usize| (0..=i).filter(|l| *l != j && *l != k).map(|l| x[l]).product::<f64>();
            let expected: f64 = if j == k { 0.0 } else { (j.max(k)..5).map(|i| w[i] * product(i)).sum() };
            assert!(
                (got[5 * j + k] - expected).abs() <= near * 30.0,
                "{dtype} {j} {k}: {}, not {expected}",
                got[5 * j + k]
            );
        }
    }
    // Complex numbers, and the product of all elements.
    let z = np::cumprod(Array::from(x.clone()).astype(DType::C128));
    assert_eq!(z.real().to_vec::<f64>(), np::cumprod(Array::from(x.clone())).to_vec::<f64>());
    let slopes = grad(|x: &Array| (x.astype(DType::C128) * num_complex::Complex::new(0.0, 1.0)).cumprod().real().sum())(
        &Array::from(vec![2.0, 3.0, 5.0]),
    );
    // i·2, −6, −30i: the real part is −x₀x₁.
    assert_eq!(slopes.to_vec::<f64>(), [-3.0, -2.0, 0.0]);
}

#[test]
fn cumulative_logsumexp_weighs_by_softmax() {
    let mut draws = Draws(4);
    for n in [1usize, 3, 40, 1000] {
        let x: Vec<f64> =
            (0..n).map(|i| if i % 7 == 3 || i < n.min(3) - 1 { f64::NEG_INFINITY } else { draws.number() }).collect();
        let w: Vec<f64> = (0..n).map(|_| draws.number()).collect();
        let (ax, aw) = (Array::from(x.clone()), Array::from(w.clone()));
        let first = x.iter().position(|v| v.is_finite()).unwrap_or(n);
        let f = |x: &Array| {
            let from = |y: &Array| y.slice_axis(0, first.min(x.size()), x.size());
            (from(&lax::cumlogsumexp(x, 0, false)) * from(&aw.slice_axis(0, 0, x.size()))).sum()
        };
        let got = jit(grad(f))(&ax).to_vec::<f64>();
        let mut expected = vec![0.0; n];
        for i in first..n {
            let sum: f64 = x[..=i].iter().map(|v| v.exp()).sum();
            (0..=i).for_each(|j| expected[j] += w[i] * x[j].exp() / sum);
        }
        for (a, b) in got.iter().zip(&expected) {
            assert!((a - b).abs() <= 1e-11 * n as f64, "{n}: {a}, not {b}");
        }
        let second = jit(jacfwd(grad(f)))(&ax.slice_axis(0, 0, n.min(8)));
        if n >= 8 {
            assert!(second.to_vec::<f64>().iter().all(|v| v.is_finite()), "{second}");
        }
    }
}
