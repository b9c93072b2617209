//! Primitives over a batch that are differentiated element by element.

use std::sync::Arc;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::Result;
use crate::ir::axis::NamedAxis;
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ops::shape::{BroadcastInDim, batched_in_front};
use crate::ops::{select, zeros_like};
use crate::trace::axis;
use crate::trace::frames::{Inputs, bind, bind1, stage};
use crate::transform::batch::{batch_everywhere, batch_staged, bind_in_front, in_front};
use crate::transform::eval::eval;
use crate::transform::masks::{placed, present};
use crate::transform::nested::nested;
use crate::transform::transpose::backward;

use super::call;
use super::cond::Cond;
use super::ignored_by_eq::IgnoredByEq;
use super::shared::{Parts, split};

/// `mapped`: a primitive over a batch. It computes a program over the whole batch. Its derivative is the batched
/// derivative of the primitive, and not the derivative of that program.
///
/// A conditional whose index differs from element to element needs this. The program runs every branch on all elements
/// and selects from the results. In the derivative of that program, the derivative of a branch at an element that did
/// not take it, such as ∞, would be multiplied by the zero cotangent of the selection. In the batched derivative of the
/// conditional, each element has the derivative of its own branch alone. This also holds where a sum over the batch
/// follows, as it does for values that are not batched.
///
/// Equality ignores the primitive of a single element, as for [`CustomJvp`](super::custom_jvp::CustomJvp).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mapped {
    /// The program over the whole batch. Batched operands and all results have the batch axis in front.
    pub jaxpr: Arc<Jaxpr>,
    /// The primitive of a single element.
    element: IgnoredByEq<Element>,
}

#[derive(Clone)]
struct Element {
    prim: Arc<dyn Primitive>,
    /// The types of its operands, without the batch axis.
    avals: Vec<Aval>,
    /// The mask of the batched operands.
    batched: Vec<bool>,
    size: usize,
    axis: Option<NamedAxis>,
}

impl Element {
    /// Computes cotangents by batching the transpose rule of the primitive.
    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let Element { prim, avals, batched, size, axis } = self;
        let known = || (0..inputs.len()).filter(|i| !inputs[*i].is_linear());
        let arrived = || ct.iter().flatten();
        let types: Vec<Aval> = (known().map(|i| avals[i].clone()))
            .chain(arrived().map(|ct| ct.aval().with_shape(ct.aval().shape.remove(&[0]))))
            .collect();
        let flags: Vec<bool> = known().map(|i| batched[i]).chain(arrived().map(|_| true)).collect();
        let args: Vec<Array> = inputs.iter().filter_map(Operand::known).chain(arrived()).cloned().collect();
        let (out, places, arrives) = batch_staged(axis, &types, &args, &flags, *size, |args| {
            let mut args = args.iter().cloned();
            let operands: Vec<Operand> = (inputs.iter().zip(avals))
                .map(|(x, aval)| match if x.is_linear() { None } else { args.next() } {
                    Some(known) => Operand::Known(known),
                    None => Operand::Linear(aval.clone()),
                })
                .collect();
            let ct: Vec<Tangent> = placed(&present(ct), &mut args);
            let back = prim.transpose(&ct, &operands);
            let arrives = present(&back);
            (back.into_iter().flatten().collect(), arrives)
        });
        let mut out = out.iter().zip(places).map(|(x, place)| batched_in_front(x, place, *size));
        let cts: Vec<Tangent> = placed(&arrives, &mut out);
        // The cotangent of an operand that is not batched is the sum over the batch.
        let sum = |ct: Array, batched: bool| if batched { ct } else { ct.sum_axis(0) };
        cts.into_iter().zip(batched).map(|(ct, batched)| ct.map(|ct| sum(ct, *batched))).collect()
    }

    /// Computes the cotangents of a conditional. An operand that is not batched, such as the weights of a network,
    /// would get an array from each element, to be summed. So its products with batched values move out of the branches
    /// and are transposed for all elements at once. Elements that took another branch have zeros there, in both
    /// factors.
    fn transpose_choice(&self, cond: &Cond, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let linear: Vec<bool> = inputs[1..].iter().map(Operand::is_linear).collect();
        let shared: Vec<bool> = self.batched[1..].iter().map(|b| !b).collect();
        let parts: Vec<Parts> = cond.branches.iter().map(|branch| split(branch, &linear, &shared)).collect();
        let products: Vec<Aval> = parts.iter().flat_map(Parts::avals).collect();
        let (Some(index), false) = (inputs[0].known(), products.is_empty()) else { return self.transpose(ct, inputs) };
        // The same conditional, with the products as more operands.
        let n = linear.len();
        let avals: Vec<Aval> = self.avals.iter().chain(&products).cloned().collect();
        let mut start = n;
        let branches = (parts.iter())
            .map(|part| {
                let own = start..start + part.avals().count();
                start = own.end;
                let (closed, ()) = stage(&avals[1..], &Inputs::Unknown("inside a branch"), |args| {
                    (eval(&part.rest, &[&args[..n], &args[own]].concat()), ())
                });
                nested(closed)
            })
            .collect();
        let batched = [&self.batched[..], &vec![true; products.len()]].concat();
        let choice = Element { prim: Arc::new(Cond::new(branches)), avals, batched, ..self.clone() };
        let more = products.iter().map(|aval| Operand::Linear(aval.with_shape(aval.shape.insert(0, self.size))));
        let mut result = choice.transpose(ct, &inputs.iter().cloned().chain(more).collect::<Vec<_>>());
        let mut arrived = result.split_off(n + 1).into_iter();
        let index = cond.clamped(index);
        for (branch, part) in parts.iter().enumerate() {
            let cts: Vec<Tangent> = arrived.by_ref().take(part.avals().count()).collect();
            if cts.iter().all(Option::is_none) {
                continue;
            }
            let takes = index.equal(branch as i32);
            let own = |x: &Array, batched: bool| {
                if !x.dtype().is_inexact() {
                    return x.clone();
                }
                let takes = if batched { takes.clone() } else { takes.any() };
                let dims = (0..takes.ndim()).collect();
                let takes = bind1(BroadcastInDim { shape: x.aval().shape, dims }, &[&takes]);
                select(&takes, x, &zeros_like(x), x.shape())
            };
            let operands: Vec<Operand> = (inputs[1..].iter().zip(&self.batched[1..]))
                .map(|(x, batched)| x.known().map_or_else(|| x.clone(), |x| Operand::Known(own(x, *batched))))
                .collect();
            let whole =
                axis::inside(self.axis.clone(), || batch_everywhere(&part.products, &self.batched[1..], self.size));
            for (sum, ct) in result[1..].iter_mut().zip(backward(&whole, &operands, &cts)) {
                *sum = match (sum.take(), ct) {
                    (Some(sum), Some(ct)) => Some(sum + ct),
                    (sum, ct) => sum.or(ct),
                };
            }
        }
        result
    }
}

