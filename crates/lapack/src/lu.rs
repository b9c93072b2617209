//! LU decompositions with row exchanges.

use faer::reborrow::{Reborrow, ReborrowMut};
use faer::{Accum, MatMut};
use xla::{Arrays, Threads};

use crate::product::matmul;
use crate::scalar::Scalar;
use crate::transpose::transpose;
use crate::triangular::{Order, System};
use crate::{at_a_time, batch, column, matrix, numbers, numbers_mut};

/// `getrf`: overwrites each matrix A with L and U, where P A = L U. The diagonal of L is one and is not stored. The
/// pivots count from one: row i was exchanged with the row that pivot i names. `info` is 0, or the place of the first
/// zero on the diagonal of U.
pub(crate) fn getrf<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
    let a = call.update::<T::Element>(0, 0)?;
    let (pivots, info) = (call.result::<i32>(1)?.elements, call.result::<i32>(2)?.elements);
    let ([m, n], count) = (matrix(a.dims)?, batch(a.dims));
    if info.len() != count || pivots.len() != count * m.min(n) {
        return Err("the shapes do not match".to_owned());
    }
    info.fill(0);
    if a.elements.is_empty() {
        return Ok(());
    }
    let (threads, some, k) = (call.threads(), at_a_time(m * n), m.min(n));
    let matrices = numbers_mut::<T>(a.elements).chunks_mut(some * m * n);
    threads.for_each(matrices.zip(pivots.chunks_mut(some * k)).zip(info.chunks_mut(some)), |((a, pivots), info)| {
        let mut order = Order::new();
        for ((a, pivots), info) in a.chunks_exact_mut(m * n).zip(pivots.chunks_exact_mut(k)).zip(info) {
            let a = MatMut::from_column_major_slice_mut(a, m, n);
            *info = factor(threads, a, pivots, &mut order).map_or(0, |zero| zero as i32 + 1);
            pivots.iter_mut().for_each(|pivot| *pivot += 1);
        }
    });
    Ok(())
}

/// `lu`: returns L and U of row-major matrices, the pivots, and the permutation that they amount to. Both count from zero.
/// The compiler would turn operands and results of [`getrf`] one element at a time.
pub(crate) fn lu<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
    let (from, to) = (call.operand::<T::Element>(0)?, call.result::<T::Element>(0)?);
    let (pivots, rows) = (call.result::<i32>(1)?.elements, call.result::<i32>(2)?.elements);
    let ([m, n], count) = (matrix(from.dims)?, batch(from.dims));
    let k = m.min(n);
    if to.elements.len() != from.elements.len() || pivots.len() != count * k || rows.len() != count * m {
        return Err("the shapes do not match".to_owned());
    }
    if from.elements.is_empty() {
        rows.chunks_exact_mut(m.max(1)).for_each(|rows| permute(rows, &[]));
        return Ok(());
    }
    let (threads, some) = (call.threads(), at_a_time(m * n));
    let matrices =
        numbers::<T>(from.elements).chunks(some * m * n).zip(numbers_mut::<T>(to.elements).chunks_mut(some * m * n));
    let results = pivots.chunks_mut(some * k).zip(rows.chunks_mut(some * m));
    threads.for_each(matrices.zip(results), |((from, to), (pivots, rows))| {
        let (mut order, mut columns) = (Order::new(), vec![T::from_real(0.0); m * n]);
        let matrices = from.chunks_exact(m * n).zip(to.chunks_exact_mut(m * n));
        let results = pivots.chunks_exact_mut(k).zip(rows.chunks_exact_mut(m));
        for ((from, to), (pivots, rows)) in matrices.zip(results) {
            transpose(threads, from, n, &mut columns);
            let _ = factor(threads, MatMut::from_column_major_slice_mut(&mut columns, m, n), pivots, &mut order);
            transpose(threads, &columns, m, to);
            permute(rows, pivots);
        }
    });
    Ok(())
}

/// Sets the rows to those that exchanges bring to their places. A pivot that is not the number of a row exchanges nothing.
fn permute(rows: &mut [i32], pivots: &[i32]) {
    (0..).zip(rows.iter_mut()).for_each(|(i, row)| *row = i);
    for (i, pivot) in pivots.iter().enumerate() {
        if let Some(pivot) = usize::try_from(*pivot).ok().filter(|pivot| *pivot < rows.len()) {
            rows.swap(i, pivot);
        }
    }
}

/// `pivots_to_permutation`: returns the permutation that the exchanges of rows amount to. Pivots and permutation count
/// from zero. Place i of the result has the number of the row that the exchanges bring there. A pivot that is not the
/// number of a row exchanges nothing, as in JAX on a GPU.
pub(crate) fn pivots_to_permutation(call: &mut Arrays<'_>) -> Result<(), String> {
    let (pivots, permutation) = (call.operand::<i32>(0)?, call.result::<i32>(0)?);
    let last = |dims: &[i64]| dims.last().and_then(|d| usize::try_from(*d).ok()).ok_or("an operand is a scalar");
    let (k, m) = (last(pivots.dims)?, last(permutation.dims)?);
    if m == 0 {
        return Ok(());
    }
    if k > m || pivots.elements.len() / k.max(1) != if k == 0 { 0 } else { permutation.elements.len() / m } {
        return Err("the shapes do not match".to_owned());
    }
    for (b, permutation) in permutation.elements.chunks_exact_mut(m).enumerate() {
        permute(permutation, &pivots.elements[b * k..(b + 1) * k]);
    }
    Ok(())
}

