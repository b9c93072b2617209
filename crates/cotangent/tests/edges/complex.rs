//! Complex functions at special points: signed zeros, branch cuts, very small and very large numbers, and infinities.

use cotangent::prelude::*;
use num_complex::Complex;
use serde_json::Value;

use super::goldens_lib::{cases, float, floats};

type Function = fn(&Array) -> Array;
type Binary = fn(&Array, &Array) -> Array;

/// The functions of `points_complex.json`.
const FUNCTIONS: [(&str, Function); 28] = [
    ("exp", |z| z.exp()),
    ("exp2", |z| z.exp2()),
    ("expm1", |z| z.expm1()),
    ("log", |z| z.log()),
    ("log1p", |z| z.log1p()),
    ("log2", |z| np::log2(z)),
    ("log10", |z| np::log10(z)),
    ("sin", |z| z.sin()),
    ("cos", |z| z.cos()),
    ("tan", |z| z.tan()),
    ("sinh", |z| z.sinh()),
    ("cosh", |z| z.cosh()),
    ("tanh", |z| z.tanh()),
    ("asin", |z| z.asin()),
    ("acos", |z| z.acos()),
    ("atan", |z| z.atan()),
    ("asinh", |z| z.asinh()),
    ("acosh", |z| z.acosh()),
    ("atanh", |z| z.atanh()),
    ("sqrt", |z| z.sqrt()),
    ("rsqrt", |z| z.rsqrt()),
    ("square", |z| z.square()),
    ("reciprocal", |z| np::reciprocal(z)),
    ("logistic", |z| z.logistic()),
    ("sinc", |z| np::sinc(z)),
    ("cube", |z| z.powi(3)),
    ("abs", |z| z.abs()),
    ("sign", |z| z.sign()),
];

/// Reads a pair of stored parts; `None` if there is none.
fn pair(x: &Value) -> Option<(f64, f64)> {
    x.as_array().map(|parts| (float(&parts[0]), float(&parts[1])))
}

fn pairs(x: &Array) -> Vec<(f64, f64)> {
    let real = floats(&x.real());
    let imag = if x.dtype().is_complex() { floats(&x.imag()) } else { vec![0.0; real.len()] };
    real.into_iter().zip(imag).collect()
}

/// Returns the distance of a number from the truth, in units in the last place. If the truth is NaN, or is a derivative
/// beyond the range, some part must not be finite. If a part of a value is infinite, each part is measured by itself.
/// `condition` is the change of the result for a change of the argument by one unit in the last place.
fn distance(got: (f64, f64), truth: (f64, f64), wide: bool, slope: bool, condition: f64) -> f64 {
    let (epsilon, least) = match wide {
        true => (f64::EPSILON, f64::MIN_POSITIVE),
        false => (f64::from(f32::EPSILON), f64::from(f32::MIN_POSITIVE)),
    };
    let norm = truth.0.hypot(truth.1);
    if truth.0.is_nan() || truth.1.is_nan() || (slope && norm.is_infinite()) {
        return if got.0.is_finite() && got.1.is_finite() { f64::INFINITY } else { 0.0 };
    }
    let part = |got: f64, truth: f64| match (got - truth).abs() {
        _ if got == truth => 0.0,
        // Results below the smallest normal number may be flushed to zero.
        error if error <= least => 0.0,
        error if error.is_finite() => {
            error / (epsilon * condition.max(if norm.is_finite() { norm } else { truth.abs() }))
        }
        _ => f64::INFINITY,
    };
    part(got.0, truth.0).max(part(got.1, truth.1))
}

/// Returns whether a function may return something else at a point; each case states the reason.
fn excepted(name: &str, (a, b): (f64, f64), wide: bool) -> bool {
    let most = if wide { f64::MAX } else { f64::from(f32::MAX) };
    match name {
        // For a real part of −∞ and a non-finite angle the result is NaN, as in JAX; Annex G has zeros of unspecified
        // sign.
        "exp" | "expm1" => a == f64::NEG_INFINITY && !b.is_finite(),
        // A power is computed by multiplications, whose parts may overflow one by one, as in JAX.
        "cube" => a.hypot(b) > most.cbrt(),
        // The sine overflows before the division.
        "sinc" => b.abs() * np::PI > most.ln(),
        // The angle b·ln 2 has no correct digit.
        "exp2" => b.abs() > 0.1 / if wide { f64::EPSILON } else { f64::from(f32::EPSILON) },
        _ => false,
    }
}

