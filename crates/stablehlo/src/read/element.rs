use std::fmt;
use std::sync::Arc;

/// The type of a tensor's elements, or of a scalar attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Element {
    /// `i1`
    Bool,
    I2,
    I4,
    I8,
    I16,
    I32,
    I64,
    U2,
    U4,
    U8,
    U16,
    U32,
    U64,
    F4E2M1FN,
    F6E2M3FN,
    F6E3M2FN,
    F8E3M4,
    F8E4M3,
    F8E4M3FN,
    F8E4M3FNUZ,
    F8E4M3B11FNUZ,
    F8E5M2,
    F8E5M2FNUZ,
    F8E8M0FNU,
    BF16,
    F16,
    F32,
    F64,
    TF32,
    /// `complex<f32>`
    C64,
    /// `complex<f64>`
    C128,
    /// `index`
    Index,
    /// Another type, as text: `!quant.uniform<i8:f32, 2.0>`.
    Other(Arc<str>),
}

use Element::*;

/// The MLIR name of each element type.
pub(crate) const NAMES: [(Element, &str); 32] = [
    (Bool, "i1"),
    (I2, "i2"),
    (I4, "i4"),
    (I8, "i8"),
    (I16, "i16"),
    (I32, "i32"),
    (I64, "i64"),
    (U2, "ui2"),
    (U4, "ui4"),
    (U8, "ui8"),
    (U16, "ui16"),
    (U32, "ui32"),
    (U64, "ui64"),
    (F4E2M1FN, "f4E2M1FN"),
    (F6E2M3FN, "f6E2M3FN"),
    (F6E3M2FN, "f6E3M2FN"),
    (F8E3M4, "f8E3M4"),
    (F8E4M3, "f8E4M3"),
    (F8E4M3FN, "f8E4M3FN"),
    (F8E4M3FNUZ, "f8E4M3FNUZ"),
    (F8E4M3B11FNUZ, "f8E4M3B11FNUZ"),
    (F8E5M2, "f8E5M2"),
    (F8E5M2FNUZ, "f8E5M2FNUZ"),
    (F8E8M0FNU, "f8E8M0FNU"),
    (BF16, "bf16"),
    (F16, "f16"),
    (F32, "f32"),
    (F64, "f64"),
    (TF32, "tf32"),
    (C64, "complex<f32>"),
    (C128, "complex<f64>"),
    (Index, "index"),
];

impl Element {
    /// The MLIR name: `f32`, `i1`, `ui8`, `complex<f64>`, …
    pub fn name(&self) -> &str {
        match self {
            Other(text) => text,
            known => NAMES.iter().find(|(e, _)| e == known).map_or("", |(_, name)| name),
        }
    }

    pub(crate) fn named(name: &str) -> Option<Element> {
        NAMES.iter().find(|(_, n)| *n == name).map(|(e, _)| e.clone())
    }

    /// The bytes that an element takes in [`Dense`](super::Dense): one for a boolean and for any type that is narrower
    /// than a byte. `None` for [`Element::Other`].
    pub fn size(&self) -> Option<usize> {
        Some(match self {
            Other(_) => return None,
            BF16 | F16 | I16 | U16 => 2,
            F32 | TF32 | I32 | U32 => 4,
            F64 | I64 | U64 | C64 | Index => 8,
            C128 => 16,
            _ => 1,
        })
    }

    /// The number of significant bits.
    pub(crate) fn bits(&self) -> Option<u32> {
        Some(match self {
            Other(_) | C64 | C128 => return None,
            Bool => 1,
            I2 | U2 => 2,
            I4 | U4 | F4E2M1FN => 4,
            F6E2M3FN | F6E3M2FN => 6,
            TF32 => 19,
            other => 8 * other.size()? as u32,
        })
    }

    /// Whether it is a real floating-point type.
    pub fn is_float(&self) -> bool {
        use Element as E;
        matches!(self, E::F4E2M1FN | E::F6E2M3FN | E::F6E3M2FN | E::F8E3M4 | E::F8E4M3 | E::F8E4M3FN | E::F8E4M3FNUZ)
            || matches!(self, E::F8E4M3B11FNUZ | E::F8E5M2 | E::F8E5M2FNUZ | E::F8E8M0FNU)
            || matches!(self, E::BF16 | E::F16 | E::F32 | E::F64 | E::TF32)
    }

    /// Whether it is a signed integer type. MLIR's `index` is one.
    pub fn is_signed(&self) -> bool {
        matches!(self, I2 | I4 | I8 | I16 | I32 | I64 | Index)
    }

    /// Whether it is an unsigned integer type. Booleans are not.
    pub fn is_unsigned(&self) -> bool {
        matches!(self, U2 | U4 | U8 | U16 | U32 | U64)
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
