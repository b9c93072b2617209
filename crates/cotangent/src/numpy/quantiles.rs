//! Quantiles and percentiles, of all elements and of those that are not NaN.

use crate::api::program::as_one;
use crate::array::aval::Shape;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike, Repr};
use crate::error::{Error, OrRaise, raise};
use crate::methods::axes::Axes;
use crate::methods::reductions::{count, require_elements, working};

use super::logic::{isnan, logical_not, where_};
use super::sorting::sort_axis;
use super::take::{take_along_axis, take_axis};

/// The value of a quantile that lies between two elements.
///
/// ```
/// use cotangent::{Array, numpy::{self as np, Between}};
/// let x = Array::from([1.0f32, 2.0, 4.0]);
/// let quarter = |between| np::quantile_with(&x, 0.25, (), between, false).item::<f32>();
/// assert_eq!([quarter(Between::Linear), quarter(Between::Higher), quarter(Between::Lower)], [1.5, 2.0, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Between {
    /// The linear interpolation of both.
    Linear,
    /// The lower element.
    Lower,
    /// The higher element.
    Higher,
    /// The nearest element. In the middle, it is the lower one.
    Nearest,
    /// The mean of both.
    Midpoint,
}

/// Defines the functions of one kind of quantile: of all elements, over axes, and with all arguments.
macro_rules! quantiles {
    ($($(#[$doc:meta])* $name:ident $axis:ident $with:ident: $per:expr, $ignores_nan:expr;)*) => { $(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl ArrayLike, q: impl ArrayLike) -> Array {
            let call = Call { name: stringify!($name), per: $per, ignores_nan: $ignores_nan };
            call.quantile(x, q, (), Between::Linear, false)
        }

        #[doc = concat!("Like [`", stringify!($name), "`], over some axes, which are removed.")]
        ///
        /// # Panics
        /// If an axis is out of bounds or empty, or `x` is complex.
        #[track_caller]
        pub fn $axis(x: impl ArrayLike, q: impl ArrayLike, axes: impl Axes) -> Array {
            let call = Call { name: stringify!($axis), per: $per, ignores_nan: $ignores_nan };
            call.quantile(x, q, axes, Between::Linear, false)
        }

        #[doc = concat!(
            "Like [`", stringify!($axis), "`], with the value [between](Between) two elements. If `keepdims`, the axes remain with size one."
        )]
        ///
        /// # Panics
        /// If an axis is out of bounds or empty, or `x` is complex.
        #[track_caller]
        pub fn $with(x: impl ArrayLike, q: impl ArrayLike, axes: impl Axes, between: Between, keepdims: bool) -> Array {
            let call = Call { name: stringify!($with), per: $per, ignores_nan: $ignores_nan };
            call.quantile(x, q, axes, between, keepdims)
        }
    )* };
}

quantiles! {
    /// Returns the `q`-quantile of all elements, with linear interpolation between neighbors, or NaN if there is a NaN.
    /// `q`, between 0 and 1, is a number or an array, whose dimensions are the first ones of the result.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let x = Array::from([0.0f32, 1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(np::quantile(&x, 0.25).item::<f32>(), 1.0);
    /// assert_eq!(np::quantile(&x, Array::from([0.0f32, 0.5])).to_vec::<f32>(), [0.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If there are no elements, or `x` is complex.
    quantile quantile_axis quantile_with: 1.0, false;
    /// [`quantile`] with the fraction in per cent.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// assert_eq!(np::percentile(Array::from([5.0f32, 1.0, 2.0]), 50.0).item::<f32>(), 2.0);
    /// ```
    ///
    /// # Panics
    /// If there are no elements, or `x` is complex.
    percentile percentile_axis percentile_with: 100.0, false;
    /// [`quantile`] of the elements that are not NaN, or NaN if there is none.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// assert_eq!(np::nanquantile(Array::from([1.0f32, f32::NAN, 3.0]), 0.25).item::<f32>(), 1.5);
    /// ```
    ///
    /// # Panics
    /// If there are no elements, or `x` is complex.
    nanquantile nanquantile_axis nanquantile_with: 1.0, true;
    /// [`nanquantile`] with the fraction in per cent.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// assert_eq!(np::nanpercentile(Array::from([1.0f32, f32::NAN, 3.0]), 50.0).item::<f32>(), 2.0);
    /// ```
    ///
    /// # Panics
    /// If there are no elements, or `x` is complex.
    nanpercentile nanpercentile_axis nanpercentile_with: 100.0, true;
}

/// A function of this file. Its fractions are divided by `per`.
#[derive(Clone, Copy)]
struct Call {
    name: &'static str,
    per: f64,
    ignores_nan: bool,
}

