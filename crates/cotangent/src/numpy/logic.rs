//! Comparisons, boolean operations, and selection by conditions.

use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::ops;
use crate::ops::compare::SelectN;
use crate::trace::frames::bind1;

/// Returns `x` where the condition is true, and `y` elsewhere. The three operands are broadcast together. A condition
/// that is a number is true where it is nonzero.
///
/// No derivative flows through the branch that is not selected. However, if the derivative of that branch is NaN, the
/// result is NaN as well, because 0 · NaN is NaN. Where a function is undefined, replace its operand, too.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([-1.0f32, 4.0]);
/// assert_eq!(np::where_(x.greater(0), &x, 0.0).to_vec::<f32>(), [0.0, 4.0]);
/// ```
#[track_caller]
pub fn where_(condition: impl ArrayLike, x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let condition = condition.to_array().astype(DType::Bool);
    let [x, y] = ops::promoted([x.to_array(), y.to_array()]);
    let [condition, x, y] = ops::broadcast([condition, x, y]);
    // Both cases must have the same shape. The condition has that shape or is a scalar.
    let rank = [&condition, &x, &y].iter().map(|a| a.ndim()).max().unwrap_or(0);
    let shape = [&condition, &x, &y].into_iter().find(|a| a.ndim() == rank).map_or(&[][..], |a| a.shape()).to_vec();
    let fit = |a: &Array| if a.ndim() == shape.len() { a.clone() } else { a.broadcast_to(&shape[..]) };
    let condition = if condition.ndim() == 0 { condition } else { fit(&condition) };
    bind1(SelectN, &[&condition, &fit(&y), &fit(&x)])
}

macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl ArrayLike, y: impl ArrayLike) -> Array {
            x.to_array().$name(y)
        }
    )* };
}

comparisons! {
    /// Returns whether x = y, elementwise.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::equal(1, 1).item::<bool>());
    /// ```
    equal;
    /// Returns whether x ≠ y, elementwise.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::not_equal(1, 2).item::<bool>());
    /// ```
    not_equal;
    /// Returns whether x < y, elementwise.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::less(1, 2).item::<bool>());
    /// ```
    less;
    /// Returns whether x ≤ y, elementwise.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::less_equal(2, 2).item::<bool>());
    /// ```
    less_equal;
    /// Returns whether x > y, elementwise.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::greater(2, 1).item::<bool>());
    /// ```
    greater;
    /// Returns whether x ≥ y, elementwise.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::greater_equal(2, 2).item::<bool>());
    /// ```
    greater_equal;
    /// Returns whether both elements are true. A number is true if it is nonzero.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::logical_and(true, true).item::<bool>());
    /// ```
    logical_and;
    /// Returns whether at least one of both elements is true. A number is true if it is nonzero.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::logical_or(true, false).item::<bool>());
    /// ```
    logical_or;
}

/// Returns whether exactly one of both elements is true. A number is true if it is nonzero.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::logical_xor(true, false).item::<bool>());
/// ```
#[track_caller]
pub fn logical_xor(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    x.to_array().astype(DType::Bool) ^ y.to_array().astype(DType::Bool)
}

/// Returns whether each element is false. A number is false if it is zero.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::logical_not(false).item::<bool>());
/// ```
#[track_caller]
pub fn logical_not(x: impl ArrayLike) -> Array {
    x.to_array().astype(DType::Bool).logical_not()
}

/// Returns whether each element is NaN. A complex number is NaN if one of its parts is.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::isnan(np::NAN).item::<bool>());
/// ```
#[track_caller]
pub fn isnan(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    x.not_equal(&x)
}

/// Returns whether each element is finite, that is, neither infinite nor NaN. A complex number is finite if both parts
/// are.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::isfinite(1.0).item::<bool>());
/// ```
#[track_caller]
pub fn isfinite(x: impl ArrayLike) -> Array {
    x.to_array().is_finite()
}

/// Returns whether each element is infinite. A complex number is infinite if one of its parts is.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::isinf(-np::INF).item::<bool>());
/// ```
#[track_caller]
pub fn isinf(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    match x.dtype().kind() {
        Kind::Float => x.abs().equal(f64::INFINITY),
        Kind::Complex => isinf(x.real()).logical_or(isinf(x.imag())),
        _ => ops::zeros(x.shape(), DType::Bool),
    }
}

/// Converts the operand of a function of signs. Complex numbers have no sign and raise an error.
#[track_caller]
fn real(name: &str, x: impl ArrayLike) -> Array {
    let x = x.to_array();
    if x.dtype().is_complex() {
        raise(
            Error::dtype(format!("{name}: expected real numbers, got {}", x.aval()))
                .help("complex numbers have no sign: test `.real()` or `.imag()`"),
        );
    }
    x
}

/// Returns whether each element is +∞.
///
/// # Panics
/// If x is complex.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::isposinf(np::INF).item::<bool>());
/// ```
#[track_caller]
pub fn isposinf(x: impl ArrayLike) -> Array {
    let x = real("isposinf", x);
    if x.dtype().is_float() { x.equal(f64::INFINITY) } else { ops::zeros(x.shape(), DType::Bool) }
}

