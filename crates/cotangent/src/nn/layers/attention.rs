//! Multi-head attention as a layer, and its cache of keys and values.

use cotangent_derive::Tree;

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax;
use crate::nn::attention::{Attention, dot_product_attention};
use crate::nn::initializers::{self, Initializer};
use crate::numpy as np;
use crate::random::Key;

use super::{Linear, RotaryEmbedding, check_features};

/// Multi-head attention: linear maps to queries, keys and values, [attention](dot_product_attention) for each head, and
/// a linear map of the results.
///
/// Inputs have shape (batch, sequence, features) or (sequence, features).
///
/// ```
/// use cotangent::{nn::{Attention, layers::{MultiHeadAttention, RotaryEmbedding}}, prelude::*};
/// let attention = MultiHeadAttention::builder(64, 8)
///     .key_value_heads(2)
///     .rotary(RotaryEmbedding::new(8))
///     .build(random::key(0));
/// let x = random::normal(random::key(1), [4, 10, 64]);
/// assert_eq!(attention.call(&x, &Attention::new().causal()).shape(), [4, 10, 64]);
///
/// // Generation, one position after the other:
/// let mut cache = attention.cache([4], 10);
/// for i in 0..10 {
///     let y;
///     (y, cache) = attention.decode(x.at((.., i..i + 1)).get(), &cache);
///     assert_eq!(y.shape(), [4, 1, 64]);
/// }
/// ```
#[derive(Clone, Debug, Tree)]
pub struct MultiHeadAttention {
    /// The map to queries: (features, heads · features of a head).
    pub query: Linear,
    /// The map to keys: (features, heads of keys · features of a head).
    pub key: Linear,
    /// The map to values.
    pub value: Linear,
    /// The map of the results: (heads · features of a head, features).
    pub output: Linear,
    /// The number of heads of queries.
    pub heads: usize,
    /// The number of heads of keys and values, which divides that of queries.
    pub key_value_heads: usize,
    /// The rotation of queries and keys by their positions.
    pub rotary: Option<RotaryEmbedding>,
}

/// The keys and values of the positions so far, for [`MultiHeadAttention::decode`].
///
/// ```
/// use cotangent::{nn::layers::MultiHeadAttention, random};
/// let cache = MultiHeadAttention::new(random::key(0), 64, 8).cache([4], 100);
/// assert_eq!(cache.keys.shape(), [4, 100, 8, 8]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct KvCache {
    /// The keys, of shape (…, capacity, heads of keys, features of a head).
    pub keys: Array,
    /// The values, of the same shape.
    pub values: Array,
    /// The number of positions that are filled, a scalar `i32`.
    pub length: Array,
}

impl MultiHeadAttention {
    /// Creates attention with as many heads of keys as of queries, features / heads features for each, and biases.
    ///
    /// ```
    /// use cotangent::{nn::layers::MultiHeadAttention, random};
    /// assert_eq!(MultiHeadAttention::new(random::key(0), 64, 8).query.weight.shape(), [64, 64]);
    /// ```
    ///
    /// # Panics
    /// If the heads do not divide the features.
    #[track_caller]
    pub fn new(key: Key, features: usize, heads: usize) -> MultiHeadAttention {
        MultiHeadAttention::builder(features, heads).build(key)
    }

    /// Returns a builder, for other options.
    ///
    /// ```
    /// use cotangent::{nn::layers::MultiHeadAttention, random};
    /// let attention = MultiHeadAttention::builder(64, 8).bias(false).head_features(32).build(random::key(0));
    /// assert_eq!(attention.query.weight.shape(), [64, 256]);
    /// ```
    pub fn builder(features: usize, heads: usize) -> MultiHeadAttentionBuilder {
        MultiHeadAttentionBuilder {
            features,
            heads,
            key_value_heads: heads,
            head_features: None,
            rotary: None,
            bias: true,
            weight_init: initializers::lecun_normal().into(),
            dtype: DType::F32,
        }
    }

