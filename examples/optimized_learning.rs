//! Derivatives, descent and maximum likelihood: the demo `optimized-learning` without its pictures.
//!
//! `cargo run --release -p cotangent --example optimized_learning`

use cotangent::scipy::stats::norm;
use cotangent::{numpy as np, prelude::*, random};

fn main() {
    // `grad` returns a function: the derivative by the first argument. That of a straight line is 3 everywhere.
    let func = |x: &Array| 3.0 * x + 1.0;
    let df = grad(func);
    println!("df(4) = {}", df(&4.0.into()));

    // On paper, this derivative is 6x + 4.
    let polynomial = |x: &Array| 3.0 * x.powi(2) + 4.0 * x - 3.0;
    let dpolynomial = grad(polynomial);
    println!("dpolynomial(3) = {}", dpolynomial(&3.0.into()));

    // Steps against the derivative go down, to its zero at -2/3. Each leaves 94 % of the distance.
    let rate = 0.01;
    let mut x = Array::from(3.0);
    for _ in 0..200 {
        x -= rate * dpolynomial(&x);
    }
    println!("the minimum of the polynomial: x = {x}");

    // A summit has a derivative of zero as well. The second derivative is positive at a minimum.
    println!("the curvature there: {}", grad(grad(polynomial))(&x));

    // Data whose source is known: a normal distribution with mean -3 and standard deviation 2.
    let key = random::PRNGKey(44);
    let (true_mu, true_log_sigma) = (-3.0, np::log(2.0));
    let data = random::normal(key, 1000) * np::exp(true_log_sigma) + true_mu;
    println!("data: mean {}, standard deviation {}", np::mean(&data), np::std(&data));

    // The parameters that explain them best have the least negative log likelihood. The logarithm of the standard
    // deviation may be any number, so descent cannot leave its domain.
    let neglogp = |mu: &Array, log_sigma: &Array, data: &Array| -np::sum(norm::logpdf(data, mu, np::exp(log_sigma)));
    let (mut mu, mut log_sigma) = (Array::from(-6.0), np::log(2.0));
    println!("the loss of a bad guess: {}", neglogp(&mu, &log_sigma, &data));

    // A derivative by each of two arguments. The closure supplies the third, which stays as it is.
    let slopes = grad(neglogp).argnums(args!(0, 1));
    let slopes = |mu: &Array, log_sigma: &Array| slopes(mu, log_sigma, &data);
    let (dmu, dlog_sigma) = slopes(&mu, &log_sigma);
    println!("its slopes: ({dmu}, {dlog_sigma})");

    let rate = 0.0001;
    for _ in 0..300 {
        let (dmu, dlog_sigma) = slopes(&mu, &log_sigma);
        mu -= rate * dmu;
        log_sigma -= rate * dlog_sigma;
    }
    println!("the most likely parameters: mu = {mu}, sigma = {}", np::exp(&log_sigma));

    // A field with a hollow at (1, 1), another at (-1, -1), and a saddle between them: a textbook problem, which
    // analyzemath.com solves on paper.
    let gold = |x: &Array, y: &Array| 2.0 * x.powi(2) - 4.0 * x * y + y.powi(4) + 2.0;
    let slopes = grad(gold).argnums(args!(0, 1));
    let (dx, dy) = slopes(&3.0.into(), &4.0.into());
    println!("the slopes at (3, 4): ({dx}, {dy})");

    // The start decides which hollow is found.
    let rate = 0.01;
    let (mut x, mut y) = (Array::from(0.1), Array::from(-0.1));
    for _ in 0..300 {
        let (dx, dy) = slopes(&x, &y);
        x -= rate * dx;
        y -= rate * dy;
    }
    println!("a hollow of the field: ({x}, {y})");

    // On a rail at x = 1/2, only y can change, and only the derivative by y counts. On paper, y^3 ends as 1/2.
    let slope = grad(gold).argnums(args!(1));
    let (rail, mut lowest) = (Array::from(0.5), Array::from(-0.1));
    for _ in 0..300 {
        lowest -= rate * slope(&rail, &lowest);
    }
    println!("the lowest point of the rail: y = {lowest}");
    println!("the curvature there: {}", grad(slope).argnums(args!(1))(&rail, &lowest));

    // The heights of the whole field. `cotangent demo run optimized-learning` draws it.
    let spacing = 0.01;
    let line = np::arange((-1.5, 1.5, spacing));
    let (x, y) = np::meshgrid(&line, &line);
    let z = gold(&x, &y);
    println!("the field: {:?}, from {} to {}", z.shape(), np::min(&z), np::max(&z));
}
