//! NumPy's indexing: `x.at(index).get()` reads elements; `.set(v)`, `.add(v)` and others update them.

use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::{Array, ArrayLike};
use crate::error::OrRaise;
use crate::lax::{self, GatherScatterMode, IndexOptions};
use crate::ops;
use crate::ops::shape::BroadcastInDim;
use crate::ops::slice::Rev;
use crate::trace::frames::bind1;

use super::index::{Index, IntoIndex};
use super::index_plan::{Plan, Slices, fit, only_mask};
use super::logic::where_;

/// The elements of an array that an index selects, returned by [`Array::at`]. Its methods read the elements, or return
/// a new array with updated elements. The original array never changes.
///
/// ```
/// use cotangent::prelude::*;
/// let x = np::arange(6).reshape([2, 3]);
/// assert_eq!(x.at((.., 1)).get().to_vec::<i32>(), [1, 4]);
/// assert_eq!(x.at((1, s![::2])).set(0).to_vec::<i32>(), [0, 1, 2, 0, 4, 0]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "an index does nothing until `get`, `set`, `add`, … is called"]
pub struct At {
    x: Array,
    index: Vec<Index>,
    options: IndexOptions,
}

impl Array {
    /// Selects the elements that an index names, for reading or updating.
    ///
    /// An index is a part or a tuple of parts, one for each axis, starting at the first. Axes without a part are
    /// selected entirely. The parts are those of NumPy:
    ///
    /// | part | NumPy | selects |
    /// |---|---|---|
    /// | `3`, `-1` | `3`, `-1` | one element of the axis, which is removed |
    /// | `1..3`, `..`, `s![::2]`, `s![5..; -1]` | `1:3`, `:`, `::2`, `5::-1` | a slice of the axis |
    /// | an array of integers, `[0, 2]` | the same | these elements; several such arrays are broadcast together |
    /// | an array of `bool` | the same | the elements where it is true; it covers one axis for each of its dimensions |
    /// | [`NewAxis`](crate::numpy::NewAxis) | `None` | nothing; it inserts an axis of size one |
    /// | [`Ellipsis`](crate::numpy::Ellipsis) | `...` | all axes that the other parts do not use |
    ///
    /// Negative indices count from the end. If an index is out of bounds, reading returns the nearest element, and an
    /// update is dropped. [`At::mode`] changes this.
    ///
    /// # Panics
    /// Reading and updating panic if the index has too many parts for the array, or a part does not fit.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = np::arange(6).reshape([2, 3]);
    /// let places = Array::from([2, 0]);
    /// assert_eq!(x.at((0, &places)).get().to_vec::<i32>(), [2, 0]);
    /// assert_eq!(x.at(x.greater(3)).set(-1).to_vec::<i32>(), [0, 1, 2, 3, -1, -1]);
    /// assert_eq!(x.at((.., &places)).add(10).to_vec::<i32>(), [10, 1, 12, 13, 4, 15]);
    /// ```
    pub fn at(&self, index: impl IntoIndex) -> At {
        At { x: self.clone(), index: index.into_index(), options: IndexOptions::default() }
    }

    /// Returns the elements that an index selects: short for `x.at(index).get()`. See [`Array::at`].
    ///
    /// # Panics
    /// If the index has too many parts for the array, or a part does not fit.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 2, 3]).get(-1).item::<i32>(), 3);
    /// ```
    #[track_caller]
    pub fn get(&self, index: impl IntoIndex) -> Array {
        self.at(index).get()
    }
}

impl At {
    /// Sets how indices out of bounds are handled. By default, reading returns the nearest element, and updates are
    /// dropped.
    ///
    /// ```
    /// use cotangent::{numpy::Mode, prelude::*};
    /// let x = Array::from([1.0f32, 2.0]);
    /// assert!(x.at([0, 7]).mode(Mode::FillOrDrop).get().to_vec::<f32>()[1].is_nan());
    /// assert_eq!(x.at(Array::from([7])).mode(Mode::Clip).set(0.0).to_vec::<f32>(), [1.0, 0.0]);
    /// ```
    pub fn mode(mut self, mode: GatherScatterMode) -> At {
        self.options.mode = Some(mode);
        self
    }

