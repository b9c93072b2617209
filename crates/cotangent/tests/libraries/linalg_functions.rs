//! Functions of matrices against stored JAX results: values, gradients, second derivatives and batches.

use super::goldens_lib;

use cotangent::numpy::linalg::{self as nl, NormOrder};
use cotangent::prelude::*;
use cotangent::scipy::linalg::{self as sl, ConvolutionMode, DftScale, PascalKind};
use cotangent::scipy::sparse::linalg::{self as sparse, GmresMethod, IterativeOptions};
use goldens_lib::functions::{self, formula, input, number, option, real};
use num_complex::Complex;

fn products(fn_: &str, how: &str, x: &[Array]) -> Option<Array> {
    let axis = option(how, "axis").map(|axis| axis.parse::<isize>().expect("an axis"));
    Some(match fn_ {
        "jax.numpy.cross" => match (how.split(' ').count(), axis) {
            (4, _) => np::cross_with(&x[0], &x[1], number(how, 1), number(how, 2), number(how, 3)),
            (_, Some(axis)) => np::cross_axis(&x[0], &x[1], axis),
            _ => np::cross(&x[0], &x[1]),
        },
        "jax.numpy.linalg.cross" => match axis {
            Some(axis) => nl::cross_axis(&x[0], &x[1], axis),
            None => nl::cross(&x[0], &x[1]),
        },
        "jax.numpy.vecdot" => match axis {
            Some(axis) => np::vecdot_axis(&x[0], &x[1], axis),
            None => np::vecdot(&x[0], &x[1]),
        },
        "jax.numpy.linalg.vecdot" => match axis {
            Some(axis) => nl::vecdot_axis(&x[0], &x[1], axis),
            None => nl::vecdot(&x[0], &x[1]),
        },
        "jax.numpy.matvec" => np::matvec(&x[0], &x[1]),
        "jax.numpy.vecmat" => np::vecmat(&x[0], &x[1]),
        "jax.numpy.matrix_transpose" => np::matrix_transpose(&x[0]),
        "jax.numpy.linalg.matrix_transpose" => nl::matrix_transpose(&x[0]),
        "jax.numpy.linalg.outer" => nl::outer(&x[0], &x[1]),
        "jax.numpy.linalg.tensordot" => nl::tensordot(&x[0], &x[1], number::<usize>(how, 0)),
        "jax.numpy.linalg.matmul" => nl::matmul(&x[0], &x[1]),
        "jax.numpy.kron" => np::kron(&x[0], &x[1]),
        "jax.numpy.linalg.diagonal" => nl::diagonal(&x[0], number(how, 0)),
        "jax.numpy.linalg.trace" if how == "0" => nl::trace(&x[0]),
        "jax.numpy.linalg.trace" => nl::trace_k(&x[0], number(how, 0)),
        "jax.numpy.linalg.multi_dot" => nl::multi_dot(x),
        "jax.numpy.vander" if how.ends_with("increasing") => np::vander_increasing(&x[0], number(how, 0)),
        "jax.numpy.vander" => np::vander(&x[0], number(how, 0)),
        "jax.numpy.diagflat" => np::diagflat(&x[0], number(how, 0)),
        _ => return None,
    })
}

fn norms(fn_: &str, how: &str, x: &Array) -> Option<Array> {
    let keep = how.ends_with("keep");
    let axes: Option<Vec<isize>> =
        option(how, "axes").map(|axes| axes.split(',').map(|a| a.parse().expect("an axis")).collect());
    let all = || (0..x.ndim() as isize).collect::<Vec<_>>();
    let order = option(how, "ord").map(|order| match order {
        "fro" => NormOrder::Frobenius,
        "nuc" => NormOrder::Nuclear,
        p => NormOrder::P(p.parse().expect("a number")),
    });
    Some(match (fn_.strip_prefix("jax.numpy.linalg.")?, order, axes) {
        ("norm", None, None) => nl::norm(x),
        ("norm", None, Some(axes)) if keep => nl::norm_keepdims(x, axes),
        ("norm", None, Some(axes)) => nl::norm_axis(x, axes),
        ("norm", Some(order), None) => nl::norm_with(x, order, (), keep),
        ("norm", Some(order), Some(axes)) => nl::norm_with(x, order, axes, keep),
        ("matrix_norm", None, _) if !keep => nl::matrix_norm(x),
        ("matrix_norm", order, _) => nl::matrix_norm_with(x, order.unwrap_or(NormOrder::Frobenius), keep),
        ("vector_norm", None, None) => nl::vector_norm(x),
        ("vector_norm", order, axes) => {
            nl::vector_norm_with(x, order.unwrap_or(NormOrder::P(2.0)), axes.unwrap_or_else(all), keep)
        }
        _ => return None,
    })
}

