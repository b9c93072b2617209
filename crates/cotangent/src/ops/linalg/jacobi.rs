//! The singular value decomposition by rotations of pairs of columns, as a program: for devices without LAPACK.

use crate::array::Array;
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::trace::frames::{bind, bind1};

use super::parts::{above, adjoint, beside, columns, diagonal, identity, rows, sizes};
use super::{Qr, Svd, product};

use crate::ops::shape::Iota;
use crate::ops::sort::{Sort, take_along};
use crate::ops::{select, staged, zeros};

/// Sweeps over all pairs of columns. Convergence is quadratic and takes six to ten of them.
const SWEEPS: usize = 30;

fn number(dtype: DType, value: f64) -> Array {
    Array::literal(Literal::float(dtype, value))
}

/// Returns the results of [`Svd`].
pub(super) fn svd(a: &Array, svd: &Svd) -> Vec<Array> {
    let [m, n] = sizes(a);
    if m < n {
        let mut results = self::svd(&adjoint(a), svd);
        if svd.compute_uv {
            results.swap(1, 2);
            results[1..].iter_mut().for_each(|x| *x = adjoint(x));
        }
        return results;
    }
    let dtype = a.dtype();
    let real = dtype.real();
    // A matrix that is not finite is replaced, and NaN put in place of its results.
    let finite = a.is_finite().all_axis([-2, -1]);
    let everywhere = |x: &Array, rank: usize| (x.ndim()..rank).fold(x.clone(), |x, _| x.expand_dims(-1));
    let choose = |condition: &Array, yes: &Array, no: &Array| {
        let shape = no.shape().to_vec();
        select(&everywhere(condition, shape.len()), yes, no, &shape)
    };
    let a = choose(&finite, a, &zeros(a.shape(), dtype));
    let largest = a.abs().max_axis([-2, -1]);
    let scale =
        choose(&largest.greater(zeros((), real)), &largest, &crate::ops::full(largest.shape(), Literal::int(real, 1)));
    let a = &a / everywhere(&scale, a.ndim()).convert(dtype, false);
    let thin = Qr { pivoting: false, full_matrices: false };
    let (q, square) = if m > n {
        let results = bind(thin, &[&a]);
        (Some(results[0].clone()), results[1].clone())
    } else {
        (None, a)
    };
    let (image, v) = orthogonalized(&square, svd.compute_uv);
    let norms = squares(&image).sqrt();
    // The column that was added to make their number even comes last.
    let added = (v.as_ref()).filter(|_| !n.is_multiple_of(2)).map(|v| rows(v, n, n + 1).abs().reshape(norms.shape()));
    let key = match &added {
        Some(added) => select(&added.greater(number(real, 0.5)), &number(real, 1.0), &-&norms, norms.shape()),
        None => -&norms,
    };
    let last = norms.ndim() - 1;
    let index = bind1(Iota { dtype: DType::I32, shape: norms.aval().shape, dimension: last }, &[]);
    let sort = Sort { dimension: last, is_stable: true, num_keys: 1 };
    let sorted = bind(sort, &[&key, &norms, &index]);
    let nan = |dtype: DType| {
        let value = if dtype.is_complex() { Scalar::Complex(f64::NAN, f64::NAN) } else { Scalar::Float(f64::NAN) };
        Array::literal(Literal::new(dtype, value))
    };
    let valid = |x: &Array| select(&everywhere(&finite, x.ndim()), x, &nan(x.dtype()), x.shape());
    let s = columns(&sorted[1], 0, n);
    let values = valid(&(&s * everywhere(&scale, s.ndim())));
    let Some(v) = v else { return vec![values] };
    let order = |x: &Array| {
        let index = sorted[2].expand_dims(-2).broadcast_to(x.shape());
        rows(&columns(&take_along(x, &index, x.ndim() - 1), 0, n), 0, n)
    };
    let (image, v) = (order(&image), order(&v));
    let inverse = select(&s.greater(zeros((), real)), &s, &number(real, 1.0), s.shape());
    let directions = &image / inverse.expand_dims(-2).convert(dtype, false);
    let directions = q.map_or(directions.clone(), |q| product(&q, &directions));
    // The QR decomposition of orthonormal columns returns them up to a phase, which is on the diagonal of R, and others
    // in place of those that are zero.
    let results = bind(Qr { pivoting: false, full_matrices: svd.full_matrices }, &[&directions]);
    let phase = diagonal(&rows(&results[1], 0, n));
    let length = phase.abs();
    let known = length.greater(number(real, 0.5));
    let phase = select(
        &known,
        &(&phase / select(&known, &length, &number(real, 1.0), length.shape()).convert(dtype, false)),
        &Array::literal(Literal::int(dtype, 1)),
        phase.shape(),
    );
    let mut u = columns(&results[0], 0, n) * phase.expand_dims(-2);
    if svd.full_matrices && m > n {
        u = beside(&u, &columns(&results[0], n, m));
    }
    vec![values, valid(&u), valid(&adjoint(&v))]
}

