//! Trends, and spectra of segments of signals.

use std::f64::consts::PI;

use crate::array::aval::canonical_axis;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::fft::Transform;
use crate::numpy::{self as np, linalg, where_};
use crate::ops::in_one_inexact_dtype;

/// What [`detrend`] subtracts.
///
/// ```
/// use cotangent::{prelude::*, scipy::signal::{self, Trend}};
/// let y = signal::detrend(np::array([1.0, 3.0]), -1, Trend::Constant, &[]);
/// assert_eq!(y.to_vec::<f32>(), [-1.0, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trend {
    /// The mean.
    Constant,
    /// The least-squares line.
    Linear,
}

/// Whether a spectrum is a density, or the power of each frequency.
///
/// ```
/// use cotangent::scipy::signal::{Scaling, Spectral};
/// let options = Spectral { scaling: Scaling::Spectrum, ..Spectral::default() };
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scaling {
    /// Power for each unit of frequency.
    Density,
    /// Power.
    Spectrum,
}

/// How the spectra of segments become one.
///
/// ```
/// use cotangent::scipy::signal::{Average, Spectral};
/// let options = Spectral { average: Average::Median, ..Spectral::default() };
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Average {
    /// Their mean.
    Mean,
    /// Their median, corrected for its bias.
    Median,
}

/// The options of spectra: how a signal is divided into segments, and what becomes of them.
///
/// ```
/// use cotangent::{prelude::*, scipy::signal::{self, Spectral}};
/// let options = Spectral { nperseg: Some(8), ..Spectral::default() };
/// let (frequencies, power) = signal::welch(np::ones(32), &options);
/// assert_eq!((frequencies.shape(), power.shape()), (&[5][..], &[5][..]));
/// ```
#[derive(Clone, Debug)]
pub struct Spectral {
    /// The number of samples in a unit of time; 1 by default.
    pub fs: f64,
    /// The window; Hann's by default.
    pub window: Option<Array>,
    /// The length of a segment; that of the window, or at most 256, by default.
    pub nperseg: Option<usize>,
    /// By how much segments overlap; half of their length by default.
    pub noverlap: Option<usize>,
    /// The length of the Fourier transforms; that of a segment by default.
    pub nfft: Option<usize>,
    /// What is subtracted from each segment; the mean by default. [`stft`] does not use it.
    pub detrend: Option<Trend>,
    /// Whether only frequencies that are not negative are returned, as by default. Those of complex signals are
    /// returned all.
    pub return_onesided: bool,
    /// The scaling of [`csd`] and [`welch`]; a density by default.
    pub scaling: Scaling,
    /// The axis of time; the last by default.
    pub axis: isize,
    /// How segments are averaged; the mean by default.
    pub average: Average,
    /// Whether [`stft`] begins and ends with half a segment of zeros, as by default, and whether [`istft`] removes it.
    pub boundary: bool,
    /// Whether [`stft`] appends zeros to a last segment that is not complete, as by default.
    pub padded: bool,
}

impl Default for Spectral {
    fn default() -> Spectral {
        Spectral {
            fs: 1.0,
            window: None,
            nperseg: None,
            noverlap: None,
            nfft: None,
            detrend: Some(Trend::Constant),
            return_onesided: true,
            scaling: Scaling::Density,
            axis: -1,
            average: Average::Mean,
            boundary: true,
            padded: true,
        }
    }
}

/// Subtracts a trend along an axis. A linear trend is one of each part between the `breakpoints`.
///
/// ```
/// use cotangent::{prelude::*, scipy::signal::{self, Trend}};
/// let y = signal::detrend(np::array([1.0, 2.0, 3.0]), -1, Trend::Linear, &[]);
/// assert!(y.abs().max().item::<f32>() < 1e-5);
/// ```
///
/// # Panics
/// If there is no such axis, or a breakpoint beyond its end.
#[track_caller]
pub fn detrend(data: impl ArrayLike, axis: isize, trend: Trend, breakpoints: &[usize]) -> Array {
    let x = data.to_array().to_inexact();
    let axis = canonical_axis(axis, x.ndim()).or_raise();
    if trend == Trend::Constant {
        return &x - x.mean_keepdims(axis as isize);
    }
    let n = x.shape()[axis];
    let mut ends = [&[0, n], breakpoints].concat();
    ends.sort_unstable();
    ends.dedup();
    if ends.last() != Some(&n) {
        raise(Error::value(format!("detrend: a breakpoint is beyond the end of the axis, which has {n} elements")));
    }
    let moved = np::moveaxis(&x, axis as isize, 0);
    let shape = moved.shape().to_vec();
    let columns = moved.reshape([n, moved.size() / n.max(1)]);
    let parts: Vec<Array> = ends
        .windows(2)
        .map(|ends| {
            let (part, size) = (columns.slice_axis(0, ends[0], ends[1]), ends[1] - ends[0]);
            let line = (1..=size).flat_map(|i| [1.0, i as f64 / size as f64]).collect::<Vec<f64>>();
            let a = Array::from(line).reshape([size, 2]).astype(x.dtype());
            let (coefficients, ..) = linalg::lstsq(&a, &part);
            part - a.matmul(coefficients)
        })
        .collect();
    let all = if parts.is_empty() { columns } else { np::concatenate(parts, 0) };
    np::moveaxis(all.reshape(shape), 0, axis as isize)
}

