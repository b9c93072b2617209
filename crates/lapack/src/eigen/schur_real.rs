//! The Schur form of real matrices in Hessenberg form.

use num_complex::Complex;

use super::eigh::hypot;
use super::number::Real;
use super::vector::{columns, reflect_rows, reflection, rotate};

/// The number of iterations after which the shifts are exceptional.
const EXCEPTIONAL: usize = 10;

/// A matrix with n rows.
struct Matrix<'a, R> {
    a: &'a mut [R],
    n: usize,
}

impl<R: Real> Matrix<'_, R> {
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> R {
        self.a[j * self.n + i]
    }

    #[inline(always)]
    fn set(&mut self, i: usize, j: usize, x: R) {
        self.a[j * self.n + i] = x;
    }
}

/// Iterates with double shifts until the block of a Hessenberg matrix is quasi-triangular (LAPACK's `lahqr`). If
/// `whole`, the whole matrix is transformed, else no more than is needed for the eigenvalues. z is multiplied by the
/// transformations from the right. Returns whether the iteration converged.
#[inline(always)]
pub(super) fn iterate<R: Real>(
    h: &mut [R],
    n: usize,
    [low, high]: [usize; 2],
    whole: bool,
    mut z: Option<&mut [R]>,
    w: &mut [R::C],
) -> bool {
    let mut h = Matrix { a: h, n };
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
                h.set(start, start - 1, R::ZERO);
            }
            if start + 1 >= i {
                converged = true;
                break;
            }
            let columns = if whole { [0, n] } else { [start, end] };
            let shifts = shifts(&h, start, i, step);
            sweep(&mut h, start, i, columns, shifts, z.as_deref_mut());
        }
        if !converged {
            return false;
        }
        if start == i {
            w[i] = h.at(i, i).complex();
        } else {
            let block = [h.at(i - 1, i - 1), h.at(i - 1, i), h.at(i, i - 1), h.at(i, i)];
            let ([a, b, c, d], imaginary, cosine, sine) = standardize(block);
            h.set(i - 1, i - 1, a);
            h.set(i - 1, i, b);
            h.set(i, i - 1, c);
            h.set(i, i, d);
            w[i - 1] = Complex::new(a, imaginary);
            w[i] = Complex::new(d, -imaginary);
            if whole {
                for j in i + 1..n {
                    let (x, y) = (h.at(i - 1, j), h.at(i, j));
                    h.set(i - 1, j, cosine * x + sine * y);
                    h.set(i, j, cosine * y - sine * x);
                }
                let (x, y) = columns(h.a, n, i - 1, i);
                rotate(&mut x[..i - 1], &mut y[..i - 1], cosine, sine);
            }
            if let Some(z) = &mut z {
                let (x, y) = columns(z, n, i - 1, i);
                rotate(x, y, cosine, sine);
            }
        }
        end = start;
    }
    true
}

/// Returns whether the element before the diagonal in row k may be set to zero (Ahues and Tisseur, "A new deflation
/// criterion for the QR algorithm", 1997).
#[inline(always)]
fn negligible<R: Real>(h: &Matrix<'_, R>, k: usize, low: usize, high: usize, tiny: R) -> bool {
    let below = h.at(k, k - 1).abs();
    if below <= tiny {
        return true;
    }
    let (before, here) = (h.at(k - 1, k - 1), h.at(k, k));
    let mut sum = before.abs() + here.abs();
    if sum == R::ZERO {
        if k >= low + 2 {
            sum += h.at(k - 1, k - 2).abs();
        }
        if k + 1 < high {
            sum += h.at(k + 1, k).abs();
        }
    }
    if below > R::EPSILON * sum {
        return false;
    }
    let above = h.at(k - 1, k).abs();
    let (most, least) = (below.max(above), below.min(above));
    let difference = (before - here).abs();
    let (larger, smaller) = (here.abs().max(difference), here.abs().min(difference));
    let s = larger + most;
    least * (most / s) <= tiny.max(R::EPSILON * (smaller * (larger / s)))
}

