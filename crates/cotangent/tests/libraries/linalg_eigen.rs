//! Eigenvalues, Schur forms and reductions: the equations that define them.

use super::goldens_lib::matrices::adjoint;

use cotangent::lax::linalg::{self, EighOptions};
use cotangent::numpy as np;
use cotangent::prelude::*;
use cotangent::scipy;

use super::goldens_lib::{floats, quickly};

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

#[test]
fn reductions_keep_the_eigenvalues() {
    for dtype in DTYPES {
        for n in [1, 2, 3, 8, 40] {
            let (limit, what) = (40.0 * epsilon(dtype) * n as f64, format!("{dtype} {n}"));
            let a = matrices(&[2, n, n], dtype, 7 * n as u64);
            let (h, q) = scipy::linalg::hessenberg(&a, true);
            let q = q.expect("the product");
            small(&(q.matmul(&h).matmul(adjoint(&q)) - &a), limit, &what);
            small(&(adjoint(&q).matmul(&q) - unit(n, dtype)), limit, &what);
            assert_eq!(largest(&np::tril_k(&h, -2)), 0.0, "{what}");
            let a = (&a + adjoint(&a)) / 2.0;
            for lower in [true, false] {
                let (packed, d, e, taus) = linalg::tridiagonal(&a, lower);
                assert_eq!(taus.dtype(), dtype);
                let w = scipy::linalg::eigvalsh_tridiagonal(&d, &e, &scipy::linalg::Select::All);
                small(&(w - np::linalg::eigvalsh(&a)), limit, &what);
                let beside = np::linalg::diagonal(packed.at((0,)).get().real(), if lower { -1 } else { 1 });
                assert_eq!(floats(&beside), floats(&e.at((0,)).get()), "{what}");
            }
        }
    }
}

/// LAPACK's conventions, from SciPy's `lapack.dgehrd` and `dsytrd`.
#[test]
fn reductions_are_packed_as_in_lapack() {
    let a = Array::from([[1.0f64, 2.0, 3.0], [4.0, 5.0, 6.0], [3.0, 8.0, 10.0]]);
    let (packed, taus) = linalg::hessenberg(&a);
    let wanted = [1.0, -3.4, 1.2, -5.0, 13.52, -3.36, 1.0 / 3.0, -5.36, 1.48];
    small(&(np::ravel(packed) - Array::from(wanted.to_vec())), 1e-14, "packed");
    small(&(taus - Array::from([1.8, 0.0])), 1e-15, "taus");
    let a = Array::from([[1.0f64, 4.0, 3.0], [4.0, 5.0, 8.0], [3.0, 8.0, 10.0]]);
    let lower = [1.0, 4.0, 3.0, -5.0, 14.48, 8.0, 1.0 / 3.0, -4.64, 0.52];
    let (p, q, r) = (-1.1369863013698631, -1.6986301369863017, 0.18133458177251038);
    let upper = [p, q, r, 4.0, 7.136986301369863, -8.54400374531753, 3.0, 8.0, 10.0];
    for (below, wanted) in [(true, lower), (false, upper)] {
        let packed = linalg::tridiagonal(&a, below).0;
        small(&(np::ravel(packed) - Array::from(wanted.to_vec())), 1e-14, "packed");
    }
}

#[test]
fn a_part_of_the_spectrum() {
    let (d, e) = (Array::from(numbers(12, 1)), Array::from(numbers(11, 2)));
    let (all, vectors) = scipy::linalg::eigh_tridiagonal(&d, &e, &scipy::linalg::Select::All);
    let (some, columns) = scipy::linalg::eigh_tridiagonal(&d, &e, &scipy::linalg::Select::Indices(3..=7));
    assert_eq!(floats(&some), floats(&all)[3..8]);
    assert_eq!(floats(&columns), floats(&vectors.slice_axis(1, 3, 8)));
    let a = np::diag(&d) + np::diag_k(&e, 1) + np::diag_k(&e, -1);
    small(&(a.dot(&vectors) - &vectors * &all), 1e-14, "the equation");
    // The sum of the eigenvalues is that of the diagonal, and the sum of their squares has the slope 4 eᵢ.
    let squares =
        |d: &Array, e: &Array| scipy::linalg::eigvalsh_tridiagonal(d, e, &scipy::linalg::Select::All).powi(2).sum();
    let slopes = vjp(squares, (&d, &e)).1(&Array::scalar(1.0f64));
    small(&(slopes.0 - 2.0 * &d), 1e-13, "d");
    small(&(slopes.1 - 4.0 * &e), 1e-13, "e");
}

