//! Methods that change the shape or the order of the elements.

use crate::array::Array;
use crate::array::aval::{IntoNewShape, IntoShape, canonical_axis};
use crate::error::{Error, OrRaise};
use crate::trace::frames::bind1;

use crate::ops::shape::{BroadcastInDim, Reshape, Transpose};
use crate::ops::slice::Slice;

use super::axes::Axes;

impl Array {
    /// Returns the same elements, in row-major order, with another shape. One size may be −1: it is computed from the
    /// others.
    ///
    /// # Panics
    /// If the number of elements differs, or is not a multiple of the sizes beside −1.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = Array::from([1, 2, 3, 4, 5, 6]).reshape([2, 3]);
    /// assert_eq!(x.shape(), [2, 3]);
    /// assert_eq!(x.reshape((-1, 2)).shape(), [3, 2]);
    /// ```
    #[track_caller]
    pub fn reshape(&self, shape: impl IntoNewShape) -> Array {
        let shape = shape.for_size(self.size()).map_err(|e| e.context("reshape")).or_raise();
        if self.shape() == &*shape { self.clone() } else { bind1(Reshape { shape }, &[self]) }
    }

    /// Broadcasts the array to `shape`, by NumPy's rules.
    ///
    /// # Panics
    /// If the array cannot be broadcast to `shape`.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 2]).broadcast_to([2, 2]).to_vec::<i32>(), [1, 2, 1, 2]);
    /// ```
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl IntoShape) -> Array {
        let shape = shape.into_shape();
        if self.shape() == &*shape {
            return self.clone();
        }
        if self.ndim() > shape.rank() {
            return Err(Error::shape(format!(
                "{} cannot be broadcast to shape {shape}: it has more dimensions",
                self.aval()
            )))
            .or_raise();
        }
        let offset = shape.rank() - self.ndim();
        bind1(BroadcastInDim { dims: (offset..shape.rank()).collect(), shape }, &[self])
    }

    /// Permutes the axes: axis `i` of the result is axis `axes[i]`.
    ///
    /// # Panics
    /// If `axes` is not a permutation.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([[1, 2], [3, 4]]).permute(&[1, 0]).to_vec::<i32>(), [1, 3, 2, 4]);
    /// ```
    #[track_caller]
    pub fn permute(&self, axes: &[usize]) -> Array {
        if axes.iter().copied().eq(0..self.ndim()) {
            return self.clone();
        }
        bind1(Transpose { permutation: axes.to_vec() }, &[self])
    }

    /// Permutes the axes: axis `i` of the result is axis `axes[i]`. With `()`, it reverses them, and `x.t()` is short
    /// for that.
    ///
    /// # Panics
    /// If `axes` is not a permutation.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(np::zeros((2, 3, 4)).transpose((0, 2, 1)).shape(), [2, 4, 3]);
    /// assert_eq!(np::zeros((2, 3, 4)).transpose(()).shape(), [4, 3, 2]);
    /// ```
    #[track_caller]
    pub fn transpose(&self, axes: impl Axes) -> Array {
        self.permute(&axes.in_order(self.ndim()).map_err(|e| e.context("transpose")).or_raise())
    }

    /// Reverses the order of the axes. For a matrix, this is the transpose.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([[1, 2], [3, 4]]).t().to_vec::<i32>(), [1, 3, 2, 4]);
    /// ```
    #[track_caller]
    pub fn t(&self) -> Array {
        self.permute(&(0..self.ndim()).rev().collect::<Vec<_>>())
    }

    /// Moves one axis to another position. The other axes keep their order.
    ///
    /// # Panics
    /// If an axis is out of bounds.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([[1, 2], [3, 4]]).moveaxis(0, 1).to_vec::<i32>(), [1, 3, 2, 4]);
    /// ```
    #[track_caller]
    pub fn moveaxis(&self, from: isize, to: isize) -> Array {
        let from = canonical_axis(from, self.ndim()).or_raise();
        let to = canonical_axis(to, self.ndim()).or_raise();
        let mut axes: Vec<usize> = (0..self.ndim()).filter(|a| *a != from).collect();
        axes.insert(to, from);
        self.permute(&axes)
    }

    /// Inserts an axis of size one at `axis`.
    ///
    /// # Panics
    /// If the axis is out of bounds.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 2]).expand_dims(0).shape(), [1, 2]);
    /// ```
    #[track_caller]
    pub fn expand_dims(&self, axis: isize) -> Array {
        let axis = canonical_axis(axis, self.ndim() + 1).or_raise();
        let dims = (0..=self.ndim()).filter(|d| *d != axis).collect();
        bind1(BroadcastInDim { shape: self.aval().shape.insert(axis, 1), dims }, &[self])
    }

    /// Returns every `stride`-th element from `start` up to, but not including, `limit`, along each axis.
    #[track_caller]
    pub(crate) fn slice(&self, start: &[usize], limit: &[usize], stride: &[usize]) -> Array {
        let whole = start.iter().all(|s| *s == 0) && limit == self.shape() && stride.iter().all(|s| *s == 1);
        if whole {
            return self.clone();
        }
        bind1(Slice { start: start.to_vec(), limit: limit.to_vec(), stride: stride.to_vec() }, &[self])
    }

    /// Returns the elements from `start` up to, but not including, `limit` along one axis.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 2, 3]).slice_axis(0, 1, 3).to_vec::<i32>(), [2, 3]);
    /// ```
    #[track_caller]
    pub fn slice_axis(&self, axis: usize, start: usize, limit: usize) -> Array {
        let mut starts = vec![0; self.ndim()];
        let mut limits = self.shape().to_vec();
        canonical_axis(axis as isize, self.ndim()).or_raise();
        (starts[axis], limits[axis]) = (start, limit);
        self.slice(&starts, &limits, &vec![1; self.ndim()])
    }
}
