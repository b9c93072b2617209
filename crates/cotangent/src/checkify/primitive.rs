//! The primitive of a check.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::debug::Template;
use crate::error::{Error, Loc, Result, raise};
use crate::ir::effects::Effects;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::ops::elementwise::rebind;
use crate::ops::select;
use crate::ops::shape::{Iota, batched_in_front};
use crate::runtime::outside_checkify;
use crate::trace::frames::bind;

/// `check` asserts that its first operand is true. The others are values for the message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Check {
    pub(super) message: Template,
    /// The line of the check: two checks with the same message are different.
    pub(super) loc: Loc,
}

impl Primitive for Check {
    fn name(&self) -> &'static str {
        "check"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("at", self.loc.line().to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        match inputs.first() {
            Some(pred) if pred.dtype == DType::Bool && pred.rank() == 0 => Ok(Outputs::new()),
            Some(pred) => Err(Error::dtype(format!("expected a boolean scalar, got {pred}"))
                .help("reduce a boolean array first: `.all()`")),
            None => Err(Error::value("expected a condition")),
        }
    }

    fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        rebind(self, &x.iter().collect::<Vec<_>>());
        (Vec::new(), Vec::new())
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let placed: Vec<Array> = (x.iter().zip(axes))
            .map(|(x, a)| if a.is_some() { batched_in_front(x, *a, size) } else { x.clone() })
            .collect();
        let shape = crate::array::aval::Shape::new(&[size]);
        let places = bind(Iota { dtype: DType::I32, shape, dimension: 0 }, &[]).swap_remove(0);
        // Reports the first element that fails. A condition without a batch axis applies to all elements.
        let first = if axes[0].is_some() {
            select(&placed[0], &Array::scalar(size as i32), &places, &[size]).min()
        } else {
            Array::scalar(0i32)
        };
        let holds = if axes[0].is_some() { first.equal(size as i32).astype(DType::Bool) } else { placed[0].clone() };
        let pick = |x: &Array| {
            let bits = x.dtype() == DType::Bool;
            let x = if bits { x.astype(DType::I32) } else { x.clone() };
            let mut at = places.equal(&first);
            for axis in 1..x.ndim() {
                at = at.expand_dims(axis as isize);
            }
            let at = at.broadcast_to(x.shape());
            let only = select(&at, &x, &crate::ops::zeros_like(&x), x.shape());
            let axes = vec![0];
            let sum = bind(crate::ops::reduce::ReduceSum { axes }, &[&only]).swap_remove(0);
            if bits { sum.astype(DType::Bool) } else { sum }
        };
        let values = placed[1..].iter().zip(&axes[1..]).map(|(x, a)| if a.is_some() { pick(x) } else { x.clone() });
        let operands: Vec<Array> = std::iter::once(holds).chain(values).collect();
        rebind(self, &operands.iter().collect::<Vec<_>>());
        (Vec::new(), Vec::new())
    }

    fn lower(&self, _: &mut Lowering<'_>, _: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        raise(outside_checkify().at(self.loc))
    }

    fn effects(&self) -> Effects {
        Effects::CHECK
    }
}
