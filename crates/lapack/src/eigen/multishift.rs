//! The Schur form of large matrices in Hessenberg form: several bulges at once, and aggressive early deflation (Braman,
//! Byers and Mathias, "The multishift QR algorithm", parts I and II, 2002). Most of the work is in matrix products.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::hessenberg;
use super::number::{Number, Real};
use super::vector::{reflect_rows, reflection};
use crate::scalar::Scalar;

/// Smaller blocks are left to the iteration with one bulge.
pub(super) const SMALL: usize = 72;
/// The percentage of a window that has to deflate for the next window to follow without a sweep.
const NIBBLE: usize = 14;

/// Returns the number of bulges for a block with m rows, and the size of the window at its end.
fn sizes(m: usize) -> (usize, usize) {
    let shifts = match m {
        0..150 => 10,
        150..590 => (m / m.ilog2() as usize).max(10),
        _ => 64,
    };
    (shifts / 2, if m <= 500 { shifts } else { shifts * 3 / 2 })
}

/// Computes the Schur form of rows `low..high` in place, as `T::iterate` does.
pub(super) fn iterate<T: Number>(
    h: &mut [T],
    n: usize,
    [low, high]: [usize; 2],
    whole: bool,
    z: Option<&mut [T]>,
    w: &mut [T::C],
) -> bool {
    let tiny = T::R::SMALLEST * (T::R::literal((high - low) as f64) / T::R::EPSILON);
    let mut form = Form { h, n, whole, z, tiny, scratch: Vec::new() };
    let (mut end, mut idle) = (high, 0);
    let mut left = 30 * (high - low).max(10);
    while end > low {
        let start = form.split(low, end);
        if end - start <= SMALL {
            if !finish(&mut form, [start, end], w) {
                return false;
            }
            (end, idle) = (start, 0);
            continue;
        }
        if left == 0 {
            return false;
        }
        left -= 1;
        let (bulges, size) = sizes(end - start);
        let (deflated, shifts) = deflate(&mut form, [start, end], size, w);
        end -= deflated;
        idle = if deflated > 0 { 0 } else { idle + 1 };
        if deflated * 100 > size * NIBBLE || end - start <= SMALL {
            continue;
        }
        let mut pairs = match idle > 0 && idle % 6 == 0 {
            true => form.exceptional(start, end, bulges),
            false => pairs::<T>(&shifts),
        };
        pairs.drain(..pairs.len().saturating_sub(bulges));
        sweep(&mut form, [start, end], &pairs);
    }
    true
}

vectorized! {
fn finish<'a, 'b, T: Number>(form: &'a mut Form<'b, T>, range: [usize; 2], w: &'a mut [T::C]) -> bool {
    form.finish(range, w)
}
}

vectorized! {
fn deflate<'a, 'b, T: Number>(
    form: &'a mut Form<'b, T>,
    range: [usize; 2],
    size: usize,
    w: &'a mut [T::C],
) -> (usize, Vec<T::C>) {
    form.deflate(range, size, w)
}
}

vectorized! {
fn sweep<'a, 'b, T: Number>(form: &'a mut Form<'b, T>, range: [usize; 2], pairs: &'a [[T::C; 2]]) {
    form.sweep(range, pairs);
}
}

/// Returns pairs of shifts, which are conjugate or real for a real matrix.
fn pairs<T: Number>(shifts: &[T::C]) -> Vec<[T::C; 2]> {
    let (mut found, mut single) = (Vec::new(), None);
    let mut rest = shifts.iter();
    while let Some(shift) = rest.next() {
        if !T::IS_COMPLEX && shift.im() != T::R::ZERO {
            found.push([*shift, shift.conjugate()]);
            rest.next();
        } else if let Some(other) = single.take() {
            found.push([other, *shift]);
        } else {
            single = Some(*shift);
        }
    }
    match single {
        Some(shift) if found.is_empty() => vec![[shift; 2]],
        _ => found,
    }
}

/// A matrix on the way to its Schur form.
struct Form<'a, T: Number> {
    h: &'a mut [T],
    n: usize,
    whole: bool,
    z: Option<&'a mut [T]>,
    tiny: T::R,
    scratch: Vec<T>,
}

