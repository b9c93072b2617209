//! Elementwise functions of two operands, and functions that limit or replace elements.

use crate::api::custom::custom_jvp;
use crate::api::program::as_one;
use crate::array::dtype::{DType, Kind};
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::ops::binary::Div;
use crate::ops::pow::Pow;
use crate::ops::{self, bits};
use crate::trace::frames::bind1;

use super::logic::{isnan, where_};

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident |$x:ident, $y:ident| $body:expr;)*) => { $(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl ArrayLike, y: impl ArrayLike) -> Array {
            let ($x, $y) = (x.to_array(), y.to_array());
            $body
        }
    )* };
}

binary! {
    /// Returns x + y; for booleans, `or`.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::add(1, 2).item::<i32>(), 3);
    /// ```
    add |x, y| x + y;
    /// Returns x − y.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::subtract(1, 2).item::<i32>(), -1);
    /// ```
    subtract |x, y| x - y;
    /// Returns x · y; for booleans, `and`.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::multiply(2, 3).item::<i32>(), 6);
    /// ```
    multiply |x, y| x * y;
    /// Returns x / y. Integers are divided as floats.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::divide(1, 2).item::<f32>(), 0.5);
    /// ```
    divide |x, y| x / y;
    /// Returns x / y. Integers are divided as floats. The same as [`divide`].
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::true_divide(1, 2).item::<f32>(), 0.5);
    /// ```
    true_divide |x, y| x / y;
    /// Returns the greater of each pair of elements. If either is NaN, the result is NaN.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::maximum(1, 2).item::<i32>(), 2);
    /// ```
    maximum |x, y| x.maximum(y);
    /// Returns the lesser of each pair of elements. If either is NaN, the result is NaN.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::minimum(1, 2).item::<i32>(), 1);
    /// ```
    minimum |x, y| x.minimum(y);
    /// Returns the greater of each pair of elements. If one of them is NaN, the result is the other.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::fmax(np::NAN, 1.0).item::<f32>(), 1.0);
    /// ```
    fmax |x, y| where_(x.greater(&y).logical_or(isnan(&y)), &x, &y);
    /// Returns the lesser of each pair of elements. If one of them is NaN, the result is the other.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::fmin(np::NAN, 1.0).item::<f32>(), 1.0);
    /// ```
    fmin |x, y| where_(x.less(&y).logical_or(isnan(&y)), &x, &y);
    /// Returns the angle between the positive x-axis and the point (y, x). Note the order of the arguments: y comes
    /// first.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert!(np::arctan2(0.0, 1.0).item::<f64>().abs() < 1e-6);
    /// ```
    arctan2 |x, y| x.atan2(y);
    /// Returns the remainder of x / y, with the sign of the divisor.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::remainder(-7, 3).item::<i32>(), 2);
    /// ```
    remainder |x, y| super::arithmetic::divmod(x, y).1;
    /// Returns the remainder of x / y, with the sign of the divisor. The same as [`remainder`].
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::r#mod(-7, 3).item::<i32>(), 2);
    /// ```
    r#mod |x, y| super::arithmetic::divmod(x, y).1;
    /// Returns the largest integer that is not greater than x / y.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// assert_eq!(np::floor_divide(Array::from([7, -7]), 2).to_vec::<i32>(), [3, -4]);
    /// ```
    floor_divide |x, y| super::arithmetic::divmod(x, y).0;
}

