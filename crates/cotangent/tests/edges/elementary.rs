//! Elementary real functions where a formula cancels, overflows or hides a singularity.

use cotangent::prelude::*;
use cotangent::scipy::special;
use cotangent::{Element, numpy as np};

use super::goldens_lib::floats;

const FLOATS: [DType; 4] = [DType::F16, DType::BF16, DType::F32, DType::F64];

type One = fn(&Array) -> Array;
type Two = fn(&Array, &Array) -> Array;

fn epsilon(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => 2f64.powi(-10),
        DType::BF16 => 2f64.powi(-7),
        DType::F32 => f32::EPSILON.into(),
        _ => f64::EPSILON,
    }
}

#[track_caller]
fn close(what: &str, got: &Array, truth: f64, ulps: f64) {
    for got in floats(got) {
        let same = got == truth || (got.is_nan() && truth.is_nan());
        assert!(
            same || (got - truth).abs() <= ulps * epsilon(DType::F32) * truth.abs(),
            "{what}: {got:e}, not {truth:e}"
        );
    }
}

fn of(dtype: DType, x: f64) -> Array {
    Array::scalar(x).astype(dtype)
}

/// Returns the derivative of a function at a point, computed by each transform that can compute it.
fn slopes(f: One, x: &Array) -> Vec<Array> {
    let ones = np::ones(3);
    let many = x * ones.astype(x.dtype());
    let sum = move |x: &Array| f(x).sum();
    vec![
        grad(f)(x),
        jit(grad(f))(x),
        jvp(f, (x,), (&np::ones_like(x),)).1,
        grad(sum)(&many),
        vmap(grad(f))(&many),
        jit(vmap(grad(f)))(&many),
    ]
}

#[test]
fn slopes_that_cancel_or_overflow() {
    use DType::{F32, F64};
    let softplus: One = |x| np::logaddexp(x, 0.0);
    let table: [(&str, One, DType, f64, f64); 17] = [
        ("tanh", |x| x.tanh(), F32, 10.0, 8.244_614e-9),
        ("tanh", |x| x.tanh(), F32, -10.0, 8.244_614e-9),
        ("tanh", |x| x.tanh(), F64, 25.0, 7.714_999_391_855_671e-22),
        ("tanh", |x| x.tanh(), F32, 400.0, 0.0),
        ("logistic", |x| x.logistic(), F32, 20.0, 2.061_153_6e-9),
        ("logistic", |x| x.logistic(), F32, -20.0, 2.061_153_6e-9),
        ("logistic", |x| x.logistic(), F64, 700.0, 9.859_676_543_759_77e-305),
        ("expm1", |x| x.expm1(), F32, -20.0, 2.061_153_6e-9),
        ("expm1", |x| x.expm1(), F64, -40.0, 4.248_354_255_291_589e-18),
        ("softplus", softplus, F32, -30.0, 9.357_623e-14),
        ("asinh", |x| x.asinh(), F32, 1e22, 1e-22),
        ("asinh", |x| x.asinh(), F64, -1e200, 1e-200),
        ("acosh", |x| x.acosh(), F32, 1e22, 1e-22),
        ("acosh", |x| x.acosh(), F64, 1e200, 1e-200),
        ("sinc", |x| np::sinc(x), F32, 1e-4, -3.289_868e-4),
        ("sinc", |x| np::sinc(x), F64, 1e-8, -3.289_868_133_696_452e-8),
        ("abs", |x| np::hypot(x, 0.0), F32, f64::INFINITY, 1.0),
    ];
    for (name, f, dtype, x, truth) in table {
        for slope in slopes(f, &of(dtype, x)) {
            assert_eq!(slope.dtype(), dtype);
            close(&format!("{name}′({x}) in {dtype}"), &slope, truth, 8.0);
        }
    }
    // The dtype's range ends earlier: x² overflows for x ≥ 256.
    for (x, truth) in [(300.0, 1.0 / 300.0), (6e4, 1.0 / 6e4)] {
        close("asinh′ in f16", &grad(|x: &Array| x.asinh())(&of(DType::F16, x)), truth, 3e4);
        close("acosh′ in f16", &grad(|x: &Array| x.acosh())(&of(DType::F16, x)), truth, 3e4);
    }
}

