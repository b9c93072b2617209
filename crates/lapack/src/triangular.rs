//! Triangular systems.

use faer::reborrow::{Reborrow, ReborrowMut};
use faer::traits::ComplexField;
use faer::traits::pulp::{Arch, Simd, WithSimd};
use faer::{Accum, Conj, MatMut, MatRef};
use xla::{Arrays, Threads};

use crate::panel::{Columns, Operations, WIDTH, add, lanes, load, store};
use crate::product::{conjugated, part, parts};
use crate::scalar::Scalar;
use crate::triangular_small::{self, Layout, Systems};
use crate::{at_a_time, letter, matrix, numbers, numbers_mut};

/// `trsm`: solves op(A) X = B or X op(A) = B for X. A is triangular, and op is the identity, the transpose or the
/// conjugate transpose.
pub(crate) fn trsm<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
    let left = letter(call, "side", "LR")? == 'L';
    let upper = letter(call, "uplo", "LU")? == 'U';
    let unit = letter(call, "diag", "NU")? == 'U';
    let op = letter(call, "trans_x", "NTC")?;
    let a = call.operand::<T::Element>(0)?;
    let b = call.update::<T::Element>(1, 0)?;
    let ([n, columns], [rows, width]) = (matrix(a.dims)?, matrix(b.dims)?);
    if n != columns || n != if left { rows } else { width } || a.dims[..a.dims.len() - 2] != b.dims[..b.dims.len() - 2]
    {
        return Err("the shapes do not match".to_owned());
    }
    if b.elements.is_empty() {
        return Ok(());
    }
    let (elements, b) = (numbers::<T>(a.elements), numbers_mut::<T>(b.elements));
    // X op(A) = B is op(A)ᵀ Xᵀ = Bᵀ.
    let transposed = left == (op != 'N');
    let (conjugated, lower) = (op == 'C', upper == transposed);
    let (threads, some) = (call.threads(), at_a_time(n * n + rows * width));
    let layout = Layout {
        n,
        sides: if left { width } else { rows },
        row_major: transposed,
        lower,
        conjugated,
        unit,
        by_unknown: !left,
    };
    threads.for_each(elements.chunks(some * n * n).zip(b.chunks_mut(some * rows * width)), |(a, b)| {
        let solved = if n <= triangular_small::MOST { small(layout, a, b) } else { 0 };
        let (a, b) = (&a[solved * n * n..], &mut b[solved * rows * width..]);
        let mut order = Order::new();
        for (a, b) in a.chunks_exact(n * n).zip(b.chunks_exact_mut(rows * width)) {
            let a = MatRef::from_column_major_slice(a, n, n);
            let b = MatMut::from_column_major_slice_mut(b, rows, width);
            let system = System { a: if transposed { a.transpose() } else { a }, conjugated, lower, unit };
            system.solve(threads, if left { b } else { b.transpose_mut() }, &mut order);
        }
    });
    Ok(())
}

/// Solves small systems. Returns the number of those that were solved, from the first one.
fn small<T: Scalar>(layout: Layout, a: &[T], b: &mut [T]) -> usize {
    const HALF: usize = triangular_small::MOST / 2;
    match layout.n {
        ..=HALF => Arch::new().dispatch(Systems::<T, HALF> { layout, a, b }),
        _ => Arch::new().dispatch(Systems::<T, { triangular_small::MOST }> { layout, a, b }),
    }
}

/// A triangular matrix.
#[derive(Clone, Copy)]
pub(crate) struct System<'a, T> {
    pub(crate) a: MatRef<'a, T>,
    pub(crate) conjugated: bool,
    pub(crate) lower: bool,
    pub(crate) unit: bool,
}

/// The number of unknowns up to which the system is solved by substitution. Larger systems are halved, so that most of
/// the work is in matrix products.
const BLOCK: usize = 64;

impl<'a, T: Scalar> System<'a, T> {
    /// Overwrites B with the solution. The elements of a row or of a column of B must be contiguous.
    pub(crate) fn solve(self, threads: Threads<'_>, b: MatMut<'_, T>, order: &mut Order<T>) {
        let (n, width) = (self.a.nrows(), b.ncols());
        let columns = part(width, n * n / 2);
        if columns >= width {
            return self.solve_part(threads, b, order);
        }
        threads.for_each(parts(b, columns).into_iter(), |b| self.solve_part(threads, b, &mut Order::new()));
    }