#[test]
fn the_complex_schur_form() {
    for (dtype, n) in [(DType::F32, 6), (DType::F64, 1), (DType::F64, 7), (DType::C128, 5)] {
        let a = matrices(&[2, n, n], dtype, 11);
        let (t, z) = scipy::linalg::schur(&a, scipy::linalg::Output::Real);
        let (t, z) = scipy::linalg::rsf2csf(&t, &z);
        let (limit, what) = (40.0 * epsilon(dtype) * n as f64, format!("{dtype} {n}"));
        assert_eq!(largest(&np::tril_k(&t, -1)), 0.0, "{what}");
        small(&(z.matmul(&t).matmul(adjoint(&z)) - a.astype(t.dtype())), limit, &what);
        small(&(adjoint(&z).matmul(&z) - unit(n, z.dtype())), limit, &what);
        let (t, _) = scipy::linalg::schur(&a, scipy::linalg::Output::Complex);
        assert_eq!(largest(&np::tril_k(&t, -1)), 0.0, "{what}");
    }
}

#[test]
fn sylvester_is_solved_and_differentiated() {
    for dtype in [DType::F64, DType::C128] {
        let [a, b, c] = [([2, 4, 4], 1), ([2, 3, 3], 2), ([2, 4, 3], 3)].map(|(s, seed)| matrices(&s, dtype, seed));
        let x = scipy::linalg::solve_sylvester(&a, &b, &c);
        small(&(a.matmul(&x) + x.matmul(&b) - &c), 1e-12, "the equation");
        let f = |a: &Array, b: &Array, c: &Array| scipy::linalg::solve_sylvester(a, b, c).abs().powi(2).sum();
        let steps = [4, 5, 6].map(|seed| matrices(&[2, 4, 4], dtype, seed));
        let [s, t, u] =
            [steps[0].clone(), steps[1].slice_axis(1, 0, 3).slice_axis(2, 0, 3), steps[2].slice_axis(2, 0, 3)];
        let at = |h: f64| f(&(&a + &s * h), &(&b + &t * h), &(&c + &u * h)).item::<f64>();
        let numeric = (at(1e-6) - at(-1e-6)) / 2e-6;
        let (_, back) = vjp(f, (&a, &b, &c));
        let (ga, gb, gc) = back(&Array::scalar(1.0f64));
        let product = |g: &Array, t: &Array| (g * t).sum().real().item::<f64>();
        let slope = product(&ga, &s) + product(&gb, &t) + product(&gc, &u);
        assert!((slope - numeric).abs() < 1e-6 * numeric.abs().max(1.0), "{dtype}: {slope} against {numeric}");
    }
    let singular = Array::from([[1.0f64, 2.0], [0.0, 3.0]]);
    let x = scipy::linalg::solve_sylvester(&singular, -&singular, unit(2, DType::F64));
    assert!(floats(&x).iter().all(|x| x.is_nan()));
}

/// Functions of eigenvalues and eigenvectors that depend on neither their order nor their phases.
fn invariants(a: &Array, general: bool) -> Array {
    let n = a.shape()[a.ndim() - 1];
    let weights = Array::from(numbers(n, 21));
    let part =
        |v: &Array, w: &Array| (v.abs().powi(2) * weights.expand_dims(-1) * (w * 0.7).cos().expand_dims(-2)).real();
    if !general {
        let (w, v) = np::linalg::eigh(a);
        return part(&v, &w).sum_axis([-1, -2]) + (&w * &w * &w).sum_axis(-1) + (&w * &weights).sum_axis(-1);
    }
    let (w, u, v) = linalg::eig(a, true, true);
    let (u, v) = (u.expect("left"), v.expect("right"));
    (part(&v, &w) + part(&u, &w)).sum_axis([-1, -2]) + (&w * &w * &w).real().sum_axis(-1)
}

