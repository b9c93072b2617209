//! Householder reflections H = I − τ v vᴴ, in LAPACK's form: v₀ = 1, and τ = 0 stands for H = I. `faer` divides by τ,
//! and continues in the same row if a column has nothing to eliminate. Its factors are therefore not LAPACK's.

use faer::linalg::matmul::matmul;
use faer::traits::math_utils as math;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use xla::Threads;

use crate::product::{part, parts};
use crate::scalar::Scalar;

/// The number of reflections that are applied at once.
pub(crate) const BLOCK: usize = 32;
/// The number of reflections up to which they are applied one at a time.
const LEAF: usize = 8;
/// The number of elements of a matrix up to which its reflections are applied one at a time, as in LAPACK: blocks of them
/// make larger errors if the matrix has a low rank.
const SMALL: usize = 128 * 128;
/// The number of elements of a matrix up to which reflections are multiplied by it one at a time.
const TINY: usize = 24 * 24;
/// The number of sums that run side by side, which the compiler computes in vector registers.
const LANES: usize = 8;

/// Returns the elements of a column.
#[inline(always)]
fn column<T>(a: MatMut<'_, T>, j: usize) -> &mut [T] {
    a.col_mut(j).try_as_col_major_mut().expect("the elements of a column are contiguous").as_slice_mut()
}

/// Returns the Euclidean norm. The sum of the squares may overflow, and the norm may not.
#[inline(always)]
pub(crate) fn norm<T: Scalar>(x: &[T]) -> T::Real {
    let mut lanes: [T::Real; LANES] = std::array::from_fn(|_| math::zero());
    let (chunks, rest) = x.as_chunks::<LANES>();
    for x in chunks {
        for (sum, x) in lanes.iter_mut().zip(x) {
            *sum += math::abs2(x);
        }
    }
    for (sum, x) in lanes.iter_mut().zip(rest) {
        *sum += math::abs2(x);
    }
    let square = lanes.into_iter().fold(math::zero::<T::Real>(), |sum, x| sum + x);
    let least = math::min_positive::<T::Real>() / math::eps::<T::Real>();
    if (square >= least && square <= math::max_positive()) || math::is_nan(&square) {
        return math::sqrt(&square);
    }
    let parts = x.iter().flat_map(|x| [math::abs(&math::real(x)), math::abs(&math::imag(x))]);
    let largest = parts.fold(math::zero::<T::Real>(), |largest, x| math::max(&largest, &x));
    if largest == math::zero::<T::Real>() || !math::is_finite(&largest) {
        return largest;
    }
    let scaled = x.iter().map(|x| math::abs2(&x.over(math::from_real::<T>(&largest))));
    math::sqrt(&scaled.fold(math::zero::<T::Real>(), |sum, x| sum + x)) * largest
}

/// Overwrites a vector with the reflection Hᴴ that maps it to β e₀: the first element with β, which is real, and the
/// others with those of v. Returns τ (`larfg`).
#[inline(always)]
pub(crate) fn reflector<T: Scalar>(vector: &mut [T]) -> T {
    let Some((alpha, x)) = vector.split_first_mut() else { return math::zero() };
    let zero = math::zero::<T::Real>();
    let mut length = norm(x);
    if length == zero && math::imag(alpha) == zero {
        return math::zero();
    }
    let head = math::real(alpha);
    let negative = head < zero || head == zero && math::recip(&head) < zero;
    let signed = |length: T::Real| if negative { length } else { -length };
    let hypot = |alpha: &T, length: &T::Real| math::hypot(&math::abs(alpha), length);
    let mut beta = signed(hypot(alpha, &length));
    // Vectors whose length has no finite reciprocal are scaled first.
    let least = math::min_positive::<T::Real>() / math::eps::<T::Real>();
    let mut scaled = 0;
    while math::abs(&beta) < least && scaled < 20 {
        scaled += 1;
        let up = math::from_real::<T>(&math::recip(&least));
        x.iter_mut().chain([&mut *alpha]).for_each(|x| *x *= up);
        length = norm(x);
        beta = signed(hypot(alpha, &length));
    }
    let last = math::from_real::<T>(&beta);
    let (tau, scale) = ((last - *alpha).over(last), math::one::<T>().over(*alpha - last));
    x.iter_mut().for_each(|x| *x *= scale);
    *alpha = (0..scaled).fold(last, |x, _| x * math::from_real::<T>(&least));
    tau
}

