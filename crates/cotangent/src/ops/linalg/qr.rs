//! The QR decomposition.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::ir::routes::LinearAlgebra;
use crate::trace::frames::{bind, bind1};

use super::lapack::lapack;
use super::parts::{
    above, adjoint, batch, beside, check_matrix, columns, diagonal, diagonal_part, identity, rows, sizes,
    with_unit_diagonal,
};
use super::{HouseholderProduct, TriangularSolve, product, triangle};

use crate::ops::domain::Domain;
use crate::ops::elementwise::rebind;
use crate::ops::slice::Pad;
use crate::ops::sort::take_along;
use crate::ops::{select, staged, zeros};

/// `geqrf`: returns R on and above the diagonal, the Householder reflections whose product is Q below it, as
/// [`HouseholderProduct`] reads them, and their factors τ.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::{bind, primitives::Geqrf};
/// let results = bind(Geqrf, &[&Array::from([[3.0f32], [4.0]])]);
/// assert_eq!((results[0].to_vec::<f32>(), results[1].to_vec::<f32>()), (vec![-5.0, 0.5], vec![1.6]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Geqrf;

/// `geqp3`: like [`Geqrf`], of the matrix with its columns exchanged so that the diagonal of R does not increase. In the
/// second operand, a number that is not zero keeps a column out of the exchange and moves it to the front. The results
/// are the factorization, the numbers of the columns, counted from one, and the factors τ.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::{bind, primitives::Geqp3};
/// let results = bind(Geqp3, &[&Array::from([[1.0f32, 2.0]]), &Array::from([0, 0])]);
/// assert_eq!(results[1].to_vec::<i32>(), [2, 1]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Geqp3;

/// `qr`: returns Q with orthonormal columns and the upper triangular R, for which A = Q R. With pivoting, the columns of
/// A are exchanged, and the third result has their indices: A[:, p] = Q R.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::{bind, primitives::Qr};
/// let results = bind(Qr { pivoting: false, full_matrices: false }, &[&Array::from([[3.0f32], [4.0]])]);
/// assert_eq!(results[1].to_vec::<f32>(), [-5.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Qr {
    /// Whether columns are exchanged so that the diagonal of R does not increase.
    pub pivoting: bool,
    /// Whether Q is square. Otherwise it has as many columns as the smaller size of A.
    pub full_matrices: bool,
}

/// Returns the tangents of Q and R, where A has at least as many rows as columns (Walter, Lehmann and Lamour, "On
/// evaluating higher-order derivatives of the QR decomposition of tall matrices with full column rank in forward and
/// reverse mode algorithmic differentiation", 2012).
fn thin_tangent(q: &Array, r: &Array, dx: &Array) -> (Array, Array) {
    let right = TriangularSolve { lower: false, ..TriangularSolve::lower(false) };
    let dx = bind1(right, &[r, dx]);
    let inner = product(&adjoint(q), &dx);
    let lower = triangle(&inner, true, false);
    let mut skew = &lower - adjoint(&lower);
    if inner.dtype().is_complex() {
        // The diagonal of R is real.
        skew += diagonal_part(&(&inner - inner.real().convert(inner.dtype(), false)));
    }
    let rest = &inner - skew;
    (&dx - product(q, &rest), product(&rest, r))
}

/// Returns the tangents of Q and R for a matrix of any shape, whose Q has as many columns as the smaller size. In a
/// wide matrix, the left square determines Q.
fn tangent(q: &Array, r: &Array, dx: &Array) -> (Array, Array) {
    let [m, n] = sizes(dx);
    if m >= n {
        return thin_tangent(q, r, dx);
    }
    let (dq, dr) = thin_tangent(q, &columns(r, 0, m), &columns(dx, 0, m));
    // Q R₂ = A₂.
    let rest = columns(r, m, n);
    let dr_rest = product(&adjoint(q), &(columns(dx, m, n) - product(&dq, &rest)));
    (dq, beside(&dr, &dr_rest))
}

