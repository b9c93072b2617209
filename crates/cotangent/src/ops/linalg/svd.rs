//! The singular value decomposition.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::ir::routes::LinearAlgebra;

use super::lapack::{Attribute, lapack, or_nan};
use super::parts::{adjoint, batch, beside, check_matrix, columns, diagonal, diagonal_part, identity, sizes};
use super::product;

use crate::ops::domain::Domain;
use crate::ops::elementwise::rebind;
use crate::ops::{select, staged, zeros};

/// The algorithm of a singular value decomposition. On the CPU, all names stand for one algorithm: a reduction to a
/// bidiagonal matrix, and divide and conquer.
///
/// ```
/// use cotangent::lax::linalg::SvdAlgorithm;
/// assert_eq!(SvdAlgorithm::default().to_string(), "default");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SvdAlgorithm {
    /// What the device is best at.
    #[default]
    Default,
    /// QR iterations.
    Qr,
    /// Rotations of pairs of columns.
    Jacobi,
    /// The polar decomposition and the eigenvalues of its positive factor.
    Polar,
    /// Divide and conquer.
    DivideAndConquer,
}

impl std::fmt::Display for SvdAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SvdAlgorithm::Default => "default",
            SvdAlgorithm::Qr => "QR",
            SvdAlgorithm::Jacobi => "Jacobi",
            SvdAlgorithm::Polar => "polar",
            SvdAlgorithm::DivideAndConquer => "divide_and_conquer",
        })
    }
}

/// `svd`: returns the singular values in decreasing order, and with `compute_uv` also the left singular vectors U and
/// the adjoint Vᴴ of the right ones, for which A = U S Vᴴ. If the matrix has an element that is not finite, the results
/// are NaN.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::{bind, primitives::Svd};
/// let prim = Svd { full_matrices: false, compute_uv: false, algorithm: Default::default() };
/// let s = bind(prim, &[&Array::from([[3.0f32], [4.0]])])[0].item::<f32>();
/// assert!((s - 5.0).abs() < 1e-5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Svd {
    /// Whether U and V are square. Otherwise they have as many columns as there are singular values.
    pub full_matrices: bool,
    /// Whether U and Vᴴ are results.
    pub compute_uv: bool,
    /// The algorithm.
    pub algorithm: SvdAlgorithm,
}

impl Svd {
    /// Returns the shapes of all results, of which without `compute_uv` the program has the first only.
    fn shapes(&self, a: &Aval) -> Result<[Aval; 3]> {
        let [m, n] = check_matrix(a)?;
        let k = m.min(n);
        let [left, right] = if self.full_matrices { [m, n] } else { [k, k] };
        let of = |sizes: &[usize], dtype| Aval::new(dtype, [&a.shape[..a.rank() - 2], sizes].concat());
        Ok([of(&[k], a.dtype.real()), of(&[m, left], a.dtype), of(&[right, n], a.dtype)])
    }
}

/// The tangents of the rotations U and V by Ω and Ψ, where dA = U Ω S Vᴴ + U dS Vᴴ − U S Ψ Vᴴ and M = Uᴴ dA V. With the
/// Hermitian part H and the rest K of M, off the diagonal
///
/// Ωᵢⱼ = Hᵢⱼ / (sⱼ − sᵢ) + Kᵢⱼ / (sⱼ + sᵢ) and Ψᵢⱼ = Hᵢⱼ / (sⱼ − sᵢ) − Kᵢⱼ / (sⱼ + sᵢ).
///
/// Where sᵢ = sⱼ, the vectors are determined up to a rotation, and a quotient by zero is zero. The tangent of U Vᴴ, which
/// depends on Ω − Ψ, is then right. On the diagonal, the phase of V is constant.
fn rotations(m: &Array, s: &Array) -> (Array, Array) {
    let dtype = m.dtype();
    let half = Array::literal(Literal::float(dtype.real(), 0.5)).convert(dtype, false);
    let mirrored = adjoint(m);
    let (hermitian, rest) = ((m + &mirrored) * &half, (m - &mirrored) * &half);
    let (across, down) = (s.expand_dims(-2), s.expand_dims(-1));
    let by_difference = hermitian * reciprocal(&(&across - &down)).convert(dtype, false);
    let by_sum = &rest * reciprocal(&(across + down)).convert(dtype, false);
    let off = |x: Array| &x - diagonal_part(&x);
    let (omega, psi) = (off(&by_difference + &by_sum), off(&by_difference - &by_sum));
    // The diagonal of a sum is 2 sᵢ.
    let phase = diagonal_part(&by_sum);
    if dtype.is_complex() { (omega + (&phase + &phase), psi) } else { (omega, psi) }
}

/// Returns the reciprocal, or zero where the number is zero.
fn reciprocal(x: &Array) -> Array {
    let (zero, one) = (zeros((), x.dtype()), Array::literal(Literal::int(x.dtype(), 1)));
    let none = x.equal(&zero);
    select(&none, &zero, &(&one / select(&none, &one, x, x.shape())), x.shape())
}

