//! Matrices with a structure, made of vectors: Toeplitz, Hankel, companion matrices and others.

use crate::api::program::as_one;
use crate::array::aval::broadcast_shapes;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike, Arrays};
use crate::error::{Error, raise};
use crate::numpy::{arange, atleast_1d, atleast_2d, concatenate, diagonal_mask, flip, ones_as, pad, where_};
use crate::ops::{in_one_dtype, zeros};

/// Returns the block diagonal matrix of some matrices. A vector is a row, and a scalar a matrix of one element.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let x = linalg::block_diag([Array::from([[1, 2]]), Array::from([[3], [4]])]);
/// assert_eq!(x.to_vec::<i32>(), [1, 2, 0, 0, 0, 3, 0, 0, 4]);
/// ```
///
/// # Panics
/// If an array has more than two dimensions.
#[track_caller]
pub fn block_diag(arrays: impl Arrays) -> Array {
    let arrays = arrays.to_arrays();
    if arrays.is_empty() {
        return zeros([1, 0], DType::F32);
    }
    if let Some(x) = arrays.iter().find(|x| x.ndim() > 2) {
        raise(Error::shape(format!("block_diag: expected matrices, got {}", x.aval())));
    }
    as_one(&arrays, |arrays| {
        let blocks: Vec<Array> = arrays.iter().map(atleast_2d).collect();
        let columns: usize = blocks.iter().map(|x| x.shape()[1]).sum();
        let mut before = 0;
        let rows = blocks.iter().map(|x| {
            let own = x.shape()[1];
            let widths = [(0, 0), (before, columns - before - own)];
            before += own;
            pad(x, &widths, 0)
        });
        concatenate(rows.collect::<Vec<_>>(), 0)
    })
}

/// Returns the matrices with element i + j of a vector in row i and column j. The last axis has at least
/// `rows + columns − 1` elements.
///
/// A row longer by one element than the vector begins one element further in it. So the matrix is the vector, repeated,
/// with the end of each row cut off: only moves of data, whose derivative is a sum.
fn sliding(x: &Array, rows: usize, columns: usize) -> Array {
    let batch = &x.shape()[..x.ndim() - 1];
    let shape = |matrix: &[usize]| batch.iter().chain(matrix).copied().collect::<Vec<usize>>();
    if rows == 0 || columns == 0 {
        return zeros(shape(&[rows, columns]), x.dtype());
    }
    let n = rows + columns - 1;
    let axis = batch.len();
    let repeated = x.slice_axis(axis, 0, n).expand_dims(-2).broadcast_to(shape(&[rows + 1, n]));
    let flat = repeated.reshape(shape(&[(rows + 1) * n])).slice_axis(axis, 0, rows * (n + 1));
    flat.reshape(shape(&[rows, n + 1])).slice_axis(axis + 1, 0, columns)
}

/// Returns two batches of vectors in one dtype, with the same leading axes.
#[track_caller]
fn alike(what: &str, x: Array, y: Array) -> [Array; 2] {
    let [x, y] = in_one_dtype([x, y]);
    let batch = |x: &Array| x.shape()[..x.ndim() - 1].to_vec();
    let Ok(shape) = broadcast_shapes(&batch(&x), &batch(&y)) else {
        raise(Error::shape(format!("{what}: the leading axes of {} and {} do not broadcast", x.aval(), y.aval())));
    };
    let full = |x: &Array| {
        let last = x.shape()[x.ndim() - 1];
        x.broadcast_to(shape.iter().copied().chain([last]).collect::<Vec<usize>>())
    };
    [full(&x), full(&y)]
}

#[track_caller]
fn vector(what: &str, x: impl ArrayLike) -> Array {
    let x = x.to_array();
    if x.ndim() == 0 {
        raise(Error::shape(format!("{what}: expected a vector, got {}", x.aval())));
    }
    x
}

fn without_first(x: &Array) -> Array {
    let last = x.ndim() - 1;
    let n = x.shape()[last];
    x.slice_axis(last, n.min(1), n)
}

/// Returns the Toeplitz matrix with the first column `c`, in which each diagonal is constant. The first row is the
/// conjugate of `c`. Leading axes are batch axes.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// assert_eq!(linalg::toeplitz(Array::from([1, 2, 3])).to_vec::<i32>(), [1, 2, 3, 2, 1, 2, 3, 2, 1]);
/// ```
#[track_caller]
pub fn toeplitz(c: impl ArrayLike) -> Array {
    let c = c.to_array();
    let r = if c.dtype().is_complex() { c.conj() } else { c.clone() };
    toeplitz_with(c, r)
}

