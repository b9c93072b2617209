//! Linear algebra in half precision: against stored results of JAX where it has one, and against the function in `f32`.

use super::goldens_lib::functions::{self, input, number};
use super::goldens_lib::{difference, floats};

use cotangent::lax::linalg::{self as ll, EighOptions, SvdOptions, TriangularSolve};
use cotangent::numpy::linalg::{self as nl, NormOrder};
use cotangent::prelude::*;
use cotangent::scipy::linalg::{self as sl, Assume, Output, PolarMethod, QrMode, Select, Side, Trans};
use serde_json::json;

fn call(name: &str, how: &str, x: &[Array], _: DType) -> Vec<Array> {
    let trans = match how {
        "1" | "trans" => Trans::Transpose,
        "2" => Trans::Adjoint,
        _ => Trans::No,
    };
    vec![match name.rsplit('.').next().expect("a name") {
        "solve_triangular" => sl::solve_triangular(&x[0], &x[1], trans, how == "lower", how == "unit"),
        "triangular_solve" => ll::triangular_solve(&x[0], &x[1], &TriangularSolve::lower(false)),
        "cho_solve" => sl::cho_solve((&x[0], how == "True"), &x[1]),
        "lu_solve" => sl::lu_solve((&x[0], &x[1]), &x[2], trans),
        "cholesky_update" => ll::cholesky_update(np::triu(&x[0]), &x[1]),
        "symmetric_product" => ll::symmetric_product(&x[0], &x[1], 0.5, 2.0, true),
        "det" => nl::det(&x[0]),
        "slogdet" => return <[Array; 2]>::from(nl::slogdet(&x[0])).to_vec(),
        "matrix_power" => nl::matrix_power(&x[0], number(how, 0)),
        "matrix_rank" => nl::matrix_rank(&x[0]),
        name => panic!("no function {name}"),
    }]
}

#[test]
fn values_equal_jax() {
    functions::check("linalg_half", call);
}

type Function = fn(&Array, &Array) -> Vec<Array>;

fn pair((x, y): (Array, Array)) -> Vec<Array> {
    vec![x, y]
}

fn triple((x, y, z): (Array, Array, Array)) -> Vec<Array> {
    vec![x, y, z]
}

