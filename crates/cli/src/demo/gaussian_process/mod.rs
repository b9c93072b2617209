//! A Gaussian process: functions as random variables, and hyperparameters by maximum likelihood.

mod pictures;

use anyhow::Result;
use cotangent::scipy::linalg::{Trans, cholesky, solve_triangular};
use cotangent::{optim, prelude::*};

use super::notebook::Notebook;
use super::values::{all, shown};
use super::{Demo, SCIENCE};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "gaussian-process",
    chapter: SCIENCE,
    summary: "regression with error bars: kernels by vmap, hyperparameters by the gradient of a Cholesky factor",
    seconds: 3,
    source: include_str!("mod.rs"),
    run,
    functions,
};

/// Logarithms of the parameters of the kernel, and of the spread of the noise.
#[derive(Clone, Tree)]
struct Process {
    scale: Array,
    length: Array,
    noise: Array,
}

fn kernel(process: &Process, a: &Array, b: &Array) -> Array {
    np::exp(2.0 * &process.scale - 0.5 * ((a - b) / np::exp(&process.length)).square())
}

fn covariance(process: &Process, a: &Array, b: &Array) -> Array {
    let with_all = vmap(kernel).in_axes((None, None, 0));
    vmap(with_all).in_axes((None, 0, None))(process, a, b)
}

fn factor(process: &Process, x: &Array) -> Array {
    let noise = np::exp(2.0 * &process.noise) * np::identity(x.size());
    cholesky(covariance(process, x, x) + noise, true)
}

fn loss(process: &Process, x: &Array, y: &Array) -> Array {
    let l = factor(process, x);
    let whitened = solve_triangular(&l, y, Trans::No, true, false);
    0.5 * whitened.square().sum() + np::log(np::diag(&l)).sum() + 0.5 * x.size() as f64 * std::f64::consts::TAU.ln()
}

fn predict(process: &Process, x: &Array, y: &Array, at: &Array) -> (Array, Array) {
    let l = factor(process, x);
    let whitened = solve_triangular(&l, y, Trans::No, true, false);
    let across = solve_triangular(&l, covariance(process, x, at), Trans::No, true, false);
    let mean = across.t().dot(whitened);
    (mean, covariance(process, at, at) - across.t().dot(&across))
}

fn fit(start: Process, x: &Array, y: &Array) -> (Process, Array) {
    let optimizer = optim::adam(0.05);
    let state = optimizer.init(&start);
    let step = |(process, state): (Process, _), _: ()| {
        let (loss, slope) = value_and_grad(loss)(&process, x, y);
        (optimizer.apply(&process, &slope, &state), loss)
    };
    let ((last, _), losses) = lax::Scan::new().length(300).run(step, (start, state), &());
    (last, losses)
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "A network predicts a number. A Gaussian process predicts a distribution: where there are data it is sure, and \
         where there are none it says so. It has three hyperparameters, and the gradient of its likelihood finds them.",
    )?;

    nb.heading("Data with a gap")?;
    nb.cell(&[])?;
    let [x_key, noise_key, sample_key] = random::key(11).split();
    let places = random::uniform(x_key, 40) * 6.0;
    let x = np::where_(places.less(3.0), &places - 4.0, &places - 2.0); // none between −1 and 1
    let y = np::sin(2.0 * &x) + 0.3 * &x + 0.15 * random::normal(noise_key, 40);

    nb.value("x", "x[..4]", shown(&x.at(..4).get()))?;
    nb.value("y", "y[..4]", shown(&y.at(..4).get()))?;

    nb.heading("A kernel")?;
    nb.text(
        "The process is defined by the covariance of the function's values at two places: nearly equal if the places \
         are close, independent if they are far apart. `kernel` is that for two numbers. Two maps make the matrix of \
         all pairs.",
    )?;
    nb.cell(&["Process", "kernel", "covariance"])?;
    let start = Process { scale: 0.0.into(), length: 0.5.into(), noise: (-1.0).into() };
    let k = covariance(&start, &x, &x);

    nb.value("k_shape", "shape", k.shape().to_vec())?;
    nb.value("k", "k[0, ..4]", shown(&k.at((0, ..4)).get()))?;

    nb.heading("Likelihood")?;
    nb.text(
        "The data are one draw from a normal distribution of forty dimensions. Its density needs the inverse and the \
         determinant of the covariance, and both come from its Cholesky factor. The derivative of the factor is part \
         of the library, so the loss can be differentiated as it stands.",
    )?;
    nb.cell(&["factor", "loss"])?;
    let (value, slope) = value_and_grad(loss)(&start, &x, &y);

    nb.value("first_loss", "negative log-likelihood", shown(&value))?;
    nb.value("slope", "its slope", all(&[slope.scale, slope.length, slope.noise]))?;

    nb.heading("Hyperparameters by descent")?;
    nb.cell(&["fit"])?;
    let (fitted, losses) = jit(fit)(start.clone(), &x, &y);
    let found = [&fitted.scale, &fitted.length, &fitted.noise].map(np::exp);

    nb.value("last_loss", "negative log-likelihood", shown(&losses.at(-1).get()))?;
    nb.value("found", "scale, length and noise (0.15)", all(&found))?;

    nb.heading("Prediction")?;
    nb.text(
        "Conditioned on the data, the process is normal again. The mean is the prediction, and the square root of the \
         diagonal of the covariance is its uncertainty. In the gap and beyond the data, it grows to that of the \
         kernel.",
    )?;
    nb.cell(&["predict"])?;
    let at = np::linspace(-6.0, 6.0, 121);
    let (mean, covariance) = predict(&fitted, &x, &y, &at);
    let spread = np::sqrt(np::maximum(np::diag(&covariance), 0.0));
    let shown_at = np::array([0, 30, 60, 90]);

    nb.value("mean", "mean at −6, −3, 0, 3", shown(&mean.at(&shown_at).get()))?;
    nb.value("spread", "spread at −6, −3, 0, 3", shown(&spread.at(&shown_at).get()))?;

    nb.heading("Functions that may be the true one")?;
    nb.text(
        "A draw from that distribution is a whole function. All draws go through the data, and each fills the gap in \
         its own way. A small number on the diagonal keeps the factor defined in `f32`.",
    )?;
    nb.cell(&[])?;
    let l = cholesky(&covariance + 1e-4 * np::identity(121), true);
    let draws = vmap(|z: &Array| &mean + l.dot(z))(&random::normal(sample_key, (8, 121)));

    nb.value("draws_shape", "shape", draws.shape().to_vec())?;
    let in_band = (&draws - &mean).abs().less_equal(2.5 * &spread + 0.05).mean();
    nb.value("draws_inside", "most of each within the band", in_band.item::<f64>() > 0.9)?;
    if nb.wants_pictures() {
        nb.picture("prediction", pictures::prediction(&x, &y, (&at, &mean, &spread), &draws))?;
        nb.picture("covariance", pictures::covariance(&k, &covariance))?;
    }
    Ok(())
}

fn functions() -> Vec<Function> {
    let process = Process { scale: 0.0.into(), length: 0.5.into(), noise: (-1.0).into() };
    let args = (process, np::linspace(-4.0, 4.0, 40), np::zeros(40));
    vec![Function::new("gaussian-process", "the likelihood of a Gaussian process", loss, grad(loss), args)]
}
