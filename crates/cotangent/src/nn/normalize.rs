//! Functions along axes: the softmax family, standardization, and one-hot vectors.

use crate::api::program::as_one;
use crate::array::aval::Shape;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::methods::reductions::{keepdims, working};
use crate::nn::at_caller;
use crate::numpy::{Axes, iota, where_};
use crate::ops::broadcast;
use crate::scipy::special;

pub use crate::scipy::special::{
    log_softmax, logsumexp, logsumexp_axis, logsumexp_keepdims, logsumexp_weighted, softmax,
};

/// Brings an operand and its mask to one shape, and resolves the axes.
#[track_caller]
fn masked(what: &str, x: impl ArrayLike, axes: impl Axes, mask: impl ArrayLike) -> ([Array; 2], Vec<usize>) {
    let (x, mask) = (x.to_array().to_inexact(), mask.to_array());
    boolean(what, &mask);
    let [x, mask] = broadcast([x, mask]);
    let axes = axes.resolve(x.ndim()).map_err(|e| e.context(what)).or_raise();
    let shape = x.shape().to_vec();
    ([x, mask.broadcast_to(shape)], axes)
}

#[track_caller]
fn boolean(what: &str, mask: &Array) {
    if mask.dtype() != DType::Bool {
        raise(
            Error::dtype(format!("{what}: the mask must be boolean, got {}", mask.aval()))
                .help("compare it with a number: `mask.not_equal(0)`"),
        );
    }
}

/// [`softmax`] along some axes of the elements that a boolean mask selects: JAX's `where`. The other elements of the
/// result are zero, and so is all of it where nothing is selected.
///
/// ```
/// use cotangent::{Array, nn};
/// let (x, mask) = (Array::from([1.0f32, 1.0, 9.0]), Array::from([true, true, false]));
/// assert_eq!(nn::softmax_where(&x, -1, &mask).to_vec::<f32>(), [0.5, 0.5, 0.0]);
/// ```
///
/// # Panics
/// If the mask is not boolean, or the shapes do not broadcast.
#[track_caller]
pub fn softmax_where(x: impl ArrayLike, axes: impl Axes, mask: impl ArrayLike) -> Array {
    let (operands, axes) = masked("softmax_where", x, axes, mask);
    at_caller(|| as_one(&operands, |x| special::softmax_where(&x[0], &axes, &x[1])))
}

/// [`log_softmax`] along some axes of the elements that a boolean mask selects: JAX's `where`. The other elements of
/// the result are −∞.
///
/// ```
/// use cotangent::{Array, nn};
/// let (x, mask) = (Array::from([1.0f32, 9.0]), Array::from([true, false]));
/// assert_eq!(nn::log_softmax_where(&x, -1, &mask).to_vec::<f32>(), [0.0, f32::NEG_INFINITY]);
/// ```
///
/// # Panics
/// If the mask is not boolean, or the shapes do not broadcast.
#[track_caller]
pub fn log_softmax_where(x: impl ArrayLike, axes: impl Axes, mask: impl ArrayLike) -> Array {
    let (operands, axes) = masked("log_softmax_where", x, axes, mask);
    at_caller(|| as_one(&operands, |x| special::log_softmax_where(&x[0], &axes, &x[1])))
}

/// Returns the logarithm of the mean of exponentials of all elements, without overflow in between.
///
/// ```
/// use cotangent::{Array, nn};
/// assert_eq!(nn::logmeanexp(Array::from([1000.0f32, 1000.0])).item::<f32>(), 1000.0);
/// ```
#[track_caller]
pub fn logmeanexp(x: impl ArrayLike) -> Array {
    logmeanexp_axis(x, ())
}

