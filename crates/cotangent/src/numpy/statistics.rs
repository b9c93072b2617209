//! Spread and averages.

use crate::api::program::as_one;
use crate::array::aval::Shape;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::ops::reduce::ReduceSum;
use crate::trace::frames::bind1;

use super::logic::{isnan, where_};
use super::reductions::reduction_functions;
use crate::methods::axes::Axes;
use crate::methods::reductions::{count, keepdims, mean_of, reduction_methods, working};

macro_rules! statistics {
    ($for_each:ident) => {
        $for_each! {
            /// The variance: the mean of the squared distances from the mean.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1.0f32, 3.0]).var().item::<f32>(), 1.0);
            /// ```
            var var_axis var_keepdims: var_of;
            /// The standard deviation: the square root of [`var`].
            ///
            /// ```
            /// use cotangent::Array;
            /// assert!((Array::from([1.0f32, 3.0]).std().item::<f64>() - 1.0).abs() < 1e-6);
            /// ```
            std std_axis std_keepdims: std_of;
            /// The greatest element less the least.
            ///
            /// # Panics
            /// When there are no elements.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([2, 5]).ptp().item::<i32>(), 3);
            /// ```
            ptp ptp_axis ptp_keepdims: ptp_of;
            /// The number of elements that are not zero, in `i32`.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([0, 5, 7]).count_nonzero().item::<i32>(), 2);
            /// ```
            count_nonzero count_nonzero_axis count_nonzero_keepdims: count_nonzero_of;
            /// The sum of the elements that are not NaN.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1.0f32, f32::NAN, 2.0]).nansum().item::<f32>(), 3.0);
            /// ```
            nansum nansum_axis nansum_keepdims: nansum_of;
            /// The mean of the elements that are not NaN.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1.0f32, f32::NAN, 3.0]).nanmean().item::<f32>(), 2.0);
            /// ```
            nanmean nanmean_axis nanmean_keepdims: nanmean_of;
        }
    };
}

// A variance is one program, which no method can make: these stand above `methods`.
statistics!(reduction_methods);
statistics!(reduction_functions);

#[track_caller]
fn var_of(x: &Array, axes: &[usize]) -> Array {
    variance(x, axes, 0)
}

#[track_caller]
fn std_of(x: &Array, axes: &[usize]) -> Array {
    deviation(x, axes, 0)
}

#[track_caller]
fn variance(x: &Array, axes: &[usize], ddof: usize) -> Array {
    as_one(std::slice::from_ref(x), |x| mean_square(&x[0], axes, ddof))
}

#[track_caller]
fn deviation(x: &Array, axes: &[usize], ddof: usize) -> Array {
    as_one(std::slice::from_ref(x), |x| mean_square(&x[0], axes, ddof).sqrt())
}

/// The mean square of what is left of `x` when its mean is taken away.
#[track_caller]
fn mean_square(x: &Array, axes: &[usize], ddof: usize) -> Array {
    let x = x.to_inexact();
    let dtype = x.dtype();
    let wide = x.convert(working(dtype), x.weak_type() && dtype == working(dtype));
    let centered = &wide - keepdims(&mean_of(&wide, axes), &wide, axes);
    let squares = if dtype.is_complex() { (&centered * centered.conj()).real() } else { centered.square() };
    let n = count(&x, axes) as f64 - ddof as f64;
    let sum = bind1(ReduceSum { axes: axes.to_vec() }, &[&squares]);
    // Without a degree of freedom there is no estimate.
    (sum / if n > 0.0 { n } else { f64::NAN }).convert(dtype.real(), x.weak_type())
}

/// [`var`] over some axes, divided by the number of elements less `ddof`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::var_ddof(Array::from([1.0f32, 3.0]), (), 1).item::<f32>(), 2.0);
/// ```
#[track_caller]
pub fn var_ddof(x: impl ArrayLike, axes: impl Axes, ddof: usize) -> Array {
    let x = x.to_array();
    let axes = axes.resolve(x.ndim()).or_raise();
    variance(&x, &axes, ddof)
}

