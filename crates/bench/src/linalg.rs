//! Decompositions of matrices and systems of equations.

use std::path::Path;

use cotangent::io::npy::{self, Archive};
use cotangent::lax::linalg::{TriangularSolve, cholesky, lu, schur, triangular_solve};
use cotangent::{numpy as np, prelude::*, random};

use crate::{Bench, Case, ready};

/// Lists a routine for matrices of each size, and for 10,000 matrices, in `f32` and `f64`.
macro_rules! routines {
    ($($routine:literal $set_up:path;)*) => {
        &[$(
            routines!(@case $routine, $set_up, "7", "7 × 7", &[7, 7]),
            routines!(@case $routine, $set_up, "8", "8 × 8", &[8, 8]),
            routines!(@case $routine, $set_up, "64", "64 × 64", &[64, 64]),
            routines!(@case $routine, $set_up, "256", "256 × 256", &[256, 256]),
            routines!(@case $routine, $set_up, "1000", "1000 × 1000", &[1000, 1000]),
            routines!(@case $routine, $set_up, "batch", "10,000 of 8 × 8", &[10_000, 8, 8]),
        )*]
        .as_flattened()
    };
    (@case $routine:literal, $set_up:path, $name:literal, $about:literal, $shape:expr) => {
        [
            Case::new(concat!("linalg/", $routine, "-", $name, "-f32"), concat!($about, " in f32"), "call", || {
                $set_up($shape, DType::F32)
            }),
            Case::new(concat!("linalg/", $routine, "-", $name, "-f64"), concat!($about, " in f64"), "call", || {
                $set_up($shape, DType::F64)
            }),
        ]
    };
}

pub(crate) const CASES: &[Case] = routines! {
    "cholesky" positive_definite;
    "triangular" triangular;
    "lu" factors;
    "solve" system;
    "qr" orthogonal_and_triangular;
    "svd" singular;
    "eigh" hermitian;
    "eig" general;
};

/// Returns normal numbers.
fn normal(seed: u64, shape: &[usize], dtype: DType) -> Array {
    random::normal_as(random::key(seed), shape, dtype)
}

/// Returns G Gᵀ/n + I for a matrix G of normal numbers.
fn positive(shape: &[usize], dtype: DType) -> Array {
    let (g, n) = (normal(30, shape, dtype), shape[shape.len() - 1]);
    wide_product(&g, &g.moveaxis(-1, -2)).astype(dtype) / n as f64 + np::eye(n, n).astype(dtype)
}

/// Returns the product in doubles.
fn wide_product(x: &Array, y: &Array) -> Array {
    x.astype(DType::F64).matmul(y.astype(DType::F64))
}

/// Times `f`. The residual is ‖`rebuilt` − `wanted`‖/‖`wanted`‖, in Frobenius norms over the whole batch.
fn routine(
    inputs: Vec<Array>,
    f: impl Fn(&Vec<Array>) -> Vec<Array> + Send + Sync + 'static,
    rebuilt: impl Fn(&[Array]) -> Array,
    wanted: &Array,
) -> Bench {
    let (inputs, f) = (ready(inputs), jit(f));
    let norm = |x: &Array| x.powi(2).sum().sqrt().item::<f64>();
    let wanted = wanted.astype(DType::F64);
    let residual = norm(&(rebuilt(&f(&inputs)) - &wanted)) / norm(&wanted);
    Bench::of(move || ready(f(&inputs))).residual(residual)
}

fn positive_definite(shape: &[usize], dtype: DType) -> Bench {
    let a = positive(shape, dtype);
    let f = |x: &Vec<Array>| vec![cholesky(&x[0])];
    routine(vec![a.clone()], f, |l| wide_product(&l[0], &l[0].moveaxis(-1, -2)), &a)
}

/// As many right-hand sides as rows.
fn triangular(shape: &[usize], dtype: DType) -> Bench {
    let (l, b) = (ready(cholesky(positive(shape, dtype))), normal(31, shape, dtype));
    let f = |x: &Vec<Array>| vec![triangular_solve(&x[0], &x[1], &TriangularSolve::lower(true))];
    routine(vec![l.clone(), b.clone()], f, |x| wide_product(&l, &x[0]), &b)
}

