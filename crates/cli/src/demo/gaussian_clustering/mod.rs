//! "Gaussian clustering": a mixture of two normal distributions, fitted by gradient descent.

mod pictures;

use anyhow::Result;
use cotangent::scipy::special::logsumexp;
use cotangent::scipy::stats::{dirichlet, norm};
use cotangent::{optim, prelude::*};

use super::notebook::Notebook;
use super::values::shown;
use super::{CLUSTERING, Demo};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "gaussian-clustering",
    chapter: CLUSTERING,
    summary: "the likelihood of a mixture of Gaussians, and its maximum by Adam",
    seconds: 3,
    source: include_str!("mod.rs"),
    run,
    functions,
};

#[derive(Clone, Tree)]
struct Mixture {
    log_weights: Array,
    means: Array,
    log_scales: Array,
}

fn log_likelihood_of_component(log_weight: &Array, mean: &Array, log_scale: &Array, x: &Array) -> Array {
    log_weight + norm::logpdf(x, mean, np::exp(log_scale))
}

fn log_likelihood_of_one(mixture: &Mixture, x: &Array) -> Array {
    let log_weights = nn::log_softmax(&mixture.log_weights, -1);
    let components = vmap(log_likelihood_of_component).in_axes((0, 0, 0, None));
    logsumexp(components(&log_weights, &mixture.means, &mixture.log_scales, x))
}

fn log_likelihood(mixture: &Mixture, data: &Array) -> Array {
    vmap(log_likelihood_of_one).in_axes((None, 0))(mixture, data).sum()
}

fn log_prior(mixture: &Mixture) -> Array {
    let weights = nn::softmax(&mixture.log_weights, -1);
    dirichlet::logpdf(weights, np::array([2.0, 2.0]))
}

fn loss(mixture: &Mixture, data: &Array) -> Array {
    -(log_likelihood(mixture, data) + log_prior(mixture))
}

fn fit(start: Mixture, data: &Array) -> (Mixture, Mixture) {
    let optimizer = optim::adam(0.1);
    let state = optimizer.init(&start);
    let step = |(mixture, state): (Mixture, _), _: ()| {
        let slope = grad(loss)(&mixture, data);
        (optimizer.apply(&mixture, &slope, &state), mixture)
    };
    let ((last, _), history) = lax::Scan::new().length(600).run(step, (start, state), &());
    (last, history)
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "Gradient descent is not only for labeled data. Here are numbers with two humps and no labels. We describe how \
         they may have come about, write down how probable the data are under that description, and let the gradient \
         find the description that makes them most probable.",
    )?;

    nb.heading("Data with two humps")?;
    nb.text(
        "A thousand numbers around −2 and five thousand, more spread out, around 5. Afterward, nobody knows which is \
         which.",
    )?;
    nb.cell(&["Mixture"])?;
    let truth = Mixture {
        log_weights: np::log(np::array([1.0, 5.0])),
        means: np::array([-2.0, 5.0]),
        log_scales: np::log(np::array([1.1, 2.0])),
    };
    let key = random::key(100);
    let [a, b] = key.clone().split();
    let data = np::concatenate([random::normal(a, 1000) * 1.1 - 2.0, random::normal(b, 5000) * 2.0 + 5.0], 0);

    nb.value("data", "data[..3]", shown(&data.at(..3).get()))?;
    nb.value("data_mean", "mean", shown(&data.mean()))?;

    nb.heading("How likely is one number, from one component?")?;
    nb.text(
        "The probability to choose the component, times the density of the component there. Products of probabilities \
         become too small for floating point, so everything is computed in logarithms, and products are sums. The \
         scale must be positive, but a descent step knows no bounds, so the parameter is its logarithm.",
    )?;
    nb.cell(&["log_likelihood_of_component"])?;
    let ours = log_likelihood_of_component(&0.0.into(), &0.0.into(), &0.0.into(), &0.0.into());
    let standard_normal = norm::logpdf(0.0, 0.0, 1.0);

    nb.value("component", "from a standard normal component", shown(&ours))?;
    nb.value("standard_normal", "density of the standard normal", shown(&standard_normal))?;

    nb.heading("From any component")?;
    nb.text(
        "The number came from one or the other, so the probabilities add up: `vmap` over the components, and \
         `logsumexp` of the results. The weights must add up to one, whatever the parameters are; `log_softmax` sees \
         to that.",
    )?;
    nb.cell(&["log_likelihood_of_one"])?;
    let one = log_likelihood_of_one(&truth, &data.at(1).get());

    nb.value("one", "log-likelihood of data[1]", shown(&one))?;

    nb.heading("Of all numbers")?;
    nb.text(
        "The numbers are independent, so their log-likelihoods add up: `vmap` over the data. The weights have a prior, \
         a Dirichlet distribution that favors neither component but keeps both alive. The loss is the negative \
         logarithm of both together.",
    )?;
    nb.cell(&["log_likelihood", "log_prior", "loss"])?;
    let true_loss = loss(&truth, &data);

    nb.value("log_likelihood", "log-likelihood", shown(&log_likelihood(&truth, &data)))?;
    nb.value("log_prior", "log-prior", shown(&log_prior(&truth)))?;
    nb.value("true_loss", "loss of the truth", shown(&true_loss))?;

    nb.heading("A random start")?;
    nb.cell(&[])?;
    let [weights, means, scales] = key.split();
    let start = Mixture {
        log_weights: random::normal(weights, 2),
        means: random::normal(means, 2),
        log_scales: random::normal(scales, 2),
    };
    let first_loss = loss(&start, &data);
    let slope = grad(loss)(&start, &data);

    nb.value("first_loss", "loss of the start", shown(&first_loss))?;
    nb.value("slope_of_means", "slope by the means", shown(&slope.means))?;

    nb.heading("Descent")?;
    nb.text("Adam, six hundred steps in one `scan`. The history of the mixtures is kept, to see what happened.")?;
    nb.cell(&["fit"])?;
    let (fitted, history) = jit(fit)(start, &data);
    let losses = jit(vmap(loss).in_axes((0, None)))(&history, &data);

    nb.value("losses", "losses at 0, 10, 30, 100, 300", shown(&losses.at(np::array([0, 10, 30, 100, 300])).get()))?;
    nb.value("last_loss", "last loss", shown(&losses.at(-1).get()))?;
    if nb.wants_pictures() {
        nb.picture("stages", pictures::stages(&data, &history, &[0, 30, 150, 599]))?;
        nb.picture("losses", pictures::losses(&losses, true_loss.item()))?;
    }
    nb.cell(&[])?;
    let weights = nn::softmax(&fitted.log_weights, -1);
    let scales = np::exp(&fitted.log_scales);
    let order = np::argsort(&fitted.means);
    let [weights, means, scales] = [weights, fitted.means, scales].map(|x| x.at(&order).get());

    nb.value("weights", "weights (1/6 and 5/6)", shown(&weights))?;
    nb.value("means", "means (−2 and 5)", shown(&means))?;
    nb.value("scales", "scales (1.1 and 2)", shown(&scales))?;
    nb.text(
        "The loss falls in two stages. At first, both components spread over all of the data: one hump that explains \
         everything a little. Then one of them finds the small hump and moves there, and the loss falls again, below \
         that of the truth: the fitted parameters explain this sample better than the ones that it came from.",
    )?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let mixture = Mixture { log_weights: np::zeros(2), means: np::zeros(2), log_scales: np::zeros(2) };
    let args = (mixture, np::zeros(6000));
    vec![Function::new("mixture", "the loss of a mixture of two Gaussians", loss, grad(loss), args)]
}
