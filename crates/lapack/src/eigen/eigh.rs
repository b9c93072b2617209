//! Eigenvalues and eigenvectors of Hermitian matrices.

use xla::{Arrays, Threads};

use super::number::{Number, Real};
use super::reflections::Blocks;
use super::vector::{columns, rotate};
use super::{elements, expect, hessenberg, largest, rescale, scale, squares, tridiagonal};
use crate::{at_a_time, divide, letter};

/// Larger matrices are decomposed in blocks.
const SMALL: usize = 32;

/// `syevd` and `heevd`: computes the eigenvalues of each Hermitian matrix in ascending order, of which one triangle is
/// read, and if `mode` is `V`, overwrites the matrix with the eigenvectors. `info` is 0, or 1 if the matrix has an
/// element that is not finite, or the iteration does not converge.
pub(crate) fn evd<T: Number>(call: &mut Arrays<'_>) -> Result<(), String> {
    let upper = letter(call, "uplo", "LU")? == 'U';
    let vectors = letter(call, "mode", "NV")? == 'V';
    let a = call.update::<T::Element>(0, 0)?;
    let [n, count] = squares(a.dims)?;
    let w = call.result::<T::R>(1)?.elements;
    let info = call.result::<i32>(2)?.elements;
    expect(w.len(), n * count)?;
    expect(info.len(), count)?;
    info.fill(0);
    if n == 0 {
        return Ok(());
    }
    let (a, w) = (elements::<T>(a.elements), elements::<T::R>(w));
    let (threads, some) = (call.threads(), at_a_time(n * n));
    let pieces = a.chunks_mut(some * n * n).zip(w.chunks_mut(some * n)).zip(info.chunks_mut(some));
    threads.for_each(pieces, |((a, w), info)| {
        let mut work = Work::new(threads, n, vectors);
        for ((a, w), info) in a.chunks_exact_mut(n * n).zip(w.chunks_exact_mut(n)).zip(info) {
            if upper {
                mirror(a, n);
            }
            *info = i32::from(!decompose(&mut work, a, w));
        }
    });
    Ok(())
}

vectorized! {
fn decompose<'a, 't, T: Number>(work: &'a mut Work<'t, T>, a: &'a mut [T], w: &'a mut [T::R]) -> bool {
    work.decompose(a, w)
}
}

/// Copies the upper triangle to the lower one.
fn mirror<T: Number>(a: &mut [T], n: usize) {
    for j in 0..n {
        for i in j + 1..n {
            a[j * n + i] = a[i * n + j].conjugate();
        }
    }
}

/// What the decomposition of matrices of a given size needs.
struct Work<'t, T: Number> {
    threads: Threads<'t>,
    n: usize,
    vectors: bool,
    tau: Vec<T>,
    vector: Vec<T>,
    off_diagonal: Vec<T::R>,
    large: Option<Large<T>>,
}

/// What the vectors of a large matrix need besides.
struct Large<T: Number> {
    u: Vec<T::R>,
    v: Vec<T>,
    blocks: Blocks<T>,
}