/// Overwrites a column with H c. v₀ is not read.
#[inline(always)]
pub(crate) fn reflect<T: Scalar>(v: &[T], tau: T, c: &mut [T]) {
    let (Some((head, c)), v) = (c.split_first_mut(), &v[1..]) else { return };
    let mut lanes = [math::zero::<T>(); LANES];
    let ((vs, v_rest), (cs, c_rest)) = (v.as_chunks::<LANES>(), c.as_chunks::<LANES>());
    for (v, c) in vs.iter().zip(cs) {
        for (sum, (v, c)) in lanes.iter_mut().zip(v.iter().zip(c)) {
            *sum += v.conjugate() * *c;
        }
    }
    for (sum, (v, c)) in lanes.iter_mut().zip(v_rest.iter().zip(c_rest)) {
        *sum += v.conjugate() * *c;
    }
    let factor = tau * sum(&lanes, *head);
    *head -= factor;
    for (c, v) in c.iter_mut().zip(v) {
        *c -= factor * *v;
    }
}

/// Overwrites the columns of a matrix, from a row on, with H c. v₀ is not read. Several columns are passed over at a time,
/// because v is then read less often, and their sums do not wait for one another.
#[inline(always)]
fn reflect_columns<T: Scalar>(v: &[T], tau: T, mut columns: MatMut<'_, T>, row: usize) {
    let width = columns.ncols();
    let mut rest = columns.as_mut();
    for _ in 0..width / 4 {
        let (some, others) = rest.split_at_col_mut(4);
        rest = others;
        let (left, right) = some.split_at_col_mut(2);
        let ((a, b), (c, d)) = (left.split_at_col_mut(1), right.split_at_col_mut(1));
        reflect_four(v, tau, [a, b, c, d].map(|x| &mut column(x, 0)[row..]));
    }
    for i in 0..rest.ncols() {
        reflect(v, tau, &mut column(rest.as_mut(), i)[row..]);
    }
}

/// [`reflect`] for four columns.
#[inline(always)]
fn reflect_four<T: Scalar>(v: &[T], tau: T, columns: [&mut [T]; 4]) {
    let v = &v[1..];
    let [(a_head, a), (b_head, b), (c_head, c), (d_head, d)] = columns.map(|column| {
        let (head, rest) = column.split_at_mut(1);
        (&mut head[0], &mut rest[..v.len()])
    });
    let mut sums = [[math::zero::<T>(); LANES]; 4];
    let (chunks, rest) = v.as_chunks::<LANES>();
    {
        let (a, b, c, d) = (a.as_chunks().0, b.as_chunks().0, c.as_chunks().0, d.as_chunks().0);
        let [mut p, mut q, mut r, mut s] = sums;
        for ((((v, a), b), c), d) in chunks.iter().zip(a).zip(b).zip(c).zip(d) {
            let (a, b, c, d): (&[T; LANES], &[T; LANES], &[T; LANES], &[T; LANES]) = (a, b, c, d);
            for i in 0..LANES {
                let x = v[i].conjugate();
                p[i] += x * a[i];
                q[i] += x * b[i];
                r[i] += x * c[i];
                s[i] += x * d[i];
            }
        }
        sums = [p, q, r, s];
    }
    let first = v.len() - rest.len();
    for (sums, c) in sums.iter_mut().zip([&*a, &*b, &*c, &*d]) {
        for (sum, (v, c)) in sums.iter_mut().zip(rest.iter().zip(&c[first..])) {
            *sum += v.conjugate() * *c;
        }
    }
    let heads = [a_head, b_head, c_head, d_head];
    let factors: [T; 4] = std::array::from_fn(|i| tau * sum(&sums[i], *heads[i]));
    heads.into_iter().zip(factors).for_each(|(head, factor)| *head -= factor);
    let [p, q, r, s] = factors;
    for ((((v, a), b), c), d) in v.iter().zip(a).zip(b).zip(c).zip(d) {
        *a -= p * *v;
        *b -= q * *v;
        *c -= r * *v;
        *d -= s * *v;
    }
}

/// Returns the sum of lanes and another number.
#[inline(always)]
fn sum<T: Scalar>(lanes: &[T; LANES], other: T) -> T {
    let half: [T; LANES / 2] = std::array::from_fn(|i| lanes[i] + lanes[i + LANES / 2]);
    let quarter: [T; LANES / 4] = std::array::from_fn(|i| half[i] + half[i + LANES / 4]);
    quarter.into_iter().fold(other, |sum, x| sum + x)
}

