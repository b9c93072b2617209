//! The number types.

use std::ops::{Mul, Sub};

use bytemuck::Pod;
use faer::traits::{ComplexField, ComplexImpl};
use num_complex::Complex;

/// A number type of matrices.
pub(crate) trait Scalar: ComplexField + Pod + Mul<Output = Self> + Sub<Output = Self> {
    /// The element type in a program.
    type Element: xla::Element + Pod;
    /// The type with 64 bits for each part.
    type Wide: Scalar<Wide = Self::Wide>;
    /// The type with the operations on vectors whose elements lie in order.
    type Native: ComplexField;
    /// The type of [`magnitude`](Scalar::magnitude).
    type Magnitude: Copy + PartialOrd;

    /// Returns the number as one of the type for vectors.
    fn native(self) -> Self::Native;
    /// Returns a real number.
    fn from_real(x: f32) -> Self;
    /// Returns the difference between 1 and the next greater number.
    fn epsilon() -> Self::Magnitude;
    /// Returns a product of real numbers.
    fn scaled(x: Self::Magnitude, by: Self::Magnitude) -> Self;
    /// Returns |Re x| + |Im x|.
    fn magnitude(self) -> Self::Magnitude;

    /// Returns whether the number and its reciprocal are finite, and neither is subnormal.
    fn is_moderate(self) -> bool;
    /// Returns the quotient by the real part of a number.
    fn over_real(self, divisor: Self) -> Self;
    /// Returns the square root of the real part, if that is positive.
    fn root(self) -> Option<Self>;
    /// Returns the quotient.
    fn over(self, divisor: Self) -> Self;
    /// Returns the complex conjugate.
    fn conjugate(self) -> Self;
    /// Returns the real and the imaginary part.
    fn split(self) -> [f64; 2];
    /// Returns the nearest number. A real one has no imaginary part.
    fn nearest(parts: [f64; 2]) -> Self;
}

macro_rules! scalars {
    ($($real:ident),*) => {$(
        impl Scalar for $real {
            type Element = $real;
            type Wide = f64;
            type Native = $real;
            type Magnitude = $real;

            #[inline(always)]
            fn native(self) -> $real {
                self
            }
            #[inline(always)]
            fn from_real(x: f32) -> $real {
                x.into()
            }
            fn epsilon() -> $real {
                $real::EPSILON
            }
            fn scaled(x: $real, by: $real) -> $real {
                x * by
            }
            #[inline(always)]
            fn magnitude(self) -> $real {
                self.abs()
            }

            #[inline(always)]
            fn is_moderate(self) -> bool {
                (4.0 * $real::MIN_POSITIVE..=0.25 / $real::MIN_POSITIVE).contains(&self.abs())
            }
            #[inline(always)]
            fn over_real(self, divisor: $real) -> $real {
                self / divisor
            }
            #[inline(always)]
            fn root(self) -> Option<$real> {
                (self > 0.0).then(|| self.sqrt())
            }
            #[inline(always)]
            fn over(self, divisor: $real) -> $real {
                self / divisor
            }
            #[inline(always)]
            fn conjugate(self) -> $real {
                self
            }
            fn split(self) -> [f64; 2] {
                [self.into(), 0.0]
            }
            fn nearest(parts: [f64; 2]) -> $real {
                parts[0] as $real
            }
        }

        impl Scalar for Complex<$real> {
            type Element = [$real; 2];
            type Wide = Complex<f64>;
            type Native = ComplexImpl<$real>;
            type Magnitude = $real;

            #[inline(always)]
            fn native(self) -> ComplexImpl<$real> {
                self.into()
            }
            #[inline(always)]
            fn from_real(x: f32) -> Complex<$real> {
                Complex::new(x.into(), 0.0)
            }
            fn epsilon() -> $real {
                $real::EPSILON
            }
            fn scaled(x: $real, by: $real) -> Complex<$real> {
                (x * by).into()
            }
            #[inline(always)]
            fn magnitude(self) -> $real {
                self.re.abs() + self.im.abs()
            }

            #[inline(always)]
            fn is_moderate(self) -> bool {
                self.re.abs().max(self.im.abs()).is_moderate()
            }
            #[inline(always)]
            fn over_real(self, divisor: Complex<$real>) -> Complex<$real> {
                Complex::new(self.re / divisor.re, self.im / divisor.re)
            }
            #[inline(always)]
            fn root(self) -> Option<Complex<$real>> {
                (self.re > 0.0).then(|| self.re.sqrt().into())
            }
            /// Divides by the ratio of the divisor's parts, because their squares may be out of range (Smith,
            /// "Algorithm 116", 1962).
            fn over(self, divisor: Complex<$real>) -> Complex<$real> {
                let (c, d) = (divisor.re, divisor.im);
                if c.abs() < d.abs() {
                    let ratio = c / d;
                    let scale = c * ratio + d;
                    Complex::new((self.re * ratio + self.im) / scale, (self.im * ratio - self.re) / scale)
                } else {
                    let ratio = d / c;
                    let scale = c + d * ratio;
                    Complex::new((self.re + self.im * ratio) / scale, (self.im - self.re * ratio) / scale)
                }
            }
            #[inline(always)]
            fn conjugate(self) -> Complex<$real> {
                self.conj()
            }
            fn split(self) -> [f64; 2] {
                [self.re.into(), self.im.into()]
            }
            fn nearest(parts: [f64; 2]) -> Complex<$real> {
                let [re, im] = parts.map(|part| part as $real);
                Complex::new(re, im)
            }
        }
    )*};
}

scalars!(f32, f64);
