//! Singular values and vectors of upper bidiagonal matrices.

use std::sync::atomic::{AtomicBool, Ordering};

use faer::MatMut;
use faer::reborrow::ReborrowMut;
use xla::Threads;

use super::iterate::iterate;
use super::tridiagonal::turn;
use super::{Deflation, Grouped, Rows, Scratch, Secular, ascending, merged, normalize, secular};
use crate::column;
use crate::eigen::Real;

/// The number of rows up to which the vectors are found by iteration.
const SMALL: usize = 16;

/// Computes the singular values, in descending order, of the matrix with the diagonal d and the elements e beside it, and
/// its singular vectors. `u` and `v` have n columns at least. Returns whether the iteration converged.
pub(crate) fn singular_vectors<R: Real>(
    threads: Threads<'_>,
    d: &mut [R],
    e: &[R],
    mut u: MatMut<'_, R>,
    mut v: MatMut<'_, R>,
) -> bool {
    let n = d.len();
    let size = memory(n);
    let square = || vec![R::ZERO; size];
    let (mut gaps, mut right, mut left, mut copies) = (vec![0.0; size], square(), square(), square());
    let scratch = Scratch { gaps: &mut gaps, right: &mut right, left: &mut left, copies: &mut copies };
    let (mut us, mut vs) = (vec![R::ZERO; n * n], vec![R::ZERO; (n + 1) * (n + 1)]);
    let u_of = MatMut::from_column_major_slice_mut(&mut us, n, n);
    let v_of = MatMut::from_column_major_slice_mut(&mut vs, n + 1, n + 1);
    let Some(order) = values(threads, d, e, u_of, v_of, scratch) else { return false };
    for (j, place) in order.into_iter().enumerate() {
        column(u.rb_mut(), j)[..n].copy_from_slice(&us[place * n..][..n]);
        column(v.rb_mut(), j)[..n].copy_from_slice(&vs[place * (n + 1)..][..n]);
    }
    true
}

/// Returns the size of the memory that merging needs.
fn memory(n: usize) -> usize {
    if n <= SMALL { 0 } else { (n + 1) * (n + 1) }
}

/// Computes the singular values, in descending order, of the matrix with the diagonal d and the elements e beside it.
/// Returns whether the iteration converged.
pub(crate) fn singular_values<R: Real>(threads: Threads<'_>, d: &mut [R], e: &[R]) -> bool {
    let n = d.len();
    let (mut gaps, mut right) = (vec![0.0; memory(n)], vec![R::ZERO; memory(n)]);
    let mut copies = vec![R::ZERO; 2 * (n + 1)];
    let scratch = Scratch { gaps: &mut gaps, right: &mut right, left: &mut [], copies: &mut copies };
    let mut ends = vec![R::ZERO; 2 * (n + 1)];
    let none = MatMut::from_column_major_slice_mut(&mut [], 0, n);
    values(threads, d, e, none, MatMut::from_column_major_slice_mut(&mut ends, 2, n + 1), scratch).is_some()
}

/// Overwrites d with the singular values in descending order. Returns the columns of their vectors, unless the
/// iteration does not converge.
fn values<R: Real>(
    threads: Threads<'_>,
    d: &mut [R],
    e: &[R],
    u: MatMut<'_, R>,
    v: MatMut<'_, R>,
    scratch: Scratch<'_, R>,
) -> Option<Vec<usize>> {
    let n = d.len();
    let mut values: Vec<f64> = d.iter().map(|x| x.split()[0]).collect();
    // One more column, which is zero.
    let mut e: Vec<f64> = e.iter().map(|x| x.split()[0]).take(n - 1).chain([0.0]).collect();
    let scale = normalize(&mut values, &mut e);
    let mut order = vec![0; n];
    if !divide(threads, &mut values, &e, &mut order, u, v, scratch) {
        return None;
    }
    order.reverse();
    d.iter_mut().zip(&order).for_each(|(d, place)| *d = R::nearest([values[*place] * scale, 0.0]));
    Some(order)
}

