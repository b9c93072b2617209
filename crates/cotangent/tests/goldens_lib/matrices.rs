//! Matrices by formula.

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
    let wave = |f: fn(f64) -> f64| {
        let numbers = (1..=count).map(|k| written(f(seed * 0.618 * (k * k) as f64)));
        Array::from(numbers.collect::<Vec<f64>>()).reshape(shape.to_vec())
    };
    match dtype.is_complex() {
        true => wave(f64::sin).complex(wave(f64::cos)).astype(dtype),
        false => wave(f64::sin).astype(dtype),
    }
}

/// Returns the conjugate transposes.
pub(crate) fn adjoint(x: &Array) -> Array {
    let x = x.moveaxis(-1, -2);
    if x.dtype().is_complex() { x.conj() } else { x }
}
