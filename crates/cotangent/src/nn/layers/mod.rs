//! Layers: structs of parameters, and functions that apply them.
//!
//! # Rules
//!
//! * A layer is a struct with public fields and `#[derive(Tree)]`: its arrays are its parameters, everything else is
//!   static. `grad` returns a layer of gradients, an optimizer maps over it, and a file stores it like any tree.
//! * `Linear::new(key, inputs, outputs)` draws the parameters. `Linear::builder(inputs, outputs)` has options, such as
//!   the dtype or another initializer, and `build(key)` draws. A layer without random parameters has neither key nor
//!   builder: `LayerNorm::new(64).epsilon(1e-5)`.
//! * `layer.call(x)` computes the output. Features are the last axis, so that weights are (inputs, outputs), kernels
//!   (spatial dimensions, inputs, outputs), and images (height, width, channels), as in Flax. All axes before those
//!   that a layer works on are batch axes; there may be none. `vmap` works as well.
//! * A layer that draws random numbers takes an `Option<Key>`. `None` means inference: [`Dropout`] returns its input.
//! * State is a value. [`BatchNorm::train`] returns new statistics, and [`BatchNorm::call`] uses old ones.
//!
//! ```
//! use cotangent::{nn::{self, layers::*}, prelude::*};
//!
//! #[derive(Clone, Tree)]
//! struct Classifier {
//!     conv: Conv,
//!     norm: BatchNorm,
//!     dropout: Dropout,
//!     head: Linear,
//! }
//!
//! impl Classifier {
//!     fn new(key: Key) -> Classifier {
//!         let [a, b] = key.split();
//!         Classifier {
//!             conv: Conv::builder(1, 8, [3, 3]).strides([2, 2]).build(a),
//!             norm: BatchNorm::new(8),
//!             dropout: Dropout::new(0.5),
//!             head: Linear::new(b, 8, 10),
//!         }
//!     }
//!
//!     fn train(&self, images: &Array, stats: &BatchStats, key: Key) -> (Array, BatchStats) {
//!         let (x, stats) = self.norm.train(self.conv.call(images), stats);
//!         let features = nn::relu(x).mean_axis([1, 2]);
//!         (self.head.call(self.dropout.call(features, Some(key))), stats)
//!     }
//! }
//!
//! let model = Classifier::new(random::key(0));
//! let stats = model.norm.stats();
//! let (logits, stats) = model.train(&np::ones([4, 28, 28, 1]), &stats, random::key(1));
//! assert_eq!((logits.shape(), stats.mean.shape()), (&[4, 10][..], &[8][..]));
//! ```

mod activation;
mod attention;
mod batch_norm;
mod cells;
mod constrained;
mod conv;
mod dropout;
mod embedding;
mod linear;
mod mlp;
mod norm;
mod pool;
mod positions;
mod sequential;

pub use activation::{Activation, Function};
pub use attention::{KvCache, MultiHeadAttention, MultiHeadAttentionBuilder};
pub use batch_norm::{BatchNorm, BatchStats};
pub use cells::{Cell, GruCell, LstmCell, LstmState, RnnCell};
pub use constrained::{SpectralNorm, WeightNorm};
pub use conv::{Conv, ConvBuilder, ConvTranspose, ConvTransposeBuilder};
pub use dropout::{Dropout, split_key};
pub use embedding::Embedding;
pub use linear::{Linear, LinearBuilder};
pub use mlp::{Mlp, MlpBuilder};
pub use norm::{GroupNorm, InstanceNorm, LayerNorm, RmsNorm};
pub use pool::{AvgPool, MaxPool};
pub use positions::{RotaryEmbedding, sinusoidal_positions};
pub use sequential::{Layer, Sequential};

use crate::array::Array;
use crate::array::dtype::DType;
use crate::array::promote::promote_types;
use crate::error::{Error, raise};

/// Checks that the last axis of an input has the size that a parameter needs.
#[track_caller]
fn check_features(layer: &str, x: &Array, features: usize, parameter: &str, shape: &[usize]) {
    if x.shape().last() != Some(&features) {
        let shape = crate::array::aval::Shape::new(shape);
        raise(
            Error::shape(format!(
                "{layer}: the last axis of the input must have {features} features, got {}; the {parameter} has shape \
                 {shape}",
                x.aval()
            ))
            .help("features are the last axis; the axes before it are batch axes"),
        );
    }
}

/// Returns the dtype of a result that is computed from these arrays.
fn result_dtype<'a>(arrays: impl IntoIterator<Item = &'a Array>) -> DType {
    let mut types = arrays.into_iter().map(|x| (x.dtype(), x.weak_type()));
    let first = types.next().unwrap_or((DType::F32, true));
    let (dtype, _) = types.fold(first, promote_types);
    if dtype.is_inexact() { dtype } else { DType::F32 }
}

/// Defines the setters that builders share.
macro_rules! builder_setters {
    ($Builder:ident, $weight:ident, $weight_init:ident, $example:literal) => {
        impl $Builder {
            /// Sets whether there is a bias. There is one by default.
            #[doc = concat!("\n```\nuse cotangent::{nn::layers::*, random};\nlet layer = ", $example, ".bias(false).build(random::key(0));\nassert!(layer.bias.is_none());\n```")]
            pub fn bias(mut self, bias: bool) -> $Builder {
                self.bias = bias;
                self
            }

            /// Sets the initializer of the weights:
            /// [`lecun_normal`](crate::nn::initializers::lecun_normal) by default.
            #[doc = concat!("\n```\nuse cotangent::{nn::{initializers, layers::*}, random};\nlet layer = ", $example, ".", stringify!($weight_init), "(initializers::ones()).build(random::key(0));\nassert_eq!(layer.", stringify!($weight), ".max().item::<f32>(), 1.0);\n```")]
            pub fn $weight_init(mut self, init: impl Into<Initializer>) -> $Builder {
                self.$weight_init = init.into();
                self
            }

            /// Sets the initializer of the bias: zeros by default.
            #[doc = concat!("\n```\nuse cotangent::{nn::{initializers, layers::*}, random};\nlet layer = ", $example, ".bias_init(initializers::ones()).build(random::key(0));\nassert!(layer.bias.is_some());\n```")]
            pub fn bias_init(mut self, init: impl Into<Initializer>) -> $Builder {
                self.bias_init = init.into();
                self
            }

            /// Sets the dtype of the parameters: `f32` by default.
            #[doc = concat!("\n```\nuse cotangent::{DType, nn::layers::*, random};\nlet layer = ", $example, ".dtype(DType::BF16).build(random::key(0));\nassert_eq!(layer.", stringify!($weight), ".dtype(), DType::BF16);\n```")]
            pub fn dtype(mut self, dtype: DType) -> $Builder {
                self.dtype = dtype;
                self
            }
        }
    };
}
use builder_setters;
