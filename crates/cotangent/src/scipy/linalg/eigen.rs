//! Eigenvalues of Hermitian and of tridiagonal matrices.

use std::ops::RangeInclusive;

use crate::array::promote::promote_types;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::linalg::{EighOptions, hermitian};
use crate::numpy::where_;
use crate::ops::linalg::lower_mask;

/// Returns the eigenvalues of the Hermitian matrix (A + Aᴴ)/2 in ascending order, and its eigenvectors as columns. If an
/// element of A is not finite, both are NaN. [`numpy::linalg::eigvalsh`](crate::numpy::linalg::eigvalsh) returns the
/// eigenvalues only.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let a = Array::from([[2.0f32, 1.0], [1.0, 2.0]]);
/// let (w, v) = linalg::eigh(&a);
/// assert!((a.dot(&v) - &v * &w).abs().max().item::<f32>() < 1e-6);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn eigh(a: impl ArrayLike) -> (Array, Array) {
    crate::numpy::linalg::eigh(a)
}

/// Which eigenvalues [`eigh_tridiagonal`] and [`eigvalsh_tridiagonal`] return.
///
/// ```
/// use cotangent::scipy::linalg::Select;
/// assert_eq!(Select::default(), Select::All);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// All eigenvalues.
    #[default]
    All,
    /// Those with these indices in ascending order.
    Indices(RangeInclusive<usize>),
}

/// Returns eigenvalues in ascending order of the Hermitian matrix with the diagonal `d` and the elements `e` above it,
/// and their eigenvectors as columns. The imaginary part of `d` is ignored. If an element is not finite, both are NaN.
///
/// ```
/// use cotangent::{Array, scipy::linalg::{Select, eigh_tridiagonal}};
/// let (d, e) = (Array::from([2.0f32, 2.0]), Array::from([1.0f32]));
/// let (w, v) = eigh_tridiagonal(&d, &e, &Select::Indices(1..=1));
/// assert!((w.item::<f32>() - 3.0).abs() < 1e-6);
/// assert_eq!(v.shape(), [2, 1]);
/// ```
///
/// # Panics
/// If `e` is not one element shorter than `d`, or an index is out of range.
#[track_caller]
pub fn eigh_tridiagonal(d: impl ArrayLike, e: impl ArrayLike, select: &Select) -> (Array, Array) {
    let (v, w) = tridiagonal(d.to_array(), e.to_array(), select, true);
    (w.clone(), v.unwrap_or(w))
}

/// Returns the eigenvalues that [`eigh_tridiagonal`] returns, which takes less time without their eigenvectors.
///
/// ```
/// use cotangent::{Array, scipy::linalg::{Select, eigvalsh_tridiagonal}};
/// let (d, e) = (Array::from([2.0f32, 2.0]), Array::from([1.0f32]));
/// let w = eigvalsh_tridiagonal(&d, &e, &Select::All);
/// assert!((w - Array::from([1.0f32, 3.0])).abs().max().item::<f32>() < 1e-6);
/// ```
///
/// # Panics
/// If `e` is not one element shorter than `d`, or an index is out of range.
#[track_caller]
pub fn eigvalsh_tridiagonal(d: impl ArrayLike, e: impl ArrayLike, select: &Select) -> Array {
    tridiagonal(d.to_array(), e.to_array(), select, false).1
}

#[track_caller]
fn tridiagonal(d: Array, e: Array, select: &Select, vectors: bool) -> (Option<Array>, Array) {
    let n = match (d.shape(), e.shape()) {
        ([batch @ .., n], [other @ .., m]) if batch == other && *n == m + 1 => *n,
        _ => raise(Error::shape(format!(
            "expected a diagonal and one that is an element shorter, got {} and {}",
            d.aval(),
            e.aval()
        ))),
    };
    let (d, e) = (d.to_inexact(), e.to_inexact());
    let (dtype, _) = promote_types((d.dtype(), d.weak_type()), (e.dtype(), e.weak_type()));
    let (d, e) = (d.astype(dtype), e.astype(dtype));
    // The lower triangle: element i of `d` in row i, and element i of `e` in row i + 1.
    let e = if dtype.is_complex() { e.conj() } else { e };
    let shape: Vec<usize> = d.shape().iter().copied().chain([n]).collect();
    let rows = |x: Array| x.expand_dims(-2).broadcast_to(&shape[..]);
    let below = |k: isize| lower_mask(n, n, k).logical_and(lower_mask(n, n, k - 1).logical_not());
    let beside = crate::numpy::pad(e, &pad_last(shape.len() - 1), 0.0);
    let zero = crate::numpy::zeros_as((), dtype);
    let a = where_(below(0), rows(d), where_(below(-1), rows(beside), zero));
    let subset_by_index = match select {
        Select::All => None,
        Select::Indices(range) => Some(*range.start()..*range.end() + 1),
    };
    hermitian(a, &EighOptions { lower: true, symmetrize_input: false, subset_by_index }, vectors)
}

/// Returns widths that add one element after the last axis.
fn pad_last(rank: usize) -> Vec<(usize, usize)> {
    (1..=rank).map(|axis| (0, usize::from(axis == rank))).collect()
}
