//! "Neural networks": a stack of logistic regressions, trained by the same three parts.

mod pictures;

use anyhow::Result;
use cotangent::{optim::losses::sigmoid_binary_cross_entropy, prelude::*};

use super::notebook::Notebook;
use super::values::shown;
use super::{DIFFERENTIABLE_PROGRAMMING, Demo};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "neural-networks",
    chapter: DIFFERENTIABLE_PROGRAMMING,
    summary: "a network of one hidden layer against logistic regression, on a rule that is not linear",
    seconds: 3,
    source: include_str!("mod.rs"),
    run,
    functions,
};

#[derive(Clone, Tree)]
struct Layer {
    w: Array,
    b: Array,
}

#[derive(Clone, Tree)]
struct Network {
    hidden: Layer,
    output: Layer,
}

fn layer(key: Key, inputs: usize, outputs: usize) -> Layer {
    let w = random::normal(key, (inputs, outputs)) / (inputs as f64).sqrt();
    Layer { w, b: np::zeros(outputs) }
}

fn linear(layer: &Layer, x: &Array) -> Array {
    x.dot(&layer.w) + &layer.b
}

fn network(theta: &Network, x: &Array) -> Array {
    linear(&theta.output, &np::tanh(linear(&theta.hidden, x)))
}

fn network_loss(theta: &Network, x: &Array, y: &Array) -> Array {
    sigmoid_binary_cross_entropy(network(theta, x), y).mean()
}

fn linear_loss(theta: &Layer, x: &Array, y: &Array) -> Array {
    sigmoid_binary_cross_entropy(linear(theta, x), y).mean()
}

fn train<T: Tree>(loss: fn(&T, &Array, &Array) -> Array, start: T, x: &Array, y: &Array) -> (T, Array) {
    let slope = value_and_grad(loss);
    let update = |theta: &T, _: &()| {
        let (loss, slope) = slope(theta, x, y);
        (theta.zip(&slope, |p, g| p - 0.5 * g), loss)
    };
    lax::Scan::new().length(1000).run(update, start, &())
}

fn compounds(key: Key, count: usize) -> (Array, Array) {
    let x = random::normal(key, (count, 41));
    let column = |i: usize| x.at((.., i)).get();
    let degradable = (column(0) * column(1) + column(2)).greater(0.0);
    (x.clone(), degradable.astype(DType::F32).reshape((count, 1)))
}

