//! Linear algebra: the Cholesky decomposition and triangular systems. The last two axes are those of the matrices. All
//! others are batch axes.
//!
//! On the CPU, LAPACK computes both. XLA's own expansions are loops over columns there, and solve triangular systems by
//! inverting blocks of the diagonal.

mod cholesky;
mod householder;
mod jacobi;
mod lapack;
mod parts;
mod pivoted;
mod qr;
mod svd;
mod triangular;

pub use cholesky::Cholesky;
pub use householder::{HouseholderProduct, Ormqr};
pub use qr::{Geqp3, Geqrf, Qr};
pub use svd::{Svd, SvdAlgorithm};
pub use triangular::TriangularSolve;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::trace::frames::bind1;

use crate::ops::dot::DotGeneral;
use crate::ops::precision::Precision;
use crate::ops::shape::Iota;

/// Returns whether column − row is at most `k`, for each element of a matrix.
pub(crate) fn lower_mask(rows: usize, columns: usize, k: isize) -> Array {
    let index =
        |dimension| bind1(Iota { dtype: DType::I32, shape: [rows, columns].into_iter().collect(), dimension }, &[]);
    (index(1) - index(0)).less_equal(Array::literal(Literal::int(DType::I32, k as i64)))
}

/// Returns the lower or upper triangle of the last two axes, with or without the diagonal, and zeros elsewhere.
fn triangle(x: &Array, lower: bool, diagonal: bool) -> Array {
    let [rows, columns] = [x.shape()[x.ndim() - 2], x.shape()[x.ndim() - 1]];
    let zero = Array::literal(Literal::int(x.dtype(), 0));
    if lower {
        crate::ops::select(&lower_mask(rows, columns, if diagonal { 0 } else { -1 }), x, &zero, x.shape())
    } else {
        crate::ops::select(&lower_mask(rows, columns, if diagonal { -1 } else { 0 }), &zero, x, x.shape())
    }
}

/// Returns the matrix product over the last two axes, at the highest precision of the device.
fn product(x: &Array, y: &Array) -> Array {
    let n = x.ndim() - 2;
    let batch: Vec<usize> = (0..n).collect();
    let dot = DotGeneral {
        precision: Some([Precision::Highest; 2]),
        ..DotGeneral::new([vec![n + 1], vec![n]], [batch.clone(), batch])
    };
    bind1(dot, &[x, y])
}

/// Checks that the last two axes form a square matrix, and returns their size.
fn check_square(a: &Aval) -> Result<usize> {
    match a.shape[..] {
        [.., n, m] if n == m => Ok(n),
        _ => Err(Error::shape(format!("the last two axes must be a square matrix, got {a}"))),
    }
}
