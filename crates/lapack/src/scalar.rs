//! The number types.

use std::ops::{Mul, Sub};

use bytemuck::Pod;
use faer::traits::ComplexField;
use num_complex::Complex;

/// A number type of matrices.
pub(crate) trait Scalar: ComplexField + Pod + Mul<Output = Self> + Sub<Output = Self> {
    /// The element type in a program.
    type Element: xla::Element + Pod;

    /// Returns whether the squares of the number and of its reciprocal are finite. Products with either then stay in
    /// range.
    fn is_moderate(self) -> bool;
    /// Returns whether the square of the number is finite.
    fn is_not_huge(self) -> bool;
    /// Returns the quotient.
    fn over(self, divisor: Self) -> Self;
    /// Returns the complex conjugate.
    fn conjugate(self) -> Self;
    /// Returns the number without its imaginary part.
    fn real_part(self) -> Self;
}

macro_rules! scalars {
    ($($real:ident),*) => {$(
        impl Scalar for $real {
            type Element = $real;

            fn is_moderate(self) -> bool {
                let x = self.abs();
                x * x >= $real::MIN_POSITIVE && x * x <= $real::MAX
            }
            fn is_not_huge(self) -> bool {
                self.abs() * self.abs() <= $real::MAX
            }
            fn over(self, divisor: $real) -> $real {
                self / divisor
            }
            fn conjugate(self) -> $real {
                self
            }
            fn real_part(self) -> $real {
                self
            }
        }

        impl Scalar for Complex<$real> {
            type Element = [$real; 2];

            fn is_moderate(self) -> bool {
                self.re.abs().max(self.im.abs()).is_moderate() && self.is_not_huge()
            }
            fn is_not_huge(self) -> bool {
                self.re.is_not_huge() && self.im.is_not_huge()
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
            fn conjugate(self) -> Complex<$real> {
                self.conj()
            }
            fn real_part(self) -> Complex<$real> {
                self.re.into()
            }
        }
    )*};
}

scalars!(f32, f64);