impl<T: Number> Form<'_, T> {
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> T {
        self.h[j * self.n + i]
    }

    /// Finds the first row of the last block, and sets the element before it to zero.
    fn split(&mut self, low: usize, end: usize) -> usize {
        let start = (low + 1..end).rev().find(|k| self.negligible(*k, low, end)).unwrap_or(low);
        if start > low {
            self.h[(start - 1) * self.n + start] = T::ZERO;
        }
        start
    }

    /// Returns whether the element before the diagonal in row k may be set to zero (Ahues and Tisseur, "A new deflation
    /// criterion for the QR algorithm", 1997).
    fn negligible(&self, k: usize, low: usize, end: usize) -> bool {
        let below = self.at(k, k - 1).size();
        if below <= self.tiny {
            return true;
        }
        let (before, here) = (self.at(k - 1, k - 1), self.at(k, k));
        let mut sum = before.size() + here.size();
        if sum == T::R::ZERO {
            if k >= low + 2 {
                sum += self.at(k - 1, k - 2).size();
            }
            if k + 1 < end {
                sum += self.at(k + 1, k).size();
            }
        }
        if below > T::R::EPSILON * sum {
            return false;
        }
        let above = self.at(k - 1, k).size();
        let (most, least) = (below.max(above), below.min(above));
        let (here, difference) = (here.size(), (before - here).size());
        let (larger, smaller) = (here.max(difference), here.min(difference));
        let s = larger + most;
        least * (most / s) <= self.tiny.max(T::R::EPSILON * (smaller * (larger / s)))
    }

    /// Returns a copy of the rows and columns of a range.
    fn block(&self, start: usize, end: usize) -> Vec<T> {
        self.h.chunks_exact(self.n).take(end).skip(start).flat_map(|column| &column[start..end]).copied().collect()
    }

    /// Overwrites the rows and columns of a range.
    fn set_block(&mut self, start: usize, end: usize, block: &[T]) {
        let columns = self.h.chunks_exact_mut(self.n).skip(start);
        for (to, from) in columns.zip(block.chunks_exact(end - start)) {
            to[start..end].copy_from_slice(from);
        }
    }

    /// Computes the Schur form of a small block.
    #[inline(always)]
    fn finish(&mut self, [start, end]: [usize; 2], w: &mut [T::C]) -> bool {
        let m = end - start;
        let mut block = self.block(start, end);
        let mut v = identity(m);
        if !T::iterate(&mut block, m, [0, m], true, Some(&mut v), &mut w[start..end]) {
            return false;
        }
        self.set_block(start, end, &block);
        self.apply(start, end, [start, end], &v);
        true
    }

    /// Multiplies what is beside the rows and columns of a range by Uᴴ from the left and by U from the right. If only
    /// the eigenvalues are wanted, what is outside the active block stays as it is.
    fn apply(&mut self, start: usize, end: usize, [first, last]: [usize; 2], u: &[T]) {
        let (n, m) = (self.n, end - start);
        let u = MatRef::from_column_major_slice(u, m, m);
        let (first, last) = if self.whole { (0, n) } else { (first, last) };
        self.scratch.resize(m * n, T::ZERO);
        let mut h = MatMut::from_column_major_slice_mut(&mut *self.h, n, n);
        if last > end {
            let slab = h.as_mut().submatrix_mut(start, end, m, last - end);
            let mut product = MatMut::from_column_major_slice_mut(&mut self.scratch[..m * (last - end)], m, last - end);
            matmul(product.as_mut(), Accum::Replace, u.adjoint(), slab.as_ref(), T::ONE, Par::Seq);
            copy(product.as_ref(), slab);
        }
        if start > first {
            let slab = h.submatrix_mut(first, start, start - first, m);
            let mut product =
                MatMut::from_column_major_slice_mut(&mut self.scratch[..m * (start - first)], start - first, m);
            matmul(product.as_mut(), Accum::Replace, slab.as_ref(), u, T::ONE, Par::Seq);
            copy(product.as_ref(), slab);
        }
        if let Some(z) = &mut self.z {
            let z = &mut z[start * n..end * n];
            let product = MatMut::from_column_major_slice_mut(&mut self.scratch[..m * n], n, m);
            matmul(product, Accum::Replace, MatRef::from_column_major_slice(&*z, n, m), u, T::ONE, Par::Seq);
            z.copy_from_slice(&self.scratch[..m * n]);
        }
    }

    /// Deflates eigenvalues of the last `size` rows whose vectors hardly reach the rest of the block. Returns how many
    /// these are, and the other eigenvalues of the window.
    #[inline(always)]
    fn deflate(&mut self, [start, end]: [usize; 2], size: usize, w: &mut [T::C]) -> (usize, Vec<T::C>) {
        let top = end - size;
        let (mut t, mut v) = (self.block(top, end), identity::<T>(size));
        let mut values = vec![T::C::ZERO; size];
        if !T::iterate(&mut t, size, [0, size], true, Some(&mut v), &mut values) {
            return (0, Vec::new());
        }
        let spike = self.at(top, top - 1);
        let mut kept = size;
        while kept > 0 {
            let last = kept - 1;
            let block = !T::IS_COMPLEX && last > 0 && t[(last - 1) * size + last] != T::ZERO;
            let diagonal = t[last * size + last].size();
            let (sum, reach) = if block {
                let (below, above) = (t[(last - 1) * size + last].size(), t[last * size + last - 1].size());
                (diagonal + below.sqrt() * above.sqrt(), v[last * size].size().max(v[(last - 1) * size].size()))
            } else {
                (diagonal, v[last * size].size())
            };
            let sum = if sum == T::R::ZERO { spike.size() } else { sum };
            if spike.size() * reach > self.tiny.max(T::R::EPSILON * sum) {
                break;
            }
            kept -= 1 + usize::from(block);
        }
        w[top + kept..end].copy_from_slice(&values[kept..]);
        values.truncate(kept);
        if kept == size {
            return (0, values);
        }
        let mut first = spike;
        if kept == 0 {
            first = T::ZERO;
        } else {
            // The first row of V, of which a reflection leaves one element, and the return to Hessenberg form.
            let mut x: Vec<T> = v.chunks_exact(size).take(kept).map(|column| column[0].conjugate()).collect();
            let (head, tail) = x.split_at_mut(1);
            let (_, tau) = reflection(head[0], tail);
            head[0] = T::ONE;
            from_left(&mut t, size, 0, &x, tau);
            from_right(&mut t[..kept * size], size, kept, &x, tau);
            from_right(&mut v[..kept * size], size, size, &x, tau);
            first *= v[0].conjugate();
            let (mut taus, mut work) = (vec![T::ZERO; size - 1], vec![T::ZERO; size]);
            hessenberg::reduce(&mut t, size, [0, kept], &mut taus, &mut work);
            for (i, tau) in taus.iter().enumerate().take(kept - 1) {
                let column = &mut t[i * size..][..kept];
                x.clear();
                x.push(T::ONE);
                x.extend_from_slice(&column[i + 2..]);
                column[i + 2..].fill(T::ZERO);
                from_right(&mut v[(i + 1) * size..kept * size], size, size, &x, *tau);
            }
        }
        self.h[(top - 1) * self.n + top] = first;
        self.set_block(top, end, &t);
        self.apply(top, end, [start, end], &v);
        (size - kept, values)
    }

    /// Returns shifts for a block that does not converge.
    fn exceptional(&self, start: usize, end: usize, bulges: usize) -> Vec<[T::C; 2]> {
        let shift = |i: usize| {
            let below =
                self.at(i, i - 1).size() + if i > start + 1 { self.at(i - 1, i - 2).size() } else { T::R::ZERO };
            let middle = self.at(i, i).complex() + T::C::of(T::R::literal(0.75) * below);
            let apart = T::C::of(T::R::literal(0.5) * below);
            [middle + apart, middle - apart]
        };
        let pair = |i: usize| match T::IS_COMPLEX {
            true => shift(i),
            false => shift(i).map(|x| T::C::of(x.re())),
        };
        (0..bulges).map(|j| pair(end - 1 - 2 * j)).collect()
    }

    /// Chases a bulge for each pair of shifts from the first to the last row of a block. They move through windows, and
    /// what is beside a window is multiplied by the product of the reflections in it.
    #[inline(always)]
    fn sweep(&mut self, [start, end]: [usize; 2], pairs: &[[T::C; 2]]) {
        let count = pairs.len();
        let mut next = vec![start; count];
        while let Some(last) = next.last().copied().filter(|k| k + 1 < end) {
            let from = start.max(last.saturating_sub(1));
            let to = end.min(from + 6 * count + 12);
            let m = to - from;
            let (mut block, mut u) = (self.block(from, to), identity(m));
            for (j, pair) in pairs.iter().enumerate() {
                while next[j] + 1 < end && end.min(next[j] + 4) <= to {
                    let k = next[j];
                    if j > 0 && next[j - 1] + 1 < end && k + 4 > next[j - 1] {
                        break;
                    }
                    let rows = 3.min(end - k);
                    step(&mut block, &mut u, m, k - from, rows, (k == start).then_some(pair));
                    next[j] += 1;
                }
            }
            self.set_block(from, to, &block);
            self.apply(from, to, [start, end], &u);
        }
    }
}

