//! Functions with a reverse-mode rule of the user: the primitives behind `custom_vjp`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::location::location;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::axis::NamedAxis;
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ops::shape::batched_in_front;
use crate::ops::zeros_like;
use crate::trace::axis;
use crate::trace::frames::bind;
use crate::transform::batch::{batch_everywhere, batch_staged, bind_in_front, in_front};
use crate::transform::masks::{placed, present};

use super::call;
use super::custom_jvp::captured;
use super::ignored_by_eq::IgnoredByEq;

/// The two halves of a reverse-mode rule.
pub(crate) trait VjpRule: Send + Sync {
    /// The forward rule, from the arguments to the results and the residuals.
    fn forward(&self, args: &[Array]) -> (Vec<Array>, Vec<Array>);
    /// The backward rule, from the residuals and the cotangents of the results to the cotangents of the arguments, which
    /// may be `None`.
    fn backward(&self, residuals: &[Array], cts: &[Array]) -> Vec<Tangent>;
    /// Whether the rule returns a cotangent for an argument.
    fn differentiates(&self, argument: usize) -> bool;
    /// What to use instead of forward mode.
    fn instead(&self) -> &'static str {
        "define the rule with `custom_jvp` instead (reverse mode follows from it), or use `grad` or `vjp`"
    }
}

/// `custom_vjp_call`: a program with a vjp rule.
///
/// Equality ignores the rule; see `custom_jvp_call`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CustomVjp {
    /// The name of the function.
    pub name: Arc<str>,
    /// The program of the function. It takes the captured values and then the arguments.
    pub jaxpr: Arc<Jaxpr>,
    /// The number of captured values. The rule does not see them.
    pub consts: usize,
    /// The rule.
    pub rule: IgnoredByEq<Arc<dyn VjpRule>>,
}

impl Primitive for CustomVjp {
    fn name(&self) -> &'static str {
        "custom_vjp_call"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("name", self.name.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        call::infer(&self.name, &self.jaxpr, inputs)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let (consts, given) = dx.split_at(self.consts);
        if consts.iter().any(Option::is_some) {
            raise(captured(&self.name, "custom_vjp"));
        }
        if let Some(i) = (0..given.len()).find(|i| given[*i].is_some() && !self.rule.differentiates(*i)) {
            raise(
                Error::new(
                    ErrorKind::Transform,
                    format!(
                        "the custom_vjp function `{}` is differentiated with respect to argument leaf {i} ({}), which \
                         it declares not differentiable",
                        self.name,
                        x[self.consts + i].aval()
                    ),
                )
                .help("apply `.stop_gradient()` to that argument, or return a cotangent for it from the rule"),
            );
        }
        let args = &x[self.consts..];
        let (y, residuals) = self.rule.forward(args);
        let tangents: Vec<Array> = (args.iter().zip(given).filter(|(x, _)| x.dtype().is_inexact()))
            .map(|(x, t)| t.clone().unwrap_or_else(|| zeros_like(x)))
            .collect();
        let linear = CustomLin {
            name: self.name.clone(),
            residuals: residuals.len(),
            inexact: args.iter().map(|x| x.dtype().is_inexact()).collect(),
            outs: y.iter().filter(|y| y.dtype().is_inexact()).map(Array::aval).collect(),
            all_outs: y.iter().map(Array::aval).collect(),
            rule: self.rule.0.clone(),
        };
        let mut dy = bind(linear, &residuals.iter().chain(&tangents).collect::<Vec<_>>()).into_iter();
        let dy = y.iter().map(|y| if y.dtype().is_inexact() { dy.next() } else { None }).collect();
        (y, dy)
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let batched = present(axes);
        let jaxpr = batch_everywhere(&self.jaxpr, &batched, size);
        let rule = Batched {
            rule: self.rule.0.clone(),
            avals: self.jaxpr.input_avals().skip(self.consts).cloned().collect(),
            outs: self.jaxpr.output_avals().collect(),
            batched: batched[self.consts..].to_vec(),
            size,
            axis: axis::innermost(),
            residuals: OnceLock::new(),
        };
        let prim = CustomVjp { name: self.name.clone(), jaxpr, consts: self.consts, rule: IgnoredByEq(Arc::new(rule)) };
        bind_in_front(prim, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        cx.inline(&self.jaxpr, args).into()
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.jaxpr]
    }
}

/// A rule over a batch.
struct Batched {
    rule: Arc<dyn VjpRule>,
    /// The types of the arguments and results, without the batch axis.
    avals: Vec<Aval>,
    outs: Vec<Aval>,
    /// The mask of the batched arguments.
    batched: Vec<bool>,
    size: usize,
    /// The mapped axis, if it has a name.
    axis: Option<NamedAxis>,
    /// The types of the residuals without the batch axis, and the mask of the batched ones: set when the forward rule has
    /// run.
    residuals: OnceLock<(Vec<Aval>, Vec<bool>)>,
}