fn structured(name: &str, how: &str, x: &[Array]) -> Option<Array> {
    let mode = || match how.split(' ').nth(1) {
        Some("full") => ConvolutionMode::Full,
        Some("same") => ConvolutionMode::Same,
        _ => ConvolutionMode::Valid,
    };
    Some(match (name, x) {
        ("block_diag", x) => sl::block_diag(x),
        ("toeplitz", [c]) => sl::toeplitz(c),
        ("toeplitz", [c, r]) => sl::toeplitz_with(c, r),
        ("hankel", [c]) => sl::hankel(c),
        ("hankel", [c, r]) => sl::hankel_with(c, r),
        ("circulant", [c]) => sl::circulant(c),
        ("leslie", [f, s]) => sl::leslie(f, s),
        ("companion", [a]) => sl::companion(a),
        ("fiedler", [a]) => sl::fiedler(a),
        ("fiedler_companion", [a]) => sl::fiedler_companion(a),
        ("convolution_matrix", [a]) => sl::convolution_matrix(a, number(how, 0), mode()),
        _ => return None,
    })
}

/// Matrices without arguments, in the dtype of the expected result. In the default dtype, the default is taken.
fn of_a_size(name: &str, how: &str, dtype: DType) -> Option<Array> {
    let n = || number::<usize>(how, 0);
    let kind = || match how.split(' ').nth(1) {
        Some("lower") => PascalKind::Lower,
        Some("upper") => PascalKind::Upper,
        _ => PascalKind::Symmetric,
    };
    let scale = || match how.split(' ').nth(1) {
        Some("sqrtn") => DftScale::SqrtN,
        Some("n") => DftScale::N,
        _ => DftScale::One,
    };
    let full = how.ends_with("True");
    Some(match (name, dtype) {
        ("hilbert", DType::F32) => sl::hilbert(n()),
        ("hilbert", _) => sl::hilbert_as(n(), dtype),
        ("invhilbert", DType::F32) => sl::invhilbert(n()),
        ("invhilbert", _) => sl::invhilbert_as(n(), dtype),
        ("helmert", DType::F32) if !full => sl::helmert(n()),
        ("helmert", _) => sl::helmert_as(n(), full, dtype),
        ("pascal", DType::F32) => sl::pascal(n(), kind()),
        ("pascal", _) => sl::pascal_as(n(), kind(), dtype),
        ("invpascal", DType::F32) => sl::invpascal(n(), kind()),
        ("invpascal", _) => sl::invpascal_as(n(), kind(), dtype),
        ("hadamard", DType::I32) => sl::hadamard(n()),
        ("hadamard", _) => sl::hadamard_as(n(), dtype),
        ("dft", DType::C64) => sl::dft(n(), scale()),
        ("dft", _) => sl::dft_as(n(), scale(), dtype),
        _ => return None,
    })
}

