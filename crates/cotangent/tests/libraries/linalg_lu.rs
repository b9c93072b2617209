//! Systems of equations, determinants and LU decompositions, with first and second derivatives, against stored JAX
//! results.

use super::goldens_lib;
use super::goldens_lib::matrices::adjoint;

use cotangent::lax;
use cotangent::prelude::*;
use cotangent::scipy::linalg::{self, Assume, Trans};
use cotangent::{Exported, Platform};
use goldens_lib::floats;
use goldens_lib::laws::{self, Call};
use goldens_lib::{array, cases, difference, dtype, run_all, shape};
use num_complex::Complex64;
use serde_json::Value;

/// Returns numbers in (−1, 1), the same for each seed as in the script.
fn numbers(shape: &[usize], dtype: DType, seed: u64) -> Array {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / f64::from(1 << 30) - 1.0
    };
    let numbers: Vec<Complex64> = (0..shape.iter().product()).map(|_| Complex64::new(next(), next())).collect();
    let x = Array::from(numbers).reshape(shape);
    if dtype.is_complex() { x.astype(dtype) } else { x.real().astype(dtype) }
}

fn positive(a: &Array) -> Array {
    let n = a.shape()[a.ndim() - 1];
    np::matmul(a, adjoint(a)) + 3.0 * np::eye_as(n, n, 0, a.dtype())
}

fn call(name: &str, x: &[Array]) -> Vec<Array> {
    let (a, b) = (&x[0], &x[x.len() - 1]);
    if name.starts_with("solve") {
        return vec![np::linalg::solve(a, b)];
    }
    if let Some(trans) = name.strip_prefix("lu_solve ") {
        let (lu, pivots) = linalg::lu_factor(a);
        let trans = match trans {
            "1" => Trans::Transpose,
            "2" => Trans::Adjoint,
            _ => Trans::No,
        };
        return vec![linalg::lu_solve((&lu, &pivots), b, trans)];
    }
    if let Some(how) = name.strip_prefix("scipy solve ") {
        let assume = match how {
            "sym" => Assume::Symmetric,
            "her" => Assume::Hermitian,
            "gen" => Assume::General,
            _ => Assume::Positive,
        };
        return vec![linalg::solve(positive(a), b, how.ends_with("True"), assume)];
    }
    vec![match name {
        "inv" => np::linalg::inv(a),
        "det" => np::linalg::det(a),
        "cholesky" => np::linalg::cholesky(positive(a)),
        "cholesky upper" => np::linalg::cholesky_as(positive(a), true, true),
        "cholesky lower triangle" => np::linalg::cholesky_as(positive(a), false, false),
        "tensorinv" => np::linalg::tensorinv(a, 2),
        "tensorsolve" => np::linalg::tensorsolve(a, b),
        "tensorsolve axes" => np::linalg::tensorsolve_axes(a, b, 0),
        "symmetric_product" => lax::linalg::symmetric_product(a, b, 0.5, 2.0, true),
        "cholesky_update" => lax::linalg::cholesky_update(np::linalg::cholesky_as(positive(a), true, true), b),
        "tridiagonal_solve" => lax::linalg::tridiagonal_solve(a, &x[1], &x[2], b, false),
        "slogdet" => {
            let (sign, log) = np::linalg::slogdet(a);
            return vec![sign, log];
        }
        "lu" => {
            let (lu, pivots, rows) = lax::linalg::lu(a);
            return vec![lu, pivots, rows];
        }
        "scipy lu" => {
            let (p, l, u) = linalg::lu(a);
            return vec![p, l, u];
        }
        "scipy lu permuted" => {
            let (l, u) = linalg::lu_permuted(a);
            return vec![l, u];
        }
        "lu_factor" => {
            let (lu, pivots) = linalg::lu_factor(a);
            return vec![lu, pivots];
        }
        other => panic!("no function {other}"),
    }]
}

fn arrays(x: &Value) -> Vec<Array> {
    x.as_array().map(|a| a.iter().map(array).collect()).unwrap_or_default()
}

fn loss(name: &str, x: &[Array]) -> Array {
    let results = call(name, x).into_iter().filter(|y| y.dtype().is_inexact());
    let terms = results.map(|y| np::sum(np::square(np::abs(y)).sin()));
    terms.reduce(|a, b| a + b).expect("a result")
}

