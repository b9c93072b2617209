//! Scalars: the literals of a jaxpr and host values of rank zero.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::array::aval::{Aval, Shape};
use crate::array::dtype::{DType, Element, Kind, with_element};

/// A scalar in the widest form of its family.
///
/// ```
/// use cotangent::extend::{Literal, Scalar};
/// assert_eq!(Literal::strong(2u8).value(), Scalar::Uint(2));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Scalar {
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A real number.
    Float(f64),
    /// A complex number: real and imaginary part.
    Complex(f64, f64),
}

impl Scalar {
    pub(crate) fn to_bool(self) -> bool {
        match self {
            Scalar::Bool(x) => x,
            Scalar::Int(x) => x != 0,
            Scalar::Uint(x) => x != 0,
            Scalar::Float(x) => x != 0.0,
            Scalar::Complex(re, im) => re != 0.0 || im != 0.0,
        }
    }

    pub(crate) fn to_i64(self) -> i64 {
        match self {
            Scalar::Bool(x) => i64::from(x),
            Scalar::Int(x) => x,
            Scalar::Uint(x) => x as i64,
            Scalar::Float(x) | Scalar::Complex(x, _) => x as i64,
        }
    }

    pub(crate) fn to_u64(self) -> u64 {
        match self {
            Scalar::Uint(x) => x,
            Scalar::Float(x) | Scalar::Complex(x, _) => x as u64,
            other => other.to_i64() as u64,
        }
    }

    /// The value of an integer or boolean; for other numbers, the integer part.
    pub(crate) fn to_i128(self) -> i128 {
        match self {
            Scalar::Uint(x) => x.into(),
            other => other.to_i64().into(),
        }
    }

    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Scalar::Bool(x) => f64::from(u8::from(x)),
            Scalar::Int(x) => x as f64,
            Scalar::Uint(x) => x as f64,
            Scalar::Float(x) | Scalar::Complex(x, _) => x,
        }
    }

    pub(crate) fn to_complex(self) -> (f64, f64) {
        match self {
            Scalar::Complex(re, im) => (re, im),
            other => (other.to_f64(), 0.0),
        }
    }

    /// The bits that equality and hashing compare: `-0.0` differs from `0.0`, and a NaN equals itself.
    fn key(self) -> (u8, u64, u64) {
        match self {
            Scalar::Bool(x) => (0, u64::from(x), 0),
            Scalar::Int(x) => (1, x as u64, 0),
            Scalar::Uint(x) => (2, x, 0),
            Scalar::Float(x) => (3, x.to_bits(), 0),
            Scalar::Complex(re, im) => (4, re.to_bits(), im.to_bits()),
        }
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Scalar) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// A scalar with its dtype. A weakly typed scalar keeps its full value until its dtype is decided.
///
/// ```
/// use cotangent::extend::Literal;
/// assert_eq!(Literal::strong(2.5f32).to_string(), "2.5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Literal {
    value: Scalar,
    dtype: DType,
    weak: bool,
}

impl Literal {
    /// A scalar of exactly this dtype. `value` is rounded or wrapped to it.
    ///
    /// ```
    /// use cotangent::DType;
    /// use cotangent::extend::{Literal, Scalar};
    /// assert_eq!(Literal::new(DType::U8, Scalar::Int(300)).value(), Scalar::Uint(44));
    /// ```
    #[must_use]
    pub fn new(dtype: DType, value: Scalar) -> Literal {
        Literal { value: round(dtype, value), dtype, weak: false }
    }

    /// A scalar of the Rust type's own dtype, strongly typed.
    ///
    /// ```
    /// use cotangent::DType;
    /// use cotangent::extend::{Literal, Scalar};
    /// assert_eq!(Literal::strong(2.0f64), Literal::new(DType::F64, Scalar::Float(2.0)));
    /// ```
    #[must_use]
    pub fn strong<T: Element>(value: T) -> Literal {
        Literal { value: value.to_scalar(), dtype: T::DTYPE, weak: false }
    }

    /// A Rust literal next to an array: its family is known, but its width is not decided yet.
    ///
    /// ```
    /// use cotangent::extend::{Literal, Scalar};
    /// assert!(Literal::weak(Scalar::Float(2.0)).weak_type());
    /// ```
    #[must_use]
    pub fn weak(value: Scalar) -> Literal {
        match value {
            Scalar::Bool(_) => Literal { value, dtype: DType::Bool, weak: false },
            // A value that does not fit the default integer type is kept and becomes strongly typed.
            Scalar::Int(x) if i32::try_from(x).is_err() => Literal { value, dtype: DType::I64, weak: false },
            Scalar::Uint(x) => match i64::try_from(x) {
                Ok(x) => Literal::weak(Scalar::Int(x)),
                Err(_) => Literal { value, dtype: DType::U64, weak: false },
            },
            Scalar::Int(_) => Literal { value, dtype: DType::I32, weak: true },
            Scalar::Float(_) => Literal { value, dtype: DType::F32, weak: true },
            Scalar::Complex(..) => Literal { value, dtype: DType::C64, weak: true },
        }
    }