/// Functions of a positive definite matrix and as many rows of two columns.
const FUNCTIONS: &[(&str, Function)] = &[
    ("lax cholesky", |a, _| vec![ll::cholesky(a)]),
    ("cholesky", |a, _| vec![nl::cholesky_as(a, true, false)]),
    ("scipy cholesky", |a, _| vec![sl::cholesky(a, false)]),
    ("cho_solve", |a, b| vec![sl::cho_solve((a, true), b)]),
    ("lax lu", |a, _| triple(ll::lu(a))),
    ("lu", |a, _| triple(sl::lu(a))),
    ("lu_permuted", |a, _| pair(sl::lu_permuted(a))),
    ("solve", |a, b| vec![nl::solve(a, b)]),
    ("solve one", |a, b| vec![nl::solve(a, b.at((.., 0)).get())]),
    ("scipy solve", |a, b| vec![sl::solve(a, b, true, Assume::Positive)]),
    ("inv", |a, _| vec![nl::inv(a)]),
    ("tensorinv", |a, _| vec![nl::tensorinv(a.reshape([2, 2, 4]), 2)]),
    ("tensorsolve", |a, b| vec![nl::tensorsolve(a, b.at((.., 0)).get())]),
    ("det", |a, _| vec![nl::det(a)]),
    ("slogdet", |a, _| pair(nl::slogdet(a))),
    ("qr", |_, b| pair(nl::qr(b))),
    ("scipy qr", |_, b| pair(sl::qr(b, QrMode::Full))),
    ("qr_pivoting", |_, b| triple(sl::qr_pivoting(b, QrMode::Economic))),
    ("qr_multiply", |a, b| pair(sl::qr_multiply(a, b, Side::Left, false))),
    ("geqrf", |_, b| pair(ll::geqrf(b))),
    ("geqp3", |_, b| triple(ll::geqp3(b, Array::from([0, 0])))),
    ("householder_product", |_, b| vec![ll::householder_product(b, b.at(0).get() / 8)]),
    ("ormqr", |a, b| vec![ll::ormqr(a, b.at((.., 0)).get().stop_gradient() / 8, b, true, false)]),
    ("svd", |_, b| triple(nl::svd(b, false))),
    ("singular_values", |_, b| vec![ll::singular_values(b, &SvdOptions::default())]),
    ("svd_hermitian", |a, _| triple(nl::svd_hermitian(a))),
    ("pinv", |_, b| vec![nl::pinv(b)]),
    ("pinv_hermitian", |a, _| vec![nl::pinv_hermitian(a)]),
    ("lstsq", |a, b| {
        let (x, residuals, rank, s) = nl::lstsq(b, a.at((.., 0)).get());
        vec![x, residuals, rank, s]
    }),
    ("matrix_rank", |_, b| vec![nl::matrix_rank(b)]),
    ("cond", |a, _| vec![nl::cond(a)]),
    ("cond_p", |a, _| vec![nl::cond_p(a, 1.0), nl::cond_p(a, -2.0)]),
    ("cond_frobenius", |a, _| vec![nl::cond_frobenius(a), nl::cond_nuclear(a)]),
    ("norms", |_, b| [NormOrder::P(2.0), NormOrder::Nuclear].map(|order| nl::norm_with(b, order, (), false)).to_vec()),
    ("matrix_power", |a, _| vec![nl::matrix_power(a, -2)]),
    ("eigh", |a, _| pair(nl::eigh(a))),
    ("lax eigh", |a, _| {
        pair(ll::eigh(a, &EighOptions { lower: false, symmetrize_input: false, ..Default::default() }))
    }),
    ("eigvalsh", |a, _| vec![nl::eigvalsh(a)]),
    ("eigh_tridiagonal", |a, _| pair(sl::eigh_tridiagonal(nl::diagonal(a, 0), nl::diagonal(a, 1), &Select::All))),
    ("eig", |a, _| pair(nl::eig(a))),
    ("schur", |a, _| pair(sl::schur(a, Output::Real))),
    ("complex schur", |a, _| pair(sl::schur(a, Output::Complex))),
    ("hessenberg", |a, _| {
        let (h, q) = sl::hessenberg(a, true);
        vec![h, q.expect("Q")]
    }),
    ("lax hessenberg", |a, _| pair(ll::hessenberg(a))),
    ("tridiagonal", |a, _| {
        let (packed, d, e, taus) = ll::tridiagonal(a, true);
        vec![packed, d, e, taus]
    }),
    ("tridiagonal_solve", |a, b| {
        vec![ll::tridiagonal_solve(a.at(0).get(), a.at(1).get() * 4, a.at(2).get(), b, false)]
    }),
    ("polar", |a, _| pair(sl::polar(a, Side::Right, PolarMethod::Svd))),
    ("polar by iteration", |a, _| pair(sl::polar(a, Side::Left, PolarMethod::Qdwh))),
    ("qdwh", |_, b| vec![ll::qdwh(b).u]),
    ("solve_sylvester", |a, _| vec![sl::solve_sylvester(a, a.stop_gradient(), np::triu(a.stop_gradient()))]),
    ("expm", |a, _| vec![sl::expm(a / 8)]),
    ("sqrtm", |a, _| vec![sl::sqrtm(a)]),
];

/// Functions without derivatives.
const FIXED: &[&str] =
    &["matrix_rank", "schur", "complex schur", "hessenberg", "lax hessenberg", "tridiagonal", "qdwh"];

/// One rounding, and what compilers may do to the last place before it.
fn rounding(dtype: DType) -> f64 {
    if dtype == DType::BF16 { 2f64.powi(-8) } else { 2f64.powi(-11) }
}

