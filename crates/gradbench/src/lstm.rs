//! `lstm`: the loss of a recurrent network that predicts the next character of a text.

use cotangent::{Tree, lax, prelude::*};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::arrays::rows;
use crate::json::{Matrix, Output, expect_shape, parse};
use crate::task::{Module, Task};

pub(crate) const MODULE: Module = Module {
    name: "lstm",
    functions: &[
        ("objective", |input| Ok(Task::new(loss, read(input)?))),
        ("jacobian", |input| Ok(Task::new(grad(loss), read(input)?))),
    ],
};

#[derive(Deserialize)]
struct Input {
    main_params: Matrix,
    extra_params: Matrix,
    state: Matrix,
    sequence: Matrix,
}

/// The network: `l` layers over characters of `b` bits. Its weight matrices are diagonal.
#[derive(Clone, Tree)]
struct Network {
    /// Weights and biases of the forget, input and output gates, and of the change of the cell: `[l, 2, 4, b]`.
    layers: Array,
    /// The weights of the input, and the weights and biases of the output: `[3, b]`.
    ends: Array,
}

fn read(input: &RawValue) -> Result<(Network, Array, Array)> {
    let Input { main_params, extra_params, state, sequence } = parse(input)?;
    let [count, bits] = sequence.shape();
    if count < 2 {
        return Err(Error::shape(format!(
            "`sequence` has shape [{count}, {bits}]: it must have at least two characters"
        )));
    }
    let layers = main_params.shape()[0] / 2;
    expect_shape("main_params", &main_params.shape(), &[2 * layers, 4 * bits])?;
    expect_shape("extra_params", &extra_params.shape(), &[3, bits])?;
    expect_shape("state", &state.shape(), &[2 * layers, bits])?;
    let network =
        Network { layers: main_params.into_array()?.reshape((layers, 2, 4, bits)), ends: extra_params.into_array()? };
    Ok((network, state.into_array()?.reshape((layers, 2, bits)), sequence.into_array()?))
}

/// All numbers, one after another.
impl Output for Network {
    fn to_json(&self) -> Result<Value> {
        let [layers, ends] = [&self.layers, &self.ends].map(|x| x.reshape(x.size()));
        np::concatenate(&[&layers, &ends], 0).to_json()
    }
}

/// Returns the negative log probability of each character after the first, given those before it, averaged over bits.
/// `state` has each layer's initial hidden state and cell: `[l, 2, b]`.
fn loss(network: &Network, state: &Array, sequence: &Array) -> Array {
    let [count, bits] = [0, 1].map(|axis| sequence.shape()[axis]);
    let [input, weight, bias] = rows(&network.ends);
    let mut signal = sequence.slice_axis(0, 0, count - 1) * input;
    for layer in 0..network.layers.shape()[0] {
        let [weights, biases] = rows(&network.layers.at(layer as i32).get());
        signal = run(&rows(&weights), &rows(&biases), rows(&state.at(layer as i32).get()), &signal);
    }
    let predicted = signal * weight + bias;
    let normalizer = (predicted.exp().sum_axis(1) + 2.0).log();
    let log_probabilities = predicted - np::expand_dims(normalizer, 1);
    -(sequence.slice_axis(0, 1, count) * log_probabilities).sum() / ((count - 1) * bits) as f64
}

/// Returns the hidden states of a layer for the input `signal`; both are `[c, b]`.
///
/// The outer loop is over layers, not characters. So everything that depends on the signal alone is computed for all
/// characters at once, and only the rest goes step by step.
fn run(weights: &[Array; 4], biases: &[Array; 4], [hidden, cell]: [Array; 2], signal: &Array) -> Array {
    const FORGET: usize = 0;
    const INPUT: usize = 1;
    const OUTPUT: usize = 2;
    const CHANGE: usize = 3;
    let sum = |which: usize, x: &Array| x * &weights[which] + &biases[which];
    let gates = (sum(FORGET, signal).logistic(), sum(OUTPUT, signal).logistic());
    let step = |(hidden, cell): &(Array, Array), (forget, output): &(Array, Array)| {
        let change = sum(INPUT, hidden).logistic() * sum(CHANGE, hidden).tanh();
        let cell = cell * forget + change;
        let hidden = output * cell.tanh();
        ((hidden.clone(), cell), hidden)
    };
    lax::scan(step, (hidden, cell), &gates).1
}
