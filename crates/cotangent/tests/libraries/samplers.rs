//! Samplers with parameters or loops, and keys of other implementations: equal to JAX's stored samples and derivatives,
//! compatible with every transform, and of the right distribution.

use super::goldens_lib;
use super::random::{Excuses, assert_alike, differs, draw, key_of, operand, sample};

use cotangent::lax;
use cotangent::prelude::*;
use cotangent::random::{self, Factor, Key, KeyImpl};
use cotangent::scipy::special;
use goldens_lib::{array, cases, dtype, floats, run_all, shape};
use serde_json::Value;

/// The sample of a case with some of its arguments replaced, and whether it must be exact. `None` for functions
/// that tests/libraries/random.rs knows.
fn draws(case: &Value, parameter: impl Fn(&str) -> Array) -> Option<(Array, bool)> {
    let (key, args) = (key_of(case), &case["args"]);
    let dims = || shape(&args["shape"]);
    let dt = || dtype(&args["dtype"]);
    let d = || args["d"].as_u64().expect("a number") as usize;
    let exact = COUNTS.contains(&case["fn"].as_str()?);
    let x = match case["fn"].as_str()? {
        "gamma" => random::gamma_as(key, parameter("a"), dims(), dt()),
        "loggamma" => random::loggamma_as(key, parameter("a"), dims(), dt()),
        "beta" => random::beta_as(key, parameter("a"), parameter("b"), dims(), dt()),
        "chisquare" => random::chisquare_as(key, parameter("df"), dims(), dt()),
        "f" => random::f_as(key, parameter("dfnum"), parameter("dfden"), dims(), dt()),
        "t" => random::t_as(key, parameter("df"), dims(), dt()),
        "generalized_normal" => random::generalized_normal_as(key, parameter("p"), dims(), dt()),
        "ball" => random::ball_as(key, d(), parameter("p"), dims(), dt()),
        "dirichlet" => random::dirichlet_as(key, parameter("alpha"), dims(), dt()),
        "double_sided_maxwell" => {
            random::double_sided_maxwell_as(key, parameter("loc"), parameter("scale"), dims(), dt())
        }
        "maxwell" => random::maxwell_as(key, dims(), dt()),
        "wald" => random::wald_as(key, parameter("mean"), dims(), dt()),
        "triangular" => {
            random::triangular_as(key, parameter("left"), parameter("mode"), parameter("right"), dims(), dt())
        }
        "pareto" => random::pareto_as(key, parameter("b"), dims(), dt()),
        "weibull_min" => random::weibull_min_as(key, parameter("scale"), parameter("concentration"), dims(), dt()),
        "rayleigh" => random::rayleigh_as(key, parameter("scale"), dims(), dt()),
        "lognormal" => random::lognormal_as(key, parameter("sigma"), dims(), dt()),
        "multivariate_normal" => random::multivariate_normal_as(key, parameter("mean"), parameter("cov"), dims(), dt()),
        "orthogonal" => {
            let n = |name: &str| args[name].as_u64().map(|n| n as usize);
            let m = n("m").or(n("n")).expect("a size");
            random::orthogonal_m_as(key, n("n").expect("a size"), dims(), m, dt())
        }
        "poisson" => random::poisson_as(key, parameter("lam"), dims(), dt()),
        "binomial" => random::binomial_as(key, parameter("n"), parameter("p"), dims(), dt()),
        "multinomial" => random::multinomial_as(key, parameter("n"), parameter("p"), dims(), dt()),
        _ => return None,
    };
    Some((x, exact))
}

fn given(case: &Value) -> impl Fn(&str) -> Array {
    |name| operand(&case["args"][name])
}

