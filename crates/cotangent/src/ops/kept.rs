//! Values that are computed once.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::literal::Literal;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};

use super::elementwise::{self, rebind1};
use super::staged;

/// `kept`: returns its operand, computed once, so that all its readers see the same bits. The operand is a selection
/// and has no derivative.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kept;

impl Primitive for Kept {
    fn name(&self) -> &'static str {
        "kept"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        elementwise::infer(inputs, inputs[0].dtype)
    }

    fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        (vec![rebind1(self, &[&x[0]])], vec![None])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![rebind1(self, &[&x[0]])], vec![axes[0]])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], _: &[Aval]) -> Outputs<Value> {
        // The compiler does not look into a function that it may not inline. The arguments of such a function are in
        // memory.
        staged::apart(cx, "kept", args, inputs, <[Array]>::to_vec)
    }

    fn fold(&self, inputs: &[Literal]) -> Option<Literal> {
        Some(inputs[0])
    }
}