/// Returns two shifts as real and imaginary parts. They are conjugate or real.
#[inline(always)]
fn shifts<R: Real>(h: &Matrix<'_, R>, start: usize, i: usize, step: usize) -> [(R, R); 2] {
    let (a, b, c, d) = if step.is_multiple_of(EXCEPTIONAL) {
        let (s, corner) = match step.is_multiple_of(2 * EXCEPTIONAL) {
            true => (h.at(i, i - 1).abs() + h.at(i - 1, i - 2).abs(), h.at(i, i)),
            false => (h.at(start + 1, start).abs() + h.at(start + 2, start + 1).abs(), h.at(start, start)),
        };
        let a = R::literal(0.75) * s + corner;
        (a, R::literal(-0.4375) * s, s, a)
    } else {
        (h.at(i - 1, i - 1), h.at(i - 1, i), h.at(i, i - 1), h.at(i, i))
    };
    let s = a.abs() + b.abs() + c.abs() + d.abs();
    if s == R::ZERO {
        return [(R::ZERO, R::ZERO); 2];
    }
    let (a, b, c, d) = (a / s, b / s, c / s, d / s);
    let half = (a + d) * R::literal(0.5);
    let determinant = (a - half) * (d - half) - b * c;
    let root = determinant.abs().sqrt();
    if determinant >= R::ZERO {
        return [(half * s, root * s), (half * s, -root * s)];
    }
    let (first, second) = (half + root, half - root);
    let nearest = if (first - d).abs() <= (second - d).abs() { first } else { second };
    [(nearest * s, R::ZERO); 2]
}

/// Chases one bulge down rows `start..=i`.
#[inline(always)]
fn sweep<R: Real>(
    h: &mut Matrix<'_, R>,
    start: usize,
    i: usize,
    [first, last]: [usize; 2],
    [(re1, im1), (re2, im2)]: [(R, R); 2],
    mut z: Option<&mut [R]>,
) {
    let n = h.n;
    // Two consecutive small elements below the diagonal.
    let mut m = i - 2;
    let mut v;
    loop {
        let below = h.at(m + 1, m);
        let s = (h.at(m, m) - re2).abs() + im2.abs() + below.abs();
        let below = below / s;
        v = [
            below * h.at(m, m + 1) + (h.at(m, m) - re1) * ((h.at(m, m) - re2) / s) - im1 * (im2 / s),
            below * (h.at(m, m) + h.at(m + 1, m + 1) - re1 - re2),
            below * h.at(m + 2, m + 1),
        ];
        let s = v[0].abs() + v[1].abs() + v[2].abs();
        v = v.map(|v| v / s);
        if m == start {
            break;
        }
        let around = h.at(m - 1, m - 1).abs() + h.at(m, m).abs() + h.at(m + 1, m + 1).abs();
        if h.at(m, m - 1).abs() * (v[1].abs() + v[2].abs()) <= R::EPSILON * v[0].abs() * around {
            break;
        }
        m -= 1;
    }
    for k in m..i {
        let rows = 3.min(i - k + 1);
        if k > m {
            v = [h.at(k, k - 1), h.at(k + 1, k - 1), if rows == 3 { h.at(k + 2, k - 1) } else { R::ZERO }];
        }
        let (beta, t) = reflection(v[0], &mut v[1..rows]);
        if k > m {
            h.set(k, k - 1, beta);
            h.set(k + 1, k - 1, R::ZERO);
            if rows == 3 {
                h.set(k + 2, k - 1, R::ZERO);
            }
        } else if m > start {
            // Not −h: v may have underflowed.
            h.set(k, k - 1, h.at(k, k - 1) * (R::ONE - t));
        }
        let (v2, v3) = (v[1], v[2]);
        let (t2, t3) = (t * v2, t * v3);
        if rows == 3 {
            reflect_rows(&mut h.a[k * n..last * n], n, k, t, [v2, v3]);
            triple(h.a, n, k, first..(k + 4).min(i + 1), [t, t2, t3], [v2, v3]);
            if let Some(z) = &mut z {
                triple(z, n, k, 0..n, [t, t2, t3], [v2, v3]);
            }
        } else {
            for column in h.a.chunks_exact_mut(n).take(last).skip(k) {
                let x = &mut column[k..k + 2];
                let sum = x[0] + v2 * x[1];
                x[0] -= sum * t;
                x[1] -= sum * t2;
            }
            double(h.a, n, k, first..i + 1, [t, t2], v2);
            if let Some(z) = &mut z {
                double(z, n, k, 0..n, [t, t2], v2);
            }
        }
    }
}

