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

/// Returns the matrix product over the last two axes, with batch axes that broadcast to `batch`. An axis that only one
/// operand has is no batch axis of the product, but more rows or columns: no operand is repeated, and a gradient keeps
/// the operands as they are.
#[track_caller]
fn broadcast_product(x: &Array, y: &Array, batch: &Shape) -> Array {
    let n = batch.rank();
    // The batch axes of each operand, as axes of the result.
    let axes = |a: &Array| (n + 2 - a.ndim()..n).zip(a.shape().iter().copied()).collect::<Vec<_>>();
    let (ax, ay) = (axes(x), axes(y));
    let both: Vec<usize> = ax.iter().filter(|axis| ay.contains(axis)).map(|(d, _)| *d).collect();
    // An axis of size one disappears if the other operand has it in another size.
    let own = |axes: &[(usize, usize)], other: &[(usize, usize)]| -> Vec<usize> {
        let gone = |d: usize, size: usize| both.contains(&d) || size == 1 && other.iter().any(|o| o.0 == d);
        let own = axes.iter().filter(|(d, size)| !gone(*d, *size));
        own.map(|(d, _)| *d).collect()
    };
    let (own_x, own_y) = (own(&ax, &ay), own(&ay, &ax));
    let squeezed = |a: &Array, axes: &[(usize, usize)], own: &[usize]| {
        let kept = axes.iter().filter(|(d, _)| both.contains(d) || own.contains(d)).map(|(_, size)| *size);
        a.reshape(kept.chain(a.shape()[a.ndim() - 2..].iter().copied()).collect::<Shape>())
    };
    let place = |axes: &[(usize, usize)], own: &[usize]| {
        let kept: Vec<usize> = axes.iter().map(|(d, _)| *d).filter(|d| both.contains(d) || own.contains(d)).collect();
        both.iter().map(|d| kept.iter().position(|k| k == d).unwrap_or_default()).collect::<Vec<_>>()
    };
    let (x, y, batches) =
        (squeezed(x, &ax, &own_x), squeezed(y, &ay, &own_y), [place(&ax, &own_x), place(&ay, &own_y)]);
    let out = contract(&x, &y, [vec![x.ndim() - 1], vec![y.ndim() - 2]], batches);
    // The product's axes are those of both, the own ones and the rows of x, then the own ones and the columns of y.
    let found: Vec<usize> = [&both[..], &own_x, &[n], &own_y, &[n + 1]].concat();
    let order: Vec<usize> = (0..n + 2).filter_map(|d| found.iter().position(|f| *f == d)).collect();
    out.transpose(&order)
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
        let (bx, by) = (&x.shape()[..x.ndim() - 2], &y.shape()[..y.ndim() - 2]);
        let batch = broadcast_shapes(bx, by).map_err(|e| e.context("matmul")).or_raise();
        let n = batch.rank();
        let out = if bx == by {
            let axes: Vec<usize> = (0..n).collect();
            contract(&x, &y, [vec![n + 1], vec![n]], [axes.clone(), axes])
        } else {
            broadcast_product(&x, &y, &batch)
        };
        match (row, column) {
            (true, _) => out.reshape(out.aval().shape.remove(&[n])),
            (_, true) => out.reshape(out.aval().shape.remove(&[n + 1])),
            _ => out,
        }
    }
}
