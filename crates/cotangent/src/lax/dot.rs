//! Contractions with all options.

pub use crate::ops::dot::DotGeneral;

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::trace::frames::bind1;

/// Returns the sum of products over contracting dimensions, for each index of the batch dimensions. The result has the
/// batch dimensions first, then the other dimensions of the left operand, then those of the right operand.
///
/// ```
/// use cotangent::{DType, lax, numpy as np};
/// let (x, y) = (np::ones([5, 2, 3]).astype(DType::BF16), np::ones([5, 3, 4]).astype(DType::BF16));
/// let product = lax::DotGeneral::new([vec![2], vec![1]], [vec![0], vec![0]]).preferred_element_type(DType::F32);
/// let z = lax::dot_general(x, y, &product);
/// assert_eq!(z.aval().to_string(), "f32[5,2,4]");
/// ```
///
/// # Panics
/// If sizes or dtypes do not fit.
#[track_caller]
pub fn dot_general(lhs: impl ArrayLike, rhs: impl ArrayLike, options: &DotGeneral) -> Array {
    bind1(options.clone(), &[&lhs.to_array(), &rhs.to_array()])
}

/// Returns the product of vectors and matrices: over the last dimension of the left and the first of the right operand.
///
/// ```
/// use cotangent::{Array, lax};
/// let x = Array::from([1.0f32, 2.0]);
/// assert_eq!(lax::dot(&x, &x).item::<f32>(), 5.0);
/// ```
///
/// # Panics
/// If an operand is neither a vector nor a matrix, or sizes or dtypes do not fit.
#[track_caller]
pub fn dot(lhs: impl ArrayLike, rhs: impl ArrayLike) -> Array {
    let (x, y) = (lhs.to_array(), rhs.to_array());
    if !(1..=2).contains(&x.ndim()) || !(1..=2).contains(&y.ndim()) {
        raise(
            Error::shape(format!("dot: expected vectors or matrices, got {} and {}", x.aval(), y.aval()))
                .help("use `dot_general` or `numpy::matmul`"),
        );
    }
    bind1(DotGeneral::new([vec![x.ndim() - 1], vec![0]], [vec![], vec![]]), &[&x, &y])
}
