//! The index of the greatest or least element along an axis.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::ir::print::tuple;
use crate::trace::frames::bind1;

use super::elementwise::rebind1;
use super::reduce::{batch_axes, extreme, extremes, no_tangent, ordered_dtype, reduced, restore};
use super::shape::Iota;
use super::staged;

/// Defines `argmax` and `argmin`: the index of the greatest or least element along an axis. Of equal elements, it is
/// the first. NaN counts as the greatest and as the least.
macro_rules! arg_reductions {
    ($($T:ident $name:literal greatest $greatest:literal;)*) => { $(
        #[doc = concat!("`", $name, "` along an axis, which is removed from the result.")]
        #[doc = concat!("\n```\n# use cotangent::prelude::*;\n# use cotangent::extend::bind1;\nlet prim = cotangent::extend::primitives::", stringify!($T), " { axis: 0, index_dtype: DType::I32 };\nlet y = bind1(prim, &[&Array::from([6, 3])]);\nassert_eq!(y.ndim(), 0);\n```")]
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $T {
            /// The axis.
            pub axis: usize,
            /// The dtype of the index.
            pub index_dtype: DType,
        }

        impl Primitive for $T {
            fn name(&self) -> &'static str {
                $name
            }
            fn params(&self) -> Vec<(&'static str, String)> {
                vec![("axes", tuple(&[self.axis])), ("index_dtype", self.index_dtype.to_string())]
            }
            fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                ordered_dtype(inputs)?;
                let out = reduced(&inputs[0], &[self.axis])?;
                if inputs[0].shape[self.axis] == 0 {
                    return Err(Error::shape(format!("axis {} of {} is empty", self.axis, inputs[0])));
                }
                if !self.index_dtype.is_integer() {
                    return Err(Error::dtype(format!("index_dtype must be an integer, got {}", self.index_dtype)));
                }
                Ok([out.with_dtype(self.index_dtype)].into())
            }
            no_tangent!();
            fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                let (inner, out) = batch_axes(&[self.axis], axes[0]);
                (vec![bind1($T { axis: inner[0], index_dtype: self.index_dtype }, &[&x[0]])], vec![out])
            }
            fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
                [lower_arg(cx, &args[0], &inputs[0], self.axis, $greatest, &outs[0])].into()
            }
        }
    )* };
}

arg_reductions! {
    ArgMax "argmax" greatest true;
    ArgMin "argmin" greatest false;
}

/// Appends a reduction to the extreme value, and a second one to the least index at which it occurs. One reduction of
/// values and indices together would read the operand once. XLA's code for the CPU, however, processes it element by
/// element, which costs more than twice as much.
fn lower_arg(cx: &mut Lowering<'_>, x: &Value, aval: &Aval, axis: usize, greatest: bool, out: &Aval) -> Value {
    let name = if greatest { "argmax" } else { "argmin" };
    let found = staged::apart(cx, name, std::slice::from_ref(x), std::slice::from_ref(aval), |x| {
        let x = &x[0];
        let mut found = x.equal(restore(&extreme(x, &[axis], greatest), aval, &[axis]));
        if aval.dtype.is_inexact() {
            // If a value is NaN, so is the extreme value.
            found = found.logical_or(x.not_equal(x));
        }
        let here = bind1(Iota { dtype: out.dtype, shape: aval.shape.clone(), dimension: axis }, &[]);
        let beyond = Array::literal(extremes(out.dtype).1);
        vec![extreme(&super::select(&found, &here, &beyond, &aval.shape), &[axis], false)]
    });
    found[0].clone()
}
