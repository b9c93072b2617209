//! The reduction of matrices to bidiagonal form, and the singular value decomposition by it.
//!
//! Reflections on both sides make the matrix bidiagonal and real (Golub and Kahan, "Calculating the singular values and
//! pseudo-inverse of a matrix", 1965).

use faer::MatMut;
use faer::reborrow::{Reborrow, ReborrowMut};
use faer::{Mat, MatRef};
use xla::Threads;

use crate::divide::{singular_values, singular_vectors};
use crate::eigen::Number;
use crate::householder::{Side, factor, multiply};
use crate::product::{part, parts};
use crate::{column, eigen};

/// Overwrites a matrix with at least as many rows as columns. Computes the singular values in descending order, the left
/// singular vectors, as many as `u` has columns, and the right ones. Returns whether the iteration converged.
pub(crate) fn decompose<T: Number>(
    threads: Threads<'_>,
    mut a: MatMut<'_, T>,
    values: &mut [T::R],
    mut u: MatMut<'_, T>,
    v: MatMut<'_, T>,
) -> bool {
    let (m, n) = (a.nrows(), a.ncols());
    // The triangular factor of a tall matrix takes less work (Chan, "An improved algorithm for computing the singular
    // value decomposition", 1982).
    if m >= 2 * n {
        let mut tau = vec![T::ZERO; n];
        factor(threads, a.rb_mut(), &mut tau);
        let mut r = Mat::from_fn(n, n, |i, j| if i <= j { a[(i, j)] } else { T::ZERO });
        let mut small = Mat::<T>::zeros(n, n);
        let done = decompose(threads, r.as_mut(), values, small.as_mut(), v);
        extend(u.rb_mut(), small.as_ref());
        multiply(threads, a.rb(), &tau, Side::Left, false, u);
        return done;
    }
    let reduced = reduce(threads, a.rb_mut());
    values.copy_from_slice(&reduced.diagonal);
    let (mut left, mut right) = (Mat::<T::R>::zeros(n, n), Mat::<T::R>::zeros(n, n));
    if !singular_vectors(threads, values, &reduced.beside, left.as_mut(), right.as_mut()) {
        return false;
    }
    let of = |x: MatRef<'_, T::R>| Mat::from_fn(n, n, |i, j| T::of(x[(i, j)]));
    extend(u.rb_mut(), of(left.as_ref()).as_ref());
    let mut v = v;
    extend(v.rb_mut(), of(right.as_ref()).as_ref());
    multiply(threads, a.rb(), &reduced.left, Side::Left, false, u);
    if n > 1 {
        let below = v.split_at_row_mut(1).1;
        multiply(threads, reduced.rights.as_ref(), &reduced.right, Side::Left, false, below);
    }
    true
}

/// Overwrites a matrix with at least as many rows as columns. Computes the singular values in descending order.
/// Returns whether the iteration converged.
pub(crate) fn values<T: Number>(threads: Threads<'_>, mut a: MatMut<'_, T>, values: &mut [T::R]) -> bool {
    let (m, n) = (a.nrows(), a.ncols());
    let reduced = if m >= 2 * n {
        let mut tau = vec![T::ZERO; n];
        factor(threads, a.rb_mut(), &mut tau);
        reduce(threads, Mat::from_fn(n, n, |i, j| if i <= j { a[(i, j)] } else { T::ZERO }).as_mut())
    } else {
        reduce(threads, a)
    };
    values.copy_from_slice(&reduced.diagonal);
    singular_values(threads, values, &reduced.beside)
}

/// Sets a matrix to a smaller one in the corner of the identity.
fn extend<T: Number>(mut to: MatMut<'_, T>, corner: MatRef<'_, T>) {
    let n = corner.ncols();
    for j in 0..to.ncols() {
        let to = column(to.rb_mut(), j);
        to.fill(T::ZERO);
        match j < n {
            true => to.iter_mut().take(n).enumerate().for_each(|(i, to)| *to = corner[(i, j)]),
            false => to[j] = T::ONE,
        }
    }
}

/// A real bidiagonal matrix, and the reflections that lead to it. Those from the left are below the diagonal of the
/// matrix that was reduced.
struct Reduced<T: Number> {
    diagonal: Vec<T::R>,
    beside: Vec<T::R>,
    left: Vec<T>,
    right: Vec<T>,
    /// The reflections from the right, below the diagonal.
    rights: Mat<T>,
}

/// Reduces a matrix to bidiagonal form (LAPACK's `gebd2`).
fn reduce<T: Number>(threads: Threads<'_>, mut a: MatMut<'_, T>) -> Reduced<T> {
    let (m, n) = (a.nrows(), a.ncols());
    let others = n.saturating_sub(1);
    let mut reduced = Reduced {
        diagonal: vec![T::R::ZERO; n],
        beside: vec![T::R::ZERO; others],
        left: vec![T::ZERO; n],
        right: vec![T::ZERO; others],
        rights: Mat::zeros(others, others),
    };
    let mut product = vec![T::ZERO; m];
    for k in 0..n {
        step(threads, a.rb_mut(), k, &mut reduced, &mut product);
    }
    reduced
}