#[test]
fn every_function_is_that_in_f32_rounded() {
    let mut failures = Vec::new();
    for half in [DType::F16, DType::BF16] {
        let spec = |shape: &[usize], kind: &str| json!({"formula": "f64", "shape": shape, "seed": 1, "kind": kind});
        let [a, b] = [input(&spec(&[4, 4], "positive"), 0), input(&spec(&[4, 2], "plain"), 0)].map(|x| x.astype(half));
        let [wide_a, wide_b] = [&a, &b].map(|x| x.astype(DType::F32));
        let rounded = |x: &Array| if x.dtype() == DType::F32 { x.astype(half) } else { x.clone() };
        let unit = 2.0 * rounding(half);
        for (name, f) in FUNCTIONS {
            let mut compare = |what: &str, found: &[Array], expected: &[Array]| {
                assert_eq!(found.len(), expected.len(), "{name}");
                for (x, y) in found.iter().zip(expected) {
                    let size =
                        if y.dtype().is_inexact() { floats(&y.abs()).into_iter().fold(0.0, f64::max) } else { 0.0 };
                    let found = difference(x, &rounded(y), unit, unit * 1e-2 * size);
                    failures.extend(found.map(|what_| format!("{name} of {half:?}, {what}: {what_}")));
                }
            };
            let expected = f(&wide_a, &wide_b);
            compare("value", &f(&a, &b), &expected);
            compare("in jit", &jit(|a: &Array, b: &Array| f(a, b))(&a, &b), &expected);
            let batch = vmap(|a: &Array, b: &Array| f(a, b))(&np::stack([&a, &a], 0), &np::stack([&b, &b], 0));
            compare("batch", &batch.iter().map(|x| x.at(1).get()).collect::<Vec<_>>(), &expected);
            if FIXED.contains(name) {
                continue;
            }
            let loss = |a: &Array, b: &Array| {
                let results = f(a, b).into_iter().filter(|y| y.dtype().is_inexact());
                results.map(|y| (y.real().astype(DType::F32) / 8).sum()).reduce(|a, b| a + b).expect("a result")
            };
            let slopes = grad(loss).argnums(args!(0, 1));
            compare("gradient", &pair(slopes(&a, &b)), &pair(slopes(&wide_a, &wide_b)));
        }
    }
    assert!(failures.is_empty(), "{} differences:\n{}", failures.len(), failures.join("\n"));
}

/// JAX returns NaN here, because it inverts blocks of the diagonal; in `f32`, it substitutes, as all dtypes do here.
#[test]
fn singular_triangular_systems_are_those_in_f32() {
    for half in [DType::F16, DType::BF16] {
        let inf = f64::INFINITY;
        for a in [[[2.0, inf], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]], [[2f64.powi(-14), 0.0], [0.0, 2f64.powi(-24)]]] {
            let (a, b) = (Array::from(a).astype(half), Array::from([1.0, 0.5]).astype(half));
            let solve = |a: &Array, b: &Array| sl::solve_triangular(a, b, Trans::No, false, false);
            let expected = solve(&a.astype(DType::F32), &b.astype(DType::F32)).astype(half);
            assert_eq!(difference(&solve(&a, &b), &expected, 0.0, 0.0), None, "{a}");
        }
    }
}

#[test]
fn different_dtypes_are_still_refused() {
    let (a, b) = (np::eye_as(2, 2, 0, DType::F16), np::ones([2, 2]));
    let solve = || ll::triangular_solve(&a, &b, &TriangularSolve::lower(true));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(solve)).expect_err("it must fail");
    let text = panic.downcast_ref::<String>().expect("a message");
    assert!(text.contains("linalg_half.rs") && text.contains("f16[2,2]"), "{text}");
    let solve = || ll::cholesky(np::zeros_as([2, 3], DType::F16));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(solve)).expect_err("it must fail");
    let text = panic.downcast_ref::<String>().expect("a message");
    assert!(text.contains("linalg_half.rs"), "{text}");
}
