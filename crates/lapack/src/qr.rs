//! The QR decomposition.

use faer::traits::math_utils as math;
use faer::{MatMut, MatRef};
use xla::Arrays;

use crate::householder::{Side, factor, generate, multiply, norm, reflect, reflector};
use crate::scalar::Scalar;
use crate::{at_a_time, matrix, numbers, numbers_mut};

/// `geqrf`: overwrites each matrix with R and, below the diagonal, with the reflections whose product is Q. The second
/// result has their factors τ.
pub(crate) fn geqrf<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
    let a = call.update::<T::Element>(0, 0)?;
    let tau = call.result::<T::Element>(1)?;
    let [m, n] = matrix(a.dims)?;
    let (elements, tau) = (numbers_mut::<T>(a.elements), numbers_mut::<T>(tau.elements));
    if elements.is_empty() {
        return Ok(());
    }
    if tau.len() * m * n != elements.len() * m.min(n) {
        return Err("the shapes do not match".to_owned());
    }
    let (threads, some) = (call.threads(), at_a_time(m * n));
    let pieces = elements.chunks_mut(some * m * n).zip(tau.chunks_mut(some * m.min(n)));
    threads.for_each(pieces, |(a, tau)| {
        for (a, tau) in a.chunks_exact_mut(m * n).zip(tau.chunks_exact_mut(m.min(n))) {
            factor(threads, MatMut::from_column_major_slice_mut(a, m, n), tau);
        }
    });
    Ok(())
}

/// `orgqr` and `ungqr`: overwrites reflections with the first columns of their product.
pub(crate) fn orgqr<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
    let tau = call.operand::<T::Element>(1)?;
    let a = call.update::<T::Element>(0, 0)?;
    let ([m, n], count) = (matrix(a.dims)?, last(tau.dims));
    if m < n || count > n {
        return Err("the shapes do not match".to_owned());
    }
    let elements = numbers_mut::<T>(a.elements);
    if elements.is_empty() {
        return Ok(());
    }
    let batch = elements.len() / (m * n);
    let tau = numbers::<T>(tau.elements);
    if tau.len() != batch * count {
        return Err("the shapes do not match".to_owned());
    }
    let (threads, some) = (call.threads(), at_a_time(m * n));
    threads.for_each(elements.chunks_mut(some * m * n).enumerate(), |(piece, a)| {
        for (i, a) in a.chunks_exact_mut(m * n).enumerate() {
            let tau = &tau[(piece * some + i) * count..][..count];
            generate(threads, MatMut::from_column_major_slice_mut(a, m, n), tau);
        }
    });
    Ok(())
}

/// `ormqr` and `unmqr`: overwrites C with Q C, Qᴴ C, C Q or C Qᴴ, where Q is a product of reflections.
pub(crate) fn ormqr<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
    let flag = |name: &str| call.int(name).map(|x| x != 0).ok_or_else(|| format!("`{name}` must be a boolean"));
    let (left, adjoint) = (flag("left")?, flag("transpose")?);
    let (a, tau) = (call.operand::<T::Element>(0)?, call.operand::<T::Element>(1)?);
    let c = call.update::<T::Element>(2, 0)?;
    let ([m, n], [rows, columns], count) = (matrix(a.dims)?, matrix(c.dims)?, last(tau.dims));
    if count > m.min(n) || m != if left { rows } else { columns } {
        return Err("the shapes do not match".to_owned());
    }
    let (a, tau, c) = (numbers::<T>(a.elements), numbers::<T>(tau.elements), numbers_mut::<T>(c.elements));
    if c.is_empty() || count == 0 {
        return Ok(());
    }
    let batch = c.len() / (rows * columns);
    if a.len() != batch * m * n || tau.len() != batch * count {
        return Err("the shapes do not match".to_owned());
    }
    let side = if left { Side::Left } else { Side::Right };
    for ((a, tau), c) in a.chunks_exact(m * n).zip(tau.chunks_exact(count)).zip(c.chunks_exact_mut(rows * columns)) {
        let c = MatMut::from_column_major_slice_mut(c, rows, columns);
        multiply(call.threads(), MatRef::from_column_major_slice(a, m, n), tau, side, adjoint, c);
    }
    Ok(())
}