/// Slopes against numeric differences, reverse against forward mode, second derivatives against differences of slopes,
/// and `vmap` against a loop.
#[test]
fn derivatives() {
    for general in [false, true] {
        for dtype in [DType::F64, DType::C128] {
            let what = format!("{dtype} {general}");
            let f = |a: &Array| invariants(a, general);
            let (a, t) = (matrices(&[4, 4], dtype, 31), matrices(&[4, 4], dtype, 41));
            let difference = |f: &dyn Fn(&Array) -> Array| (f(&(&a + &t * 1e-5)) - f(&(&a - &t * 1e-5))) / 2e-5;
            let slope = jvp(f, (&a,), (&t,)).1;
            small(&(&slope - difference(&f)), 1e-7, &what);
            let back = |a: &Array| grad(f)(a);
            small(&((back(&a) * &t).sum().real() - &slope), 1e-11, &what);
            let second = jvp(back, (&a,), (&t,)).1;
            small(&(second - difference(&back)), 1e-6, &what);
            let stack = matrices(&[4, 3, 4], dtype, 51);
            let mapped = vmap(f).in_axes((1,))(&stack);
            for i in 0..3 {
                let one = f(&stack.slice_axis(1, i, i + 1).reshape([4, 4]));
                small(&(mapped.at((i,)).get() - one), 1e-12, &what);
            }
        }
    }
}

/// Equal eigenvalues have slopes. The eigenvalues of the identity add up to the trace.
#[test]
fn equal_eigenvalues() {
    let a = unit(3, DType::F64);
    let slope = grad(|a: &Array| np::linalg::eigvalsh(a).exp().sum())(&a);
    small(&(slope - unit(3, DType::F64) * std::f64::consts::E), 1e-14, "eigvalsh");
    // The second matrix has an eigenvalue with two vectors, whose vectors on the left are not orthogonal to one another.
    for a in [a.clone(), Array::from([[1.0, 0.0, 5.0], [0.0, 1.0, 7.0], [0.0, 0.0, 2.0]])] {
        let slope = grad(|a: &Array| np::linalg::eigvals(a).real().sum())(&a);
        small(&(slope - unit(3, DType::F64)), 1e-13, "eigvals");
        let squares = grad(|a: &Array| np::linalg::eigvals(a).powi(2).real().sum())(&a);
        small(&(squares - a.moveaxis(0, 1) * 2.0), 1e-12, "squares of eigvals");
    }
}

#[test]
fn only_one_triangle_has_slopes() {
    let a = matrices(&[4, 4], DType::F64, 5);
    for lower in [true, false] {
        let options = EighOptions { lower, symmetrize_input: false, subset_by_index: None };
        let f = |a: &Array| linalg::eigh(a, &options).1.powi(3).sum();
        let slope = grad(f)(&a);
        let other = if lower { np::triu_k(&slope, 1) } else { np::tril_k(&slope, -1) };
        assert_eq!(largest(&other), 0.0);
        let t = matrices(&[4, 4], DType::F64, 6);
        let numeric = (f(&(&a + &t * 1e-6)) - f(&(&a - &t * 1e-6))) / 2e-6;
        small(&((slope * t).sum() - numeric), 1e-8, "numeric");
    }
}

