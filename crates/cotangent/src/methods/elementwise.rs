//! Elementwise functions.

use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::array::{Array, ArrayLike};
use crate::ir::primitive::Primitive;
use crate::ops::binary::{And, Atan2, Div, Max, Min, Or};
use crate::ops::bits::{Clz, Not, PopulationCount};
use crate::ops::complex::{Complex, Conj, Imag, Real};
use crate::ops::pow::Pow;
use crate::ops::stop_gradient::StopGradient;
use crate::ops::unary::{
    Abs, Acos, Acosh, Asin, Asinh, Atan, Atanh, BesselI0e, BesselI1e, Cbrt, Ceil, Cos, Cosh, Digamma, Erf, ErfInv,
    Erfc, Exp, Exp2, Expm1, Floor, IntegerPow, IsFinite, Lgamma, Log, Log1p, Logistic, Round, Rsqrt, Sign, Sin, Sinh,
    Sqrt, Square, Tan, Tanh,
};
use crate::ops::{met_inexact, zeros_like};
use crate::trace::frames::bind1;

use super::operators::binary_op;

/// Applies a function of floating-point numbers. Integers and booleans are converted to floats.
#[track_caller]
fn of_floats(function: impl Primitive, x: &Array) -> Array {
    if x.dtype().is_inexact() { bind1(function, &[x]) } else { bind1(function, &[&x.to_inexact()]) }
}

/// Applies a function of numbers. Booleans are converted to floats.
#[track_caller]
fn of_numbers(function: impl Primitive, x: &Array) -> Array {
    if x.dtype() == DType::Bool { bind1(function, &[&x.to_inexact()]) } else { bind1(function, &[x]) }
}

/// Applies a function of the bits of integers.
#[track_caller]
fn of_bits(function: impl Primitive, x: &Array) -> Array {
    bind1(function, &[x])
}

