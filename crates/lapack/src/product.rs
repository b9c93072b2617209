//! Products of matrices, computed by several threads.

use faer::linalg::matmul::matmul_with_conj;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::reborrow::ReborrowMut;
use faer::{Accum, Conj, MatMut, MatRef, Par};
use xla::Threads;

use crate::scalar::Scalar;

/// The number of multiplications of a part, at least.
const WORK: usize = 1 << 20;
/// The number of rows or columns of a part, at least.
const NARROW: usize = 64;
/// The number of parts, at most. Each of them reads one of the operands as a whole.
const PARTS: usize = 8;

/// Returns how many of the rows or columns of a matrix a thread takes at a time, where each takes some multiplications.
pub(crate) fn part(count: usize, each: usize) -> usize {
    let parts = (count.saturating_mul(each) / WORK).min(count / NARROW).clamp(1, PARTS);
    count.div_ceil(parts).next_multiple_of(8)
}

/// Returns the parts of a matrix with so many columns each.
pub(crate) fn parts<T>(a: MatMut<'_, T>, columns: usize) -> Vec<MatMut<'_, T>> {
    let mut parts = Vec::with_capacity(a.ncols().div_ceil(columns.max(1)));
    let mut rest = a;
    while rest.ncols() > columns {
        let (part, others) = rest.split_at_col_mut(columns);
        parts.push(part);
        rest = others;
    }
    parts.push(rest);
    parts
}

/// A factor of a product, and whether it is conjugated.
type Factor<'a, T> = (MatRef<'a, T>, Conj);

/// Computes to = α a b, or adds it.
pub(crate) fn matmul<T: Scalar>(
    threads: Threads<'_>,
    to: MatMut<'_, T>,
    accum: Accum,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    alpha: T,
) {
    conjugated(threads, to, accum, (a, Conj::No), (b, Conj::No), alpha);
}

/// [`matmul`] of matrices or their conjugates.
pub(crate) fn conjugated<T: Scalar>(
    threads: Threads<'_>,
    to: MatMut<'_, T>,
    accum: Accum,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
    alpha: T,
) {
    let (m, n, k) = (to.nrows(), to.ncols(), a.0.ncols());
    if m > n {
        // The transpose of the product.
        let (a, b) = ((a.0.transpose(), a.1), (b.0.transpose(), b.1));
        return by_columns(threads, to.transpose_mut(), accum, b, a, alpha, part(m, n * k));
    }
    by_columns(threads, to, accum, a, b, alpha, part(n, m * k));
}

fn by_columns<T: Scalar>(
    threads: Threads<'_>,
    to: MatMut<'_, T>,
    accum: Accum,
    (a, conj_a): Factor<'_, T>,
    (b, conj_b): Factor<'_, T>,
    alpha: T,
    columns: usize,
) {
    if columns >= to.ncols() {
        return matmul_with_conj(to, accum, a, conj_a, b, conj_b, alpha, Par::Seq);
    }
    threads.for_each(parts(to, columns).into_iter().enumerate(), |(i, to)| {
        let b = b.subcols(i * columns, to.ncols());
        matmul_with_conj(to, accum, a, conj_a, b, conj_b, alpha, Par::Seq);
    });
}

/// Subtracts the lower triangle of a aᴴ.
pub(crate) fn subtract_square<T: Scalar>(threads: Threads<'_>, mut to: MatMut<'_, T>, a: MatRef<'_, T>) {
    let n = to.ncols();
    let columns = part(n, n / 2 * a.ncols());
    let minus = -T::from_real(1.0);
    threads.for_each(parts(to.rb_mut(), columns).into_iter().enumerate(), |(i, to)| {
        let first = i * columns;
        let to = to.split_at_row_mut(first).1;
        let (a, own) = (a.subrows(first, n - first), a.subrows(first, to.ncols()));
        let (corner, below) = to.split_at_row_mut(own.nrows());
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        let right = own.transpose();
        let (above, rest) = a.split_at_row(own.nrows());
        triangular::matmul_with_conj(
            corner,
            lower,
            Accum::Add,
            above,
            full,
            Conj::No,
            right,
            full,
            Conj::Yes,
            minus,
            Par::Seq,
        );
        if below.nrows() > 0 {
            matmul_with_conj(below, Accum::Add, rest, Conj::No, right, Conj::Yes, minus, Par::Seq);
        }
    });
}
