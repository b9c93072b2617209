//! The Schur form of complex matrices in Hessenberg form.

use num_complex::Complex;

use super::number::{Number, Real};
use super::vector::{columns, reflection};
use crate::scalar::Scalar;

/// The number of iterations after which the shift is exceptional.
const EXCEPTIONAL: usize = 10;

/// A matrix with n rows.
struct Matrix<'a, T> {
    a: &'a mut [T],
    n: usize,
}

impl<T: Number> Matrix<'_, T> {
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> T {
        self.a[j * self.n + i]
    }

    #[inline(always)]
    fn set(&mut self, i: usize, j: usize, x: T) {
        self.a[j * self.n + i] = x;
    }

    /// Multiplies the elements of a row in some columns.
    #[inline(always)]
    fn scale_row(&mut self, i: usize, columns: std::ops::Range<usize>, factor: T) {
        for j in columns {
            self.a[j * self.n + i] *= factor;
        }
    }

    /// Multiplies the elements of a column in some rows.
    #[inline(always)]
    fn scale_column(&mut self, j: usize, rows: std::ops::Range<usize>, factor: T) {
        self.a[j * self.n..][rows].iter_mut().for_each(|x| *x *= factor);
    }
}

/// Iterates with single shifts until the block of a Hessenberg matrix is triangular (LAPACK's `lahqr`). The arguments
/// are those of the function for real matrices.
#[inline(always)]
pub(super) fn iterate<R: Real>(
    h: &mut [Complex<R>],
    n: usize,
    [low, high]: [usize; 2],
    whole: bool,
    z: Option<&mut [Complex<R>]>,
    w: &mut [Complex<R>],
) -> bool
where
    Complex<R>: Number<R = R, C = Complex<R>>,
{
    let mut h = Matrix { a: h, n };
    let mut z = z.map(|a| Matrix { a, n });
    // The elements below the diagonal become real.
    let [first, last] = if whole { [0, n] } else { [low, high] };
    for i in low + 1..high {
        let below = h.at(i, i - 1);
        if below.im != R::ZERO {
            let unit = below.times(R::ONE / below.size());
            let unit = unit.conjugate().times(R::ONE / unit.modulus());
            h.set(i, i - 1, Number::of(below.modulus()));
            h.scale_row(i, i..last, unit);
            h.scale_column(i, first..last.min(i + 2), unit.conjugate());
            if let Some(z) = &mut z {
                z.scale_column(i, 0..n, unit.conjugate());
            }
        }
    }
    let tiny = R::SMALLEST * (R::literal((high - low) as f64) / R::EPSILON);
    let limit = 30 * (high - low).max(10);
    // Rows `low..end` remain.
    let mut end = high;
    while end > low {
        let i = end - 1;
        let mut start = low;
        let mut converged = false;
        for step in 1..=limit + 1 {
            start = (start + 1..=i).rev().find(|k| negligible(&h, *k, low, high, tiny)).unwrap_or(start);
            if start > low {
                h.set(start, start - 1, Number::ZERO);
            }
            if start == i {
                converged = true;
                break;
            }
            let columns = if whole { [0, n] } else { [start, end] };
            let shift = shift(&h, start, i, step);
            sweep(&mut h, start, i, columns, shift, z.as_mut());
        }
        if !converged {
            return false;
        }
        w[i] = h.at(i, i);
        end = i;
    }
    true
}

