//! The pseudo-inverse, and least squares by it.

use crate::api::custom::custom_jvp;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::linalg::{self, adjoint, library, library1};
use crate::methods::reductions::working;
use crate::numpy::where_;
use crate::ops::in_one_dtype;

use super::svd::{Cut, THIN, epsilon, kept, largest_size, of_hermitian_part};

/// Returns the pseudo-inverse (Moore and Penrose). Singular values up to 10 ε max(M, N) times the largest one count as
/// zero, as in JAX.
///
/// Singular values of zero stay zero in the derivative.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let a = Array::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]);
/// assert!((np::linalg::pinv(&a).matmul(&a) - np::eye(2, 2)).abs().max().item::<f32>() < 1e-5);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn pinv(a: impl ArrayLike) -> Array {
    let a = a.to_array().to_inexact();
    let rtol = 10.0 * largest_size("pinv", &a) as f64 * epsilon(a.dtype());
    pinv_rtol(a, rtol)
}

/// Like [`pinv`], where singular values up to `rtol` times the largest one count as zero. `rtol` has the shape of the
/// batch, or is a number.
///
/// Where singular values count as zero that are not, and others are equal, only first derivatives are right.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let p = np::linalg::pinv_rtol(Array::from([[4.0f32, 0.0], [0.0, 1.0]]), 0.5);
/// assert!((p - Array::from([[0.25f32, 0.0], [0.0, 0.0]])).abs().max().item::<f32>() < 1e-6);
/// ```
///
/// # Panics
/// If A has fewer than two dimensions.
#[track_caller]
pub fn pinv_rtol(a: impl ArrayLike, rtol: impl ArrayLike) -> Array {
    let a = a.to_array().to_inexact();
    largest_size("pinv", &a);
    let rtol = rtol.to_array().astype(working(a.dtype()).real());
    library1(&[a, rtol], |x| inverse(&x[0], &x[1], Cut::UpTo).0)
}

/// Like [`pinv`], of (A + Aᴴ)/2, for a matrix that is Hermitian but for rounding.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let p = np::linalg::pinv_hermitian(Array::from([[2.0f32, 0.0], [0.0, 4.0]]));
/// assert!((p - Array::from([[0.5f32, 0.0], [0.0, 0.25]])).abs().max().item::<f32>() < 1e-6);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn pinv_hermitian(a: impl ArrayLike) -> Array {
    of_hermitian_part(a, |a| pinv(a))
}

/// Returns the pseudo-inverse and the singular values.
#[track_caller]
fn inverse(a: &Array, rtol: &Array, cut: Cut) -> (Array, Array) {
    let (u, s, vh) = linalg::svd(a, &THIN);
    (of_factors(a, rtol, [&u, &s, &vh], cut), s)
}

/// The matrix, the bound, and the factors of the matrix, whose own derivatives do not count.
type Five<'a> = (&'a Array, &'a Array, &'a Array, &'a Array, &'a Array);

/// Returns the pseudo-inverse of a matrix with these singular vectors and values.
#[track_caller]
fn of_factors(a: &Array, rtol: &Array, [u, s, vh]: [&Array; 3], cut: Cut) -> Array {
    let value = move |_: &Array, rtol: &Array, u: &Array, s: &Array, vh: &Array| {
        if s.shape().contains(&0) {
            return adjoint(vh).matmul(adjoint(u));
        }
        let kept = kept(s, rtol, cut);
        let reciprocal = where_(&kept, 1.0 / where_(&kept, s, 1.0), 0.0).astype(u.dtype());
        adjoint(vh).matmul(reciprocal.expand_dims(-1) * adjoint(u))
    };
    let rule = move |(a, rtol, u, s, vh): Five<'_>, (da, ..): Five<'_>| {
        let p = of_factors(a, rtol, [u, s, vh], cut);
        // Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
        // variables separate", 1973, for a matrix whose other singular values are zero.
        let (m, n) = (a.shape()[a.ndim() - 2], a.shape()[a.ndim() - 1]);
        let (h, ph) = (adjoint(da), adjoint(&p));
        let dp = if m >= n {
            let (left, right) = (p.matmul(&ph).matmul(&h), h.matmul(&ph).matmul(&p));
            -p.matmul(da).matmul(&p) + &left - left.matmul(a).matmul(&p) + &right - p.matmul(a).matmul(&right)
        } else {
            let (left, right) = (p.matmul(ph.matmul(&h)), h.matmul(ph.matmul(&p)));
            -p.matmul(da.matmul(&p)) + &left - left.matmul(a.matmul(&p)) + &right - p.matmul(a.matmul(&right))
        };
        if s.shape().contains(&0) {
            return (p, dp);
        }
        let v = adjoint(vh);
        let image = adjoint(u).matmul(da).matmul(&v);
        let dp = dp + v.matmul(from_cut(&image, s, &kept(s, rtol, cut))).matmul(adjoint(u));
        (p, dp)
    };
    custom_jvp(value).defjvp(rule)(a, rtol, u, s, vh)
}

