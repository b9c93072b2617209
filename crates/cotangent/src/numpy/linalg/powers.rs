//! Powers of square matrices.

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::linalg::library1;

/// Returns the `n`-th power of square matrices, by repeated squaring. A negative power is one of the inverse.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1, 1], [0, 1]]);
/// assert_eq!(np::linalg::matrix_power(&x, 5).to_vec::<i32>(), [1, 5, 0, 1]);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn matrix_power(x: impl ArrayLike, n: i32) -> Array {
    let x = x.to_array();
    let size = match x.shape() {
        [.., rows, columns] if rows == columns => *rows,
        _ => raise(Error::shape(format!("matrix_power: the last two axes must be a square matrix, got {}", x.aval()))),
    };
    library1(&[x], |x| {
        let mut square = if n < 0 { super::inv(&x[0]) } else { x[0].clone() };
        let mut rest = n.unsigned_abs();
        let mut power: Option<Array> = None;
        while rest > 0 {
            if rest % 2 == 1 {
                power = Some(power.map_or_else(|| square.clone(), |power| power.matmul(&square)));
            }
            rest /= 2;
            if rest > 0 {
                square = square.matmul(&square);
            }
        }
        power.unwrap_or_else(|| crate::numpy::eye_as(size, size, 0, square.dtype()).broadcast_to(square.shape()))
    })
}
