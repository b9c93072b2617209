//! Attention as a whole: the logits of all queries and keys are one array.

use crate::array::Array;
use crate::scipy::special::{logsumexp_axis, softmax};

use super::logits::{Masks, combine, masked, products};

/// Returns the result, of shape (B, K, T, G, H), and the logarithm of the sum of exponentials, (B, K, T, G). The query
/// has shape (B, T, K, G, H).
#[track_caller]
pub(super) fn attend(q: &Array, k: &Array, v: &Array, masks: &Masks, scale: f64) -> (Array, Array) {
    let mut logits = products(q, k, scale);
    if let Some(bias) = &masks.bias {
        let dtype = logits.dtype();
        logits = (logits + bias).astype(dtype);
    }
    let allowed = masks.allowed(q.shape()[1], k.shape()[1], &0.into());
    let logits = masked(logits, allowed.as_ref());
    (combine(&softmax(&logits, -1), v), logsumexp_axis(&logits, -1))
}
