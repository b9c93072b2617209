//! Functions of each element.

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

/// A function of floating-point numbers; integers and booleans enter as floats.
#[track_caller]
fn of_floats(function: impl Primitive, x: &Array) -> Array {
    if x.dtype().is_inexact() { bind1(function, &[x]) } else { bind1(function, &[&x.to_inexact()]) }
}

/// A function of numbers; booleans enter as floats.
#[track_caller]
fn of_numbers(function: impl Primitive, x: &Array) -> Array {
    if x.dtype() == DType::Bool { bind1(function, &[&x.to_inexact()]) } else { bind1(function, &[x]) }
}

/// A function of the bits of integers.
#[track_caller]
fn of_bits(function: impl Primitive, x: &Array) -> Array {
    bind1(function, &[x])
}

/// Methods that are a primitive of one operand: how it is applied, what the example applies it to, and a row for each.
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
    /// exp(−|x|)·I₀(x), the modified Bessel function of order zero, scaled. Derivative: i1e(x) − sign(x)·i0e(x).
    bessel_i0e BesselI0e;
    /// exp(−|x|)·I₁(x), the modified Bessel function of order one, scaled.
    bessel_i1e BesselI1e;
    /// The cube root.
    cbrt Cbrt;
    /// The smallest integers that are not below the elements.
    ceil Ceil;
    /// The cosine.
    cos Cos;
    /// The hyperbolic cosine.
    cosh Cosh;
    /// The inverse cosine. Derivative: −1/√(1−x²).
    acos Acos;
    /// The inverse hyperbolic cosine. Derivative: 1/√((x−1)(x+1)).
    acosh Acosh;
    /// The inverse sine. Derivative: 1/√(1−x²).
    asin Asin;
    /// The inverse hyperbolic sine. Derivative: 1/√(1+x²).
    asinh Asinh;
    /// The inverse tangent. Derivative: 1/(1+x²).
    atan Atan;
    /// The inverse hyperbolic tangent. Derivative: 1/(1−x²).
    atanh Atanh;
    /// The logarithmic derivative of the gamma function. Its own derivatives are polygamma functions.
    digamma Digamma;
    /// The error function. Derivative: 2/√π · exp(−x²).
    erf Erf;
    /// The complementary error function, 1 − erf(x), without cancellation.
    erfc Erfc;
    /// The inverse error function. Derivative: √π/2 · exp(erf_inv(x)²).
    erf_inv ErfInv;
    /// The exponential.
    exp Exp;
    /// Two to the power of the elements.
    exp2 Exp2;
    /// exp(x) − 1, accurate near zero. Derivative: exp(x).
    expm1 Expm1;
    /// The largest integers that are not above the elements.
    floor Floor;
    /// The logarithm of the absolute value of the gamma function.
    lgamma Lgamma;
    /// The natural logarithm.
    log Log;
    /// log(1 + x), accurate near zero.
    log1p Log1p;
    /// The logistic function 1/(1 + exp(−x)).
    logistic Logistic;
    /// 1/√x.
    rsqrt Rsqrt;
    /// The sine.
    sin Sin;
    /// The hyperbolic sine.
    sinh Sinh;
    /// The square root.
    sqrt Sqrt;
    /// The tangent.
    tan Tan;
    /// The hyperbolic tangent. Derivative: 1 − tanh(x)².
    tanh Tanh;
}

functions! {
    of_numbers, "[0.25f32, 0.5]":
    /// −1, 0 or 1; of complex numbers the point of the unit circle in their direction.
    sign Sign;
    /// x².
    square Square;
}

functions! {
    of_bits, "[6, 3]":
    /// All bits turned over; of booleans the negation.
    logical_not Not;
    /// The number of bits that are one.
    population_count PopulationCount;
    /// The number of leading zero bits.
    clz Clz;
}

impl Array {
    /// The absolute value; of complex numbers the modulus.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, -2]).abs().to_vec::<i32>(), [1, 2]);
    /// ```
    #[track_caller]
    pub fn abs(&self) -> Array {
        if self.dtype() == DType::Bool { self.clone() } else { bind1(Abs, &[self]) }
    }

    /// The nearest integers; halves go to the even neighbour, as in NumPy. Of complex numbers each part is rounded.
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

    /// A fixed integer power.
    ///
    /// # Panics
    /// When integers are raised to a negative power.
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

    /// Whether the elements are neither infinite nor NaN; of complex numbers whether both parts are.
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

    /// The real part; real arrays are their own.
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

    /// The imaginary part; of real arrays it is zero.
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

    /// The complex conjugate; real arrays are their own.
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

    /// Complex numbers from `self` as real and `imag` as imaginary parts.
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

    /// The same value, constant to differentiation.
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

    /// The power with an array or a number as exponent; integers become floats.
    ///
    /// The derivative at a base of zero follows JAX: 0 in the base where the exponent is 0, 0 in the exponent
    /// where the base is 0.
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

    /// The angle of the point (`x`, `self`) to the positive x-axis.
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

    /// The greater of the elements and those of `other`; a NaN in either is the result. A Rust integer that the dtype
    /// does not hold counts as the nearest that it does.
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

    /// The lesser of the elements and those of `other`; a NaN in either is the result. A Rust integer that the dtype
    /// does not hold counts as the nearest that it does.
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

    /// Truth of both, elementwise; numbers are true when they are not zero.
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

    /// Truth of either, elementwise; numbers are true when they are not zero.
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

    /// `div` without promotion: integers divide towards zero.
    #[track_caller]
    pub(crate) fn lax_div(&self, other: &Array) -> Array {
        bind1(Div, &[self, other])
    }
}

/// Operands of which a Rust integer beside an array of integers is brought into the range of the array's dtype.
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
