//! The QR and singular value decompositions and what follows from them, against stored JAX results.

use super::goldens_lib;
use super::goldens_lib::matrices::matrix;

use cotangent::lax::linalg::{self as ll, SvdOptions};
use cotangent::numpy::linalg as np;
use cotangent::prelude::*;
use cotangent::scipy::linalg::{self as scipy, PolarMethod, QrMode, Side};
use goldens_lib::laws::{self, Call};
use goldens_lib::{array, cases, difference, run_all};
use serde_json::Value;

/// Returns what does not depend on the phases of singular vectors.
fn invariant((u, s, vh): (Array, Array, Array)) -> Vec<Array> {
    let k = s.shape()[s.ndim() - 1];
    let (u, vh) = (u.slice_axis(u.ndim() - 1, 0, k), vh.slice_axis(vh.ndim() - 2, 0, k));
    let square = |x: &Array| if x.dtype().is_complex() { (x * x.conj()).real() } else { x * x };
    let whole = (&u * s.expand_dims(-2)).matmul(&vh);
    vec![s, square(&u), square(&vh), whole]
}

fn pair((x, y): (Array, Array)) -> Vec<Array> {
    vec![x, y]
}

fn triple((x, y, z): (Array, Array, Array)) -> Vec<Array> {
    vec![x, y, z]
}

fn call(name: &str, args: &[Array]) -> Vec<Array> {
    let a = &args[0];
    let words: Vec<&str> = name.split(' ').collect();
    let flag = |i: usize| words[i] == "True";
    let side = |word: &str| if word == "left" { Side::Left } else { Side::Right };
    let number = |word: &str| word.parse::<f64>().expect("a number");
    match words[0] {
        "qr" => pair(ll::qr(a, flag(1))),
        "qr_pivoting" => triple(ll::qr_pivoting(a, flag(1))),
        "svd" => invariant(ll::svd(a, &SvdOptions { full_matrices: flag(1), ..SvdOptions::default() })),
        "singular_values" => vec![ll::singular_values(a, &SvdOptions::default())],
        "geqrf" => pair(ll::geqrf(a)),
        "geqp3" => triple(ll::geqp3(a, &args[1])),
        "householder_product" => vec![ll::householder_product(a, &args[1])],
        "ormqr" => vec![ll::ormqr(a, &args[1], &args[2], flag(1), flag(2))],
        "qdwh" => {
            let polar = ll::qdwh(a);
            vec![polar.u, polar.h]
        }
        "polar" => {
            let method = if words[2] == "svd" { PolarMethod::Svd } else { PolarMethod::Qdwh };
            pair(scipy::polar(a, side(words[1]), method))
        }
        "qr_multiply" => pair(scipy::qr_multiply(a, &args[1], side(words[1]), flag(2))),
        "qr_multiply_pivoting" => triple(scipy::qr_multiply_pivoting(a, &args[1], side(words[1]), flag(2))),
        "np.pinv" => vec![np::pinv(a)],
        "np.pinv_rtol" => vec![np::pinv_rtol(a, number(words[1]))],
        "np.pinv_hermitian" => vec![np::pinv_hermitian(a)],
        "np.svd_hermitian" => invariant(np::svd_hermitian(a)),
        "np.matrix_rank" => vec![np::matrix_rank(a)],
        "np.matrix_rank_hermitian" => vec![np::matrix_rank_hermitian(a)],
        "np.cond" => vec![np::cond(a)],
        "np.cond_p" => vec![np::cond_p(a, number(words[1]))],
        "np.cond_frobenius" => vec![np::cond_frobenius(a)],
        "np.cond_nuclear" => vec![np::cond_nuclear(a)],
        "np.qr" => match words[1] {
            "reduced" => pair(np::qr(a)),
            "complete" => pair(np::qr_complete(a)),
            "r" => vec![np::qr_r(a)],
            _ => pair(np::qr_raw(a)),
        },
        "scipy.qr" | "scipy.qr_pivoting" => {
            let mode = if words[1] == "full" { QrMode::Full } else { QrMode::Economic };
            match (words[0] == "scipy.qr", words[1] == "r") {
                (true, false) => pair(scipy::qr(a, mode)),
                (true, true) => vec![scipy::qr_r(a)],
                (false, false) => triple(scipy::qr_pivoting(a, mode)),
                (false, true) => pair(scipy::qr_r_pivoting(a)),
            }
        }
        "np.lstsq" => {
            let (x, residuals, rank, s) = match words.get(1) {
                Some(&"rcond") => np::lstsq_rcond(a, &args[1], 0.5),
                Some(&"numpy") => np::lstsq_numpy_resid(a, &args[1]),
                Some(&"x") => return vec![np::lstsq(a, &args[1]).0],
                _ => np::lstsq(a, &args[1]),
            };
            vec![x, residuals, rank, s]
        }
        other => panic!("no function {other}"),
    }
}

