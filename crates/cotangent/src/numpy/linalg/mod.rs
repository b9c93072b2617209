//! Linear algebra, with NumPy's names. Matrices are the last two axes; all other axes are batch axes.

mod norms;
mod products;

pub use super::{matmul, matrix_transpose, tensordot, vecdot, vecdot_axis};
pub use norms::*;
pub use products::*;
