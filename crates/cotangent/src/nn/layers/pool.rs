//! Pooling over windows.

use cotangent_derive::Tree;

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::{self, Padding};
use crate::numpy::ones_as;

use super::conv::batched;

/// Defines a pooling layer.
macro_rules! pools {
    ($($(#[$doc:meta])* $Pool:ident: $f:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, Tree)]
        pub struct $Pool {
            /// The size of a window, for each spatial dimension.
            pub window: Vec<usize>,
            /// The distance between windows, for each spatial dimension.
            pub strides: Vec<usize>,
            /// The padding of the spatial dimensions.
            #[tree(static)]
            pub padding: Padding,
        }

        impl $Pool {
            /// Creates a layer with windows of this size at this distance, without padding.
            #[doc = concat!("\n```\nuse cotangent::{nn::layers::", stringify!($Pool), ", numpy as np};\nassert_eq!(", stringify!($Pool), "::new([2], [2]).call(np::ones([8, 3])).shape(), [4, 3]);\n```")]
            pub fn new(
                window: impl IntoIterator<Item = usize>,
                strides: impl IntoIterator<Item = usize>,
            ) -> $Pool {
                let (window, strides) = (window.into_iter().collect(), strides.into_iter().collect());
                $Pool { window, strides, padding: Padding::Valid }
            }

            /// Sets the padding.
            #[doc = concat!("\n```\nuse cotangent::{lax::Padding, nn::layers::", stringify!($Pool), ", numpy as np};\nlet pool = ", stringify!($Pool), "::new([3], [1]).padding(Padding::Same);\nassert_eq!(pool.call(np::ones([8, 3])).shape(), [8, 3]);\n```")]
            #[must_use]
            pub fn padding(mut self, padding: impl Into<Padding>) -> $Pool {
                self.padding = padding.into();
                self
            }

            /// Applies the layer to an input of shape (…, spatial dimensions, features).
            #[doc = concat!("\n```\nuse cotangent::{nn::layers::", stringify!($Pool), ", numpy as np};\nlet y = ", stringify!($Pool), "::new([2, 2], [2, 2]).call(np::ones([4, 8, 8, 3]));\nassert_eq!((y.shape(), y.min().item::<f32>()), (&[4, 4, 4, 3][..], 1.0));\n```")]
            ///
            /// # Panics
            /// If the input has too few axes, or the window has none or more than three spatial dimensions.
            #[track_caller]
            pub fn call(&self, x: impl ArrayLike) -> Array {
                let x = x.to_array();
                batched(stringify!($Pool), &x, self.window.len(), |x| self.pool(x))
            }

            #[track_caller]
            fn pool(&self, x: &Array) -> Array {
                macro_rules! sized {
                    ($n:literal) => {{
                        let list = |list: &[usize]| std::array::from_fn::<usize, $n, _>(|i| list[i]);
                        lax::$f(x, list(&self.window), list(&self.strides), self.padding.clone())
                    }};
                }
                match (self.window.len(), self.strides.len()) {
                    (1, 1) => sized!(1),
                    (2, 2) => sized!(2),
                    (3, 3) => sized!(3),
                    _ => raise(
                        Error::shape(format!(
                            "{}: a window of {:?} with strides of {:?}",
                            stringify!($Pool),
                            self.window,
                            self.strides
                        ))
                        .help("pass an entry of each for one, two or three spatial dimensions"),
                    ),
                }
            }
        }
    )* };
}

pools! {
    /// The maximum of each window, for an input of shape (…, spatial dimensions, features). Padding is ignored.
    ///
    /// ```
    /// use cotangent::{Array, nn::layers::MaxPool};
    /// let y = MaxPool::new([2], [2]).call(Array::from([[1.0f32], [3.0], [2.0], [0.0]]));
    /// assert_eq!(y.to_vec::<f32>(), [3.0, 2.0]);
    /// ```
    MaxPool: max_pool;
    /// The mean of each window, for an input of shape (…, spatial dimensions, features). Padding counts as zeros.
    ///
    /// ```
    /// use cotangent::{Array, nn::layers::AvgPool};
    /// let y = AvgPool::new([2], [2]).call(Array::from([[1.0f32], [3.0], [2.0], [0.0]]));
    /// assert_eq!(y.to_vec::<f32>(), [2.0, 1.0]);
    /// ```
    AvgPool: avg_pool;
}

impl AvgPool {
    /// Applies the layer without the padding: each mean is that of the elements that exist.
    ///
    /// ```
    /// use cotangent::{lax::Padding, nn::layers::AvgPool, numpy as np};
    /// let pool = AvgPool::new([3], [1]).padding(Padding::Same);
    /// assert_eq!(pool.call_without_padding(np::ones([4, 1])).to_vec::<f32>(), [1.0; 4]);
    /// ```
    ///
    /// # Panics
    /// As [`call`](AvgPool::call) does.
    #[track_caller]
    pub fn call_without_padding(&self, x: impl ArrayLike) -> Array {
        let x = x.to_array().to_inexact();
        let y = self.call(&x);
        let share =
            self.call(ones_as(&x.shape()[x.ndim() - self.window.len() - 1..x.ndim() - 1], x.dtype()).expand_dims(-1));
        y / share
    }
}
