//! Attention in blocks of keys, one after the other, with a running softmax. Memory is linear in the lengths.
//!
//! The derivative is that of the whole: with the weights P of a block, computed again from the sums, a change dZ of its
//! logits changes the result by (P ∘ dZ) V − rowsum(P ∘ dZ) · result. It is one more loop over the blocks, linear in the
//! changes, and its transpose is the backward pass of FlashAttention.

use cotangent_derive::Tree;

use crate::api::custom::custom_jvp;
use crate::array::Array;
use crate::array::dtype::DType;
use crate::lax;
use crate::numpy::{self as np, iota, where_};

use super::logits::{Masks, combine, masked, products, wide};

/// The number of pairs of query and key from which on attention is computed in blocks.
pub(super) const LONG: usize = 1 << 22;
/// The number of keys in a block.
const KEYS: usize = 512;

/// A block of keys and values, and what belongs to it.
#[derive(Clone, Debug, Tree)]
struct Block {
    key: Array,
    value: Array,
    /// The position of the first key.
    start: Array,
    bias: Option<Array>,
    mask: Option<Array>,
}

/// Divides an axis into blocks, along a new leading axis. The last block is filled up with zeros.
#[track_caller]
fn divided(x: &Array, axis: usize, blocks: usize, size: usize) -> Array {
    let missing = blocks * size - x.shape()[axis];
    let widths: Vec<(usize, usize)> = (0..x.ndim()).map(|d| (0, if d == axis { missing } else { 0 })).collect();
    let zero = Array::from(0).astype(x.dtype());
    let x = if missing == 0 { x.clone() } else { np::pad(x, &widths, zero) };
    let shape: Vec<usize> = [&x.shape()[..axis], &[blocks, size], &x.shape()[axis + 1..]].concat();
    x.reshape(shape).moveaxis(axis as isize, 0)
}

impl Block {
    /// Divides keys and values, of shape (B, S, K, H), and the arrays that mask them.
    #[track_caller]
    fn all(key: &Array, value: &Array, masks: &Masks) -> Block {
        let keys = key.shape()[1];
        let size = KEYS.min(keys);
        let blocks = keys.div_ceil(size);
        // An array that is the same for all keys is repeated for each block.
        let last = |x: &Array| match x.shape()[4] {
            1 => x.broadcast_to([&[blocks], x.shape()].concat()),
            _ => divided(x, 4, blocks, size),
        };
        Block {
            key: divided(key, 1, blocks, size),
            value: divided(value, 1, blocks, size),
            start: iota(DType::I32, blocks, 0) * size as i32,
            bias: masks.bias.as_ref().map(last),
            mask: masks.mask.as_ref().map(last),
        }
    }

    /// Returns which pairs are allowed; see [`Masks::allowed`].
    #[track_caller]
    fn allowed(&self, queries: usize, masks: &Masks) -> Option<Array> {
        let masks = Masks { mask: self.mask.clone(), ..masks.clone() };
        masks.allowed(queries, self.key.shape()[1], &self.start)
    }

    /// Returns the logits of the block, of shape (B, K, T, G, keys), for `keys` keys in all blocks. Those of keys that
    /// only fill up the last block are −∞.
    #[track_caller]
    fn logits(&self, query: &Array, allowed: Option<&Array>, keys: usize, scale: f64) -> Array {
        let mut logits = products(query, &self.key, scale);
        if let Some(bias) = &self.bias {
            let dtype = logits.dtype();
            logits = (logits + bias).astype(dtype);
        }
        let logits = masked(logits, allowed);
        let size = self.key.shape()[1];
        if keys.is_multiple_of(size) {
            return logits;
        }
        let real = (iota(DType::I32, [1, 1, 1, 1, size], 4) + &self.start).less(keys as i32);
        where_(real, logits, f64::NEG_INFINITY)
    }
}

/// Returns the result, of shape (B, K, T, G, H), and the logarithm of the sum of exponentials, (B, K, T, G), both in the
/// dtype of the logits. The query has shape (B, T, K, G, H).
#[track_caller]
pub(super) fn attend(q: &Array, k: &Array, v: &Array, masks: &Masks, scale: f64) -> (Array, Array) {
    let (y, (most, sum)) = whole(q, k, v, masks, scale);
    (y, most + sum.log())
}