impl Call {
    #[track_caller]
    fn quantile(
        self,
        x: impl ArrayLike,
        q: impl ArrayLike,
        axes: impl Axes,
        between: Between,
        keepdims: bool,
    ) -> Array {
        let (x, q) = (x.to_array().to_inexact(), q.to_array());
        let axes = axes.resolve(x.ndim()).map_err(|e| e.context(self.name)).or_raise();
        require_elements(self.name, &x, &axes);
        if x.dtype().is_complex() {
            raise(
                Error::dtype(format!("{}: expected real numbers, got {}", self.name, x.aval()))
                    .help("complex numbers are not ordered: pass their real and imaginary parts, or their moduli"),
            );
        }
        let rest = x.aval().shape.remove(&axes);
        let kept: Shape = (0..x.ndim())
            .filter(|d| keepdims || !axes.contains(d))
            .map(|d| if axes.contains(&d) { 1 } else { x.shape()[d] })
            .collect();
        let shape: Shape = q.shape().iter().chain(kept.iter()).copied().collect();
        let rows = |x: &Array| {
            let order: Vec<usize> = (0..x.ndim()).filter(|d| !axes.contains(d)).chain(axes.iter().copied()).collect();
            let x = if order.is_sorted() { x.clone() } else { x.permute(&order) };
            x.reshape(&rest.insert(rest.rank(), count(&x, &(rest.rank()..x.ndim()).collect::<Vec<_>>())))
        };
        match &q.0 {
            Repr::Scalar(q) if !self.ignores_nan => {
                let q = q.value().to_f64() / self.per;
                as_one(&[x], |x| at_number(&rows(&x[0]), q, between).reshape(&shape))
            }
            _ => {
                let dtype = working(x.dtype());
                let q = q.astype(dtype).reshape([q.size()]);
                as_one(&[x, q], |args| {
                    let values = at_fractions(&rows(&args[0]), &(&args[1] / self.per), between, self.ignores_nan);
                    values.moveaxis(-1, 0).reshape(&shape).astype(args[0].dtype())
                })
            }
        }
    }
}

/// Returns the quantile along the last axis, where the fraction is known.
#[track_caller]
fn at_number(x: &Array, q: f64, between: Between) -> Array {
    let dimension = x.ndim() - 1;
    let n = x.shape()[dimension];
    let sorted = sort_axis(x, -1);
    let place = (q * (n - 1) as f64).clamp(0.0, (n - 1) as f64);
    // The quantile 0.07 of 101 elements is the element of index 7, whatever the last digit of the product is.
    let place = if (place - place.round()).abs() <= f64::EPSILON * place { place.round() } else { place };
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    let rest = x.aval().shape.remove(&[dimension]);
    let at = |i: usize| sorted.slice_axis(dimension, i, i + 1).reshape(&rest);
    let weight = place - low as f64;
    let value = match between {
        // On an element, its neighbor does not contribute: zero times an infinity would be NaN.
        Between::Linear if weight == 0.0 => at(low),
        Between::Linear => at(low) * (1.0 - weight) + at(high) * weight,
        Between::Lower => at(low),
        Between::Higher => at(high),
        Between::Nearest => at(if weight <= 0.5 { low } else { high }),
        Between::Midpoint => (at(low) + at(high)) * 0.5,
    };
    where_(isnan(x).any_axis(dimension), f64::NAN, value)
}

/// Returns the quantiles along the last axis, which becomes that of the fractions, in the dtype of these.
#[track_caller]
fn at_fractions(x: &Array, q: &Array, between: Between, ignores_nan: bool) -> Array {
    let dtype = q.dtype();
    let sorted = sort_axis(x, -1).astype(dtype);
    let numbers = logical_not(isnan(x)).astype(dtype).sum_keepdims(-1);
    let n = x.shape()[x.ndim() - 1];
    let end = if ignores_nan { (&numbers - 1.0).maximum(0.0) } else { super::full_as([1], (n - 1) as f64, dtype) };
    let place = (&end * q).maximum(0.0).minimum(&end);
    // The quantile 0.07 of 101 elements is the element of index 7, whatever the last digit of the product is.
    let whole = super::round(&place);
    let near = (&place - &whole).abs().less_equal(&place * 2f64.powi(-dtype.mantissa_bits()));
    let place = where_(near, whole, place);
    let (low, high) = (super::floor(&place), super::ceil(&place));
    let weight = &place - &low;
    let at = |i: &Array| match i.astype(DType::I32) {
        i if ignores_nan => take_along_axis(&sorted, i, -1),
        i => take_axis(&sorted, i, -1),
    };
    let value = match between {
        Between::Linear => {
            let (below, above) = (at(&low), at(&high));
            where_(weight.equal(0.0), &below, &below * (1.0 - &weight) + above * &weight)
        }
        Between::Lower => at(&low),
        Between::Higher => at(&high),
        Between::Nearest => at(&where_(weight.less_equal(0.5), low, high)),
        Between::Midpoint => (at(&low) + at(&high)) * 0.5,
    };
    if ignores_nan { value } else { where_(numbers.less(n as f64), f64::NAN, value) }
}