    /// Attends from a sequence to itself.
    ///
    /// ```
    /// use cotangent::{nn::{Attention, layers::MultiHeadAttention}, prelude::*};
    /// let attention = MultiHeadAttention::new(random::key(0), 16, 4);
    /// assert_eq!(attention.call(np::ones([10, 16]), &Attention::new()).shape(), [10, 16]);
    /// ```
    ///
    /// # Panics
    /// If the input does not have two or three axes, or its last axis does not have the size `features`.
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike, options: &Attention) -> Array {
        let x = x.to_array();
        self.cross(&x, &x, options)
    }

    /// Attends from a sequence to another one, `memory`, which has the keys and values.
    ///
    /// ```
    /// use cotangent::{nn::{Attention, layers::MultiHeadAttention}, prelude::*};
    /// let attention = MultiHeadAttention::new(random::key(0), 16, 4);
    /// let y = attention.cross(np::ones([10, 16]), np::ones([30, 16]), &Attention::new());
    /// assert_eq!(y.shape(), [10, 16]);
    /// ```
    ///
    /// # Panics
    /// If an input does not have two or three axes, or its last axis does not have the size `features`.
    #[track_caller]
    pub fn cross(&self, x: impl ArrayLike, memory: impl ArrayLike, options: &Attention) -> Array {
        let (x, memory) = (x.to_array(), memory.to_array());
        self.check(&x);
        self.check(&memory);
        let (query, key, value) = (
            self.divided(&self.query, &x, self.heads),
            self.divided(&self.key, &memory, self.key_value_heads),
            self.divided(&self.value, &memory, self.key_value_heads),
        );
        let (query, key) = (self.rotated(query, None), self.rotated(key, None));
        self.joined(&dot_product_attention(query, key, value, options))
    }

    /// Returns an empty cache for sequences of up to `capacity` positions, with batch axes of this shape: `()` or
    /// `[batch]`.
    ///
    /// ```
    /// use cotangent::{nn::layers::MultiHeadAttention, random};
    /// let cache = MultiHeadAttention::new(random::key(0), 64, 8).cache((), 100);
    /// assert_eq!((cache.values.shape(), cache.length.item::<i32>()), (&[100, 8, 8][..], 0));
    /// ```
    pub fn cache(&self, batch: impl crate::array::aval::IntoShape, capacity: usize) -> KvCache {
        let mut shape = batch.into_shape().to_vec();
        shape.extend([capacity, self.key_value_heads, self.key.weight.shape()[1] / self.key_value_heads]);
        let zeros = np::zeros_as(shape, self.key.weight.dtype());
        KvCache { keys: zeros.clone(), values: zeros, length: Array::scalar(0) }
    }

    /// Attends from the next positions to all positions so far and themselves, causally. Also returns the cache with
    /// their keys and values. The capacity of the cache must not be exceeded.
    ///
    /// ```
    /// use cotangent::{nn::{Attention, layers::MultiHeadAttention}, prelude::*};
    /// let attention = MultiHeadAttention::new(random::key(0), 16, 4);
    /// let x = random::normal(random::key(1), [10, 16]);
    /// let whole = attention.call(&x, &Attention::new().causal());
    /// let (first, cache) = attention.decode(x.at(..6).get(), &attention.cache((), 10));
    /// let (second, _) = attention.decode(x.at(6..).get(), &cache);
    /// let parts = np::concatenate([first, second], 0);
    /// assert!(np::allclose_with(parts, whole, 1e-5, 1e-5, false).item::<bool>());
    /// ```
    ///
    /// # Panics
    /// If the input does not have the batch axes of the cache, or its last axis does not have the size `features`.
    #[track_caller]
    pub fn decode(&self, x: impl ArrayLike, cache: &KvCache) -> (Array, KvCache) {
        let x = x.to_array();
        self.check(&x);
        if x.ndim() + 1 != cache.keys.ndim() {
            raise(
                Error::shape(format!(
                    "MultiHeadAttention: the input {} does not fit a cache of keys {}",
                    x.aval(),
                    cache.keys.aval()
                ))
                .help("the shapes are (…, positions, features) and (…, capacity, heads, features)"),
            );
        }
        let (axis, new) = (x.ndim() - 2, x.shape()[x.ndim() - 2]);
        let positions = np::iota(DType::I32, new, 0) + &cache.length;
        let query = self.rotated(self.divided(&self.query, &x, self.heads), Some(&positions));
        let key = self.rotated(self.divided(&self.key, &x, self.key_value_heads), Some(&positions));
        let value = self.divided(&self.value, &x, self.key_value_heads);
        let put = |cache_: &Array, x: &Array| {
            lax::dynamic_update_slice_in_dim(cache_, x.astype(cache_.dtype()), &cache.length, axis as isize)
        };
        let (keys, values) = (put(&cache.keys, &key), put(&cache.values, &value));
        let capacity = keys.shape()[axis];
        let mask = positions.expand_dims(1).greater_equal(np::iota(DType::I32, capacity, 0).expand_dims(0));
        let query = query.astype(keys.dtype());
        let y = dot_product_attention(query, &keys, &values, &Attention::new().mask(mask));
        (self.joined(&y), KvCache { keys, values, length: &cache.length + new as i32 })
    }

    #[track_caller]
    fn check(&self, x: &Array) {
        let weight = &self.query.weight;
        check_features("MultiHeadAttention", x, weight.shape()[0], "weight of the query", weight.shape());
        if !(2..=3).contains(&x.ndim()) {
            raise(
                Error::shape(format!(
                    "MultiHeadAttention: expected (sequence, features) or (batch, sequence, features), got {}",
                    x.aval()
                ))
                .help("map over further batch axes with `vmap`"),
            );
        }
    }

    /// Maps (…, features) to (…, heads, features of a head).
    #[track_caller]
    fn divided(&self, map: &Linear, x: &Array, heads: usize) -> Array {
        let y = map.call(x);
        let (leading, last) = y.shape().split_at(y.ndim() - 1);
        y.reshape([leading, &[heads, last[0] / heads]].concat())
    }

    /// Maps (…, heads, features of a head) to (…, features).
    #[track_caller]
    fn joined(&self, y: &Array) -> Array {
        let (leading, last) = y.shape().split_at(y.ndim() - 2);
        self.output.call(y.reshape([leading, &[last[0] * last[1]]].concat()))
    }

    /// Rotates queries or keys by their positions: 0, 1, … unless given.
    #[track_caller]
    fn rotated(&self, x: Array, positions: Option<&Array>) -> Array {
        match (&self.rotary, positions) {
            (None, _) => x,
            (Some(rotary), Some(positions)) => rotary.call(x, positions),
            (Some(rotary), None) => {
                let sequence = x.shape()[x.ndim() - 3];
                rotary.call(x, np::iota(DType::I32, sequence, 0))
            }
        }
    }
}

