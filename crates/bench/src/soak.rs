//! A mixture of all that a training does, to be run for minutes while memory is watched.

use cotangent::{numpy as np, prelude::*, random};

use crate::{Bench, Case, mlp, ready};

pub(crate) const CASES: &[Case] = &[Case::new(
    "soak/mixed",
    "a training step with its batch from the host and its loss read, a gradient without `jit`, a new program",
    "step",
    mixed,
)
.slow()];

/// Every so many steps, a function is jitted, compiled, called and dropped.
const FRESH: usize = 50;

fn mixed() -> Bench {
    let ((mut model, ..), step) = (mlp::start(), jit(descend));
    let batch: Vec<f32> = random::normal(random::key(40), 128 * 784).to_vec();
    let labels: Vec<i32> = (0..128).map(|i| i % 10).collect();
    let slope = grad(|x: &Array| x.sin().sum());
    let mut steps = 0;
    Bench::of(move || {
        let x = Array::from_vec(batch.clone(), [128, 784]).expect("the batch has that size");
        let loss;
        (model, loss) = step(std::mem::take(&mut model), &x, &labels.clone().into());
        let slope = ready(slope(&np::arange(64.0)));
        if steps % FRESH == 0 {
            let factor = 1.0 + steps as f64 / 1e6;
            let _ = ready(jit(move |x: &Array| (x * factor).cos())(&slope));
        }
        steps += 1;
        let loss: f64 = loss.item();
        assert!(loss.is_finite(), "the loss of step {steps} is {loss}");
    })
}

/// A step of gradient descent in place, and the loss before it.
fn descend(model: mlp::Mlp, x: &Array, y: &Array) -> (mlp::Mlp, Array) {
    let (loss, slope) = value_and_grad(mlp::loss)(&model, x, y);
    (model.zip(&slope, |p, g| p - 1e-3 * g), loss)
}
