//! The LU decomposition.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::ir::routes::LinearAlgebra;
use crate::ops::domain::Domain;
use crate::ops::shape::batched_in_front;
use crate::ops::staged;
use crate::trace::frames::{bind, bind1};

use super::lapack::{kernel, lapack, letter};
use super::pivots::permutation;
use super::{TriangularSolve, joined, lu_steps, part, permuted_rows, product, triangle};

/// `lu`: returns L and U with P A = L U in one matrix, the pivots, and the permutation P. A may be rectangular. The
/// diagonal of L is one and is not stored. Row i was exchanged with row `pivots[i]`. Row i of P A is row
/// `permutation[i]` of A.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind;
/// let out = bind(cotangent::extend::primitives::Lu, &[&Array::from([[2.0f32, 1.0], [4.0, 6.0]])]);
/// assert_eq!(out[0].to_vec::<f32>(), [4.0, 6.0, 0.5, -2.0]);
/// assert_eq!([out[1].to_vec::<i32>(), out[2].to_vec::<i32>()], [[1, 1], [1, 0]]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lu;

impl Primitive for Lu {
    fn name(&self) -> &'static str {
        "lu"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Domain::WIDE_INEXACT.one_dtype(inputs)?;
        let a = &inputs[0];
        let [ref batch @ .., m, n] = a.shape[..] else {
            return Err(Error::shape(format!("the operand must be a matrix, got {a}")));
        };
        let whole = |size: usize| Aval::new(DType::I32, Shape::new(batch).insert(batch.len(), size));
        Ok([a.clone().with_weak_type(false), whole(m.min(n)), whole(m)].into_iter().collect())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = bind(Lu, &[&x[0]]).into_vec();
        let tangent = dx[0].as_ref().map(|t| tangent(&out[0], &permuted_rows(t, &out[2])));
        (out, vec![tangent, None, None])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (bind(Lu, &[&batched_in_front(&x[0], axes[0], size)]).into_vec(), vec![Some(0); 3])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        if cx.routes().linear_algebra == LinearAlgebra::Xla {
            return staged::inline(cx, args, inputs, |x| lu_steps::lu(&x[0]));
        }
        if !cx.portable() {
            let target = format!("cotangent_{}lu", letter(outs[0].dtype));
            return kernel(cx, target, args, &[], &[false; 4], outs);
        }
        let info = Aval::new(DType::I32, Shape::new(&outs[0].shape[..outs[0].rank() - 2]));
        let results = [outs[0].clone(), outs[1].clone(), info];
        let factored = lapack(cx, "getrf", args, &[], &[true, true, false, false], &results);
        // LAPACK counts from one.
        let one = cx.splat(&outs[1], Literal::int(DType::I32, 1));
        let pivots = cx.op("stablehlo.subtract", &[factored[1].clone(), one], &[], &outs[1]);
        let rows = permutation(cx, &pivots, &outs[1], &outs[2]);
        [factored[0].clone(), pivots, rows].into_iter().collect()
    }
}

/// Returns the tangent of the packed factors from that of P A.
///
/// For square matrices, dL = L T and dU = T′ U, where T and T′ are the strictly lower and the upper triangle of
/// L⁻¹ P dA U⁻¹ (de Hoog, Anderssen and Lukas, "Differentiation of matrix functionals using triangular factorization",
/// 2011). The factors of a rectangular matrix are those of its square corner, and one more block that solves a
/// triangular system.
fn tangent(lu: &Array, t: &Array) -> Array {
    let [m, n] = [lu.shape()[lu.ndim() - 2], lu.shape()[lu.ndim() - 1]];
    let k = m.min(n);
    let corner = part(&part(lu, -2, 0..k), -1, 0..k);
    let by_l = |b: &Array| {
        let unit = TriangularSolve { unit_diagonal: true, ..TriangularSolve::lower(true) };
        bind1(unit, &[&corner, b])
    };
    let by_u = |b: &Array| bind1(TriangularSolve { lower: false, ..TriangularSolve::lower(false) }, &[&corner, b]);
    let solved = by_l(&part(t, -2, 0..k));
    let both = by_u(&part(&solved, -1, 0..k));
    let (below, above) = (triangle(&both, true, false), triangle(&both, false, true));
    let (l, u) = (triangle(&corner, true, false), triangle(&corner, false, true));
    let square = &below + product(&l, &below) + product(&above, &u);
    if m > n {
        let rest = part(lu, -2, k..m);
        let own = by_u(&(part(t, -2, k..m) - product(&rest, &solved)));
        return joined(&[square, product(&rest, &below) + own], -2);
    }
    if m < n {
        let rest = part(&solved, -1, k..n) - product(&below, &part(lu, -1, k..n));
        return joined(&[square, rest], -1);
    }
    square
}
