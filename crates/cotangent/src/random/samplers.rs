//! What samplers share.

use std::hash::Hash;

use crate::api::func::name_of;
use crate::api::kept::kept;
use crate::array::aval::{Shape, broadcast_shapes};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::tree::Tree;

use super::key::Key;
use super::uniform::between;

/// Defines samplers, each with a function in `f32` and one whose name ends in `_as`, for any float dtype. A row has
/// their names, the parameters, each with a value for an example, and the body. The body sees the key, the parameters in
/// the dtype, the shape, the dtype and its format. A parameter that is marked `as precise` is at least `f32`.
macro_rules! samplers {
    ($($(#[$doc:meta])* $name:ident $name_as:ident($($param:ident $(as $precise:ident)? = $example:literal),*):
        |$key:ident, $shape:ident, $dtype:ident, $format:ident| $body:expr;)*) => { $(
        $(#[$doc])*
        ///
        /// # Panics
        /// If the key is an array of keys, or a parameter does not broadcast to the shape.
        #[track_caller]
        pub fn $name(key: Key, $($param: impl ArrayLike,)* shape: impl IntoShape) -> Array {
            $name_as(key, $($param,)* shape, DType::F32)
        }

        #[doc = concat!("[`", stringify!($name), "()`] in a float dtype.")]
        #[doc = concat!("\n```\n# use cotangent::prelude::*;\nlet x = random::", stringify!($name_as), "(random::key(0), ", $(stringify!($example), ", ",)* "3, DType::F64);\nassert_eq!((x.dtype(), x.shape()), (DType::F64, &[3][..]));\n```")]
        #[track_caller]
        pub fn $name_as(key: Key, $($param: impl ArrayLike,)* shape: impl IntoShape, dtype: DType) -> Array {
            let shape = shape.into_shape();
            Format::of(dtype, stringify!($name));
            $(let $param = samplers!(@of parameter(stringify!($name), $param, &shape), dtype $(, $precise)?);)*
            draw((shape, dtype), key.one(stringify!($name)), [$($param),*], |&(ref $shape, $dtype), $key, [$($param),*]| {
                let $format = Format::of($dtype, stringify!($name));
                let _ = &$format;
                samplers!(@end $body, $($param)*)
            })
        }
    )* };
    (@of $param:expr, $dtype:expr) => { $param.astype($dtype) };
    (@of $param:expr, $dtype:expr, precise) => { precise(&$param, $dtype) };
    // A draw without parameters is computed once.
    (@end $body:expr,) => { drawn($body) };
    (@end $body:expr, $($param:ident)+) => { $body };
}
pub(super) use samplers;

/// Calls a sampler as a jitted function: see [`kept`]. The settings, usually shape and dtype, are what its program depends on
/// besides the key and the parameters.
#[track_caller]
pub(super) fn draw<S, R, F, const N: usize>(settings: S, key: &Key, parameters: [Array; N], sample: F) -> R
where
    S: Clone + Eq + Hash + Send + Sync + 'static,
    R: Tree + 'static,
    F: Fn(&S, &Key, &[Array; N]) -> R + Copy + Send + Sync + 'static,
{
    let sample = move |settings: &S, (key, parameters): &(Key, [Array; N])| sample(settings, key, parameters);
    kept(name_of::<F>(), settings, (key.clone(), parameters), sample)
}

/// A parameter of a sampler, which must broadcast to the shape of the samples.
#[track_caller]
pub(super) fn parameter(name: &str, x: impl ArrayLike, shape: &Shape) -> Array {
    let x = x.to_array();
    check_parameter(name, x.shape(), shape);
    x
}

/// Checks that the shape of a parameter broadcasts to the shape of the samples.
#[track_caller]
pub(super) fn check_parameter(name: &str, parameter: &[usize], shape: &Shape) {
    if broadcast_shapes(parameter, shape).ok().as_ref() != Some(shape) {
        let parameter = Shape::new(parameter);
        raise(
            Error::shape(format!("{name}: a parameter of shape {parameter} does not broadcast to the shape {shape}"))
                .help(
                    "the shape is that of the result: that of the parameters, broadcast, after any leading dimensions",
                ),
        );
    }
}

/// A parameter whose reciprocal is taken before it is rounded to the dtype of the samples.
#[track_caller]
pub(super) fn precise(x: &Array, dtype: DType) -> Array {
    x.astype(if dtype == DType::F64 { dtype } else { DType::F32 })
}

/// The reciprocal of a [precise] parameter, rounded to the dtype of the samples once.
#[track_caller]
pub(super) fn reciprocal(x: &Array, dtype: DType) -> Array {
    (1.0 / precise(x, dtype)).astype(dtype)
}

/// Uniform numbers between two constants.
#[track_caller]
pub(super) fn unit(key: &Key, shape: &Shape, dtype: DType, lo: f64, hi: f64) -> Array {
    between(key, shape, dtype, &Array::from(lo), &Array::from(hi))
}

/// Samples of the exponential distribution.
#[track_caller]
pub(super) fn exponentials(key: &Key, shape: &Shape, dtype: DType) -> Array {
    -(-unit(key, shape, dtype, 0.0, 1.0)).log1p()
}
