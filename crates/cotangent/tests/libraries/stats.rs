//! The distributions of `scipy::stats` other than the normal one, against stored JAX results and their gradients.

use super::goldens_lib;

use cotangent::prelude::*;
use cotangent::scipy::stats::*;
use goldens_lib::{array, cases, difference, run_all};
use serde_json::Value;

/// Defines a function that calls those of a table: the module, the numbers of the arguments, and the functions.
macro_rules! table {
    ($($module:ident $arguments:tt: $($function:ident)+;)*) => {
        pub(super) fn call(name: &str, args: &[Array]) -> Array {
            match name {
                $($(concat!(stringify!($module), ".", stringify!($function)) => {
                    table!(@call $module::$function, args, $arguments)
                })+)*
                other => panic!("no function {other}"),
            }
        }
    };
    (@call $function:path, $args:ident, ($($arg:literal),+)) => { $function($(&$args[$arg]),+) };
}

table! {
    bernoulli(0, 1, 2): logpmf pmf;
    bernoulli(0, 1): cdf ppf;
    beta(0, 1, 2, 3, 4): logpdf pdf cdf logcdf sf logsf;
    betabinom(0, 1, 2, 3, 4): logpmf pmf;
    binom(0, 1, 2, 3): logpmf pmf;
    cauchy(0, 1, 2): logpdf pdf cdf logcdf sf logsf ppf isf;
    chi2(0, 1, 2, 3): logpdf pdf cdf logcdf sf logsf;
    dirichlet(0, 1): logpdf pdf;
    expon(0, 1, 2): logpdf pdf cdf logcdf sf logsf ppf;
    gamma(0, 1, 2, 3): logpdf pdf cdf logcdf sf logsf;
    gennorm(0, 1): logpdf pdf cdf;
    geom(0, 1, 2): logpmf pmf;
    gumbel_l(0, 1, 2): logpdf pdf cdf logcdf sf logsf ppf;
    gumbel_r(0, 1, 2): logpdf pdf cdf logcdf sf logsf ppf;
    laplace(0, 1, 2): logpdf pdf cdf;
    logistic(0, 1, 2): logpdf pdf cdf sf ppf isf;
    multinomial(0, 1, 2): logpmf pmf;
    multivariate_normal(0, 1, 2): logpdf pdf;
    nbinom(0, 1, 2, 3): logpmf pmf;
    pareto(0, 1, 2, 3): logpdf pdf cdf logcdf sf logsf ppf;
    poisson(0, 1, 2): logpmf pmf cdf;
    t(0, 1, 2, 3): logpdf pdf;
    truncnorm(0, 1, 2, 3, 4): logpdf pdf cdf logcdf sf logsf;
    uniform(0, 1, 2): logpdf pdf cdf ppf;
    vonmises(0, 1): logpdf pdf;
    wrapcauchy(0, 1): logpdf pdf;
}

fn arrays(x: &Value) -> Vec<Array> {
    x.as_array().map(|a| a.iter().map(array).collect()).unwrap_or_default()
}

#[test]
fn values_and_gradients_equal_jax() {
    run_all(&cases("stats"), |case| {
        let name = case["fn"].as_str().expect("a name").to_string();
        let args = arrays(&case["args"]);
        let wide = args[0].dtype() == DType::F64;
        // JAX's logarithm of the normal distribution function is a series, with a relative error of 4e-9 where it begins,
        // and its logarithm of the beta function subtracts.
        let series = name.starts_with("truncnorm") || name.starts_with("betabinom");
        let (rtol, atol) = match (wide, series) {
            (true, false) => (1e-11, 1e-13),
            (true, true) => (1e-6, 1e-8),
            (false, false) => (2e-5, 2e-6),
            (false, true) => (1e-3, 1e-5),
        };
        let value = difference(&call(&name, &args), &array(&case["output"]), rtol, atol);
        value.or_else(|| {
            let expected = arrays(&case["grads"]);
            let slopes = grad(|args: &Vec<Array>| call(&name, args).sum());
            let found = if expected.is_empty() { Vec::new() } else { slopes(&arrays(&case["at"])) };
            (found.iter().zip(&expected).enumerate()).find_map(|(i, (found, expected))| {
                difference(found, expected, 100.0 * rtol, 100.0 * atol).map(|what| format!("slope in {i}: {what}"))
            })
        })
    });
}

#[test]
fn multinomial_probabilities_add_up() {
    let p = np::array([0.2, 0.3, 0.5]);
    let mut total = 0.0;
    for a in 0..=4 {
        for b in 0..=4 - a {
            total += multinomial::pmf(Array::from([a, b, 4 - a - b]), 4, &p).item::<f64>();
        }
    }
    assert!((total - 1.0).abs() < 1e-5, "{total}");
    assert_eq!(multinomial::pmf(Array::from([1, 1, 1]), 4, &p).item::<f32>(), 0.0);
}