/// Returns x · 2ⁿ for integers `n`, exactly. The result is right even if 2ⁿ alone overflows or underflows.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::ldexp(1.5, 2).item::<f32>(), 6.0);
/// assert_eq!(np::ldexp(1e-30, 200).item::<f32>(), 1e-30 * 2f32.powi(100) * 2f32.powi(100));
/// ```
///
/// # Panics
/// If `n` is not an array of integers, `x` is complex, or the shapes do not broadcast.
#[track_caller]
pub fn ldexp(x: impl ArrayLike, n: impl ArrayLike) -> Array {
    let (x, mut n) = (x.to_array().to_inexact(), n.to_array());
    if n.dtype() == DType::Bool {
        n = n.astype(DType::I32);
    }
    if !n.dtype().is_integer() || x.dtype().is_complex() {
        let what = format!("ldexp: expected real numbers and integers, got {} and {}", x.aval(), n.aval());
        raise(Error::dtype(what).help("convert the exponents with `.astype(DType::I32)`"));
    }
    as_one(&[x, n], |operands| {
        let [x, n] = operands else { unreachable!("two operands") };
        // 2^±end are normal numbers. Three such factors lead from the smallest number to infinity.
        let end = x.dtype().max_exponent() - 2;
        let wide = if n.dtype().bits() < 32 { &n.astype(DType::I32) } else { n };
        let above = if wide.dtype().kind() == Kind::Uint { wide } else { &wide.maximum(-3 * end) };
        let mut rest = above.minimum(3 * end).astype(DType::I32);
        let mut y = x.clone();
        for _ in 0..3 {
            let step = rest.maximum(-end).minimum(end);
            y *= ops::two_to(&step, x.dtype());
            rest -= step;
        }
        y
    })
}

/// Returns the remainder of x / y, with the sign of the dividend.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::fmod(-7, 3).item::<i32>(), -1);
/// ```
#[track_caller]
pub fn fmod(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let operands = [x.to_array(), y.to_array()];
    if let Some(([x, y], dtype)) = ops::widened_division(&operands) {
        return fmod(x, y).astype(dtype);
    }
    let [x, y] = ops::promoted_numbers(operands);
    bind1(ops::binary::Rem, &[&x, &nonzero(&y)])
}

/// Replaces integer divisors of zero by one, so that the remainder is zero.
#[track_caller]
fn nonzero(y: &Array) -> Array {
    if y.dtype().is_integer() { where_(y.equal(0), 1, y).astype(y.dtype()) } else { y.clone() }
}

/// Returns [`floor_divide`] and [`remainder`] at once. For integers, the remainder of a division by zero is zero.
///
/// ```
/// use cotangent::numpy as np;
/// let (quotient, remainder) = np::divmod(-7, 3);
/// assert_eq!((quotient.item::<i32>(), remainder.item::<i32>()), (-3, 2));
/// ```
#[track_caller]
pub fn divmod(x: impl ArrayLike, y: impl ArrayLike) -> (Array, Array) {
    let operands = [x.to_array(), y.to_array()];
    if let Some(([x, y], dtype)) = ops::widened_division(&operands) {
        let (quotient, remainder) = divmod(x, y);
        return (quotient.astype(dtype), remainder.astype(dtype));
    }
    let [x, y] = ops::promoted_numbers(operands);
    let remainder = bind1(ops::binary::Rem, &[&x, &nonzero(&y)]);
    let dtype = x.dtype();
    match dtype.kind() {
        Kind::Uint => (bind1(Div, &[&x, &y]), remainder),
        Kind::Int => {
            let quotient = bind1(Div, &[&x, &y]);
            // Division truncates. If the signs differ and there is a remainder, the floor is one less. As in JAX, this
            // includes division by zero.
            let rest = bind1(ops::binary::Rem, &[&x, &y]).not_equal(0);
            let floor = where_(x.sign().not_equal(y.sign()).logical_and(rest), &quotient - 1, &quotient);
            let below = remainder.not_equal(0).logical_and(remainder.less(0).not_equal(y.less(0)));
            (floor, where_(below, &remainder + &y, &remainder))
        }
        _ => {
            let quotient = where_(y.equal(0), &x, &x - &remainder) / &y;
            let (below, remainder) = ops::floored_remainder(&remainder, &y);
            let quotient = where_(&below, &quotient - 1.0, &quotient);
            // A quotient of zero has the sign of the operands' quotient.
            let zero = (x.sign() * y.sign()) * 0.0;
            (where_(quotient.equal(0), zero, quotient.round()), remainder)
        }
    }
}

/// Returns x to the power of y. Integers stay integers: a negative power of an integer is 1, −1 or 0. A Rust integer as
/// the exponent is a fixed power, computed by repeated multiplication.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::power(Array::from([2, 3]), 3).to_vec::<i32>(), [8, 27]);
/// assert_eq!(np::power(2.0, Array::from([0.5f32])).to_vec::<f32>(), [std::f32::consts::SQRT_2]);
/// ```
#[track_caller]
pub fn power(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let (x, y) = (x.to_array(), y.to_array());
    let fixed = !y.is_traced() && y.weak_type() && y.dtype().is_integer() && x.dtype() != DType::Bool;
    if let (true, Ok(y)) = (fixed, y.try_item::<i32>())
        && (y >= 0 || x.dtype().is_inexact())
    {
        return x.powi(y);
    }
    let [x, y] = ops::promoted_numbers([x, y]);
    if x.dtype().is_inexact() {
        return bind1(Pow, &[&x, &y]);
    }
    integer_power(x, y)
}