/// Overwrites a matrix with R and, below the diagonal, with the reflections whose product is Q (`geqrf`). `tau` has as
/// many elements as the smaller dimension.
pub(crate) fn factor<T: Scalar>(threads: Threads<'_>, a: MatMut<'_, T>, tau: &mut [T]) {
    if a.nrows() * a.ncols() <= SMALL {
        return factor_vectorized(a, tau);
    }
    factor_by_block(threads, a, tau);
}

fn factor_by_block<T: Scalar>(threads: Threads<'_>, mut a: MatMut<'_, T>, tau: &mut [T]) {
    let count = tau.len();
    if count <= LEAF {
        return factor_vectorized(a, tau);
    }
    let step = if count > BLOCK { BLOCK } else { count.div_ceil(2).next_multiple_of(LEAF) };
    for (i, tau) in tau.chunks_mut(step).enumerate() {
        let (_, _, _, rest) = a.as_mut().split_at_mut(i * step, i * step);
        let (mut left, right) = rest.split_at_col_mut(tau.len());
        factor_by_block(threads, left.as_mut(), tau);
        if right.ncols() > 0 {
            Block::new(left.as_ref(), tau).apply(threads, Side::Left, true, right);
        }
    }
}

#[inline(always)]
fn factor_by_column<T: Scalar>(mut a: MatMut<'_, T>, tau: &mut [T]) {
    for (j, tau) in tau.iter_mut().enumerate() {
        let (left, right) = a.as_mut().split_at_col_mut(j + 1);
        let v = &mut column(left, j)[j..];
        *tau = reflector(v);
        if *tau != math::zero::<T>() {
            reflect_columns(v, tau.conjugate(), right, j);
        }
    }
}

vectorized! {
fn factor_vectorized<'a, T: Scalar>(a: MatMut<'a, T>, tau: &'a mut [T]) {
    factor_by_column(a, tau);
}
}

/// Overwrites reflections, which are below the diagonal of the first columns, with the first columns of their product
/// (`orgqr`).
pub(crate) fn generate<T: Scalar>(threads: Threads<'_>, mut q: MatMut<'_, T>, tau: &[T]) {
    let (rows, columns) = (q.nrows(), q.ncols());
    // The columns without a reflection are those of the identity.
    identity(q.as_mut().subcols_mut(tau.len(), columns - tau.len()), tau.len());
    if rows * columns <= SMALL {
        return generate_vectorized(q, tau);
    }
    for (i, tau) in tau.chunks(BLOCK).enumerate().rev() {
        let first = i * BLOCK;
        let mut rest = q.as_mut().subcols_mut(first, columns - first);
        let block = Block::new(rest.as_ref().submatrix(first, 0, rows - first, tau.len()), tau);
        identity(rest.as_mut().subcols_mut(0, tau.len()), first);
        block.apply(threads, Side::Left, false, rest.subrows_mut(first, rows - first));
    }
}

vectorized! {
fn generate_vectorized<'a, T: Scalar>(q: MatMut<'a, T>, tau: &'a [T]) {
    let mut q = q;
    for (j, tau) in tau.iter().enumerate().rev() {
        let (left, right) = q.as_mut().split_at_col_mut(j + 1);
        let v = column(left, j);
        reflect_columns(&v[j..], *tau, right, j);
        v[..j].fill(math::zero());
        v[j] = math::one::<T>() - *tau;
        v[j + 1..].iter_mut().for_each(|v| *v = -*tau * *v);
    }
}
}

/// Overwrites columns with those of the identity from one on.
fn identity<T: Scalar>(mut columns: MatMut<'_, T>, first: usize) {
    columns.fill(math::zero());
    for j in 0..columns.ncols() {
        columns[(first + j, j)] = math::one();
    }
}

/// Overwrites C with Q C, Qᴴ C, C Q or C Qᴴ, where Q is the product of the reflections below the diagonal of `a`
/// (`ormqr`).
pub(crate) fn multiply<T: Scalar>(
    threads: Threads<'_>,
    a: MatRef<'_, T>,
    tau: &[T],
    side: Side,
    adjoint: bool,
    mut c: MatMut<'_, T>,
) {
    if side == Side::Left && c.nrows() * c.ncols() <= TINY {
        return multiply_by_column(a, tau, adjoint, c);
    }
    let block = |(i, tau): (usize, &[T])| {
        let first = i * BLOCK;
        let block = Block::new(a.submatrix(first, first, a.nrows() - first, tau.len()), tau);
        block.apply(threads, side, adjoint, side.from(c.as_mut(), first));
    };
    let blocks = tau.chunks(BLOCK).enumerate();
    if (side == Side::Left) == adjoint { blocks.for_each(block) } else { blocks.rev().for_each(block) }
}