/// Both derivatives are ½ where the operands are equal; second derivatives are ¼ and −¼ there, and NaN where an operand
/// is NaN.
#[test]
fn sums_of_exponentials_at_ties() {
    let table: [(&str, Two, f64); 2] =
        [("logaddexp", |x, y| np::logaddexp(x, y), 1.0), ("logaddexp2", |x, y| np::logaddexp2(x, y), 2f64.ln())];
    for (name, f, ln) in table {
        for dtype in FLOATS {
            for x in [0.0, 3.0, -100.0] {
                let x = of(dtype, x);
                let both = grad(f).argnums(args!(0, 1));
                for (dx, dy) in [both(&x, &x), jit(&*both)(&x, &x)] {
                    assert_eq!((floats(&dx), floats(&dy)), (vec![0.5], vec![0.5]), "{name} in {dtype}");
                }
                let forward = jvp(|y: &Array| f(&x, y), (&x,), (&np::ones_like(&x),)).1;
                assert_eq!(floats(&forward), [0.5], "{name} in {dtype}");
                let slope = grad(|x: &Array, y: &Array| f(x, y));
                let (xx, xy) = grad(&*slope).argnums(args!(0, 1))(&x, &x);
                let wide = epsilon(dtype) / epsilon(DType::F32);
                close(name, &xx, 0.25 * ln, 4.0 * wide);
                close(name, &xy, -0.25 * ln, 4.0 * wide);
            }
            let nan = of(dtype, f64::NAN);
            for other in [0.0, f64::INFINITY, f64::NEG_INFINITY] {
                for (x, y) in [(&nan, &of(dtype, other)), (&of(dtype, other), &nan)] {
                    let (dx, dy) = grad(f).argnums(args!(0, 1))(x, y);
                    assert!(floats(&f(x, y))[0].is_nan() && floats(&dx)[0].is_nan() && floats(&dy)[0].is_nan());
                }
            }
        }
    }
    let hundred = of(DType::BF16, 100.0);
    assert_eq!(floats(&np::logaddexp2(&hundred, &hundred)), [101.0]);
    assert_eq!(grad(|x: &Array| np::logaddexp(x, 0.0))(&0.0.into()).item::<f32>(), 0.5);
}

#[test]
fn derivatives_of_sinc_at_zero() {
    let pi = np::PI;
    for dtype in [DType::F32, DType::F64] {
        for x in [0.0, -0.0, 1e-6] {
            let x = of(dtype, x);
            let two = |x: &Array| grad(grad(|x: &Array| np::sinc(x)))(x);
            let four = grad(grad(two));
            close("sinc″", &two(&x), -pi * pi / 3.0, 4.0);
            close("sinc⁗", &four(&x), pi.powi(4) / 5.0, 8.0);
            close("sinc⁗", &jit(|x: &Array| grad(grad(two))(x))(&x), pi.powi(4) / 5.0, 8.0);
        }
        let zero = of(dtype, 0.0);
        assert_eq!(floats(&grad(|x: &Array| np::sinc(x))(&zero)), [0.0]);
        assert_eq!(floats(&grad(grad(grad(|x: &Array| np::sinc(x))))(&zero)), [0.0]);
        // The function is exactly zero at nonzero integers.
        assert_eq!(floats(&np::sinc(np::arange((1, 9)).astype(dtype))), [0.0; 8]);
    }
}

/// The derivatives of powers of zero are 0, 1, 0, 0 for the exponents 0 to 3, whatever the dtype of the exponents, and
/// whether or not they are known at trace time.
#[test]
fn powers_of_zero() {
    use DType::{I8, I16, I32, I64, U8, U16, U32, U64};
    for dtype in FLOATS {
        for exponents in [I8, I16, I32, I64, U8, U16, U32, U64, dtype] {
            let n = np::arange(4).astype(exponents);
            let x = np::zeros_as(4, dtype);
            let sum = |x: &Array, n: &Array| x.pow(n).sum();
            let by_power = |x: &Array, n: &Array| np::power(x, n).sum();
            let slope = grad(sum);
            for got in [slope(&x, &n), jit(&*slope)(&x, &n), grad(by_power)(&x, &n), vmap(grad(sum))(&x, &n)] {
                assert_eq!(floats(&got), [0.0, 1.0, 0.0, 0.0], "{dtype} to the power of {exponents}");
            }
            let second = grad(|x: &Array| grad(|x: &Array| sum(x, &n))(x).sum())(&x);
            assert_eq!(floats(&second), [0.0, 0.0, 2.0, 0.0], "{dtype} to the power of {exponents}");
            let forward = jvp(|x: &Array| x.pow(&n), (&x,), (&np::ones_like(&x),)).1;
            assert_eq!(floats(&forward), [0.0, 1.0, 0.0, 0.0]);
        }
    }
}

