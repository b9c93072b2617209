//! Operations whose meaning is a program, and which a compiler may know by name.

use std::sync::Arc;

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::Result;
use crate::ir::axis::{AxisSet, NamedAxis};
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::trace::frames::bind;

use super::call::{Call, infer, varied};
use super::ffi_call::FfiAttribute;

/// `composite`: an operation with a name, attributes, and a program that computes the same.
///
/// What a transform makes of it is a call of another program, which is no longer the operation of that name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CompositeCall {
    /// The name, such as `my.tangent`.
    pub(crate) name: Arc<str>,
    /// The version of the meaning of the name.
    pub(crate) version: i32,
    /// Constants for a compiler that knows the operation.
    pub(crate) attributes: Vec<(String, FfiAttribute)>,
    /// The program, without captures.
    pub(crate) jaxpr: Arc<Jaxpr>,
}

impl CompositeCall {
    fn decomposed(&self) -> Call {
        Call::new(self.name.clone(), self.jaxpr.clone())
    }
}

/// An attribute as JAX writes it: a list of integers is a list of attributes.
fn mlir(value: &FfiAttribute) -> Attr {
    match value {
        FfiAttribute::I64s(list) => Attr::Array(list.iter().map(|x| Attr::I64(*x)).collect()),
        value => value.mlir(),
    }
}

impl Primitive for CompositeCall {
    fn name(&self) -> &'static str {
        "composite"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let attributes: Vec<String> =
            self.attributes.iter().map(|(name, value)| format!("{name}={}", mlir(value))).collect();
        vec![
            ("attributes", format!("({})", attributes.join(", "))),
            ("name", self.name.to_string()),
            ("version", self.version.to_string()),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        infer(&self.name, &self.jaxpr, inputs)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        self.decomposed().jvp(x, dx)
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        self.decomposed().transpose(ct, inputs)
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        self.decomposed().batch(x, axes, size)
    }

    fn vary(&self, x: &[Array], over: &[AxisSet], mesh: &[NamedAxis]) -> Option<(Vec<Array>, Vec<AxisSet>)> {
        let with = |jaxpr| CompositeCall { jaxpr, ..self.clone() };
        Some(varied(&self.jaxpr, x, over, mesh, |jaxpr, operands| bind(with(jaxpr), operands)))
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        // An effect needs a token, which a composite does not have.
        if self.effects().kept {
            return self.decomposed().lower(cx, args, inputs, outs);
        }
        let mut attributes: Vec<(String, Attr)> =
            self.attributes.iter().map(|(name, value)| (name.clone(), mlir(value))).collect();
        attributes.sort_by(|a, b| a.0.cmp(&b.0));
        let attrs = [
            ("composite_attributes", Attr::Dict(attributes)),
            ("name", Attr::Str(self.name.to_string())),
            ("version", Attr::I32(self.version)),
        ];
        cx.composite(&self.name, &self.jaxpr, args, &attrs)
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.jaxpr]
    }
}
