//! `Serialize` and `Deserialize`.
//!
//! An array is serialized as a struct of its dtype, its shape, whether it is weakly typed, and the bytes of its
//! elements: little-endian, in row-major order. Human-readable formats such as JSON store the bytes in base64, because
//! their numbers have no NaN or infinity, and not every reader returns the same bits. All other formats store them as
//! bytes.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::random::{Key, KeyImpl};

/// Serializes the dtype, the shape, whether it is weakly typed, and the bits of the elements. Needs the feature
/// `serde`.
///
/// JSON stores the elements in base64; a binary format stores their bytes.
///
/// ```
/// use cotangent::prelude::*;
/// let x = Array::from([1.0f32, f32::NAN]);
/// let text = serde_json::to_string(&x)?;
/// assert_eq!(text, r#"{"dtype":"f32","shape":[2],"weak_type":false,"data":"AACAPwAAwH8="}"#);
/// let same: Array = serde_json::from_str(&text)?;
/// assert_eq!(same.to_bytes()?, x.to_bytes()?);
///
/// #[derive(Clone, Tree, serde::Serialize, serde::Deserialize)]
/// struct Linear {
///     weight: Array,
///     bias: Array,
/// }
/// let model = Linear { weight: np::ones((2, 3)), bias: np::zeros(3) };
/// let model: Linear = serde_json::from_str(&serde_json::to_string(&model)?)?;
/// assert_eq!(model.weight.shape(), [2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the array is traced and has no value yet, or the computation failed.
impl Serialize for Array {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        Stored::of(self).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Array {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Array, D::Error> {
        Stored::deserialize(deserializer)?.array().map_err(de::Error::custom)
    }
}

/// The serialized form of an array.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Array", deny_unknown_fields)]
struct Stored<'a> {
    dtype: DType,
    shape: Shape,
    #[serde(default)]
    weak_type: bool,
    /// A weakly typed scalar may have more digits than its dtype, so its value is stored in the widest dtype of its
    /// family.
    data: Bytes<'a>,
}

impl Stored<'_> {
    fn of(array: &Array) -> Result<Stored<'static>> {
        let Aval { shape, dtype, weak_type } = array.aval();
        let data = match weak_type && shape.rank() == 0 {
            true => Literal::new(dtype.widest(), array.to_literal()?.value()).bytes().to_vec(),
            false => array.to_bytes()?,
        };
        Ok(Stored { dtype, shape, weak_type, data: Bytes(data.into()) })
    }

    fn array(self) -> Result<Array> {
        let Stored { dtype, shape, weak_type, data: Bytes(data) } = self;
        let scalar = weak_type && shape.rank() == 0;
        let held = if scalar { dtype.widest() } else { dtype };
        let bytes = shape.iter().try_fold(held.byte_size(), |n, size| n.checked_mul(*size));
        if bytes.is_none() {
            return Err(Error::shape(format!("an array {dtype}{shape} is too large to address")));
        }
        let array = Array::from_bytes(data, held, &shape)?;
        if !weak_type {
            return Ok(array);
        }
        let bytes = array.to_bytes()?;
        Ok(match scalar {
            true => Array::literal(Literal::from_bytes(held, true, &bytes).convert(dtype, true)),
            false => Array::of_bytes(bytes, Aval { shape, dtype, weak_type }),
        })
    }
}

/// Bytes, which human-readable formats store as base64.
struct Bytes<'a>(Cow<'a, [u8]>);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.collect_str(&Base64Display::new(&self.0, &STANDARD)),
            false => serializer.serialize_bytes(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Owned;
        impl<'de> Visitor<'de> for Owned {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the bytes of an array, as a base64 string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Vec<u8>, E> {
                STANDARD.decode(text).map_err(|e| E::custom(format_args!("the data is not base64: {e}")))
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> std::result::Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> std::result::Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        let bytes = match deserializer.is_human_readable() {
            true => deserializer.deserialize_str(Owned),
            false => deserializer.deserialize_byte_buf(Owned),
        };
        bytes.map(|bytes| Bytes(bytes.into()))
    }
}

/// Serializes the words, as an array. Its type tells the implementation: `u32[…, 2]` for the default one, `u32[…, 4]` for
/// [`KeyImpl::Rbg`] and, two words in one, `u64[…, 2]` for [`KeyImpl::UnsafeRbg`]. Needs the feature `serde`.
///
/// ```
/// use cotangent::prelude::*;
/// let text = serde_json::to_string(&random::key(7))?;
/// let key: random::Key = serde_json::from_str(&text)?;
/// assert_eq!(key.data().to_vec::<u32>(), [0, 7]);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.implementation() {
            KeyImpl::UnsafeRbg => {
                let pairs: Shape = self.shape().iter().copied().chain([2, 2]).collect();
                self.data().reshape(pairs).bitcast(DType::U64).serialize(serializer)
            }
            _ => self.data().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Key, D::Error> {
        let data = Array::deserialize(deserializer)?;
        let key = match (data.dtype(), data.shape()) {
            (DType::U32, [.., 4]) => Key::from_data_as(data, KeyImpl::Rbg),
            (DType::U64, [batch @ .., 2]) => {
                let shape: Shape = batch.iter().copied().chain([4]).collect();
                Key::from_data_as(data.bitcast(DType::U32).reshape(shape), KeyImpl::UnsafeRbg)
            }
            _ => Key::from_data(data),
        };
        key.map_err(de::Error::custom)
    }
}

/// Serializes the [`name`](DType::name). Needs the feature `serde`.
///
/// ```
/// use cotangent::DType;
/// assert_eq!(serde_json::to_string(&DType::BF16)?, r#""bf16""#);
/// assert_eq!(serde_json::from_str::<DType>(r#""bf16""#)?, DType::BF16);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl Serialize for DType {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for DType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<DType, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = DType;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a dtype, such as `f32`")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> std::result::Result<DType, E> {
                name.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// Serializes the sizes as a list. Needs the feature `serde`.
///
/// ```
/// use cotangent::Shape;
/// assert_eq!(serde_json::to_string(&Shape::new(&[2, 3]))?, "[2,3]");
/// # Ok::<(), serde_json::Error>(())
/// ```
impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Shape, D::Error> {
        Vec::<usize>::deserialize(deserializer).map(|sizes| Shape::new(&sizes))
    }
}

/// The serialized form of an abstract value.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Aval", deny_unknown_fields)]
struct StoredAval {
    dtype: DType,
    shape: Shape,
    #[serde(default)]
    weak_type: bool,
}

/// Serializes dtype, shape and weak type. Needs the feature `serde`.
///
/// ```
/// use cotangent::{Aval, DType};
/// let text = r#"{"dtype":"f32","shape":[2,3],"weak_type":false}"#;
/// assert_eq!(serde_json::from_str::<Aval>(text)?, Aval::new(DType::F32, [2, 3]));
/// assert_eq!(serde_json::to_string(&Aval::new(DType::F32, [2, 3]))?, text);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl Serialize for Aval {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Aval { shape, dtype, weak_type } = self.clone();
        StoredAval { dtype, shape, weak_type }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Aval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Aval, D::Error> {
        let StoredAval { dtype, shape, weak_type } = StoredAval::deserialize(deserializer)?;
        Ok(Aval { shape, dtype, weak_type })
    }
}
