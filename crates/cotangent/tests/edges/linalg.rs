//! Linear algebra with what is not read, and without a solution.

use cotangent::prelude::*;
use cotangent::scipy::linalg;

use super::goldens_lib::floats;

fn matrix(dtype: DType, nonsense: f64, lower: bool) -> Array {
    let a = [[4.0, 2.0, 1.0], [2.0, 10.0, 3.0], [1.0, 3.0, 6.0]];
    let of = |i: usize, j: usize| if (i < j) == lower && i != j { nonsense } else { a[i][j] };
    Array::from((0..9).map(|k| of(k / 3, k % 3)).collect::<Vec<f64>>()).reshape([3, 3]).astype(dtype)
}

#[test]
fn the_other_triangle_is_not_read() {
    for dtype in [DType::F32, DType::F64, DType::C64, DType::C128] {
        for lower in [true, false] {
            let good = linalg::cholesky(matrix(dtype, 7.0, lower), lower);
            let weights = np_weights(dtype);
            let slopes = |a: &Array| grad(|a: &Array| (linalg::cholesky(a, lower).real() * &weights).sum())(a);
            for nonsense in [f64::NAN, f64::INFINITY, -100.0] {
                let a = matrix(dtype, nonsense, lower);
                let ways = [
                    linalg::cholesky(&a, lower),
                    linalg::cho_factor(&a, lower).0,
                    jit(|a: &Array| linalg::cholesky(a, lower))(&a),
                ];
                for l in ways {
                    assert_eq!(floats(&l.real()), floats(&good.real()), "{dtype} {lower}");
                }
                let stack = cotangent::numpy::stack(&[&a, &a], 0);
                let mapped = vmap(|a: &Array| linalg::cholesky(a, lower))(&stack);
                assert_eq!(floats(&mapped.at((0,)).get().real()), floats(&good.real()));
                // No slope there, and elsewhere those of a matrix without nonsense.
                let (slope, wanted) = (floats(&slopes(&a).real()), floats(&slopes(&matrix(dtype, 7.0, lower)).real()));
                assert_eq!(slope, wanted);
                for (k, s) in slope.iter().enumerate() {
                    let (i, j) = (k / 3, k % 3);
                    assert!(s.is_finite() && ((i == j || (i > j) == lower) || *s == 0.0), "{dtype} {lower}: {slope:?}");
                }
            }
        }
    }
}

fn np_weights(dtype: DType) -> Array {
    Array::from((1..=9).map(f64::from).collect::<Vec<f64>>()).reshape([3, 3]).astype(match dtype {
        DType::C64 => DType::F32,
        DType::C128 => DType::F64,
        dtype => dtype,
    })
}

/// The slopes in the triangle that is read are those of numeric differences.
#[test]
fn slopes_of_the_triangle_that_is_read() {
    for lower in [true, false] {
        let weights = np_weights(DType::F64);
        let f = |a: &Array| (linalg::cholesky(a, lower) * &weights).sum();
        let a = matrix(DType::F64, 0.5, lower);
        let slope = floats(&grad(f)(&a));
        for (k, slope) in slope.iter().enumerate() {
            let mut step = vec![0.0; 9];
            step[k] = 1e-6;
            let step = Array::from(step).reshape([3, 3]);
            let numeric = (f(&(&a + &step)) - f(&(&a - &step))).item::<f64>() / 2e-6;
            assert!((slope - numeric).abs() < 1e-7, "{lower} {k}: {slope} against {numeric}");
        }
    }
}