/// Returns the result, and the greatest logit of each query with the sum of exponentials relative to it. They stay
/// apart, because beside the logits of a query that is masked entirely, the logarithm of the sum would be lost.
#[track_caller]
fn whole(q: &Array, k: &Array, v: &Array, masks: &Masks, scale: f64) -> (Array, (Array, Array)) {
    let value = move |q: &Array, k: &Array, v: &Array, masks: &Masks| forward(q, k, v, masks, scale);
    let attention = custom_jvp(value).defjvp(move |(q, k, v, masks), (dq, dk, dv, dmasks)| {
        let (y, (most, sum)) = whole(q, k, v, masks, scale);
        let (result, row) = changed([q, k, v], masks, [dq, dk, dv], dmasks, (&most, &sum), scale);
        let dy = result - row.expand_dims(-1) * &y;
        // The logarithm of the sums changes by `row`, all of which is attributed to the sum.
        let (dmost, dsum) = (np::zeros_like(&most), row * &sum);
        ((y, (most, sum)), (dy, (dmost, dsum)))
    });
    attention(q, k, v, masks)
}

/// The running softmax: the greatest logit of each query, the sum of exponentials relative to it, and their products
/// with the values.
#[derive(Clone, Debug, Tree)]
struct Running {
    most: Array,
    sum: Array,
    result: Array,
}

#[track_caller]
fn forward(q: &Array, k: &Array, v: &Array, masks: &Masks, scale: f64) -> (Array, (Array, Array)) {
    let [b, t, heads, groups, h] = [0, 1, 2, 3, 4].map(|d| q.shape()[d]);
    let (keys, dtype) = (k.shape()[1], wide(q.dtype()));
    let rows = [b, heads, t, groups];
    let start = Running {
        most: np::full_as(rows, f64::NEG_INFINITY, dtype),
        sum: np::zeros_as(rows, dtype),
        result: np::zeros_as([b, heads, t, groups, h], dtype),
    };
    let step = |before: &Running, block: &Block| {
        let logits = block.logits(q, block.allowed(t, masks).as_ref(), keys, scale);
        let most = before.most.maximum(logits.max_axis(-1));
        // If all logits are −∞ so far, the differences must not be NaN.
        let base = where_(most.equal(f64::NEG_INFINITY), 0.0, &most);
        let shrink = (&before.most - &base).exp();
        let weights = (logits - base.expand_dims(-1)).exp();
        let after = Running {
            sum: &before.sum * &shrink + weights.sum_axis(-1),
            result: &before.result * shrink.expand_dims(-1) + combine(&weights, &block.value),
            most,
        };
        (after, ())
    };
    let (end, ()) = lax::scan(step, start, &Block::all(k, v, masks));
    (end.result / end.sum.expand_dims(-1), (end.most, end.sum))
}

/// Returns (P ∘ dZ) V + P dV and rowsum(P ∘ dZ), summed over the blocks, where P are the weights and dZ the change of
/// the logits.
#[track_caller]
fn changed(
    [q, k, v]: [&Array; 3],
    masks: &Masks,
    [dq, dk, dv]: [&Array; 3],
    dmasks: &Masks,
    (most, sum): (&Array, &Array),
    scale: f64,
) -> (Array, Array) {
    let [b, t, heads, groups, h] = [0, 1, 2, 3, 4].map(|d| q.shape()[d]);
    let (keys, dtype) = (k.shape()[1], wide(q.dtype()));
    // The tangent of a mask means nothing.
    let changes = Block::all(dk, dv, &Masks { mask: None, ..dmasks.clone() });
    let start = (np::zeros_as([b, heads, t, groups, h], dtype), np::zeros_as([b, heads, t, groups], dtype));
    let step = |(result, row): &(Array, Array), (block, change): &(Block, Block)| {
        let allowed = block.allowed(t, masks);
        let logits = block.logits(q, allowed.as_ref(), keys, scale);
        let weights = (logits - most.expand_dims(-1)).exp() / sum.expand_dims(-1);
        let mut dz = products(dq, &block.key, scale) + products(q, &change.key, scale);
        if let Some(bias) = &change.bias {
            dz += bias.astype(dtype);
        }
        if let Some(allowed) = &allowed {
            dz = where_(allowed, dz, 0.0);
        }
        let dz = &weights * dz;
        let result = result + combine(&dz, &block.value) + combine(&weights, &change.value);
        ((result, row + dz.sum_axis(-1)), ())
    };
    lax::scan(step, start, &(Block::all(k, v, masks), changes)).0
}