impl<'t, T: Number> Work<'t, T> {
    fn new(threads: Threads<'t>, n: usize, vectors: bool) -> Work<'t, T> {
        let large = || Large { u: vec![T::R::ZERO; n * n], v: vec![T::ZERO; n * n], blocks: Blocks::new(n) };
        let (tau, vector) = (vec![T::ZERO; n], vec![T::ZERO; 2 * n]);
        let large = (vectors && n > SMALL).then(large);
        Work { threads, n, vectors, tau, vector, off_diagonal: vec![T::R::ZERO; n], large }
    }

    /// Decomposes the Hermitian matrix with this lower triangle. Returns whether it succeeded.
    #[inline(always)]
    fn decompose(&mut self, a: &mut [T], w: &mut [T::R]) -> bool {
        let n = self.n;
        let lower = (0..n).try_fold(T::R::ZERO, |most, j| Some(most.max(largest(&a[j * n + j..(j + 1) * n])?)));
        let Some(size) = lower else {
            return false;
        };
        let factors = scale(size);
        rescale(a, factors, false);
        tridiagonal::reduce(self.threads, a, n, w, &mut self.off_diagonal, &mut self.tau, &mut self.vector);
        let done = match &mut self.large {
            Some(large) => large.vectors(self.threads, a, &self.tau, w, &self.off_diagonal),
            None => {
                if self.vectors {
                    hessenberg::product(a, n, &self.tau);
                }
                iterate(w, &mut self.off_diagonal, self.vectors.then_some(a))
            }
        };
        rescale(w, factors, true);
        done
    }
}

impl<T: Number> Large<T> {
    /// Decomposes the tridiagonal matrix by dividing and conquering, and multiplies its vectors by the reflections.
    fn vectors(&mut self, threads: Threads<'_>, a: &mut [T], tau: &[T], w: &mut [T::R], off_diagonal: &[T::R]) -> bool {
        if !divide::eigenvectors(threads, w, off_diagonal, &mut self.u) {
            return false;
        }
        self.v.iter_mut().zip(&self.u).for_each(|(v, u)| *v = T::of(*u));
        self.blocks.apply(threads, a, tau, &mut self.v);
        a.copy_from_slice(&self.v);
        true
    }
}

/// Computes the eigenvalues of a real symmetric tridiagonal matrix in ascending order by implicit QL or QR iteration,
/// and multiplies the eigenvectors by the matrix z from the left (LAPACK's `steqr`). Returns whether it converged.
#[inline(always)]
pub(crate) fn iterate<T: Number>(d: &mut [T::R], e: &mut [T::R], z: Option<&mut [T]>) -> bool {
    let n = d.len();
    let mut z = Columns { z, n };
    let mut left = 30 * n;
    let mut start = 0;
    while start < n {
        // A block without zeros beside the diagonal.
        let mut end = start;
        while end + 1 < n && !negligible(e[end], d[end], d[end + 1]) {
            end += 1;
        }
        if end + 1 < n {
            e[end] = T::R::ZERO;
        }
        let done = match d[end].abs() < d[start].abs() {
            true => up(d, e, start, end, &mut z, &mut left),
            false => down(d, e, start, end, &mut z, &mut left),
        };
        if !done {
            return false;
        }
        start = end + 1;
    }
    // Few exchanges, because columns are long.
    for i in 0..n {
        let least = (i + 1..n).fold(i, |least, j| if d[j] < d[least] { j } else { least });
        if least != i {
            d.swap(i, least);
            z.swap(i, least);
        }
    }
    true
}

/// The columns of the eigenvectors, if they are wanted.
struct Columns<'a, T> {
    z: Option<&'a mut [T]>,
    n: usize,
}

impl<T: Number> Columns<'_, T> {
    /// Rotates column i and the next one.
    #[inline(always)]
    fn rotate(&mut self, i: usize, c: T::R, s: T::R) {
        if let Some(z) = &mut self.z {
            let (x, y) = columns(z, self.n, i, i + 1);
            rotate(x, y, c, s);
        }
    }

    #[inline(always)]
    fn swap(&mut self, i: usize, j: usize) {
        if let Some(z) = &mut self.z {
            let (x, y) = columns(z, self.n, i, j);
            x.swap_with_slice(y);
        }
    }
}

/// Returns whether an element beside the diagonal may be taken for zero.
#[inline(always)]
fn negligible<R: Real>(e: R, d: R, next: R) -> bool {
    let half = R::EPSILON * R::literal(0.5);
    e * e <= (half * half * d.abs()) * next.abs() + R::SMALLEST
}

/// Returns c, s and r for which the rotation maps (f, g) to (r, 0).
#[inline(always)]
pub(super) fn rotation<R: Real>(f: R, g: R) -> (R, R, R) {
    if g == R::ZERO {
        return (R::ONE, R::ZERO, f);
    }
    if f == R::ZERO {
        return (R::ZERO, R::ONE.copysign(g), g.abs());
    }
    let length = hypot(f, g);
    let r = length.copysign(f);
    (f.abs() / length, g / r, r)
}

/// Returns the length of a vector. It is slow only if squares are out of range.
#[inline(always)]
pub(super) fn hypot<R: Real>(x: R, y: R) -> R {
    let sum = x * x + y * y;
    if sum >= R::SMALLEST / R::EPSILON && Real::is_finite(sum) { sum.sqrt() } else { x.hypot(y) }
}

/// Returns the shift of Wilkinson, relative to d, for the block with d and `next` on its diagonal and e beside it.
#[inline(always)]
fn shift<R: Real>(d: R, next: R, e: R) -> R {
    let g = (next - d) / (e + e);
    let r = hypot(g, R::ONE);
    e / (g + r.copysign(g))
}

