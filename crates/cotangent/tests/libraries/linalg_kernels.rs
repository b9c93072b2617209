//! The kernels for the CPU at sizes around those of their vectors and blocks, by the equations that the results satisfy.

use super::goldens_lib::floats;
use super::goldens_lib::matrices::{adjoint, numbers};

use cotangent::lax::linalg::{TriangularSolve, cholesky, triangular_solve};
use cotangent::numpy::{self as np, linalg as nl};
use cotangent::prelude::*;

const DTYPES: [DType; 4] = [DType::F32, DType::F64, DType::C64, DType::C128];

/// Returns the number with the precision that the results should have.
fn epsilon(dtype: DType) -> f64 {
    if dtype.real() == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON }
}

/// Returns the Frobenius norm.
fn norm(x: &Array) -> Array {
    np::sqrt(x.abs().powi(2).sum())
}

/// A X or X A is B again, for all sides, triangles, transposes and diagonals.
#[test]
fn triangular_systems_of_any_size() {
    for dtype in DTYPES {
        for (n, sides) in [(1, 1), (3, 8), (5, 3), (7, 7), (8, 19), (13, 1), (17, 33), (33, 9), (70, 20)] {
            let check = jit(move |x: &Vec<Array>| {
                let eye = np::eye_as(n, n, 0, dtype);
                let mut errors = Vec::new();
                for bits in 0..32 {
                    let [left_side, lower, transpose_a, conjugate_a, unit_diagonal] =
                        [1, 2, 4, 8, 16].map(|bit| bits & bit != 0);
                    if conjugate_a && !dtype.is_complex() {
                        continue;
                    }
                    let b = if left_side { x[1].clone() } else { x[1].t() };
                    let options = TriangularSolve { left_side, lower, transpose_a, conjugate_a, unit_diagonal };
                    let solution = triangular_solve(&x[0], &b, &options);
                    let mut a = if lower { np::tril_k(&x[0], 0) } else { np::triu_k(&x[0], 0) };
                    if unit_diagonal {
                        a = &a * (np::ones_like(&eye) - &eye) + &eye;
                    }
                    let a = if conjugate_a { a.conj() } else { a };
                    let a = if transpose_a { a.t() } else { a };
                    let product = if left_side { a.matmul(&solution) } else { solution.matmul(&a) };
                    errors.push(norm(&(product - b)) / (norm(&a) * norm(&solution)));
                }
                vec![np::stack(errors, 0)]
            });
            // Small elements beside the diagonal, so that the solution does not grow.
            let a = numbers(&[n, n], dtype, 1.0) / n as f64 + np::eye_as(n, n, 0, dtype) * 2.0;
            let errors = check(&vec![a, numbers(&[n, sides], dtype, 2.0)]);
            let errors = floats(&errors[0]);
            let largest = errors.iter().fold(0.0, |largest: f64, x| if *x <= largest { largest } else { *x });
            assert!(largest < epsilon(dtype), "{dtype} {n} {sides}: {errors:?}");
        }
    }
}

/// The diagonal divides, even where its reciprocal is not finite.
#[test]
fn triangular_systems_with_tiny_and_zero_pivots() {
    let a = Array::from([[3e-308, 0.0], [0.0, 0.0]]);
    let x = triangular_solve(&a, Array::from([[3e-306], [1.0]]), &TriangularSolve::lower(true)).to_vec::<f64>();
    assert!((x[0] - 100.0).abs() < 1e-9 && x[1] == f64::INFINITY, "{x:?}");
}

