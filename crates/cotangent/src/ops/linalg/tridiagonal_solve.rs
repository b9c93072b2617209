//! Systems of equations with a tridiagonal matrix.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, Result, raise};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent, missing_rule};
use crate::ir::print::boolean;
use crate::ir::routes::LinearAlgebra;
use crate::ops::domain::Domain;
use crate::ops::elementwise::{rebind1, sum_tangents};
use crate::ops::shape::all_in_front;
use crate::ops::slice::Pad;
use crate::ops::staged;
use crate::trace::frames::bind1;

use super::lapack::{kernel, lapack, or_nan};
use super::tridiagonal_steps;

/// `tridiagonal_solve`: solves A X = B. The operands are the diagonal below, the main diagonal, the diagonal above, and
/// B. Element i of each is in row i of A, so the first element of the diagonal below and the last of the one above are
/// not read.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// use cotangent::extend::primitives::TridiagonalSolve;
/// let (below, main, above) = (Array::from([0.0f32, 1.0]), Array::from([2.0f32, 4.0]), Array::from([1.0f32, 0.0]));
/// let b = Array::from([[4.0f32], [9.0]]);
/// let x = bind1(TridiagonalSolve { perturb_singular: false }, &[&below, &main, &above, &b]);
/// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TridiagonalSolve {
    /// Whether tiny pivots are replaced, so that the solution is finite.
    pub perturb_singular: bool,
}

/// Returns the elements of a diagonal one row further down (`by` = 1) or up (−1).
fn moved(x: &Array, by: i64) -> Array {
    if x.shape()[x.ndim() - 1] == 0 {
        return x.clone();
    }
    let config = (0..x.ndim()).map(|d| if d + 1 == x.ndim() { (by, -by, 0) } else { (0, 0, 0) }).collect();
    bind1(Pad { config }, &[x, &Array::literal(Literal::int(x.dtype(), 0))])
}

/// Returns the rows of B one row further down (`by` = 1) or up (−1), with zeros where none is left.
fn moved_rows(x: &Array, by: i64) -> Array {
    let config = (0..x.ndim()).map(|d| if d + 2 == x.ndim() { (by, -by, 0) } else { (0, 0, 0) }).collect();
    if x.shape()[x.ndim() - 2] == 0 {
        return x.clone();
    }
    bind1(Pad { config }, &[x, &Array::literal(Literal::int(x.dtype(), 0))])
}

impl Primitive for TridiagonalSolve {
    fn name(&self) -> &'static str {
        "tridiagonal_solve"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("perturb_singular", boolean(self.perturb_singular))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Domain::WIDE_INEXACT.one_dtype(inputs)?;
        let [below, main, above, b] = inputs else { unreachable!("there are four operands") };
        if main.rank() == 0 || below.shape != main.shape || above.shape != main.shape {
            return Err(Error::shape(format!("the diagonals must have one shape, got {below}, {main} and {above}"))
                .help(
                    "all have the size of the main diagonal; pad the one below in front and the one above at the end",
                ));
        }
        if b.rank() != main.rank() + 1 || b.shape[..main.rank()] != main.shape[..] {
            let error = Error::shape(format!("{b} must have the shape of the diagonals {main}, and one more axis"));
            return Err(error.help("a vector needs a last axis of size one: `b.expand_dims(-1)`"));
        }
        Ok([b.clone().with_weak_type(false)].into())
    }

    /// dX = A⁻¹ (dB − dA X).
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let solve = |b: &Array| rebind1(self, &[&x[0], &x[1], &x[2], b]);
        let out = solve(&x[3]);
        let column = |t: &Array| t.expand_dims(-1);
        let change = sum_tangents([
            dx[0].as_ref().map(|t| -column(t) * moved_rows(&out, 1)),
            dx[1].as_ref().map(|t| -column(t) * &out),
            dx[2].as_ref().map(|t| -column(t) * moved_rows(&out, -1)),
            dx[3].clone(),
        ]);
        (vec![out], vec![change.map(|t| solve(&t))])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        match (&ct[0], inputs) {
            (None, _) => vec![None; 4],
            (Some(ct), [Operand::Known(below), Operand::Known(main), Operand::Known(above), _]) => {
                let back = rebind1(self, &[&moved(above, 1), main, &moved(below, -1), ct]);
                vec![None, None, None, Some(back)]
            }
            _ => raise(missing_rule(self.name(), "transpose")),
        }
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        if let ([None, None, None], Some(axis)) = (&axes[..3], axes[3]) {
            // One matrix for the whole batch: its elements become more columns.
            let place = x[3].ndim() - 1;
            let b = x[3].moveaxis(axis as isize, place as isize);
            let mut flat = b.shape().to_vec();
            flat.pop();
            flat[place - 1] *= size;
            let out = rebind1(self, &[&x[0], &x[1], &x[2], &b.reshape(flat)]);
            return (vec![out.reshape(b.shape())], vec![Some(place)]);
        }
        let moved = all_in_front(x, axes, size);
        (vec![rebind1(self, &moved.iter().collect::<Vec<_>>())], vec![Some(0)])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let out = &outs[0];
        if cx.routes().linear_algebra == LinearAlgebra::Xla {
            return staged::inline(cx, args, inputs, |x| vec![tridiagonal_steps::solve(x, self.perturb_singular)]);
        }
        if self.perturb_singular {
            return kernel(cx, "tridiagonal_solve_perturbed_ffi", args, &[], &[false, false, false, true, true], outs);
        }
        let info = Aval::new(DType::I32, Shape::new(&out.shape[..out.rank() - 2]));
        let results: Vec<Aval> = inputs.iter().cloned().chain([info]).collect();
        let column_major = [false, false, false, true, false, false, false, true, false];
        let results = lapack(cx, "gtsv", args, &[], &column_major, &results);
        or_nan(cx, &results[4], [(&results[3], out)])
    }
}
