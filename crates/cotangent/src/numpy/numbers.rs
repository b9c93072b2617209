//! Parts and properties of numbers, and what integers have in common.

use crate::api::custom::custom_jvp;
use crate::api::program::{as_library, as_one};
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax;
use crate::ops::{in_one_dtype, met};

use super::arithmetic::ldexp;
use super::logic::{isnan, where_};
use super::manipulation::ravel;

/// Returns the angle of complex numbers in the plane, in radians between −π and π. That of a real number is 0 or π.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let z = Array::from(0.0).complex(1.0);
/// assert_eq!(np::angle(z).item::<f32>(), std::f32::consts::FRAC_PI_2);
/// ```
#[track_caller]
pub fn angle(x: impl ArrayLike) -> Array {
    let x = x.to_array().to_inexact();
    as_one(&[x], |x| x[0].imag().atan2(x[0].real()))
}

/// Returns the absolute value of real numbers as floats.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::fabs(Array::from([-2, 3])).to_vec::<f32>(), [2.0, 3.0]);
/// ```
///
/// # Panics
/// If the numbers are complex.
#[track_caller]
pub fn fabs(x: impl ArrayLike) -> Array {
    real("fabs", x).abs()
}

#[track_caller]
fn real(what: &str, x: impl ArrayLike) -> Array {
    let x = x.to_array().to_inexact();
    if x.dtype().is_complex() {
        raise(Error::dtype(format!("{what}: expected real numbers, got {}", x.aval())));
    }
    x
}

/// Returns the numbers as they are.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::positive(Array::from([-2, 3])).to_vec::<i32>(), [-2, 3]);
/// ```
#[track_caller]
pub fn positive(x: impl ArrayLike) -> Array {
    x.to_array()
}

/// Returns the fractional and the integral parts of real numbers. Both have the sign of the number.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (fraction, whole) = np::modf(Array::from([1.5f32, -2.25]));
/// assert_eq!((fraction.to_vec::<f32>(), whole.to_vec::<f32>()), (vec![0.5, -0.25], vec![1.0, -2.0]));
/// ```
///
/// # Panics
/// If the numbers are complex.
#[track_caller]
pub fn modf(x: impl ArrayLike) -> (Array, Array) {
    let x = real("modf", x);
    let whole = super::trunc(&x);
    (x - &whole, whole)
}

/// Returns real numbers as m · 2ᵉ: the mantissas m, whose magnitudes are in [½, 1), and the exponents e as `i32`. Zeros,
/// infinities and NaN are their own mantissas, with exponent zero. [`ldexp`](super::ldexp) is the inverse.
///
/// The derivative of m is 2⁻ᵉ. That of e is zero.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (m, e) = np::frexp(Array::from([6.0f32, -0.5, 0.0]));
/// assert_eq!((m.to_vec::<f32>(), e.to_vec::<i32>()), (vec![0.75, -0.5, 0.0], vec![3, 0, 0]));
/// ```
///
/// # Panics
/// If the numbers are complex.
#[track_caller]
pub fn frexp(x: impl ArrayLike) -> (Array, Array) {
    let mut parts = as_library(&[real("frexp", x)], |x| {
        let x = &x[0];
        let m = custom_jvp(|x: &Array| mantissa_and_exponent(x).0).defjvp(|(x,), (t,)| {
            let (m, e) = mantissa_and_exponent(x);
            (m, ldexp(t, -e))
        })(x);
        vec![m, mantissa_and_exponent(x).1]
    });
    let e = parts.remove(1);
    (parts.remove(0), e)
}

/// The parts of [`frexp`], from the bits. A subnormal number has its leading bit where a normal one has it after a shift.
fn mantissa_and_exponent(x: &Array) -> (Array, Array) {
    let (words, digits, width) = (x.dtype().unsigned(), x.dtype().mantissa_bits(), x.dtype().bits() as i32);
    let constant = |value: u64| Array::literal(Literal::new(words, Scalar::Uint(value)));
    let (sign, fraction) = (1u64 << (width - 1), (1u64 << digits) - 1);
    // The biased exponent of numbers in [½, 1).
    let half = (x.dtype().max_exponent() - 2) as u64;
    let shifted = |x: &Array, by: i32| x >> constant(by as u64);

    let bits = x.bitcast(words);
    let magnitude = &bits & constant(sign - 1);
    let biased = shifted(&magnitude, digits);
    let subnormal = biased.equal(constant(0));
    let shift = magnitude.clz() - constant((width - 1 - digits) as u64);
    let scaled = where_(&subnormal, &magnitude << &shift, &magnitude) & constant(fraction);
    let exponent = where_(&subnormal, 1 - shift.astype(DType::I32), biased.astype(DType::I32)) - half as i32;
    let m = ((&bits & constant(sign)) | constant(half << digits) | scaled).bitcast(x.dtype());
    let itself = magnitude.equal(constant(0)).logical_or(biased.equal(constant((sign - 1) >> digits)));
    (where_(&itself, x, m), where_(itself, 0, exponent))
}

/// Returns whether numbers have an imaginary part that is not zero.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert!(!np::iscomplex(Array::from([1.0f32])).any().item::<bool>());
/// ```
#[track_caller]
pub fn iscomplex(x: impl ArrayLike) -> Array {
    super::logical_not(isreal(x))
}

