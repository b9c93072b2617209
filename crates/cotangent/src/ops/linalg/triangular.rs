//! Systems of equations with a triangular matrix.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::{Error, Result, raise};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent, missing_rule};
use crate::ir::print::boolean;
use crate::ir::routes::LinearAlgebra;
use crate::trace::frames::bind1;

use super::lapack::{Attribute, lapack, transposed};
use super::{check_square, product, triangle};

use crate::ops::domain::Domain;
use crate::ops::elementwise::{rebind1, sum_tangents};
use crate::ops::shape::all_in_front;

/// `triangular_solve`: solves A X = B or X A = B for X. The operands are A and B. Only the triangle of A that `lower`
/// selects is read.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// use cotangent::extend::primitives::TriangularSolve;
/// let a = Array::from([[2.0f32, 0.0], [1.0, 4.0]]);
/// let b = Array::from([[2.0f32], [9.0]]);
/// assert_eq!(bind1(TriangularSolve::lower(true), &[&a, &b]).to_vec::<f32>(), [1.0, 2.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TriangularSolve {
    /// Whether A is on the left.
    pub left_side: bool,
    /// Whether A is lower triangular.
    pub lower: bool,
    /// Whether A is transposed first.
    pub transpose_a: bool,
    /// Whether A is conjugated first.
    pub conjugate_a: bool,
    /// Whether the diagonal of A is assumed to be one and not read.
    pub unit_diagonal: bool,
}

impl TriangularSolve {
    /// Returns the primitive for a lower triangular A, on the left or the right, neither transposed nor conjugated.
    ///
    /// ```
    /// assert!(cotangent::extend::primitives::TriangularSolve::lower(true).left_side);
    /// ```
    #[must_use]
    pub fn lower(left_side: bool) -> TriangularSolve {
        TriangularSolve { left_side, lower: true, transpose_a: false, conjugate_a: false, unit_diagonal: false }
    }

    /// Returns the tangent of X that comes from the tangent of A: −A⁻¹ dA X or −X dA A⁻¹, in the cheaper order.
    fn tangent_of_matrix(&self, t: &Array, a: &Array, x: &Array) -> Array {
        let t = -triangle(t, self.lower, !self.unit_diagonal);
        let t = if self.transpose_a { t.moveaxis(-1, -2) } else { t };
        let t = if self.conjugate_a && t.dtype().is_complex() { t.conj() } else { t };
        let solve = |b: &Array| rebind1(self, &[a, b]);
        let [m, n] = [x.shape()[x.ndim() - 2], x.shape()[x.ndim() - 1]];
        match (self.left_side, m > n, m < n) {
            (true, true, _) => solve(&product(&t, x)),
            (true, false, _) => product(&solve(&t), x),
            (false, _, true) => solve(&product(x, &t)),
            (false, _, false) => product(x, &solve(&t)),
        }
    }
}

impl Primitive for TriangularSolve {
    fn name(&self) -> &'static str {
        "triangular_solve"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![
            ("conjugate_a", boolean(self.conjugate_a)),
            ("left_side", boolean(self.left_side)),
            ("lower", boolean(self.lower)),
            ("transpose_a", boolean(self.transpose_a)),
            ("unit_diagonal", boolean(self.unit_diagonal)),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (a, b) = (&inputs[0], &inputs[1]);
        Domain::WIDE_INEXACT.one_dtype(inputs)?;
        let n = check_square(a)?;
        let rank = a.rank();
        if b.rank() != rank || a.shape[..rank - 2] != b.shape[..rank - 2] {
            return Err(Error::shape(format!("the batch axes of {a} and {b} must have the same sizes")));
        }
        let axis = if self.left_side { rank - 2 } else { rank - 1 };
        if b.shape[axis] != n {
            return Err(Error::shape(format!("axis {axis} of {b} must have the size {n} of the matrix {a}")));
        }
        Ok([b.clone().with_weak_type(false)].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = rebind1(self, &[&x[0], &x[1]]);
        let tangent = sum_tangents([
            dx[0].as_ref().map(|t| self.tangent_of_matrix(t, &x[0], &out)),
            dx[1].as_ref().map(|t| rebind1(self, &[&x[0], t])),
        ]);
        (vec![out], vec![tangent])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        match (&ct[0], &inputs[0]) {
            (None, _) => vec![None, None],
            (Some(ct), Operand::Known(a)) => {
                let back = TriangularSolve { transpose_a: !self.transpose_a, ..self.clone() };
                vec![None, Some(bind1(back, &[a, ct]))]
            }
            _ => raise(missing_rule(self.name(), "transpose")),
        }
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        match (axes[0], axes[1]) {
            (None, None) => (vec![rebind1(self, &[&x[0], &x[1]])], vec![None]),
            (None, Some(axis)) => {
                // One matrix for the whole batch: its elements become more columns or rows.
                let rank = x[1].ndim();
                let place = if self.left_side { rank - 1 } else { rank - 2 };
                let b = x[1].moveaxis(axis as isize, place as isize);
                let mut flat = b.shape().to_vec();
                let size = flat.remove(place);
                flat[place - 1] *= size;
                let out = rebind1(self, &[&x[0], &b.reshape(flat)]);
                (vec![out.reshape(b.shape())], vec![Some(place)])
            }
            _ => {
                let moved = all_in_front(x, axes, size);
                (vec![rebind1(self, &[&moved[0], &moved[1]])], vec![Some(0)])
            }
        }
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let mut a = args[0].clone();
        let complex = inputs[0].dtype.is_complex();
        if self.conjugate_a && !self.transpose_a && complex {
            a = cx.op("chlo.conj", &[a], &[], &inputs[0]);
        }
        if cx.routes().linear_algebra == LinearAlgebra::Lapack {
            let op = match (self.transpose_a, self.conjugate_a && complex) {
                (false, _) => 'N',
                (true, false) => 'T',
                (true, true) => 'C',
            };
            // The row-major matrices are read as their transposes in column-major order: X op(A) = B is op(A)ᵀ Xᵀ = Bᵀ.
            // No element moves.
            let letters = [
                ("diag", if self.unit_diagonal { 'U' } else { 'N' }),
                ("side", if self.left_side { 'R' } else { 'L' }),
                ("trans_x", op),
                ("uplo", if self.lower { 'U' } else { 'L' }),
            ]
            .map(|(name, letter)| (name, Attribute::Letter(letter)));
            let (b, aval) = transposed(cx, &args[1], &inputs[1]);
            let x = lapack(cx, "trsm", &[a, b], &letters, &[false, true, true], std::slice::from_ref(&aval));
            return [transposed(cx, &x[0], &aval).0].into();
        }
        let transpose = match (self.transpose_a, self.conjugate_a && complex) {
            (false, _) => "#stablehlo<transpose NO_TRANSPOSE>",
            (true, false) => "#stablehlo<transpose TRANSPOSE>",
            (true, true) => "#stablehlo<transpose ADJOINT>",
        };
        let attrs = [
            ("left_side", Attr::Bool(self.left_side)),
            ("lower", Attr::Bool(self.lower)),
            ("transpose_a", Attr::Static(transpose)),
            ("unit_diagonal", Attr::Bool(self.unit_diagonal)),
        ];
        [cx.op("stablehlo.triangular_solve", &[a, args[1].clone()], &attrs, &outs[0])].into()
    }
}
