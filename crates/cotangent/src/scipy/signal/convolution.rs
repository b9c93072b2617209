//! Convolutions and correlations of arrays of any rank.

use crate::api::program::as_one;
use crate::api::vmap::vmap;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::fft::Transform;
use crate::lax::{self, Conv};
use crate::methods::axes::Axes;
use crate::numpy::{self as np, Overlap};
use crate::ops::in_one_inexact_dtype;

/// How [`convolve`] computes.
///
/// ```
/// use cotangent::{numpy::Overlap, prelude::*, scipy::signal::{self, Method}};
/// let y = signal::convolve(np::array([1.0, 2.0]), np::array([1.0, 1.0]), Overlap::Full, Method::Fft);
/// assert!(np::allclose(y, np::array([1.0, 3.0, 2.0])).item::<bool>());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// By sums of products.
    #[default]
    Direct,
    /// By Fourier transforms; see [`fftconvolve`].
    Fft,
}

/// Whether `a` is at least as large as `b` along each axis.
fn covers(a: &Array, b: &Array) -> bool {
    a.shape().iter().zip(b.shape()).all(|(a, b)| a >= b)
}

#[track_caller]
fn checked(who: &str, a: Array, b: Array) -> [Array; 2] {
    if a.ndim() != b.ndim() {
        let message = format!("{who}: the arrays must have the same rank, got {} and {}", a.aval(), b.aval());
        raise(Error::shape(message));
    }
    in_one_inexact_dtype([a, b])
}

#[track_caller]
fn direct(who: &str, a: Array, b: Array, mode: Overlap) -> Array {
    let [a, b] = checked(who, a, b);
    if a.size() == 0 || b.size() == 0 || !(covers(&a, &b) || covers(&b, &a)) {
        raise(
            Error::shape(format!("{who}: {} and {} cannot be convolved", a.aval(), b.aval()))
                .help("one must have elements and be at least as large as the other along each axis"),
        );
    }
    let second = b.shape().to_vec();
    let [a, b] = if covers(&a, &b) { [a, b] } else { [b, a] };
    as_one(&[a, b], |x| {
        let (signal, kernel) = (&x[0], np::flip(&x[1], ()));
        let rank = signal.ndim();
        if rank == 0 {
            return signal * kernel;
        }
        let padding: Vec<(i64, i64)> = kernel
            .shape()
            .iter()
            .zip(&second)
            .map(|(size, second)| {
                let (s, o) = (*size as i64, *second as i64);
                match mode {
                    Overlap::Valid => (0, 0),
                    Overlap::Same => (s - 1 - (o - 1) / 2, s - o + (o - 1) / 2),
                    Overlap::Full => (s - 1, s - 1),
                }
            })
            .collect();
        let batched = |x: &Array| x.reshape([&[1, 1], x.shape()].concat());
        let options = Conv::new(vec![1; rank], padding);
        let y = lax::conv_general_dilated(batched(signal), batched(&kernel), &options);
        np::squeeze_axis(y, (0, 1))
    })
}

/// Returns the convolution of two arrays of the same rank: one must be at least as large as the other along each axis.
/// Integers become floats.
///
/// ```
/// use cotangent::{numpy::Overlap, prelude::*, scipy::signal::{self, Method}};
/// let (x, k) = (np::array([[1.0, 2.0], [3.0, 4.0]]), np::ones((1, 2)));
/// let y = signal::convolve(x, k, Overlap::Full, Method::Direct);
/// assert_eq!(y.to_vec::<f32>(), [1.0, 3.0, 2.0, 3.0, 7.0, 4.0]);
/// ```
///
/// # Panics
/// If the ranks differ, or neither array is as large as the other, or one is empty.
#[track_caller]
pub fn convolve(a: impl ArrayLike, b: impl ArrayLike, mode: Overlap, method: Method) -> Array {
    match method {
        Method::Direct => direct("convolve", a.to_array(), b.to_array(), mode),
        Method::Fft => fftconvolve(a, b, mode),
    }
}

/// Returns the correlation of two arrays: the convolution with the second reversed and conjugated.
///
/// ```
/// use cotangent::{numpy::Overlap, prelude::*, scipy::signal::{self, Method}};
/// let y = signal::correlate(np::array([1.0, 2.0]), np::array([1.0, 3.0]), Overlap::Full, Method::Direct);
/// assert_eq!(y.to_vec::<f32>(), [3.0, 7.0, 2.0]);
/// ```
///
/// # Panics
/// As [`convolve`].
#[track_caller]
pub fn correlate(a: impl ArrayLike, b: impl ArrayLike, mode: Overlap, method: Method) -> Array {
    convolve(a, np::flip(b.to_array().conj(), ()), mode, method)
}

#[track_caller]
fn matrices(who: &str, a: &Array, b: &Array) {
    if a.ndim() != 2 || b.ndim() != 2 {
        raise(Error::shape(format!("{who}: expected matrices, got {} and {}", a.aval(), b.aval())));
    }
}

/// [`convolve`] of matrices.
///
/// ```
/// use cotangent::{numpy::Overlap, prelude::*, scipy::signal};
/// let y = signal::convolve2d(np::ones((3, 3)), np::ones((2, 2)), Overlap::Valid);
/// assert_eq!(y.to_vec::<f32>(), [4.0, 4.0, 4.0, 4.0]);
/// ```
///
/// # Panics
/// As [`convolve`], and if an array is not a matrix.
#[track_caller]
pub fn convolve2d(a: impl ArrayLike, b: impl ArrayLike, mode: Overlap) -> Array {
    let (a, b) = (a.to_array(), b.to_array());
    matrices("convolve2d", &a, &b);
    direct("convolve2d", a, b, mode)
}

