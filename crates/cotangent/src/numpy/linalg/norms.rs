//! Norms of vectors and matrices.

use crate::api::program::as_one;
use crate::array::aval::Shape;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::lax::linalg::{SvdOptions, library1, singular_values};
use crate::methods::axes::Axes;
use crate::methods::reductions::{count, require_elements};

use super::super::logic::smooth_but_at_zero;

/// The order of a norm. Numbers convert: `1`, `2`, `3.5`, `-1`, `np::INF`, `-np::INF`.
///
/// | order | of a vector | of a matrix |
/// |---|---|---|
/// | `P(inf)` | max \|x\| | the greatest sum of \|x\| in a row |
/// | `P(-inf)` | min \|x\| | the least sum of \|x\| in a row |
/// | `P(0)` | the number of elements that are not zero | |
/// | `P(1)` | Σ \|x\| | the greatest sum of \|x\| in a column |
/// | `P(-1)` | (Σ \|x\|⁻¹)⁻¹ | the least sum of \|x\| in a column |
/// | `P(2)` | √Σ \|x\|² | the greatest singular value |
/// | `P(-2)` | (Σ \|x\|⁻²)^(−1/2) | the least singular value |
/// | `P(p)` | (Σ \|x\|ᵖ)^(1/p) | |
/// | `Frobenius` | | √Σ \|x\|² |
/// | `Nuclear` | | the sum of the singular values |
///
/// ```
/// use cotangent::numpy::{self as np, linalg::NormOrder};
/// assert_eq!(NormOrder::from(2), NormOrder::P(2.0));
/// assert_eq!(NormOrder::from(np::INF), NormOrder::P(f64::INFINITY));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NormOrder {
    /// The order is a number.
    P(f64),
    /// The root of the sum of squares of a matrix: NumPy's `"fro"`.
    Frobenius,
    /// The sum of the singular values: NumPy's `"nuc"`.
    Nuclear,
}

impl From<i32> for NormOrder {
    fn from(p: i32) -> NormOrder {
        NormOrder::P(f64::from(p))
    }
}

impl From<f64> for NormOrder {
    fn from(p: f64) -> NormOrder {
        NormOrder::P(p)
    }
}

/// Returns the square root of the sum of squares of all elements.
///
/// The derivative at zero, where the norm has a kink, is zero. JAX returns NaN there.
///
/// ```
/// use cotangent::{numpy as np, prelude::*};
/// let x = Array::from([[3.0f32, 0.0], [0.0, 4.0]]);
/// assert_eq!(np::linalg::norm(&x).item::<f32>(), 5.0);
/// assert_eq!(grad(|x: &Array| np::linalg::norm(x))(&np::zeros(2)).to_vec::<f32>(), [0.0, 0.0]);
/// ```
#[track_caller]
pub fn norm(x: impl ArrayLike) -> Array {
    euclidean(&x.to_array(), (), false)
}

/// Like [`norm`], but over one axis of vectors or two axes of matrices, which are removed from the result.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[3.0f32, 4.0], [0.0, 2.0]]);
/// assert_eq!(np::linalg::norm_axis(&x, 1).to_vec::<f32>(), [5.0, 2.0]);
/// ```
///
/// # Panics
/// If there are more than two axes, or one is out of bounds.
#[track_caller]
pub fn norm_axis(x: impl ArrayLike, axes: impl Axes) -> Array {
    default_order(x.to_array(), axes, false)
}

/// Like [`norm_axis`], but the axes remain with size one.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[3.0f32, 4.0], [0.0, 2.0]]);
/// assert_eq!(np::linalg::norm_keepdims(&x, 1).shape(), [2, 1]);
/// ```
///
/// # Panics
/// If there are more than two axes, or one is out of bounds.
#[track_caller]
pub fn norm_keepdims(x: impl ArrayLike, axes: impl Axes) -> Array {
    default_order(x.to_array(), axes, true)
}

#[track_caller]
fn default_order(x: Array, axes: impl Axes, keepdims: bool) -> Array {
    let axes = axes.in_order(x.ndim()).or_raise();
    if !matches!(axes.len(), 1 | 2) {
        wrong_axes(&axes);
    }
    euclidean(&x, &axes, keepdims)
}

