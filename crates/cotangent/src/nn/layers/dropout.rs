//! Dropout, and keys that may be absent.

use cotangent_derive::Tree;

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::numpy::{where_, zeros_like};
use crate::random::{self, Key};

/// Sets elements to zero with a probability, and divides the others by the probability that they are kept
/// ([source](https://jmlr.org/papers/v15/srivastava14a.html)).
///
/// With a key, elements are dropped; without one, the input is returned. So a model has one function for both, which
/// passes its `Option<Key>` on; [`split_key`] divides it.
///
/// ```
/// use cotangent::{nn::layers::Dropout, prelude::*};
/// let dropout = Dropout::new(0.5);
/// let x = np::ones(1000);
/// let y = dropout.call(&x, Some(random::key(0)));
/// assert!(y.to_vec::<f32>().iter().all(|y| *y == 0.0 || *y == 2.0));
/// assert_eq!(dropout.call(&x, None).to_vec::<f32>(), [1.0; 1000]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct Dropout {
    /// The probability of zero.
    pub rate: f64,
    /// Axes along which all elements share one decision.
    pub broadcast: Vec<usize>,
}

impl Dropout {
    /// Creates a layer that drops elements with this probability.
    ///
    /// ```
    /// assert_eq!(cotangent::nn::layers::Dropout::new(0.1).rate, 0.1);
    /// ```
    ///
    /// # Panics
    /// If the probability is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn new(rate: f64) -> Dropout {
        if !(0.0..=1.0).contains(&rate) {
            raise(Error::value(format!("Dropout: the rate must be a probability between 0 and 1, got {rate}")));
        }
        Dropout { rate, broadcast: Vec::new() }
    }

    /// Sets axes along which all elements are dropped or kept together.
    ///
    /// ```
    /// use cotangent::{nn::layers::Dropout, prelude::*};
    /// // Whole channels of (batch, height, width, channels).
    /// let dropout = Dropout::new(0.5).broadcast([1, 2]);
    /// assert_eq!(dropout.call(np::ones([2, 4, 4, 3]), Some(random::key(0))).shape(), [2, 4, 4, 3]);
    /// ```
    #[must_use]
    pub fn broadcast(mut self, axes: impl IntoIterator<Item = usize>) -> Dropout {
        self.broadcast = axes.into_iter().collect();
        self
    }

    /// Drops elements of an input of any shape, or returns it if there is no key.
    ///
    /// ```
    /// use cotangent::{nn::layers::Dropout, prelude::*};
    /// assert_eq!(Dropout::new(1.0).call(np::ones(2), Some(random::key(0))).to_vec::<f32>(), [0.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike, key: Option<Key>) -> Array {
        let x = x.to_array();
        let Some(key) = key.filter(|_| self.rate > 0.0) else { return x };
        let x = x.to_inexact();
        if self.rate >= 1.0 {
            return zeros_like(x);
        }
        let keep = 1.0 - self.rate;
        let decisions: Vec<usize> =
            (x.shape().iter().enumerate()).map(|(d, n)| if self.broadcast.contains(&d) { 1 } else { *n }).collect();
        let mask = random::bernoulli(key, keep, decisions).broadcast_to(x.shape());
        where_(mask, &x / keep, 0.0)
    }
}

/// Splits a key that may be absent: `None` gives `None`.
///
/// ```
/// use cotangent::{nn::layers::{Dropout, split_key}, prelude::*};
/// fn twice(x: &Array, key: Option<Key>) -> Array {
///     let [a, b] = split_key(key);
///     let dropout = Dropout::new(0.5);
///     dropout.call(dropout.call(x, a), b)
/// }
/// assert_eq!(twice(&np::ones(2), None).to_vec::<f32>(), [1.0, 1.0]);
/// ```
#[track_caller]
pub fn split_key<const N: usize>(key: Option<Key>) -> [Option<Key>; N] {
    match key {
        Some(key) => key.split::<N>().map(Some),
        None => std::array::from_fn(|_| None),
    }
}
