//! The Cholesky decomposition.

use faer::MatMut;
use faer::reborrow::{Reborrow, ReborrowMut};
use faer::traits::ComplexField;
use faer::traits::pulp::{Arch, Simd, WithSimd};
use xla::{Arrays, Threads};

use crate::panel::{Operations, WIDTH, add, lanes, load, store};
use crate::product::subtract_square;
use crate::scalar::Scalar;
use crate::triangular::{Order, System};
use crate::{at_a_time, batch, letter, matrix, numbers_mut};

/// `potrf`: overwrites one triangle of each Hermitian matrix with its Cholesky factor. The other triangle is not
/// accessed. `info` is 0, or the order of the first leading minor that is not positive.
pub(crate) fn potrf<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
    let lower = letter(call, "uplo", "LU")? == 'L';
    let a = call.update::<T::Element>(0, 0)?;
    let info = call.result::<i32>(1)?.elements;
    info.fill(0);
    let [n, columns] = matrix(a.dims)?;
    if n != columns || info.len() != batch(a.dims) {
        return Err("the shapes do not match".to_owned());
    }
    if n == 0 {
        return Ok(());
    }
    let (threads, some) = (call.threads(), at_a_time(n * n));
    let pieces = numbers_mut::<T>(a.elements).chunks_mut(some * n * n).zip(info.chunks_mut(some));
    threads.for_each(pieces, |(matrices, info)| {
        if n <= SIDE_BY_SIDE {
            let count = info.len() / COUNT * COUNT;
            let ((first, last), (of_first, of_last)) = (matrices.split_at_mut(count * n * n), info.split_at_mut(count));
            factor_side_by_side(first, n, lower, of_first);
            for (a, info) in last.chunks_exact_mut(n * n).zip(of_last) {
                *info = factor_one(a, n, lower).map_or(0, |minor| minor as i32 + 1);
            }
            return;
        }
        let mut work = Work::new(n);
        for (a, info) in matrices.chunks_exact_mut(n * n).zip(info) {
            let a = MatMut::from_column_major_slice_mut(a, n, n);
            // The upper triangle of A is the lower triangle of Aᵀ, the conjugate of A, and the factors are transposes too.
            let failed = factor(threads, if lower { a } else { a.transpose_mut() }, &mut work);
            *info = failed.map_or(0, |minor| minor as i32 + 1);
        }
    });
    Ok(())
}

/// The number of rows up to which a matrix is factored in a copy. Larger matrices are halved, so that most of the work is
/// in matrix products.
const BLOCK: usize = 64;
/// The distance of the columns of the copy. The last vector of rows extends beyond the matrix.
const STRIDE: usize = BLOCK + 32;
/// The largest number of rows of matrices that are factored several at a time.
const SIDE_BY_SIDE: usize = 8;
/// The number of matrices that are factored at a time.
const COUNT: usize = 8;

/// What the factorization of a block needs besides.
struct Work<T> {
    /// The copy of the block.
    block: Vec<T>,
    order: Order<T>,
}

impl<T: Scalar> Work<T> {
    fn new(n: usize) -> Work<T> {
        let size = STRIDE * n.min(BLOCK).next_multiple_of(WIDTH);
        Work { block: vec![T::from_real(0.0); size], order: Order::new() }
    }
}

/// Overwrites the lower triangle of a Hermitian matrix with its factor. Returns the place of the first pivot that is
/// not positive.
fn factor<T: Scalar>(threads: Threads<'_>, mut a: MatMut<'_, T>, work: &mut Work<T>) -> Option<usize> {
    let n = a.nrows();
    if n <= BLOCK {
        return factor_block(a, work);
    }
    let half = (n / 2).next_multiple_of(BLOCK);
    let (mut corner, _, mut below, mut rest) = a.rb_mut().split_at_mut(half, half);
    if let Some(failed) = factor(threads, corner.rb_mut(), work) {
        return Some(failed);
    }
    // X L₁ᴴ = B is L₁* Xᵀ = Bᵀ.
    let system = System { a: corner.rb(), conjugated: true, lower: true, unit: false };
    system.solve(threads, below.rb_mut().transpose_mut(), &mut work.order);
    subtract_square(threads, rest.rb_mut(), below.rb());
    factor(threads, rest, work).map(|failed| failed + half)
}

