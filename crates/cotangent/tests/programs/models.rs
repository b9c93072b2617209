//! Models and their losses.

use cotangent::scipy::special::{log_softmax, logsumexp_axis, softmax};
use cotangent::{lax, prelude::*};

use super::small::{part, standardised};
use super::{Table, programs};

type Pair = (Array, Array);

fn zeros(n: usize) -> Array {
    np::zeros_as(n, DType::F64)
}

fn recurrent(wh: &Array, wx: &Array, b: &Array, xs: &Array) -> Array {
    let step = |h: &Array, x: &Array| ((h.dot(wh) + x.dot(wx) + b).tanh(), ());
    lax::scan(step, zeros(3), xs).0.square().sum()
}

fn long_short_term(w: &Array, b: &Array, xs: &Array) -> Array {
    let step = |(h, c): &Pair, x: &Array| {
        let gates = np::split(np::concatenate(&[h, x], 0).dot(w) + b, 4, 0);
        let c = (&gates[1] + 1.0).logistic() * c + gates[0].logistic() * gates[2].tanh();
        let h = gates[3].logistic() * c.tanh();
        ((h.clone(), c), h)
    };
    lax::scan(step, (zeros(2), zeros(2)), xs).1.square().mean()
}

fn gated_recurrent(wx: &Array, wh: &Array, b: &Array, xs: &Array) -> Array {
    let step = |h: &Array, x: &Array| {
        let (x, own) = (np::split(x.dot(wx) + b, 3, 0), np::split(h.dot(wh), 3, 0));
        let (r, z) = ((&x[0] + &own[0]).logistic(), (&x[1] + &own[1]).logistic());
        let h = (1.0 - &z) * (&x[2] + r * &own[2]).tanh() + &z * h;
        (h.clone(), h)
    };
    lax::scan(step, zeros(2), xs).1.powi(3).sum()
}

fn attend(x: &Array, [wq, wk, wv]: [&Array; 3], heads: usize) -> Array {
    let (n, d) = (x.shape()[0], x.shape()[1]);
    let split = |w: &Array| x.matmul(w).reshape([n, heads, d / heads]).permute(&[1, 0, 2]);
    let (q, k, v) = (split(wq), split(wk), split(wv));
    let scores = np::einsum("hnd,hmd->hnm", &[&q, &k]) / ((d / heads) as f64).sqrt();
    np::einsum("hnm,hmd->hnd", &[&softmax(scores, -1), &v]).permute(&[1, 0, 2]).reshape([n, d])
}

fn transformer_block(x: &Array, wqkv: &Array, wo: &Array, w1: &Array, w2: &Array) -> Array {
    let norm = |x: &Array| standardised(x, 1e-5);
    let w = [0, 4, 8].map(|i| wqkv.slice_axis(1, i, i + 4));
    let y = x + attend(&norm(x), [&w[0], &w[1], &w[2]], 2).matmul(wo);
    let h = norm(&y).matmul(w1);
    (y + (&h * h.logistic()).matmul(w2)).square().mean()
}

fn classifier(w1: &Array, b1: &Array, w2: &Array, b2: &Array, x: &Array) -> Array {
    let labels = Array::from([[1.0f64, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]);
    let logits = (x.matmul(w1) + b1).tanh().matmul(w2) + b2;
    -(labels * log_softmax(logits, 1)).sum_axis(1).mean()
}

fn logistic_regression(w: &Array, b: &Array, x: &Array) -> Array {
    let y = Array::from([1.0f64, 0.0, 1.0, 1.0, 0.0]);
    let margin = x.dot(w) + b;
    (np::logaddexp(&margin, 0.0) - y * margin).mean() + 0.01 * w.square().sum()
}

fn mixture(weights: &Array, means: &Array, log_scales: &Array, x: &Array) -> Array {
    let z = (x.expand_dims(1) - means) / log_scales.exp();
    let terms = log_softmax(weights, 0) - 0.5 * z.square() - log_scales - 0.5 * (2.0 * np::PI).ln();
    logsumexp_axis(terms, 1).sum()
}

fn embedding_by_one_hot(table: &Array, w: &Array) -> Array {
    let words = Array::from([[0, 3, 3], [1, 2, 0]]).expand_dims(2);
    let one_hot = words.equal(Array::from([0, 1, 2, 3])).astype(DType::F64);
    np::einsum("bwv,vd,dk->bk", &[&one_hot, table, w]).square()
}

fn soft_histogram(x: &Array) -> Array {
    let edges = Array::from([-1.0f64, -1.0 / 3.0, 1.0 / 3.0, 1.0]);
    (5.0 * (x.expand_dims(1) - edges)).logistic().sum_axis(0).square()
}

fn gaussian_process(x: &Array, log_length: &Array, y: &Array) -> Array {
    let distance = (x.expand_dims(1) - x.expand_dims(0)) / log_length.exp();
    let k = (-0.5 * distance.square()).exp() + 0.3 * np::eye_as(2, 2, 0, DType::F64);
    let k = k.reshape(4);
    let at = |x: &Array, i: usize| part(x, i, i + 1).reshape(());
    let (a, b, d) = (at(&k, 0), at(&k, 1), at(&k, 3));
    let (u, v) = (at(y, 0), at(y, 1));
    let det = &a * &d - b.square();
    -0.5 * (&d * u.square() - 2.0 * &b * &u * &v + &a * v.square()) / &det - 0.5 * det.log()
}

pub(crate) const MODELS: Table = programs! {
    "recurrent" |wh, wx, b, xs| recurrent(wh, wx, b, xs);
    "long_short_term" |w, b, xs| long_short_term(w, b, xs);
    "gated_recurrent" |wx, wh, b, xs| gated_recurrent(wx, wh, b, xs);
    "attention" |x, wq, wk, wv| attend(x, [wq, wk, wv], 2);
    "transformer_block" |x, wqkv, wo, w1, w2| transformer_block(x, wqkv, wo, w1, w2);
    "classifier" |w1, b1, w2, b2, x| classifier(w1, b1, w2, b2, x);
    "logistic_regression" |w, b, x| logistic_regression(w, b, x);
    "mixture" |weights, means, log_scales, x| mixture(weights, means, log_scales, x);
    "embedding_by_one_hot" |table, w| embedding_by_one_hot(table, w);
    "soft_histogram" |x| soft_histogram(x);
    "gaussian_process" |x, log_length, y| gaussian_process(x, log_length, y);
};
