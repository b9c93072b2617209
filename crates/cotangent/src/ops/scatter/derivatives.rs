//! The derivatives of the scatters.

use crate::array::Array;
use crate::array::aval::Shape;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, ErrorKind, raise};
use crate::ir::primitive::{Operand, Tangent, missing_rule};
use crate::ops::elementwise::sum_tangents;
use crate::ops::gather::Gather;
use crate::ops::shape::Iota;
use crate::ops::{full, select, zeros, zeros_like};
use crate::trace::frames::{bind, bind1};

use super::{Combine, ScatterExtremum, ScatterParams};

/// The jvp rule of all scatters.
pub(super) fn jvp(combine: Combine, p: &ScatterParams, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
    let (operand, indices, updates) = (&x[0], &x[1], &x[2]);
    let apply = |x: &Array, u: &Array| combine.apply(p, x, indices, u);
    if dx[0].is_none() && dx[2].is_none() {
        return (vec![apply(operand, updates)], vec![None]);
    }
    let tangents = || {
        let part = |i: usize| dx[i].clone().unwrap_or_else(|| zeros_like(&x[i]));
        (part(0), part(2))
    };
    let (value, tangent) = match combine {
        Combine::Set if !p.unique_indices => return set_overlapping(p, x, tangents()),
        Combine::Set | Combine::Add | Combine::Sub => {
            let (dx, du) = tangents();
            (apply(operand, updates), Some(apply(&dx, &du)))
        }
        Combine::Mul => {
            let of_updates = dx[2].as_ref().map(|t| {
                if !p.unique_indices {
                    raise(
                        Error::new(
                            ErrorKind::Transform,
                            "the derivative of scatter-mul with respect to its updates needs unique indices",
                        )
                        .help("set `unique_indices` if no two updates refer to the same element"),
                    );
                }
                operand * Combine::Add.apply(p, &zeros_like(operand), indices, t)
            });
            let of_operand = dx[0].as_ref().map(|t| apply(t, updates));
            (apply(operand, updates), sum_tangents([of_operand, of_updates]))
        }
        Combine::Min | Combine::Max => {
            let prim = ScatterExtremum { params: p.clone(), greatest: combine == Combine::Max };
            let (mut out, mut tangents) = extremum_jvp(&prim, x, dx);
            return (vec![out.swap_remove(0)], vec![tangents.swap_remove(0)]);
        }
    };
    (vec![value], vec![tangent])
}

/// The jvp rule of a minimum or maximum. The tangent is the average of the tangents of the values that tie for it.
pub(super) fn extremum_jvp(prim: &ScatterExtremum, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
    let (operand, indices, updates) = (&x[0], &x[1], &x[2]);
    let out = bind(prim.clone(), &[operand, indices, updates]).into_vec();
    if dx[0].is_none() && dx[2].is_none() {
        return (out, vec![None; 3]);
    }
    let [dx, du] = [0, 2].map(|i| dx[i].clone().unwrap_or_else(|| zeros_like(&x[i])));
    let p = &prim.params;
    let inverse = p.inverse(operand.ndim(), updates.shape());
    let at = |x: &Array| bind1(inverse.clone(), &[x, indices]);
    let counted = |u: &Array| at(&Combine::Add.apply(p, &zeros_like(operand), indices, u));
    let shape = updates.shape();
    let ones = full(shape, Literal::int(updates.dtype(), 1));
    let none = zeros_like(updates);
    let (succeeds, retained) = (&out[1], &out[2]);
    let ties = counted(&select(succeeds, &ones, &none, shape));
    let meeting = counted(&ones);
    // The share of each selected update, and of the operand if it is selected.
    let share = 1.0 / select(retained, &(&ties + &ones), &ties, shape);
    let of_update = select(succeeds, &share, &none, shape);
    let of_operand = select(retained, &share, &none, shape);
    // The updates of an element subtract their parts of the operand's tangent. Together, they subtract what it loses.
    let lost = (of_operand - &ones) / meeting;
    let tangent = Combine::Add.apply(p, &dx, indices, &(at(&dx) * lost + du * of_update));
    (out, vec![Some(tangent), None, None])
}

/// Returns values and tangents of a `scatter` in which several updates may have the same position. It is unspecified
/// which of them is used. The rule therefore scatters their numbers first to find out, and then sums the values that
/// are used.
fn set_overlapping(p: &ScatterParams, x: &[Array], (dx, du): (Array, Array)) -> (Vec<Array>, Vec<Tangent>) {
    let (operand, indices, updates) = (&x[0], &x[1], &x[2]);
    let window = &p.dimension_numbers.update_window_dims;
    let places: Shape =
        (updates.shape().iter().enumerate()).map(|(d, n)| if window.contains(&d) { 1 } else { *n }).collect();
    let count = places.size();
    let dtype = if u32::try_from(count).is_ok() { DType::U32 } else { DType::U64 };
    let iota = bind1(Iota { dtype, shape: Shape::new(&[count]), dimension: 0 }, &[]);
    let ids = (iota + Array::literal(Literal::int(dtype, 1))).reshape(&places).broadcast_to(updates.shape());
    let scattered = Combine::Set.apply(p, &zeros(operand.shape(), dtype), indices, &ids);
    let inverse = p.inverse(operand.ndim(), updates.shape());
    let untouched = scattered.equal(Array::literal(Literal::int(dtype, 0)));
    let wins = bind1(inverse, &[&scattered, indices]).equal(&ids);
    let sum = |x: &Array, u: &Array| {
        let x = select(&untouched, x, &zeros_like(x), x.shape());
        let u = select(&wins, u, &zeros_like(u), u.shape());
        Combine::Add.apply(p, &x, indices, &u)
    };
    (vec![sum(operand, updates)], vec![Some(sum(&dx, &du))])
}

/// The transpose rule of all scatters, which are linear in the operand, in the updates, or in both.
pub(super) fn transpose(
    combine: Combine,
    name: &str,
    p: &ScatterParams,
    ct: &[Tangent],
    inputs: &[Operand],
) -> Vec<Tangent> {
    let (Some(ct), Some(indices)) = (&ct[0], inputs[1].known()) else { return vec![None; 3] };
    let updates = inputs[2].aval();
    let at = |ct: &Array| {
        let inverse = p.inverse(ct.ndim(), &updates.shape);
        bind1(Gather { fill_value: Some(Literal::int(ct.dtype(), 0)), ..inverse }, &[ct, indices])
    };
    let of_operand = |f: &dyn Fn() -> Array| inputs[0].is_linear().then(f);
    let of_updates = |f: &dyn Fn() -> Array| inputs[2].is_linear().then(f);
    match (combine, &inputs[0], &inputs[2]) {
        (Combine::Add, ..) => vec![of_operand(&|| ct.clone()), None, of_updates(&|| at(ct))],
        (Combine::Sub, ..) => vec![of_operand(&|| ct.clone()), None, of_updates(&|| -at(ct))],
        (Combine::Set, ..) if p.unique_indices => vec![
            of_operand(&|| combine.apply(p, ct, indices, &zeros(&updates.shape, ct.dtype()))),
            None,
            of_updates(&|| at(ct)),
        ],
        (Combine::Mul, Operand::Linear(_), Operand::Known(updates)) => {
            vec![Some(combine.apply(p, ct, indices, updates)), None, None]
        }
        (Combine::Mul, Operand::Known(operand), Operand::Linear(_)) if p.unique_indices => {
            vec![None, None, Some(at(&(ct * operand)))]
        }
        _ => raise(missing_rule(name, "transpose")),
    }
}
