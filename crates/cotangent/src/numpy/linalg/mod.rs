//! Linear algebra, with NumPy's names. Matrices are the last two axes; all other axes are batch axes.
//!
//! Matrices of `f16` and `bf16` are decomposed in `f32`, and the results are rounded.

mod eigen;
mod norms;
mod pinv;
mod powers;
mod products;
mod qr;
mod svd;
pub use super::matmul;
pub use super::matrix_transpose;
pub use super::tensordot;
pub use super::vecdot;
pub use super::vecdot_axis;
pub use eigen::eig;
pub use eigen::eigh;
pub use eigen::eigvals;
pub use eigen::eigvalsh;
pub use norms::*;
pub use powers::matrix_power;
pub use products::*;
mod determinant;
mod solve;
pub use determinant::det;
pub use determinant::slogdet;
pub use pinv::*;
pub use qr::*;
pub use solve::cholesky;
pub use solve::cholesky_as;
pub use solve::inv;
pub use solve::solve;
pub(crate) use solve::solved_with;
pub use solve::tensorinv;
pub use solve::tensorsolve;
pub use solve::tensorsolve_axes;
pub use svd::*;
