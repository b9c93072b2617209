//! A perceptron of 784-512-512-10 on batches of 128.

use cotangent::scipy::special::log_softmax;
use cotangent::{numpy as np, prelude::*, random};

use crate::training::{Start, adam, backward, first_call, forward};
use crate::{Case, ready};

pub(crate) const CASES: &[Case] = &[
    Case::new("mlp/forward", "loss of an MLP 784-512-512-10, batch 128, jitted", "step", || forward(start(), loss)),
    Case::new("mlp/backward", "loss and gradient of the MLP", "step", || {
        backward(start(), loss, |g| [&g[0].weight, &g[2].bias])
    }),
    Case::new("mlp/adam", "a training step of the MLP with Adam", "step", || adam(start(), loss)),
    Case::new(
        "mlp/adam-first-call",
        "first call of a training step of the MLP: trace, lower, compile, run",
        "call",
        || first_call(start(), loss),
    )
    .slow(),
];

/// A layer: a matrix and a bias.
#[derive(Clone, Tree)]
pub(crate) struct Dense {
    weight: Array,
    bias: Array,
}

impl Dense {
    pub(crate) fn new(key: random::Key, inputs: usize, outputs: usize) -> Dense {
        let weight = random::normal(key, (inputs, outputs)) * (2.0 / inputs as f64).sqrt();
        Dense { weight, bias: np::zeros(outputs) }
    }

    pub(crate) fn apply(&self, x: &Array) -> Array {
        np::matmul(x, &self.weight) + &self.bias
    }
}

/// The mean cross entropy of logits and labels.
pub(crate) fn cross_entropy(logits: &Array, labels: &Array) -> Array {
    let classes = *logits.shape().last().expect("logits have classes");
    let one_hot = labels.expand_dims(1).equal(np::arange(classes)).astype(DType::F32);
    -(one_hot * log_softmax(logits, -1)).sum_axis(-1).mean()
}

pub(crate) type Mlp = Vec<Dense>;

pub(crate) fn start() -> Start<Mlp> {
    let [xk, yk, key] = random::key(0).split();
    let sizes = [784, 512, 512, 10];
    let layer = |(i, size): (usize, &[usize])| Dense::new(random::fold_in(key.clone(), i), size[0], size[1]);
    let mlp = sizes.windows(2).enumerate().map(layer).collect();
    ready((mlp, random::normal(xk, (128, 784)), random::randint(yk, 128, 0, 10)))
}

pub(crate) fn loss(mlp: &Mlp, x: &Array, y: &Array) -> Array {
    let (out, hidden) = mlp.split_last().expect("there are layers");
    let x = hidden.iter().fold(x.clone(), |x, layer| layer.apply(&x).maximum(0.0));
    cross_entropy(&out.apply(&x), y)
}
