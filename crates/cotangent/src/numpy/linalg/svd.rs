//! The singular value decomposition, and what follows from it.

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::linalg::{self, SvdOptions, TriangularSolve, adjoint, library, library1, triangular_solve};
use crate::methods::reductions::working;
use crate::numpy::{argsort, expand_dims, flip, squeeze_axis, take_along_axis, where_};

use super::eigh;

pub(super) const THIN: SvdOptions =
    SvdOptions { full_matrices: false, subset_by_index: None, algorithm: linalg::SvdAlgorithm::Default };

/// Returns (U, s, Vᴴ) with A = U diag(s) Vᴴ: the left singular vectors, the singular values in decreasing order, and the
/// adjoint of the right singular vectors. With `full_matrices`, U and V are square.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let a = Array::from([[1.0f32, 2.0, 3.0], [6.0, 5.0, 4.0]]);
/// let (u, s, vh) = np::linalg::svd(&a, false);
/// assert!(((u * s).matmul(vh) - &a).abs().max().item::<f32>() < 1e-5);
/// ```
///
/// [`lax::linalg::svd`](crate::lax::linalg::svd) says what is determined, and has more options.
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn svd(a: impl ArrayLike, full_matrices: bool) -> (Array, Array, Array) {
    linalg::svd(a.to_array().to_inexact(), &SvdOptions { full_matrices, ..THIN })
}

/// Like [`svd`], of (A + Aᴴ)/2, for a matrix that is Hermitian but for rounding. The singular values are the absolute
/// values of the eigenvalues, which [`eigh`] computes.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (_, s, _) = np::linalg::svd_hermitian(Array::from([[0.0f32, 2.0], [2.0, 3.0]]));
/// assert!((s - Array::from([4.0f32, 1.0])).abs().max().item::<f32>() < 1e-5);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn svd_hermitian(a: impl ArrayLike) -> (Array, Array, Array) {
    let results = library(&[a.to_array()], |a| {
        let (w, v) = eigh(&a[0]);
        // The order of JAX, which reverses an ascending one.
        let order = flip(argsort(w.abs()), -1);
        let w = take_along_axis(w, &order, -1);
        let u = take_along_axis(&v, order.expand_dims(-2).broadcast_to(v.shape()), -1);
        // Not the sign, which is zero for the eigenvalue zero.
        let signs = where_(w.less(0.0), -1.0, 1.0).astype(w.dtype()).expand_dims(-2);
        let vh = adjoint(&(&u * signs));
        vec![u, w.abs(), vh]
    });
    let [u, s, vh] = <[Array; 3]>::try_from(results).unwrap_or_else(|_| unreachable!("three results"));
    (u, s, vh)
}

/// Returns a function of (A + Aᴴ)/2.
#[track_caller]
pub(super) fn of_hermitian_part(a: impl ArrayLike, f: impl Fn(&Array) -> Array) -> Array {
    let a = a.to_array().to_inexact();
    match a.shape() {
        [.., m, n] if m == n => library1(&[a], |a| f(&((&a[0] + adjoint(&a[0])) / 2.0))),
        _ => raise(Error::shape(format!("the last two axes must be a square matrix, got {}", a.aval()))),
    }
}

/// Returns the singular values in decreasing order. Their derivative is finite at every matrix; of singular values that
/// are zero or equal to each other, it is that in the direction of the computed vectors.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let s = np::linalg::svdvals(Array::from([[3.0f32, 0.0], [4.0, 0.0]]));
/// assert!((s - Array::from([5.0f32, 0.0])).abs().max().item::<f32>() < 1e-5);
/// ```
///
/// # Panics
/// If the array has fewer than two dimensions.
#[track_caller]
pub fn svdvals(x: impl ArrayLike) -> Array {
    linalg::singular_values(x.to_array().to_inexact(), &THIN)
}

/// Returns the difference between 1 and the next greater number of a dtype.
pub(super) fn epsilon(dtype: DType) -> f64 {
    if dtype.real() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) }
}

/// Returns the larger of the last two sizes.
#[track_caller]
pub(super) fn largest_size(what: &str, a: &Array) -> usize {
    match a.shape() {
        [.., m, n] => *m.max(n),
        _ => raise(Error::shape(format!("{what}: expected at least two dimensions, got {}", a.aval()))),
    }
}

/// Returns the rank, an `i32`: the number of singular values above ε max(M, N) times the largest one. That of a vector
/// or a number is one, or zero if all elements are zero.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::linalg::matrix_rank(Array::from([[1.0f32, 2.0], [2.0, 4.0]])).item::<i32>(), 1);
/// ```
#[track_caller]
pub fn matrix_rank(a: impl ArrayLike) -> Array {
    let a = a.to_array().to_inexact();
    if a.ndim() < 2 {
        return a.not_equal(0).any().astype(DType::I32);
    }
    let rtol = largest_size("matrix_rank", &a) as f64 * epsilon(a.dtype());
    matrix_rank_rtol(a, rtol)
}

/// Like [`matrix_rank`], where singular values up to `rtol` times the largest one count as zero. `rtol` has the shape of
/// the batch, or is a number.
///
/// JAX 0.10.2 compares with `rtol` itself, contrary to its documentation and to NumPy.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let a = Array::from([[40.0f32, 0.0], [0.0, 10.0]]);
/// assert_eq!(np::linalg::matrix_rank_rtol(&a, 0.5).item::<i32>(), 1);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn matrix_rank_rtol(a: impl ArrayLike, rtol: impl ArrayLike) -> Array {
    let a = a.to_array().to_inexact();
    largest_size("matrix_rank", &a);
    let rtol = rtol.to_array().astype(working(a.dtype()).real());
    library1(&[a, rtol], |x| {
        let s = svdvals(&x[0]);
        if s.shape().contains(&0) {
            return s.sum_axis(-1).astype(DType::I32);
        }
        kept(&s, &x[1], Cut::UpTo).astype(DType::I32).sum_axis(-1)
    })
}

