//! The options of attention.

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};

use super::logits::Sizes;

/// How attention is computed. The results are the same, up to rounding.
///
/// ```
/// use cotangent::{nn::{self, Attention, Implementation}, prelude::*};
/// let x = random::normal(random::key(0), [1, 10, 2, 4]);
/// let by = |how| nn::dot_product_attention(&x, &x, &x, &Attention::new().causal().implementation(how));
/// assert!(np::allclose(by(Implementation::Blockwise), by(Implementation::Xla)).item::<bool>());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Implementation {
    /// In blocks if the sequences are long, as a whole if they are short.
    #[default]
    Auto,
    /// As a whole: the logits of all queries and keys are in memory. JAX's `implementation="xla"`.
    Xla,
    /// In blocks of keys, one after the other: memory is linear in the lengths. Derivatives compute the weights again.
    Blockwise,
    /// By cuDNN on an NVIDIA GPU of compute capability 8.0 or more, and as a whole on the CPU. JAX's
    /// `implementation="cudnn"`.
    ///
    /// Query, key and value are `f16` or `bf16`, with a multiple of 8 features of at most 256. A window must have no
    /// keys after the query. With a bias or a mask, the lengths must be even. There is reverse mode, of first order.
    Cudnn,
}

/// The options of [`dot_product_attention`](super::dot_product_attention).
///
/// ```
/// use cotangent::{nn::Attention, prelude::*};
/// let options = Attention::new().causal().window(128, 0).scale(0.125);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until they are used"]
pub struct Attention {
    pub(super) bias: Option<Array>,
    pub(super) mask: Option<Array>,
    pub(super) scale: Option<f64>,
    pub(super) causal: bool,
    pub(super) window: Option<(usize, usize)>,
    pub(super) query_lengths: Option<Array>,
    pub(super) key_value_lengths: Option<Array>,
    pub(super) implementation: Implementation,
}

impl Attention {
    /// Creates the default options: every query attends to every key, and the scale is 1 / √features.
    ///
    /// ```
    /// let options = cotangent::nn::Attention::new();
    /// # let _ = options;
    /// ```
    pub fn new() -> Attention {
        Attention::default()
    }

    /// Adds an array to the logits. Its shape must broadcast to (B, N, T, S); missing leading axes are added.
    ///
    /// ```
    /// use cotangent::{nn::{self, Attention}, prelude::*};
    /// let x = np::ones([1, 3, 2, 4]);
    /// let y = nn::dot_product_attention(&x, &x, &x, &Attention::new().bias(np::zeros([3, 3])));
    /// assert_eq!(y.shape(), [1, 3, 2, 4]);
    /// ```
    pub fn bias(mut self, bias: impl ArrayLike) -> Attention {
        self.bias = Some(bias.to_array());
        self
    }

    /// Restricts attention to the pairs of query and key for which a boolean array is true. Its shape must broadcast to
    /// (B, N, T, S); missing leading axes are added. A query that may attend to no key gets the mean of all values, as
    /// in JAX.
    ///
    /// ```
    /// use cotangent::{nn::{self, Attention}, prelude::*};
    /// let x = np::ones([1, 3, 2, 4]);
    /// let first_only = Attention::new().mask(Array::from([[true, false, false]]));
    /// assert_eq!(nn::dot_product_attention(&x, &x, &x, &first_only).shape(), [1, 3, 2, 4]);
    /// ```
    pub fn mask(mut self, mask: impl ArrayLike) -> Attention {
        self.mask = Some(mask.to_array());
        self
    }

    /// Sets the factor of the products: 1 / √features by default.
    ///
    /// ```
    /// let options = cotangent::nn::Attention::new().scale(1.0);
    /// # let _ = options;
    /// ```
    pub fn scale(mut self, scale: f64) -> Attention {
        self.scale = Some(scale);
        self
    }

    /// Restricts each query to the keys up to its own position.
    ///
    /// ```
    /// use cotangent::{nn::{self, Attention}, prelude::*};
    /// let x = random::normal(random::key(0), [1, 3, 2, 4]);
    /// let y = nn::dot_product_attention(&x, &x, &x, &Attention::new().causal());
    /// assert!(np::allclose(y.at((0, 0)).get(), x.at((0, 0)).get()).item::<bool>());
    /// ```
    pub fn causal(mut self) -> Attention {
        self.causal = true;
        self
    }

