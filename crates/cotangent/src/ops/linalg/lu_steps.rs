//! The LU decomposition out of ordinary operations, for devices without LAPACK.

use crate::array::Array;
use crate::array::aval::Shape;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::ops::arg_reduce::ArgMax;
use crate::ops::dynamic::{DynamicSlice, DynamicUpdateSlice};
use crate::ops::shape::Iota;
use crate::ops::staged::repeat;
use crate::ops::{select, zeros};
use crate::trace::frames::bind1;

use super::{TriangularSolve, joined, part, permuted_rows, product};

/// The number of columns that are eliminated one by one. What is right of them follows by a matrix product.
const BLOCK: usize = 128;

/// Returns the packed factors, the pivots and the permutation.
pub(super) fn lu(a: &Array) -> Vec<Array> {
    let [ref batch @ .., m, n] = *a.shape() else { unreachable!("the operand is a matrix") };
    let (k, count) = (m.min(n), batch.iter().product());
    let whole = |x: &Array, sizes: &[usize]| x.reshape([batch, sizes].concat());
    if a.size() == 0 {
        let rows = counted([count, m], 1);
        return vec![a.clone(), whole(&zeros([count, k], DType::I32), &[k]), whole(&rows, &[m])];
    }
    let (mut a, mut rows) = (a.reshape([count, m, n]), counted([count, m], 1));
    let mut pivots = Vec::new();
    for start in (0..k).step_by(BLOCK) {
        let end = k.min(start + BLOCK);
        let panel = part(&part(&a, -2, start..m), -1, start..end);
        let [panel, exchanged, order] = by_columns(&panel);
        pivots.push(exchanged + number(DType::I32, start));
        let order = order + number(DType::I32, start);
        let order = joined(&[counted([count, start], 1), order], -1);
        rows = permuted_rows(&rows.expand_dims(-1), &order).reshape([count, m]);
        let moved = permuted_rows(&a, &order);
        let (left, above) = (part(&moved, -1, 0..start), part(&moved, -2, 0..start));
        let middle = joined(&[part(&above, -1, start..end), panel.clone()], -2);
        let right = (end < n).then(|| {
            let unit = TriangularSolve { unit_diagonal: true, ..TriangularSolve::lower(true) };
            let [top, bottom] = [start..end, end..m].map(|rows| part(&part(&moved, -2, rows), -1, end..n));
            let top = bind1(unit, &[&part(&panel, -2, 0..end - start), &top]);
            let bottom = bottom - product(&part(&panel, -2, end - start..m - start), &top);
            joined(&[part(&above, -1, end..n), top, bottom], -2)
        });
        a = joined(&[Some(left), Some(middle), right].into_iter().flatten().collect::<Vec<_>>(), -1);
    }
    vec![whole(&a, &[m, n]), whole(&joined(&pivots, -1), &[k]), whole(&rows, &[m])]
}

pub(super) fn number(dtype: DType, x: usize) -> Array {
    Array::literal(Literal::int(dtype, x as i64))
}

/// Returns an array that counts along an axis.
fn counted(shape: impl Into<Vec<usize>>, dimension: usize) -> Array {
    let shape: Shape = shape.into().into_iter().collect();
    bind1(Iota { dtype: DType::I32, shape, dimension }, &[])
}

/// Returns the place of `i` along an axis of `x`, which keeps the size one.
pub(super) fn at(x: &Array, axis: usize, i: &Array) -> Array {
    let mut sizes = x.shape().to_vec();
    sizes[axis] = 1;
    let zero = number(DType::I32, 0);
    let starts: Vec<&Array> = (0..x.ndim()).map(|d| if d == axis { i } else { &zero }).collect();
    bind1(DynamicSlice { slice_sizes: sizes }, &[&[x][..], &starts].concat())
}

/// Returns `x` with another place `i` along an axis.
pub(super) fn with(x: &Array, axis: usize, i: &Array, place: &Array) -> Array {
    let zero = number(DType::I32, 0);
    let starts: Vec<&Array> = (0..x.ndim()).map(|d| if d == axis { i } else { &zero }).collect();
    bind1(DynamicUpdateSlice, &[&[x, place][..], &starts].concat())
}

