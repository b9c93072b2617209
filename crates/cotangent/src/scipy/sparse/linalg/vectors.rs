//! Trees of arrays as vectors.

use crate::array::Array;
use crate::array::dtype::DType;
use crate::array::promote::promote_types;
use crate::lax::Precision;
use crate::numpy::vdot;
use crate::ops::precision::default_matmul_precision;
use crate::tree::{Tree, flatten};

/// Returns another handle to the same arrays.
pub(super) fn copy<T: Tree>(x: &T) -> T {
    x.map(Array::clone)
}

pub(super) fn add<T: Tree>(x: &T, y: &T) -> T {
    x.zip(y, |x, y| x + y)
}

pub(super) fn minus<T: Tree>(x: &T, y: &T) -> T {
    x.zip(y, |x, y| x - y)
}

/// Returns the product with a number, in the dtypes of the vector.
pub(super) fn scaled<T: Tree>(a: &Array, x: &T) -> T {
    x.map(|x| match a.dtype().is_complex() && !x.dtype().is_complex() {
        true => a.real().astype(x.dtype()) * x,
        false => a.astype(if a.dtype().is_complex() { x.dtype() } else { x.dtype().real() }) * x,
    })
}

/// Returns the inner product, of which the first vector is conjugated.
pub(super) fn inner<T: Tree>(x: &T, y: &T) -> Array {
    let products = flatten(x).into_iter().zip(flatten(y)).map(|(x, y)| vdot(x, y));
    default_matmul_precision(Precision::Highest, || products.reduce(|a, b| a + b)).unwrap_or_else(|| 0.0.into())
}

/// Returns the square of the norm.
pub(super) fn squares<T: Tree>(x: &T) -> Array {
    let square = |x: Array| {
        let square = |x: &Array| (x * x).sum();
        if x.dtype().is_complex() { square(&x.real()) + square(&x.imag()) } else { square(&x) }
    };
    flatten(x).into_iter().map(square).reduce(|a, b| a + b).unwrap_or_else(|| 0.0.into())
}

/// Returns the dtype that holds the elements of all arrays.
pub(super) fn dtype_of<T: Tree>(x: &T) -> DType {
    let all = flatten(x).into_iter().map(|x| (x.dtype(), false));
    all.reduce(promote_types).map_or(DType::F32, |(dtype, _)| dtype)
}
