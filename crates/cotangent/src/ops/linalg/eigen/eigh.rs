//! The decomposition of Hermitian matrices.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::literal::Literal;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::ir::routes::LinearAlgebra;
use crate::ops::domain::Domain;
use crate::ops::shape::batched_in_front;
use crate::ops::{select, staged, zeros};
use crate::trace::frames::bind;

use super::super::lapack::{Attribute, lapack, or_nan};
use super::super::{check_square, product, triangle};
use super::{adjoint, diagonal, inverse_differences, on_diagonal, status, with_last};

/// `eigh`: returns the eigenvectors of a Hermitian matrix as columns, and its eigenvalues in ascending order. Only one
/// triangle is read. If an element of it is not finite, all results are NaN.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind;
/// use cotangent::extend::primitives::Eigh;
/// let a = Array::from([[1.0f32, 0.0], [2.0, 1.0]]);
/// let values = bind(Eigh { lower: true, compute_eigenvectors: false }, &[&a]);
/// assert_eq!(values[0].to_vec::<f32>(), [-1.0, 3.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Eigh {
    /// Whether the lower triangle is read.
    pub lower: bool,
    /// Whether the eigenvectors are returned, before the eigenvalues.
    pub compute_eigenvectors: bool,
}

impl Eigh {
    /// Returns the Hermitian matrix with the triangle that is read.
    fn whole(&self, a: &Array) -> Array {
        let strict = triangle(a, self.lower, false);
        let diagonal = a.real().convert(a.dtype(), false);
        let n = a.shape()[a.ndim() - 1];
        let zero = zeros((), a.dtype());
        strict.clone() + adjoint(&strict) + select(&on_diagonal(n), &diagonal, &zero, a.shape())
    }
}

impl Primitive for Eigh {
    fn name(&self) -> &'static str {
        "eigh"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("compute_eigenvectors", boolean(self.compute_eigenvectors)), ("lower", boolean(self.lower))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let a = &inputs[0];
        Domain::WIDE_INEXACT.one_dtype(inputs)?;
        let n = check_square(a)?;
        let vectors = self.compute_eigenvectors.then(|| a.clone().with_weak_type(false));
        Ok(vectors.into_iter().chain([with_last(a, a.dtype.real(), &[n])]).collect())
    }

    /// With P = Vᴴ dA V, the tangents are dw = diag(P) and dV = V (F ∘ P), where Fᵢⱼ = 1/(wⱼ − wᵢ) off the diagonal
    /// (Giles, "An extended collection of matrix derivative results", 2008, section 3.1). Equal eigenvalues have
    /// tangents; their eigenvectors are not unique, and their tangents are infinite or NaN, as in JAX.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = bind(Eigh { compute_eigenvectors: true, ..self.clone() }, &[&x[0]]).into_vec();
        let (v, w) = (&out[0], &out[1]);
        let p = dx[0].as_ref().map(|t| product(&product(&adjoint(v), &self.whole(t)), v));
        let dw = p.as_ref().map(|p| diagonal(&p.real()));
        if !self.compute_eigenvectors {
            return (vec![w.clone()], vec![dw]);
        }
        let dv = p.map(|p| product(v, &(inverse_differences(w).convert(v.dtype(), false) * p)));
        (out, vec![dv, dw])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let out = bind(self.clone(), &[&batched_in_front(&x[0], axes[0], size)]).into_vec();
        let axes = vec![Some(0); out.len()];
        (out, axes)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let a = &inputs[0];
        let results = [a.clone().with_weak_type(false), outs[outs.len() - 1].clone()];
        match cx.routes().linear_algebra {
            LinearAlgebra::Lapack => self.evd(cx, args, a, &results),
            LinearAlgebra::Xla => {
                let from = usize::from(!self.compute_eigenvectors);
                self.jacobi(cx, args, a, &results).into_iter().skip(from).collect()
            }
        }
    }
}

