//! Linear algebra, with NumPy's names. Matrices are the last two axes; all other axes are batch axes.

pub use super::matmul;
