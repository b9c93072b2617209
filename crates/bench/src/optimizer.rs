//! Adam, as one writes it.

use cotangent::{numpy as np, prelude::*};

/// What Adam remembers: how many steps there were, and means of the gradients and of their squares.
#[derive(Clone, Tree)]
pub(crate) struct Adam<M: Tree> {
    steps: Array,
    mean: M,
    square: M,
}

impl<M: Tree> Adam<M> {
    pub(crate) fn new(parameters: &M) -> Adam<M> {
        let zeros = || parameters.map(|p| np::zeros_like(p));
        Adam { steps: np::zeros(()), mean: zeros(), square: zeros() }
    }

    /// The parameters and the memory after a step.
    pub(crate) fn step(&self, rate: f64, parameters: &M, gradient: &M) -> (M, Adam<M>) {
        let steps = &self.steps + 1.0;
        let mean = self.mean.zip(gradient, |m, g| 0.9 * m + 0.1 * g);
        let square = self.square.zip(gradient, |s, g| 0.999 * s + 0.001 * g.powi(2));
        let rate = rate * (1.0 - np::power(0.999, &steps)).sqrt() / (1.0 - np::power(0.9, &steps));
        let way = mean.zip(&square, |m, s| m / (s.sqrt() + 1e-8));
        (parameters.zip(&way, |p, w| p - &rate * w), Adam { steps, mean, square })
    }
}