impl Eigh {
    /// Appends a call of LAPACK. A row-major matrix read in column-major order is its transpose. If it is real, its
    /// other triangle is the one to read, and no element moves.
    fn evd(&self, cx: &mut Lowering<'_>, args: &[Value], a: &Aval, results: &[Aval; 2]) -> Outputs<Value> {
        let complex = a.dtype.is_complex();
        let letters = [
            ("mode", Attribute::Letter(if self.compute_eigenvectors { 'V' } else { 'N' })),
            ("uplo", Attribute::Letter(if self.lower == complex { 'L' } else { 'U' })),
        ];
        let info = status(a);
        let name = if complex { "heevd" } else { "syevd" };
        let outs = [results[0].clone(), results[1].clone(), info];
        let out = lapack(cx, name, args, &letters, &[complex, true, false, false], &outs);
        let from = usize::from(!self.compute_eigenvectors);
        or_nan(cx, &out[2], out.iter().zip(results).skip(from))
    }

    /// Appends XLA's implementation of Jacobi's method, which XLA expands into a loop on every platform. It is exact to
    /// some eight digits, and steps of refinement follow if there are more.
    fn jacobi(&self, cx: &mut Lowering<'_>, args: &[Value], a: &Aval, results: &[Aval; 2]) -> [Value; 2] {
        let tolerance = if results[1].dtype.bits() == 64 { "1e-15" } else { "1e-7" };
        let attrs = [
            ("backend_config", Attr::Str(format!("{},1,100,{tolerance}", u8::from(self.lower)))),
            ("call_target_name", Attr::Str("Eigh".to_owned())),
        ];
        let types: Vec<_> = results.iter().map(Aval::mlir).collect();
        let out: Vec<Value> = cx.block.op("stablehlo.custom_call", args, &attrs, &types).into_iter().collect();
        if results[1].dtype.bits() == 32 || a.shape.contains(&0) {
            return [out[0].clone(), out[1].clone()];
        }
        let (inputs, avals) = ([&args[0], &out[0]].map(Value::clone), [a.clone(), results[0].clone()]);
        let refined = staged::inline(cx, &inputs, &avals, |x| {
            let a = self.whole(&x[0]);
            let (v, _) = refined(&a, &x[1]);
            let (v, w) = refined(&a, &v);
            vec![v, w]
        });
        [refined[0].clone(), refined[1].clone()]
    }
}

/// Improves approximate eigenvectors, and returns the eigenvalues (Ogita and Aishima, "Iterative refinement for symmetric
/// eigenvalue decomposition", 2018). The number of exact digits doubles. Vectors of eigenvalues that are closer than the
/// error become orthogonal only.
fn refined(a: &Array, v: &Array) -> (Array, Array) {
    let n = a.shape()[a.ndim() - 1];
    let number = |x: f64| Array::literal(Literal::float(a.dtype().real(), x));
    let unit = select(&on_diagonal(n), &number(1.0), &number(0.0), &[n, n]).convert(a.dtype(), false);
    let r = unit.broadcast_to(a.shape()) - product(&adjoint(v), v);
    let s = product(&adjoint(v), &product(a, v));
    let w = diagonal(&s.real()) / (number(1.0) - diagonal(&r.real()));
    let columns = w.expand_dims(-2);
    let difference = &columns - w.expand_dims(-1);
    let size = |x: &Array| x.abs().max_axis([-1, -2]).expand_dims(-1).expand_dims(-1);
    let off = select(&on_diagonal(n), &number(0.0).convert(a.dtype(), false), &s, s.shape());
    let least = number(4.0 * n as f64) * (size(&off) + size(a) * size(&r) * number(n as f64));
    let apart = difference.abs().greater(&least.broadcast_to(difference.shape()));
    let divisor = select(&apart, &difference, &number(1.0), difference.shape()).convert(a.dtype(), false);
    let step = select(
        &apart,
        &((s + columns.convert(a.dtype(), false) * &r) / divisor),
        &(r * number(0.5).convert(a.dtype(), false)),
        difference.shape(),
    );
    (v + product(v, &step), w)
}