/// Returns how many of the rows or columns a thread passes over at a time, where each has so many elements. A part has 2 MiB
/// at least: a pass over less takes no longer than another thread takes to wake up.
fn passed<T>(count: usize, elements: usize) -> usize {
    part(count, elements * size_of::<T>() / 2)
}

/// Eliminates column k and row k. The matrix still lacks the reflection of row k − 1, which is applied in the same pass
/// over memory as that of column k. `product` has the product of the matrix and the vector of that reflection.
fn step<T: Number>(threads: Threads<'_>, mut a: MatMut<'_, T>, k: usize, reduced: &mut Reduced<T>, product: &mut [T]) {
    let n = a.ncols();
    let (mut done, mut rest) = a.rb_mut().split_at_col_mut(k + 1);
    let head = &mut column(done.rb_mut(), k)[k..];
    // The product of column k − 1 + j of the last reflection's vector, whose first element is one.
    let (before, others) = reduced.rights.as_mut().split_at_col_mut(k.min(n - 1));
    let last = match k {
        0 => None,
        k => Some((reduced.right[k - 1], &*column(before, k - 1))).filter(|(tau, _)| *tau != T::ZERO),
    };
    if let Some((tau, v)) = last {
        eigen::add(head, -(tau * v[k - 1].conjugate()), &product[k..]);
    }
    let (first, tail) = head.split_at_mut(1);
    let (beta, tau) = eigen::reflection(first[0], tail);
    (reduced.diagonal[k], reduced.left[k]) = (beta, tau);
    first[0] = T::ONE;
    if k + 1 == n {
        return;
    }
    let (head, rows) = (&*head, head.len());
    let columns = passed::<T>(n - k - 1, rows);
    threads.for_each(parts(rest.rb_mut(), columns).into_iter().enumerate(), |(i, rest)| {
        let pending = last.map(|(tau, v)| (tau, &v[k + i * columns..], &product[k..]));
        reflect_columns(rest, k, head, tau, pending);
    });
    let v = &mut column(others, 0)[k..];
    v.iter_mut().enumerate().for_each(|(c, v)| *v = rest[(k, c)].conjugate());
    let (first, tail) = v.split_at_mut(1);
    let (beta, tau) = eigen::reflection(first[0], tail);
    first[0] = T::ONE;
    (reduced.beside[k], reduced.right[k]) = (beta, tau);
    let product = &mut product[k + 1..];
    if tau != T::ZERO && !product.is_empty() {
        let (v, rest) = (&*v, rest.rb().subrows(k + 1, product.len()));
        let rows = passed::<T>(product.len(), rest.ncols());
        threads.for_each(product.chunks_mut(rows).enumerate(), |(i, product)| {
            multiply_vector(rest.subrows(i * rows, product.len()), v, product);
        });
    }
}

vectorized! {
/// Applies the last reflection of a row to the rows of some columns from k on, if it is pending, with the product of the
/// matrix and its vector, and the reflection with the vector `head`.
fn reflect_columns<'a, T: Number>(
    rest: MatMut<'a, T>,
    k: usize,
    head: &'a [T],
    tau: T,
    pending: Option<(T, &'a [T], &'a [T])>,
) {
    let mut rest = rest;
    for c in 0..rest.ncols() {
        let x = &mut column(rest.rb_mut(), c)[k..];
        if let Some((tau, v, product)) = pending {
            eigen::add(x, -(tau * v[c].conjugate()), product);
        }
        if tau != T::ZERO {
            let sum = eigen::dot(head, x);
            eigen::add(x, -(tau.conjugate() * sum), head);
        }
    }
}
}

vectorized! {
/// Computes the product of a matrix and a vector.
fn multiply_vector<'a, T: Number>(a: MatRef<'a, T>, v: &'a [T], product: &'a mut [T]) {
    let at = |j: usize| match a.col(j).try_as_col_major() {
        Some(column) => column.as_slice(),
        None => unreachable!("the matrix is column-major"),
    };
    product.fill(T::ZERO);
    // Four columns at a time, so that the sums are read and written less often.
    let mut c = 0;
    while c + 4 <= v.len() {
        let [x, y, z, w] = [c, c + 1, c + 2, c + 3].map(at);
        for ((((sum, x), y), z), w) in product.iter_mut().zip(x).zip(y).zip(z).zip(w) {
            *sum += (*x * v[c] + *y * v[c + 1]) + (*z * v[c + 2] + *w * v[c + 3]);
        }
        c += 4;
    }
    (c..v.len()).for_each(|c| eigen::add(product, v[c], at(c)));
}
}