/// Returns whether the element before the diagonal in row k may be set to zero.
#[inline(always)]
fn negligible<R: Real>(h: &Matrix<'_, Complex<R>>, k: usize, low: usize, high: usize, tiny: R) -> bool
where
    Complex<R>: Number<R = R>,
{
    let below = h.at(k, k - 1).size();
    if below <= tiny {
        return true;
    }
    let (before, here) = (h.at(k - 1, k - 1), h.at(k, k));
    let mut sum = before.size() + here.size();
    if sum == R::ZERO {
        if k >= low + 2 {
            sum += h.at(k - 1, k - 2).re.abs();
        }
        if k + 1 < high {
            sum += h.at(k + 1, k).re.abs();
        }
    }
    if h.at(k, k - 1).re.abs() > R::EPSILON * sum {
        return false;
    }
    let above = h.at(k - 1, k).size();
    let (most, least) = (below.max(above), below.min(above));
    let difference = (before - here).size();
    let (larger, smaller) = (here.size().max(difference), here.size().min(difference));
    let s = larger + most;
    least * (most / s) <= tiny.max(R::EPSILON * (smaller * (larger / s)))
}

/// Returns the shift of Wilkinson, or an exceptional one.
#[inline(always)]
fn shift<R: Real>(h: &Matrix<'_, Complex<R>>, start: usize, i: usize, step: usize) -> Complex<R>
where
    Complex<R>: Number<R = R>,
{
    let exceptional =
        |below: Complex<R>, corner: Complex<R>| Complex::new(corner.re + R::literal(0.75) * below.re.abs(), corner.im);
    if step.is_multiple_of(2 * EXCEPTIONAL) {
        return exceptional(h.at(i, i - 1), h.at(i, i));
    }
    if step.is_multiple_of(EXCEPTIONAL) {
        return exceptional(h.at(start + 1, start), h.at(start, start));
    }
    let corner = h.at(i, i);
    let u = root(h.at(i - 1, i)) * root(h.at(i, i - 1));
    let size = u.size();
    if size == R::ZERO {
        return corner;
    }
    let x = (h.at(i - 1, i - 1) - corner).times(R::literal(0.5));
    let scale = size.max(x.size());
    let (xs, us) = (x.times(R::ONE / scale), u.times(R::ONE / scale));
    let mut y = root(xs * xs + us * us).times(scale);
    if x.size() > R::ZERO && xs.re * y.re + xs.im * y.im < R::ZERO {
        y = -y;
    }
    corner - u * u.over(x + y)
}

/// Returns the principal square root of a complex number.
#[inline(always)]
fn root<R: Real>(x: Complex<R>) -> Complex<R>
where
    Complex<R>: Number<R = R>,
{
    let size = x.modulus();
    if size == R::ZERO {
        return x;
    }
    let half = ((size + x.re.abs()) * R::literal(0.5)).sqrt();
    let other = x.im.abs() / (half + half);
    if x.re >= R::ZERO { Complex::new(half, other.copysign(x.im)) } else { Complex::new(other, half.copysign(x.im)) }
}

/// Chases one bulge down rows `start..=i`.
#[inline(always)]
fn sweep<R: Real>(
    h: &mut Matrix<'_, Complex<R>>,
    start: usize,
    i: usize,
    [first, last]: [usize; 2],
    shift: Complex<R>,
    mut z: Option<&mut Matrix<'_, Complex<R>>>,
) where
    Complex<R>: Number<R = R>,
{
    let n = h.n;
    // Two consecutive small elements below the diagonal.
    let mut m = i - 1;
    let mut v;
    loop {
        let shifted = h.at(m, m) - shift;
        let below = h.at(m + 1, m).re;
        let s = R::ONE / (shifted.size() + below.abs());
        v = [shifted.times(s), Complex::new(below * s, R::ZERO)];
        if m == start {
            break;
        }
        let around = h.at(m, m).size() + h.at(m + 1, m + 1).size();
        if h.at(m, m - 1).re.abs() * v[1].re.abs() <= R::EPSILON * (v[0].size() * around) {
            break;
        }
        m -= 1;
    }
    for k in m..i {
        if k > m {
            v = [h.at(k, k - 1), h.at(k + 1, k - 1)];
        }
        let (beta, t) = reflection(v[0], &mut v[1..]);
        if k > m {
            h.set(k, k - 1, Number::of(beta));
            h.set(k + 1, k - 1, Number::ZERO);
        }
        let v2 = v[1];
        let t2 = (t * v2).re;
        for column in h.a.chunks_exact_mut(n).take(last).skip(k) {
            let x = &mut column[k..k + 2];
            let sum = t.conjugate() * x[0] + x[1].times(t2);
            x[0] -= sum;
            x[1] -= sum * v2;
        }
        double(h.a, n, k, first..(k + 3).min(i + 1), t, t2, v2.conjugate());
        if let Some(z) = &mut z {
            double(z.a, n, k, 0..n, t, t2, v2.conjugate());
        }
        if k == m && m > start {
            // The bulge starts in the middle: the element before it becomes real again.
            let unit = <Complex<R> as Number>::ONE - t;
            let unit = unit.times(R::ONE / unit.modulus());
            h.set(m + 1, m, h.at(m + 1, m) * unit.conjugate());
            if m + 2 <= i {
                h.set(m + 2, m + 1, h.at(m + 2, m + 1) * unit);
            }
            for j in (m..=i).filter(|j| *j != m + 1) {
                h.scale_row(j, j + 1..last.max(j + 1), unit);
                h.scale_column(j, first..j, unit.conjugate());
                if let Some(z) = &mut z {
                    z.scale_column(j, 0..n, unit.conjugate());
                }
            }
        }
    }
    // The last element below the diagonal becomes real.
    let below = h.at(i, i - 1);
    if below.im != R::ZERO {
        let size = below.modulus();
        let unit = below.times(R::ONE / size);
        h.set(i, i - 1, Number::of(size));
        h.scale_row(i, i + 1..last.max(i + 1), unit.conjugate());
        h.scale_column(i, first..i, unit);
        if let Some(z) = &mut z {
            z.scale_column(i, 0..n, unit);
        }
    }
}

/// Applies a reflection to two columns.
#[inline(always)]
fn double<R: Real>(
    a: &mut [Complex<R>],
    n: usize,
    k: usize,
    rows: std::ops::Range<usize>,
    t: Complex<R>,
    t2: R,
    v2: Complex<R>,
) where
    Complex<R>: Number<R = R>,
{
    let (x, y) = columns(a, n, k, k + 1);
    for (x, y) in x[rows.clone()].iter_mut().zip(&mut y[rows]) {
        let sum = t * *x + y.times(t2);
        *x -= sum;
        *y -= sum * v2;
    }
}
