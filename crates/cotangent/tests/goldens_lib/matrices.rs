//! Matrices by formula.

use super::from_floats;

use cotangent::{Array, DType};

/// Returns numbers in (−1, 1), complex or real.
pub(crate) fn numbers(shape: &[usize], dtype: DType, seed: f64) -> Array {
    waves(shape, dtype, seed, |x| x)
}

/// [`numbers`] with three digits, as the scripts of the goldens have them.
pub(crate) fn matrix(shape: &[usize], dtype: DType, seed: f64) -> Array {
    waves(shape, dtype, seed, |x| (x * 1e3).round() / 1e3)
}

fn waves(shape: &[usize], dtype: DType, seed: f64, written: fn(f64) -> f64) -> Array {
    let count = shape.iter().product::<usize>();
    let wave = |f: fn(f64) -> f64| (1..=count).map(move |k| written(f(seed * 0.618 * (k * k) as f64)));
    let parts: Vec<f64> = match dtype.is_complex() {
        true => wave(f64::sin).chain(wave(f64::cos)).collect(),
        false => wave(f64::sin).collect(),
    };
    from_floats(dtype, &parts, shape)
}

/// Returns the conjugate transposes.
pub(crate) fn adjoint(x: &Array) -> Array {
    let x = x.moveaxis(-1, -2);
    if x.dtype().is_complex() { x.conj() } else { x }
}