/// Returns the norm of the given order of the vectors along one axis, or of the matrices along two: those of the rows
/// first, then those of the columns. `()` stands for all axes of a vector or a matrix.
///
/// Where singular values are needed, they come from [`singular_values`], and so does the derivative.
///
/// ```
/// use cotangent::{Array, numpy::{self as np, linalg::{NormOrder, norm_with}}};
/// let x = Array::from([[1.0f32, -2.0], [3.0, 4.0]]);
/// assert_eq!(norm_with(&x, 1, (), false).item::<f32>(), 6.0);
/// assert_eq!(norm_with(&x, np::INF, (0, 1), false).item::<f32>(), 7.0);
/// assert_eq!(norm_with(&x, -np::INF, 0, true).to_vec::<f32>(), [1.0, 2.0]);
/// assert_eq!(norm_with(&x, NormOrder::Frobenius, (), false).item::<f32>(), 30.0f32.sqrt());
/// ```
///
/// # Panics
/// If there are more than two axes, a vector or a matrix has no norm of this order, or a least element is asked of none.
#[track_caller]
pub fn norm_with(x: impl ArrayLike, order: impl Into<NormOrder>, axes: impl Axes, keepdims: bool) -> Array {
    let (x, order) = (x.to_array(), order.into());
    // `()` lists the axes from the last to the first, but the rows of a matrix come first.
    let all = axes.is_all();
    let mut axes = axes.in_order(x.ndim()).or_raise();
    if all {
        axes.sort_unstable();
    }
    match axes[..] {
        [_] => vector_norm_with(x, order, axes, keepdims),
        [row, column] => of_matrices(&x, order, [row, column], keepdims),
        _ => wrong_axes(&axes),
    }
}

/// Returns the Frobenius norm of the matrices in the last two axes.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[3.0f32, 0.0], [0.0, 4.0]]);
/// assert_eq!(np::linalg::matrix_norm(&x).item::<f32>(), 5.0);
/// ```
///
/// # Panics
/// If `x` has fewer than two dimensions.
#[track_caller]
pub fn matrix_norm(x: impl ArrayLike) -> Array {
    matrix_norm_with(x, NormOrder::Frobenius, false)
}

/// Returns the norm of the given order of the matrices in the last two axes.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1.0f32, -2.0], [3.0, 4.0]]);
/// assert_eq!(np::linalg::matrix_norm_with(&x, 1, false).item::<f32>(), 6.0);
/// ```
///
/// # Panics
/// If `x` has fewer than two dimensions, or a matrix has no norm of this order.
#[track_caller]
pub fn matrix_norm_with(x: impl ArrayLike, order: impl Into<NormOrder>, keepdims: bool) -> Array {
    norm_with(x, order, (-2, -1), keepdims)
}

/// Returns the square root of the sum of squares of all elements.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::linalg::vector_norm(Array::from([3.0f32, 4.0])).item::<f32>(), 5.0);
/// ```
#[track_caller]
pub fn vector_norm(x: impl ArrayLike) -> Array {
    norm(x)
}

/// Returns the norm of the given order of the elements along any number of axes, which are taken as one vector. `()`
/// stands for all axes.
///
/// Integers are converted to floats first, as in [`norm`] and in NumPy.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1.0f32, -2.0], [3.0, 4.0]]);
/// assert_eq!(np::linalg::vector_norm_with(&x, 1, (), false).item::<f32>(), 10.0);
/// assert_eq!(np::linalg::vector_norm_with(&x, 0, 0, true).to_vec::<f32>(), [2.0, 2.0]);
/// ```
///
/// # Panics
/// If the order is not a number, an axis is out of bounds, or a least element is asked of none.
#[track_caller]
pub fn vector_norm_with(x: impl ArrayLike, order: impl Into<NormOrder>, axes: impl Axes, keepdims: bool) -> Array {
    let x = x.to_array().to_inexact();
    let axes = axes.resolve(x.ndim()).or_raise();
    let p = match order.into() {
        NormOrder::P(p) => p,
        order => raise(
            Error::value(format!("norm: a vector has no norm of order {order:?}"))
                .help("of a vector, the order is a number; `Frobenius` and `Nuclear` are norms of matrices"),
        ),
    };
    if p == 2.0 {
        return euclidean(&x, axes, keepdims);
    }
    as_one(&[x], |x| {
        let x = &x[0];
        if p == f64::INFINITY {
            greatest(&x.abs(), &axes, keepdims)
        } else if p == f64::NEG_INFINITY {
            least(&x.abs(), &axes, keepdims)
        } else if p == 0.0 {
            sum(&x.not_equal(0.0).astype(x.dtype().real()), &axes, keepdims)
        } else if p == 1.0 {
            sum(&x.abs(), &axes, keepdims)
        } else {
            let powers = sum(&x.abs().pow(p), &axes, keepdims);
            // With a positive order, the sum is zero at zero only, which is a kink.
            if p > 0.0 { smooth_but_at_zero(&powers, |powers| powers.pow(1.0 / p)) } else { powers.pow(1.0 / p) }
        }
    })
}

