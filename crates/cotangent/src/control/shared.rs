//! Products in a branch between values that are not batched, which all elements share, and values that are.

use std::any::Any;
use std::sync::Arc;

use crate::array::aval::Aval;
use crate::ir::jaxpr::{Atom, Eqn, Jaxpr, Var};
use crate::ops::conv::ConvGeneralDilated;
use crate::ops::convert::ConvertElementType;
use crate::ops::dot::DotGeneral;
use crate::ops::dynamic::DynamicSlice;
use crate::ops::gather::Gather;
use crate::ops::shape::{Reshape, Transpose};
use crate::transform::dce::dce;

/// A linear program in two parts.
pub(super) struct Parts {
    /// From the operands to the products of shared values.
    pub(super) products: Arc<Jaxpr>,
    /// From the operands and then those products to the results.
    pub(super) rest: Jaxpr,
}

impl Parts {
    /// The types of the products.
    pub(super) fn avals(&self) -> impl Iterator<Item = Aval> {
        self.products.output_avals()
    }
}

/// Whether the primitive maps a zero cotangent to a zero cotangent where its known operands are zeros, and its result may
/// be much smaller than its operand, so that a cotangent for each element would waste memory.
fn is_product(prim: &dyn Any) -> bool {
    prim.is::<DotGeneral>() || prim.is::<ConvGeneralDilated>() || prim.is::<Gather>() || prim.is::<DynamicSlice>()
}

/// Whether the primitive keeps the elements of its operand, up to their order and type.
pub(super) fn rearranges(prim: &dyn Any) -> bool {
    prim.is::<Transpose>() || prim.is::<Reshape>() || prim.is::<ConvertElementType>()
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A known operand, rearranged or not.
    Given,
    /// Computed here from known values.
    Known,
    /// Linear in shared operands alone, without a factor.
    Shared,
    /// Linear.
    Linear,
}

/// Splits a linear program into the products of its shared linear operands, and the rest.
pub(super) fn split(jaxpr: &Arc<Jaxpr>, linear: &[bool], shared: &[bool]) -> Parts {
    let mut kinds = vec![Kind::Known; jaxpr.avals().len()];
    for (var, (linear, shared)) in jaxpr.inputs().iter().zip(linear.iter().zip(shared)) {
        kinds[var.index()] = match (linear, shared) {
            (false, _) => Kind::Given,
            (true, true) => Kind::Shared,
            (true, false) => Kind::Linear,
        };
    }
    let (mut before, mut rest, mut products): (Vec<Eqn>, Vec<Eqn>, Vec<Var>) = Default::default();
    for eqn in jaxpr.eqns() {
        let operands: Vec<Kind> = eqn.inputs.iter().filter_map(|a| a.var()).map(|v| kinds[v.index()]).collect();
        let count = |kind| operands.iter().filter(|k| **k == kind).count();
        let (given, of_shared, linear) = (count(Kind::Given), count(Kind::Shared), count(Kind::Linear));
        let kind = if given > 0 && given == operands.len() && rearranges(eqn.prim.as_any()) {
            before.push(eqn.clone());
            Kind::Given
        } else if of_shared + linear == 0 {
            Kind::Known
        } else if of_shared == operands.len() {
            before.push(eqn.clone());
            Kind::Shared
        } else if of_shared == 1 && of_shared + given == operands.len() && is_product(eqn.prim.as_any()) {
            before.push(eqn.clone());
            products.extend(eqn.outputs.iter().copied());
            eqn.outputs.iter().for_each(|v| kinds[v.index()] = Kind::Linear);
            continue;
        } else {
            Kind::Linear
        };
        rest.push(eqn.clone());
        eqn.outputs.iter().for_each(|v| kinds[v.index()] = kind);
    }
    let program =
        |inputs: Vec<Var>, eqns, outputs| dce(&Jaxpr::new(jaxpr.avals().to_vec(), inputs, eqns, outputs), true).0;
    let with_products = jaxpr.inputs().iter().chain(&products).copied().collect();
    Parts {
        rest: program(with_products, rest, jaxpr.outputs().to_vec()),
        products: Arc::new(program(jaxpr.inputs().to_vec(), before, products.into_iter().map(Atom::Var).collect())),
    }
}
