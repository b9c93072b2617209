//! Products of vectors and matrices.

use crate::array::aval::{Shape, broadcast_shapes};
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::ops::dot::DotGeneral;
use crate::ops::in_one_dtype;
use crate::trace::frames::bind1;

#[track_caller]
pub(crate) fn mismatch(what: &str, x: &Array, y: &Array) -> ! {
    raise(Error::shape(format!("{what}: the sizes of {} and {} do not match", x.aval(), y.aval())))
}

#[track_caller]
pub(crate) fn contract(x: &Array, y: &Array, dims: [Vec<usize>; 2], batch: [Vec<usize>; 2]) -> Array {
    bind1(DotGeneral::new(dims, batch), &[x, y])
}

impl Array {
    /// Returns the sum of products over the last axis of `self` and the last axis but one of `other`. If either is a
    /// scalar, it returns the product.
    ///
    /// # Panics
    /// If the sizes differ.
    ///
    /// ```
    /// use cotangent::Array;
    /// let x = Array::from([1.0f32, 2.0]);
    /// assert_eq!(x.dot(&x).item::<f32>(), 5.0);
    /// ```
    #[track_caller]
    pub fn dot(&self, other: impl ArrayLike) -> Array {
        let [x, y] = in_one_dtype([self.clone(), other.to_array()]);
        if x.ndim() == 0 || y.ndim() == 0 {
            return x * y;
        }
        let (a, b) = (x.ndim() - 1, y.ndim().saturating_sub(2));
        if x.shape()[a] != y.shape()[b] {
            mismatch("dot", &x, &y);
        }
        contract(&x, &y, [vec![a], vec![b]], [vec![], vec![]])
    }

    /// Returns the matrix product over the last two axes. The other axes are batch axes and are broadcast. A vector is
    /// a row on the left and a column on the right. The axis that this adds is not in the result.
    ///
    /// # Panics
    /// If an operand is a scalar, or if the sizes do not match.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::ones([2, 3]).matmul(np::ones([3, 4])).shape(), [2, 4]);
    /// ```
    #[track_caller]
    pub fn matmul(&self, other: impl ArrayLike) -> Array {
        let [x, y] = in_one_dtype([self.clone(), other.to_array()]);
        if x.ndim() == 0 || y.ndim() == 0 {
            raise(
                Error::shape(format!(
                    "matmul: expected operands of one or more dimensions, got {} and {}",
                    x.aval(),
                    y.aval()
                ))
                .help("multiply by a scalar with `*`"),
            );
        }
        let (nx, ny) = (x.ndim(), y.ndim());
        if x.shape()[nx - 1] != y.shape()[ny.saturating_sub(2)] {
            mismatch("matmul", &x, &y);
        }
        if nx <= 2 && ny <= 2 {
            return x.dot(y);
        }
        // Both operands become batches of matrices of the same rank.
        let (row, column) = (nx == 1, ny == 1);
        let x = if row { x.expand_dims(0) } else { x };
        let y = if column { y.expand_dims(1) } else { y };
        let matrix = |a: &Array| (a.shape()[..a.ndim() - 2].to_vec(), a.shape()[a.ndim() - 2..].to_vec());
        let ((bx, mx), (by, my)) = (matrix(&x), matrix(&y));
        let batch = broadcast_shapes(&bx, &by).map_err(|e| e.context("matmul")).or_raise();
        let full = |a: &Array, m: &[usize]| a.broadcast_to(batch.iter().chain(m).copied().collect::<Shape>());
        let n = batch.rank();
        let batches: Vec<usize> = (0..n).collect();
        let out = contract(&full(&x, &mx), &full(&y, &my), [vec![n + 1], vec![n]], [batches.clone(), batches]);
        match (row, column) {
            (true, _) => out.reshape(out.aval().shape.remove(&[n])),
            (_, true) => out.reshape(out.aval().shape.remove(&[n + 1])),
            _ => out,
        }
    }
}
