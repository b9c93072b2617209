//! What is timed for every model: its loss, the gradient, a step of Adam, and the first call of that step.

use cotangent::{numpy as np, prelude::*};

use crate::{Bench, ready};

/// The start of a training: initial parameters, inputs, and targets.
pub(crate) type Start<M> = (M, Array, Array);
pub(crate) type Loss<M> = fn(&M, &Array, &Array) -> Array;

pub(crate) fn forward<M: Tree>((model, x, y): Start<M>, loss: Loss<M>) -> Bench {
    let f = jit(loss);
    let check = vec![f(&model, &x, &y).item()];
    Bench::of(move || ready(f(&model, &x, &y))).check(check)
}

/// The loss and the squared norms of some gradients are compared.
pub(crate) fn backward<M: Tree>((model, x, y): Start<M>, loss: Loss<M>, some: fn(&M) -> [&Array; 2]) -> Bench {
    let f = jit(value_and_grad(loss));
    let (value, gradient) = f(&model, &x, &y);
    let squares = some(&gradient).map(|g| g.powi(2).sum().item());
    let check = [value.item()].into_iter().chain(squares).collect();
    Bench::of(move || ready(f(&model, &x, &y))).check(check)
}

/// The losses of the first three steps are compared.
pub(crate) fn adam<M: Tree + Clone>((model, x, y): Start<M>, loss: Loss<M>) -> Bench {
    let step = jit(step(loss, 1e-3));
    let mut state = (model.clone(), Adam::new(&model));
    let mut check = Vec::new();
    for _ in 0..3 {
        let value;
        (state, value) = step(&state, &x, &y);
        check.push(value.item());
    }
    Bench::of(move || state = ready(step(&state, &x, &y)).0).check(check)
}

pub(crate) fn first_call<M: Tree + Clone>((model, x, y): Start<M>, loss: Loss<M>) -> Bench {
    let state = (model.clone(), Adam::new(&model));
    let mut programs = 0;
    let fresh = move || {
        programs += 1;
        jit(step(loss, 1e-3 + f64::from(programs) / 1e6))
    };
    Bench::prepared(fresh, move |step| ready(step(&state, &x, &y)))
}

/// The state of Adam: the number of steps, and running means of the gradients and of their squares.
#[derive(Clone, Tree)]
struct Adam<M: Tree> {
    steps: Array,
    mean: M,
    square: M,
}

impl<M: Tree> Adam<M> {
    fn new(parameters: &M) -> Adam<M> {
        let zeros = || parameters.map(|p| np::zeros_like(p));
        Adam { steps: np::zeros(()), mean: zeros(), square: zeros() }
    }

    /// The parameters and the state after a step.
    fn step(&self, rate: f64, parameters: &M, gradient: &M) -> (M, Adam<M>) {
        let steps = &self.steps + 1.0;
        let mean = self.mean.zip(gradient, |m, g| 0.9 * m + 0.1 * g);
        let square = self.square.zip(gradient, |s, g| 0.999 * s + 0.001 * g.powi(2));
        let rate = rate * (1.0 - np::power(0.999, &steps)).sqrt() / (1.0 - np::power(0.9, &steps));
        let way = mean.zip(&square, |m, s| m / (s.sqrt() + 1e-8));
        (parameters.zip(&way, |p, w| p - &rate * w), Adam { steps, mean, square })
    }
}

type State<M> = (M, Adam<M>);

fn step<M: Tree>(
    loss: Loss<M>,
    rate: f64,
) -> impl Fn(&State<M>, &Array, &Array) -> (State<M>, Array) + Send + Sync + 'static {
    move |(model, adam), x, y| {
        let (value, gradient) = value_and_grad(loss)(model, x, y);
        (adam.step(rate, model, &gradient), value)
    }
}
