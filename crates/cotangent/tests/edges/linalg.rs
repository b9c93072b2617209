//! Linear algebra: elements that are not read, and systems without a solution.

use cotangent::extend::bind1;
use cotangent::extend::primitives::Cholesky;
use cotangent::lax::linalg::{TriangularSolve, triangular_solve};
use cotangent::prelude::*;
use cotangent::scipy::linalg;
use cotangent::{Aval, Exported, Loaded, Platform};
use num_complex::Complex64;

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
                // The derivative with respect to elements that are not read is zero; elsewhere it equals that of a
                // matrix without garbage.
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

/// The derivatives in the triangle that is read agree with numeric differences.
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

/// Returns numbers in (−1, 1), the same for each seed.
fn numbers(count: usize, seed: u64) -> Vec<Complex64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / f64::from(1 << 30) - 1.0
    };
    (0..count).map(|_| Complex64::new(next(), next())).collect()
}

fn array(numbers: &[Complex64], shape: &[usize], dtype: DType) -> Array {
    let x = Array::from(numbers.to_vec()).reshape(shape);
    if dtype.is_complex() { x.astype(dtype) } else { x.real().astype(dtype) }
}

fn elements(x: &Array) -> Vec<Complex64> {
    x.astype(DType::C128).to_vec()
}

/// Returns the X with op(A) X = B or X op(A) = B, solved row by row in real or complex arithmetic. The batch holds n×n
/// and n×m matrices, or m×n ones if A is on the right.
fn substitution(
    a: &[Complex64],
    b: &[Complex64],
    [n, m]: [usize; 2],
    how: &TriangularSolve,
    complex: bool,
) -> Vec<Complex64> {
    let part = |x: Complex64| if complex { x } else { x.re.into() };
    let quotient = |x: Complex64, y: Complex64| if complex { x / y } else { (x.re / y.re).into() };
    let product = |x: Complex64, y: Complex64| if complex { x * y } else { (x.re * y.re).into() };
    let mut x = b.to_vec();
    for (a, x) in a.chunks(n * n).zip(x.chunks_mut(n * m)) {
        let conj = |z: Complex64| if how.conjugate_a { z.conj() } else { z };
        // X op(A) = B is op(A)ᵀ Xᵀ = Bᵀ.
        let transposed = how.transpose_a == how.left_side;
        let at = |i: usize, j: usize| part(conj(if transposed { a[j * n + i] } else { a[i * n + j] }));
        let lower = how.lower != transposed;
        for column in 0..m {
            let place = |i: usize| if how.left_side { i * m + column } else { column * n + i };
            for step in 0..n {
                let i = if lower { step } else { n - 1 - step };
                let known = if lower { 0..i } else { i + 1..n };
                let rest = known.fold(part(x[place(i)]), |rest, j| rest - product(at(i, j), x[place(j)]));
                x[place(i)] = if how.unit_diagonal { rest } else { quotient(rest, at(i, i)) };
            }
        }
    }
    x
}

/// Returns a regular triangular matrix, and singular ones with a zero at the start, in the middle and at the end of the
/// diagonal. The other triangle is NaN.
fn triangles(n: usize, lower: bool) -> Vec<Complex64> {
    let zeros = [None, Some(0), Some(n / 2), Some(n - 1)];
    let one = |(k, zero): (usize, &Option<usize>)| {
        let mut a = numbers(n * n, k as u64 + 7);
        for (at, x) in a.iter_mut().enumerate() {
            let (i, j) = (at / n, at % n);
            *x = match (i == j, (i > j) == lower) {
                (true, _) if *zero == Some(i) => 0.0.into(),
                (true, _) => *x + 2.0,
                (false, true) => *x / n as f64,
                (false, false) => f64::NAN.into(),
            };
        }
        a
    };
    zeros.iter().enumerate().flat_map(one).collect()
}