/// Outside of the support, the gradient of a density is zero and not NaN.
#[test]
fn gradients_outside_of_the_support_are_finite() {
    let x = Array::from([-2.0f32, -1.0, 5.0]);
    for (name, parameters) in [
        ("gamma", &[2.5, 0.0, 1.0][..]),
        ("beta", &[2.0, 3.0, 0.0, 1.0]),
        ("pareto", &[1.5, 0.0, 6.0]),
        ("chi2", &[3.0, 0.0, 1.0]),
    ] {
        let mut args = vec![x.clone()];
        args.extend(parameters.iter().map(|p| Array::from(vec![*p as f32]).get(0)));
        for i in 0..args.len() {
            let loss = |y: &Array| {
                let mut args = args.clone();
                args[i] = y.clone();
                call(&format!("{name}.pdf"), &args).sum()
            };
            let slope = goldens_lib::floats(&grad(loss)(&args[i]));
            assert!(slope.iter().all(|x| x.is_finite()), "{name}, argument {i}: {slope:?}");
        }
    }
}

/// At an end of the support, densities and distribution functions have the slope of the side inside, up to the second
/// derivative of densities: a row has the function, its arguments and these.
#[test]
fn slopes_at_the_ends_of_the_support_are_one_sided() {
    let (inf, any) = (f64::INFINITY, f64::NAN);
    let rows: [(&str, &[f64], [f64; 2]); 24] = [
        // x e⁻ˣ, e⁻ˣ, x² e⁻ˣ / 2, and powers below one.
        ("gamma.pdf", &[0.0, 2.0, 0.0, 1.0], [1.0, -2.0]),
        ("gamma.pdf", &[0.5, 2.0, 0.5, 2.0], [0.25, -0.25]),
        ("gamma.pdf", &[0.0, 1.0, 0.0, 1.0], [-1.0, 1.0]),
        ("gamma.pdf", &[0.0, 3.0, 0.0, 1.0], [0.0, 1.0]),
        ("gamma.pdf", &[0.0, 1.5, 0.0, 1.0], [inf, any]),
        ("gamma.pdf", &[0.0, 0.5, 0.0, 1.0], [-inf, any]),
        ("gamma.cdf", &[0.0, 1.0, 0.0, 1.0], [1.0, -1.0]),
        ("chi2.pdf", &[0.0, 2.0, 0.0, 1.0], [-0.25, 0.125]),
        ("chi2.pdf", &[0.0, 4.0, 0.0, 1.0], [0.25, -0.25]),
        ("chi2.pdf", &[0.0, 6.0, 0.0, 1.0], [0.0, 0.125]),
        // 12 x (1 − x)², 3 (1 − x)², 6 x (1 − x), 3 x², and 1.
        ("beta.pdf", &[0.0, 2.0, 3.0, 0.0, 1.0], [12.0, -48.0]),
        ("beta.pdf", &[1.0, 2.0, 3.0, 0.0, 1.0], [0.0, 24.0]),
        ("beta.pdf", &[2.5, 2.0, 3.0, 0.5, 2.0], [0.0, 3.0]),
        ("beta.pdf", &[0.0, 1.0, 3.0, 0.0, 1.0], [-6.0, 6.0]),
        ("beta.pdf", &[1.0, 2.0, 2.0, 0.0, 1.0], [-6.0, -12.0]),
        ("beta.pdf", &[1.0, 3.0, 1.0, 0.0, 1.0], [6.0, 6.0]),
        ("beta.pdf", &[0.0, 1.0, 1.0, 0.0, 1.0], [0.0, 0.0]),
        ("beta.pdf", &[0.0, 1.5, 2.0, 0.0, 1.0], [inf, any]),
        ("beta.cdf", &[0.0, 2.0, 3.0, 0.0, 1.0], [0.0, 12.0]),
        ("beta.cdf", &[0.0, 1.0, 3.0, 0.0, 1.0], [3.0, -6.0]),
        ("beta.cdf", &[1.0, 2.0, 1.0, 0.0, 1.0], [2.0, 2.0]),
        ("beta.sf", &[1.0, 2.0, 2.0, 0.0, 1.0], [0.0, 6.0]),
        ("expon.pdf", &[0.0, 0.0, 1.0], [-1.0, 1.0]),
        ("pareto.pdf", &[1.0, 2.0, 0.0, 1.0], [-6.0, 24.0]),
    ];
    for (name, args, expected) in rows {
        slopes_are(name, args, 0, expected);
    }
}

