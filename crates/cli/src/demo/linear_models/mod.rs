//! "Linear models": the parameters of a line, found by gradient descent.

mod pictures;

use anyhow::Result;
use cotangent::prelude::*;

use super::notebook::Notebook;
use super::values::{all, shown};
use super::{DIFFERENTIABLE_PROGRAMMING, Demo};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "linear-models",
    chapter: DIFFERENTIABLE_PROGRAMMING,
    summary: "linear regression as model, loss and optimizer, in one dimension and in four",
    seconds: 1,
    source: include_str!("mod.rs"),
    run,
    functions,
};

#[derive(Clone, Tree)]
struct Linear {
    w: Array,
    b: Array,
}

fn linear_model(theta: &Linear, x: &Array) -> Array {
    np::dot(x, &theta.w) + &theta.b
}

fn random_line(key: Key) -> Linear {
    let [w, b] = key.split();
    Linear { w: random::normal(w, ()), b: random::normal(b, ()) }
}

fn mse(theta: &Linear, x: &Array, y: &Array) -> Array {
    (linear_model(theta, x) - y).square().mean()
}

fn update(theta: Linear, x: &Array, y: &Array) -> (Array, Linear) {
    let (loss, slope) = value_and_grad(mse)(&theta, x, y);
    (loss, theta.zip(&slope, |p, g| p - 0.01 * g))
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "Fitting a line is the same problem as finding the minimum of a parabola. The function is the mean squared \
         error, and its argument is the pair of parameters θ = (w, b). This notebook has a section for each of the \
         three parts: model, loss, optimizer.",
    )?;

    nb.heading("The model and its parameters")?;
    nb.text(
        "The parameters are a struct. `#[derive(Tree)]` makes it a tree of arrays, so that every transformation can \
         take it apart and build it again.",
    )?;
    nb.cell(&["Linear", "linear_model", "random_line"])?;
    let mut theta = random_line(random::key(0));

    nb.value("initial_theta", "(w, b)", all(&[theta.w.clone(), theta.b.clone()]))?;

    nb.heading("The loss and its gradient")?;
    nb.text(
        "The parameters are the first argument of the loss, because `grad` differentiates with respect to the first \
         argument. The gradient has the type of that argument: it is a `Linear` too.",
    )?;
    nb.cell(&["mse"])?;
    let x = np::linspace(-5.0, 5.0, 100);
    let y = 1.5 * &x - 4.0 + 1.5 * random::normal(random::key(7), 100);
    let slope = grad(mse)(&Linear { w: 0.3.into(), b: 0.5.into() }, &x, &y);

    nb.value("slope", "(dw, db) at (0.3, 0.5)", all(&[slope.w, slope.b]))?;

    nb.heading("The optimizer")?;
    nb.text(
        "An update computes the loss and the gradient together, and moves each parameter a hundredth of its slope \
         downhill. `zip` applies a function to the corresponding arrays of two trees. `jit` compiles the whole update \
         into one program, which runs 3,000 times.",
    )?;
    nb.cell(&["update"])?;
    let step = jit(update);
    let mut losses = Vec::new();
    for _ in nb.steps("linear model", 3000) {
        let loss;
        (loss, theta) = step(theta, &x, &y);
        losses.push(loss);
    }

    nb.value("losses", "losses at 0, 10, 100, 1000, 2999", all([0, 10, 100, 1000, 2999].map(|i| &losses[i])))?;
    nb.value("theta", "(w, b)", all(&[theta.w.clone(), theta.b.clone()]))?;
    if nb.wants_pictures() {
        nb.picture("fit", pictures::fit(&losses, &x, &y, &linear_model(&theta, &x)))?;
    }

    nb.heading("Is that the answer?")?;
    nb.text(
        "For this model, and for hardly any other, the best parameters are known in closed form: they solve a linear \
         least-squares problem. Descent arrives at the same numbers. They differ from the true slope 1.5 and intercept \
         −4 because the noise does.",
    )?;
    nb.cell(&[])?;
    let columns = np::stack([&x, &np::ones_like(&x)], 1);
    let (exact, ..) = np::linalg::lstsq(&columns, &y);

    nb.value("exact", "(w, b) by least squares", shown(&exact))?;

    nb.heading("More dimensions")?;
    nb.text(
        "With four inputs instead of one, w is a vector and x a matrix with a row for each observation. Neither the \
         model nor the loss nor the update changes, only the shapes do. `step` notices, and compiles a second program.",
    )?;
    nb.cell(&[])?;
    let [x_key, noise_key] = random::key(1).split();
    let x = random::normal(x_key, (200, 4));
    let y = x.dot(np::array([1.0, 2.0, 3.0, 4.0])) + 5.0 + 0.1 * random::normal(noise_key, 200);
    let mut theta = Linear { w: np::zeros(4), b: np::zeros(()) };
    for _ in nb.steps("four inputs", 3000) {
        (_, theta) = step(theta, &x, &y);
    }

    nb.value("theta_w", "w", shown(&theta.w))?;
    nb.value("theta_b", "b", shown(&theta.b))?;
    nb.value("programs", "programs compiled for `step`", step.cache_report().misses.len())?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let theta = Linear { w: np::zeros(4), b: np::zeros(()) };
    vec![Function::new(
        "linear-model",
        "the mean squared error of a linear model of four inputs",
        mse,
        grad(mse),
        (theta, np::zeros((200, 4)), np::zeros(200)),
    )]
}