#[test]
fn singular_systems_give_what_substitution_gives() {
    let flags = [false, true];
    for dtype in [DType::F32, DType::F64, DType::C64, DType::C128] {
        for bits in 0..32 {
            let bit = |k: usize| flags[(bits >> k) & 1];
            let how = TriangularSolve {
                left_side: bit(0),
                lower: bit(1),
                transpose_a: bit(2),
                conjugate_a: bit(3),
                unit_diagonal: bit(4),
            };
            // The conjugate of a real matrix is the matrix itself.
            if how.conjugate_a && !dtype.is_complex() {
                continue;
            }
            for [n, m] in [[40, 3], [3, 1], [1, 2]] {
                let (a, mut b) = (triangles(n, how.lower), numbers(4 * n * m, 1));
                // With a right-hand side of zero, 0/0 is NaN.
                b[3 * n * m..].fill(0.0.into());
                let shape = if how.left_side { [4, n, m] } else { [4, m, n] };
                let x = triangular_solve(array(&a, &[4, n, n], dtype), array(&b, &shape, dtype), &how);
                let wanted = substitution(&a, &b, [n, m], &how, dtype.is_complex());
                let tolerance = if matches!(dtype, DType::F32 | DType::C64) { 1e-5 } else { 1e-13 };
                let fits = |x: f64, wanted: f64| {
                    x == wanted
                        || x.is_nan() && wanted.is_nan()
                        || (x - wanted).abs() <= tolerance * (1.0 + wanted.abs())
                };
                let mut infinite = 0;
                for (k, (x, wanted)) in elements(&x).iter().zip(&wanted).enumerate() {
                    infinite += usize::from(wanted.re.is_infinite());
                    // In a complex quotient by zero both parts are NaN, as in LAPACK.
                    let good = if dtype.is_complex() && !wanted.is_finite() {
                        x.re.is_nan() && x.im.is_nan()
                    } else {
                        fits(x.re, wanted.re) && fits(x.im, wanted.im)
                    };
                    assert!(good, "{dtype} {how:?} n = {n}, element {k}: {x} instead of {wanted}");
                }
                assert!(dtype.is_complex() || how.unit_diagonal || infinite > 0);
            }
        }
    }
}

/// JAX's results, computed by LAPACK.
#[test]
fn singular_systems_as_in_jax() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for dtype in [DType::F32, DType::F64] {
        let a = Array::from([[2.0, 0.0, 0.0], [1.0, 0.0, 0.0], [3.0, 4.0, 5.0]]).astype(dtype);
        let solve = |b: [f64; 3], how: TriangularSolve| {
            floats(&triangular_solve(&a, Array::from(b.to_vec()).astype(dtype), &how))
        };
        let how = TriangularSolve::lower(true);
        let same = |x: &[f64], y: &[f64]| {
            x.iter().zip(y).all(|(x, y)| (x - y).abs() < 1e-7 || x == y || x.is_nan() && y.is_nan())
        };
        for (b, how, wanted) in [
            ([2.0, 5.0, 1.0], how.clone(), [1.0, inf, -inf]),
            ([2.0, 1.0, 1.0], how.clone(), [1.0, nan, nan]),
            ([0.0, 0.0, 0.0], how.clone(), [0.0, nan, nan]),
            ([2.0, 5.0, 1.0], TriangularSolve::lower(false), [-inf, inf, 0.2]),
            ([2.0, 5.0, 1.0], TriangularSolve { transpose_a: true, ..how }, [-inf, inf, 0.2]),
        ] {
            let x = solve(b, how.clone());
            assert!(same(&x, &wanted), "{dtype} {b:?} {how:?}: {x:?}");
        }
    }
}

/// The reciprocals of these numbers, and products with them, are beyond the range; the solutions are not.
#[test]
fn systems_at_the_ends_of_the_range() {
    let how = TriangularSolve::lower(true);
    for (dtype, tiny, huge) in [(DType::F32, 2e-38, 1e38), (DType::F64, 4e-308, 1e308), (DType::C128, 1e-200, 1e200)] {
        for (a, b, wanted) in [
            ([[1.0, 0.0], [1.0, tiny]], [4.0, 4.0], [4.0, 0.0]),
            ([[tiny, 0.0], [huge, 1.0]], [0.0, 3.0], [0.0, 3.0]),
            ([[huge, 0.0], [huge, huge]], [huge, huge], [1.0, 0.0]),
            ([[tiny, 0.0], [0.0, tiny]], [tiny, 2.0 * tiny], [1.0, 2.0]),
        ] {
            let x = triangular_solve(Array::from(a).astype(dtype), Array::from(b.to_vec()).astype(dtype), &how);
            assert_eq!(floats(&x.real()), wanted, "{dtype} {a:?}");
        }
    }
}