#[test]
fn values_and_derivatives_equal_jax() {
    compare_with_jax(false);
}

#[test]
fn values_and_derivatives_of_complex_numbers_equal_jax() {
    compare_with_jax(true);
}

/// The functions without a stored gradient.
#[test]
fn slopes_are_those_of_differences() {
    let calls = laws::without_gradients(&cases("linalg_lu"), |how, case| {
        let shapes = case["shapes"].as_array().expect("a list").iter().map(shape);
        Call::new(how, (0..).zip(shapes).map(|(seed, shape)| numbers(&shape, DType::F64, seed)).collect())
    });
    laws::check("linalg_lu", &calls, |name, _, x| call(name, x));
}

fn compare_with_jax(complex: bool) {
    let mut stored = cases("linalg_lu");
    stored.retain(|case| dtype(&case["dtype"]).is_complex() == complex);
    run_all(&stored, |case| {
        let name = case["fn"].as_str().expect("a name").to_string();
        let dtype = dtype(&case["dtype"]);
        let shapes: Vec<Vec<usize>> = case["shapes"].as_array().expect("a list").iter().map(shape).collect();
        let args = |first: u64| -> Vec<Array> {
            (first..).zip(&shapes).map(|(seed, shape)| numbers(shape, dtype, seed)).collect()
        };
        let (x, t) = (args(0), args(100));
        // Larger matrices have pivots and permutations only.
        let large = shapes[0].iter().any(|size| *size > 16);
        let outputs = |x: &Vec<Array>| call(&name, x).split_off(usize::from(large));
        let compare = |what: &str, found: &[Array], wanted: &[Array], tolerance: f64| {
            assert_eq!(found.len(), wanted.len(), "the number of results");
            let mut pairs = found.iter().zip(wanted).enumerate();
            pairs.find_map(|(i, (y, e))| {
                difference(y, e, tolerance, tolerance).map(|d| format!("{name}, {what} {i}: {d}"))
            })
        };
        let single = matches!(dtype, DType::F32 | DType::C64);
        let tolerance = if single { 2e-4 } else { 1e-10 };
        let wanted = arrays(&case["outputs"]);
        let found = compare("value", &outputs(&x), &wanted, tolerance);
        if found.is_some() || case["grads"].is_null() {
            return found;
        }
        let gradient = |x: &Vec<Array>| grad(|x: &Vec<Array>| loss(&name, x))(x);
        compare("gradient", &jit(gradient)(&x), &arrays(&case["grads"]), 1e-8).or_else(|| {
            let second = jit(|x: &Vec<Array>, t: &Vec<Array>| jvp(gradient, (x,), (t,)).1)(&x, &t);
            compare("second derivative", &second, &arrays(&case["second"]), 1e-7)
        })
    });
}

/// Runs what is lowered for a GPU on the CPU.
fn elsewhere(f: impl Fn(&Vec<Array>) -> Vec<Array> + Send + Sync, x: &Vec<Array>) -> Vec<Array> {
    let there = jit(f).lower((x,)).unwrap().export_for(Platform::Cuda).unwrap();
    assert!(!there.stablehlo().contains("custom_call"), "{there}");
    Exported::from_stablehlo("there", there.stablehlo()).unwrap().compile().unwrap().call(x).unwrap()
}

/// On a GPU, decompositions are made of ordinary operations. They agree with the routines.
#[test]
fn what_is_lowered_for_a_gpu_computes_the_same() {
    for dtype in [DType::F64, DType::C128] {
        for shape in [&[3, 3][..], &[4, 2], &[2, 2, 4], &[131, 130], &[0, 3], &[2, 0, 0]] {
            let x = vec![numbers(shape, dtype, 5)];
            let [here, there] = [jit(|x: &Vec<Array>| call("lu", x))(&x), elsewhere(|x| call("lu", x), &x)];
            for (y, e) in there.iter().zip(&here) {
                assert_eq!(difference(y, e, 1e-10, 1e-10), None, "lu {dtype} {shape:?}");
            }
        }
        let shapes = [[2, 6].as_slice(), &[2, 6], &[2, 6], &[2, 6, 3]];
        let system: Vec<Array> = (0..).zip(shapes).map(|(seed, shape)| numbers(shape, dtype, seed)).collect();
        for perturb in [false, true] {
            let f = move |x: &Vec<Array>| vec![lax::linalg::tridiagonal_solve(&x[0], &x[1], &x[2], &x[3], perturb)];
            assert_eq!(difference(&elsewhere(f, &system)[0], &f(&system)[0], 1e-10, 1e-10), None, "{dtype} {perturb}");
        }
    }
    let pivots = vec![Array::from([[2, 1, 2, 3], [1, 1, 3, 4]])];
    let rows = |x: &Vec<Array>| vec![lax::linalg::lu_pivots_to_permutation(&x[0], 5)];
    assert_eq!(elsewhere(rows, &pivots)[0].to_vec::<i32>(), rows(&pivots)[0].to_vec::<i32>());
}

