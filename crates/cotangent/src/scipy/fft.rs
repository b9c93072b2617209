//! Cosine transforms, as `jax.scipy.fft`: of the second type, by a Fourier transform of the same length.

use std::f64::consts::PI;

use crate::api::program::as_one;
use crate::array::aval::canonical_axis;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::fft::{Norm, Transform};
use crate::lax::slice_in_dim;
use crate::numpy::{self as np, Axes};

/// The numbers along an axis of an array of rank `rank`.
fn along(values: Vec<f64>, axis: usize, like: &Array) -> Array {
    let mut shape = vec![1; like.ndim()];
    shape[axis] = values.len();
    Array::from(values).astype(like.dtype().real()).reshape(shape)
}

/// x[0], x[2], …, x[3], x[1].
fn interleave(x: &Array, axis: isize) -> Array {
    let n = x.shape()[axis as usize] as isize;
    let even = slice_in_dim(x, 0, n, 2, axis);
    let odd = np::flip(slice_in_dim(x, 1.min(n), n, 2, axis), axis);
    np::concatenate([even, odd], axis)
}

/// Undoes [`interleave`].
fn deinterleave(x: &Array, axis: isize) -> Array {
    let n = x.shape()[axis as usize];
    let order: Vec<i32> = (0..n).map(|i| (if i % 2 == 0 { i / 2 } else { n - 1 - i / 2 }) as i32).collect();
    np::take_axis(x, order, axis)
}

/// The factors that make the transform orthogonal.
fn orthogonal(n: usize, axis: usize, like: &Array) -> Array {
    let factor = |i: usize| (if i == 0 { 4.0 } else { 2.0 } * n as f64).sqrt();
    along((0..n).map(factor).collect(), axis, like)
}

/// e^(−iπk/2n), times ±1 in the exponent.
fn twiddles(n: usize, axis: usize, like: &Array, sign: f64) -> Array {
    let angle = |k: usize| PI * k as f64 / (2.0 * n as f64);
    let real = along((0..n).map(|k| angle(k).cos()).collect(), axis, like);
    real.complex(along((0..n).map(|k| sign * angle(k).sin()).collect(), axis, like))
}

#[track_caller]
fn ortho(who: &str, norm: Norm) -> bool {
    match norm {
        Norm::Backward => false,
        Norm::Ortho => true,
        Norm::Forward => raise(
            Error::value(format!("{who}: the norm `Forward` is not supported, as in JAX"))
                .help("use `Norm::Backward` or `Norm::Ortho`"),
        ),
    }
}

/// Appends zeros, or drops elements, so that the axis has `n`.
fn resized(x: &Array, n: Option<usize>, axis: usize) -> Array {
    let size = x.shape()[axis];
    match n {
        Some(n) if n > size => {
            let mut widths = vec![(0, 0); x.ndim()];
            widths[axis] = (0, n - size);
            np::pad(x, &widths, 0)
        }
        Some(n) => x.slice_axis(axis, 0, n),
        None => x.clone(),
    }
}

type Transformer = fn(&Array, usize, bool) -> Array;

/// Real and imaginary parts are transformed apart.
#[track_caller]
fn run(x: &Array, n: Option<usize>, axis: isize, ortho: bool, f: Transformer) -> Array {
    let x = x.to_inexact();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    let x = resized(&x, n, axis);
    if x.shape()[axis] == 0 {
        return x;
    }
    as_one(&[x], |x| match x[0].dtype().is_complex() {
        true => f(&x[0].real(), axis, ortho).complex(f(&x[0].imag(), axis, ortho)),
        false => f(&x[0], axis, ortho),
    })
}

fn forward(x: &Array, axis: usize, ortho: bool) -> Array {
    let (n, at) = (x.shape()[axis], axis as isize);
    let spectrum = Transform::new().axis(at).fft(interleave(x, at));
    let out = 2.0 * (spectrum * twiddles(n, axis, x, -1.0)).real();
    if ortho { out / orthogonal(n, axis, x) } else { out }
}