/// Defines methods that apply one primitive of one operand. The arguments are how it is applied, the input of the
/// example, and a row for each method.
macro_rules! functions {
    ($apply:ident, $example:literal: $($(#[$doc:meta])* $name:ident $T:ident;)*) => {
        impl Array {
            $(
                $(#[$doc])*
                #[doc = concat!("\n```\n# use cotangent::prelude::*;\nlet y = Array::from(", $example, ").", stringify!($name), "();\nassert_eq!(y.shape(), [2]);\n```")]
                #[track_caller]
                pub fn $name(&self) -> Array {
                    $apply($T, self)
                }
            )*
        }
    };
}

functions! {
    of_floats, "[0.25f32, 0.5]":
    /// Returns exp(−|x|)·I₀(x), the exponentially scaled modified Bessel function of order zero. Derivative: i1e(x) −
    /// sign(x)·i0e(x).
    bessel_i0e BesselI0e;
    /// Returns exp(−|x|)·I₁(x), the exponentially scaled modified Bessel function of order one.
    bessel_i1e BesselI1e;
    /// Returns the cube root of each element.
    cbrt Cbrt;
    /// Rounds each element up to an integer.
    ceil Ceil;
    /// Returns the cosine of each element.
    cos Cos;
    /// Returns the hyperbolic cosine of each element.
    cosh Cosh;
    /// Returns the inverse cosine of each element. Derivative: −1/√(1−x²).
    acos Acos;
    /// Returns the inverse hyperbolic cosine of each element. Derivative: 1/√((x−1)(x+1)).
    acosh Acosh;
    /// Returns the inverse sine of each element. Derivative: 1/√(1−x²).
    asin Asin;
    /// Returns the inverse hyperbolic sine of each element. Derivative: 1/√(1+x²).
    asinh Asinh;
    /// Returns the inverse tangent of each element. Derivative: 1/(1+x²).
    atan Atan;
    /// Returns the inverse hyperbolic tangent of each element. Derivative: 1/(1−x²).
    atanh Atanh;
    /// Returns the digamma function, the logarithmic derivative of the gamma function. Its own derivatives are
    /// polygamma functions.
    digamma Digamma;
    /// Returns the error function of each element. Derivative: 2/√π · exp(−x²).
    erf Erf;
    /// Returns the complementary error function, 1 − erf(x), without cancellation.
    erfc Erfc;
    /// Returns the inverse error function of each element. Derivative: √π/2 · exp(erf_inv(x)²).
    erf_inv ErfInv;
    /// Returns the exponential of each element.
    exp Exp;
    /// Returns two to the power of each element.
    exp2 Exp2;
    /// Returns exp(x) − 1, accurate near zero. Derivative: exp(x).
    expm1 Expm1;
    /// Rounds each element down to an integer.
    floor Floor;
    /// Returns the logarithm of the absolute value of the gamma function.
    lgamma Lgamma;
    /// Returns the natural logarithm of each element.
    log Log;
    /// Returns log(1 + x), accurate near zero.
    log1p Log1p;
    /// Returns the logistic function 1/(1 + exp(−x)).
    logistic Logistic;
    /// Returns the reciprocal square root, 1/√x.
    rsqrt Rsqrt;
    /// Returns the sine of each element.
    sin Sin;
    /// Returns the hyperbolic sine of each element.
    sinh Sinh;
    /// Returns the square root of each element.
    sqrt Sqrt;
    /// Returns the tangent of each element.
    tan Tan;
    /// Returns the hyperbolic tangent of each element. Derivative: 1 − tanh(x)².
    tanh Tanh;
}

functions! {
    of_numbers, "[0.25f32, 0.5]":
    /// Returns the sign of each element: −1, 0 or 1. For a complex number z, it is z/|z|, or 0 at 0.
    sign Sign;
    /// Returns the square of each element, x².
    square Square;
}

functions! {
    of_bits, "[6, 3]":
    /// Returns the bitwise complement of each element. For booleans, this is the logical negation.
    logical_not Not;
    /// Returns the number of one bits in each element.
    population_count PopulationCount;
    /// Returns the number of leading zero bits in each element.
    clz Clz;
}

impl Array {
    /// Returns the absolute value of each element. For complex numbers, this is the modulus.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, -2]).abs().to_vec::<i32>(), [1, 2]);
    /// ```
    #[track_caller]
    pub fn abs(&self) -> Array {
        if self.dtype() == DType::Bool { self.clone() } else { bind1(Abs, &[self]) }
    }

    /// Rounds each element to the nearest integer, and halves to the even one, as in NumPy. Complex numbers are rounded
    /// in each part.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([1.5f32, 2.5]).round().to_vec::<f32>(), [2.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn round(&self) -> Array {
        match self.dtype().kind() {
            Kind::Float => bind1(Round { to_even: true }, &[self]),
            Kind::Complex => self.real().round().complex(self.imag().round()),
            _ => self.clone(),
        }
    }

    /// Raises each element to a fixed integer power.
    ///
    /// # Panics
    /// If integers are raised to a negative power.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([1.0f32, 2.0, 3.0]).powi(2).to_vec::<f32>(), [1.0, 4.0, 9.0]);
    /// ```
    #[track_caller]
    pub fn powi(&self, y: i32) -> Array {
        match y {
            1 => self.clone(),
            2 => bind1(Square, &[self]),
            _ => bind1(IntegerPow { y }, &[self]),
        }
    }

    /// Returns whether each element is neither infinite nor NaN. A complex number is finite if both its parts are.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([1.0f32, f32::INFINITY]).is_finite().to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    pub fn is_finite(&self) -> Array {
        if self.dtype().is_complex() {
            return self.real().is_finite().logical_and(self.imag().is_finite());
        }
        bind1(IsFinite, &[&self.to_inexact()])
    }

    /// Returns the real part of each element. Real arrays are returned unchanged.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let z = Array::from([1.0f32, 2.0]).complex(Array::from([3.0f32, 4.0]));
    /// assert_eq!(z.real().to_vec::<f32>(), [1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn real(&self) -> Array {
        if self.dtype().is_complex() { bind1(Real, &[self]) } else { self.clone() }
    }

    /// Returns the imaginary part of each element. For real arrays, it is zero.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let z = Array::from([1.0f32, 2.0]).complex(Array::from([3.0f32, 4.0]));
    /// assert_eq!(z.imag().to_vec::<f32>(), [3.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn imag(&self) -> Array {
        if self.dtype().is_complex() { bind1(Imag, &[self]) } else { zeros_like(self) }
    }

    /// Returns the complex conjugate of each element. Real arrays are returned unchanged.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let z = Array::from([1.0f32, 2.0]).complex(Array::from([3.0f32, 4.0]));
    /// assert_eq!(z.conj().imag().to_vec::<f32>(), [-3.0, -4.0]);
    /// ```
    #[track_caller]
    pub fn conj(&self) -> Array {
        if self.dtype().is_complex() { bind1(Conj, &[self]) } else { self.clone() }
    }

    /// Returns complex numbers with `self` as real parts and `imag` as imaginary parts.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let z = Array::from([1.0f32, 2.0]).complex(Array::from([3.0f32, 4.0]));
    /// assert_eq!(z.dtype(), DType::C64);
    /// ```
    #[track_caller]
    pub fn complex(&self, imag: impl ArrayLike) -> Array {
        let [re, im] = met_inexact([self.clone(), imag.to_array()]);
        bind1(Complex, &[&re, &im])
    }

    /// Returns the same value, as a constant to differentiation.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let slope = grad(|x: &Array| x * x.stop_gradient());
    /// assert_eq!(slope(&Array::from(3.0)).item::<f64>(), 3.0);
    /// ```
    #[track_caller]
    pub fn stop_gradient(&self) -> Array {
        if self.dtype().is_inexact() { bind1(StopGradient, &[self]) } else { self.clone() }
    }

    /// Raises each element to the power of `y`, an array or a number. Integers become floats.
    ///
    /// At a base of zero, the derivatives follow JAX. The derivative with respect to the base is 0 if the exponent is
    /// 0. The derivative with respect to the exponent is 0 if the base is 0.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let y = Array::from([2.0f32]).pow(Array::from([3.0f32]));
    /// assert!((y.to_vec::<f32>()[0] - 8.0).abs() < 1e-4);
    /// ```
    #[track_caller]
    pub fn pow(&self, y: impl ArrayLike) -> Array {
        let [x, y] = met_inexact([self.clone(), y.to_array()]);
        bind1(Pow, &[&x, &y])
    }

    /// Returns the angle between the positive x-axis and the point (`x`, `self`).
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let y = Array::from([0.0f32]).atan2(Array::from([1.0f32]));
    /// assert!(y.to_vec::<f32>()[0].abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn atan2(&self, x: impl ArrayLike) -> Array {
        let [y, x] = met_inexact([self.clone(), x.to_array()]);
        bind1(Atan2, &[&y, &x])
    }

    /// Returns the greater of each element and that of `other`. If either is NaN, the result is NaN. A Rust integer out
    /// of range for the dtype is replaced by the nearest value in range.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 5]).maximum(Array::from([4, 4])).to_vec::<i32>(), [4, 5]);
    /// ```
    #[track_caller]
    pub fn maximum(&self, other: impl ArrayLike) -> Array {
        let [x, y] = bounded([self.clone(), other.to_array()]);
        binary_op(Max, &x, &y)
    }

    /// Returns the lesser of each element and that of `other`. If either is NaN, the result is NaN. A Rust integer out
    /// of range for the dtype is replaced by the nearest value in range.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 5]).minimum(Array::from([4, 4])).to_vec::<i32>(), [1, 4]);
    /// ```
    #[track_caller]
    pub fn minimum(&self, other: impl ArrayLike) -> Array {
        let [x, y] = bounded([self.clone(), other.to_array()]);
        binary_op(Min, &x, &y)
    }

    /// Returns the elementwise logical "and". A number is true if it is not zero.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let y = Array::from([true, true]).logical_and(Array::from([true, false]));
    /// assert_eq!(y.to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    pub fn logical_and(&self, other: impl ArrayLike) -> Array {
        binary_op(And, &self.convert(DType::Bool, false), &other.to_array().convert(DType::Bool, false))
    }

    /// Returns the elementwise logical "or". A number is true if it is not zero.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let y = Array::from([true, true]).logical_or(Array::from([true, false]));
    /// assert_eq!(y.to_vec::<bool>(), [true, true]);
    /// ```
    #[track_caller]
    pub fn logical_or(&self, other: impl ArrayLike) -> Array {
        binary_op(Or, &self.convert(DType::Bool, false), &other.to_array().convert(DType::Bool, false))
    }

    /// Divides without promotion. Integers divide toward zero.
    #[track_caller]
    pub(crate) fn lax_div(&self, other: &Array) -> Array {
        bind1(Div, &[self, other])
    }
}

/// Clamps a Rust integer beside an array of integers to the range of the array's dtype. Other operands are unchanged.
#[track_caller]
pub(crate) fn bounded([x, y]: [Array; 2]) -> [Array; 2] {
    let bring = |a: &Array, b: &Array| {
        if !(a.weak_type() && a.dtype() == DType::I32 && b.dtype().is_integer() && !b.weak_type()) {
            return a.clone();
        }
        let dtype = b.dtype();
        let (least, most) = match (dtype.kind(), dtype.bits()) {
            (Kind::Uint, 32..) => (0, i32::MAX),
            (Kind::Uint, bits) => (0, (1 << bits) - 1),
            (_, 32..) => return a.clone(),
            (_, bits) => (-1 << (bits - 1), (1 << (bits - 1)) - 1),
        };
        match a.to_literal() {
            Ok(value) if !a.is_traced() => {
                Array::literal(Literal::weak(Scalar::Int(value.value().to_i64().clamp(least.into(), most.into()))))
            }
            _ => bind1(Min, &[&bind1(Max, &[a, &least.into()]), &most.into()]),
        }
    };
    [bring(&x, &y), bring(&y, &x)]
}
