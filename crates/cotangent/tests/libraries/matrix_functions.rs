//! Powers and functions of square matrices against stored JAX results: values, gradients, second derivatives and batches.

use super::goldens_lib::functions::{self, number, option};

use cotangent::numpy::linalg as nl;
use cotangent::prelude::*;
use cotangent::scipy::linalg as sl;

fn call(name: &str, how: &str, x: &[Array], _: DType) -> Vec<Array> {
    let squarings = option(how, "max_squarings").map_or(16, |n| n.parse().expect("a number"));
    match name.rsplit('.').next().expect("a name") {
        "matrix_power" => vec![nl::matrix_power(&x[0], number(how, 0))],
        "expm" if how.is_empty() => vec![sl::expm(&x[0])],
        "expm" => vec![sl::expm_with(&x[0], how == "upper", squarings)],
        "expm_frechet" => {
            let (value, derivative) = sl::expm_frechet(&x[0], &x[1]);
            vec![value, derivative]
        }
        "sqrtm" => vec![sl::sqrtm(&x[0])],
        "funm" if how == "sin" => vec![sl::funm(&x[0], Array::sin)],
        "funm" if how == "exp" => vec![sl::funm(&x[0], Array::exp)],
        "funm" => {
            let (value, error) = sl::funm_with_error(&x[0], Array::exp);
            vec![value, error]
        }
        name => panic!("no function {name}"),
    }
}

#[test]
fn values_gradients_and_batches_equal_jax() {
    functions::check("matrix_functions", call);
}

#[test]
fn square_roots_are_differentiated_twice_and_in_batches() {
    // The square root of A² is A, if the eigenvalues of A have positive real parts.
    let a = functions::real(&[2, 3, 3], 5) + 6.0 * np::eye_as(3, 3, 0, DType::F64);
    let same = |a: &Array| sl::sqrtm(a.matmul(a)).real();
    assert!(np::allclose_with(same(&a), &a, 1e-10, 1e-10, false).item::<bool>());
    let (v, w) = (functions::real(&[2, 3, 3], 1), functions::real(&[2, 3, 3], 2));
    let slope = |a: &Array| jvp(same, (a,), (&v,)).1;
    assert!(np::allclose_with(slope(&a), &v, 1e-9, 1e-9, false).item::<bool>());
    let second = jvp(slope, (&a,), (&w,)).1;
    assert!(np::abs(second).max().item::<f64>() < 1e-8);
    // In reverse mode, the gradient of Σ w · √(A²) is w.
    let gradient = grad(|a: &Array| (same(a) * &w).sum())(&a);
    assert!(np::allclose_with(gradient, &w, 1e-9, 1e-9, false).item::<bool>());
    let rows = vmap(|a: &Array| sl::sqrtm(a))(&a);
    assert!(np::allclose_with(rows, sl::sqrtm(&a), 1e-12, 1e-12, false).item::<bool>());
    // No matrix is the square root of this one.
    let none = sl::sqrtm(Array::from([[0.0f64, 1.0], [0.0, 0.0]]));
    assert!(np::isnan(none).any().item::<bool>());
}

#[test]
fn half_precision_is_computed_in_f32() {
    let x = sl::expm(np::eye_as(2, 2, 0, DType::BF16));
    assert_eq!((x.dtype(), x.at((0, 0)).get().item::<f32>()), (DType::BF16, 2.71875));
}