/// [`std()`] over some axes, with the number of elements less `ddof` as the divisor.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert!((np::std_ddof(Array::from([1.0f32, 3.0]), (), 1).item::<f64>() - 2f64.sqrt()).abs() < 1e-5);
/// ```
#[track_caller]
pub fn std_ddof(x: impl ArrayLike, axes: impl Axes, ddof: usize) -> Array {
    let x = x.to_array();
    let axes = axes.resolve(x.ndim()).or_raise();
    deviation(&x, &axes, ddof)
}

#[track_caller]
fn ptp_of(x: &Array, axes: &[usize]) -> Array {
    x.max_axis(axes) - x.min_axis(axes)
}

#[track_caller]
fn count_nonzero_of(x: &Array, axes: &[usize]) -> Array {
    x.not_equal(0).astype(DType::I32).sum_axis(axes)
}

#[track_caller]
fn nansum_of(x: &Array, axes: &[usize]) -> Array {
    where_(isnan(x), 0, x).sum_axis(axes)
}

#[track_caller]
fn nanmean_of(x: &Array, axes: &[usize]) -> Array {
    let x = x.to_inexact();
    let n = isnan(&x).logical_not().astype(x.dtype()).sum_axis(axes);
    nansum_of(&x, axes) / n
}

/// The mean weighted with `weights`: one for each element, or one for each place along `axes`, in the order of
/// the array's axes.
///
/// # Panics
/// When the weights are neither, or an axis is out of bounds.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1.0f32, 2.0, 4.0]]);
/// assert_eq!(np::average(&x, 1, Array::from([1.0f32, 2.0, 1.0])).to_vec::<f32>(), [2.25]);
/// ```
#[track_caller]
pub fn average(x: impl ArrayLike, axes: impl Axes, weights: impl ArrayLike) -> Array {
    let [x, weights] = crate::ops::in_one_inexact_dtype([x.to_array(), weights.to_array()]);
    let axes = axes.resolve(x.ndim()).or_raise();
    let weights = weights_along(&x, &axes, &weights).broadcast_to(x.shape());
    (&x * &weights).sum_axis(&axes[..]) / weights.sum_axis(&axes[..])
}

/// Weights that are of `axes` alone, put there.
#[track_caller]
fn weights_along(x: &Array, axes: &[usize], weights: &Array) -> Array {
    if weights.ndim() == 0 || weights.ndim() == x.ndim() {
        return weights.clone();
    }
    let along: Vec<usize> = axes.iter().map(|d| x.shape()[*d]).collect();
    if weights.shape() != along {
        raise(
            Error::shape(format!("average: weights {} do not fit axes {axes:?} of {}", weights.aval(), x.aval()))
                .help(format!("they are of shape {:?} or {along:?}", x.shape())),
        );
    }
    let shape: Shape = (x.shape().iter().enumerate()).map(|(d, n)| if axes.contains(&d) { *n } else { 1 }).collect();
    weights.reshape(&shape)
}

/// The covariance matrix of variables that are the rows of `x`, with one less than the number of columns as divisor.
///
/// # Panics
/// When `x` has more than two dimensions.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::cov(Array::from([[1.0f32, 3.0], [3.0, 1.0]])).to_vec::<f32>(), [2.0, -2.0, -2.0, 2.0]);
/// ```
#[track_caller]
pub fn cov(x: impl ArrayLike) -> Array {
    let x = x.to_array().to_inexact();
    let rows = if x.ndim() < 2 { x.reshape([1, x.size()]) } else { x.clone() };
    let centered = &rows - rows.mean_keepdims(1);
    let divisor = rows.shape()[1] as f64 - 1.0;
    let result = super::matmul(&centered, centered.conj().t()) / divisor;
    if x.ndim() < 2 { result.reshape(()) } else { result }
}
