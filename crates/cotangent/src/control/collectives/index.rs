//! The index along a mapped axis.

use std::slice;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::error::Result;
use crate::ir::axis::{AxisName, NamedAxis};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive};
use crate::ops::shape::Iota;
use crate::trace::frames::bind1;

use super::lowering::axis_index;
use super::{batched_over, over};

/// `axis_index`: the index along a mapped axis, an `i32`.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| x * lax::axis_index("i")).axis_name("i");
/// assert_eq!(f(&Array::from([5.0f32, 5.0])).to_vec::<f32>(), [0.0, 5.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AxisIndex {
    /// The axis.
    pub axis: NamedAxis,
}

impl Primitive for AxisIndex {
    fn name(&self) -> &'static str {
        "axis_index"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("axis_name", self.axis.to_string())]
    }

    fn infer(&self, _: &[Aval]) -> Result<Outputs<Aval>> {
        Ok([Aval::new(DType::I32, ())].into())
    }

    fn batch(&self, _: &[Array], _: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        if batched_over([&self.axis]).is_none() {
            return (vec![bind1(self.clone(), &[])], vec![None]);
        }
        let iota = Iota { dtype: DType::I32, shape: Shape::new(&[size]), dimension: 0 };
        (vec![bind1(iota, &[])], vec![Some(0)])
    }

    over!(|self| slice::from_ref(&self.axis), |cx, grid, _args, outs| axis_index(cx, &grid, &self.axis, &outs[0]));
}
