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
