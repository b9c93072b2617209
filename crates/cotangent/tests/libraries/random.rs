//! Random numbers: equal to JAX's stored ones, compatible with every transform, and of the right distribution.

use std::cell::Cell;

use super::goldens_lib;

use cotangent::prelude::*;
use cotangent::random::{self, Key, KeyImpl, KeyRng, Mode};
use goldens_lib::{array, cases, dtype, float, run_all, shape};
use rand_distr::Distribution;
use serde::Deserialize;
use serde_json::Value;

/// Returns the raw bits of the elements as integers. A complex number has two.
fn raw(x: &Array) -> Vec<u64> {
    if x.dtype().is_complex() {
        return raw(&np::stack(&[&x.real(), &x.imag()], -1));
    }
    let words = if x.dtype() == DType::Bool { x.astype(DType::U8) } else { x.bitcast(x.dtype().unsigned()) };
    match words.dtype() {
        DType::U64 => words.to_vec(),
        _ => words.astype(DType::U64).to_vec(),
    }
}

/// Whether this is a GPU, whose compiler contracts products and sums in its own way.
fn on_gpu() -> bool {
    Device::current().is_ok_and(|device| device.platform() != cotangent::Platform::Cpu)
}

/// Maps floats to integers in the same order, so that a difference counts the floats in between.
fn rank(bits: u64, width: usize) -> i64 {
    let sign = 1u64 << (width - 1);
    if bits & sign == 0 { bits as i64 } else { -((bits & !sign) as i64) }
}

/// How far samples may be from JAX's where they differ by more than two units in the last place. The list is in
/// `goldens/excuses.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Excuse {
    functions: Vec<String>,
    dtypes: Vec<String>,
    /// The largest difference, in units in the last place.
    units: u64,
    /// Whether only some processors need it. JAX's samples are stored as one processor computes them.
    #[serde(default)]
    on_some_processors: bool,
    why: String,
}

/// The excuses, each with the number of samples it has covered and the largest of their differences.
pub(super) struct Excuses(Vec<(Excuse, Cell<(usize, u64)>)>);

impl Excuses {
    pub(super) fn read() -> Excuses {
        let list: Vec<Excuse> =
            serde_json::from_value(goldens_lib::golden("excuses.json")["samples"].take()).expect("a list of excuses");
        Excuses(list.into_iter().map(|excuse| (excuse, Cell::new((0, 0)))).collect())
    }

    /// Whether an excuse covers a difference of `units` in the last place.
    fn cover(&self, function: &str, dtype: DType, units: u64) -> bool {
        let of = |(excuse, _): &&(Excuse, Cell<_>)| {
            excuse.functions.iter().any(|name| name == function)
                && excuse.dtypes.iter().any(|d| *d == dtype.to_string())
        };
        let Some((_, used)) = self.0.iter().filter(of).find(|(excuse, _)| units <= excuse.units) else { return false };
        let (n, most) = used.get();
        used.set((n + 1, most.max(units)));
        true
    }

    /// Prints what each excuse covered, and fails for one that nothing needed.
    pub(super) fn finish(&self) {
        for (excuse, used) in &self.0 {
            let (n, most) = used.get();
            println!("- {n} samples, by up to {most} units: {}", excuse.why);
        }
        let idle = |(excuse, used): &&(Excuse, Cell<(usize, u64)>)| used.get().0 == 0 && !excuse.on_some_processors;
        let idle: Vec<_> = self.0.iter().filter(idle).map(|(excuse, _)| &excuse.why).collect();
        assert!(on_gpu() || idle.is_empty(), "excuses that nothing needs: {idle:?}");
    }
}

