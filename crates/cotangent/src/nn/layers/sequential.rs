//! Layers in sequence.

use cotangent_derive::Tree;

use crate::array::{Array, ArrayLike};
use crate::random::{self, Key};
use crate::tree::Tree;

use super::{
    Activation, AvgPool, Conv, ConvTranspose, Dropout, Embedding, GroupNorm, InstanceNorm, LayerNorm, Linear, MaxPool,
    Mlp, RmsNorm,
};

/// A layer of one input and one output, so that layers can follow each other in a [`Sequential`].
///
/// Implement it for layers of your own, and for an enum of layers, so that a `Vec` holds different ones:
///
/// ```
/// use cotangent::{nn::layers::*, prelude::*};
///
/// #[derive(Clone, Tree)]
/// enum Block {
///     Linear(Linear),
///     Norm(LayerNorm),
///     Activation(Activation),
/// }
///
/// impl Layer for Block {
///     fn apply(&self, x: &Array, key: Option<Key>) -> Array {
///         match self {
///             Block::Linear(layer) => layer.apply(x, key),
///             Block::Norm(layer) => layer.apply(x, key),
///             Block::Activation(layer) => layer.apply(x, key),
///         }
///     }
/// }
///
/// let blocks = vec![
///     Block::Linear(Linear::new(random::key(0), 3, 4)),
///     Block::Norm(LayerNorm::new(4)),
///     Block::Activation(Activation::Relu),
/// ];
/// assert_eq!(Sequential(blocks).call(np::ones([2, 3])).shape(), [2, 4]);
/// ```
pub trait Layer: Tree {
    /// Applies the layer. With a key, layers that draw random numbers do so; without one, this is inference.
    fn apply(&self, x: &Array, key: Option<Key>) -> Array;
}

macro_rules! layers {
    ($($T:ty),*) => { $(
        impl Layer for $T {
            #[track_caller]
            fn apply(&self, x: &Array, _: Option<Key>) -> Array {
                self.call(x)
            }
        }
    )* };
}

layers! {
    Activation, AvgPool, Conv, ConvTranspose, Embedding, GroupNorm, InstanceNorm, LayerNorm, Linear, MaxPool, Mlp,
    RmsNorm
}

impl Layer for Dropout {
    #[track_caller]
    fn apply(&self, x: &Array, key: Option<Key>) -> Array {
        self.call(x, key)
    }
}

impl<L: Layer> Layer for Box<L> {
    #[track_caller]
    fn apply(&self, x: &Array, key: Option<Key>) -> Array {
        (**self).apply(x, key)
    }
}

/// A layer that may be absent: without it, the input is returned.
impl<L: Layer> Layer for Option<L> {
    #[track_caller]
    fn apply(&self, x: &Array, key: Option<Key>) -> Array {
        match self {
            Some(layer) => layer.apply(x, key),
            None => x.clone(),
        }
    }
}

/// Layers in sequence, each with a key of its own.
impl<L: Layer> Layer for Vec<L> {
    #[track_caller]
    fn apply(&self, x: &Array, key: Option<Key>) -> Array {
        let mut keys = key.map(|key| random::split(key, self.len()).into_iter());
        let mut x = x.clone();
        for layer in self {
            x = layer.apply(&x, keys.as_mut().and_then(Iterator::next));
        }
        x
    }
}

macro_rules! tuples {
    ($($n:literal: $($L:ident $i:tt),+;)*) => { $(
        impl<$($L: Layer),+> Layer for ($($L,)+) {
            #[track_caller]
            fn apply(&self, x: &Array, key: Option<Key>) -> Array {
                let mut keys = key.map(|key| random::split(key, $n).into_iter());
                let mut x = x.clone();
                $(x = self.$i.apply(&x, keys.as_mut().and_then(Iterator::next));)+
                x
            }
        }
    )* };
}

tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}

/// Layers in sequence: a tuple of up to eight layers of any types, or a `Vec` of layers of one type. Each may itself be
/// a tuple.
///
/// ```
/// use cotangent::{nn::layers::*, prelude::*};
/// let [a, b] = random::key(0).split();
/// let network = Sequential((
///     Linear::new(a, 784, 128),
///     Activation::Relu,
///     Dropout::new(0.1),
///     Linear::new(b, 128, 10),
/// ));
/// let x = np::ones([8, 784]);
/// assert_eq!(network.call(&x).shape(), [8, 10]); // inference
/// assert_eq!(network.call_with_key(&x, random::key(1)).shape(), [8, 10]); // with dropout
///
/// let loss = |network: &Sequential<_>, x: &Array| network.call(x).square().mean();
/// let gradients = grad(loss)(&network, &x);
/// assert_eq!(gradients.0.0.weight.shape(), [784, 128]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct Sequential<L>(pub L);

impl<L: Layer> Sequential<L> {
    /// Applies the layers for inference.
    ///
    /// ```
    /// use cotangent::{nn::layers::*, prelude::*};
    /// let layers = Sequential((Linear::new(random::key(0), 3, 4), Activation::Tanh));
    /// assert_eq!(layers.call(np::ones(3)).shape(), [4]);
    /// ```
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike) -> Array {
        self.0.apply(&x.to_array(), None)
    }

    /// Applies the layers for training: those that draw random numbers use keys that are split from this one.
    ///
    /// ```
    /// use cotangent::{nn::layers::*, prelude::*};
    /// let layers = Sequential((Dropout::new(1.0), Activation::Relu));
    /// assert_eq!(layers.call_with_key(np::ones(2), random::key(0)).to_vec::<f32>(), [0.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn call_with_key(&self, x: impl ArrayLike, key: Key) -> Array {
        self.0.apply(&x.to_array(), Some(key))
    }
}

impl<L: Layer> Layer for Sequential<L> {
    #[track_caller]
    fn apply(&self, x: &Array, key: Option<Key>) -> Array {
        self.0.apply(x, key)
    }
}