/// Probabilities of counts have the slopes of their polynomials in a probability of 0 or 1, and in a mean of 0.
#[test]
fn slopes_in_certain_probabilities() {
    let rows: [(&str, &[f64], usize, [f64; 2]); 26] = [
        // (1 − p)³, 3 p (1 − p)², 3 p² (1 − p), p³, and their logarithms.
        ("binom.pmf", &[0.0, 3.0, 0.0, 0.0], 2, [-3.0, 6.0]),
        ("binom.pmf", &[1.0, 3.0, 0.0, 0.0], 2, [3.0, -12.0]),
        ("binom.pmf", &[2.0, 3.0, 0.0, 0.0], 2, [0.0, 6.0]),
        ("binom.pmf", &[1.0, 3.0, 1.0, 0.0], 2, [0.0, 6.0]),
        ("binom.pmf", &[2.0, 3.0, 1.0, 0.0], 2, [-3.0, -12.0]),
        ("binom.pmf", &[3.0, 3.0, 1.0, 0.0], 2, [3.0, 6.0]),
        ("binom.logpmf", &[0.0, 3.0, 0.0, 0.0], 2, [-3.0, -3.0]),
        ("binom.logpmf", &[3.0, 3.0, 1.0, 0.0], 2, [3.0, -3.0]),
        // p², 2 p² (1 − p).
        ("nbinom.pmf", &[0.0, 2.0, 0.0, 0.0], 2, [0.0, 2.0]),
        ("nbinom.pmf", &[0.0, 2.0, 1.0, 0.0], 2, [2.0, 2.0]),
        ("nbinom.pmf", &[1.0, 2.0, 0.0, 0.0], 2, [0.0, 4.0]),
        ("nbinom.pmf", &[1.0, 2.0, 1.0, 0.0], 2, [-2.0, -8.0]),
        ("nbinom.logpmf", &[0.0, 2.0, 1.0, 0.0], 2, [2.0, -2.0]),
        // p, p (1 − p).
        ("geom.pmf", &[1.0, 0.0, 0.0], 1, [1.0, 0.0]),
        ("geom.pmf", &[1.0, 1.0, 0.0], 1, [1.0, 0.0]),
        ("geom.pmf", &[2.0, 0.0, 0.0], 1, [1.0, -2.0]),
        ("geom.pmf", &[2.0, 1.0, 0.0], 1, [-1.0, -2.0]),
        ("geom.logpmf", &[1.0, 1.0, 0.0], 1, [1.0, -1.0]),
        ("bernoulli.pmf", &[1.0, 0.0, 0.0], 1, [1.0, 0.0]),
        ("bernoulli.pmf", &[0.0, 1.0, 0.0], 1, [-1.0, 0.0]),
        ("bernoulli.logpmf", &[0.0, 0.0, 0.0], 1, [-1.0, -1.0]),
        // e⁻ᵐ, m e⁻ᵐ, m² e⁻ᵐ / 2.
        ("poisson.pmf", &[0.0, 0.0, 0.0], 1, [-1.0, 1.0]),
        ("poisson.pmf", &[1.0, 0.0, 0.0], 1, [1.0, -2.0]),
        ("poisson.pmf", &[2.0, 0.0, 0.0], 1, [0.0, 1.0]),
        ("poisson.logpmf", &[0.0, 0.0, 0.0], 1, [-1.0, 0.0]),
        ("poisson.logpmf", &[0.0, 2.0, 0.0], 1, [-1.0, 0.0]),
    ];
    for (name, args, of, expected) in rows {
        slopes_are(name, args, of, expected);
    }
    type Mass = fn(&Array, &Array) -> Array;
    let mass: [Mass; 2] = [|x, p| multinomial::pmf(x, 2, p), |x, p| multinomial::logpmf(x, 2, p)];
    for (f, counts, expected) in
        [(mass[0], [1, 1], [2.0, 0.0]), (mass[0], [0, 2], [0.0, 2.0]), (mass[1], [0, 2], [0.0, 2.0])]
    {
        let slopes = grad(|p: &Array| f(&Array::from(counts), p))(&Array::from([0.0f64, 1.0]));
        let near = slopes.to_vec::<f64>().iter().zip(expected).all(|(x, y): (&f64, f64)| (x - y).abs() <= 1e-13);
        assert!(near, "{counts:?}: {slopes}");
    }
}

/// The first and second derivative of a function in one of its arguments. What NaN stands for is not compared.
fn slopes_are(name: &str, args: &[f64], of: usize, [first, second]: [f64; 2]) {
    let args: Vec<Array> = args.iter().map(|x| Array::scalar(*x)).collect();
    let f = |x: &Array| call(name, &[&args[..of], std::slice::from_ref(x), &args[of + 1..]].concat());
    let found = [grad(f)(&args[of]), grad(grad(f))(&args[of])].map(|x| x.item::<f64>());
    let near = |x: f64, y: f64| y.is_nan() || x == y || (x - y).abs() <= 1e-13 * y.abs();
    assert!(near(found[0], first) && near(found[1], second), "{name}{args:?}: {found:?}");
}
