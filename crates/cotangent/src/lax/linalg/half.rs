//! Matrices of half precision. There are no routines for them: results are computed in `f32` and rounded.

use std::panic::Location;

use crate::api::program;
use crate::array::Array;
use crate::array::dtype::DType;
use crate::error::location::{location, with_location};
use crate::ir::primitive::{Outputs, Primitive};
use crate::methods::reductions::working;
use crate::trace::frames;

/// Returns the results of a function of matrices, which outside any trace becomes one program. If a dtype is `f16` or
/// `bf16`, the function gets `f32`, and its real results are rounded once, at the end. Complex results stay `c64`.
#[track_caller]
pub(crate) fn library(inputs: &[Array], body: impl FnOnce(&[Array]) -> Vec<Array>) -> Vec<Array> {
    let Some(half) = half(inputs) else { return program::as_library(inputs, body) };
    program::as_library(inputs, |inputs| {
        let wide: Vec<Array> = inputs.iter().map(|x| x.astype(working(x.dtype()))).collect();
        body(&wide).into_iter().map(|y| if y.dtype() == DType::F32 { y.astype(half) } else { y }).collect()
    })
}

/// Like [`library`], for a function with one result.
#[track_caller]
pub(crate) fn library1(inputs: &[Array], body: impl FnOnce(&[Array]) -> Array) -> Array {
    library(inputs, |inputs| vec![body(inputs)]).remove(0)
}

/// Like [`library`], for a function that is one program in half precision only. Its equations belong to the caller's line.
#[track_caller]
pub(crate) fn widened(inputs: &[Array], body: impl FnOnce(&[Array]) -> Vec<Array>) -> Vec<Array> {
    with_location(location(Location::caller()), || match half(inputs) {
        Some(_) => library(inputs, body),
        None => body(inputs),
    })
}

/// [`frames::bind`] for a primitive that takes no half precision itself.
#[track_caller]
pub(crate) fn bind(prim: impl Primitive, inputs: &[&Array]) -> Outputs<Array> {
    let mut dtypes = inputs.iter().map(|x| x.dtype()).filter(|dtype| dtype.is_inexact());
    let first = dtypes.next();
    // The primitive refuses different dtypes, which would be the same after they were widened.
    if dtypes.any(|dtype| Some(dtype) != first) {
        return frames::bind(prim, inputs);
    }
    let inputs: Vec<Array> = inputs.iter().map(|x| (*x).clone()).collect();
    widened(&inputs, |x| frames::bind(prim, &x.iter().collect::<Vec<_>>()).into_vec()).into_iter().collect()
}

/// [`bind`] for a primitive with one result.
#[track_caller]
pub(crate) fn bind1(prim: impl Primitive, inputs: &[&Array]) -> Array {
    bind(prim, inputs).swap_remove(0)
}

fn half(inputs: &[Array]) -> Option<DType> {
    inputs.iter().map(Array::dtype).find(|dtype| working(*dtype) != *dtype)
}
