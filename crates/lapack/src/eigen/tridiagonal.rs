//! The reduction of Hermitian matrices to tridiagonal form.

use xla::{Arrays, Threads};

use super::number::{Number, Real};
use super::vector::{add, dot, reflection};
use super::{elements, expect, squares};
use crate::letter;
use crate::product::part;

/// `sytrd` and `hetrd`: reduces one triangle of each Hermitian matrix to a tridiagonal matrix. The results are the
/// reduced triangle with the vectors of the reflections beside it, the diagonal, the other diagonal, the factors of the
/// reflections, and zeros for `info`.
pub(crate) fn trd<T: Number>(call: &mut Arrays<'_>) -> Result<(), String> {
    let upper = letter(call, "uplo", "LU")? == 'U';
    let a = call.update::<T::Element>(0, 0)?;
    let [n, count] = squares(a.dims)?;
    let [d, e] = [call.result::<T::R>(1)?, call.result(2)?].map(|x| x.elements);
    let tau = call.result::<T::Element>(3)?.elements;
    call.result::<i32>(4)?.elements.fill(0);
    let off = n.saturating_sub(1);
    [(d.len(), n), (e.len(), off), (tau.len(), off)].into_iter().try_for_each(|(len, n)| expect(len, n * count))?;
    if n == 0 {
        return Ok(());
    }
    let (threads, mut work) = (call.threads(), vec![T::ZERO; 2 * n]);
    let (a, tau) = (elements::<T>(a.elements), elements::<T>(tau));
    let (d, e) = (elements::<T::R>(d), elements::<T::R>(e));
    for (i, a) in a.chunks_exact_mut(n * n).enumerate() {
        let (d, e) = (&mut d[i * n..][..n], &mut e[i * off..][..off]);
        let tau = &mut tau[i * off..][..off];
        // The upper triangle is the lower one of the matrix with its rows and columns in reverse order.
        if upper {
            a.reverse();
        }
        reduce_one(threads, a, d, e, tau, &mut work);
        if upper {
            a.reverse();
            d.reverse();
            e.reverse();
            tau.reverse();
        }
    }
    Ok(())
}

vectorized! {
fn reduce_one<'a, T: Number>(
    threads: Threads<'a>,
    a: &'a mut [T],
    d: &'a mut [T::R],
    e: &'a mut [T::R],
    tau: &'a mut [T],
    work: &'a mut [T],
) {
    reduce(threads, a, d.len(), d, e, tau, work);
}
}

/// Reduces the lower triangle of a Hermitian matrix to tridiagonal form in place (LAPACK's `hetd2`). `work` holds 2 n
/// numbers. The rest of the matrix is updated by one reflection and multiplied by the vector of the next one in the same
/// pass.
#[inline(always)]
pub(super) fn reduce<T: Number>(
    threads: Threads<'_>,
    a: &mut [T],
    n: usize,
    d: &mut [T::R],
    e: &mut [T::R],
    tau: &mut [T],
    work: &mut [T],
) {
    // The previous reflection's update is −v wᴴ − w vᴴ. v is in the previous column.
    let (w, y) = work.split_at_mut(n);
    let mut pending = false;
    for i in 0..n {
        let (left, right) = a.split_at_mut((i + 1) * n);
        let (before, column) = left.split_at_mut(i * n);
        let old: &[T] = if pending { &before[(i - 1) * n..] } else { &[] };
        if pending {
            update(&mut column[i..], &old[i..], &w[i..]);
        }
        column[i] = T::of(column[i].re());
        d[i] = column[i].re();
        let mut t = T::ZERO;
        if i + 1 < n {
            let (head, tail) = column[i + 1..].split_at_mut(1);
            (e[i], t) = reflection(head[0], tail);
            tau[i] = t;
            head[0] = T::ONE;
            let v = &*column;
            y[i + 1..].fill(T::ZERO);
            let update = pending.then_some((old, &*w));
            // A part is passed over in some tens of microseconds at least.
            let rest = n - i - 1;
            let columns = part(rest, 8 * rest);
            if columns >= rest {
                pass(right, i + 1, n, update, (v, t), y);
            } else {
                // The parts have sums of their own, which are added in order.
                let mut sums = vec![T::ZERO; n * rest.div_ceil(columns)];
                let parts = right.chunks_mut(columns * n).zip(sums.chunks_mut(n)).enumerate();
                threads.for_each(parts, |(k, (right, y))| pass_part(right, i + 1 + k * columns, n, update, (v, t), y));
                sums.chunks_exact(n).for_each(|sums| y.iter_mut().zip(sums).for_each(|(y, x)| *y += *x));
            }
            if t != T::ZERO {
                let (v, y) = (&v[i + 1..], &mut y[i + 1..]);
                y.iter_mut().for_each(|y| *y *= t);
                let alpha = -(t * dot(y, v)).times(T::R::literal(0.5));
                add(y, alpha, v);
                w[i + 1..].copy_from_slice(y);
            }
        }
        if i > 0 {
            before[(i - 1) * n + i] = T::of(e[i - 1]);
        }
        pending = t != T::ZERO;
    }
}

vectorized! {
fn pass_part<'a, T: Number>(
    a: &'a mut [T],
    first: usize,
    n: usize,
    pending: Option<(&'a [T], &'a [T])>,
    vector: (&'a [T], T),
    y: &'a mut [T],
) {
    pass(a, first, n, pending, vector, y);
}
}

/// Subtracts the pending update v wᴴ + w vᴴ from the lower triangle in some columns, the first of which is `first`, and
/// adds the product with the vector of the next reflection to y, unless its factor is zero.
#[inline(always)]
fn pass<T: Number>(a: &mut [T], first: usize, n: usize, pending: Option<(&[T], &[T])>, (v, t): (&[T], T), y: &mut [T]) {
    for (j, a) in (first..n).zip(a.chunks_exact_mut(n)) {
        let a = &mut a[j..];
        if let Some((old, w)) = pending {
            update(a, &old[j..], &w[j..]);
        }
        if t != T::ZERO {
            y[j] += v[j].times(a[0].re()) + dot(&a[1..], &v[j + 1..]);
            add(&mut y[j + 1..], v[j], &a[1..]);
        }
    }
}

/// Subtracts a column of v wᴴ + w vᴴ, the one with the first element of both.
#[inline(always)]
fn update<T: Number>(x: &mut [T], v: &[T], w: &[T]) {
    let (first_v, first_w) = (v[0].conjugate(), w[0].conjugate());
    for ((x, v), w) in x.iter_mut().zip(v).zip(w) {
        *x -= *v * first_w + *w * first_v;
    }
}