/// Returns a Hermitian positive definite matrix.
fn positive(n: usize, dtype: DType) -> Array {
    let g = array(&numbers(n * n, 3), &[n, n], if dtype.is_complex() { DType::C128 } else { DType::F64 });
    let adjoint = if dtype.is_complex() { g.t().conj() } else { g.t() };
    (g.matmul(adjoint) / n as f64 + np::identity(n)).astype(dtype)
}

/// Returns the largest error of A X relative to the largest element of B, computed in doubles.
fn residual(a: &Array, x: &Array, b: &Array) -> f64 {
    let [a, x, b] = [a, x, b].map(|x| x.astype(if x.dtype().is_complex() { DType::C128 } else { DType::F64 }));
    ((a.matmul(x) - &b).abs().max() / b.abs().max()).item::<f64>()
}

/// Residuals are as small as LAPACK's: 2e-7 in JAX for 200 rows in f32, where inverted diagonal blocks would lead to
/// 1e-5.
#[test]
fn residuals_are_those_of_lapack() {
    for (dtype, limit) in [(DType::F32, 1e-6), (DType::C64, 1e-6), (DType::F64, 5e-15), (DType::C128, 5e-15)] {
        for n in [1, 2, 7, 33, 200] {
            let a = positive(n, dtype);
            let l = bind1(Cholesky, &[&a]);
            let adjoint = if dtype.is_complex() { l.t().conj() } else { l.t() };
            let found = residual(&l, &adjoint, &a);
            assert!(found < limit, "{dtype} n = {n}: {found:e}");
            let b = array(&numbers(n * n, 5), &[n, n], dtype);
            let how = TriangularSolve::lower(true);
            let found = residual(&l, &triangular_solve(&l, &b, &how), &b);
            assert!(found < limit, "{dtype} n = {n}: {found:e}");
            let x = triangular_solve(&l, &b, &TriangularSolve { left_side: false, ..how });
            let found = residual(&x, &l, &b);
            assert!(found < limit, "{dtype} n = {n} from the right: {found:e}");
        }
    }
}

