//! Scaled dot-product attention: `jax.nn.dot_product_attention`.

mod blockwise;
mod cudnn;
mod logits;
mod options;
mod plain;

pub use options::{Attention, Implementation};

use crate::api::program::as_library;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::nn::at_caller;

use logits::{Masks, Sizes};

/// Returns softmax(scale · query · keyᵀ + bias) · value for each head.
///
/// The shapes are (B, T, N, H) of `query`, and (B, S, K, H) of `key` and `value`: batch, sequence, heads, features. The
/// batch axis may be absent. If there are fewer heads K of keys than N of queries, each serves a group of N / K heads
/// of queries ([grouped-query attention](https://arxiv.org/abs/2305.13245)). The result has the shape and dtype of
/// `query`. Products are summed, and the softmax is computed, in `f32` at least.
///
/// [`Attention`] has the options: a mask, a bias, causal attention, windows, lengths of sequences. Long sequences are
/// processed in blocks of keys, and their derivatives compute the weights again, so that memory is linear in the
/// lengths ([source](https://arxiv.org/abs/2307.08691)); see [`Implementation`].
///
/// ```
/// use cotangent::{nn::{self, Attention}, prelude::*};
/// let [q, k, v] = random::key(0).split();
/// let (query, key) = (random::normal(q, [2, 5, 8, 16]), random::normal(k, [2, 7, 4, 16]));
/// let value = random::normal(v, [2, 7, 4, 16]);
/// let y = nn::dot_product_attention(&query, &key, &value, &Attention::new());
/// assert_eq!(y.shape(), query.shape());
/// let causal = nn::dot_product_attention(&key, &key, &value, &Attention::new().causal());
/// # let _ = causal;
/// ```
///
/// # Panics
/// If shapes or dtypes do not fit.
#[track_caller]
pub fn dot_product_attention(
    query: impl ArrayLike,
    key: impl ArrayLike,
    value: impl ArrayLike,
    options: &Attention,
) -> Array {
    let operands = [query.to_array(), key.to_array(), value.to_array()];
    let (shape, [q, k, v]) = at_caller(|| checked(operands, options));
    let mut inputs = vec![q, k, v];
    inputs.extend(options.arrays());
    let body = |inputs: &[Array]| {
        let [q, k, v] = [&inputs[0], &inputs[1], &inputs[2]];
        vec![attend(q, k, v, &options.with_arrays(&inputs[3..])).0.reshape(&shape[..])]
    };
    at_caller(|| as_library(&inputs, body)).remove(0)
}

/// [`dot_product_attention`], and for each query the logarithm of the sum of the exponentials of its logits, of shape
/// (B, T, N) and without a derivative: JAX's `return_residual`. With it, results for parts of the keys can be combined.
///
/// ```
/// use cotangent::{nn::{self, Attention}, prelude::*};
/// let x = np::zeros([1, 4, 2, 8]);
/// let (y, residual) = nn::dot_product_attention_with_residual(&x, &x, &x, &Attention::new());
/// assert_eq!((y.shape(), residual.shape()), (&[1, 4, 2, 8][..], &[1, 4, 2][..]));
/// assert_eq!(residual.max().item::<f32>(), 4f32.ln());
/// ```
///
/// # Panics
/// If shapes or dtypes do not fit.
#[track_caller]
pub fn dot_product_attention_with_residual(
    query: impl ArrayLike,
    key: impl ArrayLike,
    value: impl ArrayLike,
    options: &Attention,
) -> (Array, Array) {
    let operands = [query.to_array(), key.to_array(), value.to_array()];
    let (shape, [q, k, v]) = at_caller(|| checked(operands, options));
    let mut inputs = vec![q, k, v];
    inputs.extend(options.arrays());
    let body = |inputs: &[Array]| {
        let [q, k, v] = [&inputs[0], &inputs[1], &inputs[2]];
        let (y, residual) = attend(q, k, v, &options.with_arrays(&inputs[3..]));
        // (B, K, T, G) → (B, T, K, G)
        let residual = residual.permute(&[0, 2, 1, 3]).astype(k.dtype()).stop_gradient();
        vec![y.reshape(&shape[..]), residual.reshape(&shape[..shape.len() - 1])]
    };
    let mut results = at_caller(|| as_library(&inputs, body)).into_iter();
    match (results.next(), results.next()) {
        (Some(y), Some(residual)) => (y, residual),
        _ => unreachable!("there are two results"),
    }
}