/// The complex dtype with this real one.
fn complex(real: DType) -> DType {
    if real == DType::F64 { DType::C128 } else { DType::C64 }
}

/// The segments of a signal: how many samples each has, and how many the next begins later.
struct Segments {
    window: Array,
    size: usize,
    step: usize,
    nfft: usize,
}

impl Segments {
    #[track_caller]
    fn of(who: &str, options: &Spectral, length: Option<usize>, default: usize, like: &Array) -> Segments {
        let wanted = options.nperseg.or(options.window.as_ref().map(Array::size)).unwrap_or(default);
        let size = length.map_or(wanted, |n| wanted.min(n));
        let overlap = options.noverlap.unwrap_or(size / 2);
        let nfft = options.nfft.unwrap_or(size);
        if size == 0 || overlap >= size || nfft < size {
            raise(
                Error::value(format!("{who}: nperseg = {size}, noverlap = {overlap}, nfft = {nfft}"))
                    .help("noverlap must be less than nperseg, and nfft at least nperseg"),
            );
        }
        let hann = |i: usize| if size == 1 { 1.0 } else { (PI * i as f64 / size as f64).sin().powi(2) };
        let window = match &options.window {
            Some(window) => window.clone(),
            None => Array::from((0..size).map(hann).collect::<Vec<f64>>()),
        };
        if window.shape() != [size] {
            let message = format!("{who}: the window {} does not have the length {size} of a segment", window.aval());
            raise(Error::shape(message));
        }
        let real = like.dtype().real();
        let dtype = if window.dtype().is_complex() { complex(real) } else { real };
        Segments { window: window.astype(dtype), size, step: size - overlap, nfft }
    }

    /// The spectra of the segments, `[…, segment, frequency]`, of a signal whose time is the last axis.
    fn spectra(&self, x: &Array, trend: Option<Trend>, onesided: bool) -> Array {
        let n = x.shape().last().copied().unwrap_or(0);
        let count = if n < self.size { 0 } else { (n - self.size) / self.step + 1 };
        let index: Vec<i32> = (0..count)
            .flat_map(|i| (0..self.size).map(move |j| (i, j)))
            .map(|(i, j)| (i * self.step + j) as i32)
            .collect();
        let index = Array::from(index).reshape([count, self.size]);
        let mut parts = np::take_axis(x, index, -1);
        if let Some(trend) = trend {
            parts = detrend(parts, -1, trend, &[]);
        }
        let parts = parts * &self.window;
        let transform = Transform::new().n(self.nfft);
        if onesided { transform.rfft(parts.real()) } else { transform.fft(parts) }
    }

    /// The frequencies of the spectra.
    fn frequencies(&self, fs: f64, onesided: bool, like: &Array) -> Array {
        let n = self.nfft as i64;
        let count = if onesided { n / 2 + 1 } else { n };
        let place = |i: i64| if onesided || i <= (n - 1) / 2 { i } else { i - n };
        let values: Vec<f64> = (0..count).map(|i| place(i) as f64 * fs / n as f64).collect();
        Array::from(values).astype(like.dtype().real())
    }
}

fn zeros_after(x: &Array, before: usize, after: usize) -> Array {
    let mut widths = vec![(0, 0); x.ndim()];
    widths[x.ndim() - 1] = (before, after);
    np::pad(x, &widths, 0)
}

