//! Products of many reflections, in blocks.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use xla::Threads;

use super::number::Number;
use crate::product::{part, parts};

/// How many reflections are applied at once.
const BLOCK: usize = 32;

/// Scratch memory for matrices with n rows.
pub(super) struct Blocks<T> {
    n: usize,
    v: Vec<T>,
    t: Vec<T>,
    inner: Vec<T>,
    w: Vec<T>,
    product: Vec<T>,
}

impl<T: Number> Blocks<T> {
    pub(super) fn new(n: usize) -> Blocks<T> {
        let zeros = |size| vec![T::ZERO; size];
        Blocks {
            n,
            v: zeros(n * BLOCK),
            t: zeros(BLOCK * BLOCK),
            inner: zeros(BLOCK * BLOCK),
            w: zeros(n * BLOCK),
            product: zeros(n * BLOCK),
        }
    }

    /// Multiplies a matrix from the left by the product of the reflections whose vectors are below the first diagonal
    /// below the main one of `a` (LAPACK's `ormtr` and `ormhr`). A product of reflections is I − V T Vᴴ with a triangular
    /// T (Schreiber and Van Loan, "A storage-efficient WY representation for products of Householder transformations",
    /// 1989).
    pub(super) fn apply(&mut self, threads: Threads<'_>, a: &[T], tau: &[T], c: &mut [T]) {
        let n = self.n;
        let starts: Vec<usize> = (0..n.saturating_sub(1)).step_by(BLOCK).collect();
        for start in starts.into_iter().rev() {
            let count = BLOCK.min(n - 1 - start);
            let rows = n - 1 - start;
            let v = &mut self.v[..rows * count];
            for (j, v) in v.chunks_exact_mut(rows).enumerate() {
                let column = &a[(start + j) * n + start + 1..][..rows];
                v[..j].fill(T::ZERO);
                v[j] = T::ONE;
                v[j + 1..].copy_from_slice(&column[j + 1..]);
            }
            let v = MatRef::from_column_major_slice(&*v, rows, count);
            let inner = &mut self.inner[..count * count];
            let mut products = MatMut::from_column_major_slice_mut(inner, count, count);
            matmul(products.as_mut(), Accum::Replace, v.adjoint(), v, T::ONE, Par::Seq);
            let t = &mut self.t[..count * count];
            t.fill(T::ZERO);
            for j in 0..count {
                let factor = tau[start + j];
                t[j * count + j] = factor;
                for i in 0..j {
                    let sum = (i..j).fold(T::ZERO, |sum, k| sum + t[k * count + i] * products[(k, j)]);
                    t[j * count + i] = -(factor * sum);
                }
            }
            let t = MatRef::from_column_major_slice(&*t, count, count);
            let c = MatMut::from_column_major_slice_mut(&mut *c, n, n).subrows_mut(start + 1, rows);
            let columns = part(n, 2 * rows * count);
            let some = |x| parts(MatMut::from_column_major_slice_mut(x, count, n), columns).into_iter();
            let inner = some(&mut self.w[..count * n]).zip(some(&mut self.product[..count * n]));
            threads.for_each(parts(c, columns).into_iter().zip(inner), |(mut c, (mut w, mut product))| {
                matmul(w.as_mut(), Accum::Replace, v.adjoint(), c.as_ref(), T::ONE, Par::Seq);
                matmul(product.as_mut(), Accum::Replace, t, w.as_ref(), T::ONE, Par::Seq);
                matmul(c.as_mut(), Accum::Add, v, product.as_ref(), -T::ONE, Par::Seq);
            });
        }
    }
}