/// Decomposes the n × (n + 1) matrix with the diagonal d and the elements e beside it. Overwrites d with the singular
/// values, and u and v, which are zero, with the singular vectors. The last column of v has no singular value. `order`
/// sorts the values. If u has no rows, v has two: the first and the last row of the vectors.
/// Returns whether the iteration converged.
fn divide<R: Real>(
    threads: Threads<'_>,
    d: &mut [f64],
    e: &[f64],
    order: &mut [usize],
    mut u: MatMut<'_, R>,
    mut v: MatMut<'_, R>,
    mut scratch: Scratch<'_, R>,
) -> bool {
    let n = d.len();
    let whole = u.nrows() > 0;
    if n <= SMALL {
        let mut e: [f64; SMALL] = std::array::from_fn(|i| e.get(i).copied().unwrap_or(0.0));
        (0..u.nrows()).for_each(|i| u[(i, i)] = R::ONE);
        match whole {
            true => (0..=n).for_each(|i| v[(i, i)] = R::ONE),
            false => (v[(0, 0)], v[(1, n)]) = (R::ONE, R::ONE),
        }
        let done = iterate(d, &mut e[..n], u, v);
        order.copy_from_slice(&ascending(d));
        return done;
    }
    let half = n / 2;
    let (alpha, beta) = (d[half], e[half]);
    let done = AtomicBool::new(true);
    {
        let (d, last_d) = d.split_at_mut(half);
        let (order, last_order) = order.split_at_mut(half);
        let (first_u, _, _, last_u) = u.rb_mut().split_at_mut(if whole { half } else { 0 }, half);
        let last_u = last_u.split_at_mut(usize::from(whole), 1).3;
        let (first_v, last_v) = v.rb_mut().split_at_col_mut(half + 1);
        let (first_v, last_v) = match whole {
            true => (first_v.split_at_row_mut(half + 1).0, last_v.split_at_row_mut(half + 1).1),
            false => (first_v, last_v),
        };
        let [first, last] = scratch.split((half + 1) * (half + 1), first_v.nrows() * (half + 1));
        let halves = [
            (d, &e[..half], order, first_u, first_v, first),
            (&mut last_d[1..], &e[half + 1..], &mut last_order[1..], last_u, last_v, last),
        ];
        threads.for_each(halves.into_iter(), |(d, e, order, u, v, scratch)| {
            done.fetch_and(divide(threads, d, e, order, u, v, scratch), Ordering::Relaxed);
        });
    }
    merge(threads, half, [alpha, beta], d, order, u, v, scratch);
    done.into_inner()
}

/// Returns what couples nothing, relative to the largest number. What is deflated is an error of the result. Elements of
/// vectors of 64 bits have an error of this size themselves, and for others the numbers here are more precise.
fn tolerance<R: Real>() -> f64 {
    (0.25 * R::EPSILON.split()[0]).max(f64::EPSILON)
}