impl VjpRule for Batched {
    fn forward(&self, args: &[Array]) -> (Vec<Array>, Vec<Array>) {
        let (mut outs, mut places, avals) =
            batch_staged(&self.axis, &self.avals, args, &self.batched, self.size, |args| {
                let (y, residuals) = self.rule.forward(args);
                let avals: Vec<Aval> = residuals.iter().map(Array::aval).collect();
                ([y, residuals].concat(), avals)
            });
        let n = self.outs.len();
        let residuals = in_front(&outs.split_off(n), &places.split_off(n), self.size);
        // The results must be batched, as those of the program are. A residual is batched if it depends on the batch.
        let flags: Vec<bool> = residuals.iter().zip(&avals).map(|(x, a)| x.ndim() > a.rank()).collect();
        let _ = self.residuals.set((avals, flags));
        let outs = outs.iter().zip(places);
        let outs = outs.map(|(x, axis)| batched_in_front(x, axis, self.size)).collect();
        (outs, residuals)
    }

    fn backward(&self, residuals: &[Array], cts: &[Array]) -> Vec<Tangent> {
        let Some((avals, flags)) = self.residuals.get() else { unreachable!("the first half has run") };
        let avals: Vec<Aval> = avals.iter().chain(&self.outs).cloned().collect();
        let batched: Vec<bool> = flags.iter().copied().chain(cts.iter().map(|_| true)).collect();
        let args: Vec<Array> = residuals.iter().chain(cts).cloned().collect();
        let n = residuals.len();
        let (outs, places, present) = batch_staged(&self.axis, &avals, &args, &batched, self.size, |args| {
            let (residuals, cts) = args.split_at(n);
            let back = self.rule.backward(residuals, cts);
            let present: Vec<bool> = back.iter().map(Option::is_some).collect();
            (back.into_iter().flatten().collect(), present)
        });
        let mut back = outs.into_iter().zip(places);
        (present.iter().zip(&self.batched))
            .map(|(present, batched)| {
                let (ct, axis) = if *present { back.next()? } else { return None };
                Some(match (axis, batched) {
                    // The cotangent of an argument that is not batched is the sum over the batch.
                    (Some(axis), false) => ct.sum_axes(&[axis]),
                    (None, false) => ct * self.size as f64,
                    (axis, true) => batched_in_front(&ct, axis, self.size),
                })
            })
            .collect()
    }

    fn differentiates(&self, argument: usize) -> bool {
        self.rule.differentiates(argument)
    }

    fn instead(&self) -> &'static str {
        self.rule.instead()
    }
}

/// `custom_lin`: the derivative of a `custom_vjp_call`. Only its transpose is known. The operands are the residuals and the
/// tangents of the inexact arguments.
#[derive(Clone)]
struct CustomLin {
    name: Arc<str>,
    residuals: usize,
    inexact: Vec<bool>,
    /// The types of the inexact results, whose tangents it returns, and of all results.
    outs: Vec<Aval>,
    all_outs: Vec<Aval>,
    rule: Arc<dyn VjpRule>,
}

impl PartialEq for CustomLin {
    fn eq(&self, other: &CustomLin) -> bool {
        Arc::ptr_eq(&self.rule, &other.rule) && self.residuals == other.residuals && self.all_outs == other.all_outs
    }
}

impl Eq for CustomLin {}

impl Hash for CustomLin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (Arc::as_ptr(&self.rule).cast::<()>() as usize, self.residuals).hash(state);
    }
}

impl fmt::Debug for CustomLin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomLin").field("name", &self.name).finish_non_exhaustive()
    }
}

impl CustomLin {
    fn forward_mode(&self) -> ! {
        raise(
            Error::new(
                ErrorKind::Transform,
                format!(
                    "the custom_vjp function `{}` has a rule for reverse mode only and cannot be used in forward mode",
                    self.name
                ),
            )
            .help(self.rule.instead())
            .at(location(std::panic::Location::caller())),
        )
    }
}

impl Primitive for CustomLin {
    fn name(&self) -> &'static str {
        "custom_lin"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("name", self.name.to_string())]
    }

    fn infer(&self, _: &[Aval]) -> Result<Outputs<Aval>> {
        Ok(self.outs.iter().cloned().collect())
    }

    fn jvp(&self, _: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        self.forward_mode()
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let residuals: Vec<Array> = inputs[..self.residuals].iter().filter_map(Operand::known).cloned().collect();
        let inexact: Vec<bool> = self.all_outs.iter().map(|a| a.dtype.is_inexact()).collect();
        let given: Vec<Option<&Tangent>> = placed(&inexact, &mut ct.iter());
        let cts: Vec<Array> = (given.into_iter().zip(&self.all_outs))
            .map(|(ct, a)| ct.cloned().flatten().unwrap_or_else(|| crate::ops::zeros(&a.shape, a.dtype)))
            .collect();
        let back = self.rule.backward(&residuals, &cts);
        let back = back.into_iter().zip(&self.inexact).filter(|(_, inexact)| **inexact).map(|(ct, _)| ct);
        vec![None; self.residuals].into_iter().chain(back).collect()
    }

    fn batch(&self, _: &[Array], _: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        self.forward_mode()
    }

    fn lower(&self, _: &mut Lowering<'_>, _: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        self.forward_mode()
    }
}
