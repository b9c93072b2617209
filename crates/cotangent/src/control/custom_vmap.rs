//! Functions with a batching rule of the user: the primitive behind `custom_vmap` and `sequential_vmap`.

use std::sync::Arc;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ops::elementwise::rebind;
use crate::ops::shape::batched_in_front;
use crate::ops::zeros_like;
use crate::trace::axis;
use crate::trace::frames::{Inputs, bind, stage};
use crate::transform::batch::in_front;
use crate::transform::jvp::{jvp, jvp_jaxpr};
use crate::transform::masks::{placed, present};
use crate::transform::nested::nested;

use super::call::{self, Call, transposed};
use super::ignored_by_eq::IgnoredByEq;
use super::scan::Scan;

/// A rule, from the size of the batch, the mask of the batched arguments and the arguments, with the batch axis in front,
/// to the results and the mask of the batched ones.
type VmapRule = dyn Fn(usize, &[bool], &[Array]) -> (Vec<Array>, Vec<bool>) + Send + Sync;

/// How a function is mapped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// By the rule of the user.
    Given(IgnoredByEq<Arc<VmapRule>>),
    /// One element after the other, in a loop.
    Sequential,
}

/// `custom_vmap_call`: a program with a batching rule.
///
/// Equality ignores the rule, as for [`CustomJvp`](super::custom_jvp::CustomJvp).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CustomVmap {
    /// The name of the function.
    pub name: Arc<str>,
    /// The program of the function. It takes the captured values and then the arguments.
    pub jaxpr: Arc<Jaxpr>,
    /// The number of captured values. The rule of the user does not see them.
    pub consts: usize,
    /// The rule.
    pub rule: Rule,
}

impl CustomVmap {
    /// The tangents as a function of their own. Its batching rule is the derivative of the batching rule.
    fn tangent(&self, wanted: &[bool]) -> (CustomVmap, Vec<bool>) {
        let (both, nonzero) = jvp_jaxpr(&self.jaxpr, wanted, &[]);
        let n = self.jaxpr.outputs().len();
        let tangents = both.with_outputs(both.outputs()[n..].to_vec());
        let jaxpr = crate::transform::dce::dce(&tangents, true).0.into();
        let rule = match &self.rule {
            Rule::Sequential => Rule::Sequential,
            Rule::Given(rule) => Rule::Given(IgnoredByEq(self.tangent_rule(rule.0.clone(), wanted, &nonzero))),
        };
        (CustomVmap { name: self.name.clone(), jaxpr, consts: self.consts, rule }, nonzero)
    }

    fn tangent_rule(&self, rule: Arc<VmapRule>, wanted: &[bool], nonzero: &[bool]) -> Arc<VmapRule> {
        let (name, nonzero) = (self.name.clone(), nonzero.to_vec());
        let captured = wanted[..self.consts].contains(&true);
        let wanted = wanted[self.consts..].to_vec();
        Arc::new(move |size, batched, args| {
            if captured {
                raise(super::custom_jvp::captured(&name, "custom_vmap"));
            }
            let (x, t) = args.split_at(wanted.len());
            let (in_x, in_t) = batched.split_at(wanted.len());
            let (mut t, mut in_t) = (t.iter(), in_t.iter());
            // An argument is batched if it or its tangent is.
            let mut flags = in_x.to_vec();
            let (mut primals, mut tangents) = (x.to_vec(), vec![None; x.len()]);
            for (i, _) in wanted.iter().enumerate().filter(|(_, w)| **w) {
                let (Some(t), Some(in_t)) = (t.next(), in_t.next()) else { unreachable!("a tangent for each") };
                let spread = |x: &Array, has: bool, other: bool| match other && !has {
                    true => batched_in_front(x, None, size),
                    false => x.clone(),
                };
                flags[i] |= in_t;
                primals[i] = spread(&x[i], in_x[i], *in_t);
                tangents[i] = Some(spread(t, *in_t, in_x[i]));
            }
            let avals: Vec<Aval> = primals.iter().map(Array::aval).collect();
            let (closed, out) = stage(&avals, &Inputs::Unknown("inside a batching rule"), |x| rule(size, &flags, x));
            let all: Vec<Array> = closed.captures.iter().cloned().chain(primals).collect();
            let mut all_tangents: Vec<Tangent> = vec![None; closed.captures.len()];
            all_tangents.extend(tangents);
            let (y, dy) = jvp(&closed.jaxpr, &all, &all_tangents);
            let results = y.iter().zip(dy).zip(&out).zip(&nonzero).filter(|(_, nonzero)| **nonzero);
            results.map(|(((y, dy), out), _)| (dy.unwrap_or_else(|| zeros_like(y)), *out)).unzip()
        })
    }

