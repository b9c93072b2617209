use std::fmt;

use crate::scalar::{Scalar, push_bytes, push_elements, push_splat};
use crate::text::{push_i64, push_identifier, push_list, push_quoted, push_symbol};
use crate::{Type, text};

/// An attribute of an operation, function or module.
///
/// ```
/// use cotangent_stablehlo::Attr;
/// assert_eq!(Attr::I64(5).to_string(), "5 : i64");
/// assert_eq!(Attr::I64Array(vec![1, 2]).to_string(), "array<i64: 1, 2>");
/// assert_eq!(Attr::Str("a \"b\"".into()).to_string(), r#""a \22b\22""#);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Attr {
    /// `unit`: only the name matters.
    Unit,
    /// `true`
    Bool(bool),
    /// `5 : i32`
    I32(i32),
    /// `5 : i64`
    I64(i64),
    /// `1.5 : f32`
    F32(f32),
    /// `1.5 : f64`
    F64(f64),
    /// A quoted and escaped string.
    Str(String),
    /// `array<i64: 1, 2>`
    I64Array(Vec<i64>),
    /// `array<i1: true, false>`
    BoolArray(Vec<bool>),
    /// `[a, b]`
    Array(Vec<Attr>),
    /// `dense<elements> : ty`; see [`Attr::dense`], [`Attr::splat`] and [`Attr::bytes`].
    Dense {
        /// The text between the angle brackets.
        elements: String,
        /// The type of the tensor.
        ty: Type,
    },
    /// `@name`
    Symbol(String),
    /// A type.
    Type(Type),
    /// `{name = value}`
    Dict(Vec<(String, Attr)>),
    /// Text that is already MLIR: `#stablehlo<comparison_direction LT>`.
    Raw(String),
    /// Static text that is already MLIR. It needs no allocation.
    Static(&'static str),
}

impl Attr {
    /// An `array<i64: …>` of sizes, axes or similar.
    ///
    /// ```
    /// use cotangent_stablehlo::Attr;
    /// assert_eq!(Attr::i64s([0usize, 2]).to_string(), "array<i64: 0, 2>");
    /// ```
    pub fn i64s<T: TryInto<i64>>(values: impl IntoIterator<Item = T>) -> Attr {
        let fits = |v: T| v.try_into().unwrap_or_else(|_| panic!("the number does not fit in i64"));
        Attr::I64Array(values.into_iter().map(fits).collect())
    }

    /// A tensor of elements in row-major order.
    ///
    /// ```
    /// use cotangent_stablehlo::{Attr, Type};
    /// let groups = Attr::dense(&Type::tensor(&[2, 1], "i64"), [0, 1]);
    /// assert_eq!(groups.to_string(), "dense<[[0], [1]]> : tensor<2x1xi64>");
    /// ```
    pub fn dense(ty: &Type, values: impl IntoIterator<Item = impl Into<Scalar>>) -> Attr {
        let mut elements = String::new();
        push_elements(&mut elements, ty, values);
        Attr::Dense { elements, ty: ty.clone() }
    }

    /// A tensor whose elements are all the same.
    pub fn splat(ty: &Type, value: impl Into<Scalar>) -> Attr {
        let mut elements = String::new();
        push_splat(&mut elements, ty, value.into());
        Attr::Dense { elements, ty: ty.clone() }
    }

    /// A tensor given by its memory: row-major, little-endian, one byte for each boolean.
    pub fn bytes(ty: &Type, bytes: &[u8]) -> Attr {
        let mut elements = String::new();
        push_bytes(&mut elements, ty, bytes);
        Attr::Dense { elements, ty: ty.clone() }
    }

    pub(crate) fn push_to(&self, out: &mut String) {
        match self {
            Attr::Unit => out.push_str("unit"),
            Attr::Bool(b) => push_bool(out, *b),
            Attr::I32(n) => {
                push_i64(out, (*n).into());
                out.push_str(" : i32");
            }
            Attr::I64(n) => {
                push_i64(out, *n);
                out.push_str(" : i64");
            }
            Attr::F32(x) => {
                push_splat(out, &Type::tensor(&[], "f32"), (*x).into());
                out.push_str(" : f32");
            }
            Attr::F64(x) => {
                push_splat(out, &Type::tensor(&[], "f64"), (*x).into());
                out.push_str(" : f64");
            }
            Attr::Str(s) => push_quoted(out, s),
            Attr::I64Array(values) => {
                out.push_str(if values.is_empty() { "array<i64" } else { "array<i64: " });
                push_list(out, values, |out, n| push_i64(out, *n));
                out.push('>');
            }
            Attr::BoolArray(values) => {
                out.push_str(if values.is_empty() { "array<i1" } else { "array<i1: " });
                push_list(out, values, |out, b| push_bool(out, *b));
                out.push('>');
            }
            Attr::Array(values) => {
                out.push('[');
                push_list(out, values, |out, attr| attr.push_to(out));
                out.push(']');
            }
            Attr::Dense { elements, ty } => {
                out.push_str("dense<");
                out.push_str(elements);
                out.push_str("> : ");
                ty.push_to(out);
            }
            Attr::Symbol(name) => push_symbol(out, name),
            Attr::Type(ty) => ty.push_to(out),
            Attr::Dict(entries) => push_dict(out, entries.iter().map(|(k, v)| (k.as_str(), v))),
            Attr::Raw(raw) => out.push_str(raw),
            Attr::Static(raw) => out.push_str(raw),
        }
    }
}

fn push_bool(out: &mut String, b: bool) {
    out.push_str(if b { "true" } else { "false" });
}

/// Appends `{name = value, unit_name}`.
pub(crate) fn push_dict<'a>(out: &mut String, entries: impl IntoIterator<Item = (&'a str, &'a Attr)>) {
    out.push('{');
    text::push_list(out, entries, |out, (name, attr)| {
        push_identifier(out, name);
        if !matches!(attr, Attr::Unit) {
            out.push_str(" = ");
            attr.push_to(out);
        }
    });
    out.push('}');
}

impl fmt::Display for Attr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.push_to(&mut out);
        f.write_str(&out)
    }
}

impl From<bool> for Attr {
    fn from(value: bool) -> Attr {
        Attr::Bool(value)
    }
}

impl From<i64> for Attr {
    fn from(value: i64) -> Attr {
        Attr::I64(value)
    }
}

impl From<&str> for Attr {
    fn from(value: &str) -> Attr {
        Attr::Str(value.to_owned())
    }
}

impl From<Type> for Attr {
    fn from(value: Type) -> Attr {
        Attr::Type(value)
    }
}