/// Returns the tangents of the reflections below the diagonal, and of τ. In the first columns of Q, I − Q = V S, where S
/// is upper triangular with the diagonal τ: an LU decomposition (Ballard et al., "Reconstructing Householder vectors
/// from tall-skinny QR", 2015).
///
/// A factor of zero stays zero. That is the derivative in the last column of a square matrix, which has nothing to
/// eliminate. In another column, the reflection has no derivative where τ is zero.
fn reflection_tangents(packed: &Array, q: &Array, dq: &Array) -> (Array, Array) {
    let [m, k] = sizes(q);
    let v = with_unit_diagonal(&triangle(packed, true, false));
    let head = rows(&v, 0, k);
    let left = TriangularSolve { unit_diagonal: true, ..TriangularSolve::lower(true) };
    let right = TriangularSolve { lower: false, ..TriangularSolve::lower(false) };
    let s = bind1(left.clone(), &[&head, &(identity(q, k, k) - rows(q, 0, k))]);
    let one = Array::literal(Literal::int(s.dtype(), 1));
    let unit = with_unit_diagonal(&zeros(&s.aval().shape, s.dtype()));
    let on = unit.equal(&one).logical_and(s.equal(zeros((), s.dtype())));
    let invertible = select(&on, &one, &s, s.shape());
    let ds = -bind1(left, &[&head, &rows(dq, 0, k)]);
    let inner = triangle(&bind1(right.clone(), &[&invertible, &ds]), true, false);
    let ds = triangle(&(&ds - product(&inner, &s)), false, true);
    let mut dv = product(&head, &inner);
    if m > k {
        let below = -rows(dq, k, m) - product(&rows(&v, k, m), &ds);
        dv = above(&dv, &bind1(right, &[&invertible, &below]));
    }
    (triangle(&dv, true, false), diagonal(&ds))
}

/// Returns the tangents of the factorization and of τ, given that of the matrix with its columns in order.
fn packed_tangents(packed: &Array, tau: &Array, dx: &Array) -> (Array, Array) {
    let [m, n] = sizes(packed);
    let k = m.min(n);
    let square = columns(packed, 0, k);
    let q = bind1(HouseholderProduct, &[&square, tau]);
    let r = triangle(&rows(packed, 0, k), false, true);
    let (dq, mut dr) = tangent(&q, &r, dx);
    let (mut dv, dtau) = reflection_tangents(&square, &q, &dq);
    if m > k {
        dr = above(&dr, &zeros_of(&dr, m - k, n));
    }
    if n > k {
        dv = beside(&dv, &zeros_of(&dv, m, n - k));
    }
    (triangle(&dr, false, true) + dv, dtau)
}

/// Returns zeros of the given sizes, for each matrix of `like`.
fn zeros_of(like: &Array, m: usize, n: usize) -> Array {
    let mut shape = like.shape().to_vec();
    let rank = shape.len();
    shape.splice(rank - 2.., [m, n]);
    zeros(shape, like.dtype())
}

/// Returns the columns in the order of `pivots`, counted from zero.
fn in_order(x: &Array, pivots: &Array) -> Array {
    take_along(x, &pivots.expand_dims(-2).broadcast_to(x.shape()), x.ndim() - 1)
}

/// Returns the tangent of `x` whose columns are exchanged.
fn exchanged(dx: &Array, numbers: &Array) -> Array {
    in_order(dx, &(numbers - Array::literal(Literal::int(numbers.dtype(), 1))))
}

fn factors_shape(a: &Aval) -> Result<Aval> {
    Domain::WIDE_INEXACT.check(a)?;
    let [m, n] = check_matrix(a)?;
    let shape = [&a.shape[..a.rank() - 2], &[m.min(n)]].concat();
    Ok(Aval::new(a.dtype, shape))
}

impl Primitive for Geqrf {
    fn name(&self) -> &'static str {
        "geqrf"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let tau = factors_shape(&inputs[0])?;
        Ok([inputs[0].clone().with_weak_type(false), tau].into_iter().collect())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let results = bind(Geqrf, &[&x[0]]).into_vec();
        let Some(t) = &dx[0] else { return (results, vec![None, None]) };
        let (packed, tau) = packed_tangents(&results[0], &results[1], t);
        (results, vec![Some(packed), Some(tau)])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        batch(self, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        if inputs[0].shape.contains(&0) {
            let tau = cx.splat(&outs[1], Literal::int(outs[1].dtype, 0));
            return [args[0].clone(), tau].into_iter().collect();
        }
        match cx.routes().linear_algebra {
            LinearAlgebra::Lapack => lapack(cx, "geqrf", args, &[], &[true, true, false], outs),
            LinearAlgebra::Xla => {
                // XLA's own expansion on every platform, in blocks of 128 columns.
                let attrs = [("call_target_name", Attr::Str("Qr".to_owned()))];
                let types: Vec<_> = outs.iter().map(Aval::mlir).collect();
                cx.block.op("stablehlo.custom_call", args, &attrs, &types).into_iter().collect()
            }
        }
    }
}

impl Primitive for Geqp3 {
    fn name(&self) -> &'static str {
        "geqp3"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (a, pivots) = (&inputs[0], &inputs[1]);
        let tau = factors_shape(a)?;
        let [_, n] = check_matrix(a)?;
        if pivots.dtype != DType::I32 || pivots.shape[..] != [&a.shape[..a.rank() - 2], &[n]].concat()[..] {
            return Err(Error::shape(format!("expected a number of type i32 for each column of {a}, got {pivots}")));
        }
        Ok([a.clone().with_weak_type(false), pivots.clone().with_weak_type(false), tau].into_iter().collect())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let results = bind(Geqp3, &[&x[0], &x[1]]).into_vec();
        let Some(t) = &dx[0] else { return (results, vec![None; 3]) };
        let (packed, tau) = packed_tangents(&results[0], &results[2], &exchanged(t, &results[1]));
        (results, vec![Some(packed), None, Some(tau)])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        batch(self, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        if !inputs[0].shape.contains(&0) && cx.routes().linear_algebra == LinearAlgebra::Lapack {
            return lapack(cx, "geqp3", args, &[], &[true, false, true, false, false], outs);
        }
        staged::inline(cx, args, inputs, |x| super::pivoted::geqp3(&x[0], &x[1]))
    }
}

