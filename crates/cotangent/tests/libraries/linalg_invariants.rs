//! Eigenvalues, Schur forms and reductions, by what the results determine, against stored JAX results.

use super::goldens_lib;
use super::goldens_lib::laws::{self, Call};
use super::goldens_lib::matrices::{adjoint, matrix, numbers};

use cotangent::lax::linalg::{self as ll, EighOptions};
use cotangent::numpy::linalg as nl;
use cotangent::prelude::*;
use cotangent::scipy::linalg as sl;
use goldens_lib::{array, cases, difference, dtype, run_all, shape};
use serde_json::Value;

fn given(case: &Value) -> Array {
    let dtype = dtype(&case["dtype"]);
    let fixed = |rows: [[f64; 3]; 3]| Array::from(rows).astype(dtype);
    match case["kind"].as_str().expect("a kind") {
        "general" => matrix(&shape(&case["shape"]), dtype, 1.0),
        "hermitian" => {
            let a = matrix(&shape(&case["shape"]), dtype, 1.0);
            &a + adjoint(&a)
        }
        "equal" => fixed([[2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 2.0]]),
        "skew" => fixed([[1.0, 0.0, 5.0], [0.0, 1.0, 7.0], [0.0, 0.0, 2.0]]),
        "turn" => fixed([[0.0, 2.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
        _ => np::eye_as(3, 3, 0, dtype),
    }
}

/// Returns what does not depend on the order of eigenvalues.
fn sums(w: &Array) -> Array {
    let powers = (1..=3).map(|k| w.powi(k)).chain([(w * 0.3).exp()]);
    np::stack(powers.map(|x| x.sum_axis(-1)).collect::<Vec<_>>(), 0)
}

/// Returns the eigenvalues, and a function of the matrix, which does not depend on the vectors of equal ones.
fn of_hermitian((w, v): (Array, Array)) -> Vec<Array> {
    let scaled = &v * (&w * 0.7).cos().expand_dims(-2);
    vec![w, scaled.matmul(adjoint(&v))]
}

fn swapped((v, w): (Array, Array)) -> (Array, Array) {
    (w, v)
}

fn of_form((t, z): (Array, Array)) -> Vec<Array> {
    vec![sums(&nl::diagonal(&t, 0)), z.matmul(&t).matmul(adjoint(&z))]
}

fn call(name: &str, a: &Array) -> Vec<Array> {
    let real = || sl::schur(a, sl::Output::Real);
    match name {
        "jax.numpy.linalg.eigh" => of_hermitian(nl::eigh(a)),
        "jax.numpy.linalg.eigvalsh" => vec![nl::eigvalsh(a)],
        "jax.scipy.linalg.eigh" => of_hermitian(sl::eigh(a)),
        "jax.lax.linalg.eigh" => of_hermitian(swapped(ll::eigh(a, &EighOptions::default()))),
        "jax.lax.linalg.eigh upper" => {
            let options = EighOptions { lower: false, symmetrize_input: false, ..EighOptions::default() };
            of_hermitian(swapped(ll::eigh(a, &options)))
        }
        "jax.lax.linalg.tridiagonal" | "jax.lax.linalg.tridiagonal upper" => {
            let (packed, d, e, tau) = ll::tridiagonal(a, name == "jax.lax.linalg.tridiagonal");
            vec![packed, d, e, tau]
        }
        "jax.scipy.linalg.cho_factor" => {
            let unit = np::eye_as(3, 3, 0, a.dtype());
            vec![np::tril(sl::cho_factor(a.matmul(adjoint(a)) + unit, true).0)]
        }
        "jax.numpy.linalg.eig" => {
            let (w, v) = nl::eig(a);
            vec![sums(&w), (&v * (&w * 0.7).cos().expand_dims(-2)).matmul(nl::inv(&v))]
        }
        "jax.numpy.linalg.eigvals" => vec![sums(&nl::eigvals(a))],
        "jax.lax.linalg.eig" => {
            let (w, u, _) = ll::eig(a, true, false);
            let u = adjoint(&u.expect("vectors on the left"));
            vec![sums(&w), nl::inv(&u).matmul((&w * 0.7).cos().expand_dims(-1) * &u)]
        }
        "jax.lax.linalg.schur" => {
            let (t, z) = ll::schur(a, true);
            of_form((t, z.expect("vectors")))
        }
        "jax.scipy.linalg.schur" => of_form(sl::schur(a, sl::Output::Complex)),
        "jax.scipy.linalg.rsf2csf" => {
            let (t, z) = real();
            of_form(sl::rsf2csf(t, z))
        }
        "jax.lax.linalg.hessenberg" => {
            let (packed, taus) = ll::hessenberg(a);
            vec![packed, taus]
        }
        "jax.scipy.linalg.hessenberg" => {
            let (h, q) = sl::hessenberg(a, true);
            vec![h, q.expect("Q")]
        }
        "jax.scipy.linalg.solve_sylvester" => {
            let n = a.shape()[a.ndim() - 1];
            let b = a.moveaxis(-1, -2) + np::eye_as(n, n, 0, a.dtype()) * 9.0;
            vec![sl::solve_sylvester(a, b, matrix(&[n, n], a.dtype(), 3.0))]
        }
        other => panic!("no function {other}"),
    }
}

/// The loss of the stored gradients.
fn loss(name: &str, a: &Array) -> Array {
    let terms = call(name, a).into_iter().map(|y| {
        let square = if y.dtype().is_complex() { (&y * y.conj()).real() } else { &y * &y };
        let size = y.shape().iter().product::<usize>();
        let weights = Array::from((0..size).map(|i| (1.0 + i as f64).cos()).collect::<Vec<f64>>());
        (weights.reshape(y.shape()) * square.sin()).sum()
    });
    terms.reduce(|x, y| x + y).expect("a result")
}

#[test]
fn results_and_gradients_equal_jax() {
    run_all(&cases("linalg_invariants"), |case| {
        let name = case["fn"].as_str().expect("a name").to_string();
        let wanted: Vec<Array> = case["outputs"].as_array().expect("results").iter().map(array).collect();
        if let Some(select) = name.strip_prefix("jax.scipy.linalg.eigh_tridiagonal ") {
            let select = if select == "i" { sl::Select::Indices(1..=3) } else { sl::Select::All };
            let (d, e) = (matrix(&[5], DType::F64, 1.0), matrix(&[4], DType::F64, 2.0));
            let values = [sl::eigvalsh_tridiagonal(&d, &e, &select), sl::eigh_tridiagonal(&d, &e, &select).0];
            return values.iter().find_map(|w| difference(w, &wanted[0], 0.0, 1e-8));
        }
        let a = given(case);
        let wide = matches!(a.dtype(), DType::F64 | DType::C128);
        let (rtol, atol) = if wide { (1e-10, 1e-11) } else { (2e-4, 2e-5) };
        let results = call(&name, &a);
        if results.len() != wanted.len() {
            return Some(format!("{name}: {} results", results.len()));
        }
        let value = results.iter().zip(&wanted).find_map(|(y, wanted)| difference(y, wanted, rtol, atol));
        if value.is_some() || case["grads"].is_null() {
            return value.map(|v| format!("{name} {}: {v}", case["kind"]));
        }
        let slope = grad(|a: &Array| loss(&name, a))(&a);
        difference(&slope, &array(&case["grads"]), 1e-9, 1e-10)
            .map(|d| format!("{name} {}: gradient: {d}", case["kind"]))
    });
}

/// The functions without a stored gradient.
#[test]
fn slopes_are_those_of_differences() {
    let of_matrices: Vec<Value> =
        cases("linalg_invariants").into_iter().filter(|case| case["kind"].is_string()).collect();
    let calls = laws::without_gradients(&of_matrices, |how, case| {
        let a = given(case);
        let v = numbers(a.shape(), if a.dtype().is_complex() { DType::C128 } else { DType::F64 }, 2.0) / 8;
        let v = if case["kind"] == "hermitian" { &v + adjoint(&v) } else { v };
        Call::along(how, vec![a], vec![v])
    });
    laws::check("linalg_invariants", &calls, |name, _, x| call(name, &x[0]));
}