/// Returns what singular values that count as zero and are not add to Vᴴ dP U, the tangent of the pseudo-inverse P. `m` is
/// M = Uᴴ dA V.
///
/// They turn the vectors that are kept. Of a pair of vectors that only one is kept of, with singular values σ of that one and τ of the
/// other, the element (i, j) of Vᴴ dP U is (σ M\*ⱼᵢ + τ Mᵢⱼ) / (σ (σ² − τ²)), by the vectors' tangents (see
/// [`Svd`](crate::extend::primitives::Svd)). Of that, M\*ⱼᵢ / σ² is what there is for τ = 0.
fn from_cut(m: &Array, s: &Array, kept: &Array) -> Array {
    let (row, column) = (kept.expand_dims(-1), kept.expand_dims(-2));
    let (down, across) = (s.expand_dims(-1), s.expand_dims(-2));
    let one = row.not_equal(&column);
    let large = where_(&one, where_(&row, &down, &across), 1.0);
    let small = where_(&one, where_(&row, &across, &down), 0.0);
    let ratio = &small / &large;
    let weight = &ratio / (large.square() - small.square());
    &weight * &ratio * adjoint(m) + weight * m
}

/// Returns the X that minimizes ‖B − A X‖ column by column, with the least norm; the sums of the squares of what remains
/// of each column; the rank of A, an `i32`; and the singular values of A. B may be a vector, which is one column. Singular values below
/// ε max(M, N) times the largest one count as zero.
///
/// Singular values of zero stay zero in the derivative of X. Unlike JAX's, it is finite at equal singular values.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (x, ..) = np::linalg::lstsq(Array::from([[1.0f32, 2.0], [3.0, 4.0]]), Array::from([5.0f32, 6.0]));
/// assert!((x - Array::from([-4.0f32, 4.5])).abs().max().item::<f32>() < 1e-4);
/// ```
///
/// # Panics
/// If A is not a matrix, or B is not a matrix or a vector with as many rows.
#[track_caller]
pub fn lstsq(a: impl ArrayLike, b: impl ArrayLike) -> (Array, Array, Array, Array) {
    let [a, b] = in_one_dtype([a.to_array().to_inexact(), b.to_array().to_inexact()]);
    let rcond = largest_size("lstsq", &a) as f64 * epsilon(a.dtype());
    lstsq_rcond(a, b, rcond)
}

/// Like [`lstsq`], where singular values below `rcond` times the largest one count as zero. ε stands in for a negative
/// number.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let a = Array::from([[4.0f32, 0.0], [0.0, 1.0]]);
/// let (x, _, rank, _) = np::linalg::lstsq_rcond(a, Array::from([8.0f32, 8.0]), 0.5);
/// assert!((x - Array::from([2.0f32, 0.0])).abs().max().item::<f32>() < 1e-5 && rank.item::<i32>() == 1);
/// ```
///
/// # Panics
/// If A is not a matrix, or B is not a matrix or a vector with as many rows.
#[track_caller]
pub fn lstsq_rcond(a: impl ArrayLike, b: impl ArrayLike, rcond: f64) -> (Array, Array, Array, Array) {
    let [a, b] = in_one_dtype([a.to_array().to_inexact(), b.to_array().to_inexact()]);
    if a.ndim() != 2 || !matches!(b.ndim(), 1 | 2) || a.shape()[0] != b.shape()[0] {
        raise(
            Error::shape(format!(
                "lstsq: {} and {} are no matrix and right-hand sides for its rows",
                a.aval(),
                b.aval()
            ))
            .help("for batches, use `vmap`"),
        );
    }
    let rcond = if rcond < 0.0 { epsilon(a.dtype()) } else { rcond };
    let results = library(&[a, b], |x| {
        let (a, b) = (&x[0], &x[1]);
        let rtol = Array::from(rcond).astype(a.dtype().real());
        let (p, s) = inverse(a, &rtol, Cut::Below);
        let rank = match s.shape()[0] {
            0 => s.sum().astype(DType::I32),
            _ => kept(&s, &rtol, Cut::Below).astype(DType::I32).sum(),
        };
        let solution = p.matmul(b);
        let size = (b - a.matmul(&solution)).abs();
        let residuals = (&size * &size).sum_axis(0);
        let residuals = if b.ndim() == 1 { residuals.reshape([1]) } else { residuals };
        vec![solution, residuals, rank, s]
    });
    let [x, residuals, rank, s] = <[Array; 4]>::try_from(results).unwrap_or_else(|_| unreachable!("four results"));
    (x, residuals, rank, s)
}

/// Like [`lstsq`], with NumPy's residuals: there are none if the rank is less than N, or if M ≤ N. The rank must be
/// known, so this works outside of `jit` and `vmap` only.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (_, residuals, ..) = np::linalg::lstsq_numpy_resid(Array::from([[1.0f32, 2.0], [3.0, 4.0]]), Array::from([5.0f32, 6.0]));
/// assert_eq!(residuals.shape(), [0]);
/// ```
///
/// # Panics
/// If A is not a matrix, B is not a matrix or a vector with as many rows, or the rank is not known.
#[track_caller]
pub fn lstsq_numpy_resid(a: impl ArrayLike, b: impl ArrayLike) -> (Array, Array, Array, Array) {
    let a = a.to_array();
    let (x, residuals, rank, s) = lstsq(&a, b);
    let (m, n) = (a.shape()[0], a.shape()[1]);
    let none = m <= n || (rank.item::<i32>() as usize) < n;
    let residuals = if none { crate::numpy::zeros_as(0, residuals.dtype()) } else { residuals };
    (x, residuals, rank, s)
}