/// The calls as `jax.jit(f).lower(…).as_text()` prints them in JAX 0.10.2, and JAX's results.
#[test]
fn calls_of_programs_from_jax_run() {
    let run = |types: &str, body: &str, x: &[Array]| {
        let text = format!("module {{ func.func public @main({types} {{\n{body} }} }}");
        Exported::from_stablehlo("f", &text).unwrap().compile().unwrap().call(&x.to_vec()).unwrap()
    };
    let config = r#"backend_config = "", mhlo.backend_config = {}, mhlo.frontend_attributes = {num_batch_dims = "0"}"#;
    let alias = |i: usize| {
        format!(
            "#stablehlo.output_operand_alias<output_tuple_indices = [{i}], operand_index = {i}, operand_tuple_indices = []>"
        )
    };
    let a = Array::from([[0.0f32, 2.0, 1.0], [4.0, 4.0, 8.0]]);
    let body = format!(
        "%0:3 = stablehlo.custom_call @lapack_sgetrf_ffi(%arg0) {{{config}, \
         operand_layouts = [dense<[0, 1]> : tensor<2xindex>], output_operand_aliases = [{}], \
         result_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<[0]> : tensor<1xindex>, dense<> : tensor<0xindex>]}} \
         : (tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2xi32>, tensor<i32>)
         return %0#0, %0#1, %0#2 : tensor<2x3xf32>, tensor<2xi32>, tensor<i32>",
        alias(0)
    );
    let types = "%arg0: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2xi32>, tensor<i32>)";
    let out = run(types, &body, &[a]);
    assert_eq!(out[0].to_vec::<f32>(), [4.0, 4.0, 8.0, 0.0, 2.0, 1.0]);
    assert_eq!((out[1].to_vec::<i32>(), out[2].item::<i32>()), (vec![2, 2], 0));

    let diagonals = [[0.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 0.0]].map(|x| Array::from(x.to_vec()));
    let system = [&diagonals[..], &[Array::from(vec![1.0, 2.0, 3.0]).reshape([3, 1])]].concat();
    let (vector, matrix) = ("dense<[0]> : tensor<1xindex>", "dense<[0, 1]> : tensor<2xindex>");
    let arguments = "%arg0: tensor<3xf64>, %arg1: tensor<3xf64>, %arg2: tensor<3xf64>, %arg3: tensor<3x1xf64>";
    let given = "tensor<3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<3x1xf64>";
    let body = format!(
        "%0 = stablehlo.custom_call @tridiagonal_solve_perturbed_ffi(%arg0, %arg1, %arg2, %arg3) {{{config}, \
         operand_layouts = [{vector}, {vector}, {vector}, {matrix}], result_layouts = [{matrix}]}} \
         : ({given}) -> tensor<3x1xf64>
         return %0 : tensor<3x1xf64>"
    );
    let x = run(&format!("{arguments}) -> tensor<3x1xf64>"), &body, &system);
    assert_eq!(x[0].to_vec::<f64>(), [-2.0, 3.0, 4503599627370496.0]);
    let body = format!(
        "%0:5 = stablehlo.custom_call @lapack_dgtsv_ffi(%arg0, %arg1, %arg2, %arg3) {{{config}, \
         operand_layouts = [{vector}, {vector}, {vector}, {matrix}], \
         output_operand_aliases = [{}, {}, {}, {}], \
         result_layouts = [{vector}, {vector}, {vector}, {matrix}, dense<> : tensor<0xindex>]}} \
         : ({given}) -> ({given}, tensor<i32>)
         return %0#3, %0#4 : tensor<3x1xf64>, tensor<i32>",
        alias(0),
        alias(1),
        alias(2),
        alias(3)
    );
    let out = run(&format!("{arguments}) -> (tensor<3x1xf64>, tensor<i32>)"), &body, &system);
    assert_eq!(out[1].item::<i32>(), 3, "the last pivot is zero");
}