#[test]
fn infinite_and_missing_elements() {
    for dtype in DTYPES {
        for n in [1, 3, 40] {
            for bad in [f64::NAN, f64::INFINITY] {
                let good = matrices(&[1, n, n], dtype, 1);
                let spot = np::eye_as(n, n, 0, DType::Bool);
                let both = np::concatenate([&np::where_(spot, bad, &good).astype(dtype), &good], 0);
                let results = [
                    np::linalg::eigvalsh(&both),
                    np::linalg::eigh(&both).1,
                    np::linalg::eigvals(&both),
                    np::linalg::eig(&both).1,
                    linalg::schur(&both, true).0,
                ];
                for x in results {
                    let x = floats(&x.real());
                    let (first, second) = x.split_at(x.len() / 2);
                    assert!(first.iter().all(|x| x.is_nan()), "{dtype} {n} {bad}");
                    assert!(second.iter().all(|x| x.is_finite()), "{dtype} {n} {bad}");
                }
            }
        }
        for shape in [[0, 3, 3], [2, 0, 0]] {
            let a = np::zeros_as(shape, dtype);
            assert_eq!(np::linalg::eigh(&a).1.shape(), shape);
            assert_eq!(np::linalg::eig(&a).1.shape(), shape);
            assert_eq!(linalg::schur(&a, true).0.shape(), shape);
            assert_eq!(np::linalg::eigvals(&a).shape(), &shape[..2]);
        }
    }
}

/// Magnitudes near the ends of the range neither overflow nor vanish.
#[test]
fn extreme_magnitudes() {
    for (dtype, scales) in [(DType::F32, [1e-31, 1e-25, 1e35]), (DType::F64, [1e-290, 1e-200, 1e300])] {
        let a = matrices(&[5, 5], dtype, 9);
        for scale in scales {
            for (values, wanted) in [
                (np::linalg::eigvalsh(&a * scale), np::linalg::eigvalsh(&a)),
                (np::linalg::eigvals(&a * scale).real(), np::linalg::eigvals(&a).real()),
            ] {
                small(&(values / scale - wanted), 20.0 * epsilon(dtype), &format!("{dtype} {scale}"));
            }
        }
    }
}

/// Matrices on which iterations are known to be slow, or eigenvectors do not exist.
#[test]
fn awkward_matrices() {
    let n = 12;
    let ones = np::ones_as([n, n], DType::F64);
    let shift = np::eye_as(n, n, 1, DType::F64);
    let cycle = &shift + np::eye_as(n, n, 1 - n as isize, DType::F64);
    let matrices = [
        np::zeros_as([n, n], DType::F64),
        unit(n, DType::F64),
        ones,
        shift.clone(),
        cycle,
        &shift + unit(n, DType::F64),
    ];
    for (i, a) in matrices.iter().enumerate() {
        let (t, z) = linalg::schur(a, true);
        let z = z.expect("vectors");
        small(&(z.dot(&t).dot(z.t()) - a), 1e-13, &format!("schur {i}"));
        let (w, v) = np::linalg::eig(a);
        small(&(a.astype(DType::C128).dot(&v) - v * w), 1e-12, &format!("eig {i}"));
        let a = a + a.t();
        let (w, v) = np::linalg::eigh(&a);
        small(&(a.dot(&v) - v * w), 1e-13, &format!("eigh {i}"));
    }
}

#[test]
fn errors_say_what_is_wrong() {
    fn for_gpu<P: cotangent::Params, R: Tree>(f: cotangent::Lowered<P, R>) -> cotangent::Result<cotangent::Exported> {
        f.export_for(cotangent::Platform::Cuda)
    }
    let wide = np::zeros_as([2, 3], DType::F32);
    let square = unit(2, DType::F32);
    let sum = |a: &Array| linalg::schur(a, false).0.sum();
    for (error, words) in [
        (jit(|a: &Array| np::linalg::eigh(a).0).try_call((&wide,)).err(), "square matrix"),
        (jit(|a: &Array| np::linalg::eig(a).0).try_call((&wide,)).err(), "square matrix"),
        (jit(sum).try_call((&np::zeros(3),)).err(), "two dimensions"),
        (grad(sum).try_call((&square,)).err(), "has no derivative"),
        (
            jit(|a: &Array| linalg::eig(a, false, false).0).try_call((&square.astype(DType::I32),)).err(),
            "f32, f64, c64 or c128",
        ),
        (
            jit(|a: &Array| vmap(|a: &Array| np::linalg::eigvals(a))(&a.expand_dims(0)))
                .lower((&square,))
                .and_then(for_gpu)
                .err(),
            "`eig` does not run on Cuda",
        ),
        (jit(|a: &Array| linalg::schur(a, false).0).lower((&square,)).and_then(for_gpu).err(), "linalg_eigen.rs"),
    ] {
        let error = error.expect("an error").to_string();
        assert!(error.contains(words), "{error}");
    }
}