/// The loss of the stored gradients.
fn loss(name: &str, args: &[Array]) -> Array {
    let parts = call(name, args).into_iter().filter(|y| y.dtype().is_inexact());
    let terms = parts.map(|y| {
        let square = if y.dtype().is_complex() { (&y * y.conj()).real() } else { &y * &y };
        let size = y.shape().iter().product::<usize>();
        let weights = Array::from((0..size).map(|i| (1.0 + i as f64).cos()).collect::<Vec<f64>>());
        (weights.reshape(y.shape()) * square.sin()).sum()
    });
    terms.reduce(|x, y| x + y).expect("a result of real or complex numbers")
}

fn arrays(x: &Value) -> Vec<Array> {
    x.as_array().map(|a| a.iter().map(array).collect()).unwrap_or_default()
}

#[test]
fn values_and_gradients_equal_jax() {
    run_all(&cases("linalg_qr_svd"), |case| {
        let name = case["fn"].as_str().expect("a name").to_string();
        let args = arrays(&case["args"]);
        let wide = matches!(args[0].dtype(), DType::F64 | DType::C128);
        let (rtol, atol) = if wide { (1e-11, 1e-12) } else { (2e-4, 2e-5) };
        let results = call(&name, &args);
        let expected = arrays(&case["outputs"]);
        if results.len() != expected.len() {
            return Some(format!("{} results", results.len()));
        }
        // JAX's 64-bit mode counts in 64 bits.
        let value = results.iter().zip(&expected).find_map(|(y, want)| {
            let y = if want.dtype() == DType::I64 { y.astype(DType::I64) } else { y.clone() };
            difference(&y, want, rtol, atol)
        });
        if value.is_some() || case["grads"].is_null() {
            return value.map(|v| format!("{name}: {v}"));
        }
        let inexact: Vec<Array> = args.iter().filter(|x| x.dtype().is_inexact()).cloned().collect();
        let gradients = match grad(|args: &Vec<Array>| loss(&name, args)).try_call((&inexact,)) {
            Ok(gradients) => gradients,
            Err(error) => return Some(format!("{name}: {}", error.message())),
        };
        gradients
            .iter()
            .zip(arrays(&case["grads"]))
            .find_map(|(g, expected)| difference(g, &expected, 1e-9, 1e-10).map(|d| format!("{name}: gradient: {d}")))
    });
}

/// The functions without a stored gradient.
#[test]
fn slopes_are_those_of_differences() {
    let calls = laws::without_gradients(&cases("linalg_qr_svd"), |how, case| Call::new(how, arrays(&case["args"])));
    laws::check("linalg_qr_svd", &calls, |name, _, x| call(name, x));
}

fn norm(x: &Array) -> f64 {
    let x = x.abs();
    if x.shape().contains(&0) { 0.0 } else { x.max().astype(DType::F64).item::<f64>() }
}