/// Computes powers of integers by repeated squaring, with one step for each bit of the exponent. Exponents of more than
/// six bits overflow for every base but zero, one and −1.
#[track_caller]
fn integer_power(x: Array, y: Array) -> Array {
    let empty = x.not_equal(0).logical_or(y.equal(0)).astype(x.dtype());
    let (mut base, mut rest) = (x, y);
    let mut result = where_((&rest & 1).equal(1), &base, &empty);
    for _ in 1..6 {
        rest = &rest >> 1;
        base = &base * &base;
        result = where_((&rest & 1).equal(1), &result * &base, &result);
    }
    result
}

/// Returns x to the power of y in floating point, in `f32` or a wider dtype.
///
/// ```
/// use cotangent::numpy as np;
/// assert!((np::float_power(2.0, 3.0).item::<f64>() - 8.0).abs() < 1e-5);
/// ```
#[track_caller]
pub fn float_power(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    x.to_array().pow(y)
}

/// Returns √(x² + y²), without overflow in between.
///
/// # Panics
/// If an operand is complex.
///
/// ```
/// use cotangent::numpy as np;
/// assert!((np::hypot(3.0, 4.0).item::<f64>() - 5.0).abs() < 1e-5);
/// ```
#[track_caller]
pub fn hypot(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let [x, y] = ops::inexact([x.to_array(), y.to_array()]);
    if x.dtype().is_complex() {
        raise(
            Error::dtype(format!("hypot: expected real numbers, got {}", x.aval()))
                .help("for the moduli of complex numbers, write `np::hypot(np::abs(x), np::abs(y))`"),
        );
    }
    let value = |x: &Array, y: &Array| {
        let (x, y) = (x.abs(), y.abs());
        let infinite = x.equal(f64::INFINITY).logical_or(y.equal(f64::INFINITY));
        let scale = ops::magnitude(&x.maximum(&y));
        let inverse = 1.0 / &scale;
        let squares = (x * &inverse).square() + (y * &inverse).square();
        let length = scale * squares.sqrt();
        where_(infinite, f64::INFINITY, length)
    };
    let rule = |(x, y): (&Array, &Array), (dx, dy): (&Array, &Array)| {
        let length = hypot(x, y);
        let zero = length.equal(0);
        let safe = where_(&zero, 1.0, &length);
        // At an infinity, the derivatives are their limits. At zero, no limits exist, and the derivatives are JAX's.
        let slope = |x: &Array| {
            let slope = where_(x.abs().equal(f64::INFINITY), x.sign(), x / &safe);
            where_(&zero, 0.5, slope)
        };
        let tangent = dx * slope(x) + dy * slope(y);
        (length, tangent)
    };
    as_one(&[x.to_inexact(), y.to_inexact()], |x| custom_jvp(value).defjvp(rule)(&x[0], &x[1]))
}

/// Returns the magnitude of x with the sign of y.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::copysign(2.0, -1.0).item::<f32>(), -2.0);
/// ```
#[track_caller]
pub fn copysign(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let [x, y] = ops::inexact([x.to_array(), y.to_array()]);
    let x = x.abs();
    where_(super::signbit(&y), -&x, &x)
}

/// Returns the Heaviside step function: 0 where x is negative, `value` where it is zero, 1 where it is positive.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::heaviside(0.0, 0.5).item::<f32>(), 0.5);
/// ```
#[track_caller]
pub fn heaviside(x: impl ArrayLike, value: impl ArrayLike) -> Array {
    let [x, value] = ops::inexact([x.to_array(), value.to_array()]);
    let step = where_(x.equal(0), &value, x.greater(0).astype(x.dtype()));
    where_(isnan(&x), &x, step)
}

