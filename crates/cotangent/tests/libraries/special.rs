//! Gamma, beta and Bessel functions and divergences of `scipy::special`: against stored JAX results, exact sums and
//! numeric differences.

use super::goldens_lib;

use cotangent::extend::bind1;
use cotangent::extend::primitives::{IgammaGradA, RandomGammaGrad, Zeta};
use cotangent::prelude::*;
use cotangent::scipy::special;
use goldens_lib::{array, cases, difference, run_all};
use serde_json::Value;

pub(super) fn call(name: &str, args: &[Array]) -> Array {
    let x = &args[0];
    let second = || &args[1];
    match name {
        "gammainc" => special::gammainc(x, second()),
        "gammaincc" => special::gammaincc(x, second()),
        "betainc" => special::betainc(x, second(), &args[2]),
        "zeta" => special::zeta(x, second()),
        "i0" => special::i0(x),
        "i0e" => special::i0e(x),
        "i1" => special::i1(x),
        "i1e" => special::i1e(x),
        "gamma" => special::gamma(x),
        "gammasgn" => special::gammasgn(x),
        "factorial" => special::factorial(x),
        "comb" => special::comb(x, second()),
        "betaln" => special::betaln(x, second()),
        "beta" => special::beta(x, second()),
        "poch" => special::poch(x, second()),
        "rel_entr" => special::rel_entr(x, second()),
        "kl_div" => special::kl_div(x, second()),
        "boxcox" => special::boxcox(x, second()),
        "boxcox1p" => special::boxcox1p(x, second()),
        "multigammaln(1)" => special::multigammaln(x, 1),
        "multigammaln(3)" => special::multigammaln(x, 3),
        "polygamma(2)" => special::polygamma(2, x),
        other => panic!("no function {other}"),
    }
}

fn list(x: &Value) -> &[Value] {
    x.as_array().expect("a list")
}

#[test]
fn values_and_gradients_equal_jax() {
    run_all(&cases("special"), |case| {
        let name = case["fn"].as_str().expect("a name");
        let args: Vec<Array> = list(&case["args"]).iter().map(array).collect();
        let value = difference(&call(name, &args), &array(&case["outputs"][0]), 2e-13, 1e-14);
        if value.is_some() {
            return value.map(|v| format!("value: {v}"));
        }
        let wanted: Vec<usize> = (0..args.len()).filter(|i| !case["grads"][*i].is_null()).collect();
        if wanted.is_empty() {
            return None;
        }
        // Only the differentiated arguments are arguments of the differentiated function.
        let some: Vec<Array> = wanted.iter().map(|i| args[*i].clone()).collect();
        let f = |some: &Vec<Array>| {
            let mut full = args.clone();
            wanted.iter().zip(some).for_each(|(i, x)| full[*i] = x.clone());
            call(name, &full).sum()
        };
        let gradients = match grad(f).try_call((&some,)) {
            Ok(gradients) => gradients,
            Err(error) => return Some(error.message().to_string()),
        };
        (gradients.iter().zip(&wanted)).find_map(|(g, i)| {
            difference(g, &array(&case["grads"][*i]), 1e-12, 1e-13).map(|d| format!("gradient {i}: {d}"))
        })
    });
}

/// For large integer parameters, the incomplete beta function is a binomial sum without cancellation.
#[test]
fn betainc_is_the_binomial_sum() {
    for (a, b, x) in [(8, 6, 0.6f64), (30, 20, 0.6), (100, 80, 0.55), (7, 300, 0.02)] {
        let n: i32 = a + b - 1;
        let mut term = (1.0 - x).powi(n);
        let mut below = 0.0;
        for j in 0..a {
            below += term;
            term *= f64::from(n - j) / f64::from(j + 1) * x / (1.0 - x);
        }
        let of = |v: f64| Array::from(vec![v]);
        let got = special::betainc(of(a.into()), of(b.into()), of(x)).to_vec::<f64>()[0];
        assert!((got - (1.0 - below)).abs() < 1e-12, "I_{x}({a}, {b}): {got} instead of {}", 1.0 - below);
    }
}

/// Derivatives for which JAX has no rule.
#[test]
fn more_derivatives_are_those_of_numeric_differences() {
    let parameter = Array::from(vec![0.75f64, 2.5, 4.0, 3.0]);
    let x = Array::from(vec![0.5f64, 6.0, 2.0, 1.5]);
    let h = 1e-5;
    let check = |what: &str, f: &(dyn Fn(&Array) -> Array + Send + Sync)| {
        let slope = grad(|x: &Array| f(x).sum())(&x).to_vec::<f64>();
        let numeric = ((f(&(&x + h)) - f(&(&x - h))) / (2.0 * h)).to_vec::<f64>();
        for (a, b) in slope.iter().zip(&numeric) {
            assert!((a - b).abs() < 1e-7 * (1.0 + b.abs()), "{what}: {slope:?} against {numeric:?}");
        }
    };
    check("igamma_grad_a", &|x| bind1(IgammaGradA, &[&parameter, x]));
    check("random_gamma_grad", &|x| bind1(RandomGammaGrad, &[&parameter, x]));
    check("zeta", &|q| bind1(Zeta, &[&(&parameter + 1.0), q]));
}

/// At singular points, derivatives take the values of their formulas, as in JAX, and not zero.
#[test]
fn derivatives_at_singular_points() {
    let slopes = |f: fn(&Array, &Array) -> Array, x: f64, y: f64| {
        let (dx, dy) = grad(f).argnums(args!(0, 1))(&Array::scalar(x), &Array::scalar(y));
        (dx.item::<f64>(), dy.item::<f64>())
    };
    let xlogy: fn(&Array, &Array) -> Array = |x, y| special::xlogy(x, y);
    let xlog1py: fn(&Array, &Array) -> Array = |x, y| special::xlog1py(x, y);
    assert_eq!(slopes(xlogy, 0.0, 2.0), (2f64.ln(), 0.0));
    assert_eq!(slopes(xlog1py, 0.0, 2.0), (3f64.ln(), 0.0));
    for (dx, dy) in [slopes(xlogy, 0.0, 0.0), slopes(xlog1py, 0.0, -1.0)] {
        assert!(dx == f64::NEG_INFINITY && dy.is_nan());
    }
    let entr = grad(|x: &Array| special::entr(x));
    assert_eq!(entr(&Array::scalar(0.0f64)).item::<f64>(), f64::INFINITY);
    assert!(entr(&Array::scalar(-1.0f64)).item::<f64>().is_nan());
}
