//! The primitive that stops differentiation.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::trace::frames::bind1;

/// `stop_gradient`: the identity, whose derivative is defined to be zero.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::StopGradient, &[&Array::from([1.0f32])]);
/// assert_eq!(y.to_vec::<f32>(), [1.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StopGradient;

impl Primitive for StopGradient {
    fn name(&self) -> &'static str {
        "stop_gradient"
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Ok([inputs[0].clone()].into())
    }
    fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        (vec![bind1(StopGradient, &[&x[0]])], vec![None])
    }
    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![bind1(StopGradient, &[&x[0]])], axes.to_vec())
    }
    fn is_identity(&self) -> bool {
        true
    }

    fn lower(&self, _: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        [args[0].clone()].into()
    }
}
