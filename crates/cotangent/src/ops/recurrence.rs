//! Linear recurrences. The derivatives of cumulative operations are linear recurrences.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::{Aval, same_shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::trace::frames::bind1;

use super::domain::Domain;
use super::shape::{all_in_front, check_axes, shifted};
use super::slice::{Concatenate, Pad, Rev};
use super::{select, staged};

/// `linear_recurrence`: computes hᵢ = aᵢ hᵢ₋₁ + uᵢ along an axis, starting from 0. The operands are `a` and `u`, of one
/// shape. In reverse, hᵢ₋₁ is replaced by hᵢ₊₁.
///
/// It is linear in `u`, and its derivatives are linear recurrences, so each derivative costs a constant multiple of the
/// previous one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LinearRecurrence {
    /// The axis.
    pub(crate) axis: usize,
    /// Whether it runs from the end to the beginning.
    pub(crate) reverse: bool,
}

impl LinearRecurrence {
    /// Shifts `x` by one step, so that each step holds the previous one. The first step holds `first`.
    pub(crate) fn before(&self, x: &Array, first: Literal) -> Array {
        if x.shape()[self.axis] == 0 {
            return x.clone();
        }
        let by = if self.reverse { (-1, 1, 0) } else { (1, -1, 0) };
        self.pad(x, by, first)
    }

    /// Shifts `x` by one step, so that each step holds the next one. The last step holds 0.
    fn after(&self, x: &Array) -> Array {
        if x.shape()[self.axis] == 0 {
            return x.clone();
        }
        let by = if self.reverse { (1, -1, 0) } else { (-1, 1, 0) };
        self.pad(x, by, Literal::int(x.dtype(), 0))
    }

    /// Replaces the first step of `x` by `first`.
    pub(crate) fn first_or(&self, x: &Array, first: Literal) -> Array {
        let (cut, back) = if self.reverse { ((0, -1, 0), (0, 1, 0)) } else { ((-1, 0, 0), (1, 0, 0)) };
        if x.shape()[self.axis] == 0 { x.clone() } else { self.pad(&self.pad(x, cut, first), back, first) }
    }

    fn pad(&self, x: &Array, by: (i64, i64, i64), value: Literal) -> Array {
        let config = (0..x.ndim()).map(|d| if d == self.axis { by } else { (0, 0, 0) }).collect();
        bind1(Pad { config }, &[x, &Array::literal(value)])
    }
}

impl Primitive for LinearRecurrence {
    fn name(&self) -> &'static str {
        "linear_recurrence"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("axis", self.axis.to_string()), ("reverse", boolean(self.reverse))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Domain::NUMBERS.one_dtype(inputs)?;
        check_axes(&[self.axis], &inputs[0])?;
        same_shape(&inputs[0], &inputs[1])?;
        Ok([inputs[1].clone().with_weak_type(false)].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let solve = |u: &Array| bind1(self.clone(), &[&x[0], u]);
        let out = solve(&x[1]);
        let through_a = dx[0].as_ref().map(|t| t * self.before(&out, Literal::int(out.dtype(), 0)));
        let driven = super::elementwise::sum_tangents([through_a, dx[1].clone()]);
        (vec![out], vec![driven.map(|u| solve(&u))])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let (Some(ct), Operand::Known(a)) = (&ct[0], &inputs[0]) else { return vec![None, None] };
        let back = LinearRecurrence { axis: self.axis, reverse: !self.reverse };
        vec![None, Some(bind1(back, &[&self.after(a), ct]))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let (operands, batch) =
            if axes[0] == axes[1] { (x.to_vec(), axes[0]) } else { (all_in_front(x, axes, size), Some(0)) };
        let prim = LinearRecurrence { axis: shifted(&[self.axis], batch)[0], ..self.clone() };
        (vec![bind1(prim, &[&operands[0], &operands[1]])], vec![batch])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let out = &outs[0];
        if out.size() == 0 {
            return [args[1].clone()].into();
        }
        // The recurrence runs forward along the first of two axes, in at least 32 bits.
        let n = out.shape[self.axis];
        let rest = out.shape.remove(&[self.axis]);
        let flip = |x: Array| if self.reverse { bind1(Rev { dims: vec![0] }, &[&x]) } else { x };
        let wide = if out.dtype.is_float() && out.dtype.bits() < 32 { DType::F32 } else { out.dtype };
        staged::inline(cx, args, inputs, |x| {
            let columns =
                |x: &Array| flip(x.convert(wide, false).moveaxis(self.axis as isize, 0).reshape([n, rest.size()]));
            let h = flip(solve(&columns(&x[0]), &columns(&x[1]), false));
            let h = h.reshape(rest.insert(0, n)).moveaxis(0, self.axis as isize);
            vec![h.convert(out.dtype, false)]
        })
    }
}

/// The number of successive steps in a block. They are unrolled.
const BLOCK: usize = 8;

/// Computes the recurrence along the first axis of `[n, m]`.
///
/// Blocks of successive steps run side by side. The last value of a block is the product of its `a` times the value
/// that enters it, plus a sum. This is again a recurrence, with an eighth of the length. Each block then runs from the
/// value that enters it. (A loop would also work, but XLA's overhead for each iteration is too high.)
fn solve(a: &Array, u: &Array, of_products: bool) -> Array {
    let [n, m] = [a.shape()[0], a.shape()[1]];
    // A product of blocks may overflow even if the value that enters is zero.
    let times = |a: &Array, h: &Array| {
        let product = a * h;
        if !of_products {
            return product;
        }
        let zero = Literal::int(h.dtype(), 0);
        select(&h.equal(Array::literal(zero)), &Array::literal(zero), &product, h.shape())
    };
    let join = |rows: &[Array]| bind1(Concatenate { dimension: 0 }, &rows.iter().collect::<Vec<_>>());
    if n <= BLOCK {
        let row = |x: &Array, i: usize| x.slice_axis(0, i, i + 1);
        let mut h = vec![row(u, 0)];
        (1..n).for_each(|i| h.push(times(&row(a, i), &h[i - 1]) + row(u, i)));
        return join(&h);
    }
    let blocks = n.div_ceil(BLOCK);
    let side_by_side = |x: &Array, fill: i64| -> Vec<Array> {
        let config = vec![(0, (blocks * BLOCK - n) as i64, 0), (0, 0, 0)];
        let padded = bind1(Pad { config }, &[x, &Array::literal(Literal::int(x.dtype(), fill))]);
        let rows = padded.reshape([blocks, BLOCK, m]).permute(&[1, 0, 2]);
        (0..BLOCK).map(|i| rows.slice_axis(0, i, i + 1).reshape([blocks, m])).collect()
    };
    let (a, u) = (side_by_side(a, 1), side_by_side(u, 0));
    let (mut product, mut own) = (a[0].clone(), u[0].clone());
    for (a, u) in a.iter().zip(&u).skip(1) {
        (product, own) = (&product * a, times(a, &own) + u);
    }
    let ends = solve(&product, &own, true);
    let mut h = LinearRecurrence { axis: 0, reverse: false }.before(&ends, Literal::int(ends.dtype(), 0));
    let rows: Vec<Array> = (a.iter().zip(&u))
        .map(|(a, u)| {
            h = times(a, &h) + u;
            h.reshape([1, blocks, m])
        })
        .collect();
    join(&rows).permute(&[1, 0, 2]).reshape([blocks * BLOCK, m]).slice_axis(0, 0, n)
}
