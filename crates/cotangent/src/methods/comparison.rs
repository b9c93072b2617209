//! Comparisons of each element.

use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::promote::promote_types;
use crate::array::{Array, ArrayLike};
use crate::ops::compare::{Eq, Ge, Gt, Le, Lt, Ne};
use crate::ops::{broadcast, fits, met, select};
use crate::trace::frames::bind1;

macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident $T:ident $op:tt;)*) => {
        impl Array {
            $(
                $(#[$doc])*
                #[doc = concat!("\n```\n# use cotangent::prelude::*;\nlet y = Array::from([6, 3]).", stringify!($name), "(&Array::from([4, 3]));\nassert_eq!(y.to_vec::<bool>(), [6 ", stringify!($op), " 4, 3 ", stringify!($op), " 3]);\n```")]
                #[track_caller]
                pub fn $name(&self, other: impl ArrayLike) -> Array {
                    let [x, y] = compared([self.clone(), other.to_array()]);
                    bind1($T, &[&x, &y])
                }
            )*
        }
    };
}

comparisons! {
    /// Where the elements are equal.
    equal Eq ==;
    /// Where the elements differ.
    not_equal Ne !=;
    /// Where the elements are less than those of `other`.
    less Lt <;
    /// Where the elements are at most those of `other`.
    less_equal Le <=;
    /// Where the elements are greater than those of `other`.
    greater Gt >;
    /// Where the elements are at least those of `other`.
    greater_equal Ge >=;
}

/// The operands of a comparison in one dtype and shape, in the order that their values have.
///
/// Where the promotion of integers would change a value (a Rust integer that the other's dtype does not hold, unsigned
/// ones of 64 bits beside signed ones), they meet in a wider dtype, or as other numbers in the same order.
#[track_caller]
fn compared([x, y]: [Array; 2]) -> [Array; 2] {
    let integers = x.dtype().is_integer() && y.dtype().is_integer();
    if !integers || x.dtype() == y.dtype() || (fits(&x, y.dtype()) || fits(&y, x.dtype())) {
        return met([x, y]);
    }
    let (a, b) = (x.dtype(), y.dtype());
    match promote_types((a, false), (b, false)) {
        (dtype, _) if dtype.is_integer() => met([x.astype(dtype), y.astype(dtype)]),
        _ if a == DType::U64 => unsigned_beside_signed([x, y]),
        _ => {
            let [y, x] = unsigned_beside_signed([y, x]);
            [x, y]
        }
    }
}

/// Unsigned numbers of 64 bits beside signed ones: as unsigned ones in the same order. A negative number is less than
/// any unsigned one, as 0 is less than 1.
#[track_caller]
fn unsigned_beside_signed(operands: [Array; 2]) -> [Array; 2] {
    let [u, s] = broadcast(operands);
    let shape = if u.ndim() > 0 { u.shape() } else { s.shape() };
    let number = |v: i64| Array::literal(Literal::int(DType::U64, v));
    let negative = s.less(Array::literal(Literal::int(s.dtype(), 0)));
    [select(&negative, &number(1), &u, shape), select(&negative, &number(0), &s.astype(DType::U64), shape)]
}