/// [`logmeanexp`] over some axes, which are removed from the result.
///
/// ```
/// use cotangent::{nn, numpy as np};
/// assert_eq!(nn::logmeanexp_axis(np::zeros([2, 3]), 1).to_vec::<f32>(), [0.0, 0.0]);
/// ```
#[track_caller]
pub fn logmeanexp_axis(x: impl ArrayLike, axes: impl Axes) -> Array {
    let x = x.to_array();
    let axes = axes.resolve(x.ndim()).map_err(|e| e.context("logmeanexp")).or_raise();
    let count: usize = axes.iter().map(|d| x.shape()[*d]).product();
    at_caller(|| as_one(&[x], |x| special::logsumexp_axis(&x[0], &axes) - (count as f64).ln()))
}

/// [`logmeanexp`] over some axes, which remain with size one.
///
/// ```
/// use cotangent::{nn, numpy as np};
/// assert_eq!(nn::logmeanexp_keepdims(np::zeros([2, 3]), 1).shape(), [2, 1]);
/// ```
#[track_caller]
pub fn logmeanexp_keepdims(x: impl ArrayLike, axes: impl Axes) -> Array {
    let x = x.to_array();
    let axes = axes.resolve(x.ndim()).map_err(|e| e.context("logmeanexp")).or_raise();
    keepdims(&logmeanexp_axis(&x, &axes), &x, &axes)
}

/// [`logmeanexp`] over some axes, of the elements that a boolean mask selects: JAX's `where`.
///
/// ```
/// use cotangent::{Array, nn};
/// let (x, mask) = (Array::from([3.0f32, 3.0, 9.0]), Array::from([true, true, false]));
/// assert_eq!(nn::logmeanexp_where(&x, (), &mask).item::<f32>(), 3.0);
/// ```
///
/// # Panics
/// If the mask is not boolean, or the shapes do not broadcast.
#[track_caller]
pub fn logmeanexp_where(x: impl ArrayLike, axes: impl Axes, mask: impl ArrayLike) -> Array {
    let (operands, axes) = masked("logmeanexp_where", x, axes, mask);
    at_caller(|| {
        as_one(&operands, |x| {
            let dtype = x[0].dtype();
            let count = x[1].astype(DType::I32).sum_axis(&axes).astype(dtype.real());
            special::logsumexp_weighted(&x[0], &axes, x[1].astype(dtype)) - count.log()
        })
    })
}

/// The options of [`standardize_with`].
///
/// ```
/// use cotangent::nn::Standardize;
/// let options = Standardize::new().epsilon(1e-6).stable();
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are used"]
pub struct Standardize {
    mean: Option<Array>,
    variance: Option<Array>,
    epsilon: f64,
    mask: Option<Array>,
    stable: bool,
}

impl Default for Standardize {
    fn default() -> Standardize {
        Standardize { mean: None, variance: None, epsilon: 1e-5, mask: None, stable: false }
    }
}

impl Standardize {
    /// Creates the options of [`standardize`]: mean and variance of the array, and 10⁻⁵ added to the variance.
    ///
    /// ```
    /// use cotangent::{nn, numpy as np};
    /// let y = nn::standardize_with(np::zeros([2, 3]), -1, &nn::Standardize::new());
    /// assert_eq!(y.to_vec::<f32>(), [0.0; 6]);
    /// ```
    pub fn new() -> Standardize {
        Standardize::default()
    }

    /// Sets the mean, instead of that of the array. It must broadcast to the array.
    ///
    /// ```
    /// use cotangent::{Array, nn};
    /// let options = nn::Standardize::new().mean(1.0).variance(4.0).epsilon(0.0);
    /// assert_eq!(nn::standardize_with(Array::from([5.0f32]), -1, &options).to_vec::<f32>(), [2.0]);
    /// ```
    pub fn mean(mut self, mean: impl ArrayLike) -> Standardize {
        self.mean = Some(mean.to_array());
        self
    }