fn confusion(y: &Array, logits: &Array) -> Array {
    let [actual, predicted] = [y, logits].map(|z| nn::one_hot(np::ravel(z).greater(0.0).astype(DType::I32), 2));
    actual.t().dot(predicted).astype(DType::I32)
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "Logistic regression can only draw a straight border between yes and no. A neural network can draw any border. \
         It is nothing but several logistic regressions side by side, whose answers are the inputs of another one.",
    )?;

    nb.heading("A question that is not linear")?;
    nb.text(
        "Suppose that chemical compounds are described by 41 numbers, and we want to know which of them are \
         biodegradable. We invent the compounds and the rule: two of the numbers matter through their product, a third \
         directly, and 38 not at all. The model is told none of this. Of 4,000 compounds, 1,000 are set aside: whether \
         a model has understood the rule shows on those that it has not seen.",
    )?;
    nb.cell(&["compounds"])?;
    let (x, y) = compounds(random::key(8), 4000);
    let (x_train, y_train) = (x.at(..3000).get(), y.at(..3000).get());
    let (x_test, y_test) = (x.at(3000..).get(), y.at(3000..).get());

    nb.value("degradable", "biodegradable of 3,000 to train on", shown(&y_train.sum()))?;
    nb.value("degradable_test", "biodegradable of 1,000 to test on", shown(&y_test.sum()))?;

    nb.heading("The model")?;
    nb.text(
        "The first layer maps 41 numbers to 20, the second 20 to 1. Between them is `tanh`: without it, the product of \
         the two matrices would be a single matrix, and the network a linear model. The logistic function at the end \
         is part of the loss. The struct of parameters now contains structs, which changes nothing for `grad`.",
    )?;
    nb.cell(&["Layer", "Network", "layer", "linear", "network"])?;
    let [a, b] = random::key(42).split();
    let theta = Network { hidden: layer(a, 41, 20), output: layer(b, 20, 1) };
    let paths = tree::leaf_paths(&theta);
    let count: usize = tree::leaves(&theta).iter().map(Array::size).sum();

    nb.value("paths", "parameters", paths)?;
    nb.value("count", "numbers in them", count)?;

    nb.heading("Training")?;
    nb.text(
        "The training loop takes any loss of any tree. It is a `scan`: the parameters are carried from one step to the \
         next, and the losses are collected. `jit` makes one program of the whole loop.",
    )?;
    nb.cell(&["network_loss", "train"])?;
    let fit = jit(|theta: Network, x: &Array, y: &Array| train(network_loss, theta, x, y));
    let (trained, losses) = fit(theta, &x_train, &y_train);

    nb.value("losses", "losses at 0, 10, 100, 500", shown(&losses.at(np::array([0, 10, 100, 500])).get()))?;
    nb.value("last_loss", "loss of the last step", shown(&losses.at(-1).get()))?;

    nb.heading("Logistic regression, for comparison")?;
    nb.text("One layer without a hidden one is logistic regression. The same loop trains it.")?;
    nb.cell(&["linear_loss"])?;
    let fit = jit(|theta: Layer, x: &Array, y: &Array| train(linear_loss, theta, x, y));
    let straight = Layer { w: np::zeros((41, 1)), b: np::zeros(1) };
    let (straight, linear_losses) = fit(straight, &x_train, &y_train);

    nb.value("linear_last_loss", "loss of the last step", shown(&linear_losses.at(-1).get()))?;
    if nb.wants_pictures() {
        nb.picture("losses", pictures::losses(&losses, &linear_losses))?;
    }

    nb.heading("What the models confuse")?;
    nb.text(
        "A confusion matrix counts the answers. A row is what a compound is, no or yes, and a column what the model \
         says. Correct answers are on the diagonal. On the compounds that were not seen in training:",
    )?;
    nb.cell(&["confusion"])?;
    let by_line = confusion(&y_test, &linear(&straight, &x_test));
    let by_network = confusion(&y_test, &network(&trained, &x_test));
    let seen = confusion(&y_train, &network(&trained, &x_train));

    nb.value("confusion_linear", "logistic regression", shown(&by_line))?;
    nb.value("confusion_network", "network", shown(&by_network))?;
    nb.value("confusion_seen", "network, on what it was trained with", shown(&seen))?;
    if nb.wants_pictures() {
        let matrices = [("Logistic regression", &by_line), ("Network", &by_network), ("Network, training data", &seen)];
        nb.picture("confusion", pictures::confusion(matrices))?;
        let ticks = np::linspace(-3.0, 3.0, 81);
        let (first, second) = np::meshgrid(&ticks, &ticks);
        let plane = np::concatenate([np::stack([np::ravel(first), np::ravel(second)], 1), np::zeros((81 * 81, 39))], 1);
        let (line, net) = (nn::sigmoid(linear(&straight, &plane)), nn::sigmoid(network(&trained, &plane)));
        nb.picture("border", pictures::border(&ticks, [("Logistic regression", line), ("Network", net)]))?;
    }
    nb.text(
        "The network answers nearly everything correctly that it was trained with, and less of the rest: it has \
         learned the rule and, besides, the accidents of its 3,000 examples. Regularization, early stopping, and \
         more data are the remedies.",
    )?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let part = |inputs, outputs| Layer { w: np::zeros((inputs, outputs)), b: np::zeros(outputs) };
    let theta = Network { hidden: part(41, 20), output: part(20, 1) };
    vec![Function::new(
        "network",
        "the loss of a network of one hidden layer",
        network_loss,
        grad(network_loss),
        (theta, np::zeros((3000, 41)), np::zeros((3000, 1))),
    )]
}
