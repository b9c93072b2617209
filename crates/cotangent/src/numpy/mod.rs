//! NumPy's functions on [`Array`](crate::Array), with JAX's names, dtypes and semantics.
//!
//! ```
//! use cotangent::numpy as np;
//! let x = np::arange(6.0).reshape([2, 3]);
//! assert_eq!(np::sum_axis(&x, 0).to_vec::<f32>(), [3.0, 5.0, 7.0]);
//! assert_eq!(x.mean().item::<f32>(), 2.5);
//! ```
//!
//! # How JAX's optional arguments are spelled
//!
//! An operand is anything that is [`ArrayLike`](crate::ArrayLike): an array, a reference to one, or a Rust scalar. An
//! argument that is optional in Python has a function of its own, whose name ends in a suffix:
//!
//! | suffix | adds | example |
//! |---|---|---|
//! | `_axis` | the axes to reduce; without it, all elements are reduced | `sum_axis(&x, -1)`, `mean_axis(&x, [0, 1])` |
//! | `_keepdims` | the axes to reduce, which the result keeps with size one | `max_keepdims(&x, 1)` |
//! | `_ddof` | the axes to reduce and the delta degrees of freedom | `var_ddof(&x, (), 1)` |
//! | `_where` | the axes to reduce and a mask of the elements that count | `sum_where(&x, 0, &mask)` |
//! | `_as` | the dtype, as the last argument | `zeros_as([2, 3], DType::F64)` |
//! | `_k` | the number of the diagonal | `tril_k(&x, -1)` |
//!
//! A negative axis counts from the end. Where a function takes several axes ([`Axes`]), `()` means all of them.
//!
//! # Dtypes
//!
//! Values without a dtype of their own are `f32` or `i32`, as in JAX without its 64-bit mode: Rust numbers, the
//! literals that [`array()`] takes, the results of `zeros` and `arange`. Arrays of `f64` or 64-bit integers keep their
//! dtype: `np::array([0.1, 0.2])` is `f32`, and `Array::from(vec![0.1f64, 0.2])` is `f64`. The dtype of a result
//! follows from its operands by JAX's promotion lattice. Integers become floats if the result of a function is not an
//! integer.
//!
//! A Rust number next to an array is converted from its full value to the dtype of the operation: for a `c128` array,
//! `z * 0.1` multiplies by 0.1 to full precision. Comparisons, bounds and remainders of integers use the value of the
//! number even if it does not fit the dtype: `x.less(300)` of a `u8` array is true everywhere.
//!
//! All functions panic if shapes, dtypes or axes do not fit. The message names the line of the caller.

/// Defines functions that call the method of an array.
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
mod functional;
mod histograms;
mod index;
mod index_plan;
mod indexing;
mod joining;
mod logarithms;
mod logic;
mod manipulation;
mod masked;
mod numbers;
mod order;
mod padding;
mod pieces;
mod polynomials;
mod products;
mod quantiles;
pub(crate) mod ravel_pytree;
mod reductions;
mod segment;
mod sets;
mod signals;
mod sorting;
mod statistics;
mod take;
mod vectors;

pub mod linalg;

pub use crate::methods::axes::{Axes, Axis};
pub use crate::ops::gather::GatherScatterMode as Mode;
pub use arithmetic::*;
pub use array::{Leaf, Nested, Walk, array, array_as};
pub use creation::*;
pub(crate) use creation::{diagonal_mask, iota};
pub use diagonals::*;
pub use einsum::einsum;
pub use elementwise::*;
pub use functional::*;
pub use histograms::*;
pub use index::{Ellipsis, Index, IntoIndex, IntoIndexPart, IntoSlice, NewAxis, Slice};
pub use indexing::At;
pub use joining::*;
pub use logarithms::*;
pub use logic::*;
pub use manipulation::*;
pub use masked::*;
pub use numbers::*;
pub use order::*;
pub use padding::*;
pub use pieces::*;
pub use polynomials::*;
pub use products::*;
pub use quantiles::*;
pub use reductions::*;
pub use segment::*;
pub use sets::*;
pub use signals::*;
pub use sorting::*;
pub use statistics::*;
pub use take::*;
pub use vectors::*;

/// π.
pub const PI: f64 = std::f64::consts::PI;
/// The base of the natural logarithm.
pub const E: f64 = std::f64::consts::E;
/// Positive infinity.
pub const INF: f64 = f64::INFINITY;
/// Not a number.
pub const NAN: f64 = f64::NAN;
