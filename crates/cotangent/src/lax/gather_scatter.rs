//! Gather and scatter as functions.

use crate::array::aval::IntoShape;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::{Array, ArrayLike, Arrays};
use crate::error::{Error, OrRaise, raise};
use crate::methods::axes::Axes;
use crate::ops;
use crate::ops::gather::{Gather, default_fill};
pub use crate::ops::gather::{GatherDimensionNumbers, GatherScatterMode};
pub use crate::ops::scatter::ScatterDimensionNumbers;
use crate::ops::scatter::{self, ScatterParams};
use crate::ops::slice::Concatenate;
use crate::trace::frames::bind1;

use super::loops::fori_loop;

/// The optional arguments of JAX's gather and scatter.
///
/// ```
/// use cotangent::lax::{GatherScatterMode, IndexOptions};
/// let options = IndexOptions { mode: Some(GatherScatterMode::Clip), ..Default::default() };
/// assert!(!options.unique_indices);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexOptions {
    /// How positions out of bounds are handled. By default, a gather assumes that there are none, and a scatter drops
    /// them.
    pub mode: Option<GatherScatterMode>,
    /// The value of a gather for blocks out of bounds, in mode [`FillOrDrop`](GatherScatterMode::FillOrDrop). The
    /// default is NaN, the least signed integer, the greatest unsigned integer, or `true`.
    pub fill_value: Option<Literal>,
    /// A promise that all positions are different.
    pub unique_indices: bool,
    /// A promise that the positions are sorted.
    pub indices_are_sorted: bool,
}

/// Returns blocks of `x` from the positions in `indices`. `numbers` describes the roles of the dimensions.
///
/// The last dimension of `indices`, an array of integers, contains the coordinates of a position. `slice_sizes` is the
/// size of a block in each dimension of `x`.
///
/// # Panics
/// If shapes, dtypes or dimension numbers do not fit together.
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
        /// The last dimension of `indices`, an array of integers, contains the coordinates of a position. `numbers`
        /// describe the roles of the dimensions. By default, updates out of bounds are dropped.
        ///
        /// # Panics
        /// If shapes, dtypes or dimension numbers do not fit together.
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
            bind1(scatter::$T(params), &[&x.to_array(), &indices.to_array(), &updates.to_array()])
        }
    )* };
}

scatters! {
    /// Returns `x` with elements replaced by `updates`. If several updates have the same position, it is unspecified
    /// which one is used.
    scatter Scatter [2, 6, 9];
    /// Returns `x` with `updates` added to its elements.
    scatter_add ScatterAdd [7, 6, 16];
    /// Returns `x` with `updates` subtracted from its elements.
    scatter_sub ScatterSub [3, 6, -2];
    /// Returns `x` with its elements multiplied by `updates`. Derivatives with respect to the updates need the promise
    /// of unique indices.
    scatter_mul ScatterMul [10, 6, 63];
    /// Returns `x` with each element replaced by the minimum of it and its `updates`.
    scatter_min ScatterMin [2, 6, 7];
    /// Returns `x` with each element replaced by the maximum of it and its `updates`.
    scatter_max ScatterMax [5, 6, 9];
}

/// Returns `x` with `f` applied to the elements at the positions in `indices`, as often as they name an element. `f`
/// must be an elementwise function.
///
/// `update_shape` is the shape that an array of updates would have: see [`scatter`] for the other arguments. Without the
/// promise of unique indices, this needs a loop, which reverse mode cannot differentiate.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let elements = lax::ScatterDimensionNumbers {
///     inserted_window_dims: vec![0],
///     scatter_dims_to_operand_dims: vec![0],
///     ..Default::default()
/// };
/// let (x, places) = (Array::from([5, 6, 7]), Array::from([[2], [0], [2]]));
/// let y = lax::scatter_apply(x, places, |x| x * 2, elements, 3, Default::default());
/// assert_eq!(y.to_vec::<i32>(), [10, 6, 28]);
/// ```
///
/// # Panics
/// If shapes, dtypes or dimension numbers do not fit together.
#[track_caller]
pub fn scatter_apply(
    x: impl ArrayLike,
    indices: impl ArrayLike,
    f: impl Fn(&Array) -> Array,
    numbers: ScatterDimensionNumbers,
    update_shape: impl IntoShape,
    options: IndexOptions,
) -> Array {
    let x = x.to_array();
    let unique = options.unique_indices;
    let one = Literal::int(DType::I32, 1);
    let counts = ops::zeros(x.shape(), DType::I32);
    let counts = scatter_add(counts, indices, ops::full(update_shape, one), numbers, options);
    applied(&x, &counts, unique, f)
}

/// Returns `x` with an elementwise function applied to each element as often as the counts say: once at most if
/// `unique`.
#[track_caller]
pub(crate) fn applied(x: &Array, counts: &Array, unique: bool, f: impl Fn(&Array) -> Array) -> Array {
    let step = |i: &Array, y: &Array| {
        let next = f(y).convert(x.dtype(), x.weak_type());
        ops::select(&counts.greater(i), &next, y, y.shape())
    };
    if unique {
        return step(&Array::from(0), x);
    }
    fori_loop(0, counts.max(), |i, y: &Array| step(i, y), x.clone())
}

/// Returns the blocks of `x` at the positions of vectors of indices, one for each of `axes`: a row for each position.
/// Indices wrap around: they are taken modulo the size of their axis.
///
/// ```
/// use cotangent::{Array, lax};
/// let x = Array::from([[1, 2], [3, 4], [5, 6]]);
/// let y = lax::index_take(&x, [Array::from([2, 0]), Array::from([1, -1])], [0, 1]);
/// assert_eq!(y.to_vec::<i32>(), [6, 2]);
/// ```
///
/// # Panics
/// If there is not one vector of integers for each axis, or they differ in length, or an axis is out of bounds.
#[track_caller]
pub fn index_take(x: impl ArrayLike, indices: impl Arrays, axes: impl Axes) -> Array {
    let (x, indices) = (x.to_array(), indices.to_arrays());
    let axes = axes.in_order(x.ndim()).or_raise();
    let fits = |i: &Array| i.ndim() == 1 && i.dtype().is_integer() && i.shape() == indices[0].shape();
    if indices.is_empty() || indices.len() != axes.len() || !indices.iter().all(fits) {
        let types: Vec<_> = indices.iter().map(|i| i.aval().to_string()).collect();
        raise(Error::shape(format!(
            "index_take: expected a vector of integers for each of the axes {axes:?}, of the same length, got {types:?}"
        )));
    }
    let columns: Vec<Array> = (indices.iter().zip(&axes))
        .map(|(index, axis)| {
            let size = x.shape()[*axis];
            let index = if index.dtype() == DType::U64 { index.clone() } else { super::widened_index(index, size) };
            let size = Array::from(size).astype(index.dtype());
            ops::floored_remainder(&(&index % &size), &size).1.astype(DType::I64).expand_dims(1)
        })
        .collect();
    let positions = bind1(Concatenate { dimension: 1 }, &columns.iter().collect::<Vec<_>>());
    let sizes: Vec<usize> = (0..x.ndim()).map(|d| if axes.contains(&d) { 1 } else { x.shape()[d] }).collect();
    let numbers = GatherDimensionNumbers {
        offset_dims: (1..=x.ndim() - axes.len()).collect(),
        collapsed_slice_dims: (0..x.ndim()).filter(|d| axes.contains(d)).collect(),
        start_index_map: axes.to_vec(),
        ..Default::default()
    };
    gather(x, positions, numbers, &sizes[..], IndexOptions::default())
}
