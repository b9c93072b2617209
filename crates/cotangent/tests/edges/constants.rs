//! Constants keep their place in a program. The compiler must not combine them if the combination leaves the range, or
//! removes a rounding that was intended. The expected value computes each operation by itself, rounded to the dtype.

use cotangent::prelude::*;
use cotangent::scipy::special::{boxcox, expit, softmax};

use super::goldens_lib::floats;

/// A 64-bit random number generator (SplitMix64).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Returns a number between −1 and 1.
    fn unit(&mut self) -> f64 {
        self.next() as f64 / u64::MAX as f64 * 2.0 - 1.0
    }
}

/// Returns the number of mantissa bits of a dtype, and its largest exponent.
fn format(dtype: DType) -> (i32, i32) {
    match dtype {
        DType::F16 => (10, 15),
        DType::BF16 => (7, 127),
        DType::F32 => (23, 127),
        _ => (52, 1023),
    }
}

/// Returns the nearest number of a dtype, or `None` if it is outside the range of normal numbers.
fn rounded(x: f64, dtype: DType) -> Option<f64> {
    let (mantissa, end) = format(dtype);
    let exponent = x.abs().log2().floor();
    // The margin at both ends allows for the accumulated roundings of a chain.
    if !(f64::from(3 - end)..f64::from(end - 1)).contains(&exponent) {
        return None;
    }
    if dtype == DType::F64 {
        return Some(x);
    }
    let unit = 2f64.powi(exponent as i32 - mantissa);
    Some((x / unit).round_ties_even() * unit)
}

/// One step of a chain. The left operand is the value of the chain so far; a `usize` is the index of an earlier value.
#[derive(Clone, Copy, Debug)]
enum Step {
    Times(f64),
    Over(f64),
    Under(f64),
    Square,
    TimesValue(usize),
    TimesScalar,
    UnderScalar,
}

/// Returns a chain whose values stay within the range, and its final value.
fn chain(rng: &mut Rng, dtype: DType, x: f64, scalar: f64) -> (Vec<Step>, f64) {
    let end = f64::from(format(dtype).1);
    let (mut steps, mut values) = (Vec::new(), vec![x]);
    for _ in 0..4000 {
        let c = rounded(2f64.powf(rng.unit() * end * 0.9), dtype);
        let (Some(c), last) = (c, values[values.len() - 1]) else { continue };
        let earlier = rng.below(values.len());
        let (step, next) = match rng.below(8) {
            0 | 1 => (Step::Times(c), last * c),
            2 | 3 => (Step::Over(c), last / c),
            4 => (Step::Under(c), c / last),
            5 => (Step::Square, last * last),
            6 => (Step::TimesValue(earlier), last * values[earlier]),
            // The compiler may rewrite a quotient by a quotient of variables, here as in JAX.
            _ if rng.below(2) == 0 && !steps.iter().any(|s| matches!(s, Step::UnderScalar)) => {
                (Step::UnderScalar, scalar / last)
            }
            _ => (Step::TimesScalar, last * scalar),
        };
        // The compiler may divide by multiplying with the reciprocal.
        let reciprocal = if let Step::Over(c) = step { rounded(1.0 / c, dtype) } else { Some(1.0) };
        if let (Some(next), Some(_)) = (rounded(next, dtype), reciprocal) {
            steps.push(step);
            values.push(next);
        }
        if steps.len() == 5 {
            break;
        }
    }
    (steps, values[values.len() - 1])
}

fn run(steps: &[Step], x: &Array, scalar: &Array) -> Array {
    let mut values = vec![x.clone()];
    for step in steps {
        let last = &values[values.len() - 1];
        let next = match *step {
            Step::Times(c) => last * c,
            Step::Over(c) => last / c,
            Step::Under(c) => c / last,
            Step::Square => last.square(),
            Step::TimesValue(i) => last * &values[i],
            Step::TimesScalar => last * scalar,
            Step::UnderScalar => scalar / last,
        };
        values.push(next);
    }
    values.swap_remove(values.len() - 1)
}

