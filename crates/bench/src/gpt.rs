//! Training steps of language models of 10⁷ and 10⁸ parameters.

use cotangent::lax::Precision;
use cotangent::scipy::special::log_softmax;
use cotangent::{lax, numpy as np, prelude::*, random};

use crate::matmul::{attend, peak};
use crate::training::{Start, adam};
use crate::{Bench, Case, Size, ready};

pub(crate) const CASES: &[Case] = &[
    Case::sized("gpt/1e7", "a step with Adam of a GPT of 10⁷ parameters, 16 × 256 tokens, f32", "step", |size| {
        train(size, SMALL, loss, DType::F32)
    }),
    Case::sized("gpt/1e8", "a step with Adam of a GPT of 10⁸ parameters, 8 × 512 tokens, f32", "step", |size| {
        train(size, LARGE, loss, DType::F32)
    }),
    Case::sized("gpt/1e8-bf16", "the same with products in bf16", "step", |size| {
        train(size, LARGE, loss_in_bf16, DType::BF16)
    }),
];

const SMALL: Sizes = Sizes { layers: 6, width: 320, words: 8192, batch: 16, places: 256 };

const LARGE: Sizes = Sizes { layers: 12, width: 768, words: 19_456, batch: 8, places: 512 };
const TINY: Sizes = Sizes { layers: 2, width: 128, words: 64, batch: 2, places: 16 };

/// The features of a head of attention.
const HEAD: usize = 64;

#[derive(Clone, Copy)]
struct Sizes {
    layers: usize,
    width: usize,
    words: usize,
    batch: usize,
    places: usize,
}

/// The weights of all layers, stacked along a leading axis that the model scans over.
#[derive(Clone, Tree)]
struct Layers {
    qkv: Array,
    out: Array,
    up: Array,
    down: Array,
    before: Array,
    between: Array,
}

#[derive(Clone, Tree)]
struct Gpt {
    words: Array,
    places: Array,
    layers: Layers,
    last: Array,
}

fn train(size: Size, full: Sizes, loss: fn(&Gpt, &Array, &Array) -> Array, products: DType) -> Bench {
    let sizes = size.of((full, TINY));
    let start = start(sizes);
    let tokens = (sizes.batch * sizes.places) as f64;
    let count: usize = cotangent::tree::leaves(&start.0).iter().map(Array::size).sum();
    // Each parameter is multiplied twice per token in the forward pass, and four times in the backward pass.
    adam(start, loss).flops(6.0 * count as f64 * tokens).bound_by(peak(products, Precision::Default))
}

fn start(s: Sizes) -> Start<Gpt> {
    let [a, b, c, d, e, f, xk, yk] = random::key(22).split();
    let weight =
        |key, rows: usize, columns: usize| random::normal(key, (s.layers, rows, columns)) / (rows as f64).sqrt();
    let layers = Layers {
        qkv: weight(a, s.width, 3 * s.width),
        out: weight(b, s.width, s.width),
        up: weight(c, s.width, 4 * s.width),
        down: weight(d, 4 * s.width, s.width),
        before: np::ones((s.layers, s.width)),
        between: np::ones((s.layers, s.width)),
    };
    let words = random::normal(e, (s.words, s.width)) * 0.02;
    let places = random::normal(f, (s.places, s.width)) * 0.02;
    let gpt = Gpt { words, places, layers, last: np::ones(s.width) };
    let text = |key| random::randint(key, (s.batch, s.places), 0, s.words);
    ready((gpt, text(xk), text(yk)))
}

/// Divides by the root of the mean square.
fn norm(x: &Array, scale: &Array) -> Array {
    x / (x.square().mean_keepdims(-1) + 1e-5).sqrt() * scale
}

fn layer(x: &Array, w: &Layers, dtype: DType) -> Array {
    let (batch, places, width) = (x.shape()[0], x.shape()[1], x.shape()[2]);
    let dense = |x: &Array, w: &Array| np::matmul(x.astype(dtype), w.astype(dtype));
    let qkv = dense(&norm(x, &w.before), &w.qkv).reshape((batch, places, 3, width / HEAD, HEAD));
    let qkv = qkv.transpose(&[2, 0, 3, 1, 4]);
    let part = |i: usize| qkv.slice_axis(0, i, i + 1).reshape((batch, width / HEAD, places, HEAD));
    let mixed = attend(&part(0), &part(1), &part(2)).transpose(&[0, 2, 1, 3]).reshape((batch, places, width));
    let x = x + dense(&mixed, &w.out).astype(DType::F32);
    let hidden = dense(&norm(&x, &w.between), &w.up).maximum(0.0);
    &x + dense(&hidden, &w.down).astype(DType::F32)
}

/// The mean cross entropy of the next words.
fn loss_in(gpt: &Gpt, x: &Array, y: &Array, dtype: DType) -> Array {
    let embedded = np::take_axis(&gpt.words, x, 0) + &gpt.places;
    let (x, ()) = lax::Scan::new().run(|x: &Array, w: &Layers| (layer(x, w, dtype), ()), embedded, &gpt.layers);
    let logits = np::matmul(norm(&x, &gpt.last).astype(dtype), gpt.words.t().astype(dtype)).astype(DType::F32);
    let chosen = np::take_along_axis(log_softmax(logits, -1), y.expand_dims(-1), -1);
    -chosen.mean()
}

fn loss(gpt: &Gpt, x: &Array, y: &Array) -> Array {
    loss_in(gpt, x, y, DType::F32)
}

fn loss_in_bf16(gpt: &Gpt, x: &Array, y: &Array) -> Array {
    loss_in(gpt, x, y, DType::BF16)
}
