//! "Stax linear": a layer, an optimizer, and four ways to write the training loop.

mod pictures;

use std::time::Instant;

use anyhow::Result;
use cotangent::{nn::layers::Linear, optim, prelude::*};

use super::notebook::Notebook;
use super::values::shown;
use super::{Demo, LAYERS};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "stax-linear",
    chapter: LAYERS,
    summary: "a layer of nn and an optimizer of optim, trained from one start and from a hundred",
    seconds: 2,
    source: include_str!("mod.rs"),
    run,
    functions,
};

fn mse(model: &Linear, x: &Array, y: &Array) -> Array {
    (model.call(x) - y).square().mean()
}

fn update(model: Linear, state: optim::AnyState, x: &Array, y: &Array) -> (Linear, optim::AnyState) {
    let slope = grad(mse)(&model, x, y);
    optim::adam(0.1).boxed().apply(&model, &slope, &state)
}

fn fit(start: Linear, x: &Array, y: &Array) -> (Linear, Array) {
    let optimizer = optim::adam(0.1);
    let state = optimizer.init(&start);
    let step = |(model, state): &(Linear, _), _: &()| {
        let (loss, slope) = value_and_grad(mse)(model, x, y);
        (optimizer.apply(model, &slope, state), loss)
    };
    let ((model, _), losses) = lax::Scan::new().length(1000).run(step, (start, state), &());
    (model, losses)
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "A layer needs two functions: one that draws its parameters from a key, and one that applies them to data. In \
         this library, the parameters are a struct, and the functions are its `new` and `call`. Nothing is hidden in \
         it: `grad`, `vmap` and `scan` take a layer as they take an array.",
    )?;

    nb.heading("A layer")?;
    nb.text("Four inputs, one output. The weights are drawn at random, the bias starts at zero.")?;
    nb.cell(&[])?;
    let key = random::key(42);
    let start = Linear::new(key.clone(), 4, 1);

    nb.value("weight", "weight", shown(&start.weight))?;
    nb.value("bias", "bias", start.bias.as_ref().map(shown))?;
    nb.text("Data with a known answer: the weights 1, 2, 3, 4 and the bias 5.")?;
    nb.cell(&[])?;
    let x = random::normal(key.clone(), (200, 4));
    let y = x.dot(np::array([[1.0], [2.0], [3.0], [4.0]])) + 5.0;
    let estimate = start.call(&x);

    nb.value("estimate_shape", "shape of the estimate", estimate.shape().to_vec())?;
    nb.value("estimate", "estimate[..3]", shown(&estimate.at(..3).get()))?;
    nb.value("y", "y[..3]", shown(&y.at(..3).get()))?;

    nb.heading("An optimizer")?;
    nb.text(
        "Adam scales each step by running means of the slope and of its square. These are its state. `init` makes the \
         state for a model, and `apply` turns a model, a slope and a state into the next model and state.",
    )?;
    nb.cell(&["mse", "update"])?;
    let mut model = start.clone();
    let mut state = optim::adam(0.1).boxed().init(&model);
    let began = Instant::now();
    for _ in nb.steps("without jit", 100) {
        (model, state) = update(model, state, &x, &y);
    }
    let eager = began.elapsed() / 100;

    nb.value("after_100", "loss after 100 steps", shown(&mse(&model, &x, &y)))?;
    nb.text("The same steps as one compiled program each:")?;
    nb.cell(&[])?;
    let step = jit(update);
    let mut model = start.clone();
    let mut state = optim::adam(0.1).boxed().init(&model);
    (model, state) = step(model, state, &x, &y); // compiles
    let began = Instant::now();
    for _ in nb.steps("with jit", 999) {
        (model, state) = step(model, state, &x, &y);
    }
    block_until_ready(&(model.clone(), state))?;
    let compiled = began.elapsed() / 999;

    nb.value("jit_weight", "weight", shown(&np::ravel(&model.weight)))?;

    nb.heading("The whole loop in one program")?;
    nb.text(
        "As a `scan`, the loop itself is part of the program. The carry is the pair of model and state, and the \
         outputs are the losses.",
    )?;
    nb.cell(&["fit"])?;
    let train = jit(fit);
    let (model, losses) = train(start.clone(), &x, &y);
    let began = Instant::now();
    block_until_ready(&train(start, &x, &y))?;
    let scanned = began.elapsed() / 1000;

    nb.value("scan_weight", "weight", shown(&np::ravel(&model.weight)))?;
    nb.value("scan_bias", "bias", model.bias.as_ref().map(shown))?;
    nb.value("losses", "losses at 0, 10, 100", shown(&losses.at(np::array([0, 10, 100])).get()))?;
    nb.text(&format!(
        "A step takes {eager:.1?} without `jit`, {compiled:.1?} with it, and {scanned:.1?} inside of `scan`, on this \
         machine and in this run.",
    ))?;

    nb.heading("A hundred starts")?;
    nb.text(
        "Does the answer depend on the start? `fit` is a function of a layer, and a layer is a function of a key. So \
         `vmap` over a hundred keys trains a hundred layers side by side, in one loop whose carry has a leading axis \
         of 100.",
    )?;
    nb.cell(&[])?;
    let fit_from = |key: &Key| fit(Linear::new(key.clone(), 4, 1), &x, &y);
    let train_all = jit(vmap(fit_from));
    let (models, losses) = train_all(&random::split(key, 100));

    nb.value("losses_shape", "shape of the losses", losses.shape().to_vec())?;
    nb.value("weights", "weights of the first three", shown(&models.weight.at((..3, .., 0)).get()))?;
    nb.value(
        "first_losses",
        "first losses, least and greatest",
        vec![losses.at((.., 0)).get().min().item::<f64>(), losses.at((.., 0)).get().max().item()],
    )?;
    nb.cell(&[])?;
    let truth = np::array([1.0, 2.0, 3.0, 4.0]);
    let error = (models.weight.at((.., .., 0)).get() - truth).abs().max();

    nb.value("recovered", "every weight within 0.01", error.item::<f64>() < 1e-2)?;
    if nb.wants_pictures() {
        nb.picture("losses", pictures::losses(&losses))?;
    }
    nb.text("It does not: the loss of a linear model is a bowl, and all starts roll to the same bottom.")?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let model = Linear { weight: np::zeros((4, 1)), bias: Some(np::zeros(1)) };
    let args = (model, np::zeros((200, 4)), np::zeros((200, 1)));
    vec![Function::new("linear-layer", "the mean squared error of a linear layer", mse, grad(mse), args)]
}
