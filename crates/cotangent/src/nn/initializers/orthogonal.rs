//! Initializers of orthogonal matrices.

use crate::api::jit::jit;
use crate::array::Array;
use crate::array::aval::{Shape, canonical_axis};
use crate::array::dtype::DType;
use crate::error::{Error, OrRaise, raise};
use crate::lax;
use crate::numpy as np;
use crate::random::Key;

use super::{Initializer, number, standard_normal};

/// Returns an initializer of matrices with orthonormal rows or columns, whichever are fewer, drawn uniformly, times
/// `scale`. `column_axis` is the axis of columns, and all others together are that of rows. JAX's defaults are 1 and −1.
///
/// The columns are those of a normal matrix, made orthonormal in `f64` by two rounds of Cholesky QR
/// ([source](https://doi.org/10.1145/2688912)): the factor that a QR decomposition with a positive diagonal has.
///
/// ```
/// use cotangent::{nn::initializers, prelude::*};
/// let q = initializers::orthogonal(1.0, -1).init(random::key(0), [5, 3]);
/// assert!(np::allclose_with(q.t().dot(&q), np::identity(3), 1e-5, 1e-5, false).item::<bool>());
/// ```
///
/// # Panics
/// The initializer panics for a shape of fewer than two dimensions, or without such an axis.
pub fn orthogonal(scale: f64, column_axis: isize) -> Initializer {
    Initializer::new(format!("orthogonal({scale}, {column_axis})"), move |key, shape, dtype| {
        if shape.len() < 2 {
            raise(
                Error::shape(format!("orthogonal: expected at least two dimensions, got shape {}", Shape::new(shape)))
                    .help("one axis has the columns, and all others together are the rows"),
            );
        }
        let at = canonical_axis(column_axis, shape.len()).map_err(|e| e.context("orthogonal")).or_raise();
        let columns = shape[at];
        let rows = shape.iter().product::<usize>().checked_div(columns).unwrap_or(0);
        if rows == 0 || columns == 0 {
            return np::zeros_as(shape, dtype);
        }
        let others: Shape = Shape::new(shape).remove(&[at]).iter().copied().chain([columns]).collect();
        let draw = |key: &Key| {
            let q = orthonormal(key.clone(), rows, columns, dtype);
            number(scale, dtype) * q.reshape(&others).moveaxis(-1, at as isize)
        };
        jit(draw)(&key)
    })
}

/// Draws a matrix with orthonormal rows or columns.
#[track_caller]
fn orthonormal(key: Key, rows: usize, columns: usize, dtype: DType) -> Array {
    let wide = if dtype.is_complex() { DType::C128 } else { DType::F64 };
    let (long, short) = (rows.max(columns), rows.min(columns));
    let adjoint = |x: &Array| x.t().conj();
    // The columns of the normal matrix, as rows: L⁻¹ makes them orthonormal if L Lᴴ are their products.
    let mut vectors = adjoint(&standard_normal(key, &[long, short], dtype).astype(wide));
    for _ in 0..2 {
        let factor = lax::linalg::cholesky(vectors.dot(adjoint(&vectors)));
        vectors = lax::linalg::triangular_solve(&factor, &vectors, &lax::linalg::TriangularSolve::lower(true));
    }
    let q = adjoint(&vectors).astype(dtype);
    if rows < columns { q.t() } else { q }
}

/// Returns an initializer of kernels of convolutions that keep norms
/// ([source](https://arxiv.org/abs/1806.05393)): the middle element of the window is [`orthogonal`], and the others are
/// zero. Shapes are (spatial dimensions, inputs, outputs), with at most as many inputs as outputs.
///
/// ```
/// use cotangent::{nn::initializers, prelude::*};
/// let kernel = initializers::delta_orthogonal(1.0, -1).init(random::key(0), [3, 2, 2]);
/// assert_eq!(kernel.at(0).get().to_vec::<f32>(), [0.0; 4]);
/// ```
///
/// # Panics
/// The initializer panics for a shape without one to three spatial dimensions, or with more inputs than outputs.
pub fn delta_orthogonal(scale: f64, column_axis: isize) -> Initializer {
    Initializer::new(format!("delta_orthogonal({scale}, {column_axis})"), move |key, shape, dtype| {
        let text = || Shape::new(shape);
        let [window @ .., inputs, outputs] = shape else {
            raise(Error::shape(format!("delta_orthogonal: {} is not the shape of a kernel", text())))
        };
        if !(1..=3).contains(&window.len()) || outputs < inputs {
            raise(Error::shape(format!("delta_orthogonal: {} is not the shape of a kernel", text())).help(
                "the shape is (one to three spatial dimensions, inputs, outputs), with at most as many inputs as outputs",
            ));
        }
        if window.contains(&0) {
            return np::zeros_as(shape, dtype);
        }
        let matrix = orthogonal(scale, column_axis).init_as(key, [*inputs, *outputs], dtype);
        // The middle of an even window is the element before it, as in JAX.
        let padding: Vec<(usize, usize)> =
            (window.iter()).map(|n| ((n - 1) / 2, n / 2)).chain([(0, 0), (0, 0)]).collect();
        let one: Shape = window.iter().map(|_| 1).chain([*inputs, *outputs]).collect();
        np::pad(matrix.reshape(&one), &padding, number(0.0, dtype))
    })
}
