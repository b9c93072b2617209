//! A call of a jitted function inside another program.

use std::sync::Arc;

use stablehlo::Value;

use crate::core::array::Array;
use crate::core::aval::Aval;
use crate::core::error::{Error, Result};
use crate::core::jaxpr::Jaxpr;
use crate::core::lowering::Lowering;
use crate::core::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::core::trace::bind;
use crate::ops::elementwise::rebind;
use crate::ops::shape::batched_in_front;
use crate::transform::batch::batch_jaxpr;
use crate::transform::linearize::linearize_jaxpr;
use crate::transform::transpose::backward_jaxpr;

/// `jit`: a call of a program, which is lowered once to a function of the module and shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Call {
    /// The function's name.
    pub name: Arc<str>,
    /// The program; it captures nothing.
    pub jaxpr: Arc<Jaxpr>,
}

impl Call {
    fn with(&self, jaxpr: Arc<Jaxpr>) -> Call {
        Call { name: self.name.clone(), jaxpr }
    }
}

impl Primitive for Call {
    fn name(&self) -> &'static str {
        "jit"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("name", self.name.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let same = |(a, b): (&Aval, &Aval)| a.shape == b.shape && a.dtype == b.dtype;
        if self.jaxpr.inputs.len() != inputs.len() || !self.jaxpr.input_avals().zip(inputs).all(same) {
            let expected: Vec<_> = self.jaxpr.input_avals().collect();
            return Err(Error::shape(format!("{} takes {expected:?}, got {inputs:?}", self.name)));
        }
        Ok(self.jaxpr.output_avals().collect())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let wanted: Vec<bool> = dx.iter().map(Option::is_some).collect();
        let split = linearize_jaxpr(&self.jaxpr, &wanted);
        let mut outputs = bind(self.with(split.forward), &x.iter().collect::<Vec<_>>()).into_vec();
        let residuals = outputs.split_off(self.jaxpr.outputs.len());
        let operands: Vec<&Array> = residuals.iter().chain(dx.iter().flatten()).collect();
        let mut tangents = bind(self.with(split.linear), &operands).into_iter();
        let tangents = split.nonzero.iter().map(|n| if *n { tangents.next() } else { None }).collect();
        (outputs, tangents)
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let operands: Vec<&Array> = inputs.iter().filter_map(Operand::known).chain(ct.iter().flatten()).collect();
        let (jaxpr, arrives) = backward_jaxpr(&self.jaxpr, inputs, ct);
        let mut results = bind(self.with(jaxpr), &operands).into_iter();
        arrives.iter().map(|a| if *a { results.next() } else { None }).collect()
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let batched: Vec<bool> = axes.iter().map(Option::is_some).collect();
        let (jaxpr, out) = batch_jaxpr(&self.jaxpr, &batched, size);
        let moved: Vec<Array> = (x.iter().zip(axes))
            .map(|(x, a)| if a.is_some() { batched_in_front(x, *a, size) } else { x.clone() })
            .collect();
        let outputs = rebind(&self.with(jaxpr), &moved.iter().collect::<Vec<_>>());
        (outputs.into_vec(), out.iter().map(|b| b.then_some(0)).collect())
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        cx.call(&self.name, &self.jaxpr, args)
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.jaxpr]
    }
}
