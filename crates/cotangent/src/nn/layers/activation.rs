//! Activations as values.

use std::fmt;

use cotangent_derive::Tree;

use crate::array::{Array, ArrayLike};
use crate::nn;

/// A function of arrays without captures, compared by its address. See [`Activation::function`].
///
/// ```
/// use cotangent::nn::layers::{Activation, Function};
/// let sine = Function(|x| x.sin());
/// assert_ne!(Activation::Function(sine), Activation::Relu);
/// ```
#[derive(Clone, Copy)]
pub struct Function(pub fn(&Array) -> Array);

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for Function {}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fn(&Array) -> Array")
    }
}

macro_rules! activations {
    ($($Name:ident $name:ident),*) => {
        /// An activation as a value: a layer without parameters, for [`Sequential`](super::Sequential) and as an option
        /// of other layers.
        ///
        /// ```
        /// use cotangent::{Array, nn::layers::Activation};
        /// assert_eq!(Activation::Relu.call(Array::from([-1.0f32, 2.0])).to_vec::<f32>(), [0.0, 2.0]);
        /// let sine = Activation::function(|x| x.sin());
        /// assert_eq!(sine.call(0.0).item::<f32>(), 0.0);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Tree)]
        pub enum Activation {
            $(
                #[doc = concat!("[`", stringify!($name), "`](crate::nn::", stringify!($name), "()).")]
                $Name,
            )*
            /// A function of the user's own.
            Function(#[tree(static)] Function),
        }

        impl Activation {
            /// Applies the activation.
            ///
            /// ```
            /// use cotangent::nn::layers::Activation;
            /// assert_eq!(Activation::Tanh.call(0.0).item::<f32>(), 0.0);
            /// ```
            #[track_caller]
            pub fn call(self, x: impl ArrayLike) -> Array {
                match self {
                    $(Activation::$Name => nn::$name(x),)*
                    Activation::Function(Function(f)) => f(&x.to_array()),
                }
            }
        }
    };
}

activations! {
    Identity identity, Relu relu, Relu6 relu6, Sigmoid sigmoid, LogSigmoid log_sigmoid, Softplus softplus,
    SoftSign soft_sign, SparsePlus sparse_plus, SparseSigmoid sparse_sigmoid, Squareplus squareplus, Tanh tanh,
    Silu silu, Mish mish, Elu elu, Celu celu, Selu selu, Gelu gelu, GeluExact gelu_exact, LeakyRelu leaky_relu,
    HardTanh hard_tanh, HardSigmoid hard_sigmoid, HardSilu hard_silu
}

impl Activation {
    /// Makes an activation of a function without captures.
    ///
    /// ```
    /// use cotangent::nn::{self, layers::Activation};
    /// let leaky = Activation::function(|x| nn::leaky_relu_with(x, 0.2));
    /// assert_eq!(leaky.call(-1.0).item::<f32>(), -0.2);
    /// ```
    #[must_use]
    pub fn function(f: fn(&Array) -> Array) -> Activation {
        Activation::Function(Function(f))
    }
}
