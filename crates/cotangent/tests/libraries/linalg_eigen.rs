//! Eigenvalues, Schur forms and reductions: the equations that define them.

use cotangent::lax::linalg::{self, EighOptions};
use cotangent::numpy as np;
use cotangent::prelude::*;

use super::goldens_lib::floats;

const DTYPES: [DType; 4] = [DType::F32, DType::F64, DType::C64, DType::C128];

/// Returns numbers in (−1, 1), the same for each seed.
fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Returns matrices with elements in (−1, 1).
fn matrices(shape: &[usize], dtype: DType, seed: u64) -> Array {
    let count = shape.iter().product();
    let part = |seed: u64| Array::from(numbers(count, seed)).reshape(shape);
    match dtype.is_complex() {
        true => part(seed).complex(part(seed + 1)).astype(dtype),
        false => part(seed).astype(dtype),
    }
}

fn adjoint(x: &Array) -> Array {
    let x = x.moveaxis(-1, -2);
    if x.dtype().is_complex() { x.conj() } else { x }
}

fn largest(x: &Array) -> f64 {
    if x.shape().contains(&0) {
        0.0
    } else {
        floats(&x.abs()).into_iter().fold(0.0, |a, b| if b.is_nan() { b } else { f64::max(a, b) })
    }
}

fn epsilon(dtype: DType) -> f64 {
    if matches!(dtype, DType::F32 | DType::C64) { f64::from(f32::EPSILON) } else { f64::EPSILON }
}

#[track_caller]
fn small(x: &Array, limit: f64, what: &str) {
    let found = largest(x);
    assert!(found <= limit, "{what}: {found:e} exceeds {limit:e}");
}

fn unit(n: usize, dtype: DType) -> Array {
    np::eye_as(n, n, 0, dtype)
}

/// Sizes on both sides of each limit between algorithms.
const SIZES: [usize; 7] = [1, 2, 3, 8, 33, 64, 140];

#[test]
fn eigh_decomposes() {
    for dtype in DTYPES {
        for n in SIZES {
            let a = matrices(&[2, n, n], dtype, n as u64);
            let a = (&a + adjoint(&a)) / 2.0;
            let limit = 10.0 * epsilon(dtype) * n as f64;
            for lower in [true, false] {
                let garbage = matrices(&[2, n, n], dtype, 77);
                let strict = if lower { np::triu_k(&garbage, 1) } else { np::tril_k(&garbage, -1) };
                let given = if lower { np::tril(&a) + strict } else { np::triu(&a) + strict };
                let options = EighOptions { lower, symmetrize_input: false, subset_by_index: None };
                let (v, w) = linalg::eigh(&given, &options);
                let what = format!("{dtype} {n} {lower}");
                small(&(a.matmul(&v) - &v * w.expand_dims(-2)), limit, &what);
                small(&(adjoint(&v).matmul(&v) - unit(n, dtype)), limit, &what);
                assert!(floats(&w).chunks(n).all(|w| w.is_sorted()), "{what}");
                let values = np::linalg::eigvalsh(&a);
                small(&(values - &w), limit, &what);
            }
        }
    }
}

#[test]
fn eig_decomposes() {
    for dtype in DTYPES {
        for n in SIZES {
            let a = matrices(&[2, n, n], dtype, 3 * n as u64);
            let (w, u, v) = linalg::eig(&a, true, true);
            let (u, v) = (u.expect("left"), v.expect("right"));
            let a = a.astype(w.dtype());
            let (limit, what) = (40.0 * epsilon(dtype) * n as f64, format!("{dtype} {n}"));
            small(&(a.matmul(&v) - &v * w.expand_dims(-2)), limit, &what);
            small(&(adjoint(&u).matmul(&a) - w.expand_dims(-1) * adjoint(&u)), limit, &what);
            for x in [&u, &v] {
                small(&((x.conj() * x).real().sum_axis(-2) - 1.0), limit, &what);
            }
            let values = np::linalg::eigvals(&a);
            small(&(values.sum_axis(-1) - (&a * unit(n, a.dtype())).sum_axis([-1, -2])), 10.0 * limit, &what);
        }
    }
}

#[test]
fn schur_decomposes() {
    for dtype in DTYPES {
        for n in SIZES {
            let a = matrices(&[2, n, n], dtype, 5 * n as u64);
            let (t, q) = linalg::schur(&a, true);
            let q = q.expect("vectors");
            let (limit, what) = (40.0 * epsilon(dtype) * n as f64, format!("{dtype} {n}"));
            small(&(q.matmul(&t).matmul(adjoint(&q)) - &a), limit, &what);
            small(&(adjoint(&q).matmul(&q) - unit(n, dtype)), limit, &what);
            let below = if dtype.is_complex() { -1 } else { -2 };
            assert_eq!(largest(&np::tril_k(&t, below)), 0.0, "{what}");
            let form = linalg::schur(&a, false).0;
            assert_eq!(floats(&form.real()), floats(&t.real()), "{what}");
        }
    }
}
