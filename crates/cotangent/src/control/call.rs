//! A call of a jitted function inside another program.

use std::sync::Arc;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::platform::Platform;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::axis::{AxisSet, NamedAxis};
use crate::ir::jaxpr::{Eqn, Jaxpr};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent, refusal_of, run_on};
use crate::trace::frames::{Inputs, bind, stage};
use crate::transform::batch::{batch_closed, in_front};
use crate::transform::eval::eval_with;
use crate::transform::linearize::linearize_jaxpr;
use crate::transform::masks::{placed, present};
use crate::transform::transpose::backward_jaxpr;

use super::vary::vary_jaxpr;

/// `jit`: a call of a program. The program is lowered once, to a function of the module that all its calls share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Call {
    /// The name of the function.
    pub name: Arc<str>,
    /// The program, without captures.
    pub jaxpr: Arc<Jaxpr>,
    /// Whether the compiler may inline the program. If not, it compiles the program once, however often it is called.
    pub inlined: bool,
    /// Where the program may run, if not everywhere.
    pub only: Option<Arc<Only>>,
}

/// The platforms of a program that was exported.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Only {
    /// Their names in JAX.
    pub exported: Vec<String>,
    /// The number of the one whose branches were imported, if the program has branches for several.
    pub imported: Option<usize>,
}

impl Only {
    fn allows(&self, platform: Platform) -> bool {
        let allowed = self.imported.map_or(&self.exported[..], |i| &self.exported[i..=i]);
        allowed.iter().any(|name| name == platform.name())
    }

    /// Says that a program does not run on a platform, if it does not.
    pub(crate) fn check(&self, name: &str, platform: Platform) -> Result<()> {
        if self.allows(platform) {
            return Ok(());
        }
        let (error, help) = match self.imported {
            Some(i) if self.exported.iter().any(|name| name == platform.name()) => (
                Error::new(
                    ErrorKind::Device,
                    format!("`{name}` was imported for {}, not for {platform}", self.exported[i]),
                ),
                format!("import it where {platform} is the default, such as with `COTANGENT_DEVICE={platform}`"),
            ),
            _ => (
                Error::new(
                    ErrorKind::Device,
                    format!("`{name}` was exported for {}, not for {platform}", self.exported.join(" and ")),
                ),
                format!("export it with `platforms=[\"{platform}\"]`"),
            ),
        };
        Err(error.help(format!(
            "{help}; or call `model.on_any_platform()`, whose operations are those of the file on every platform"
        )))
    }
}

impl Call {
    pub(crate) fn new(name: Arc<str>, jaxpr: Arc<Jaxpr>) -> Call {
        Call { name, jaxpr, inlined: true, only: None }
    }

    pub(crate) fn with(&self, jaxpr: Arc<Jaxpr>) -> Call {
        Call { jaxpr, ..self.clone() }
    }
}

/// Infers the types of the results of a program that a primitive holds, and checks the types of the operands.
pub(super) fn infer(name: &str, jaxpr: &Jaxpr, inputs: &[Aval]) -> Result<Outputs<Aval>> {
    let same = |(a, b): (&Aval, &Aval)| a.shape == b.shape && a.dtype == b.dtype;
    if jaxpr.inputs().len() != inputs.len() || !jaxpr.input_avals().zip(inputs).all(same) {
        let expected: Vec<_> = jaxpr.input_avals().collect();
        return Err(Error::shape(format!("{name}: expected operands {expected:?}, got {inputs:?}")));
    }
    Ok(jaxpr.output_avals().collect())
}

/// Transposes a primitive that holds a linear program. `call` binds the backward program.
pub(super) fn transposed(
    jaxpr: &Jaxpr,
    ct: &[Tangent],
    inputs: &[Operand],
    call: impl FnOnce(Arc<Jaxpr>, &[&Array]) -> Outputs<Array>,
) -> Vec<Tangent> {
    let operands: Vec<&Array> = inputs.iter().filter_map(Operand::known).chain(ct.iter().flatten()).collect();
    let (jaxpr, arrives) = backward_jaxpr(jaxpr, inputs, ct);
    let mut results = call(jaxpr, &operands).into_iter();
    placed(&arrives, &mut results)
}

