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

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::error::{Error, ErrorKind, raise};
use crate::ir::lowering::Lowering;
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

/// Appends the choice between a result and NaN where `info`, which has an element for each matrix, is not zero.
fn or_nan(cx: &mut Lowering<'_>, info: &Value, value: &Value, aval: &Aval) -> Value {
    let each = Aval::new(DType::I32, info.ty().dims().iter().copied().collect::<Shape>());
    let zero = cx.splat(&each, Literal::int(DType::I32, 0));
    let equal = [("comparison_direction", Attr::Static("#stablehlo<comparison_direction EQ>"))];
    let ok = cx.op("stablehlo.compare", &[info.clone(), zero], &equal, &each.with_dtype(DType::Bool));
    let batch: Vec<usize> = (0..each.rank()).collect();
    let ok = cx.broadcast_in_dim(&ok, &aval.with_dtype(DType::Bool).mlir(), &batch);
    let nan = match aval.dtype.is_complex() {
        true => Scalar::Complex(f64::NAN, f64::NAN),
        false => Scalar::Float(f64::NAN),
    };
    let nan = cx.splat(aval, Literal::new(aval.dtype, nan));
    cx.op("stablehlo.select", &[ok, value.clone(), nan], &[], aval)
}

/// Reports that a program for a GPU needs a decomposition that only the CPU has.
fn cpu_only(primitive: &str) -> ! {
    raise(
        Error::new(ErrorKind::Device, format!("`{primitive}` runs on the CPU only"))
            .help("move the matrix to the CPU first, with `.to(Device::cpu(0))`, and decompose it there"),
    )
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
