//! "Neural networks from scratch": a line, data, and a measure of how wrong a guess is.

mod pictures;

use anyhow::Result;
use cotangent::prelude::*;

use super::notebook::Notebook;
use super::values::{all, shown};
use super::{DIFFERENTIABLE_PROGRAMMING, Demo};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "neural-networks-from-scratch",
    chapter: DIFFERENTIABLE_PROGRAMMING,
    summary: "a model, its parameters, and a loss that says how wrong they are",
    seconds: 1,
    source: include_str!("mod.rs"),
    run,
    functions,
};

fn line(w: &Array, b: &Array, x: &Array) -> Array {
    w * x + b
}

fn mean_squared_error(truth: &Array, estimate: &Array) -> Array {
    (truth - estimate).square().mean()
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "Every kind of supervised learning has the same three parts: a model with parameters, a loss that says how \
         wrong the parameters are, and an optimizer that makes them less wrong. A straight line is the smallest \
         model that has all three, so we start there. This notebook builds the model and the loss; the next ones \
         build the optimizer, and then replace the line by larger and larger models.",
    )?;

    nb.heading("A model, and data that it could explain")?;
    nb.text(
        "The model is y = w x + b. The data are given, and so they are fixed. What we are free to choose are the \
         parameters: the slope w and the intercept b. To know what a good answer is, we choose true parameters, \
         compute points on their line, and hide the line under noise.",
    )?;
    nb.cell(&["line"])?;
    let (w_true, b_true) = (Array::from(1.5), Array::from(-4.0));
    let x = np::linspace(-5.0, 5.0, 100);
    let noise = random::normal(random::key(7), 100);
    let y = line(&w_true, &b_true, &x) + 1.5 * noise;

    nb.value("x_ends", "x at both ends", all(&[x.at(0).get(), x.at(-1).get()]))?;
    nb.value("y_first", "y[..4]", shown(&y.at(..4).get()))?;
    nb.value("y_mean", "mean of y", shown(&y.mean()))?;

    nb.heading("A bad guess")?;
    nb.text("Before we look for good parameters, here are bad ones. The slope has the wrong sign.")?;
    nb.cell(&[])?;
    let (w, b) = (Array::from(-5.0), Array::from(3.0));
    let estimate = line(&w, &b, &x);

    nb.value("estimate_ends", "estimate at both ends", all(&[estimate.at(0).get(), estimate.at(-1).get()]))?;

    nb.heading("How wrong is it?")?;
    nb.text(
        "A loss turns \"that looks wrong\" into a number. For data on a continuous scale, the usual one is the mean of \
         the squared errors: large errors count more than small ones, and errors above the line do not cancel those \
         below.",
    )?;
    nb.cell(&["mean_squared_error"])?;
    let wrong = mean_squared_error(&y, &estimate);

    nb.value("loss_of_bad_guess", "loss of the bad guess", shown(&wrong))?;
    nb.text(
        "The true line does not reach zero either. What is left is the variance of the noise, 1.5² = 2.25, as well as \
         100 points can tell.",
    )?;
    nb.cell(&[])?;
    let right = mean_squared_error(&y, &line(&w_true, &b_true, &x));

    nb.value("loss_of_truth", "loss of the true line", shown(&right))?;
    if nb.wants_pictures() {
        nb.picture("guess", pictures::guess(&x, &y, &estimate, &line(&w_true, &b_true, &x)))?;
    }

    nb.heading("Optimize by hand")?;
    nb.text(
        "With two knobs, a person can do the optimizer's work: turn one knob until the loss stops falling, then the \
         other. These six guesses turn the slope first and the intercept second. `vmap` evaluates all of them at once.",
    )?;
    nb.cell(&[])?;
    let loss = |w: &Array, b: &Array| mean_squared_error(&y, &line(w, b, &x));
    let ws = np::array([-5.0, -2.0, 0.0, 1.5, 1.5, 1.5]);
    let bs = np::array([3.0, 3.0, 3.0, 3.0, 0.0, -4.0]);
    let losses = vmap(loss)(&ws, &bs);

    nb.value("loss_by_hand", "losses", shown(&losses))?;
    nb.text("The pictures turn each knob from end to end, the slope at b = 3, the intercept at w = 1.5:")?;
    if nb.wants_pictures() {
        let fit = |w: &Array, b: &Array| (line(w, b, &x), loss(w, b));
        let (slopes, intercepts) = (np::linspace(-4.5, 4.5, 13), np::linspace(-8.0, 5.0, 14));
        let by_w = vmap(fit).in_axes((0, None))(&slopes, &3.0.into());
        let by_b = vmap(fit).in_axes((None, 0))(&1.5.into(), &intercepts);
        nb.picture("slope", pictures::knob("slope w", (&x, &y), &slopes, by_w))?;
        nb.picture("intercept", pictures::knob("intercept b", (&x, &y), &intercepts, by_b))?;
    }

    nb.heading("All guesses at once")?;
    nb.text(
        "Two parameters are few enough to try every combination on a grid. The inner `vmap` varies the intercept, the \
         outer one the slope, and the result is the loss over the plane of parameters.",
    )?;
    nb.cell(&[])?;
    let by_hand = (ws, bs);
    let (ws, bs) = (np::linspace(-6.0, 9.0, 151), np::linspace(-24.0, 16.0, 161));
    let along_b = vmap(loss).in_axes((None, 0));
    let surface = vmap(along_b).in_axes((0, None))(&ws, &bs);

    nb.value("surface_shape", "shape", surface.shape().to_vec())?;
    nb.value("surface_range", "least and greatest loss", all(&[surface.min(), surface.max()]))?;
    nb.cell(&[])?;
    let lowest = np::unravel_index(np::argmin(&surface), surface.shape());
    let (w_best, b_best) = (ws.at(&lowest[0]).get(), bs.at(&lowest[1]).get());

    nb.value("grid_best", "(w, b) on the grid", all(&[w_best, b_best]))?;
    if nb.wants_pictures() {
        nb.picture("bowl", pictures::bowl(&ws, &bs, &surface, (&by_hand.0, &by_hand.1)))?;
    }

    nb.heading("Downhill")?;
    nb.text(
        "The loss is a bowl, and trying everything found its bottom. That took 24,311 evaluations for two parameters; \
         a network has thousands of parameters, and no grid covers them. But from any point of the bowl, the slope \
         says which way is down. `grad` computes it:",
    )?;
    nb.cell(&[])?;
    let slope = grad(loss).argnums(args!(0, 1));
    let (dw, db) = slope(&w, &b);

    nb.value("slope_of_bad_guess", "(dw, db) at the bad guess", all(&[dw, db]))?;
    nb.text(
        "At the bad guess, the loss falls when w increases and when b decreases: both point to the bottom. The demo \
         `gradient-optimization` takes steps in that direction.",
    )?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let loss = |w: &Array, b: &Array, x: &Array, y: &Array| mean_squared_error(y, &line(w, b, x));
    let points = || np::zeros(100);
    let args = (Array::from(1.0), Array::from(0.0), points(), points());
    vec![Function::new("line", "the mean squared error of a line", loss, grad(loss).argnums(args!(0, 1)), args)]
}