/// Batches a primitive that holds a program. `call` binds the batched program.
pub(super) fn batched(
    jaxpr: &Jaxpr,
    x: &[Array],
    axes: &[Option<usize>],
    size: usize,
    call: impl FnOnce(Arc<Jaxpr>, &[&Array]) -> Outputs<Array>,
) -> (Vec<Array>, Vec<Option<usize>>) {
    let batched = present(axes);
    let (closed, out) = batch_closed(jaxpr, &batched, size, &[]);
    let operands = in_front(x, axes, size);
    let outputs = call(closed.jaxpr, &closed.captures.iter().chain(&operands).collect::<Vec<_>>());
    (outputs.into_vec(), out.iter().map(|b| b.then_some(0)).collect())
}

/// Applies a primitive that holds a program and runs it once to parts of values. `call` binds the rewritten program.
pub(super) fn varied(
    jaxpr: &Jaxpr,
    x: &[Array],
    over: &[AxisSet],
    mesh: &[NamedAxis],
    call: impl FnOnce(Arc<Jaxpr>, &[&Array]) -> Outputs<Array>,
) -> (Vec<Array>, Vec<AxisSet>) {
    let (jaxpr, sets) = vary_jaxpr(jaxpr, over, &[], mesh);
    (call(jaxpr, &x.iter().collect::<Vec<_>>()).into_vec(), sets)
}

/// Inlines the calls of jitted functions in a program.
pub(super) fn inline_calls(jaxpr: &Arc<Jaxpr>) -> Arc<Jaxpr> {
    fn run(jaxpr: &Jaxpr, args: &[Array]) -> Vec<Array> {
        eval_with(jaxpr, args, |eqn, inputs| {
            eqn.prim.as_any().downcast_ref::<Call>().map(|call| run(&call.jaxpr, inputs))
        })
    }
    let is_call = |eqn: &Eqn| eqn.prim.as_any().is::<Call>();
    if !jaxpr.eqns().iter().any(is_call) {
        return jaxpr.clone();
    }
    let avals: Vec<Aval> = jaxpr.input_avals().cloned().collect();
    stage(&avals, &Inputs::Unknown("inside a nested program"), |args| (run(jaxpr, args), ())).0.jaxpr
}

impl Primitive for Call {
    fn name(&self) -> &'static str {
        "jit"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let only = self.only.iter().map(|only| ("platforms", only.exported.join(",")));
        std::iter::once(("name", self.name.to_string())).chain(only).collect()
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        infer(&self.name, &self.jaxpr, inputs)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let wanted = present(dx);
        let split = linearize_jaxpr(&self.jaxpr, &wanted);
        let mut outputs = bind(self.with(split.forward), &x.iter().collect::<Vec<_>>()).into_vec();
        let residuals = outputs.split_off(self.jaxpr.outputs().len());
        let operands: Vec<&Array> = residuals.iter().chain(dx.iter().flatten()).collect();
        let mut tangents = bind(self.with(split.linear), &operands).into_iter();
        let tangents = placed(&split.nonzero, &mut tangents);
        (outputs, tangents)
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

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        cx.call(&self.name, &self.jaxpr, args, self.inlined)
    }

    fn runs_on(&self, platform: Platform) -> bool {
        self.only.as_ref().is_none_or(|only| only.allows(platform)) && run_on(&[&self.jaxpr], platform)
    }

    fn refusal(&self, platform: Platform) -> Error {
        let own = self.only.as_ref().and_then(|only| only.check(&self.name, platform).err());
        own.unwrap_or_else(|| refusal_of(self.name(), self.effects(), platform))
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.jaxpr]
    }
}
