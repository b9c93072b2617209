//! "Dirichlet processes": break sticks, put them together again, and find out how they were broken.

mod pictures;

use anyhow::Result;
use cotangent::scipy::stats::beta;
use cotangent::{optim, prelude::*};

use super::notebook::Notebook;
use super::values::shown;
use super::{CLUSTERING, Demo};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "dirichlet-processes",
    chapter: CLUSTERING,
    summary: "stick breaking forward and backward, and the likelihood of the concentration",
    seconds: 5,
    source: include_str!("mod.rs"),
    run,
    functions,
};

fn break_stick(fractions: &Array) -> (Array, Array) {
    let snap = |rest: &Array, fraction: &Array| (rest * (1.0 - fraction), rest * fraction);
    lax::scan(snap, 1.0, fractions)
}

fn draw(key: &Key, concentration: &Array) -> Array {
    let fractions = random::beta(key.clone(), 1.0, concentration, 50);
    let (_, weights) = break_stick(&fractions);
    weights
}

fn fractions_of(weights: &Array) -> Array {
    let join = |rest: &Array, weight: &Array| (rest - weight, weight / rest);
    let (_, fractions) = lax::scan(join, 1.0, weights);
    fractions
}

fn log_likelihood(log_concentration: &Array, weights: &Array) -> Array {
    let fractions = fractions_of(&weights.at(..25).get());
    beta::logpdf(fractions, 1.0, np::exp(log_concentration), 0.0, 1.0).sum()
}

fn loss(log_concentration: &Array, draws: &Array) -> Array {
    -vmap(log_likelihood).in_axes((None, 0))(log_concentration, draws).sum()
}