/// Describes how the sample of a case differs from the stored one, if it does: by more than two units in the last place
/// that no excuse covers. If `exact`, all bits must agree, except those of NaNs.
pub(super) fn differs(x: &Array, case: &Value, exact: bool, excuses: &Excuses) -> Option<String> {
    let expected = &case["output"];
    let function = case["fn"].as_str().expect("a name");
    // A GPU's compiler contracts products and sums in its own way, and its functions differ in their last places.
    let units = if exact {
        0
    } else if on_gpu() {
        32
    } else {
        2
    };
    let wanted = dtype(&expected["dtype"]);
    // There is no 64-bit flag here: the default integer is `i32`, also where JAX had the flag on.
    let wanted = if wanted == DType::I64 && x.dtype() == DType::I32 { DType::I32 } else { wanted };
    if x.dtype() != wanted || x.shape() != shape(&expected["shape"]) {
        return Some(format!("{} instead of {expected}", x.aval()));
    }
    let bits = raw(x);
    let (whole, of) = (x.dtype(), x.dtype().real());
    let value = |bits: u64| match of {
        DType::F16 => f64::from(half::f16::from_bits(bits as u16)),
        DType::BF16 => f64::from(half::bf16::from_bits(bits as u16)),
        DType::F32 => f64::from(f32::from_bits(bits as u32)),
        DType::F64 => f64::from_bits(bits),
        _ => bits as f64,
    };
    let list = |name: &str| -> Option<Vec<u64>> {
        expected[name].as_array().map(|a| a.iter().map(|v| v.as_u64().expect("bits")).collect())
    };
    let compare = |got: &[u64], expected: &[u64]| -> Option<String> {
        (got.iter().zip(expected).enumerate()).find_map(|(i, (a, b))| {
            let (x, y) = (value(*a), value(*b));
            let apart = rank(*a, of.bits()).abs_diff(rank(*b, of.bits()));
            let same = a == b
                || (of.is_float() && x.is_nan() && y.is_nan())
                || (units > 0 && (apart <= units || excuses.cover(function, whole, apart)));
            (!same).then(|| format!("element {i} is {x} (bits {a}) instead of {y}"))
        })
    };
    if let Some(all) = list("bits") {
        return compare(&bits, &all);
    }
    let (head, tail) = (list("head")?, list("tail")?);
    let failure = compare(&bits, &head).or_else(|| compare(&bits[bits.len() - tail.len()..], &tail));
    if failure.is_some() {
        return failure;
    }
    if exact {
        let xor = bits.iter().fold(0, |a, b| a ^ b);
        return (Some(xor) != expected["xor"].as_u64()).then(|| format!("the xor is {xor}"));
    }
    let (sum, expected) = (goldens_lib::floats(x).iter().sum::<f64>(), float(&expected["sum"]));
    let tolerance = if x.dtype().bits() < 32 { 2e-2 } else { 1e-4 };
    ((sum - expected).abs() > tolerance * expected.abs().max(1.0)).then(|| format!("the sum is {sum}, not {expected}"))
}

pub(super) fn key_of(case: &Value) -> Key {
    let seed = case["seed"].as_i64().expect("a seed");
    let wide = case["x64"].as_bool().expect("a flag");
    let implementation = case["impl"].as_str().map_or(KeyImpl::default(), |name| name.parse().expect("a name"));
    if wide { random::key_as(seed, implementation) } else { random::key_as(seed as i32, implementation) }
}

/// Reads an argument: a number or an array.
pub(super) fn operand(x: &Value) -> Array {
    match x {
        Value::Object(_) => array(x),
        Value::Number(n) if n.is_i64() => Array::from(n.as_i64().expect("an integer")),
        _ => Array::from(float(x)),
    }
}

