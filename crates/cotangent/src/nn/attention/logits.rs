//! The logits of queries and keys, and what masks them.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::lax::{DotGeneral, dot_general};
use crate::numpy::{iota, where_};

use super::options::Attention;

/// The sizes of the axes: batch, queries, keys, heads of keys, groups of queries for each, and features.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) b: usize,
    pub(super) t: usize,
    pub(super) s: usize,
    pub(super) k: usize,
    pub(super) g: usize,
    pub(super) h: usize,
}

impl Sizes {
    /// The sizes of a query (B, T, N, H) and a key (B, S, K, H).
    pub(super) fn of(q: &Array, k: &Array) -> Sizes {
        let ([b, t, n, h], [_, s, k, _]) = ([0, 1, 2, 3].map(|d| q.shape()[d]), [0, 1, 2, 3].map(|d| k.shape()[d]));
        Sizes { b, t, s, k, g: n / k.max(1), h }
    }
}

/// What is added to the logits and what masks them. The shape of logits is (B, K, T, G, S).
#[derive(Clone, Debug, Tree)]
pub(super) struct Masks {
    /// Broadcasts to the logits.
    pub(super) bias: Option<Array>,
    /// Broadcasts to the logits.
    pub(super) mask: Option<Array>,
    pub(super) query_lengths: Option<Array>,
    pub(super) key_value_lengths: Option<Array>,
    pub(super) causal: bool,
    pub(super) window: Option<(usize, usize)>,
}

impl Masks {
    #[track_caller]
    pub(super) fn of(options: &Attention, sizes: &Sizes) -> Masks {
        let grouped = |x: &Array| {
            let missing = 4 - x.ndim();
            let [b, n, t, s] = [0usize, 1, 2, 3].map(|d| if d < missing { 1 } else { x.shape()[d - missing] });
            // (B, N, T, S) → (B, K, G, T, S) → (B, K, T, G, S)
            let (k, g) = if n == 1 { (1, 1) } else { (sizes.k, sizes.g) };
            x.reshape([b, k, g, t, s]).permute(&[0, 1, 3, 2, 4])
        };
        Masks {
            bias: options.bias.as_ref().map(grouped),
            mask: options.mask.as_ref().map(grouped),
            query_lengths: options.query_lengths.clone(),
            key_value_lengths: options.key_value_lengths.clone(),
            causal: options.causal,
            window: options.window,
        }
    }

    /// Returns which of the keys from `start` on each query may attend to, in a shape that broadcasts to (B, K, T, G,
    /// `keys`), or `None` if it is all of them. The mask must be that of these keys.
    #[track_caller]
    pub(super) fn allowed(&self, queries: usize, keys: usize, start: &Array) -> Option<Array> {
        let query = iota(DType::I32, [1, 1, queries, 1, 1], 2);
        let key = iota(DType::I32, [1, 1, 1, 1, keys], 4) + start;
        let mut allowed = self.mask.clone();
        let mut and = |more: Array| {
            allowed = Some(match &allowed {
                Some(others) => others.logical_and(more),
                None => more,
            });
        };
        if self.causal {
            and(query.greater_equal(&key));
        }
        if let Some((left, right)) = self.window {
            let distance = &query - &key;
            and(distance.less_equal(left as i64).logical_and(distance.greater_equal(-(right as i64))));
        }
        let each = |lengths: &Array| lengths.reshape([lengths.size(), 1, 1, 1, 1]);
        if let Some(lengths) = &self.query_lengths {
            and(query.less(each(lengths)));
        }
        if let Some(lengths) = &self.key_value_lengths {
            and(key.less(each(lengths)));
        }
        allowed
    }
}

/// The logit of a pair that is masked: far below all others, but finite, as in JAX. A query that may attend to no key
/// has the same weight for each.
const MASKED: f64 = -0.7 * f32::MAX as f64;

/// Replaces the logits of pairs that are not allowed.
#[track_caller]
pub(super) fn masked(logits: Array, allowed: Option<&Array>) -> Array {
    match allowed {
        Some(allowed) => where_(allowed, logits, MASKED),
        None => logits,
    }
}

/// Returns scale · q · kᵀ in `f32` at least: (B, T, K, G, H) · (B, S, K, H) → (B, K, T, G, S).
#[track_caller]
pub(super) fn products(q: &Array, k: &Array, scale: f64) -> Array {
    let product = DotGeneral::new([vec![4], vec![3]], [vec![0, 2], vec![0, 2]]);
    dot_general(q, k, &product.preferred_element_type(wide(q.dtype()))) * scale
}

/// Returns weights · v in the dtype `wide`: (B, K, T, G, S) · (B, S, K, H) → (B, K, T, G, H).
#[track_caller]
pub(super) fn combine(weights: &Array, v: &Array) -> Array {
    let product = DotGeneral::new([vec![4], vec![1]], [vec![0, 1], vec![0, 2]]);
    dot_general(weights.astype(v.dtype()), v, &product.preferred_element_type(wide(v.dtype())))
}

/// The dtype that logits and sums are computed in.
pub(super) fn wide(dtype: DType) -> DType {
    crate::methods::reductions::working(dtype)
}