/// JAX's results where there is no solution.
#[test]
fn singular_systems_as_in_jax() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let same = |x: &Array, wanted: &[f64]| {
        let x = floats(x);
        assert!(x.iter().zip(wanted).all(|(x, y)| x == y || x.is_nan() && y.is_nan()), "{x:?} instead of {wanted:?}");
    };
    for dtype in [DType::F32, DType::F64] {
        let a = Array::from([[1.0, 2.0], [2.0, 4.0]]).astype(dtype);
        let vector = |x: [f64; 2]| Array::from(x.to_vec()).astype(dtype);
        same(&np::linalg::solve(&a, vector([1.0, 1.0])), &[-inf, inf]);
        same(&np::linalg::solve(&a, vector([1.0, 2.0])), &[nan, nan]);
        same(&np::linalg::inv(&a), &[-inf, inf, inf, -inf]);
        same(&np::linalg::inv(Array::from([[0.0, 0.0], [0.0, 1.0]]).astype(dtype)), &[inf, nan, 0.0, 1.0]);
        let (sign, log) = np::linalg::slogdet(np::zeros([3, 3]).astype(dtype));
        assert_eq!((sign.item::<f64>(), log.item::<f64>()), (0.0, -inf));
        let one = Array::from([0.0, 1.0, 1.0]).astype(dtype);
        let x = lax::linalg::tridiagonal_solve(&one, &one * 0.0, &one * 0.0, np::ones([3, 1]).astype(dtype), false);
        same(&x, &[nan; 3]);
    }
    // A product of pivots that leaves the range on the way.
    let scales = Array::from(vec![1e200, 1e200, 1e-200, 1e-200, 3.0]);
    let det = np::linalg::det(np::diag(&scales)).item::<f64>();
    assert!((det - 3.0).abs() < 1e-12, "{det}");
}

/// Returns a matrix of rank n − 1 whose zero pivot is not the last, and others of lower and of full rank.
fn ranks() -> Vec<Array> {
    let shift = np::eye_as(4, 4, 1, DType::F64);
    let low = |rank: usize| {
        let (left, right) = (numbers(&[5, 2], DType::F64, 3), numbers(&[2, 5], DType::F64, 4));
        // Integers, so that the pivots are exactly zero.
        let parts = [left, right].map(|x| np::round(x * 4.0));
        np::matmul(parts[0].slice_axis(1, 0, rank), parts[1].slice_axis(0, 0, rank))
    };
    let regular = numbers(&[4, 4], DType::F64, 7);
    vec![shift, low(2), low(1), np::zeros([4, 4]).astype(DType::F64), regular]
}

/// The determinant is a polynomial, whose derivatives hold for every matrix. Differences of its values are the truth.
#[test]
fn derivatives_of_the_determinant_at_any_rank() {
    for (k, a) in ranks().iter().enumerate() {
        let det = |a: &Array| np::linalg::det(a);
        let n = a.shape()[0];
        let t = numbers(&[n, n], DType::F64, 11);
        let h = 1e-3;
        let at = |s: f64| np::linalg::det(a + s * &t).item::<f64>();
        let slope = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
        let gradient = grad(det)(a);
        let found = (&gradient * &t).sum().item::<f64>();
        assert!((found - slope).abs() < 1e-8, "rank {k}: {found} against {slope}");
        // A polynomial of degree five along a line.
        let bend = (16.0 * (at(h) + at(-h)) - (at(2.0 * h) + at(-2.0 * h)) - 30.0 * at(0.0)) / (12.0 * h * h);
        let first = |a: &Array| jvp(det, (a,), (&t,)).1;
        let second = jvp(first, (a,), (&t,)).1.item::<f64>();
        assert!((second - bend).abs() < 1e-6, "rank {k}, second: {second} against {bend}");
        let mapped = vmap(grad(det))(&np::stack(&[a, &(a + &t)], 0)).at((0,)).get();
        assert_eq!(difference(&mapped, &gradient, 1e-9, 1e-9), None, "rank {k}, in a batch");
    }
}

