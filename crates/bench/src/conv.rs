//! A convolutional network on 32 images of 28 × 28.

use cotangent::lax::{Conv, conv_general_dilated};
use cotangent::{numpy as np, prelude::*, random};

use crate::mlp::{Dense, cross_entropy};
use crate::training::{Start, adam, backward, forward};
use crate::{Case, ready};

pub(crate) const CASES: &[Case] = &[
    Case::new(
        "conv/forward",
        "loss of three convolutions (16, 32, 32 channels), 32 × 28 × 28, jitted",
        "step",
        || forward(start(), loss),
    ),
    Case::new("conv/backward", "loss and gradient of the convolutions", "step", || {
        backward(start(), loss, |g| [&g.layers[0].kernel, &g.layers[1].bias])
    }),
    Case::new("conv/adam", "a training step of the convolutions with Adam", "step", || adam(start(), loss)),
];

#[derive(Clone, Tree)]
struct Layer {
    kernel: Array,
    bias: Array,
}

#[derive(Clone, Tree)]
struct Net {
    layers: Vec<Layer>,
    out: Dense,
}

fn start() -> Start<Net> {
    let [xk, yk, key] = random::key(2).split();
    let channels: [usize; 4] = [1, 16, 32, 32];
    let layer = |(i, size): (usize, &[usize])| Layer {
        kernel: random::normal(random::fold_in(key.clone(), i), (3, 3, size[0], size[1]))
            * (2.0 / (9 * size[0]) as f64).sqrt(),
        bias: np::zeros(size[1]),
    };
    let layers = channels.windows(2).enumerate().map(layer).collect();
    let net = Net { layers, out: Dense::new(random::fold_in(key.clone(), 3), 7 * 7 * 32, 10) };
    ready((net, random::normal(xk, (32, 28, 28, 1)), random::randint(yk, 32, 0, 10)))
}

fn loss(net: &Net, x: &Array, y: &Array) -> Array {
    let mut x = x.clone();
    for (i, layer) in net.layers.iter().enumerate() {
        let stride = if i == 0 { 1 } else { 2 };
        let options = Conv::new([stride; 2], [(1, 1); 2]).dimension_numbers("NHWC", "HWIO", "NHWC");
        x = (conv_general_dilated(&x, &layer.kernel, &options) + &layer.bias).maximum(0.0);
    }
    cross_entropy(&net.out.apply(&x.reshape((32, 7 * 7 * 32))), y)
}
