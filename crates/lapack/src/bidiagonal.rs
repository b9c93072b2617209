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
use crate::{column, eigen};

/// Overwrites a matrix with at least as many rows as columns. Computes the singular values in descending order, the left
/// singular vectors, as many as `u` has columns, and the right ones.
pub(crate) fn decompose<T: Number>(
    threads: Threads<'_>,
    mut a: MatMut<'_, T>,
    values: &mut [T::R],
    mut u: MatMut<'_, T>,
    v: MatMut<'_, T>,
) {
    let (m, n) = (a.nrows(), a.ncols());
    // The triangular factor of a tall matrix takes less work (Chan, "An improved algorithm for computing the singular
    // value decomposition", 1982).
    if m >= 2 * n {
        let mut tau = vec![T::ZERO; n];
        factor(threads, a.rb_mut(), &mut tau);
        let mut r = Mat::from_fn(n, n, |i, j| if i <= j { a[(i, j)] } else { T::ZERO });
        let mut small = Mat::<T>::zeros(n, n);
        decompose(threads, r.as_mut(), values, small.as_mut(), v);
        extend(u.rb_mut(), small.as_ref());
        return multiply(threads, a.rb(), &tau, Side::Left, false, u);
    }
    let reduced = reduce(a.rb_mut());
    values.copy_from_slice(&reduced.diagonal);
    let (mut left, mut right) = (Mat::<T::R>::zeros(n, n), Mat::<T::R>::zeros(n, n));
    singular_vectors(threads, values, &reduced.beside, left.as_mut(), right.as_mut());
    let of = |x: MatRef<'_, T::R>| Mat::from_fn(n, n, |i, j| T::of(x[(i, j)]));
    extend(u.rb_mut(), of(left.as_ref()).as_ref());
    let mut v = v;
    extend(v.rb_mut(), of(right.as_ref()).as_ref());
    multiply(threads, a.rb(), &reduced.left, Side::Left, false, u);
    if n > 1 {
        let below = v.split_at_row_mut(1).1;
        multiply(threads, reduced.rights.as_ref(), &reduced.right, Side::Left, false, below);
    }
}

/// Overwrites a matrix with at least as many rows as columns. Computes the singular values in descending order.
pub(crate) fn values<T: Number>(threads: Threads<'_>, mut a: MatMut<'_, T>, values: &mut [T::R]) {
    let (m, n) = (a.nrows(), a.ncols());
    let reduced = if m >= 2 * n {
        let mut tau = vec![T::ZERO; n];
        factor(threads, a.rb_mut(), &mut tau);
        reduce(Mat::from_fn(n, n, |i, j| if i <= j { a[(i, j)] } else { T::ZERO }).as_mut())
    } else {
        reduce(a)
    };
    values.copy_from_slice(&reduced.diagonal);
    singular_values(threads, values, &reduced.beside);
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
fn reduce<T: Number>(mut a: MatMut<'_, T>) -> Reduced<T> {
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
        step(a.rb_mut(), k, &mut reduced, &mut product);
    }
    reduced
}

vectorized! {
/// Eliminates column k and row k. The matrix still lacks the reflection of row k − 1, which is applied in the same pass
/// over memory as that of column k. `product` has the product of the matrix and the vector of that reflection.
fn step<'a, T: Number>(a: MatMut<'a, T>, k: usize, reduced: &'a mut Reduced<T>, product: &'a mut [T]) {
    let (n, mut a) = (a.ncols(), a);
    let (mut done, mut rest) = a.rb_mut().split_at_col_mut(k + 1);
    let head = &mut column(done.rb_mut(), k)[k..];
    let factor = |j: usize| match k {
        0 => T::ZERO,
        k => -(reduced.right[k - 1] * reduced.rights[(j - 1, k - 1)].conjugate()),
    };
    let pending = k > 0 && reduced.right[k - 1] != T::ZERO;
    // The first element of the vector is one.
    let factors: Vec<T> = match pending {
        true => (k..n).map(|j| if j == k { -reduced.right[k - 1] } else { factor(j) }).collect(),
        false => Vec::new(),
    };
    if pending {
        eigen::add(head, factors[0], &product[k..]);
    }
    let (first, tail) = head.split_at_mut(1);
    let (beta, tau) = eigen::reflection(first[0], tail);
    (reduced.diagonal[k], reduced.left[k]) = (beta, tau);
    first[0] = T::ONE;
    let head = &*head;
    let conjugate = tau.conjugate();
    for c in 0..n - k - 1 {
        let x = &mut column(rest.rb_mut(), c)[k..];
        if pending {
            eigen::add(x, factors[c + 1], &product[k..]);
        }
        if tau != T::ZERO {
            let sum = eigen::dot(head, x);
            eigen::add(x, -(conjugate * sum), head);
        }
    }
    if k + 1 == n {
        return;
    }
    let v = &mut column(reduced.rights.as_mut(), k)[k..];
    v.iter_mut().enumerate().for_each(|(c, v)| *v = rest[(k, c)].conjugate());
    let (first, tail) = v.split_at_mut(1);
    let (beta, tau) = eigen::reflection(first[0], tail);
    first[0] = T::ONE;
    (reduced.beside[k], reduced.right[k]) = (beta, tau);
    let product = &mut product[k + 1..];
    product.fill(T::ZERO);
    if tau == T::ZERO {
        return;
    }
    // Four columns at a time, so that the sums are read and written less often.
    let mut c = 0;
    while c + 4 <= v.len() {
        let factors = [v[c], v[c + 1], v[c + 2], v[c + 3]];
        let four = rest.rb_mut().subcols_mut(c, 4);
        let (x, others) = four.split_at_col_mut(1);
        let (y, others) = others.split_at_col_mut(1);
        let (z, w) = others.split_at_col_mut(1);
        let [x, y, z, w] = [x, y, z, w].map(|x| &column(x, 0)[k + 1..]);
        for ((((sum, x), y), z), w) in product.iter_mut().zip(x).zip(y).zip(z).zip(w) {
            *sum += (*x * factors[0] + *y * factors[1]) + (*z * factors[2] + *w * factors[3]);
        }
        c += 4;
    }
    for c in c..v.len() {
        eigen::add(product, v[c], &column(rest.rb_mut(), c)[k + 1..]);
    }
}
}