/// JAX takes the transpose of a Hermitian matrix to be that matrix.
#[test]
fn gradients_of_positive_systems_are_those_of_general_ones() {
    let a = positive(&numbers(&[2, 3, 3], DType::C128, 1));
    let b = numbers(&[2, 3, 2], DType::C128, 2);
    let of = |assume: Assume| {
        grad(move |x: &Vec<Array>| {
            let x = linalg::solve(&x[0], &x[1], true, assume);
            np::sum(np::square(np::abs(x)).sin())
        })(&vec![a.clone(), b.clone()])
    };
    for (found, wanted) in of(Assume::Positive).iter().zip(of(Assume::General)) {
        assert_eq!(difference(found, &wanted, 1e-10, 1e-12), None);
    }
}

/// Functions that JAX cannot differentiate, against differences.
#[test]
fn derivatives_that_jax_does_not_have() {
    let check = |name: &str, x: Vec<Array>| {
        let f = |x: &Vec<Array>| loss(name, x);
        let gradient = grad(f)(&x);
        let t: Vec<Array> = (50..).zip(&x).map(|(seed, x)| numbers(x.shape(), DType::F64, seed)).collect();
        let along = |h: f64| -> Vec<Array> { x.iter().zip(&t).map(|(x, t)| x + h * t).collect() };
        let numeric = (f(&along(1e-6)) - f(&along(-1e-6))).item::<f64>() / 2e-6;
        let found: f64 = gradient.iter().zip(&t).map(|(g, t)| (g * t).sum().item::<f64>()).sum();
        assert!((found - numeric).abs() < 1e-7, "{name}: {found} against {numeric}");
    };
    let of = |shape: &[usize], seed| numbers(shape, DType::F64, seed);
    check("symmetric_product", vec![of(&[3, 2], 1), of(&[3, 3], 2)]);
    check("cholesky_update", vec![of(&[3, 3], 1), of(&[3], 2)]);
    check("cholesky_update", vec![of(&[3, 3], 1), Array::from(vec![0.0, 0.5, 0.0])]);
}

#[test]
fn errors_name_the_shapes() {
    let message = |f: &dyn Fn() -> Array| {
        let error = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).expect_err("an error");
        error.downcast_ref::<String>().cloned().expect("a message")
    };
    let (a, b) = (np::ones([2, 3, 3]), np::ones([2, 3]));
    for (text, parts) in [
        (message(&|| np::linalg::solve(&a, &b)), ["f32[2,3,3]", "f32[2,3]", "expand_dims"]),
        (message(&|| np::linalg::det(np::ones([2, 3]))), ["det", "square", "f32[2,3]"]),
        (message(&|| lax::linalg::lu(np::ones([4, 4]).astype(DType::I32)).0), ["f32", "i32", "astype"]),
        (message(&|| np::linalg::tensorinv(np::ones([2, 3, 5]), 2)), ["6", "5", "f32[2,3,5]"]),
        (message(&|| lax::linalg::lu_pivots_to_permutation(np::ones([3]), 3)), ["i32", "f32[3]", ""]),
    ] {
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
}

/// Batches by `vmap` are those that the functions take themselves.
#[test]
fn mapped_functions_equal_batches() {
    for dtype in [DType::F64, DType::C128] {
        let (a, b) = (numbers(&[2, 3, 3], dtype, 1), numbers(&[2, 3, 2], dtype, 2));
        let row = |x: &Array, i: usize| x.at((i as i32,)).get();
        let solve = |a: &Array, b: &Array| np::linalg::solve(a, b);
        let same = |found: &Array, wanted: &Array, what: &str| {
            assert_eq!(difference(found, wanted, 1e-11, 1e-12), None, "{dtype}: {what}");
        };
        same(&vmap(solve)(&a, &b), &solve(&a, &b), "both");
        let each = |f: &dyn Fn(usize) -> Array| np::stack(&[&f(0), &f(1)], 0);
        same(&vmap(|a: &Array| solve(a, &row(&b, 0)))(&a), &each(&|i| solve(&row(&a, i), &row(&b, 0))), "A");
        same(&vmap(|b: &Array| solve(&row(&a, 0), b))(&b), &each(&|i| solve(&row(&a, 0), &row(&b, i))), "B");
        let parts = |a: &Array| {
            let (lu, pivots) = linalg::lu_factor(a);
            linalg::lu_solve((&lu, &pivots), np::ones([3]).astype(dtype), Trans::Adjoint)
        };
        same(&vmap(parts)(&a), &each(&|i| parts(&row(&a, i))), "lu_solve");
    }
}