    /// Sets the variance, instead of that of the array. It must broadcast to the array.
    ///
    /// ```
    /// use cotangent::{Array, nn};
    /// let options = nn::Standardize::new().mean(0.0).variance(4.0).epsilon(0.0);
    /// assert_eq!(nn::standardize_with(Array::from([4.0f32]), -1, &options).to_vec::<f32>(), [2.0]);
    /// ```
    pub fn variance(mut self, variance: impl ArrayLike) -> Standardize {
        self.variance = Some(variance.to_array());
        self
    }

    /// Sets the number that is added to the variance.
    ///
    /// ```
    /// let options = cotangent::nn::Standardize::new().epsilon(1e-6);
    /// # let _ = options;
    /// ```
    pub fn epsilon(mut self, epsilon: f64) -> Standardize {
        self.epsilon = epsilon;
        self
    }

    /// Selects the elements that mean and variance are computed from, by a boolean mask: JAX's `where`.
    ///
    /// ```
    /// use cotangent::{Array, nn};
    /// let options = nn::Standardize::new().mask(Array::from([true, true, false])).epsilon(0.0);
    /// let y = nn::standardize_with(Array::from([1.0f32, 3.0, 4.0]), -1, &options);
    /// assert_eq!(y.to_vec::<f32>(), [-1.0, 1.0, 2.0]);
    /// ```
    pub fn mask(mut self, mask: impl ArrayLike) -> Standardize {
        self.mask = Some(mask.to_array());
        self
    }

    /// Computes the variance as the mean square of the deviations from the mean, instead of the difference between the
    /// mean square and the square of the mean, which cancels where the mean is large.
    ///
    /// ```
    /// use cotangent::{Array, nn};
    /// let options = nn::Standardize::new().stable().epsilon(0.0);
    /// let y = nn::standardize_with(Array::from([10000.0f32, 10002.0]), -1, &options);
    /// assert_eq!(y.to_vec::<f32>(), [-1.0, 1.0]);
    /// ```
    pub fn stable(mut self) -> Standardize {
        self.stable = true;
        self
    }
}

/// Shifts and scales the elements along some axes to mean zero and variance one: (x − mean) / √(variance + 10⁻⁵).
///
/// ```
/// use cotangent::{Array, nn};
/// let y = nn::standardize(Array::from([1.0f32, 3.0]), -1).to_vec::<f32>();
/// assert!((y[0] + 1.0).abs() < 1e-4 && (y[1] - 1.0).abs() < 1e-4);
/// ```
#[track_caller]
pub fn standardize(x: impl ArrayLike, axes: impl Axes) -> Array {
    standardize_with(x, axes, &Standardize::new())
}

/// [`standardize`] with [options](Standardize): a given mean or variance, a mask, the variance without cancellation.
///
/// ```
/// use cotangent::{Array, nn};
/// let options = nn::Standardize::new().epsilon(0.0);
/// assert_eq!(nn::standardize_with(Array::from([1.0f32, 3.0]), -1, &options).to_vec::<f32>(), [-1.0, 1.0]);
/// ```
///
/// # Panics
/// If the mask is not boolean, or the shapes do not broadcast.
#[track_caller]
pub fn standardize_with(x: impl ArrayLike, axes: impl Axes, options: &Standardize) -> Array {
    let x = x.to_array().to_inexact();
    let axes = axes.resolve(x.ndim()).map_err(|e| e.context("standardize")).or_raise();
    if let Some(mask) = &options.mask {
        boolean("standardize", mask);
    }
    let mask = options.mask.as_ref().map(|mask| at_caller(|| mask.broadcast_to(x.shape())));
    // A Rust number has the precision of the array.
    let given = |y: &Option<Array>| y.as_ref().map(|y| if y.weak_type() { y.astype(x.dtype()) } else { y.clone() });
    let (mean, variance) = (given(&options.mean), given(&options.variance));
    let operands: Vec<Array> =
        [Some(&x), mean.as_ref(), variance.as_ref(), mask.as_ref()].into_iter().flatten().cloned().collect();
    at_caller(|| {
        as_one(&operands, |operands| {
            let mut operands = operands.iter();
            let mut next = |given: bool| if given { operands.next() } else { None };
            let x = &next(true).cloned().unwrap_or(x);
            let (mean, variance) = (next(options.mean.is_some()), next(options.variance.is_some()));
            let mask = next(mask.is_some());
            let average = |y: &Array| mean_where(y, &axes, mask);
            let mean = mean.cloned().unwrap_or_else(|| average(x));
            let variance = variance.cloned().unwrap_or_else(|| match options.stable {
                true => average(&(x - &mean).square()),
                false => (average(&x.square()) - mean.square()).maximum(0.0),
            });
            (x - mean) * (variance + options.epsilon).rsqrt()
        })
    })
}