/// The short-time Fourier transform: returns the frequencies, the times of the segments, and their spectra, with the
/// frequencies in place of the axis of time and the segments as a new last axis. Segments are weighted by the window.
///
/// ```
/// use cotangent::{prelude::*, scipy::signal::{self, Spectral}};
/// let options = Spectral { nperseg: Some(4), ..Spectral::default() };
/// let (_, times, spectra) = signal::stft(np::ones(8), &options);
/// assert_eq!((times.shape(), spectra.shape()), (&[5][..], &[3, 5][..]));
/// ```
///
/// # Panics
/// If the lengths in the options do not fit each other or the window.
#[track_caller]
pub fn stft(x: impl ArrayLike, options: &Spectral) -> (Array, Array, Array) {
    let x = x.to_array().to_inexact();
    let axis = canonical_axis(options.axis, x.ndim()).or_raise() as isize;
    let mut x = np::moveaxis(x, axis, -1);
    let length = x.shape()[x.ndim() - 1];
    let segments = Segments::of("stft", options, Some(length), 256, &x);
    let Segments { size, step, .. } = segments;
    if options.boundary {
        x = zeros_after(&x, size / 2, size / 2);
    }
    if options.padded {
        let n = x.shape()[x.ndim() - 1] as isize;
        let missing = (size as isize - n).rem_euclid(step as isize) % size as isize;
        x = zeros_after(&x, 0, missing as usize);
    }
    let onesided = options.return_onesided && !x.dtype().is_complex();
    let spectra = segments.spectra(&x, None, onesided) / segments.window.sum();
    let count = spectra.shape()[spectra.ndim() - 2];
    let offset = if options.boundary { 0.0 } else { size as f64 / 2.0 };
    let times: Vec<f64> = (0..count).map(|i| ((i * step) as f64 + offset) / options.fs).collect();
    let times = Array::from(times).astype(x.dtype().real());
    let spectra = np::moveaxis(spectra, -1, axis);
    (segments.frequencies(options.fs, onesided, &x), times, spectra)
}

/// Sums segments, `[…, segment, sample]`, each at its place.
fn overlapped(parts: &Array, step: usize) -> Array {
    let rank = parts.ndim();
    let (count, size) = (parts.shape()[rank - 2], parts.shape()[rank - 1]);
    let index: Vec<i32> = (0..count).flat_map(|i| (0..size).map(move |j| (i * step + j) as i32)).collect();
    let lead = parts.shape()[..rank - 2].to_vec();
    let flat = np::moveaxis(parts.reshape([lead.clone(), vec![count * size]].concat()), -1, 0);
    let length = if count == 0 { 0 } else { step * (count - 1) + size };
    let zeros = np::zeros_as([vec![length], lead].concat(), parts.dtype());
    np::moveaxis(zeros.at(Array::from(index)).add(flat), 0, -1)
}

/// The inverse of [`stft`], for spectra `[…, frequency, segment]` with the same options: returns the times and the
/// signal. `options.axis` and `options.padded` have no effect.
///
/// ```
/// use cotangent::{prelude::*, scipy::signal::{self, Spectral}};
/// let (options, x) = (Spectral { nperseg: Some(4), ..Spectral::default() }, np::arange(8.0));
/// let (_, _, spectra) = signal::stft(&x, &options);
/// assert!(np::allclose_with(signal::istft(spectra, &options).1, x, 1e-4, 1e-4, false).item::<bool>());
/// ```
///
/// # Panics
/// If there are less than two axes, or the lengths in the options do not fit each other or the window.
#[track_caller]
pub fn istft(spectra: impl ArrayLike, options: &Spectral) -> (Array, Array) {
    let z = spectra.to_array();
    if z.ndim() < 2 {
        raise(Error::shape(format!("istft: expected frequencies and segments as axes, got {}", z.aval())));
    }
    let z = if z.dtype().is_complex() { z } else { z.astype(complex(z.to_inexact().dtype())) };
    let frequencies = z.shape()[z.ndim() - 2];
    let onesided = options.return_onesided;
    let default = if onesided { 2 * (frequencies.max(1) - 1) } else { frequencies };
    let mut options = options.clone();
    let nperseg = options.nperseg.unwrap_or(default);
    options.nfft =
        options.nfft.or(Some(if onesided && nperseg == default + 1 { default + 1 } else { default.max(nperseg) }));
    let Segments { window, size, step, nfft } = Segments::of("istft", &options, None, default, &z.real());
    let transform = Transform::new().n(nfft);
    let parts = np::swapaxes(z, -1, -2);
    let parts = if onesided { transform.irfft(parts) } else { transform.ifft(parts) };
    let last = parts.ndim() - 1;
    let parts = parts.slice_axis(last, 0, size) * window.sum() * &window;
    let count = parts.shape()[last - 1];
    let mut x = overlapped(&parts, step);
    let mut norm = overlapped(&np::broadcast_to(window.square(), [count, size]), step);
    if options.boundary {
        let n = norm.size();
        let (from, to) = (size / 2, n - size / 2);
        x = x.slice_axis(x.ndim() - 1, from, to);
        norm = norm.slice_axis(0, from, to);
    }
    x /= where_(norm.greater(1e-10), &norm, 1.0);
    let times: Vec<f64> = (0..norm.size()).map(|i| i as f64 / options.fs).collect();
    (Array::from(times).astype(x.dtype().real()), x)
}