/// Compares the cases for which `wanted` is true, and returns the excuses that were used.
fn check(wanted: impl Fn(&Value) -> bool) -> Excuses {
    let cases: Vec<Value> =
        cases("samplers").into_iter().filter(|case| case["fn"] != "histogram" && wanted(case)).collect();
    assert!(!cases.is_empty());
    let excuses = Excuses::read();
    run_all(&cases, |case| {
        let (x, exact) = draws(case, given(case)).or_else(|| sample(case)).expect("a known function");
        differs(&x, case, exact, &excuses)
    });
    excuses
}

const COUNTS: [&str; 3] = ["poisson", "binomial", "multinomial"];

fn is_count(case: &Value) -> bool {
    COUNTS.contains(&case["fn"].as_str().expect("a name"))
}

#[test]
fn real_samples_equal_jax() {
    check(|case| case["impl"].is_null() && !is_count(case)).finish();
}

#[test]
fn counts_equal_jax() {
    check(is_count);
}

#[test]
fn keys_of_other_implementations_equal_jax() {
    check(|case| !case["impl"].is_null());
}

#[test]
fn histograms_equal_jax() {
    for case in cases("samplers").iter().filter(|case| case["fn"] == "histogram") {
        let argument = |i: usize| case["args"][i].as_f64().expect("a number");
        let key = random::key(9);
        let x = match case["of"].as_str() {
            Some("poisson") => random::poisson(key, argument(0), 20_000),
            _ => random::binomial(key, argument(0), argument(1), 20_000),
        };
        let wanted: Vec<u64> = case["counts"].as_array().expect("counts").iter().filter_map(Value::as_u64).collect();
        let mut found = vec![0u64; wanted.len()];
        for x in floats(&x) {
            found[x as usize] += 1;
        }
        assert_eq!(found, wanted, "{}", case["of"]);
    }
}

/// The sum of the samples of a case with weights, as a function of one of its parameters.
fn weighted<'a>(case: &'a Value, name: &'a str) -> impl Fn(&Array) -> Array + 'a {
    let held = given(case);
    move |p: &Array| {
        let parameter = |other: &str| if other == name { p.clone() } else { held(other) };
        let (x, _) = draws(case, parameter).or_else(|| bounded(case, parameter)).expect("a known function");
        let weights = np::arange(x.size() as f64).astype(x.dtype()).cos().reshape(x.shape());
        (weights * x).sum()
    }
}

/// The samplers of tests/libraries/random.rs whose bounds have derivatives.
fn bounded(case: &Value, parameter: impl Fn(&str) -> Array) -> Option<(Array, bool)> {
    let (key, dims, dt) = (key_of(case), shape(&case["args"]["shape"]), dtype(&case["args"]["dtype"]));
    let x = match case["fn"].as_str()? {
        "truncated_normal" => random::truncated_normal_as(key, parameter("lower"), parameter("upper"), dims, dt),
        "uniform" => random::uniform_in_as(key, dims, dt, parameter("minval"), parameter("maxval")),
        _ => return None,
    };
    Some((x, false))
}

/// Compares a derivative with a stored one.
fn derivative_differs(what: &str, found: &Array, expected: &Value) -> Option<String> {
    let expected = array(expected);
    let tolerance = if expected.dtype() == DType::F64 { 1e-9 } else { 2e-4 };
    goldens_lib::difference(found, &expected, tolerance, tolerance).map(|difference| format!("{what}: {difference}"))
}

#[test]
fn derivatives_in_the_parameters_equal_jax() {
    let cases = goldens_lib::golden("samplers.json")["slopes"].as_array().expect("a list").clone();
    run_all(&cases, |case| {
        let slopes = case["slopes"].as_object().expect("slopes");
        slopes.iter().find_map(|(name, expected)| {
            derivative_differs(name, &grad(weighted(case, name))(&operand(&case["args"][name])), expected)
        })
    });
}

