//! Bayesian regression: Hamiltonian Monte Carlo, from `grad`, `scan` and random keys.

mod pictures;

use anyhow::Result;
use cotangent::{prelude::*, scipy::stats::norm};

use super::notebook::Notebook;
use super::values::{all, shown};
use super::{Demo, SCIENCE};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "bayesian-regression",
    chapter: SCIENCE,
    summary: "Hamiltonian Monte Carlo in thirty lines, four chains at once",
    seconds: 2,
    source: include_str!("mod.rs"),
    run,
    functions,
};

#[derive(Clone, Tree)]
struct Line {
    slope: Array,
    intercept: Array,
    log_noise: Array,
}

fn log_posterior(line: &Line, x: &Array, y: &Array) -> Array {
    let prior = norm::logpdf(&line.slope, 0.0, 10.0)
        + norm::logpdf(&line.intercept, 0.0, 10.0)
        + norm::logpdf(&line.log_noise, 0.0, 1.0);
    let likelihood = norm::logpdf(y, &line.slope * x + &line.intercept, np::exp(&line.log_noise)).sum();
    prior + likelihood
}

fn normal_like(key: Key, line: &Line) -> Line {
    let [a, b, c] = key.split();
    Line {
        slope: random::normal(a, line.slope.shape()),
        intercept: random::normal(b, line.intercept.shape()),
        log_noise: random::normal(c, line.log_noise.shape()),
    }
}

fn energy(momentum: &Line) -> Array {
    0.5 * (momentum.slope.square() + momentum.intercept.square() + momentum.log_noise.square())
}

fn leapfrog(line: &Line, momentum: &Line, x: &Array, y: &Array) -> (Line, Line) {
    let force = grad(log_posterior);
    let push = |momentum: &Line, line: &Line, time: f64| momentum.zip(&force(line, x, y), |p, f| p + time * f);
    let step = |(line, momentum): &(Line, Line)| {
        let momentum = push(momentum, line, 0.5 * 0.04);
        let line = line.zip(&momentum, |q, p| q + 0.04 * p);
        let momentum = push(&momentum, &line, 0.5 * 0.04);
        (line, momentum)
    };
    lax::repeat(20, (line.clone(), momentum.clone()), step)
}

fn next(line: &Line, key: &Key, x: &Array, y: &Array) -> (Line, Array) {
    let [momentum_key, choice_key] = key.clone().split();
    let momentum = normal_like(momentum_key, line);
    let (proposal, end) = leapfrog(line, &momentum, x, y);
    let before = energy(&momentum) - log_posterior(line, x, y);
    let after = energy(&end) - log_posterior(&proposal, x, y);
    let accepted = np::log(random::uniform(choice_key, ())).less(before - after);
    (proposal.zip(line, |new, old| np::where_(&accepted, new, old)), accepted)
}