/// Checks first and second derivatives of a function's inexact results against central differences.
fn check_slopes(name: &str, args: &[Array], f: impl Fn(&Vec<Array>) -> Vec<Array> + Copy + Send + Sync) {
    check_derivatives(name, args, f, true);
}

/// Checks first derivatives, and with `second` also second ones.
fn check_derivatives(
    name: &str,
    args: &[Array],
    f: impl Fn(&Vec<Array>) -> Vec<Array> + Copy + Send + Sync,
    second: bool,
) {
    let args = args.to_vec();
    let tangents: Vec<Array> =
        (args.iter().enumerate()).map(|(i, x)| matrix(x.shape(), x.dtype(), 7.0 + i as f64)).collect();
    let kept = |args: &Vec<Array>| f(args).into_iter().filter(|y| y.dtype().is_inexact()).collect::<Vec<_>>();
    let (_, slopes) = jvp(kept, (&args,), (&tangents,));
    let step = 1e-6;
    let moved = |by: f64| args.iter().zip(&tangents).map(|(x, t)| x + by * t).collect::<Vec<_>>();
    for (i, ((slope, up), down)) in slopes.iter().zip(kept(&moved(step))).zip(kept(&moved(-step))).enumerate() {
        let numeric = (up - down) / (2.0 * step);
        let difference = norm(&(slope - &numeric));
        assert!(difference < 1e-7 * (1.0 + norm(&numeric)), "{name}, result {i}: {slope:?} instead of {numeric:?}");
    }
    if !second {
        return;
    }
    // The derivative of a gradient, and a gradient over a batch.
    let weighted = |args: &Vec<Array>| {
        let parts = kept(args).into_iter().enumerate().map(|(i, y)| {
            let weights = matrix(y.shape(), y.dtype(), 20.0 + i as f64);
            let part = (&y * &y * weights).sum();
            if part.dtype().is_complex() { part.real() } else { part }
        });
        parts.reduce(|x, y| x + y).expect("a result")
    };
    let gradient = |args: &Vec<Array>| grad(weighted)(args);
    let (first, second) = jvp(gradient, (&args,), (&tangents,));
    for (i, ((slope, up), down)) in second.iter().zip(gradient(&moved(step))).zip(gradient(&moved(-step))).enumerate() {
        let numeric = (up - down) / (2.0 * step);
        let difference = norm(&(slope - &numeric));
        assert!(difference < 1e-6 * (1.0 + norm(&numeric)), "{name}, second {i}: {slope:?} instead of {numeric:?}");
    }
    let stacked: Vec<Array> = args.iter().zip(moved(0.1)).map(|(x, y)| cotangent::numpy::stack(&[x, &y], 0)).collect();
    for (i, (batch, alone)) in vmap(gradient)(&stacked).iter().zip(&first).enumerate() {
        let difference = norm(&(batch.at((0,)).get() - alone));
        assert!(difference < 1e-9 * (1.0 + norm(alone)), "{name}, gradient {i} of a batch differs by {difference}");
    }
}

/// Singular values that are cut and not zero, those that are zero, and equal ones.
#[test]
fn slopes_where_singular_values_are_cut_equal_differences() {
    let values = [[3.0, 2.0, 0.7], [3.0, 1.0, 0.7], [2.0, 2.0, 2.0], [2.0, 2.0, 0.7], [3.0, 0.7, 0.0]];
    for (dtype, m, n) in [(DType::F64, 4, 3), (DType::F64, 3, 4), (DType::C128, 3, 3)] {
        let (u, _, vh) = np::svd(matrix(&[m, n], dtype, 1.0), false);
        for (i, values) in values.into_iter().enumerate() {
            let a = (&u * Array::from(values)).matmul(&vh);
            let b = matrix(&[m, 2], dtype, 2.0);
            let label = |name: &str| format!("{name} {m}x{n} {dtype} {values:?}");
            let args = std::slice::from_ref(&a);
            check_derivatives(&label("pinv_rtol"), args, |x| vec![np::pinv_rtol(&x[0], 0.4)], i < 3);
            let solution = |x: &Vec<Array>| vec![np::lstsq_rcond(&x[0], &x[1], 0.4).0];
            check_derivatives(&label("lstsq_rcond"), &[a, b], solution, i < 3);
        }
    }
    let batch = matrix(&[2, 3, 2], DType::F64, 4.0);
    check_slopes("pinv_rtol of a batch", &[batch], |x| vec![np::pinv_rtol(&x[0], Array::from([0.9, 0.1]))]);
}