impl Primitive for Qr {
    fn name(&self) -> &'static str {
        "qr"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("full_matrices", boolean(self.full_matrices)), ("pivoting", boolean(self.pivoting))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let a = &inputs[0];
        Domain::WIDE_INEXACT.check(a)?;
        let [m, n] = check_matrix(a)?;
        let k = if self.full_matrices { m } else { m.min(n) };
        let of = |sizes: &[usize], dtype| Aval::new(dtype, [&a.shape[..a.rank() - 2], sizes].concat());
        let pivots = self.pivoting.then(|| of(&[n], DType::I32));
        Ok([of(&[m, k], a.dtype), of(&[k, n], a.dtype)].into_iter().chain(pivots).collect())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let results = rebind(self, &[&x[0]]).into_vec();
        let mut tangents = vec![None; results.len()];
        let Some(t) = &dx[0] else { return (results, tangents) };
        let t = if self.pivoting { in_order(t, &results[2]) } else { t.clone() };
        let [m, n] = sizes(&x[0]);
        let (q, r) = (&results[0], &results[1]);
        if m <= n || !self.full_matrices {
            let (dq, dr) = tangent(q, r, &t);
            (tangents[0], tangents[1]) = (Some(dq), Some(dr));
            return (results, tangents);
        }
        let (thin, rest) = (columns(q, 0, n), columns(q, n, m));
        let (dq, dr) = thin_tangent(&thin, &rows(r, 0, n), &t);
        let drest = complement_tangent(&thin, &rest, &dq);
        tangents[0] = Some(beside(&dq, &drest));
        tangents[1] = Some(above(&dr, &zeros_of(&dr, m - n, n)));
        (results, tangents)
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        batch(self, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], _: &[Aval]) -> Outputs<Value> {
        staged::inline(cx, args, inputs, |x| self.composed(&x[0]))
    }
}

/// Returns the tangent of the columns that complete the first columns of a product of reflections to a square matrix
/// (Roberts and Roberts, "Differentiating through the full QR decomposition", arXiv 2409.13374, equations 32 and 33).
fn complement_tangent(thin: &Array, rest: &Array, dq: &Array) -> Array {
    let [m, n] = sizes(thin);
    let (top, bottom) = (rows(thin, 0, n), rows(thin, n, m));
    // Z = Q₂ (Q₁ − I)⁻¹, where Q₁ are the first rows and Q₂ the others.
    let system = bind(Qr { pivoting: false, full_matrices: false }, &[&(&top - identity(thin, n, n))]);
    let right = TriangularSolve { lower: false, ..TriangularSolve::lower(false) };
    let z = product(&bind1(right, &[&system[1], &bottom]), &adjoint(&system[0]));
    let change = rows(dq, n, m) - product(&z, &rows(dq, 0, n));
    product(dq, &adjoint(&z)) - product(&(thin + product(rest, &z)), &adjoint(&change))
}

impl Qr {
    /// Returns the decomposition in terms of the factorizations.
    fn composed(&self, a: &Array) -> Vec<Array> {
        let [m, n] = sizes(a);
        let batch = &a.shape()[..a.ndim() - 2];
        let numbers = || zeros([batch, &[n]].concat(), DType::I32);
        let (packed, tau, pivots) = if self.pivoting {
            let results = bind(Geqp3, &[a, &numbers()]);
            let pivots = &results[1] - Array::literal(Literal::int(DType::I32, 1));
            (results[0].clone(), results[2].clone(), Some(pivots))
        } else {
            let results = bind(Geqrf, &[a]);
            (results[0].clone(), results[1].clone(), None)
        };
        let k = m.min(n);
        let mut reflections = columns(&packed, 0, k);
        let mut r = triangle(&packed, false, true);
        if self.full_matrices && m > n {
            let mut config = vec![(0, 0, 0); a.ndim()];
            config[a.ndim() - 1].1 = (m - n) as i64;
            reflections = bind1(Pad { config }, &[&reflections, &zeros((), a.dtype())]);
        } else {
            r = rows(&r, 0, k);
        }
        let q = bind1(HouseholderProduct, &[&reflections, &tau]);
        [q, r].into_iter().chain(pivots).collect()
    }
}
