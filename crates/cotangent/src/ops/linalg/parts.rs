//! Parts of matrices, for the rules of decompositions. The last two axes are those of the matrices.

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::ir::primitive::Primitive;
use crate::trace::frames::bind1;

use super::{lower_mask, triangle};

use crate::ops::elementwise::rebind;
use crate::ops::shape::all_in_front;
use crate::ops::slice::Concatenate;
use crate::ops::{select, zeros};

/// Returns the last two sizes, after checking that there are two.
pub(super) fn check_matrix(a: &Aval) -> Result<[usize; 2]> {
    match a.shape[..] {
        [.., m, n] => Ok([m, n]),
        _ => Err(Error::shape(format!("expected at least two dimensions, got {a}"))),
    }
}

/// Returns the last two sizes.
pub(super) fn sizes(a: &Array) -> [usize; 2] {
    let n = a.ndim();
    [a.shape()[n - 2], a.shape()[n - 1]]
}

/// Returns the conjugate transpose.
pub(super) fn adjoint(x: &Array) -> Array {
    let x = x.moveaxis(-1, -2);
    if x.dtype().is_complex() { x.conj() } else { x }
}

/// Returns some of the rows.
pub(super) fn rows(x: &Array, from: usize, to: usize) -> Array {
    x.slice_axis(x.ndim() - 2, from, to)
}

/// Returns some of the columns.
pub(super) fn columns(x: &Array, from: usize, to: usize) -> Array {
    x.slice_axis(x.ndim() - 1, from, to)
}

/// Puts one matrix below another one.
pub(super) fn above(x: &Array, y: &Array) -> Array {
    bind1(Concatenate { dimension: x.ndim() - 2 }, &[x, y])
}

/// Puts one matrix to the right of another one.
pub(super) fn beside(x: &Array, y: &Array) -> Array {
    bind1(Concatenate { dimension: x.ndim() - 1 }, &[x, y])
}

/// Returns the matrix with zeros off the diagonal.
pub(super) fn diagonal_part(x: &Array) -> Array {
    triangle(&triangle(x, true, true), false, true)
}

/// Returns the elements on the diagonal. The matrices are square.
pub(super) fn diagonal(x: &Array) -> Array {
    diagonal_part(x).sum_axis(-1)
}

/// Returns the matrix with ones on the diagonal.
pub(super) fn with_unit_diagonal(x: &Array) -> Array {
    let [m, n] = sizes(x);
    let one = Array::literal(Literal::int(x.dtype(), 1));
    let on = lower_mask(m, n, 0).not_equal(lower_mask(m, n, -1));
    select(&on, &one, x, x.shape())
}

/// Returns the identity, or its first columns or rows, for each matrix of `like`.
pub(super) fn identity(like: &Array, m: usize, n: usize) -> Array {
    let mut shape = like.shape().to_vec();
    let rank = shape.len();
    shape.splice(rank - 2.., [m, n]);
    with_unit_diagonal(&zeros(shape, like.dtype()))
}

/// Multiplies each row by a number, or adds up the rows of a diagonal matrix with the given diagonal.
pub(super) fn scale_rows(by: &Array, x: &Array) -> Array {
    by.expand_dims(-1) * x
}

/// The batch rule of a primitive whose leading axes are batch axes.
pub(super) fn batch(
    prim: &dyn Primitive,
    x: &[Array],
    axes: &[Option<usize>],
    size: usize,
) -> (Vec<Array>, Vec<Option<usize>>) {
    let batched = axes.iter().any(Option::is_some);
    let inputs = if batched { all_in_front(x, axes, size) } else { x.to_vec() };
    let results = rebind(prim, &inputs.iter().collect::<Vec<_>>()).into_vec();
    let axes = vec![batched.then_some(0); results.len()];
    (results, axes)
}
