//! Reductions: over all elements, over axes, and cumulative.

use crate::array::Array;
use crate::array::aval::{Shape, canonical_axis};
use crate::array::dtype::{DType, Kind};
use crate::error::{Error, OrRaise, raise};
use crate::ops::arg_reduce::{ArgMax, ArgMin};
use crate::ops::reduce::{
    CumMax, CumMin, CumProd, CumSum, ReduceAnd, ReduceMax, ReduceMin, ReduceOr, ReduceProd, ReduceSum,
};
use crate::trace::frames::bind1;

use super::axes::Axes;

/// Defines methods that reduce all elements or some axes. A row has their names, and a function of the array and the
/// axes.
macro_rules! reduction_methods {
    ($($(#[$doc:meta])* $name:ident $axis:ident $keep:ident: $f:path;)*) => {
        impl Array {
            $(
                $(#[$doc])*
                #[track_caller]
                pub fn $name(&self) -> Array {
                    self.$axis(())
                }

                #[doc = concat!("Like [`", stringify!($name), "`](Array::", stringify!($name), "()), but over some axes, and removes them.")]
                #[track_caller]
                pub fn $axis(&self, axes: impl Axes) -> Array {
                    $f(self, &axes.resolve(self.ndim()).or_raise())
                }

                #[doc = concat!("Like [`", stringify!($name), "`](Array::", stringify!($name), "()), but over some axes, which remain with size one.")]
                #[track_caller]
                pub fn $keep(&self, axes: impl Axes) -> Array {
                    let axes = axes.resolve(self.ndim()).or_raise();
                    crate::methods::reductions::keepdims(&$f(self, &axes), self, &axes)
                }
            )*
        }
    };
}
pub(crate) use reduction_methods;

/// Defines methods that return the index of an extreme element. A row has their names, and the primitive.
macro_rules! arg_reduction_methods {
    ($($(#[$doc:meta])* $name:ident $axis:ident $keep:ident: $T:ident;)*) => {
        impl Array {
            $(
                $(#[$doc])*
                #[track_caller]
                pub fn $name(&self) -> Array {
                    self.reshape(self.size()).$axis(0)
                }

                #[doc = concat!("Like [`", stringify!($name), "`](Array::", stringify!($name), "()), but along an axis, and removes it.")]
                #[track_caller]
                pub fn $axis(&self, axis: isize) -> Array {
                    let axis = canonical_axis(axis, self.ndim()).or_raise();
                    bind1($T { axis, index_dtype: DType::I32 }, &[self])
                }
            )*
        }
    };
}

/// Defines cumulative methods. A row has their names, the primitive, and whether booleans are converted to integers.
macro_rules! cumulative_methods {
    ($($(#[$doc:meta])* $name:ident $axis:ident: $T:ident, $widen:expr;)*) => {
        impl Array {
            $(
                $(#[$doc])*
                #[track_caller]
                pub fn $name(&self) -> Array {
                    self.reshape(self.size()).$axis(0)
                }

                #[doc = concat!("Like [`", stringify!($name), "`](Array::", stringify!($name), "()), but along an axis; the shape is unchanged.")]
                #[track_caller]
                pub fn $axis(&self, axis: isize) -> Array {
                    let axis = canonical_axis(axis, self.ndim()).or_raise();
                    let prim = $T { axis, reverse: false };
                    if $widen && self.dtype() == DType::Bool {
                        return bind1(prim, &[&self.astype(DType::I32)]);
                    }
                    bind1(prim, &[self])
                }
            )*
        }
    };
}

/// Lists the reductions over axes. `$for_each` writes the items of each: methods here, functions in `numpy`.
macro_rules! reductions {
    ($for_each:ident) => {
        $for_each! {
            /// Returns the sum of all elements. Booleans and small integers are summed in 32 bits.
            ///
            /// ```
            /// use cotangent::{Array, numpy as np};
            /// let x = Array::from([[1.0f32, 2.0], [3.0, 4.0]]);
            /// assert_eq!(np::sum(&x).item::<f32>(), 10.0);
            /// assert_eq!(np::sum_axis(&x, 0).to_vec::<f32>(), [4.0, 6.0]);
            /// assert_eq!(x.sum_keepdims(-1).shape(), [2, 1]);
            /// ```
            sum sum_axis sum_keepdims: sum_of;
            /// Returns the product of all elements. Booleans and small integers are multiplied in 32 bits.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([2, 3]).prod().item::<i32>(), 6);
            /// ```
            prod prod_axis prod_keepdims: prod_of;
            /// Returns the greatest element, or NaN if any element is NaN.
            ///
            /// # Panics
            /// If there are no elements.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([2, 3]).max().item::<i32>(), 3);
            /// ```
            max max_axis max_keepdims: max_of;
            /// Returns the least element, or NaN if any element is NaN.
            ///
            /// # Panics
            /// If there are no elements.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([2, 3]).min().item::<i32>(), 2);
            /// ```
            min min_axis min_keepdims: min_of;
            /// Returns the mean of all elements, as a float.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1, 2]).mean().item::<f32>(), 1.5);
            /// ```
            mean mean_axis mean_keepdims: mean_of;
            /// Returns whether any element is true. A number is true if it is not zero.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert!(Array::from([0, 1]).any().item::<bool>());
            /// ```
            any any_axis any_keepdims: any_of;
            /// Returns whether all elements are true. A number is true if it is not zero.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert!(Array::from([2, 1]).all().item::<bool>());
            /// ```
            all all_axis all_keepdims: all_of;
        }
    };
}
pub(crate) use reductions;

/// Lists the reductions to an index, for `$for_each` to write their items.
macro_rules! arg_reductions {
    ($for_each:ident) => {
        $for_each! {
            /// Returns the index of the greatest element in the flattened array, as an `i32`. Of equal elements, it is
            /// the first. NaN counts as the greatest.
            ///
            /// ```
            /// use cotangent::Array;
            /// let x = Array::from([[1, 5], [7, 2]]);
            /// assert_eq!(x.argmax().item::<i32>(), 2);
            /// assert_eq!(x.argmax_axis(1).to_vec::<i32>(), [1, 0]);
            /// ```
            argmax argmax_axis argmax_keepdims: ArgMax;
            /// Returns the index of the least element in the flattened array, as an `i32`. Of equal elements, it is the
            /// first. NaN counts as the least.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([3, 1, 2]).argmin().item::<i32>(), 1);
            /// ```
            argmin argmin_axis argmin_keepdims: ArgMin;
        }
    };
}
pub(crate) use arg_reductions;

/// Lists the cumulative operations, for `$for_each` to write their items.
macro_rules! cumulative {
    ($for_each:ident) => {
        $for_each! {
            /// Returns the cumulative sums of the flattened array.
            ///
            /// ```
            /// use cotangent::{Array, numpy as np};
            /// assert_eq!(np::cumsum(Array::from([1, 2, 3])).to_vec::<i32>(), [1, 3, 6]);
            /// ```
            cumsum cumsum_axis: CumSum, true;
            /// Returns the cumulative products of the flattened array.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1, 2, 3]).cumprod().to_vec::<i32>(), [1, 2, 6]);
            /// ```
            cumprod cumprod_axis: CumProd, true;
            /// Returns the cumulative maxima of the flattened array.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1, 3, 2]).cummax().to_vec::<i32>(), [1, 3, 3]);
            /// ```
            cummax cummax_axis: CumMax, false;
            /// Returns the cumulative minima of the flattened array.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([3, 1, 2]).cummin().to_vec::<i32>(), [3, 1, 1]);
            /// ```
            cummin cummin_axis: CumMin, false;
        }
    };
}
pub(crate) use cumulative;

reductions!(reduction_methods);
arg_reductions!(arg_reduction_methods);
cumulative!(cumulative_methods);

impl Array {
    /// Sums over `axes` and removes them.
    #[track_caller]
    pub(crate) fn sum_axes(&self, axes: &[usize]) -> Array {
        if axes.is_empty() { self.clone() } else { bind1(ReduceSum { axes: axes.to_vec() }, &[self]) }
    }

    /// Sums all elements.
    #[track_caller]
    pub(crate) fn sum_all(&self) -> Array {
        self.sum_axes(&(0..self.ndim()).collect::<Vec<_>>())
    }
}

#[track_caller]
fn sum_of(x: &Array, axes: &[usize]) -> Array {
    let wide = widened(x);
    let sum = bind1(ReduceSum { axes: axes.to_vec() }, &[&wide]);
    if x.dtype().is_inexact() { sum.convert(x.dtype(), x.weak_type()) } else { sum }
}

#[track_caller]
fn prod_of(x: &Array, axes: &[usize]) -> Array {
    let wide = widened(x);
    let product = bind1(ReduceProd { axes: axes.to_vec() }, &[&wide]);
    if x.dtype().is_inexact() { product.convert(x.dtype(), x.weak_type()) } else { product }
}

/// Converts the elements to the dtype that they are accumulated in.
#[track_caller]
fn widened(x: &Array) -> Array {
    let dtype = working(accumulator(x.dtype()));
    if dtype == x.dtype() { x.clone() } else { x.astype(dtype) }
}

/// Returns the dtype of a sum: `i32` or `u32` for smaller integers, `i32` for booleans, and `dtype` itself for the
/// rest.
pub(crate) fn accumulator(dtype: DType) -> DType {
    match dtype.kind() {
        Kind::Bool => DType::I32,
        Kind::Int if dtype.bits() < 32 => DType::I32,
        Kind::Uint if dtype.bits() < 32 => DType::U32,
        _ => dtype,
    }
}

/// Returns the dtype that sums are computed in. Half-precision numbers are summed in `f32`.
pub(crate) fn working(dtype: DType) -> DType {
    if matches!(dtype, DType::F16 | DType::BF16) { DType::F32 } else { dtype }
}

/// Restores the reduced axes of a result, with size one.
#[track_caller]
pub(crate) fn keepdims(y: &Array, x: &Array, axes: &[usize]) -> Array {
    let shape: Shape = x.shape().iter().enumerate().map(|(d, n)| if axes.contains(&d) { 1 } else { *n }).collect();
    y.reshape(&shape)
}

#[track_caller]
fn max_of(x: &Array, axes: &[usize]) -> Array {
    require_elements("max", x, axes);
    bind1(ReduceMax { axes: axes.to_vec() }, &[x])
}

#[track_caller]
fn min_of(x: &Array, axes: &[usize]) -> Array {
    require_elements("min", x, axes);
    bind1(ReduceMin { axes: axes.to_vec() }, &[x])
}

#[track_caller]
pub(crate) fn require_elements(what: &str, x: &Array, axes: &[usize]) {
    if axes.iter().any(|d| x.shape()[*d] == 0) {
        raise(Error::shape(format!("{what} needs at least one element, but an axis of {} is empty", x.aval())));
    }
}

/// Returns the number of elements that a reduction combines.
pub(crate) fn count(x: &Array, axes: &[usize]) -> usize {
    axes.iter().map(|d| x.shape()[*d]).product()
}

#[track_caller]
pub(crate) fn mean_of(x: &Array, axes: &[usize]) -> Array {
    let dtype = x.to_inexact().dtype();
    let wide = x.to_inexact().convert(working(dtype), x.weak_type() && dtype == working(dtype));
    let sum = bind1(ReduceSum { axes: axes.to_vec() }, &[&wide]);
    (sum / count(x, axes) as f64).convert(dtype, x.weak_type())
}

#[track_caller]
fn any_of(x: &Array, axes: &[usize]) -> Array {
    bind1(ReduceOr { axes: axes.to_vec() }, &[&x.astype(DType::Bool)])
}

#[track_caller]
fn all_of(x: &Array, axes: &[usize]) -> Array {
    bind1(ReduceAnd { axes: axes.to_vec() }, &[&x.astype(DType::Bool)])
}
