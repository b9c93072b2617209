//! A function that `jax.export` wrote, for benches/imports.

use std::fs;
use std::path::Path;

use cotangent::{Array, import, jit};
use serde_json::Value;

use crate::{Bench, numbers, ready};

/// Times calls of the function in `file`. The file of the same name that ends in `.json` lists its arguments, each as the
/// shape and `float32` or `int32`; their elements are those of `arguments` in benches/imports/programs.py.
///
/// # Errors
/// If a file cannot be read, or the function not be imported.
pub fn imported(file: &Path) -> Result<Bench, Box<dyn std::error::Error>> {
    let listed: Vec<(Vec<usize>, String)> = serde_json::from_value(read(&file.with_extension("json"))?)?;
    let arguments: Vec<Array> =
        listed.iter().enumerate().map(|(k, (shape, dtype))| argument(k, shape, dtype)).collect();
    let arguments = ready(arguments);
    let f = jit(import::jax(fs::read(file)?)?.flat());
    let results = f.try_call((&arguments,))?;
    // The sum, the weighted sum and the sum of magnitudes of each result.
    let check = results.iter().flat_map(|x| {
        let all = numbers(x);
        let weighted = all.iter().enumerate().map(|(i, x)| x * (1.0 + i as f64).cos()).sum();
        [all.iter().sum(), weighted, all.iter().map(|x| x.abs()).sum()]
    });
    let check = check.collect();
    Ok(Bench::of(move || ready(f(&arguments))).check(check))
}

fn read(file: &Path) -> Result<Value, Box<dyn std::error::Error>> {
    Ok(serde_json::from_slice(&fs::read(file)?)?)
}

fn argument(k: usize, shape: &[usize], dtype: &str) -> Array {
    let elements = 0..shape.iter().product::<usize>();
    let x = match dtype {
        "float32" => {
            Array::from(elements.map(|i| (0.3 * (k as f64 + 1.7 * i as f64).sin()) as f32).collect::<Vec<_>>())
        }
        _ => Array::from(elements.map(|i| (7 * i + k) as i32 % 50).collect::<Vec<_>>()),
    };
    x.reshape(shape)
}