#[test]
fn angles_and_lengths_of_large_and_small_numbers() {
    use DType::{F32, F64};
    let angles =
        [(F32, 1e-30, 1e-30), (F32, 1e20, 1e20), (F32, -3e30, 1e25), (F64, 1e-200, -1e-200), (F64, 1e180, 1e181)];
    for (dtype, y, x) in angles {
        let (a, b) = (of(dtype, y), of(dtype, x));
        let slope = grad(|y: &Array, x: &Array| y.atan2(x)).argnums(args!(0, 1));
        // The truth is computed with scaled operands, because only f64 has the range.
        let m = x.abs().max(y.abs());
        let norm = ((x / m).powi(2) + (y / m).powi(2)) * m;
        for (dy, dx) in [slope(&a, &b), jit(&*slope)(&a, &b)] {
            close("arctan2 by y", &dy, x / m / norm, 8.0);
            close("arctan2 by x", &dx, -y / m / norm, 8.0);
        }
    }
    let half_root = std::f64::consts::FRAC_1_SQRT_2;
    for (dtype, size) in [(F32, 1e25), (F32, 1e-30), (F32, 1.0), (F64, 1e200), (F64, 1e-300), (DType::F16, 200.0)] {
        let x = of(dtype, size);
        let wide = epsilon(dtype) / epsilon(F32);
        let slope = grad(|x: &Array, y: &Array| np::hypot(x, y)).argnums(args!(0, 1));
        for (dx, dy) in [slope(&x, &x), jit(&*slope)(&x, &x)] {
            close("hypot", &dx, half_root, 4.0 * wide);
            close("hypot", &dy, half_root, 4.0 * wide);
        }
        // With a constant whose square is beyond the range.
        for constant in [Array::from(size), of(dtype, size), np::full_like(&x, size)] {
            let length = |x: &Array| np::hypot(x, &constant);
            for x in [x.clone(), x.reshape(1), np::stack([&x, &x], 0)] {
                let root = half_root * 2.0;
                close("hypot", &(length(&x) / &x), root, 4.0 * wide);
                close("hypot", &(jit(length)(&x) / &x), root, 4.0 * wide);
                for f in [grad(|x: &Array| length(x).sum()), grad(|x: &Array| np::hypot(&constant, x).sum())] {
                    close("hypot", &f(&x), half_root, 4.0 * wide);
                    close("hypot", &jit(f)(&x), half_root, 4.0 * wide);
                }
                let by_y = grad(|y: &Array| (y.atan2(&constant) * &constant).sum());
                let by_x = grad(|x: &Array| (constant.atan2(x) * &constant).sum());
                close("arctan2 by y", &by_y(&x), 0.5, 4.0 * wide);
                close("arctan2 by x", &by_x(&x), -0.5, 4.0 * wide);
                close("arctan2 by y", &jit(by_y)(&x), 0.5, 4.0 * wide);
                close("arctan2 by x", &jit(by_x)(&x), -0.5, 4.0 * wide);
            }
        }
    }
    for dtype in [F32, F64] {
        let one = of(dtype, 1.0);
        let slope = grad(|x: &Array, y: &Array| np::hypot(x, y));
        let (xx, xy) = grad(&*slope).argnums(args!(0, 1))(&one, &one);
        close("hypot", &xx, half_root / 2.0, 8.0);
        close("hypot", &xy, -half_root / 2.0, 8.0);
        let infinite = of(dtype, f64::NEG_INFINITY);
        let (dx, dy) = grad(|x: &Array, y: &Array| np::hypot(x, y)).argnums(args!(0, 1))(&infinite, &one);
        assert_eq!((floats(&dx), floats(&dy)), (vec![-1.0], vec![0.0]));
    }
}