#[test]
fn products_of_constants_do_not_leave_the_range() {
    let mut wrong = Vec::new();
    for (n, dtype) in [DType::F16, DType::BF16, DType::F32, DType::F64].into_iter().enumerate() {
        for (m, shape) in [&[][..], &[1], &[5], &[2, 3]].into_iter().enumerate() {
            let mut rng = Rng((4 * n + m) as u64);
            let end = f64::from(format(dtype).1);
            let mut start = || rounded(2f64.powf(rng.unit() * end * 0.9), dtype).unwrap_or(1.0);
            let (x, scalar) = (start(), start());
            let chains: Vec<_> = (0..60).map(|_| chain(&mut rng, dtype, x, scalar)).collect();
            let steps: Vec<_> = chains.iter().map(|c| c.0.clone()).collect();
            let f = jit(move |x: &Array, s: &Array| steps.iter().map(|c| run(c, x, s)).collect::<Vec<_>>());
            let results = f(&np::full_as(shape, x, dtype), &Array::from(scalar).astype(dtype));
            for ((steps, expected), result) in chains.iter().zip(&results) {
                let tolerance = 40.0 * 2f64.powi(-format(dtype).0);
                let result = floats(result)[0];
                let error = (result / expected - 1.0).abs();
                if error.is_nan() || error > tolerance {
                    wrong.push(format!(
                        "{dtype}{shape:?} x = {x:e}, s = {scalar:e}, {steps:?}: {result:e}, {expected:e}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of 960:\n{}", wrong.len(), wrong.join("\n"));
}

/// A name, a function, its argument, and its result.
type Case = (&'static str, fn(&Array) -> Array, f64, f64);

#[test]
fn constants_keep_their_place_in_f32() {
    // One part in 2²³ is lost when added to 1, and so is one half when added to 3·10⁷.
    let cases: [Case; 28] = [
        ("(x·c)²", |x| (x * 1e25).square(), 1e-25, 1.0),
        ("(x·c)³", |x| (x * 1e25).powi(3), 1e-25, 1.0),
        ("pow(x·c, 2)", |x| (x * 1e25).pow(2.0), 1e-25, 1.0),
        ("(x·c)·c", |x| x * 1e25 * 1e25, 1e-35, 1e15),
        ("(x·c)·d, three of them", |x| x * 1e15 * 1e15 * 1e15, 1e-30, 1e15),
        ("(x/c)/c", |x| x / 1e-25 / 1e-25, 1e-35, 1e15),
        ("x/c, c without a reciprocal", |x| x / 3e38, 3e38, 1.0),
        ("(−x·c)·(x·c)", |x| -(x * 1e25) * (x * 1e25), 1e-25, -1.0),
        ("|x·c|²", |x| (x * -1e25).abs().square(), 1e-25, 1.0),
        ("x·small, squared", |x| (x * 1e-25).square(), 1e25, 1.0),
        ("x·c·x", |x| x * 1e-20 * x, 1e25, 1e30),
        ("x/(c/x)", |x| x / (1e-25 / x), 4e-25, 1.6e-24),
        ("c/(c/x)", |x| 1e-25 / (1e-20 / x), 1e-20, 1e-25),
        ("sqrt of a square", |x| (x * 1e25).square().sqrt(), 1e-25, 1.0),
        ("sum", |x| (x.reshape(1) * 1e25).sum() * 1e25, 1e-35, 1e15),
        ("product of vectors", |x| np::dot(&(x.reshape(1) * 1e25), &(x.reshape(1) * 1e25)), 1e-25, 1.0),
        ("asinh", |x| np::arcsinh(x * 1e25), 1e-25, 0.881_373_587),
        ("slope of boxcox in the second argument", |x| grad(|y: &Array| boxcox(1.0, y).sum())(x), 1e25, 0.0),
        ("zero", |x| (x * 0.0).square(), 1e25, 0.0),
        ("slope of a square", |x| grad(|x: &Array| (x * 1e-25).square().sum())(x), 1e25, 2e-25),
        ("converted", |x| ((x * 1e25).astype(DType::F64) * 1e25).astype(DType::F32), 1e-35, 1e15),
        ("in a call", |x| jit(|x: &Array| x * 1e25)(&(x * 1e25)), 1e-35, 1e15),
        ("from a call", |x| jit(|x: &Array| x * 1e25)(x).square(), 1e-25, 1.0),
        ("(x + c) + c", |x| (x + 3e38) + 3e38, -3e38, 3e38),
        ("(x + c) − c", |x| (x + 3e7) - 3e7, 1.3, 2.0),
        ("(1 − x) − 1", |x| (1.0 - x) - 1.0, 1e-9, 0.0),
        ("(x − 1) + 1", |x| (x - 1.0) + 1.0, 1e-9, 0.0),
        ("to the nearest integer", |x| (x + 12_582_912.0) - 12_582_912.0, 2.6, 3.0),
    ];
    for (name, f, x, expected) in cases {
        for shape in [&[][..], &[1], &[4]] {
            if matches!(name, "sum" | "product of vectors") && shape == [4] {
                continue;
            }
            let result = floats(&jit(f)(&np::full_as(shape, x, DType::F32)))[0];
            assert!((result - expected).abs() <= 1e-6 * expected.abs(), "{name} {shape:?}: {result:e}, {expected:e}");
        }
    }
}

/// A complex constant, and the parts of a complex number.
#[test]
fn complex_constants_keep_their_place() {
    let f = jit(|z: &Array| {
        let c = Array::scalar(num_complex::Complex::new(0f32, 1e25f32));
        (z * &c * &c, (z * &c).square(), z / &c / &c)
    });
    let (product, square, _) = f(&Array::scalar(num_complex::Complex::new(1e-30f32, 0f32)));
    let close = |x: &Array, re: f64, im: f64| {
        let (a, b) = (floats(&x.real())[0], floats(&x.imag())[0]);
        assert!((a - re).hypot(b - im) < 1e-6 * re.hypot(im), "{a} {b}, {re} {im}");
    };
    close(&product, -1e20, 0.0);
    close(&square, -1e-10, 0.0);
    let (_, _, back) = f(&Array::scalar(num_complex::Complex::new(1e35f32, 0f32)));
    close(&back, -1e-15, 0.0);
}

#[test]
fn tables_of_constants_keep_their_place() {
    let table = Array::from([1e25f32, 2e25]);
    let f = jit(move |x: &Array| x * &table * &table);
    let result = floats(&f(&Array::from([1e-35f32, 1e-36])));
    assert!((result[0] / 1e15 - 1.0).abs() < 1e-6 && (result[1] / 4e14 - 1.0).abs() < 1e-6, "{result:?}");
}

/// A program with ordinary constants has no barrier, and neither has one with large constants that never meet.
#[test]
fn ordinary_constants_are_left_to_the_compiler() {
    let text = |f: fn(&Array) -> Array, dtype: DType, shape: &[usize]| {
        let program = make_jaxpr(f)(&np::zeros(shape).astype(dtype));
        cotangent::extend::lower("constants", &program.jaxpr, cotangent::Platform::Cpu).to_text()
    };
    let ordinary: [fn(&Array) -> Array; 6] = [
        |x| (x * 2.0 + 1.0) * 0.5 - 3.0,
        |x| x.tanh() * 100.0 / 3.0,
        |x| (x - x.mean()) / (x.var() + 1e-5).sqrt(),
        |x| np::exp(x * -0.5) / (x * x + 1.0) / 3.0,
        |x| softmax(x, 0) * 1e3,
        |x| x * expit(x),
    ];
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64, DType::C64] {
        for f in &ordinary[..if dtype.is_complex() { 1 } else { 6 }] {
            assert!(!text(*f, dtype, &[8]).contains("optimization_barrier"), "{dtype}");
        }
    }
    let apart: fn(&Array) -> Array = |x| x * 1e30 + np::exp(x * 1e-30);
    assert!(!text(apart, DType::F32, &[8]).contains("optimization_barrier"));
    let together: fn(&Array) -> Array = |x| x * 1e30 * 1e30;
    assert_eq!(text(together, DType::F32, &[8]).matches("optimization_barrier").count(), 1);
}