/// [`factor`] in a copy.
fn factor_block<T: Scalar>(mut a: MatMut<'_, T>, work: &mut Work<T>) -> Option<usize> {
    let n = a.nrows();
    let block = &mut work.block[..];
    let row_major = a.row_stride() != 1;
    for k in 0..n {
        if row_major {
            let row = crate::column(a.rb_mut().transpose_mut(), k);
            block[k..].iter_mut().step_by(STRIDE).zip(&row[..=k]).for_each(|(to, x)| *to = *x);
        } else {
            block[k * STRIDE..][k..n].copy_from_slice(&crate::column(a.rb_mut(), k)[k..]);
        }
    }
    let failed = Arch::new().dispatch(Block { a: block, n });
    for k in 0..n {
        if row_major {
            let row = crate::column(a.rb_mut().transpose_mut(), k);
            row[..=k].iter_mut().zip(block[k..].iter().step_by(STRIDE)).for_each(|(to, x)| *to = *x);
        } else {
            crate::column(a.rb_mut(), k)[k..].copy_from_slice(&block[k * STRIDE..][k..n]);
        }
    }
    failed
}

/// A matrix with `n` columns at distances of `STRIDE`. What is above the diagonal has no meaning.
struct Block<'a, T> {
    a: &'a mut [T],
    n: usize,
}

impl<T: Scalar> WithSimd for Block<'_, T> {
    type Output = Option<usize>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Option<usize> {
        let Block { a, n } = self;
        let context = T::Native::simd_ctx(simd);
        let (simd, lanes) = (Operations::<T, S>::new(&context), lanes::<T, S>());
        for first in (0..n).step_by(WIDTH) {
            let mut corner =
                Corner { inverses: [T::from_real(0.0); WIDTH], factors: [[T::from_real(0.0); WIDTH]; WIDTH] };
            let mut row = first;
            while row < n {
                let failed = if row + lanes < n {
                    columns::<T, S, 2>(simd, a, n, first, row, &mut corner)
                } else {
                    columns::<T, S, 1>(simd, a, n, first, row, &mut corner)
                };
                if failed.is_some() {
                    return failed;
                }
                row += if row + lanes < n { 2 * lanes } else { lanes };
            }
            for (j, factors) in corner.factors.iter().enumerate() {
                for (i, x) in factors.iter().enumerate().take(n - first).skip(j) {
                    a[(first + j) * STRIDE + first + i] = *x;
                }
            }
        }
        None
    }
}

/// `WIDTH` columns of the factor, in the rows where they begin.
struct Corner<T> {
    inverses: [T; WIDTH],
    factors: [[T; WIDTH]; WIDTH],
}

/// Computes `WIDTH` columns of the factor in `R` vectors of rows. The first rows are those of the diagonal.
#[inline(always)]
fn columns<T: Scalar, S: Simd, const R: usize>(
    simd: &Operations<T, S>,
    a: &mut [T],
    n: usize,
    first: usize,
    row: usize,
    corner: &mut Corner<T>,
) -> Option<usize> {
    let mut sums = [[simd.zero(); R]; WIDTH];
    let (before, panel) = a.split_at_mut(first * STRIDE);
    for column in before.chunks_exact(STRIDE) {
        let factors: [T; WIDTH] = std::array::from_fn(|w| column[first..first + WIDTH][w].conjugate());
        add(simd, &mut sums, &factors, &load::<T, S, R>(&column[row..]));
    }
    let mut rest = [[simd.zero(); R]; WIDTH];
    for w in 0..WIDTH {
        let place = &mut panel[w * STRIDE + row..];
        let x = load::<T, S, R>(place);
        for (rest, (x, sum)) in rest[w].iter_mut().zip(x.iter().zip(&sums[w])) {
            *rest = simd.sub(*x, *sum);
        }
        if row == first {
            store::<T, S, R>(place, &rest[w]);
        }
    }
    if row == first {
        for j in 0..WIDTH.min(n - first) {
            let mut column: [T; WIDTH] = std::array::from_fn(|i| panel[j * STRIDE + first..][..WIDTH][i]);
            for known in &corner.factors[..j] {
                let factor = known[j].conjugate();
                column.iter_mut().zip(known).for_each(|(x, y)| *x -= *y * factor);
            }
            // The diagonal of a Hermitian matrix is real, so the imaginary part is not read.
            let Some(root) = column[j].root() else { return Some(first + j) };
            let inverse = T::from_real(1.0).over_real(root);
            column.iter_mut().for_each(|x| *x *= inverse);
            column[j] = root;
            (corner.factors[j], corner.inverses[j]) = (column, inverse);
        }
    }
    for w in 0..WIDTH {
        let inverse = simd.splat(corner.inverses[w].native());
        let solution = rest[w].map(|x| simd.mul(x, inverse));
        store::<T, S, R>(&mut panel[w * STRIDE + row..], &solution);
        for later in w + 1..WIDTH {
            let factor = simd.splat((-corner.factors[w][later].conjugate()).native());
            for (rest, x) in rest[later].iter_mut().zip(&solution) {
                *rest = simd.mul_add(factor, *x, *rest);
            }
        }
    }
    None
}

