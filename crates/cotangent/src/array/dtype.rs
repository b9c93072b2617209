//! Element types, and the Rust types that hold them.

use std::fmt;
use std::str::FromStr;

use bytemuck::{CheckedBitPattern, NoUninit, Zeroable};
use half::{bf16, f16};
use num_complex::Complex;

use crate::error::Error;

/// The type of an array's elements.
///
/// ```
/// use cotangent::DType;
/// assert_eq!(DType::F32.to_string(), "f32");
/// assert!(DType::ALL.contains(&DType::BF16));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are self-explanatory")]
pub enum DType {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    BF16,
    F32,
    F64,
    C64,
    C128,
}

/// The families of element types.
///
/// ```
/// use cotangent::DType;
/// use cotangent::extend::Kind;
/// assert_eq!(DType::BF16.kind(), Kind::Float);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Booleans.
    Bool,
    /// Signed integers.
    Int,
    /// Unsigned integers.
    Uint,
    /// Real floating-point numbers.
    Float,
    /// Complex floating-point numbers.
    Complex,
}

impl DType {
    /// Every dtype, in order.
    pub const ALL: [DType; 15] = {
        use DType::*;
        [Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, BF16, F32, F64, C64, C128]
    };

    /// JAX's short name, as a jaxpr prints it: `f32`, `i32`, `bool`.
    ///
    /// ```
    /// use cotangent::DType;
    /// assert_eq!(DType::U8.name(), "u8");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "i8",
            DType::I16 => "i16",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::U8 => "u8",
            DType::U16 => "u16",
            DType::U32 => "u32",
            DType::U64 => "u64",
            DType::F16 => "f16",
            DType::BF16 => "bf16",
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::C64 => "c64",
            DType::C128 => "c128",
        }
    }

    /// The element type's name in StableHLO.
    ///
    /// ```
    /// use cotangent::DType;
    /// assert_eq!(DType::U8.mlir(), "ui8");
    /// ```
    #[must_use]
    pub const fn mlir(self) -> &'static str {
        match self {
            DType::Bool => "i1",
            DType::U8 => "ui8",
            DType::U16 => "ui16",
            DType::U32 => "ui32",
            DType::U64 => "ui64",
            DType::C64 => "complex<f32>",
            DType::C128 => "complex<f64>",
            other => other.name(),
        }
    }

    /// The family it belongs to.
    ///
    /// ```
    /// use cotangent::DType;
    /// use cotangent::extend::Kind;
    /// assert_eq!(DType::U8.kind(), Kind::Uint);
    /// ```
    #[must_use]
    pub const fn kind(self) -> Kind {
        use DType::*;
        match self {
            Bool => Kind::Bool,
            I8 | I16 | I32 | I64 => Kind::Int,
            U8 | U16 | U32 | U64 => Kind::Uint,
            F16 | BF16 | F32 | F64 => Kind::Float,
            C64 | C128 => Kind::Complex,
        }
    }

    /// The size of one element in bytes.
    ///
    /// ```
    /// use cotangent::DType;
    /// assert_eq!(DType::F32.byte_size(), 4);
    /// ```
    #[must_use]
    pub const fn byte_size(self) -> usize {
        use DType::*;
        match self {
            Bool | I8 | U8 => 1,
            I16 | U16 | F16 | BF16 => 2,
            I32 | U32 | F32 => 4,
            I64 | U64 | F64 | C64 => 8,
            C128 => 16,
        }
    }

    /// The size of one element in bits.
    ///
    /// ```
    /// use cotangent::DType;
    /// assert_eq!(DType::F32.bits(), 32);
    /// ```
    #[must_use]
    pub const fn bits(self) -> usize {
        self.byte_size() * 8
    }

    /// Signed or unsigned integers (not booleans).
    ///
    /// ```
    /// use cotangent::DType;
    /// assert!(DType::U8.is_integer());
    /// assert!(!DType::Bool.is_integer());
    /// ```
    #[must_use]
    pub const fn is_integer(self) -> bool {
        matches!(self.kind(), Kind::Int | Kind::Uint)
    }

    /// Real floating-point numbers.
    ///
    /// ```
    /// use cotangent::DType;
    /// assert!(DType::BF16.is_float());
    /// assert!(!DType::C64.is_float());
    /// ```
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self.kind(), Kind::Float)
    }

    /// Complex numbers.
    ///
    /// ```
    /// use cotangent::DType;
    /// assert!(DType::C64.is_complex());
    /// ```
    #[must_use]
    pub const fn is_complex(self) -> bool {
        matches!(self.kind(), Kind::Complex)
    }

    /// Real or complex floating-point numbers, which can be differentiated.
    ///
    /// ```
    /// use cotangent::DType;
    /// assert!(DType::C64.is_inexact());
    /// assert!(!DType::I32.is_inexact());
    /// ```
    #[must_use]
    pub const fn is_inexact(self) -> bool {
        matches!(self.kind(), Kind::Float | Kind::Complex)
    }

    /// The dtype of the real and imaginary parts; for other dtypes, the dtype itself.
    ///
    /// ```
    /// use cotangent::DType;
    /// assert_eq!(DType::C128.real(), DType::F64);
    /// ```
    #[must_use]
    pub const fn real(self) -> DType {
        match self {
            DType::C64 => DType::F32,
            DType::C128 => DType::F64,
            other => other,
        }
    }

    /// The unsigned integer of the same width.
    ///
    /// ```
    /// use cotangent::DType;
    /// assert_eq!(DType::F32.unsigned(), DType::U32);
    /// ```
    #[must_use]
    pub const fn unsigned(self) -> DType {
        match self.byte_size() {
            1 => DType::U8,
            2 => DType::U16,
            4 => DType::U32,
            _ => DType::U64,
        }
    }

    /// The widest dtype of its family.
    pub(crate) const fn widest(self) -> DType {
        match self.kind() {
            Kind::Bool => DType::Bool,
            Kind::Int => DType::I64,
            Kind::Uint => DType::U64,
            Kind::Float => DType::F64,
            Kind::Complex => DType::C128,
        }
    }

    /// The signed integer of the same width.
    pub(crate) const fn signed(self) -> DType {
        match self.byte_size() {
            1 => DType::I8,
            2 => DType::I16,
            4 => DType::I32,
            _ => DType::I64,
        }
    }

    /// For a float dtype, the smallest integer n for which 2ⁿ is infinite.
    pub(crate) const fn max_exponent(self) -> i32 {
        match self {
            DType::F16 => 16,
            DType::BF16 | DType::F32 => f32::MAX_EXP,
            _ => f64::MAX_EXP,
        }
    }

    /// The number of bits of a float after its leading one.
    pub(crate) const fn mantissa_bits(self) -> i32 {
        match self {
            DType::F16 => 10,
            DType::BF16 => 7,
            DType::F32 => f32::MANTISSA_DIGITS as i32 - 1,
            _ => f64::MANTISSA_DIGITS as i32 - 1,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Parses the result of [`name`](DType::name).
///
/// ```
/// use cotangent::DType;
/// assert_eq!("f32".parse::<DType>().unwrap(), DType::F32);
/// assert!("float32".parse::<DType>().is_err());
/// ```
impl FromStr for DType {
    type Err = Error;
    fn from_str(name: &str) -> Result<DType, Error> {
        DType::ALL.into_iter().find(|dtype| dtype.name() == name).ok_or_else(|| {
            let known = DType::ALL.map(DType::name).join(", ");
            Error::dtype(format!("there is no dtype `{name}`")).help(format!("the dtypes are {known}"))
        })
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A Rust type whose values can be elements of an array.
///
/// ```
/// use cotangent::{DType, Element};
/// assert_eq!(f32::DTYPE, DType::F32);
/// ```
pub trait Element:
    Copy + fmt::Debug + Send + Sync + NoUninit + Zeroable + CheckedBitPattern + sealed::Sealed + 'static
{
    /// The dtype of arrays of this type.
    const DTYPE: DType;

    /// The value in its widest form.
    fn to_scalar(self) -> crate::array::literal::Scalar;

    /// The nearest value of this type, as in a conversion between arrays.
    fn from_scalar(value: crate::array::literal::Scalar) -> Self;
}

macro_rules! elements {
    ($($t:ty: $dtype:ident, $to:expr, $from:expr;)*) => { $(
        impl sealed::Sealed for $t {}
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            fn to_scalar(self) -> crate::array::literal::Scalar {
                #[allow(clippy::redundant_closure_call)]
                ($to)(self)
            }
            fn from_scalar(value: crate::array::literal::Scalar) -> Self {
                #[allow(clippy::redundant_closure_call)]
                ($from)(value)
            }
        }
    )* };
}

use crate::array::literal::Scalar;

elements! {
    bool: Bool, Scalar::Bool, |s: Scalar| s.to_bool();
    i8: I8, |x| Scalar::Int(i64::from(x)), |s: Scalar| s.to_i64() as i8;
    i16: I16, |x| Scalar::Int(i64::from(x)), |s: Scalar| s.to_i64() as i16;
    i32: I32, |x| Scalar::Int(i64::from(x)), |s: Scalar| s.to_i64() as i32;
    i64: I64, Scalar::Int, |s: Scalar| s.to_i64();
    u8: U8, |x| Scalar::Uint(u64::from(x)), |s: Scalar| s.to_u64() as u8;
    u16: U16, |x| Scalar::Uint(u64::from(x)), |s: Scalar| s.to_u64() as u16;
    u32: U32, |x| Scalar::Uint(u64::from(x)), |s: Scalar| s.to_u64() as u32;
    u64: U64, Scalar::Uint, |s: Scalar| s.to_u64();
    f16: F16, |x: f16| Scalar::Float(x.to_f64()), |s: Scalar| f16::from_f64(s.to_f64());
    bf16: BF16, |x: bf16| Scalar::Float(x.to_f64()), |s: Scalar| bf16::from_f64(s.to_f64());
    f32: F32, |x| Scalar::Float(f64::from(x)), |s: Scalar| s.to_f64() as f32;
    f64: F64, Scalar::Float, |s: Scalar| s.to_f64();
    Complex<f32>: C64, |x: Complex<f32>| Scalar::Complex(f64::from(x.re), f64::from(x.im)),
        |s: Scalar| { let (re, im) = s.to_complex(); Complex::new(re as f32, im as f32) };
    Complex<f64>: C128, |x: Complex<f64>| Scalar::Complex(x.re, x.im),
        |s: Scalar| { let (re, im) = s.to_complex(); Complex::new(re, im) };
}

/// Calls a generic function with the Rust type of a dtype.
macro_rules! with_element {
    ($dtype:expr, $T:ident => $body:expr) => {{
        use $crate::array::dtype::DType as D;
        match $dtype {
            D::Bool => {
                type $T = bool;
                $body
            }
            D::I8 => {
                type $T = i8;
                $body
            }
            D::I16 => {
                type $T = i16;
                $body
            }
            D::I32 => {
                type $T = i32;
                $body
            }
            D::I64 => {
                type $T = i64;
                $body
            }
            D::U8 => {
                type $T = u8;
                $body
            }
            D::U16 => {
                type $T = u16;
                $body
            }
            D::U32 => {
                type $T = u32;
                $body
            }
            D::U64 => {
                type $T = u64;
                $body
            }
            D::F16 => {
                type $T = half::f16;
                $body
            }
            D::BF16 => {
                type $T = half::bf16;
                $body
            }
            D::F32 => {
                type $T = f32;
                $body
            }
            D::F64 => {
                type $T = f64;
                $body
            }
            D::C64 => {
                type $T = num_complex::Complex<f32>;
                $body
            }
            D::C128 => {
                type $T = num_complex::Complex<f64>;
                $body
            }
        }
    }};
}
pub(crate) use with_element;