/// Returns the squares of the lengths of the columns.
fn squares(x: &Array) -> Array {
    let x = x.abs();
    (&x * &x).sum_axis(-2)
}

/// Returns A V, whose columns are orthogonal, and V if it is wanted (Hestenes, "Inversion of matrices by
/// biorthogonalization and related results", 1958). A column of zeros is added if their number is odd. All pairs of a
/// round are rotated at once; after all rounds, each column has met each other one, as in a tournament (Brent and Luk,
/// "The solution of singular-value and symmetric eigenvalue problems on multiprocessor arrays", 1985).
fn orthogonalized(a: &Array, with_vectors: bool) -> (Array, Option<Array>) {
    let [m, n] = sizes(a);
    let half = n.div_ceil(2);
    let (dtype, real) = (a.dtype(), a.dtype().real());
    let a =
        if n < 2 * half { beside(a, &zeros([&a.shape()[..a.ndim() - 1], &[1]].concat(), dtype)) } else { a.clone() };
    let whole = if with_vectors { above(&a, &identity(&a, 2 * half, 2 * half)) } else { a };
    let rounds = 2 * half - 1;
    let int = |value: usize| Array::literal(Literal::int(DType::I32, value as i64));
    let tolerance = number(real, staged::epsilon(real) * (m as f64).sqrt());
    let step = |state: &[Array]| {
        let (round, worst) = (&state[0], &state[3]);
        let (left, right) = (&state[1], &state[2]);
        let (x, y) = (rows(left, 0, m), rows(right, 0, m));
        let conj = |x: &Array| if dtype.is_complex() { x.conj() } else { x.clone() };
        let inner = (conj(&x) * &y).sum_axis(-2);
        let (first, second, length) = (squares(&x), squares(&y), inner.abs());
        let one = |x: &Array| crate::ops::full(x.shape(), Literal::int(x.dtype(), 1));
        let zero = zeros((), real);
        let apart = length.greater(&zero);
        let safe = select(&apart, &length, &one(&length), length.shape());
        let zeta = (&second - &first) / (&safe + &safe);
        let size = zeta.abs();
        // The square of a large number overflows, and the tangent is then zero.
        let tangent = one(&size) / (&size + (one(&size) + &size * &size).sqrt());
        let tangent = select(&zeta.less(&zero), &-&tangent, &tangent, tangent.shape());
        let tangent = select(&apart, &tangent, &zero, tangent.shape());
        let cosine = one(&tangent) / (one(&tangent) + &tangent * &tangent).sqrt();
        let sine = &cosine * &tangent;
        let phase = select(&apart, &(conj(&inner) / safe.convert(dtype, false)), &one(&inner), inner.shape());
        let of = |x: &Array| x.convert(dtype, false).expand_dims(-2);
        let turned = right * of(&phase);
        let (new_left, new_right) =
            (left * of(&cosine) - &turned * of(&sine), left * of(&sine) + &turned * of(&cosine));
        // The cosine of the angle between two columns.
        let scale = first.sqrt() * second.sqrt();
        let some = scale.greater(&zero);
        let angle =
            select(&some, &(&length / select(&some, &scale, &one(&scale), scale.shape())), &zero, scale.shape());
        let greatest = angle.max();
        let begins = (round % int(rounds)).equal(int(0));
        let worst = select(&begins, &greatest, &greatest.maximum(worst), &[]);
        // The first column stays, and the others move on by one place, around the two rows.
        let (new_left, new_right) = if half > 1 {
            let kept = columns(&new_left, 0, 1);
            let entering = columns(&new_right, 0, 1);
            let moved = beside(&beside(&kept, &entering), &columns(&new_left, 1, half - 1));
            let leaving = columns(&new_left, half - 1, half);
            (moved, beside(&columns(&new_right, 1, half), &leaving))
        } else {
            (new_left, new_right)
        };
        vec![round + int(1), new_left, new_right, worst]
    };
    let going = |state: &[Array]| {
        let between = (&state[0] % int(rounds)).equal(int(0));
        let done = between.logical_and(state[3].less_equal(&tolerance));
        state[0].less(int(SWEEPS * rounds)).logical_and(done.logical_not())
    };
    let infinite = number(real, f64::INFINITY);
    let state = [zeros((), DType::I32), columns(&whole, 0, half), columns(&whole, half, 2 * half), infinite];
    let results = staged::repeat(&state, going, step);
    let whole = beside(&results[1], &results[2]);
    (rows(&whole, 0, m), with_vectors.then(|| rows(&whole, m, m + 2 * half)))
}