/// Starts a bulge in row k, or moves the one that starts in column k − 1 by one row.
#[inline(always)]
fn step<T: Number>(h: &mut [T], u: &mut [T], m: usize, k: usize, rows: usize, pair: Option<&[T::C; 2]>) {
    let mut v = [T::ZERO; 3];
    match pair {
        Some(pair) => v = first_column(h, m, k, pair),
        None => v[..rows].copy_from_slice(&h[(k - 1) * m + k..][..rows]),
    }
    let (beta, t) = reflection(v[0], &mut v[1..rows]);
    if pair.is_none() {
        let column = &mut h[(k - 1) * m + k..][..rows];
        column.fill(T::ZERO);
        column[0] = T::of(beta);
    }
    v[0] = T::ONE;
    let below = m.min(k + 4);
    if rows == 3 {
        reflect_rows(&mut h[k * m..], m, k, t, [v[1], v[2]]);
        three_columns(&mut h[k * m..], m, below, t, [v[1], v[2]]);
        three_columns(&mut u[k * m..], m, m, t, [v[1], v[2]]);
    } else {
        from_left(&mut h[k * m..], m, k, &v[..2], t);
        from_right(&mut h[k * m..(k + 2) * m], m, below, &v[..2], t);
        from_right(&mut u[k * m..(k + 2) * m], m, m, &v[..2], t);
    }
}