fn iterative(name: &str, how: &str, x: &[Array]) -> Option<Array> {
    let tol = option(how, "tol").map_or(1e-5, |tol| tol.parse().expect("a tolerance"));
    let maxiter = option(how, "maxiter").map(|n| n.parse().expect("a number"));
    let jacobi = |r: &Array| r / np::diag(&x[0]);
    let options = IterativeOptions {
        tol,
        maxiter,
        x0: x.get(2),
        preconditioner: if how.contains("jacobi") { Some(&jacobi) } else { None },
        ..Default::default()
    };
    let zeros = np::zeros_as(4, DType::F64);
    let b = x.get(1).unwrap_or(&zeros);
    Some(match name {
        "cg" => sparse::cg_with(&x[0], b, &options),
        "bicgstab" => sparse::bicgstab_with(|v: &Array| x[0].dot(v), b, &options),
        "gmres" => {
            let restart = option(how, "restart").map_or(20, |n| n.parse().expect("a number"));
            let method = if how.contains("incremental") { GmresMethod::Incremental } else { GmresMethod::Batched };
            sparse::gmres_with(&x[0], b, &options, restart, method)
        }
        _ => return None,
    })
}

fn call(fn_: &str, how: &str, x: &[Array], expected: DType) -> Vec<Array> {
    let result = if let Some(name) = fn_.strip_prefix("jax.scipy.sparse.linalg.") {
        iterative(name, how, x)
    } else if let Some(name) = fn_.strip_prefix("jax.scipy.linalg.") {
        if x.is_empty() { of_a_size(name, how, expected) } else { structured(name, how, x) }
    } else {
        products(fn_, how, x).or_else(|| norms(fn_, how, &x[0]))
    };
    vec![result.unwrap_or_else(|| panic!("no function {fn_} ({how})"))]
}

#[test]
fn values_gradients_and_batches_equal_jax() {
    functions::check("linalg_functions", call);
}

#[test]
fn multi_dot_multiplies_in_the_cheapest_order() {
    // (a b) (c v) from the left takes 10⁶ multiplications and more; from the right, each product is one with a vector.
    let program = make_jaxpr(|x: &Vec<Array>| nl::multi_dot(x));
    let x: Vec<Array> = vec![np::zeros([100, 100]), np::zeros([100, 100]), np::zeros([100, 100]), np::zeros(100)];
    let text = program(&x).to_string();
    assert_eq!(text.matches("f32[100] = dot_general").count(), 3, "{text}");
    // More matrices than `einsum` compares orders of.
    let x: Vec<Array> = (0..9).map(|i| np::zeros(if i % 2 == 0 { [1, 50] } else { [50, 1] })).collect();
    let text = program(&x).to_string();
    assert!(!text.contains("f32[50,50]"), "{text}");
}

#[test]
fn iterative_solvers_take_trees_and_are_differentiated_in_the_matrix() {
    type Pair = (Array, Array);
    let b: Pair = (Array::from(vec![1.0f64, 2.0]), Array::scalar(3.0f64));
    let solve = |a: &Array, name: &str| {
        let product = |x: &Pair| (a * &x.0 + &x.1, x.0.sum() + 4.0 * &x.1);
        let options = IterativeOptions { tol: 1e-12, ..Default::default() };
        match name {
            "cg" => sparse::cg_with(product, &b, &options),
            "bicgstab" => sparse::bicgstab_with(product, &b, &options),
            _ => sparse::gmres_with(product, &b, &options, 20, GmresMethod::Incremental),
        }
    };
    // [[a, 0, 1], [0, a, 1], [1, 1, 4]] x = [1, 2, 3]: x₂ = (3a − 3) / (4a − 2).
    for name in ["cg", "bicgstab", "gmres"] {
        let last = |a: &Array| solve(a, name).1;
        let a = Array::scalar(2.0f64);
        let near = |x: Array, y: f64| assert!((x.item::<f64>() - y).abs() < 1e-9, "{name}: {x} instead of {y}");
        near(last(&a), 0.5);
        near(grad(last)(&a), 6.0 / 36.0);
        near(grad(grad(last))(&a), -48.0 / 216.0);
        let rows = vmap(last)(&Array::from(vec![2.0f64, 3.0]));
        assert!(np::allclose(rows, Array::from(vec![0.5f64, 0.6])).item::<bool>(), "{name}");
    }
}

