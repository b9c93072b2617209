//! Random numbers at the ends: of their bounds, and of the uniform numbers they are computed from.

use cotangent::numpy as np;
use cotangent::prelude::*;

use super::goldens_lib::floats;

/// Returns the Kolmogorov–Smirnov distance of a sample from its distribution function. For a sample of more than 1000
/// elements it exceeds 2/√n once in 1500 times.
fn distance(x: &Array, distribution: impl Fn(f64) -> f64) -> f64 {
    let mut x = floats(&x.reshape(x.size()));
    x.sort_by(f64::total_cmp);
    let n = x.len() as f64;
    let gap = |(i, x): (usize, &f64)| {
        let p = distribution(*x);
        (p - i as f64 / n).abs().max((p - (i as f64 + 1.0) / n).abs())
    };
    x.iter().enumerate().map(gap).fold(0.0, f64::max)
}

/// Returns the upper tail of the standard normal distribution for x ≥ 2, by the continued fraction of Mills' ratio.
fn upper(x: f64) -> f64 {
    let fraction = (1..=200).rev().fold(0.0, |tail, k| f64::from(k) / (x + tail));
    (-0.5 * x * x).exp() / (x + fraction) / (2.0 * std::f64::consts::PI).sqrt()
}

#[test]
fn truncated_normals_in_the_tail() {
    // The error function rounds to ±1 at bounds as wide as these; still, no sample equals a bound.
    let n = 3_000_000;
    let wide = random::truncated_normal(random::key(1), -100.0, 100.0, n);
    assert!(wide.abs().max().item::<f64>() < 10.0);
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        let x = random::truncated_normal_as(random::key(2), -100.0, 100.0, 100_000, dtype);
        assert!(x.abs().max().astype(DType::F64).item::<f64>() < 10.0, "{dtype}");
        let half = random::truncated_normal_as(random::key(2), 0.0, f64::INFINITY, 100_000, dtype);
        assert!(half.max().astype(DType::F64).item::<f64>() < 10.0, "{dtype}");
    }
    // Both bounds lie in a tail. The samples have its distribution, in either tail, for scalar and for array bounds.
    let m = 20_000;
    for (lower, end) in [(5.5, 1e6), (4.0, 4.5), (8.0, f64::INFINITY), (30.0, 31.0), (1000.0, 1e30)] {
        let truth = &|x: f64| {
            if lower > 35.0 {
                return 1.0 - (-lower * (x - lower)).exp();
            }
            (upper(lower) - upper(x)) / (upper(lower) - if end < 1e3 { upper(end) } else { 0.0 })
        };
        // In f32, samples beyond 1000 take too few distinct values.
        for dtype in if lower > 100.0 { &[DType::F64][..] } else { &[DType::F32, DType::F64] } {
            let dtype = *dtype;
            let x = random::truncated_normal_as(random::key(3), lower, end, m, dtype);
            assert!(distance(&x, truth) < 2.0 / (m as f64).sqrt(), "{lower} {dtype}: {}", distance(&x, truth));
            assert!(x.min().item::<f64>() > lower && x.max().item::<f64>() < end);
            let mirrored = random::truncated_normal_as(random::key(3), -end, -lower, m, dtype);
            assert!(distance(&-mirrored, truth) < 2.0 / (m as f64).sqrt(), "{lower} {dtype}, mirrored");
            let bounds = [lower, end].map(|v| Array::from(vec![v; m]).astype(dtype));
            let of_arrays = random::truncated_normal_as(random::key(3), &bounds[0], &bounds[1], m, dtype);
            assert!(np::allclose(&of_arrays, &x).item::<bool>());
        }
    }
    // No sample equals a bound, however far out the bound is.
    for (lower, upper) in [(1e6, 1e7), (1e30, 2e30)] {
        let x = random::truncated_normal(random::key(4), lower, upper, 1000);
        assert!(np::isfinite(&x).all().item::<bool>() && x.max().item::<f64>() <= lower * 1.000001);
    }
    // Tails and central parts in one call, and the derivative with respect to a bound.
    let lower = Array::from([-1.0f64, 6.0, -9.0]);
    let upper = Array::from([1.0f64, 7.0, -8.0]);
    let x = random::truncated_normal_as(random::key(5), &lower, &upper, 3, DType::F64);
    assert!(x.greater(&lower).all().item::<bool>() && x.less(&upper).all().item::<bool>());
    let sample = |a: &Array| random::truncated_normal_as(random::key(5), a, 9.0, (), DType::F64);
    let (a, h) = (Array::scalar(6.5f64), 1e-5);
    let numeric = (sample(&(&a + h)).item::<f64>() - sample(&(&a - h)).item::<f64>()) / (2.0 * h);
    assert!((grad(sample)(&a).item::<f64>() - numeric).abs() < 1e-7);
}