    /// Restricts each query to the keys in a window around its own position: `left` before it and `right` after it.
    /// JAX's `local_window_size`.
    ///
    /// ```
    /// use cotangent::{nn::{self, Attention}, prelude::*};
    /// let x = random::normal(random::key(0), [1, 3, 2, 4]);
    /// let y = nn::dot_product_attention(&x, &x, &x, &Attention::new().window(0, 0));
    /// assert!(np::allclose(y, &x).item::<bool>());
    /// ```
    pub fn window(mut self, left: usize, right: usize) -> Attention {
        self.window = Some((left, right));
        self
    }

    /// Sets the number of queries of each sequence in the batch, `i32[B]`. Results beyond it are zero.
    ///
    /// ```
    /// use cotangent::{nn::{self, Attention}, prelude::*};
    /// let x = np::ones([2, 3, 1, 4]);
    /// let y = nn::dot_product_attention(&x, &x, &x, &Attention::new().query_lengths([3, 2]));
    /// assert_eq!(y.at((1, 2, 0)).get().to_vec::<f32>(), [0.0; 4]);
    /// ```
    pub fn query_lengths(mut self, lengths: impl ArrayLike) -> Attention {
        self.query_lengths = Some(lengths.to_array());
        self
    }

    /// Sets the number of keys of each sequence in the batch, `i32[B]`. Keys beyond it are ignored.
    ///
    /// ```
    /// use cotangent::{nn::{self, Attention}, prelude::*};
    /// let x = random::normal(random::key(0), [1, 3, 1, 4]);
    /// let y = nn::dot_product_attention(&x, &x, &x, &Attention::new().key_value_lengths([1]));
    /// assert!(np::allclose(y.at((0, 2)).get(), x.at((0, 0)).get()).item::<bool>());
    /// ```
    pub fn key_value_lengths(mut self, lengths: impl ArrayLike) -> Attention {
        self.key_value_lengths = Some(lengths.to_array());
        self
    }

    /// Sets how attention is computed.
    ///
    /// ```
    /// use cotangent::nn::{Attention, Implementation};
    /// let options = Attention::new().implementation(Implementation::Blockwise);
    /// # let _ = options;
    /// ```
    pub fn implementation(mut self, implementation: Implementation) -> Attention {
        self.implementation = implementation;
        self
    }

    /// The arrays among the options, in the order that [`with_arrays`](Attention::with_arrays) takes them.
    pub(super) fn arrays(&self) -> impl Iterator<Item = Array> {
        [&self.bias, &self.mask, &self.query_lengths, &self.key_value_lengths].into_iter().flatten().cloned()
    }

    /// The options with other arrays.
    pub(super) fn with_arrays(&self, arrays: &[Array]) -> Attention {
        let mut options = self.clone();
        let mut arrays = arrays.iter();
        for option in [&mut options.bias, &mut options.mask, &mut options.query_lengths, &mut options.key_value_lengths]
        {
            if option.is_some() {
                *option = arrays.next().cloned();
            }
        }
        options
    }

    /// Checks the arrays among the options.
    #[track_caller]
    pub(super) fn check(&self, sizes: &Sizes) {
        let full = [sizes.b, sizes.k * sizes.g, sizes.t, sizes.s];
        for (name, x) in [("bias", &self.bias), ("mask", &self.mask)] {
            let Some(x) = x else { continue };
            let fits = x.ndim() <= 4 && (x.shape().iter().rev().zip(full.iter().rev())).all(|(n, m)| *n == 1 || n == m);
            if !fits {
                raise(
                    Error::shape(format!(
                        "dot_product_attention: the {name} {} does not broadcast to {full:?}",
                        x.aval()
                    ))
                    .help("the shape is (batch, heads, queries, keys)"),
                );
            }
        }
        if let Some(mask) = self.mask.as_ref().filter(|mask| mask.dtype() != DType::Bool) {
            raise(
                Error::dtype(format!("dot_product_attention: the mask must be boolean, got {}", mask.aval()))
                    .help("pass numbers that are added to the logits as `bias`"),
            );
        }
        for (name, x) in [("query_lengths", &self.query_lengths), ("key_value_lengths", &self.key_value_lengths)] {
            if let Some(x) = x.as_ref().filter(|x| !x.dtype().is_integer() || x.shape() != [sizes.b]) {
                raise(Error::shape(format!(
                    "dot_product_attention: the {name} must be integers of shape [{}], one for each sequence, got {}",
                    sizes.b,
                    x.aval()
                )));
            }
        }
    }
}