vectorized! {
fn multiply_by_column<'a, T: Scalar>(a: MatRef<'a, T>, tau: &'a [T], adjoint: bool, c: MatMut<'a, T>) {
    let mut c = c;
    for i in 0..tau.len() {
        let j = if adjoint { i } else { tau.len() - 1 - i };
        let v = match a.col(j).try_as_col_major() {
            Some(column) => &column.as_slice()[j..],
            None => unreachable!("the matrix is column-major"),
        };
        let tau = if adjoint { tau[j].conjugate() } else { tau[j] };
        reflect_columns(v, tau, c.as_mut(), j);
    }
}
}

/// The side on which a matrix multiplies another one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Side {
    /// Returns the part of a matrix that reflections change, which leave the first rows or columns as they are.
    fn from<T>(self, c: MatMut<'_, T>, first: usize) -> MatMut<'_, T> {
        let (rows, columns) = (c.nrows(), c.ncols());
        match self {
            Side::Left => c.subrows_mut(first, rows - first),
            Side::Right => c.subcols_mut(first, columns - first),
        }
    }
}

/// A product of reflections I − V T Vᴴ, where T is upper triangular (Schreiber and Van Loan, "A storage-efficient WY
/// representation for products of Householder transformations", 1989).
struct Block<T> {
    v: Mat<T>,
    t: Mat<T>,
}

impl<T: Scalar> Block<T> {
    /// Reads the reflections below the diagonal.
    fn new(a: MatRef<'_, T>, tau: &[T]) -> Block<T> {
        let v = Mat::from_fn(a.nrows(), tau.len(), |i, j| match i.cmp(&j) {
            std::cmp::Ordering::Less => math::zero(),
            std::cmp::Ordering::Equal => math::one(),
            std::cmp::Ordering::Greater => a[(i, j)],
        });
        let mut products = Mat::<T>::zeros(tau.len(), tau.len());
        matmul(products.as_mut(), Accum::Replace, v.as_ref().adjoint(), v.as_ref(), math::one(), Par::Seq);
        let mut t = Mat::<T>::zeros(tau.len(), tau.len());
        for (j, tau) in tau.iter().enumerate() {
            for i in 0..j {
                t[(i, j)] = (i..j).fold(math::zero::<T>(), |sum, k| sum - *tau * t[(i, k)] * products[(k, j)]);
            }
            t[(j, j)] = *tau;
        }
        Block { v, t }
    }

    /// Overwrites C with its product with the block, or with the block's adjoint.
    fn apply(&self, threads: Threads<'_>, side: Side, adjoint: bool, c: MatMut<'_, T>) {
        let work = 2 * self.v.nrows() * self.v.ncols();
        match side {
            Side::Left => {
                let columns = part(c.ncols(), work);
                threads.for_each(parts(c, columns).into_iter(), |c| self.apply_to_part(side, adjoint, c));
            }
            Side::Right => {
                let rows = part(c.nrows(), work);
                let parts = parts(c.transpose_mut(), rows).into_iter();
                threads.for_each(parts, |c| self.apply_to_part(side, adjoint, c.transpose_mut()));
            }
        }
    }

    fn apply_to_part(&self, side: Side, adjoint: bool, mut c: MatMut<'_, T>) {
        let (v, one) = (self.v.as_ref(), math::one::<T>());
        let others = if side == Side::Left { c.ncols() } else { c.nrows() };
        let mut inner = Mat::<T>::zeros(v.ncols(), others);
        let mut outer = Mat::<T>::zeros(v.ncols(), others);
        // C Q is the adjoint of Qᴴ Cᴴ.
        match side {
            Side::Left => matmul(inner.as_mut(), Accum::Replace, v.adjoint(), c.as_ref(), one, Par::Seq),
            Side::Right => matmul(inner.as_mut(), Accum::Replace, v.adjoint(), c.as_ref().adjoint(), one, Par::Seq),
        }
        let t = self.t.as_ref();
        match (side == Side::Left) == adjoint {
            true => matmul(outer.as_mut(), Accum::Replace, t.adjoint(), inner.as_ref(), one, Par::Seq),
            false => matmul(outer.as_mut(), Accum::Replace, t, inner.as_ref(), one, Par::Seq),
        }
        match side {
            Side::Left => matmul(c.as_mut(), Accum::Add, v, outer.as_ref(), -one, Par::Seq),
            Side::Right => matmul(c.as_mut(), Accum::Add, outer.as_ref().adjoint(), v.adjoint(), -one, Par::Seq),
        }
    }
}
