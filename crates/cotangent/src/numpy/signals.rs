//! Sequences: convolution, windows, interpolation, gradients.

use crate::api::program::as_one;
use crate::array::aval::{Shape, canonical_axis};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::lax;
use crate::methods::axes::Axes;
use crate::ops::{in_one_dtype, in_one_inexact_dtype};

use super::array::array_as;
use super::joining::concatenate;
use super::logic::where_;
use super::manipulation::{flip, ravel};
use super::segment::{searchsorted, searchsorted_right};

/// The part of a convolution or correlation that is computed.
///
/// ```
/// use cotangent::{Array, numpy::{self as np, Overlap}};
/// let (a, v) = (Array::from([1.0f32, 2.0, 3.0]), Array::from([1.0f32, 1.0]));
/// assert_eq!(np::convolve(&a, &v, Overlap::Full).to_vec::<f32>(), [1.0, 3.0, 5.0, 3.0]);
/// assert_eq!(np::convolve(&a, &v, Overlap::Same).to_vec::<f32>(), [1.0, 3.0, 5.0]);
/// assert_eq!(np::convolve(&a, &v, Overlap::Valid).to_vec::<f32>(), [3.0, 5.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// Wherever the operands overlap.
    Full,
    /// As many elements as the longer operand has, from the middle.
    Same,
    /// Where the operands overlap completely.
    Valid,
}

/// Slides a kernel over a sequence that is at least as long.
#[track_caller]
fn slide(x: &Array, kernel: &Array, overlap: Overlap) -> Array {
    let n = kernel.size();
    let n = n as i64;
    let padding = match overlap {
        Overlap::Full => (n - 1, n - 1),
        Overlap::Same => (n / 2, n - n / 2 - 1),
        Overlap::Valid => (0, 0),
    };
    let signal = |x: &Array| x.reshape([1, 1, x.size()]);
    let y = lax::conv_general_dilated(signal(x), signal(kernel), &lax::Conv::new([1], [padding]));
    ravel(y)
}

#[track_caller]
fn sequences(what: &str, a: impl ArrayLike, v: impl ArrayLike) -> [Array; 2] {
    let [a, v] = in_one_inexact_dtype([a.to_array(), v.to_array()]);
    for x in [&a, &v] {
        if x.ndim() != 1 || x.size() == 0 {
            raise(Error::shape(format!("{what}: expected vectors with elements, got {}", x.aval())));
        }
    }
    [a, v]
}

/// Returns the convolution of two vectors: the sums of the products of `a` and the reversed `v`, at each offset.
/// Integers become floats.
///
/// ```
/// use cotangent::{Array, numpy::{self as np, Overlap}};
/// let (a, v) = (Array::from([1.0f32, 2.0]), Array::from([3.0f32, 4.0]));
/// assert_eq!(np::convolve(&a, &v, Overlap::Full).to_vec::<f32>(), [3.0, 10.0, 8.0]);
/// ```
///
/// # Panics
/// If an operand is not a vector, or is empty.
#[track_caller]
pub fn convolve(a: impl ArrayLike, v: impl ArrayLike, overlap: Overlap) -> Array {
    let [a, v] = sequences("convolve", a, v);
    let [long, short] = if a.size() < v.size() { [v, a] } else { [a, v] };
    as_one(&[long, short], |x| slide(&x[0], &flip(&x[1], 0), overlap))
}

/// Returns the correlation of two vectors: the sums of the products of `a` and the conjugated `v`, at each offset.
/// Integers become floats.
///
/// ```
/// use cotangent::{Array, numpy::{self as np, Overlap}};
/// let (a, v) = (Array::from([1.0f32, 2.0]), Array::from([3.0f32, 4.0]));
/// assert_eq!(np::correlate(&a, &v, Overlap::Valid).to_vec::<f32>(), [11.0]);
/// ```
///
/// # Panics
/// If an operand is not a vector, or is empty.
#[track_caller]
pub fn correlate(a: impl ArrayLike, v: impl ArrayLike, overlap: Overlap) -> Array {
    let [a, v] = sequences("correlate", a, v);
    as_one(&[a, v], |x| {
        let v = if x[1].dtype().is_complex() { x[1].conj() } else { x[1].clone() };
        match x[0].size() < v.size() {
            true => flip(slide(&v, &x[0], overlap), 0),
            false => slide(&x[0], &v, overlap),
        }
    })
}

/// Returns a window of `n` samples, computed on the host.
#[track_caller]
fn window(n: usize, dtype: DType, f: impl Fn(f64) -> f64) -> Array {
    let samples = (0..n).map(|i| if n == 1 { 1.0 } else { f(i as f64 / (n - 1) as f64) });
    array_as(samples.collect::<Vec<f64>>(), dtype)
}

