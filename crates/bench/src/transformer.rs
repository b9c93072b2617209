//! A transformer block: 4 heads over 64 positions of 128 features, batch 8.

use cotangent::scipy::special::softmax;
use cotangent::{numpy as np, prelude::*, random};

use crate::training::{Start, adam, backward, forward};
use crate::{Case, ready};

const BATCH: usize = 8;
const PLACES: usize = 64;
const FEATURES: usize = 128;
const HEADS: usize = 4;
const HIDDEN: usize = 512;

pub(crate) const CASES: &[Case] = &[
    Case::new("transformer/forward", "loss of a transformer block, 8 × 64 × 128, 4 heads, jitted", "step", || {
        forward(start(), loss)
    }),
    Case::new("transformer/backward", "loss and gradient of the block", "step", || {
        backward(start(), loss, |g| [&g.qkv, &g.up])
    }),
    Case::new("transformer/adam", "a training step of the block with Adam", "step", || adam(start(), loss)),
];

#[derive(Clone, Tree)]
struct Norm {
    scale: Array,
    shift: Array,
}

impl Norm {
    fn new() -> Norm {
        Norm { scale: np::ones(FEATURES), shift: np::zeros(FEATURES) }
    }

    fn apply(&self, x: &Array) -> Array {
        let centered = x - x.mean_keepdims(-1);
        let variance = centered.powi(2).mean_keepdims(-1);
        &centered / (variance + 1e-5).sqrt() * &self.scale + &self.shift
    }
}

#[derive(Clone, Tree)]
struct Block {
    before: Norm,
    qkv: Array,
    out: Array,
    between: Norm,
    up: Array,
    down: Array,
}

fn start() -> Start<Block> {
    let [a, b, c, d, xk, yk] = random::key(1).split();
    let weight = |key, rows: usize, columns: usize| random::normal(key, (rows, columns)) / (rows as f64).sqrt();
    let block = Block {
        before: Norm::new(),
        qkv: weight(a, FEATURES, 3 * FEATURES),
        out: weight(b, FEATURES, FEATURES),
        between: Norm::new(),
        up: weight(c, FEATURES, HIDDEN),
        down: weight(d, HIDDEN, FEATURES),
    };
    let shape = (BATCH, PLACES, FEATURES);
    ready((block, random::normal(xk, shape), random::normal(yk, shape)))
}

fn attention(block: &Block, x: &Array) -> Array {
    let qkv = np::matmul(x, &block.qkv).reshape((BATCH, PLACES, 3 * HEADS, FEATURES / HEADS));
    let heads = np::split(qkv, 3, 2);
    let scores = np::einsum("bqhd,bkhd->bhqk", &[&heads[0], &heads[1]]) / ((FEATURES / HEADS) as f64).sqrt();
    let causal = np::tri(PLACES, PLACES, 0).astype(DType::Bool);
    let weights = softmax(np::where_(causal, scores, -1e9), -1);
    let mixed = np::einsum("bhqk,bkhd->bqhd", &[&weights, &heads[2]]);
    np::matmul(mixed.reshape((BATCH, PLACES, FEATURES)), &block.out)
}

/// The Gaussian error linear unit, as transformers approximate it.
fn gelu(x: &Array) -> Array {
    let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
    0.5 * x * (1.0 + inner.tanh())
}

fn loss(block: &Block, x: &Array, y: &Array) -> Array {
    let x = x + attention(block, &block.before.apply(x));
    let x = &x + np::matmul(gelu(&np::matmul(block.between.apply(&x), &block.up)), &block.down);
    (x - y).powi(2).mean()
}