    /// A loop over the batch.
    fn looped(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let order: Vec<usize> = {
            let (shared, mapped): (Vec<usize>, Vec<usize>) = (0..x.len()).partition(|i| axes[*i].is_none());
            [shared, mapped].concat()
        };
        let own: Vec<Aval> = self.jaxpr.input_avals().cloned().collect();
        let avals: Vec<Aval> = order.iter().map(|i| own[*i].clone()).collect();
        let (closed, ()) = stage(&avals, &Inputs::Unknown("inside a loop over a batch"), |args| {
            let mut placed: Vec<&Array> = args.iter().collect();
            for (arg, i) in args.iter().zip(&order) {
                placed[*i] = arg;
            }
            (rebind(self, &placed).into_vec(), ())
        });
        let consts = axes.iter().filter(|a| a.is_none()).count();
        let moved = in_front(x, axes, size);
        let operands: Vec<&Array> = order.iter().map(|i| &moved[*i]).collect();
        let scan = Scan { jaxpr: nested(closed), length: size, reverse: false, consts, carry: 0, unroll: 1 };
        let outputs = bind(scan, &operands).into_vec();
        let places = vec![Some(0); outputs.len()];
        (outputs, places)
    }
}

impl Primitive for CustomVmap {
    fn name(&self) -> &'static str {
        "custom_vmap_call"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("name", self.name.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        call::infer(&self.name, &self.jaxpr, inputs)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let y = bind(self.clone(), &x.iter().collect::<Vec<_>>()).into_vec();
        let wanted = present(dx);
        let (tangent, nonzero) = self.tangent(&wanted);
        // The tangents of captured values come last too. A rule that does not support them never runs.
        let operands: Vec<&Array> = x.iter().chain(dx.iter().flatten()).collect();
        let mut dy = bind(tangent, &operands).into_iter();
        (y, placed(&nonzero, &mut dy))
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        transposed(&self.jaxpr, ct, inputs, |jaxpr, operands| {
            let name = self.name.clone();
            match self.rule {
                Rule::Given(_) => bind(Call::new(name, jaxpr), operands),
                Rule::Sequential => bind(CustomVmap { name, jaxpr, consts: 0, rule: Rule::Sequential }, operands),
            }
        })
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let rule = match &self.rule {
            Rule::Sequential => return self.looped(x, axes, size),
            Rule::Given(rule) => rule,
        };
        if axes[..self.consts].iter().any(Option::is_some) {
            raise(
                Error::new(
                    ErrorKind::Transform,
                    format!(
                        "the custom_vmap function `{}` captures a batched value, which its rule does not receive",
                        self.name
                    ),
                )
                .help("make the value an argument of the function"),
            );
        }
        let args = in_front(&x[self.consts..], &axes[self.consts..], size);
        let batched = present(&axes[self.consts..]);
        // The rule sees the whole batch, so it cannot communicate over the axis.
        let (outputs, out) = axis::without_innermost(|| rule(size, &batched, &args));
        (outputs, out.iter().map(|b| b.then_some(0)).collect())
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        cx.inline(&self.jaxpr, args).into()
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.jaxpr]
    }
}