/// Every parameter of every sampler: first derivatives, also of a batch, and second ones where JAX has them, which are
/// those of samplers without a rejection loop.
#[test]
fn first_and_second_derivatives_equal_jax() {
    let cases = goldens_lib::golden("sampler_slopes.json")["slopes"].as_array().expect("a list").clone();
    run_all(&cases, |case| {
        let wide = case["x64"] == true;
        let slopes = case["slopes"].as_object().expect("slopes");
        slopes.iter().find_map(|(name, expected)| {
            let at = operand(&case["args"][name]);
            let slope = grad(weighted(case, name));
            derivative_differs(name, &slope(&at), expected)
                .or_else(|| match case["bends"][name].clone() {
                    Value::Null => None,
                    bends => {
                        let bend = grad(|p: &Array| grad(weighted(case, name))(p).sum())(&at);
                        derivative_differs(&format!("{name}, second"), &bend, &bends)
                    }
                })
                .or_else(|| {
                    let rows =
                        if wide { return None } else { vmap(grad(weighted(case, name)))(&np::stack([&at, &at], 0)) };
                    derivative_differs(&format!("{name}, batch"), &rows.get(1), expected)
                })
        })
    });
}

/// The derivative of a sample x in a is −(∂P/∂a)/(∂P/∂x), with the distribution function P. Here both slopes are numeric.
#[test]
fn the_derivative_of_a_gamma_sample_is_implicit() {
    let a = Array::from(vec![0.05f64, 0.4, 1.0, 2.5, 30.0, 500.0]);
    let draw = |a: &Array| random::gamma_as(random::key(1), a, 6, DType::F64);
    let log_draw = |a: &Array| random::loggamma_as(random::key(1), a, 6, DType::F64);
    let slopes = floats(&grad(|a: &Array| draw(a).sum())(&a));
    let log_slopes = floats(&grad(|a: &Array| log_draw(a).sum())(&a));
    for (i, (a, x)) in floats(&a).into_iter().zip(floats(&draw(&a))).enumerate() {
        let p = |a: f64, x: f64| special::gammainc(Array::from(vec![a]), Array::from(vec![x])).get(0).item::<f64>();
        let (ha, hx) = (1e-5 * a, 1e-5 * x);
        let in_a = (p(a + ha, x) - p(a - ha, x)) / (2.0 * ha);
        let in_x = (p(a, x + hx) - p(a, x - hx)) / (2.0 * hx);
        let wanted = -in_a / in_x;
        assert!((slopes[i] / wanted - 1.0).abs() < 1e-5, "a = {a}: {} and not {wanted}", slopes[i]);
        assert!((log_slopes[i] * x / wanted - 1.0).abs() < 1e-5, "a = {a}: {} and not {}", log_slopes[i], wanted / x);
    }
}

/// Where a sample underflows, P(x; a) is xᵃ/Γ(a + 1), so that log x is (log P + log Γ(a + 1))/a.
#[test]
fn the_derivative_of_a_tiny_gamma_sample_is_right() {
    for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-11)] {
        let a = Array::from(vec![1e-5f64, 1e-3]).astype(dtype);
        let log_x = floats(&random::loggamma_as(random::key(2), &a, 2, dtype));
        let slopes = floats(&grad(|a: &Array| random::loggamma_as(random::key(2), a, 2, dtype).sum())(&a));
        for ((a, log_x), slope) in [1e-5, 1e-3].into_iter().zip(log_x).zip(slopes) {
            assert!(log_x < -800.0, "the sample underflows: {log_x}");
            // ψ(1 + a), by its Taylor series.
            let digamma = -0.577_215_664_901_532_9 + 1.644_934_066_848_226_4 * a - 1.202_056_9 * a * a;
            let wanted = (digamma - log_x) / a;
            assert!((slope / wanted - 1.0).abs() < tolerance, "{slope} and not {wanted}");
        }
    }
}