/// Returns what a tangent adds to the singular vectors outside of their span, where `image` is dA V or dAᴴ U. The part
/// that belongs to a singular value of zero is undetermined, and zero here.
fn outside(vectors: &Array, image: &Array, s: &Array) -> Array {
    let rest = image - product(vectors, &product(&adjoint(vectors), image));
    rest * reciprocal(s).convert(image.dtype(), false).expand_dims(-2)
}

/// Returns the tangent of the vectors that complete others to a square matrix. They turn no more than is necessary.
fn completed(dthin: &Array, thin: &Array, full: &Array) -> Array {
    let [m, k] = sizes(thin);
    let rest = columns(full, k, m);
    beside(dthin, &-product(thin, &product(&adjoint(dthin), &rest)))
}

impl Primitive for Svd {
    fn name(&self) -> &'static str {
        "svd"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![
            ("algorithm", self.algorithm.to_string()),
            ("compute_uv", boolean(self.compute_uv)),
            ("full_matrices", boolean(self.full_matrices)),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Domain::WIDE_INEXACT.check(&inputs[0])?;
        let shapes = self.shapes(&inputs[0])?;
        Ok(shapes.into_iter().take(if self.compute_uv { 3 } else { 1 }).collect())
    }

    /// The tangents of singular vectors are those of `rotations`; without `compute_uv` only ds = Re diag(Uᴴ dA V) is
    /// needed, which is finite at every matrix (Giles, "Collected matrix derivative results for forward and reverse mode
    /// algorithmic differentiation", 2008).
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let with_vectors =
            Svd { compute_uv: true, full_matrices: self.full_matrices && self.compute_uv, ..self.clone() };
        let results = rebind(&with_vectors, &[&x[0]]).into_vec();
        let count = if self.compute_uv { 3 } else { 1 };
        let Some(t) = &dx[0] else { return (results[..count].to_vec(), vec![None; count]) };
        let (s, [m, n]) = (&results[0], sizes(&x[0]));
        let k = m.min(n);
        let (u, vh) = (columns(&results[1], 0, k), super::parts::rows(&results[2], 0, k));
        let v = adjoint(&vh);
        let image = product(t, &v);
        let inner = product(&adjoint(&u), &image);
        let ds = diagonal(&inner);
        let ds = if ds.dtype().is_complex() { ds.real() } else { ds };
        if !self.compute_uv {
            return (vec![s.clone()], vec![Some(ds)]);
        }
        let (omega, psi) = rotations(&inner, s);
        let (mut du, mut dv) = (product(&u, &omega), product(&v, &psi));
        if m > k {
            du += outside(&u, &image, s);
        }
        if n > k {
            dv += outside(&v, &product(&adjoint(t), &u), s);
        }
        if self.full_matrices && m > k {
            du = completed(&du, &u, &results[1]);
        }
        if self.full_matrices && n > k {
            dv = completed(&dv, &v, &adjoint(&results[2]));
        }
        (results, vec![Some(ds), Some(du), Some(adjoint(&dv))])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        batch(self, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let a = &inputs[0];
        if a.shape.contains(&0) {
            return staged::inline(cx, args, inputs, |x| empty(&x[0], outs));
        }
        if cx.routes().linear_algebra == LinearAlgebra::Xla {
            return staged::inline(cx, args, inputs, |x| super::jacobi::svd(&x[0], self));
        }
        let mode = match (self.compute_uv, self.full_matrices) {
            (false, _) => 'N',
            (true, false) => 'S',
            (true, true) => 'A',
        };
        let name = if self.algorithm == SvdAlgorithm::Qr { "gesvd" } else { "gesdd" };
        let info = Aval::new(DType::I32, Shape::new(&a.shape[..a.rank() - 2]));
        let [s, mut u, mut vh] = self.shapes(a).unwrap_or_else(|_| [outs[0].clone(), a.clone(), a.clone()]);
        if !self.compute_uv {
            // Nothing writes to them.
            let rank = a.rank();
            let one = |x: Aval| x.clone().with_shape(Shape::new(&[&x.shape[..rank - 2], &[1, 1]].concat()));
            (u, vh) = (one(u), one(vh));
        }
        let mode = [("mode", Attribute::Letter(mode))];
        let layouts = [true, true, false, true, true, false];
        let results = lapack(cx, name, args, &mode, &layouts, &[a.clone(), s, u, vh, info]);
        or_nan(cx, &results[4], results[1..].iter().zip(outs))
    }
}

/// Returns the results for a matrix without elements.
fn empty(a: &Array, outs: &[Aval]) -> Vec<Array> {
    let vectors = |out: &Aval| {
        let [.., m, n] = out.shape[..] else { return zeros(&out.shape, out.dtype) };
        identity(a, m, n)
    };
    let s = outs.iter().take(1).map(|out| zeros(&out.shape, out.dtype));
    s.chain(outs.iter().skip(1).map(vectors)).collect()
}
