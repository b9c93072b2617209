//! A perceptron of 784-512-512-10 on batches of 128.

use cotangent::scipy::special::log_softmax;
use cotangent::{numpy as np, prelude::*, random};

use crate::optimizer::Adam;
use crate::{Bench, Case, ready};

pub(crate) const CASES: &[Case] = &[
    Case::new("mlp/forward", "loss of an MLP 784-512-512-10, batch 128, jitted", "step", || {
        let (mlp, x, y) = start();
        let f = jit(loss);
        let check = vec![f(&mlp, &x, &y).item()];
        Bench::of(move || ready(f(&mlp, &x, &y))).check(check)
    }),
    Case::new("mlp/backward", "its loss and gradient", "step", || {
        let (mlp, x, y) = start();
        let f = jit(value_and_grad(loss));
        let (value, gradient) = f(&mlp, &x, &y);
        let check = vec![value.item(), gradient[0].weight.powi(2).sum().item(), gradient[2].bias.powi(2).sum().item()];
        Bench::of(move || ready(f(&mlp, &x, &y))).check(check)
    }),
    Case::new("mlp/adam", "a training step with Adam", "step", || {
        let (mlp, x, y) = start();
        let step = jit(step);
        let mut state = (mlp.clone(), Adam::new(&mlp));
        let mut check = Vec::new();
        for _ in 0..3 {
            let value;
            (state, value) = step(&state, &x, &y);
            check.push(value.item());
        }
        Bench::of(move || {
            state = step(&state, &x, &y).0;
            ready(state.0[2].bias.clone());
        })
        .check(check)
    }),
    Case::new("mlp/adam-first-call", "its first call: trace, lower, compile, run", "call", || {
        let (mlp, x, y) = start();
        let state = (mlp.clone(), Adam::new(&mlp));
        let mut programs = 0;
        let fresh = move || {
            programs += 1;
            jit(step_at(1e-3 + f64::from(programs) / 1e6))
        };
        Bench::prepared(fresh, move |step| ready(step(&state, &x, &y)))
    })
    .slow(),
];

#[derive(Clone, Tree)]
struct Linear {
    weight: Array,
    bias: Array,
}

type Mlp = Vec<Linear>;

fn start() -> (Mlp, Array, Array) {
    let [xk, yk, key] = random::key(0).split();
    let sizes = [784, 512, 512, 10];
    let layer = |(i, size): (usize, &[usize])| Linear {
        weight: random::normal(random::fold_in(key.clone(), i), (size[0], size[1])) * (2.0 / size[0] as f64).sqrt(),
        bias: np::zeros(size[1]),
    };
    let mlp = sizes.windows(2).enumerate().map(layer).collect();
    ready((mlp, random::normal(xk, (128, 784)), random::randint(yk, 128, 0, 10)))
}

fn loss(mlp: &Mlp, x: &Array, y: &Array) -> Array {
    let (out, hidden) = mlp.split_last().expect("there are layers");
    let x = hidden.iter().fold(x.clone(), |x, l| (np::matmul(x, &l.weight) + &l.bias).maximum(0.0));
    let logits = np::matmul(x, &out.weight) + &out.bias;
    let one_hot = y.expand_dims(1).equal(np::arange(0, 10, 1)).astype(DType::F32);
    -(one_hot * log_softmax(logits, -1)).sum_axis(-1).mean()
}

type State = (Mlp, Adam<Mlp>);

fn step_at(rate: f64) -> impl Fn(&State, &Array, &Array) -> (State, Array) + Send + Sync + Copy {
    move |(mlp, adam), x, y| {
        let (value, gradient) = value_and_grad(loss)(mlp, x, y);
        (adam.step(rate, mlp, &gradient), value)
    }
}

fn step(state: &State, x: &Array, y: &Array) -> (State, Array) {
    step_at(1e-3)(state, x, y)
}
