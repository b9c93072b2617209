//! Reductions over mapped axes.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::error::{Error, Result};
use crate::ir::axis::{AxisName, NamedAxis};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::tuple;
use crate::ops::reduce::{ReduceMax, ReduceMin, ReduceSum};
use crate::trace::frames::bind1;

use super::{batched_over, linear_collective, over};

/// A reduction over mapped axes. `$over` is the reduction over an axis of an array. `$same` is its result for one value that
/// all `n` elements share.
macro_rules! reductions {
    ($($T:ident $name:literal: $accepts:expr, $what:literal, $over:ident, |$x:ident, $n:ident| $same:expr, { $($rules:tt)* })*) => { $(
        #[doc = concat!("`", $name, "` over mapped axes: every element gets the result of all.")]
        #[doc = concat!("\n```\nuse cotangent::{lax, prelude::*};\nlet f = vmap(|x: &Array| lax::", $name, "(x, \"i\")).axis_name(\"i\").out_axes(None);\nassert_eq!(f(&Array::from([3.0f32, 1.0])).ndim(), 0);\n```")]
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $T {
            /// The axes.
            pub axes: Vec<NamedAxis>,
        }

        impl Primitive for $T {
            fn name(&self) -> &'static str {
                $name
            }

            fn params(&self) -> Vec<(&'static str, String)> {
                let quoted: Vec<String> = self.axes.iter().map(|a| format!("'{a}'")).collect();
                vec![("axes", tuple(&quoted))]
            }

            fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                let accepts: fn(DType) -> bool = $accepts;
                if !accepts(inputs[0].dtype) {
                    return Err(Error::dtype(format!("expected {}, got {}", $what, inputs[0])));
                }
                Ok(inputs.iter().cloned().collect())
            }

            fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                let Some(name) = batched_over(&self.axes) else {
                    return (vec![bind1(self.clone(), &[&x[0]])], axes.to_vec());
                };
                let own = match axes[0] {
                    Some(axis) => bind1($over { axes: vec![axis] }, &[&x[0]]),
                    None => {
                        let ($x, $n) = (&x[0], size);
                        $same
                    }
                };
                let others: Vec<NamedAxis> = self.axes.iter().filter(|a| a.name != name).cloned().collect();
                let all = if others.is_empty() { own } else { bind1($T { axes: others }, &[&own]) };
                (vec![all], vec![None])
            }

            over!(|self| &self.axes);

            $($rules)*
        }
    )* };
}

reductions! {
    PSum "psum": |d| d != DType::Bool, "numbers", ReduceSum, |x, n| times(x, n), {
        linear_collective!();

        // The sum reaches every element, so its cotangent is the sum of the cotangents of all elements.
        fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
            vec![ct[0].as_ref().map(|ct| bind1(self.clone(), &[ct]))]
        }
    }
    PMax "pmax": |d| !d.is_complex(), "ordered values", ReduceMax, |x, _n| x.clone(), {}
    PMin "pmin": |d| !d.is_complex(), "ordered values", ReduceMin, |x, _n| x.clone(), {}
}

/// `n` times `x`, in the dtype of `x`: the sum over `n` elements that share it.
pub(crate) fn times(x: &Array, n: usize) -> Array {
    x * n as i32
}
