//! Products of Householder reflections, which are stored below the diagonal of a matrix, each with its factor τ.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent, missing_rule};
use crate::ir::print::boolean;
use crate::ir::routes::LinearAlgebra;
use crate::trace::frames::bind1;

use super::lapack::{Attribute, lapack};
use super::parts::{adjoint, batch, check_matrix, columns, identity, scale_rows, sizes, with_unit_diagonal};
use super::{TriangularSolve, product, triangle};

use crate::error::raise;
use crate::ops::domain::Domain;
use crate::ops::elementwise::{rebind1, sum_tangents};
use crate::ops::staged;

/// `householder_product`: returns the first columns of H₀ H₁ …, where Hᵢ = I − τᵢ vᵢ vᵢᴴ. Column i of the first operand
/// has the elements of vᵢ below the diagonal; the element on the diagonal is one and not read. The second operand has
/// the factors τ.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::{bind1, primitives::HouseholderProduct};
/// let (a, taus) = (Array::from([[0.0f32], [1.0]]), Array::from([1.0f32]));
/// assert_eq!(bind1(HouseholderProduct, &[&a, &taus]).to_vec::<f32>(), [0.0, -1.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HouseholderProduct;

/// `ormqr`: multiplies C by a product of reflections Q, as [`HouseholderProduct`] has them, without forming Q. The
/// operands are the reflections, τ and C.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::{bind1, primitives::Ormqr};
/// let (a, taus) = (Array::from([[0.0f32], [1.0]]), Array::from([1.0f32]));
/// let c = Array::from([[2.0f32], [5.0]]);
/// assert_eq!(bind1(Ormqr { left: true, transpose: false }, &[&a, &taus, &c]).to_vec::<f32>(), [-5.0, -2.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ormqr {
    /// Whether Q is on the left.
    pub left: bool,
    /// Whether Q is conjugated and transposed first.
    pub transpose: bool,
}

/// The product Q = I − V T Vᴴ, where T = (I + D U)⁻¹ D, D has the factors τ on its diagonal, and U is VᴴV above its
/// diagonal. Unlike the usual form of T⁻¹, this one is defined where a factor is zero.
struct Reflections {
    v: Array,
    tau: Array,
    /// D U, without the ones on the diagonal of I + D U.
    system: Array,
}

impl Reflections {
    fn new(a: &Array, tau: &Array) -> Reflections {
        let v = with_unit_diagonal(&triangle(&leading(a, tau), true, false));
        let system = scale_rows(tau, &triangle(&product(&adjoint(&v), &v), false, false));
        Reflections { v, tau: tau.clone(), system }
    }

    /// Returns (I + D U)⁻¹ B, or (I + D U)⁻ᴴ B.
    fn solve(&self, b: &Array, adjoint: bool) -> Array {
        let system = TriangularSolve {
            lower: false,
            unit_diagonal: true,
            transpose_a: adjoint,
            conjugate_a: adjoint,
            ..TriangularSolve::lower(true)
        };
        bind1(system, &[&self.system, b])
    }

    /// Returns Q C or Qᴴ C.
    fn times(&self, c: &Array, adjoint: bool) -> Array {
        c - product(&self.v, &self.coefficients(&product(&super::parts::adjoint(&self.v), c), adjoint).1)
    }

    /// Given VᴴC, returns the solution of the triangular system, and T VᴴC or TᴴVᴴC.
    fn coefficients(&self, projected: &Array, adjoint: bool) -> (Array, Array) {
        if adjoint {
            let solution = self.solve(projected, true);
            let scaled = scale_rows(&conj(&self.tau), &solution);
            return (solution, scaled);
        }
        let solution = self.solve(&scale_rows(&self.tau, projected), false);
        (solution.clone(), solution)
    }

    /// Returns the tangent of Q C or Qᴴ C, where those of the reflections, τ and C are given.
    fn tangent(&self, [da, dtau, dc]: [Option<&Array>; 3], c: &Array, adjoint: bool) -> Tangent {
        let h = super::parts::adjoint;
        let v = &self.v;
        let projected = product(&h(v), c);
        let (solution, coefficients) = self.coefficients(&projected, adjoint);
        let dv = da.map(|t| triangle(&leading(t, &self.tau), true, false));
        let upper = |x: &Array| triangle(x, false, false);
        let dprojected = sum_tangents([dv.as_ref().map(|t| product(&h(t), c)), dc.map(|t| product(&h(v), t))]);
        let dsystem = sum_tangents([
            dtau.map(|t| scale_rows(t, &upper(&product(&h(v), v)))),
            dv.as_ref().map(|t| scale_rows(&self.tau, &upper(&(product(&h(t), v) + product(&h(v), t))))),
        ]);
        let dcoefficients = if adjoint {
            let right = sum_tangents([dprojected, dsystem.map(|t| -product(&h(&t), &solution))]);
            sum_tangents([
                right.map(|t| scale_rows(&conj(&self.tau), &self.solve(&t, true))),
                dtau.map(|t| scale_rows(&conj(t), &solution)),
            ])
        } else {
            let right = sum_tangents([
                dtau.map(|t| scale_rows(t, &projected)),
                dprojected.map(|t| scale_rows(&self.tau, &t)),
                dsystem.map(|t| -product(&t, &solution)),
            ]);
            right.map(|t| self.solve(&t, false))
        };
        sum_tangents([dc.cloned(), dv.map(|t| -product(&t, &coefficients)), dcoefficients.map(|t| -product(v, &t))])
    }
}

fn conj(x: &Array) -> Array {
    if x.dtype().is_complex() { x.conj() } else { x.clone() }
}