/// Rounds a number to a dtype. Also returns whether the compiler may flush the result to zero.
fn rounded(x: f64, dtype: DType) -> (f64, bool) {
    let (v, least) = match dtype {
        DType::F16 => (half::f16::from_f64(x).to_f64(), half::f16::MIN_POSITIVE.to_f64()),
        DType::BF16 => (half::bf16::from_f64(x).to_f64(), half::bf16::MIN_POSITIVE.to_f64()),
        DType::F32 => (f64::from(x as f32), f64::from(f32::MIN_POSITIVE)),
        _ => (x, f64::MIN_POSITIVE),
    };
    (v, v != 0.0 && v.abs() <= least)
}

#[test]
fn ldexp_is_exact() {
    for dtype in FLOATS {
        let shift: Vec<i32> = (-330..330).chain([-5000, -1100, -1022, -600, 600, 1000, 1023, 1100, 5000]).collect();
        let n = Array::from(shift.clone());
        for x in [1.0, -1.5, 0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 3.0, 6e-5, -0.0] {
            let (x, _) = rounded(x, dtype);
            let got = np::ldexp(of(dtype, x), &n);
            assert_eq!(got.dtype(), dtype);
            for (got, n) in floats(&got).into_iter().zip(&shift) {
                // In steps, so that no step leaves the range before the result does.
                let exact =
                    (0..5).fold((x, *n), |(x, n), _| (x * 2f64.powi(n.clamp(-1000, 1000)), n - n.clamp(-1000, 1000))).0;
                let (truth, flushed) = rounded(exact, dtype);
                let same = got.to_bits() == truth.to_bits() || (got.is_nan() && truth.is_nan());
                assert!(same || (flushed && got == 0.0), "ldexp({x}, {n}) in {dtype} is {got:e}, not {truth:e}");
            }
        }
        let slope = grad(|x: &Array| np::ldexp(x, 5))(&of(dtype, 0.75));
        assert_eq!(floats(&slope), [32.0]);
    }
    for integers in [DType::I8, DType::I16, DType::I64, DType::U8, DType::U16, DType::U32, DType::U64] {
        let n = Array::from([0, 1, 13, 100]).astype(integers);
        assert_eq!(np::ldexp(1.0, n).to_vec::<f32>(), [1.0, 2.0, 8192.0, 2f32.powi(100)], "{integers}");
    }
    let far = Array::from(vec![i64::MIN, -(1 << 40), 1 << 40, i64::MAX]);
    assert_eq!(np::ldexp(1.0, far).to_vec::<f32>(), [0.0, 0.0, f32::INFINITY, f32::INFINITY]);
    assert_eq!(np::ldexp(Array::scalar(1.0), 1000).item::<f64>(), 2f64.powi(1000));
    assert_eq!(vmap(|n: &Array| np::ldexp(1.0, n))(&Array::from([3, -3])).to_vec::<f32>(), [8.0, 0.125]);
    let error = std::panic::catch_unwind(|| np::ldexp(1.0, 2.0)).expect_err("floats are no exponents");
    assert!(error.downcast_ref::<String>().is_some_and(|e| e.contains("ldexp: expected real numbers and integers")));
}

#[test]
fn whole_powers_of_two() {
    for (dtype, least, most) in
        [(DType::F16, -14, 15), (DType::BF16, -126, 127), (DType::F32, -126, 127), (DType::F64, -1022, 1023)]
    {
        let whole: Vec<f64> = (least..=most).map(f64::from).collect();
        let powers: Vec<f64> = (least..=most).map(|n| 2f64.powi(n)).collect();
        let (n, x) = (Array::from(whole.clone()).astype(dtype), Array::from(powers.clone()).astype(dtype));
        for (exp2, log2) in
            [(np::exp2(&n), np::log2(&x)), (jit(|n: &Array| np::exp2(n))(&n), jit(|x: &Array| np::log2(x))(&x))]
        {
            assert_eq!(floats(&exp2), powers, "{dtype}");
            assert_eq!(floats(&log2), whole, "{dtype}");
        }
    }
    let ends = Array::from([0.0f32, f32::INFINITY, -1.0, f32::NAN]);
    let logs = np::log2(&ends).to_vec::<f32>();
    assert!(logs[0] == f32::NEG_INFINITY && logs[1] == f32::INFINITY && logs[2].is_nan() && logs[3].is_nan());
    assert_eq!(np::log10(f64::INFINITY).item::<f32>(), f32::INFINITY);
    assert_eq!(np::log2(8).item::<f32>(), 3.0);
}