vectorized! {
/// Factors a small matrix. Returns the place of the first pivot that is not positive.
fn factor_one<'a, T: Scalar>(a: &'a mut [T], n: usize, lower: bool) -> Option<usize> {
    // The loops of the largest size are unrolled.
    match (n == SIDE_BY_SIDE, lower) {
        (true, true) => factor_in_registers(a, SIDE_BY_SIDE, true),
        (true, false) => factor_in_registers(a, SIDE_BY_SIDE, false),
        _ => factor_in_registers(a, n, lower),
    }
}
}

/// [`factor_one`]. The columns are eliminated as in A = L D Lᴴ and scaled at the end, so that no column waits for a square
/// root.
#[inline(always)]
fn factor_in_registers<T: Scalar>(a: &mut [T], n: usize, lower: bool) -> Option<usize> {
    let a = &mut a[..n * n];
    let place = |i: usize, j: usize| if lower { j * n + i } else { i * n + j };
    let (zero, one) = (T::from_real(0.0), T::from_real(1.0));
    // The columns beyond those of the matrix are those of the identity.
    let mut columns: [[T; SIDE_BY_SIDE]; SIDE_BY_SIDE] =
        std::array::from_fn(|j| std::array::from_fn(|i| if i == j { one } else { zero }));
    for (j, column) in columns.iter_mut().enumerate().take(n) {
        (j..n).for_each(|i| column[i] = a[place(i, j)]);
    }
    let mut pivots = [one; SIDE_BY_SIDE];
    for j in 0..SIDE_BY_SIDE {
        let column = columns[j];
        pivots[j] = column[j];
        let factors = column.map(|x| x.over_real(column[j]).conjugate());
        for c in j + 1..SIDE_BY_SIDE {
            columns[c].iter_mut().zip(&column).for_each(|(target, x)| *target -= *x * factors[c]);
        }
    }
    let failed = pivots.iter().position(|pivot| pivot.root().is_none());
    let roots = pivots.map(|pivot| pivot.root().unwrap_or(one));
    let inverses = roots.map(|root| one.over_real(root));
    for (j, column) in columns.iter().enumerate().take(n) {
        a[place(j, j)] = roots[j];
        (j + 1..n).for_each(|i| a[place(i, j)] = column[i] * inverses[j]);
    }
    failed
}

vectorized! {
/// Factors small matrices, `COUNT` at a time, so that their square roots and quotients are computed in vectors.
fn factor_side_by_side<'a, T: Scalar>(matrices: &'a mut [T], n: usize, lower: bool, info: &'a mut [i32]) {
    let place = |i: usize, j: usize| if lower { j * n + i } else { i * n + j };
    for (matrices, info) in matrices.chunks_exact_mut(COUNT * n * n).zip(info.chunks_exact_mut(COUNT)) {
        let mut columns = [[[T::from_real(0.0); COUNT]; SIDE_BY_SIDE]; SIDE_BY_SIDE];
        for (m, a) in matrices.chunks_exact(n * n).enumerate() {
            for (j, column) in columns.iter_mut().enumerate().take(n) {
                (j..n).for_each(|i| column[i][m] = a[place(i, j)]);
            }
        }
        for j in 0..n {
            let (left, right) = columns.split_at_mut(j + 1);
            let column = &mut left[j][..n];
            let mut inverses = [T::from_real(0.0); COUNT];
            for ((x, inverse), info) in column[j].iter_mut().zip(&mut inverses).zip(info.iter_mut()) {
                // The columns after a pivot that is not positive have no meaning.
                let root = x.root();
                if root.is_none() && *info == 0 {
                    *info = j as i32 + 1;
                }
                *x = root.unwrap_or(T::from_real(1.0));
                *inverse = T::from_real(1.0).over_real(*x);
            }
            for x in &mut column[j + 1..] {
                x.iter_mut().zip(&inverses).for_each(|(x, inverse)| *x *= *inverse);
            }
            for (c, target) in (j + 1..n).zip(right) {
                let factors = column[c].map(|x| x.conjugate());
                for (target, x) in target[c..n].iter_mut().zip(&column[c..]) {
                    for (target, (x, factor)) in target.iter_mut().zip(x.iter().zip(&factors)) {
                        *target -= *x * *factor;
                    }
                }
            }
        }
        for (m, a) in matrices.chunks_exact_mut(n * n).enumerate() {
            for (j, column) in columns.iter().enumerate().take(n) {
                (j..n).for_each(|i| a[place(i, j)] = column[i][m]);
            }
        }
    }
}
}
