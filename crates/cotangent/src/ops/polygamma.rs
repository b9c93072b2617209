//! The derivatives of the logarithm of the gamma function.

use stablehlo::Value;

use crate::core::array::Array;
use crate::core::aval::Aval;
use crate::core::dtype::DType;
use crate::core::error::Result;
use crate::core::lowering::Lowering;
use crate::core::primitive::{Outputs, Primitive, Tangent, missing_rule};
use crate::core::trace::bind1;

use super::elementwise::{self, one_dtype, spread_tangent};

/// The primitives of this file.
pub(super) const NAMES: &[&str] = &["polygamma"];

/// `polygamma`, elementwise: the derivative of the digamma function of order n at x; the operands are n, x.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::core::bind1;
/// let one = Array::from([1.0f32]);
/// let y = bind1(cotangent::ops::polygamma::Polygamma, &[&one, &one]);
/// assert!((y.to_vec::<f32>()[0] - 1.644934).abs() < 1e-3); // π²/6
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Polygamma;

impl Primitive for Polygamma {
    fn name(&self) -> &'static str {
        "polygamma"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        elementwise::infer(inputs, one_dtype(inputs, DType::is_float, "real floating-point numbers")?)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        if dx[0].is_some() {
            // The order is a whole number: there is nothing to differentiate.
            crate::core::error::raise(missing_rule("polygamma", "jvp").context("in its first operand, the order"));
        }
        let out = bind1(Polygamma, &[&x[0], &x[1]]);
        let tangent = dx[1].as_ref().map(|t| spread_tangent(t, &out) * bind1(Polygamma, &[&(&x[0] + 1.0), &x[1]]));
        (vec![out], vec![tangent])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        elementwise::batch(self, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        elementwise::lower(cx, "chlo.polygamma", args, &outs[0])
    }
}
