//! Eigenvalues and eigenvectors of symmetric tridiagonal matrices.

use std::sync::atomic::{AtomicBool, Ordering};

use faer::MatMut;
use faer::reborrow::ReborrowMut;
use xla::Threads;

use super::{Deflation, Grouped, Rows, Scratch, Secular, ascending, merged, normalize, secular};
use crate::column;
use crate::eigen::{Real, iterate, rotate};

/// The number of rows up to which the vectors are found by iteration.
const SMALL: usize = 32;

/// Computes the eigenvalues, in ascending order, of the matrix with this diagonal and off-diagonal, and its eigenvectors.
/// Returns whether the iteration converged.
pub(crate) fn eigenvectors<R: Real>(threads: Threads<'_>, d: &mut [R], e: &[R], vectors: &mut [R]) -> bool {
    let n = d.len();
    let mut values: Vec<f64> = d.iter().map(|x| x.split()[0]).collect();
    let mut e: Vec<f64> = e.iter().take(n - 1).map(|x| x.split()[0]).collect();
    let scale = normalize(&mut values, &mut e);
    let (mut order, mut q) = (vec![0; n], vec![R::ZERO; n * n]);
    let (mut gaps, mut right, mut copies) = (vec![0.0; n * n], vec![R::ZERO; n * n], vec![R::ZERO; n * n]);
    let scratch = Scratch { gaps: &mut gaps, right: &mut right, left: &mut [], copies: &mut copies };
    let q_of = MatMut::from_column_major_slice_mut(&mut q, n, n);
    if !divide(threads, &mut values, &e, &mut order, q_of, scratch) {
        return false;
    }
    for ((place, d), to) in order.into_iter().zip(d).zip(vectors.chunks_exact_mut(n)) {
        *d = R::nearest([values[place] * scale, 0.0]);
        to.copy_from_slice(&q[place * n..][..n]);
    }
    true
}

/// Overwrites d with the eigenvalues, and q, which is zero, with the eigenvectors. `order` sorts them.
fn divide<R: Real>(
    threads: Threads<'_>,
    d: &mut [f64],
    e: &[f64],
    order: &mut [usize],
    mut q: MatMut<'_, R>,
    mut scratch: Scratch<'_, R>,
) -> bool {
    let n = d.len();
    if n <= SMALL {
        let (mut values, mut z) = ([R::ZERO; SMALL], vec![R::ZERO; n * n]);
        let mut off = [R::ZERO; SMALL];
        values.iter_mut().zip(&*d).for_each(|(to, x)| *to = R::nearest([*x, 0.0]));
        off.iter_mut().zip(&e[..n - 1]).for_each(|(to, x)| *to = R::nearest([*x, 0.0]));
        (0..n).for_each(|i| z[i * n + i] = R::ONE);
        let done = small(&mut values[..n], &mut off[..n], &mut z);
        (0..n).for_each(|j| column(q.rb_mut(), j).copy_from_slice(&z[j * n..][..n]));
        d.iter_mut().zip(&values).for_each(|(d, x)| *d = x.split()[0]);
        order.iter_mut().enumerate().for_each(|(i, order)| *order = i);
        return done;
    }
    let half = n / 2;
    let coupling = e[half - 1];
    d[half - 1] -= coupling.abs();
    d[half] -= coupling.abs();
    let done = AtomicBool::new(true);
    {
        let ((d, last_d), (order, last_order)) = (d.split_at_mut(half), order.split_at_mut(half));
        let (q, _, _, last_q) = q.rb_mut().split_at_mut(half, half);
        let [first, last] = scratch.split(half * half, half * half);
        let halves = [(d, &e[..half - 1], order, q, first), (last_d, &e[half..], last_order, last_q, last)];
        threads.for_each(halves.into_iter(), |(d, e, order, q, scratch)| {
            done.fetch_and(divide(threads, d, e, order, q, scratch), Ordering::Relaxed);
        });
    }
    merge(threads, half, coupling, d, order, q, scratch);
    done.into_inner()
}

vectorized! {
fn small<'a, R: Real>(d: &'a mut [R], e: &'a mut [R], z: &'a mut [R]) -> bool {
    iterate(d, e, Some(z))
}
}

