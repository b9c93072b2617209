//! The Schur decomposition.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::platform::Platform;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::ops::domain::Domain;
use crate::ops::shape::batched_in_front;
use crate::trace::frames::bind;

use super::super::check_square;
use super::super::lapack::{Attribute, lapack, or_nan};
use super::{has_lapack, no_tangent, status, with_last};

/// `schur`: returns the Schur form T of a matrix A, and the unitary Q with A = Q T Qᴴ if it is wanted. T is upper
/// triangular. If A is real, T has 2 × 2 blocks on the diagonal for pairs of conjugate eigenvalues. If an element of A
/// is not finite, all results are NaN.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind;
/// use cotangent::extend::primitives::Schur;
/// let out = bind(Schur { compute_schur_vectors: false }, &[&Array::from([[1.0f32, 5.0], [0.0, 3.0]])]);
/// assert_eq!(out[0].to_vec::<f32>(), [1.0, 5.0, 0.0, 3.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schur {
    /// Whether Q is returned.
    pub compute_schur_vectors: bool,
}

impl Primitive for Schur {
    fn name(&self) -> &'static str {
        "schur"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("compute_schur_vectors", boolean(self.compute_schur_vectors))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Domain::WIDE_INEXACT.one_dtype(inputs)?;
        check_square(&inputs[0])?;
        let out = inputs[0].clone().with_weak_type(false);
        Ok(std::iter::repeat_n(out, 1 + usize::from(self.compute_schur_vectors)).collect())
    }

    fn jvp(&self, _: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        no_tangent(self.name())
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let out = bind(self.clone(), &[&batched_in_front(&x[0], axes[0], size)]).into_vec();
        let axes = vec![Some(0); out.len()];
        (out, axes)
    }

    fn runs_on(&self, platform: Platform) -> bool {
        has_lapack(platform)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let a = &inputs[0];
        let mode = if self.compute_schur_vectors { 'V' } else { 'N' };
        let letters = [("mode", Attribute::Letter(mode)), ("sort", Attribute::Letter('N'))];
        let values = with_last(a, a.dtype, &[a.shape[a.rank() - 1]]);
        let parts = if a.dtype.is_complex() { 1 } else { 2 };
        let mut results = vec![outs[0].clone(); 2];
        results.extend(vec![values; parts]);
        results.extend([status(a), status(a)]);
        let mut column_major = vec![true; 3];
        column_major.resize(1 + results.len(), false);
        let out = lapack(cx, "gees", args, &letters, &column_major, &results);
        let info = &out[results.len() - 1];
        or_nan(cx, info, out.iter().zip(outs))
    }
}
