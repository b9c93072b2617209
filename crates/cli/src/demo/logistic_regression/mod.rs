//! "Logistic regression": a linear model with one more function, which says yes or no.

mod pictures;

use anyhow::Result;
use cotangent::{optim::losses::sigmoid_binary_cross_entropy, prelude::*};

use super::notebook::Notebook;
use super::values::{all, shown};
use super::{DIFFERENTIABLE_PROGRAMMING, Demo};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "logistic-regression",
    chapter: DIFFERENTIABLE_PROGRAMMING,
    summary: "binary classification: the logistic function, and a loss for probabilities",
    seconds: 2,
    source: include_str!("mod.rs"),
    run,
    functions,
};

#[derive(Clone, Tree)]
struct Logistic {
    w: Array,
    b: Array,
}

fn logistic(z: &Array) -> Array {
    1.0 / (1.0 + np::exp(-z))
}

fn logistic_model(theta: &Logistic, x: &Array) -> Array {
    logistic(&(&theta.w * x + &theta.b))
}

fn cross_entropy(y: &Array, p: &Array) -> Array {
    -(y * np::log(p) + (1.0 - y) * np::log(1.0 - p))
}

fn direct_loss(theta: &Logistic, x: &Array, y: &Array) -> Array {
    cross_entropy(y, &logistic_model(theta, x)).sum()
}

fn loss(theta: &Logistic, x: &Array, y: &Array) -> Array {
    sigmoid_binary_cross_entropy(&theta.w * x + &theta.b, y).sum()
}

