//! Assignment of rows to columns at the least cost.

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::{scan, top_k, while_loop};
use crate::numpy::{self as np, where_};

/// Assigns rows of a matrix to columns so that the sum of the chosen elements is least
/// ([the Hungarian algorithm](https://en.wikipedia.org/wiki/Hungarian_algorithm), in O(n²m)). Returns the indices of the
/// rows and of the columns; each row has a different column, as many as the smaller dimension.
///
/// ```
/// use cotangent::{optim::assignment, prelude::*};
/// let cost = np::array([[8.0, 4.0, 7.0], [5.0, 2.0, 3.0], [9.0, 4.0, 8.0]]);
/// let (rows, columns) = assignment::hungarian_algorithm(&cost);
/// assert_eq!(cost.at((rows, columns)).get().sum().item::<f32>(), 15.0);
/// ```
///
/// # Panics
/// If the costs are not a matrix of real numbers.
#[track_caller]
pub fn hungarian_algorithm(cost: impl ArrayLike) -> (Array, Array) {
    let cost = cost.to_array();
    if cost.ndim() != 2 || cost.dtype().is_complex() {
        raise(Error::shape(format!("hungarian_algorithm: the costs must be a real matrix, got {}", cost.aval())));
    }
    let cost = cost.to_inexact();
    if cost.size() == 0 {
        return (np::zeros_as(0, DType::I32), np::zeros_as(0, DType::I32));
    }
    let transpose = cost.shape()[0] > cost.shape()[1];
    let cost = if transpose { cost.t() } else { cost };
    let (rows, columns) = (cost.shape()[0], cost.shape()[1]);
    // Potentials of rows and columns, and the row of each column; row and column 0 stand for "none".
    let start = (
        np::zeros_as(rows + 2, cost.dtype()),
        np::zeros_as(columns + 1, cost.dtype()),
        np::zeros_as(columns + 1, DType::I32),
    );
    let add_row = |(u, v, parent): (Array, Array, Array), row: Array| {
        let parent = parent.at(0).set(&row + 1);
        let search = (
            u,
            v,
            np::zeros_as(columns + 1, DType::Bool),
            np::full_as(columns, f64::INFINITY, cost.dtype()),
            np::zeros_as(columns, DType::I32),
            np::zeros_as((), DType::I32),
        );
        type Search = (Array, Array, Array, Array, Array, Array);
        let (u, v, _, _, path, column) = while_loop(
            |s: &Search| parent.at(&s.5).get().not_equal(0),
            |(u, v, used, least, path, column): Search| {
                let used = used.at(&column).set(true);
                let free = np::logical_not(used.slice_axis(0, 1, columns + 1));
                let row = parent.at(&column).get();
                let reduced = cost.at(&row - 1).get() - u.at(&row).get() - v.slice_axis(0, 1, columns + 1);
                let reduced = where_(&free, reduced, f64::INFINITY);
                let path = where_(reduced.less(&least), &column, path);
                let least = where_(reduced.less(&least), reduced, least);
                let open = where_(&free, &least, f64::INFINITY);
                let (column, delta) = (open.argmin() + 1, open.min());
                let indices = where_(&used, &parent, rows + 1);
                let u = u.at(indices).add(&delta);
                let v = where_(&used, &v - &delta, v);
                (u, v, used, where_(&free, &least - delta, &least), path, column.astype(DType::I32))
            },
            search,
        );
        let (parent, _) = while_loop(
            |s: &(Array, Array)| s.1.not_equal(0),
            |(parent, old): (Array, Array)| {
                let new = path.at(&old - 1).get();
                (parent.at(old).set(parent.at(&new).get()), new)
            },
            (parent, column),
        );
        ((u, v, parent), ())
    };
    let ((_, _, parent), ()) = scan(add_row, start, &np::arange_as(rows, DType::I32));
    let parent = parent.slice_axis(0, 1, columns + 1);
    let (parent, indices) = match rows == columns {
        true => (parent, np::arange_as(rows, DType::I32)),
        false => top_k(parent, rows, -1),
    };
    let parent = parent - 1;
    if transpose { (indices, parent) } else { (parent, indices) }
}
