//! What all elementwise primitives share. Operands have one shape; a scalar among them is spread.

use std::panic::Location;

use stablehlo::{Attr, Value};

use crate::core::array::Array;
use crate::core::aval::{Aval, Shape};
use crate::core::dtype::DType;
use crate::core::error::{Error, Result};
use crate::core::lowering::Lowering;
use crate::core::primitive::{Outputs, Primitive, Tangent};
use crate::core::trace::{bind_at, location};

/// Applies a primitive again, from one of its own rules.
#[track_caller]
pub(crate) fn rebind(prim: &dyn Primitive, inputs: &[&Array]) -> Outputs<Array> {
    bind_at(prim.to_arc(), inputs, location(Location::caller()))
}

/// [`rebind`] for a primitive with one result.
#[track_caller]
pub(crate) fn rebind1(prim: &dyn Primitive, inputs: &[&Array]) -> Array {
    bind_at(prim.to_arc(), inputs, location(Location::caller())).swap_remove(0)
}

/// The one dtype of all inputs, which must satisfy `accepts`.
pub(super) fn one_dtype(inputs: &[Aval], accepts: fn(DType) -> bool, what: &str) -> Result<DType> {
    let dtype = inputs[0].dtype;
    if let Some(other) = inputs.iter().find(|a| a.dtype != dtype) {
        return Err(Error::dtype(format!("operands must have one dtype, got {} and {other}", inputs[0]))
            .help("convert one of them with `.astype(…)`"));
    }
    if !accepts(dtype) {
        return Err(Error::dtype(format!("it takes {what}, got {}", inputs[0])));
    }
    Ok(dtype)
}

/// The result of an elementwise primitive: the common shape of its operands, with `dtype`.
pub(super) fn infer(inputs: &[Aval], dtype: DType) -> Result<Outputs<Aval>> {
    let shaped = inputs.iter().find(|a| a.rank() > 0).unwrap_or(&inputs[0]);
    if let Some(other) = inputs.iter().find(|a| a.rank() > 0 && a.shape != shaped.shape) {
        return Err(Error::shape(format!("operands must have one shape, got {shaped} and {other}")));
    }
    let weak_type = dtype != DType::Bool && inputs.iter().all(|a| a.weak_type);
    Ok(smallvec::smallvec![Aval { shape: shaped.shape.clone(), dtype, weak_type }])
}

/// The batch rule: batch axes are brought to the front and what has none is spread where it must be.
pub(super) fn batch(
    prim: &dyn Primitive,
    x: &[Array],
    axes: &[Option<usize>],
    size: usize,
) -> (Vec<Array>, Vec<Option<usize>>) {
    let (inputs, axis) = aligned(x, axes, size);
    let outputs = rebind(prim, &inputs.iter().collect::<Vec<_>>()).into_vec();
    let axes = vec![axis; outputs.len()];
    (outputs, axes)
}

/// Operands of one shape but for scalars, and where their batch axis is.
fn aligned(x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Option<usize>) {
    // Where all that is not a scalar has the same rank and batch axis, nothing needs to move.
    let axis = axes.iter().flatten().copied().next();
    let rank = x.iter().map(Array::ndim).max().unwrap_or(0);
    if x.iter().zip(axes).all(|(x, a)| (*a == axis && x.ndim() == rank) || (a.is_none() && x.ndim() == 0)) {
        return (x.to_vec(), axis);
    }
    let inner = x.iter().zip(axes).map(|(x, a)| x.ndim() - usize::from(a.is_some())).max().unwrap_or(0);
    // Where the first that is no batch of scalars has it: what is large rather stays as it is.
    let whole = |x: &Array| x.ndim() == inner + 1;
    let at = x.iter().zip(axes).find_map(|(x, axis)| axis.filter(|_| whole(x))).unwrap_or(0);
    let moved: Vec<Array> = (x.iter().zip(axes))
        .map(|(x, axis)| match axis {
            Some(axis) if whole(x) => x.moveaxis(*axis as isize, at as isize),
            Some(_) => {
                let mut shape = vec![1; inner + 1];
                shape[at] = size;
                x.reshape(&shape[..])
            }
            None if x.ndim() == 0 => x.clone(),
            None => x.expand_dims(at as isize),
        })
        .collect();
    let mut shape = Shape::new(&vec![1; inner + 1]);
    for x in moved.iter().filter(|x| x.ndim() > 0) {
        shape = shape.iter().zip(x.shape()).map(|(a, b)| if *a == 1 { *b } else { *a }).collect();
    }
    debug_assert_eq!(shape[at], size);
    let full: Vec<Array> =
        (moved.iter()).map(|x| if x.ndim() == 0 { x.clone() } else { x.broadcast_to(&shape) }).collect();
    (full, Some(at))
}

/// Lowers to one operation that takes operands of one shape.
pub(super) fn lower(cx: &mut Lowering<'_>, op: &str, args: &[Value], output: &Aval) -> Outputs<Value> {
    lower_with(cx, op, args, output, &[])
}

/// [`lower`] with attributes.
pub(super) fn lower_with(
    cx: &mut Lowering<'_>,
    op: &str,
    args: &[Value],
    output: &Aval,
    attrs: &[(&str, Attr)],
) -> Outputs<Value> {
    let args = cx.same_shape(args, &output.shape);
    smallvec::smallvec![cx.op(op, &args, attrs, output)]
}

/// A tangent of a scalar operand, spread to the shape of the result.
pub(super) fn spread_tangent(t: &Array, out: &Array) -> Array {
    if t.ndim() == out.ndim() { t.clone() } else { t.broadcast_to(out.shape()) }
}

/// A cotangent of the result, summed where the operand was a scalar that had been spread.
pub(super) fn unspread(ct: &Array, operand: &Aval) -> Array {
    if operand.rank() == ct.ndim() { ct.clone() } else { ct.sum_all() }
}

/// The sum of the tangents that are not zero.
pub(super) fn sum_tangents(terms: impl IntoIterator<Item = Tangent>) -> Tangent {
    terms.into_iter().flatten().reduce(|a, b| a + b)
}

/// The jvp of a product: linear in each of two operands.
pub(super) fn bilinear_jvp(prim: &dyn Primitive, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
    let tangent = sum_tangents([
        dx[0].as_ref().map(|t| rebind1(prim, &[t, &x[1]])),
        dx[1].as_ref().map(|t| rebind1(prim, &[&x[0], t])),
    ]);
    (vec![rebind1(prim, &[&x[0], &x[1]])], vec![tangent])
}
