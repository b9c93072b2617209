//! Functions with a derivative rule of the user: the primitive behind `custom_jvp` and `custom_root`.

use std::sync::Arc;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ops::shape::batched_in_front;
use crate::ops::zeros_like;
use crate::trace::axis;
use crate::trace::frames::bind;
use crate::transform::batch::{batch_everywhere, batch_staged, bind_in_front};
use crate::transform::masks::present;

use super::call::{self, transposed};
use super::ignored_by_eq::IgnoredByEq;

/// A rule, from the arguments and their tangents to the results and their tangents.
type JvpRule = dyn Fn(&[Array], &[Array]) -> (Vec<Array>, Vec<Array>) + Send + Sync;

/// `custom_jvp_call`: a program with a jvp rule.
///
/// Equality ignores the rule: two of them are equal when they compute the same. The rule only matters while a program is
/// rewritten, and rewriting reads the equation itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CustomJvp {
    /// The name of the function.
    pub name: Arc<str>,
    /// The program of the function. It takes the captured values and then the arguments.
    pub jaxpr: Arc<Jaxpr>,
    /// The number of captured values. The rule does not see them.
    pub consts: usize,
    /// The rule. It does not see the captured values.
    pub rule: IgnoredByEq<Arc<JvpRule>>,
}

/// The error of differentiating a function with custom rules with respect to a value that it captures.
pub(super) fn captured(name: &str, kind: &str) -> Error {
    Error::new(
        ErrorKind::Transform,
        format!(
            "the {kind} function `{name}` is differentiated with respect to a captured value, for which it has no rule"
        ),
    )
    .help("make the value an argument of the function, and include its derivative in the rule")
}

impl Primitive for CustomJvp {
    fn name(&self) -> &'static str {
        "custom_jvp_call"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("name", self.name.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        call::infer(&self.name, &self.jaxpr, inputs)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        if dx[..self.consts].iter().any(Option::is_some) {
            raise(captured(&self.name, "custom_jvp"));
        }
        let args = &x[self.consts..];
        let tangents: Vec<Array> =
            args.iter().zip(&dx[self.consts..]).map(|(x, t)| t.clone().unwrap_or_else(|| zeros_like(x))).collect();
        let (y, dy) = (self.rule)(args, &tangents);
        let dy = y.iter().zip(dy).map(|(y, t)| y.dtype().is_inexact().then_some(t)).collect();
        (y, dy)
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        // Applied to tangents, a linear function is transposed like any program.
        transposed(&self.jaxpr, ct, inputs, |jaxpr, operands| {
            bind(super::call::Call::new(self.name.clone(), jaxpr), operands)
        })
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let batched = present(axes);
        let jaxpr = batch_everywhere(&self.jaxpr, &batched, size);
        let (rule, consts, axis) = (self.rule.clone(), self.consts, axis::innermost());
        let avals: Vec<Aval> = self.jaxpr.input_avals().skip(consts).cloned().collect();
        let flags = batched[consts..].to_vec();
        let n = self.jaxpr.outputs().len();
        let rule = move |args: &[Array], tangents: &[Array]| {
            let both: Vec<Array> = args.iter().chain(tangents).cloned().collect();
            let types = [&avals[..], &avals].concat();
            let (out, places, ()) = batch_staged(&axis, &types, &both, &[&flags[..], &flags].concat(), size, |all| {
                let (x, t) = all.split_at(avals.len());
                let (y, dy) = rule(x, t);
                ([y, dy].concat(), ())
            });
            let out: Vec<Array> = out.iter().zip(places).map(|(x, axis)| batched_in_front(x, axis, size)).collect();
            let (y, dy) = out.split_at(n);
            (y.to_vec(), dy.to_vec())
        };
        let prim = CustomJvp { name: self.name.clone(), jaxpr, consts, rule: IgnoredByEq(Arc::new(rule)) };
        bind_in_front(prim, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        cx.inline(&self.jaxpr, args).into()
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.jaxpr]
    }
}