/// Merges the decompositions of the rows before and after row `half`, which has the elements `row`.
#[allow(clippy::too_many_arguments)]
fn merge<R: Real>(
    threads: Threads<'_>,
    half: usize,
    [alpha, beta]: [f64; 2],
    d: &mut [f64],
    order: &mut [usize],
    mut u: MatMut<'_, R>,
    mut v: MatMut<'_, R>,
    scratch: Scratch<'_, R>,
) {
    let (n, whole) = (d.len(), u.nrows() > 0);
    // The last row of the first half, and the first row of the second one.
    let (last, first) = if whole { (half, half + 1) } else { (1, 0) };
    // The coupling row in terms of the vectors on the right. Its place among the columns is `half`.
    let mut z: Vec<f64> = (0..n)
        .map(|j| match j.cmp(&half) {
            std::cmp::Ordering::Less => alpha * v[(last, j)].split()[0],
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => beta * v[(first, j)].split()[0],
        })
        .collect();
    let (x, y) = (alpha * v[(last, half)].split()[0], beta * v[(first, n)].split()[0]);
    let length = x.hypot(y);
    let (c, s) = if length > 0.0 { (x / length, y / length) } else { (1.0, 0.0) };
    d[half] = 0.0;
    if whole {
        u[(half, half)] = R::ONE;
    } else {
        (0..=n).for_each(|j| v[(usize::from(j <= half), j)] = R::ZERO);
    }
    turn(v.rb_mut(), half, n, c, s);
    let largest = d.iter().chain(&[alpha, beta]).fold(0.0f64, |largest, x| largest.max(x.abs()));
    let tolerance = tolerance::<R>() * largest;
    z[half] = if length <= tolerance { tolerance } else { length };
    let mut rows: Vec<Rows> = (0..n).map(|j| if j < half { Rows::Top } else { Rows::Bottom }).collect();
    rows[half] = Rows::Both;
    let mut columns = Deflation { kept: vec![half], ..Deflation::default() };
    let others: Vec<usize> = order[half + 1..].iter().map(|place| place + 1).collect();
    let sorted = merged(d, &order[..half], &others, half);
    columns.add(
        sorted,
        &mut z,
        &mut rows,
        |z| z.abs() <= tolerance,
        |i, j, (c, s)| {
            let close = d[j] - d[i] <= tolerance;
            if close {
                turn(u.rb_mut(), i, j, c, s);
                turn(v.rb_mut(), i, j, c, s);
            }
            close
        },
    );
    let Deflation { kept, deflated } = columns;
    let k = kept.len();
    let mut poles: Vec<f64> = kept.iter().map(|j| d[*j]).collect();
    if k > 1 {
        poles[1] = poles[1].max(0.5 * tolerance);
    }
    let mut z: Vec<f64> = kept.iter().map(|j| z[*j]).collect();
    let weights: Vec<f64> = z.iter().map(|z| z * z).collect();
    let mut roots = vec![0.0; k];
    if tolerance > 0.0 {
        let gaps = &mut scratch.gaps[..k * k];
        let equation = Secular { poles: &poles, weights: &weights, inverse: 1.0, squared: true };
        equation.solve(threads, gaps, &mut roots, &mut z);
        let kinds: Vec<Rows> = kept.iter().map(|j| rows[*j]).collect();
        let groups = Grouped::new(&kinds);
        let right = &mut scratch.right[..k * k];
        let left = &mut scratch.left[..if whole { k * k } else { 0 }];
        secular::vectors(threads, gaps, &poles, &z, &groups.places, right, whole.then_some(&mut *left));
        // The row of the coupling is that of its vector on the left.
        let own = groups.places.iter().position(|place| *place == 0).unwrap_or(0);
        let split = if whole { half + 1 } else { 1 };
        replace(threads, v, right, [split, split], &groups, &kept, &deflated, &mut *scratch.copies);
        if whole {
            replace(threads, u.rb_mut(), left, [half, half + 1], &groups, &kept, &deflated, &mut *scratch.copies);
            for j in 0..n {
                u[(half, j)] = if j < k { left[j * k + own] } else { R::ZERO };
            }
        }
    }
    let values: Vec<f64> = roots.into_iter().chain(deflated.iter().map(|j| d[*j])).collect();
    d.copy_from_slice(&values);
    order.copy_from_slice(&ascending(d));
}

/// Overwrites the columns that were kept with their products with vectors of the coupled matrix, in the rows before and
/// from two places on, and moves those that were deflated behind them.
#[allow(clippy::too_many_arguments)]
fn replace<R: Real>(
    threads: Threads<'_>,
    mut q: MatMut<'_, R>,
    vectors: &[R],
    [above, below]: [usize; 2],
    groups: &Grouped,
    kept: &[usize],
    deflated: &[usize],
    copies: &mut [R],
) {
    let (rows, k, (top, first)) = (q.nrows(), kept.len(), groups.halves());
    let (upper, rest) = copies.split_at_mut(above * top);
    let (lower, rest) = rest.split_at_mut((rows - below) * (k - first));
    for (i, place) in groups.places.iter().enumerate() {
        let from = &*column(q.rb_mut(), kept[*place]);
        if i < top {
            upper[i * above..][..above].copy_from_slice(&from[..above]);
        }
        if i >= first {
            lower[(i - first) * (rows - below)..][..rows - below].copy_from_slice(&from[below..]);
        }
    }
    for (to, j) in rest.chunks_exact_mut(rows).zip(deflated) {
        to.copy_from_slice(column(q.rb_mut(), *j));
    }
    for (i, from) in rest.chunks_exact(rows).take(deflated.len()).enumerate() {
        column(q.rb_mut(), k + i).copy_from_slice(from);
    }
    let (over, under) = q.subcols_mut(0, k).split_at_row_mut(above);
    let under = under.split_at_row_mut(below - above).1;
    groups.multiply(threads, over, upper, 0, vectors);
    groups.multiply(threads, under, lower, first, vectors);
}