/// Samplers whose uniform numbers do not depend on the parameters: the slope is that of the formula.
#[test]
fn derivatives_agree_with_differences() {
    type Sampler = fn(Key, &Array) -> Array;
    let samplers: [(&str, Sampler); 6] = [
        ("wald", |key, p| random::wald_as(key, p, 9, DType::F64)),
        ("pareto", |key, p| random::pareto_as(key, p, 9, DType::F64)),
        ("weibull_min", |key, p| random::weibull_min_as(key, 2.0, p, 9, DType::F64)),
        ("rayleigh", |key, p| random::rayleigh_as(key, p, 9, DType::F64)),
        ("lognormal", |key, p| random::lognormal_as(key, p, 9, DType::F64)),
        ("triangular", |key, p| random::triangular_as(key, 0.0, p, 3.0, 9, DType::F64)),
    ];
    for (name, sampler) in samplers {
        let f = |p: &Array| sampler(random::key(4), p).sum();
        let (at, h) = (Array::from(vec![1.3f64]).get(0), 1e-4);
        let value = |p: f64| f(&(&at + p)).item::<f64>();
        let slope = (value(h) - value(-h)) / (2.0 * h);
        let bend = (value(h) - 2.0 * value(0.0) + value(-h)) / (h * h);
        let found = grad(f)(&at).item::<f64>();
        let second = grad(grad(f))(&at).item::<f64>();
        assert!((found - slope).abs() < 1e-5 * slope.abs().max(1.0), "{name}: {found} and not {slope}");
        assert!((second - bend).abs() < 1e-4 * bend.abs().max(1.0), "{name}, second: {second} and not {bend}");
    }
}

/// A sampler, applied to each key with its parameter, in a loop, under `vmap`, under `jit`, and under `scan`.
fn passes_through_transforms(name: &str, implementations: &[KeyImpl], f: fn(&Key, &Array) -> Array, exact: bool) {
    let parameters = Array::from([0.3f32, 2.0, 15.0]);
    for &implementation in implementations {
        let keys = random::split(random::key_as(3, implementation), 3);
        let each = keys.clone().into_iter().zip(parameters.iter()).map(|(key, p)| f(&key, &p)).collect::<Vec<_>>();
        let loops = np::stack(&each, 0);
        let rows = vmap(f)(&keys, &parameters);
        let jitted = jit(|keys: &Key, p: &Array| vmap(f)(keys, p))(&keys, &parameters);
        let step = |(): (), (key, p): (Key, Array)| ((), f(&key, &p));
        let ((), scanned) = lax::scan(step, (), &(keys, parameters.clone()));
        for (how, x) in [("vmap", rows), ("jit", jitted), ("scan", scanned)] {
            let tolerance = if exact { 0.0 } else { 1e-5 };
            let failure = goldens_lib::difference(&x, &loops, tolerance, tolerance);
            assert!(failure.is_none(), "{name}, {implementation}, {how}: {failure:?}");
        }
    }
}

#[test]
fn samplers_pass_through_transforms() {
    use KeyImpl::{Rbg, Threefry2x32, UnsafeRbg};
    let check = passes_through_transforms;
    let all = &[Threefry2x32, Rbg, UnsafeRbg];
    check("bits", all, |key, _| random::bits_as(key.clone(), 5, DType::U8), true);
    check("split", all, |key, _| random::key_data(&random::split(key.clone(), (2, 2))), true);
    check("fold_in", all, |key, a| random::key_data(&random::fold_in(key.clone(), a.astype(DType::I32))), true);
    check("normal", all, |key, a| random::normal(key.clone(), [2, 3]) * a, false);
    check("gamma", &[Threefry2x32, Rbg], |key, a| random::gamma(key.clone(), a, [2, 3]), false);
    let one = &[Threefry2x32];
    check("beta", one, |key, a| random::beta(key.clone(), a, 0.5, 3), false);
    check("dirichlet", one, |key, a| random::dirichlet(key.clone(), a.broadcast_to(3), 2), false);
    check("wald", one, |key, a| random::wald(key.clone(), a, 3), false);
    check("poisson", one, |key, a| random::poisson(key.clone(), a, [2, 3]), true);
    check("binomial", one, |key, n| random::binomial(key.clone(), n * 10.0, 0.3, 4), true);
    let multinomial = |key: &Key, n: &Array| random::multinomial(key.clone(), n.floor(), Array::from([0.2f32, 0.8]), 2);
    check("multinomial", one, multinomial, true);
}

