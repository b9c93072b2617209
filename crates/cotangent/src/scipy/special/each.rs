//! Functions of single numbers, applied to each element of arrays.

use crate::api::vmap::vmap;
use crate::array::Array;
use crate::array::dtype::DType;
use crate::numpy::{broadcast_arrays, ravel};

/// Applies a function of scalars to each element of arrays that are broadcast. A loop in it ends for each element by
/// itself, so that no result depends on the elements beside it.
#[track_caller]
pub(super) fn each(args: &[Array], f: impl Fn(&[Array]) -> Array + Send + Sync) -> Array {
    let full = broadcast_arrays(args);
    let shape = full[0].shape().to_vec();
    if shape.is_empty() {
        return f(&full);
    }
    let flat: Vec<Array> = full.iter().map(ravel).collect();
    vmap(|x: &Vec<Array>| f(x))(&flat).reshape(shape)
}

/// The relative spacing of the numbers of a float's dtype.
pub(super) fn epsilon(x: &Array) -> f64 {
    if x.dtype() == DType::F64 { f64::EPSILON } else { f32::EPSILON.into() }
}

/// Computes in `f32` at least, and returns the result in the dtype of the arguments.
pub(crate) fn widened<const N: usize>(args: [&Array; N], f: impl Fn([Array; N]) -> Array) -> Array {
    let dtype = args[0].dtype();
    match dtype.byte_size() < 4 {
        true => f(args.map(|x| x.astype(DType::F32))).astype(dtype),
        false => f(args.map(Array::clone)),
    }
}
