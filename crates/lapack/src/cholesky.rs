//! The Cholesky decomposition.

use faer::linalg::matmul::triangular::{BlockStructure, matmul_with_conj};
use faer::reborrow::{Reborrow, ReborrowMut};
use faer::{Accum, Conj, MatMut, Par};
use xla::Arrays;

use crate::scalar::Scalar;
use crate::triangular::System;
use crate::{NARROW, batch, letter, matrix, numbers_mut};

/// `potrf`: overwrites one triangle of each Hermitian matrix with its Cholesky factor. The other triangle is not
/// accessed. `info` is 0, or the order of the first leading minor that is not positive.
pub(crate) fn potrf<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
    let lower = letter(call, "uplo", "LU")? == 'L';
    let a = call.update::<T::Element>(0, 0)?;
    let info = call.result::<i32>(1)?.elements;
    info.fill(0);
    let [n, columns] = matrix(a.dims)?;
    if n != columns || info.len() != batch(a.dims) {
        return Err("the shapes do not match".to_owned());
    }
    if n == 0 {
        return Ok(());
    }
    for (a, info) in numbers_mut::<T>(a.elements).chunks_exact_mut(n * n).zip(info) {
        let a = MatMut::from_column_major_slice_mut(a, n, n);
        // The upper triangle of A is the lower triangle of Aᵀ, the conjugate of A, and the factors are transposes too.
        let failed = factor(if lower { a } else { a.transpose_mut() });
        *info = failed.map_or(0, |minor| minor as i32 + 1);
    }
    Ok(())
}

/// The number of columns that are factored one by one. Larger matrices are halved, so that most of the work is in
/// matrix products.
const BLOCK: usize = 24;

/// Overwrites the lower triangle of a Hermitian matrix with its factor. Returns the place of the first pivot that is
/// not positive.
fn factor<T: Scalar>(a: MatMut<'_, T>) -> Option<usize> {
    let n = a.nrows();
    if n <= NARROW {
        return factor_by_columns(a);
    }
    if n <= BLOCK {
        return factor_wide(a);
    }
    let half = (n / 2).next_multiple_of(8);
    let (mut corner, _, mut below, mut rest) = a.split_at_mut(half, half);
    if let Some(failed) = factor(corner.rb_mut()) {
        return Some(failed);
    }
    // X L₁ᴴ = B is L₁* Xᵀ = Bᵀ.
    let system = System { a: corner.rb(), conjugated: true, lower: true, unit: false };
    system.solve(below.rb_mut().transpose_mut());
    matmul_with_conj(
        rest.rb_mut(),
        BlockStructure::TriangularLower,
        Accum::Add,
        below.rb(),
        BlockStructure::Rectangular,
        Conj::No,
        below.rb().transpose(),
        BlockStructure::Rectangular,
        Conj::Yes,
        -T::from_real(1.0),
        Par::Seq,
    );
    factor(rest).map(|failed| failed + half)
}

/// [`factor`] by eliminating one column after the other, in a copy.
#[inline(always)]
fn factor_by_columns<T: Scalar>(mut a: MatMut<'_, T>) -> Option<usize> {
    let n = a.nrows();
    let mut columns = [[T::from_real(0.0); BLOCK]; BLOCK];
    for (j, column) in columns.iter_mut().enumerate().take(n) {
        (j..n).for_each(|i| column[i] = a[(i, j)]);
    }
    for j in 0..n {
        let (left, right) = columns.split_at_mut(j + 1);
        let column = &mut left[j][..n];
        // The diagonal of a Hermitian matrix is real, so the imaginary part is not read.
        let Some(root) = column[j].root() else { return Some(j) };
        column[j] = root;
        column[j + 1..].iter_mut().for_each(|x| *x = x.over_real(root));
        for (c, target) in (j + 1..n).zip(right) {
            let factor = column[c].conjugate();
            target[c..n].iter_mut().zip(&column[c..]).for_each(|(x, y)| *x -= *y * factor);
        }
    }
    for (j, column) in columns.iter().enumerate().take(n) {
        (j..n).for_each(|i| a[(i, j)] = column[i]);
    }
    None
}

vectorized! {
fn factor_wide<'a, T: Scalar>(a: MatMut<'a, T>) -> Option<usize> {
    factor_by_columns(a)
}
}
