//! Gather and the scatters as functions.

use crate::array::aval::IntoShape;
use crate::array::literal::Literal;
use crate::array::{Array, ArrayLike};
use crate::ops::gather::{Gather, default_fill};
pub use crate::ops::gather::{GatherDimensionNumbers, GatherScatterMode};
pub use crate::ops::scatter::ScatterDimensionNumbers;
use crate::ops::scatter::{self as ops, ScatterParams};
use crate::trace::frames::bind1;

/// What JAX's gather and scatters take by keyword.
///
/// ```
/// use cotangent::lax::{GatherScatterMode, IndexOptions};
/// let options = IndexOptions { mode: Some(GatherScatterMode::Clip), ..Default::default() };
/// assert!(!options.unique_indices);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexOptions {
    /// What places out of bounds mean. By default a gather relies on there being none, and a scatter drops them.
    pub mode: Option<GatherScatterMode>,
    /// What a gather gives for blocks out of bounds, in mode [`FillOrDrop`](GatherScatterMode::FillOrDrop); by default
    /// NaN, the least signed, the greatest unsigned integer or `true`.
    pub fill_value: Option<Literal>,
    /// A promise that no two places are the same.
    pub unique_indices: bool,
    /// A promise that the places are in order.
    pub indices_are_sorted: bool,
}

/// Blocks of `x` from the places that `indices` name; `numbers` say what belongs to what.
///
/// The last dimension of `indices`, integers, holds the coordinates of a place. `slice_sizes` is the size of a block in
/// each dimension of `x`.
///
/// # Panics
/// When shapes, dtypes or dimension numbers do not fit each other.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let rows = lax::GatherDimensionNumbers {
///     offset_dims: vec![1],
///     collapsed_slice_dims: vec![0],
///     start_index_map: vec![0],
///     ..Default::default()
/// };
/// let x = Array::from([[1, 2], [3, 4], [5, 6]]);
/// let y = lax::gather(&x, Array::from([[2], [0]]), rows, [1, 2], Default::default());
/// assert_eq!(y.to_vec::<i32>(), [5, 6, 1, 2]);
/// ```
#[track_caller]
pub fn gather(
    x: impl ArrayLike,
    indices: impl ArrayLike,
    numbers: GatherDimensionNumbers,
    slice_sizes: impl IntoShape,
    options: IndexOptions,
) -> Array {
    let x = x.to_array();
    let mode = options.mode.unwrap_or(GatherScatterMode::PromiseInBounds);
    let fill_value = (mode == GatherScatterMode::FillOrDrop)
        .then(|| options.fill_value.map_or_else(|| default_fill(x.dtype()), |v| v.convert(x.dtype(), false)));
    let gather = Gather {
        dimension_numbers: numbers,
        slice_sizes: slice_sizes.into_shape().to_vec(),
        unique_indices: options.unique_indices,
        indices_are_sorted: options.indices_are_sorted,
        mode,
        fill_value,
    };
    bind1(gather, &[&x, &indices.to_array()])
}

macro_rules! scatters {
    ($($(#[$doc:meta])* $name:ident $T:ident [$($expected:literal),*];)*) => { $(
        $(#[$doc])*
        ///
        /// The last dimension of `indices`, integers, holds the coordinates of a place; `numbers` say what belongs to
        /// what. Updates out of bounds are dropped, unless the options say otherwise.
        ///
        /// # Panics
        /// When shapes, dtypes or dimension numbers do not fit each other.
        ///
        #[doc = concat!("```\nuse cotangent::{lax, prelude::*};\nlet elements = lax::ScatterDimensionNumbers {\n    inserted_window_dims: vec![0],\n    scatter_dims_to_operand_dims: vec![0],\n    ..Default::default()\n};\nlet (x, places, updates) = (Array::from([5, 6, 7]), Array::from([[2], [0]]), Array::from([9, 2]));\nlet y = lax::", stringify!($name), "(x, places, updates, elements, Default::default());\nassert_eq!(y.to_vec::<i32>(), ", stringify!([$($expected),*]), ");\n```")]
        #[track_caller]
        pub fn $name(
            x: impl ArrayLike,
            indices: impl ArrayLike,
            updates: impl ArrayLike,
            numbers: ScatterDimensionNumbers,
            options: IndexOptions,
        ) -> Array {
            let params = ScatterParams {
                dimension_numbers: numbers,
                indices_are_sorted: options.indices_are_sorted,
                unique_indices: options.unique_indices,
                mode: options.mode.unwrap_or_default(),
            };
            bind1(ops::$T(params), &[&x.to_array(), &indices.to_array(), &updates.to_array()])
        }
    )* };
}

scatters! {
    /// `x` with `updates` in place of what was there. Where several meet, one of them wins.
    scatter Scatter [2, 6, 9];
    /// `x` with `updates` added to what was there.
    scatter_add ScatterAdd [7, 6, 16];
    /// `x` with `updates` taken off what was there.
    scatter_sub ScatterSub [3, 6, -2];
    /// `x` with what was there multiplied by `updates`. To be differentiated in the updates it needs the promise of
    /// unique indices.
    scatter_mul ScatterMul [10, 6, 63];
    /// `x` with the least of what was there and `updates`.
    scatter_min ScatterMin [2, 6, 7];
    /// `x` with the greatest of what was there and `updates`.
    scatter_max ScatterMax [5, 6, 9];
}