#[test]
fn slopes_that_jax_lacks_equal_differences() {
    for (dtype, sizes) in [(DType::F64, [(4, 2), (2, 4)]), (DType::C128, [(3, 3), (4, 2)])] {
        for (m, n) in sizes {
            let a = matrix(&[m, n], dtype, 1.0);
            let taus = matrix(&[m.min(n)], dtype, 2.0);
            let label = |name: &str| format!("{name} {m}x{n} {dtype}");
            check_slopes(&label("geqrf"), std::slice::from_ref(&a), |x| pair(ll::geqrf(&x[0])));
            let numbers = move || cotangent::numpy::zeros_as(n, DType::I32);
            check_slopes(&label("geqp3"), std::slice::from_ref(&a), |x| triple(ll::geqp3(&x[0], numbers())));
            check_slopes(&label("qr_pivoting"), std::slice::from_ref(&a), |x| triple(ll::qr_pivoting(&x[0], true)));
            if m >= n {
                check_slopes(&label("householder_product"), &[a.clone(), taus.clone()], |x| {
                    vec![ll::householder_product(&x[0], &x[1])]
                });
            }
            for (left, transpose) in [(true, false), (true, true), (false, false), (false, true)] {
                let c = matrix(&if left { [m, 2] } else { [2, m] }, dtype, 3.0);
                check_slopes(&label(&format!("ormqr {left} {transpose}")), &[a.clone(), taus.clone(), c], |x| {
                    vec![ll::ormqr(&x[0], &x[1], &x[2], left, transpose)]
                });
            }
            // The projectors onto the spans of all singular vectors and of those without a singular value.
            check_slopes(&label("svd of full matrices"), std::slice::from_ref(&a), |x| {
                let (u, s, vh) = ll::svd(&x[0], &SvdOptions::default());
                let k = s.shape()[0];
                let h = |x: &Array| if x.dtype().is_complex() { x.t().conj() } else { x.t() };
                let (rest, other) = (u.slice_axis(1, k, u.shape()[1]), vh.slice_axis(0, k, vh.shape()[0]));
                vec![
                    u.slice_axis(1, 0, k).matmul(vh.slice_axis(0, 0, k)),
                    rest.matmul(h(&rest)),
                    h(&other).matmul(&other),
                    s,
                ]
            });
            for (side, method) in [(Side::Left, PolarMethod::Qdwh), (Side::Right, PolarMethod::Svd)] {
                check_slopes(&label("polar"), std::slice::from_ref(&a), |x| pair(scipy::polar(&x[0], side, method)));
            }
        }
    }
}

/// What does not depend on the choice of singular vectors has a derivative where singular values are equal.
#[test]
fn equal_and_zero_singular_values_have_slopes() {
    let equal = Array::from(vec![0.0, -2.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0]).reshape([3, 3]);
    let polar = |x: &Vec<Array>| pair(scipy::polar(&x[0], Side::Right, PolarMethod::Svd));
    check_derivatives("polar of equal singular values", std::slice::from_ref(&equal), polar, false);
    check_derivatives("pinv of equal singular values", &[equal], |x: &Vec<Array>| vec![np::pinv(&x[0])], false);
    for a in [cotangent::numpy::zeros_as([3, 2], DType::F64), cotangent::numpy::ones_as([2, 3], DType::F64)] {
        let slope = grad(|a: &Array| np::svdvals(a).sum())(&a);
        assert!(slope.is_finite().all().item::<bool>(), "{slope:?}");
        let slope = grad(|a: &Array| {
            let (u, s, vh) = np::svd(a, false);
            ((u * s).matmul(vh) * matrix(&[a.shape()[0], a.shape()[1]], DType::F64, 4.0)).sum()
        })(&a);
        assert!(slope.is_finite().all().item::<bool>(), "{slope:?}");
    }
}

