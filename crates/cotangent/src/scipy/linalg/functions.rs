//! Functions of matrices by their Schur decomposition: the square root, and functions of the user's own.

use std::sync::Arc;

use crate::api::custom::custom_jvp;
use crate::api::program::{as_library, as_one};
use crate::array::Array;
use crate::array::ArrayLike;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::lax::linalg::{adjoint, schur};
use crate::lax::{self, Closure, Precision};
use crate::methods::reductions::working;
use crate::numpy::{self as np, Ellipsis, diagonal_mask, iota, linalg, where_};
use crate::ops::precision::default_matmul_precision;

use super::expm::square;
use super::{Trans, divided_differences, solve_triangular};

/// Returns the principal square root of a square matrix: the X with X X = A whose eigenvalues have real parts that are
/// not negative. The result is complex. Leading axes are batch axes.
///
/// By the method of Björck and Hammarling (1983), a column at a time. The derivative is the solution of the Sylvester
/// equation X dX + dX X = dA. JAX has no derivative of this function, and no batches.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let x = linalg::sqrtm(Array::from([[4.0f32, 0.0], [0.0, 9.0]]));
/// assert_eq!(x.real().to_vec::<f32>(), [2.0, 0.0, 0.0, 3.0]);
/// ```
///
/// A matrix whose eigenvalue zero has no eigenvector of its own for each time that it occurs, such as `[[0, 1], [0,
/// 0]]`, has no square root. Elements of the result are then NaN.
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn sqrtm(a: impl ArrayLike) -> Array {
    let a = as_complex(&square("sqrtm", a));
    as_one(&[a], |a| {
        let root = custom_jvp(|a: &Array| precise(|| square_root(a))).defjvp(|(a,), (t,)| {
            let x = sqrtm(a);
            let dx = precise(|| sylvester(&x, t));
            (x, dx)
        });
        root(&a[0])
    })
}

/// Returns the function `f` of a square matrix: the matrix with the same eigenvectors whose eigenvalues are those of `f`.
/// The result is complex. Leading axes are batch axes.
///
/// `f` takes an array of eigenvalues, which are complex. By Parlett's recurrence (Golub and Van Loan, *Matrix
/// Computations*, algorithm 11.1.1), which loses accuracy where eigenvalues are close to each other;
/// [`funm_with_error`] estimates how much.
///
/// All derivatives, of every order, with respect to the matrix and to arrays that `f` captures, follow from the eigenvectors
/// and from the derivatives of `f`, which must be holomorphic then. They need as many independent eigenvectors as the matrix
/// has rows, and are as accurate as these are independent; eigenvalues may be equal. A derivative of order m takes memory for
/// n^(m + 1) numbers. JAX has no derivative of this function, and no batches.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let x = linalg::funm(Array::from([[1.0f32, 0.0], [0.0, 4.0]]), |x| x.powi(3));
/// assert_eq!(x.real().to_vec::<f32>(), [1.0, 0.0, 0.0, 64.0]);
/// ```
///
/// # Panics
/// If the last two axes are not square, or `f` changes the shape.
#[track_caller]
pub fn funm(a: impl ArrayLike, f: impl Fn(&Array) -> Array) -> Array {
    funm_with_error(a, f).0
}

/// Like [`funm`], and returns an estimate of the relative error as well, between the precision of the dtype and one.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let (_, error) = linalg::funm_with_error(Array::from([[1.0f32, 0.0], [0.0, 4.0]]), |x| x.exp());
/// assert!(error.item::<f32>() < 1e-6);
/// ```
///
/// # Panics
/// If the last two axes are not square, or `f` changes the shape.
#[track_caller]
pub fn funm_with_error(a: impl ArrayLike, f: impl Fn(&Array) -> Array) -> (Array, Array) {
    let a = as_complex(&square("funm", a));
    let both = as_library(&[a], |a| {
        let eigenvalues = Aval::new(a[0].dtype(), &a[0].shape()[..a[0].ndim() - 1]);
        let fitted = |x: &Array| f(x).astype(x.dtype()).broadcast_to(x.shape());
        let (f, captures) = Closure::of(&eigenvalues, "inside a function of a matrix", fitted);
        let (value, error) = differentiable(&Arc::new(f), &captures, &a[0]);
        vec![value, error]
    });
    let [value, error] = <[Array; 2]>::try_from(both).unwrap_or_else(|_| unreachable!("two results"));
    (value, error)
}

