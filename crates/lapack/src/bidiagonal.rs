//! The singular value decomposition of a complex matrix by that of a real one.
//!
//! Reflections on both sides make the matrix bidiagonal and real (Golub and Kahan, "Calculating the singular values and
//! pseudo-inverse of a matrix", 1965). `faer` decomposes the result; its decomposition of complex matrices is wrong for
//! some, in version 0.24.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, SvdError, svd, svd_scratch};
use faer::reborrow::{Reborrow, ReborrowMut};
use faer::{Mat, MatMut, Par};

use crate::householder::{Side, multiply, reflect, reflector};
use crate::scalar::Scalar;
use crate::svd::parameters;
use crate::{column, refine};

/// Computes the singular values of a matrix with at least as many rows as columns, and, if they are wanted, the left
/// singular vectors, as many as `u` has columns, and the right ones, which are refined if `refines` holds.
pub(crate) fn decompose<T: Scalar>(
    mut a: MatMut<'_, T>,
    values: &mut [f64],
    vectors: Option<[MatMut<'_, T>; 2]>,
    refines: bool,
) -> Result<(), SvdError> {
    let n = a.ncols();
    let (mut left_taus, mut right_taus) = (vec![T::from_real(0.0); n], vec![T::from_real(0.0); n.saturating_sub(1)]);
    // The reflections from the right, below the diagonal.
    let mut rights = Mat::<T>::zeros(n.saturating_sub(1), n.saturating_sub(1));
    let mut middle = Mat::<f64>::zeros(n, n);
    for k in 0..n {
        let (mut done, mut rest) = a.rb_mut().split_at_col_mut(k + 1);
        let head = &mut column(done.rb_mut(), k)[k..];
        left_taus[k] = reflector(head);
        middle[(k, k)] = head[0].split()[0];
        for c in 0..n - k - 1 {
            reflect(head, left_taus[k].conjugate(), &mut column(rest.rb_mut(), c)[k..]);
        }
        if k + 1 == n {
            break;
        }
        let v = &mut column(rights.as_mut(), k)[k..];
        for (c, v) in v.iter_mut().enumerate() {
            *v = rest[(k, c)].conjugate();
        }
        right_taus[k] = reflector(v);
        middle[(k, k + 1)] = v[0].split()[0];
        v[0] = T::from_real(1.0);
        let mut product = vec![T::from_real(0.0); rest.nrows() - k - 1];
        for (c, v) in v.iter().enumerate() {
            product.iter_mut().zip(&column(rest.rb_mut(), c)[k + 1..]).for_each(|(sum, x)| *sum += *x * *v);
        }
        for (c, v) in v.iter().enumerate() {
            let factor = right_taus[k] * v.conjugate();
            column(rest.rb_mut(), c)[k + 1..].iter_mut().zip(&product).for_each(|(x, sum)| *x -= *sum * factor);
        }
    }
    let compute = if vectors.is_some() { ComputeSvdVectors::Full } else { ComputeSvdVectors::No };
    let mut memory = MemBuffer::new(svd_scratch::<f64>(n, n, compute, compute, Par::Seq, parameters::<f64>().into()));
    let size = if vectors.is_some() { n } else { 0 };
    let (mut u, mut v) = (Mat::<f64>::zeros(n, size), Mat::<f64>::zeros(n, size));
    let [of_u, of_v] = [&mut u, &mut v].map(|x| vectors.is_some().then(|| x.as_mut()));
    let diagonal = DiagMut::from_slice_mut(values);
    svd(middle.as_ref(), diagonal, of_u, of_v, Par::Seq, MemStack::new(&mut memory), parameters::<f64>().into())?;
    if refines {
        refine::singular_vectors(middle.as_ref(), values, u.as_mut(), v.as_mut());
    }
    let Some([mut left, mut right]) = vectors else { return Ok(()) };
    let of = |x: &Mat<f64>, i: usize, j: usize| match (i < n && j < n, i == j) {
        (true, _) => T::nearest([x[(i, j)], 0.0]),
        (false, same) => T::from_real(f32::from(u8::from(same))),
    };
    for j in 0..left.ncols() {
        column(left.rb_mut(), j).iter_mut().enumerate().for_each(|(i, x)| *x = of(&u, i, j));
    }
    for j in 0..n {
        column(right.rb_mut(), j).iter_mut().enumerate().for_each(|(i, x)| *x = of(&v, i, j));
    }
    multiply(a.rb(), &left_taus, Side::Left, false, left);
    if n > 1 {
        multiply(rights.as_ref(), &right_taus, Side::Left, false, right.split_at_row_mut(1).1);
    }
    Ok(())
}
