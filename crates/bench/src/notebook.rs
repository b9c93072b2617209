//! The three loops of the "Optimized Learning" notebook, un-jitted as in the notebook, and first gradients.

use cotangent::scipy::stats::norm;
use cotangent::{numpy as np, prelude::*, random};

use crate::{Bench, Case, ready};

pub(crate) const CASES: &[Case] = &[
    // The derivative of 3x + 1 is a constant, so nothing needs to be compiled or even loaded. The derivative of x sin x
    // is a program.
    Case::process("start/first-gradient", "from process start to the gradient of 3x + 1, a constant", || {
        vec![grad(|x: &Array| 3.0 * x + 1.0)(&4.0.into()).item()]
    }),
    Case::process("start/first-program", "from process start to the gradient of x sin x", || {
        vec![grad(|x: &Array| x * x.sin())(&3.0.into()).item()]
    }),
    Case::new("notebook/polynomial", "gradient descent on a polynomial, 200 steps, un-jitted", "loop", || {
        looped(polynomial)
    }),
    Case::new("notebook/likelihood", "maximum likelihood, 300 steps, un-jitted", "loop", || {
        let data = ready(data());
        looped(move || likelihood(&data))
    }),
    Case::new("notebook/gold", "gradient descent in two arguments, 300 steps, un-jitted", "loop", || looped(gold)),
];

fn looped(run: impl Fn() -> Vec<Array> + 'static) -> Bench {
    let check = run().iter().map(|x| x.item()).collect();
    Bench::of(move || ready(run())).check(check)
}

/// Gradient descent on a polynomial: 200 steps.
fn polynomial() -> Vec<Array> {
    let dpolynomial = grad(|x: &Array| 3.0 * x.powi(2) + 4.0 * x - 3.0);
    let mut x = Array::from(3.0);
    for _ in 0..200 {
        x -= 0.01 * dpolynomial(&x);
    }
    vec![x]
}

/// The 1000 values whose mean and standard deviation are fitted.
fn data() -> Array {
    random::normal(random::PRNGKey(44), 1000) * np::exp(np::log(2.0)) - 3.0
}

/// Maximum likelihood of mean and standard deviation: 300 steps.
fn likelihood(data: &Array) -> Vec<Array> {
    let neglogp = |mu: &Array, log_sigma: &Array, data: &Array| -np::sum(norm::logpdf(data, mu, np::exp(log_sigma)));
    let slopes = grad(neglogp).argnums(args!(0, 1));
    let (mut mu, mut log_sigma) = (Array::from(-6.0), np::log(2.0));
    for _ in 0..300 {
        let (dmu, dlog_sigma) = slopes(&mu, &log_sigma, data);
        mu -= 0.0001 * dmu;
        log_sigma -= 0.0001 * dlog_sigma;
    }
    vec![mu, log_sigma]
}

/// Descent to a minimum of a function of two arguments: 300 steps.
fn gold() -> Vec<Array> {
    let df = grad(|x: &Array, y: &Array| (2.0 * x.powi(2)) - (4.0 * x * y) + (y.powi(4) + 2.0)).argnums(args!(0, 1));
    let (mut x, mut y) = (Array::from(0.1), Array::from(-0.1));
    for _ in 0..300 {
        let (dx, dy) = df(&x, &y);
        x -= 0.01 * dx;
        y -= 0.01 * dy;
    }
    vec![x, y]
}
