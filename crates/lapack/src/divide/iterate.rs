//! Singular values and vectors of small bidiagonal matrices by iteration.

use faer::MatMut;
use faer::reborrow::ReborrowMut;

use super::tridiagonal::turn;
use crate::column;
use crate::eigen::Real;

/// Returns the rotation that maps (x, y) to (length, 0), and the length.
#[inline(always)]
fn rotation(x: f64, y: f64) -> (f64, f64, f64) {
    let square = x * x + y * y;
    let length = if square > f64::MIN_POSITIVE / f64::EPSILON { square.sqrt() } else { x.hypot(y) };
    if length == 0.0 { (1.0, 0.0, 0.0) } else { (x / length, y / length, length) }
}

vectorized! {
/// Decomposes the n × (n + 1) matrix with the diagonal d and the elements e beside it by implicit QR steps with shifts
/// (Golub and Reinsch, "Singular value decomposition and least squares solutions", 1970). Overwrites d with the singular
/// values, in no order, and multiplies u and v by the singular vectors. Returns whether it converged.
pub(super) fn iterate<'a, R: Real>(
    d: &'a mut [f64],
    e: &'a mut [f64],
    u: MatMut<'a, R>,
    v: MatMut<'a, R>,
) -> bool {
    let (n, mut u, mut v) = (d.len(), u, v);
    // The last column becomes zero.
    let mut value = std::mem::take(&mut e[n - 1]);
    for i in (0..n).rev() {
        if value == 0.0 {
            break;
        }
        let (c, s, length) = rotation(d[i], value);
        d[i] = length;
        turn(v.rb_mut(), i, n, c, s);
        if i > 0 {
            value = -s * e[i - 1];
            e[i - 1] *= c;
        }
    }
    // Rotations that make elements smaller than rounding errors are rounded themselves, in both matrices of vectors.
    let epsilon = 2.0 * R::EPSILON.split()[0];
    let largest = d.iter().chain(&*e).fold(0.0f64, |largest, x| largest.max(x.abs()));
    let negligible = 0.25 * epsilon * largest;
    let (mut last, mut left) = (n - 1, 40 * n);
    while last > 0 {
        if e[last - 1].abs() <= epsilon * (d[last - 1].abs() + d[last].abs()) || e[last - 1].abs() <= negligible {
            e[last - 1] = 0.0;
            last -= 1;
            continue;
        }
        let mut first = last - 1;
        while first > 0 && e[first - 1].abs() > (epsilon * (d[first - 1].abs() + d[first].abs())).max(negligible) {
            first -= 1;
        }
        if first > 0 {
            e[first - 1] = 0.0;
        }
        if left == 0 {
            return false;
        }
        left -= 1;
        // A zero on the diagonal divides the matrix.
        if d[last].abs() <= negligible {
            d[last] = 0.0;
            let mut value = std::mem::take(&mut e[last - 1]);
            for k in (first..last).rev() {
                let (c, s, length) = rotation(d[k], value);
                d[k] = length;
                turn(v.rb_mut(), k, last, c, s);
                if k > first {
                    value = -s * e[k - 1];
                    e[k - 1] *= c;
                }
            }
            continue;
        }
        if let Some(zero) = (first..last).find(|i| d[*i].abs() <= negligible) {
            d[zero] = 0.0;
            let mut value = std::mem::take(&mut e[zero]);
            for k in zero + 1..=last {
                let (c, s, length) = rotation(d[k], value);
                d[k] = length;
                turn(u.rb_mut(), k, zero, c, s);
                if k < last {
                    value = -s * e[k];
                    e[k] *= c;
                }
            }
            continue;
        }
        // The eigenvalue of the last two rows and columns of Bᵀ B that is closer to the last element.
        let above = if last > first + 1 { e[last - 2] } else { 0.0 };
        let (a, c) = (d[last - 1] * d[last - 1] + above * above, d[last] * d[last] + e[last - 1] * e[last - 1]);
        let b = d[last - 1] * e[last - 1];
        let half = 0.5 * (a - c);
        let shift = c - b * b / (half + half.hypot(b).copysign(half));
        let (mut y, mut z) = (d[first] * d[first] - shift, d[first] * e[first]);
        for k in first..last {
            let (c, s, length) = rotation(y, z);
            if k > first {
                e[k - 1] = length;
            }
            (y, e[k]) = (c * d[k] + s * e[k], c * e[k] - s * d[k]);
            (z, d[k + 1]) = (s * d[k + 1], c * d[k + 1]);
            turn(v.rb_mut(), k, k + 1, c, s);
            let (c, s, length) = rotation(y, z);
            d[k] = length;
            (y, d[k + 1]) = (c * e[k] + s * d[k + 1], c * d[k + 1] - s * e[k]);
            if k + 1 < last {
                (z, e[k + 1]) = (s * e[k + 1], c * e[k + 1]);
            }
            turn(u.rb_mut(), k, k + 1, c, s);
        }
        e[last - 1] = y;
    }
    for (j, d) in d.iter_mut().enumerate().filter(|(_, d)| **d < 0.0) {
        *d = -*d;
        column(v.rb_mut(), j).iter_mut().for_each(|x| *x = -*x);
    }
    true
}
}
