//! The singular value decomposition.

use faer::{Mat, MatMut};
use xla::Arrays;

use crate::bidiagonal::{decompose, values};
use crate::eigen::{Number, largest, rescale, scale};
use crate::scalar::Scalar;
use crate::{at_a_time, column, letter, matrix, numbers_mut};

/// `gesdd` and `gesvd`: the singular values in decreasing order, and the singular vectors: all (`A`), those of the
/// singular values (`S`) or none (`N`). The contents of the first result, which may share the operand's memory, are
/// unspecified. `info` is 0, −4 if an element of the matrix is not finite, or 1 if the iteration does not converge.
pub(crate) fn gesdd<T: Number>(call: &mut Arrays<'_>) -> Result<(), String> {
    let mode = letter(call, "mode", "ASN")?;
    let a = call.update::<T::Element>(0, 0)?;
    let s = call.result::<T::R>(1)?;
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
    let threads = call.threads();
    let one = |a: &mut [T], s: &mut [T::R], vectors: Option<(&mut [T], &mut [T])>| -> i32 {
        let Some(size) = largest(a) else { return -4 };
        let factors = scale(size);
        rescale(a, factors, false);
        let a = MatMut::from_column_major_slice_mut(a, m, n);
        let mut adjoint = Mat::zeros(if m < n { n } else { 0 }, m);
        // The adjoint of a wide matrix has the same values, and the vectors of the other side.
        let tall = if m < n { flip(a.as_ref(), adjoint.as_mut()) } else { a };
        let done = match vectors {
            None => values(threads, tall, s),
            Some((u, vh)) => {
                let u = MatMut::from_column_major_slice_mut(u, m, left);
                let vh = MatMut::from_column_major_slice_mut(vh, right, n);
                let mut v = Mat::zeros(n, right);
                let done = match m < n {
                    true => decompose(threads, tall, s, v.as_mut(), u),
                    false => decompose(threads, tall, s, u, v.as_mut()),
                };
                flip(v.as_ref(), vh);
                done
            }
        };
        rescale(s, factors, true);
        i32::from(!done)
    };
    let some = at_a_time(m * n);
    let pieces = numbers_mut::<T>(a.elements).chunks_mut(some * m * n);
    let pieces = pieces.zip(s.elements.chunks_mut(some * k)).zip(info.chunks_mut(some));
    if vectors.is_none() {
        threads.for_each(pieces, |((a, s), info)| {
            for ((a, s), info) in a.chunks_exact_mut(m * n).zip(s.chunks_exact_mut(k)).zip(info) {
                *info = one(a, s, None);
            }
        });
        return Ok(());
    }
    let (u, vh) = (numbers_mut::<T>(u.elements), numbers_mut::<T>(vh.elements));
    let vectors = u.chunks_mut(some * m * left).zip(vh.chunks_mut(some * right * n));
    threads.for_each(pieces.zip(vectors), |(((a, s), info), (u, vh))| {
        let vectors = u.chunks_exact_mut(m * left).zip(vh.chunks_exact_mut(right * n));
        for (((a, s), info), vectors) in a.chunks_exact_mut(m * n).zip(s.chunks_exact_mut(k)).zip(info).zip(vectors) {
            *info = one(a, s, Some(vectors));
        }
    });
    Ok(())
}

/// Overwrites a matrix with the adjoint of another one.
fn flip<'a, T: Scalar>(from: faer::MatRef<'_, T>, mut to: MatMut<'a, T>) -> MatMut<'a, T> {
    // Some columns at a time, so that neighbors of what is read are read soon.
    const COLUMNS: usize = 8;
    for first in (0..from.ncols()).step_by(COLUMNS) {
        let last = (first + COLUMNS).min(from.ncols());
        for i in 0..from.nrows() {
            let to = column(to.as_mut(), i);
            (first..last).for_each(|j| to[j] = from[(i, j)].conjugate());
        }
    }
    to
}