/// The rows of A are compared in the order of the permutation, which the factors are those of.
fn factors(shape: &[usize], dtype: DType) -> Bench {
    let a = normal(32, shape, dtype);
    let f = |x: &Vec<Array>| {
        let (lu, pivots, permutation) = lu(&x[0]);
        vec![lu, pivots, permutation]
    };
    let rebuilt = |x: &[Array]| {
        let n = x[0].shape()[x[0].ndim() - 1];
        let lower = np::tril_k(&x[0], -1) + np::eye(n, n).astype(x[0].dtype());
        let order = np::argsort(&x[2]).expand_dims(-1).broadcast_to(x[0].shape());
        np::take_along_axis(wide_product(&lower, &np::triu(&x[0])), order, -2)
    };
    routine(vec![a.clone()], f, rebuilt, &a)
}

/// One right-hand side.
fn system(shape: &[usize], dtype: DType) -> Bench {
    let (a, b) = (positive(shape, dtype), normal(33, &[&shape[..shape.len() - 1], &[1]].concat(), dtype));
    let f = |x: &Vec<Array>| vec![np::linalg::solve(&x[0], &x[1])];
    routine(vec![a.clone(), b.clone()], f, |x| wide_product(&a, &x[0]), &b)
}

/// The reduced form.
fn orthogonal_and_triangular(shape: &[usize], dtype: DType) -> Bench {
    let a = normal(32, shape, dtype);
    let f = |x: &Vec<Array>| {
        let (q, r) = np::linalg::qr(&x[0]);
        vec![q, r]
    };
    routine(vec![a.clone()], f, |x| wide_product(&x[0], &x[1]), &a)
}

/// Singular values and vectors.
fn singular(shape: &[usize], dtype: DType) -> Bench {
    let a = normal(32, shape, dtype);
    let f = |x: &Vec<Array>| {
        let (u, s, vt) = np::linalg::svd(&x[0], false);
        vec![u, s, vt]
    };
    routine(vec![a.clone()], f, |x| wide_product(&(&x[0] * x[1].expand_dims(-2)), &x[2]), &a)
}

/// Eigenvalues and eigenvectors.
fn hermitian(shape: &[usize], dtype: DType) -> Bench {
    let a = positive(shape, dtype);
    let f = |x: &Vec<Array>| {
        let (w, v) = np::linalg::eigh(&x[0]);
        vec![w, v]
    };
    routine(vec![a.clone()], f, |x| wide_product(&(&x[1] * x[0].expand_dims(-2)), &x[1].moveaxis(-1, -2)), &a)
}

/// Decomposes the matrices of a file and writes the results to another one, for `benches/vs_jax/accuracy.py`. Both are in
/// NumPy's format for several arrays.
///
/// # Errors
/// If there is no such routine, or if a file cannot be read or written.
pub fn decompose(routine: &str, from: &Path, to: &Path) -> Result<(), String> {
    let a = Archive::open(from).and_then(|archive| archive.get("a")).map_err(|e| e.to_string())?;
    let results = match routine {
        "cholesky" => vec![cholesky(&a)],
        "lu" => {
            let (lu, _, permutation) = lu(&a);
            vec![lu, permutation]
        }
        "qr" => {
            let (q, r) = np::linalg::qr(&a);
            vec![q, r]
        }
        "svd" => {
            let (u, s, vt) = np::linalg::svd(&a, false);
            vec![u, s, vt]
        }
        "eigh" => {
            let (w, v) = np::linalg::eigh(&a);
            vec![w, v]
        }
        "eig" => {
            let (w, v) = np::linalg::eig(&a);
            vec![w, v]
        }
        "schur" => {
            let (t, z) = schur(&a, true);
            vec![t, z.expect("the vectors are computed")]
        }
        _ => return Err(format!("there is no routine `{routine}`")),
    };
    npy::save(to, &results).map_err(|e| e.to_string())
}

/// Eigenvalues and eigenvectors. The residual is that of V W = A V, with real and imaginary parts side by side.
fn general(shape: &[usize], dtype: DType) -> Bench {
    let a = normal(32, shape, dtype);
    let f = |x: &Vec<Array>| {
        let (w, v) = np::linalg::eig(&x[0]);
        vec![w, v]
    };
    // The difference is A itself if V is accurate, so that `routine` divides by its norm.
    let of = a.clone();
    let rebuilt = move |x: &[Array]| {
        let (w, v) = (x[0].astype(DType::C128), x[1].astype(DType::C128));
        let difference = of.astype(DType::C128).matmul(&v) - &v * w.expand_dims(-2);
        np::sqrt(difference.real().powi(2) + difference.imag().powi(2)) + of.astype(DType::F64)
    };
    routine(vec![a.clone()], f, rebuilt, &a)
}