#[test]
fn what_is_not_positive_definite_is_nan_and_its_neighbors_are_not() {
    let nan = f64::NAN;
    for dtype in [DType::F32, DType::F64, DType::C64, DType::C128] {
        let stack: [[[f64; 3]; 3]; 6] = [
            [[4.0, nan, nan], [2.0, 10.0, nan], [1.0, 3.0, 6.0]],
            [[4.0, 0.0, 0.0], [2.0, 1.0, 0.0], [1.0, 3.0, 6.0]],
            [[4.0, 0.0, 0.0], [nan, 10.0, 0.0], [1.0, 3.0, 6.0]],
            [[4.0, 0.0, 0.0], [2.0, 10.0, 0.0], [1.0, 3.0, nan]],
            [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [[9.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 1.0]],
        ];
        let stack = Array::from(stack.as_flattened().as_flattened().to_vec()).reshape([6, 3, 3]);
        let l = bind1(Cholesky, &[&stack.astype(dtype)]);
        let l = floats(&l.real());
        let known = [
            [2.0, 0.0, 0.0, 1.0, 3.0, 0.0, 0.5, 2.5 / 3.0, 5.055_555_555_555_555_f64.sqrt()],
            [3.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0],
        ];
        for (found, wanted) in [&l[..9], &l[45..]].iter().zip(&known) {
            assert!(found.iter().zip(wanted).all(|(x, y)| (x - y).abs() < 1e-6), "{dtype}: {found:?}");
        }
        for bad in l[9..45].chunks(9) {
            for (k, x) in bad.iter().enumerate() {
                assert!(if k % 3 > k / 3 { *x == 0.0 } else { x.is_nan() }, "{dtype}: {bad:?}");
            }
        }
    }
    // The diagonal of a Hermitian matrix is real, so imaginary parts there are not read.
    let a = array(&[Complex64::new(4.0, 3.0)], &[1, 1], DType::C128);
    assert_eq!(elements(&bind1(Cholesky, &[&a])), [Complex64::new(2.0, 0.0)]);
}

#[test]
fn empty_matrices_and_batches() {
    for dtype in [DType::F32, DType::C128] {
        let zeros = |shape: &[usize]| np::zeros(shape).astype(dtype);
        for shape in [&[0, 3, 3][..], &[2, 0, 0], &[0, 0]] {
            assert_eq!(bind1(Cholesky, &[&zeros(shape)]).shape(), shape);
        }
        for (a, b) in
            [(&[3, 3][..], &[3, 0][..]), (&[0, 0], &[0, 2]), (&[0, 3, 3], &[0, 3, 2]), (&[2, 0, 0], &[2, 0, 1])]
        {
            assert_eq!(triangular_solve(zeros(a), zeros(b), &TriangularSolve::lower(true)).shape(), b);
        }
    }
}

/// The results are equal wherever they are computed: in a batch, a loop, a conditional, beside a callback, from
/// serialized bytes, and from exported text.
#[test]
fn factors_and_solutions_in_every_kind_of_program() {
    let a = positive(5, DType::F64);
    let b = array(&numbers(5, 9), &[5], DType::F64);
    let solve = |a: &Array, b: &Array| {
        let l = linalg::cholesky(a, true);
        triangular_solve(&l, b, &TriangularSolve::lower(true))
    };
    let wanted = floats(&solve(&a, &b));
    let same = |x: &Array, what: &str| {
        let x = floats(x);
        assert!(x.iter().zip(&wanted).all(|(x, y)| (x - y).abs() < 1e-14), "{what}: {x:?} instead of {wanted:?}");
    };
    let f = jit(solve);
    same(&f(&a, &b), "jit");
    let (many_a, many_b) = (np::stack([&a, &a], 0), np::stack([&b, &b], 0));
    for x in [
        vmap(solve)(&many_a, &many_b),
        vmap(|a: &Array| solve(a, &b))(&many_a),
        vmap(|b: &Array| solve(&a, b))(&many_b),
        jit(vmap(solve))(&many_a, &many_b),
    ] {
        same(&x.at((1,)).get(), "vmap");
    }
    let looped = jit(|a: &Array, b: &Array| {
        lax::fori_loop(0, 3, |_: &Array, x: &Array| solve(&(a + 0.0 * x.sum()), b), b.clone())
    });
    same(&looped(&a, &b), "loop");
    let chosen = jit(|a: &Array, b: &Array| lax::cond(b.sum().greater(-100.0), || solve(a, b), || b.clone()));
    same(&chosen(&a, &b), "cond");
    let mixed = jit(|a: &Array, b: &Array| {
        solve(a, &cotangent::pure_callback(Aval::new(DType::F64, [5]), |x: &Array| x.clone(), b))
    });
    same(&mixed(&a, &b), "beside a callback");
    let lowered = f.lower((&a, &b)).unwrap();
    let args = (a.clone(), b.clone());
    let loaded = Loaded::from_bytes(&lowered.compile().unwrap().serialize().unwrap()).unwrap();
    same(&loaded.call(&args).unwrap()[0], "from bytes");
    let exported = Exported::parse(lowered.export().unwrap().to_string().as_bytes()).unwrap();
    same(&exported.compile().unwrap().call(&args).unwrap()[0], "from text");
    // Derivatives against numeric differences.
    let loss = |a: &Array| solve(a, &b).sum();
    let slope = floats(&grad(loss)(&a));
    for k in [0, 5, 24] {
        let mut step = vec![0.0; 25];
        step[k] = 1e-6;
        let step = Array::from(step).reshape([5, 5]);
        let numeric = (loss(&(&a + &step)) - loss(&(&a - &step))).item::<f64>() / 2e-6;
        assert!((slope[k] - numeric).abs() < 1e-8, "{k}: {} against {numeric}", slope[k]);
    }
}

/// A program for a GPU contains XLA's own operations and names its platform.
#[test]
fn programs_are_lowered_for_their_platform() {
    let f = jit(|a: &Array| {
        let l = lax::linalg::cholesky(a);
        triangular_solve(&l, a, &TriangularSolve::lower(true))
    });
    let lowered = f.lower((&positive(3, DType::F32),)).unwrap();
    let text = lowered.export_for(Platform::Cuda).unwrap();
    for (operation, here) in [
        ("lapack_spotrf_ffi", true),
        ("lapack_strsm_ffi", true),
        ("stablehlo.cholesky", false),
        ("stablehlo.triangular_solve", false),
    ] {
        assert_eq!(lowered.stablehlo().contains(operation), here, "{operation}");
        assert_eq!(lowered.export().unwrap().stablehlo().contains(operation), here, "{operation}");
        assert_eq!(text.stablehlo().contains(operation), !here, "{operation}");
    }
    let again = Exported::parse(text.to_string().as_bytes()).unwrap();
    assert_eq!(again.platform(), Some(Platform::Cuda));
    let error = again.compile().unwrap_err().to_string();
    assert!(error.contains("exported for Cuda") && error.contains("export_for(Platform::Cpu)"), "{error}");
}

/// Programs as JAX 0.10.2 exports them: matrices are column-major, and results reuse the memory of operands.
#[test]
fn programs_of_jax_run() {
    // Creates this process's client, which registers LAPACK's routines.
    let _ = Array::from(vec![1.0f32]).sum().item::<f32>();
    let client = xla::Client::cpu().unwrap();
    let run = |text: &str, args: &[(&[f32], &[i64])]| -> Vec<Vec<f32>> {
        let shapes: Vec<_> = args.iter().map(|(_, dims)| xla::ArrayShape::new(xla::ElementType::F32, *dims)).collect();
        let program = client.compile(text, &shapes, &xla::CompileOptions::default()).unwrap();
        let buffers: Vec<_> = (args.iter().zip(&shapes))
            .map(|((x, _), shape)| client.buffer_from_host(bytemuck::cast_slice(x), shape).unwrap())
            .collect();
        let results = program.execute(&buffers.iter().collect::<Vec<_>>()).unwrap();
        results
            .iter()
            .map(|x| x.to_vec().unwrap().chunks(4).map(|x| f32::from_ne_bytes(x.try_into().unwrap())).collect())
            .collect()
    };
    let potrf = r#"module @jit_f {
      func.func public @main(%arg0: tensor<3x3xf32>) -> (tensor<3x3xf32>, tensor<i32>) {
        %4:2 = stablehlo.custom_call @lapack_spotrf_ffi(%arg0) {backend_config = "", mhlo.backend_config = {uplo = 76 : ui8}, mhlo.frontend_attributes = {num_batch_dims = "0"}, operand_layouts = [dense<[0, 1]> : tensor<2xindex>], output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [0], operand_index = 0, operand_tuple_indices = []>], result_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<> : tensor<0xindex>]} : (tensor<3x3xf32>) -> (tensor<3x3xf32>, tensor<i32>)
        return %4#0, %4#1 : tensor<3x3xf32>, tensor<i32>
      }
    }"#;
    let results = run(potrf, &[(&[4.0, 7.0, 7.0, 2.0, 10.0, 7.0, 1.0, 3.0, 6.0], &[3, 3])]);
    let wanted = [2.0, 1.0, 3.0, 0.5, 2.5 / 3.0, 5.055_555_5_f32.sqrt()];
    for (k, wanted) in [0, 3, 4, 6, 7, 8].into_iter().zip(wanted) {
        assert!((results[0][k] - wanted).abs() < 1e-6, "{k}: {:?}", results[0]);
    }
    assert_eq!(results[1], [0.0]);
    let trsm = r#"module @jit_f {
      func.func public @main(%arg0: tensor<2x2x2xf32>, %arg1: tensor<2x2x3xf32>) -> tensor<2x2x3xf32> {
        %0 = stablehlo.custom_call @lapack_strsm_ffi(%arg0, %arg1) {backend_config = "", mhlo.backend_config = {diag = 78 : ui8, side = 76 : ui8, trans_x = 84 : ui8, uplo = 85 : ui8}, mhlo.frontend_attributes = {num_batch_dims = "1"}, operand_layouts = [dense<[1, 2, 0]> : tensor<3xindex>, dense<[1, 2, 0]> : tensor<3xindex>], output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [], operand_index = 1, operand_tuple_indices = []>], result_layouts = [dense<[1, 2, 0]> : tensor<3xindex>]} : (tensor<2x2x2xf32>, tensor<2x2x3xf32>) -> tensor<2x2x3xf32>
        return %0 : tensor<2x2x3xf32>
      }
    }"#;
    let a = [2.0, 1.0, 9.0, 4.0, 1.0, 0.5, 9.0, 2.0];
    let b = [2.0, 4.0, 6.0, 5.0, 10.0, 15.0, 1.0, 2.0, 3.0, 2.5, 1.0, 3.5];
    let results = run(trsm, &[(&a, &[2, 2, 2]), (&b, &[2, 2, 3])]);
    assert_eq!(results[0], [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 0.0, 1.0]);
}
