//! Rust's operators on arrays, in owned and borrowed forms, with scalars on either side.
//!
//! The right operand may be any Rust number, because the result is an array in any case. On the left, only `f64`, `i32`
//! and complex numbers are implemented, the types that literals become. With `f32` or `i64` beside them, the type of a
//! literal would be ambiguous, and `(1.0 + x).sqrt()` would not compile.

use std::borrow::Borrow;
use std::iter::{Product, Sum};
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Rem, Shl, Shr, Sub};

use crate::array::dtype::{DType, Kind};
use crate::array::{Array, ArrayLike};
use crate::trace::frames::bind1;

use crate::ops::{binary, met, met_inexact, unary, widened_division};

/// Adds arrays, from the first to the last. The sum of no arrays is the number 0.
///
/// ```
/// use cotangent::prelude::*;
/// let parts = [Array::from([1.0f32, 2.0]), Array::from([3.0f32, 4.0])];
/// assert_eq!(parts.iter().sum::<Array>().to_vec::<f32>(), [4.0, 6.0]);
/// ```
impl<A: ArrayLike> Sum<A> for Array {
    fn sum<I: Iterator<Item = A>>(parts: I) -> Array {
        parts.map(ArrayLike::to_array).reduce(|a, b| a + b).unwrap_or_else(|| Array::from(0))
    }
}

/// Multiplies arrays, from the first to the last. The product of no arrays is the number 1.
///
/// ```
/// use cotangent::prelude::*;
/// let parts = vec![Array::from([1, 2]), Array::from([3, 4])];
/// assert_eq!(parts.into_iter().product::<Array>().to_vec::<i32>(), [3, 8]);
/// ```
impl<A: ArrayLike> Product<A> for Array {
    fn product<I: Iterator<Item = A>>(parts: I) -> Array {
        parts.map(ArrayLike::to_array).reduce(|a, b| a * b).unwrap_or_else(|| Array::from(1))
    }
}

impl Array {
    #[track_caller]
    fn op_add(&self, other: &Array) -> Array {
        // As in NumPy, the sum of booleans is their logical "or".
        match self.both_bool(other) {
            true => self.op_bitor(other),
            false => binary_op(binary::Add, self, other),
        }
    }

    #[track_caller]
    fn op_sub(&self, other: &Array) -> Array {
        binary_op(binary::Sub, self, other)
    }

    #[track_caller]
    fn op_mul(&self, other: &Array) -> Array {
        match self.both_bool(other) {
            true => self.op_bitand(other),
            false => binary_op(binary::Mul, self, other),
        }
    }

    /// True division: integers become floats.
    #[track_caller]
    fn op_div(&self, other: &Array) -> Array {
        let [x, y] = met_inexact([self.clone(), other.clone()]);
        bind1(binary::Div, &[&x, &y])
    }

    /// Returns the remainder with the sign of the divisor, as in Python.
    #[track_caller]
    fn op_rem(&self, other: &Array) -> Array {
        if let Some(([x, y], dtype)) = widened_division(&[self.clone(), other.clone()]) {
            return x.op_rem(&y).astype(dtype);
        }
        let [x, y] = met([self.clone(), other.clone()]);
        let truncated = bind1(binary::Rem, &[&x, &y]);
        if x.dtype().kind() == Kind::Uint {
            return truncated;
        }
        crate::ops::floored_remainder(&truncated, &y).1
    }

    #[track_caller]
    fn op_bitand(&self, other: &Array) -> Array {
        binary_op(binary::And, self, other)
    }

    #[track_caller]
    fn op_bitor(&self, other: &Array) -> Array {
        binary_op(binary::Or, self, other)
    }

    #[track_caller]
    fn op_bitxor(&self, other: &Array) -> Array {
        binary_op(binary::Xor, self, other)
    }

    #[track_caller]
    fn op_shl(&self, other: &Array) -> Array {
        binary_op(binary::ShiftLeft, self, other)
    }

    /// Shifts to the right: arithmetically for signed integers, logically for unsigned ones.
    #[track_caller]
    fn op_shr(&self, other: &Array) -> Array {
        let [x, y] = met([self.clone(), other.clone()]);
        match x.dtype().kind() {
            Kind::Uint => bind1(binary::ShiftRightLogical, &[&x, &y]),
            _ => bind1(binary::ShiftRightArithmetic, &[&x, &y]),
        }
    }

    fn both_bool(&self, other: &Array) -> bool {
        self.dtype() == DType::Bool && other.dtype() == DType::Bool
    }
}