#[test]
fn no_sampler_is_infinite_at_the_ends_of_its_uniform_numbers() {
    // Four million draws of 23 bits reach each end with a probability of about a third; draws of 7 or 10 bits always
    // do.
    let n = 4_000_000;
    let k = || random::key(11);
    let samples = [
        ("rayleigh", random::rayleigh(k(), 1.0, n)),
        ("exponential", random::exponential(k(), n)),
        ("gumbel", random::gumbel(k(), n)),
        ("laplace", random::laplace(k(), n)),
        ("logistic", random::logistic(k(), n)),
        ("cauchy", random::cauchy(k(), n)),
        ("normal", random::normal(k(), n)),
        ("pareto", random::pareto(k(), 3.0, n)),
        ("weibull_min", random::weibull_min(k(), 1.0, 2.0, n)),
        ("triangular", random::triangular(k(), 0.0, 0.5, 1.0, n)),
        ("lognormal", random::lognormal(k(), 1.0, n)),
    ];
    for (name, x) in samples {
        assert!(np::isfinite(&x).all().item::<bool>(), "{name}");
    }
    for dtype in [DType::F16, DType::BF16] {
        let samples = [
            ("exponential", random::exponential_as(k(), 100_000, dtype)),
            ("gumbel", random::gumbel_as(k(), 100_000, dtype)),
            ("laplace", random::laplace_as(k(), 100_000, dtype)),
            ("logistic", random::logistic_as(k(), 100_000, dtype)),
            ("cauchy", random::cauchy_as(k(), 100_000, dtype)),
            ("normal", random::normal_as(k(), 100_000, dtype)),
        ];
        for (name, x) in samples {
            assert!(np::isfinite(&x).all().item::<bool>(), "{name} {dtype}");
        }
    }
}

/// The Rayleigh sample for a uniform zero. The seed is found by search: the first 23 bits of a draw must be zero.
#[test]
fn the_rayleigh_number_of_zero() {
    let zero = (0..).find_map(|seed| {
        let bits = random::bits(random::key(seed), 1 << 22).to_vec::<u32>();
        bits.iter().position(|b| b >> 9 == 0).map(|i| (seed, i))
    });
    let (seed, i) = zero.expect("a zero");
    assert_eq!(random::uniform(random::key(seed), 1 << 22).to_vec::<f32>()[i], 0.0);
    let x = random::rayleigh(random::key(seed), 2.0, 1 << 22).to_vec::<f32>()[i];
    assert!((f64::from(x) - 2.0 * (48.0 * 2f64.ln()).sqrt()).abs() < 1e-5, "{x}");
}

#[test]
fn bounds_of_integers_beyond_the_dtype() {
    let big = [i64::MIN, -(1 << 40), -300, -1, 0, 5, 200, 300, 1 << 20, 1 << 40, i64::MAX];
    let n = 4000;
    for dtype in [DType::I8, DType::U8, DType::I16, DType::U16, DType::I32, DType::U32, DType::I64] {
        let bits = dtype.bits() as u32;
        let signed = matches!(dtype, DType::I8 | DType::I16 | DType::I32 | DType::I64);
        let (least, most) =
            if signed { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) } else { (0, (1i128 << bits) - 1) };
        for lo in big {
            for hi in big {
                let bounds = [lo, hi].map(Array::scalar);
                let x = random::randint_as(random::key(7), n, dtype, &bounds[0], &bounds[1]);
                let x = x.astype(DType::I64);
                let (min, max) = (i128::from(x.min().item::<i64>()), i128::from(x.max().item::<i64>()));
                // A bound beyond the dtype's range is clamped to its limit; an upper bound beyond the range includes
                // the limit.
                let first = i128::from(lo).clamp(least, most);
                let end = if i128::from(hi) > most { most + 1 } else { i128::from(hi).max(least) };
                if end <= first {
                    assert!(min == first && max == first, "{dtype} {lo} {hi}: {min} to {max}");
                } else {
                    assert!(min >= first && max < end, "{dtype} {lo} {hi}: {min} to {max}");
                    // Every element of a short range appears, and every part of a long one.
                    let slack = (end - first) / 50;
                    assert!(min <= first + slack && max + 1 + slack >= end, "{dtype} {lo} {hi}: {min} to {max}");
                }
            }
        }
    }
}
