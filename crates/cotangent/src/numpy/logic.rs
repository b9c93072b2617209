//! Comparisons, truth values and choices by them.

use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::ops;
use crate::ops::compare::SelectN;
use crate::trace::frames::bind1;

/// `x` where the condition holds, `y` elsewhere; the three are broadcast together. A number holds when it is not
/// zero.
///
/// No derivative flows through the branch that is not taken, but a NaN slope there still makes 0 · NaN: guard the
/// operand itself, too, where the function has no value.
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
    // The cases have one shape, and the condition that shape or none.
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
    /// Where x = y.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::equal(1, 1).item::<bool>());
    /// ```
    equal;
    /// Where x ≠ y.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::not_equal(1, 2).item::<bool>());
    /// ```
    not_equal;
    /// Where x < y.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::less(1, 2).item::<bool>());
    /// ```
    less;
    /// Where x ≤ y.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::less_equal(2, 2).item::<bool>());
    /// ```
    less_equal;
    /// Where x > y.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::greater(2, 1).item::<bool>());
    /// ```
    greater;
    /// Where x ≥ y.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::greater_equal(2, 2).item::<bool>());
    /// ```
    greater_equal;
    /// Where both are true; a number is when it is not zero.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::logical_and(true, true).item::<bool>());
    /// ```
    logical_and;
    /// Where either is true; a number is when it is not zero.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::logical_or(true, false).item::<bool>());
    /// ```
    logical_or;
}

/// Where exactly one is true; a number is when it is not zero.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::logical_xor(true, false).item::<bool>());
/// ```
#[track_caller]
pub fn logical_xor(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    x.to_array().astype(DType::Bool) ^ y.to_array().astype(DType::Bool)
}

/// Where x is false; a number is when it is zero.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::logical_not(false).item::<bool>());
/// ```
#[track_caller]
pub fn logical_not(x: impl ArrayLike) -> Array {
    x.to_array().astype(DType::Bool).logical_not()
}

/// Where x is not a number; of complex numbers where a part is not.
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

/// Where x is neither infinite nor NaN; of complex numbers where no part is.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::isfinite(1.0).item::<bool>());
/// ```
#[track_caller]
pub fn isfinite(x: impl ArrayLike) -> Array {
    x.to_array().is_finite()
}

/// Where x is +∞ or −∞; of complex numbers where a part is.
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

/// An operand of a question that complex numbers have no answer to.
#[track_caller]
fn real(name: &str, x: impl ArrayLike) -> Array {
    let x = x.to_array();
    if x.dtype().is_complex() {
        raise(
            Error::dtype(format!("{name}: complex numbers have no sign, got {}", x.aval()))
                .help("ask it of their parts: `.real()`, `.imag()`"),
        );
    }
    x
}

/// Where x is +∞.
///
/// # Panics
/// When x is complex.
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

/// Where x is −∞.
///
/// # Panics
/// When x is complex.
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

/// Where the sign bit is set: of negative numbers and of −0.
///
/// # Panics
/// When x is complex.
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

/// Where |x − y| ≤ 1e−8 + 1e−5 · |y|; equal infinities are close, NaN is close to nothing.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::isclose(1.0, 1.0000001).item::<bool>());
/// ```
#[track_caller]
pub fn isclose(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    isclose_with(x, y, 1e-5, 1e-8, false)
}

/// [`isclose`] with tolerances of one's own, and a choice of whether two NaNs are close.
///
/// ```
/// use cotangent::numpy as np;
/// assert!(np::isclose_with(1.0, 1.5, 0.0, 1.0, false).item::<bool>());
/// ```
#[track_caller]
pub fn isclose_with(x: impl ArrayLike, y: impl ArrayLike, rtol: f64, atol: f64, equal_nan: bool) -> Array {
    let [x, y] = ops::promoted([x.to_array(), y.to_array()]);
    if !x.dtype().is_inexact() {
        // f64 tells 32-bit integers apart.
        let (x, y) = (x.astype(DType::F64), y.astype(DType::F64));
        return (&x - &y).abs().less_equal(y.abs() * rtol + atol);
    }
    let near = (&x - &y).abs().less_equal(y.abs() * rtol + atol);
    let finite = isfinite(&x).logical_and(isfinite(&y));
    let close = near.logical_and(finite).logical_or(x.equal(&y));
    if equal_nan { close.logical_or(isnan(&x).logical_and(isnan(&y))) } else { close }
}

/// Whether all elements are close in the sense of [`isclose`].
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

/// Whether all elements are close in the sense of [`isclose_with`].
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

/// Whether both have the same shape and the same elements.
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

/// Whether both can be broadcast to one shape and have the same elements there.
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

/// The shape that the given shapes broadcast to.
///
/// # Panics
/// When they do not.
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