/// Applies a reflection to three columns.
#[inline(always)]
fn triple<R: Real>(
    a: &mut [R],
    n: usize,
    k: usize,
    rows: std::ops::Range<usize>,
    [t, t2, t3]: [R; 3],
    [v2, v3]: [R; 2],
) {
    let (x, rest) = a[k * n..].split_at_mut(n);
    let (y, z) = rest.split_at_mut(n);
    let (x, y, z) = (&mut x[rows.clone()], &mut y[rows.clone()], &mut z[rows]);
    for ((x, y), z) in x.iter_mut().zip(y).zip(z) {
        let sum = *x + v2 * *y + v3 * *z;
        *x -= sum * t;
        *y -= sum * t2;
        *z -= sum * t3;
    }
}

/// Applies a reflection to two columns.
#[inline(always)]
fn double<R: Real>(a: &mut [R], n: usize, k: usize, rows: std::ops::Range<usize>, [t, t2]: [R; 2], v2: R) {
    let (x, y) = columns(a, n, k, k + 1);
    for (x, y) in x[rows.clone()].iter_mut().zip(&mut y[rows]) {
        let sum = *x + v2 * *y;
        *x -= sum * t;
        *y -= sum * t2;
    }
}

/// Returns the standard form [[a, b], [c, d]] of a block, the imaginary part of its first eigenvalue, and the rotation.
/// In the form, c is zero, or a = d and b c < 0 (LAPACK's `lanv2`).
fn standardize<R: Real>([mut a, mut b, mut c, mut d]: [R; 4]) -> ([R; 4], R, R, R) {
    let (half, negative) = (R::literal(0.5), |x: R| x.is_sign_negative());
    let (mut cosine, mut sine) = (R::ONE, R::ZERO);
    if c == R::ZERO {
    } else if b == R::ZERO {
        (cosine, sine) = (R::ZERO, R::ONE);
        (a, b, c, d) = (d, -c, R::ZERO, a);
    } else if a - d == R::ZERO && negative(b) != negative(c) {
    } else {
        let difference = a - d;
        let p = half * difference;
        let most = b.abs().max(c.abs());
        let least = b.abs().min(c.abs()) * R::ONE.copysign(b) * R::ONE.copysign(c);
        let scale = p.abs().max(most);
        let z = (p / scale) * p + (most / scale) * least;
        if z >= R::literal(4.0) * R::EPSILON {
            // Real eigenvalues.
            let z = p + (scale.sqrt() * z.sqrt()).copysign(p);
            a = d + z;
            d -= (most / z) * least;
            let length = hypot(c, z);
            (cosine, sine) = (z / length, c / length);
            (b, c) = (b - c, R::ZERO);
        } else {
            // Complex, or real and almost equal.
            let sigma = b + c;
            let length = hypot(sigma, difference);
            cosine = (half * (R::ONE + sigma.abs() / length)).sqrt();
            sine = -(p / (length * cosine)) * R::ONE.copysign(sigma);
            let (aa, bb) = (a * cosine + b * sine, -a * sine + b * cosine);
            let (cc, dd) = (c * cosine + d * sine, -c * sine + d * cosine);
            (a, b) = (aa * cosine + cc * sine, bb * cosine + dd * sine);
            (c, d) = (-aa * sine + cc * cosine, -bb * sine + dd * cosine);
            let middle = half * (a + d);
            (a, d) = (middle, middle);
            if c != R::ZERO {
                if b == R::ZERO {
                    (b, c) = (-c, R::ZERO);
                    (cosine, sine) = (-sine, cosine);
                } else if negative(b) == negative(c) {
                    let (root_b, root_c) = (b.abs().sqrt(), c.abs().sqrt());
                    let p = (root_b * root_c).copysign(c);
                    let tau = R::ONE / (b + c).abs().sqrt();
                    (a, d) = (middle + p, middle - p);
                    (b, c) = (b - c, R::ZERO);
                    let (cosine1, sine1) = (root_b * tau, root_c * tau);
                    (cosine, sine) = (cosine * cosine1 - sine * sine1, cosine * sine1 + sine * cosine1);
                }
            }
        }
    }
    let imaginary = if c == R::ZERO { R::ZERO } else { b.abs().sqrt() * c.abs().sqrt() };
    ([a, b, c, d], imaginary, cosine, sine)
}
