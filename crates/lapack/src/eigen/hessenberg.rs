//! The reduction of matrices to Hessenberg form.

use xla::Arrays;

use super::number::Number;
use super::vector::{add, dot, reflection};
use super::{elements, expect, squares};

/// `gehrd`: reduces each matrix to Hessenberg form. The results are that form with the vectors of the reflections below
/// it, the factors of the reflections, and zeros for `info`. Rows and columns outside `low..=high`, counted from one,
/// are triangular.
pub(crate) fn gehrd<T: Number>(call: &mut Arrays<'_>) -> Result<(), String> {
    let bound = |name| call.int(name).and_then(|i| usize::try_from(i).ok()).ok_or(format!("`{name}` is missing"));
    let (low, high) = (bound("low")?, bound("high")?);
    let a = call.update::<T::Element>(0, 0)?;
    let [n, count] = squares(a.dims)?;
    let tau = call.result::<T::Element>(1)?.elements;
    call.result::<i32>(2)?.elements.fill(0);
    let off = n.saturating_sub(1);
    expect(tau.len(), off * count)?;
    if low == 0 || low > high.max(1) || high > n {
        return Err(format!("`low` and `high` must be indices from 1 to {n}, got {low} and {high}"));
    }
    let mut work = vec![T::ZERO; n];
    let (a, tau) = (elements::<T>(a.elements), elements::<T>(tau));
    for (i, a) in a.chunks_exact_mut((n * n).max(1)).enumerate() {
        reduce_one(a, n, [low - 1, high], &mut tau[i * off..][..off], &mut work);
    }
    Ok(())
}

vectorized! {
fn reduce_one<'a, T: Number>(
    a: &'a mut [T],
    n: usize,
    range: [usize; 2],
    tau: &'a mut [T],
    work: &'a mut [T],
) {
    reduce(a, n, range, tau, work);
}
}

/// Reduces the rows and columns of a range to Hessenberg form in place (LAPACK's `gehd2`).
#[inline(always)]
pub(super) fn reduce<T: Number>(a: &mut [T], n: usize, [low, high]: [usize; 2], tau: &mut [T], work: &mut [T]) {
    tau.fill(T::ZERO);
    for i in low..high.saturating_sub(1) {
        let (left, right) = a.split_at_mut((i + 1) * n);
        let column = &mut left[i * n..];
        let (head, tail) = column[i + 1..high].split_at_mut(1);
        let (beta, t) = reflection(head[0], tail);
        tau[i] = t;
        if t != T::ZERO {
            head[0] = T::ONE;
            let v = &column[i + 1..high];
            let w = &mut work[..high];
            w.fill(T::ZERO);
            for (v, column) in v.iter().zip(right.chunks_exact(n)) {
                add(w, *v, column);
            }
            for (j, column) in right.chunks_exact_mut(n).enumerate() {
                if let Some(v) = v.get(j) {
                    add(&mut column[..high], -(t * v.conjugate()), w);
                }
                let column = &mut column[i + 1..high];
                let sum = dot(v, column);
                add(column, -(t.conjugate() * sum), v);
            }
        }
        column[i + 1] = T::of(beta);
    }
}

/// Overwrites the vectors of reflections, below the first diagonal below the main one, with the product of the
/// reflections (LAPACK's `orghr` and `orgtr`).
#[inline(always)]
pub(super) fn product<T: Number>(a: &mut [T], n: usize, tau: &[T]) {
    for j in (1..n).rev() {
        let (from, to) = super::vector::columns(a, n, j - 1, j);
        to[j + 1..].copy_from_slice(&from[j + 1..]);
        to[..j].fill(T::ZERO);
    }
    a[..n].fill(T::ZERO);
    a[0] = T::ONE;
    for j in (1..n).rev() {
        let t = tau[j - 1];
        let (left, right) = a.split_at_mut((j + 1) * n);
        let v = &mut left[j * n + j..];
        if t == T::ZERO {
            v.fill(T::ZERO);
            v[0] = T::ONE;
            continue;
        }
        v[0] = T::ONE;
        for column in right.chunks_exact_mut(n) {
            let column = &mut column[j..];
            let sum = dot(v, column);
            add(column, -(t * sum), v);
        }
        v.iter_mut().for_each(|v| *v *= -t);
        v[0] += T::ONE;
    }
}