/// Returns the mean of the selected elements along some axes, which remain with size one.
#[track_caller]
fn mean_where(x: &Array, axes: &[usize], mask: Option<&Array>) -> Array {
    let Some(mask) = mask else { return x.mean_keepdims(axes) };
    let wide = working(x.dtype());
    let sum = where_(mask, x.astype(wide), 0.0).sum_keepdims(axes);
    (sum / mask.astype(DType::I32).sum_keepdims(axes).astype(wide)).astype(x.dtype())
}

/// Returns a vector of length `classes` for each index: one at the index, and zero elsewhere, in `f32`, along a new
/// last axis. An index out of bounds gives zeros.
///
/// ```
/// use cotangent::{Array, nn};
/// let y = nn::one_hot(Array::from([0, 2, 3, -1]), 3);
/// assert_eq!(y.shape(), [4, 3]);
/// assert_eq!(y.to_vec::<f32>(), [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
/// ```
#[track_caller]
pub fn one_hot(x: impl ArrayLike, classes: usize) -> Array {
    one_hot_as(x, classes, -1, DType::F32)
}

/// [`one_hot`] along a named axis, which has as many elements as there are classes: each element of the axis gets one
/// where the index is its own.
///
/// ```
/// use cotangent::{nn, prelude::*};
/// let rows = vmap(|_: &Array| nn::one_hot_along(np::array([0, 2]), "class")).axis_name("class");
/// assert_eq!(rows(&np::zeros(3)).to_vec::<f32>(), [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
/// ```
///
/// # Panics
/// If no axis has this name.
#[track_caller]
pub fn one_hot_along(x: impl ArrayLike, axis_name: &str) -> Array {
    x.to_array().equal(crate::lax::axis_index(axis_name)).astype(DType::F32)
}

/// [`one_hot`] along a new axis at any position, in any dtype.
///
/// ```
/// use cotangent::{Array, DType, nn};
/// let y = nn::one_hot_as(Array::from([1, 0]), 3, 0, DType::I32);
/// assert_eq!((y.shape(), y.to_vec::<i32>()), (&[3, 2][..], vec![0, 1, 1, 0, 0, 0]));
/// ```
///
/// # Panics
/// If there is no such axis in the result.
#[track_caller]
pub fn one_hot_as(x: impl ArrayLike, classes: usize, axis: isize, dtype: DType) -> Array {
    let x = x.to_array();
    let at = crate::array::aval::canonical_axis(axis, x.ndim() + 1).map_err(|e| e.context("one_hot")).or_raise();
    at_caller(|| {
        as_one(&[x], |x| {
            let x = &x[0];
            let shape: Shape = (0..=x.ndim()).map(|d| if d == at { classes } else { 1 }).collect();
            // The classes in a dtype that holds them, whatever that of the indices is.
            let wide = if x.dtype().is_integer() && x.dtype().bits() >= 32 { x.clone() } else { x.astype(DType::I32) };
            let wide = if x.dtype().is_inexact() { x.clone() } else { wide };
            let classes = iota(wide.dtype(), shape, at);
            wide.expand_dims(at as isize).equal(classes).astype(dtype)
        })
    })
}