/// Merges the decompositions of both halves.
fn merge<R: Real>(
    threads: Threads<'_>,
    half: usize,
    coupling: f64,
    d: &mut [f64],
    order: &mut [usize],
    mut q: MatMut<'_, R>,
    scratch: Scratch<'_, R>,
) {
    let n = d.len();
    let (root, sign) = (0.5f64.sqrt(), 1.0f64.copysign(coupling));
    let mut z: Vec<f64> = (0..n)
        .map(|j| match j < half {
            true => root * q[(half - 1, j)].split()[0],
            false => sign * root * q[(half, j)].split()[0],
        })
        .collect();
    let rho = 2.0 * coupling.abs();
    let largest = d.iter().chain(&z).fold(0.0f64, |largest, x| largest.max(x.abs()));
    let tolerance = 4.0 * R::EPSILON.split()[0] * largest;
    let mut rows: Vec<Rows> = (0..n).map(|j| if j < half { Rows::Top } else { Rows::Bottom }).collect();
    let mut columns = Deflation::default();
    let sorted = merged(d, &order[..half], &order[half..], half);
    columns.add(
        sorted,
        &mut z,
        &mut rows,
        |z| rho * z.abs() <= tolerance,
        |i, j, (c, s)| {
            let close = ((d[j] - d[i]) * c * s).abs() <= tolerance;
            if close {
                turn(q.rb_mut(), i, j, c, s);
                (d[i], d[j]) = (d[i] * c * c + d[j] * s * s, d[i] * s * s + d[j] * c * c);
            }
            close
        },
    );
    let Deflation { kept, deflated } = columns;
    let k = kept.len();
    if k > 0 {
        let poles: Vec<f64> = kept.iter().map(|j| d[*j]).collect();
        let mut z: Vec<f64> = kept.iter().map(|j| z[*j]).collect();
        let weights: Vec<f64> = z.iter().map(|z| z * z).collect();
        let mut roots = vec![0.0; k];
        let gaps = &mut scratch.gaps[..k * k];
        let equation = Secular { poles: &poles, weights: &weights, inverse: 1.0 / rho, squared: false };
        equation.solve(threads, gaps, &mut roots, &mut z);
        let kinds: Vec<Rows> = kept.iter().map(|j| rows[*j]).collect();
        let groups = Grouped::new(&kinds);
        let vectors = &mut scratch.right[..k * k];
        secular::vectors(threads, gaps, &poles, &z, &groups.places, vectors, None);
        let (top, first) = groups.halves();
        let (above, rest) = scratch.copies.split_at_mut(half * top);
        let (below, rest) = rest.split_at_mut((n - half) * (k - first));
        for (to, place) in above.chunks_exact_mut(half).zip(&groups.places) {
            to.copy_from_slice(&column(q.rb_mut(), kept[*place])[..half]);
        }
        for (to, place) in below.chunks_exact_mut(n - half).zip(&groups.places[first..]) {
            to.copy_from_slice(&column(q.rb_mut(), kept[*place])[half..]);
        }
        for (to, j) in rest.chunks_exact_mut(n).zip(&deflated) {
            to.copy_from_slice(column(q.rb_mut(), *j));
        }
        let values: Vec<f64> = roots.into_iter().chain(deflated.iter().map(|j| d[*j])).collect();
        d.copy_from_slice(&values);
        for (j, from) in rest.chunks_exact(n).take(n - k).enumerate() {
            column(q.rb_mut(), k + j).copy_from_slice(from);
        }
        let (over, under) = q.subcols_mut(0, k).split_at_row_mut(half);
        groups.multiply(threads, over, above, 0, vectors);
        groups.multiply(threads, under, below, first, vectors);
    }
    order.copy_from_slice(&ascending(d));
}

/// Rotates two columns.
#[inline(always)]
pub(super) fn turn<R: Real>(q: MatMut<'_, R>, i: usize, j: usize, c: f64, s: f64) {
    let (first, second) = (i.min(j), i.max(j));
    let (left, right) = q.split_at_col_mut(second);
    let (x, y) = (column(left, first), column(right, 0));
    let [c, s] = [c, s].map(|x| R::nearest([x, 0.0]));
    if i < j { rotate(x, y, c, s) } else { rotate(y, x, c, s) }
}