/// The options of [`MultiHeadAttention`]; see [`MultiHeadAttention::builder`].
///
/// ```
/// use cotangent::{nn::layers::MultiHeadAttention, random};
/// let attention = MultiHeadAttention::builder(64, 8).key_value_heads(1).build(random::key(0));
/// assert_eq!(attention.key.weight.shape(), [64, 8]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct MultiHeadAttentionBuilder {
    features: usize,
    heads: usize,
    key_value_heads: usize,
    head_features: Option<usize>,
    rotary: Option<RotaryEmbedding>,
    bias: bool,
    weight_init: Initializer,
    dtype: DType,
}

impl MultiHeadAttentionBuilder {
    /// Sets the number of heads of keys and values, each for a group of heads of queries: as many as of queries by
    /// default.
    ///
    /// ```
    /// use cotangent::{nn::layers::MultiHeadAttention, random};
    /// let attention = MultiHeadAttention::builder(64, 8).key_value_heads(2).build(random::key(0));
    /// assert_eq!(attention.value.weight.shape(), [64, 16]);
    /// ```
    pub fn key_value_heads(mut self, heads: usize) -> MultiHeadAttentionBuilder {
        self.key_value_heads = heads;
        self
    }

    /// Sets the number of features of a head: features / heads by default.
    ///
    /// ```
    /// use cotangent::{nn::layers::MultiHeadAttention, random};
    /// let attention = MultiHeadAttention::builder(64, 8).head_features(4).build(random::key(0));
    /// assert_eq!(attention.output.weight.shape(), [32, 64]);
    /// ```
    pub fn head_features(mut self, features: usize) -> MultiHeadAttentionBuilder {
        self.head_features = Some(features);
        self
    }