/// The number of columns that are factored one by one. Wider matrices are halved, so that most of the work is in matrix
/// products.
const PANEL: usize = 8;
/// The number of rows and columns up to which halving costs more than it saves.
const SMALL: usize = 24;

/// Overwrites A with its factors and sets the pivots, which count from zero. Returns the place of the first zero on the
/// diagonal of U (Toledo, "Locality of reference in LU decomposition with partial pivoting", 1997).
pub(crate) fn factor<T: Scalar>(
    threads: Threads<'_>,
    mut a: MatMut<'_, T>,
    pivots: &mut [i32],
    order: &mut Order<T>,
) -> Option<usize> {
    let (m, n) = (a.nrows(), a.ncols());
    let k = m.min(n);
    if k <= PANEL || m.max(n) <= SMALL {
        return factor_by_columns(a, pivots);
    }
    let half = (k / 2).next_multiple_of(PANEL);
    let (first, later) = pivots.split_at_mut(half);
    let (mut left, mut right) = a.rb_mut().split_at_col_mut(half);
    let zero = factor(threads, left.rb_mut(), first, order);
    exchange(right.rb_mut(), first);
    let (mut top, mut bottom) = right.split_at_row_mut(half);
    let (corner, mut below) = left.split_at_row_mut(half);
    System { a: corner.rb(), conjugated: false, lower: true, unit: true }.solve(threads, top.rb_mut(), order);
    matmul(threads, bottom.rb_mut(), Accum::Add, below.rb(), top.rb(), -T::from_real(1.0));
    let later_zero = factor(threads, bottom, later, order);
    exchange(below.rb_mut(), later);
    let by = half as i32;
    later.iter_mut().for_each(|pivot| *pivot += by);
    zero.or(later_zero.map(|zero| zero + half))
}

/// Exchanges row i with the row that pivot i names, one pair after the other.
fn exchange<T: Scalar>(mut a: MatMut<'_, T>, pivots: &[i32]) {
    for j in 0..a.ncols() {
        let column = column(a.rb_mut(), j);
        for (i, pivot) in pivots.iter().enumerate() {
            column.swap(i, *pivot as usize);
        }
    }
}
vectorized! {
/// [`factor`] by eliminating one column after the other.
fn factor_by_columns<'a, T: Scalar>(a: MatMut<'a, T>, pivots: &'a mut [i32]) -> Option<usize> {
    let mut a = a;
    let (n, mut zero) = (a.ncols(), None);
    for (j, pivot) in pivots.iter_mut().enumerate() {
        let row = j + greatest(&column(a.rb_mut(), j)[j..]);
        *pivot = row as i32;
        if row != j {
            (0..n).for_each(|c| column(a.rb_mut(), c).swap(j, row));
        }
        let (mut left, mut right) = a.rb_mut().split_at_col_mut(j + 1);
        let (head, factors) = column(left.rb_mut(), j)[j..].split_at_mut(1);
        if head[0] == T::from_real(0.0) {
            // All elements below are zero as well.
            zero = zero.or(Some(j));
            continue;
        }
        if head[0].is_moderate() {
            let inverse = T::from_real(1.0).over(head[0]);
            factors.iter_mut().for_each(|x| *x *= inverse);
        } else {
            factors.iter_mut().for_each(|x| *x = x.over(head[0]));
        }
        for c in 0..n - j - 1 {
            let (top, rest) = column(right.rb_mut(), c)[j..].split_at_mut(1);
            rest.iter_mut().zip(&*factors).for_each(|(x, factor)| *x -= *factor * top[0]);
        }
    }
    zero
}
}

/// Returns the place of the first element of greatest magnitude, |Re x| + |Im x| as in LAPACK.
#[inline(always)]
fn greatest<T: Scalar>(column: &[T]) -> usize {
    const LANES: usize = 16;
    let (chunks, rest) = column.as_chunks::<LANES>();
    if chunks.len() < 2 {
        let (mut place, mut most) = (0, column[0].magnitude());
        for (i, x) in column.iter().enumerate().skip(1) {
            if x.magnitude() > most {
                (place, most) = (i, x.magnitude());
            }
        }
        return place;
    }
    let larger = |x: T::Magnitude, y: T::Magnitude| if y > x { y } else { x };
    let mut lanes = [column[0].magnitude(); LANES];
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(most, x)| *most = larger(*most, x.magnitude()));
    }
    let most = lanes.into_iter().chain(rest.iter().map(|x| x.magnitude())).fold(lanes[0], larger);
    // The chunk is found by comparisons of vectors.
    let holds = |chunk: &[T; LANES]| chunk.iter().fold(false, |any, x| any | (x.magnitude() == most));
    let skipped = chunks.iter().position(holds).unwrap_or(chunks.len()) * LANES;
    column[skipped..].iter().position(|x| x.magnitude() == most).map_or(0, |i| skipped + i)
}
