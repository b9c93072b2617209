//! Triangular systems.

use faer::linalg::matmul::matmul_with_conj;
use faer::reborrow::{Reborrow, ReborrowMut};
use faer::{Accum, Conj, MatMut, MatRef, Par};
use xla::Arrays;

use crate::scalar::Scalar;
use crate::{NARROW, letter, matrix, numbers, numbers_mut};

/// `trsm`: solves op(A) X = B or X op(A) = B for X. A is triangular, and op is the identity, the transpose or the
/// conjugate transpose.
pub(crate) fn trsm<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
    let left = letter(call, "side", "LR")? == 'L';
    let upper = letter(call, "uplo", "LU")? == 'U';
    let unit = letter(call, "diag", "NU")? == 'U';
    let op = letter(call, "trans_x", "NTC")?;
    let a = call.operand::<T::Element>(0)?;
    let b = call.update::<T::Element>(1, 0)?;
    let ([n, columns], [rows, width]) = (matrix(a.dims)?, matrix(b.dims)?);
    if n != columns || n != if left { rows } else { width } || a.dims[..a.dims.len() - 2] != b.dims[..b.dims.len() - 2]
    {
        return Err("the shapes do not match".to_owned());
    }
    if b.elements.is_empty() {
        return Ok(());
    }
    let matrices = numbers::<T>(a.elements).chunks_exact(n * n);
    for (a, b) in matrices.zip(numbers_mut::<T>(b.elements).chunks_exact_mut(rows * width)) {
        let a = MatRef::from_column_major_slice(a, n, n);
        let b = MatMut::from_column_major_slice_mut(b, rows, width);
        // X op(A) = B is op(A)ᵀ Xᵀ = Bᵀ.
        let (b, transposed) = if left { (b, op != 'N') } else { (b.transpose_mut(), op == 'N') };
        let system = System {
            a: if transposed { a.transpose() } else { a },
            conjugated: op == 'C',
            lower: upper == transposed,
            unit,
        };
        system.solve(b);
    }
    Ok(())
}

/// A triangular matrix.
#[derive(Clone, Copy)]
pub(crate) struct System<'a, T> {
    pub(crate) a: MatRef<'a, T>,
    pub(crate) conjugated: bool,
    pub(crate) lower: bool,
    pub(crate) unit: bool,
}

/// The number of rows that are solved one by one. Larger systems are halved, so that most of the work is in matrix
/// products.
const BLOCK: usize = 16;
/// The number of right-hand sides that are solved side by side.
const TILE: usize = 8;

impl<'a, T: Scalar> System<'a, T> {
    /// Overwrites B with the solution. Divides by the diagonal instead of multiplying by its reciprocals, which may be
    /// out of range, and are less accurate.
    pub(crate) fn solve(self, b: MatMut<'_, T>) {
        let n = self.a.nrows();
        if n <= NARROW {
            return substitute(self, b);
        }
        if n <= BLOCK {
            return substitute_wide(self, b);
        }
        let half = (n / 2).next_multiple_of(8);
        let (first, above, below, last) = self.a.split_at(half, half);
        let part = |a: MatRef<'a, T>| System { a, ..self };
        let (top, bottom) = b.split_at_row_mut(half);
        let (conj, one) = (if self.conjugated { Conj::Yes } else { Conj::No }, T::from_real(1.0));
        let subtract = |to: MatMut<'_, T>, a: MatRef<'_, T>, x: MatRef<'_, T>| {
            matmul_with_conj(to, Accum::Add, a, conj, x, Conj::No, -one, Par::Seq);
        };
        let (mut top, mut bottom) = (top, bottom);
        if self.lower {
            part(first).solve(top.rb_mut());
            subtract(bottom.rb_mut(), below, top.rb());
            part(last).solve(bottom);
        } else {
            part(last).solve(bottom.rb_mut());
            subtract(top.rb_mut(), above, bottom.rb());
            part(first).solve(top);
        }
    }
}

/// Solves by substitution, for several right-hand sides at a time.
#[inline(always)]
fn substitute<T: Scalar>(system: System<'_, T>, mut b: MatMut<'_, T>) {
    let (n, width) = (system.a.nrows(), b.ncols());
    // Rows and columns of an upper triangular matrix in reverse make a lower triangular one.
    let place = |i: usize| if system.lower { i } else { n - 1 - i };
    let mut l = [[T::from_real(0.0); BLOCK]; BLOCK];
    for (i, row) in l.iter_mut().enumerate().take(n) {
        for (j, entry) in row.iter_mut().enumerate().take(i + 1) {
            let x = system.a[(place(i), place(j))];
            *entry = if system.conjugated { x.conjugate() } else { x };
        }
    }
    for start in (0..width).step_by(TILE) {
        let columns = TILE.min(width - start);
        let mut tile = [[T::from_real(0.0); TILE]; BLOCK];
        for c in 0..columns {
            match b.rb().col(start + c).try_as_col_major() {
                Some(column) => {
                    let column = &column.as_slice()[..n];
                    tile.iter_mut().enumerate().take(n).for_each(|(i, row)| row[c] = column[place(i)]);
                }
                None => (0..n).for_each(|i| tile[i][c] = b[(place(i), start + c)]),
            }
        }
        for (i, factors) in l.iter().enumerate().take(n) {
            let (known, rest) = tile.split_at_mut(i);
            let row = &mut rest[0];
            for (known, factor) in known.iter().zip(factors) {
                row.iter_mut().zip(known).for_each(|(x, y)| *x -= *factor * *y);
            }
            if !system.unit {
                row[..columns].iter_mut().for_each(|x| *x = x.over(factors[i]));
            }
        }
        for c in 0..columns {
            match b.rb_mut().col_mut(start + c).try_as_col_major_mut() {
                Some(column) => {
                    let column = &mut column.as_slice_mut()[..n];
                    tile.iter().enumerate().take(n).for_each(|(i, row)| column[place(i)] = row[c]);
                }
                None => (0..n).for_each(|i| b[(place(i), start + c)] = tile[i][c]),
            }
        }
    }
}

vectorized! {
fn substitute_wide<'a, T: Scalar>(system: System<'a, T>, b: MatMut<'a, T>) {
    substitute(system, b);
}
}
