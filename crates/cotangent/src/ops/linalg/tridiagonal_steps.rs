//! Tridiagonal systems out of ordinary operations, for devices without LAPACK.

use crate::array::Array;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::ops::select;
use crate::ops::staged::{epsilon, repeat};
use crate::trace::frames::bind1;

use super::lu_steps::{at, number, with};

/// Returns the solution, by elimination with row exchanges.
pub(super) fn solve(x: &[Array], perturb_singular: bool) -> Array {
    let [below, main, above, b] = x else { unreachable!("there are four operands") };
    let [ref batch @ .., n, columns] = *b.shape() else { unreachable!("the right-hand side is a matrix") };
    let count: usize = batch.iter().product();
    if b.size() == 0 {
        return b.clone();
    }
    let zero = Array::literal(Literal::int(b.dtype(), 0));
    let column = |x: &Array| x.reshape([count, n, 1]);
    let last = number(DType::I32, n - 1);
    let none = zero.broadcast_to([count, 1, 1]);
    let above = with(&column(above), 1, &last, &none);
    let [below, main] = [below, main].map(column);
    let size = |x: &Array| if x.dtype().is_complex() { x.real().abs() + x.imag().abs() } else { x.abs() };
    let pick = |mask: &Array, yes: &Array, no: &Array| {
        let mask = mask.broadcast_to(yes.shape());
        select(&mask, yes, no, yes.shape())
    };
    // The second diagonal above is made by exchanges.
    let second = zero.broadcast_to([count, n, 1]);
    let start = [number(DType::I32, 0), main, above, second, b.reshape([count, n, columns])];
    let one = number(DType::I32, 1);
    let end = repeat(
        &start,
        |x| x[0].less(&last),
        |x| {
            let [i, main, above, second, b] = x else { unreachable!("the state has five parts") };
            let next = &(i + &one);
            let here = [main, above, second, b].map(|x| at(x, 1, i));
            let there = [&below, main, above].map(|x| at(x, 1, next));
            let there_b = at(b, 1, next);
            let kept = size(&here[0]).greater_equal(size(&there[0]));
            // The rows as the exchange leaves them: elements of columns i, i + 1 and i + 2.
            let upper = [0, 1, 2].map(|d| pick(&kept, &here[d], &there[d]));
            let lower = [0, 1, 2].map(|d| pick(&kept, &there[d], &here[d]));
            let (upper_b, lower_b) = (pick(&kept, &here[3], &there_b), pick(&kept, &there_b, &here[3]));
            let solvable = upper[0].not_equal(&zero);
            let divisor = pick(&solvable, &upper[0], &number(b.dtype(), 1).broadcast_to(upper[0].shape()));
            let factor = &lower[0] / divisor;
            let minus = |x: &Array, y: &Array| x - &factor * y;
            let main = with(&with(main, 1, i, &upper[0]), 1, next, &minus(&lower[1], &upper[1]));
            let above = with(&with(above, 1, i, &upper[1]), 1, next, &minus(&lower[2], &upper[2]));
            let second = with(second, 1, i, &upper[2]);
            let b = with(&with(b, 1, i, &upper_b), 1, next, &minus(&lower_b, &upper_b));
            vec![next.clone(), main, above, second, b]
        },
    );
    let [_, main, above, second, b] =
        <[Array; 5]>::try_from(end).unwrap_or_else(|_| unreachable!("the state has five parts"));
    let zeros = main.equal(&zero);
    let pivots = if perturb_singular {
        let eps = Array::literal(Literal::float(main.dtype().real(), epsilon(main.dtype().real())));
        let parts = [&main, &above, &second].map(|x| size(x).max_axis(1));
        let greatest = parts[0].maximum(&parts[1]).maximum(&parts[2]).expand_dims(1);
        let none = number(greatest.dtype(), 0);
        let greatest = select(&greatest.greater(&none), &greatest, &eps, greatest.shape());
        let least = (greatest * &eps).broadcast_to(main.shape());
        let small = size(&main).less(&least).logical_or(&zeros);
        select(&small, &least.convert(main.dtype(), false), &main, main.shape())
    } else {
        main
    };
    // Two rows of zeros below the last one.
    let start =
        [last.clone(), b.clone(), zero.broadcast_to([count, 1, columns]), zero.broadcast_to([count, 1, columns])];
    let end = repeat(
        &start,
        |x| x[0].greater_equal(number(DType::I32, 0)),
        |x| {
            let [i, b, first, later] = x else { unreachable!("the state has four parts") };
            let rest = at(b, 1, i) - at(&above, 1, i) * first - at(&second, 1, i) * later;
            let row = rest / at(&pivots, 1, i);
            vec![i - &one, with(b, 1, i, &row), row, first.clone()]
        },
    );
    let solution = end[1].clone();
    let solution = if perturb_singular {
        solution
    } else {
        let nan = Array::literal(Literal::float(b.dtype().real(), f64::NAN)).convert(b.dtype(), false);
        let singular = zeros.any_axis(1).reshape([count, 1, 1]).broadcast_to(b.shape());
        select(&singular, &nan, &solution, b.shape())
    };
    bind1(crate::ops::shape::Reshape { shape: x[3].aval().shape }, &[&solution])
}
