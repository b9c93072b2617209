//! What the algorithms need of numbers.

use std::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use bytemuck::Pod;
use faer::traits::RealField;
use num_complex::Complex;

use crate::scalar::Scalar;

/// A real number type.
pub(crate) trait Real:
    Number<R = Self, C = Complex<Self>> + Scalar<Element = Self> + xla::Element + RealField
{
    /// A complex number in a program.
    type Pair: xla::Element + Pod;
    /// The distance from one to the next number.
    const EPSILON: Self;
    /// The smallest normal number.
    const SMALLEST: Self;

    fn literal(x: f64) -> Self;
    fn abs(self) -> Self;
    fn copysign(self, sign: Self) -> Self;
    fn exp2(self) -> Self;
    fn floor(self) -> Self;
    fn hypot(self, other: Self) -> Self;
    fn is_finite(self) -> bool;
    fn is_sign_negative(self) -> bool;
    fn log2(self) -> Self;
    fn max(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn sqrt(self) -> Self;
}

/// A real or complex number type.
pub(crate) trait Number:
    Scalar
    + Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
{
    /// The type of the parts.
    type R: Real;
    /// The complex type.
    type C: Number<R = Self::R, C = Self::C, Element = <Self::R as Real>::Pair>;

    const IS_COMPLEX: bool;
    const ZERO: Self;
    const ONE: Self;

    /// Returns a number with the given parts. A real number drops the second one.
    fn from_parts(re: Self::R, im: Self::R) -> Self;
    fn re(self) -> Self::R;
    fn im(self) -> Self::R;
    /// Returns a real number as a number of this type.
    fn of(re: Self::R) -> Self;
    /// Returns the product with a real number.
    fn times(self, factor: Self::R) -> Self;
    /// Returns the absolute value.
    fn modulus(self) -> Self::R;
    /// Returns the square of the absolute value.
    fn square(self) -> Self::R;
    /// Returns the number as a complex one.
    fn complex(self) -> Self::C;
    /// Computes a Schur form in place; see `schur.rs`.
    fn iterate(
        h: &mut [Self],
        n: usize,
        range: [usize; 2],
        whole: bool,
        z: Option<&mut [Self]>,
        w: &mut [Self::C],
    ) -> bool;

    /// Returns the sum of the magnitudes of the parts.
    #[inline(always)]
    fn size(self) -> Self::R {
        Real::abs(self.re()) + Real::abs(self.im())
    }
}

macro_rules! numbers {
    ($($real:ident),*) => {$(
        impl Real for $real {
            type Pair = [$real; 2];
            const EPSILON: $real = $real::EPSILON;
            const SMALLEST: $real = $real::MIN_POSITIVE;

            #[inline(always)]
            fn literal(x: f64) -> $real {
                x as $real
            }
            numbers!(@ $real abs() exp2() floor() log2() sqrt() copysign(other) hypot(other) max(other) min(other));
            #[inline(always)]
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            #[inline(always)]
            fn is_sign_negative(self) -> bool {
                self.is_sign_negative()
            }
        }

        impl Number for $real {
            type R = $real;
            type C = Complex<$real>;
            const IS_COMPLEX: bool = false;
            const ZERO: $real = 0.0;
            const ONE: $real = 1.0;

            #[inline(always)]
            fn from_parts(re: $real, _: $real) -> $real {
                re
            }
            #[inline(always)]
            fn of(re: $real) -> $real {
                re
            }
            #[inline(always)]
            fn re(self) -> $real {
                self
            }
            #[inline(always)]
            fn im(self) -> $real {
                0.0
            }
            #[inline(always)]
            fn times(self, factor: $real) -> $real {
                self * factor
            }
            #[inline(always)]
            fn modulus(self) -> $real {
                self.abs()
            }
            #[inline(always)]
            fn square(self) -> $real {
                self * self
            }
            #[inline(always)]
            fn complex(self) -> Complex<$real> {
                Complex::new(self, 0.0)
            }
            #[inline(always)]
            fn iterate(
                h: &mut [$real], n: usize, range: [usize; 2], whole: bool, z: Option<&mut [$real]>,
                w: &mut [Complex<$real>],
            ) -> bool {
                super::schur_real::iterate(h, n, range, whole, z, w)
            }
        }

        impl Number for Complex<$real> {
            type R = $real;
            type C = Complex<$real>;
            const IS_COMPLEX: bool = true;
            const ZERO: Complex<$real> = Complex::new(0.0, 0.0);
            const ONE: Complex<$real> = Complex::new(1.0, 0.0);

            #[inline(always)]
            fn from_parts(re: $real, im: $real) -> Complex<$real> {
                Complex::new(re, im)
            }
            #[inline(always)]
            fn of(re: $real) -> Complex<$real> {
                Complex::new(re, 0.0)
            }
            #[inline(always)]
            fn re(self) -> $real {
                self.re
            }
            #[inline(always)]
            fn im(self) -> $real {
                self.im
            }
            #[inline(always)]
            fn times(self, factor: $real) -> Complex<$real> {
                Complex::new(self.re * factor, self.im * factor)
            }
            #[inline(always)]
            fn modulus(self) -> $real {
                self.re.hypot(self.im)
            }
            #[inline(always)]
            fn square(self) -> $real {
                self.re * self.re + self.im * self.im
            }
            #[inline(always)]
            fn complex(self) -> Complex<$real> {
                self
            }
            #[inline(always)]
            fn iterate(
                h: &mut [Self], n: usize, range: [usize; 2], whole: bool, z: Option<&mut [Self]>, w: &mut [Self],
            ) -> bool {
                super::schur_complex::iterate(h, n, range, whole, z, w)
            }
        }
    )*};
    (@ $real:ident $($name:ident($($other:ident)?))*) => {$(
        #[inline(always)]
        fn $name(self $(, $other: $real)?) -> $real {
            <$real>::$name(self $(, $other)?)
        }
    )*};
}

numbers!(f32, f64);
