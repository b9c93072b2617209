//! The polar decomposition.

use crate::api::custom::custom_jvp;
use crate::api::linear::jvp;
use crate::api::vmap::vmap;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::linalg::{SvdOptions, adjoint, library, qdwh, svd};

/// The side of the positive factor of a polar decomposition.
///
/// ```
/// assert_eq!(cotangent::scipy::linalg::Side::default(), cotangent::scipy::linalg::Side::Right);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// A = U P.
    #[default]
    Right,
    /// A = P U.
    Left,
}

/// The algorithm of a polar decomposition.
///
/// ```
/// assert_eq!(cotangent::scipy::linalg::PolarMethod::default(), cotangent::scipy::linalg::PolarMethod::Qdwh);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolarMethod {
    /// Dynamically weighted Halley iterations: [`qdwh`](crate::lax::linalg::qdwh).
    #[default]
    Qdwh,
    /// The singular value decomposition.
    Svd,
}

/// Returns (U, P) with A = U P, or A = P U on the left side: U has orthonormal columns, or orthonormal rows if it is
/// wide, and P is Hermitian and positive semidefinite.
///
/// ```
/// use cotangent::{Array, scipy::linalg::{PolarMethod, Side, polar}};
/// let a = Array::from([[1.0f32, 2.0, 3.0], [5.0, 4.0, 2.0], [3.0, 2.0, 1.0]]);
/// let (u, p) = polar(&a, Side::Right, PolarMethod::Qdwh);
/// assert!((u.matmul(&p) - &a).abs().max().item::<f32>() < 1e-4);
/// ```
///
/// Both methods take matrices of any shape on both sides, and have the same derivatives, which exist at full rank. JAX
/// accepts only some combinations for `Qdwh`, without a derivative in reverse mode.
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn polar(a: impl ArrayLike, side: Side, method: PolarMethod) -> (Array, Array) {
    let a = a.to_array().to_inexact();
    if a.ndim() < 2 {
        raise(Error::shape(format!("polar: expected at least two dimensions, got {}", a.aval())));
    }
    let mut results = library(&[a], |x| {
        let (u, p) = match method {
            PolarMethod::Svd => by_svd(&x[0], side),
            PolarMethod::Qdwh => {
                let rule = move |(a,): (&Array,), (t,): (&Array,)| {
                    (by_iteration(a, side), jvp(move |a: &Array| by_svd(a, side), (a,), (t,)).1)
                };
                custom_jvp(move |a: &Array| by_iteration(a, side)).defjvp(rule)(&x[0])
            }
        };
        vec![u, p]
    });
    let p = results.pop();
    (results.swap_remove(0), p.unwrap_or_else(|| unreachable!("two results")))
}

fn by_svd(a: &Array, side: Side) -> (Array, Array) {
    let (u, _, vh) = svd(a, &SvdOptions { full_matrices: false, ..SvdOptions::default() });
    with_positive_factor(a, u.matmul(&vh), side)
}

/// Returns U and P, of which U is given. P is computed from A and U, and so is its derivative: both exist where singular
/// values are equal.
fn with_positive_factor(a: &Array, u: Array, side: Side) -> (Array, Array) {
    let positive = match side {
        Side::Right => adjoint(&u).matmul(a),
        Side::Left => a.matmul(adjoint(&u)),
    };
    (u, (&positive + adjoint(&positive)) / 2.0)
}

fn by_iteration(a: &Array, side: Side) -> (Array, Array) {
    let (m, n) = (a.shape()[a.ndim() - 2], a.shape()[a.ndim() - 1]);
    let tall = if m < n { adjoint(a) } else { a.clone() };
    let one = |x: &Array| qdwh(x).u;
    let u = match tall.ndim() {
        2 => one(&tall),
        _ => {
            let count = tall.shape()[..tall.ndim() - 2].iter().product::<usize>();
            let flat = tall.reshape([count, m.max(n), m.min(n)]);
            vmap(one)(&flat).reshape(tall.shape())
        }
    };
    let u = if m < n { adjoint(&u) } else { u };
    with_positive_factor(a, u, side)
}