pub(super) fn sample(case: &Value) -> Option<(Array, bool)> {
    let (key, args) = (key_of(case), &case["args"]);
    let arg = |name: &str| operand(&args[name]);
    let or = |name: &str, default: f64| if args[name].is_null() { Array::from(default) } else { arg(name) };
    let dims = || shape(&args["shape"]);
    let dt = || if args["dtype"].is_null() { DType::F32 } else { dtype(&args["dtype"]) };
    let integer = || if args["dtype"].is_null() { DType::I32 } else { dt() };
    let mode = || match args["mode"].as_str() {
        Some("high") => Mode::High,
        Some("highest") => Mode::Highest,
        _ => Mode::Low,
    };
    let name = case["fn"].as_str()?;
    let exact = match name {
        "PRNGKey" | "key" => key.data().clone(),
        "split" => {
            let n = &args["num"];
            let n = if n.is_array() { shape(n) } else { vec![n.as_u64()? as usize] };
            random::split(key, n).data().clone()
        }
        "fold_in" => random::fold_in(key, case_data(args)).data().clone(),
        "bits" => random::bits_as(key, dims(), dt()),
        "uniform" if on_gpu() && !args["minval"].is_null() => {
            let (low, high) = (or("minval", 0.0), or("maxval", 1.0));
            return Some((random::uniform_in_as(key, dims(), dt(), low, high), false));
        }
        "uniform" => random::uniform_in_as(key, dims(), dt(), or("minval", 0.0), or("maxval", 1.0)),
        "randint" => random::randint_as(key, dims(), integer(), arg("minval"), arg("maxval")),
        "bernoulli" => {
            let p = arg("p");
            let dims = if args["shape"].is_null() { p.shape().to_vec() } else { dims() };
            random::bernoulli_mode(key, p, dims, mode())
        }
        "rademacher" => random::rademacher_as(key, dims(), integer()),
        "geometric" => random::geometric_as(key, arg("p"), dims(), integer()),
        "permutation" => {
            let axis = args["axis"].as_i64().unwrap_or(0) as isize;
            match args["x"].as_u64() {
                Some(n) => random::permutation(key, n as usize),
                None if args["independent"] == true => random::permutation_independent(key, arg("x"), axis),
                None => random::permutation_axis(key, arg("x"), axis),
            }
        }
        "choice" => {
            let replace = args["replace"].as_bool().unwrap_or(true);
            let dims = if args["shape"].is_null() { vec![] } else { dims() };
            match (args["a"].as_u64(), args["axis"].as_i64(), args["p"].is_null()) {
                (Some(n), None, true) => random::choice(key, n as usize, dims, replace),
                (Some(n), None, false) => random::choice_p(key, n as usize, arg("p"), dims, replace),
                (None, axis, true) => random::choice_axis(key, arg("a"), axis.unwrap_or(0) as isize, dims, replace),
                (None, None, false) => random::choice_p(key, arg("a"), arg("p"), dims, replace),
                other => panic!("no such choice: {other:?}"),
            }
        }
        "categorical" => {
            let logits = arg("logits");
            let axis = args["axis"].as_i64().unwrap_or(-1) as isize;
            let batch = || {
                let at = axis.rem_euclid(logits.ndim() as isize) as usize;
                let mut dims = logits.shape().to_vec();
                dims.remove(at);
                dims
            };
            let dims = if args["shape"].is_null() { batch() } else { dims() };
            random::categorical_mode(key, &logits, axis, dims, args["replace"] != false, mode())
        }
        _ => {
            let sample = match name {
                "normal" => random::normal_as(key, dims(), dt()),
                "exponential" => random::exponential_as(key, dims(), dt()),
                "gumbel" => random::gumbel_mode_as(key, dims(), mode(), dt()),
                "laplace" => random::laplace_as(key, dims(), dt()),
                "logistic" => random::logistic_as(key, dims(), dt()),
                "cauchy" => random::cauchy_as(key, dims(), dt()),
                "truncated_normal" => random::truncated_normal_as(key, arg("lower"), arg("upper"), dims(), dt()),
                "triangular" => random::triangular_as(key, arg("left"), arg("mode"), arg("right"), dims(), dt()),
                "pareto" => random::pareto_as(key, arg("b"), dims(), dt()),
                "weibull_min" => random::weibull_min_as(key, arg("scale"), arg("concentration"), dims(), dt()),
                "rayleigh" => random::rayleigh_as(key, arg("scale"), dims(), dt()),
                "lognormal" => random::lognormal_as(key, arg("sigma"), dims(), dt()),
                _ => return None,
            };
            return Some((sample, false));
        }
    };
    Some((exact, true))
}

