//! Systems of equations with a tridiagonal matrix.

use faer::{MatMut, reborrow::ReborrowMut};
use xla::Arrays;

use crate::scalar::Scalar;
use crate::{batch, column, matrix, numbers, numbers_mut};

/// `gtsv`: solves A X = B by elimination with row exchanges. The operands are the diagonal below, the main diagonal, the
/// diagonal above, and B. All diagonals have as many elements as A has rows: the first element of the one below and
/// the last element of the one above are not read. X is the fourth result; the contents of the first three are
/// unspecified. `info` is 0, or the place of the first pivot that is zero. There is no solution then.
pub(crate) fn gtsv<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
    let diagonals = [0, 1, 2].map(|i| call.update::<T::Element>(i, i));
    let [below, main, above] = diagonals;
    let (below, main, above) = (below?, main?, above?);
    let (b, info) = (call.update::<T::Element>(3, 3)?, call.result::<i32>(4)?.elements);
    let ([n, columns], count) = (matrix(b.dims)?, batch(b.dims));
    let mut diagonals = [below.elements, main.elements, above.elements].map(numbers_mut::<T>);
    if diagonals.iter().any(|x| x.len() != n * count) || info.len() != count {
        return Err("the shapes do not match".to_owned());
    }
    info.fill(0);
    if n == 0 {
        return Ok(());
    }
    let b = numbers_mut::<T>(b.elements);
    for (i, info) in info.iter_mut().enumerate() {
        let [below, main, above] = diagonals.each_mut().map(|x| &mut x[i * n..(i + 1) * n]);
        let b = MatMut::from_column_major_slice_mut(&mut b[i * n * columns..(i + 1) * n * columns], n, columns);
        *info = Elimination { below, main, above }.solve(b, None).map_or(0, |zero| zero as i32 + 1);
    }
    Ok(())
}

/// `tridiagonal_solve_perturbed`: solves A X = B as [`gtsv`] does, with pivots that are tiny replaced by numbers that
/// are not, so that X is finite. That finds eigenvectors by inverse iteration.
pub(crate) fn perturbed(call: &mut Arrays<'_>) -> Result<(), String> {
    fn solve<T: Scalar>(call: &mut Arrays<'_>) -> Result<(), String> {
        let x = call.update::<T::Element>(3, 0)?;
        let ([n, columns], count) = (matrix(x.dims)?, batch(x.dims));
        let mut diagonals = Vec::with_capacity(3);
        for i in 0..3 {
            diagonals.push(numbers::<T>(call.operand::<T::Element>(i)?.elements).to_vec());
        }
        if diagonals.iter().any(|x| x.len() != n * count) {
            return Err("the shapes do not match".to_owned());
        }
        let x = numbers_mut::<T>(x.elements);
        for i in (0..count).filter(|_| n > 0) {
            let mut rows = diagonals.iter_mut().map(|x| &mut x[i * n..(i + 1) * n]);
            let (Some(below), Some(main), Some(above)) = (rows.next(), rows.next(), rows.next()) else { continue };
            let x = MatMut::from_column_major_slice_mut(&mut x[i * n * columns..(i + 1) * n * columns], n, columns);
            Elimination { below, main, above }.solve(x, Some(T::epsilon()));
        }
        Ok(())
    }
    let solvers = [solve::<f32>, solve::<f64>, solve::<faer::c32>, solve::<faer::c64>];
    // All but the one of the operands' dtype return an error before they change anything.
    let mut results = solvers.iter().map(|solve| solve(call));
    results.find(Result::is_ok).unwrap_or(Err("the operands are not inexact numbers".to_owned()))
}

/// The diagonals of a matrix. Elimination overwrites the diagonal below with the second diagonal above that row
/// exchanges make.
struct Elimination<'a, T> {
    below: &'a mut [T],
    main: &'a mut [T],
    above: &'a mut [T],
}

impl<T: Scalar> Elimination<'_, T> {
    /// Overwrites B with the solution. If a pivot is zero, returns its place and leaves B unspecified, unless
    /// `tiny` says which pivots are too small, relative to the greatest element of the factor, and are replaced.
    fn solve(&mut self, mut b: MatMut<'_, T>, tiny: Option<T::Magnitude>) -> Option<usize> {
        let Elimination { below, main, above } = self;
        let (n, zero) = (main.len(), T::from_real(0.0));
        above[n - 1] = zero;
        for i in 0..n - 1 {
            // Row i + 1 is (next, main, above), and what row i has in these columns is (main, above, nothing).
            let next = below[i + 1];
            if main[i].magnitude() >= next.magnitude() {
                below[i] = zero;
                if main[i] == zero {
                    if tiny.is_none() {
                        return Some(i);
                    }
                    continue;
                }
                let factor = next.over(main[i]);
                main[i + 1] -= factor * above[i];
                for j in 0..b.ncols() {
                    let b = column(b.rb_mut(), j);
                    b[i + 1] -= factor * b[i];
                }
            } else {
                let factor = main[i].over(next);
                main[i] = next;
                let upper = above[i];
                above[i] = main[i + 1];
                main[i + 1] = upper - factor * main[i + 1];
                below[i] = above[i + 1];
                above[i + 1] = zero - factor * above[i + 1];
                for j in 0..b.ncols() {
                    let b = column(b.rb_mut(), j);
                    b.swap(i, i + 1);
                    b[i + 1] -= factor * b[i];
                }
            }
        }
        below[n - 1] = zero;
        match tiny {
            None if main[n - 1] == zero => return Some(n - 1),
            None => {}
            Some(tiny) => {
                let all = main.iter().chain(&**above).chain(&**below).map(|x| x.magnitude());
                let greatest = all.fold(zero.magnitude(), |x, y| if y > x { y } else { x });
                let least = T::scaled(if greatest > zero.magnitude() { greatest } else { tiny }, tiny);
                let small = main.iter_mut().filter(|x| x.magnitude() < least.magnitude() || **x == zero);
                small.for_each(|x| *x = least);
            }
        }
        for j in 0..b.ncols() {
            let b = column(b.rb_mut(), j);
            for i in (0..n).rev() {
                let mut rest = b[i];
                if i + 1 < n {
                    rest -= above[i] * b[i + 1];
                }
                if i + 2 < n {
                    rest -= below[i] * b[i + 2];
                }
                b[i] = rest.over(main[i]);
            }
        }
        None
    }
}
