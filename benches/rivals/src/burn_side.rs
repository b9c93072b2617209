//! The models in Burn.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor};

use crate::{CONV, MLP, RATE, Step};

#[derive(Module, Debug)]
struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let (out, hidden) = self.layers.split_last().expect("there are layers");
        out.forward(hidden.iter().fold(x, |x, layer| relu(layer.forward(x))))
    }
}

#[derive(Module, Debug)]
struct Net {
    layers: Vec<Conv2d>,
    out: Linear,
}

impl Net {
    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.layers.iter().fold(x, |x, layer| relu(layer.forward(x)));
        self.out.forward(x.flatten(1, 3))
    }
}

/// Steps of Adam on one batch.
fn training<M: Module + 'static>(
    model: M,
    device: Device,
    batch: usize,
    forward: impl Fn(&M) -> Tensor<2> + 'static,
) -> Step {
    let labels: Vec<i64> = (0..batch as i64).map(|i| i * 7 % 10).collect();
    let labels = Tensor::<1, Int>::from_ints(labels.as_slice(), &device);
    let loss = CrossEntropyLossConfig::new().init(&device);
    let mut optimizer = AdamConfig::new().init();
    let mut model = Some(model);
    Box::new(move || {
        let before = model.take().expect("the step before gave one");
        let value = loss.forward(forward(&before), labels.clone());
        let gradients = GradientsParams::from_grads(value.backward(), &before);
        model = Some(optimizer.step(RATE, before, gradients));
        value.into_scalar()
    })
}

pub fn mlp() -> Step {
    let device = Device::flex().autodiff();
    let layers = MLP[1..].windows(2).map(|size| LinearConfig::new(size[0], size[1]).init(&device)).collect();
    let x = Tensor::<2>::random([MLP[0], MLP[1]], Distribution::Normal(0.0, 1.0), &device);
    training(Mlp { layers }, device, MLP[0], move |model: &Mlp| model.forward(x.clone()))
}

pub fn conv() -> Step {
    let device = Device::flex().autodiff();
    let (batch, side, channels) = CONV;
    let layer = |(i, size): (usize, &[usize])| {
        Conv2dConfig::new([size[0], size[1]], [3, 3])
            .with_stride(if i == 0 { [1, 1] } else { [2, 2] })
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(&device)
    };
    let layers = channels.windows(2).enumerate().map(layer).collect();
    let out = LinearConfig::new(channels[3] * side * side / 16, 10).init(&device);
    let x = Tensor::<4>::random([batch, channels[0], side, side], Distribution::Normal(0.0, 1.0), &device);
    training(Net { layers, out }, device, batch, move |model: &Net| model.forward(x.clone()))
}
