//! The recurrent network against its definition in plain Rust, and its gradient against finite differences of that.

use super::common;

use common::{assert_close, differences, output, scatter};
use serde_json::json;

/// Layer by layer, character by character, bit by bit. `p` holds the parameters of the layers, then those of both ends.
fn loss(p: &[f64], layers: usize, bits: usize, state: &[f64], text: &[f64]) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let mut state = state.to_vec();
    let (p, ends) = p.split_at(8 * layers * bits);
    let characters: Vec<_> = text.chunks(bits).collect();
    let mut total = 0.0;
    for pair in characters.windows(2) {
        let mut signal: Vec<f64> = (0..bits).map(|i| pair[0][i] * ends[i]).collect();
        for layer in 0..layers {
            for (i, signal) in signal.iter_mut().enumerate() {
                let gate = |which: usize, x: f64| {
                    let at = 8 * layer * bits + which * bits + i;
                    x * p[at] + p[at + 4 * bits]
                };
                let (hidden, cell) = (2 * layer * bits + i, (2 * layer + 1) * bits + i);
                let change = sigmoid(gate(1, state[hidden])) * gate(3, state[hidden]).tanh();
                state[cell] = state[cell] * sigmoid(gate(0, *signal)) + change;
                state[hidden] = sigmoid(gate(2, *signal)) * state[cell].tanh();
                *signal = state[hidden];
            }
        }
        let predicted: Vec<f64> = (0..bits).map(|i| signal[i] * ends[bits + i] + ends[2 * bits + i]).collect();
        let normalizer = (2.0 + predicted.iter().map(|x| x.exp()).sum::<f64>()).ln();
        total += (0..bits).map(|i| pair[1][i] * (predicted[i] - normalizer)).sum::<f64>();
    }
    -total / ((characters.len() - 1) * bits) as f64
}

#[test]
fn lstm_is_the_loss_of_a_network() {
    for (layers, bits, characters) in [(1, 2, 2), (2, 3, 7), (3, 1, 4)] {
        let p = scatter((8 * layers + 3) * bits, 1);
        let (main, extra) = p.split_at(8 * layers * bits);
        let (state, text) = (scatter(2 * layers * bits, 2), scatter(characters * bits, 3));
        let rows = |x: &[f64], width: usize| json!(x.chunks(width).collect::<Vec<_>>());
        let input = json!({
            "main_params": rows(main, 4 * bits), "extra_params": rows(extra, bits),
            "state": rows(&state, bits), "sequence": rows(&text, bits),
        });
        let reference = |p: &[f64]| loss(p, layers, bits, &state, &text);
        assert_close(&output("lstm", "objective", &input), &[reference(&p)], 1e-13);
        assert_close(&output("lstm", "jacobian", &input), &differences(reference, &p), 1e-9);
    }
}
