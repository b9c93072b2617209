//! The greatest elements along an axis.

use stablehlo::{Attr, Type, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::trace::frames::bind;

use super::elementwise::rebind;
use super::reduce::ordered_dtype;
use super::shape::{check_axes, shifted};
use super::sort::take_along;

/// `top_k`: the `k` greatest elements along an axis in descending order, and their indices. Of equal elements, the one
/// with the lower index comes first.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind;
/// let out = bind(cotangent::extend::primitives::TopK { k: 2, axis: 0 }, &[&Array::from([3, 1, 2])]);
/// assert_eq!(out[0].to_vec::<i32>(), [3, 2]);
/// assert_eq!(out[1].to_vec::<i32>(), [0, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TopK {
    /// The number of elements.
    pub k: usize,
    /// The axis.
    pub axis: usize,
}

impl Primitive for TopK {
    fn name(&self) -> &'static str {
        "top_k"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("axis", self.axis.to_string()), ("k", self.k.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        ordered_dtype(inputs)?;
        let x = &inputs[0];
        check_axes(&[self.axis], x)?;
        let n = x.shape[self.axis];
        if self.k > n {
            return Err(Error::shape(format!("axis {} of {x} has fewer than {} elements", self.axis, self.k)));
        }
        if i32::try_from(n).is_err() {
            return Err(Error::shape(format!("axis {} of {x} is too long for i32 indices", self.axis)));
        }
        let values = x.with_shape(x.shape.remove(&[self.axis]).insert(self.axis, self.k));
        let indices = values.with_dtype(DType::I32).with_weak_type(false);
        Ok([values, indices].into_iter().collect())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = rebind(self, &[&x[0]]).into_vec();
        let tangent = dx[0].as_ref().map(|t| take_along(t, &out[1], self.axis));
        (out, vec![tangent, None])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let axis = shifted(&[self.axis], axes[0])[0];
        (bind(TopK { k: self.k, axis }, &[&x[0]]).into_vec(), vec![axes[0]; 2])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        // XLA's operation works along the last axis.
        let mut order: Vec<usize> = (0..inputs[0].rank()).collect();
        order.swap(self.axis, inputs[0].rank() - 1);
        let swapped =
            |aval: &Aval| aval.with_shape(order.iter().map(|d| aval.shape[*d]).collect::<crate::array::aval::Shape>());
        let swap = |cx: &mut Lowering<'_>, x: &Value, out: &Aval| {
            let attr = ("permutation", Attr::i64s(order.iter().copied()));
            cx.op("stablehlo.transpose", std::slice::from_ref(x), &[attr], out)
        };
        let x = swap(cx, &args[0], &swapped(&inputs[0]));
        let results: Vec<Type> = outs.iter().map(|a| swapped(a).mlir()).collect();
        let found = cx.block.op("chlo.top_k", &x, &[("k", Attr::I64(self.k as i64))], &results);
        found.iter().zip(outs).map(|(v, out)| swap(cx, v, out)).collect()
    }
}
