//! Operations of imported programs that have no primitive.

use std::sync::Arc;

use stablehlo::Value;
use stablehlo::read::Part;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::effects::Effects;
use crate::ir::jaxpr::{Eqn, Jaxpr};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};

use super::callback::{VmapMethod, map_call};

/// `imported`: operations of an imported program that run as they were written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Opaque {
    /// The operations and where they come from: `` `stablehlo.rng`, from f.py:3 ``.
    pub(crate) what: Arc<str>,
    pub(crate) part: Arc<Part>,
    /// The types of the operands and of the results.
    pub(crate) types: [Vec<Aval>; 2],
    /// Whether each run has results of its own, as those of a random number generator are.
    pub(crate) fresh: bool,
}

/// The operations of imported programs in a program, those of the programs that it holds included.
pub(crate) fn opaque_in(jaxpr: &Jaxpr) -> Vec<&Opaque> {
    fn of_eqn(eqn: &Eqn) -> Vec<&Opaque> {
        let own = eqn.prim.as_any().downcast_ref::<Opaque>();
        own.into_iter().chain(eqn.prim.jaxprs().into_iter().flat_map(|inner| opaque_in(inner))).collect()
    }
    jaxpr.eqns().iter().flat_map(of_eqn).collect()
}

impl Primitive for Opaque {
    fn name(&self) -> &'static str {
        "imported"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("operations", self.what.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let [expected, results] = &self.types;
        let same = |(a, b): (&Aval, &Aval)| a.shape == b.shape && a.dtype == b.dtype;
        if expected.len() != inputs.len() || !expected.iter().zip(inputs).all(same) {
            return Err(Error::shape(format!("{}: expected operands {expected:?}, got {inputs:?}", self.what)));
        }
        Ok(results.iter().cloned().collect())
    }

    fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let [_, results] = &self.types;
        if results.iter().any(|aval| aval.dtype.is_inexact()) {
            let message = format!("{} has no derivative, because it runs as it was imported", self.what);
            raise(Error::new(ErrorKind::Transform, message).help(
                "export the function with its derivative, `exported.serialize(vjp_order=1)`, which `grad` then uses, or \
                 apply `.stop_gradient()` to the argument",
            ));
        }
        let outputs = crate::ops::elementwise::rebind(self, &x.iter().collect::<Vec<_>>()).into_vec();
        let zeros = vec![None; outputs.len()];
        (outputs, zeros)
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        map_call(self, &self.types[1], |_| self.clone(), VmapMethod::Sequential, (x, axes, size))
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        cx.call_part(&self.part, args, outs)
    }

    fn effects(&self) -> Effects {
        Effects { kept: self.fresh, ..Effects::NONE }
    }
}