/// Returns whether each element is −∞.
///
/// # Panics
/// If x is complex.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::isneginf(-np::INF).item::<bool>());
/// ```
#[track_caller]
pub fn isneginf(x: impl ArrayLike) -> Array {
    let x = real("isneginf", x);
    if x.dtype().is_float() { x.equal(f64::NEG_INFINITY) } else { ops::zeros(x.shape(), DType::Bool) }
}

/// Returns whether the sign bit of each element is set. It is set in negative numbers and in −0.
///
/// # Panics
/// If x is complex.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::signbit(-1.0).item::<bool>());
/// ```
#[track_caller]
pub fn signbit(x: impl ArrayLike) -> Array {
    let x = real("signbit", x);
    match x.dtype().kind() {
        Kind::Float => {
            let words = x.dtype().unsigned();
            let sign = Array::literal(Literal::new(words, Scalar::Uint(1 << (words.bits() - 1))));
            x.bitcast(words).greater_equal(sign)
        }
        Kind::Int => x.less(0),
        _ => ops::zeros(x.shape(), DType::Bool),
    }
}

/// Returns whether |x − y| ≤ 1e−8 + 1e−5 · |y|, elementwise. Equal infinities are close. NaN is not close to anything.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::isclose(1.0, 1.0000001).item::<bool>());
/// ```
#[track_caller]
pub fn isclose(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    isclose_with(x, y, 1e-5, 1e-8, false)
}

/// [`isclose`] with options: the relative and the absolute tolerance, and whether two NaNs are close.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::isclose_with(1.0, 1.5, 0.0, 1.0, false).item::<bool>());
/// ```
#[track_caller]
pub fn isclose_with(x: impl ArrayLike, y: impl ArrayLike, rtol: f64, atol: f64, equal_nan: bool) -> Array {
    let operands = [x.to_array(), y.to_array()];
    let operands = ops::widened(&operands).map_or(operands, |(wider, _)| wider);
    let [x, y] = ops::promoted(operands);
    if !x.dtype().is_inexact() {
        // `f64` represents all 32-bit integers exactly.
        let (x, y) = (x.astype(DType::F64), y.astype(DType::F64));
        return (&x - &y).abs().less_equal(y.abs() * rtol + atol);
    }
    let near = (&x - &y).abs().less_equal(y.abs() * rtol + atol);
    let finite = isfinite(&x).logical_and(isfinite(&y));
    let close = near.logical_and(finite).logical_or(x.equal(&y));
    if equal_nan { close.logical_or(isnan(&x).logical_and(isnan(&y))) } else { close }
}

/// Returns whether all elements are close, as defined by [`isclose`].
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([1.0f32, 2.0]);
/// assert!(np::allclose(&x, &x).item::<bool>());
/// ```
#[track_caller]
pub fn allclose(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    isclose(x, y).all()
}

/// Returns whether all elements are close, as defined by [`isclose_with`].
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([1.0f32, 2.0]);
/// assert!(np::allclose_with(&x, 1.5, 0.0, 1.0, false).item::<bool>());
/// ```
#[track_caller]
pub fn allclose_with(x: impl ArrayLike, y: impl ArrayLike, rtol: f64, atol: f64, equal_nan: bool) -> Array {
    isclose_with(x, y, rtol, atol, equal_nan).all()
}

/// Returns whether two arrays have the same shape and the same elements.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert!(np::array_equal(Array::from([1, 2]), Array::from([1, 2])).item::<bool>());
/// ```
#[track_caller]
pub fn array_equal(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let (x, y) = (x.to_array(), y.to_array());
    if x.shape() == y.shape() { x.equal(y).all() } else { Array::scalar(false) }
}

/// Returns whether two arrays can be broadcast to one shape and then have the same elements.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert!(np::array_equiv(Array::from([1, 1]), 1).item::<bool>());
/// ```
#[track_caller]
pub fn array_equiv(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let (x, y) = (x.to_array(), y.to_array());
    match crate::array::aval::broadcast_shapes(x.shape(), y.shape()) {
        Ok(_) => x.equal(y).all(),
        Err(_) => Array::scalar(false),
    }
}

/// Returns `f(x)` for a root `f`, with the derivative zero at zero. The derivative of the root is infinite there, and
/// times the derivative of what it is taken of, which is zero, it would be NaN.
#[track_caller]
pub(super) fn smooth_but_at_zero(x: &Array, f: impl Fn(&Array) -> Array) -> Array {
    let zero = x.equal(0.0);
    where_(&zero, 0.0, f(&where_(&zero, 1.0, x)))
}

/// Returns the shape that the given shapes broadcast to.
///
/// # Panics
/// If the shapes do not broadcast.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(&*np::broadcast_shapes([2, 1], [3]), [2, 3]);
/// ```
#[track_caller]
#[must_use]
pub fn broadcast_shapes(
    a: impl crate::array::aval::IntoShape,
    b: impl crate::array::aval::IntoShape,
) -> crate::array::aval::Shape {
    crate::array::aval::broadcast_shapes(&a.into_shape(), &b.into_shape()).or_raise()
}
