//! The singular value decomposition.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, SvdError, SvdParams, svd, svd_scratch};
use faer::traits::math_utils as math;
use faer::{Auto, Mat, MatMut, MatRef, Par};
use xla::Arrays;

use crate::bidiagonal::decompose;
use crate::scalar::Scalar;
use crate::{letter, matrix, numbers_mut, refine};

/// `gesdd` and `gesvd`: the singular values in decreasing order, and the singular vectors: all (`A`), those of the
/// singular values (`S`) or none (`N`). The contents of the first result, which may share the operand's memory, are
/// unspecified. `info` is 0, −4 if an element of the matrix is not finite, or 1 if the iteration does not converge.
///
/// The computation is in 64 bits: in `f32`, the vectors of `faer` are less orthogonal than LAPACK's by a factor of forty.
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
    let mut memory =
        MemBuffer::new(svd_scratch::<T::Wide>(m, n, compute, compute, Par::Seq, parameters::<T::Wide>().into()));
    let [left, right] = vectors.unwrap_or_default();
    let zero = math::zero::<T::Wide>();
    let (mut wide_u, mut wide_v) = (vec![zero; m * left], vec![zero; n * right]);
    let refines = size_of::<T>() == size_of::<T::Wide>() && vectors.is_some() && k > ACCURATE;
    let (mut wide, mut values) = (vec![zero; m * n], vec![zero; k]);
    let (u, vh) = (numbers_mut::<T>(u.elements), numbers_mut::<T>(vh.elements));
    let each = numbers_mut::<T>(a.elements).chunks_exact(m * n).zip(s.elements.chunks_exact_mut(k)).zip(info);
    for (i, ((a, s), info)) in each.enumerate() {
        wide.iter_mut().zip(a).for_each(|(wide, x)| *wide = T::Wide::nearest(x.split()));
        let Some(scale) = moderate(&mut wide) else {
            *info = -4;
            continue;
        };
        wide_u.fill(zero);
        let u_of = vectors.map(|_| MatMut::from_column_major_slice_mut(&mut wide_u, m, left));
        let v_of = vectors.map(|_| MatMut::from_column_major_slice_mut(&mut wide_v, n, right));
        let done = if T::IS_REAL {
            let diagonal = DiagMut::from_slice_mut(&mut values);
            let matrix = MatRef::from_column_major_slice(&wide, m, n);
            svd(matrix, diagonal, u_of, v_of, Par::Seq, MemStack::new(&mut memory), parameters::<T::Wide>().into())
        } else {
            complex(MatMut::from_column_major_slice_mut(&mut wide, m, n), &mut values, u_of.zip(v_of), refines)
        };
        if let Err(SvdError::NoConvergence) = done {
            *info = 1;
            continue;
        }
        if T::IS_REAL && refines {
            let u = MatMut::from_column_major_slice_mut(bytemuck::cast_slice_mut(&mut wide_u[..m * k]), m, k);
            let v = MatMut::from_column_major_slice_mut(bytemuck::cast_slice_mut(&mut wide_v[..n * k]), n, k);
            let a = MatRef::from_column_major_slice(bytemuck::cast_slice(&wide), m, n);
            refine::singular_vectors(a, bytemuck::cast_slice_mut(&mut values), u, v);
        }
        for (s, value) in s.iter_mut().zip(&values) {
            *s = math::real(&T::nearest([value.split()[0] * scale, 0.0]));
        }
        for (j, column) in u[i * m * left..(i + 1) * m * left].chunks_exact_mut(m).enumerate() {
            column.iter_mut().enumerate().for_each(|(i, x)| *x = T::nearest(wide_u[j * m + i].split()));
        }
        if right > 0 {
            // Some columns at a time, so that neighbors of what is read are read soon.
            const COLUMNS: usize = 8;
            let vh = &mut vh[i * right * n..(i + 1) * right * n];
            for (block, columns) in vh.chunks_mut(COLUMNS * right).enumerate() {
                for (i, row) in wide_v.chunks_exact(n).enumerate() {
                    for (x, to) in row[block * COLUMNS..].iter().zip(columns[i..].iter_mut().step_by(right)) {
                        *to = T::nearest(x.conjugate().split());
                    }
                }
            }
        }
    }
    Ok(())
}

/// The number of singular values up to which `faer` is as accurate as LAPACK.
const ACCURATE: usize = 8;
/// The number of singular values up to which they are found by iteration.
const SMALL: usize = 32;

/// The blocks are smaller than those of `faer`, because the iteration is slower.
pub(crate) fn parameters<T: Scalar>() -> SvdParams {
    SvdParams { recursion_threshold: SMALL, ..<SvdParams as Auto<T>>::auto() }
}

/// Decomposes a complex matrix, or the adjoint of one with more columns than rows.
fn complex<T: Scalar>(
    a: MatMut<'_, T>,
    values: &mut [T],
    vectors: Option<(MatMut<'_, T>, MatMut<'_, T>)>,
    refines: bool,
) -> Result<(), SvdError> {
    let mut singular = vec![0.0; values.len()];
    if a.nrows() >= a.ncols() {
        decompose(a, &mut singular, vectors.map(|(u, v)| [u, v]), refines)?;
    } else {
        let mut adjoint = Mat::from_fn(a.ncols(), a.nrows(), |i, j| a[(j, i)].conjugate());
        decompose(adjoint.as_mut(), &mut singular, vectors.map(|(u, v)| [v, u]), refines)?;
    }
    values.iter_mut().zip(singular).for_each(|(value, s)| *value = T::nearest([s, 0.0]));
    Ok(())
}

/// Scales a matrix by a power of two so that the squares of its elements stay in range. Returns what its singular
/// values are to be multiplied by, or `None` if an element is not finite.
fn moderate<T: Scalar>(a: &mut [T]) -> Option<f64> {
    // Each comparison with NaN is false, so that NaN does not become the largest element.
    let (mut finite, mut largest) = (true, 0.0f64);
    for x in a.iter().flat_map(|x| x.split()) {
        finite &= x.is_finite();
        largest = largest.max(x.abs());
    }
    if !finite {
        return None;
    }
    let low = f64::MIN_POSITIVE.sqrt() / f64::EPSILON;
    let high = 1.0 / low;
    if largest == 0.0 || (low..=high).contains(&largest) {
        return Some(1.0);
    }
    // A power of two near the largest element, so that scaling rounds nothing.
    let mut scale = 1.0;
    while scale * high < largest {
        scale *= 2.0;
    }
    while scale * low > largest {
        scale /= 2.0;
    }
    a.iter_mut().for_each(|x| *x = T::nearest(x.split().map(|part| part / scale)));
    Some(scale)
}
