//! Reductions by reflections to Hessenberg and to tridiagonal form.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::platform::Platform;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::ops::domain::Domain;
use crate::ops::shape::batched_in_front;
use crate::trace::frames::bind;

use super::super::check_square;
use super::super::lapack::{Attribute, lapack};
use super::{has_lapack, no_tangent, status, with_last};

/// Checks that the operand is a square matrix with at least one row, and returns its size.
fn check(inputs: &[Aval]) -> Result<usize> {
    Domain::WIDE_INEXACT.one_dtype(inputs)?;
    match check_square(&inputs[0])? {
        0 => Err(Error::shape(format!("expected a matrix with at least one row, got {}", inputs[0]))),
        n => Ok(n),
    }
}

/// `hessenberg`: reduces a matrix to Hessenberg form. Returns a matrix with that form in its upper triangle and the
/// diagonal below the main one, and with the vectors of the reflections below that diagonal, and the factors of the
/// reflections. Reflection i is I − τ v vᴴ, where v has i + 1 zeros, then a one, then the elements in column i.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind;
/// let out = bind(cotangent::extend::primitives::Hessenberg, &[&Array::from([[1.0f32, 5.0], [4.0, 3.0]])]);
/// assert_eq!(out[0].to_vec::<f32>(), [1.0, 5.0, 4.0, 3.0]);
/// assert_eq!(out[1].to_vec::<f32>(), [0.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hessenberg;

impl Primitive for Hessenberg {
    fn name(&self) -> &'static str {
        "hessenberg"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (n, a) = (check(inputs)?, &inputs[0]);
        Ok([a.clone().with_weak_type(false), with_last(a, a.dtype, &[n - 1])].into_iter().collect())
    }

    fn jvp(&self, _: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        no_tangent(self.name())
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (bind(Hessenberg, &[&batched_in_front(&x[0], axes[0], size)]).into_vec(), vec![Some(0); 2])
    }

    fn runs_on(&self, platform: Platform) -> bool {
        has_lapack(platform)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let a = &inputs[0];
        let n = a.shape[a.rank() - 1] as i32;
        let range = [("high", Attribute::I32(n)), ("low", Attribute::I32(1))];
        let results = [outs[0].clone(), outs[1].clone(), status(a)];
        lapack(cx, "gehrd", args, &range, &[true, true, false, false], &results).into_iter().take(2).collect()
    }
}

/// `tridiagonal`: reduces a Hermitian matrix, of which one triangle is read, to a real tridiagonal matrix. Returns a
/// matrix with that form in the triangle, and with the vectors of the reflections beside it; the diagonal; the other
/// diagonal; and the factors of the reflections.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind;
/// use cotangent::extend::primitives::Tridiagonal;
/// let out = bind(Tridiagonal { lower: true }, &[&Array::from([[1.0f32, 4.0], [4.0, 3.0]])]);
/// assert_eq!([out[1].to_vec::<f32>(), out[2].to_vec::<f32>()].concat(), [1.0, 3.0, 4.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tridiagonal {
    /// Whether the lower triangle is read.
    pub lower: bool,
}

impl Primitive for Tridiagonal {
    fn name(&self) -> &'static str {
        "tridiagonal"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("lower", boolean(self.lower))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (n, a) = (check(inputs)?, &inputs[0]);
        let (d, e) = (with_last(a, a.dtype.real(), &[n]), with_last(a, a.dtype.real(), &[n - 1]));
        let tau = e.with_dtype(a.dtype);
        Ok([a.clone().with_weak_type(false), d, e, tau].into_iter().collect())
    }

    fn jvp(&self, _: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        no_tangent(self.name())
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (bind(self.clone(), &[&batched_in_front(&x[0], axes[0], size)]).into_vec(), vec![Some(0); 4])
    }

    fn runs_on(&self, platform: Platform) -> bool {
        has_lapack(platform)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let a = &inputs[0];
        let letters = [("uplo", Attribute::Letter(if self.lower { 'L' } else { 'U' }))];
        let name = if a.dtype.is_complex() { "hetrd" } else { "sytrd" };
        let mut results = outs.to_vec();
        results.push(status(a));
        let column_major = [true, true, false, false, false, false];
        lapack(cx, name, args, &letters, &column_major, &results).into_iter().take(4).collect()
    }
}