/// Compiles a program's text for the CPU and runs it.
fn run(text: &str, args: &[Array], types: &[cotangent::Aval]) -> Vec<Array> {
    let client = xla::Client::cpu().unwrap();
    let shape = |x: &Array| {
        let ty = match x.dtype() {
            DType::F64 => xla::ElementType::F64,
            DType::C128 => xla::ElementType::C128,
            _ => xla::ElementType::S32,
        };
        xla::ArrayShape::new(ty, x.shape().iter().map(|d| *d as i64).collect::<Vec<_>>())
    };
    let shapes: Vec<_> = args.iter().map(shape).collect();
    let program = client.compile(text, &shapes, &goldens_lib::quickly()).unwrap();
    let buffers =
        args.iter().zip(&shapes).map(|(x, shape)| client.buffer_from_host(&x.to_bytes().unwrap(), shape).unwrap());
    let buffers: Vec<_> = buffers.collect();
    let results = program.execute(&buffers.iter().collect::<Vec<_>>()).unwrap();
    let parts = results.iter().zip(types);
    parts.map(|(x, aval)| Array::from_bytes(x.to_vec().unwrap(), aval.dtype, &aval.shape).unwrap()).collect()
}

/// Runs a program on the CPU as it is lowered for a GPU.
fn as_on_a_gpu(f: impl Fn(&Array) -> Vec<Array> + Send + Sync, a: &Array) -> Vec<Array> {
    let exported = jit(&f).lower((a,)).unwrap().export_for(cotangent::Platform::Cuda).unwrap();
    let types: Vec<_> = f(a).iter().map(Array::aval).collect();
    run(exported.stablehlo(), std::slice::from_ref(a), &types)
}

