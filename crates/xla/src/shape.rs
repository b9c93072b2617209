//! Element types and array shapes of PJRT.

use std::fmt;

macro_rules! element_types {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $bytes:literal, $text:literal;)*) => {
        /// The type of one array element.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ElementType {
            $($(#[$doc])* $name,)*
        }

        impl ElementType {
            /// Every element type.
            pub const ALL: &'static [ElementType] = &[$(ElementType::$name),*];

            /// The size of one element in bytes, on the host and on a device. A predicate takes a whole byte.
            #[inline]
            pub const fn byte_size(self) -> usize {
                match self { $(ElementType::$name => $bytes,)* }
            }

            /// The name in XLA's notation: `f32`, `pred`, …
            pub const fn name(self) -> &'static str {
                match self { $(ElementType::$name => $text,)* }
            }

            /// PJRT's number for the type.
            #[inline]
            pub(crate) const fn code(self) -> i32 {
                match self { $(ElementType::$name => $code,)* }
            }

            /// The type with PJRT's number `code`, if this crate supports it.
            pub(crate) fn from_code(code: i32) -> Option<ElementType> {
                match code { $($code => Some(ElementType::$name),)* _ => None }
            }
        }
    };
}

element_types! {
    /// A boolean; one byte, 0 or 1.
    Pred = 1, 1, "pred";
    /// Signed 8-bit integer.
    S8 = 2, 1, "s8";
    /// Signed 16-bit integer.
    S16 = 3, 2, "s16";
    /// Signed 32-bit integer.
    S32 = 4, 4, "s32";
    /// Signed 64-bit integer.
    S64 = 5, 8, "s64";
    /// Unsigned 8-bit integer.
    U8 = 6, 1, "u8";
    /// Unsigned 16-bit integer.
    U16 = 7, 2, "u16";
    /// Unsigned 32-bit integer.
    U32 = 8, 4, "u32";
    /// Unsigned 64-bit integer.
    U64 = 9, 8, "u64";
    /// IEEE half precision.
    F16 = 10, 2, "f16";
    /// The upper half of an `f32`: 8 bits of exponent, 7 of mantissa.
    BF16 = 13, 2, "bf16";
    /// IEEE single precision.
    F32 = 11, 4, "f32";
    /// IEEE double precision.
    F64 = 12, 8, "f64";
    /// A complex number of two `f32` parts.
    C64 = 14, 8, "c64";
    /// A complex number of two `f64` parts.
    C128 = 15, 16, "c128";
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The type of a dense array: element type and dimensions. The last dimension varies fastest in memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ArrayShape {
    /// Element type.
    pub ty: ElementType,
    /// Dimensions, outermost first; empty for a scalar.
    pub dims: Vec<i64>,
}

impl ArrayShape {
    /// An array type.
    pub fn new(ty: ElementType, dims: impl Into<Vec<i64>>) -> Self {
        Self { ty, dims: dims.into() }
    }

    /// The type of a scalar.
    pub fn scalar(ty: ElementType) -> Self {
        Self { ty, dims: Vec::new() }
    }

    /// The number of elements; `None` if a dimension is negative or the count overflows.
    pub fn element_count(&self) -> Option<usize> {
        self.dims.iter().try_fold(1usize, |n, &d| n.checked_mul(usize::try_from(d).ok()?))
    }

    /// The size of the array in bytes; `None` if a dimension is negative or the size overflows.
    pub fn byte_size(&self) -> Option<usize> {
        self.element_count()?.checked_mul(self.ty.byte_size())
    }
}

impl fmt::Display for ArrayShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[", self.ty)?;
        for (i, d) in self.dims.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{d}")?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_print_as_xla_prints_them() {
        assert_eq!(ArrayShape::new(ElementType::F32, [2, 3]).to_string(), "f32[2,3]");
        assert_eq!(ArrayShape::scalar(ElementType::Pred).to_string(), "pred[]");
    }

    #[test]
    fn sizes_that_do_not_fit_are_none() {
        assert_eq!(ArrayShape::new(ElementType::F64, [3, 0]).byte_size(), Some(0));
        assert_eq!(ArrayShape::new(ElementType::F64, [-1]).byte_size(), None);
        assert_eq!(ArrayShape::new(ElementType::F64, [i64::MAX]).byte_size(), None);
        assert_eq!(ArrayShape::new(ElementType::C128, [2, 2]).byte_size(), Some(64));
    }

    #[test]
    fn codes_round_trip() {
        for &ty in ElementType::ALL {
            assert_eq!(ElementType::from_code(ty.code()), Some(ty));
        }
        assert_eq!(ElementType::from_code(0), None);
    }
}
