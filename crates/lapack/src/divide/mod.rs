//! Divide and conquer (Gu and Eisenstat, "A divide-and-conquer algorithm for the symmetric tridiagonal eigenproblem",
//! 1995, and "… for the bidiagonal SVD", 1995; LAPACK's `laed` and `lasd`).
//!
//! A matrix is divided into two halves and a rank-one coupling. What couples nothing in the precision of the vectors is
//! deflated. The rest has the vectors of a diagonal matrix with a rank-one change, and products of matrices bring them
//! to the rows of the halves. Numbers are in 64 bits, and vectors have the type of the caller's matrix. Work is divided
//! by sizes only, so that results do not depend on the number of threads.

mod bidiagonal;
mod iterate;
mod secular;
mod tridiagonal;

pub(crate) use bidiagonal::{singular_values, singular_vectors};
pub(crate) use tridiagonal::eigenvectors;

use faer::{Accum, MatMut, MatRef};
use xla::Threads;

use crate::product::matmul;
use crate::scalar::Scalar;
use secular::Secular;

/// The rows in which a column of the halves' vectors is not zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rows {
    Top,
    Both,
    Bottom,
}

/// Memory for merging two halves of a matrix with n columns: n² numbers of each kind, and as many copies as the vectors
/// have elements.
struct Scratch<'a, R> {
    gaps: &'a mut [f64],
    right: &'a mut [R],
    left: &'a mut [R],
    copies: &'a mut [R],
}

impl<R> Scratch<'_, R> {
    /// Splits the memory after `first` numbers of each kind, and `copies` of the copies.
    fn split(&mut self, first: usize, copies: usize) -> [Scratch<'_, R>; 2] {
        let (gaps, last_gaps) = self.gaps.split_at_mut(first);
        let (right, last_right) = self.right.split_at_mut(first);
        let (left, last_left) = self.left.split_at_mut(first.min(self.left.len()));
        let (copies, last_copies) = self.copies.split_at_mut(copies);
        [
            Scratch { gaps, right, left, copies },
            Scratch { gaps: last_gaps, right: last_right, left: last_left, copies: last_copies },
        ]
    }
}

/// The columns that are left after deflation, in the order of their rows.
struct Grouped {
    /// Their places among the poles.
    places: Vec<usize>,
    top: usize,
    both: usize,
}

impl Grouped {
    fn new(rows: &[Rows]) -> Grouped {
        let mut places: Vec<usize> = (0..rows.len()).collect();
        places.sort_by_key(|place| rows[*place]);
        let count = |kind| rows.iter().filter(|rows| **rows == kind).count();
        Grouped { places, top: count(Rows::Top), both: count(Rows::Both) }
    }

    /// Returns the number of columns with rows in the first half, and the first of those with rows in the second half.
    fn halves(&self) -> (usize, usize) {
        (self.top + self.both, self.top)
    }

    /// Overwrites the columns of one half with the product of copies of them with vectors of the coupled matrix.
    fn multiply<R: Scalar>(&self, threads: Threads<'_>, to: MatMut<'_, R>, half: &[R], first: usize, vectors: &[R]) {
        let (rows, k) = (to.nrows(), self.places.len());
        let mut to = to;
        if half.is_empty() {
            return to.fill(R::from_real(0.0));
        }
        let half = MatRef::from_column_major_slice(half, rows, half.len() / rows);
        let vectors = MatRef::from_column_major_slice(vectors, k, k).subrows(first, half.ncols());
        matmul(threads, to, Accum::Replace, half, vectors, R::from_real(1.0));
    }
}

/// Divides numbers by a power of two, so that the largest one is near one. Returns that power.
fn normalize(x: &mut [f64], y: &mut [f64]) -> f64 {
    let largest = x.iter().chain(&*y).fold(0.0f64, |largest, x| largest.max(x.abs()));
    if largest == 0.0 {
        return 1.0;
    }
    let scale = largest.log2().floor().clamp(-1000.0, 1000.0).exp2();
    x.iter_mut().chain(y).for_each(|x| *x /= scale);
    scale
}

/// What the coupling of two halves leaves to be solved: the columns that are kept, in the order of their poles, and the
/// others.
#[derive(Default)]
struct Deflation {
    kept: Vec<usize>,
    deflated: Vec<usize>,
}

impl Deflation {
    /// Adds the columns of `order`, which sorts the poles. A column whose part in the coupling is `negligible` is
    /// deflated. `join` decides whether a column couples nothing beside the next one once a rotation has moved its part
    /// there, and then makes the rotation.
    fn add(
        &mut self,
        order: Vec<usize>,
        z: &mut [f64],
        rows: &mut [Rows],
        negligible: impl Fn(f64) -> bool,
        mut join: impl FnMut(usize, usize, (f64, f64)) -> bool,
    ) {
        let mut previous: Option<usize> = None;
        for j in order {
            if negligible(z[j]) {
                self.deflated.push(j);
                continue;
            }
            if let Some(i) = previous {
                let (c, s, length) = gather(z[i], z[j]);
                if join(i, j, (c, s)) {
                    (z[i], z[j]) = (0.0, length);
                    if rows[i] != rows[j] {
                        rows[j] = Rows::Both;
                    }
                    self.deflated.push(i);
                } else {
                    self.kept.push(i);
                }
            }
            previous = Some(j);
        }
        self.kept.extend(previous);
    }
}

/// Returns the order that sorts numbers.
fn ascending(x: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|i, j| x[*i].total_cmp(&x[*j]));
    order
}

/// Merges two ascending orders, of the numbers before `n1` and of those from it on.
fn merged(x: &[f64], first: &[usize], second: &[usize], start: usize) -> Vec<usize> {
    let (mut i, mut j) = (first.iter().copied().peekable(), second.iter().map(|place| place + start).peekable());
    let mut order = Vec::with_capacity(x.len());
    loop {
        let next = match (i.peek(), j.peek()) {
            (Some(a), Some(b)) if x[*a] <= x[*b] => i.next(),
            (Some(_), None) => i.next(),
            _ => j.next(),
        };
        match next {
            Some(place) => order.push(place),
            None => return order,
        }
    }
}

/// Returns the rotation that moves all of (z, next) into the second place, and the length.
fn gather(z: f64, next: f64) -> (f64, f64, f64) {
    let length = z.hypot(next);
    (next / length, -z / length, length)
}