fn backward(x: &Array, axis: usize, ortho: bool) -> Array {
    let (n, at) = (x.shape()[axis], axis as isize);
    let factors = orthogonal(n, axis, x);
    let x = if ortho { x / &factors } else { x / &factors / &factors };
    let spectrum = 2.0 * n as f64 * &x * twiddles(n, axis, &x, 1.0);
    deinterleave(&Transform::new().axis(at).ifft(spectrum).real(), at)
}

/// The cosine transform of the second type along an axis: yₖ = 2 Σ xⱼ cos(πk(2j + 1)/2n). `n` is the length of the axis,
/// if it should be another than that of the array.
///
/// ```
/// use cotangent::{fft::Norm, prelude::*, scipy::fft};
/// let y = fft::dct(np::array([1.0, 1.0]), None, -1, Norm::Backward);
/// assert_eq!(y.to_vec::<f32>(), [4.0, 0.0]);
/// ```
///
/// # Panics
/// If there is no such axis, or the norm is `Forward`.
#[track_caller]
pub fn dct(x: impl ArrayLike, n: Option<usize>, axis: isize, norm: Norm) -> Array {
    run(&x.to_array(), n, axis, ortho("dct", norm), forward)
}

/// The inverse of [`dct`].
///
/// ```
/// use cotangent::{fft::Norm, prelude::*, scipy::fft};
/// let x = fft::idct(np::array([4.0, 0.0]), None, -1, Norm::Backward);
/// assert!(np::allclose(x, np::ones(2)).item::<bool>());
/// ```
///
/// # Panics
/// As [`dct`].
#[track_caller]
pub fn idct(x: impl ArrayLike, n: Option<usize>, axis: isize, norm: Norm) -> Array {
    run(&x.to_array(), n, axis, ortho("idct", norm), backward)
}

#[track_caller]
fn each_axis(x: &Array, s: Option<&[usize]>, axes: impl Axes, ortho: bool, f: Transformer) -> Array {
    let axes = axes.resolve(x.ndim()).or_raise();
    if s.is_some_and(|s| s.len() != axes.len()) {
        raise(Error::shape(format!(
            "dctn: {} lengths were given for {} axes",
            s.map_or(0, <[usize]>::len),
            axes.len()
        )));
    }
    axes.iter().enumerate().fold(x.clone(), |x, (i, axis)| run(&x, s.map(|s| s[i]), *axis as isize, ortho, f))
}

/// [`dct`] along several axes; `()` means all. `s` are their lengths.
///
/// ```
/// use cotangent::{fft::Norm, prelude::*, scipy::fft};
/// let y = fft::dctn(np::ones((2, 2)), None, (), Norm::Backward);
/// assert_eq!(y.to_vec::<f32>(), [16.0, 0.0, 0.0, 0.0]);
/// ```
///
/// # Panics
/// As [`dct`].
#[track_caller]
pub fn dctn(x: impl ArrayLike, s: Option<&[usize]>, axes: impl Axes, norm: Norm) -> Array {
    each_axis(&x.to_array(), s, axes, ortho("dctn", norm), forward)
}

/// The inverse of [`dctn`].
///
/// ```
/// use cotangent::{fft::Norm, prelude::*, scipy::fft};
/// let x = np::array([[1.0, 2.0], [3.0, 5.0]]);
/// let y = fft::dctn(&x, None, (), Norm::Ortho);
/// assert!(np::allclose(fft::idctn(y, None, (), Norm::Ortho), x).item::<bool>());
/// ```
///
/// # Panics
/// As [`dct`].
#[track_caller]
pub fn idctn(x: impl ArrayLike, s: Option<&[usize]>, axes: impl Axes, norm: Norm) -> Array {
    each_axis(&x.to_array(), s, axes, ortho("idctn", norm), backward)
}