fn chain(start: Line, key: &Key, x: &Array, y: &Array) -> (Line, Array) {
    let step = |line: &Line, key: &Key| {
        let (line, accepted) = next(line, key, x, y);
        (line.clone(), (line, accepted))
    };
    let (_, (samples, accepted)) = lax::scan(step, start, &random::split(key.clone(), 1000));
    (samples, accepted.mean())
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "Least squares answers with one line. Bayes answers with a distribution over lines: all that explain the data, \
         each as often as it deserves. There is no formula for it in general, but there is a way to draw from it that \
         needs only the gradient of its logarithm.",
    )?;

    nb.heading("Few data, and three unknowns")?;
    nb.text("Fifteen points on a line, with noise of a size that is not known either: its logarithm is a parameter.")?;
    nb.cell(&["Line", "log_posterior"])?;
    let [x_key, noise_key, start_key, chain_key] = random::key(21).split();
    let x = random::normal(x_key, 15);
    let y = 2.0 * &x - 1.0 + 0.8 * random::normal(noise_key, 15);
    let truth = Line { slope: 2.0.into(), intercept: (-1.0).into(), log_noise: np::log(0.8) };
    let at_truth = log_posterior(&truth, &x, &y);

    nb.value("at_truth", "log-posterior of the truth", shown(&at_truth))?;

    nb.heading("A particle on the landscape")?;
    nb.text(
        "Take the negative logarithm of the posterior as a landscape, and put a particle on it. Give it a random push, \
         and let it roll for a while without friction. It comes to rest far away, where the probability is about as \
         high as before. The leapfrog method computes the path: half a push by the slope, a step, half a push.",
    )?;
    nb.cell(&["leapfrog", "energy"])?;
    let push = Line { slope: 1.0.into(), intercept: 0.5.into(), log_noise: (-0.5).into() };
    let (line, momentum) = leapfrog(&truth, &push, &x, &y);
    let total = |line: &Line, momentum: &Line| energy(momentum) - log_posterior(line, &x, &y);
    let (before, after) = (total(&truth, &push), total(&line, &momentum));

    nb.value(
        "rolled",
        "slope, intercept and log-noise afterward",
        all([&line.slope, &line.intercept, &line.log_noise]),
    )?;
    nb.value("before", "energy before", shown(&before))?;
    nb.value("after", "energy after", shown(&after))?;

    nb.heading("A Markov chain")?;
    nb.text(
        "The method conserves energy nearly, not exactly. What it gains or loses decides, by a coin, whether the \
         particle stays at its new place or goes back. With this correction, the places visited are draws from the \
         posterior, whatever the step size. The chain is a `scan` over keys.",
    )?;
    nb.cell(&["normal_like", "next", "chain"])?;
    let starts =
        normal_like(start_key, &Line { slope: np::zeros(4), intercept: np::zeros(4), log_noise: np::zeros(4) });
    let chains = jit(vmap(chain).in_axes((0, 0, None, None)));
    let (samples, accepted) = chains(starts, &random::split(chain_key, 4), &x, &y);

    nb.value("samples_shape", "shape of the slopes", samples.slope.shape().to_vec())?;
    nb.value("first_slopes", "the first slopes of each chain", shown(&samples.slope.at((.., 0)).get()))?;
    nb.value("accepted", "accepted, by chain", shown(&accepted))?;

    nb.heading("The posterior")?;
    nb.text(
        "The first 200 draws remember the start and are dropped. The others are four times 800 lines. If the chains \
         agree, the spread of their means is small beside the spread of the draws.",
    )?;
    nb.cell(&[])?;
    let kept = samples.map(|a| a.at((.., 200..)).get());
    let means = [&kept.slope, &kept.intercept, &kept.log_noise].map(|a| a.mean());
    let spreads = [&kept.slope, &kept.intercept, &kept.log_noise].map(|a| a.std());
    let between = kept.slope.mean_axis(1).std() / kept.slope.std();

    nb.value("means", "means", all(&means))?;
    nb.value("spreads", "spreads", all(&spreads))?;
    nb.value("chains_agree", "chains agree", between.item::<f64>() < 0.1)?;
    nb.text(
        "The formula for least squares says about the same of the slope and the intercept, and nothing of the rest:",
    )?;
    nb.cell(&[])?;
    let columns = np::stack([&x, &np::ones_like(&x)], 1);
    let (least_squares, ..) = np::linalg::lstsq(&columns, &y);

    nb.value("least_squares", "slope and intercept", shown(&least_squares))?;
    nb.text("And any question about the unknown line is a count among the draws.")?;
    nb.cell(&[])?;
    let steeper = kept.slope.greater(2.0).mean();

    nb.value("steeper", "probability of a slope above 2", shown(&steeper))?;
    if nb.wants_pictures() {
        nb.picture("lines", pictures::lines(&x, &y, &kept))?;
        nb.picture("chains", pictures::chains(&samples))?;
    }
    Ok(())
}

fn functions() -> Vec<Function> {
    let line = Line { slope: 2.0.into(), intercept: (-1.0).into(), log_noise: 0.0.into() };
    let args = (line, np::zeros(15), np::zeros(15));
    vec![Function::new("posterior", "the log-posterior of a line", log_posterior, grad(log_posterior), args)]
}
