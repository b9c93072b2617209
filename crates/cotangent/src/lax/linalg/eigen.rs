//! Eigenvalues, the Schur form, and reductions by reflections.

use std::ops::Range;

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::ops::linalg::{Eig, Eigh, Hessenberg, Schur, Tridiagonal};

use super::{adjoint, bind, widened};

/// Returns the operand, after checking that it has at least two dimensions.
#[track_caller]
fn matrices(x: impl ArrayLike, name: &str) -> Array {
    let x = x.to_array();
    if x.ndim() < 2 {
        raise(Error::shape(format!("{name}: expected at least two dimensions, got {}", x.aval())));
    }
    x
}

/// Returns the eigenvalues of a matrix A in no particular order, the eigenvectors on the left and those on the right, if
/// they are wanted. Column i of the vectors on the left is the u with uᴴ A = wᵢ uᴴ; on the right, it is the v with
/// A v = wᵢ v. Vectors have length one, and their element of largest magnitude is real. If an element of A is not
/// finite, all results are NaN.
///
/// The derivatives of eigenvectors assume that all eigenvalues are distinct, and that a single element of each vector
/// has the largest magnitude.
///
/// It runs on the CPU only.
///
/// ```
/// use cotangent::{Array, lax};
/// let (w, _, v) = lax::linalg::eig(Array::from([[3.0f32, 0.0], [1.0, 3.0]]), false, true);
/// assert_eq!(w.real().to_vec::<f32>(), [3.0, 3.0]);
/// assert_eq!(v.unwrap().shape(), [2, 2]);
/// ```
///
/// # Panics
/// If the last two axes are not square, or the dtype is not inexact.
#[track_caller]
pub fn eig(
    x: impl ArrayLike,
    compute_left_eigenvectors: bool,
    compute_right_eigenvectors: bool,
) -> (Array, Option<Array>, Option<Array>) {
    let x = matrices(x, "eig");
    let mut out = bind(Eig { compute_left_eigenvectors, compute_right_eigenvectors }, &[&x]).into_iter();
    let mut next = |wanted: bool| if wanted { out.next() } else { None };
    let w = next(true);
    let left = next(compute_left_eigenvectors);
    let right = next(compute_right_eigenvectors);
    (w.unwrap_or(x), left, right)
}

/// What [`eigh`] reads and returns.
///
/// ```
/// use cotangent::lax::linalg::EighOptions;
/// let largest = EighOptions { subset_by_index: Some(9..10), ..EighOptions::default() };
/// assert!(largest.lower && largest.symmetrize_input);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EighOptions {
    /// Whether the lower triangle is read, if the input is not symmetrized. The default is `true`.
    pub lower: bool,
    /// Whether the matrix is (A + Aᴴ)/2. If not, one triangle is read, and the derivative with respect to the other one
    /// is zero. The default is `true`.
    pub symmetrize_input: bool,
    /// Which eigenvalues are returned, by their indices in ascending order. The default is all of them.
    pub subset_by_index: Option<Range<usize>>,
}

impl Default for EighOptions {
    fn default() -> EighOptions {
        EighOptions { lower: true, symmetrize_input: true, subset_by_index: None }
    }
}

/// Returns the eigenvectors of a Hermitian matrix as columns, and its eigenvalues in ascending order. If an element of
/// the matrix is not finite, both are NaN.
///
/// Eigenvalues have derivatives even if they are equal. Equal eigenvalues have no unique vectors; derivatives of those
/// are infinite or NaN.
///
/// ```
/// use cotangent::{Array, lax::linalg};
/// let a = Array::from([[2.0f32, 1.0], [1.0, 2.0]]);
/// let (v, w) = linalg::eigh(&a, &linalg::EighOptions::default());
/// assert!((a.dot(&v) - &v * &w).abs().max().item::<f32>() < 1e-6);
/// ```
///
/// # Panics
/// If the last two axes are not square, the dtype is not inexact, or the subset is out of range.
#[track_caller]
pub fn eigh(x: impl ArrayLike, options: &EighOptions) -> (Array, Array) {
    let (vectors, w) = hermitian(x, options, true);
    (vectors.unwrap_or_else(|| w.clone()), w)
}