/// Returns the cosine of `turns` whole turns.
fn cosine(turns: f64) -> f64 {
    (2.0 * std::f64::consts::PI * turns).cos()
}

/// Returns the triangular window, in `f32`.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::bartlett(3).to_vec::<f32>(), [0.0, 1.0, 0.0]);
/// ```
#[track_caller]
pub fn bartlett(n: usize) -> Array {
    window(n, DType::F32, |t| 1.0 - (2.0 * t - 1.0).abs())
}

/// Returns the Blackman window, of three terms, in `f32`.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::blackman(3).at(1).get().item::<f32>(), 1.0);
/// ```
#[track_caller]
pub fn blackman(n: usize) -> Array {
    window(n, DType::F32, |t| 0.42 - 0.5 * cosine(t) + 0.08 * cosine(2.0 * t))
}

/// Returns the Hamming window, a raised cosine that does not reach zero, in `f32`.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::hamming(3).to_vec::<f32>(), [0.08, 1.0, 0.08]);
/// ```
#[track_caller]
pub fn hamming(n: usize) -> Array {
    window(n, DType::F32, |t| 0.54 - 0.46 * cosine(t))
}

/// Returns the Hann window, a raised cosine, in `f32`.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::hanning(3).to_vec::<f32>(), [0.0, 1.0, 0.0]);
/// ```
#[track_caller]
pub fn hanning(n: usize) -> Array {
    window(n, DType::F32, |t| 0.5 - 0.5 * cosine(t))
}

/// Returns the Kaiser window, a ratio of Bessel functions I₀, in the dtype of `beta` (`f32` for a Rust number).
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::kaiser(3, 0.0).to_vec::<f32>(), [1.0, 1.0, 1.0]);
/// ```
#[track_caller]
pub fn kaiser(n: usize, beta: impl ArrayLike) -> Array {
    let beta = beta.to_array().to_inexact();
    let radii = window(n, beta.dtype(), |t| (1.0 - (2.0 * t - 1.0).powi(2)).sqrt());
    as_one(&[radii, beta], |x| {
        let (beta, inner) = (x[1].abs(), &x[0] * x[1].abs());
        // I₀(x) = exp(x) i0e(x), whose factors overflow before their quotient does.
        (&inner - &beta).exp() * inner.bessel_i0e() / beta.bessel_i0e()
    })
}

/// Returns the values at `x` of the piecewise linear function through the points (`xp`, `fp`), whose first coordinates
/// are in ascending order. Outside of them, it is constant.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (xp, fp) = (Array::from([0.0f32, 1.0, 2.0]), Array::from([0.0f32, 10.0, 40.0]));
/// assert_eq!(np::interp(Array::from([-1.0f32, 0.5, 1.5]), xp, fp).to_vec::<f32>(), [0.0, 5.0, 25.0]);
/// ```
///
/// # Panics
/// If `xp` and `fp` are not vectors of the same size with elements, or `x` is complex.
#[track_caller]
pub fn interp(x: impl ArrayLike, xp: impl ArrayLike, fp: impl ArrayLike) -> Array {
    let ([x, xp], fp) = points("interp", x, xp, fp);
    as_one(&[x, xp, fp], |args| {
        let [x, xp, fp] = args else { unreachable!("three operands") };
        let last = fp.size() - 1;
        let inner = between(x, xp, fp);
        let left = where_(x.less(xp.at(0).get()), fp.at(0).get(), inner);
        where_(x.greater(xp.at(last).get()), fp.at(last).get(), left)
    })
}

/// [`interp`] with the values `left` before the first point and `right` after the last one.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (xp, fp) = (Array::from([0.0f32, 1.0]), Array::from([2.0f32, 4.0]));
/// let y = np::interp_with(Array::from([-1.0f32, 0.5, 9.0]), xp, fp, -7.0, 8.0);
/// assert_eq!(y.to_vec::<f32>(), [-7.0, 3.0, 8.0]);
/// ```
///
/// # Panics
/// If `xp` and `fp` are not vectors of the same size with elements, or `x` is complex.
#[track_caller]
pub fn interp_with(
    x: impl ArrayLike,
    xp: impl ArrayLike,
    fp: impl ArrayLike,
    left: impl ArrayLike,
    right: impl ArrayLike,
) -> Array {
    let ([x, xp], fp) = points("interp_with", x, xp, fp);
    let [left, right] = [left.to_array(), right.to_array()].map(|end| end.astype(fp.dtype()));
    as_one(&[x, xp, fp, left, right], |args| {
        let [x, xp, fp, left, right] = args else { unreachable!("five operands") };
        let inner = where_(x.less(xp.at(0).get()), left, between(x, xp, fp));
        where_(x.greater(xp.at(xp.size() - 1).get()), right, inner)
    })
}