/// Returns the elements of `x` at a mask that holds once along an axis, which keeps the size one.
fn only(x: &Array, mask: &Array, axis: usize) -> Array {
    let zero = Array::literal(Literal::int(x.dtype(), 0));
    select(mask, x, &zero, x.shape()).sum_axis(axis as isize).expand_dims(axis as isize)
}

/// Exchanges place `i` with the place where `mask` holds, along an axis.
fn exchange(x: &Array, axis: usize, i: &Array, mask: &Array) -> Array {
    let (here, there) = (at(x, axis, i), only(x, mask, axis));
    let fit = |part: &Array| part.broadcast_to(x.shape());
    let first = counted(x.shape(), axis).equal(i);
    select(mask, &fit(&here), &select(&first, &fit(&there), x, x.shape()), x.shape())
}

/// Factors a batch of matrices by eliminating one column after the other.
fn by_columns(a: &Array) -> [Array; 3] {
    let [count, m, n] = *a.shape() else { unreachable!("there is one batch axis") };
    let k = m.min(n);
    let start = [number(DType::I32, 0), a.clone(), zeros([count, k], DType::I32), counted([count, m], 1)];
    let end = repeat(
        &start,
        |x| x[0].less(number(DType::I32, k)),
        |x| {
            let [i, a, pivots, rows] = x else { unreachable!("the state has four parts") };
            let (row, column) = (counted(a.shape(), 1), counted(a.shape(), 2));
            // The first of the elements with the greatest |Re x| + |Im x| on or below the diagonal, as in LAPACK.
            let candidates = at(a, 2, i).reshape([count, m]);
            let size = match candidates.dtype().is_complex() {
                true => candidates.real().abs() + candidates.imag().abs(),
                false => candidates.abs(),
            };
            let least = Array::literal(Literal::float(size.dtype(), f64::NEG_INFINITY));
            let above = counted([count, m], 1).less(i);
            let size = select(&above, &least, &size, &[count, m]);
            let pivot = bind1(ArgMax { axis: 1, index_dtype: DType::I32 }, &[&size]);
            let chosen = |x: &Array, axis: usize| {
                let shape: Vec<usize> = (0..x.ndim()).map(|d| if d == 0 { count } else { 1 }).collect();
                counted(x.shape(), axis).equal(pivot.reshape(shape).broadcast_to(x.shape()))
            };
            let a = exchange(a, 1, i, &chosen(a, 1));
            let rows = exchange(rows, 1, i, &chosen(rows, 1));
            let spread = pivot.reshape([count, 1]).broadcast_to([count, k]);
            let pivots = select(&counted([count, k], 1).equal(i), &spread, pivots, &[count, k]);
            // The factors replace the elements that they eliminate.
            let top = at(&a, 1, i);
            let head = at(&top, 2, i).broadcast_to(a.shape());
            let zero = Array::literal(Literal::int(a.dtype(), 0));
            let below = row.greater(i);
            let factored = below.logical_and(column.equal(i)).logical_and(head.not_equal(&zero));
            let a = select(&factored, &(&a / head), &a, a.shape());
            let update = at(&a, 2, i) * top;
            let touched = below.logical_and(column.greater(i));
            let a = &a - select(&touched, &update, &zero, a.shape());
            vec![i + number(DType::I32, 1), a, pivots, rows]
        },
    );
    let [_, a, pivots, rows] = <[Array; 4]>::try_from(end).unwrap_or_else(|_| unreachable!("the state has four parts"));
    [a, pivots, rows]
}

/// Returns the permutations of `m` rows that the exchanges amount to.
pub(super) fn permutation(pivots: &Array, m: usize) -> Array {
    let [ref batch @ .., k] = *pivots.shape() else { unreachable!("pivots have an axis") };
    let count = batch.iter().product();
    let whole = |rows: &Array| rows.reshape([batch, &[m]].concat());
    let rows = counted([count, m], 1);
    if k == 0 || count == 0 {
        return whole(&rows);
    }
    let start = [number(DType::I32, 0), pivots.reshape([count, k]), rows];
    let end = repeat(
        &start,
        |x| x[0].less(number(DType::I32, k)),
        |x| {
            let (i, rows) = (&x[0], &x[2]);
            let there = counted([count, m], 1).equal(at(&x[1], 1, i).broadcast_to([count, m]));
            vec![i + number(DType::I32, 1), x[1].clone(), exchange(rows, 1, i, &there)]
        },
    );
    whole(&end[2])
}