/// Returns the columns that have a reflection.
fn leading(a: &Array, tau: &Array) -> Array {
    columns(a, 0, tau.shape()[tau.ndim() - 1])
}

/// Checks that the reflections and their factors fit, and returns the sizes of the matrix.
fn check_reflections(a: &Aval, tau: &Aval) -> Result<[usize; 2]> {
    Domain::WIDE_INEXACT.one_dtype(&[a.clone(), tau.clone()])?;
    let [m, n] = check_matrix(a)?;
    let rank = a.rank();
    match tau.shape[..] {
        [.., k] if tau.rank() + 1 == rank && tau.shape[..rank - 2] == a.shape[..rank - 2] && k <= m.min(n) => {
            Ok([m, n])
        }
        _ => Err(Error::shape(format!("{a} has no reflections for the factors {tau}"))
            .help("the factors have the batch axes of the matrix, and at most as many elements as its smaller size")),
    }
}

fn is_empty(outs: &[Aval], inputs: &[Aval]) -> bool {
    outs[0].shape.contains(&0) || inputs[1].shape.contains(&0)
}

impl Primitive for HouseholderProduct {
    fn name(&self) -> &'static str {
        "householder_product"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let [m, n] = check_reflections(&inputs[0], &inputs[1])?;
        match m < n {
            true => Err(Error::shape(format!(
                "a matrix of orthonormal columns has no more columns than rows, got {}",
                inputs[0]
            ))),
            false => Ok([inputs[0].clone().with_weak_type(false)].into()),
        }
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let [m, n] = sizes(&x[0]);
        let tangents = [dx[0].as_ref(), dx[1].as_ref(), None];
        let tangent = Reflections::new(&x[0], &x[1]).tangent(tangents, &identity(&x[0], m, n), false);
        (vec![bind1(HouseholderProduct, &[&x[0], &x[1]])], vec![tangent])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        batch(self, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        if cx.routes().linear_algebra == LinearAlgebra::Lapack && !is_empty(outs, inputs) {
            let name = if outs[0].dtype.is_complex() { "ungqr" } else { "orgqr" };
            return lapack(cx, name, args, &[], &[true, false, true], outs);
        }
        staged::inline(cx, args, inputs, |x| {
            let [m, n] = sizes(&x[0]);
            vec![Reflections::new(&x[0], &x[1]).times(&identity(&x[0], m, n), false)]
        })
    }
}

impl Ormqr {
    /// Applies a function of Q C to C Q as well, which is the adjoint of Qᴴ Cᴴ.
    fn on_the_left(&self, c: &Array, f: impl FnOnce(&Array, bool) -> Tangent) -> Tangent {
        match self.left {
            true => f(c, self.transpose),
            false => f(&adjoint(c), !self.transpose).map(|x| adjoint(&x)),
        }
    }
}

impl Primitive for Ormqr {
    fn name(&self) -> &'static str {
        "ormqr"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("left", boolean(self.left)), ("transpose", boolean(self.transpose))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (a, c) = (&inputs[0], &inputs[2]);
        Domain::WIDE_INEXACT.one_dtype(inputs)?;
        let ([m, _], [rows, columns]) = (check_reflections(a, &inputs[1])?, check_matrix(c)?);
        let rank = a.rank();
        if c.rank() != rank || c.shape[..rank - 2] != a.shape[..rank - 2] {
            return Err(Error::shape(format!("the batch axes of {a} and {c} must have the same sizes")));
        }
        match (if self.left { rows } else { columns }) == m {
            true => Ok([c.clone().with_weak_type(false)].into()),
            false => Err(Error::shape(format!(
                "the reflections of {a} act on {m} {}, got {c}",
                if self.left { "rows" } else { "columns" }
            ))),
        }
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = rebind1(self, &[&x[0], &x[1], &x[2]]);
        if dx[0].is_none() && dx[1].is_none() {
            return (vec![out], vec![dx[2].as_ref().map(|t| rebind1(self, &[&x[0], &x[1], t]))]);
        }
        let dc = dx[2].as_ref().map(|t| if self.left { t.clone() } else { adjoint(t) });
        let tangents = [dx[0].as_ref(), dx[1].as_ref(), dc.as_ref()];
        let reflections = Reflections::new(&x[0], &x[1]);
        let tangent = self.on_the_left(&x[2], |c, adjoint| reflections.tangent(tangents, c, adjoint));
        (vec![out], vec![tangent])
    }

    /// C enters linearly. The transpose of Q is the conjugate of its adjoint.
    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        match (&ct[0], &inputs[0], &inputs[1]) {
            (None, ..) => vec![None; 3],
            (Some(ct), Operand::Known(a), Operand::Known(tau)) => {
                let back = Ormqr { transpose: !self.transpose, ..self.clone() };
                vec![None, None, Some(conj(&bind1(back, &[a, tau, &conj(ct)])))]
            }
            _ => raise(missing_rule(self.name(), "transpose")),
        }
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        batch(self, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        if is_empty(outs, inputs) {
            return [args[2].clone()].into();
        }
        if cx.routes().linear_algebra == LinearAlgebra::Lapack {
            let name = if outs[0].dtype.is_complex() { "unmqr" } else { "ormqr" };
            let flags = [("left", Attribute::Bool(self.left)), ("transpose", Attribute::Bool(self.transpose))];
            return lapack(cx, name, args, &flags, &[true, false, true, true], outs);
        }
        staged::inline(cx, args, inputs, |x| {
            let reflections = Reflections::new(&x[0], &x[1]);
            self.on_the_left(&x[2], |c, adjoint| Some(reflections.times(c, adjoint))).into_iter().collect()
        })
    }
}