/// Returns the points of a stored case as an array.
fn argument(points: &[(f64, f64)], wide: bool) -> Array {
    if wide {
        return Array::from(points.iter().map(|p| Complex::new(p.0, p.1)).collect::<Vec<_>>());
    }
    Array::from(points.iter().map(|p| Complex::new(p.0 as f32, p.1 as f32)).collect::<Vec<_>>())
}

#[test]
fn functions_and_slopes_at_special_points() {
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for case in cases("points_complex") {
        let (name, wide) = (case["function"].as_str().expect("a name"), case["dtype"] == "c128");
        let (_, f) = *FUNCTIONS.iter().find(|(n, _)| *n == name).expect("a known function");
        let list = |key: &str| case[key].as_array().expect("a list").iter().map(pair).collect::<Vec<_>>();
        let points: Vec<(f64, f64)> = list("points").into_iter().flatten().collect();
        let (value, slope) = jit(|z: &Array| jvp(f, (z,), (&np::ones_like(z),)))(&argument(&points, wide));
        let (values, slopes) = (list("values"), list("slopes"));
        for (i, (point, (value, slope))) in points.iter().zip(pairs(&value).into_iter().zip(pairs(&slope))).enumerate()
        {
            if excepted(name, *point, wide) {
                continue;
            }
            let condition = match (name, slopes[i]) {
                // The function multiplies its argument by a constant that is rounded to the same precision.
                ("exp2", Some(slope)) => point.0.hypot(point.1) * slope.0.hypot(slope.1),
                // The size of the terms: hyperbolic functions of a rounded argument.
                ("sinc", _) => {
                    let b = (np::PI * point.1).abs();
                    b.cosh() * (1.0 + b) / point.0.hypot(point.1).max(1.0)
                }
                _ => 0.0,
            };
            let nan = point.0.is_nan() || point.1.is_nan();
            for (what, got, truth) in [("value", value, values[i]), ("slope", slope, slopes[i])] {
                let Some(truth) = truth else { continue };
                checked += 1;
                // NaN may take precedence over an infinite part, as in JAX.
                let free = nan && !(got.0.is_finite() && got.1.is_finite());
                if !free && distance(got, truth, wide, what == "slope", condition) > 8.0 {
                    wrong.push(format!("{what} of {name} at {point:?}: {got:?} instead of {truth:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 12_000, "{checked}");
}

/// Each part of sin, cos, sinh and cosh is accurate to a few units: near zero, one part is tiny relative to the other.
#[test]
fn parts_next_to_nothing_have_their_digits() {
    for case in cases("points_complex") {
        let (name, wide) = (case["function"].as_str().expect("a name"), case["dtype"] == "c128");
        if !["sin", "cos", "sinh", "cosh"].contains(&name) {
            continue;
        }
        let (_, f) = *FUNCTIONS.iter().find(|(n, _)| *n == name).expect("a known function");
        let list = |key: &str| case[key].as_array().expect("a list").iter().filter_map(pair).collect::<Vec<_>>();
        let (points, values) = (list("points"), list("values"));
        for ((point, got), truth) in points.iter().zip(pairs(&f(&argument(&points, wide)))).zip(values) {
            let alone = |got: f64, truth: f64| distance((got, 0.0), (truth, 0.0), wide, false, 0.0);
            let worst = alone(got.0, truth.0).max(alone(got.1, truth.1));
            let odd = !point.0.is_finite() || !point.1.is_finite();
            assert!(odd || worst <= 8.0, "{name} at {point:?}: {got:?} instead of {truth:?}");
        }
    }
}

#[test]
fn second_derivatives_and_the_other_mode() {
    let cases: [(&str, Function, Function); 8] = [
        ("sin", |z| z.sin(), |z| -z.sin()),
        ("cosh", |z| z.cosh(), |z| z.cosh()),
        ("tanh", |z| z.tanh(), |z| z.tanh() * (z.tanh().square() - 1.0) * 2.0),
        ("tan", |z| z.tan(), |z| z.tan() * (z.tan().square() + 1.0) * 2.0),
        ("asin", |z| z.asin(), |z| z / (1.0 - z.square()).sqrt().powi(3)),
        ("acosh", |z| z.acosh(), |z| -z / ((z - 1.0).sqrt() * (z + 1.0).sqrt()).powi(3)),
        ("logistic", |z| z.logistic(), |z| z.logistic() * (1.0 - z.logistic()) * (1.0 - z.logistic() * 2.0)),
        ("expm1", |z| z.expm1(), |z| z.exp()),
    ];
    let parts = [-0.7, 0.3, 0.9];
    let points: Vec<Complex<f64>> = parts.iter().flat_map(|a| parts.map(|b| Complex::new(*a, b))).collect();
    let z = Array::from(points);
    let one = np::ones_like(&z);
    for (name, f, second) in cases {
        let slope = |z: &Array| jvp(f, (z,), (&np::ones_like(z),)).1;
        let got = pairs(&jvp(slope, (&z,), (&one,)).1);
        let truth = pairs(&second(&z));
        // Reverse mode pairs cotangents and tangents without conjugation.
        let back = pairs(&vjp(f, (&z,)).1(&one).0);
        for ((got, truth), (forth, back)) in got.iter().zip(truth).zip(pairs(&slope(&z)).into_iter().zip(back)) {
            assert!((got.0 - truth.0).hypot(got.1 - truth.1) < 1e-12, "{name}: {got:?} instead of {truth:?}");
            assert!((forth.0 - back.0).hypot(forth.1 - back.1) < 1e-13, "{name}: {back:?} instead of {forth:?}");
        }
    }
}

#[test]
fn tests_and_mending_look_at_each_part() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let points = [(1.0, 2.0), (inf, 0.0), (0.0, -inf), (nan, 1.0), (1.0, nan), (-inf, nan)];
    for wide in [false, true] {
        let z = argument(&points, wide);
        let truths = |f: Function| (f(&z).to_vec::<bool>(), jit(f)(&z).to_vec::<bool>());
        let twice = |x: [bool; 6]| (x.to_vec(), x.to_vec());
        assert_eq!(truths(|z| np::isinf(z)), twice([false, true, true, false, false, true]));
        assert_eq!(truths(|z| np::isnan(z)), twice([false, false, false, true, true, true]));
        assert_eq!(truths(|z| np::isfinite(z)), twice([true, false, false, false, false, false]));
        assert_eq!(truths(|z| np::isclose(z, z)), twice([true, true, true, false, false, false]));
        assert_eq!(truths(|z| np::isclose_with(z, z, 0.0, 0.0, true)), twice([true; 6]));
        let most = if wide { f64::MAX } else { f64::from(f32::MAX) };
        let mended = [(1.0, 2.0), (most, 0.0), (0.0, -most), (0.0, 1.0), (1.0, 0.0), (-most, 0.0)];
        assert_eq!(pairs(&np::nan_to_num(&z)), mended);
        let chosen = [(1.0, 2.0), (7.0, 0.0), (0.0, -7.0), (5.0, 1.0), (1.0, 5.0), (-7.0, 5.0)];
        assert_eq!(pairs(&np::nan_to_num_with(&z, 5.0, 7.0, -7.0)), chosen);
    }
    let (z, w) = (Array::from([Complex::new(1.0f64, 1.0)]), Array::from([Complex::new(1.0f64, 1.0 + 1e-9)]));
    assert!(np::allclose(&z, &w).item::<bool>());
    assert!(!np::allclose_with(&z, &w, 0.0, 1e-10, false).item::<bool>());
    let slope = vmap(grad(|x: &Array| np::nan_to_num(x.complex(x)).abs().sum()))(&Array::from([3.0f64, f64::NAN]));
    assert!((floats(&slope)[0] - 2f64.sqrt()).abs() < 1e-15 && floats(&slope)[1] == 0.0, "{slope}");
}

#[test]
fn greatest_and_least_keep_nan_and_rounding_takes_each_part() {
    let nan = f64::NAN;
    let x = argument(&[(nan, 1.0), (1.0, nan), (1.0, 2.0), (3.0, 1.0), (2.0, 0.0)], true);
    let y = argument(&[(5.0, 1.0), (0.0, 0.0), (1.0, 3.0), (2.0, nan), (nan, 7.0)], true);
    let all: [(Binary, (f64, f64)); 2] =
        [(|x, y| np::maximum(x, y), (1.0, 3.0)), (|x, y| np::minimum(x, y), (1.0, 2.0))];
    for (f, plain) in all {
        let got = pairs(&f(&x, &y));
        assert!([0, 1, 3, 4].iter().all(|i| got[*i].0.is_nan() || got[*i].1.is_nan()), "{got:?}");
        assert_eq!(got[2], plain);
        let back = pairs(&f(&y, &x));
        assert!([0, 1, 3, 4].iter().all(|i| back[*i].0.is_nan() || back[*i].1.is_nan()), "{back:?}");
    }
    assert_eq!(pairs(&np::round(argument(&[(1.5, -2.5), (0.2, 7.9)], false))), [(2.0, -2.0), (0.0, 8.0)]);
    let large = argument(&[(3e25, 3e25), (0.0, 2.0)], false);
    assert_eq!(pairs(&large.powi(-2)), [(0.0, 0.0), (-0.25, 0.0)]);
    let signs: [Function; 3] = [|z| np::signbit(z), |z| np::isposinf(z), |z| np::isneginf(z)];
    for f in signs {
        let error = jit(f).try_call((&large,)).expect_err("an error").to_string();
        assert!(error.contains("complex numbers have no sign"), "{error}");
    }
}

#[test]
fn sums_of_exponentials() {
    let points = [(0.5, 0.25), (-2.0, 3.0), (40.0, -1.5), (0.5, -3.0), (800.0, 3.0)];
    for (wide, near) in [(true, 1e-13), (false, 1e-5)] {
        let z = argument(&points, wide);
        let (x, y) = (z.reshape([5, 1]), z.reshape([1, 5]) * 0.7);
        let ln2 = 2f64.ln();
        let functions: [(&str, Binary, f64); 2] =
            [("logaddexp", |x, y| np::logaddexp(x, y), 1.0), ("logaddexp2", |x, y| np::logaddexp2(x, y), ln2)];
        for (name, f, unit) in functions {
            let run = |x: &Array, y: &Array| (f(x, y), vjp(f, (x, y)).1(&np::ones_like(x * y)));
            let (value, (dx, dy)) = jit(run)(&x, &y);
            let half_turn = np::PI / unit;
            let (mut sx, mut sy) = ([Complex::ZERO; 5], [Complex::ZERO; 5]);
            for (i, got) in pairs(&value).into_iter().enumerate() {
                let number = |(a, b): (f64, f64)| Complex::new(a, b) * unit;
                let (a, b) = (number(points[i / 5]), number(points[i % 5]) * 0.7);
                // Without the larger real part, which is factored out.
                let most = a.re.max(b.re);
                let sum = (a - most).exp() + (b - most).exp();
                let truth = (sum.ln() + most) / unit;
                let error = (Complex::new(got.0, got.1) - truth).norm();
                assert!(error <= near * (1.0 + truth.norm()), "{name}: {got:?}, not {truth}");
                assert!(got.1.abs() <= half_turn * 1.0001, "{name}: {got:?}");
                sx[i / 5] += (a - most).exp() / sum;
                sy[i % 5] += (b - most).exp() / sum;
            }
            for (got, truth) in pairs(&dx).into_iter().zip(sx).chain(pairs(&dy).into_iter().zip(sy)) {
                let error = (Complex::new(got.0, got.1) - truth).norm();
                assert!(error <= 40.0 * near * (1.0 + truth.norm()), "slope of {name}: {got:?}, not {truth}");
            }
        }
    }
    let infinite = argument(&[(f64::NEG_INFINITY, 0.0)], true);
    assert_eq!(pairs(&np::logaddexp(&infinite, &infinite)), [(f64::NEG_INFINITY, 0.0)]);
    assert_eq!(pairs(&np::logaddexp(&infinite, 1.0)), [(1.0, 0.0)]);
}

/// Returns a complex vector from pairs of parts.
fn complex(parts: &[(f32, f32)]) -> Array {
    Array::from(parts.iter().map(|p| Complex::new(p.0, p.1)).collect::<Vec<_>>())
}

fn numbers(x: &Array) -> Vec<(f64, f64)> {
    floats(&x.real()).into_iter().zip(floats(&x.imag())).collect()
}

/// JAX 0.10.2's order: by the real part, then by the imaginary part.
#[test]
fn the_greatest_and_least_complex_numbers() {
    let x = complex(&[(1.0, 2.0), (1.0, -1.0), (0.0, 5.0), (1.0, 2.0)]);
    let (greatest, least) = ((1.0, 2.0), (0.0, 5.0));
    type Case = (&'static str, Function, Vec<(f64, f64)>);
    let cases: [Case; 12] = [
        ("max", |x| x.max(), vec![greatest]),
        ("min", |x| x.min(), vec![least]),
        ("max of rows", |x| x.reshape((2, 2)).max_axis(1), vec![greatest, greatest]),
        ("min of rows", |x| x.reshape((2, 2)).min_axis(1), vec![(1.0, -1.0), least]),
        ("mapped", |x| vmap(|x: &Array| x.min())(&x.reshape((2, 2)).t()), vec![least, (1.0, -1.0)]),
        ("ptp", |x| np::ptp(x), vec![(1.0, -3.0)]),
        ("cummax", |x| x.cummax(), vec![greatest; 4]),
        ("cummin", |x| x.cummin(), vec![greatest, (1.0, -1.0), least, least]),
        ("maximum", |x| x.maximum(np::flip(x, 0)), vec![greatest, (1.0, -1.0), (1.0, -1.0), greatest]),
        ("minimum", |x| x.minimum(np::flip(x, 0)), vec![greatest, least, least, greatest]),
        ("max of updates", |x| x.at(0).max(x.at(2).get() + 2.0), vec![(2.0, 5.0), (1.0, -1.0), least, greatest]),
        ("min of updates", |x| x.at(0).min(x.at(2).get() + 1.0), vec![greatest, (1.0, -1.0), least, greatest]),
    ];
    for (name, f, expected) in cases {
        assert_eq!(numbers(&f(&x)), expected, "{name}");
        assert_eq!(numbers(&jit(f)(&x)), expected, "{name}, jitted");
        let wide = x.astype(DType::C128);
        assert_eq!(numbers(&f(&wide)), expected, "{name}, c128");
    }
    const INF: f32 = f32::INFINITY;
    let infinite = complex(&[(-INF, 3.0), (-INF, -3.0), (INF, -1.0), (INF, 3.0)]);
    assert_eq!(numbers(&infinite.max()), [(f64::INFINITY, 3.0)]);
    assert_eq!(numbers(&infinite.min()), [(f64::NEG_INFINITY, -3.0)]);
    assert_eq!(numbers(&infinite.at(..2).get().max()), [(f64::NEG_INFINITY, 3.0)]);
    // A NaN in either part makes the result NaN, as in NumPy. Which NaN JAX returns depends on their positions.
    for nan in [(f32::NAN, 1.0), (1.0, f32::NAN)] {
        for place in 0..3 {
            let mut parts = [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)];
            parts[place] = nan;
            let x = complex(&parts);
            for extreme in [x.max(), x.min(), x.cummax().at(-1).get(), x.cummin().at(-1).get()] {
                let (re, im) = numbers(&extreme)[0];
                assert!(re.is_nan() || im.is_nan(), "{parts:?}: {re} {im}");
            }
        }
    }
}

#[test]
fn slopes_of_the_greatest_and_least_complex_numbers() {
    let x = complex(&[(1.0, 2.0), (1.0, -1.0), (0.0, 5.0), (1.0, 2.0)]);
    let t = complex(&[(0.0, 1.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]);
    let slope = |f: fn(&Array) -> Array| numbers(&jvp(f, (&x,), (&t,)).1);
    assert_eq!(slope(|x| x.max()), [(1.5, 0.5)]);
    assert_eq!(slope(|x| x.min()), [(2.0, 0.0)]);
    assert_eq!(slope(|x| x.cummax()), [(0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (1.5, 0.5)]);
    assert_eq!(slope(|x| x.cummin()), [(0.0, 1.0), (1.0, 0.0), (2.0, 0.0), (2.0, 0.0)]);
    assert_eq!(slope(|x| x.at(0).max(x.at(2).get() + 2.0)), [(2.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]);
    assert_eq!(numbers(&grad(|x: &Array| x.max().real())(&x)), [(0.5, 0.0), (0.0, 0.0), (0.0, 0.0), (0.5, 0.0)]);
}

#[test]
fn what_complex_numbers_do_not_have_is_said() {
    let says = |f: fn(&Array) -> Array, words: &[&str]| {
        let error = jit(f).try_call((&complex(&[(1.0, 2.0), (3.0, 4.0)]),)).expect_err("an error").to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    };
    says(|x| x.argmax(), &["argmax", "c64[2]", "np::abs(x)", "np::argsort(x)"]);
    says(|x| x.argmin(), &["argmin", "c64[2]", "np::abs(x)"]);
    says(|x| cotangent::lax::top_k(x, 1, 0).0, &["top_k", "c64[2]", "np::abs(x)"]);
    says(|x| np::hypot(x, 1.0), &["hypot", "c64[2]", "np::hypot(np::abs(x), np::abs(y))"]);
}