/// `geqp3`: like `geqrf`, with columns exchanged so that the diagonal of R does not increase. Columns whose entry in
/// the second operand is not zero are moved to the front and not exchanged. The second result has the columns of A in
/// their order in the factorization, counted from one.
pub(crate) fn geqp3<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
    let a = call.update::<T::Element>(0, 0)?;
    let pivots = call.update::<i32>(1, 1)?;
    let tau = call.result::<T::Element>(2)?;
    let [m, n] = matrix(a.dims)?;
    let (elements, tau) = (numbers_mut::<T>(a.elements), numbers_mut::<T>(tau.elements));
    if elements.is_empty() {
        // A matrix without rows keeps its columns in order.
        if n > 0 {
            pivots.elements.chunks_exact_mut(n).for_each(|p| (0..).zip(p).for_each(|(j, p)| *p = j + 1));
        }
        return Ok(());
    }
    if pivots.elements.len() != elements.len() / m {
        return Err("the shapes do not match".to_owned());
    }
    for ((a, tau), pivots) in in_pairs(elements, m * n, tau, m.min(n))?.zip(pivots.elements.chunks_exact_mut(n)) {
        factor_with_pivots(a, m, tau, pivots);
    }
    Ok(())
}

fn factor_with_pivots<T: Scalar>(a: &mut [T], m: usize, tau: &mut [T], pivots: &mut [i32]) {
    let n = pivots.len();
    let mut fixed = 0;
    let chosen: Vec<bool> = pivots.iter().map(|p| *p != 0).collect();
    (0..).zip(pivots.iter_mut()).for_each(|(j, p)| *p = j + 1);
    for j in (0..n).filter(|j| chosen[*j]) {
        exchange(a, m, pivots, fixed, j);
        fixed += 1;
    }
    let below = |a: &[T], j: usize, row: usize| norm(&a[j * m + row..(j + 1) * m]);
    // The norms of what remains of the columns, and those when they were last computed (`laqp2`).
    let mut norms: Vec<T::Real> = (0..n).map(|j| below(a, j, 0)).collect();
    let mut computed = norms.clone();
    let one = math::one::<T::Real>();
    let limit = math::sqrt(&math::eps::<T::Real>());
    for (row, tau) in tau.iter_mut().enumerate() {
        if row >= fixed {
            if row == fixed && fixed > 0 {
                norms = (0..n).map(|j| below(a, j, row)).collect();
                computed = norms.clone();
            }
            let first = (row, math::zero::<T::Real>());
            let (pivot, _) = (row..n).fold(first, |(at, largest), j| {
                let norm = &norms[j];
                if *norm > largest || math::is_nan(norm) && !math::is_nan(&largest) {
                    (j, norm.clone())
                } else {
                    (at, largest)
                }
            });
            if pivot != row {
                exchange(a, m, pivots, row, pivot);
                norms[pivot] = norms[row].clone();
                computed[pivot] = computed[row].clone();
            }
        }
        let (left, right) = a.split_at_mut((row + 1) * m);
        let v = &mut left[row * m + row..];
        *tau = reflector(v);
        for (i, c) in right.chunks_exact_mut(m).enumerate() {
            reflect(v, tau.conjugate(), &mut c[row..]);
            let j = row + 1 + i;
            if row < fixed || norms[j] == math::zero::<T::Real>() {
                continue;
            }
            // The norm shrinks by the element that is finished. Where too few digits of the difference are right, it is
            // computed again.
            let ratio = math::abs(&c[row]) / norms[j].clone();
            let kept = math::max(&((one.clone() + ratio.clone()) * (one.clone() - ratio)), &math::zero());
            let drift = norms[j].clone() / computed[j].clone();
            if kept.clone() * drift.clone() * drift <= limit {
                norms[j] = norm(&c[row + 1..]);
                computed[j] = norms[j].clone();
            } else {
                norms[j] = norms[j].clone() * math::sqrt(&kept);
            }
        }
    }
}

/// Exchanges two columns.
fn exchange<T>(a: &mut [T], m: usize, pivots: &mut [i32], i: usize, j: usize) {
    let (first, second) = (i.min(j), i.max(j));
    if first < second {
        let (left, right) = a.split_at_mut(second * m);
        left[first * m..(first + 1) * m].swap_with_slice(&mut right[..m]);
        pivots.swap(first, second);
    }
}

/// Returns the size of the last axis.
fn last(dims: &[i64]) -> usize {
    dims.last().and_then(|d| usize::try_from(*d).ok()).unwrap_or(0)
}

/// Returns the matrices of a batch, each with its vector.
fn in_pairs<'a, T, S>(
    matrices: &'a mut [T],
    size: usize,
    vectors: &'a mut [S],
    length: usize,
) -> Result<impl Iterator<Item = (&'a mut [T], &'a mut [S])>, String> {
    match vectors.len() * size == matrices.len() * length {
        true => Ok(matrices.chunks_exact_mut(size).zip(vectors.chunks_exact_mut(length))),
        false => Err("the shapes do not match".to_owned()),
    }
}
