//! Reductions of the elements that a mask selects: NumPy's argument `where`.

use crate::api::program::as_one;
use crate::array::aval::broadcast_shapes;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::methods::axes::Axes;
use crate::methods::reductions::{count, keepdims, working};

use super::logic::{smooth_but_at_zero, where_};

/// Returns the mask in the shape of `x`.
#[track_caller]
fn spread(what: &str, x: &Array, mask: impl ArrayLike) -> Array {
    let mask = mask.to_array().astype(DType::Bool);
    if !broadcast_shapes(mask.shape(), x.shape()).is_ok_and(|shape| shape == x.aval().shape) {
        raise(
            Error::shape(format!("{what}: the mask {} does not broadcast to {}", mask.aval(), x.aval()))
                .help("align the trailing dimensions, and use size one where all elements share an entry of the mask"),
        );
    }
    mask.broadcast_to(x.shape())
}

/// Defines reductions over the selected elements of some axes. The body gets `x`, the mask in its shape, and the axes.
macro_rules! masked {
    ($($(#[$doc:meta])* $name:ident: |$x:ident, $mask:ident, $axes:ident| $body:expr;)*) => { $(
        $(#[$doc])*
        ///
        /// # Panics
        /// If an axis is out of bounds, or the mask does not broadcast to the shape of `x`.
        #[track_caller]
        pub fn $name(x: impl ArrayLike, axes: impl Axes, mask: impl ArrayLike) -> Array {
            let x = x.to_array();
            let mask = spread(stringify!($name), &x, mask);
            let axes = axes.resolve(x.ndim()).or_raise();
            as_one(&[x, mask], |args| {
                let ([$x, $mask], $axes) = (args, &axes[..]) else { unreachable!("two operands") };
                $body
            })
        }
    )* };
}

masked! {
    /// Returns the sum of the elements of some axes where the mask is true, and 0 if there are none. The mask broadcasts
    /// to the shape of `x`. The dtype is that of [`sum`](super::sum).
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let x = Array::from([[1.0f32, 2.0], [4.0, 8.0]]);
    /// assert_eq!(np::sum_where(&x, 0, Array::from([true, false])).to_vec::<f32>(), [5.0, 0.0]);
    /// ```
    sum_where: |x, mask, axes| where_(mask, x, 0).sum_axis(axes);
    /// Returns the product of the elements of some axes where the mask is true, and 1 if there are none. The mask
    /// broadcasts to the shape of `x`. The dtype is that of [`prod`](super::prod).
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let x = Array::from([2.0f32, 3.0, 4.0]);
    /// assert_eq!(np::prod_where(&x, (), Array::from([true, false, true])).item::<f32>(), 8.0);
    /// ```
    prod_where: |x, mask, axes| where_(mask, x, 1).prod_axis(axes);
    /// Returns the mean of the elements of some axes where the mask is true, and NaN if there are none. The mask
    /// broadcasts to the shape of `x`. The dtype is that of [`mean`](super::mean).
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let x = Array::from([2.0f32, 3.0, 4.0]);
    /// assert_eq!(np::mean_where(&x, (), Array::from([false, true, true])).item::<f32>(), 3.5);
    /// ```
    mean_where: |x, mask, axes| {
        let dtype = x.to_inexact().dtype();
        let wide = x.convert(working(dtype), false);
        let n = mask.astype(wide.dtype().real()).sum_axis(axes);
        (where_(mask, wide, 0).sum_axis(axes) / n).convert(dtype, x.weak_type())
    };
    /// Returns the variance of the elements of some axes where the mask is true, and NaN if there are none. The mask
    /// broadcasts to the shape of `x`. The dtype is that of [`var`](super::var).
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let x = Array::from([1.0f32, 100.0, 3.0]);
    /// assert_eq!(np::var_where(&x, (), Array::from([true, false, true])).item::<f32>(), 1.0);
    /// ```
    var_where: |x, mask, axes| variance_where(&x.to_inexact(), mask, axes);
    /// Returns the standard deviation of the elements of some axes where the mask is true, and NaN if there are none.
    /// The mask broadcasts to the shape of `x`. The dtype is that of [`std()`](super::std()).
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let x = Array::from([1.0f32, 100.0, 5.0]);
    /// assert_eq!(np::std_where(&x, (), Array::from([true, false, true])).item::<f32>(), 2.0);
    /// ```
    std_where: |x, mask, axes| smooth_but_at_zero(&variance_where(&x.to_inexact(), mask, axes), Array::sqrt);
    /// Returns whether an element of some axes is nonzero where the mask is true. The mask broadcasts to the shape of
    /// `x`.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let x = Array::from([[0, 1], [0, 0]]);
    /// assert_eq!(np::any_where(&x, 1, Array::from([true, false])).to_vec::<bool>(), [false, false]);
    /// ```
    any_where: |x, mask, axes| mask.logical_and(x.astype(DType::Bool)).any_axis(axes);
    /// Returns whether all elements of some axes are nonzero where the mask is true. The mask broadcasts to the shape of
    /// `x`.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let x = Array::from([[1, 0], [1, 1]]);
    /// assert_eq!(np::all_where(&x, 1, Array::from([true, false])).to_vec::<bool>(), [true, true]);
    /// ```
    all_where: |x, mask, axes| mask.logical_not().logical_or(x.astype(DType::Bool)).all_axis(axes);
}

/// Returns the mean square of the deviations of the selected elements from their mean.
#[track_caller]
pub(super) fn variance_where(x: &Array, mask: &Array, axes: &[usize]) -> Array {
    let dtype = x.dtype();
    let wide = x.convert(working(dtype), false);
    let n = mask.astype(wide.dtype().real()).sum_axis(axes);
    let zero = crate::ops::zeros((), wide.dtype());
    let mean = keepdims(&(where_(mask, &wide, &zero).sum_axis(axes) / &n), x, axes);
    let centered = where_(mask, &wide - mean, zero);
    let squares = if dtype.is_complex() { (&centered * centered.conj()).real() } else { centered.square() };
    (squares.sum_axis(axes) / n).convert(dtype.real(), x.weak_type())
}

/// Defines the extreme of the selected elements and a number.
macro_rules! extremes {
    ($($(#[$doc:meta])* $name:ident $reduce:ident $pair:ident;)*) => { $(
        $(#[$doc])*
        ///
        /// # Panics
        /// If an axis is out of bounds, or the mask does not broadcast to the shape of `x`.
        #[track_caller]
        pub fn $name(x: impl ArrayLike, axes: impl Axes, mask: impl ArrayLike, initial: impl ArrayLike) -> Array {
            let x = x.to_array();
            let mask = spread(stringify!($name), &x, mask);
            let axes = axes.resolve(x.ndim()).or_raise();
            let initial = initial.to_array().astype(x.dtype());
            as_one(&[x, mask, initial], |args| {
                let [x, mask, initial] = args else { unreachable!("three operands") };
                if count(x, &axes) == 0 {
                    return initial.broadcast_to(&x.aval().shape.remove(&axes));
                }
                where_(mask, x, initial).$reduce(&axes[..]).$pair(initial)
            })
        }
    )* };
}

extremes! {
    /// Returns the greatest of `initial`, a scalar, and the elements of some axes where the mask is true. The mask
    /// broadcasts to the shape of `x`, whose dtype the result has. For an `initial` value without a mask, pass `true`.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let x = Array::from([[1.0f32, 9.0], [-3.0, 8.0]]);
    /// assert_eq!(np::max_where(&x, 1, Array::from([true, false]), 0.0).to_vec::<f32>(), [1.0, 0.0]);
    /// assert_eq!(np::max_where(&x, (), true, 10.0).item::<f32>(), 10.0);
    /// ```
    max_where max_axis maximum;
    /// Returns the least of `initial`, a scalar, and the elements of some axes where the mask is true. The mask
    /// broadcasts to the shape of `x`, whose dtype the result has. For an `initial` value without a mask, pass `true`.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let x = Array::from([[1.0f32, -9.0], [3.0, -8.0]]);
    /// assert_eq!(np::min_where(&x, 1, Array::from([true, false]), 2.0).to_vec::<f32>(), [1.0, 2.0]);
    /// assert_eq!(np::min_where(&x, (), true, -10.0).item::<f32>(), -10.0);
    /// ```
    min_where min_axis minimum;
}