/// Multiplies matrices that are divided into blocks along their last axis, each with a scale. For operands of shapes
/// (B, M, K) and (B, N, K) with scales of shapes (B, M, K / block) and (B, N, K / block), the result is the sum over
/// K of the scaled elements, of shape (B, M, N), in `f32`. The sizes of the blocks follow from the shapes.
///
/// ```
/// use cotangent::{nn, numpy as np};
/// let (a, b) = (np::array([[[1.0, 2.0, 3.0]]]), np::array([[[4.0, 5.0, 6.0]]]));
/// let half = np::array([[[0.5]]]);
/// assert_eq!(nn::scaled_matmul(&a, &b, &half, &half).to_vec::<f32>(), [8.0]);
/// ```
///
/// # Panics
/// If an operand does not have three dimensions, or sizes do not fit.
#[track_caller]
pub fn scaled_matmul(
    lhs: impl ArrayLike,
    rhs: impl ArrayLike,
    lhs_scales: impl ArrayLike,
    rhs_scales: impl ArrayLike,
) -> Array {
    scaled_matmul_as(lhs, rhs, lhs_scales, rhs_scales, DType::F32)
}

/// [`scaled_matmul`] with a dtype of the result. Elements are scaled and summed in `f32`.
///
/// ```
/// use cotangent::{DType, nn, numpy as np};
/// let (x, scales) = (np::ones([2, 4, 32]), np::ones([2, 4, 1]));
/// let y = nn::scaled_matmul_as(&x, &x, &scales, &scales, DType::BF16);
/// assert_eq!(y.aval().to_string(), "bf16[2,4,4]");
/// ```
///
/// # Panics
/// As [`scaled_matmul`] does.
#[track_caller]
pub fn scaled_matmul_as(
    lhs: impl ArrayLike,
    rhs: impl ArrayLike,
    lhs_scales: impl ArrayLike,
    rhs_scales: impl ArrayLike,
    dtype: DType,
) -> Array {
    let operands = [lhs.to_array(), rhs.to_array(), lhs_scales.to_array(), rhs_scales.to_array()];
    let avals = || operands.iter().map(|x| x.aval().to_string()).collect::<Vec<_>>().join(", ");
    if operands.iter().any(|x| x.ndim() != 3) {
        raise(
            Error::shape(format!("scaled_matmul: all operands must have three dimensions, got {}", avals()))
                .help("they are (batch, rows, contracted) and (batch, rows, blocks)"),
        );
    }
    let [a, b, s, t] = [0, 1, 2, 3].map(|i| operands[i].shape());
    let blocks = |x: &[usize], s: &[usize]| x[..2] == s[..2] && s[2] != 0 && x[2].is_multiple_of(s[2]);
    if a[0] != b[0] || a[2] != b[2] || s[2] != t[2] || !blocks(a, s) || !blocks(b, t) {
        raise(
            Error::shape(format!("scaled_matmul: the sizes of {} do not match", avals()))
                .help("operands (B, M, K) and (B, N, K) have scales (B, M, L) and (B, N, L), where L divides K"),
        );
    }
    at_caller(|| {
        as_one(&operands, |operands| {
            let scaled = |x: &Array, scales: &Array| {
                let (x, scales) = (x.astype(DType::F32), scales.astype(DType::F32));
                let [batch, rows, k] = [0, 1, 2].map(|d| x.shape()[d]);
                let blocks = scales.shape()[2];
                (x.reshape([batch, rows, blocks, k / blocks]) * scales.expand_dims(3)).reshape([batch, rows, k])
            };
            let (a, b) = (scaled(&operands[0], &operands[2]), scaled(&operands[1], &operands[3]));
            let product = crate::lax::DotGeneral::new([vec![2], vec![2]], [vec![0], vec![0]]);
            crate::lax::dot_general(a, b, &product).astype(dtype)
        })
    })
}