/// A program as JAX 0.10.2 exports it: matrices are column-major, and results reuse the memory of operands.
#[test]
fn a_program_of_jax_runs() {
    let alias = |result: &str, operand: usize| {
        format!(
            "#stablehlo.output_operand_alias<output_tuple_indices = [{result}], operand_index = {operand}, \
             operand_tuple_indices = []>"
        )
    };
    let (m, v) = ("dense<[0, 1]> : tensor<2xindex>", "dense<0> : tensor<1xindex>");
    let call = |name: &str, config: &str, aliases: String, operands: &[&str], results: &[&str]| {
        format!(
            "@lapack_z{name}_ffi(ARGS) {{backend_config = \"\", mhlo.backend_config = {{{config}}}, \
             mhlo.frontend_attributes = {{num_batch_dims = \"0\"}}, operand_layouts = [{}], \
             output_operand_aliases = [{aliases}], result_layouts = [{}]}}",
            operands.join(", "),
            results.join(", ")
        )
    };
    let geqrf = call("geqrf", "", alias("0", 0), &[m], &[m, v]).replace("ARGS", "%arg0");
    let geqp3 = call("geqp3", "", [alias("0", 0), alias("1", 1)].join(", "), &[m, v], &[m, v, v])
        .replace("ARGS", "%arg0, %arg1");
    let ungqr = call("ungqr", "", alias("", 0), &[m, v], &[m]).replace("ARGS", "%0#0, %0#1");
    let unmqr = call("unmqr", "left = true, transpose = true", alias("", 2), &[m, v, m], &[m])
        .replace("ARGS", "%0#0, %0#1, %arg0");
    let scalar = "dense<> : tensor<0xindex>";
    let gesdd =
        |name| call(name, "mode = 83 : ui8", alias("0", 0), &[m], &[m, v, m, m, scalar]).replace("ARGS", "%arg0");
    let (a, t, k) = ("tensor<4x3xcomplex<f64>>", "tensor<3xcomplex<f64>>", "tensor<3xi32>");
    let (s, w, i) = ("tensor<3xf64>", "tensor<3x3xcomplex<f64>>", "tensor<i32>");
    let text = format!(
        "module @jit_f {{
           func.func public @main(%arg0: {a}, %arg1: {k}) -> ({a}, {t}, {a}, {a}, {a}, {k}, {s}, {s}, {i}) {{
             %0:2 = stablehlo.custom_call {geqrf} : ({a}) -> ({a}, {t})
             %1 = stablehlo.custom_call {ungqr} : ({a}, {t}) -> {a}
             %2 = stablehlo.custom_call {unmqr} : ({a}, {t}, {a}) -> {a}
             %3:3 = stablehlo.custom_call {geqp3} : ({a}, {k}) -> ({a}, {k}, {t})
             %4:5 = stablehlo.custom_call {} : ({a}) -> ({a}, {s}, {a}, {w}, {i})
             %5:5 = stablehlo.custom_call {} : ({a}) -> ({a}, {s}, {a}, {w}, {i})
             return %0#0, %0#1, %1, %2, %3#0, %3#1, %4#1, %5#1, %4#4 : {a}, {t}, {a}, {a}, {a}, {k}, {s}, {s}, {i}
           }}
         }}",
        gesdd("gesdd"),
        gesdd("gesvd")
    );
    // Creates this process's client, which registers LAPACK's routines.
    let x = matrix(&[4, 3], DType::C128, 1.0);
    let numbers = Array::from([0, 1, 0]);
    let (packed, taus) = ll::geqrf(&x);
    let (pivoted, pivots, _) = ll::geqp3(&x, &numbers);
    let values = np::svdvals(&x);
    let expected = vec![
        packed.clone(),
        taus.clone(),
        ll::householder_product(&packed, &taus),
        ll::ormqr(&packed, &taus, &x, true, true),
        pivoted,
        pivots,
        values.clone(),
        values,
        Array::from(0),
    ];
    let types: Vec<_> = expected.iter().map(Array::aval).collect();
    for (i, (x, y)) in run(&text, &[x, numbers], &types).iter().zip(&expected).enumerate() {
        assert!(norm(&(x - y)) < 1e-14, "result {i}: {x:?} instead of {y:?}");
    }
}