/// Which singular values count as zero, given a bound relative to the largest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Those up to the bound, including it.
    UpTo,
    /// Those below the bound, and zero.
    Below,
}

/// Returns whether each singular value counts as one that is not zero.
pub(super) fn kept(s: &Array, rtol: &Array, cut: Cut) -> Array {
    let largest = s.slice_axis(s.ndim() - 1, 0, 1);
    let bound = expand_dims(rtol, -1) * largest;
    match cut {
        Cut::UpTo => s.greater(&bound),
        Cut::Below => s.greater_equal(&bound).logical_and(s.greater(0)),
    }
}

/// Like [`matrix_rank`], of (A + Aᴴ)/2, for a matrix that is Hermitian but for rounding.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::linalg::matrix_rank_hermitian(Array::from([[2.0f32, 0.0], [0.0, 0.0]])).item::<i32>(), 1);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn matrix_rank_hermitian(a: impl ArrayLike) -> Array {
    of_hermitian_part(a, |a| matrix_rank(a))
}

/// Returns the condition number in the 2-norm: the ratio of the largest to the smallest singular value.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let c = np::linalg::cond(Array::from([[1.0f32, 2.0], [2.0, 1.0]]));
/// assert!((c.item::<f32>() - 3.0).abs() < 1e-5);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions, or no elements.
#[track_caller]
pub fn cond(a: impl ArrayLike) -> Array {
    let a = conditioned(&a.to_array());
    library1(&[a], |x| {
        let s = svdvals(&x[0]);
        let k = s.shape()[s.ndim() - 1];
        squeeze_axis(s.slice_axis(s.ndim() - 1, 0, 1) / s.slice_axis(s.ndim() - 1, k - 1, k), -1)
    })
}

/// Returns ‖A‖ₚ ‖A⁻¹‖ₚ in the norm of a number p: 1 or −1 (columns), ∞ or −∞ (rows), 2 or −2 (singular values). It is ∞
/// for a singular matrix.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let c = np::linalg::cond_p(Array::from([[1.0f32, 2.0], [2.0, 1.0]]), 1.0);
/// assert!((c.item::<f32>() - 3.0).abs() < 1e-5);
/// ```
///
/// # Panics
/// If A has no elements, p is another number, or A is not square and p is not 2 or −2.
#[track_caller]
pub fn cond_p(a: impl ArrayLike, p: f64) -> Array {
    let a = conditioned(&a.to_array());
    match p {
        2.0 => return cond(a),
        -2.0 => return library1(&[a], |x| or_infinite(1.0 / cond(&x[0]), &x[0])),
        _ if p.abs() == 1.0 || p.is_infinite() => {}
        _ => raise(
            Error::value(format!("no condition number belongs to the order {p}"))
                .help("use 1, 2, ∞ or their negatives"),
        ),
    }
    let (inner, outer) = if p.abs() == 1.0 { (-2, -1) } else { (-1, -1) };
    cond_of(a, move |x| {
        let sums = x.abs().sum_axis(inner);
        if p > 0.0 { sums.max_axis(outer) } else { sums.min_axis(outer) }
    })
}

/// Returns ‖A‖ ‖A⁻¹‖ in the Frobenius norm. It is ∞ for a singular matrix.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert!((np::linalg::cond_frobenius(np::eye(2, 2)).item::<f32>() - 2.0).abs() < 1e-5);
/// ```
///
/// # Panics
/// If A is not square, or has no elements.
#[track_caller]
pub fn cond_frobenius(a: impl ArrayLike) -> Array {
    cond_of(conditioned(&a.to_array()), |x| {
        let size = x.abs();
        (&size * &size).sum_axis([-2, -1]).sqrt()
    })
}

/// Returns ‖A‖ ‖A⁻¹‖ in the nuclear norm, which is the sum of the singular values. It is ∞ for a singular matrix.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert!((np::linalg::cond_nuclear(np::eye(2, 2)).item::<f32>() - 4.0).abs() < 1e-5);
/// ```
///
/// # Panics
/// If A is not square, or has no elements.
#[track_caller]
pub fn cond_nuclear(a: impl ArrayLike) -> Array {
    cond_of(conditioned(&a.to_array()), |x| svdvals(x).sum_axis(-1))
}

#[track_caller]
fn conditioned(a: &Array) -> Array {
    if a.ndim() < 2 || a.shape()[a.ndim() - 2..].contains(&0) {
        raise(Error::shape(format!("cond: expected matrices that are not empty, got {}", a.aval())));
    }
    a.to_inexact()
}

#[track_caller]
fn cond_of(a: Array, norm: impl Fn(&Array) -> Array) -> Array {
    if a.shape()[a.ndim() - 2] != a.shape()[a.ndim() - 1] {
        raise(Error::shape(format!("cond: the norm of the inverse needs a square matrix, got {}", a.aval())));
    }
    library1(&[a], |x| {
        let (q, r) = linalg::qr(&x[0], false);
        let solve = TriangularSolve { lower: false, ..TriangularSolve::lower(true) };
        or_infinite(norm(&x[0]) * norm(&triangular_solve(r, adjoint(&q), &solve)), &x[0])
    })
}

/// Puts ∞ in place of NaN, if the matrix has none.
fn or_infinite(cond: Array, a: &Array) -> Array {
    let nan = |x: &Array| x.not_equal(x);
    where_(nan(&cond).logical_and(nan(a).any_axis([-2, -1]).logical_not()), f64::INFINITY, cond)
}
