//! Reductions over mapped axes.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::ir::axis::{AxisName, AxisSet, NamedAxis};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::tuple;
use crate::ops::dynamic::DynamicSlice;
use crate::ops::reduce::{Extremum, ReduceMax, ReduceMin, ReduceSum};
use crate::ops::{select, zeros_like};
use crate::trace::frames::{bind, bind1};

use super::exchange::AllGather;
use super::index::AxisIndex;
use super::lowering::all_reduce;
use super::vary::PSumInvariant;
use super::{batched_over, linear_collective, over};

/// A reduction over mapped axes. `$over` is the reduction over an axis of an array. `$same` is its result for one value that
/// all `n` elements share.
macro_rules! reductions {
    ($($T:ident $name:literal $combiner:literal: $accepts:expr, $what:literal, $over:ident, |$x:ident, $n:ident| $same:expr, { $($rules:tt)* })*) => { $(
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

            over!(
                |self| &self.axes,
                |cx, grid, args, outs| all_reduce(cx, &grid, $combiner, &self.axes, &args[0], &outs[0])
            );

            $($rules)*
        }
    )* };
}

/// The rules of a maximum or minimum. All devices of a mesh share the result.
macro_rules! extreme {
    ($greatest:literal) => {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            let y = bind1(self.clone(), &[&x[0]]);
            let dy = dx[0].as_ref().map(|dx| chosen_tangent(&self.axes, $greatest, (&x[0], dx), &y));
            (vec![y], vec![dy])
        }

        fn vary(&self, x: &[Array], over: &[AxisSet], _: &[NamedAxis]) -> Option<(Vec<Array>, Vec<AxisSet>)> {
            let rest = over[0].iter().filter(|name| !self.uses_axis(name)).cloned().collect();
            Some((vec![bind1(self.clone(), &[&x[0]])], vec![rest]))
        }
    };
}

reductions! {
    PSum "psum" "stablehlo.add": |d| d != DType::Bool, "numbers", ReduceSum, |x, n| times(x, n), {
        linear_collective!();

        // The sum reaches every element, so its cotangent is the sum of the cotangents of all elements.
        fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
            vec![ct[0].as_ref().map(|ct| bind1(self.clone(), &[ct]))]
        }

        fn vary(&self, x: &[Array], over: &[AxisSet], mesh: &[NamedAxis]) -> Option<(Vec<Array>, Vec<AxisSet>)> {
            let (own, others): (Vec<_>, Vec<_>) = self.axes.iter().cloned().partition(|axis| mesh.contains(axis));
            let x = if others.is_empty() { x[0].clone() } else { bind1(PSum { axes: others }, &[&x[0]]) };
            match own.is_empty() {
                true => Some((vec![x], over.to_vec())),
                false => PSumInvariant { axes: own }.vary(&[x], over, mesh),
            }
        }
    }
    PMax "pmax" "stablehlo.maximum": |d| !d.is_complex(), "ordered values", ReduceMax, |x, _n| x.clone(), {
        extreme!(true);
    }
    PMin "pmin" "stablehlo.minimum": |d| !d.is_complex(), "ordered values", ReduceMin, |x, _n| x.clone(), {
        extreme!(false);
    }
}

/// `n` times `x`, in the dtype of `x`: the sum over `n` elements that share it.
pub(crate) fn times(x: &Array, n: usize) -> Array {
    x * n as i32
}

/// The tangent of a maximum or minimum `y` of `x`: that of the element whose value it is, or the mean of several. All
/// elements are gathered, so that the selection is made once, from the same values.
fn chosen_tangent(axes: &[NamedAxis], greatest: bool, (x, dx): (&Array, &Array), y: &Array) -> Array {
    let stack = |x: Array, axis: &NamedAxis| bind1(AllGather { axis: axis.clone(), dimension: 0, tiled: false }, &[&x]);
    let all = axes.iter().rev().fold(x.clone(), stack);
    let over: Vec<usize> = (0..axes.len()).collect();
    let chosen = bind(Extremum { axes: over, greatest }, &[&all]).swap_remove(1);
    let own = axes.iter().fold(chosen, |chosen, axis| {
        let index = bind1(AxisIndex { axis: axis.clone() }, &[]);
        let mut starts = vec![index];
        starts.resize(chosen.ndim(), Array::scalar(0i32));
        let sizes = chosen.aval().shape.remove(&[0]).insert(0, 1);
        let slice = DynamicSlice { slice_sizes: sizes.to_vec() };
        let operands: Vec<&Array> = std::iter::once(&chosen).chain(&starts).collect();
        let row = bind1(slice, &operands);
        row.reshape(row.aval().shape.remove(&[0]))
    });
    let sum = |x: &Array| bind1(PSum { axes: axes.to_vec() }, &[x]);
    let wide = if dx.dtype().bits() < 32 { DType::F32 } else { dx.dtype() };
    let number = |value: f64| Array::literal(Literal::float(wide, value));
    let share = number(1.0) / sum(&own.convert(wide, false));
    // NaN propagates.
    let share = select(&y.equal(y), &share, &number(f64::NAN), share.shape()).convert(dx.dtype(), false);
    sum(&select(&own, dx, &zeros_like(dx), dx.shape())) * share
}
