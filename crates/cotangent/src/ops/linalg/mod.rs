//! Linear algebra: decompositions and systems of equations. The last two axes are those of the matrices. All
//! others are batch axes.
//!
//! On the CPU, LAPACK computes them. XLA's own expansions are loops over columns there, and solve triangular systems by
//! inverting blocks of the diagonal.

mod cholesky;
mod eigen;
mod householder;
mod jacobi;
mod lapack;
mod lu;
mod lu_steps;
mod parts;
mod pivoted;
mod pivots;
mod qr;
mod svd;
mod triangular;
mod tridiagonal_solve;
mod tridiagonal_steps;

pub use cholesky::Cholesky;
pub use eigen::Eig;
pub use eigen::Eigh;
pub use eigen::Hessenberg;
pub use eigen::Schur;
pub use eigen::Tridiagonal;
pub use householder::HouseholderProduct;
pub use householder::Ormqr;
pub use lu::Lu;
pub use pivots::LuPivotsToPermutation;
pub use qr::Geqp3;
pub use qr::Geqrf;
pub use qr::Qr;
pub use svd::Svd;
pub use svd::SvdAlgorithm;
pub use triangular::TriangularSolve;
pub use tridiagonal_solve::TridiagonalSolve;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::trace::frames::bind1;

use crate::ops::dot::DotGeneral;
use crate::ops::gather::{Gather, GatherDimensionNumbers, GatherScatterMode};
use crate::ops::precision::Precision;
use crate::ops::shape::Iota;
use crate::ops::slice::Concatenate;

/// Returns whether column − row is at most `k`, for each element of a matrix.
pub(crate) fn lower_mask(rows: usize, columns: usize, k: isize) -> Array {
    let index =
        |dimension| bind1(Iota { dtype: DType::I32, shape: [rows, columns].into_iter().collect(), dimension }, &[]);
    (index(1) - index(0)).less_equal(Array::literal(Literal::int(DType::I32, k as i64)))
}

/// Returns the lower or upper triangle of the last two axes, with or without the diagonal, and zeros elsewhere.
pub(crate) fn triangle(x: &Array, lower: bool, diagonal: bool) -> Array {
    let [rows, columns] = [x.shape()[x.ndim() - 2], x.shape()[x.ndim() - 1]];
    let zero = Array::literal(Literal::int(x.dtype(), 0));
    if lower {
        crate::ops::select(&lower_mask(rows, columns, if diagonal { 0 } else { -1 }), x, &zero, x.shape())
    } else {
        crate::ops::select(&lower_mask(rows, columns, if diagonal { -1 } else { 0 }), &zero, x, x.shape())
    }
}

/// Returns the matrix product over the last two axes, at the highest precision of the device.
pub(crate) fn product(x: &Array, y: &Array) -> Array {
    let n = x.ndim() - 2;
    let batch: Vec<usize> = (0..n).collect();
    let dot = DotGeneral {
        precision: Some([Precision::Highest; 2]),
        ..DotGeneral::new([vec![n + 1], vec![n]], [batch.clone(), batch])
    };
    bind1(dot, &[x, y])
}

/// Returns the rows of each matrix in the order of a permutation: row i of the result is row `permutation[i]`.
pub(crate) fn permuted_rows(x: &Array, permutation: &Array) -> Array {
    if x.size() == 0 {
        return x.clone();
    }
    let n = x.ndim() - 2;
    let batch: Vec<usize> = (0..n).collect();
    let gather = Gather {
        dimension_numbers: GatherDimensionNumbers {
            offset_dims: vec![n + 1],
            collapsed_slice_dims: vec![n],
            start_index_map: vec![n],
            operand_batching_dims: batch.clone(),
            start_indices_batching_dims: batch,
        },
        slice_sizes: (0..n + 2).map(|d| if d <= n { 1 } else { x.shape()[d] }).collect(),
        unique_indices: true,
        indices_are_sorted: false,
        mode: GatherScatterMode::PromiseInBounds,
        fill_value: None,
    };
    bind1(gather, &[x, &permutation.expand_dims(-1)])
}

/// Joins matrices along their rows (axis −2) or columns (axis −1).
fn joined(parts: &[Array], axis: isize) -> Array {
    let dimension = parts[0].ndim().wrapping_add_signed(axis);
    bind1(Concatenate { dimension }, &parts.iter().collect::<Vec<_>>())
}

/// Returns the rows (axis −2) or columns (axis −1) in a range.
fn part(x: &Array, axis: isize, range: std::ops::Range<usize>) -> Array {
    let axis = x.ndim().wrapping_add_signed(axis);
    if range == (0..x.shape()[axis]) { x.clone() } else { x.slice_axis(axis, range.start, range.end) }
}

/// Checks that the last two axes form a square matrix, and returns their size.
fn check_square(a: &Aval) -> Result<usize> {
    match a.shape[..] {
        [.., n, m] if n == m => Ok(n),
        _ => Err(Error::shape(format!("the last two axes must be a square matrix, got {a}"))),
    }
}
