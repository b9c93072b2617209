//! The Cholesky decomposition.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::ir::routes::LinearAlgebra;
use crate::trace::frames::bind1;

use super::lapack::{Attribute, lapack, or_nan};
use super::{TriangularSolve, check_square, product, triangle};

use crate::ops::domain::Domain;
use crate::ops::shape::batched_in_front;

/// `cholesky`: returns the lower triangular L with L Lᴴ = A, from the lower triangle of A. If A is not positive
/// definite, all of L is NaN.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let l = bind1(cotangent::extend::primitives::Cholesky, &[&Array::from([[4.0f32, 2.0], [2.0, 10.0]])]);
/// assert_eq!(l.to_vec::<f32>(), [2.0, 0.0, 1.0, 3.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cholesky;

impl Primitive for Cholesky {
    fn name(&self) -> &'static str {
        "cholesky"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Domain::WIDE_INEXACT.one_dtype(inputs)?;
        check_square(&inputs[0])?;
        Ok(inputs.iter().map(|x| x.clone().with_weak_type(false)).collect())
    }

    /// dL = L Φ(L⁻¹ dA L⁻ᴴ), where Φ takes the lower triangle and half of the diagonal (Murray, "Differentiation of the
    /// Cholesky decomposition", 2016). It assumes that dA is Hermitian.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let l = bind1(Cholesky, &[&x[0]]);
        let tangent = dx[0].as_ref().map(|t| {
            let right = TriangularSolve { transpose_a: true, conjugate_a: true, ..TriangularSolve::lower(false) };
            let inner = bind1(TriangularSolve::lower(true), &[&l, &bind1(right, &[&l, t])]);
            let half = Array::literal(Literal::float(l.dtype().real(), 0.5)).convert(l.dtype(), false);
            let phi = (triangle(&inner, true, true) + triangle(&inner, true, false)) * half;
            product(&l, &phi)
        });
        (vec![l], vec![tangent])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        match axes[0] {
            Some(_) => (vec![bind1(Cholesky, &[&batched_in_front(&x[0], axes[0], size)])], vec![Some(0)]),
            None => (vec![bind1(Cholesky, &[&x[0]])], vec![None]),
        }
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let l = match cx.routes().linear_algebra {
            LinearAlgebra::Lapack => potrf(cx, args, &outs[0]),
            LinearAlgebra::Xla => cx.op("stablehlo.cholesky", args, &[("lower", Attr::Bool(true))], &outs[0]),
        };
        // The elements of the factor above the diagonal are unspecified.
        let index = outs[0].with_dtype(DType::I32);
        let rank = index.rank() as i64;
        let mut place = |dim: i64| cx.op("stablehlo.iota", &[], &[("iota_dimension", Attr::I64(dim))], &index);
        let places = [place(rank - 1), place(rank - 2)];
        let le = [("comparison_direction", Attr::Static("#stablehlo<comparison_direction LE>"))];
        let below = cx.op("stablehlo.compare", &places, &le, &outs[0].with_dtype(DType::Bool));
        let zero = cx.splat(&outs[0], Literal::int(outs[0].dtype, 0));
        [cx.op("stablehlo.select", &[below, l, zero], &[], &outs[0])].into()
    }
}

/// Appends LAPACK's Cholesky factor, or NaN if there is none. The other triangle of the result is unspecified.
///
/// The matrices of programs are row-major. Read in column-major order, they are the transposes. The lower triangle is
/// therefore the routine's upper one, and its factor U, with Uᴴ U = Aᵀ, is Lᵀ.
fn potrf(cx: &mut Lowering<'_>, args: &[Value], out: &Aval) -> Value {
    let info = Aval::new(DType::I32, Shape::new(&out.shape[..out.rank() - 2]));
    let results =
        lapack(cx, "potrf", args, &[("uplo", Attribute::Letter('U'))], &[false; 3], &[out.clone(), info.clone()]);
    or_nan(cx, &results[1], [(&results[0], out)]).swap_remove(0)
}