/// Like [`interp`], for a function that repeats itself: `x` and `xp` are taken modulo `period`, and `xp` need not be in
/// order.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (xp, fp) = (Array::from([0.0f32, 2.0]), Array::from([0.0f32, 2.0]));
/// assert_eq!(np::interp_period(Array::from([3.0f32, 5.0]), xp, fp, 4.0).to_vec::<f32>(), [1.0, 1.0]);
/// ```
///
/// # Panics
/// If `xp` and `fp` are not vectors of the same size with elements, or `x` is complex.
#[track_caller]
pub fn interp_period(x: impl ArrayLike, xp: impl ArrayLike, fp: impl ArrayLike, period: impl ArrayLike) -> Array {
    let ([x, xp], fp) = points("interp_period", x, xp, fp);
    let period = period.to_array().abs().astype(x.dtype());
    as_one(&[x, xp, fp, period], |args| {
        let [x, xp, fp, period] = args else { unreachable!("four operands") };
        let (x, xp) = (x % period, xp % period);
        let order = super::argsort(&xp);
        let (xp, fp) = (super::take_axis(&xp, &order, 0), super::take_axis(fp, &order, 0));
        let n = fp.size();
        let end = |x: &Array, i: usize| x.slice_axis(0, i, i + 1);
        let xp = concatenate([end(&xp, n - 1) - period, xp.clone(), end(&xp, 0) + period], 0);
        let fp = concatenate([end(&fp, n - 1), fp.clone(), end(&fp, 0)], 0);
        between(&x, &xp, &fp)
    })
}

#[track_caller]
fn points(what: &str, x: impl ArrayLike, xp: impl ArrayLike, fp: impl ArrayLike) -> ([Array; 2], Array) {
    let [x, xp] = in_one_inexact_dtype([x.to_array(), xp.to_array()]);
    let fp = fp.to_array().to_inexact();
    if xp.ndim() != 1 || xp.shape() != fp.shape() || xp.size() == 0 || x.dtype().is_complex() {
        raise(Error::shape(format!(
            "{what}: expected real x and vectors of one size, got {}, {} and {}",
            x.aval(),
            xp.aval(),
            fp.aval()
        )));
    }
    ([x, xp], fp)
}

/// Interpolates, and extrapolates the first and the last piece.
fn between(x: &Array, xp: &Array, fp: &Array) -> Array {
    let n = xp.size();
    if n == 1 {
        return fp.at(0).get().broadcast_to(x.shape());
    }
    let after = super::clip(searchsorted_right(xp, x), 1, n as i32 - 1);
    let (before, take) = (&after - 1, |x: &Array, i: &Array| super::take_axis(x, i, 0));
    let (x0, f0) = (take(xp, &before), take(fp, &before));
    let (dx, df) = (take(xp, &after) - &x0, take(fp, &after) - &f0);
    // Of two points at one place, the first counts.
    let same = dx.equal(0.0);
    let slope = df / where_(&same, 1.0, dx);
    where_(same, &f0, &f0 + (x - &x0) * slope)
}

/// Returns the derivatives of samples along each of some axes, by central differences inside and one-sided ones at the
/// ends. Samples are `spacing` apart.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let f = Array::from([1.0f32, 2.0, 4.0, 7.0]);
/// assert_eq!(np::gradient(&f, 1.0, ())[0].to_vec::<f32>(), [1.0, 1.5, 2.5, 3.0]);
/// ```
///
/// # Panics
/// If an axis is out of bounds, or has fewer than two samples.
#[track_caller]
#[must_use]
pub fn gradient(f: impl ArrayLike, spacing: impl ArrayLike, axes: impl Axes) -> Vec<Array> {
    let [f, spacing] = in_one_inexact_dtype([f.to_array(), spacing.to_array()]);
    let all = axes.is_all();
    let mut axes = axes.in_order(f.ndim()).or_raise();
    if all {
        axes.sort_unstable();
    }
    let along = |axis: &usize| {
        let n = f.shape()[*axis];
        if n < 2 {
            raise(Error::shape(format!("gradient: axis {axis} of {} has fewer than two samples", f.aval())));
        }
        as_one(&[f.clone(), spacing.clone()], |x| {
            let part = |start, end| x[0].slice_axis(*axis, start, end);
            let first = (part(1, 2) - part(0, 1)) / &x[1];
            let last = (part(n - 1, n) - part(n - 2, n - 1)) / &x[1];
            let inner = (part(2, n) - part(0, n - 2)) * 0.5 / &x[1];
            concatenate([first, inner, last], *axis as isize)
        })
    };
    axes.iter().map(along).collect()
}