#[test]
fn programs_for_a_gpu_compute_the_same() {
    for dtype in [DType::F64, DType::C128] {
        for shape in [&[5, 3][..], &[3, 5], &[2, 4, 3], &[1, 1]] {
            let a = matrix(shape, dtype, 1.0);
            let n = shape[shape.len() - 1];
            let numbers = move || {
                let fixed: Vec<i32> = (0..n as i32).map(|i| i % 2).collect();
                Array::from(fixed).broadcast_to([&shape[..shape.len() - 2], &[n]].concat())
            };
            let check = |name: &str, f: &(dyn Fn(&Array) -> Vec<Array> + Send + Sync)| {
                for (i, (x, y)) in as_on_a_gpu(f, &a).iter().zip(f(&a)).enumerate() {
                    let difference = norm(&(x.astype(y.dtype()) - &y));
                    assert!(difference < 1e-12, "{name} of {}, result {i}: {x:?} instead of {y:?}", a.aval());
                }
            };
            check("qr", &|a| pair(ll::qr(a, false)));
            check("full qr", &|a| pair(ll::qr(a, true)));
            check("geqp3", &|a| triple(ll::geqp3(a, numbers())));
            check("pivoting qr", &|a| triple(ll::qr_pivoting(a, false)));
            check("svd", &|a| invariant(ll::svd(a, &SvdOptions { full_matrices: false, ..SvdOptions::default() })));
            check("full svd", &|a| {
                let (u, s, vh) = ll::svd(a, &SvdOptions::default());
                let h = |x: &Array| if x.dtype().is_complex() { x.moveaxis(-1, -2).conj() } else { x.moveaxis(-1, -2) };
                [vec![h(&u).matmul(&u), vh.matmul(h(&vh))], invariant((u, s, vh))].concat()
            });
            check("singular values", &|a| vec![ll::singular_values(a, &SvdOptions::default())]);
            check("ormqr", &|a| {
                let (packed, taus) = ll::geqrf(a);
                [true, false].map(|transpose| ll::ormqr(&packed, &taus, a, true, transpose)).to_vec()
            });
        }
    }
    // A deficient rank and NaN.
    let low = Array::from(vec![1.0, 2.0, 3.0, 2.0, 4.0, 6.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0]).reshape([4, 3]);
    let parts = |a: &Array| {
        let (u, s, vh) = ll::svd(a, &SvdOptions::default());
        let k = s.shape()[0];
        let whole = (u.slice_axis(1, 0, k) * &s).matmul(vh.slice_axis(0, 0, k));
        vec![u.t().matmul(&u), vh.t().matmul(&vh), whole, s]
    };
    for (x, y) in as_on_a_gpu(parts, &low).iter().zip(parts(&low)) {
        assert!(norm(&(x - &y)) < 1e-12, "{x:?} instead of {y:?}");
    }
    let nan = Array::from(vec![f64::NAN, 1.0, 2.0, 3.0, 4.0, 5.0]).reshape([2, 3]);
    let nan = as_on_a_gpu(parts, &nan);
    assert!(nan.iter().all(|x| !x.is_finite().any().item::<bool>()), "{nan:?}");
}

#[test]
fn numbers_that_are_not_finite_end_in_nan() {
    for dtype in [DType::F32, DType::F64, DType::C64, DType::C128] {
        for bad in [f64::NAN, f64::INFINITY] {
            for (m, n) in [(3, 3), (40, 20), (20, 40)] {
                let a = matrix(&[m, n], dtype, 1.0).at((1, 1)).set(bad);
                let (u, s, vh) = np::svd(&a, false);
                for x in [u, s, vh, np::svdvals(&a), np::pinv(&a)] {
                    assert!(!x.is_finite().any().item::<bool>(), "{dtype} {bad}");
                }
                let (_, r) = np::qr(&a);
                let (_, _, p) = ll::qr_pivoting(&a, false);
                assert!(!r.is_finite().all().item::<bool>());
                let mut order = p.to_vec::<i32>();
                order.sort_unstable();
                assert_eq!(order, (0..n as i32).collect::<Vec<_>>());
            }
        }
    }
}