/// Returns a multiple of the first column of (H − s₁) (H − s₂).
fn first_column<T: Number>(h: &[T], m: usize, k: usize, [first, second]: &[T::C; 2]) -> [T; 3] {
    let at = |i: usize, j: usize| h[(k + j) * m + k + i].complex();
    let scale = (at(0, 0) - *second).size() + at(1, 0).size();
    if scale == T::R::ZERO {
        return [T::ONE, T::ZERO, T::ZERO];
    }
    let over = |x: T::C| T::C::from_parts(x.re() / scale, x.im() / scale);
    let below = over(at(1, 0));
    let v = [
        (at(0, 0) - *first) * over(at(0, 0) - *second) + at(0, 1) * below,
        below * (at(0, 0) + at(1, 1) - *first - *second),
        below * at(2, 1),
    ];
    v.map(|x| T::from_parts(x.re(), x.im()))
}

/// Multiplies the first `rows` elements of three columns by I − t v vᴴ from the right.
#[inline(always)]
fn three_columns<T: Number>(a: &mut [T], m: usize, rows: usize, t: T, [v2, v3]: [T; 2]) {
    let (x, rest) = a.split_at_mut(m);
    let (y, z) = rest.split_at_mut(m);
    let (w2, w3) = (v2.conjugate(), v3.conjugate());
    for ((x, y), z) in x[..rows].iter_mut().zip(&mut y[..rows]).zip(&mut z[..rows]) {
        let sum = t * (*x + v2 * *y + v3 * *z);
        *x -= sum;
        *y -= sum * w2;
        *z -= sum * w3;
    }
}

/// Multiplies rows from k on of all columns by the conjugate transpose of I − t v vᴴ.
#[inline(always)]
fn from_left<T: Number>(a: &mut [T], m: usize, k: usize, v: &[T], t: T) {
    for column in a.chunks_exact_mut(m) {
        let column = &mut column[k..k + v.len()];
        let sum = v.iter().zip(&*column).fold(T::ZERO, |sum, (v, x)| sum + v.conjugate() * *x);
        let factor = t.conjugate() * sum;
        column.iter_mut().zip(v).for_each(|(x, v)| *x -= factor * *v);
    }
}

/// Multiplies the first `rows` elements of columns, as many as v has, by I − t v vᴴ from the right.
#[inline(always)]
fn from_right<T: Number>(a: &mut [T], m: usize, rows: usize, v: &[T], t: T) {
    let mut sums = vec![T::ZERO; rows];
    for (column, v) in a.chunks_exact(m).zip(v) {
        sums.iter_mut().zip(column).for_each(|(sum, x)| *sum += *x * *v);
    }
    for (column, v) in a.chunks_exact_mut(m).zip(v) {
        let factor = t * v.conjugate();
        column.iter_mut().zip(&sums).for_each(|(x, sum)| *x -= *sum * factor);
    }
}

fn identity<T: Number>(n: usize) -> Vec<T> {
    let mut a = vec![T::ZERO; n * n];
    a.iter_mut().step_by(n + 1).for_each(|x| *x = T::ONE);
    a
}

fn copy<T: Number>(from: MatRef<'_, T>, mut to: MatMut<'_, T>) {
    to.copy_from(from);
}
