//! The models in Candle.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{AdamW, Conv2dConfig, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, conv2d, linear, loss};

use crate::{CONV, MLP, RATE, Step};

/// Steps of Adam on one batch.
fn training(variables: &VarMap, batch: usize, forward: impl Fn() -> Result<Tensor> + 'static) -> Result<Step> {
    let labels: Vec<u32> = (0..batch as u32).map(|i| i * 7 % 10).collect();
    let labels = Tensor::new(labels, &Device::Cpu)?;
    let adam = ParamsAdamW { lr: RATE, weight_decay: 0.0, ..ParamsAdamW::default() };
    let mut optimizer = AdamW::new(variables.all_vars(), adam)?;
    let mut step = move || -> Result<f32> {
        let value = loss::cross_entropy(&forward()?, &labels)?;
        optimizer.backward_step(&value)?;
        value.to_scalar()
    };
    Ok(Box::new(move || step().expect("the step works")))
}

pub fn mlp() -> Result<Step> {
    let variables = VarMap::new();
    let make = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let layer = |(i, size): (usize, &[usize])| linear(size[0], size[1], make.pp(i));
    let layers = MLP[1..].windows(2).enumerate().map(layer).collect::<Result<Vec<_>>>()?;
    let x = Tensor::randn(0f32, 1.0, (MLP[0], MLP[1]), &Device::Cpu)?;
    training(&variables, MLP[0], move || {
        let mut y = x.clone();
        for (i, layer) in layers.iter().enumerate() {
            y = layer.forward(&y)?;
            if i + 1 < layers.len() {
                y = y.relu()?;
            }
        }
        Ok(y)
    })
}

pub fn conv() -> Result<Step> {
    let variables = VarMap::new();
    let make = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let (batch, side, channels) = CONV;
    let layer = |(i, size): (usize, &[usize])| {
        let config = Conv2dConfig { padding: 1, stride: if i == 0 { 1 } else { 2 }, ..Conv2dConfig::default() };
        conv2d(size[0], size[1], 3, config, make.pp(i))
    };
    let layers = channels.windows(2).enumerate().map(layer).collect::<Result<Vec<_>>>()?;
    let out = linear(channels[3] * side * side / 16, 10, make.pp("out"))?;
    let x = Tensor::randn(0f32, 1.0, (batch, channels[0], side, side), &Device::Cpu)?;
    training(&variables, batch, move || {
        let mut y = x.clone();
        for layer in &layers {
            y = layer.forward(&y)?.relu()?;
        }
        out.forward(&y.flatten_from(1)?)
    })
}