/// Sizes at which blocks of reflections are applied, and numbers near the ends of the range.
#[test]
fn large_and_extreme_matrices_are_decomposed() {
    for (dtype, eps) in [(DType::F32, 6e-8), (DType::F64, 1.1e-16), (DType::C64, 6e-8), (DType::C128, 1.1e-16)] {
        // What is returned in 32 bits was computed in 64.
        let svd = if dtype.real() == DType::F32 { 30.0 } else { 1000.0 };
        for (m, n) in [(33, 33), (130, 100), (100, 130), (257, 40)] {
            for exponent in [0, -140, 120] {
                if exponent != 0 && dtype.real() == DType::F32 {
                    continue;
                }
                let a = matrix(&[m, n], dtype, 1.0) * 10f64.powi(exponent);
                let scale = 2.0 * eps * (m as f64) * 10f64.powi(exponent);
                let h = |x: &Array| if dtype.is_complex() { x.t().conj() } else { x.t() };
                for full in [false, true] {
                    let (q, r) = ll::qr(&a, full);
                    assert!(norm(&(q.matmul(&r) - &a)) < scale, "qr {m} {n} {dtype} {exponent}");
                    let k = q.shape()[1];
                    let unit = h(&q).matmul(&q) - cotangent::numpy::eye_as(k, k, 0, dtype);
                    assert!(norm(&unit) < eps * 30.0, "qr {m} {n} {dtype} {exponent}: {}", norm(&unit));
                    let (q, r, p) = ll::qr_pivoting(&a, full);
                    let exchanged = cotangent::numpy::take_axis(&a, &p, 1);
                    assert!(norm(&(q.matmul(&r) - exchanged)) < scale, "qr_pivoting {m} {n} {dtype} {exponent}");
                    let (u, s, vh) = np::svd(&a, full);
                    let k = m.min(n);
                    let whole = (u.slice_axis(1, 0, k) * s.astype(dtype)).matmul(vh.slice_axis(0, 0, k));
                    assert!(norm(&(whole - &a)) < svd * eps * norm(&s), "svd {m} {n} {dtype} {exponent}");
                    let unit = h(&u).matmul(&u) - cotangent::numpy::eye_as(u.shape()[1], u.shape()[1], 0, dtype);
                    assert!(norm(&unit) < eps * svd, "svd {m} {n} {dtype} {exponent}: {}", norm(&unit));
                }
                let (packed, taus) = ll::geqrf(&a);
                let c = ll::ormqr(&packed, &taus, &a, true, true);
                let below = norm(&cotangent::numpy::tril_k(&c, -1));
                assert!(below < scale, "ormqr {m} {n} {dtype}: {below} of {scale}");
            }
        }
    }
}

#[test]
fn matrices_without_elements() {
    let shapes = |parts: &[&Array]| parts.iter().map(|x| x.shape().to_vec()).collect::<Vec<_>>();
    for (m, n) in [(0usize, 3usize), (3, 0), (0, 0)] {
        let a = cotangent::numpy::zeros([2, m, n]);
        let k = m.min(n);
        for full in [false, true] {
            let inner = if full { m } else { k };
            let (q, r, p) = ll::qr_pivoting(&a, full);
            assert_eq!(shapes(&[&q, &r, &p]), [vec![2, m, inner], vec![2, inner, n], vec![2, n]]);
            assert_eq!(p.at((0,)).get().to_vec::<i32>(), (0..n as i32).collect::<Vec<_>>());
            let (q, r) = ll::qr(&a, full);
            assert_eq!(shapes(&[&q, &r]), [vec![2, m, inner], vec![2, inner, n]]);
            let (u, s, vh) = np::svd(&a, full);
            let right = if full { n } else { k };
            assert_eq!(shapes(&[&u, &s, &vh]), [vec![2, m, inner], vec![2, k], vec![2, right, n]]);
        }
        assert_eq!(np::pinv(&a).shape(), [2, n, m]);
        assert_eq!(np::matrix_rank(&a).to_vec::<i32>(), [0, 0]);
        assert_eq!(grad(|a: &Array| np::svdvals(a).sum())(&a).shape(), a.shape());
    }
}

#[test]
fn errors_name_what_is_wrong() {
    let a = cotangent::numpy::ones([2, 3]);
    let options = SvdOptions { subset_by_index: Some((0, 1)), ..SvdOptions::default() };
    let error = eval_shape(|a: &Array| ll::svd(a, &options).1).try_call((&a,)).unwrap_err().to_string();
    assert!(error.contains("full_matrices: false"), "{error}");
    let options = SvdOptions { full_matrices: false, ..options };
    assert_eq!(ll::svd(&a, &options).0.shape(), [2, 1]);
    assert_eq!(ll::singular_values(&a, &options).shape(), [1]);
    let error = eval_shape(|a: &Array| ll::ormqr(a, cotangent::numpy::ones(2), a.t(), true, false))
        .try_call((&a,))
        .unwrap_err()
        .to_string();
    assert!(error.contains("act on 2 rows"), "{error}");
    let error = eval_shape(|a: &Array| np::cond_p(a, 1.0)).try_call((&a,)).unwrap_err().to_string();
    assert!(error.contains("square"), "{error}");
}
