//! Optimized Learning: the notebook of the dl-workshop, cell by cell.
//!
//! `cargo run --release -p cotangent --example optimized_learning`

use cotangent::scipy::stats::norm;
use cotangent::{numpy as np, prelude::*, random};

fn main() {
    // # Example: Transforming a function into its derivative
    //
    // Just like `vmap`, `grad` takes in a function and transforms it into another function. By default, the returned
    // function is the derivative of the function with respect to the first argument.

    // Example 1:
    let func = |x: &Array| 3.0 * x + 1.0;
    let df = grad(func);

    // Pass in any float value of x, you should get back 3.0 as the _gradient_.
    println!("df(4) = {}", df(&4.0.into()));

    // Example 2:
    let polynomial = |x: &Array| 3.0 * x.powi(2) + 4.0 * x - 3.0;
    let dpolynomial = grad(polynomial);

    // The result will be evaluated at 6x + 4, which is the gradient of the polynomial function.
    println!("dpolynomial(3) = {}", dpolynomial(&3.0.into()));

    // Using grad to solve minimization problems. Example: find the minima of the polynomial function.
    let mut start = Array::from(3.0);
    for _ in 0..200 {
        start -= dpolynomial(&start) * 0.01;
    }
    println!("the minimum of the polynomial: x = {start}");

    // How close is this to the true analytical value? At the minimum 6x + 4 is zero: x = -2/3. We're pretty darn close.
    // And that, my friends, is gradient descent!

    // # Maximum likelihood of parameters
    let key = random::PRNGKey(44);
    let real_mu = -3.0;
    let real_log_sigma = np::log(2.0); // the real sigma is 2.0

    let data = random::normal(key, 1000) * np::exp(real_log_sigma) + real_mu;
    println!("data: mean {}, standard deviation {}", np::mean(&data), np::std(&data));

    // # What is the maximum likelihood value of mu and sigma given the data?
    //
    // Equivalent to minimizing negative log likelihood.
    let neglogp = |mu: &Array, log_sigma: &Array, data: &Array| -np::sum(norm::logpdf(data, mu, np::exp(log_sigma)));

    // Check that calculation is correct.
    let mut mu = Array::from(-6.0);
    let mut log_sigma = np::log(2.0);
    println!("neglogp = {}", neglogp(&mu, &log_sigma, &data));

    let dneglogp = grad(neglogp).argnums(args!(0, 1));

    // Condition on data.
    let dneglogp = |mu: &Array, log_sigma: &Array| dneglogp(mu, log_sigma, &data);
    let (dmu, dlog_sigma) = dneglogp(&mu, &log_sigma);
    println!("dneglogp = ({dmu}, {dlog_sigma})");

    // Gradient descent.
    for _ in 0..300 {
        let (dmu, dlog_sigma) = dneglogp(&mu, &log_sigma);
        mu -= dmu * 0.0001;
        log_sigma -= dlog_sigma * 0.0001;
    }
    println!("the most likely parameters: mu = {mu}, sigma = {}", np::exp(&log_sigma));

    // # grad with multiple arguments
    //
    // Where is the gold? It's at the minima!
    //
    // All credit to https://www.analyzemath.com/calculus/multivariable/maxima_minima.html for this function.
    let func = |x: &Array, y: &Array| (2.0 * x.powi(2)) - (4.0 * x * y) + (y.powi(4) + 2.0);

    // It should be evident from here that there are two minima in the function. Let's find out where they are.
    let df = grad(func).argnums(args!(0, 1));
    let (dx, dy) = df(&3.0.into(), &4.0.into());
    println!("df(3, 4) = ({dx}, {dy})");

    // Start somewhere.
    let (mut x, mut y) = (Array::from(0.1), Array::from(-0.1));
    for _ in 0..300 {
        let (dx, dy) = df(&x, &y);
        x -= dx * 0.01;
        y -= dy * 0.01;
    }
    println!("a minimum of the function: ({x}, {y})");

    // Make data for the surface. `cotangent demo run optimized-learning` draws it.
    let x = np::arange((-1.5, 1.5, 0.01));
    let y = np::arange((-1.5, 1.5, 0.01));
    let (x, y) = np::meshgrid(&x, &y);
    let z = func(&x, &y);
    println!("the surface: {:?}, from {} to {}", z.shape(), np::min(&z), np::max(&z));
}