/// Returns whether numbers have no imaginary part, or one that is zero.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert!(np::isreal(Array::from(2.0).complex(0.0)).item::<bool>());
/// ```
#[track_caller]
pub fn isreal(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    if x.dtype().is_complex() { x.imag().equal(0.0) } else { super::full_as(x.shape(), true, DType::Bool) }
}

/// Returns whether each element of `x` is among `elements`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::isin(Array::from([1, 2, 3]), Array::from([3, 1])).to_vec::<bool>(), [true, false, true]);
/// ```
#[track_caller]
pub fn isin(x: impl ArrayLike, elements: impl ArrayLike) -> Array {
    let [x, elements] = in_one_dtype([x.to_array(), ravel(elements)]);
    as_one(&[x, elements], |args| args[0].expand_dims(-1).equal(&args[1]).any_axis(-1))
}

#[track_caller]
fn integers(what: &str, x: impl ArrayLike, y: impl ArrayLike) -> [Array; 2] {
    let [x, y] = met([x.to_array(), y.to_array()]);
    if !x.dtype().is_integer() {
        raise(Error::dtype(format!("{what}: expected integers, got {} and {}", x.aval(), y.aval())));
    }
    let both = super::broadcast_arrays([x, y]);
    [both[0].abs(), both[1].abs()]
}

/// Returns the greatest common divisor of integers, by Euclid's algorithm. That of zero and zero is zero.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::gcd(Array::from([12, -18, 0]), 8).to_vec::<i32>(), [4, 2, 8]);
/// ```
///
/// # Panics
/// If the numbers are not integers, or the shapes do not broadcast.
#[track_caller]
pub fn gcd(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    as_one(&integers("gcd", x, y), |x| {
        let strong = |x: &Array| x.convert(x.dtype(), false);
        let goes_on = |(_, y): &(Array, Array)| y.not_equal(0).any();
        let step = |(x, y): &(Array, Array)| {
            let more = y.not_equal(0);
            let rest = super::fmod(x, where_(&more, y, 1));
            (where_(&more, y, x), where_(more, rest, 0))
        };
        lax::while_loop(goes_on, step, (strong(&x[0]), strong(&x[1]))).0
    })
}

/// Returns the least common multiple of integers. With zero, it is zero.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::lcm(Array::from([4, 3, 0]), 6).to_vec::<i32>(), [12, 6, 0]);
/// ```
///
/// # Panics
/// If the numbers are not integers, or the shapes do not broadcast.
#[track_caller]
pub fn lcm(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    as_one(&integers("lcm", x, y), |x| {
        let divisor = gcd(&x[0], &x[1]);
        let zero = divisor.equal(0);
        where_(&zero, 0, &x[0] * super::floor_divide(&x[1], where_(&zero, 1, &divisor)))
    })
}

/// Returns `num` numbers from `start` to `stop`, each a constant multiple of the one before it.
///
/// ```
/// use cotangent::numpy as np;
/// let x = np::geomspace(1.0, 100.0, 3);
/// assert!(np::allclose(x, np::array([1.0, 10.0, 100.0])).item::<bool>());
/// ```
#[track_caller]
pub fn geomspace(start: impl ArrayLike, stop: impl ArrayLike, num: usize) -> Array {
    let [start, stop] = crate::ops::in_one_inexact_dtype([start.to_array(), stop.to_array()]);
    as_one(&[start, stop], |ends| {
        let [start, stop] = ends else { unreachable!("two operands") };
        // The logarithms are those of the ratios, so that the signs of both ends cancel.
        let exponents = super::linspace(super::zeros_like(start), (stop / start).log(), num);
        start * exponents.exp()
    })
}

/// Returns the cumulative sum of all elements, flattened. NaN counts as zero.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::nancumsum(Array::from([1.0f32, f32::NAN, 2.0])).to_vec::<f32>(), [1.0, 1.0, 3.0]);
/// ```
#[track_caller]
pub fn nancumsum(x: impl ArrayLike) -> Array {
    nancumsum_axis(ravel(x), 0)
}

/// Like [`nancumsum`], but along an axis. The shape is unchanged.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::nancumsum_axis(Array::from([[1.0f32, f32::NAN]]), 1).to_vec::<f32>(), [1.0, 1.0]);
/// ```
///
/// # Panics
/// If the axis is out of bounds.
#[track_caller]
pub fn nancumsum_axis(x: impl ArrayLike, axis: isize) -> Array {
    as_one(&[x.to_array()], |x| where_(isnan(&x[0]), 0, &x[0]).cumsum_axis(axis))
}

/// Returns the cumulative product of all elements, flattened. NaN counts as one.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::nancumprod(Array::from([2.0f32, f32::NAN, 3.0])).to_vec::<f32>(), [2.0, 2.0, 6.0]);
/// ```
#[track_caller]
pub fn nancumprod(x: impl ArrayLike) -> Array {
    nancumprod_axis(ravel(x), 0)
}

/// Like [`nancumprod`], but along an axis. The shape is unchanged.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::nancumprod_axis(Array::from([[2.0f32, f32::NAN]]), 1).to_vec::<f32>(), [2.0, 2.0]);
/// ```
///
/// # Panics
/// If the axis is out of bounds.
#[track_caller]
pub fn nancumprod_axis(x: impl ArrayLike, axis: isize) -> Array {
    as_one(&[x.to_array()], |x| where_(isnan(&x[0]), 1, &x[0]).cumprod_axis(axis))
}
