//! Vectors, reflections and rotations.

use super::number::{Number, Real};

/// y += a x.
#[inline(always)]
pub(crate) fn add<T: Number>(y: &mut [T], a: T, x: &[T]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * *x;
    }
}

/// Returns xᴴ y. Several sums run side by side.
#[inline(always)]
pub(crate) fn dot<T: Number>(x: &[T], y: &[T]) -> T {
    const LANES: usize = 8;
    let mut sums = [T::ZERO; LANES];
    let (x, y) = (x.chunks_exact(LANES), y[..x.len()].chunks_exact(LANES));
    let mut rest = T::ZERO;
    for (x, y) in x.remainder().iter().zip(y.remainder()) {
        rest += x.conjugate() * *y;
    }
    for (x, y) in x.zip(y) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum += x.conjugate() * *y;
        }
    }
    sums.iter().fold(rest, |sum, x| sum + *x)
}

/// Returns the Euclidean norm.
#[inline(always)]
pub(super) fn norm<T: Number>(x: &[T]) -> T::R {
    let sum = dot(x, x).re();
    if sum >= T::R::SMALLEST / T::R::EPSILON && Real::is_finite(sum) { sum.sqrt() } else { norm_of_extremes(x) }
}

/// Returns the norm of a vector whose squares are out of range.
#[cold]
#[inline(never)]
fn norm_of_extremes<T: Number>(x: &[T]) -> T::R {
    let largest = x.iter().fold(T::R::ZERO, |largest, x| largest.max(x.size()));
    if largest == T::R::ZERO || !Real::is_finite(largest) {
        return largest;
    }
    // Quotients, because the reciprocal of a subnormal number is out of range.
    let square = |x: T::R| (x / largest) * (x / largest);
    largest * x.iter().fold(T::R::ZERO, |sum, x| sum + square(x.re()) + square(x.im())).sqrt()
}

/// Returns β and τ for which the conjugate transpose of I − τ v vᴴ maps (α, x) to (β, 0). β is real. The first element
/// of v is one, and the others overwrite x. This is LAPACK's `larfg`.
#[inline(always)]
pub(crate) fn reflection<T: Number>(alpha: T, x: &mut [T]) -> (T::R, T) {
    let size = norm(x);
    if size == T::R::ZERO && alpha.im() == T::R::ZERO {
        return (alpha.re(), T::ZERO);
    }
    let beta = -length(alpha, size).copysign(alpha.re());
    let small = T::R::SMALLEST / T::R::EPSILON;
    if beta.abs() < small {
        // The reciprocals below are out of range.
        let up = T::R::ONE / small;
        x.iter_mut().for_each(|x| *x = x.times(up));
        let alpha = alpha.times(up);
        let beta = -length(alpha, norm(x)).copysign(alpha.re());
        return (beta * small, unit(alpha, beta, x));
    }
    (beta, unit(alpha, beta, x))
}

/// Returns the norm of (α, x), where x has the norm `size`.
#[inline(always)]
fn length<T: Number>(alpha: T, size: T::R) -> T::R {
    let sum = alpha.square() + size * size;
    match sum >= T::R::SMALLEST / T::R::EPSILON && Real::is_finite(sum) {
        true => sum.sqrt(),
        false => alpha.modulus().hypot(size),
    }
}

/// Divides x so that the first element is one, and returns τ.
#[inline(always)]
fn unit<T: Number>(alpha: T, beta: T::R, x: &mut [T]) -> T {
    let factor = T::ONE.over(alpha - T::of(beta));
    x.iter_mut().for_each(|x| *x *= factor);
    T::from_parts((beta - alpha.re()) / beta, -alpha.im() / beta)
}

/// Rotates two vectors: (x, y) becomes (c x + s y, c y − s x).
#[inline(always)]
pub(crate) fn rotate<T: Number>(x: &mut [T], y: &mut [T], c: T::R, s: T::R) {
    for (x, y) in x.iter_mut().zip(y) {
        let (old_x, old_y) = (*x, *y);
        *x = old_x.times(c) + old_y.times(s);
        *y = old_y.times(c) - old_x.times(s);
    }
}

/// Returns two columns of a matrix with n rows, the first of which is on the left.
#[inline(always)]
pub(super) fn columns<T>(a: &mut [T], n: usize, first: usize, second: usize) -> (&mut [T], &mut [T]) {
    let (left, right) = a.split_at_mut(second * n);
    (&mut left[first * n..][..n], &mut right[..n])
}

/// Multiplies rows k to k + 2 of columns with n rows by the conjugate transpose of I − t v vᴴ, where v is one, v₂, v₃.
/// Four columns at a time, so that the compiler does not gather single elements from many of them.
#[inline(always)]
pub(super) fn reflect_rows<T: Number>(a: &mut [T], n: usize, k: usize, t: T, [v2, v3]: [T; 2]) {
    let (t, w2, w3) = (t.conjugate(), v2.conjugate(), v3.conjugate());
    let reflect = |[x, y, z]: [T; 3]| {
        let sum = t * (x + w2 * y + w3 * z);
        [x - sum, y - sum * v2, z - sum * v3]
    };
    let at = |column: &[T]| [column[k], column[k + 1], column[k + 2]];
    let mut fours = a.chunks_exact_mut(4 * n);
    for columns in &mut fours {
        let read: [[T; 3]; 4] = std::array::from_fn(|j| at(&columns[j * n..]));
        for (j, x) in read.map(reflect).into_iter().enumerate() {
            columns[j * n + k..][..3].copy_from_slice(&x);
        }
    }
    for column in fours.into_remainder().chunks_exact_mut(n) {
        let x = reflect(at(column));
        column[k..][..3].copy_from_slice(&x);
    }
}