/// Returns the Toeplitz matrix with the first column `c` and the first row `r`, whose first element is not used.
/// Leading axes are batch axes and are broadcast.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let x = linalg::toeplitz_with(Array::from([1, 2]), Array::from([9, 3, 4]));
/// assert_eq!(x.to_vec::<i32>(), [1, 3, 4, 2, 1, 3]);
/// ```
///
/// # Panics
/// If the leading axes do not broadcast.
#[track_caller]
pub fn toeplitz_with(c: impl ArrayLike, r: impl ArrayLike) -> Array {
    let [c, r] = alike("toeplitz", atleast_1d(c), atleast_1d(r));
    let (rows, columns) = (c.shape()[c.ndim() - 1], r.shape()[r.ndim() - 1]);
    as_one(&[c, r], |x| {
        let elements = concatenate([flip(&x[0], -1), without_first(&x[1])], -1);
        flip(sliding(&elements, rows, columns), -2)
    })
}

/// Returns the square Hankel matrix with the first column `c`, in which each antidiagonal is constant, and zeros below
/// the main antidiagonal. Leading axes are batch axes.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// assert_eq!(linalg::hankel(Array::from([1, 2, 3])).to_vec::<i32>(), [1, 2, 3, 2, 3, 0, 3, 0, 0]);
/// ```
///
/// # Panics
/// If `c` is a scalar.
#[track_caller]
pub fn hankel(c: impl ArrayLike) -> Array {
    let c = vector("hankel", c);
    let r = zeros(c.shape(), c.dtype());
    hankel_with(c, r)
}

/// Returns the Hankel matrix with the first column `c` and the last row `r`, whose first element is not used. Leading
/// axes are batch axes and are broadcast.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let x = linalg::hankel_with(Array::from([1, 2]), Array::from([9, 3, 4]));
/// assert_eq!(x.to_vec::<i32>(), [1, 2, 3, 2, 3, 4]);
/// ```
///
/// # Panics
/// If an operand is a scalar, or the leading axes do not broadcast.
#[track_caller]
pub fn hankel_with(c: impl ArrayLike, r: impl ArrayLike) -> Array {
    let [c, r] = alike("hankel", vector("hankel", c), vector("hankel", r));
    let (rows, columns) = (c.shape()[c.ndim() - 1], r.shape()[r.ndim() - 1]);
    as_one(&[c, r], |x| sliding(&concatenate([x[0].clone(), without_first(&x[1])], -1), rows, columns))
}

/// Returns the circulant matrix with the first column `c`: each column is the one before it, rotated by one. Leading
/// axes are batch axes.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// assert_eq!(linalg::circulant(Array::from([1, 2, 3])).to_vec::<i32>(), [1, 3, 2, 2, 1, 3, 3, 2, 1]);
/// ```
#[track_caller]
pub fn circulant(c: impl ArrayLike) -> Array {
    let c = atleast_1d(c);
    let n = c.shape()[c.ndim() - 1];
    as_one(&[c], |c| {
        let backward = flip(&c[0], -1);
        // Rotated by one, the reversed vector begins with the last element of the first row.
        flip(sliding(&concatenate([&backward, &backward], -1), n, n), -2)
    })
}

/// Returns the Leslie matrix of a population: the fecundities `f` in the first row and the survivals `s` below the main
/// diagonal. Leading axes are batch axes and are broadcast.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let x = linalg::leslie(Array::from([1.0f32, 2.0]), Array::from([0.5f32]));
/// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0, 0.5, 0.0]);
/// ```
///
/// # Panics
/// If `f` has fewer than two elements, or `s` is not shorter by one.
#[track_caller]
pub fn leslie(f: impl ArrayLike, s: impl ArrayLike) -> Array {
    let [f, s] = alike("leslie", atleast_1d(f), atleast_1d(s));
    let (n, m) = (f.shape()[f.ndim() - 1], s.shape()[s.ndim() - 1]);
    if n < 2 || m + 1 != n {
        raise(Error::shape(format!(
            "leslie: expected two or more fecundities and one survival less, got {} and {}",
            f.aval(),
            s.aval()
        )));
    }
    as_one(&[f, s], |x| first_row_over_subdiagonal(&x[0], &x[1]))
}

/// Returns the square matrix with a first row, a diagonal below the main one, and zeros elsewhere.
fn first_row_over_subdiagonal(row: &Array, below: &Array) -> Array {
    let last = row.ndim() - 1;
    let n = row.shape()[last];
    let mut widths = vec![(0, 0); below.ndim()];
    widths[below.ndim() - 1] = (1, 0);
    let columns = pad(below, &widths, 0).expand_dims(-1);
    let first = arange(n).equal(0).expand_dims(-1);
    let rest = where_(diagonal_mask(n, n, -1), columns, zeros((), row.dtype()));
    where_(first, row.expand_dims(-2), rest)
}

/// Returns the companion matrix of the polynomial whose coefficients are `a`, from the highest power down. Its
/// eigenvalues are the roots. Leading axes are batch axes.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let x = linalg::companion(Array::from([2.0f32, 4.0, -6.0]));
/// assert_eq!(x.to_vec::<f32>(), [-2.0, 3.0, 1.0, 0.0]);
/// ```
///
/// # Panics
/// If there are fewer than two coefficients.
#[track_caller]
pub fn companion(a: impl ArrayLike) -> Array {
    let a = atleast_1d(a).to_inexact();
    let last = a.ndim() - 1;
    let n = a.shape()[last];
    if n < 2 {
        raise(Error::shape(format!("companion: expected two or more coefficients, got {}", a.aval())));
    }
    as_one(&[a], |a| {
        let row = -(without_first(&a[0]) / a[0].slice_axis(last, 0, 1));
        first_row_over_subdiagonal(&row, &ones_as([n - 2], row.dtype()))
    })
}

