//! Linear algebra, with NumPy's names. Matrices are the last two axes; all other axes are batch axes.

mod norms;
mod products;
mod eigen;
pub use eigen::eig;
pub use eigen::eigh;
pub use eigen::eigvals;
pub use eigen::eigvalsh;
pub use super::matmul;
pub use super::matrix_transpose;
pub use super::tensordot;
pub use super::vecdot;
pub use super::vecdot_axis;
pub use norms::*;
pub use products::*;
mod determinant;
mod solve;
pub use determinant::det;
pub use determinant::slogdet;
pub use solve::cholesky;
pub use solve::cholesky_as;
pub use solve::inv;
pub use solve::solve;
pub use solve::tensorinv;
pub use solve::tensorsolve;
pub use solve::tensorsolve_axes;
pub(crate) use solve::solved_with;
