//! "Optimized learning": `grad`, gradient descent and maximum likelihood. The exercises are those of a notebook of the
//! dl-workshop, in words and code of our own.

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

/// Two hollows with a saddle between them: a textbook problem, which analyzemath.com solves on paper.
fn gold(x: &Array, y: &Array) -> Array {
    2.0 * x.powi(2) - 4.0 * x * y + y.powi(4) + 2.0
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "To learn is to lower a loss, and derivatives tell where it falls. This notebook follows them down three \
         slopes: a polynomial of one number, the likelihood of two parameters, and a field with two hollows.",
    )?;

    nb.heading("The derivative of a function is a function")?;
    nb.text(
        "`grad(f)` returns the derivative of `f` by its first argument, ready to be called like `f` itself. A straight \
         line is the easiest test. The derivative of this one is 3 at every x:",
    )?;
    nb.cell(&["func"])?;
    let df = grad(func);
    let slope = df(&4.0.into());

    nb.value("cell01_df", "slope", slope.item::<f64>())?;
    nb.text("That of a polynomial depends on x. On paper it is 6x + 4, which makes 22 at x = 3:")?;
    nb.cell(&["polynomial"])?;
    let dpolynomial = grad(polynomial);
    let slope = dpolynomial(&3.0.into());

    nb.value("cell02_dpolynomial", "slope", slope.item::<f64>())?;

    nb.heading("Down to the minimum")?;
    nb.text(
        "Where the derivative is positive, the function falls to the left, and where it is negative, to the right. So \
         a step against the derivative goes down. Here are 200 of them, each a hundredth of the derivative long:",
    )?;
    nb.cell(&[])?;
    let rate = 0.01;
    let mut x = Array::from(3.0);
    let mut path = vec![x.clone()];
    for _ in nb.steps("polynomial", 200) {
        x -= rate * dpolynomial(&x);
        path.push(x.clone());
    }

    nb.value("cell03_minimum", "x", x.item::<f64>())?;
    nb.text(
        "The derivative 6x + 4 is zero at x = −⅔, and the walk ends 0.000015 away from there. Every step leaves 94 % of \
         the distance, so each further digit takes 37 steps.",
    )?;
    if nb.wants_pictures() {
        nb.picture("polynomial", pictures::polynomial(&path))?;
    }
    nb.text(
        "On a summit, the derivative is zero as well, but there it falls through zero; in a valley it rises. So the \
         second derivative tells them apart. `grad` differentiates what `grad` has returned, and 6 is positive:",
    )?;
    nb.cell(&[])?;
    let curvature = grad(grad(polynomial))(&x);

    nb.value("cell03_curvature", "curvature", curvature.item::<f64>())?;

    nb.heading("Data from a known source")?;
    nb.text(
        "An estimate can be judged if the truth is known. So the data are drawn: 1000 numbers of a normal distribution \
         with mean −3 and standard deviation 2. The key decides which numbers these are.",
    )?;
    nb.cell(&[])?;
    let key = random::PRNGKey(44);

    nb.value("key", "key", key.data().to_vec::<u32>())?;
    nb.cell(&[])?;
    let (true_mu, true_log_sigma) = (-3.0, np::log(2.0));
    let raw = random::normal(key, 1000);
    let data = &raw * np::exp(&true_log_sigma) + true_mu;

    nb.value("cell04_data_first8", "data[..8]", floats(&data)[..8].to_vec())?;
    nb.value("cell04_data_sum", "sum", np::sum(&data).item::<f64>())?;
    nb.value("cell04_data_mean", "mean", np::mean(&data).item::<f64>())?;
    nb.value("cell04_data_std", "standard deviation", np::std(&data).item::<f64>())?;
    let bits: Vec<u32> = raw.to_vec::<f32>()[..8].iter().map(|x| x.to_bits()).collect();
    nb.value("raw_normal_bits_first8", "the bits of normal(key)[..8]", bits)?;

    nb.heading("The parameters that explain the data best")?;
    nb.text(
        "The most likely parameters give the data the highest density. A product of 1000 densities is too small for a \
         float, but its logarithm is a sum. Descent looks for a minimum, so the loss is the negative of that sum. The \
         second parameter is the logarithm of σ: it may be any number, and σ stays positive. At a bad guess, the loss \
         is high but finite:",
    )?;
    nb.cell(&["neglogp"])?;
    let mut mu = Array::from(-6.0);
    let mut log_sigma = np::log(2.0);
    let loss = neglogp(&mu, &log_sigma, &data);

    nb.value("cell05_neglogp", "loss", loss.item::<f64>())?;
    nb.text(
        "`argnums` names the arguments to differentiate by, and the result has a derivative for each. The data are an \
         argument as well, but a fixed one: a closure supplies them. Both derivatives are negative, so both parameters \
         should grow.",
    )?;
    nb.cell(&[])?;
    let slopes = grad(neglogp).argnums(args!(0, 1));
    let slopes = |mu: &Array, log_sigma: &Array| slopes(mu, log_sigma, &data);
    let (dmu, dlog_sigma) = slopes(&mu, &log_sigma);

    nb.value("cell06_dneglogp", "(dmu, dlog_sigma)", pair(&dmu, &dlog_sigma))?;
    nb.text("The derivative is a sum over 1000 numbers, so the rate is small:")?;
    nb.cell(&[])?;
    let rate = 0.0001;
    let mut path = vec![(mu.clone(), log_sigma.clone())];
    for _ in nb.steps("likelihood", 300) {
        let (dmu, dlog_sigma) = slopes(&mu, &log_sigma);
        mu -= rate * dmu;
        log_sigma -= rate * dlog_sigma;
        path.push((mu.clone(), log_sigma.clone()));
    }
    let sigma = np::exp(&log_sigma);

    nb.value("cell07_mu", "mu", mu.item::<f64>())?;
    nb.value("cell07_sigma", "sigma", sigma.item::<f64>())?;
    nb.text(
        "On paper, the best parameters are the mean and the standard deviation of the data, and the walk has come \
         within 0.005 of both. The data, in turn, differ from −3 and 2 by what 1000 numbers leave to chance.",
    )?;
    if nb.wants_pictures() {
        nb.picture("data", pictures::data(&data, &mu, &sigma))?;
        nb.picture("likelihood", pictures::likelihood(&data, &path))?;
    }

    nb.heading("A field with two hollows")?;
    nb.text(
        "In this field the height depends on two coordinates, and the gold lies in the hollows. A digger feels the \
         slope under its wheels, one number for each direction:",
    )?;
    nb.cell(&["gold"])?;
    let slopes = grad(gold).argnums(args!(0, 1));
    let (dx, dy) = slopes(&3.0.into(), &4.0.into());

    nb.value("cell08_df", "(dx, dy)", pair(&dx, &dy))?;
    nb.text(
        "The digger starts near the middle and always rolls down. It reaches the hollow on its side of the saddle, at \
         (−1, −1). The other one is at (1, 1), and only another start leads there.",
    )?;
    nb.cell(&[])?;
    let rate = 0.01;
    let (mut x, mut y) = (Array::from(0.1), Array::from(-0.1));
    let mut path = vec![(x.clone(), y.clone())];
    for _ in nb.steps("gold", 300) {
        let (dx, dy) = slopes(&x, &y);
        x -= rate * dx;
        y -= rate * dy;
        path.push((x.clone(), y.clone()));
    }

    nb.value("cell09_minimum", "(x, y)", pair(&x, &y))?;

    nb.heading("A digger on a rail")?;
    nb.text(
        "Now the digger is on a rail at x = ½, and can move in the direction of y only. It needs a partial derivative: \
         `argnums` with one number gives the derivative by that argument, and x stays what it is. On paper, the \
         lowest point of the rail is where y³ = ½. The second derivative by y, 12y², is positive there.",
    )?;
    nb.cell(&[])?;
    let slope = grad(gold).argnums(args!(1));
    let (rail, mut lowest) = (Array::from(0.5), Array::from(-0.1));
    for _ in nb.steps("rail", 300) {
        lowest -= rate * slope(&rail, &lowest);
    }
    let curvature = grad(slope).argnums(args!(1))(&rail, &lowest);

    nb.value("cell09_rail", "y", lowest.item::<f64>())?;
    nb.value("cell09_rail_curvature", "curvature", curvature.item::<f64>())?;

    nb.heading("The whole field")?;
    nb.text(
        "`gold` is made of operations on arrays. Given the coordinates of 300 × 300 points, it returns their heights, \
         which is all that a picture needs.",
    )?;
    nb.cell(&[])?;
    let spacing = 0.01;
    let line = np::arange((-1.5, 1.5, spacing));
    let (x, y) = np::meshgrid(&line, &line);
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
        nb.picture("gold", pictures::gold(&x, &y, &z, &path, (&rail, &lowest)))?;
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