/// Compares the bits of the results, in all directions.
#[test]
fn the_next_number() {
    fn check<T: Element + Copy>(from_bits: fn(u64) -> T, bits: fn(T) -> u64, width: u32, digits: u32) {
        let sign = 1u64 << (width - 1);
        let infinity = ((1u64 << (width - 1 - digits)) - 1) << digits;
        let sizes = [0, 1, 2, (1 << digits) - 1, 1 << digits, infinity / 2, infinity - 1, infinity, infinity + 1];
        let all: Vec<u64> = sizes.iter().flat_map(|b| [*b, b | sign]).collect();
        // Maps the bits to integers in the order of the numbers, with one integer for both zeros.
        let place = |b: u64| if b & sign == 0 { b as i64 } else { -((b & !sign) as i64) };
        let nan = |b: u64| b & !sign > infinity;
        for x in &all {
            for y in &all {
                let one = |b: u64| Array::from(vec![from_bits(b)]);
                let got = bits(np::nextafter(one(*x), one(*y)).to_vec::<T>()[0]);
                let step = place(*x) + place(*y).cmp(&place(*x)) as i64;
                let truth = match () {
                    () if nan(*x) || nan(*y) => infinity + 1,
                    () if place(*x) == place(*y) => *y,
                    () if step < 0 || (step == 0 && place(*x) < 0) => step.unsigned_abs() | sign,
                    () => step as u64,
                };
                assert!(got == truth || (nan(got) && nan(truth)), "after {x:x} toward {y:x}: {got:x}, not {truth:x}");
            }
        }
    }
    check(|b| f32::from_bits(b as u32), |x| x.to_bits().into(), 32, 23);
    check(f64::from_bits, f64::to_bits, 64, 52);
    check(|b| half::f16::from_bits(b as u16), |x| x.to_bits().into(), 16, 10);
    check(|b| half::bf16::from_bits(b as u16), |x| x.to_bits().into(), 16, 7);
}

#[test]
fn rounding_to_decimals_beyond_the_range() {
    use DType::{BF16, F16, F32, F64};
    let inf = f64::INFINITY;
    for (dtype, x, decimals, truth) in [
        (F32, 1.5, 45, 1.5),
        (F32, 1.5, 400, 1.5),
        (F64, 1.5, 400, 1.5),
        (F64, 1.25e-310, 400, 1.25e-310),
        (F32, 1.5, -45, 0.0),
        (F64, -1.5, -400, 0.0),
        (F32, 3e38, 2, f64::from(3e38f32)),
        (F32, 3.3e38, -38, f64::from(3e38f32)),
        (F32, 1.234e-30, 32, f64::from(1.23e-30f32)),
        (F32, 1.26e-37, 38, f64::from(1.3e-37f32)),
        (F32, 1.26e-37, 40, f64::from(1.26e-37f32)),
        (F32, 16_777_217.0, 3, 16_777_216.0),
        (F64, 1e300, 20, 1e300),
        (F64, 1.26e-200, 201, 1.3e-200),
        (F64, -1.6, -308, -0.0),
        (F16, 1.5, 45, 1.5),
        (BF16, 1.5, 45, 1.5),
        (F16, 6e4, 4, 6e4),
        (F32, inf, 2, inf),
        (F32, -inf, -50, -inf),
        (F64, inf, 500, inf),
        (F32, f64::NAN, 3, f64::NAN),
        (F32, f64::NAN, -50, f64::NAN),
    ] {
        let x = of(dtype, x);
        close(&format!("round({x}, {decimals}) in {dtype}"), &np::round_to(&x, decimals), rounded(truth, dtype).0, 4.0);
        if floats(&x)[0].is_finite() {
            assert_eq!(floats(&grad(|x: &Array| np::round_to(x, decimals))(&x)), [0.0], "the slope of steps");
        }
    }
    let x = Array::from([15, 25, -14, -15, -25, -26, 149]);
    assert_eq!(np::round_to(&x, -1).to_vec::<i32>(), [20, 20, -10, -20, -20, -30, 150]);
    assert_eq!(np::round_to(&x, -12).to_vec::<i32>(), [0; 7]);
    let large = Array::from(vec![(1i64 << 60) + 7, -(1 << 60) - 7]);
    assert_eq!(np::round_to(large, -1).to_vec::<i64>(), [1_152_921_504_606_846_980, -1_152_921_504_606_846_980]);
    assert_eq!(np::round_to(Array::from(vec![15u8, 25, 249]), -1).to_vec::<u8>(), [20, 20, 250]);
}