/// Finds the eigenvalues of a block from its first row on.
#[inline(always)]
fn down<T: Number>(
    d: &mut [T::R],
    e: &mut [T::R],
    mut l: usize,
    end: usize,
    z: &mut Columns<'_, T>,
    left: &mut usize,
) -> bool {
    while l < end {
        let mut m = l;
        while m < end && !negligible(e[m], d[m], d[m + 1]) {
            m += 1;
        }
        if m < end {
            e[m] = T::R::ZERO;
        }
        if m == l {
            l += 1;
            continue;
        }
        if m == l + 1 {
            let (first, second, c, s) = two_by_two(d[l], e[l], d[l + 1]);
            z.rotate(l, c, s);
            (d[l], d[l + 1], e[l]) = (first, second, T::R::ZERO);
            l += 2;
            continue;
        }
        if *left == 0 {
            return false;
        }
        *left -= 1;
        let mut g = d[m] - d[l] + shift(d[l], d[l + 1], e[l]);
        let (mut s, mut c, mut p) = (T::R::ONE, T::R::ONE, T::R::ZERO);
        for i in (l..m).rev() {
            let (f, b) = (s * e[i], c * e[i]);
            let r;
            (c, s, r) = rotation(g, f);
            if i + 1 != m {
                e[i + 1] = r;
            }
            g = d[i + 1] - p;
            let r = (d[i] - g) * s + (c + c) * b;
            p = s * r;
            d[i + 1] = g + p;
            g = c * r - b;
            z.rotate(i, c, -s);
        }
        d[l] -= p;
        e[l] = g;
    }
    true
}

/// Finds the eigenvalues of a block from its last row on.
#[inline(always)]
fn up<T: Number>(
    d: &mut [T::R],
    e: &mut [T::R],
    start: usize,
    end: usize,
    z: &mut Columns<'_, T>,
    left: &mut usize,
) -> bool {
    let mut l = end;
    while l > start {
        let mut m = l;
        while m > start && !negligible(e[m - 1], d[m], d[m - 1]) {
            m -= 1;
        }
        if m > start {
            e[m - 1] = T::R::ZERO;
        }
        if m == l {
            l -= 1;
            continue;
        }
        if m + 1 == l {
            let (first, second, c, s) = two_by_two(d[m], e[m], d[l]);
            z.rotate(m, c, s);
            (d[m], d[l], e[m]) = (first, second, T::R::ZERO);
            if m == start {
                break;
            }
            l -= 2;
            continue;
        }
        if *left == 0 {
            return false;
        }
        *left -= 1;
        let mut g = d[m] - d[l] + shift(d[l], d[l - 1], e[l - 1]);
        let (mut s, mut c, mut p) = (T::R::ONE, T::R::ONE, T::R::ZERO);
        for i in m..l {
            let (f, b) = (s * e[i], c * e[i]);
            let r;
            (c, s, r) = rotation(g, f);
            if i != m {
                e[i - 1] = r;
            }
            g = d[i] - p;
            let r = (d[i + 1] - g) * s + (c + c) * b;
            p = s * r;
            d[i] = g + p;
            g = c * r - b;
            z.rotate(i, c, s);
        }
        d[l] -= p;
        e[l - 1] = g;
    }
    true
}

/// Returns the eigenvalues of [[a, b], [b, c]], the one of larger magnitude first, and the eigenvector (cos, sin) of the
/// first one (LAPACK's `laev2`).
#[inline(always)]
fn two_by_two<R: Real>(a: R, b: R, c: R) -> (R, R, R, R) {
    let half = R::literal(0.5);
    let (sum, difference, twice) = (a + c, a - c, b + b);
    let root = hypot(difference, twice);
    let (most, least) = if a.abs() > c.abs() { (a, c) } else { (c, a) };
    let (first, second, positive) = if sum == R::ZERO {
        (half * root, -half * root, true)
    } else {
        let first = half * (sum + root.copysign(sum));
        (first, (most / first) * least - (b / first) * b, sum > R::ZERO)
    };
    let cs = if difference >= R::ZERO { difference + root } else { difference - root };
    let (cosine, sine) = if cs.abs() > twice.abs() {
        let ct = -twice / cs;
        let sine = R::ONE / hypot(R::ONE, ct);
        (ct * sine, sine)
    } else if twice == R::ZERO {
        (R::ONE, R::ZERO)
    } else {
        let tn = -cs / twice;
        let cosine = R::ONE / hypot(R::ONE, tn);
        (cosine, tn * cosine)
    };
    if positive == (difference >= R::ZERO) { (first, second, -sine, cosine) } else { (first, second, cosine, sine) }
}