/// Returns the eigenvectors, if they are wanted, and the eigenvalues of a Hermitian matrix.
#[track_caller]
pub(crate) fn hermitian(x: impl ArrayLike, options: &EighOptions, vectors: bool) -> (Option<Array>, Array) {
    let x = matrices(x, "eigh");
    let n = x.shape()[x.ndim() - 1];
    let mut out = widened(std::slice::from_ref(&x), |x| {
        let x = match options.symmetrize_input && x[0].shape()[x[0].ndim() - 2] == n {
            true => (&x[0] + adjoint(&x[0])) / 2.0,
            false => x[0].clone(),
        };
        bind(Eigh { lower: options.lower, compute_eigenvectors: vectors }, &[&x]).into_vec()
    });
    if let Some(range) = &options.subset_by_index {
        if range.start > range.end || range.end > n {
            raise(Error::shape(format!("eigh: the subset {range:?} is not a range of the {n} eigenvalues")));
        }
        out.iter_mut().for_each(|x| *x = x.slice_axis(x.ndim() - 1, range.start, range.end));
    }
    let w = out.pop().unwrap_or(x);
    (out.pop(), w)
}

/// Returns the Schur form T of a matrix A, and if wanted the unitary Q with A = Q T Qᴴ. T is upper triangular. If A is
/// real, T has a 2 × 2 block on its diagonal for each pair of conjugate eigenvalues. If an element of A is not finite,
/// both are NaN. It has no derivative.
///
/// It runs on the CPU only.
///
/// ```
/// use cotangent::{Array, lax::linalg};
/// let a = Array::from([[0.0f32, 2.0], [-2.0, 0.0]]);
/// let (t, q) = linalg::schur(&a, true);
/// let q = q.unwrap();
/// assert!((q.dot(&t).dot(q.t()) - a).abs().max().item::<f32>() < 1e-6);
/// ```
///
/// # Panics
/// If the last two axes are not square, or the dtype is not inexact.
#[track_caller]
pub fn schur(x: impl ArrayLike, compute_schur_vectors: bool) -> (Array, Option<Array>) {
    let x = matrices(x, "schur");
    let mut out = bind(Schur { compute_schur_vectors }, &[&x]).into_iter();
    (out.next().unwrap_or(x), out.next())
}

/// Reduces a matrix to Hessenberg form by reflections. The first result has that form in its upper triangle and the
/// diagonal below the main one, and the vectors of the reflections below. The second result has their factors:
/// reflection i is I − τᵢ v vᴴ, where v has i + 1 zeros, then a one, then the elements in column i. It has no derivative.
///
/// It runs on the CPU only.
///
/// ```
/// use cotangent::{Array, lax::linalg};
/// let (a, taus) = linalg::hessenberg(Array::from([[1.0f32, 5.0], [4.0, 3.0]]));
/// assert_eq!((a.to_vec::<f32>(), taus.to_vec::<f32>()), (vec![1.0, 5.0, 4.0, 3.0], vec![0.0]));
/// ```
///
/// # Panics
/// If the last two axes are not square or have size zero, or the dtype is not inexact.
#[track_caller]
pub fn hessenberg(a: impl ArrayLike) -> (Array, Array) {
    let a = matrices(a, "hessenberg");
    let mut out = bind(Hessenberg, &[&a]).into_vec();
    let taus = out.pop().unwrap_or_else(|| a.clone());
    (out.pop().unwrap_or(a), taus)
}

/// Reduces a Hermitian matrix, of which one triangle is read, to a real tridiagonal matrix by reflections. The results
/// are the matrix with that form and the vectors of the reflections in the triangle, the diagonal, the diagonal beside
/// it, and the factors of the reflections. It has no derivative.
///
/// It runs on the CPU only.
///
/// ```
/// use cotangent::{Array, lax::linalg};
/// let (_, d, e, _) = linalg::tridiagonal(Array::from([[1.0f32, 4.0], [4.0, 3.0]]), true);
/// assert_eq!((d.to_vec::<f32>(), e.to_vec::<f32>()), (vec![1.0, 3.0], vec![4.0]));
/// ```
///
/// # Panics
/// If the last two axes are not square or have size zero, or the dtype is not inexact.
#[track_caller]
pub fn tridiagonal(a: impl ArrayLike, lower: bool) -> (Array, Array, Array, Array) {
    let a = matrices(a, "tridiagonal");
    match &bind(Tridiagonal { lower }, &[&a]).into_vec()[..] {
        [packed, d, e, taus] => (packed.clone(), d.clone(), e.clone(), taus.clone()),
        _ => raise(Error::shape("tridiagonal: the number of results is wrong")),
    }
}
