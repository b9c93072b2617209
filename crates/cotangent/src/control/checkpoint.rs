//! Rematerialization: programs whose intermediate values are computed again in the backward pass instead of saved.

use std::sync::Arc;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::Result;
use crate::ir::axis::{AxisSet, NamedAxis};
use crate::ir::jaxpr::{Atom, Jaxpr, Var};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::ops::split::OptimizationBarrier;
use crate::trace::frames::{Inputs, bind, stage};
use crate::transform::dce::dce;
use crate::transform::eval::eval;
use crate::transform::jvp::jvp_jaxpr;
use crate::transform::linearize::{Split, linearize_jaxpr};
use crate::transform::masks::{chosen, placed, present};

use super::call::{self, batched, inline_calls, transposed, varied};
use super::ignored_by_eq::IgnoredByEq;

/// Which intermediate values may be saved for the backward pass.
pub(crate) type Saveable = dyn Fn(&dyn Primitive) -> bool + Send + Sync;

/// `checkpoint`: a program that runs again in the backward pass to recompute its intermediate values.
///
/// Equality ignores the policy: it only matters while a program is rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Checkpoint {
    /// The name of the function.
    pub name: Arc<str>,
    /// The program, without captures.
    pub jaxpr: Arc<Jaxpr>,
    /// Which values may be saved.
    pub policy: IgnoredByEq<Arc<Saveable>>,
    /// Whether to prevent the compiler from merging the two runs.
    pub prevent_cse: bool,
    /// Whether this is the second run.
    pub differentiated: bool,
}

/// A linearized program in three parts.
struct Parts {
    /// From the arguments to the results and then the saved values.
    forward: Jaxpr,
    /// From the arguments and the saved values to the residuals of the linear program.
    again: Jaxpr,
    /// The linear program.
    linear: Arc<Jaxpr>,
    nonzero: Vec<bool>,
}

impl Checkpoint {
    fn with(&self, jaxpr: Arc<Jaxpr>) -> Checkpoint {
        Checkpoint { jaxpr, ..self.clone() }
    }

    fn parts(&self, wanted: &[bool]) -> Parts {
        // A policy selects primitives, also those inside jitted functions.
        let jaxpr = inline_calls(&self.jaxpr);
        let Split { forward, linear, nonzero } = linearize_jaxpr(&jaxpr, wanted);
        let (outputs, residuals) = forward.outputs().split_at(jaxpr.outputs().len());
        let mut needed = vec![false; forward.avals().len()];
        residuals.iter().filter_map(|a| a.var()).for_each(|v| needed[v.index()] = true);
        let (mut eqns, mut saved) = (Vec::new(), Vec::<Var>::new());
        for eqn in forward.eqns().iter().rev() {
            if !eqn.outputs.iter().any(|v| needed[v.index()]) {
                continue;
            }
            if (self.policy)(&*eqn.prim) {
                saved.extend(eqn.outputs.iter().filter(|v| needed[v.index()]));
            } else {
                eqn.inputs.iter().filter_map(|a| a.var()).for_each(|v| needed[v.index()] = true);
                eqns.push(eqn.clone());
            }
        }
        eqns.reverse();
        let given = forward.inputs().iter().chain(&saved).copied().collect();
        let again = Jaxpr::new(forward.avals().to_vec(), given, eqns, residuals.to_vec());
        let results = outputs.iter().copied().chain(saved.into_iter().map(Atom::Var)).collect();
        let forward = forward.with_outputs(results);
        Parts { forward: dce(&forward, true).0, again, linear, nonzero }
    }
}

impl Primitive for Checkpoint {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![
            ("differentiated", boolean(self.differentiated)),
            ("name", self.name.to_string()),
            ("prevent_cse", boolean(self.prevent_cse)),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        call::infer(&self.name, &self.jaxpr, inputs)
    }

    /// Values and tangents in one program.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let wanted = present(dx);
        let (jaxpr, nonzero) = jvp_jaxpr(&self.jaxpr, &wanted, &[]);
        let operands: Vec<&Array> = x.iter().chain(dx.iter().flatten()).collect();
        let mut y = bind(self.with(jaxpr), &operands).into_vec();
        let mut dy = y.split_off(self.jaxpr.outputs().len()).into_iter();
        (y, placed(&nonzero, &mut dy))
    }

    /// The results, and a linear program that computes its residuals again.
    fn linearize(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let wanted = present(dx);
        let Parts { forward, again, linear, nonzero } = self.parts(&wanted);
        let mut y = bind(self.with(forward.into()), &x.iter().collect::<Vec<_>>()).into_vec();
        let saved = y.split_off(self.jaxpr.outputs().len());
        let known = x.len() + saved.len();
        let avals: Vec<Aval> = x.iter().chain(&saved).chain(dx.iter().flatten()).map(Array::aval).collect();
        let (closed, ()) = stage(&avals, &Inputs::Unknown("inside `checkpoint`"), |args| {
            let (known, tangents) = args.split_at(known);
            let residuals = eval(&again, known);
            (eval(&linear, &[&residuals, tangents].concat()), ())
        });
        // The second run need not keep what it does not read.
        let (program, kept) = dce(&closed.jaxpr, false);
        let all: Vec<&Array> = x.iter().chain(&saved).chain(dx.iter().flatten()).collect();
        let operands: Vec<&Array> = chosen(&all, &kept).copied().collect();
        let second = Checkpoint { differentiated: true, ..self.with(program.into()) };
        let mut dy = bind(second, &operands).into_iter();
        (y, placed(&nonzero, &mut dy))
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        transposed(&self.jaxpr, ct, inputs, |jaxpr, operands| bind(self.with(jaxpr), operands))
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        batched(&self.jaxpr, x, axes, size, |jaxpr, operands| bind(self.with(jaxpr), operands))
    }

    fn vary(&self, x: &[Array], over: &[AxisSet], mesh: &[NamedAxis]) -> Option<(Vec<Array>, Vec<AxisSet>)> {
        Some(varied(&self.jaxpr, x, over, mesh, |jaxpr, operands| bind(self.with(jaxpr), operands)))
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], _: &[Aval]) -> Outputs<Value> {
        if !(self.differentiated && self.prevent_cse) {
            return cx.inline(&self.jaxpr, args).into();
        }
        // The barrier hides from the compiler that both runs compute the same.
        let args = OptimizationBarrier.lower(cx, args, inputs, inputs);
        cx.inline(&self.jaxpr, &args).into()
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.jaxpr]
    }
}