/// Returns the Fiedler matrix, with \|aᵢ − aⱼ\| in row i and column j. Leading axes are batch axes.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// assert_eq!(linalg::fiedler(Array::from([1, 4])).to_vec::<i32>(), [0, 3, 3, 0]);
/// ```
#[track_caller]
pub fn fiedler(a: impl ArrayLike) -> Array {
    as_one(&[atleast_1d(a)], |a| (a[0].expand_dims(-1) - a[0].expand_dims(-2)).abs())
}

/// Returns the Fiedler companion matrix of the polynomial whose coefficients are `a`, from the highest power down: a
/// matrix of five diagonals whose eigenvalues are the roots. Leading axes are batch axes.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let x = linalg::fiedler_companion(Array::from([1.0f32, -6.0, 11.0, -6.0]));
/// assert_eq!(x.to_vec::<f32>(), [6.0, -11.0, 1.0, 1.0, 0.0, 0.0, 0.0, 6.0, 0.0]);
/// ```
///
/// # Panics
/// If there are no coefficients.
#[track_caller]
pub fn fiedler_companion(a: impl ArrayLike) -> Array {
    let a = atleast_1d(a).to_inexact();
    let last = a.ndim() - 1;
    if a.shape()[last] == 0 {
        raise(Error::shape(format!("fiedler_companion: expected coefficients, got {}", a.aval())));
    }
    let n = a.shape()[last] - 1;
    if n == 0 {
        return zeros(a.shape()[..last].iter().copied().chain([0, 0]).collect::<Vec<usize>>(), a.dtype());
    }
    as_one(&[a], |a| {
        let monic = without_first(&a[0]) / a[0].slice_axis(last, 0, 1);
        let rows = |x: Array| (-x).expand_dims(-1);
        // Row i has coefficient i + 1 below the main diagonal, and coefficient i + 2 above it.
        let mut widths = vec![(0, 0); last + 1];
        widths[last] = (0, 1);
        let below = rows(monic.clone());
        let above = rows(pad(without_first(&monic), &widths, 0));
        let row = arange(n).expand_dims(-1);
        let even = (&row % 2).equal(0);
        let on = |k: isize| diagonal_mask(n, n, k);
        let first = diagonal_mask(n, n, 0).logical_and(row.equal(0));
        let ones = on(2).logical_and(&even).logical_or(on(-2).logical_and(even.logical_not()));
        let ones = ones.logical_or(on(-1).logical_and(row.equal(1)));
        let lower = first.logical_or(on(-1).logical_and(&even));
        let fixed = ones.astype(monic.dtype());
        where_(lower, below, where_(on(1).logical_and(&even), above, fixed))
    })
}

/// The part of a convolution that [`convolution_matrix`] computes.
///
/// ```
/// use cotangent::scipy::linalg::ConvolutionMode;
/// assert_eq!(ConvolutionMode::default(), ConvolutionMode::Full);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConvolutionMode {
    /// All elements: m + n − 1 of them.
    #[default]
    Full,
    /// As many elements as the longer operand has, from the middle.
    Same,
    /// The elements for which the operands overlap completely.
    Valid,
}

/// Returns the matrix whose product with a vector of `n` elements is the convolution with `a`. Leading axes are batch
/// axes.
///
/// ```
/// use cotangent::{Array, scipy::linalg::{ConvolutionMode, convolution_matrix}};
/// let x = convolution_matrix(Array::from([1, 2]), 3, ConvolutionMode::Full);
/// assert_eq!(x.to_vec::<i32>(), [1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0, 2]);
/// ```
///
/// # Panics
/// If `n` is zero, or `a` is a scalar or empty.
#[track_caller]
pub fn convolution_matrix(a: impl ArrayLike, n: usize, mode: ConvolutionMode) -> Array {
    let a = vector("convolution_matrix", a);
    let last = a.ndim() - 1;
    let m = a.shape()[last];
    if n == 0 || m == 0 {
        raise(Error::shape(format!("convolution_matrix: {} and {n} columns make no matrix", a.aval())));
    }
    let length = m + n - 1;
    let trim = n.min(m) - 1;
    let (before, after) = match mode {
        ConvolutionMode::Full => (0, 0),
        ConvolutionMode::Same => (trim / 2, trim - trim / 2),
        ConvolutionMode::Valid => (trim, trim),
    };
    as_one(&[a], |a| {
        let mut widths = vec![(0, 0); last + 1];
        widths[last] = (0, n - 1);
        let column = pad(&a[0], &widths, 0).slice_axis(last, before, length - after);
        let row = pad(flip(&a[0], -1), &widths, 0).slice_axis(last, length - n - before, length - before);
        toeplitz_with(column, row)
    })
}