    /// Rotates queries and keys by their positions.
    ///
    /// ```
    /// use cotangent::{nn::layers::{MultiHeadAttention, RotaryEmbedding}, random};
    /// let attention = MultiHeadAttention::builder(64, 8).rotary(RotaryEmbedding::new(8)).build(random::key(0));
    /// assert!(attention.rotary.is_some());
    /// ```
    pub fn rotary(mut self, rotary: RotaryEmbedding) -> MultiHeadAttentionBuilder {
        self.rotary = Some(rotary);
        self
    }

    /// Sets whether the linear maps have biases. They have by default.
    ///
    /// ```
    /// use cotangent::{nn::layers::MultiHeadAttention, random};
    /// assert!(MultiHeadAttention::builder(64, 8).bias(false).build(random::key(0)).key.bias.is_none());
    /// ```
    pub fn bias(mut self, bias: bool) -> MultiHeadAttentionBuilder {
        self.bias = bias;
        self
    }

    /// Sets the initializer of the weights: [`lecun_normal`](initializers::lecun_normal) by default.
    ///
    /// ```
    /// use cotangent::{nn::{initializers, layers::MultiHeadAttention}, random};
    /// let builder = MultiHeadAttention::builder(64, 8).weight_init(initializers::xavier_uniform());
    /// assert_eq!(builder.build(random::key(0)).query.weight.shape(), [64, 64]);
    /// ```
    pub fn weight_init(mut self, init: impl Into<Initializer>) -> MultiHeadAttentionBuilder {
        self.weight_init = init.into();
        self
    }

    /// Sets the dtype of the parameters: `f32` by default.
    ///
    /// ```
    /// use cotangent::{DType, nn::layers::MultiHeadAttention, random};
    /// let attention = MultiHeadAttention::builder(64, 8).dtype(DType::BF16).build(random::key(0));
    /// assert_eq!(attention.query.weight.dtype(), DType::BF16);
    /// ```
    pub fn dtype(mut self, dtype: DType) -> MultiHeadAttentionBuilder {
        self.dtype = dtype;
        self
    }

    /// Draws the parameters.
    ///
    /// ```
    /// use cotangent::{nn::layers::MultiHeadAttention, random};
    /// assert_eq!(MultiHeadAttention::builder(64, 8).build(random::key(0)).heads, 8);
    /// ```
    ///
    /// # Panics
    /// If the heads of keys do not divide those of queries, or the heads do not divide the features and
    /// [`head_features`](Self::head_features) are not set.
    #[track_caller]
    pub fn build(&self, key: Key) -> MultiHeadAttention {
        let (features, heads, key_value_heads) = (self.features, self.heads, self.key_value_heads);
        if key_value_heads == 0 || heads == 0 || !heads.is_multiple_of(key_value_heads) {
            raise(Error::value(format!(
                "MultiHeadAttention: {key_value_heads} heads of keys do not divide {heads} heads of queries"
            )));
        }
        if self.head_features.is_none() && !features.is_multiple_of(heads) {
            raise(
                Error::value(format!("MultiHeadAttention: {heads} heads do not divide {features} features"))
                    .help("set the features of a head with `.head_features(…)`"),
            );
        }
        let size = self.head_features.unwrap_or(features / heads);
        let [q, k, v, o] = key.split();
        let linear = |key, inputs, outputs| {
            let linear = Linear::builder(inputs, outputs).bias(self.bias).weight_init(self.weight_init.clone());
            linear.dtype(self.dtype).build(key)
        };
        MultiHeadAttention {
            query: linear(q, features, heads * size),
            key: linear(k, features, key_value_heads * size),
            value: linear(v, features, key_value_heads * size),
            output: linear(o, heads * size, features),
            heads,
            key_value_heads,
            rotary: self.rotary.clone(),
        }
    }
}
