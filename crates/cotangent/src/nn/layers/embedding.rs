//! Vectors for the elements of a vocabulary.

use cotangent_derive::Tree;

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::nn::initializers::{Distribution, Fan, Initializer, variance_scaling};
use crate::numpy as np;
use crate::random::Key;

use super::check_features;

/// A table of vectors, for indices of any shape (…) and a result of shape (…, features).
///
/// ```
/// use cotangent::{nn::layers::Embedding, prelude::*};
/// let embedding = Embedding::new(random::key(0), 1000, 64);
/// let x = embedding.call(Array::from([[3, 1, 4], [1, 5, 9]]));
/// assert_eq!(x.shape(), [2, 3, 64]);
/// // The same table, transposed, maps features to logits.
/// assert_eq!(embedding.attend(&x).shape(), [2, 3, 1000]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct Embedding {
    /// The vectors, of shape (vocabulary, features).
    pub weight: Array,
}

impl Embedding {
    /// Creates a table of normal numbers of variance 1 / features, as Flax does.
    ///
    /// ```
    /// use cotangent::{nn::layers::Embedding, random};
    /// assert_eq!(Embedding::new(random::key(0), 10, 4).weight.shape(), [10, 4]);
    /// ```
    #[track_caller]
    pub fn new(key: Key, vocabulary: usize, features: usize) -> Embedding {
        let init = variance_scaling(1.0, Fan::In, Distribution::Normal).in_axis(1).out_axis(0);
        Embedding::with_init(key, vocabulary, features, init)
    }

    /// Creates a table by another initializer.
    ///
    /// ```
    /// use cotangent::{nn::{initializers, layers::Embedding}, random};
    /// let table = Embedding::with_init(random::key(0), 10, 4, initializers::normal(0.02));
    /// assert_eq!(table.weight.shape(), [10, 4]);
    /// ```
    #[track_caller]
    pub fn with_init(key: Key, vocabulary: usize, features: usize, init: impl Into<Initializer>) -> Embedding {
        Embedding { weight: init.into().init(key, [vocabulary, features]) }
    }

    /// Returns the vectors of these indices. As with [`take`](np::take), a negative index counts from the end, and one
    /// out of bounds gives NaN.
    ///
    /// ```
    /// use cotangent::{nn::layers::Embedding, random};
    /// assert_eq!(Embedding::new(random::key(0), 10, 4).call([7, 7, 0]).shape(), [3, 4]);
    /// ```
    ///
    /// # Panics
    /// If the indices are not integers.
    #[track_caller]
    pub fn call(&self, indices: impl ArrayLike) -> Array {
        let indices = indices.to_array();
        if !indices.dtype().is_integer() {
            raise(Error::dtype(format!("Embedding: the indices must be integers, got {}", indices.aval())));
        }
        np::take_axis(&self.weight, indices, 0)
    }

    /// Returns the products of the input, of shape (…, features), with all vectors: logits of shape (…, vocabulary).
    ///
    /// ```
    /// use cotangent::{nn::layers::Embedding, prelude::*};
    /// assert_eq!(Embedding::new(random::key(0), 10, 4).attend(np::ones([2, 4])).shape(), [2, 10]);
    /// ```
    ///
    /// # Panics
    /// If the last axis of the input does not have the size `features`.
    #[track_caller]
    pub fn attend(&self, x: impl ArrayLike) -> Array {
        let x = x.to_array();
        check_features("Embedding", &x, self.weight.shape()[1], "weight", self.weight.shape());
        x.dot(self.weight.t())
    }
}