#[test]
fn small_right_hand_sides_are_solved_to_the_same_relative_accuracy() {
    let a = input(&serde_json::json!({"formula": "f32", "shape": [6, 6], "seed": 0, "kind": "positive"}), 0);
    let b = real(&[6], 1).astype(DType::F32);
    for scale in [1e-12f32, 1.0, 1e12] {
        let b = &b * f64::from(scale);
        for x in [sparse::cg(&a, &b), sparse::bicgstab(&a, &b), sparse::gmres(&a, &b)] {
            let size = |x: &Array| (x / f64::from(scale)).square().sum().sqrt().item::<f32>();
            assert!(size(&(a.dot(&x) - &b)) <= 2e-5 * size(&b), "{scale}");
        }
    }
}

#[test]
fn where_jax_is_inexact_or_undefined() {
    // Norms have a kink at zero.
    for order in [NormOrder::P(2.0), NormOrder::P(3.0), NormOrder::P(1.5)] {
        let slope = grad(|x: &Array| nl::norm_with(x, order, (), false))(&np::zeros(2));
        assert_eq!(slope.to_vec::<f32>(), [0.0, 0.0], "{order:?}");
    }
    assert_eq!(grad(|x: &Array| nl::matrix_norm(x))(&np::zeros([2, 2])).to_vec::<f32>(), [0.0; 4]);
    assert_eq!(nl::vector_norm_with(Array::from([1, -2]), 1, (), false).item::<f32>(), 3.0);
    // The elements of large matrices are the nearest numbers.
    let exact = sl::dft_as(1000, DftScale::One, DType::C128);
    let error = (sl::dft(1000, DftScale::One).astype(DType::C128) - exact).abs().max();
    assert!(error.item::<f64>() < 6e-8, "{error}");
    assert_eq!(sl::pascal(12, PascalKind::Symmetric).at((11, 11)).get().item::<f32>(), 705_432.0);
    assert_eq!(sl::invhilbert(8).at((7, 7)).get().item::<f64>(), 176_679_360.0);
    // A small cotangent is solved for as accurately as a large one.
    let a = Array::from([[4.0f32, 1.0], [-1.0, 3.0]]);
    let (_, back) = vjp(|b: &Array| sparse::gmres(&a, b), (&Array::from([6.0f32, 5.0]),));
    let (ct,) = back(&Array::from([1e-6f32, 2e-6]));
    assert!(np::allclose(ct * 1e6, Array::from([5.0f32 / 13.0, 7.0 / 13.0])).item::<bool>());
}

#[test]
fn complex_inputs_of_the_formula_are_what_they_say() {
    let x = input(&serde_json::json!({"formula": "c128", "shape": [2], "seed": 0, "kind": "plain"}), 0);
    let imag = formula(2, 17);
    assert_eq!(x.to_vec::<Complex<f64>>(), [Complex::new(-30.0 / 16.0, imag[0]), Complex::new(14.0 / 16.0, imag[1])]);
}

#[test]
fn errors_name_what_does_not_fit() {
    let (v, m) = (np::zeros(3), np::zeros([2, 3]));
    let x0 = np::zeros(2);
    let options = IterativeOptions { x0: Some(&x0), ..Default::default() };
    let same = |x: &Array| x.clone();
    let cases: &[(&str, &dyn Fn() -> Array)] = &[
        ("vectors of three elements", &|| nl::cross(m.t(), m.t())),
        ("expected vectors, got", &|| nl::outer(&m, &v)),
        ("at least two arrays", &|| nl::multi_dot([&v])),
        ("must be a power of two", &|| sl::hadamard(6)),
        ("the dtype must be complex", &|| sl::dft_as(2, DftScale::One, DType::F32)),
        ("fecundities", &|| sl::leslie(&v, &v)),
        ("must have the structure and shapes of `b`", &|| sparse::cg_with(same, &v, &options)),
        ("expected a square matrix", &|| sparse::cg(&m, &v)),
    ];
    for (needle, f) in cases {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).expect_err("it must fail");
        let text = panic.downcast_ref::<String>().cloned().expect("a message");
        assert!(text.contains(needle) && text.contains("linalg_functions.rs"), "{text}");
    }
}