    fn solve_part(self, threads: Threads<'_>, mut b: MatMut<'_, T>, order: &mut Order<T>) {
        let n = self.a.nrows();
        if n <= BLOCK {
            order.read(self);
            if let Some(rows) = b.rb_mut().transpose_mut().try_as_col_major_mut() {
                Arch::new().dispatch(Rows { order, x: rows });
            } else {
                Arch::new().dispatch(Sides { order, b });
            }
            return;
        }
        let half = (n / 2).next_multiple_of(8);
        let (first, above, below, last) = self.a.split_at(half, half);
        let half_of = |a: MatRef<'a, T>| System { a, ..self };
        let (mut top, mut bottom) = b.split_at_row_mut(half);
        let (conj, one) = (if self.conjugated { Conj::Yes } else { Conj::No }, T::from_real(1.0));
        let subtract = |to: MatMut<'_, T>, a: MatRef<'_, T>, x: MatRef<'_, T>| {
            conjugated(threads, to, Accum::Add, (a, conj), (x, Conj::No), -one);
        };
        if self.lower {
            half_of(first).solve_part(threads, top.rb_mut(), order);
            subtract(bottom.rb_mut(), below, top.rb());
            half_of(last).solve_part(threads, bottom, order);
        } else {
            half_of(last).solve_part(threads, bottom.rb_mut(), order);
            subtract(top.rb_mut(), above, bottom.rb());
            half_of(first).solve_part(threads, top, order);
        }
    }
}

/// The coefficients of a system of up to `BLOCK` unknowns, in the order of the substitution: the equations of a lower
/// triangular matrix from the first one, those of an upper one from the last.
pub(crate) struct Order<T> {
    n: usize,
    reversed: bool,
    unit: bool,
    /// For every `WIDTH` equations, the coefficients of each unknown before and in them.
    coefficients: Vec<[T; WIDTH]>,
    /// The diagonal.
    pivots: Vec<Pivot<T>>,
}

/// An element of the diagonal.
#[derive(Clone, Copy)]
enum Pivot<T> {
    Inverse(T),
    /// Its reciprocal may be out of range.
    Divisor(T),
}

impl<T: Scalar> Order<T> {
    pub(crate) fn new() -> Order<T> {
        Order { n: 0, reversed: false, unit: false, coefficients: Vec::new(), pivots: Vec::new() }
    }

    /// Returns the index of an unknown in the system.
    #[inline(always)]
    fn at(&self, i: usize) -> usize {
        if self.reversed { self.n - 1 - i } else { i }
    }

    fn read(&mut self, system: System<'_, T>) {
        let System { a, conjugated, lower, unit } = system;
        let (n, zero) = (a.nrows(), T::from_real(0.0));
        (self.n, self.reversed, self.unit) = (n, !lower, unit);
        self.pivots.clear();
        if !unit {
            self.pivots.extend((0..n).map(|i| {
                let i = if lower { i } else { n - 1 - i };
                let pivot = if conjugated { a[(i, i)].conjugate() } else { a[(i, i)] };
                if pivot.is_moderate() { Pivot::Inverse(T::from_real(1.0).over(pivot)) } else { Pivot::Divisor(pivot) }
            }));
        }
        let panels = n.div_ceil(WIDTH);
        let count = WIDTH * panels * (panels + 1) / 2;
        if self.coefficients.len() < count {
            self.coefficients.resize(count, [zero; WIDTH]);
        }
        let at = |i: usize, k: usize| if lower { a[(i, k)] } else { a[(n - 1 - i, n - 1 - k)] };
        let mut rest = &mut self.coefficients[..];
        for first in (0..n).step_by(WIDTH) {
            let (panel, others) = rest.split_at_mut(first + WIDTH);
            rest = others;
            let count = WIDTH.min(n - first);
            if count == WIDTH {
                read_panel(a, lower, &mut panel[..first]);
            }
            for w in 0..count {
                let known = if count == WIDTH { first } else { 0 };
                for (k, row) in panel.iter_mut().enumerate().take(first + w).skip(known) {
                    row[w] = at(first + w, k);
                }
            }
            if conjugated {
                panel.iter_mut().flatten().for_each(|x| *x = x.conjugate());
            }
        }
    }

    /// Solves for `R` vectors of right-hand sides, which are rows of a matrix with a column for each unknown.
    #[inline(always)]
    fn substitute<S: Simd, const R: usize>(&self, simd: &Operations<T, S>, mut x: Columns<'_, T>, row: usize) {
        let mut coefficients = &self.coefficients[..];
        for first in (0..self.n).step_by(WIDTH) {
            let (panel, others) = coefficients.split_at(first + WIDTH);
            coefficients = others;
            let (before, inside) = panel.split_at(first);
            let mut sums = [[simd.zero(); R]; WIDTH];
            for (i, factors) in before.iter().enumerate() {
                add(simd, &mut sums, factors, &load::<T, S, R>(&x.rb().col(self.at(i)).as_slice()[row..]));
            }
            for w in 0..WIDTH {
                if first + w >= self.n {
                    break;
                }
                let place = &mut x.rb_mut().col_mut(self.at(first + w)).as_slice_mut()[row..];
                let mut solution = load::<T, S, R>(place);
                for (x, sum) in solution.iter_mut().zip(&sums[w]) {
                    *x = simd.sub(*x, *sum);
                }
                if !self.unit {
                    match self.pivots[first + w] {
                        Pivot::Inverse(inverse) => {
                            let inverse = simd.splat(inverse.native());
                            solution = solution.map(|x| simd.mul(x, inverse));
                        }
                        Pivot::Divisor(pivot) => divide(bytemuck::cast_slice_mut(&mut solution), pivot),
                    }
                }
                store::<T, S, R>(place, &solution);
                add(simd, &mut sums, &inside[w], &solution);
            }
        }
    }
}

