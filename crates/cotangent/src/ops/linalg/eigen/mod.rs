//! Eigenvalues, and the decompositions and reductions that lead to them.
//!
//! On the CPU, LAPACK computes them. On a GPU, XLA decomposes Hermitian matrices by Jacobi's method; it has nothing for
//! the others.

mod eig;
mod eigh;
mod reductions;
mod schur;

pub use eig::Eig;
pub use eigh::Eigh;
pub use reductions::{Hessenberg, Tridiagonal};
pub use schur::Schur;

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::platform::Platform;
use crate::error::{Error, ErrorKind, raise};
use crate::ir::routes::{LinearAlgebra, Routes};
use crate::ops::shape::Iota;
use crate::ops::{select, zeros};
use crate::trace::frames::bind1;

/// Returns the type of the status of each matrix.
fn status(a: &Aval) -> Aval {
    Aval::new(DType::I32, Shape::new(&a.shape[..a.rank() - 2]))
}

/// Returns the type with the last axes replaced.
fn with_last(a: &Aval, dtype: DType, axes: &[usize]) -> Aval {
    let batch = &a.shape[..a.rank() - 2];
    Aval::new(dtype, batch.iter().chain(axes).copied().collect::<Shape>())
}

/// Returns whether LAPACK computes what programs for the platform need. XLA has no reductions to Hessenberg,
/// tridiagonal or Schur form.
fn has_lapack(platform: Platform) -> bool {
    Routes::of(platform).linear_algebra == LinearAlgebra::Lapack
}

/// Reports that there is no formula for the tangent of a decomposition.
fn no_tangent(primitive: &str) -> ! {
    raise(Error::new(ErrorKind::Transform, format!("`{primitive}` has no derivative")).help(
        "differentiate a function of the matrix that needs no such decomposition, or define a rule with \
                   `custom_jvp`; eigenvalues have derivatives (`eig`, `eigh`)",
    ))
}

/// Returns the conjugate transpose over the last two axes.
fn adjoint(x: &Array) -> Array {
    let x = x.moveaxis(-1, -2);
    if x.dtype().is_complex() { x.conj() } else { x }
}

/// Returns the matrix that is true on its diagonal.
fn on_diagonal(n: usize) -> Array {
    let index = |dimension| bind1(Iota { dtype: DType::I32, shape: Shape::new(&[n, n]), dimension }, &[]);
    index(0).equal(index(1))
}

/// Returns the diagonals of matrices.
fn diagonal(x: &Array) -> Array {
    let n = x.shape()[x.ndim() - 1];
    select(&on_diagonal(n), x, &zeros((), x.dtype()), x.shape()).sum_axis(-1)
}

/// Returns 1/(wⱼ − wᵢ) in row i and column j, and zeros on the diagonal.
fn inverse_differences(w: &Array) -> Array {
    let n = w.shape()[w.ndim() - 1];
    let difference = w.expand_dims(-2) - w.expand_dims(-1);
    let one = Array::literal(Literal::int(w.dtype(), 1));
    let shape = difference.shape().to_vec();
    let diagonal = on_diagonal(n);
    let inverse = one.broadcast_to(&shape[..]) / select(&diagonal, &one, &difference, &shape);
    select(&diagonal, &zeros((), w.dtype()), &inverse, &shape)
}