fn fit(start: Array, draws: &Array) -> (Array, Array) {
    let optimizer = optim::adam(0.05);
    let state = optimizer.init(&start);
    let step = |(x, state): &(Array, _), _: &()| {
        let (loss, slope) = value_and_grad(loss)(x, draws);
        (optimizer.apply(x, &slope, state), loss)
    };
    let ((last, _), losses) = lax::Scan::new().length(300).run(step, (start, state), &());
    (last, losses)
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "A mixture of two components needs someone who knows that there are two. A Dirichlet process is a prior for \
         infinitely many components of which only a few matter, and one number, the concentration, says about how \
         many. A draw from it is an endless list of weights that add up to one.",
    )?;

    nb.heading("Break a stick")?;
    nb.text(
        "Break a random fraction off a stick of length one: that is the first weight. Break a random fraction off the \
         rest: that is the second. The fractions come from a beta distribution with the parameters 1 and the \
         concentration. Fifty pieces stand for infinitely many; what is left of the stick says how well.",
    )?;
    nb.cell(&["break_stick", "draw"])?;
    let key = random::key(42);
    let weights = draw(&key, &3.0.into());

    nb.value("weights", "weights[..5]", shown(&weights.at(..5).get()))?;
    nb.value("weights_sum", "sum of 50", shown(&weights.sum()))?;

    nb.heading("Twenty sticks")?;
    nb.text("A draw is a function of a key. `vmap` over twenty keys makes twenty draws.")?;
    nb.cell(&[])?;
    let draws = vmap(draw).in_axes((0, None))(&random::split(key.clone(), 20), &3.0.into());

    nb.value("draws_shape", "shape", draws.shape().to_vec())?;
    nb.value("draws_first", "the first pieces", shown(&draws.at((..5, 0)).get()))?;

    nb.heading("What the concentration does")?;
    nb.text(
        "Two maps, one inside of the other: twenty draws for each of six concentrations. The mean of the greatest \
         weight falls as the concentration grows, and more pieces are needed for nine tenths of the stick.",
    )?;
    nb.cell(&[])?;
    let concentrations = np::array([0.5, 1.0, 3.0, 5.0, 10.0, 20.0]);
    let twenty = |key: &Key, concentration: &Array| {
        vmap(draw).in_axes((0, None))(&random::split(key.clone(), 20), concentration)
    };
    let all = vmap(twenty)(&random::split(key.clone(), 6), &concentrations);
    let greatest = all.max_axis(2).mean_axis(1);
    let needed = (np::cumsum_axis(&all, 2).less(0.9).sum_axis(2) + 1).mean_axis(1);

    nb.value("all_shape", "shape", all.shape().to_vec())?;
    nb.value("greatest", "mean of the greatest weight", shown(&greatest))?;
    nb.value("needed", "pieces for nine tenths", shown(&needed))?;
    if nb.wants_pictures() {
        nb.picture("draws", pictures::draws(&concentrations, &all))?;
    }

    nb.heading("Put it together again")?;
    nb.text(
        "To judge weights, we need the fractions that made them. Run the process backward: the first weight is the \
         first fraction of one; take it away, and the second weight is the second fraction of the rest. In exact \
         arithmetic that recovers all of them. In `f32`, the rest is a difference of numbers that become equal, and \
         after enough pieces it is all rounding. The first 25 are safe.",
    )?;
    nb.cell(&["fractions_of"])?;
    let fractions = random::beta(key.clone(), 1.0, 3.0, 50);
    let (_, weights) = break_stick(&fractions);
    let recovered = fractions_of(&weights);
    let error = (&recovered - &fractions).abs();

    nb.value("recovered", "recovered[..5]", shown(&recovered.at(..5).get()))?;
    nb.value("error_small", "the first 25 within 0.001", error.at(..25).get().max().item::<f64>() < 1e-3)?;
    if nb.wants_pictures() {
        nb.picture("recovered", pictures::recovered(&fractions, &recovered))?;
    }

    nb.heading("How likely is a concentration?")?;
    nb.text(
        "The recovered fractions are independent draws from a beta distribution, so the likelihood of a concentration \
         is the sum of their log-densities. On a grid of a thousand concentrations it has one maximum.",
    )?;
    nb.cell(&["log_likelihood"])?;
    let grid = np::linspace(-3.0, 3.0, 1000);
    let likelihoods = vmap(log_likelihood).in_axes((0, None))(&grid, &weights);
    let likeliest = np::exp(grid.at(np::argmax(&likelihoods)).get());

    nb.value("likelihood_at_1", "log-likelihood at concentration e", shown(&log_likelihood(&1.0.into(), &weights)))?;
    nb.value("likeliest", "most likely concentration for one draw", shown(&likeliest))?;
    if nb.wants_pictures() {
        nb.picture("likelihood", pictures::likelihood(&grid, &likelihoods, likeliest.item()))?;
    }

    nb.heading("Find it by descent")?;
    nb.text(
        "One draw says little. The twenty draws with the concentration 5 are five hundred fractions together. Descent \
         goes through the likelihood, the backward process and the `scan` in it.",
    )?;
    nb.cell(&["loss", "fit"])?;
    let draws = all.at(3).get();
    let start = random::normal(key, ());
    let (fitted, losses) = jit(fit)(start.clone(), &draws);
    let concentration = np::exp(&fitted);

    nb.value("start", "concentration at the start", shown(&np::exp(&start)))?;
    nb.value("losses", "losses at 0, 10, 50, 299", shown(&losses.at(np::array([0, 10, 50, 299])).get()))?;
    nb.value("concentration", "fitted concentration", shown(&concentration))?;
    nb.text(
        "For this distribution, paper and pencil find the maximum, too: the number of fractions, divided by the sum of \
         −log(1 − fraction).",
    )?;
    nb.cell(&[])?;
    let fractions = vmap(fractions_of)(&draws.at((.., ..25)).get());
    let on_paper = -1.0 / np::log(1.0 - fractions).mean();

    nb.value("on_paper", "on paper", shown(&on_paper))?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let args = (Array::from(1.0), np::full((20, 50), 0.02));
    vec![Function::new("concentration", "the loss of a concentration, given weights", loss, grad(loss), args)]
}