/// Removes jumps of more than half a period between neighbors along an axis, by adding multiples of the period.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::unwrap(Array::from([0.0f32, 3.0, 6.0, 1.0]), 0, 8.0).to_vec::<f32>(), [0.0, 3.0, 6.0, 9.0]);
/// ```
///
/// # Panics
/// If the axis is out of bounds, or the numbers are complex.
#[track_caller]
pub fn unwrap(x: impl ArrayLike, axis: isize, period: impl ArrayLike) -> Array {
    let [x, period] = in_one_dtype([x.to_array(), period.to_array()]);
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    if x.dtype().is_complex() {
        raise(Error::dtype(format!("unwrap: expected real numbers, got {}", x.aval())));
    }
    let n = x.shape()[axis];
    if n < 2 {
        return x;
    }
    as_one(&[x, period], |args| {
        let [x, period] = args else { unreachable!("two operands") };
        let half = if x.dtype().is_integer() { super::floor_divide(period, 2) } else { period / 2.0 };
        let jumps = super::diff_axis(x, 1, axis as isize);
        let wrapped = (&jumps + &half) % period - &half;
        let upward = wrapped.equal(-&half).logical_and(jumps.greater(0));
        let wrapped = where_(upward, &half, wrapped);
        let small = if x.dtype().is_integer() {
            // Half of an odd period is no integer.
            (jumps.abs() * 2).less(period)
        } else {
            jumps.abs().less(&half)
        };
        let correction = where_(small, super::zeros_as((), x.dtype()), wrapped - jumps);
        let rest = x.slice_axis(axis, 1, n) + correction.cumsum_axis(axis as isize);
        concatenate([x.slice_axis(axis, 0, 1), rest], axis as isize)
    })
}

/// Returns for each element the index of the bin that it belongs to. Bin i begins with `bins[i − 1]`, which belongs to
/// it, and ends before `bins[i]`. The bins are in ascending or descending order.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let bins = Array::from([1.0f32, 2.0, 3.0]);
/// assert_eq!(np::digitize(Array::from([0.5f32, 1.0, 2.5]), &bins).to_vec::<i32>(), [0, 1, 2]);
/// ```
///
/// # Panics
/// If `bins` is not a vector.
#[track_caller]
pub fn digitize(x: impl ArrayLike, bins: impl ArrayLike) -> Array {
    digitized(x.to_array(), bins.to_array(), searchsorted_right)
}

/// Like [`digitize`], but the end of a bin belongs to it, and its beginning does not.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let bins = Array::from([1.0f32, 2.0, 3.0]);
/// assert_eq!(np::digitize_right(Array::from([0.5f32, 1.0, 2.5]), &bins).to_vec::<i32>(), [0, 0, 2]);
/// ```
///
/// # Panics
/// If `bins` is not a vector.
#[track_caller]
pub fn digitize_right(x: impl ArrayLike, bins: impl ArrayLike) -> Array {
    digitized(x.to_array(), bins.to_array(), searchsorted)
}

#[track_caller]
fn digitized(x: Array, bins: Array, search: fn(Array, Array) -> Array) -> Array {
    if bins.ndim() != 1 {
        raise(Error::shape(format!("digitize: the bins must be a vector, got {}", bins.aval())));
    }
    let n = bins.size();
    if n == 0 {
        return super::zeros_as(x.shape(), DType::I32);
    }
    as_one(&[x, bins], |args| {
        let [x, bins] = args else { unreachable!("two operands") };
        let ascending = bins.at(n - 1).get().greater_equal(bins.at(0).get());
        let down = n as i32 - search(flip(bins, 0), x.clone());
        where_(ascending, search(bins.clone(), x.clone()), down)
    })
}

/// Returns the coefficients of correlation of the variables in the rows of `x`: their covariances over the products of
/// their standard deviations.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::corrcoef(Array::from([[1.0f32, 2.0, 3.0], [3.0, 2.0, 1.0]])).to_vec::<f32>(), [1.0, -1.0, -1.0, 1.0]);
/// ```
///
/// # Panics
/// If `x` has more than two dimensions.
#[track_caller]
pub fn corrcoef(x: impl ArrayLike) -> Array {
    as_one(&[x.to_array()], |x| {
        let c = super::cov(&x[0]);
        if c.ndim() == 0 {
            return super::divide(&c, &c);
        }
        let deviations = super::diagonal(&c, 0).real().sqrt();
        let shape: Shape = [deviations.size(), 1].into_iter().collect();
        let c = c / deviations.reshape(&shape) / &deviations;
        let bounded = |x: &Array| super::clip(x, -1.0, 1.0);
        if c.dtype().is_complex() { bounded(&c.real()).complex(bounded(&c.imag())) } else { bounded(&c) }
    })
}
