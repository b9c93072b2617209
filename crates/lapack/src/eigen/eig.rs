//! Eigenvalues and eigenvectors of general matrices.

use faer::{Accum, MatMut, MatRef};
use xla::{Arrays, Threads};

use super::balance::Balance;
use super::number::{Number, Real};
use super::schur::Work;
use super::vector::{add, norm};
use super::vectors::Form;
use super::{elements, expect, largest, rescale, scale, squares};
use crate::product::matmul;
use crate::scalar::Scalar;
use crate::{at_a_time, letter};

/// Larger matrices are multiplied by `faer`.
const SMALL: usize = 24;

/// `geev`: computes the eigenvalues of each matrix, and if `compute_left` or `compute_right` is `V`, its eigenvectors,
/// which have length one and a real element of largest magnitude. The results are the eigenvalues (for real matrices,
/// real and imaginary parts), the vectors on the left and on the right, and `info`: 0, or 1 if the matrix has an element
/// that is not finite, or the iteration does not converge.
pub(crate) fn geev<T: Number>(call: &mut Arrays<'_>) -> Result<(), String> {
    let wanted = [letter(call, "compute_left", "NV")? == 'V', letter(call, "compute_right", "NV")? == 'V'];
    let a = call.operand::<T::Element>(0)?;
    let [n, count] = squares(a.dims)?;
    let first = call.result::<T::Element>(0)?.elements;
    let second = if T::IS_COMPLEX { None } else { Some(call.result::<T::Element>(1)?.elements) };
    let next = if T::IS_COMPLEX { 1 } else { 2 };
    let vectors = [call.result::<<T::C as Scalar>::Element>(next)?.elements, call.result(next + 1)?.elements];
    let info = call.result::<i32>(next + 2)?.elements;
    expect(first.len(), n * count)?;
    expect(info.len(), count)?;
    vectors.iter().try_for_each(|v| expect(v.len(), n * n * count))?;
    info.fill(0);
    if n == 0 || count == 0 {
        return Ok(());
    }
    let [left, right] = vectors.map(elements::<T::C>);
    let (threads, some) = (call.threads(), at_a_time(n * n));
    // Complex eigenvalues are one result, and the parts of the others two.
    let mut parts = elements::<T>(first).chunks_mut(some * n);
    let mut others = second.map(elements::<T>).map(|second| second.chunks_mut(some * n));
    let parts: Vec<_> = info.chunks(some).map(|_| (parts.next(), others.as_mut().and_then(|x| x.next()))).collect();
    let vectors = left.chunks_mut(some * n * n).zip(right.chunks_mut(some * n * n));
    let matrices = crate::numbers::<T>(a.elements).chunks(some * n * n);
    let pieces = matrices.zip(parts).zip(vectors).zip(info.chunks_mut(some));
    threads.for_each(pieces, |(((a, (first, mut second)), (left, right)), info)| {
        let Some(first) = first else { return };
        let mut solver = Solver::<T>::new(threads, n, wanted);
        for (i, (a, info)) in a.chunks_exact(n * n).zip(info).enumerate() {
            let vectors = [&mut *left, &mut *right].map(|v| &mut v[i * n * n..][..n * n]);
            *info = i32::from(!decompose(&mut solver, a, vectors));
            for (k, w) in solver.w.iter().enumerate() {
                first[i * n + k] = T::from_parts(w.re(), w.im());
                if let Some(second) = &mut second {
                    second[i * n + k] = T::of(w.im());
                }
            }
        }
    });
    Ok(())
}

vectorized! {
fn decompose<'a, 't, T: Number>(solver: &'a mut Solver<'t, T>, a: &'a [T], vectors: [&'a mut [T::C]; 2]) -> bool {
    solver.decompose(a, vectors)
}
}

/// Decomposes matrices of a given size.
struct Solver<'t, T: Number> {
    threads: Threads<'t>,
    n: usize,
    wanted: [bool; 2],
    a: Vec<T>,
    z: Vec<T>,
    x: Vec<T>,
    product: Vec<T>,
    w: Vec<T::C>,
    unknowns: Vec<T::C>,
    work: Work<'t, T>,
    balance: Balance<T::R>,
}