#[track_caller]
fn wrong_axes(axes: &[usize]) -> ! {
    raise(
        Error::value(format!("norm: expected one axis of vectors or two axes of matrices, got {axes:?}"))
            .help("`norm(x)` and `vector_norm_with` take all elements of an array as one vector"),
    )
}

/// Returns the norm of matrices whose rows and columns are counted along these two axes.
#[track_caller]
fn of_matrices(x: &Array, order: NormOrder, [row, column]: [usize; 2], keepdims: bool) -> Array {
    let axes = [row, column];
    let p = match order {
        NormOrder::Frobenius => return euclidean(x, axes, keepdims),
        NormOrder::Nuclear => return of_singular_values(x, axes, keepdims, |s| s.sum_axis(-1)),
        NormOrder::P(p) => p,
    };
    let sums = |along: usize, extreme: fn(&Array, &[usize], bool) -> Array| {
        as_one(&[x.to_inexact()], |x| {
            let y = extreme(&sum(&x[0].abs(), &[along], true), &[row + column - along], true);
            if keepdims { y } else { y.reshape(without(&y, axes)) }
        })
    };
    if p.abs() == 1.0 {
        sums(row, if p > 0.0 { greatest } else { least })
    } else if p.is_infinite() {
        sums(column, if p > 0.0 { greatest } else { least })
    } else if p.abs() == 2.0 {
        let extreme = if p > 0.0 { greatest } else { least };
        of_singular_values(x, axes, keepdims, |s| extreme(s, &[s.ndim() - 1], false))
    } else {
        raise(
            Error::value(format!("norm: a matrix has no norm of order {p}"))
                .help("the orders are 1, −1, 2, −2, ±infinity, `NormOrder::Frobenius` and `NormOrder::Nuclear`"),
        )
    }
}

/// Returns a function of the singular values of matrices.
#[track_caller]
fn of_singular_values(x: &Array, axes: [usize; 2], keepdims: bool, f: impl Fn(&Array) -> Array) -> Array {
    library1(&[x.to_inexact()], |x| {
        let x = &x[0];
        let kept: Shape = x.shape().iter().enumerate().map(|(d, n)| if axes.contains(&d) { 1 } else { *n }).collect();
        let order: Vec<usize> = (0..x.ndim()).filter(|d| !axes.contains(d)).chain(axes).collect();
        let y = f(&singular_values(x.permute(&order), &SvdOptions::default()));
        if keepdims { y.reshape(kept) } else { y }
    })
}

fn without(x: &Array, axes: [usize; 2]) -> Shape {
    x.aval().shape.remove(&axes)
}

/// Returns the square root of the sum of squares along some axes.
#[track_caller]
fn euclidean(x: &Array, axes: impl Axes, keepdims: bool) -> Array {
    let axes = axes.resolve(x.ndim()).or_raise();
    as_one(&[x.to_inexact()], |x| {
        let x = &x[0];
        let squares = if x.dtype().is_complex() { x.real().square() + x.imag().square() } else { x.square() };
        smooth_but_at_zero(&sum(&squares, &axes, keepdims), Array::sqrt)
    })
}

fn sum(x: &Array, axes: &[usize], keepdims: bool) -> Array {
    if keepdims { x.sum_keepdims(axes) } else { x.sum_axis(axes) }
}

/// Returns the greatest of numbers that are not negative. The greatest of none is zero.
#[track_caller]
fn greatest(x: &Array, axes: &[usize], keepdims: bool) -> Array {
    if count(x, axes) == 0 {
        return sum(x, axes, keepdims);
    }
    if keepdims { x.max_keepdims(axes) } else { x.max_axis(axes) }
}

#[track_caller]
fn least(x: &Array, axes: &[usize], keepdims: bool) -> Array {
    require_elements("the least of the norm", x, axes);
    if keepdims { x.min_keepdims(axes) } else { x.min_axis(axes) }
}
