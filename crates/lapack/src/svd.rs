//! The singular value decomposition.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, SvdError, svd, svd_scratch};
use faer::traits::math_utils as math;
use faer::{Mat, MatMut, MatRef, Par};
use xla::Arrays;

use crate::scalar::Scalar;
use crate::{letter, matrix, numbers_mut};

/// `gesdd` and `gesvd`: the singular values in decreasing order, and the singular vectors: all (`A`), those of the
/// singular values (`S`) or none (`N`). The contents of the first result, which may share the operand's memory, are
/// unspecified. `info` is 0, −4 if an element of the matrix is not finite, or 1 if the iteration does not converge.
pub(crate) fn gesdd<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String>
where
    T::Real: xla::Element,
{
    let mode = letter(call, "mode", "ASN")?;
    let a = call.update::<T::Element>(0, 0)?;
    let s = call.result::<T::Real>(1)?;
    let (u, vh) = (call.result::<T::Element>(2)?, call.result::<T::Element>(3)?);
    let info = call.result::<i32>(4)?.elements;
    let ([m, n], [rows, left], [right, columns]) = (matrix(a.dims)?, matrix(u.dims)?, matrix(vh.dims)?);
    let k = m.min(n);
    let vectors = match mode {
        'A' => Some([m, n]),
        'S' => Some([k, k]),
        _ => None,
    };
    if vectors.is_some_and(|sizes| [rows, columns, left, right] != [m, n, sizes[0], sizes[1]])
        || s.elements.len() != info.len() * k
        || a.elements.len() != info.len() * m * n
    {
        return Err("the shapes do not match".to_owned());
    }
    info.fill(0);
    if a.elements.is_empty() {
        return Ok(());
    }
    let compute = match mode {
        'A' => ComputeSvdVectors::Full,
        'S' => ComputeSvdVectors::Thin,
        _ => ComputeSvdVectors::No,
    };
    let mut memory = MemBuffer::new(svd_scratch::<T>(m, n, compute, compute, Par::Seq, Default::default()));
    let mut v = Mat::<T>::zeros(n, vectors.map_or(0, |[_, right]| right));
    let mut values = vec![math::zero::<T>(); k];
    let (u, vh) = (numbers_mut::<T>(u.elements), numbers_mut::<T>(vh.elements));
    let each = numbers_mut::<T>(a.elements).chunks_exact_mut(m * n).zip(s.elements.chunks_exact_mut(k)).zip(info);
    for (i, ((a, s), info)) in each.enumerate() {
        let scale = match moderate(a) {
            Some(scale) => scale,
            None => {
                *info = -4;
                continue;
            }
        };
        let matrix = MatRef::from_column_major_slice(a, m, n);
        let diagonal = DiagMut::from_slice_mut(&mut values);
        let u = vectors.map(|[left, _]| &mut u[i * m * left..(i + 1) * m * left]);
        let u = u.map(|u| {
            u.fill(math::zero());
            MatMut::from_column_major_slice_mut(u, m, vectors.map_or(0, |[left, _]| left))
        });
        let done = {
            let v = vectors.map(|_| v.as_mut());
            svd(matrix, diagonal, u, v, Par::Seq, MemStack::new(&mut memory), Default::default())
        };
        if let Err(SvdError::NoConvergence) = done {
            *info = 1;
            continue;
        }
        for (s, value) in s.iter_mut().zip(&values) {
            *s = math::real(value) * scale.clone();
        }
        if let Some([_, right]) = vectors {
            for (j, column) in vh[i * right * n..(i + 1) * right * n].chunks_exact_mut(right).enumerate() {
                for (i, x) in column.iter_mut().enumerate() {
                    *x = v[(j, i)].conjugate();
                }
            }
        }
    }
    Ok(())
}

/// Scales a matrix by a power of two so that the squares of its elements stay in range. Returns what its singular
/// values are to be multiplied by, or `None` if an element is not finite.
fn moderate<T: Scalar>(a: &mut [T]) -> Option<T::Real> {
    let zero = math::zero::<T::Real>();
    let parts = a.iter().flat_map(|x| [math::abs(&math::real(x)), math::abs(&math::imag(x))]);
    // Each comparison with NaN is false, so that NaN does not become the largest element.
    let mut finite = true;
    let largest = parts.fold(zero.clone(), |largest, x| {
        finite &= math::is_finite(&x);
        math::max(&largest, &x)
    });
    if !finite {
        return None;
    }
    let one = math::one::<T::Real>();
    let low = math::sqrt(&math::min_positive::<T::Real>()) / math::eps::<T::Real>();
    let high = one.clone() / low.clone();
    if largest == zero || (largest >= low && largest <= high) {
        return Some(one);
    }
    // A power of two near the largest element, so that scaling rounds nothing.
    let two = math::from_f64::<T::Real>(2.0);
    let mut scale = one;
    while scale.clone() * high.clone() < largest {
        scale = scale * two.clone();
    }
    while scale.clone() * low.clone() > largest {
        scale = scale / two.clone();
    }
    a.iter_mut().for_each(|x| *x = x.over(math::from_real::<T>(&scale)));
    Some(scale)
}
