//! Reductions over windows.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::trace::frames::bind1;

use super::conv::dilated;
use super::domain::Domain;
use super::elementwise::rebind1;
use super::reduce::extremes;
use super::select_window::{Select, SelectAndGatherAdd};
use super::shape::linear_unary;
use super::slice::Pad;
use super::window::Window;

macro_rules! windows {
    ($($T:ident $name:literal: $domain:ident, $op:literal, init $init:expr, { $($rules:tt)* })*) => {
        $(
            #[doc = concat!("`", $name, "` over the windows of an array.")]
            #[doc = concat!("\n```\n# use cotangent::prelude::*;\n# use cotangent::extend::bind1;\n# use cotangent::extend::primitives::*;\nlet prim = ", stringify!($T), " { window: Window::new(&[2]) };\nlet y = bind1(prim, &[&Array::from([6, 3, 1])]);\nassert_eq!(y.shape(), [2]);\n```")]
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $T {
                /// The windows.
                pub window: Window,
            }

            impl Primitive for $T {
                fn name(&self) -> &'static str {
                    $name
                }
                fn params(&self) -> Vec<(&'static str, String)> {
                    self.window.params()
                }
                fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                    Domain::$domain.one_dtype(inputs)?;
                    Ok([inputs[0].with_shape(self.window.infer(&inputs[0])?)].into())
                }
                fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                    let window = axes[0].map_or_else(|| self.window.clone(), |a| self.window.batched(a));
                    (vec![bind1($T { window }, &[&x[0]])], vec![axes[0]])
                }
                fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
                    let scalar = Aval::new(outs[0].dtype, ());
                    let init: fn(DType) -> Literal = $init;
                    let init = cx.splat(&scalar, init(scalar.dtype));
                    self.window.lower(cx, args, &[init], outs, |cx, args| vec![cx.op($op, args, &[], &scalar)])
                }
                $($rules)*
            }
        )*
    };
}

/// Returns the jvp of a maximum or minimum. The tangent is that of the element that each window selects.
fn chooser_jvp(
    prim: &dyn Primitive,
    select: Select,
    window: &Window,
    x: &[Array],
    dx: &[Tangent],
) -> (Vec<Array>, Vec<Tangent>) {
    let gather = SelectAndGatherAdd { select, window: window.clone() };
    (vec![rebind1(prim, &[&x[0]])], vec![dx[0].as_ref().map(|t| bind1(gather, &[t, &x[0]]))])
}

windows! {
    ReduceWindowSum "reduce_window_sum": NUMBERS, "stablehlo.add", init |d| Literal::int(d, 0), {
        linear_unary!();
        fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
            vec![ct[0].as_ref().map(|ct| self.cotangent(ct, &inputs[0].aval()))]
        }
    }
    ReduceWindowMax "reduce_window_max": ORDERED, "stablehlo.maximum", init |d| extremes(d).0, {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            chooser_jvp(self, Select::Ge, &self.window, x, dx)
        }
    }
    ReduceWindowMin "reduce_window_min": ORDERED, "stablehlo.minimum", init |d| extremes(d).1, {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            chooser_jvp(self, Select::Le, &self.window, x, dx)
        }
    }
}

impl ReduceWindowSum {
    /// Returns the cotangent of the operand. For each element, it is the sum of the cotangents of the windows that
    /// cover it. This is a sum over windows of the cotangents, which are dilated by the strides.
    fn cotangent(&self, ct: &Array, x: &Aval) -> Array {
        let window = &self.window;
        let config = (0..x.rank())
            .map(|d| {
                let size = dilated(x.shape[d], window.base_dilation[d]) as i64;
                let reach = dilated(window.dimensions[d], window.window_dilation[d]) as i64;
                let spread = dilated(ct.shape()[d], window.strides[d]) as i64;
                let before = reach - window.padding[d].0 - 1;
                (before, size + reach - 1 - spread - before, window.strides[d] as i64 - 1)
            })
            .collect();
        let padded = bind1(Pad { config }, &[ct, &Array::literal(Literal::int(ct.dtype(), 0))]);
        let back = Window {
            strides: window.base_dilation.clone(),
            window_dilation: window.window_dilation.clone(),
            ..Window::new(&window.dimensions)
        };
        bind1(ReduceWindowSum { window: back }, &[&padded])
    }
}