/// Applies a primitive of two operands after promoting them to one dtype.
#[track_caller]
pub(super) fn binary_op(prim: impl crate::ir::primitive::Primitive, x: &Array, y: &Array) -> Array {
    if x.dtype() == y.dtype() && x.shape() == y.shape() {
        return bind1(prim, &[x, y]);
    }
    let [x, y] = met([x.clone(), y.clone()]);
    bind1(prim, &[&x, &y])
}

/// The right operand of an operator whose left operand is an array: an array, a reference to one, or a Rust number. A
/// Rust number is weakly typed, like a Python scalar in JAX.
///
/// ```
/// use cotangent::Array;
/// let (x, n) = (Array::from([1.0f32, 2.0]), 4usize);
/// assert_eq!((x * 2.0f32 / n).to_vec::<f32>(), [0.5, 1.0]);
/// ```
///
/// On the left, the type of a literal has to be known before the operator is. It is therefore `f64`, `i32` or
/// `Complex<f64>`. Other types need `Array::from`.
///
/// ```
/// use cotangent::Array;
/// let n = 4usize;
/// assert_eq!((2.0 * Array::from(n)).item::<f32>(), 8.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operand for an array",
    label = "an operand is an array, a reference to one, or a number",
    note = "convert a list with `np::array(list)`, and a scalar of another type with `Array::scalar(x)`"
)]
pub trait Operand {
    /// The array, or a reference to it.
    type Array: Borrow<Array>;
    /// Returns the operand as an array or a reference to one.
    fn into_operand(self) -> Self::Array;
}

impl<'a> Operand for &'a Array {
    type Array = &'a Array;
    fn into_operand(self) -> &'a Array {
        self
    }
}

impl Operand for Array {
    type Array = Array;
    fn into_operand(self) -> Array {
        self
    }
}

macro_rules! scalar_operands {
    ($($t:ty),*) => { $(
        impl Operand for $t {
            type Array = Array;
            fn into_operand(self) -> Array {
                self.into()
            }
        }
    )* };
}

scalar_operands!(bool, i32, i64, u32, usize, f32, f64, num_complex::Complex<f64>);

macro_rules! operators {
    ($($Trait:ident $method:ident $name:ident;)*) => { $(
        impl<T: Operand> $Trait<T> for &Array {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: T) -> Array {
                self.$name(other.into_operand().borrow())
            }
        }
        impl<T: Operand> $Trait<T> for Array {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: T) -> Array {
                self.$name(other.into_operand().borrow())
            }
        }
        operators!(@scalar $Trait $method $name: i32, f64, num_complex::Complex<f64>);
    )* };
    (@scalar $Trait:ident $method:ident $name:ident: $($t:ty),*) => { $(
        impl $Trait<&Array> for $t {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: &Array) -> Array {
                Array::from(self).$name(other)
            }
        }
        impl $Trait<Array> for $t {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: Array) -> Array {
                Array::from(self).$name(&other)
            }
        }
    )* };
}

operators! {
    Add add op_add;
    Sub sub op_sub;
    Mul mul op_mul;
    Div div op_div;
    Rem rem op_rem;
    BitAnd bitand op_bitand;
    BitOr bitor op_bitor;
    BitXor bitxor op_bitxor;
    Shl shl op_shl;
    Shr shr op_shr;
}

macro_rules! assign_operators {
    ($($Trait:ident $method:ident $name:ident;)*) => { $(
        impl<T: ArrayLike> std::ops::$Trait<T> for Array {
            #[track_caller]
            fn $method(&mut self, other: T) {
                *self = self.$name(&other.to_array());
            }
        }
    )* };
}

assign_operators! {
    AddAssign add_assign op_add;
    SubAssign sub_assign op_sub;
    MulAssign mul_assign op_mul;
    DivAssign div_assign op_div;
}

impl Neg for &Array {
    type Output = Array;
    #[track_caller]
    fn neg(self) -> Array {
        bind1(unary::Neg, &[self])
    }
}

impl Neg for Array {
    type Output = Array;
    #[track_caller]
    fn neg(self) -> Array {
        bind1(unary::Neg, &[&self])
    }
}

impl Not for &Array {
    type Output = Array;
    #[track_caller]
    fn not(self) -> Array {
        self.logical_not()
    }
}

impl Not for Array {
    type Output = Array;
    #[track_caller]
    fn not(self) -> Array {
        self.logical_not()
    }
}
