//! From exchanges of rows to permutations.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive};
use crate::ir::routes::LinearAlgebra;
use crate::ops::elementwise::rebind1;
use crate::ops::shape::batched_in_front;
use crate::ops::staged;

use super::lapack::kernel;
use super::lu_steps;

/// `lu_pivots_to_permutation`: returns the permutation that a sequence of exchanges amounts to: row i with row
/// `pivots[i]`, for one i after the other.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// use cotangent::extend::primitives::LuPivotsToPermutation;
/// let rows = bind1(LuPivotsToPermutation { permutation_size: 3 }, &[&Array::from([2, 2])]);
/// assert_eq!(rows.to_vec::<i32>(), [2, 0, 1]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LuPivotsToPermutation {
    /// The number of rows.
    pub permutation_size: usize,
}

impl Primitive for LuPivotsToPermutation {
    fn name(&self) -> &'static str {
        "lu_pivots_to_permutation"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("permutation_size", self.permutation_size.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let pivots = &inputs[0];
        if pivots.dtype != DType::I32 {
            return Err(Error::dtype(format!("pivots must be i32, got {pivots}")));
        }
        match pivots.shape[..] {
            [ref batch @ .., k] if k <= self.permutation_size => {
                Ok([Aval::new(DType::I32, Shape::new(batch).insert(batch.len(), self.permutation_size))].into())
            }
            [.., k] => Err(Error::shape(format!(
                "a permutation of {} rows cannot have {k} exchanges, as many as {pivots} has",
                self.permutation_size
            ))),
            [] => Err(Error::shape(format!("pivots must have at least one dimension, got {pivots}"))),
        }
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![rebind1(self, &[&batched_in_front(&x[0], axes[0], size)])], vec![Some(0)])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        [permutation(cx, &args[0], &inputs[0], &outs[0])].into()
    }
}

/// Appends the permutation that exchanges amount to. JAX has no kernel for it, so that portable programs have a loop.
pub(super) fn permutation(cx: &mut Lowering<'_>, pivots: &Value, aval: &Aval, out: &Aval) -> Value {
    let (args, outs) = (std::slice::from_ref(pivots), std::slice::from_ref(out));
    let mut results = match cx.routes().linear_algebra == LinearAlgebra::Lapack && !cx.portable() {
        true => kernel(cx, "cotangent_pivots_to_permutation", args, &[], &[false; 2], outs),
        false => {
            let rows = out.shape[out.rank() - 1];
            staged::inline(cx, args, std::slice::from_ref(aval), |x| vec![lu_steps::permutation(&x[0], rows)])
        }
    };
    results.swap_remove(0)
}