/// The derivatives of a function of matrices, against what is known: of the exponential, of powers, and of the square root.
#[test]
fn functions_of_matrices_have_the_derivatives_of_known_ones() {
    let close = |a: &Array, b: &Array, what: &str| {
        assert!(np::allclose_with(a, b, 1e-9, 1e-10, false).item::<bool>(), "{what}: {a} instead of {b}");
    };
    let (t, u, w) = (functions::real(&[4, 4], 1), functions::real(&[4, 4], 2), functions::real(&[4, 4], 3));
    let powers = |a: &Array| a.matmul(a).matmul(a) - 2.0 * a.matmul(a);
    let squares = |a: &Array| sl::funm(a.matmul(a), Array::sqrt).real();
    type Of<'a> = &'a (dyn Fn(&Array) -> Array + Send + Sync);
    let of: [(&str, Of<'_>, Of<'_>); 3] = [
        ("exp", &|a| sl::funm(a, Array::exp).real(), &|a| sl::expm(a)),
        ("powers", &|a| sl::funm(a, |x| x.powi(3) - 2.0 * x.powi(2)).real(), &powers),
        ("the root of a square", &squares, &Array::clone),
    ];
    let dominant = functions::real(&[4, 4], 5) + 6.0 * np::eye_as(4, 4, 0, DType::F64);
    let equal = 1.5 * np::eye_as(4, 4, 0, DType::F64);
    let near = np::diag(Array::from([2.0f64, 2.0 + 1e-7, 1.0, 1.0]));
    for (place, a) in [("distinct", &dominant), ("equal", &equal), ("near", &near)] {
        for (name, f, known) in &of {
            let tolerance = if place == "near" { 3e-8 } else { 1e-9 };
            let near = |x: &Array, y: &Array, what: &str, tolerance: f64| {
                let far = np::abs(x - y).max().item::<f64>() / np::abs(y).max().item::<f64>().max(1.0);
                assert!(far < tolerance, "{what} of {name} at {place} eigenvalues: off by {far:.1e}");
            };
            let slope = |g: Of<'_>, a: &Array, t: &Array| jvp(|a: &Array| g(a), (a,), (t,)).1;
            near(&slope(*f, a, &t), &slope(*known, a, &t), "the tangent", tolerance);
            let gradient = |g: Of<'_>| grad(|a: &Array| (g(a) * &w).sum())(a);
            near(&gradient(*f), &gradient(*known), "the gradient", tolerance);
            let second = |g: Of<'_>| jvp(|a: &Array| slope(g, a, &t), (a,), (&u,)).1;
            near(&second(*f), &second(*known), "the second derivative", if place == "near" { 1e-5 } else { 1e-8 });
        }
    }
    // The third derivative, in reverse mode over forward mode twice.
    let third = |g: Of<'_>| {
        let slope = |a: &Array| jvp(|a: &Array| jvp(|a: &Array| g(a), (a,), (&t,)).1, (a,), (&u,)).1;
        grad(|a: &Array| (slope(a) * &w).sum())(&dominant)
    };
    let found = third(&|a| sl::funm(a / 8.0, Array::exp).real());
    close(&found, &third(&|a| sl::expm(a / 8.0)), "the third derivative");
}

#[test]
fn functions_of_matrices_may_capture_arrays_and_be_batched() {
    let a = functions::real(&[3, 4, 4], 4) + 3.0 * np::eye_as(4, 4, 0, DType::F64);
    let first = a.slice_axis(0, 0, 1).reshape([4, 4]);
    // f(A; c) = sin(c A) A, of which the derivative by c is cos(c A) A².
    let f = |a: &Array, c: &Array| sl::funm(a, |x: &Array| (c * x).sin() * x).real();
    let c = Array::scalar(0.3f64);
    let slope = jvp(|c: &Array| f(&first, c), (&c,), (&Array::scalar(1.0f64),)).1;
    let known = sl::funm(&first * 0.3, Array::cos).real().matmul(&first).matmul(&first);
    assert!(np::allclose_with(&slope, &known, 1e-10, 1e-10, false).item::<bool>(), "{slope} instead of {known}");
    let loss = |a: &Array, c: &Array| f(a, c).square().sum();
    // Mixed second derivatives against differences of gradients.
    let by_matrix = |c: &Array| grad(loss)(&first, c);
    let step = 1e-5;
    let difference = (by_matrix(&(&c + step)) - by_matrix(&(&c - step))) / (2.0 * step);
    let mixed = jvp(by_matrix, (&c,), (&Array::scalar(1.0f64),)).1;
    let far = np::abs(&mixed - &difference).max().item::<f64>() / np::abs(&difference).max().item::<f64>();
    assert!(far < 1e-8, "the mixed derivative is off by {far:.1e}");
    // In batches of both, under `jit`, and of a stack of matrices at once.
    let scales = Array::from([0.3f64, 0.2, 0.1]);
    let rows = jit(vmap(grad(loss).argnums(args!(1))))(&a, &scales);
    let last = grad(loss).argnums(args!(1))(&a.slice_axis(0, 2, 3).reshape([4, 4]), &Array::scalar(0.1f64));
    assert!((rows.slice_axis(0, 2, 3).reshape(()) - &last).abs().item::<f64>() < 1e-9 * last.abs().item::<f64>());
    let stacked = grad(|a: &Array| f(a, &c).square().sum())(&a);
    let alone = grad(|a: &Array| f(a, &c).square().sum())(&first);
    assert!(np::allclose_with(stacked.slice_axis(0, 0, 1).reshape([4, 4]), alone, 1e-10, 1e-10, false).item::<bool>());
    let (_, error) = sl::funm_with_error(&first, Array::exp);
    assert!(error.item::<f64>() < 1e-12);
}
