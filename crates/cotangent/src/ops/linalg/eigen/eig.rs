//! The eigenvalues of general matrices.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::platform::Platform;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::ops::complex::complex_of;
use crate::ops::domain::Domain;
use crate::ops::shape::{Iota, batched_in_front};
use crate::ops::{select, zeros};
use crate::trace::frames::{bind, bind1};

use super::super::lapack::{Attribute, lapack, or_nan};
use super::super::{Lu, TriangularSolve, check_square, permuted_rows, product};
use super::{adjoint, diagonal, has_lapack, inverse_differences, status, with_last};

/// `eig`: returns the eigenvalues of a matrix in no particular order, then the eigenvectors on the left if they are
/// wanted, then those on the right. Vectors are columns of length one, in which the element of largest magnitude is
/// real. If an element of the matrix is not finite, all results are NaN.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind;
/// use cotangent::extend::primitives::Eig;
/// let values = Eig { compute_left_eigenvectors: false, compute_right_eigenvectors: false };
/// let out = bind(values, &[&Array::from([[1.0f32, 5.0], [0.0, 3.0]])]);
/// assert_eq!(out[0].real().to_vec::<f32>(), [1.0, 3.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Eig {
    /// Whether the u with uᴴ A = w uᴴ are returned.
    pub compute_left_eigenvectors: bool,
    /// Whether the v with A v = w v are returned.
    pub compute_right_eigenvectors: bool,
}

impl Primitive for Eig {
    fn name(&self) -> &'static str {
        "eig"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![
            ("compute_left_eigenvectors", boolean(self.compute_left_eigenvectors)),
            ("compute_right_eigenvectors", boolean(self.compute_right_eigenvectors)),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let a = &inputs[0];
        Domain::WIDE_INEXACT.one_dtype(inputs)?;
        let n = check_square(a)?;
        let dtype = if a.dtype.is_complex() { a.dtype } else { complex_of(a.dtype) };
        let vectors = [self.compute_left_eigenvectors, self.compute_right_eigenvectors];
        let vectors = vectors.into_iter().filter(|wanted| *wanted).map(|_| with_last(a, dtype, &[n, n]));
        Ok([with_last(a, dtype, &[n])].into_iter().chain(vectors).collect())
    }

    /// With P = V⁻¹ dA V, the tangents of the eigenvalues are diag(P), also of repeated ones that have as many vectors.
    /// V⁻¹ is not taken from the vectors on the left, whose products with those on the right may then be zero. See
    /// `tangent` for the vectors. Those on the left are those of Aᴴ on the right.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let with_right = Eig { compute_right_eigenvectors: true, ..self.clone() };
        let mut values = bind(with_right, &[&x[0]]).into_vec();
        let t = dx[0].as_ref().map(|t| t.convert(values[0].dtype(), false));
        let quotient = |v: &Array, t: &Array| solved(v, &product(t, v));
        let p = t.as_ref().map(|t| quotient(&values[values.len() - 1], t));
        let mut slopes = vec![p.as_ref().map(diagonal)];
        if self.compute_left_eigenvectors {
            let u = &values[1];
            slopes.push(t.as_ref().map(|t| tangent(&values[0].conj(), u, &quotient(u, &adjoint(t)))));
        }
        if self.compute_right_eigenvectors {
            slopes.push(p.as_ref().map(|p| tangent(&values[0], &values[values.len() - 1], p)));
        }
        values.truncate(slopes.len());
        (values, slopes)
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
        let n = a.shape[a.rank() - 1];
        let wanted = |wanted| Attribute::Letter(if wanted { 'V' } else { 'N' });
        let letters = [
            ("compute_left", wanted(self.compute_left_eigenvectors)),
            ("compute_right", wanted(self.compute_right_eigenvectors)),
        ];
        let values = with_last(a, a.dtype, &[n]);
        let parts = if a.dtype.is_complex() { 1 } else { 2 };
        let vectors = with_last(a, outs[0].dtype, &[n, n]);
        let mut results = vec![values; parts];
        results.extend([vectors.clone(), vectors, status(a)]);
        let mut column_major = vec![true];
        column_major.extend(results.iter().enumerate().map(|(i, _)| i == parts || i == parts + 1));
        let out = lapack(cx, "geev", args, &letters, &column_major, &results);
        let w = match parts {
            1 => out[0].clone(),
            _ => cx.op("stablehlo.complex", &out[..2], &[], &outs[0]),
        };
        let mut chosen = vec![w];
        chosen.extend(self.compute_left_eigenvectors.then(|| out[parts].clone()));
        chosen.extend(self.compute_right_eigenvectors.then(|| out[parts + 1].clone()));
        let info = &out[parts + 2];
        or_nan(cx, info, chosen.iter().zip(outs))
    }
}

/// Returns A⁻¹ B.
fn solved(a: &Array, b: &Array) -> Array {
    let factors = bind(Lu, &[a]);
    let unit = TriangularSolve { unit_diagonal: true, ..TriangularSolve::lower(true) };
    let upper = TriangularSolve { lower: false, ..TriangularSolve::lower(true) };
    bind1(upper, &[&factors[0], &bind1(unit, &[&factors[0], &permuted_rows(b, &factors[2])])])
}

/// Returns the tangent of the eigenvectors V.
///
/// With P = V⁻¹ dA V, it is V (F ∘ P) + V diag(c), where Fᵢⱼ = 1/(wⱼ − wᵢ) off the diagonal. c keeps the length
/// of each vector, and the element of largest magnitude real, as LAPACK does. It has no meaning for equal eigenvalues,
/// or if two elements have the largest magnitude.
fn tangent(w: &Array, v: &Array, p: &Array) -> Array {
    let free = product(v, &(inverse_differences(w) * p));
    let n = v.shape()[v.ndim() - 1];
    let largest = v.abs().argmax_axis(-2).expand_dims(-2);
    let rows = bind1(Iota { dtype: DType::I32, shape: Shape::new(&[n, n]), dimension: 0 }, &[]);
    let mask = rows.broadcast_to(v.shape()).equal(largest.broadcast_to(v.shape()));
    let at = |x: &Array| select(&mask, x, &zeros((), x.dtype()), x.shape()).sum_axis(-2);
    let re = -(v.conj() * &free).real().sum_axis(-2);
    let im = -at(&free.imag()) / at(&v.real());
    let c = re.complex(im).expand_dims(-2);
    free + v * c
}
