//! Rules that all elementwise primitives share. Operands have the same shape. Scalars and dimensions of size one are
//! broadcast.

use std::panic::Location;

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape, same_shape};
use crate::array::dtype::DType;
use crate::error::location::location;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::trace::frames::bind_at;

/// Applies a primitive again, from one of its own rules.
#[track_caller]
pub(crate) fn rebind(prim: &dyn Primitive, inputs: &[&Array]) -> Outputs<Array> {
    bind_at(prim.to_arc(), inputs, location(Location::caller()))
}

/// Like [`rebind`], for a primitive with one result.
#[track_caller]
pub(crate) fn rebind1(prim: &dyn Primitive, inputs: &[&Array]) -> Array {
    bind_at(prim.to_arc(), inputs, location(Location::caller())).swap_remove(0)
}

/// Infers the result of an elementwise primitive, with `dtype`. Operands that are not scalars must have the same
/// rank. In each dimension, they have the same size, or size one, which is broadcast.
pub(super) fn infer(inputs: &[Aval], dtype: DType) -> Result<Outputs<Aval>> {
    let mut shaped = inputs.iter().filter(|a| a.rank() > 0);
    let first = shaped.next().unwrap_or(&inputs[0]);
    let mut shape = first.shape.clone();
    for other in shaped.filter(|a| a.shape != first.shape) {
        let fits = |(a, b): (&usize, &usize)| a == b || *a == 1 || *b == 1;
        if other.rank() != shape.rank() || !shape.iter().zip(other.shape.iter()).all(fits) {
            return Err(Error::shape(format!("{first} and {other} cannot be broadcast together")).help(
                "operands must be scalars or have the same rank, with sizes equal or 1; use `broadcast_to` or \
                 `expand_dims`",
            ));
        }
        shape = common(&shape, &other.shape);
    }
    let weak_type = dtype != DType::Bool && inputs.iter().all(|a| a.weak_type);
    Ok([Aval { shape, dtype, weak_type }].into())
}

/// Like [`infer`], for a primitive that broadcasts only scalars.
pub(super) fn infer_alike(inputs: &[Aval], dtype: DType) -> Result<Outputs<Aval>> {
    let mut shaped = inputs.iter().filter(|a| a.rank() > 0);
    if let Some(first) = shaped.next() {
        shaped
            .try_for_each(|other| same_shape(first, other))
            .map_err(|error| error.help("only scalars are broadcast; use `broadcast_to` for other operands"))?;
    }
    infer(inputs, dtype)
}

/// Returns the shape that two shapes of the same rank broadcast to.
fn common(a: &[usize], b: &[usize]) -> Shape {
    a.iter().zip(b).map(|(a, b)| if *a == 1 { *b } else { *a }).collect()
}

/// The batch rule. It moves the batch axes to one position. An operand without one gets an axis of size one there.
pub(super) fn batch(
    prim: &dyn Primitive,
    x: &[Array],
    axes: &[Option<usize>],
    size: usize,
) -> (Vec<Array>, Vec<Option<usize>>) {
    let (inputs, axis) = aligned(x, axes, size);
    batched(prim, &inputs, axis)
}

/// Like [`batch`], for a primitive that broadcasts only scalars.
pub(super) fn batch_alike(
    prim: &dyn Primitive,
    x: &[Array],
    axes: &[Option<usize>],
    size: usize,
) -> (Vec<Array>, Vec<Option<usize>>) {
    let (mut inputs, axis) = aligned(x, axes, size);
    let mut shaped = inputs.iter().filter(|x| x.ndim() > 0);
    let first = shaped.next().map(|x| x.aval().shape);
    let shape = first.map(|first| shaped.fold(first, |shape, x| common(&shape, x.shape())));
    for x in inputs.iter_mut().filter(|x| x.ndim() > 0) {
        *x = x.broadcast_to(shape.as_ref().unwrap_or(&Shape::default()));
    }
    batched(prim, &inputs, axis)
}

fn batched(prim: &dyn Primitive, inputs: &[Array], axis: Option<usize>) -> (Vec<Array>, Vec<Option<usize>>) {
    let outputs = rebind(prim, &inputs.iter().collect::<Vec<_>>()).into_vec();
    let axes = vec![axis; outputs.len()];
    (outputs, axes)
}

/// Brings all operands except scalars to one rank, with their batch axes, or axes of size one, at one position. Returns
/// the operands and that position.
fn aligned(x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Option<usize>) {
    // If all operands except scalars have the same rank and batch axis, none has to move.
    let axis = axes.iter().flatten().copied().next();
    let rank = x.iter().map(Array::ndim).max().unwrap_or(0);
    if x.iter().zip(axes).all(|(x, a)| (*a == axis && x.ndim() == rank) || (a.is_none() && x.ndim() == 0)) {
        return (x.to_vec(), axis);
    }
    let inner = x.iter().zip(axes).map(|(x, a)| x.ndim() - usize::from(a.is_some())).max().unwrap_or(0);
    // Use the position in the first operand that is not a batch of scalars, so that large operands tend not to move.
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
    (moved, Some(at))
}

/// Lowers to one operation whose operands have the same shape.
pub(super) fn lower(cx: &mut Lowering<'_>, op: &str, args: &[Value], output: &Aval) -> Outputs<Value> {
    lower_with(cx, op, args, output, &[])
}

/// Like [`lower`], with attributes.
pub(super) fn lower_with(
    cx: &mut Lowering<'_>,
    op: &str,
    args: &[Value],
    output: &Aval,
    attrs: &[(&str, Attr)],
) -> Outputs<Value> {
    let args = cx.same_shape(args, &output.shape);
    [cx.op(op, &args, attrs, output)].into()
}

/// Broadcasts the tangent of an operand to the shape of the result.
pub(super) fn spread_tangent(t: &Array, out: &Array) -> Array {
    t.broadcast_to(out.shape())
}

/// Sums a cotangent of the result over the dimensions in which the operand was broadcast.
pub(super) fn unspread(ct: &Array, operand: &Aval) -> Array {
    if ct.shape() == &*operand.shape {
        return ct.clone();
    }
    if operand.rank() == 0 {
        return ct.sum_all();
    }
    let spread: Vec<usize> = (0..ct.ndim()).filter(|d| ct.shape()[*d] != operand.shape[*d]).collect();
    let sum = ct.sum_axes(&spread);
    sum.reshape(&operand.shape)
}

/// Sums the tangents that are not zero.
pub(super) fn sum_tangents(terms: impl IntoIterator<Item = Tangent>) -> Tangent {
    terms.into_iter().flatten().reduce(|a, b| a + b)
}

/// The jvp rule of a product, which is linear in each of two operands.
pub(super) fn bilinear_jvp(prim: &dyn Primitive, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
    let tangent = sum_tangents([
        dx[0].as_ref().map(|t| rebind1(prim, &[t, &x[1]])),
        dx[1].as_ref().map(|t| rebind1(prim, &[&x[0], t])),
    ]);
    (vec![rebind1(prim, &[&x[0], &x[1]])], vec![tangent])
}