/// Reads `WIDTH` rows of a triangular matrix side by side, the first of which has as many elements before the diagonal as
/// `panel`. The rows of an upper triangular matrix count from the last one, and its columns as well.
fn read_panel<T: Scalar>(a: MatRef<'_, T>, lower: bool, panel: &mut [[T; WIDTH]]) {
    let (n, first) = (a.nrows(), panel.len());
    if a.col_stride() == 1 {
        let rows: [&[T]; WIDTH] = std::array::from_fn(|w| {
            let row = a.row(if lower { first + w } else { n - 1 - first - w });
            let row = row.try_as_row_major().expect("the elements of a row are contiguous").transpose().as_slice();
            if lower { &row[..first] } else { &row[n - first..] }
        });
        match lower {
            true => panel.iter_mut().enumerate().for_each(|(k, to)| *to = rows.map(|row| row[k])),
            false => panel.iter_mut().rev().enumerate().for_each(|(k, to)| *to = rows.map(|row| row[k])),
        }
        return;
    }
    for (k, to) in panel.iter_mut().enumerate() {
        let column = a.col(if lower { k } else { n - 1 - k });
        let column = column.try_as_col_major().expect("the elements of a column are contiguous").as_slice();
        let start = if lower { first } else { n - first - WIDTH };
        to.copy_from_slice(&column[start..start + WIDTH]);
        if !lower {
            to.reverse();
        }
    }
}

#[cold]
#[inline(never)]
fn divide<T: Scalar>(x: &mut [T], divisor: T) {
    x.iter_mut().for_each(|x| *x = x.over(divisor));
}

/// A system whose right-hand sides are the rows of a matrix.
struct Rows<'a, T> {
    order: &'a Order<T>,
    x: Columns<'a, T>,
}

impl<T: Scalar> WithSimd for Rows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Rows { order, mut x } = self;
        let (context, lanes) = (T::Native::simd_ctx(simd), lanes::<T, S>());
        let (simd, count, mut row) = (Operations::<T, S>::new(&context), x.nrows(), 0);
        while row + 2 * lanes <= count {
            order.substitute::<S, 2>(simd, x.rb_mut(), row);
            row += 2 * lanes;
        }
        while row < count {
            if row + lanes <= count {
                order.substitute::<S, 1>(simd, x.rb_mut(), row);
            } else {
                // The last rows do not fill a vector.
                let mut tile = [simd.zero(); BLOCK];
                let tile: &mut [T] = bytemuck::cast_slice_mut(&mut tile[..order.n]);
                for (j, tile) in tile.chunks_exact_mut(lanes).enumerate() {
                    tile.iter_mut().zip(&x.rb().col(j).as_slice()[row..]).for_each(|(to, x)| *to = *x);
                }
                order.substitute::<S, 1>(simd, columns(tile, lanes), 0);
                for (j, tile) in tile.chunks_exact(lanes).enumerate() {
                    x.rb_mut().col_mut(j).as_slice_mut()[row..].iter_mut().zip(tile).for_each(|(to, x)| *to = *x);
                }
            }
            row += lanes;
        }
    }
}

/// A system whose right-hand sides are the columns of a matrix. They are transposed some at a time.
struct Sides<'a, T> {
    order: &'a Order<T>,
    b: MatMut<'a, T>,
}

impl<T: Scalar> WithSimd for Sides<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Sides { order, mut b } = self;
        let (context, n, width) = (T::Native::simd_ctx(simd), order.n, b.ncols());
        let simd = Operations::<T, S>::new(&context);
        let mut tile = [[simd.zero(); 2]; BLOCK];
        let count = if width <= lanes::<T, S>() { lanes::<T, S>() } else { 2 * lanes::<T, S>() };
        let tile: &mut [T] = &mut bytemuck::cast_slice_mut(tile.as_flattened_mut())[..count * n];
        for start in (0..width).step_by(count) {
            let sides = count.min(width - start);
            for c in 0..sides {
                let column = crate::column(b.rb_mut(), start + c);
                tile[c..].iter_mut().step_by(count).zip(column).for_each(|(to, x)| *to = *x);
            }
            if count == lanes::<T, S>() {
                order.substitute::<S, 1>(simd, columns(tile, count), 0);
            } else {
                order.substitute::<S, 2>(simd, columns(tile, count), 0);
            }
            for c in 0..sides {
                let column = crate::column(b.rb_mut(), start + c);
                tile[c..].iter().step_by(count).zip(column).for_each(|(x, to)| *to = *x);
            }
        }
    }
}

/// Returns the matrix with these contiguous columns.
#[inline(always)]
fn columns<T>(elements: &mut [T], rows: usize) -> Columns<'_, T> {
    let count = elements.len() / rows;
    match MatMut::from_column_major_slice_mut(elements, rows, count).try_as_col_major_mut() {
        Some(columns) => columns,
        None => unreachable!("the matrix is column-major"),
    }
}