#[test]
fn slopes_of_a_batch_are_those_of_its_elements() {
    let keys = random::split(random::key(8), 3);
    let a = Array::from([0.3f32, 1.0, 20.0]);
    let slope = |key: &Key, a: &Array| grad(|a: &Array| random::gamma(key.clone(), a, 4).sum())(a);
    let rows = vmap(slope)(&keys, &a);
    let each: Vec<Array> = keys.into_iter().zip(a.iter()).map(|(key, a)| slope(&key, &a)).collect();
    assert_eq!(goldens_lib::difference(&rows, &np::stack(&each, 0), 1e-5, 1e-6), None);
    // Forward and reverse mode agree.
    let draw = |a: &Array| random::loggamma(random::key(5), a, 3);
    let ones = np::ones(3);
    let (_, forward) = jvp(draw, (&a,), (&ones,));
    let reverse = grad(|a: &Array| draw(a).sum())(&a);
    assert_eq!(goldens_lib::difference(&forward, &reverse, 1e-6, 0.0), None);
}

#[test]
fn distributions_agree_with_rand_distr() {
    const N: usize = 20_000;
    let key = || random::key(17);
    for a in [0.2, 1.0, 4.5] {
        assert_alike(&random::gamma(key(), a, N), draw(rand_distr::Gamma::new(a, 1.0).expect("parameters"), N));
        assert_alike(
            &random::loggamma(key(), a, N).exp(),
            draw(rand_distr::Gamma::new(a, 1.0).expect("parameters"), N),
        );
    }
    assert_alike(&random::beta(key(), 0.5, 2.0, N), draw(rand_distr::Beta::new(0.5, 2.0).expect("parameters"), N));
    assert_alike(&random::chisquare(key(), 3.0, N), draw(rand_distr::ChiSquared::new(3.0).expect("parameters"), N));
    assert_alike(&random::f(key(), 4.0, 7.0, N), draw(rand_distr::FisherF::new(4.0, 7.0).expect("parameters"), N));
    assert_alike(&random::t(key(), 2.5, N), draw(rand_distr::StudentT::new(2.5).expect("parameters"), N));
    for mean in [0.5, 3.0] {
        let exact = draw(rand_distr::InverseGaussian::new(mean, 1.0).expect("parameters"), N);
        assert_alike(&random::wald(key(), mean, N), exact);
    }
}

/// Asserts that counts have the frequencies of a distribution with the given logarithms of probabilities, where at least
/// ten samples are expected: by χ², with a limit that is exceeded once in a thousand times or less.
fn assert_counts(what: &str, x: &Array, log_p: impl Fn(f64) -> f64) {
    let x = floats(x);
    let (mut statistic, mut cells) = (0.0, 0);
    for k in 0..1000 {
        let expected = log_p(f64::from(k)).exp() * x.len() as f64;
        if expected >= 10.0 {
            let found = x.iter().filter(|x| **x == f64::from(k)).count() as f64;
            statistic += (found - expected).powi(2) / expected;
            cells += 1;
        }
    }
    // χ² of n degrees of freedom is about normal, with mean n and variance 2n.
    let n = f64::from(cells);
    assert!(cells > 2 && statistic < n + 4.0 * (2.0 * n).sqrt(), "{what}: χ² is {statistic}, for {cells} cells");
}