fn case_data(args: &Value) -> Array {
    Array::from(args["data"].as_i64().expect("an integer"))
}

fn check(names: &[&str]) {
    let cases: Vec<Value> =
        cases("random").into_iter().filter(|c| names.contains(&c["fn"].as_str().unwrap_or_default())).collect();
    assert!(!cases.is_empty());
    let excuses = Excuses::read();
    run_all(&cases, |case| {
        let (x, exact) = sample(case).expect("a known function");
        differs(&x, case, exact, &excuses)
    });
}

#[test]
fn keys_and_bits_equal_jax() {
    check(&["PRNGKey", "split", "fold_in", "bits"]);
}

#[test]
fn uniform_numbers_equal_jax() {
    check(&["uniform", "bernoulli", "rademacher"]);
}

#[test]
fn integers_equal_jax() {
    check(&["randint", "geometric"]);
}

#[test]
fn permutations_equal_jax() {
    check(&["permutation"]);
}

#[test]
fn choices_equal_jax() {
    check(&["choice"]);
}

#[test]
fn normal_numbers_equal_jax() {
    check(&["normal", "truncated_normal", "lognormal"]);
}

#[test]
fn other_distributions_equal_jax() {
    check(&[
        "exponential",
        "gumbel",
        "laplace",
        "logistic",
        "cauchy",
        "triangular",
        "pareto",
        "weibull_min",
        "rayleigh",
        "categorical",
    ]);
}

#[test]
fn samplers_pass_through_transforms() {
    let keys = random::split(random::key(3), 5);
    let rows = vmap(|key: &Key| random::normal(key.clone(), [2, 3]))(&keys);
    let jitted = jit(|keys: &Key| vmap(|key: &Key| random::normal(key.clone(), [2, 3]))(keys))(&keys);
    assert_eq!(rows.to_vec::<f32>(), jitted.to_vec::<f32>());
    let one_by_one: Vec<f32> =
        keys.clone().into_iter().flat_map(|key| random::normal(key, [2, 3]).to_vec::<f32>()).collect();
    assert_eq!(rows.to_vec::<f32>(), one_by_one);

    // The reparameterized gradient: d/dσ of the mean of σ·x is the mean of x.
    let slope = grad(|sigma: &Array| (sigma * random::normal(random::key(1), 100)).mean())(&2.0.into());
    let mean = random::normal(random::key(1), 100).mean();
    assert!((slope.item::<f64>() - mean.item::<f64>()).abs() < 1e-6);
    let orders = vmap(|key: &Key| random::permutation(key.clone(), 6))(&keys).to_vec::<i32>();
    for order in orders.chunks(6) {
        let mut order = order.to_vec();
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2, 3, 4, 5]);
    }
}

#[test]
fn an_array_of_keys_is_refused_where_one_is_wanted() {
    let sample = || random::normal(random::split(random::key(0), 3), 2);
    let error = std::panic::catch_unwind(sample).expect_err("an error");
    let text = error.downcast_ref::<String>().expect("a message");
    assert!(text.contains("one key") && text.contains("vmap"), "{text}");
    assert!(text.contains("tests/libraries/random.rs"), "{text}");
}

pub(super) fn draw<D: Distribution<f64>>(distribution: D, n: usize) -> Vec<f64> {
    let mut rng = KeyRng::new(random::key(12345)).expect("a key");
    (0..n).map(|_| distribution.sample(&mut rng)).collect()
}

