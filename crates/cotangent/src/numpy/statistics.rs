//! Averages, variances and related statistics.

use crate::api::program::as_one;
use crate::array::aval::Shape;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::ops::reduce::ReduceSum;
use crate::trace::frames::bind1;

use super::logic::{isnan, smooth_but_at_zero, where_};
use super::masked::variance_where;
use super::reductions::reduction_functions;
use crate::methods::axes::Axes;
use crate::methods::reductions::{count, keepdims, mean_of, reduction_methods, working};

macro_rules! statistics {
    ($for_each:ident) => {
        $for_each! {
            /// Returns the variance: the mean of the squared deviations from the mean.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1.0f32, 3.0]).var().item::<f32>(), 1.0);
            /// ```
            var var_axis var_keepdims: var_of;
            /// Returns the standard deviation: the square root of [`var`]. Its derivative is zero where all elements are equal.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert!((Array::from([1.0f32, 3.0]).std().item::<f64>() - 1.0).abs() < 1e-6);
            /// ```
            std std_axis std_keepdims: std_of;
            /// Returns the difference between the greatest and the least element.
            ///
            /// # Panics
            /// If there are no elements.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([2, 5]).ptp().item::<i32>(), 3);
            /// ```
            ptp ptp_axis ptp_keepdims: ptp_of;
            /// Returns the number of nonzero elements, in `i32`.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([0, 5, 7]).count_nonzero().item::<i32>(), 2);
            /// ```
            count_nonzero count_nonzero_axis count_nonzero_keepdims: count_nonzero_of;
            /// Returns the sum of the elements that are not NaN.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1.0f32, f32::NAN, 2.0]).nansum().item::<f32>(), 3.0);
            /// ```
            nansum nansum_axis nansum_keepdims: nansum_of;
            /// Returns the mean of the elements that are not NaN.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1.0f32, f32::NAN, 3.0]).nanmean().item::<f32>(), 2.0);
            /// ```
            nanmean nanmean_axis nanmean_keepdims: nanmean_of;
            /// Returns the product of the elements that are not NaN.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([2.0f32, f32::NAN, 3.0]).nanprod().item::<f32>(), 6.0);
            /// ```
            nanprod nanprod_axis nanprod_keepdims: nanprod_of;
            /// Returns the greatest of the elements that are not NaN, or NaN if there is none.
            ///
            /// # Panics
            /// If there are no elements.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1.0f32, f32::NAN, 3.0]).nanmax().item::<f32>(), 3.0);
            /// ```
            nanmax nanmax_axis nanmax_keepdims: nanmax_of;
            /// Returns the least of the elements that are not NaN, or NaN if there is none.
            ///
            /// # Panics
            /// If there are no elements.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1.0f32, f32::NAN, 3.0]).nanmin().item::<f32>(), 1.0);
            /// ```
            nanmin nanmin_axis nanmin_keepdims: nanmin_of;
            /// Returns the variance of the elements that are not NaN.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1.0f32, f32::NAN, 3.0]).nanvar().item::<f32>(), 1.0);
            /// ```
            nanvar nanvar_axis nanvar_keepdims: nanvar_of;
            /// Returns the standard deviation of the elements that are not NaN.
            ///
            /// ```
            /// use cotangent::Array;
            /// assert_eq!(Array::from([1.0f32, f32::NAN, 5.0]).nanstd().item::<f32>(), 2.0);
            /// ```
            nanstd nanstd_axis nanstd_keepdims: nanstd_of;
        }
    };
}

// These methods are defined here and not in `methods`: a variance is one program, which that room cannot make.
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
    as_one(std::slice::from_ref(x), |x| smooth_but_at_zero(&mean_square(&x[0], axes, ddof), Array::sqrt))
}

/// Returns the mean square of the deviations of `x` from its mean.
#[track_caller]
fn mean_square(x: &Array, axes: &[usize], ddof: usize) -> Array {
    let x = x.to_inexact();
    let dtype = x.dtype();
    let wide = x.convert(working(dtype), x.weak_type() && dtype == working(dtype));
    let centered = &wide - keepdims(&mean_of(&wide, axes), &wide, axes);
    let squares = if dtype.is_complex() { (&centered * centered.conj()).real() } else { centered.square() };
    let n = count(&x, axes) as f64 - ddof as f64;
    let sum = bind1(ReduceSum { axes: axes.to_vec() }, &[&squares]);
    // Without a degree of freedom, there is no estimate.
    (sum / if n > 0.0 { n } else { f64::NAN }).convert(dtype.real(), x.weak_type())
}

/// [`var`] over some axes, with the number of elements minus `ddof` as the divisor.
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

/// [`std()`] over some axes, with the number of elements minus `ddof` as the divisor.
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

#[track_caller]
fn nanprod_of(x: &Array, axes: &[usize]) -> Array {
    where_(isnan(x), 1, x).prod_axis(axes)
}

/// Returns a reduction of the elements that are not NaN, in whose place stands a number that does not count. It is NaN
/// if there are none.
#[track_caller]
fn of_numbers(x: &Array, axes: &[usize], neutral: f64, f: impl Fn(&Array) -> Array) -> Array {
    if !x.dtype().is_inexact() {
        return f(x);
    }
    let missing = isnan(x);
    where_(missing.all_axis(axes), f64::NAN, f(&where_(&missing, neutral, x)))
}

#[track_caller]
fn nanmax_of(x: &Array, axes: &[usize]) -> Array {
    of_numbers(x, axes, f64::NEG_INFINITY, |x| x.max_axis(axes))
}

#[track_caller]
fn nanmin_of(x: &Array, axes: &[usize]) -> Array {
    of_numbers(x, axes, f64::INFINITY, |x| x.min_axis(axes))
}

#[track_caller]
fn nanvar_of(x: &Array, axes: &[usize]) -> Array {
    as_one(&[x.to_inexact()], |x| variance_where(&x[0], &isnan(&x[0]).logical_not(), axes))
}

#[track_caller]
fn nanstd_of(x: &Array, axes: &[usize]) -> Array {
    as_one(std::slice::from_ref(x), |x| smooth_but_at_zero(&nanvar_of(&x[0], axes), Array::sqrt))
}

/// Returns the weighted mean over some axes. The weights have either the shape of `x`, or one dimension for each of
/// `axes`, in the order of the axes of `x`.
///
/// # Panics
/// If the weights have neither shape, or an axis is out of bounds.
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

/// Returns the weights in a shape that broadcasts to `x`, if they have the dimensions `axes` alone.
#[track_caller]
fn weights_along(x: &Array, axes: &[usize], weights: &Array) -> Array {
    if weights.ndim() == 0 || weights.ndim() == x.ndim() {
        return weights.clone();
    }
    let along: Vec<usize> = axes.iter().map(|d| x.shape()[*d]).collect();
    if weights.shape() != along {
        raise(
            Error::shape(format!("average: weights {} do not match axes {axes:?} of {}", weights.aval(), x.aval()))
                .help(format!("they must have shape {:?} or {along:?}", x.shape())),
        );
    }
    let shape: Shape = (x.shape().iter().enumerate()).map(|(d, n)| if axes.contains(&d) { *n } else { 1 }).collect();
    weights.reshape(&shape)
}

/// Returns the covariance matrix of the variables in the rows of `x`. The divisor is the number of columns minus one.
///
/// # Panics
/// If `x` has more than two dimensions.
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