    /// Sets the value that reading returns for indices out of bounds. This sets the mode to
    /// [`FillOrDrop`](GatherScatterMode::FillOrDrop).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 2]).at([0, 7]).fill_value(-1).get().to_vec::<i32>(), [1, -1]);
    /// ```
    ///
    /// # Panics
    /// If the value is not a known scalar.
    #[track_caller]
    pub fn fill_value(mut self, value: impl ArrayLike) -> At {
        let value: Literal = value.to_array().to_literal().or_raise();
        self.options.fill_value = Some(value);
        self.mode(GatherScatterMode::FillOrDrop)
    }

    /// Promises that the index names no element twice. Some updates are differentiable only with this promise, and all
    /// updates are faster.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Array::from([1, 2, 3]);
    /// assert_eq!(x.at([2, 0]).unique_indices().multiply(2).to_vec::<i32>(), [2, 2, 6]);
    /// ```
    pub fn unique_indices(mut self) -> At {
        self.options.unique_indices = true;
        self
    }

    /// Promises that the positions that the index names are sorted.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Array::from([1, 2, 3]);
    /// assert_eq!(x.at([0, 2]).indices_are_sorted().get().to_vec::<i32>(), [1, 3]);
    /// ```
    pub fn indices_are_sorted(mut self) -> At {
        self.options.indices_are_sorted = true;
        self
    }

    /// Returns the elements.
    ///
    /// The number of elements that a mask selects depends on its values, so these must be known. Under `jit` and
    /// `vmap`, use `where_` instead.
    ///
    /// # Panics
    /// If the index does not fit the array, or the values of a mask are not known.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = np::arange(6).reshape([2, 3]);
    /// assert_eq!(x.at((1, ..2)).get().to_vec::<i32>(), [3, 4]);
    /// assert_eq!(x.at(x.less(2)).get().to_vec::<i32>(), [0, 1]);
    /// ```
    #[track_caller]
    pub fn get(&self) -> Array {
        let aval = self.x.aval();
        let (items, adjacent) = fit(&aval, &self.index).or_raise();
        let fills = self.options.mode == Some(GatherScatterMode::FillOrDrop);
        if let Some(slices) = Slices::of(&aval, &items).filter(|_| !fills) {
            return slices.apply(&self.x);
        }
        let plan = Plan::of(&aval, &items, adjacent);
        if plan.shape.size() == 0 {
            return ops::zeros(&plan.shape, self.x.dtype());
        }
        let mut y = self.x.clone();
        if plan.indices.size() > 0 {
            y = lax::gather(&y, &plan.indices, plan.numbers, &plan.block, self.promised(plan.basic));
        }
        if !plan.reversed.is_empty() {
            y = bind1(Rev { dims: plan.reversed }, &[&y]);
        }
        if plan.new_axes.is_empty() {
            return y;
        }
        let dims = (0..plan.shape.rank()).filter(|d| !plan.new_axes.contains(d)).collect();
        bind1(BroadcastInDim { shape: plan.shape, dims }, &[&y])
    }

    /// Returns the options, with the promises that basic indices always keep.
    fn promised(&self, basic: bool) -> IndexOptions {
        IndexOptions {
            unique_indices: self.options.unique_indices || basic,
            indices_are_sorted: self.options.indices_are_sorted || basic,
            ..self.options
        }
    }

    /// Returns the array after a scatter of `values`, which are broadcast to the shape of the elements.
    #[track_caller]
    fn scatter(&self, x: &Array, values: &Array, scatter: Scatter) -> Array {
        let (items, adjacent) = fit(&x.aval(), &self.index).or_raise();
        let plan = Plan::of(&x.aval(), &items, adjacent);
        if plan.shape.size() == 0 {
            return x.clone();
        }
        let [operand, values] = ops::in_one_dtype([x.clone(), values.clone()]);
        let met = operand.dtype();
        let mut values = values.broadcast_to(&plan.shape);
        if !plan.new_axes.is_empty() {
            values = lax::squeeze(&values, plan.new_axes);
        }
        if !plan.reversed.is_empty() {
            values = bind1(Rev { dims: plan.reversed }, &[&values]);
        }
        let numbers = lax::ScatterDimensionNumbers {
            update_window_dims: plan.numbers.offset_dims,
            inserted_window_dims: plan.numbers.collapsed_slice_dims,
            scatter_dims_to_operand_dims: plan.numbers.start_index_map,
            operand_batching_dims: plan.numbers.operand_batching_dims,
            scatter_indices_batching_dims: plan.numbers.start_indices_batching_dims,
        };
        let y = scatter(operand, plan.indices, values, numbers, self.promised(plan.basic));
        let y = y.convert(x.dtype(), x.weak_type());
        if !x.dtype().is_integer() || x.dtype() == met {
            return y;
        }
        // The scatter converted an array of integers to the floats of the values. Elements that the index does not name
        // keep their integers.
        let named = At { x: ops::zeros(x.shape(), DType::Bool), ..self.clone() }.set(true);
        where_(named, y, x)
    }