/// The spectrum of one signal or two, `[…, frequency, segment]` with the frequencies at the axis of time.
#[track_caller]
fn power(who: &str, x: Array, y: Option<Array>, options: &Spectral) -> (Array, Array) {
    let axis = canonical_axis(options.axis, x.ndim()).or_raise() as isize;
    let mut x = np::moveaxis(x, axis, -1);
    let mut y = y.map(|y| np::moveaxis(y, axis, -1));
    let length = x.shape()[x.ndim() - 1];
    let segments = Segments::of(who, options, Some(length), 256, &x);
    if let Some(y) = &mut y {
        // The shorter signal is continued with zeros.
        let other = y.shape()[y.ndim() - 1];
        x = zeros_after(&x, 0, other.saturating_sub(length));
        *y = zeros_after(y, 0, length.saturating_sub(other));
    }
    let window = &segments.window;
    let scale = match options.scaling {
        Scaling::Density => 1.0 / (options.fs * (window * window).sum()),
        Scaling::Spectrum => 1.0 / window.sum().square(),
    };
    let complex = x.dtype().is_complex() || y.as_ref().is_some_and(|y| y.dtype().is_complex());
    let onesided = options.return_onesided && !complex;
    let first = segments.spectra(&x, options.detrend, onesided);
    let mut result = match &y {
        Some(y) => first.conj() * segments.spectra(y, options.detrend, onesided),
        None => first.real().square() + first.imag().square(),
    };
    result *= scale;
    if onesided {
        // All frequencies but zero and the last of an even number stand for two.
        let count = segments.nfft / 2 + 1;
        let last = if segments.nfft.is_multiple_of(2) { count - 1 } else { count };
        let twice = |k: usize| if k > 0 && k < last { 2.0 } else { 1.0 };
        let factors = Array::from((0..count).map(twice).collect::<Vec<f64>>());
        result = &result * factors.astype(result.dtype().real());
    }
    (segments.frequencies(options.fs, onesided, &x), np::moveaxis(result, -1, axis))
}

fn averaged(spectra: &Array, average: Average) -> Array {
    let count = spectra.shape()[spectra.ndim() - 1];
    if average == Average::Mean || count < 2 {
        return spectra.mean_axis(-1);
    }
    let bias: f64 = 1.0
        + (1..)
            .map(|i| 2.0 * f64::from(i))
            .take_while(|i| *i < count as f64)
            .map(|i| 1.0 / (i + 1.0) - 1.0 / i)
            .sum::<f64>();
    let median = match spectra.dtype().is_complex() {
        true => np::median_axis(spectra.real(), -1).complex(np::median_axis(spectra.imag(), -1)),
        false => np::median_axis(spectra, -1),
    };
    median / bias
}

/// The cross power spectral density of two signals by Welch's method: returns the frequencies and the density, which is
/// complex. The shorter signal is continued with zeros.
///
/// ```
/// use cotangent::{prelude::*, scipy::signal::{self, Spectral}};
/// let options = Spectral { nperseg: Some(8), ..Spectral::default() };
/// let x = np::arange(32.0).sin();
/// let (_, density) = signal::csd(&x, &x, &options);
/// assert!(np::allclose(density.real(), signal::welch(&x, &options).1).item::<bool>());
/// ```
///
/// # Panics
/// If the signals differ in rank, or the lengths in the options do not fit each other or the window.
#[track_caller]
pub fn csd(x: impl ArrayLike, y: impl ArrayLike, options: &Spectral) -> (Array, Array) {
    let [x, y] = in_one_inexact_dtype([x.to_array(), y.to_array()]);
    if x.ndim() != y.ndim() {
        raise(Error::shape(format!("csd: the signals must have the same rank, got {} and {}", x.aval(), y.aval())));
    }
    let (frequencies, spectra) = power("csd", x, Some(y), options);
    (frequencies, averaged(&spectra, options.average))
}

/// The power spectral density of a signal by Welch's method, the mean over overlapping segments: returns the frequencies
/// and the density.
///
/// ```
/// use cotangent::{prelude::*, scipy::signal::{self, Spectral}};
/// let options = Spectral { nperseg: Some(16), fs: 8.0, ..Spectral::default() };
/// let x = (2.0 * std::f64::consts::PI * np::arange(64.0) / 8.0).sin();
/// let (frequencies, density) = signal::welch(&x, &options);
/// assert_eq!(frequencies.at(density.argmax()).get().item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// If the lengths in the options do not fit each other or the window.
#[track_caller]
pub fn welch(x: impl ArrayLike, options: &Spectral) -> (Array, Array) {
    let (frequencies, spectra) = power("welch", x.to_array().to_inexact(), None, options);
    (frequencies, averaged(&spectra, options.average))
}