/// A function of complex matrices and an estimate of its error. The estimate has no derivative.
fn differentiable(f: &Arc<Closure>, captures: &[Array], a: &Array) -> (Array, Array) {
    let (of_value, of_slope) = (f.clone(), f.clone());
    let value =
        move |captures: &Vec<Array>, a: &Array| precise(|| function(a, &|x: &Array| of_value.call(captures, x)));
    let call = custom_jvp(value).defjvp(move |(captures, a), (moving, t)| {
        let (value, error) = differentiable(&of_slope, captures, a);
        let none = np::zeros_like(&error);
        ((value, error), (divided_differences::slope(&of_slope, captures, a, (moving, t)), none))
    });
    call(&captures.to_vec(), a)
}

fn as_complex(a: &Array) -> Array {
    match working(a.dtype()) {
        DType::F32 => a.astype(DType::C64),
        DType::F64 => a.astype(DType::C128),
        _ => a.clone(),
    }
}

pub(super) fn precise<T>(f: impl FnOnce() -> T) -> T {
    default_matmul_precision(Precision::Highest, f)
}

/// Returns the Schur decomposition of complex matrices: an upper triangular T and a unitary Z with A = Z T Zᴴ.
#[track_caller]
fn triangular(a: &Array) -> (Array, Array) {
    let (t, z) = schur(a, true);
    (t, z.unwrap_or_else(|| unreachable!("the vectors are asked for")))
}

fn size(a: &Array) -> usize {
    a.shape()[a.ndim() - 1]
}

/// Returns the diagonal matrices with these diagonals.
fn with_diagonal(d: &Array) -> Array {
    let n = size(d);
    where_(diagonal_mask(n, n, 0), d.expand_dims(-1), np::zeros_as((), d.dtype()))
}

/// Completes upper triangular matrices, a column at a time from the left. `system` takes the index of a column, a mask
/// of the rows above the diagonal, and what is there so far. It returns the column of an upper triangular system and
/// its right-hand side; the part of the solution in these rows is the new column.
fn by_columns(start: Array, system: impl Fn(&Array, &Array, &Array) -> Array) -> Array {
    let n = size(&start);
    let column = iota(DType::I32, [n, n], 1);
    lax::fori_loop(
        0,
        n,
        |j: &Array, x: &Array| {
            let above = iota(DType::I32, [n], 0).less(j);
            let new = system(j, &above, x);
            let here = column.equal(j).logical_and(above.expand_dims(-1));
            where_(here, new.expand_dims(-1), x)
        },
        start,
    )
}

/// Returns column `j`.
fn column_of(x: &Array, j: &Array) -> Array {
    x.at((Ellipsis, j)).get()
}

/// Solves upper triangular systems for vectors. Only the rows and columns of `above` count.
fn solved(matrix: &Array, diagonal: &Array, rhs: &Array, above: &Array) -> Array {
    let n = size(matrix);
    let zero = np::zeros_as((), matrix.dtype());
    let inside = above.expand_dims(-1).logical_and(above.expand_dims(0));
    let outside = where_(above, diagonal, np::ones_as((), matrix.dtype()));
    let system = where_(diagonal_mask(n, n, 0), outside.expand_dims(-1), where_(inside, matrix, &zero));
    let rhs = where_(above, rhs, &zero).expand_dims(-1);
    let x = solve_triangular(system, rhs, Trans::No, false, false);
    x.reshape(diagonal.shape())
}