    /// The value in its widest form. A weakly typed scalar may have more digits than its dtype holds.
    ///
    /// ```
    /// use cotangent::extend::{Literal, Scalar};
    /// assert_eq!(Literal::weak(Scalar::Float(0.1)).value(), Scalar::Float(0.1));
    /// ```
    #[must_use]
    pub fn value(&self) -> Scalar {
        self.value
    }

    /// The value as a device holds it: rounded to the dtype.
    ///
    /// ```
    /// use cotangent::extend::{Literal, Scalar};
    /// assert_eq!(Literal::weak(Scalar::Float(0.1)).rounded(), Scalar::Float(f64::from(0.1f32)));
    /// ```
    #[must_use]
    pub fn rounded(&self) -> Scalar {
        if self.weak { round(self.dtype, self.value) } else { self.value }
    }

    /// Its dtype.
    ///
    /// ```
    /// use cotangent::DType;
    /// use cotangent::extend::{Literal, Scalar};
    /// assert_eq!(Literal::weak(Scalar::Int(1)).dtype(), DType::I32);
    /// ```
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Whether its dtype gives way to that of another operand.
    ///
    /// ```
    /// use cotangent::extend::Literal;
    /// assert!(!Literal::strong(1i32).weak_type());
    /// ```
    #[must_use]
    pub fn weak_type(&self) -> bool {
        self.weak
    }

    /// Its abstract value, of rank zero.
    ///
    /// ```
    /// use cotangent::extend::Literal;
    /// assert_eq!(Literal::strong(1i32).aval().rank(), 0);
    /// ```
    #[must_use]
    pub fn aval(&self) -> Aval {
        Aval::new(self.dtype, Shape::default()).with_weak_type(self.weak)
    }

    /// The same number in another dtype. A literal that stays weakly typed keeps its full value.
    ///
    /// ```
    /// use cotangent::DType;
    /// use cotangent::extend::Literal;
    /// assert_eq!(Literal::strong(2i32).convert(DType::F32, false), Literal::strong(2.0f32));
    /// ```
    #[must_use]
    pub fn convert(&self, dtype: DType, weak: bool) -> Literal {
        // While it is weakly typed, it is only converted to the widest form of the new family.
        let held = if weak && self.weak { dtype.widest() } else { dtype };
        Literal { value: round(held, self.value), dtype, weak }
    }

    /// The bytes of the value, in native byte order.
    pub(crate) fn bytes(&self) -> smallvec::SmallVec<[u8; 16]> {
        with_element!(self.dtype, T => bytemuck::bytes_of(&T::from_scalar(self.value)).into())
    }

    /// A literal of `dtype` from the bytes of one element.
    pub(crate) fn from_bytes(dtype: DType, weak: bool, bytes: &[u8]) -> Literal {
        let value = with_element!(dtype, T => bytemuck::checked::pod_read_unaligned::<T>(bytes).to_scalar());
        Literal { value, dtype, weak }
    }
}

/// `value` rounded to an element of `dtype`, in the widest form.
fn round(dtype: DType, value: Scalar) -> Scalar {
    with_element!(dtype, T => T::from_scalar(value).to_scalar())
}

/// A boolean as Python writes it.
pub(crate) fn python(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let float = |f: &mut fmt::Formatter<'_>, x: f64| match self.dtype.real() {
            // The shortest digits that parse as the same number in this dtype.
            DType::F64 => write!(f, "{x:?}"),
            _ => write!(f, "{:?}", x as f32),
        };
        match self.rounded() {
            Scalar::Bool(x) => f.write_str(python(x)),
            Scalar::Int(x) => write!(f, "{x}"),
            Scalar::Uint(x) => write!(f, "{x}"),
            Scalar::Float(x) => float(f, x),
            Scalar::Complex(re, im) => {
                f.write_str("(")?;
                float(f, re)?;
                if !im.is_sign_negative() {
                    f.write_str("+")?;
                }
                float(f, im)?;
                f.write_str("j)")
            }
        }
    }
}

impl Literal {
    /// Zero, one, or another small integer, in any dtype.
    ///
    /// ```
    /// use cotangent::DType;
    /// use cotangent::extend::Literal;
    /// assert_eq!(Literal::int(DType::F32, 1), Literal::strong(1.0f32));
    /// ```
    #[must_use]
    pub fn int(dtype: DType, value: i64) -> Literal {
        Literal::new(
            dtype,
            match dtype.kind() {
                Kind::Bool => Scalar::Bool(value != 0),
                _ => Scalar::Int(value),
            },
        )
    }

    /// A real number in any dtype.
    ///
    /// ```
    /// use cotangent::DType;
    /// use cotangent::extend::Literal;
    /// assert_eq!(Literal::float(DType::F64, 0.5), Literal::strong(0.5f64));
    /// ```
    #[must_use]
    pub fn float(dtype: DType, value: f64) -> Literal {
        Literal::new(dtype, Scalar::Float(value))
    }
}
