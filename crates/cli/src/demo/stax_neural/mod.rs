//! "Stax neural": layers in sequence, the history of a training, and the best moment to stop.

mod pictures;

use anyhow::Result;
use cotangent::{
    nn::layers::{Activation, Linear, Sequential},
    optim,
    optim::losses::sigmoid_binary_cross_entropy,
    prelude::*,
};

use super::notebook::Notebook;
use super::values::{all, shown};
use super::{Demo, LAYERS};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "stax-neural",
    chapter: LAYERS,
    summary: "layers in sequence, trained by Adam from five starts, with the whole history kept",
    seconds: 5,
    source: include_str!("mod.rs"),
    run,
    functions,
};

type Network = Sequential<(Linear, Activation, Linear)>;

fn network(key: Key) -> Network {
    let [hidden, output] = key.split();
    Sequential((Linear::new(hidden, 41, 20), Activation::Tanh, Linear::new(output, 20, 1)))
}

fn loss(network: &Network, x: &Array, y: &Array) -> Array {
    sigmoid_binary_cross_entropy(network.call(x), y).mean()
}

fn accuracy(network: &Network, x: &Array, y: &Array) -> Array {
    network.call(x).greater(0.0).equal(y.greater(0.0)).mean()
}

fn train(start: Network, x: &Array, y: &Array) -> Network {
    let optimizer = optim::adam(0.003);
    let state = optimizer.init(&start);
    let step = |(network, state): (Network, _), _: ()| {
        let slope = grad(loss)(&network, x, y);
        (optimizer.apply(&network, &slope, &state), network)
    };
    let (_, history) = lax::Scan::new().length(800).run(step, (start, state), &());
    history
}

fn compounds(key: Key, count: usize) -> (Array, Array) {
    let x = random::normal(key, (count, 41));
    let column = |i: usize| x.at((.., i)).get();
    let degradable = (column(0) * column(1) + column(2)).greater(0.0);
    (x.clone(), degradable.astype(DType::F32).reshape((count, 1)))
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "The demo `neural-networks` wrote a network by hand: its parameters, its layers, its training loop. This one \
         builds the same network from `nn` and trains it with `optim`. What it gains is not brevity, but what can be \
         done with the result: keep every network of the training, and train from many starts at once.",
    )?;

    nb.heading("Layers in sequence")?;
    nb.text(
        "`Sequential` applies the layers of a tuple one after the other. Its type says what they are. The logistic \
         function at the end is part of the loss, as before.",
    )?;
    nb.cell(&["Network", "network"])?;
    let key = random::key(42);
    let start = network(key.clone());

    nb.value("paths", "parameters", tree::leaf_paths(&start))?;
    nb.value("hidden_weight", "a row of the hidden weights", shown(&start.0.0.weight.at((0, ..4)).get()))?;

    nb.heading("Data and loss")?;
    nb.text("The compounds are those of `neural-networks`: 41 numbers each, three of which decide.")?;
    nb.cell(&["compounds", "loss"])?;
    let (x, y) = compounds(random::key(8), 2000);
    let (x, x_test) = (x.at(..1500).get(), x.at(1500..).get());
    let (y, y_test) = (y.at(..1500).get(), y.at(1500..).get());
    let before = loss(&start, &x, &y);

    nb.value("loss_before", "loss before training", shown(&before))?;

    nb.heading("Training, with its history")?;
    nb.text(
        "Each step of the `scan` outputs the network that it started from. The outputs are stacked: the history is a \
         single `Network` whose arrays have a leading axis of 800 steps. The loss is a function of a network, so \
         `vmap` makes it a function of the history.",
    )?;
    nb.cell(&["train"])?;
    let history = jit(train)(start, &x, &y);
    let losses = vmap(loss).in_axes((0, None, None));
    let training = losses(&history, &x, &y);
    let test = losses(&history, &x_test, &y_test);

    nb.value("history_shape", "shape of the hidden weights", history.0.0.weight.shape().to_vec())?;
    let moments = np::array([0, 50, 100, 200, 799]);
    nb.value("training_loss", "training loss at 0, 50, 100, 200, 799", shown(&training.at(&moments).get()))?;
    nb.value("test_loss", "test loss at 0, 50, 100, 200, 799", shown(&test.at(&moments).get()))?;

    nb.heading("When to stop")?;
    nb.text(
        "The training loss falls to the end. The loss on the 500 compounds set aside falls at first and then rises: \
         from there on, the network learns its examples by heart. With the history at hand, the best network is an \
         index away. `map` applies the index to every array of the tree.",
    )?;
    nb.cell(&["accuracy"])?;
    let best = np::argmin(&test);
    let stopped = history.map(|x| x.at(&best).get());
    let last = history.map(|x| x.at(-1).get());
    let accuracies = [accuracy(&stopped, &x_test, &y_test), accuracy(&last, &x_test, &y_test)];

    nb.value("least_test_loss", "least test loss", shown(&test.min()))?;
    nb.value("best_is_early", "reached before step 400", best.item::<i32>() < 400)?;
    nb.value("accuracy", "accuracy there, and at the end", all(&accuracies))?;

    nb.heading("Five starts")?;
    nb.text(
        "A network has many valleys. Training is a function of a key, so `vmap` trains five networks at once, and a \
         second `vmap` evaluates the loss of every network of every history.",
    )?;
    nb.cell(&[])?;
    let train_from = |key: &Key| train(network(key.clone()), &x, &y);
    let histories = jit(vmap(train_from))(&random::split(key, 5));
    let curves = vmap(losses).in_axes((0, None, None))(&histories, &x_test, &y_test);

    nb.value("curves_shape", "shape of the test losses", curves.shape().to_vec())?;
    nb.value("curves_start", "first losses", shown(&curves.at((.., 0)).get()))?;
    nb.value("curves_least", "least losses", shown(&curves.min_axis(1)))?;
    if nb.wants_pictures() {
        nb.picture("losses", pictures::losses(&training, &test, best.item(), &curves))?;
    }
    nb.text(
        "Every start has its own valley and its own moment to stop, and the best of five is clearly better than the \
         worst. Each level here, a layer, a network, a step, a training, a set of trainings, is a plain function of \
         the one below.",
    )?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let args = (network(random::key(0)), np::zeros((1500, 41)), np::zeros((1500, 1)));
    vec![Function::new("sequential", "the loss of a network of two layers", loss, grad(loss), args)]
}