/// Returns the square root of complex matrices.
fn square_root(a: &Array) -> Array {
    if a.size() == 0 {
        return a.clone();
    }
    let (t, z) = triangular(a);
    let roots = linalg::diagonal(&t, 0).sqrt();
    // Column j above the diagonal, u, of the root U: (U + uⱼⱼ) u = t.
    let u = by_columns(with_diagonal(&roots), |j, above, u| {
        let sums = &roots + roots.at((Ellipsis, j)).get().expand_dims(-1);
        let singular = sums.equal(0.0);
        let column = solved(u, &where_(&singular, 1.0, &sums), &column_of(&t, j), above);
        where_(singular.logical_and(column.not_equal(0.0)).logical_and(above), np::NAN, column)
    });
    z.matmul(u).matmul(adjoint(&z))
}

/// Returns the solution Y of X Y + Y X = C, whose derivatives are those of the equation.
fn sylvester(x: &Array, c: &Array) -> Array {
    if x.size() == 0 {
        return c.clone();
    }
    let (u, z) = triangular(&x.stop_gradient());
    let back = adjoint(&z);
    let solve = |c: &Array| {
        let f = back.matmul(c).matmul(&z);
        let diagonal = linalg::diagonal(&u, 0);
        let n = size(&u);
        let (all, column) = (np::ones_as([n], DType::Bool), iota(DType::I32, [n, n], 1));
        // Column j of Y: (U + uⱼⱼ) y = f − Σ u y, over the columns before it.
        let y = lax::fori_loop(
            0,
            n,
            |j: &Array, y: &Array| {
                let before = where_(iota(DType::I32, [n], 0).less(j), column_of(&u, j), np::zeros_as((), u.dtype()));
                let sums = &diagonal + diagonal.at((Ellipsis, j)).get().expand_dims(-1);
                let new = solved(&u, &sums, &(column_of(&f, j) - np::matvec(y, before)), &all);
                where_(column.equal(j), new.expand_dims(-1), y)
            },
            np::zeros_like(&f),
        );
        z.matmul(y).matmul(&back)
    };
    let transposed = |c: &Array| solve(&c.moveaxis(-1, -2)).moveaxis(-1, -2);
    lax::custom_linear_solve(|y: &Array| x.matmul(y) + y.matmul(x), |_, c| solve(c))
        .transpose_solve(|_, c| transposed(c))
        .solve(c)
}

/// Returns a function of complex matrices, and an estimate of its error.
fn function(a: &Array, f: &impl Fn(&Array) -> Array) -> (Array, Array) {
    let real = a.dtype().real();
    let batch = &a.shape()[..a.ndim() - 2];
    if a.size() == 0 {
        return (a.clone(), np::zeros_as(batch, real));
    }
    let (t, z) = triangular(a);
    let eigenvalues = linalg::diagonal(&t, 0);
    let values = f(&eigenvalues);
    // Column j above the diagonal, v, of the result F, which commutes with T: (T − tⱼⱼ) v = F t − fⱼⱼ t.
    let value = by_columns(with_diagonal(&values), |j, above, value| {
        let at = |x: &Array| x.at((Ellipsis, j)).get().expand_dims(-1);
        let differences = &eigenvalues - at(&eigenvalues);
        let pivots = where_(differences.equal(0.0), -1.0, differences);
        let column = where_(above, column_of(&t, j), np::zeros_as((), t.dtype()));
        let rhs = np::matvec(value, &column) - at(&values) * &column;
        solved(&t, &pivots, &rhs, above)
    });
    let value = z.matmul(value).matmul(adjoint(&z));
    let epsilon = 2f64.powi(-real.mantissa_bits());
    let n = size(a);
    let distances = (eigenvalues.expand_dims(-1) - eigenvalues.expand_dims(-2)).abs();
    let apart = where_(diagonal_mask(n, n, 0), np::INF, distances).min_axis((-2, -1));
    let least = apart.minimum(t.at((Ellipsis, 0, 0)).get().abs());
    let least = where_(least.equal(0.0), epsilon, least);
    let growth = linalg::matrix_norm_with(np::triu_k(&t, 1), 1, false);
    let error = np::clip(growth * epsilon / least, epsilon, 1.0);
    let infinite = np::isinf(&value).any_axis((-2, -1));
    (value, where_(infinite, np::INF, error))
}