impl<'t, T: Number> Solver<'t, T> {
    fn new(threads: Threads<'t>, n: usize, wanted: [bool; 2]) -> Solver<'t, T> {
        let square = || vec![T::ZERO; if wanted == [false; 2] { 0 } else { n * n }];
        Solver {
            threads,
            n,
            wanted,
            a: vec![T::ZERO; n * n],
            z: square(),
            x: square(),
            product: square(),
            w: vec![T::C::ZERO; n],
            unknowns: vec![T::C::ZERO; n],
            work: Work::new(threads, n),
            balance: Balance::new(n),
        }
    }

    /// Computes the eigenvalues of a matrix, and the vectors that are wanted. Returns whether it succeeded.
    #[inline(always)]
    fn decompose(&mut self, a: &[T], vectors: [&mut [T::C]; 2]) -> bool {
        let Some(size) = largest(a) else {
            return false;
        };
        let factors = scale(size);
        self.a.copy_from_slice(a);
        rescale(&mut self.a, factors, false);
        self.balance.balance(&mut self.a, self.n, true);
        let range = [self.balance.low, self.balance.high];
        let some = self.wanted != [false; 2];
        if !self.work.schur(&mut self.a, range, some, some.then_some(&mut self.z[..]), &mut self.w) {
            return false;
        }
        for ((v, wanted), left) in vectors.into_iter().zip(self.wanted).zip([true, false]) {
            if wanted {
                self.vectors(v, left);
            }
        }
        rescale(&mut self.w, factors, true);
        true
    }

    #[inline(always)]
    fn vectors(&mut self, v: &mut [T::C], left: bool) {
        let n = self.n;
        let form = Form { t: &self.a, n };
        form.vectors(left, &self.w, &mut self.x, &mut self.unknowns);
        if n <= SMALL {
            for (k, (to, x)) in self.product.chunks_exact_mut(n).zip(self.x.chunks_exact(n)).enumerate() {
                to.fill(T::ZERO);
                // Vectors on the right end in row k, or row k + 1 of a block; those on the left start there.
                let rows = if left { k.saturating_sub(1)..n } else { 0..n.min(k + 2) };
                for i in rows {
                    add(to, x[i], &self.z[i * n..][..n]);
                }
            }
        } else {
            let (z, x) =
                (MatRef::from_column_major_slice(&self.z, n, n), MatRef::from_column_major_slice(&self.x, n, n));
            let to = MatMut::from_column_major_slice_mut(&mut self.product, n, n);
            matmul(self.threads, to, Accum::Replace, z, x, T::ONE);
        }
        self.balance.undo(&mut self.product, n, left);
        let mut k = 0;
        while k < n {
            if !T::IS_COMPLEX && self.w[k].im() != T::R::ZERO {
                let (re, im) = self.product[k * n..(k + 2) * n].split_at(n);
                let (to, conjugate) = v[k * n..(k + 2) * n].split_at_mut(n);
                for ((to, re), im) in to.iter_mut().zip(re).zip(im) {
                    *to = T::C::from_parts(re.re(), im.re());
                }
                normalize(to, true);
                conjugate.iter_mut().zip(to).for_each(|(conjugate, v)| *conjugate = v.conjugate());
                k += 2;
            } else {
                let to = &mut v[k * n..][..n];
                to.iter_mut().zip(&self.product[k * n..]).for_each(|(to, x)| *to = x.complex());
                normalize(to, !T::IS_COMPLEX);
                k += 1;
            }
        }
    }
}

/// Scales a vector to length one, with a real element of largest magnitude. If `signed`, the sign of the real part of
/// that element is kept.
#[inline(always)]
fn normalize<C: Number>(v: &mut [C], signed: bool) {
    let scale = C::R::ONE / norm(v);
    v.iter_mut().for_each(|v| *v = v.times(scale));
    let (k, size) = v.iter().enumerate().fold((0, C::R::ZERO), |(k, size), (i, v)| match v.square() > size {
        true => (i, v.square()),
        false => (k, size),
    });
    let most = v[k];
    if most.im() == C::R::ZERO && (signed || most.re() >= C::R::ZERO) {
        return;
    }
    let sign = if signed { C::R::ONE.copysign(most.re()) } else { C::R::ONE };
    let phase = most.conjugate().times(sign / size.sqrt());
    v.iter_mut().for_each(|v| *v *= phase);
    v[k] = C::of(v[k].re());
}