#[test]
fn counts_have_the_right_frequencies() {
    const N: usize = 20_000;
    let log_factorial = |k: f64| (1..=k as u64).map(|i| (i as f64).ln()).sum::<f64>();
    for lam in [0.7, 9.0, 60.0] {
        let log_p = |k: f64| k * f64::ln(lam) - lam - log_factorial(k);
        assert_counts("poisson", &random::poisson(random::key(17), lam, N), log_p);
    }
    for (n, p) in [(12.0, 0.3), (200.0, 0.3), (200.0, 0.9)] {
        let log_p = |k: f64| match k {
            k if k > n => f64::NEG_INFINITY,
            k => {
                let choices = log_factorial(n) - log_factorial(k) - log_factorial(n - k);
                choices + k * f64::ln(p) + (n - k) * f64::ln(1.0 - p)
            }
        };
        assert_counts("binomial", &random::binomial(random::key(17), n, p, N), log_p);
        // The first outcome of a multinomial distribution is binomial.
        let outcomes = random::multinomial(random::key(18), n, Array::from([p, 0.75 - 0.75 * p, 0.25 - 0.25 * p]), N);
        assert_counts("multinomial", &outcomes.get((.., 0)), log_p);
    }
}

/// The samples are roots of x² − (2μ + μ²v²) x + μ² = 0, for a normal v. Here, they are computed in f64 from the same
/// normal and uniform numbers.
#[test]
fn wald_samples_are_the_roots_of_their_quadratic() {
    let n = 300;
    for (dtype, tolerance) in [(DType::F16, 2e-3), (DType::BF16, 1e-2), (DType::F32, 1e-6)] {
        let [normal_key, uniform_key] = random::key(5).split();
        let normals = floats(&random::normal_as(normal_key, n, dtype));
        let uniforms = floats(&random::uniform_as(uniform_key, n, dtype));
        let means: &[f64] = if dtype == DType::F16 { &[1e-4, 0.5, 60_000.0] } else { &[1e-30, 0.01, 1.0, 1e4, 1e30] };
        for mean in means {
            let mean = floats(&Array::from(vec![*mean]).astype(dtype))[0];
            let found = floats(&random::wald_as(random::key(5), mean, n, dtype));
            for ((v, z), x) in normals.iter().zip(&uniforms).zip(found) {
                let scaled = mean * v * v;
                let ratio = 1.0 + 0.5 * (scaled + (scaled * (4.0 + scaled)).sqrt());
                let limit = ratio / (1.0 + ratio);
                let wanted = if *z <= limit { mean / ratio } else { mean * ratio };
                // A sample next to the limit may be either root.
                let right = (x - wanted).abs() <= tolerance * wanted.abs() || (z - limit).abs() < 1e-6;
                let beyond = wanted > 65_504.0 && x.is_infinite() && dtype == DType::F16;
                assert!(right || beyond, "{dtype}, mean {mean}, v = {v}, z = {z}: {x} and not {wanted}");
            }
        }
        let limit = floats(&random::wald_as(random::key(5), f64::INFINITY, n, dtype));
        let wanted = normals.iter().map(|v| 1.0 / (v * v));
        assert!(limit.iter().zip(wanted).all(|(x, w)| (x - w).abs() <= tolerance * w || w > 65_504.0), "{dtype}");
    }
}

/// For a large mean, the Wald distribution is close to that of 1/z² for normal z, which has quantile 1/(Φ⁻¹(¾))² at ½.
#[test]
fn wald_samples_of_large_means_do_not_cancel() {
    let x = random::wald(random::key(3), 1e7, 20_001);
    assert!(x.min().item::<f32>() > 0.0);
    let median = np::sort(&x).get(10_000).item::<f64>();
    assert!((median - 2.198).abs() < 0.1, "{median}");
}

#[test]
fn infinitely_many_improbable_trials_end() {
    let x = random::binomial(random::key(0), f64::INFINITY, Array::from([0.0f32, 0.5, 1.0]), 3).to_vec::<f32>();
    assert_eq!(x, [f32::INFINITY; 3]);
}