/// Asserts that the Kolmogorov–Smirnov distance of the two empirical distribution functions is within the limit 1.95 ·
/// √(2/n), which equal distributions exceed once in a thousand times.
pub(super) fn assert_alike(x: &Array, mut b: Vec<f64>) {
    let mut a = goldens_lib::floats(x);
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let (mut i, mut j, mut worst) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        if a[i] <= b[j] {
            i += 1
        } else {
            j += 1
        }
        worst = worst.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    let limit = 1.95 * (1.0 / a.len() as f64 + 1.0 / b.len() as f64).sqrt();
    assert!(worst < limit, "the distributions are {worst} apart, more than {limit}");
}

#[test]
fn distributions_agree_with_rand_distr() {
    const N: usize = 20_000;
    let key = || random::key(7);
    assert_alike(&random::normal(key(), N), draw(rand_distr::StandardNormal, N));
    assert_alike(&random::uniform(key(), N), draw(rand_distr::StandardUniform, N));
    assert_alike(&random::exponential(key(), N), draw(rand_distr::Exp1, N));
    assert_alike(&random::gumbel(key(), N), draw(rand_distr::Gumbel::new(0.0, 1.0).expect("parameters"), N));
    assert_alike(&random::cauchy(key(), N), draw(rand_distr::Cauchy::new(0.0, 1.0).expect("parameters"), N));
    assert_alike(&random::pareto(key(), 2.0, N), draw(rand_distr::Pareto::new(1.0, 2.0).expect("parameters"), N));
    assert_alike(
        &random::weibull_min(key(), 2.0, 1.5, N),
        draw(rand_distr::Weibull::new(2.0, 1.5).expect("parameters"), N),
    );
    assert_alike(
        &random::triangular(key(), -1.0, 0.5, 2.0, N),
        draw(rand_distr::Triangular::new(-1.0, 2.0, 0.5).expect("parameters"), N),
    );
}

/// Returns the sum of (observed − expected)² / expected.
fn chi_squared(observed: &[f64], expected: &[f64]) -> f64 {
    observed.iter().zip(expected).map(|(o, e)| (o - e).powi(2) / e).sum()
}

#[test]
fn counts_are_as_expected() {
    const N: usize = 30_000;
    let heads = goldens_lib::floats(&random::bernoulli(random::key(5), 0.3, N)).iter().sum::<f64>();
    let n = N as f64;
    // These limits are exceeded once in a thousand times.
    assert!(chi_squared(&[heads, n - heads], &[0.3 * n, 0.7 * n]) < 10.83);

    let mut faces = [0.0; 6];
    for face in random::randint(random::key(6), N, 0, 6).to_vec::<i32>() {
        faces[face as usize] += 1.0;
    }
    assert!(chi_squared(&faces, &[n / 6.0; 6]) < 20.52);

    let mut picks = [0.0; 4];
    let logits = Array::from([0.1f32, 0.2, 0.3, 0.4]).log();
    for pick in random::categorical_axis(random::key(8), &logits, -1, N).to_vec::<i32>() {
        picks[pick as usize] += 1.0;
    }
    assert!(chi_squared(&picks, &[0.1 * n, 0.2 * n, 0.3 * n, 0.4 * n]) < 16.27);
}

#[test]
fn the_generator_gives_the_documented_stream() {
    use rand::Rng;
    let mut rng = KeyRng::new(random::key(44)).expect("a key");
    let words: Vec<u32> = (0..5).map(|_| rng.next_u32()).collect();
    assert_eq!(words, random::bits(random::key(44), 5).to_vec::<u32>());
    let mut rng = KeyRng::new(random::key(44)).expect("a key");
    let words: Vec<u64> = (0..5).map(|_| rng.next_u64()).collect();
    assert_eq!(words, random::bits_as(random::key(44), 5, DType::U64).to_vec::<u64>());
    let mut bytes = [0; 6];
    KeyRng::new(random::key(44)).expect("a key").fill_bytes(&mut bytes);
    let bits = random::bits(random::key(44), 2).to_vec::<u32>();
    assert_eq!(bytes[..4], bits[0].to_le_bytes());
    assert_eq!(bytes[4..], bits[1].to_le_bytes()[..2]);
}
