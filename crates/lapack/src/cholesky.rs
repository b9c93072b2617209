//! The Cholesky decomposition.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltError, LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::{MatMut, Par};
use xla::Arrays;

use crate::scalar::Scalar;
use crate::{letter, matrix, numbers_mut};

/// `potrf`: overwrites one triangle of each Hermitian matrix with its Cholesky factor. The contents of the other
/// triangle are unspecified. `info` is 0, or the order of the first leading minor that is not positive.
pub(crate) fn potrf<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
    let lower = letter(call, "uplo", "LU")? == 'L';
    let a = call.update::<T::Element>(0, 0)?;
    let info = call.result::<i32>(1)?.elements;
    info.fill(0);
    let [n, columns] = matrix(a.dims)?;
    if n != columns || info.len() != a.dims[..a.dims.len() - 2].iter().product::<i64>() as usize {
        return Err("the shapes do not match".to_owned());
    }
    if n == 0 {
        return Ok(());
    }
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<T>(n, Par::Seq, Default::default()));
    for (a, info) in numbers_mut::<T>(a.elements).chunks_exact_mut(n * n).zip(info) {
        // The upper triangle is the lower triangle of the transpose, which is the conjugate matrix. Transposing costs
        // less than working along rows.
        if !lower {
            transpose(a, n);
        }
        real_diagonal(a, n);
        let matrix = MatMut::from_column_major_slice_mut(a, n, n);
        let (none, memory) = (LltRegularization::default(), MemStack::new(&mut memory));
        if let Err(LltError::NonPositivePivot { index }) =
            cholesky_in_place::<T>(matrix, none, Par::Seq, memory, Default::default())
        {
            *info = index as i32 + 1;
        }
        real_diagonal(a, n);
        if !lower {
            transpose(a, n);
        }
    }
    Ok(())
}

/// Sets the imaginary part of the diagonal to zero. The diagonals of a Hermitian matrix and of its factor are real, but
/// `faer` neither ignores nor clears imaginary parts.
fn real_diagonal<T: Scalar>(a: &mut [T], n: usize) {
    a.iter_mut().step_by(n + 1).for_each(|x| *x = x.real_part());
}

/// Transposes a square matrix block by block. The elements of a block fit in the fastest cache.
fn transpose<T: Copy>(a: &mut [T], n: usize) {
    const BLOCK: usize = 16;
    for column in (0..n).step_by(BLOCK) {
        for row in (column..n).step_by(BLOCK) {
            for j in column..n.min(column + BLOCK) {
                for i in row.max(j + 1)..n.min(row + BLOCK) {
                    a.swap(j * n + i, i * n + j);
                }
            }
        }
    }
}