/// The program for a GPU has XLA's own call, which XLA expands on every platform. The other decompositions are for the
/// CPU only.
#[test]
fn programs_for_gpus() {
    // Creates this process's client.
    let _ = Array::from(vec![1.0f32]).sum().item::<f32>();
    let client = xla::Client::cpu().unwrap();
    for dtype in DTYPES {
        for (n, lower) in [(1, true), (6, true), (7, false), (20, true)] {
            let a = matrices(&[2, n, n], dtype, 13);
            let a = (&a + adjoint(&a)) / 2.0;
            let options = EighOptions { lower, symmetrize_input: false, subset_by_index: None };
            let worst = |a: &Array| {
                let given = if lower { np::tril(a) } else { np::triu(a) };
                let (v, w) = linalg::eigh(&given, &options);
                let equation = (a.matmul(&v) - &v * w.expand_dims(-2)).abs().max();
                let length = (adjoint(&v).matmul(&v) - unit(n, dtype)).abs().max();
                let order =
                    if n > 1 { (w.slice_axis(1, 0, n - 1) - w.slice_axis(1, 1, n)).max() } else { w.max() * 0.0 };
                np::stack(&[equation, length, order], 0).astype(DType::F64)
            };
            let values = floats(&a.real()).into_iter().zip(floats(&a.imag())).collect::<Vec<_>>();
            let constant = |values: Vec<f64>| Array::from(values).reshape([2, n, n]);
            let parts = constant(values.iter().map(|x| x.0).collect());
            let other = constant(values.iter().map(|x| x.1).collect());
            let inputs = if dtype.is_complex() { vec![parts, other] } else { vec![parts] };
            let program = jit(|x: &Vec<Array>| match &x[..] {
                [re, im] => worst(&re.complex(im).astype(dtype)),
                x => worst(&x[0].astype(dtype)),
            });
            let text = program.lower((&inputs,)).unwrap().export_for(cotangent::Platform::Cuda).unwrap();
            assert!(text.stablehlo().contains("@Eigh") || text.stablehlo().contains("\"Eigh\""));
            let shape = xla::ArrayShape::new(xla::ElementType::F64, [2, n as i64, n as i64]);
            let shapes = vec![shape.clone(); inputs.len()];
            let buffers: Vec<_> = (inputs.iter())
                .map(|x| client.buffer_from_host(bytemuck::cast_slice(&x.to_vec::<f64>()), &shape).unwrap())
                .collect();
            let program = client.compile(text.stablehlo(), &shapes, &quickly()).unwrap();
            let results = program.execute(&buffers.iter().collect::<Vec<_>>()).unwrap();
            let bytes = results[0].to_vec().unwrap();
            let worst: Vec<f64> = bytes.chunks(8).map(|x| f64::from_ne_bytes(x.try_into().unwrap())).collect();
            let limit = 20.0 * epsilon(dtype) * n as f64;
            assert!(worst.iter().all(|x| *x <= limit), "{dtype} {n} {lower}: {worst:?}");
        }
    }
    let a = unit(2, DType::F32);
    for f in [
        (|a: &Array| np::linalg::eigvals(a)) as fn(&Array) -> Array,
        |a| linalg::schur(a, true).0,
        |a| linalg::hessenberg(a).0,
        |a| linalg::tridiagonal(a, true).0,
    ] {
        let lowered = jit(f).lower((&a,)).unwrap();
        let attempt = std::panic::AssertUnwindSafe(|| lowered.export_for(cotangent::Platform::Cuda).is_err());
        assert!(std::panic::catch_unwind(attempt).unwrap_or(true), "there is no such program for a GPU");
    }
}