    /// Returns the mask, in the shape of the array, if the index is one, unless `values` has an entry for each selected
    /// element.
    #[track_caller]
    fn mask(&self, values: &Array) -> Option<Array> {
        let mask = only_mask(&self.x, &self.index)?;
        let rest = self.x.ndim() - mask.ndim();
        if values.ndim() > rest {
            return None;
        }
        let shape: Vec<usize> = mask.shape().iter().copied().chain(std::iter::repeat_n(1, rest)).collect();
        Some(mask.reshape(shape).broadcast_to(self.x.shape()))
    }

    /// Returns the array with the elements where a mask is true replaced by those of `changed`.
    #[track_caller]
    fn where_mask(&self, mask: &Array, changed: &Array) -> Array {
        where_(mask, changed.convert(self.x.dtype(), self.x.weak_type()), &self.x)
    }

    /// Returns the array with the elements replaced by `values`, which are broadcast to the shape of the elements.
    ///
    /// If an index array names an element twice, it is unspecified which of its values is used.
    ///
    /// # Panics
    /// If the index does not fit the array, or the values do not broadcast to the elements.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = np::arange(5);
    /// assert_eq!(x.at(s![::-2]).set(Array::from([7, 8, 9])).to_vec::<i32>(), [9, 1, 8, 3, 7]);
    /// ```
    #[track_caller]
    pub fn set(&self, values: impl ArrayLike) -> Array {
        let values = values.to_array();
        match self.mask(&values) {
            Some(mask) => self.where_mask(&mask, &values),
            None => self.scatter(&self.x, &values.convert(self.x.dtype(), self.x.weak_type()), lax::scatter),
        }
    }

    /// Returns the array with `values` added to the elements. An element that is named several times is updated each
    /// time.
    ///
    /// # Panics
    /// See [`At::set`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 2]).at([0, 0]).add(1).to_vec::<i32>(), [3, 2]);
    /// ```
    #[track_caller]
    pub fn add(&self, values: impl ArrayLike) -> Array {
        let values = values.to_array();
        match self.mask(&values) {
            Some(mask) => self.where_mask(&mask, &(&self.x + where_(&mask, &values, 0))),
            None => self.scatter(&self.x, &values, lax::scatter_add),
        }
    }

    /// Returns the array with `values` subtracted from the elements. An element that is named several times is updated
    /// each time.
    ///
    /// # Panics
    /// See [`At::set`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 2]).at([0, 0]).subtract(1).to_vec::<i32>(), [-1, 2]);
    /// ```
    #[track_caller]
    pub fn subtract(&self, values: impl ArrayLike) -> Array {
        let values = values.to_array();
        match self.mask(&values) {
            Some(mask) => self.where_mask(&mask, &(&self.x - where_(&mask, &values, 0))),
            None => self.scatter(&self.x, &values, lax::scatter_sub),
        }
    }

    /// Returns the product of the values for each element that the index names, and one elsewhere.
    #[track_caller]
    fn factors(&self, values: &Array) -> Array {
        match self.mask(values) {
            Some(mask) => where_(&mask, values, 1),
            None => self.scatter(&ops::full(self.x.shape(), Literal::int(self.x.dtype(), 1)), values, lax::scatter_mul),
        }
    }

