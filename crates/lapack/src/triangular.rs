//! Triangular systems.

use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place_with_conj, solve_unit_lower_triangular_in_place_with_conj,
    solve_unit_upper_triangular_in_place_with_conj, solve_upper_triangular_in_place_with_conj,
};
use faer::{Conj, MatMut, MatRef, Par};
use xla::Arrays;

use crate::scalar::Scalar;
use crate::{letter, matrix, numbers, numbers_mut};

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
struct System<'a, T> {
    a: MatRef<'a, T>,
    conjugated: bool,
    lower: bool,
    unit: bool,
}

impl<T: Scalar> System<'_, T> {
    /// Overwrites B with the solution.
    fn solve(&self, b: MatMut<'_, T>) {
        if !self.is_moderate() {
            return self.substitute(b);
        }
        let conj = if self.conjugated { Conj::Yes } else { Conj::No };
        match (self.lower, self.unit) {
            (true, false) => solve_lower_triangular_in_place_with_conj(self.a, conj, b, Par::Seq),
            (true, true) => solve_unit_lower_triangular_in_place_with_conj(self.a, conj, b, Par::Seq),
            (false, false) => solve_upper_triangular_in_place_with_conj(self.a, conj, b, Par::Seq),
            (false, true) => solve_unit_upper_triangular_in_place_with_conj(self.a, conj, b, Par::Seq),
        }
    }

    /// Returns whether `faer` computes the same solution as substitution. `faer` multiplies by reciprocals of the
    /// diagonal, and in blocks of up to four rows also multiplies what is to be subtracted. If a reciprocal or a
    /// product is ∞, the difference is NaN.
    fn is_moderate(&self) -> bool {
        const BLOCK: usize = 4;
        self.unit
            || (0..self.a.nrows()).all(|i| {
                let near = i.saturating_sub(BLOCK - 1)..i;
                let entry = |j| if self.lower { self.a[(i, j)] } else { self.a[(j, i)] };
                self.a[(i, i)].is_moderate() && near.into_iter().all(|j| entry(j).is_not_huge())
            })
    }

    /// Solves by substitution, row by row.
    fn substitute(&self, mut b: MatMut<'_, T>) {
        let (n, at) =
            (self.a.nrows(), |i, j| if self.conjugated { self.a[(i, j)].conjugate() } else { self.a[(i, j)] });
        for column in 0..b.ncols() {
            for step in 0..n {
                let i = if self.lower { step } else { n - 1 - step };
                let known = if self.lower { 0..i } else { i + 1..n };
                let rest = known.fold(b[(i, column)], |rest, j| rest - at(i, j) * b[(j, column)]);
                b[(i, column)] = if self.unit { rest } else { rest.over(at(i, i)) };
            }
        }
    }
}