fn update(theta: Logistic, x: &Array, y: &Array) -> (Array, Logistic) {
    let (loss, slope) = value_and_grad(loss)(&theta, x, y);
    (loss, theta.zip(&slope, |p, g| p - 0.001 * g))
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "Some questions have two answers: ill or well, spam or not. A line is no answer to them, because its values \
         have no bounds. Logistic regression sends the line through one more function, whose values are between 0 and \
         1 and can be read as the probability of a yes.",
    )?;

    nb.heading("From a line to a probability")?;
    nb.cell(&["logistic", "Logistic", "logistic_model"])?;
    let x = np::linspace(-5.0, 5.0, 100);
    let curve = |w: f64, b: f64| logistic_model(&Logistic { w: w.into(), b: b.into() }, &x);
    let (gentle, steep, shifted, reversed) = (curve(0.5, 0.0), curve(3.0, 0.0), curve(1.0, 2.0), curve(-1.0, 0.0));

    let ends = |y: &Array| vec![y.at(0).get().item::<f64>(), y.at(-1).get().item()];
    nb.value("gentle", "w 0.5, b 0: ends", ends(&gentle))?;
    nb.value("steep", "w 3, b 0: ends", ends(&steep))?;
    nb.value("shifted", "w 1, b 2: ends", ends(&shifted))?;
    nb.value("reversed", "w −1, b 0: ends", ends(&reversed))?;
    if nb.wants_pictures() {
        let curves = [("w ½, b 0", &gentle), ("w 3, b 0", &steep), ("w 1, b 2", &shifted), ("w −1, b 0", &reversed)];
        nb.picture("curves", pictures::curves(&x, curves))?;
        let curve = |w: &Array, b: &Array| logistic_model(&Logistic { w: w.clone(), b: b.clone() }, &x);
        let (ws, bs) = (np::linspace(-3.0, 3.0, 13), np::linspace(-4.0, 4.0, 17));
        let (by_w, by_b) =
            (vmap(curve).in_axes((0, None))(&ws, &1.0.into()), vmap(curve).in_axes((None, 0))(&1.0.into(), &bs));
        nb.picture("over_w", pictures::turned("w", "b = 1", &x, &ws, &by_w, |w| -1.0 / w))?;
        nb.picture("over_b", pictures::turned("b", "w = 1", &x, &bs, &by_b, |b| -b))?;
    }
    nb.text(
        "The size of w says how sharply the answer changes, and its sign on which side the yes is. The answer changes \
         at x = −b/w, so b moves the curve to the side.",
    )?;

    nb.heading("Data of yes and no")?;
    nb.text("True parameters w = 2 and b = 1, noise between 0 and 1, and the probabilities rounded to 0 or 1:")?;
    nb.cell(&[])?;
    let z = 2.0 * &x + 1.0 + random::uniform(random::key(3), 100);
    let y = logistic(&z).round();

    nb.value("yes", "observations with y of 1", shown(&y.sum()))?;

    nb.heading("A loss for probabilities")?;
    nb.text(
        "If the model says that a yes has probability p, the data have the probability p where y is 1, and 1 − p where \
         it is 0. The negative logarithm of that, summed over the observations, is the binary cross entropy. A sure \
         and wrong answer is expensive: the loss grows without bound as p approaches the wrong end.",
    )?;
    nb.cell(&["cross_entropy"])?;
    let p = np::array([0.01, 0.5, 0.99]);
    let if_yes = cross_entropy(&np::ones(3), &p);
    let if_no = cross_entropy(&np::zeros(3), &p);

    nb.value("if_yes", "loss of p when y is 1", shown(&if_yes))?;
    nb.value("if_no", "loss of p when y is 0", shown(&if_no))?;
    nb.text(
        "Written like this, the loss has a flaw. In floating point a sure answer is exactly 0 or 1, and its logarithm \
         is infinite. The remedy is to give the loss the number before the logistic function, and to simplify the \
         formula. `optim::losses` has the result. Both agree where the first one works:",
    )?;
    nb.cell(&["direct_loss", "loss"])?;
    let theta = Logistic { w: 0.5.into(), b: (-1.0).into() };
    let sure = Logistic { w: 50.0.into(), b: 0.0.into() };
    let direct = [direct_loss(&theta, &x, &y), direct_loss(&sure, &x, &y)];
    let stable = [loss(&theta, &x, &y), loss(&sure, &x, &y)];

    nb.value(
        "direct_finite",
        "the direct loss is finite",
        direct.iter().map(|x| x.item::<f64>().is_finite()).collect::<Vec<_>>(),
    )?;
    nb.value("direct_loss", "its first value", shown(&direct[0]))?;
    nb.value("stable_loss", "the stable loss", all(&stable))?;

    nb.heading("Training")?;
    nb.text("The update is that of the linear model, with another loss.")?;
    nb.cell(&["update"])?;
    let [w, b] = random::key(0).split();
    let mut theta = Logistic { w: random::normal(w, ()), b: random::normal(b, ()) };
    let step = jit(update);
    let mut losses = Vec::new();
    for _ in nb.steps("logistic model", 5000) {
        let loss;
        (loss, theta) = step(theta, &x, &y);
        losses.push(loss);
    }

    nb.value("losses", "losses at 0, 10, 100, 1000, 4999", all([0, 10, 100, 1000, 4999].map(|i| &losses[i])))?;
    nb.value("theta", "(w, b)", all(&[theta.w.clone(), theta.b.clone()]))?;
    nb.cell(&[])?;
    let right = logistic_model(&theta, &x).round().equal(&y).sum();

    nb.value("right", "correct answers of 100", shown(&right))?;
    nb.text(
        "The model answers correctly, and still the parameters are far from 2 and 1. Rounding has removed the \
         information that w stands for: data that change from 0 to 1 at one place are explained best by an infinitely \
         steep curve. The loss keeps falling, ever more slowly, and w keeps growing. Only the place of the change is \
         well determined. The noise, 0.5 on average, has moved it to x = −(1 + 0.5)/2.",
    )?;
    nb.cell(&[])?;
    let threshold = -&theta.b / &theta.w;

    nb.value("threshold", "the answer changes at x", shown(&threshold))?;
    if nb.wants_pictures() {
        let fitted = logistic_model(&theta, &x);
        nb.picture("fit", pictures::fit(&x, &y, &fitted, threshold.item(), &losses))?;
    }

    nb.heading("Without rounding and noise")?;
    nb.text("If the data are the probabilities themselves, the information is all there:")?;
    nb.cell(&[])?;
    let y = logistic(&(2.0 * &x + 1.0));
    let mut theta = Logistic { w: 0.0.into(), b: 0.0.into() };
    for _ in nb.steps("probabilities", 5000) {
        (_, theta) = step(theta, &x, &y);
    }

    nb.value("theta_exact", "(w, b)", all(&[theta.w, theta.b]))?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let theta = Logistic { w: Array::from(1.0), b: Array::from(0.0) };
    vec![Function::new(
        "cross-entropy",
        "the loss of logistic regression",
        loss,
        grad(loss),
        (theta, np::zeros(100), np::zeros(100)),
    )]
}