/// L Lᴴ is A, for single matrices and for batches, which may have a matrix without a factor.
#[test]
fn cholesky_factors_of_any_size() {
    for dtype in DTYPES {
        for (n, count) in
            [(1, 1), (3, 9), (4, 8), (7, 1), (8, 19), (9, 2), (17, 1), (33, 1), (64, 1), (65, 2), (200, 1)]
        {
            let g = numbers(&[count, n, n], dtype, 1.0);
            let a = g.matmul(adjoint(&g)) / n as f64 + np::eye_as(n, n, 0, dtype);
            // The last matrix has a negative element on its diagonal, if there are several.
            let sign =
                Array::from((0..count).map(|i| if i > 0 && i + 1 == count { -1.0 } else { 1.0 }).collect::<Vec<f64>>());
            let l = cholesky(&a * sign.reshape([count, 1, 1]).astype(dtype));
            let good = if count > 1 { count - 1 } else { 1 };
            let (a, first) = (a.slice_axis(0, 0, good), l.slice_axis(0, 0, good));
            let error = (norm(&(first.matmul(adjoint(&first)) - &a)) / norm(&a)).astype(DType::F64).item::<f64>();
            assert!(error < 4.0 * epsilon(dtype), "{dtype} {n}: {error}");
            let above = norm(&np::triu_k(&first, 1)).astype(DType::F64).item::<f64>();
            assert_eq!(above, 0.0, "{dtype} {n}");
            if count > 1 {
                let last = floats(&l.slice_axis(0, good, count).abs());
                assert!(last[0].is_nan(), "{dtype} {n}: {last:?}");
            }
        }
    }
}

/// The vectors are as orthogonal, and the residuals as small, as LAPACK's (OpenBLAS 0.3.29: at most 0.6 n ε and 16 ε over
/// these matrices and n up to 256), for graded and clustered values as well. `faer` alone exceeds both by factors of five.
#[test]
fn vectors_are_as_accurate_as_those_of_lapack() {
    let n = 100;
    // The orthogonal matrix of the discrete cosine transform.
    let cosines = |row: usize, column: usize| {
        let scale = if row == 0 { 1.0 } else { 2.0 } / n as f64;
        scale.sqrt() * (std::f64::consts::PI / n as f64 * (column as f64 + 0.5) * row as f64).cos()
    };
    let q = Array::from((0..n * n).map(|i| cosines(i / n, i % n)).collect::<Vec<f64>>()).reshape([n, n]);
    let graded = |i: usize| 10f64.powf(-12.0 * i as f64 / (n - 1) as f64);
    let clustered = |i: usize| if i < 3 * n / 4 { 1.0 } else { 1e-3 };
    let spread = |i: usize| (i as f64 * 0.618).sin();
    for (name, values) in [("graded", &graded as &dyn Fn(usize) -> f64), ("clustered", &clustered), ("spread", &spread)]
    {
        let values = Array::from((0..n).map(values).collect::<Vec<f64>>());
        let a = (q.t() * &values).matmul(&q);
        for dtype in DTYPES {
            let a = a.astype(dtype);
            let phase = match dtype.is_complex() {
                true => numbers(&[n], dtype, 3.0) / numbers(&[n], dtype, 3.0).abs().astype(dtype),
                false => np::ones_as(&[n], dtype),
            };
            let a = phase.expand_dims(1) * a * adjoint(&phase.expand_dims(1));
            let a = (&a + adjoint(&a)) / 2.0;
            let wide = if dtype.is_complex() { DType::C128 } else { DType::F64 };
            let exact = a.astype(wide);
            let eye = np::eye_as(n, n, 0, wide);
            let relative = |x: Array, to: f64| norm(&x).astype(DType::F64).item::<f64>() / to / epsilon(dtype);
            let size = norm(&exact).astype(DType::F64).item::<f64>();
            let check = |what: &str, vectors: &[&Array], rebuilt: Array| {
                for v in vectors {
                    let loss = relative(adjoint(v).matmul(v) - &eye, 1.0);
                    assert!(loss < 1.2 * n as f64, "{what} {name} {dtype}: {loss}");
                }
                let residual = relative(rebuilt - &exact, size);
                assert!(residual < 32.0, "{what} {name} {dtype}: {residual}");
            };
            let (w, v) = nl::eigh(&a);
            let (w, v) = (w.astype(wide), v.astype(wide));
            check("eigh", &[&v], (&v * &w).matmul(adjoint(&v)));
            let (u, s, vh) = nl::svd(&a, false);
            let (u, s, vh) = (u.astype(wide), s.astype(wide), vh.astype(wide));
            check("svd", &[&u, &adjoint(&vh)], (&u * &s).matmul(&vh));
        }
    }
}