    /// Returns the array with the elements multiplied by `values`. An element that is named several times is updated
    /// each time. With an index array, derivatives with respect to the values need the promise of
    /// [`At::unique_indices`].
    ///
    /// # Panics
    /// See [`At::set`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 2]).at(1).multiply(5).to_vec::<i32>(), [1, 10]);
    /// ```
    #[track_caller]
    pub fn multiply(&self, values: impl ArrayLike) -> Array {
        let values = values.to_array();
        match self.mask(&values) {
            Some(mask) => self.where_mask(&mask, &(&self.x * where_(&mask, &values, 1))),
            None => self.scatter(&self.x, &values, lax::scatter_mul),
        }
    }

    /// Returns the array with the elements divided by `values`, as an array of floats. An element that is named several
    /// times is updated each time. For derivatives, see [`At::multiply`].
    ///
    /// # Panics
    /// See [`At::set`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([1.0f32, 2.0]).at(1).divide(4.0).to_vec::<f32>(), [1.0, 0.5]);
    /// ```
    #[track_caller]
    pub fn divide(&self, values: impl ArrayLike) -> Array {
        super::true_divide(&self.x, self.factors(&values.to_array()))
    }

    /// Returns the array with the elements raised to the power of `values`. An element that is named several times is
    /// updated each time. For derivatives, see [`At::multiply`].
    ///
    /// # Panics
    /// See [`At::set`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([3.0f32, 2.0]).at(1).power(3.0).to_vec::<f32>(), [3.0, 8.0]);
    /// ```
    #[track_caller]
    pub fn power(&self, values: impl ArrayLike) -> Array {
        super::power(&self.x, self.factors(&values.to_array()))
    }

    /// Returns the array with each element replaced by the minimum of it and its values.
    ///
    /// # Panics
    /// See [`At::set`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 2, 3]).at(1..).min(2).to_vec::<i32>(), [1, 2, 2]);
    /// ```
    #[track_caller]
    pub fn min(&self, values: impl ArrayLike) -> Array {
        let [_, values] = crate::methods::bounded([self.x.clone(), values.to_array()]);
        match self.mask(&values) {
            Some(mask) => self.where_mask(&mask, &self.x.minimum(&values)),
            None => self.scatter(&self.x, &values, lax::scatter_min),
        }
    }

    /// Returns the array with each element replaced by the maximum of it and its values.
    ///
    /// # Panics
    /// See [`At::set`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 2, 3]).at(..2).max(2).to_vec::<i32>(), [2, 2, 3]);
    /// ```
    #[track_caller]
    pub fn max(&self, values: impl ArrayLike) -> Array {
        let [_, values] = crate::methods::bounded([self.x.clone(), values.to_array()]);
        match self.mask(&values) {
            Some(mask) => self.where_mask(&mask, &self.x.maximum(&values)),
            None => self.scatter(&self.x, &values, lax::scatter_max),
        }
    }

    /// Returns the array with `f` applied to the elements. `f` must be an elementwise function.
    ///
    /// `f` is applied as often as the index names an element. If an index array lacks the promise of
    /// [`At::unique_indices`], this needs a loop, which reverse mode cannot differentiate.
    ///
    /// # Panics
    /// See [`At::set`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Array::from([1.0f32, 2.0, 3.0]);
    /// assert_eq!(x.at(1..).apply(|v| v * 10.0).to_vec::<f32>(), [1.0, 20.0, 30.0]);
    /// assert_eq!(x.at([2, 2, 0]).apply(|v| v * 10.0).to_vec::<f32>(), [10.0, 2.0, 300.0]);
    /// ```
    #[track_caller]
    pub fn apply(&self, f: impl Fn(&Array) -> Array) -> Array {
        if let Some(mask) = only_mask(&self.x, &self.index) {
            let shape: Vec<usize> = (0..self.x.ndim()).map(|d| mask.shape().get(d).copied().unwrap_or(1)).collect();
            return self.where_mask(&mask.reshape(shape).broadcast_to(self.x.shape()), &f(&self.x));
        }
        let several = self.index.iter().any(|p| matches!(p, Index::Array(a) if a.ndim() > 0));
        if !several || self.options.unique_indices {
            return self.set(f(&self.get()));
        }
        let counts = At { x: ops::zeros(self.x.shape(), DType::I32), ..self.clone() }.add(1);
        lax::applied(&self.x, &counts, false, f)
    }
}

/// One of the scatter functions of `lax`.
type Scatter = fn(Array, Array, Array, lax::ScatterDimensionNumbers, IndexOptions) -> Array;
