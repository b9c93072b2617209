//! Bitwise functions of integers.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::trace::frames::bind1;

use super::domain::Domain;
use super::elementwise;

macro_rules! bit_functions {
    ($($T:ident $name:literal: $domain:ident, $op:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`, elementwise, on the bits of integers.")]
            #[doc = concat!("\n```\n# use cotangent::prelude::*;\n# use cotangent::extend::bind1;\nlet y = bind1(cotangent::extend::primitives::", stringify!($T), ", &[&Array::from([6, 3])]);\nassert_eq!(y.shape(), [2]);\n```")]
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $T;

            impl Primitive for $T {
                fn name(&self) -> &'static str {
                    $name
                }
                fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                    elementwise::infer(inputs, Domain::$domain.one_dtype(inputs)?)
                }
                fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
                    (vec![bind1($T, &[&x[0]])], vec![None])
                }
                fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                    (vec![bind1($T, &[&x[0]])], axes.to_vec())
                }
                fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
                    elementwise::lower(cx, $op, args, &outs[0])
                }
            }
        )*
    };
}

bit_functions! {
    Not "not": BITS, "stablehlo.not";
    PopulationCount "population_count": INTEGERS, "stablehlo.popcnt";
    Clz "clz": INTEGERS, "stablehlo.count_leading_zeros";
}
