//! Initializers of parameters, with JAX's names and draws.
//!
//! An [`Initializer`] draws an array of any shape from a key. Layers take initializers as options.
//!
//! ```
//! use cotangent::{nn::initializers, prelude::*};
//! let he = initializers::he_normal();
//! let weight = he.init(random::key(0), [256, 128]);
//! let small = initializers::normal(1e-3).init_as(random::key(1), [128, 10], DType::BF16);
//! # let _ = (weight, small);
//! ```

mod orthogonal;
mod scaling;

pub use orthogonal::{delta_orthogonal, orthogonal};
pub use scaling::*;

use std::fmt;
use std::sync::Arc;

use crate::array::aval::IntoShape;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::nn::at_caller;
use crate::numpy as np;
use crate::random::{self, Key};

/// Draws the initial value of a parameter from a key, a shape and a dtype.
///
/// ```
/// use cotangent::{nn::Initializer, prelude::*};
/// let ramp = Initializer::new("ramp", |_key, shape, dtype| np::arange(shape[0]).astype(dtype));
/// assert_eq!(ramp.init(random::key(0), 3).to_vec::<f32>(), [0.0, 1.0, 2.0]);
/// assert_eq!(format!("{ramp:?}"), "ramp");
/// ```
#[derive(Clone)]
pub struct Initializer {
    name: Arc<str>,
    draw: Arc<Draw>,
}

type Draw = dyn Fn(Key, &[usize], DType) -> Array + Send + Sync;

impl Initializer {
    /// Creates an initializer from a function. The name is for messages.
    ///
    /// ```
    /// use cotangent::{nn::Initializer, prelude::*};
    /// let sevens = Initializer::new("sevens", |_, shape, dtype| np::full_as(shape, 7, dtype));
    /// assert_eq!(sevens.init(random::key(0), 2).to_vec::<f32>(), [7.0, 7.0]);
    /// ```
    pub fn new(
        name: impl Into<String>,
        draw: impl Fn(Key, &[usize], DType) -> Array + Send + Sync + 'static,
    ) -> Initializer {
        Initializer { name: name.into().into(), draw: Arc::new(draw) }
    }

    /// Draws an array in `f32`.
    ///
    /// ```
    /// use cotangent::{nn::initializers, prelude::*};
    /// let x = initializers::lecun_normal().init(random::key(0), [2, 3]);
    /// assert_eq!(x.aval().to_string(), "f32[2,3]");
    /// ```
    #[track_caller]
    pub fn init(&self, key: Key, shape: impl IntoShape) -> Array {
        self.init_as(key, shape, DType::F32)
    }

    /// [`init`](Initializer::init) in a dtype.
    ///
    /// ```
    /// use cotangent::{nn::initializers, prelude::*};
    /// let x = initializers::lecun_normal().init_as(random::key(0), [2, 3], DType::F64);
    /// assert_eq!(x.aval().to_string(), "f64[2,3]");
    /// ```
    #[track_caller]
    pub fn init_as(&self, key: Key, shape: impl IntoShape, dtype: DType) -> Array {
        at_caller(|| (self.draw)(key, &shape.into_shape(), dtype))
    }
}

impl fmt::Debug for Initializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Returns a number in the dtype of a parameter. Draws are scaled by it after both are rounded, as in JAX.
#[track_caller]
fn number(value: f64, dtype: DType) -> Array {
    Array::from(value).astype(dtype)
}

/// Draws a standard normal array. Real and imaginary parts of complex numbers have half the variance each.
#[track_caller]
fn standard_normal(key: Key, shape: &[usize], dtype: DType) -> Array {
    if !dtype.is_complex() {
        return random::normal_as(key, shape, dtype);
    }
    let [re, im] = key.split();
    let part = |key| random::normal_as(key, shape, dtype.real());
    part(re).complex(part(im)) / number(std::f64::consts::SQRT_2, dtype)
}

/// Returns an initializer of zeros. The key is ignored.
///
/// ```
/// use cotangent::{nn::initializers, random};
/// assert_eq!(initializers::zeros().init(random::key(0), 2).to_vec::<f32>(), [0.0, 0.0]);
/// ```
pub fn zeros() -> Initializer {
    Initializer::new("zeros", |_, shape, dtype| np::zeros_as(shape, dtype))
}

/// Returns an initializer of ones. The key is ignored.
///
/// ```
/// use cotangent::{nn::initializers, random};
/// assert_eq!(initializers::ones().init(random::key(0), 2).to_vec::<f32>(), [1.0, 1.0]);
/// ```
pub fn ones() -> Initializer {
    Initializer::new("ones", |_, shape, dtype| np::ones_as(shape, dtype))
}

/// Returns an initializer of one value, a number or an array that broadcasts to the shape. The key is ignored.
///
/// ```
/// use cotangent::{nn::initializers, random};
/// assert_eq!(initializers::constant(-7).init(random::key(0), 2).to_vec::<f32>(), [-7.0, -7.0]);
/// ```
pub fn constant(value: impl ArrayLike) -> Initializer {
    let value = value.to_array();
    Initializer::new("constant", move |_, shape, dtype| np::full_as(shape, &value, dtype))
}

/// Returns an initializer of uniform numbers in [0, scale). JAX's default scale is 0.01.
///
/// ```
/// use cotangent::{nn::initializers, random};
/// let x = initializers::uniform(10.0).init(random::key(0), 100).to_vec::<f32>();
/// assert!(x.iter().all(|x| (0.0..10.0).contains(x)));
/// ```
pub fn uniform(scale: f64) -> Initializer {
    let name = format!("uniform({scale})");
    Initializer::new(name, move |key, shape, dtype| random::uniform_as(key, shape, dtype) * number(scale, dtype))
}

/// Returns an initializer of normal numbers with mean zero and this standard deviation. JAX's default is 0.01.
///
/// ```
/// use cotangent::{nn::initializers, random};
/// assert_eq!(initializers::normal(0.01).init(random::key(0), [2, 3]).shape(), [2, 3]);
/// ```
pub fn normal(stddev: f64) -> Initializer {
    let name = format!("normal({stddev})");
    Initializer::new(name, move |key, shape, dtype| standard_normal(key, shape, dtype) * number(stddev, dtype))
}

/// Returns an initializer of normal numbers within two standard deviations. The standard deviation is that before
/// truncation. JAX's default is 0.01.
///
/// ```
/// use cotangent::{nn::initializers, random};
/// let x = initializers::truncated_normal(0.01).init(random::key(0), 100).to_vec::<f32>();
/// assert!(x.iter().all(|x| x.abs() < 0.02));
/// ```
pub fn truncated_normal(stddev: f64) -> Initializer {
    truncated_normal_in(stddev, -2.0, 2.0)
}

/// [`truncated_normal`] between two bounds, which are multiplied by the standard deviation as the numbers are.
///
/// ```
/// use cotangent::{nn::initializers, random};
/// let x = initializers::truncated_normal_in(10.0, 0.0, 1.0).init(random::key(0), 100).to_vec::<f32>();
/// assert!(x.iter().all(|x| (0.0..10.0).contains(x)));
/// ```
pub fn truncated_normal_in(stddev: f64, lower: f64, upper: f64) -> Initializer {
    let name = format!("truncated_normal({stddev}, {lower}, {upper})");
    Initializer::new(name, move |key, shape, dtype| {
        random::truncated_normal_as(key, lower, upper, shape, dtype) * number(stddev, dtype)
    })
}