/// Limits the elements of x to the interval from `lo` to `hi`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::clip(Array::from([-2.0f32, 0.5, 9.0]), 0.0, 1.0).to_vec::<f32>(), [0.0, 0.5, 1.0]);
/// ```
#[track_caller]
pub fn clip(x: impl ArrayLike, lo: impl ArrayLike, hi: impl ArrayLike) -> Array {
    x.to_array().maximum(lo).minimum(hi)
}

/// Replaces NaN by 0, and infinities by the greatest finite numbers. In complex numbers, each part is replaced
/// separately.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::nan_to_num(np::NAN).item::<f32>(), 0.0);
/// ```
#[track_caller]
pub fn nan_to_num(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    let most = greatest(x.dtype().real());
    nan_to_num_with(x, 0.0, most, -most)
}

/// Replaces NaN, +∞ and −∞ by the given numbers. In complex numbers, each part is replaced separately. Integers are
/// returned unchanged.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::nan_to_num_with(np::INF, 0.0, 9.0, -9.0).item::<f32>(), 9.0);
/// ```
#[track_caller]
pub fn nan_to_num_with(
    x: impl ArrayLike,
    nan: impl ArrayLike,
    posinf: impl ArrayLike,
    neginf: impl ArrayLike,
) -> Array {
    let x = x.to_array();
    let dtype = x.dtype();
    if dtype.is_complex() {
        let by = [nan.to_array(), posinf.to_array(), neginf.to_array()];
        let mended = |part: Array| nan_to_num_with(part, &by[0], &by[1], &by[2]);
        return mended(x.real()).complex(mended(x.imag()));
    }
    if !dtype.is_float() {
        return x;
    }
    let put = |x: &Array, at: Array, value: Array| where_(at, value.astype(dtype), x);
    let y = put(&x, isnan(&x), nan.to_array());
    let y = put(&y, super::isposinf(&x), posinf.to_array());
    put(&y, super::isneginf(&x), neginf.to_array())
}

/// Returns the greatest finite number of a float dtype.
fn greatest(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => half::f16::MAX.to_f64(),
        DType::BF16 => half::bf16::MAX.to_f64(),
        DType::F64 => f64::MAX,
        _ => f64::from(f32::MAX),
    }
}

/// Returns the next representable number after x toward y.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::nextafter(1.0, 2.0).item::<f32>(), 1.0 + f32::EPSILON);
/// ```
#[track_caller]
pub fn nextafter(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let [x, y] = ops::inexact([x.to_array(), y.to_array()]);
    bind1(ops::binary::NextAfter, &[&x, &y])
}

macro_rules! bits {
    ($($(#[$doc:meta])* $name:ident $op:tt;)*) => { $(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl ArrayLike, y: impl ArrayLike) -> Array {
            x.to_array() $op y.to_array()
        }
    )* };
}

bits! {
    /// Returns the bitwise `and` of the operands.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::bitwise_and(6, 3).item::<i32>(), 2);
    /// ```
    bitwise_and &;
    /// Returns the bitwise `or` of the operands.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::bitwise_or(6, 3).item::<i32>(), 7);
    /// ```
    bitwise_or |;
    /// Returns the bitwise exclusive `or` of the operands.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::bitwise_xor(6, 3).item::<i32>(), 5);
    /// ```
    bitwise_xor ^;
}

macro_rules! shifts {
    ($($(#[$doc:meta])* $name:ident $op:tt;)*) => { $(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl ArrayLike, y: impl ArrayLike) -> Array {
            let [x, y] = ops::promoted_numbers([x.to_array(), y.to_array()]);
            x $op y
        }
    )* };
}

shifts! {
    /// Shifts the bits of x to the left by y places.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::left_shift(1, 3).item::<i32>(), 8);
    /// ```
    left_shift <<;
    /// Shifts the bits of x to the right by y places. The sign is kept.
    ///
    /// ```
    /// use cotangent::numpy as np;
    /// assert_eq!(np::right_shift(-8, 1).item::<i32>(), -4);
    /// ```
    right_shift >>;
}

/// Inverts all bits.
///
/// ```
/// use cotangent::numpy as np;
/// assert_eq!(np::bitwise_not(5).item::<i32>(), -6);
/// ```
#[track_caller]
pub fn bitwise_not(x: impl ArrayLike) -> Array {
    bind1(bits::Not, &[&x.to_array()])
}