/// A remainder of zero has the sign of the divisor, and that of `fmod` the sign of the dividend; a quotient of zero has
/// the sign of the operands' quotient.
#[test]
fn signs_of_zeros() {
    for dtype in FLOATS {
        for (x, y) in [(6.0, 3.0), (-6.0, 3.0), (6.0, -3.0), (-6.0, -3.0), (0.0, -2.0), (-0.0, 2.0)] {
            let (a, b) = (of(dtype, x), of(dtype, y));
            let negative = |x: &Array| floats(x)[0].is_sign_negative();
            let (_, rest) = np::divmod(&a, &b);
            for rest in
                [rest, np::remainder(&a, &b), np::r#mod(&a, &b), &a % &b, jit(|a: &Array, b: &Array| a % b)(&a, &b)]
            {
                assert!(floats(&rest) == [0.0] && negative(&rest) == (y < 0.0), "{x} % {y} in {dtype} is {rest}");
            }
            assert_eq!(negative(&np::fmod(&a, &b)), x.is_sign_negative(), "fmod({x}, {y}) in {dtype}");
            if x == 0.0 {
                let quotient = np::floor_divide(&a, &b);
                assert_eq!((floats(&quotient)[0], negative(&quotient)), (0.0, (x / y).is_sign_negative()));
            }
            let slope = grad(|x: &Array, y: &Array| x % y).argnums(args!(0, 1));
            let (dx, dy) = slope(&a, &b);
            assert_eq!((floats(&dx)[0], floats(&dy)[0]), (1.0, -(x / y).floor()), "{x} % {y} in {dtype}");
        }
    }
    let (x, y) = (Array::from([7, -7, 6, -6]), Array::from([3, 3, -3, 3]));
    assert_eq!((&x % &y).to_vec::<i32>(), [1, 2, 0, 0]);
    assert_eq!(np::floor_divide(&x, &y).to_vec::<i32>(), [2, -3, -2, -2]);
    assert_eq!(np::fmod(&x, &y).to_vec::<i32>(), [1, -1, 0, 0]);
    // The quotient that belongs to the remainder, where the quotient of the operands rounds up to the next integer.
    let slope = grad(|y: &Array| np::fmod(-0.5, y))(&Array::scalar(1e-4));
    assert_eq!(slope.item::<f64>(), 4999.0);
}

#[test]
fn the_logit_near_one_half() {
    let below = 0.5f32.next_down();
    close("logit", &special::logit(below), f64::from(-4.0 * (0.5 - below)), 1.0);
    for (x, truth) in [(0.0, f64::NEG_INFINITY), (1.0, f64::INFINITY), (0.5, 0.0)] {
        assert_eq!(special::logit(x).item::<f64>(), truth);
    }
}

#[test]
fn numbers_that_are_close() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for dtype in FLOATS {
        let greatest = floats(&np::nextafter(of(dtype, inf), of(dtype, 0.0)))[0];
        for (x, y, truth) in [
            (inf, inf, true),
            (-inf, -inf, true),
            (inf, -inf, false),
            (1.0, inf, false),
            (inf, greatest, false),
            (greatest, -greatest, false),
            (greatest, greatest, true),
            (nan, nan, false),
            (nan, 1.0, false),
            (0.0, -0.0, true),
            (1.0, 1.5, false),
        ] {
            let (a, b) = (of(dtype, x), of(dtype, y));
            assert_eq!(np::isclose(&a, &b).item::<bool>(), truth, "isclose({x}, {y}) in {dtype}");
            assert_eq!(np::isclose_with(&a, &b, 1e-5, 1e-8, true).item::<bool>(), truth || (x.is_nan() && y.is_nan()));
        }
    }
    assert!(np::isclose(Array::from(vec![3u8]), Array::from(vec![4u8])).to_vec::<bool>() == [false]);
}
