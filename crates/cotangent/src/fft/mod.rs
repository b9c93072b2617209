//! Fourier transforms with NumPy's names.
//!
//! The functions here transform their default axes. [`Transform`] sets the axes, their lengths, and the scaling of the
//! result.
//!
//! ```
//! use cotangent::{Array, fft};
//! let x = Array::from([1.0f32, 2.0, 3.0, 4.0]);
//! let y = fft::irfft(fft::rfft(&x));
//! assert_eq!(y.to_vec::<f32>(), [1.0, 2.0, 3.0, 4.0]);
//! assert_eq!(fft::Transform::new().n(8).norm(fft::Norm::Ortho).fft(&x).shape(), [8]);
//! ```

mod transform;

use crate::array::{Array, ArrayLike};
use crate::numpy::{self as np, Axes};

pub use transform::{Norm, Transform};

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident $shape:literal $result:literal;)*) => { $(
        $(#[$doc])*
        #[doc = concat!("\n```\nuse cotangent::{fft, numpy as np};\nassert_eq!(fft::", stringify!($name), "(np::ones(", $shape, ")).shape(), ", $result, ");\n```")]
        #[doc = "\n# Panics\nIf the array has fewer axes."]
        #[track_caller]
        pub fn $name(x: impl ArrayLike) -> Array {
            Transform::new().$name(x)
        }
    )* };
}

functions! {
    /// The discrete Fourier transform of the last axis.
    fft "[2, 4]" "[2, 4]";
    /// The inverse of [`fft`].
    ifft "[2, 4]" "[2, 4]";
    /// The discrete Fourier transform of the last axis of a real array: only the half that determines the rest.
    rfft "[2, 4]" "[2, 3]";
    /// The inverse of [`rfft`]. The result has an even number of elements.
    irfft "[2, 3]" "[2, 4]";
    /// The discrete Fourier transform of the last two axes.
    fft2 "[2, 4]" "[2, 4]";
    /// The inverse of [`fft2`].
    ifft2 "[2, 4]" "[2, 4]";
    /// The discrete Fourier transform of the last two axes of a real array; only half of the last axis.
    rfft2 "[2, 4]" "[2, 3]";
    /// The inverse of [`rfft2`]. The last axis of the result has an even number of elements.
    irfft2 "[2, 3]" "[2, 4]";
    /// The discrete Fourier transform of all axes.
    fftn "[2, 2, 4]" "[2, 2, 4]";
    /// The inverse of [`fftn`].
    ifftn "[2, 2, 4]" "[2, 2, 4]";
    /// The discrete Fourier transform of all axes of a real array; only half of the last axis.
    rfftn "[2, 2, 4]" "[2, 2, 3]";
    /// The inverse of [`rfftn`]. The last axis of the result has an even number of elements.
    irfftn "[2, 2, 3]" "[2, 2, 4]";
}

/// The transform of a signal whose spectrum is real: the `n` real elements of the spectrum of a Hermitian-symmetric
/// signal, of which the first half is given. `n` is 2(m − 1) for m elements by default.
///
/// ```
/// use cotangent::{fft, prelude::*};
/// let y = fft::hfft(np::array([1.0, 2.0, 3.0]), None);
/// assert_eq!(y.to_vec::<f32>(), [8.0, -2.0, 0.0, -2.0]);
/// ```
///
/// # Panics
/// If the array has no axis, or `n` is zero.
#[track_caller]
pub fn hfft(x: impl ArrayLike, n: Option<usize>) -> Array {
    let x = x.to_array();
    let n = n.unwrap_or_else(|| 2 * x.shape().last().map_or(0, |m| m.saturating_sub(1)));
    Transform::new().n(n).norm(Norm::Forward).irfft(x.conj())
}

/// The inverse of [`hfft`]: the first half of the inverse transform of a real spectrum.
///
/// ```
/// use cotangent::{fft, prelude::*};
/// let x = fft::ihfft(np::array([8.0, -2.0, 0.0, -2.0]), None);
/// assert_eq!(x.real().to_vec::<f32>(), [1.0, 2.0, 3.0]);
/// ```
///
/// # Panics
/// If the array is complex or has no axis, or `n` is zero.
#[track_caller]
pub fn ihfft(x: impl ArrayLike, n: Option<usize>) -> Array {
    let x = x.to_array();
    let n = n.unwrap_or_else(|| x.shape().last().copied().unwrap_or(0));
    Transform::new().n(n).norm(Norm::Forward).rfft(x).conj()
}

/// The frequencies of the elements of [`fft`] for `n` samples at a distance of `d`: 0, 1, …, −2, −1, divided by `n·d`.
/// In f32.
///
/// ```
/// use cotangent::fft;
/// assert_eq!(fft::fftfreq(4, 0.5).to_vec::<f32>(), [0.0, 0.5, -1.0, -0.5]);
/// ```
#[track_caller]
pub fn fftfreq(n: usize, d: f64) -> Array {
    let n = n as i64;
    let places: Vec<f32> = (0..n).map(|i| (if i <= (n - 1) / 2 { i } else { i - n }) as f32).collect();
    Array::from(places) / (n as f64 * d)
}

/// The frequencies of the elements of [`rfft`] for `n` samples at a distance of `d`. In f32.
///
/// ```
/// use cotangent::fft;
/// assert_eq!(fft::rfftfreq(4, 0.5).to_vec::<f32>(), [0.0, 0.5, 1.0]);
/// ```
#[track_caller]
pub fn rfftfreq(n: usize, d: f64) -> Array {
    let places: Vec<f32> = (0..=n / 2).map(|i| i as f32).collect();
    Array::from(places) / (n as f64 * d)
}

#[track_caller]
fn rolled(x: impl ArrayLike, axes: impl Axes, shift: impl Fn(usize) -> isize) -> Array {
    use crate::error::OrRaise;
    let x = x.to_array();
    let axes = axes.resolve(x.ndim()).or_raise();
    axes.into_iter().fold(x, |x, axis| {
        let by = shift(x.shape()[axis]);
        np::roll(x, by, axis as isize)
    })
}

/// Moves the element of frequency zero to the middle along these axes; `()` means all axes.
///
/// ```
/// use cotangent::{Array, fft};
/// assert_eq!(fft::fftshift(Array::from([0, 1, -2, -1]), ()).to_vec::<i32>(), [-2, -1, 0, 1]);
/// ```
///
/// # Panics
/// If there is no such axis.
#[track_caller]
pub fn fftshift(x: impl ArrayLike, axes: impl Axes) -> Array {
    rolled(x, axes, |n| (n / 2) as isize)
}

/// The inverse of [`fftshift`].
///
/// ```
/// use cotangent::{Array, fft};
/// assert_eq!(fft::ifftshift(Array::from([-1, 0, 1]), ()).to_vec::<i32>(), [0, 1, -1]);
/// ```
///
/// # Panics
/// If there is no such axis.
#[track_caller]
pub fn ifftshift(x: impl ArrayLike, axes: impl Axes) -> Array {
    rolled(x, axes, |n| -((n / 2) as isize))
}
