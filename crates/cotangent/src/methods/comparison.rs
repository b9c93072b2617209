//! Elementwise comparisons.

use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::promote::{allow_promotion, promote_types};
use crate::array::{Array, ArrayLike};
use crate::ops::compare::{Eq, Ge, Gt, Le, Lt, Ne};
use crate::ops::{broadcast, fits, met, select};
use crate::trace::frames::bind1;

macro_rules! comparisons {
    (@complex $T:ident $x:ident $y:ident) => {};
    (@complex $T:ident $x:ident $y:ident ordered) => {
        if $x.dtype().is_complex() {
            let (a, b) = ($x.real(), $y.real());
            let (first, second) = (bind1($T, &[&a, &b]), bind1($T, &[&$x.imag(), &$y.imag()]));
            return select(&a.equal(&b), &second, &first, first.shape());
        }
    };
    ($($(#[$doc:meta])* $name:ident $T:ident $op:tt $($ordered:ident)?;)*) => {
        impl Array {
            $(
                $(#[$doc])*
                #[doc = concat!("\n```\n# use cotangent::prelude::*;\nlet y = Array::from([6, 3]).", stringify!($name), "(&Array::from([4, 3]));\nassert_eq!(y.to_vec::<bool>(), [6 ", stringify!($op), " 4, 3 ", stringify!($op), " 3]);\n```")]
                #[track_caller]
                pub fn $name(&self, other: impl ArrayLike) -> Array {
                    let [x, y] = compared([self.clone(), other.to_array()]);
                    comparisons!(@complex $T x y $($ordered)?);
                    bind1($T, &[&x, &y])
                }
            )*
        }
    };
}

comparisons! {
    /// Returns whether each element equals that of `other`.
    equal Eq ==;
    /// Returns whether each element differs from that of `other`.
    not_equal Ne !=;
    /// Returns whether each element is less than that of `other`. Of complex numbers, the real parts
    /// decide, and if they are equal, the imaginary parts, as in NumPy.
    less Lt < ordered;
    /// Returns whether each element is less than or equal to that of `other`. Of complex numbers, the real parts
    /// decide, and if they are equal, the imaginary parts, as in NumPy.
    less_equal Le <= ordered;
    /// Returns whether each element is greater than that of `other`. Of complex numbers, the real parts
    /// decide, and if they are equal, the imaginary parts, as in NumPy.
    greater Gt > ordered;
    /// Returns whether each element is greater than or equal to that of `other`. Of complex numbers, the real parts
    /// decide, and if they are equal, the imaginary parts, as in NumPy.
    greater_equal Ge >= ordered;
}

/// Converts the operands of a comparison to one dtype and shape, and preserves the order of their values.
///
/// Promotion of integers may change a value: a Rust integer may be out of range for the other dtype, and `u64` with a
/// signed integer becomes a float. Such operands are converted to a wider dtype, or to other numbers in the same order.
#[track_caller]
fn compared([x, y]: [Array; 2]) -> [Array; 2] {
    let integers = x.dtype().is_integer() && y.dtype().is_integer();
    if !integers || x.dtype() == y.dtype() || (fits(&x, y.dtype()) || fits(&y, x.dtype())) {
        return met([x, y]);
    }
    let (a, b) = (x.dtype(), y.dtype());
    allow_promotion([&x, &y].map(|x| (x.dtype(), x.weak_type())).into_iter());
    match promote_types((a, false), (b, false)) {
        (dtype, _) if dtype.is_integer() => met([x.astype(dtype), y.astype(dtype)]),
        _ if a == DType::U64 => unsigned_beside_signed([x, y]),
        _ => {
            let [y, x] = unsigned_beside_signed([y, x]);
            [x, y]
        }
    }
}

/// Maps a `u64` operand and a signed operand to unsigned numbers in the same order. A negative number is less than any
/// unsigned number, as 0 is less than 1.
#[track_caller]
fn unsigned_beside_signed(operands: [Array; 2]) -> [Array; 2] {
    let [u, s] = broadcast(operands);
    let shape = if u.ndim() > 0 { u.shape() } else { s.shape() };
    let number = |v: i64| Array::literal(Literal::int(DType::U64, v));
    let negative = s.less(Array::literal(Literal::int(s.dtype(), 0)));
    [select(&negative, &number(1), &u, shape), select(&negative, &number(0), &s.astype(DType::U64), shape)]
}
