//! NumPy's functions on [`Array`](crate::Array), with JAX's names, dtypes and semantics.
//!
//! ```
//! use cotangent::numpy as np;
//! let x = np::arange(0.0, 6.0, 1.0).reshape([2, 3]);
//! assert_eq!(np::sum_axis(&x, 0).to_vec::<f32>(), [3.0, 5.0, 7.0]);
//! assert_eq!(x.mean().item::<f32>(), 2.5);
//! ```
//!
//! # How JAX's optional arguments are spelled
//!
//! An operand is anything [`ArrayLike`](crate::ArrayLike): an array, a reference to one, or a Rust scalar. What Python leaves out by
//! default is a function of its own name with a suffix:
//!
//! | suffix | adds | example |
//! |---|---|---|
//! | `_axis` | the axes, in place of all elements | `sum_axis(&x, -1)`, `mean_axis(&x, [0, 1])` |
//! | `_keepdims` | the same, and the reduced axes stay with size one | `max_keepdims(&x, 1)` |
//! | `_ddof` | the axes and the degrees of freedom taken off | `var_ddof(&x, (), 1)` |
//! | `_as` | the dtype, which stands last | `zeros_as([2, 3], DType::F64)` |
//! | `_k` | the number of the diagonal | `tril_k(&x, -1)` |
//!
//! Axes count from the end when negative. Where several may be named ([`Axes`]), `()` means all.
//!
//! # Dtypes
//!
//! As in JAX without its 64-bit switch, what has no dtype of its own is `f32` or `i32`: numbers, the literals that
//! [`array()`] takes, `zeros`, `arange`. `f64` and 64-bit integers stay what they are wherever they enter as arrays:
//! `np::array([0.1, 0.2])` is `f32`, and `Array::from(vec![0.1f64, 0.2])` is `f64`. Operands meet by JAX's promotion
//! lattice, and integers become floats where the result is not an integer. A Rust number beside an array takes its dtype
//! from its own full value: `z * 0.1` of a c128 array is by 0.1 to all digits. Comparisons, bounds and remainders of
//! integers go by the values, also where a Rust number does not fit the dtype (`x.less(300)` of u8 holds everywhere).
//!
//! All functions panic when shapes, dtypes or axes do not fit, with a message that names the caller's line.

/// Functions that are methods of arrays.
macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident $method:ident;)*) => { $(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl ArrayLike) -> Array {
            x.to_array().$method()
        }
    )* };
}
pub(crate) use unary;

mod arithmetic;
mod array;
mod creation;
mod diagonals;
mod einsum;
mod elementwise;
mod index;
mod index_plan;
mod indexing;
mod joining;
mod logarithms;
mod logic;
mod manipulation;
mod products;
mod reductions;
mod segment;
mod sorting;
mod statistics;
mod take;

pub use crate::methods::axes::{Axes, Axis};
pub use crate::ops::gather::GatherScatterMode as Mode;
pub use arithmetic::*;
pub use array::{Leaf, Nested, Walk, array, array_as};
pub(crate) use creation::iota;
pub use creation::*;
pub use diagonals::*;
pub use einsum::einsum;
pub use elementwise::*;
pub use index::{Ellipsis, Index, IntoIndex, IntoIndexPart, IntoSlice, NewAxis, Slice};
pub use indexing::At;
pub use joining::*;
pub use logarithms::*;
pub use logic::*;
pub use manipulation::*;
pub use products::*;
pub use reductions::*;
pub use segment::*;
pub use sorting::*;
pub use statistics::*;
pub use take::*;

/// π.
pub const PI: f64 = std::f64::consts::PI;
/// The base of the natural logarithm.
pub const E: f64 = std::f64::consts::E;
/// Positive infinity.
pub const INF: f64 = f64::INFINITY;
/// Not a number.
pub const NAN: f64 = f64::NAN;