/// Returns the shape of the query, and the operands with a batch axis.
#[track_caller]
fn checked(operands: [Array; 3], options: &Attention) -> (Vec<usize>, [Array; 3]) {
    let shape = operands[0].shape().to_vec();
    let avals = operands.each_ref().map(|x| x.aval().to_string()).join(", ");
    let wrong = |what: &str| {
        raise(Error::shape(format!("dot_product_attention: {what}: query, key and value are {avals}")).help(
            "their shapes are (batch, T, heads, features), and (batch, S, heads or a divisor of them, features) of key and value",
        ))
    };
    if operands.iter().any(|x| x.ndim() != operands[0].ndim() || !(3..=4).contains(&x.ndim())) {
        wrong("expected three or four axes each");
    }
    let dtype = operands[0].dtype();
    if !dtype.is_float() || operands.iter().any(|x| x.dtype() != dtype) {
        raise(
            Error::dtype(format!("dot_product_attention: expected one real floating-point dtype, got {avals}"))
                .help("convert with `.astype(…)`"),
        );
    }
    let operands = operands.map(|x| if x.ndim() == 3 { x.expand_dims(0) } else { x });
    let [q, k, v] = operands.each_ref().map(|x| x.shape());
    if k != v {
        wrong("key and value must have the same shape");
    }
    if q[0] != k[0] || q[3] != k[3] {
        wrong("the batch or the features differ");
    }
    if k[2] == 0 || !q[2].is_multiple_of(k[2]) {
        wrong("the heads of key and value must divide those of the query");
    }
    options.check(&Sizes::of(&operands[0], &operands[1]));
    (shape, operands)
}

/// Computes attention in the implementation of the options. The results are (B, T, N, H), perhaps with
/// divided heads, and (B, K, T, G).
#[track_caller]
fn attend(q: &Array, k: &Array, v: &Array, options: &Attention) -> (Array, Array) {
    let sizes = Sizes::of(q, k);
    let blocks = match options.implementation {
        Implementation::Xla | Implementation::Cudnn => false,
        Implementation::Blockwise => true,
        Implementation::Auto => sizes.t * sizes.s >= blockwise::LONG,
    };
    let scale = options.scale.unwrap_or(1.0 / (sizes.h as f64).sqrt());
    if options.implementation == Implementation::Cudnn {
        let (y, residual) = cudnn::attend(q, k, v, options, scale);
        // (B, N, T) → (B, K, T, G)
        let residual = residual.reshape([sizes.b, sizes.k, sizes.g, sizes.t]).permute(&[0, 1, 3, 2]);
        return (y, residual);
    }
    let masks = Masks::of(options, &sizes);
    // (B, T, N, H) → (B, T, K, G, H)
    let grouped = q.reshape([sizes.b, sizes.t, sizes.k, sizes.g, sizes.h]);
    let empty = sizes.s == 0 || q.size() == 0;
    let (y, residual) = match blocks && !empty {
        true => blockwise::attend(&grouped, k, v, &masks, scale),
        false => plain::attend(&grouped, k, v, &masks, scale),
    };
    // (B, K, T, G, H) → (B, T, K, G, H)
    let y = y.permute(&[0, 2, 1, 3, 4]).astype(k.dtype());
    let y = match &masks.query_lengths {
        Some(lengths) => {
            let real = crate::numpy::iota(DType::I32, [1, sizes.t], 1).less(lengths.expand_dims(1));
            y * real.reshape([sizes.b, sizes.t, 1, 1, 1]).astype(k.dtype())
        }
        None => y,
    };
    (y, residual)
}
