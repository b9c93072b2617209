//! A step of iterative refinement of eigenvectors and singular vectors.
//!
//! The vectors of `faer` are less orthogonal than LAPACK's, and its values less accurate, by factors of up to ten. A step
//! takes the products of matrices only and squares the errors (Ogita and Aishima, "Iterative refinement for symmetric
//! eigenvalue decomposition", 2018, and "Iterative refinement for singular value decomposition based on matrix
//! multiplication", 2020).

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{BlockStructure, matmul as matmul_triangular};
use faer::reborrow::{Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par};

use crate::column;
use crate::scalar::Scalar;

/// Returns the distance from one to the next number, and the largest coefficient of a correction. Squares of corrections
/// are neglected, so they must be below the precision.
fn precision<T: Scalar>() -> (f64, f64) {
    let epsilon = if size_of::<T>() == size_of::<f32>() { f64::from(f32::EPSILON) } else { f64::EPSILON };
    (epsilon, 0.7 * epsilon.sqrt())
}

/// Refines the eigenvalues, in ascending order, and the eigenvectors of a real symmetric tridiagonal matrix.
pub(crate) fn eigenvectors<T: Scalar>(d: &[T], e: &[T], values: &mut [T], x: &mut [T]) {
    let (n, real) = (d.len(), |x: T| x.split()[0]);
    let of = |x: f64| T::nearest([x, 0.0]);
    let mut product = Mat::<T>::zeros(n, n);
    for (j, x) in x.chunks_exact(n).enumerate() {
        let y = column(product.as_mut(), j);
        y.iter_mut().zip(x).zip(d).for_each(|((y, x), d)| *y = *x * *d);
        y.iter_mut().zip(&x[1..]).zip(e).for_each(|((y, x), e)| *y += *x * *e);
        y[1..].iter_mut().zip(x).zip(e).for_each(|((y, x), e)| *y += *x * *e);
    }
    let x = MatMut::from_column_major_slice_mut(x, n, n);
    let mut images = Mat::<T>::zeros(n, n);
    lower_product(images.as_mut(), x.rb(), product.as_ref());
    let mut gram = gram(x.rb());
    let mut refined: Vec<f64> = values.iter().map(|x| real(*x)).collect();
    let (epsilon, largest) = precision::<T>();
    let least = rounding(&refined, epsilon);
    for (i, value) in refined.iter_mut().enumerate() {
        let (image, square) = (real(images[(i, i)]), real(gram[(i, i)]));
        if (image / square - *value).abs() > least {
            *value = image / square;
        }
        gram[(i, i)] = of(0.5 - 0.5 * square);
    }
    for j in 0..n {
        for i in j + 1..n {
            let (image, rest, gap) = (real(images[(i, j)]), -real(gram[(i, j)]), refined[j] - refined[i]);
            let step = (image + refined[j] * rest) / gap;
            let step = if step.abs() <= largest { step } else { 0.5 * rest };
            (gram[(i, j)], gram[(j, i)]) = (of(step), of(rest - step));
        }
    }
    correct(x, gram.as_ref(), product);
    let mut last = f64::NEG_INFINITY;
    for (to, value) in values.iter_mut().zip(refined) {
        last = last.max(value);
        *to = of(last);
    }
}

/// Refines the singular values, in descending order, and the singular vectors, within the space that they span.
pub(crate) fn singular_vectors(a: MatRef<'_, f64>, values: &mut [f64], mut u: MatMut<'_, f64>, mut v: MatMut<'_, f64>) {
    let k = values.len();
    let mut product = Mat::<f64>::zeros(a.nrows(), k);
    matmul(product.as_mut(), Accum::Replace, a, v.rb(), 1.0, Par::Seq);
    let mut images = Mat::<f64>::zeros(k, k);
    matmul(images.as_mut(), Accum::Replace, u.rb().transpose(), product.as_ref(), 1.0, Par::Seq);
    let (mut left, mut right) = (gram(u.rb()), gram(v.rb()));
    let (epsilon, largest) = precision::<f64>();
    let least = rounding(values, epsilon);
    for (i, value) in values.iter_mut().enumerate() {
        let refined = images[(i, i)] / (0.5 * (left[(i, i)] + right[(i, i)]));
        if (refined - *value).abs() > least {
            *value = refined.max(0.0);
        }
        for gram in [&mut left, &mut right] {
            gram[(i, i)] = 0.5 - 0.5 * gram[(i, i)];
        }
    }
    for j in 0..k {
        for i in j + 1..k {
            let (rest_u, rest_v, x, y) = (-left[(i, j)], -right[(i, j)], values[i], values[j]);
            let (first, second) = (images[(i, j)] + y * rest_u, images[(j, i)] + y * rest_v);
            let gap = (y - x) * (y + x);
            let (of_u, of_v) = ((y * first + x * second) / gap, (x * first + y * second) / gap);
            let small = of_u.abs() <= largest && of_v.abs() <= largest;
            let (of_u, of_v) = if small { (of_u, of_v) } else { (0.5 * rest_u, 0.5 * rest_v) };
            (left[(i, j)], left[(j, i)]) = (of_u, rest_u - of_u);
            (right[(i, j)], right[(j, i)]) = (of_v, rest_v - of_v);
        }
    }
    correct(u.rb_mut(), left.as_ref(), product);
    let n = v.nrows();
    correct(v.rb_mut(), right.as_ref(), Mat::zeros(n, k));
    for i in 1..k {
        values[i] = values[i].min(values[i - 1]);
    }
}

/// Returns the size of the rounding errors of a refined value. They may be larger than a small value, which is kept then.
fn rounding(values: &[f64], epsilon: f64) -> f64 {
    values.iter().fold(0.0f64, |largest, x| largest.max(x.abs())) * epsilon
}

/// Returns the lower triangle of Xᵀ X.
fn gram<T: Scalar>(x: MatRef<'_, T>) -> Mat<T> {
    let mut gram = Mat::zeros(x.ncols(), x.ncols());
    lower_product(gram.as_mut(), x, x);
    gram
}

/// Computes the lower triangle of Xᵀ Y.
fn lower_product<T: Scalar>(to: MatMut<'_, T>, x: MatRef<'_, T>, y: MatRef<'_, T>) {
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    matmul_triangular(to, lower, Accum::Replace, x.transpose(), full, y, full, T::from_real(1.0), Par::Seq);
}

/// Adds X C to X. `product` has the shape of X.
fn correct<T: Scalar>(mut x: MatMut<'_, T>, c: MatRef<'_, T>, mut product: Mat<T>) {
    matmul(product.as_mut(), Accum::Replace, x.rb(), c, T::from_real(1.0), Par::Seq);
    x += product;
}
