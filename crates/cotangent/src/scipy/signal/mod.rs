//! Signals: convolutions, trends and spectra, as `jax.scipy.signal`.

mod convolution;
mod spectral;

pub use convolution::{Method, convolve, convolve2d, correlate, correlate2d, fftconvolve, fftconvolve_axes};
pub use spectral::{Average, Scaling, Spectral, Trend, csd, detrend, istft, stft, welch};
