//! The Schur decomposition.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::hessenberg::{hessenberg_in_place, hessenberg_in_place_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_right_in_place_scratch,
    apply_block_householder_sequence_on_the_right_in_place_with_conj,
};
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::{Conj, Mat, MatMut, Par};
use xla::{Arrays, Threads};

use super::balance::Balance;
use super::number::Number;
use super::reflections::Blocks;
use super::{elements, expect, hessenberg, largest, multishift, rescale, scale, squares};
use crate::letter;

/// The reflections of larger matrices are multiplied in blocks.
const SMALL: usize = 48;
/// Larger matrices are reduced to Hessenberg form by `faer`.
const LARGE: usize = 96;

/// `gees`: computes the Schur form of each matrix, and if `mode` is `V`, the Schur vectors. A real matrix has 2 × 2
/// blocks on the diagonal of its form. The results are the form, the vectors, the eigenvalues (for real matrices, real
/// and imaginary parts), the number of selected eigenvalues, which is 0, and `info`: 0, or 1 if the matrix has an
/// element that is not finite, or the iteration does not converge.
pub(crate) fn gees<T: Number>(call: &mut Arrays<'_>) -> Result<(), String> {
    let vectors = letter(call, "mode", "NV")? == 'V';
    letter(call, "sort", "N")?;
    let a = call.update::<T::Element>(0, 0)?;
    let [n, count] = squares(a.dims)?;
    let z = call.result::<T::Element>(1)?.elements;
    let parts = if T::IS_COMPLEX { 1 } else { 2 };
    let (re, im) = match T::IS_COMPLEX {
        true => (call.result::<T::Element>(2)?.elements, None),
        false => (call.result::<T::Element>(2)?.elements, Some(call.result::<T::Element>(3)?.elements)),
    };
    call.result::<i32>(2 + parts)?.elements.fill(0);
    let info = call.result::<i32>(3 + parts)?.elements;
    expect(z.len(), a.elements.len())?;
    expect(re.len(), n * count)?;
    expect(info.len(), count)?;
    info.fill(0);
    if n == 0 {
        return Ok(());
    }
    let (a, z, re) = (elements::<T>(a.elements), elements::<T>(z), elements::<T>(re));
    let mut im = im.map(elements::<T>);
    let mut work = Work::<T>::new(call.threads(), n);
    let (mut balance, mut w) = (Balance::new(n), vec![T::C::ZERO; n]);
    for (i, ((a, z), info)) in a.chunks_exact_mut(n * n).zip(z.chunks_exact_mut(n * n)).zip(info).enumerate() {
        z.fill(T::ZERO);
        let done = decompose(a, vectors.then_some(&mut *z), &mut w, &mut work, &mut balance);
        *info = i32::from(!done);
        for (k, w) in w.iter().enumerate() {
            re[i * n + k] = T::from_parts(w.re(), w.im());
            if let Some(im) = &mut im {
                im[i * n + k] = T::of(w.im());
            }
        }
    }
    Ok(())
}

/// Scratch memory for matrices of a given size.
pub(super) struct Work<'t, T> {
    threads: Threads<'t>,
    n: usize,
    tau: Vec<T>,
    vector: Vec<T>,
    blocks: Option<Blocks<T>>,
}

impl<'t, T: Number> Work<'t, T> {
    pub(super) fn new(threads: Threads<'t>, n: usize) -> Work<'t, T> {
        let blocks = (n > SMALL).then(|| Blocks::new(n));
        Work { threads, n, tau: vec![T::ZERO; n], vector: vec![T::ZERO; n], blocks }
    }

    /// Overwrites a balanced matrix with its Schur form, `z` with the vectors, and `w` with the eigenvalues. If no more
    /// than the eigenvalues is wanted, the form is left incomplete. Returns whether the iteration converged.
    #[inline(always)]
    pub(super) fn schur(
        &mut self,
        a: &mut [T],
        range: [usize; 2],
        whole: bool,
        mut z: Option<&mut [T]>,
        w: &mut [T::C],
    ) -> bool {
        let n = self.n;
        let tau = &mut self.tau[..n - 1];
        let large = n > LARGE && range == [0, n];
        match large {
            true => reduce_by_blocks(a, n, z.as_deref_mut()),
            false => hessenberg::reduce(a, n, range, tau, &mut self.vector),
        }
        if let Some(z) = z.as_mut().filter(|_| !large) {
            match &mut self.blocks {
                Some(blocks) => {
                    z.fill(T::ZERO);
                    z.iter_mut().step_by(n + 1).for_each(|z| *z = T::ONE);
                    blocks.apply(self.threads, a, tau, z);
                }
                None => {
                    z.copy_from_slice(a);
                    hessenberg::product(z, n, tau);
                }
            }
        }
        for j in 0..n.saturating_sub(2) {
            a[j * n + j + 2..(j + 1) * n].fill(T::ZERO);
        }
        for i in (0..range[0]).chain(range[1]..n) {
            w[i] = a[i * n + i].complex();
        }
        match range[1] - range[0] > multishift::SMALL {
            true => multishift::iterate(a, n, range, whole, z, w),
            false => T::iterate(a, n, range, whole, z, w),
        }
    }
}

/// Reduces a matrix to Hessenberg form, and sets `z` to the product of the reflections. Below the form, the vectors of
/// the reflections remain.
fn reduce_by_blocks<T: Number>(a: &mut [T], n: usize, z: Option<&mut [T]>) {
    let block = recommended_block_size::<T>(n - 1, n - 1);
    let apply = apply_block_householder_sequence_on_the_right_in_place_scratch::<T>(n - 1, block, n - 1);
    let scratch = hessenberg_in_place_scratch::<T>(n, block, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(scratch.or(apply));
    let mut factors = Mat::<T>::zeros(block, n - 1);
    let mut a = MatMut::from_column_major_slice_mut(a, n, n);
    hessenberg_in_place(a.as_mut(), factors.as_mut(), Par::Seq, MemStack::new(&mut memory), Default::default());
    if let Some(z) = z {
        z.fill(T::ZERO);
        z.iter_mut().step_by(n + 1).for_each(|z| *z = T::ONE);
        let z = MatMut::from_column_major_slice_mut(z, n, n).submatrix_mut(1, 1, n - 1, n - 1);
        let vectors = a.as_ref().submatrix(1, 0, n - 1, n - 1);
        let memory = MemStack::new(&mut memory);
        apply_block_householder_sequence_on_the_right_in_place_with_conj(
            vectors,
            factors.as_ref(),
            Conj::No,
            z,
            Par::Seq,
            memory,
        );
    }
}
vectorized! {
fn decompose<'a, 't, T: Number>(
    a: &'a mut [T],
    z: Option<&'a mut [T]>,
    w: &'a mut [T::C],
    work: &'a mut Work<'t, T>,
    balance: &'a mut Balance<T::R>,
) -> bool {
    let mut z = z;
    let Some(size) = largest(a) else {
        return false;
    };
    let factors = scale(size);
    rescale(a, factors, false);
    let n = work.n;
    balance.balance(a, n, false);
    let done = work.schur(a, [balance.low, balance.high], true, z.as_deref_mut(), w);
    if let Some(z) = z {
        balance.undo(z, n, false);
    }
    rescale(a, factors, true);
    rescale(w, factors, true);
    done
}
}
