//! Powers with arbitrary exponents.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::trace::frames::bind1;

use super::domain::Domain;
use super::elementwise::{self, spread_tangent, sum_tangents};

/// `pow`, elementwise: floating-point numbers raised to floating-point or integer powers.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Pow, &[&Array::from([2.0f32]), &Array::from([3.0f32])]);
/// assert!((y.to_vec::<f32>()[0] - 8.0).abs() < 1e-4);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pow;

impl Primitive for Pow {
    fn name(&self) -> &'static str {
        "pow"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let integer = inputs.get(1).is_some_and(|y| y.dtype.is_integer());
        let dtype = Domain::INEXACT.one_dtype(&inputs[..if integer { 1 } else { inputs.len() }])?;
        if inputs.len() != 2 {
            return Err(Error::value(format!("expected a base and an exponent, got {} operands", inputs.len())));
        }
        let mut out = elementwise::infer(inputs, dtype)?;
        out[0].weak_type = inputs[0].weak_type && (integer || inputs[1].weak_type);
        Ok(out)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = bind1(Pow, &[&x[0], &x[1]]);
        let (base, exponent) = (&x[0], x[1].convert(out.dtype(), false));
        let number = |v: f64| Array::literal(Literal::float(out.dtype(), v));
        // Replaces zeros in `a` by one.
        let no_zero = |a: &Array| super::select(&a.equal(number(0.0)), &number(1.0), a, a.shape());
        // y·xʸ⁻¹. For an exponent of zero, it is zero even at x = 0, where the power would be infinite.
        let in_base = |t: &Array| {
            let (x_zero, y_zero) = (base.equal(number(0.0)), exponent.equal(number(0.0)));
            let both = spread_tangent(&x_zero, &out).logical_and(spread_tangent(&y_zero, &out));
            let less = super::select(&both, &number(0.0), &(&exponent - number(1.0)), out.shape());
            t * (&exponent * base.pow(&less))
        };
        // log(x)·xʸ, and 0 at x = 0 if the power is 0, although the logarithm is infinite.
        let in_exponent = |u: &Array| u * (no_zero(base).log() * &out);
        let tangent = sum_tangents([dx[0].as_ref().map(in_base), dx[1].as_ref().map(in_exponent)]);
        let tangent = tangent.map(|t| spread_tangent(&t, &out));
        (vec![out], vec![tangent])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        elementwise::batch(self, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        if inputs[1].dtype == outs[0].dtype {
            return elementwise::lower(cx, "stablehlo.power", args, &outs[0]);
        }
        let exponent = cx.op("stablehlo.convert", &args[1..], &[], &inputs[1].with_dtype(outs[0].dtype));
        elementwise::lower(cx, "stablehlo.power", &[args[0].clone(), exponent], &outs[0])
    }
}
