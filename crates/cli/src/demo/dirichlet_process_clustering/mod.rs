//! "Dirichlet-process clustering": a mixture of an unknown number of Gaussians.

mod pictures;

use anyhow::Result;
use cotangent::scipy::special::logsumexp;
use cotangent::scipy::stats::{beta, norm};
use cotangent::{optim, prelude::*};

use super::notebook::Notebook;
use super::values::{all, shown};
use super::{CLUSTERING, Demo};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "dirichlet-process-clustering",
    chapter: CLUSTERING,
    summary: "how many clusters are there? A mixture of twenty Gaussians finds out",
    seconds: 5,
    source: include_str!("mod.rs"),
    run,
    functions,
};

#[derive(Clone, Tree)]
struct Process {
    /// The fractions of the stick, as log-odds: every number is valid.
    log_odds: Array,
    means: Array,
    log_scales: Array,
    log_concentration: Array,
}

fn log_weights(process: &Process) -> Array {
    let snap = |log_rest: &Array, z: &Array| (log_rest + nn::log_sigmoid(-z), log_rest + nn::log_sigmoid(z));
    let (_, log_weights) = lax::scan(snap, 0.0, &process.log_odds);
    log_weights
}

fn log_likelihood(process: &Process, data: &Array) -> Array {
    let log_weights = log_weights(process);
    let scales = np::exp(&process.log_scales);
    let one = |x: &Array| logsumexp(&log_weights + norm::logpdf(x, &process.means, &scales));
    vmap(one)(data).sum()
}

fn log_prior(process: &Process) -> Array {
    let fractions = nn::sigmoid(&process.log_odds);
    let breaks = beta::logpdf(fractions, 1.0, np::exp(&process.log_concentration), 0.0, 1.0);
    let means = norm::logpdf(&process.means, 0.0, 5.0);
    let log_scales = norm::logpdf(&process.log_scales, 0.0, 1.0);
    breaks.sum() + means.sum() + log_scales.sum()
}

fn loss(process: &Process, data: &Array) -> Array {
    -(log_prior(process) + log_likelihood(process, data))
}

fn fit(start: Process, data: &Array) -> (Process, Process) {
    let optimizer = optim::adam(0.05);
    let state = optimizer.init(&start);
    let step = |(process, state): (Process, _), _: ()| {
        let slope = grad(loss)(&process, data);
        (optimizer.apply(&process, &slope, &state), process)
    };
    let ((last, _), history) = lax::Scan::new().length(1500).run(step, (start, state), &());
    (last, history)
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "How many clusters do these data have? A histogram with ten bars shows two humps, one with a hundred bars \
         shows more, and neither is an answer. A Dirichlet process allows as many clusters as there are, and has a \
         price for each: only clusters that explain something keep any weight.",
    )?;

    nb.heading("Data with hidden clusters")?;
    nb.text("Four Gaussians, of which two overlap and one is small: weights in the ratio of 2, 10, 1 and 6.")?;
    nb.cell(&[])?;
    let clusters = [(200, -2.0, 1.1), (1000, -5.0, 2.0), (100, 3.0, 1.0), (600, 8.0, 1.5)];
    let keys = random::split(random::key(42), clusters.len());
    let draws: Vec<Array> = (clusters.into_iter().zip(keys))
        .map(|((count, mean, scale), key)| scale * random::normal(key, count) + mean)
        .collect();
    let data = np::concatenate(&draws, 0);

    nb.value("count", "numbers", data.size())?;
    nb.value("data_mean", "mean", shown(&data.mean()))?;

    nb.heading("The model")?;
    nb.text(
        "Twenty clusters stand for infinitely many. Their weights are the pieces of a broken stick, as in \
         `dirichlet-processes`; here the fractions are parameters, so that nothing has to be run backward. With \
         logarithms of weights and log-odds of fractions, no piece is ever too short for `f32`.",
    )?;
    nb.cell(&["Process", "log_weights", "log_likelihood"])?;
    let [means, scales] = random::key(7).split();
    let start = Process {
        log_odds: np::full(20, -1.1),
        means: random::normal(means, 20),
        log_scales: 0.3 * random::normal(scales, 20),
        log_concentration: np::zeros(()),
    };
    let weights = np::exp(log_weights(&start));

    nb.value("start_weights", "weights[..4] at the start", shown(&weights.at(..4).get()))?;
    nb.value("start_likelihood", "log-likelihood at the start", shown(&log_likelihood(&start, &data)))?;

    nb.heading("The prior")?;
    nb.text(
        "The fractions come from the Dirichlet process, whose concentration is a parameter to be learned as well. The \
         means may be anywhere around zero, and the scales are about one. The loss is the negative logarithm of the \
         joint density.",
    )?;
    nb.cell(&["log_prior", "loss"])?;
    let first_loss = loss(&start, &data);

    nb.value("start_prior", "log-prior at the start", shown(&log_prior(&start)))?;
    nb.value("first_loss", "loss at the start", shown(&first_loss))?;

    nb.heading("Descent")?;
    nb.text("All 61 parameters at once, 1,500 steps of Adam.")?;
    nb.cell(&["fit"])?;
    let (fitted, history) = jit(fit)(start, &data);
    let losses = jit(vmap(loss).in_axes((0, None)))(&history, &data);

    nb.value("losses", "losses at 0, 10, 100, 500", shown(&losses.at(np::array([0, 10, 100, 500])).get()))?;
    nb.value("last_loss", "last loss", shown(&losses.at(-1).get()))?;
    if nb.wants_pictures() {
        nb.picture("losses", pictures::losses(&losses))?;
    }

    nb.heading("What was found")?;
    nb.text("The clusters in the order of their weights, the largest first:")?;
    nb.cell(&[])?;
    let weights = np::exp(log_weights(&fitted));
    let order = np::argsort(-&weights);
    let scales = np::exp(&fitted.log_scales);
    let [weights, means, scales] = [&weights, &fitted.means, &scales].map(|x| x.at(&order).get());

    nb.value("weights", "weights[..5]", shown(&weights.at(..5).get()))?;
    nb.value("means", "means[..5]", shown(&means.at(..5).get()))?;
    nb.value("scales", "scales[..5]", shown(&scales.at(..5).get()))?;
    nb.cell(&[])?;
    let two = weights.at(..2).get().sum();
    let concentration = np::exp(&fitted.log_concentration);

    nb.value("concentration", "concentration", shown(&concentration))?;
    nb.value("two", "weight of the two largest", all(&[two]))?;
    if nb.wants_pictures() {
        nb.picture("clusters", pictures::clusters(&data, &weights, &means, &scales))?;
    }
    nb.text(
        "The two large clusters are where they should be, with about the right scales. What they leave is shared out \
         among small ones, near −2, near 3, and in the flanks where a Gaussian fits badly. Like every descent, this \
         one finds a local minimum. The clusters have no order of their own, so another start finds them under other \
         numbers.",
    )?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let parts = || np::zeros(20);
    let log_concentration = np::zeros(());
    let process = Process { log_odds: parts(), means: parts(), log_scales: parts(), log_concentration };
    let args = (process, np::zeros(1900));
    vec![Function::new("dirichlet-mixture", "the loss of a Dirichlet-process mixture", loss, grad(loss), args)]
}