/// The correlation of matrices. Where the second is the larger, the order of the elements is SciPy's.
///
/// ```
/// use cotangent::{numpy::Overlap, prelude::*, scipy::signal};
/// let y = signal::correlate2d(np::array([[1.0, 2.0]]), np::array([[1.0, 3.0]]), Overlap::Full);
/// assert_eq!(y.to_vec::<f32>(), [3.0, 7.0, 2.0]);
/// ```
///
/// # Panics
/// As [`convolve`], and if an array is not a matrix.
#[track_caller]
pub fn correlate2d(a: impl ArrayLike, b: impl ArrayLike, mode: Overlap) -> Array {
    let (a, b) = (a.to_array(), b.to_array());
    matrices("correlate2d", &a, &b);
    let run = |a: Array, b: Array| direct("correlate2d", a, b, mode);
    let flip = |x: &Array| np::flip(x, ());
    let (swap, same) = (covers(&b, &a), a.shape() == b.shape());
    match mode {
        Overlap::Valid if swap && !same => run(flip(&b), a.conj()),
        Overlap::Full if swap => run(flip(&b), a.conj()).conj(),
        _ => flip(&run(flip(&a), b.conj())),
    }
}

#[track_caller]
fn by_fft(a: Array, b: Array, mode: Overlap) -> Array {
    let full: Vec<usize> = a.shape().iter().zip(b.shape()).map(|(a, b)| (a + b).saturating_sub(1)).collect();
    let out: Vec<usize> = match mode {
        Overlap::Full => full.clone(),
        Overlap::Same => a.shape().to_vec(),
        Overlap::Valid => {
            if !(covers(&a, &b) || covers(&b, &a)) {
                raise(
                    Error::shape(format!("fftconvolve: {} and {} nowhere overlap completely", a.aval(), b.aval()))
                        .help("for `Overlap::Valid`, one must be as large as the other along each axis"),
                );
            }
            a.shape().iter().zip(b.shape()).map(|(a, b)| a.abs_diff(*b) + 1).collect()
        }
    };
    as_one(&[a, b], |x| {
        let (a, b) = (&x[0], &x[1]);
        let trivial = a.shape().iter().zip(b.shape()).all(|(a, b)| *a == 1 || *b == 1);
        let transform = Transform::new().s(full.clone()).axes((0..full.len() as isize).collect::<Vec<_>>());
        let y = if trivial {
            a * b
        } else if a.dtype().is_complex() {
            transform.ifftn(transform.fftn(a) * transform.fftn(b))
        } else {
            transform.irfftn(transform.rfftn(a) * transform.rfftn(b))
        };
        full.iter().zip(&out).enumerate().fold(y, |y, (axis, (full, out))| {
            let start = (full - out) / 2;
            y.slice_axis(axis, start, start + out)
        })
    })
}

/// Returns the convolution of two arrays of the same rank by Fourier transforms, which is faster for large kernels and
/// less exact.
///
/// ```
/// use cotangent::{numpy::Overlap, prelude::*, scipy::signal};
/// let y = signal::fftconvolve(np::array([1.0, 2.0]), np::array([1.0, 1.0]), Overlap::Full);
/// assert!(np::allclose(y, np::array([1.0, 3.0, 2.0])).item::<bool>());
/// ```
///
/// # Panics
/// If the ranks differ, or, for `Overlap::Valid`, neither array is as large as the other.
#[track_caller]
pub fn fftconvolve(a: impl ArrayLike, b: impl ArrayLike, mode: Overlap) -> Array {
    let [a, b] = checked("fftconvolve", a.to_array(), b.to_array());
    by_fft(a, b, mode)
}

/// [`fftconvolve`] along some axes. All other axes are batch axes.
///
/// ```
/// use cotangent::{numpy::Overlap, prelude::*, scipy::signal};
/// let x = np::array([[1.0, 2.0], [3.0, 4.0]]);
/// let y = signal::fftconvolve_axes(&x, np::ones((2, 2)), Overlap::Full, 1);
/// assert!(np::allclose(y, np::array([[1.0, 3.0, 2.0], [3.0, 7.0, 4.0]])).item::<bool>());
/// ```
///
/// # Panics
/// As [`fftconvolve`], and if the arrays differ in the size of a batch axis.
#[track_caller]
pub fn fftconvolve_axes(a: impl ArrayLike, b: impl ArrayLike, mode: Overlap, axes: impl Axes) -> Array {
    let [a, b] = checked("fftconvolve", a.to_array(), b.to_array());
    let axes = axes.resolve(a.ndim()).or_raise();
    let batch: Vec<usize> = (0..a.ndim()).filter(|i| !axes.contains(i)).collect();
    if let Some(axis) = batch.iter().find(|i| a.shape()[**i] != b.shape()[**i]) {
        let message = format!("fftconvolve: {} and {} differ in the batch axis {axis}", a.aval(), b.aval());
        raise(Error::shape(message));
    }
    // Batch axes come first, as one.
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    let order = [batch.clone(), sorted.clone()].concat();
    let flat = |x: &Array| {
        let x = x.permute(&order);
        let rest = x.shape()[batch.len()..].to_vec();
        let count: usize = x.shape()[..batch.len()].iter().product();
        x.reshape([vec![count], rest].concat())
    };
    let y = vmap(|a: &Array, b: &Array| by_fft(a.clone(), b.clone(), mode))(&flat(&a), &flat(&b));
    let sizes: Vec<usize> = batch.iter().map(|i| a.shape()[*i]).collect();
    let y = y.reshape([sizes, y.shape()[1..].to_vec()].concat());
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(i, axis)| back[*axis] = i);
    y.permute(&back)
}