impl Mapped {
    /// Binds `prim` over a batch. `run` computes the results, with the batch axis in front, from operands that have it
    /// in front too.
    pub(super) fn run(
        prim: &(impl Primitive + Clone),
        x: &[Array],
        axes: &[Option<usize>],
        size: usize,
        run: impl FnOnce(&[Array]) -> Vec<Array>,
    ) -> Vec<Array> {
        let operands = in_front(x, axes, size);
        if !operands.iter().any(|x| x.dtype().is_inexact()) {
            // There is nothing to differentiate.
            return run(&operands);
        }
        let whole: Vec<Aval> = operands.iter().map(Array::aval).collect();
        let (closed, ()) = stage(&whole, &Inputs::Unknown("inside a branch"), |args| (run(args), ()));
        let batched = present(axes);
        let own = |(aval, b): (Aval, &bool)| if *b { aval.with_shape(aval.shape.remove(&[0])) } else { aval };
        let avals = whole.into_iter().zip(&batched).map(own).collect();
        let element = Element { prim: Arc::new(prim.clone()), avals, batched, size, axis: axis::innermost() };
        let mapped = Mapped { jaxpr: nested(closed), element: IgnoredByEq(element) };
        bind(mapped, &operands.iter().collect::<Vec<_>>()).into_vec()
    }
}

impl Primitive for Mapped {
    fn name(&self) -> &'static str {
        "mapped"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("name", self.element.prim.name().to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        call::infer(self.element.prim.name(), &self.jaxpr, inputs)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let Element { prim, avals, batched, size, axis } = &*self.element;
        let with_tangent = || (0..x.len()).filter(|i| dx[*i].is_some());
        let types: Vec<Aval> = avals.iter().cloned().chain(with_tangent().map(|i| avals[i].clone())).collect();
        let flags: Vec<bool> = batched.iter().copied().chain(with_tangent().map(|i| batched[i])).collect();
        let args: Vec<Array> = x.iter().chain(dx.iter().flatten()).cloned().collect();
        let (out, places, nonzero) = batch_staged(axis, &types, &args, &flags, *size, |args| {
            let (x, t) = args.split_at(avals.len());
            let dx: Vec<Tangent> = placed(&present(dx), &mut t.iter().cloned());
            let (y, dy) = prim.jvp(x, &dx);
            let nonzero = present(&dy);
            (y.into_iter().chain(dy.into_iter().flatten()).collect(), nonzero)
        });
        let mut out = out.iter().zip(places).map(|(x, place)| batched_in_front(x, place, *size));
        let y: Vec<Array> = out.by_ref().take(nonzero.len()).collect();
        (y, placed(&nonzero, &mut out))
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        match self.element.prim.as_any().downcast_ref::<Cond>() {
            Some(cond) => self.element.transpose_choice(cond, ct, inputs),
            None => self.element.transpose(ct, inputs),
        }
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let batched = present(axes);
        let element = Element {
            prim: Arc::new(self.clone()),
            avals: self.jaxpr.input_avals().cloned().collect(),
            size,
            axis: axis::innermost(),
            batched: batched.clone(),
        };
        let mapped = Mapped { jaxpr: batch_everywhere(&self.jaxpr, &batched, size), element: IgnoredByEq(element) };
        bind_in_front(mapped, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        cx.inline(&self.jaxpr, args).into()
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.jaxpr]
    }
}
