//! "Optimized Learning": `grad`, gradient descent and maximum likelihood, after a notebook of the dl-workshop.

mod pictures;

use anyhow::Result;
use cotangent::scipy::stats::norm;
use cotangent::{numpy as np, prelude::*, random};

use super::notebook::Notebook;
use super::{Demo, IDIOMS};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "optimized-learning",
    chapter: IDIOMS,
    summary: "grad, gradient descent and maximum likelihood: a notebook, cell by cell",
    seconds: 2,
    source: include_str!("mod.rs"),
    run,
    functions,
};

fn func(x: &Array) -> Array {
    3.0 * x + 1.0
}

fn polynomial(x: &Array) -> Array {
    3.0 * x.powi(2) + 4.0 * x - 3.0
}

fn neglogp(mu: &Array, log_sigma: &Array, data: &Array) -> Array {
    -np::sum(norm::logpdf(data, mu, np::exp(log_sigma)))
}

/// All credit to https://www.analyzemath.com/calculus/multivariable/maxima_minima.html for this function.
fn gold(x: &Array, y: &Array) -> Array {
    (2.0 * x.powi(2)) - (4.0 * x * y) + (y.powi(4) + 2.0)
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.heading("Example: Transforming a function into its derivative")?;
    nb.text("`grad` takes in a function and transforms it into another function: the derivative with respect to the first argument.")?;
    nb.cell(&["func"])?;
    let df = grad(func);

    // Pass in any float value of x, you should get back 3.0 as the _gradient_.
    let slope = df(&4.0.into());

    nb.value("cell01_df", "slope", slope.item::<f64>())?;
    nb.cell(&["polynomial"])?;
    let dpolynomial = grad(polynomial);

    // Pass in any float value of x: the result is 6x + 4, the gradient of the polynomial.
    let slope = dpolynomial(&3.0.into());

    nb.value("cell02_dpolynomial", "slope", slope.item::<f64>())?;

    nb.heading("Using grad to solve minimization problems")?;
    nb.cell(&[])?;
    // Find the minimum of the polynomial.
    let mut x = Array::from(3.0);
    let mut path = vec![x.clone()];
    for _ in nb.steps("polynomial", 200) {
        x -= dpolynomial(&x) * 0.01;
        path.push(x.clone());
    }

    nb.value("cell03_minimum", "x", x.item::<f64>())?;
    nb.text("How close is this to the true analytical value? At the minimum 6x + 4 is zero, so x = -2/3. We're pretty darn close. And that, my friends, is gradient descent!")?;
    if nb.wants_pictures() {
        nb.picture("polynomial", pictures::polynomial(&path))?;
    }

    nb.heading("Maximum likelihood of parameters")?;
    nb.cell(&[])?;
    let key = random::PRNGKey(44);

    nb.value("key", "key", key.data().to_vec::<u32>())?;
    nb.cell(&[])?;
    let real_mu = -3.0;
    let real_log_sigma = np::log(2.0); // the real sigma is 2.0
    let raw = random::normal(key, 1000);
    let data = &raw * np::exp(&real_log_sigma) + real_mu;

    nb.value("cell04_data_first8", "data[..8]", floats(&data)[..8].to_vec())?;
    nb.value("cell04_data_sum", "sum", np::sum(&data).item::<f64>())?;
    nb.value("cell04_data_mean", "mean", np::mean(&data).item::<f64>())?;
    nb.value("cell04_data_std", "standard deviation", np::std(&data).item::<f64>())?;
    let bits: Vec<u32> = raw.to_vec::<f32>()[..8].iter().map(|x| x.to_bits()).collect();
    nb.value("raw_normal_bits_first8", "the bits of normal(key)[..8]", bits)?;

    nb.heading("What is the maximum likelihood value of mu and sigma given the data?")?;
    nb.text("That is equivalent to minimizing the negative log likelihood. Check that it is correct:")?;
    nb.cell(&["neglogp"])?;
    let mut mu = Array::from(-6.0);
    let mut log_sigma = np::log(2.0);
    let loss = neglogp(&mu, &log_sigma, &data);

    nb.value("cell05_neglogp", "loss", loss.item::<f64>())?;
    nb.cell(&[])?;
    let dneglogp = grad(neglogp).argnums(args!(0, 1));

    // Condition on data.
    let dneglogp = |mu: &Array, log_sigma: &Array| dneglogp(mu, log_sigma, &data);
    let (dmu, dlog_sigma) = dneglogp(&mu, &log_sigma);

    nb.value("cell06_dneglogp", "(dmu, dlog_sigma)", pair(&dmu, &dlog_sigma))?;
    nb.cell(&[])?;
    // Gradient descent.
    let mut path = vec![(mu.clone(), log_sigma.clone())];
    for _ in nb.steps("likelihood", 300) {
        let (dmu, dlog_sigma) = dneglogp(&mu, &log_sigma);
        mu -= dmu * 0.0001;
        log_sigma -= dlog_sigma * 0.0001;
        path.push((mu.clone(), log_sigma.clone()));
    }
    let sigma = np::exp(&log_sigma);

    nb.value("cell07_mu", "mu", mu.item::<f64>())?;
    nb.value("cell07_sigma", "sigma", sigma.item::<f64>())?;
    if nb.wants_pictures() {
        nb.picture("data", pictures::data(&data, &mu, &sigma))?;
        nb.picture("likelihood", pictures::likelihood(&data, &path))?;
    }

    nb.heading("grad with multiple arguments")?;
    nb.text("Where is the gold? It's at the minima!")?;
    nb.cell(&["gold"])?;
    let df = grad(gold).argnums(args!(0, 1));
    let (dx, dy) = df(&3.0.into(), &4.0.into());

    nb.value("cell08_df", "(dx, dy)", pair(&dx, &dy))?;
    nb.text("There are two minima in the function. Let's find out where they are.")?;
    nb.cell(&[])?;
    // Start somewhere.
    let (mut x, mut y) = (Array::from(0.1), Array::from(-0.1));
    let mut path = vec![(x.clone(), y.clone())];
    for _ in nb.steps("gold", 300) {
        let (dx, dy) = df(&x, &y);
        x -= dx * 0.01;
        y -= dy * 0.01;
        path.push((x.clone(), y.clone()));
    }

    nb.value("cell09_minimum", "(x, y)", pair(&x, &y))?;
    nb.cell(&[])?;
    // Make data for the surface.
    let (x, y) = (np::arange((-1.5, 1.5, 0.01)), np::arange((-1.5, 1.5, 0.01)));
    let (x, y) = np::meshgrid(&x, &y);
    let z = gold(&x, &y);

    nb.value("cell10_shape", "z.shape()", z.shape().to_vec())?;
    nb.value("cell10_zmin", "min", np::min(&z).item::<f64>())?;
    nb.value("cell10_zmax", "max", np::max(&z).item::<f64>())?;
    let heights = floats(&z);
    let columns = z.shape()[1];
    nb.value("cell10_z_0_0", "z[0, 0]", heights[0])?;
    nb.value("cell10_z_150_200", "z[150, 200]", heights[150 * columns + 200])?;
    if nb.wants_pictures() {
        nb.picture("surface", pictures::surface(&x, &y, &z))?;
        nb.picture("gold", pictures::gold(&x, &y, &z, &path))?;
    }
    Ok(())
}

/// The elements of an array.
fn floats(x: &Array) -> Vec<f64> {
    x.to_vec::<f32>().into_iter().map(f64::from).collect()
}

fn pair(a: &Array, b: &Array) -> Vec<f64> {
    vec![a.item(), b.item()]
}

fn functions() -> Vec<Function> {
    let both = args!(0, 1);
    let scalar = || Array::from(1.0);
    let (x, y) = (scalar(), scalar());
    vec![
        Function::new("func", "3x + 1", func, grad(func), (scalar(),)),
        Function::new("polynomial", "3x² + 4x − 3", polynomial, grad(polynomial), (scalar(),)),
        Function::new(
            "neglogp",
            "the negative log likelihood of 1000 normal values",
            neglogp,
            grad(neglogp).argnums(both),
            (scalar(), scalar(), Array::from(vec![0f32; 1000])),
        ),
        Function::new("gold", "2x² − 4xy + y⁴ + 2", gold, grad(gold).argnums(both), (x, y)),
    ]
}
