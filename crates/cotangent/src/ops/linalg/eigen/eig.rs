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
use super::super::{check_square, product};
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

    /// See `tangent`. The vectors on the left are those of Aᴴ on the right.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let all = Eig { compute_left_eigenvectors: true, compute_right_eigenvectors: true };
        let out = bind(all, &[&x[0]]).into_vec();
        let (w, u, v) = (&out[0], &out[1], &out[2]);
        let t = dx[0].as_ref().map(|t| t.convert(w.dtype(), false));
        let (mut values, mut slopes) = (vec![w.clone()], vec![None]);
        if let Some(t) = &t {
            slopes[0] = Some(diagonal(&quotient(u, v, t)));
        }
        if self.compute_left_eigenvectors {
            values.push(u.clone());
            slopes.push(t.as_ref().map(|t| tangent(&w.conj(), v, u, &adjoint(t))));
        }
        if self.compute_right_eigenvectors {
            values.push(v.clone());
            slopes.push(t.as_ref().map(|t| tangent(w, u, v, t)));
        }
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

/// Returns V⁻¹ dA V. The rows of V⁻¹ are those of Uᴴ, divided by the products uᵢᴴ vᵢ.
fn quotient(u: &Array, v: &Array, t: &Array) -> Array {
    let scales = (u.conj() * v).sum_axis(-2).expand_dims(-1);
    product(&adjoint(u), &product(t, v)) / scales
}

/// Returns the tangent of the eigenvectors V.
///
/// With P = V⁻¹ dA V, the tangent is V (F ∘ P) + V diag(c), where Fᵢⱼ = 1/(wⱼ − wᵢ) off the diagonal. c keeps the length
/// of each vector, and the element of largest magnitude real, as LAPACK does. It has no meaning for equal eigenvalues,
/// or if two elements have the largest magnitude.
fn tangent(w: &Array, u: &Array, v: &Array, t: &Array) -> Array {
    let free = product(v, &(inverse_differences(w) * quotient(u, v, t)));
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