#[test]
fn keys_of_every_implementation_are_saved_and_loaded() {
    for implementation in [KeyImpl::Threefry2x32, KeyImpl::Rbg, KeyImpl::UnsafeRbg] {
        let keys = random::split(random::key_as(5, implementation), (2, 3));
        for key in [keys.clone(), keys.at((1, 2))] {
            let text = serde_json::to_string(&key).expect("JSON");
            let read: Key = serde_json::from_str(&text).expect("a key");
            assert_eq!(read.implementation(), implementation);
            assert_eq!(read.shape(), key.shape());
            assert_eq!(read.data().to_vec::<u32>(), key.data().to_vec::<u32>());
        }
        let tree = (keys.clone(), np::ones(2));
        assert!(tree.same_structure(&tree.map(Clone::clone)));
        assert_eq!(keys.reshape(6).at(4).data().to_vec::<u32>(), keys.at((1, 1)).data().to_vec::<u32>());
    }
    // A function is traced for each implementation.
    let draw = jit(|key: &Key| random::bits(key.clone(), 2));
    let [a, b] = [KeyImpl::Rbg, KeyImpl::UnsafeRbg].map(|i| random::key_as(5, i));
    assert_eq!(draw(&a).to_vec::<u32>(), draw(&b).to_vec::<u32>());
    assert_ne!(draw(&a).to_vec::<u32>(), draw(&random::key(5)).to_vec::<u32>());
}

/// Samples have the mean and the covariance, however the covariance is factored, and also if it is singular.
#[test]
fn multivariate_normal_samples_have_their_covariance() {
    let mean = Array::from([1.0f32, -2.0, 0.5]);
    let regular = Array::from([[2.0f32, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, 0.7]]);
    let singular = Array::from([[1.0f32, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]);
    for (cov, method) in
        [(&regular, Factor::Cholesky), (&regular, Factor::Eigh), (&regular, Factor::Svd), (&singular, Factor::Svd)]
    {
        let x = random::multivariate_normal_method(random::key(6), &mean, cov, 20_000, method);
        let centered = &x - &mean;
        let found = centered.t().matmul(&centered) / 20_000.0;
        assert!(centered.mean_axis(0).abs().max().item::<f32>() < 0.05, "{method:?}");
        assert!((found - cov).abs().max().item::<f32>() < 0.08, "{method:?}");
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let panics = |f: &(dyn Fn() + std::panic::RefUnwindSafe)| {
        let panic = std::panic::catch_unwind(f).expect_err("an error");
        panic.downcast_ref::<String>().expect("a message").clone()
    };
    let text = panics(&|| drop(random::gamma(random::key(0), Array::from([1.0, 2.0]), 3)));
    assert!(text.contains("a parameter of shape [2] does not broadcast to the shape [3]"), "{text}");
    assert!(text.contains("tests/libraries/samplers.rs"), "{text}");
    let text = panics(&|| drop(random::poisson_as(random::key(0), 1.0, 3, DType::F32)));
    assert!(text.contains("poisson: expected an integer dtype, got f32"), "{text}");
    let text = panics(&|| drop(random::dirichlet(random::key(0), 1.0, 3)));
    assert!(text.contains("dirichlet: the parameters need an axis"), "{text}");
    let text = panics(&|| drop(random::wrap_key_data_as(Array::from([1u32, 2]), KeyImpl::Rbg)));
    assert!(text.contains("expected the data of a key, u32[…,4], got u32[2]"), "{text}");
    let text = "philox".parse::<KeyImpl>().expect_err("no such implementation").to_string();
    assert!(text.contains("there are `threefry2x32`, `rbg`, `unsafe_rbg`"), "{text}");
    let text = random::KeyRng::new(random::key_as(0, KeyImpl::Rbg)).expect_err("no such stream").to_string();
    assert!(text.contains("expected one key of threefry2x32, got u32[4] of rbg"), "{text}");
}
