//! Integrals, hypergeometric functions, spherical harmonics and others of `scipy::special`, against stored results of
//! JAX.

use super::goldens_lib;

use cotangent::prelude::*;
use cotangent::scipy::special;
use goldens_lib::{array, cases, difference, run_all};

fn call(name: &str, args: &[Array]) -> Vec<Array> {
    let x = || &args[0];
    match name {
        "expi" => vec![special::expi(x())],
        "exp1" => vec![special::exp1(x())],
        "expn" => vec![special::expn(x(), &args[1])],
        "sici" => <[Array; 2]>::from(special::sici(x())).to_vec(),
        "dawsn" => vec![special::dawsn(x())],
        "erfcx" => vec![special::erfcx(x())],
        "wofz" => vec![special::wofz(x())],
        "spence" => vec![special::spence(x())],
        "fresnel" => <[Array; 2]>::from(special::fresnel(x())).to_vec(),
        "bessel_jn" => vec![special::bessel_jn(x(), 3, 50)],
        "owens_t" => vec![special::owens_t(x(), &args[1])],
        "hyp1f1" => vec![special::hyp1f1(x(), &args[1], &args[2])],
        "hyp2f1" => vec![special::hyp2f1(x(), &args[1], &args[2], &args[3])],
        "loggamma" => vec![special::loggamma(x())],
        "sph_harm_y" => vec![special::sph_harm_y(x(), &args[1], &args[2], &args[3], 4)],
        "bernoulli" => vec![special::bernoulli(20)],
        other => panic!("no function {other}"),
    }
}

#[test]
fn values_and_derivatives_equal_jax() {
    run_all(&cases("special_more"), |case| {
        let name = case["fn"].as_str().expect("a name");
        let args: Vec<Array> = case["args"].as_array().expect("a list").iter().map(array).collect();
        let expected: Vec<Array> = case["outputs"].as_array().expect("a list").iter().map(array).collect();
        let wide = matches!(expected[0].dtype(), DType::F64 | DType::C128);
        let (rtol, atol) = if wide { (1e-11, 1e-12) } else { (2e-5, 2e-6) };
        let got = jit(|args: &Vec<Array>| call(name, args))(&args);
        let value = got.iter().zip(&expected).find_map(|(got, expected)| difference(got, expected, rtol, atol));
        if value.is_some() || case["at"].is_null() {
            return value.map(|what| format!("{name}: {what}"));
        }
        let before = &args[..args.len() - 1];
        let total = |x: &Array| {
            let all = call(name, &[before, std::slice::from_ref(x)].concat());
            all.iter().map(|y| y.real().sum()).reduce(|a, b| a + b).expect("a result")
        };
        let slope = grad(total)(&array(&case["at"]));
        difference(&slope, &array(&case["grad"]), 1e-10, 1e-11).map(|what| format!("{name}: slope: {what}"))
    });
}

/// Derivatives against numeric differences, also those for which JAX has no rule, and each element by itself.
#[test]
fn slopes_are_those_of_numeric_differences() {
    let x = Array::from(vec![0.3f64, 0.45, 0.62]);
    let wide = |x: f64| Array::scalar(x);
    let h = 1e-5;
    let check = |what: &str, f: &(dyn Fn(&Array) -> Array + Send + Sync)| {
        let slope = grad(|x: &Array| f(x).sum())(&x).to_vec::<f64>();
        let numeric = ((f(&(&x + h)) - f(&(&x - h))) / (2.0 * h)).to_vec::<f64>();
        for (a, b) in slope.iter().zip(&numeric) {
            assert!((a - b).abs() < 1e-7 * (1.0 + b.abs()), "{what}: {slope:?} against {numeric:?}");
        }
        let mapped = vmap(|x: &Array| f(x))(&x).to_vec::<f64>();
        for (a, b) in f(&x).to_vec::<f64>().iter().zip(&mapped) {
            assert!((a - b).abs() <= 1e-14 * b.abs(), "{what}: {a} alone and {b} mapped");
        }
    };
    check("expn", &|x| special::expn(3.0, x));
    check("exp1", &|x| special::exp1(3.0 * x));
    check("spence", &|x| special::spence(2.0 * x));
    check("owens_t in h", &|h| special::owens_t(h, wide(0.7)));
    check("owens_t in a", &|a| special::owens_t(wide(0.7), 3.0 * a));
    check("hyp1f1 in a", &|a| special::hyp1f1(a, wide(1.5), wide(0.4)));
    check("hyp1f1 in b", &|b| special::hyp1f1(wide(0.5), b, wide(0.4)));
    check("hyp1f1 in x", &|x| special::hyp1f1(wide(0.5), wide(1.5), x));
    check("hyp2f1 in a", &|a| special::hyp2f1(a, wide(1.5), wide(2.25), wide(0.4)));
    check("hyp2f1 in b", &|b| special::hyp2f1(wide(0.5), b, wide(2.25), wide(0.4)));
    check("hyp2f1 in c", &|c| special::hyp2f1(wide(0.5), wide(0.5), 4.0 * c, wide(0.4)));
    check("hyp2f1 in x", &|x| special::hyp2f1(wide(0.5), wide(0.5), wide(2.25), x));
    check("wofz", &|x| special::wofz(x.complex(0.5 * x)).imag());
    check("loggamma", &|x| special::loggamma((x - 2.0).complex(x)).imag());
    check("sph_harm_y", &|x| special::sph_harm_y([3], [1], x, 2.0 * x, 3).imag());
}

/// Where JAX returns NaN or another value: see `docs/differences.md`.
#[test]
fn values_where_jax_has_none() {
    let at = |x: f64| Array::from(x as f32);
    let item = |x: Array| x.item::<f32>();
    assert_eq!(item(special::expi(at(0.0))), f32::NEG_INFINITY);
    assert_eq!(item(special::expi(at(f64::INFINITY))), f32::INFINITY);
    assert_eq!(item(special::exp1(at(f64::INFINITY))), 0.0);
    assert!(item(special::expn(-1.0, at(2.0))).is_nan());
    assert_eq!(special::bessel_jn(at(0.0), 2, 50).to_vec::<f32>(), [1.0, 0.0, 0.0]);
    assert_eq!(item(special::loggamma(at(0.0))), f32::INFINITY);
    let slope = grad(|x: &Array| special::sph_harm_y([1], [1], x, 0.0, 1).real().sum());
    assert!((slope(&np::zeros(1)).item::<f32>() + 0.345_494_15).abs() < 1e-6);
    let slope = grad(|x: &Array| special::dawsn(x))(&at(1e5)).item::<f32>();
    assert!((slope + 5e-11).abs() < 1e-16, "{slope}");
    assert_eq!(special::owens_t(at(0.5), at(0.5)).dtype(), DType::F32);
}
